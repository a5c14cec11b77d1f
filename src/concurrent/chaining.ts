/** Tying a future of `concurrent.futures` to one of a loop: what happens to either happens to both. */

import {
  type Future as AsyncioFuture,
  type EventLoop,
  type FutureOptions,
  InvalidStateError,
  isfuture,
} from '../core/index.js';
import { ArrivingFuture } from '../core/lowlevel.js';
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
  return new WrappedFuture<T>(future as Future<T>, options);
}

/** The loop's future that follows a future of an executor. */
class WrappedFuture<T> extends ArrivingFuture<T> {
  readonly _source: Future<T>;

  constructor(source: Future<T>, options: FutureOptions) {
    super(options);
    this._source = source;
    source.addDoneCallback(() => this.arrive());
  }

  protected override takeOutcome(): void {
    const source = this._source;
    if (source.cancelled()) {
      this.cancel();
      return;
    }
    const exception = source.exception();
    if (exception === null) this.setResult(source.result());
    else this.setException(translated(exception));
  }

  protected override wasCancelled(): void {
    this._source.cancel({ interrupt: true });
  }
}

function translated(exception: unknown): unknown {
  return exception instanceof FutureInvalidStateError
    ? new InvalidStateError(exception.message, { cause: exception })
    : exception;
}
