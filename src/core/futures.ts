/**
 * Futures: a result that will be there later.
 *
 * States: pending → finished with a result, failed, or cancelled. Nothing leaves a final state. Completion never runs
 * anything synchronously: each callback gets its own place in the loop's ready queue, in the order of registration.
 *
 * A Future is not a promise and never rejects, so a failure that nobody looks at does not end the process: it is
 * reported through the loop's exception handler.
 */

import type { EventLoop } from './base-events.js';
import { type Context, contextOrCopy } from './contextvars.js';
import {
  type Awaitable,
  type Coro,
  checkFunction,
  readThen,
  type Suspension,
  suspendOn,
} from './coroutines.js';
import { type ContextOption, getEventLoop, Handle, type Runnable } from './events.js';
import { CancelledError, InvalidStateError, normalizeThrown, RuntimeError } from './exceptions.js';
import type { Fiber } from './fibers.js';
import {
  extractStack,
  formatCallback,
  formatOrigin,
  inspectCustom,
  repr,
  type StackFrame,
} from './format-helpers.js';

/** A future of any make: ours, or one that has the same methods and `_asyncioFutureBlocking`. */
export interface FutureLike<T> extends Awaitable<T> {
  _asyncioFutureBlocking: boolean;
  getLoop(): EventLoop;
  done(): boolean;
  cancelled(): boolean;
  result(): T;
  exception(): unknown;
  cancel(message?: unknown): boolean;
  addDoneCallback(callback: (future: this) => void, options?: ContextOption): void;
  removeDoneCallback(callback: (future: this) => void): number;
  /**
   * A task notes a request to cancel, and gives itself for the delivery to go on with; `null` when it is done. Others do
   * without this method.
   *
   * @internal
   */
  _requestCancel?(message: unknown): Fiber | null | undefined;
  /** Whether a cancel() is under way: who is asked again meanwhile waits in a circle. @internal */
  readonly _isCancelling?: boolean;
}

/** Whether `value` is a future, of this library or another: it is recognised by `_asyncioFutureBlocking`. */
export function isfuture(value: unknown): value is FutureLike<unknown> {
  if (value instanceof Future) return true;
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as FutureLike<unknown>)._asyncioFutureBlocking === 'boolean'
  );
}

/** Who is told that a future is done: a fiber that waits for it, a group, a callback. */
export interface Waiter {
  /** @internal */
  _notify(future: Future<unknown>): void;
  /** How it is shown among a future's callbacks. @internal */
  _label?(): string;
  /** Adds the tasks that this waiter stands for. @internal */
  _awaiters?(tasks: Set<FutureLike<unknown>>): void;
}

class DoneCallback implements Waiter {
  readonly callback: (future: Future<unknown>) => void;
  readonly context: Context;

  constructor(callback: (future: Future<unknown>) => void, context: Context) {
    this.callback = callback;
    this.context = context;
  }

  _notify(future: Future<unknown>): void {
    future._loop._push(new DoneHandle(future, this.callback, this.context));
  }
}

class DoneHandle extends Handle {
  readonly _name: string;

  constructor(future: Future<unknown>, callback: (future: Future<unknown>) => void, context: Context) {
    super(future._loop, () => callback(future), context);
    this._name = formatCallback(callback);
  }

  override _callbackName(): string {
    return this._name;
  }
}

/** @internal */
export const PENDING = 0;
/** @internal */
export const FINISHED = 1;
/** @internal */
export const FAILED = 2;
/** @internal */
export const CANCELLED = 3;

/** `_bits`: the status, what is true or false of a future, and a task's count. Fields would take eight bytes each. */
const STATUS = 0b11;
const BLOCKING = 1 << 2;
/** @internal */
export const LEAF = 1 << 3;
/** @internal */
export const UNOPENED = 1 << 4;
/** @internal */
export const MUST_CANCEL = 1 << 5;
/** Above the others: how many requests to cancel a task has. @internal */
export const REQUESTS_SHIFT = 6;

/** Which loop a future belongs to. */
export interface FutureOptions {
  loop?: EventLoop | undefined;
}

