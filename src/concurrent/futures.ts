/**
 * `concurrent.futures.Future`: the result of a call that runs somewhere else, which a thread may block for.
 *
 *     PENDING ──▶ RUNNING ──▶ FINISHED
 *        └──▶ CANCELLED ──▶ CANCELLED_AND_NOTIFIED
 *
 * A future lives in the thread that made it; what other threads and processes say about it comes through the thread's
 * mailbox. So no lock is needed, and callbacks run in that thread, at once, as in Python.
 */

import {
  type Future as AsyncioFuture,
  type Coro,
  type Duration,
  isBaseException,
  logger,
  RuntimeError,
  TimeoutError,
} from '../core/index.js';
import { toSecondsOrNull } from '../core/lowlevel.js';
import { wrapFuture } from './chaining.js';
import { CancelledError, InvalidStateError } from './exceptions.js';
import { threadMailbox } from './mailbox.js';

/** The states of a {@link Future}, by Python's names. */
export type FutureState = 'PENDING' | 'RUNNING' | 'CANCELLED' | 'CANCELLED_AND_NOTIFIED' | 'FINISHED';

/** How far `cancel()` goes with a call that is running already. */
export interface CancelOptions {
  /** Cancels the running call's task in its worker: `CancelledError` at its next await, its `currentSignal()` aborted. */
  readonly interrupt?: boolean | undefined;
  /** Kills the worker of the running call, and only that; a new one takes its place. */
  readonly kill?: boolean | undefined;
}

/**
 * The outcome of a call, to be waited for by blocking ({@link result}), by awaiting (`await future` and `yield* future`
 * in a task), or by a callback. Executors make futures; `new Future()` is for tests and executors of your own.
 *
 * @example
 * ```ts
 * import { Future } from 'tsyncio/concurrent';
 *
 * const future = new Future<number>();
 * future.addDoneCallback((done) => console.log(done.result())); //=> 42
 * future.setResult(42);
 * ```
 */
export class Future<T = unknown> {
  /** @internal */
  _state: FutureState = 'PENDING';
  /** The result or the exception. @internal */
  _outcome: unknown = undefined;
  /** @internal */
  _failed = false;
  /** @internal */
  _callbacks: ((future: Future<T>) => unknown)[] | null = null;
  /** Told when the future is settled: finished, or known to be cancelled by whoever would have run it. @internal */
  _watchers: Set<(future: Future<T>) => void> | null = null;

  /**
   * Cancels a call that has not begun. One that runs or is done is left alone, and the answer is `false`, as in Python;
   * `options` ask for more with a call that runs: the answer is then whether the request was passed on, and the future ends when
   * the call has.
   */
  cancel(options?: CancelOptions): boolean {
    if (this._state === 'RUNNING' || this._state === 'FINISHED') {
      return this._state === 'RUNNING' && options !== undefined && this._interrupt(options);
    }
    if (this._state !== 'PENDING') return true;
    this._state = 'CANCELLED';
    this._invokeCallbacks();
    return true;
  }

  /** Passes a request to stop on to whoever runs the call; replaced by what can. @internal */
  _interrupt(_options: CancelOptions): boolean {
    return false;
  }

  /** Whether the call was cancelled. */
  cancelled(): boolean {
    return this._state === 'CANCELLED' || this._state === 'CANCELLED_AND_NOTIFIED';
  }

  /** Whether the call runs right now, and can not be cancelled. */
  running(): boolean {
    return this._state === 'RUNNING';
  }

  /** Whether the call was cancelled or has ended. */
  done(): boolean {
    return this._state === 'FINISHED' || this.cancelled();
  }

  /**
   * The call's result; *blocks the thread* until there is one, for at most `timeout` seconds. While it is blocked nothing
   * else of this thread runs; in a task, `await` the future instead.
   *
   * @throws what the call threw; CancelledError when it was cancelled; TimeoutError when the time has passed;
   * DeadlockError when nothing could ever complete it.
   * @example
   * ```ts
   * import { ThreadPoolExecutor } from 'tsyncio/concurrent';
   *
   * using executor = new ThreadPoolExecutor();
   * const future = executor.submit((base: number, exponent: number) => base ** exponent, 2, 10);
   * console.log(future.result()); //=> 1024
   * ```
   */
  result(timeout: Duration | null = null): T {
    this._wait(timeout);
    if (this._failed) throw this._outcome;
    return this._outcome as T;
  }

  /**
   * What the call threw, or `null`; *blocks the thread* like {@link result}.
   *
   * @throws CancelledError when it was cancelled; TimeoutError when the time has passed.
   */
  exception(timeout: Duration | null = null): unknown {
    this._wait(timeout);
    return this._failed ? this._outcome : null;
  }

