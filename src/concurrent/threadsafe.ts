/** Coroutines on a loop, submitted from outside it: `runCoroutineThreadsafe`. */

import {
  type CoroutineLike,
  type EventLoop,
  ensureFuture,
  isCancelledError,
  iscoroutine,
} from '../core/index.js';
import { type CancelOptions, Future } from './futures.js';

/** Ends with the task of a loop, and cancels it. */
class TaskFuture<T> extends Future<T> {
  #stop: (() => void) | null = null;

  follow(loop: EventLoop, coro: CoroutineLike<T>): void {
    if (!this._isWanted()) return;
    const task = ensureFuture(coro, { loop });
    this.#stop = () => {
      if (!loop.isClosed()) loop.callSoonThreadsafe(() => task.cancel());
    };
    task.addDoneCallback(() => {
      this.#stop = null;
      if (this.done()) return;
      if (task.cancelled()) {
        super.cancel();
        this.setRunningOrNotifyCancel();
        return;
      }
      const error = task.exception();
      if (error === null) this.setResult(task.result());
      else this.setException(error);
    });
  }

  _isWanted(): boolean {
    if (this._state !== 'CANCELLED') return true;
    this.setRunningOrNotifyCancel();
    return false;
  }

  override cancel(options?: CancelOptions): boolean {
    const wasOpen = !this.done();
    const cancelled = super.cancel(options);
    if (cancelled && wasOpen) this.#stop?.();
    return cancelled;
  }
}

/**
 * Has `loop` run a coroutine, from code that does not run on it (a callback of another library, another loop of this thread), and
 * returns a future of executors for its outcome. Cancelling the future cancels the task. For a loop of another thread, see
 * {@link RemoteLoop}. Source: `asyncio.run_coroutine_threadsafe`.
 *
 * @throws TypeError when `coro` is no coroutine.
 */
export function runCoroutineThreadsafe<T>(coro: CoroutineLike<T>, loop: EventLoop): Future<T> {
  if (!iscoroutine(coro) && typeof coro !== 'function') throw new TypeError('A coroutine object is required');
  const future = new TaskFuture<T>();
  loop.callSoonThreadsafe(() => {
    try {
      future.follow(loop, coro);
    } catch (error) {
      if (!future.done()) future.setException(error);
      if (isCancelledError(error)) throw error;
    }
  });
  return future;
}