/** What few futures have; kept out of line so that the others stay small. */
interface Extra {
  /** The name that a task was given. */
  name?: string;
  cancelMessage?: unknown;
  /** Whether it failed and nobody has looked. */
  unretrieved?: boolean;
  sourceTraceback?: readonly StackFrame[];
  cancelTraceback?: readonly StackFrame[];
  awaitedBy?: Set<FutureLike<unknown>>;
  /** How a task ends once its last flows have come to their end. */
  closing?: { readonly failed: boolean; readonly value: unknown };
  /** Ends the time in which cancelled flows that nobody awaits are ignored. */
  release?: () => void;
  /** Made by gather or a run: not reported when it is destroyed. */
  silent?: boolean;
}

/** A waiter that wants to hear of a completion one hop later, as every done callback does. */
export interface Group extends Waiter {
  /** @internal */
  _futureDone(future: Future<unknown>): void;
}

/** Puts the completion of `future` into the ready queue for `group`; the future itself stands there if it can. @internal */
export function noticeLater(future: Future<unknown>, group: Group): void {
  if (future._waiters === null) {
    future._waiters = group;
    future._loop._push(future);
  } else {
    future._loop._push(new Notice(future, group));
  }
}

class Notice implements Runnable {
  _future: Future<unknown>;
  _group: Group;

  constructor(future: Future<unknown>, group: Group) {
    this._future = future;
    this._group = group;
  }

  _run(): void {
    this._group._futureDone(this._future);
  }
}

/**
 * A placeholder for a result. Wait for it with `yield*` or `await`; complete it with `setResult()` or
 * `setException()`. Library code makes them with `loop.createFuture()`.
 *
 * A future that is the *value* of something (`return future` from an async function) is unwrapped by plain JavaScript,
 * as every thenable is: put it in an array to hand it over.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   const loop = asyncio.getRunningLoop();
 *   const future = loop.createFuture<string>();
 *   loop.callLater(0.01, () => future.setResult('done'));
 *   console.log(await future); //=> done
 * });
 * ```
 */
export class Future<T = unknown> implements FutureLike<T>, Runnable {
  /** @internal */
  readonly _loop: EventLoop;
  /** @internal */
  _bits: number;
  /** The result, the exception, or the saved CancelledError. @internal */
  _value: unknown;
  /** @internal */
  _waiters: Waiter | Waiter[] | null;
  /** @internal */
  _extra: Extra | null;

  constructor(options?: FutureOptions) {
    const loop = options?.loop ?? getEventLoop();
    this._loop = loop;
    this._bits = PENDING;
    this._value = undefined;
    this._waiters = null;
    this._extra = loop._debug ? { sourceTraceback: extractStack() } : null;
  }

  /** @internal */
  get _status(): number {
    return this._bits & STATUS;
  }

  /** True between a `yield*` on this future and the driver's receipt of it: how `yield` and `yield*` are told apart. */
  get _asyncioFutureBlocking(): boolean {
    return (this._bits & BLOCKING) !== 0;
  }

  set _asyncioFutureBlocking(blocking: boolean) {
    if (blocking) this._bits |= BLOCKING;
    else this._bits &= ~BLOCKING;
  }

  /** @internal */
  get _cancelMessage(): unknown {
    return this._extra === null ? undefined : this._extra.cancelMessage;
  }

  /** @internal */
  set _cancelMessage(message: unknown) {
    if (this._extra !== null) this._extra.cancelMessage = message;
    else if (message !== undefined) this._extra = { cancelMessage: message };
  }

  /** Whether it failed and nobody has looked. @internal */
  get _unretrieved(): boolean {
    return this._extra !== null && this._extra.unretrieved === true;
  }

  /** @internal */
  set _unretrieved(value: boolean) {
    if (this._extra !== null) this._extra.unretrieved = value;
    else if (value) this._extra = { unretrieved: true };
  }

  /** The loop that the future is bound to. */
  getLoop(): EventLoop {
    return this._loop;
  }

  /** Whether there is a result or an exception, or the future was cancelled. */
  done(): boolean {
    return this._status !== PENDING;
  }

  cancelled(): boolean {
    return this._status === CANCELLED;
  }

  /**
   * The result. @throws the exception that was set; CancelledError when it was cancelled; InvalidStateError while it
   * is pending.
   */
  result(): T {
    if (this._status === FINISHED) return this._value as T;
    if (this._status === PENDING) throw new InvalidStateError('Result is not ready.');
    throw this._takeError();
  }

