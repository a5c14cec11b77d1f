/** Making a future of anything that can be awaited. */

import type { EventLoop } from './base-events.js';
import {
  type Awaitable,
  type AwaitableLike,
  Coroutine,
  type CoroutineLike,
  isAwaitable,
  iscoroutine,
  isThenable,
} from './coroutines.js';
import { getEventLoop } from './events.js';
import { RuntimeError, ValueError } from './exceptions.js';
import { type FutureLike, type FutureOptions, isfuture } from './futures.js';
import { wrapPromise } from './promises.js';
import type { Task } from './tasks.js';

/**
 * A future is returned as it is; a coroutine (or a function that makes one) becomes a task; a promise becomes a task that
 * awaits it, which stops waiting when it is cancelled, but cannot stop the promise.
 *
 * @throws TypeError for anything else; ValueError for a future of another loop than `loop`.
 */
export function ensureFuture<F extends FutureLike<unknown>>(future: F, options?: FutureOptions): F;
export function ensureFuture<T>(awaitable: AwaitableLike<T>, options?: FutureOptions): Task<T>;
export function ensureFuture<T>(awaitable: AwaitableLike<T>, options?: FutureOptions): FutureLike<T> {
  const loop: EventLoop | undefined = options?.loop;
  if (isfuture(awaitable)) {
    if (loop !== undefined && awaitable.getLoop() !== loop) {
      throw new ValueError(
        'The future belongs to a different loop than the one specified as the loop argument',
      );
    }
    return awaitable as FutureLike<T>;
  }
  const isCoroutine = iscoroutine(awaitable) || typeof awaitable === 'function';
  if (!isCoroutine && !isThenable(awaitable)) {
    throw new TypeError('An asyncio.Future, a coroutine or an awaitable is required');
  }
  const target = loop ?? getEventLoop();
  const coro = isCoroutine
    ? (awaitable as CoroutineLike<T>)
    : new Coroutine<T>(
        (function* () {
          return yield* isAwaitable(awaitable)
            ? (awaitable as Awaitable<T>)
            : wrapPromise(awaitable as PromiseLike<T>, { loop: target });
        })(),
        'awaitPromise',
      );
  try {
    return target.createTask(coro);
  } catch (error) {
    if (error instanceof RuntimeError) closeCoroutine(coro);
    throw error;
  }
}

/** Gives up a coroutine that could not be scheduled, so that it is not reported as never awaited. @internal */
export function closeCoroutine(coro: CoroutineLike<unknown>): void {
  if (coro instanceof Coroutine) {
    if (coro.state === 'created') coro.close();
  } else if (typeof coro !== 'function') {
    coro.return(undefined as never);
  }
}

/** Whether `value` is no collection: futures and coroutines can be iterated, too, but stand for one thing. @internal */
export function isNoList(value: unknown): boolean {
  return (
    isfuture(value) ||
    iscoroutine(value) ||
    typeof (value as Iterable<unknown> | null)?.[Symbol.iterator] !== 'function'
  );
}
