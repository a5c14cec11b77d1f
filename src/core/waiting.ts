/** Waiting for some of many: `wait`, `waitFor`, `asCompleted`. */

import type { EventLoop } from './base-events.js';
import {
  type AwaitableLike,
  type Coro,
  Coroutine,
  iscoroutine,
  type ResultOf,
  type Suspension,
} from './coroutines.js';
import { type Duration, toSecondsOrNull } from './durations.js';
import { ensureFuture, isNoList } from './ensure-future.js';
import { getRunningLoop, type TimerHandle } from './events.js';
import { isCancelledError, TimeoutError, ValueError } from './exceptions.js';
import {
  Future,
  type FutureLike,
  futureAddToAwaitedBy,
  futureDiscardFromAwaitedBy,
  isfuture,
} from './futures.js';
import { Queue } from './queues.js';
import { currentTask } from './tasks.js';
import { timeout as timeoutAfter } from './timeouts.js';

/** When `wait()` returns. */
export type ReturnWhen = 'FIRST_COMPLETED' | 'FIRST_EXCEPTION' | 'ALL_COMPLETED';
/** At the first completion of any kind. */
export const FIRST_COMPLETED = 'FIRST_COMPLETED';
/** At the first failure; a cancellation is none. */
export const FIRST_EXCEPTION = 'FIRST_EXCEPTION';
/** When all are done. */
export const ALL_COMPLETED = 'ALL_COMPLETED';

/**
 * Waits until some or all futures are done, and gives `[done, pending]`. Raises nothing of theirs and cancels nothing.
 *
 * *Suspends* always. *Cancellation* leaves the futures alone. Source: `asyncio.wait`.
 *
 * @param options.timeout seconds; `null` for no limit. When it passes, what is not done stands in `pending`.
 * @throws TypeError for a coroutine among them (make tasks first), or a single future; ValueError when there are none.
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   const quick = asyncio.createTask(() => asyncio.sleep(0));
 *   const slow = asyncio.createTask(() => asyncio.sleep('1h'));
 *   const [done, pending] = await asyncio.wait([quick, slow], { returnWhen: asyncio.FIRST_COMPLETED });
 *   console.log(done.has(quick), pending.has(slow)); //=> true true
 * });
 * ```
 */
export function wait<F extends FutureLike<unknown>>(
  futures: Iterable<F>,
  options: { timeout?: Duration | null | undefined; returnWhen?: ReturnWhen | undefined } = {},
): Coroutine<[done: Set<F>, pending: Set<F>]> {
  if (isNoList(futures)) throw new TypeError(`expect a list of futures, not ${String(futures)}`);
  const set = new Set(futures);
  if (set.size === 0) throw new ValueError('Set of Tasks/Futures is empty.');
  const returnWhen = options.returnWhen ?? ALL_COMPLETED;
  if (returnWhen !== FIRST_COMPLETED && returnWhen !== FIRST_EXCEPTION && returnWhen !== ALL_COMPLETED) {
    throw new ValueError(`Invalid return_when value: ${String(returnWhen)}`);
  }
  for (const each of set) {
    if (isfuture(each)) continue;
    if (iscoroutine(each) || typeof each === 'function') {
      throw new TypeError('Passing coroutines is forbidden, use tasks explicitly.');
    }
    throw new TypeError(`expect a list of futures, got ${String(each)} among them`);
  }
  return new Coroutine(waiting(set, toSecondsOrNull(options.timeout, 'timeout'), returnWhen), 'wait');
}

