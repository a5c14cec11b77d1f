/** What executors bring to every event loop: `runInExecutor`, the default executor, and `toThread` on top of it. */

import {
  type Future as AsyncioFuture,
  type Coro,
  Coroutine,
  type Duration,
  type EventLoop,
  getEventLoop,
  logger,
  RuntimeError,
} from '../core/index.js';
import { cloneableValues, extendEventLoop, setExecutorShutdown, toSecondsOrNull } from '../core/lowlevel.js';
import { wrapFuture } from './chaining.js';
import type { Executor, Returned, WorkerFunction } from './executor.js';
import type { Future } from './futures.js';
import { ThreadPoolExecutor } from './thread-pool.js';
import type { WorkerPool } from './worker-pool.js';

/** Methods of event loops. */
export interface ExecutorLoop {
  /**
   * Runs `fn(...args)` in an executor, or with `null` in the loop's default one, a `ThreadPoolExecutor` that is made when it
   * is first needed. Cancelling the future that it returns cancels the call, also one that runs: its task in the worker is
   * cancelled. Source: `asyncio.loop.run_in_executor`.
   *
   * @throws RuntimeError when the default executor was shut down; otherwise what the executor's `submit()` throws.
   * @example
   * ```ts
   * import * as asyncio from 'tsyncio';
   *
   * await asyncio.run(async () => {
   *   const loop = asyncio.getRunningLoop();
   *   console.log(await loop.runInExecutor(null, (a: number, b: number) => a + b, 1, 2)); //=> 3
   * });
   * ```
   */
  runInExecutor<A extends readonly unknown[], R>(
    executor: Executor | null,
    fn: WorkerFunction<A, R>,
    ...args: A
  ): AsyncioFuture<Returned<R>>;
  /**
   * Makes `executor` the one that `runInExecutor(null, …)` and `toThread()` use. The loop shuts it down when `run()` ends.
   *
   * @throws TypeError for anything but a ThreadPoolExecutor.
   */
  setDefaultExecutor(executor: ThreadPoolExecutor): void;
}

declare module '../core/base-events.js' {
  interface EventLoop extends ExecutorLoop {}
}

interface Defaults {
  executor: ThreadPoolExecutor | null;
  shutDown: boolean;
}

const defaults = new WeakMap<EventLoop, Defaults>();

function defaultsOf(loop: EventLoop): Defaults {
  let found = defaults.get(loop);
  if (found === undefined) {
    found = { executor: null, shutDown: false };
    defaults.set(loop, found);
  }
  return found;
}

function defaultExecutor(loop: EventLoop): ThreadPoolExecutor {
  const found = defaultsOf(loop);
  if (found.shutDown) throw new RuntimeError('Executor shutdown has been called');
  found.executor ??= new ThreadPoolExecutor({ threadNamePrefix: 'asyncio' });
  return found.executor;
}

extendEventLoop({
  runInExecutor<A extends readonly unknown[], R>(
    this: EventLoop,
    executor: Executor | null,
    fn: WorkerFunction<A, R>,
    ...args: A
  ): AsyncioFuture<Returned<R>> {
    if (this.isClosed()) throw new RuntimeError('Event loop is closed');
    const target = executor ?? defaultExecutor(this);
    if (typeof target.submit !== 'function') {
      throw new TypeError(
        `Cannot run a function in ${String(executor).split('\n')[0]}: expected an executor, or null for the default one, and then the function`,
      );
    }
    return wrapFuture(target.submit(fn, ...args), { loop: this });
  },

  setDefaultExecutor(this: EventLoop, executor: ThreadPoolExecutor): void {
    if (!(executor instanceof ThreadPoolExecutor)) {
      throw new TypeError(`executor must be a ThreadPoolExecutor, got ${String(executor)}`);
    }
    defaultsOf(this).executor = executor;
  },
});

setExecutorShutdown(function* (loop: EventLoop, timeout: Duration | null): Coro<void> {
  const found = defaultsOf(loop);
  found.shutDown = true;
  const { executor } = found;
  if (executor === null) return;
  const limit = toSecondsOrNull(timeout, 'timeout');
  if (limit === null) {
    yield* executor.shutdownAsync();
    return;
  }
  let late = false;
  const ending = loop.createTask(executor.shutdownAsync());
  const timer = loop.callLater(limit, () => {
    late = true;
    ending.cancel();
  });
  try {
    yield* ending;
  } catch (error) {
    if (!late) throw error;
    logger.warn(`RuntimeWarning: The executor did not finish joining its threads within ${limit} seconds.`);
    executor.shutdown({ wait: false });
  } finally {
    timer.cancel();
  }
});

/**
 * Runs `fn(...args)` in a thread of the default executor: for work that would keep the loop from turning. `fn` is self-contained
 * or a `workerRef()`; the values of context variables that were declared `cloneable` travel with it.
 *
 * *Suspends* until the call has ended. *Cancellation* cancels the call's task in the worker, and does not wait for its end.
 * Source: `asyncio.to_thread`.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * const sum = (limit: number) => {
 *   let total = 0;
 *   for (let n = 1; n <= limit; n++) total += n;
 *   return total;
 * };
 * console.log(await asyncio.run(() => asyncio.toThread(sum, 1000))); //=> 500500
 * ```
 */
export function toThread<A extends readonly unknown[], R>(
  fn: WorkerFunction<A, R>,
  ...args: A
): Coroutine<Returned<R>> {
  return new Coroutine(inThread(fn as WorkerFunction<never, unknown>, args), 'toThread') as Coroutine<
    Returned<R>
  >;
}

function* inThread(fn: WorkerFunction<never, unknown>, args: readonly unknown[]): Coro<unknown> {
  const loop = getEventLoop();
  const executor: WorkerPool = defaultExecutor(loop);
  const future: Future<unknown> = executor._submitWithContext(fn, args, cloneableValues());
  return yield* wrapFuture(future, { loop });
}
