/**
 * Context variables: values that follow a task, as in Python's `contextvars`.
 *
 * A {@link Context} maps variables to values. Copying one is O(1): the copy shares the map until either side
 * writes. Exactly one context is current at any moment: that of the handle or task that runs, of the task whose
 * plain `await` went on (async context tells), or the one that all plain code shares.
 */

import { current, liveScope } from './current.js';
import { LookupError, RuntimeError, ValueError } from './exceptions.js';
import { repr } from './format-helpers.js';
import { logger } from './log.js';
import type { Task } from './tasks.js';

type Values = Map<ContextVar<unknown>, unknown>;

const EMPTY: Values = new Map();

/** A mapping from context variables to values. `new Context()` is empty; `copyContext()` copies the current one. */
export class Context {
  /** @internal */
  _values: Values;
  /** Whether another context may hold the same map. @internal */
  _shared: boolean;
  /** @internal */
  _entered: boolean;

  constructor() {
    this._values = EMPTY;
    this._shared = true;
    this._entered = false;
  }

  /**
   * Calls `callback` with this context as the current one; changes that it makes stay in the context.
   * Only the synchronous extent counts: what `callback` awaits later goes on in the awaiting task's context.
   *
   * @throws RuntimeError when this context is entered already.
   * @example
   * ```ts
   * import { Context, ContextVar } from 'tsyncio';
   *
   * const user = new ContextVar<string>('user');
   * const context = new Context();
   * context.run(() => user.set('ann'));
   * console.log(context.get(user)); //=> ann
   * ```
   */
  run<A extends readonly unknown[], R>(callback: (...args: A) => R, ...args: A): R {
    if (this._entered) throw new RuntimeError(`cannot enter context: ${this} is already entered`);
    const previous = current.context;
    this._entered = true;
    current.context = this;
    try {
      return callback(...args);
    } finally {
      current.context = previous;
      this._entered = false;
    }
  }

  /** A copy: later changes on either side are invisible to the other. */
  copy(): Context {
    return copyOf(this);
  }

  has(variable: ContextVar<unknown>): boolean {
    return this._values.has(variable);
  }

  /** The value of `variable` here, or `fallback`. The variable's own default does not count, as in Python. */
  get<T>(variable: ContextVar<T>): T | undefined;
  get<T>(variable: ContextVar<T>, fallback: T): T;
  get<T>(variable: ContextVar<T>, fallback?: T): T | undefined {
    const key = variable as unknown as ContextVar<unknown>;
    return this._values.has(key) ? (this._values.get(key) as T) : fallback;
  }

  /** Python's `context[variable]`. @throws LookupError when the variable has no value here. */
  getItem<T>(variable: ContextVar<T>): T {
    const key = variable as unknown as ContextVar<unknown>;
    if (!this._values.has(key))
      throw new LookupError(`Cannot look up ${variable}: it has no value in this context`);
    return this._values.get(key) as T;
  }

  get size(): number {
    return this._values.size;
  }

  keys(): IterableIterator<ContextVar<unknown>> {
    return this._values.keys();
  }

  values(): IterableIterator<unknown> {
    return this._values.values();
  }

  items(): IterableIterator<[ContextVar<unknown>, unknown]> {
    return this._values.entries();
  }

  [Symbol.iterator](): IterableIterator<ContextVar<unknown>> {
    return this._values.keys();
  }

  /** Whether both hold the same variables with the same values. */
  equals(other: unknown): boolean {
    return isContext(other) && sameValues(this._values, other._values);
  }

  toString(): string {
    return `<Context with ${this.size} variable${this.size === 1 ? '' : 's'}>`;
  }

  /** @internal */
  _set(variable: ContextVar<unknown>, value: unknown): void {
    if (this._shared) {
      this._values = new Map(this._values);
      this._shared = false;
    }
    if (value === MISSING) this._values.delete(variable);
    else this._values.set(variable, value);
  }
}

function isContext(value: unknown): value is Context {
  return value instanceof Context;
}

function sameValues(a: Values, b: Values): boolean {
  if (a.size !== b.size) return false;
  for (const [variable, value] of a) {
    if (!b.has(variable) || !Object.is(b.get(variable), value)) return false;
  }
  return true;
}

function copyOf(context: Context): Context {
  const copy = new Context();
  context._shared = true;
  copy._values = context._values;
  return copy;
}

const MISSING: unique symbol = Symbol('Token.MISSING');

/** The context of code that runs outside any task or handle: all of it shares this one. */
const plainContext = new Context();
let warnedAboutPlainContext = false;

/** The context that is current, the very object. A task that has none yet gets one. @internal */
export function currentContext(): Context {
  return current.context ?? currentTaskOrNull()?.getContext() ?? plainContext;
}

function currentTaskOrNull(): Task | null {
  return current.fiber !== null ? current.fiber._task : (liveScope()?._task ?? null);
}

/** The variables that travel to other threads, by the names under which they are found there. */
const cloneable = new Map<string, ContextVar<unknown>>();

/** The variable that was last declared cloneable under this name. */
export function cloneableVariable(name: string): ContextVar<unknown> | undefined {
  return cloneable.get(name);
}

