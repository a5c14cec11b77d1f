/**
 * Coroutine objects: lazy, single-use computations that either coroutine kind can wait for.
 *
 * States: created → awaited → closed. A coroutine that is waited for with `yield*` yields *itself* once to the
 * driver, which pushes its generator on a stack of its own; when that ends, the driver resumes the `yield*` with
 * the value. Native delegation would cost O(depth) at every resume and overflow the stack near depth 5,000; the
 * driver's stack costs the same at any depth.
 *
 * A {@link LeafCoroutine} has no generator: it is its own iterator, for what the library does at the bottom of
 * every stack (sleeping, taking a lock). It runs by plain delegation, which is cheapest for one level.
 */

import { current } from './current.js';
import { GeneratorExit, RuntimeError } from './exceptions.js';
import type { Scope } from './fibers.js';
import { extractStack, formatStack, inspectCustom } from './format-helpers.js';
import type { Future, FutureLike } from './futures.js';
import { logger } from './log.js';

/** What a generator coroutine may yield to the task that drives it. A bare `yield` skips one iteration of the loop. */
export type Suspension = FutureLike<unknown> | Coroutine<unknown> | undefined;

/** A generator coroutine object: what calling a `function*` coroutine returns. */
export type Coro<T> = Generator<Suspension, T, unknown>;

/** Everything that can be waited for in both kinds: `yield* x` in a generator coroutine, `await x` in an async function. */
export interface Awaitable<T> {
  readonly then: PromiseLike<T>['then'];
  [Symbol.iterator](): Coro<T>;
}

/** Anything that stands for a coroutine that has not been started. */
export type CoroutineLike<T> = Coroutine<T> | Coro<T> | (() => Coro<T>) | (() => PromiseLike<T>);

/** Anything that {@link ensureFuture} accepts. A promise has started already and cannot be cancelled. */
export type AwaitableLike<T> = FutureLike<T> | CoroutineLike<T> | PromiseLike<T>;

/** What waiting for an `A` gives. */
export type ResultOf<A> =
  A extends FutureLike<infer T>
    ? T
    : A extends Coroutine<infer T>
      ? T
      : A extends Generator<unknown, infer T, never>
        ? T
        : A extends () => Generator<unknown, infer T, never>
          ? T
          : A extends () => PromiseLike<infer T>
            ? T
            : A extends PromiseLike<infer T>
              ? T
              : never;

/** The body of a `with`-like block, in either kind. */
export type Body<T, A extends readonly unknown[] = []> =
  | ((...args: A) => Coro<T>)
  | ((...args: A) => PromiseLike<T>);

const GeneratorFunction = Object.getPrototypeOf(function* () {}) as { readonly prototype: Generator };
const AsyncFunction = Object.getPrototypeOf(async () => {}) as object;

/** The methods of every generator, called as `NEXT.call(generator, value)`: one call site for all of them. @internal */
export const NEXT = GeneratorFunction.prototype.next;
/** @internal */
export const THROW = GeneratorFunction.prototype.throw;

/** @internal */
export function isGeneratorFunction(fn: unknown): fn is (...args: unknown[]) => Coro<unknown> {
  return typeof fn === 'function' && Object.getPrototypeOf(fn) === GeneratorFunction;
}

/** @internal */
export function isGenerator(value: unknown): value is Coro<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    (value as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] === 'Generator'
  );
}

/**
 * Whether `value` is neither a coroutine nor a future of a loop, and yet for `yield*` and `await`, as futures of executors are. Each
 * reading of their `then` begins a wait, so only `await` may read it. @internal
 */
export function isAwaitable(value: unknown): value is Awaitable<unknown> {
  return (value as { _asyncioAwaitable?: true } | null | undefined)?._asyncioAwaitable === true;
}

/** @internal */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    (isAwaitable(value) || typeof (value as PromiseLike<unknown>).then === 'function')
  );
}

/** @internal */
export const CREATED = 0;
/** Iterated or awaited, not opened yet. @internal */
export const CLAIMED = 1;
/** @internal */
export const CLOSED = 2;
/** From here on it is open; operations have more states. @internal */
export const OPEN = 3;

/** How a plain `await` is carried out; the module that knows tasks fills it in. @internal */
export const awaiting = {} as {
  /**
   * Called when `then` is read, which `await` does synchronously. On platforms without async context it gives the scope
   * that the code awaits in, which nobody can tell any more when `then` is called.
   */
  announce(): Scope | null;
  /** Begins to wait, in the scope that was noted when `then` was read. */
  start(awaitable: Ours, noted: Scope | null, onFulfilled: Settle, onRejected: Settle): PromiseLike<unknown>;
};

