/// <reference lib="esnext.disposable" preserve="true" />
/** `concurrent.futures`: pools of threads and processes, and futures that a thread may block for. */

import '../node/lowlevel.js'; // to await a future takes a loop, and a loop takes a host

export { ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION, TimeoutError } from '../core/index.js';
export { wrapFuture } from './chaining.js';
export { type ErrorClassOptions, registerErrorClass } from './error-transport.js';
export {
  BrokenExecutor,
  BrokenInterpreterPool,
  BrokenProcessPool,
  BrokenThreadPool,
  CancelledError,
  FuturesError,
  InvalidStateError,
} from './exceptions.js';
export {
  Executor,
  ExecutorResults,
  type MapOptions,
  type ProgressOptions,
  type Returned,
  type ShutdownOptions,
  type WorkerFunction,
} from './executor.js';
export { type CancelOptions, Future, type FutureState } from './futures.js';
export type { Histogram } from './histogram.js';
export { type ExecutorLoop, toThread } from './loop-executor.js';
export type { PoolView } from './pool-view.js';
export { ProcessPoolExecutor, type ProcessPoolOptions } from './process-pool.js';
export { type LoopPort, loopPort, RemoteLoop } from './remote-loop.js';
export type { PoolStatistics, WorkerStatistics } from './statistics.js';
export {
  InterpreterPoolExecutor,
  type ResourceLimits,
  ThreadPoolExecutor,
  type ThreadPoolOptions,
} from './thread-pool.js';
export { runCoroutineThreadsafe } from './threadsafe.js';
export { transfer } from './transfer.js';
export {
  asCompleted,
  asCompletedAsync,
  DoneAndNotDoneFutures,
  type WaitOptions,
  wait,
  waitAsync,
} from './waiting.js';
export type { CallSettings, PoolOptions, WorkerPool } from './worker-pool.js';
export { type WorkerRef, workerRef } from './worker-ref.js';
