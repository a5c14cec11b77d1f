/** Waiting for time to pass. */

import type { EventLoop } from './base-events.js';
import {
  CLOSED,
  type Coroutine,
  LeafCoroutine,
  RETURN_NOTHING,
  SKIP_ITERATION,
  type Suspension,
  suspendOn,
} from './coroutines.js';
import { type Duration, toSeconds } from './durations.js';
import { getRunningLoop, type Runnable } from './events.js';
import { FINISHED, Future, PENDING } from './futures.js';
import type { HeapTimer } from './timer-heap.js';

/** The future of a sleep, which is its own timer. */
class Alarm extends Future<void> implements HeapTimer, Runnable {
  readonly _when: number;
  readonly _order: number;
  _scheduled: boolean;

  constructor(loop: EventLoop, when: number) {
    super({ loop });
    this._when = when;
    this._order = loop._nextTimerOrder();
    this._scheduled = false;
  }

  override _typeName(): string {
    return 'Future';
  }

  override _run(): void {
    if (this._status === PENDING) this._complete(FINISHED, undefined);
  }
}

/** `sleep(0)`: one iteration of the loop, and nothing to clean up. */
class Checkpoint extends LeafCoroutine<undefined> {
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

class Sleep<T> extends LeafCoroutine<T> {
  readonly _delay: number;
  readonly _result: T;
  _alarm: Alarm | null;

  constructor(delay: number, result: T) {
    super(null);
    this._delay = delay;
    this._result = result;
    this._alarm = null;
  }

  override get name(): string {
    return 'sleep';
  }

  protected override _start(): IteratorResult<Suspension, T> {
    if (this._delay <= 0) return SKIP_ITERATION;
    const loop = getRunningLoop();
    const alarm = new Alarm(loop, loop.time() + this._delay);
    loop._addTimer(alarm);
    this._alarm = alarm;
    return suspendOn(alarm as Future<unknown>);
  }

  protected override _resume(): IteratorResult<Suspension, T> {
    this._state = CLOSED;
    const result = this._result;
    return result === undefined
      ? (RETURN_NOTHING as IteratorResult<Suspension, T>)
      : { value: result, done: true };
  }

  protected override _abort(error: unknown): never {
    this._state = CLOSED;
    const alarm = this._alarm;
    if (alarm !== null) alarm._loop._timers.remove(alarm);
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
  if (delay === 0 && result === undefined) return new Checkpoint(null);
  return new Sleep(toSeconds(delay, 'delay'), result);
}