  /** The exception, or `null` when there is a result. @throws CancelledError when cancelled; InvalidStateError while pending. */
  exception(): unknown {
    if (this._status === FINISHED) return null;
    if (this._status === PENDING) throw new InvalidStateError('Exception is not set.');
    const error = this._takeError();
    if (this._status === CANCELLED) throw error;
    return error;
  }

  /** Completes the future. @throws InvalidStateError when it is done already. */
  setResult(result: T): void {
    if (this._status !== PENDING) throw new InvalidStateError(`Cannot set the result: ${this} is done`);
    this._complete(FINISHED, result);
  }

  /** Fails the future with an exception; an error class is instantiated. @throws InvalidStateError when it is done already. */
  setException(exception: unknown): void {
    if (this._status !== PENDING) throw new InvalidStateError(`Cannot set the exception: ${this} is done`);
    this._failWith(isErrorClass(exception) ? new exception() : normalizeThrown(exception));
  }

  /**
   * Cancels the future: who waits for it sees `CancelledError(message)`. Returns `false` when it is done already; the
   * exception of a failed one then counts as retrieved.
   */
  cancel(message?: unknown): boolean {
    this._markRetrieved();
    if (this._status !== PENDING) return false;
    this._cancelMessage = message;
    this._complete(CANCELLED, undefined);
    return true;
  }

  /** Calls `callback(this)` through the loop once the future is done; at the next iteration if it is done already. */
  addDoneCallback(callback: (future: this) => void, options?: ContextOption): void {
    checkFunction(callback, 'add a done callback');
    this._addWaiter(
      new DoneCallback(callback as (future: Future<unknown>) => void, contextOrCopy(options?.context)),
    );
  }

  /** Removes every registration of `callback`, by identity; returns how many there were. */
  removeDoneCallback(callback: (future: this) => void): number {
    return this._removeWaiters((waiter) => waiter instanceof DoneCallback && waiter.callback === callback);
  }

  [Symbol.iterator](): Coro<T> {
    return new FutureIterator<T>(this) as unknown as Coro<T>;
  }

  get then(): PromiseLike<T>['then'] {
    return readThen(this as Future<unknown>);
  }

  /** Where the future was made; `null` unless the loop was in debug mode. */
  get sourceTraceback(): readonly StackFrame[] | null {
    return this._extra?.sourceTraceback ?? null;
  }

  toString(): string {
    return `<${[this._typeName(), ...this._info()].join(' ')}>`;
  }

  [inspectCustom](): string {
    return this.toString();
  }

  /** What `toString()` begins with; the library's own kinds of futures say `Future`. @internal */
  _typeName(): string {
    return this.constructor.name;
  }

  /** @internal */
  _info(): string[] {
    const info = [stateOf(this)];
    if (this._status === FAILED) info.push(`exception=${repr(this._value)}`);
    else if (this._status === FINISHED) info.push(`result=${repr(this._value)}`);
    const callbacks = this._waiterList().flatMap((waiter) => describeWaiter(waiter) ?? []);
    if (callbacks.length > 0) {
      const shown =
        callbacks.length > 2 ? [callbacks[0], `<${callbacks.length - 2} more>`, callbacks.at(-1)] : callbacks;
      info.push(`cb=[${shown.join(', ')}]`);
    }
    const origin = this._extra?.sourceTraceback;
    if (origin !== undefined) info.push(`created at ${formatOrigin(origin)}`);
    return info;
  }

  /** @internal */
  _addWaiter(waiter: Waiter): void {
    if (this._status !== PENDING) waiter._notify(this as Future<unknown>);
    else if (this._waiters === null) this._waiters = waiter;
    else if (Array.isArray(this._waiters)) this._waiters.push(waiter);
    else this._waiters = [this._waiters, waiter];
  }

  /** @internal */
  _removeWaiter(waiter: Waiter): void {
    if (this._status !== PENDING) return;
    if (this._waiters === waiter) this._waiters = null;
    else if (Array.isArray(this._waiters)) this._removeWaiters((each) => each === waiter);
  }

  /** @internal */
  _removeWaiters(matches: (waiter: Waiter) => boolean): number {
    if (this._status !== PENDING) return 0;
    const before = this._waiterList();
    const kept = before.filter((waiter) => !matches(waiter));
    this._waiters = kept.length === 0 ? null : kept;
    return before.length - kept.length;
  }