function* waiting<F extends FutureLike<unknown>>(
  futures: ReadonlySet<F>,
  timeout: number | null,
  returnWhen: ReturnWhen,
): Coro<[done: Set<F>, pending: Set<F>]> {
  const loop = getRunningLoop();
  const waiter = new Future<void>({ loop });
  const release = () => {
    if (!waiter.done()) waiter.setResult(undefined);
  };
  const timer = timeout === null ? null : loop.callLater(timeout, release);
  let missing = futures.size;
  const onDone = (future: FutureLike<unknown>) => {
    missing -= 1;
    if (
      missing <= 0 ||
      returnWhen === FIRST_COMPLETED ||
      (returnWhen === FIRST_EXCEPTION && !future.cancelled() && future.exception() !== null)
    ) {
      timer?.cancel();
      release();
    }
  };
  const task = currentTask();
  for (const future of futures) {
    future.addDoneCallback(onDone);
    if (task !== null) futureAddToAwaitedBy(future, task);
  }
  try {
    yield* waiter;
  } finally {
    timer?.cancel();
    for (const future of futures) {
      future.removeDoneCallback(onDone);
      if (task !== null) futureDiscardFromAwaitedBy(future, task);
    }
  }
  const done = new Set<F>();
  const pending = new Set<F>();
  for (const future of futures) (future.done() ? done : pending).add(future);
  return [done, pending];
}

/**
 * Waits for `awaitable` for at most `timeout` seconds; then cancels it, waits until it has ended, and throws
 * TimeoutError. `null` waits for as long as it takes. A coroutine runs in the calling task.
 *
 * *Cancellation* cancels the awaitable; put it in a `shield()` to keep it. A promise is only stopped being waited for.
 * Source: `asyncio.wait_for`.
 *
 * @throws TimeoutError when the time has passed, unless the awaitable gave a result all the same.
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   try {
 *     await asyncio.waitFor(asyncio.sleep('1h'), '10ms');
 *   } catch (error) {
 *     console.log((error as Error).name); //=> TimeoutError
 *   }
 * });
 * ```
 */
export function waitFor<T>(awaitable: AwaitableLike<T>, timeout: Duration | null): Coroutine<T> {
  return new Coroutine(waitingFor(awaitable, toSecondsOrNull(timeout, 'timeout')), 'waitFor');
}

function* waitingFor<T>(awaitable: AwaitableLike<T>, timeout: number | null): Coro<T> {
  if (timeout !== null && timeout <= 0) {
    const future = ensureFuture(awaitable) as FutureLike<T>;
    if (future.done()) return future.result();
    yield* cancelAndWait(future);
    try {
      return future.result();
    } catch (error) {
      if (isCancelledError(error)) throw new TimeoutError('', { cause: error });
      throw error;
    }
  }
  if (timeout === null) return yield* inline(awaitable);
  return yield* timeoutAfter(timeout).run(function* () {
    return yield* inline(awaitable);
  });
}

/** What to `yield*` to wait for any awaitable in the calling task. */
function inline<T>(awaitable: AwaitableLike<T>): Iterable<Suspension, T, unknown> {
  if (typeof awaitable === 'function') return new Coroutine<T>(awaitable as () => Coro<T>);
  if (isfuture(awaitable) || iscoroutine(awaitable)) return awaitable as Coroutine<T>;
  return ensureFuture(awaitable) as FutureLike<T>;
}

function* cancelAndWait(future: FutureLike<unknown>): Coro<void> {
  const waiter = new Future<void>({ loop: getRunningLoop() });
  const release = () => {
    if (!waiter.done()) waiter.setResult(undefined);
  };
  future.addDoneCallback(release);
  try {
    future.cancel();
    yield* waiter;
  } finally {
    future.removeDoneCallback(release);
  }
}

/** An object to iterate with `for await`, whose steps are coroutines. */
export interface AsyncIteration<T> {
  next(): Coroutine<IteratorResult<T, undefined>>;
  /**
   * That it is an `AsyncIterator`, whose `next()` gives promises, is said so that functions that want an `AsyncIterable` take
   * it: they await what `next()` gives, for which a coroutine does as well.
   */
  [Symbol.asyncIterator](): this & AsyncIterator<T, undefined>;
}

/** What {@link asCompleted} returns. */
export class AsCompleted<T> implements AsyncIteration<FutureLike<T>>, Iterable<Coroutine<T>> {
  /** The futures that are done and not handed out yet; `null` for each that the timeout gave up. */
  readonly #done = new Queue<FutureLike<T> | null>();
  readonly #todo: Set<FutureLike<T>>;
  #left: number;
  readonly #timer: TimerHandle | null;
  readonly #onDone: (future: FutureLike<T>) => void;

