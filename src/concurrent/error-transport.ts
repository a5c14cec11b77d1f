/**
 * Errors on their way between threads and processes: with their class, message, properties, stack, `cause` and parts.
 * Structured clone alone loses all but the message and the stack, and fails when a property holds a function.
 */

import {
  BaseException,
  BaseExceptionGroup,
  BrokenBarrierError,
  CancelledError,
  DeadlockError,
  EOFError,
  ExceptionGroup,
  GeneratorExit,
  InvalidStateError,
  KeyboardInterrupt,
  LookupError,
  NotImplementedError,
  OSError,
  QueueEmpty,
  QueueFull,
  QueueShutDown,
  RuntimeError,
  SystemExit,
  TimeoutError,
  ValueError,
} from '../core/index.js';
import * as futures from './exceptions.js';

/** A value inside an error: something to clone, one of the errors of the same transport, or the picture of neither. */
type WireValue = readonly ['value', unknown] | readonly ['error', number] | readonly ['text', string];

interface WireRecord {
  /** The classes that it is an instance of, nearest first: registered names, and those of unregistered ones after a `?`. */
  readonly classes: readonly string[];
  /** Its `name`, where that is not what its class says. */
  readonly name: string | null;
  readonly message: string;
  readonly stack: string | null;
  /** Its own properties; the flag tells whether they are enumerable. */
  readonly own: readonly (readonly [string, WireValue, boolean])[];
  /** What the class's own `encode` made of it. */
  readonly data: WireValue | null;
  /** The parts of a group. */
  readonly errors: readonly WireValue[] | null;
}

/** An error, or whatever else was thrown, as plain data that `v8.serialize` can write. */
export interface WireError {
  readonly thrown: WireValue;
  /** Every error that can be reached through `cause`, the parts of groups, and properties. */
  readonly records: readonly WireRecord[];
}

// biome-ignore lint/suspicious/noExplicitAny: constructors are of every kind, and none is called with arguments of its own
type ErrorClass<E extends object = object> = abstract new (...args: any) => E;

/** How a class of errors travels: see {@link registerErrorClass}. */
export interface ErrorClassOptions<E extends Error, D> {
  /** The name that both sides know the class by: its own unless told. */
  readonly name?: string | undefined;
  /** What is to travel besides message, stack, cause and own properties: anything that can be cloned. */
  readonly encode?: ((error: E) => D) | undefined;
  /**
   * Makes the error again. `plain` is what it would be otherwise: an instance made without calling the constructor, with
   * everything that travels by itself. Return it, or an error of your own, which is given the same stack.
   */
  readonly decode?: ((data: D, plain: E) => E) | undefined;
}

interface Registration {
  readonly name: string;
  readonly errorClass: ErrorClass;
  /** Registered by the program, not by the library: found also by its bare name. */
  readonly own: boolean;
  readonly encode: ((error: Error) => unknown) | undefined;
  readonly decode: ((data: unknown, plain: Error) => Error) | undefined;
}

const byPrototype = new Map<object, Registration>();
const byName = new Map<string, Registration>();

function register(registration: Registration): void {
  byName.set(registration.name, registration);
  byPrototype.set(registration.errorClass.prototype as object, registration);
}

/**
 * Lets errors of a class of yours arrive as instances of that class when they leave a worker. Call it at the top of the
 * module that defines the class: then it runs in the worker and in the program that waits. Without it such an error
 * arrives as an instance of the nearest class that both sides know, under its own `name`, and loses nothing else.
 *
 * Message, stack, `cause`, `errors` and own properties travel by themselves, and the constructor is not called. For what
 * lies elsewhere, as in private fields, give `encode` and `decode`.
 *
 * @throws TypeError when it is not a class of errors; ValueError when another class has that name.
 *
 * @example
 * ```ts
 * import { registerErrorClass } from 'tsyncio/concurrent';
 *
 * export class QuotaError extends Error {
 *   readonly #used: number;
 *
 *   constructor(used: number) {
 *     super(`quota exceeded: ${used} used`);
 *     this.#used = used;
 *   }
 *
 *   get used(): number {
 *     return this.#used;
 *   }
 * }
 *
 * registerErrorClass(QuotaError, {
 *   encode: (error) => error.used,
 *   decode: (used) => new QuotaError(used),
 * });
 * ```
 */