/** What has a `then` of ours. */
type Ours = Coroutine<unknown> | Future<unknown>;

/** One of the two callbacks of a `then`. */
export type Settle = (value: unknown) => unknown;

/** The `then` of everything here, where the scope need not be noted. */
function plainThen(this: Ours, onFulfilled?: unknown, onRejected?: unknown): PromiseLike<unknown> {
  return thenWith(onFulfilled, onRejected, this, null);
}

/**
 * `await` calls `then` with two functions and drops what it returns: those are called directly, and no promise is
 * made. A call by hand with one function gets an ordinary promise.
 */
function thenWith(
  onFulfilled: unknown,
  onRejected: unknown,
  awaitable: Ours,
  scope: Scope | null,
): PromiseLike<unknown> {
  if (typeof onFulfilled === 'function' && typeof onRejected === 'function') {
    return awaiting.start(awaitable, scope, onFulfilled as Settle, onRejected as Settle);
  }
  return new Promise((resolve, reject) => awaiting.start(awaitable, scope, resolve, reject)).then(
    onFulfilled as Settle,
    onRejected as Settle,
  );
}

/** What reading `then` gives. @internal */
export function readThen<T>(awaitable: Ours): PromiseLike<T>['then'] {
  const scope = awaiting.announce();
  return (
    scope === null
      ? plainThen
      : (onFulfilled: unknown, onRejected: unknown) => thenWith(onFulfilled, onRejected, awaitable, scope)
  ) as PromiseLike<T>['then'];
}

let trackNeverAwaited: FinalizationRegistry<string> | null = null;
const pendingReports = new WeakMap<object, object>();

/** Debug mode: report coroutines that are collected before anybody awaited them. @internal */
export function trackCoroutines(enabled: boolean): void {
  trackNeverAwaited = enabled
    ? (trackNeverAwaited ?? new FinalizationRegistry<string>((report) => logger.warn(report)))
    : null;
}

/** Whether the source of a coroutine is a function that is called when the coroutine starts. */
type Source<T> = Coro<T> | (() => Coro<T>) | (() => PromiseLike<T>);

/**
 * A coroutine object: lazy and single-use, as in Python. Nothing happens until it is waited for with `yield*` or
 * `await`, or handed to `createTask()`. Every library function that is `async def` in Python returns one.
 *
 * *Suspends* as its body does. *Cancellation*: `CancelledError` is thrown in at the body's present `yield*` or
 * `await`.
 *
 * @throws RuntimeError when it is waited for a second time.
 */
export class Coroutine<T> implements Awaitable<T> {
  /** The generator, or the function that makes it; `null` once it was opened. @internal */
  _source: Source<T> | null;
  /** @internal */
  _state: number;
  /** @internal */
  readonly _name: string | undefined;

  /** @param source the generator, or a function that makes one or is an async function. */
  constructor(source: Source<T> | null, name?: string) {
    this._source = source;
    this._state = CREATED;
    this._name = name;
    if (trackNeverAwaited !== null) track(this as Coroutine<unknown>);
  }

  /** The name of the function that it runs. */
  get name(): string {
    if (this._name !== undefined) return this._name;
    const source = this._source;
    if (typeof source === 'function' && source.name !== '') return source.name;
    return 'coroutine';
  }

  /** `'created'`, `'running'` (also while it is suspended) or `'closed'`. */
  get state(): 'created' | 'running' | 'closed' {
    return this._state === CLOSED ? 'closed' : this._state === CREATED ? 'created' : 'running';
  }

  get then(): PromiseLike<T>['then'] {
    return readThen(this as Coroutine<unknown>);
  }

  [Symbol.iterator](): Coro<T> {
    this._claim();
    return this as unknown as Coro<T>;
  }

  /** The iterator's first step hands the coroutine to the driver, the second hands its value to the `yield*`. @internal */
  next(value?: unknown): IteratorResult<Suspension, T> {
    if (this._state === CLAIMED) {
      this._state = OPEN;
      return { value: this, done: false };
    }
    this._state = CLOSED;
    return { value: value as T, done: true };
  }

  /** @internal */
  throw(error: unknown): IteratorResult<Suspension, T> {
    this._state = CLOSED;
    throw error;
  }

  /** @internal */
  return(value?: unknown): IteratorResult<Suspension, T> {
    this._state = CLOSED;
    return { value: value as T, done: true };
  }

  /**
   * Gives up a coroutine that was not started. One that runs belongs to its task: cancel that.
   *
   * @throws RuntimeError when it is running.
   */
  close(): void {
    if (this._state === CLOSED) return;
    if (this._state !== CREATED) throw new RuntimeError(`Cannot close ${this}: it is being awaited`);
    this._state = CLOSED;
    this._untrack();
    const source = this._source;
    this._source = null;
    if (source !== null && typeof source !== 'function') closeGenerator(source);
  }