  /** @internal */
  _wait(timeout: Duration | null): void {
    const limit = toSecondsOrNull(timeout, 'timeout');
    if (!this.done() && !threadMailbox().block(() => this.done(), limit)) {
      throw new TimeoutError(`The future is not done after ${limit} seconds`);
    }
    if (this.cancelled()) throw new CancelledError('The call was cancelled');
  }

  /**
   * Calls `callback(future)` when the future is done: at once if it is. Callbacks run in the order in which they were
   * added; an error of one is logged and does not stop the others.
   */
  addDoneCallback(callback: (future: Future<T>) => unknown): void {
    if (typeof callback !== 'function') {
      throw new TypeError(`Cannot add a done callback: expected a function, got ${String(callback)}`);
    }
    if (this.done()) this._call(callback);
    else if (this._callbacks === null) this._callbacks = [callback];
    else this._callbacks.push(callback);
  }

  /** @internal */
  _call(callback: (future: Future<T>) => unknown): void {
    try {
      callback(this);
    } catch (error) {
      if (isBaseException(error)) throw error;
      logger.error(`exception calling callback for ${this}`, error);
    }
  }

  // ----------------------------------------------------------------------------------------- for executors

  /**
   * For executors: says that the call is about to begin. `false` when it was cancelled: then it must not be run.
   *
   * @throws RuntimeError when the future is running or done.
   */
  setRunningOrNotifyCancel(): boolean {
    if (this._state === 'CANCELLED') {
      this._state = 'CANCELLED_AND_NOTIFIED';
      this._tellWatchers();
      return false;
    }
    if (this._state !== 'PENDING') {
      throw new RuntimeError(`Cannot start the call: future in unexpected state ${this._state}`);
    }
    this._state = 'RUNNING';
    return true;
  }

  /** For executors: the call has returned. @throws InvalidStateError when the future is done. */
  setResult(result: T): void {
    this._finish(result, false);
  }

  /** For executors: the call has thrown. @throws InvalidStateError when the future is done. */
  setException(exception: unknown): void {
    this._finish(exception, true);
  }

  /** @internal */
  _finish(outcome: unknown, failed: boolean): void {
    if (this.done()) throw new InvalidStateError(`Cannot complete the future: ${this._state}: ${this}`);
    this._outcome = outcome;
    this._failed = failed;
    this._state = 'FINISHED';
    this._tellWatchers();
    this._invokeCallbacks();
  }

  /** The call was cancelled while it ran. @internal */
  _endCancelled(): void {
    this._state = 'CANCELLED_AND_NOTIFIED';
    this._tellWatchers();
    this._invokeCallbacks();
  }

  /** @internal */
  _invokeCallbacks(): void {
    const callbacks = this._callbacks;
    if (callbacks === null) return;
    this._callbacks = null;
    for (const callback of callbacks) this._call(callback);
  }

  /** Whether nothing more will become of it, and whoever waits for many may count it. @internal */
  _settled(): boolean {
    return this._state === 'FINISHED' || this._state === 'CANCELLED_AND_NOTIFIED';
  }

  /** @internal */
  _watch(watcher: (future: Future<T>) => void): void {
    this._watchers ??= new Set();
    this._watchers.add(watcher);
  }

  /** @internal */
  _unwatch(watcher: (future: Future<T>) => void): void {
    this._watchers?.delete(watcher);
  }

  /** @internal */
  _tellWatchers(): void {
    const watchers = this._watchers;
    if (watchers === null) return;
    this._watchers = null;
    for (const watcher of watchers) watcher(this);
  }

  // ------------------------------------------------------------------------------------------- for awaiting

  /** @internal */
  get _asyncioAwaitable(): true {
    return true;
  }

  /** `await future`: the running loop's future of {@link wrapFuture}. Cancelling the wait cancels the call. */
  get then(): PromiseLike<T>['then'] {
    const future: AsyncioFuture<T> = wrapFuture<T>(this);
    const { then } = future;
    return then.bind(future) as PromiseLike<T>['then'];
  }

  /** `yield* future` in a generator coroutine. */
  [Symbol.iterator](): Coro<T> {
    return wrapFuture<T>(this)[Symbol.iterator]() as Coro<T>;
  }

  toString(): string {
    const outcome =
      this._state !== 'FINISHED'
        ? ''
        : this._failed
          ? ` raised ${this._outcome instanceof Error ? this._outcome.name : typeof this._outcome}`
          : ` returned ${this._outcome === null ? 'null' : typeof this._outcome}`;
    return `<Future state=${this._state.toLowerCase()}${outcome}>`;
  }

  get [Symbol.toStringTag](): string {
    return 'Future';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}