export function registerErrorClass<E extends Error, D = unknown>(
  errorClass: ErrorClass<E>,
  options: ErrorClassOptions<E, D> = {},
): void {
  if (typeof errorClass !== 'function' || !((errorClass.prototype as unknown) instanceof Error)) {
    throw new TypeError(
      `Cannot register a class of errors: expected a subclass of Error, got ${picture(errorClass)}`,
    );
  }
  const { name = errorClass.name, encode, decode } = options;
  if (typeof name !== 'string' || name === '') {
    throw new TypeError('Cannot register a class of errors: it has no name, so give one');
  }
  const before = byName.get(name);
  if (
    before !== undefined &&
    before.errorClass !== errorClass &&
    !isSameClass(before.errorClass, errorClass)
  ) {
    throw new ValueError(
      `Cannot register a class of errors: another one is registered as '${name}', so give it a name of its own`,
    );
  }
  const old = byPrototype.get(errorClass.prototype as object);
  if (old !== undefined) byName.delete(old.name);
  register({
    name,
    errorClass,
    own: true,
    encode: encode as Registration['encode'],
    decode: decode as Registration['decode'],
  });
}

/** A module that was imported twice, as a test runner does, registers its class twice. */
function isSameClass(a: ErrorClass, b: ErrorClass): boolean {
  return Function.prototype.toString.call(a) === Function.prototype.toString.call(b);
}

/** What stands before the names of the library's own classes, so that they cannot clash with a program's. */
const CORE = 'tsyncio.';
const FUTURES = 'tsyncio.futures.';

/** The error classes among a layer's exports arrive as what they are. */
export function registerOwn(prefix: string, exports: object): void {
  for (const [name, value] of Object.entries(exports)) {
    if (typeof value === 'function' && (value.prototype as unknown) instanceof Error) {
      const errorClass = value as ErrorClass;
      register({ name: prefix + name, errorClass, own: false, encode: undefined, decode: undefined });
    }
  }
}

const globals = globalThis as Record<string, unknown>;
for (const [prefix, source, names] of [
  [
    '',
    globals,
    ['Error', 'TypeError', 'RangeError', 'SyntaxError', 'ReferenceError', 'EvalError', 'URIError'],
  ],
  ['', globals, ['AggregateError', 'SuppressedError', 'DOMException']],
  ['WebAssembly.', globals.WebAssembly as object, ['CompileError', 'LinkError', 'RuntimeError']],
] as const) {
  for (const name of names) {
    const errorClass = (source as Record<string, unknown> | undefined)?.[name] as ErrorClass | undefined;
    if (errorClass === undefined) continue;
    register({ name: prefix + name, errorClass, own: false, encode: undefined, decode: undefined });
  }
}
// Named one by one: the module as a whole would weigh two kilobytes more in every bundle.
registerOwn(CORE, {
  BaseException,
  BaseExceptionGroup,
  BrokenBarrierError,
  CancelledError,
  DeadlockError,
  EOFError,
  ExceptionGroup,
  GeneratorExit,
  InvalidStateError,
  KeyboardInterrupt,
  LookupError,
  NotImplementedError,
  OSError,
  QueueEmpty,
  QueueFull,
  QueueShutDown,
  RuntimeError,
  SystemExit,
  TimeoutError,
  ValueError,
});
registerOwn(FUTURES, futures);

/** Own properties that records hold in fields of their own. */
const APART: ReadonlySet<string> = new Set(['message', 'stack', 'errors']);

/**
 * An error as data that can always be written, whatever it holds. What is not an error keeps its value if that can be
 * cloned.
 */