/** The names and values of the cloneable variables that are set in the current context. */
export function cloneableValues(): [name: string, value: unknown][] {
  const entries: [string, unknown][] = [];
  if (cloneable.size === 0) return entries;
  const values = currentContext()._values;
  for (const [name, variable] of cloneable) {
    if (values.has(variable)) entries.push([name, values.get(variable)]);
  }
  return entries;
}

/** A copy of the current context. O(1). */
export function copyContext(): Context {
  return copyOf(currentContext());
}

/** The context that a caller gave, checked; a copy of the current one when there is none. @internal */
export function contextOrCopy(given: Context | undefined): Context {
  return given === undefined ? copyContext() : checkContext(given);
}

/** @internal */
export function checkContext(given: Context): Context {
  if (!(given instanceof Context)) throw new TypeError(`expected a Context, got ${repr(given)}`);
  return given;
}

/** The same for a new task: `null` stands for an empty one, made when it is first needed. @internal */
export function contextForTask(): Context | null {
  let context = current.context;
  if (context === null) {
    const task = currentTaskOrNull();
    context = task === null ? plainContext : task._context;
  }
  return context === null || context._values.size === 0 ? null : copyOf(context);
}

/**
 * A variable whose value belongs to the current context: each task has its own copy, taken when it was made.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * const request = new asyncio.ContextVar('request', { default: 'none' });
 * const show = async () => {
 *   await asyncio.sleep(0);
 *   return request.get();
 * };
 * const results = await asyncio.run(async () => {
 *   request.set('a');
 *   const first = asyncio.createTask(show);
 *   request.set('b');
 *   return asyncio.gather([first, asyncio.createTask(show)]);
 * });
 * console.log(results); //=> [ 'a', 'b' ]
 * ```
 */
export class ContextVar<T> {
  readonly name: string;
  readonly #default: T | typeof MISSING;

  /**
   * @param options.cloneable its values may be copied to other threads: `toThread()` takes them along, to the variable that
   * is declared under this name there.
   */
  constructor(name: string, options: { default?: T; cloneable?: boolean | undefined } = {}) {
    if (typeof name !== 'string') throw new TypeError('context variable name must be a str');
    this.name = name;
    this.#default = 'default' in options ? (options.default as T) : MISSING;
    if (options.cloneable) cloneable.set(name, this as unknown as ContextVar<unknown>);
  }

  /**
   * The value in the current context, else `fallback`, else the variable's default.
   *
   * @throws LookupError when there is none of them.
   */
  get(): T;
  get(fallback: T): T;
  get<D>(fallback: D): T | D;
  get(fallback?: unknown): unknown {
    const values = currentContext()._values;
    const key = this as unknown as ContextVar<unknown>;
    if (values.has(key)) return values.get(key) as T;
    // biome-ignore lint/complexity/noArguments: an explicit `undefined` is a fallback too
    if (arguments.length > 0) return fallback;
    if (this.#default !== MISSING) return this.#default;
    throw new LookupError(`Cannot get ${this}: it has no value in the current context`);
  }

  /** Sets the value in the current context. The token restores what was there before. */
  set(value: T): Token<T> {
    const context = currentContext();
    if (context === plainContext && !warnedAboutPlainContext) {
      warnedAboutPlainContext = true;
      logger.warn(`${this} was set outside any task: all code that runs outside tasks shares this value`);
    }
    const key = this as unknown as ContextVar<unknown>;
    const old = context._values.has(key) ? (context._values.get(key) as T) : MISSING;
    context._set(key, value);
    return new Token(this, context, old);
  }

  /**
   * Restores the value from before the `set()` that gave `token`.
   *
   * @throws RuntimeError when the token was used already; ValueError when it is another variable's or was made in
   * another context.
   */
  reset(token: Token<T>): void {
    token._reset(this);
  }

  toString(): string {
    return `<ContextVar name='${this.name}'>`;
  }
}

/** What `set()` returns; also disposable: `using token = variable.set(value)` resets at the end of the block. */
export class Token<T> {
  static readonly MISSING: typeof MISSING = MISSING;
  readonly var: ContextVar<T>;
  /** The value before, or `Token.MISSING`. */
  readonly oldValue: T | typeof MISSING;
  readonly #context: Context;
  #used = false;

  /** @internal */
  constructor(variable: ContextVar<T>, context: Context, oldValue: T | typeof MISSING) {
    this.var = variable;
    this.oldValue = oldValue;
    this.#context = context;
  }

  /** @internal */
  _reset(variable: ContextVar<T>): void {
    if (this.#used) throw new RuntimeError(`Cannot reset ${variable}: the token has already been used once`);
    if (this.var !== variable)
      throw new ValueError(`Cannot reset ${variable}: the token was created by ${this.var}`);
    if (currentContext() !== this.#context) {
      throw new ValueError(`Cannot reset ${variable}: the token was created in a different Context`);
    }
    this.#used = true;
    this.#context._set(variable as unknown as ContextVar<unknown>, this.oldValue);
  }

  [Symbol.dispose](): void {
    this._reset(this.var);
  }
}
