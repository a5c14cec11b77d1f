/** Waiting for time to pass. */

import { Checkpoint, CLOSED, type Coroutine, SKIP_ITERATION, type Suspension } from './coroutines.js';
import { type Duration, toSeconds } from './durations.js';
import { getRunningLoop, type Runnable } from './events.js';
import { Operation, WAITING } from './operations.js';
import type { HeapTimer } from './timer-heap.js';

/** A sleep, which is its own timer. */
class Sleep<T> extends Operation<T> implements HeapTimer, Runnable {
  readonly _result: T;
  /** The deadline; before the start, the delay. */
  _when: number;
  _order: number;
  _scheduled: boolean;

  constructor(delay: number, result: T) {
    super();
    this._result = result;
    this._when = delay;
    this._order = 0;
    this._scheduled = false;
  }

  override get name(): string {
    return 'sleep';
  }

  protected override _start(): IteratorResult<Suspension, T> {
    if (this._when <= 0) return SKIP_ITERATION;
    const loop = getRunningLoop();
    this._when += loop.time();
    this._order = loop._nextTimerOrder();
    loop._addTimer(this);
    return this._wait();
  }

  /** The deadline has passed. */
  _run(): void {
    if (this._state === WAITING) this._wake();
  }

  protected override _resume(): IteratorResult<Suspension, T> {
    this._state = CLOSED;
    return { value: this._result, done: true };
  }

  protected override _abort(error: unknown): never {
    this._state = CLOSED;
    if (this._scheduled) (this._fiber?._loop ?? getRunningLoop())._timers.remove(this);
    throw error;
  }
}

/**
 * Waits for `delay` seconds, then gives `result`. `sleep(0)` or less lets every other ready task run once.
 *
 * *Suspends* always, for one iteration at least. *Cancellation* cancels the timer. Source: `asyncio.sleep`.
 *
 * @param delay seconds, or a string with its unit (`'250ms'`).
 * @throws ValueError when the delay is NaN.
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * console.log(await asyncio.run(async () => await asyncio.sleep('10ms', 'awake'))); //=> awake
 * ```
 */
export function sleep(delay: Duration): Coroutine<void>;
export function sleep<T>(delay: Duration, result: T): Coroutine<T>;
export function sleep<T>(delay: Duration, result?: T): Coroutine<T | undefined> {
  if (delay === 0 && result === undefined) return new Checkpoint();
  return new Sleep(toSeconds(delay, 'delay'), result);
}