export function encodeError(error: unknown): WireError {
  const records: WireRecord[] = [];
  const indexOf = new Map<object, number>();
  const pending: object[] = [];
  const refer = (value: unknown): WireValue => {
    if (!isError(value)) return toWire(value);
    let index = indexOf.get(value);
    if (index === undefined) {
      index = indexOf.size;
      indexOf.set(value, index);
      pending.push(value);
    }
    return ['error', index];
  };
  const thrown = refer(error);
  // Not by recursion: a chain of causes may be of any length.
  for (let at = 0; at < pending.length; at++) records.push(recordOf(pending[at] as Error, refer));
  return { thrown, records };
}

function recordOf(error: Error, refer: (value: unknown) => WireValue): WireRecord {
  const { classes, registration } = classesOf(error);
  const own: [string, WireValue, boolean][] = [];
  for (const key of attempt(() => Object.getOwnPropertyNames(error), [])) {
    const descriptor = attempt(() => Object.getOwnPropertyDescriptor(error, key), undefined);
    if (descriptor === undefined || APART.has(key)) continue;
    const read = attempt<[unknown] | undefined>(
      () => [(error as unknown as Record<string, unknown>)[key]],
      undefined,
    );
    if (read === undefined) {
      own.push([key, ['text', '[a getter that throws]'], descriptor.enumerable === true]);
      continue;
    }
    const [value] = read;
    // Methods that Node puts on its errors: they come with the class, or cannot come.
    if (typeof value === 'function' && descriptor.enumerable !== true) continue;
    own.push([key, refer(value), descriptor.enumerable === true]);
  }
  const errors = attempt(() => (error as { errors?: unknown }).errors, undefined);
  const hasParts = Array.isArray(errors) && attempt(() => Object.hasOwn(error, 'errors'), false);
  if (errors !== undefined && !hasParts && attempt(() => Object.hasOwn(error, 'errors'), false)) {
    own.push(['errors', refer(errors), true]);
  }
  return {
    classes,
    name: nameOf(error, registration),
    message: attempt(() => String(error.message), ''),
    stack: attempt(() => (typeof error.stack === 'string' ? error.stack : null), null),
    own,
    data: dataOf(error, registration),
    errors: hasParts ? attempt(() => Array.from(errors as unknown[], refer), null) : null,
  };
}

function dataOf(error: Error, registration: Registration | undefined): WireValue | null {
  const encode = registration?.encode;
  if (encode === undefined) return null;
  const data = attempt<[unknown] | null>(() => [encode(error)], null);
  return data === null ? null : toWire(data[0]);
}

/** The names of its classes, and the registration of the nearest one. */
function classesOf(error: object): { classes: string[]; registration: Registration | undefined } {
  const classes: string[] = [];
  let registration: Registration | undefined;
  let prototype = attempt(() => Object.getPrototypeOf(error) as object | null, null);
  for (let depth = 0; prototype !== null && depth < 100; depth++) {
    const at = prototype;
    const found = byPrototype.get(at) ?? twinOf(at);
    if (found !== undefined) {
      classes.push(found.name);
      registration ??= found;
      if (!found.own) break; // every side knows it
    } else {
      const name = attempt(
        () => (Object.hasOwn(at, 'constructor') ? (at.constructor as { name?: unknown }).name : ''),
        '',
      );
      if (typeof name === 'string' && name !== '') classes.push(`?${name}`);
    }
    prototype = attempt(() => Object.getPrototypeOf(at) as object | null, null);
  }
  return { classes, registration };
}

/** The class of ours that one of another copy of the package, or of another realm, is the same as. */
function twinOf(prototype: object): Registration | undefined {
  return attempt(() => {
    const { name, code } = prototype as { name?: unknown; code?: unknown };
    if (!Object.hasOwn(prototype, 'name') || typeof name !== 'string') return undefined;
    if (Object.hasOwn(prototype, 'code') && typeof code === 'string') {
      for (const prefix of [CORE, FUTURES]) {
        const ours = byName.get(prefix + name);
        if ((ours?.errorClass.prototype as { code?: unknown } | undefined)?.code === code) return ours;
      }
      return undefined;
    }
    const native = byName.get(name);
    const isNative =
      native !== undefined &&
      !native.own &&
      prototype.constructor.name === name &&
      /\{\s*\[native code\]\s*\}$/.test(Function.prototype.toString.call(prototype.constructor));
    return isNative ? native : undefined;
  }, undefined);
}