  /** @internal */
  constructor(awaitables: Iterable<AwaitableLike<T>>, timeout: number | null, loop: EventLoop) {
    const todo = new Map<unknown, FutureLike<T>>();
    for (const each of awaitables) {
      // A function makes a new coroutine each time; an object stands for one thing.
      const key = typeof each === 'function' ? todo.size : each;
      if (!todo.has(key)) todo.set(key, ensureFuture(each, { loop }) as FutureLike<T>);
    }
    this.#todo = new Set(todo.values());
    this.#left = this.#todo.size;
    this.#timer = timeout === null || this.#left === 0 ? null : loop.callLater(timeout, () => this.#giveUp());
    this.#onDone = (future) => {
      if (!this.#todo.delete(future)) return;
      this.#done.putNowait(future);
      if (this.#todo.size === 0) this.#timer?.cancel();
    };
    for (const future of this.#todo) future.addDoneCallback(this.#onDone);
  }

  #giveUp(): void {
    for (const future of this.#todo) {
      future.removeDoneCallback(this.#onDone);
      this.#done.putNowait(null);
    }
    this.#todo.clear();
  }

  *#nextDone(): Coro<FutureLike<T>> {
    let future: FutureLike<T> | null;
    try {
      future = yield* this.#done.get();
    } catch (error) {
      this.#left += 1; // a step that is cancelled has not been taken: no future is lost with it
      throw error;
    }
    if (future === null) throw new TimeoutError();
    return future;
  }

  *#nextResult(): Coro<T> {
    return (yield* this.#nextDone()).result();
  }

  *#nextFuture(): Coro<IteratorResult<FutureLike<T>, undefined>> {
    if (this.#left === 0) return { value: undefined, done: true };
    this.#left -= 1;
    return { value: yield* this.#nextDone(), done: false };
  }

  /** The next future that is done. */
  next(): Coroutine<IteratorResult<FutureLike<T>, undefined>> {
    return new Coroutine(this.#nextFuture(), 'asCompleted');
  }

  [Symbol.asyncIterator](): this & AsyncIterator<FutureLike<T>, undefined> {
    return this as never;
  }

  /** As many one-shot coroutines as there are awaitables; each gives the result of the next one that is done. */
  *[Symbol.iterator](): Generator<Coroutine<T>, void, undefined> {
    while (this.#left > 0) {
      this.#left -= 1;
      yield new Coroutine(this.#nextResult(), 'asCompleted');
    }
  }
}

/**
 * Gives awaitables in the order in which they complete. `for await (const future of asCompleted(…))` gives done futures,
 * the very objects that were passed in where those were futures; plain `for` gives coroutines to wait for one by one.
 *
 * The timeout, in seconds, counts from the call; when it passes, each remaining step throws TimeoutError, and nothing
 * is cancelled. *Cancellation* of a step takes none: unlike in Python, a later step gives what it would have given.
 * Source: `asyncio.as_completed`.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   const after = (delay: number) => () => asyncio.sleep(delay, delay);
 *   for await (const future of asyncio.asCompleted([after(0.02), after(0.01)])) {
 *     console.log(future.result());
 *   }
 *   //=> 0.01
 *   //=> 0.02
 * });
 * ```
 */
export function asCompleted<A extends AwaitableLike<unknown>>(
  awaitables: Iterable<A>,
  options: { timeout?: Duration | null | undefined } = {},
): AsCompleted<ResultOf<A>> {
  if (isNoList(awaitables)) {
    throw new TypeError(`expects an iterable of awaitables, not ${String(awaitables)}`);
  }
  const timeout = toSecondsOrNull(options.timeout, 'timeout');
  return new AsCompleted(awaitables as Iterable<AwaitableLike<ResultOf<A>>>, timeout, getRunningLoop());
}