  /** @internal */
  _waiterList(): readonly Waiter[] {
    if (this._waiters === null || this._status !== PENDING) return [];
    return Array.isArray(this._waiters) ? this._waiters : [this._waiters];
  }

  /** @internal */
  _failWith(exception: unknown): void {
    this._unretrieved = true;
    this._complete(FAILED, exception);
    this._loop._noteFailure(this as Future<unknown>);
  }

  /** @internal */
  _complete(status: number, value: unknown): void {
    const waiters = this._waiters;
    if (waiters !== null) this._loop._checkClosed();
    this._bits |= status;
    this._value = value;
    if (waiters === null) return;
    this._waiters = null;
    if (Array.isArray(waiters)) for (const waiter of waiters) waiter._notify(this as Future<unknown>);
    else waiters._notify(this as Future<unknown>);
  }

  /** Its turn in the ready queue: the group that asked hears that it is done. @internal */
  _run(): void {
    const group = this._waiters as Group;
    this._waiters = null;
    group._futureDone(this as Future<unknown>);
  }

  /** The exception of a future that is done without a result, which counts as retrieved. @internal */
  _takeError(): unknown {
    if (this._status === FAILED) {
      this._markRetrieved();
      return this._value;
    }
    return this._makeCancelledError();
  }

  /** The saved CancelledError the first time, then new ones with the message, if there is one. @internal */
  _makeCancelledError(): unknown {
    const saved = this._value;
    if (this._status === CANCELLED && saved !== undefined) {
      this._value = undefined;
      return saved;
    }
    const message = this._cancelMessage;
    return message === undefined || message === null ? new CancelledError() : new CancelledError(message);
  }

  /** @internal */
  _markRetrieved(): void {
    if (!this._unretrieved) return;
    this._unretrieved = false;
    this._loop._noteRetrieval(this as Future<unknown>);
  }

  /** The tasks that wait for this future, directly or through a group. @internal */
  _awaitedBy(): Set<FutureLike<unknown>> {
    const tasks = new Set<FutureLike<unknown>>();
    for (const waiter of this._waiterList()) waiter._awaiters?.(tasks);
    for (const each of this._extra?.awaitedBy ?? []) tasks.add(each);
    return tasks;
  }
}

function stateOf(future: Future<unknown>): string {
  if (future._status === PENDING) return 'pending';
  return future._status === CANCELLED ? 'cancelled' : 'finished';
}

function describeWaiter(waiter: Waiter): string | null {
  if (waiter instanceof DoneCallback) return formatCallback(waiter.callback);
  return waiter._label?.() ?? null;
}

function isErrorClass(value: unknown): value is new () => Error {
  return typeof value === 'function' && (value === Error || value.prototype instanceof Error);
}

/** What `yield* future` runs on: suspends once while the future is pending, then gives its result. */
class FutureIterator<T> {
  readonly _future: Future<T>;
  _suspended = false;

  constructor(future: Future<T>) {
    this._future = future;
  }

  next(): IteratorResult<Suspension, T> {
    const future = this._future;
    if (future._status === PENDING) {
      if (this._suspended) throw new RuntimeError("await wasn't used with future");
      this._suspended = true;
      return suspendOn(future as Future<unknown>);
    }
    return { value: future.result(), done: true };
  }

  throw(error: unknown): IteratorResult<Suspension, T> {
    throw error;
  }

  return(value: unknown): IteratorResult<Suspension, T> {
    return { value: value as T, done: true };
  }

  [Symbol.iterator](): this {
    return this;
  }
}

/** Says that `future` is awaited by `waiter`, for call graphs. Futures of other makes are left alone. */
export function futureAddToAwaitedBy(future: FutureLike<unknown>, waiter: FutureLike<unknown>): void {
  if (!(future instanceof Future) || !(waiter instanceof Future)) return;
  future._extra ??= {};
  future._extra.awaitedBy ??= new Set();
  future._extra.awaitedBy.add(waiter);
}

/** Takes back {@link futureAddToAwaitedBy}. */
export function futureDiscardFromAwaitedBy(future: FutureLike<unknown>, waiter: FutureLike<unknown>): void {
  if (future instanceof Future) future._extra?.awaitedBy?.delete(waiter);
}
