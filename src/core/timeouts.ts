/**
 * Time limits for a block.
 *
 * States: created → active → expiring (the deadline passed, the cancellation is under way) → expired, or active →
 * finished. A limit cancels the part of the task that runs the block, and nothing else: two limits in one
 * `Promise.all` time out each by itself.
 */

import type { EventLoop } from './base-events.js';
import { cancelFiber, currentFiber, livingFiber, requestsOf, uncancelFiber } from './cancellation.js';
import { type AsyncContextManager, aenter, aexit } from './context-managers.js';
import {
  type Body,
  CLOSED,
  type Coro,
  Coroutine,
  checkBody,
  isGeneratorFunction,
  LeafCoroutine,
  NEXT,
  runBody,
  type Suspension,
  THROW,
} from './coroutines.js';
import { current } from './current.js';
import { type Duration, toSecondsOrNull, toTime } from './durations.js';
import { getRunningLoop, type Runnable } from './events.js';
import { BaseExceptionGroup } from './exception-groups.js';
import { isCancelledError, RuntimeError, TimeoutError, type WithContext } from './exceptions.js';
import type { Fiber } from './fibers.js';
import { inspectCustom } from './format-helpers.js';
import type { HeapTimer } from './timer-heap.js';

/** The timer of a limit. */
class Deadline implements HeapTimer, Runnable {
  _timeout: Timeout | null;
  readonly _loop: EventLoop;
  readonly _when: number;
  readonly _order: number;
  _scheduled: boolean;

  constructor(timeout: Timeout, when: number, loop: EventLoop) {
    this._timeout = timeout;
    this._loop = loop;
    this._when = when;
    this._order = loop._nextTimerOrder();
    this._scheduled = false;
  }

  _run(): void {
    this._timeout?._fire();
  }

  _cancel(): void {
    this._timeout = null;
    this._loop._timers.remove(this);
  }
}

type State = 'created' | 'active' | 'expiring' | 'expired' | 'finished';

/** A time limit that can be moved while its block runs. Made by {@link timeout} and {@link timeoutAt}. */
export class Timeout implements AsyncContextManager<Timeout> {
  /** @internal */
  _state: State;
  /** @internal */
  _when: number | null;
  /** @internal */
  _timer: Deadline | null;
  /** @internal */
  _fiber: Fiber | null;
  /** How many requests to cancel there were on entry. @internal */
  _requests: number;

  /** @param when a time on the running loop's clock, or `null` for no limit. */
  constructor(when: number | null) {
    this._state = 'created';
    this._when = when === null ? null : toTime(when, 'deadline');
    this._timer = null;
    this._fiber = null;
    this._requests = 0;
  }

  /** The deadline on the loop's clock, or `null`. */
  when(): number | null {
    return this._when;
  }

  /** Whether the deadline passed while the block ran. */
  expired(): boolean {
    return this._state === 'expiring' || this._state === 'expired';
  }

  /**
   * Moves the deadline; `null` removes it. One in the past fires at the next iteration.
   *
   * @throws RuntimeError before the block was entered, and once it has ended or expired.
   */
  reschedule(when: number | null): void {
    if (this._state !== 'active') {
      if (this._state === 'created') throw new RuntimeError('Timeout has not been entered');
      throw new RuntimeError(`Cannot change state of ${this._state} Timeout`);
    }
    this._schedule(when === null ? null : toTime(when, 'deadline'));
  }

  /** @internal */
  _schedule(when: number | null): void {
    this._when = when;
    if (this._timer !== null) this._timer._cancel();
    this._timer = null;
    if (when === null) return;
    const loop = (this._fiber as Fiber)._loop;
    this._timer = new Deadline(this, when, loop);
    if (when > loop.time()) loop._addTimer(this._timer);
    else loop._push(this._timer);
  }

  /** @internal */
  _fire(): void {
    cancelFiber(this._fiber as Fiber);
    this._state = 'expiring';
    this._timer = null;
  }

  /**
   * Runs `body`, and throws TimeoutError in place of its CancelledError when the deadline passes before it ends. The body
   * is cancelled, not abandoned: it has ended, `finally` blocks included, when this returns.
   *
   * A body that swallows the cancellation ends normally; look at {@link expired} then.
   *
   * @throws TimeoutError when the time has passed; RuntimeError when the limit was entered before, or outside a task.
   */
  run<T>(body: Body<T, [Timeout]>): Coroutine<T> {
    checkBody(body);
    if (isGeneratorFunction(body) && current.fiber !== null && current.fiber._within === null) {
      return new TimeoutBlock<T>(this, (body as (limit: Timeout) => Coro<T>)(this));
    }
    return new Coroutine(this._running(body), 'timeout');
  }