  toString(): string {
    return `<coroutine ${this.name}() ${this.state}>`;
  }

  [inspectCustom](): string {
    return this.toString();
  }

  /** From created to awaited: a coroutine is waited for once. @internal */
  _claim(): void {
    if (this._state !== CREATED) {
      throw new RuntimeError(
        this._state === CLOSED
          ? 'cannot reuse already awaited coroutine'
          : 'coroutine is being awaited already',
      );
    }
    this._state = CLAIMED;
    if (trackNeverAwaited !== null) this._untrack();
  }

  /** @internal */
  _untrack(): void {
    const token = pendingReports.get(this);
    if (token === undefined) return;
    pendingReports.delete(this);
    trackNeverAwaited?.unregister(token);
  }
}

/** Debug mode: has it reported if nobody awaits it. Not a private method: those cost every coroutine its share. */
function track(coroutine: Coroutine<unknown>): void {
  const token = {};
  pendingReports.set(coroutine, token);
  const where = formatStack(extractStack());
  trackNeverAwaited?.register(
    coroutine,
    `coroutine '${coroutine.name}' was never awaited\nCoroutine created at (most recent call last):\n${where}`,
    token,
  );
}

/** Runs what `finally` blocks a generator has, by throwing GeneratorExit into it. @internal */
export function closeGenerator(generator: Coro<unknown>): void {
  const exit = new GeneratorExit();
  let result: IteratorResult<unknown, unknown>;
  try {
    result = THROW.call(generator, exit);
  } catch (error) {
    if (error instanceof GeneratorExit) return;
    throw error;
  }
  if (result.done !== true) throw new RuntimeError('coroutine ignored GeneratorExit');
}

const YIELD: IteratorResult<undefined, never> = { value: undefined, done: false };
const DONE: IteratorResult<never, undefined> = { value: undefined, done: true };

/** The result of an iterator's step that skips one iteration of the loop. Shared: nobody writes to it. @internal */
export const SKIP_ITERATION: IteratorResult<undefined, never> = YIELD;
/** The result of an iterator's last step that returns nothing. Shared: nobody writes to it. @internal */
export const RETURN_NOTHING: IteratorResult<never, undefined> = DONE;
/** The same, for operations that return `true`. @internal */
export const RETURN_TRUE: IteratorResult<never, true> = { value: true, done: true };

const SUSPENSION: { value: Suspension; done: false } = { value: undefined, done: false };

/**
 * The result of an iterator's step that waits for `future`. One object for all: the driver reads it before anything else
 * runs, and nobody keeps it. @internal
 */
export function suspendOn(future: Future<unknown>): IteratorResult<Suspension, never> {
  future._asyncioFutureBlocking = true;
  SUSPENSION.value = future;
  return SUSPENSION;
}

/** A coroutine that is its own iterator: subclasses say what a step does, and clean up in `throw`. */
export abstract class LeafCoroutine<T> extends Coroutine<T> {
  constructor() {
    super(null);
  }

  override get name(): string {
    return this.constructor.name;
  }

  /** The first step. */
  protected abstract _start(): IteratorResult<Suspension, T>;
  /** A later step: what was waited for has come. */
  protected abstract _resume(value: unknown): IteratorResult<Suspension, T>;
  /** What was waited for failed, or the task was cancelled. */
  protected _abort(error: unknown): IteratorResult<Suspension, T> {
    throw error;
  }

  override next(value?: unknown): IteratorResult<Suspension, T> {
    if (this._state === CLAIMED) {
      this._state = OPEN;
      return this._start();
    }
    if (this._state < OPEN) throw new RuntimeError('cannot reuse already awaited coroutine');
    return this._resume(value);
  }

  override throw(error: unknown): IteratorResult<Suspension, T> {
    if (this._state < OPEN) {
      this._state = CLOSED;
      throw error;
    }
    return this._abort(error);
  }

  override return(value?: unknown): IteratorResult<Suspension, T> {
    const wasOpen = this._state >= OPEN;
    this._state = CLOSED;
    if (wasOpen) {
      try {
        this._abort(new GeneratorExit());
      } catch (error) {
        if (!(error instanceof GeneratorExit)) throw error;
      }
    }
    return { value: value as T, done: true };
  }
}

/** `sleep(0)`: one iteration of the loop, and nothing to clean up. The driver may leave the first step out. @internal */
export class Checkpoint extends LeafCoroutine<undefined> {
  override get name(): string {
    return 'sleep';
  }

  protected override _start(): IteratorResult<Suspension, undefined> {
    return SKIP_ITERATION;
  }

