/** Tying a future of `concurrent.futures` to one of a loop: what happens to either happens to both. */

import { Future as AsyncioFuture, type EventLoop, InvalidStateError, isfuture } from '../core/index.js';
import { InvalidStateError as FutureInvalidStateError } from './exceptions.js';
import type { Future } from './futures.js';

function isConcurrentFuture(value: unknown): value is Future<unknown> {
  return typeof (value as Future<unknown> | null)?.setRunningOrNotifyCancel === 'function';
}

/**
 * A future of the running loop that follows a future of an executor: its result, its exception, its cancellation, which
 * arrive through the loop. Cancelling it cancels the call, also one that runs already (then its task in the worker is
 * cancelled). A future of a loop is returned as it is. Source: `asyncio.wrap_future`.
 *
 * @throws TypeError for anything else.
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 * import { ThreadPoolExecutor } from 'tsyncio/concurrent';
 *
 * await asyncio.run(async () => {
 *   await using executor = new ThreadPoolExecutor();
 *   const future = executor.submit((n: number) => n * 2, 21);
 *   console.log(await asyncio.wrapFuture(future)); //=> 42
 * });
 * ```
 */
export function wrapFuture<T>(
  future: Future<T> | AsyncioFuture<T>,
  options: { loop?: EventLoop | undefined } = {},
): AsyncioFuture<T> {
  if (isfuture(future)) return future as AsyncioFuture<T>;
  if (!isConcurrentFuture(future)) {
    throw new TypeError(`Cannot wrap ${String(future)}: expected a concurrent.futures.Future`);
  }
  const source = future as Future<T>;
  const target = new AsyncioFuture<T>(options);
  const loop = target.getLoop();
  target.addDoneCallback(() => {
    if (target.cancelled()) source.cancel({ interrupt: true });
  });
  source.addDoneCallback(() => {
    if (loop.isClosed()) return;
    loop.callSoonThreadsafe(() => copyOutcome(source, target));
  });
  return target;
}

function copyOutcome<T>(source: Future<T>, target: AsyncioFuture<T>): void {
  if (target.done()) return;
  if (source.cancelled()) {
    target.cancel();
    return;
  }
  const exception = source.exception();
  if (exception === null) target.setResult(source.result());
  else target.setException(translated(exception));
}

function translated(exception: unknown): unknown {
  return exception instanceof FutureInvalidStateError
    ? new InvalidStateError(exception.message, { cause: exception })
    : exception;
}