  /** @internal */
  *_running<T>(body: Body<T, [Timeout]>): Coro<T> {
    this._enter();
    let result: T;
    try {
      result = yield* runBody(body, this);
    } catch (error) {
      this._exit({ value: error });
      throw error;
    }
    this._exit(undefined);
    return result;
  }

  /** @internal */
  _enter(): void {
    if (this._state !== 'created') throw new RuntimeError('Timeout has already been entered');
    const fiber = currentFiber();
    if (fiber === null) throw new RuntimeError('Timeout should be used inside a task');
    this._state = 'active';
    this._fiber = fiber;
    this._requests = requestsOf(fiber);
    this._schedule(this._when);
  }

  /** @internal */
  _exit(error: { readonly value: unknown } | undefined): void {
    this._timer?._cancel();
    this._timer = null;
    if (this._state !== 'expiring') {
      if (this._state === 'active') this._state = 'finished';
      return;
    }
    this._state = 'expired';
    const rest = uncancelFiber(livingFiber(this._fiber as Fiber));
    if (rest > this._requests || error === undefined) return;
    if (isCancelledError(error.value)) {
      throw new TimeoutError('', { cause: error.value });
    }
    insertTimeoutError(error.value);
    if (error.value instanceof BaseExceptionGroup)
      for (const each of error.value.exceptions) insertTimeoutError(each);
  }

  [aenter](): Coroutine<Timeout> {
    return new Coroutine(this._entering(), 'Timeout.aenter');
  }

  /** @internal */
  *_entering(): Coro<Timeout> {
    this._enter();
    return this;
  }

  [aexit](error: { readonly value: unknown } | undefined): Coroutine<void> {
    return new Coroutine(this._exiting(error), 'Timeout.aexit');
  }

  /** @internal */
  *_exiting(error: { readonly value: unknown } | undefined): Coro<void> {
    this._exit(error);
  }

  toString(): string {
    const info =
      this._state === 'active' ? `when=${this._when === null ? 'None' : this._when.toFixed(3)}` : '';
    return `<Timeout [${this._state}]${info === '' ? '' : ` ${info}`}>`;
  }

  [inspectCustom](): string {
    return this.toString();
  }
}

/** A limit around a generator body: the same as `_running`, one generator cheaper. */
class TimeoutBlock<T> extends LeafCoroutine<T> {
  readonly _limit: Timeout;
  readonly _body: Coro<T>;

  constructor(limit: Timeout, body: Coro<T>) {
    super();
    this._limit = limit;
    this._body = body;
  }

  override get name(): string {
    return 'timeout';
  }

  protected override _start(): IteratorResult<Suspension, T> {
    this._limit._enter();
    return this._resume(undefined);
  }

  protected override _resume(value: unknown): IteratorResult<Suspension, T> {
    let result: IteratorResult<Suspension, T>;
    try {
      result = NEXT.call(this._body, value) as IteratorResult<Suspension, T>;
    } catch (error) {
      this._fail(error);
    }
    if (result.done === true) this._succeed();
    return result;
  }

  protected override _abort(error: unknown): IteratorResult<Suspension, T> {
    let result: IteratorResult<Suspension, T>;
    try {
      result = THROW.call(this._body, error) as IteratorResult<Suspension, T>;
    } catch (failure) {
      this._fail(failure);
    }
    if (result.done === true) this._succeed();
    return result;
  }

  _succeed(): void {
    this._state = CLOSED;
    this._limit._exit(undefined);
  }

  _fail(error: unknown): never {
    this._state = CLOSED;
    this._limit._exit({ value: error });
    throw error;
  }
}

/** The first CancelledError in an error's context was our doing: a TimeoutError takes its place. */
function insertTimeoutError(error: unknown): void {
  let each = error as WithContext | null | undefined;
  while (each !== null && each !== undefined && each.context !== undefined) {
    if (isCancelledError(each.context)) {
      const timeoutError = new TimeoutError('', { cause: each.context });
      timeoutError.context = each.context;
      each.context = timeoutError;
      return;
    }
    each = each.context as WithContext;
  }
}

/**
 * A time limit of `delay` seconds, which counts from this call. `null` is no limit, which can be set later with
 * `reschedule()`.
 *
 * Use it as `timeout(2).run(body)`; the body gets the limit. Source: `asyncio.timeout`.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   try {
 *     await asyncio.timeout('10ms').run(async () => {
 *       await asyncio.sleep('1h');
 *     });
 *   } catch (error) {
 *     console.log(error instanceof asyncio.TimeoutError); //=> true
 *   }
 * });
 * ```
 */
export function timeout(delay: Duration | null): Timeout {
  const seconds = toSecondsOrNull(delay, 'timeout');
  return new Timeout(seconds === null ? null : getRunningLoop().time() + seconds);
}

/** As {@link timeout}, with the deadline as a time on the loop's clock. */
export function timeoutAt(when: number | null): Timeout {
  return new Timeout(when);
}