  protected override _resume(): IteratorResult<Suspension, undefined> {
    this._state = CLOSED;
    return RETURN_NOTHING;
  }
}

// An `await` looks for `then` in one prototype after the other: here it finds it at once.
copyThen(Checkpoint);

/** Gives a class of coroutines that are awaited often a `then` of its own. @internal */
export function copyThen({ prototype }: { prototype: Coroutine<unknown> }): void {
  Object.defineProperty(
    prototype,
    'then',
    Object.getOwnPropertyDescriptor(Coroutine.prototype, 'then') as PropertyDescriptor,
  );
}

/**
 * `async def` for either kind: turns a generator function or an async function into a function that returns lazy,
 * single-use {@link Coroutine}s, which both kinds can wait for. Arguments are bound at the call.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * const double = asyncio.coroutine(function* (n: number): asyncio.Coro<number> {
 *   yield* asyncio.sleep(0);
 *   return 2 * n;
 * });
 * console.log(await asyncio.run(async () => await double(21))); //=> 42
 * ```
 */
export function coroutine<A extends readonly unknown[], T>(
  fn: (...args: A) => Generator<Suspension, T, unknown>,
): (...args: A) => Coroutine<T>;
export function coroutine<A extends readonly unknown[], T>(
  fn: (...args: A) => PromiseLike<T>,
): (...args: A) => Coroutine<T>;
export function coroutine<A extends readonly unknown[], T>(fn: Body<T, A>): (...args: A) => Coroutine<T> {
  checkFunction(fn, 'make a coroutine function');
  const { name } = fn;
  const call = fn as (this: unknown, ...args: A) => Coro<T>;
  const isGeneratorKind = isGeneratorFunction(fn);
  function make(this: unknown, ...args: A): Coroutine<T> {
    return new Coroutine<T>(
      isGeneratorKind ? Reflect.apply(call, this, args) : () => Reflect.apply(call, this, args),
      name,
    );
  }
  Object.defineProperty(make, 'name', { value: name, configurable: true });
  Object.defineProperty(make, 'length', { value: fn.length, configurable: true });
  coroutineFunctions.set(make, fn);
  return make;
}

/** What {@link coroutine} made, with what it was made from. */
const coroutineFunctions = new WeakMap<object, (...args: never[]) => unknown>();

/** The function that {@link coroutine} was given to make `fn`; `null` when it did not make it. */
export function wrappedFunction(fn: object): ((...args: never[]) => unknown) | null {
  return coroutineFunctions.get(fn) ?? null;
}

/** Whether `value` is a coroutine object: a {@link Coroutine} or a generator object. Promises and functions are not. */
export function iscoroutine(value: unknown): value is Coroutine<unknown> | Coro<unknown> {
  return value instanceof Coroutine || isGenerator(value);
}

/** Whether calling `fn` gives a coroutine: a generator function, an async function, or what {@link coroutine} made. */
export function iscoroutinefunction(fn: unknown): boolean {
  if (typeof fn !== 'function') return false;
  if (coroutineFunctions.has(fn) || isGeneratorFunction(fn)) return true;
  return Object.getPrototypeOf(fn) === AsyncFunction;
}

/** Whether calling `fn` surely gives a coroutine object, and runs nothing of it. @internal */
export function makesCoroutines(
  fn: unknown,
): fn is (...args: unknown[]) => Coro<unknown> | Coroutine<unknown> {
  return isGeneratorFunction(fn) || (typeof fn === 'function' && coroutineFunctions.has(fn));
}

/** The generator body of a block inside an async function. @internal */
export class GeneratorBody<T> extends Coroutine<T> {}

/** @internal */
export function checkFunction(value: unknown, doing: string): void {
  if (typeof value !== 'function') {
    throw new TypeError(`Cannot ${doing}: expected a function, got ${String(value)}`);
  }
}

/** For whoever takes the body of a block. @internal */
export function checkBody(body: unknown): void {
  checkFunction(body, 'run the block');
}

/**
 * Waits for a body of either kind. A generator body delegates natively (one level); anything else becomes a frame of
 * its own, so that an async function gets a scope. @internal
 */
export function runBody<T, A extends readonly unknown[]>(
  body: Body<T, A>,
  ...args: A
): Iterable<Suspension, T, unknown> {
  checkBody(body);
  if (isGeneratorFunction(body)) {
    const generator = (body as (...args: A) => Coro<T>)(...args);
    // Inside an async function a generator body needs a scope of its own, for the plain code that it calls.
    return current.fiber === null || current.fiber._within === null
      ? generator
      : new GeneratorBody<T>(generator);
  }
  return new Coroutine<T>((() => body(...args)) as () => Coro<T>, body.name);
}
