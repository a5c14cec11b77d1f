/** Waiting for time to pass. */

import { Coroutine, LeafCoroutine, type Suspension, CLOSED, RETURN_NOTHING, SKIP_ITERATION } from './coroutines.js';
import { type Duration, toSeconds } from './durations.js';
import { getRunningLoop, type TimerHandle } from './events.js';
import { Future, PENDING } from './futures.js';

class Sleep<T> extends LeafCoroutine<T> {
  readonly _delay: number;
  readonly _result: T;
  _timer: TimerHandle | null = null;

  constructor(delay: number, result: T) {
    super();
    this._delay = delay;
    this._result = result;
  }

  override get name(): string {
    return 'sleep';
  }

  protected override _start(): IteratorResult<Suspension, T> {
    if (this._delay <= 0) return SKIP_ITERATION;
    const loop = getRunningLoop();
    const future = new Future<undefined>({ loop });
    future._asyncioFutureBlocking = true;
    this._timer = loop.callLater(this._delay, () => {
      if (future._status === PENDING) future.setResult(undefined);
    });
    return { value: future as Future<unknown>, done: false };
  }

  protected override _resume(): IteratorResult<Suspension, T> {
    this._state = CLOSED;
    const result = this._result;
    return result === undefined ? (RETURN_NOTHING as IteratorResult<Suspension, T>) : { value: result, done: true };
  }

  protected override _abort(error: unknown): never {
    this._state = CLOSED;
    this._timer?.cancel();
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
  return new Sleep(typeof delay === 'number' && delay <= 0 ? 0 : toSeconds(delay, 'delay'), result);
}
