/** Coroutines on a loop, submitted from outside it: `runCoroutineThreadsafe`. */

import {
  type CoroutineLike,
  type EventLoop,
  ensureFuture,
  isBaseException,
  iscoroutine,
  RuntimeError,
} from '../core/index.js';
import { keepTrack } from '../core/io.js';
import type { Returned, WorkerFunction } from './executor.js';
import { type CancelOptions, Future } from './futures.js';
import { RemoteLoop } from './remote-loop.js';

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
 * Has `loop` run a coroutine, from code that does not run on it, and returns a future of executors for its outcome, which may
 * be waited for by blocking where another thread's loop is meant. Cancelling the future cancels the task.
 *
 * For a loop of this thread (from a callback of another library, or another loop) `coro` is a coroutine. A coroutine cannot cross
 * threads: for a {@link RemoteLoop} give a function that makes it, self-contained or a `workerRef()`, and its arguments.
 * Source: `asyncio.run_coroutine_threadsafe`.
 *
 * @throws TypeError when `coro` is no coroutine, or the function or its arguments cannot be sent.
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   const loop = asyncio.getRunningLoop();
 *   const future = asyncio.runCoroutineThreadsafe(() => asyncio.sleep(0, 'slept'), loop);
 *   console.log(await future); //=> slept
 * });
 * ```
 */
export function runCoroutineThreadsafe<T>(coro: CoroutineLike<T>, loop: EventLoop): Future<T>;
export function runCoroutineThreadsafe<A extends readonly unknown[], R>(
  fn: WorkerFunction<A, R>,
  loop: RemoteLoop,
  ...args: A
): Future<Returned<R>>;
export function runCoroutineThreadsafe(
  coro: CoroutineLike<unknown> | WorkerFunction<readonly unknown[], unknown>,
  loop: EventLoop | RemoteLoop,
  ...args: readonly unknown[]
): Future<unknown> {
  if (loop instanceof RemoteLoop) return loop._run(coro as WorkerFunction<readonly unknown[], unknown>, args);
  if (!iscoroutine(coro) && typeof coro !== 'function') throw new TypeError('A coroutine object is required');
  return runHere(coro as CoroutineLike<unknown>, loop);
}

function runHere<T>(coro: CoroutineLike<T>, loop: EventLoop): Future<T> {
  const future = new TaskFuture<T>();
  const forget = keepTrack(loop, {
    quiet: true,
    abandon() {
      if (future.done()) return;
      future.setException(new RuntimeError('Event loop was closed before the coroutine had ended'));
    },
  });
  future.addDoneCallback(forget);
  loop.callSoonThreadsafe(() => {
    try {
      future.follow(loop, coro);
    } catch (error) {
      if (!future.done()) future.setException(error);
      if (isBaseException(error)) throw error;
    }
  });
  return future;
}