/** The `name` to give it on arrival; `null` when its class has it, or it is an own property. */
function nameOf(error: Error, registration: Registration | undefined): string | null {
  if (attempt(() => Object.hasOwn(error, 'name'), false)) return null;
  const name = attempt<unknown>(() => error.name, undefined);
  const known = attempt<unknown>(
    () => (registration?.errorClass.prototype as Error | undefined)?.name,
    undefined,
  );
  if (typeof name === 'string' && name !== known) return name;
  // A subclass without a name of its own: what arrives is not an instance of it, so the name is all that can tell.
  const made = attempt<unknown>(() => error.constructor, undefined);
  if (typeof made !== 'function' || made === registration?.errorClass) return null;
  const className = attempt<unknown>(() => made.name, '');
  const tells = typeof className === 'string' && className !== '' && className !== known;
  return tells && !FROM_NODE.has(className) ? className : null;
}

/** Node's errors are instances of internal classes, which pose as the public ones. */
const FROM_NODE: ReadonlySet<string> = new Set(['NodeError', 'SystemError']);

function isError(value: unknown): value is Error {
  if (typeof value !== 'object' || value === null) return false;
  return (
    attempt(() => value instanceof Error, false) ||
    process.getBuiltinModule('node:util').types.isNativeError(value)
  );
}

/** `action()`, or `otherwise` when it throws: errors hold getters and proxies of any kind. */
function attempt<T>(action: () => T, otherwise: T): T {
  try {
    return action();
  } catch {
    return otherwise;
  }
}

function toWire(value: unknown): WireValue {
  if (isPlain(value)) return ['value', value];
  if (typeof value === 'function' || typeof value === 'symbol') return ['text', picture(value)];
  if (isWritable(value)) return ['value', value];
  const rest = salvage(value, 0, new Map(), { left: SALVAGE_LIMIT });
  return rest !== undefined && isWritable(rest) ? ['value', rest] : ['text', picture(value)];
}

function isPlain(value: unknown): boolean {
  return (
    (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol') || value === null
  );
}

function isWritable(value: unknown): boolean {
  return attempt(() => {
    process.getBuiltinModule('node:v8').serialize(value);
    return true;
  }, false);
}

const SALVAGE_DEPTH = 4;
const SALVAGE_LIMIT = 1000;

/**
 * A copy of plain data in which what cannot be cloned is replaced by its picture: a failed request's `response` holds
 * sockets, and its `status` is wanted all the same.
 */
function salvage(
  value: unknown,
  depth: number,
  seen: Map<object, unknown>,
  budget: { left: number },
): unknown {
  if (isPlain(value)) return value;
  if (typeof value !== 'object' || value === null || depth >= SALVAGE_DEPTH || budget.left-- <= 0) {
    return isWritable(value) ? value : picture(value);
  }
  const before = seen.get(value);
  if (before !== undefined) return before;
  const prototype = attempt<object | null | undefined>(
    () => Object.getPrototypeOf(value) as object | null,
    undefined,
  );
  if (!Array.isArray(value) && (prototype === undefined || !isRecordLike(value))) {
    return isWritable(value) ? value : picture(value);
  }
  const copy: Record<string, unknown> | unknown[] = Array.isArray(value) ? [] : {};
  seen.set(value, copy);
  for (const key of attempt(() => Object.keys(value), [])) {
    const item = attempt<[unknown] | null>(() => [(value as Record<string, unknown>)[key]], null);
    const kept = item === null ? '[a getter that throws]' : salvage(item[0], depth + 1, seen, budget);
    Object.defineProperty(copy, key, { value: kept, enumerable: true, configurable: true, writable: true });
  }
  return copy;
}

/** Objects whose state is their properties, those of classes included; not what has a life inside the platform. */
function isRecordLike(value: object): boolean {
  return attempt(() => Object.prototype.toString.call(value) === '[object Object]', false);
}

function picture(value: unknown): string {
  const { inspect } = process.getBuiltinModule('node:util');
  const text = attempt(() => inspect(value, { depth: 1, maxArrayLength: 20, maxStringLength: 1000 }), null);
  return (
    text ?? attempt(() => inspect(value, { customInspect: false, depth: -1 }), `[${typeof value}]`)
  ).slice(0, 10_000);
}

/**
 * What {@link encodeError} was given. Errors are made without calling their constructors, unless their class was
 * registered with `decode`, and have the stack of where they were thrown.
 */
export function decodeError(wire: WireError): unknown {
  const { thrown, records } = wire;
  const read = (value: WireValue): unknown => (value[0] === 'error' ? made[value[1]] : value[1]);
  const plain = records.map(instanceOf);
  const made = [...plain];
  // What an error holds was mostly found after it: from last to first, `decode` sees whole ones.
  for (let index = records.length - 1; index >= 0; index--) {
    const record = records[index] as WireRecord;
    fill(plain[index] as Error, record, read);
    made[index] = decodeOwn(plain[index] as Error, record, read);
  }
  if (made.some((error, index) => error !== plain[index])) replaceEverywhere(records, plain, made, read);
  if (thrown[0] !== 'text') return read(thrown);
  return new RuntimeError(`a value was thrown that cannot be cloned: ${thrown[1]}`);
}

/** Some were filled before an error that they hold was decoded. */
function replaceEverywhere(
  records: readonly WireRecord[],
  plain: readonly Error[],
  made: readonly Error[],
  read: (value: WireValue) => unknown,
): void {
  for (const [index, record] of records.entries()) {
    fill(plain[index] as Error, record, read);
    const error = made[index] as Error;
    const cause = plain.indexOf(error.cause as Error);
    if (cause >= 0) put(error, 'cause', made[cause], false);
  }
}

/** The nearest class that is known here. */
function registrationOf(record: WireRecord): Registration {
  for (const name of record.classes) {
    const found = byName.get(name.startsWith('?') ? name.slice(1) : name);
    if (found !== undefined && (!name.startsWith('?') || found.own)) return found;
  }
  return byName.get('Error') as Registration;
}

function instanceOf(record: WireRecord): Error {
  const { errorClass } = registrationOf(record);
  const { message } = record;
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0; // it gets the stack of where it was thrown
  try {
    if ((errorClass as unknown) === DOMException) return new DOMException(message, record.name ?? 'Error');
    const isGroup =
      errorClass === AggregateError || (errorClass.prototype as unknown) instanceof AggregateError;
    return isGroup
      ? Reflect.construct(AggregateError, [[], message], errorClass)
      : (Reflect.construct(Error, [message], errorClass) as Error);
  } finally {
    Error.stackTraceLimit = limit;
  }
}

function fill(error: Error, record: WireRecord, read: (value: WireValue) => unknown): void {
  const { name, stack, own, errors } = record;
  for (const [key, value, enumerable] of own) put(error, key, read(value), enumerable);
  if (errors !== null) put(error, 'errors', errors.map(read), false);
  if (name !== null && (registrationOf(record).errorClass as unknown) !== DOMException) {
    if (error.name !== name) put(error, 'name', name, false);
  }
  if (stack !== null) put(error, 'stack', stack, false);
}

function put(target: object, key: string, value: unknown, enumerable: boolean): void {
  attempt(
    () => Object.defineProperty(target, key, { value, enumerable, configurable: true, writable: true }),
    target,
  );
}

function decodeOwn(plain: Error, record: WireRecord, read: (value: WireValue) => unknown): Error {
  const { decode } = registrationOf(record);
  if (decode === undefined || record.data === null) return plain;
  const made = attempt<unknown>(() => decode(read(record.data as WireValue), plain), plain);
  if (!isError(made) || made === plain) return plain;
  if (record.stack !== null) put(made, 'stack', record.stack, false);
  if (Object.hasOwn(plain, 'cause') && !Object.hasOwn(made, 'cause')) put(made, 'cause', plain.cause, false);
  return made;
}
