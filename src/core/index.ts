/// <reference lib="esnext.disposable" preserve="true" />
/** The platform-free heart of tsyncio: everything that needs no Node and no browser. */

export { agen } from './asyncgens.js';
export {
  EventLoop,
  type EventLoopOptions,
  type ExceptionContext,
  type ExceptionHandler,
  type FutureRecord,
} from './base-events.js';
export type { Bytes } from './bytes.js';
export { type AsyncContextManager, aenter, aexit, withAsync } from './context-managers.js';
export { Context, ContextVar, copyContext, Token } from './contextvars.js';
export {
  type Awaitable,
  type AwaitableLike,
  type Body,
  type Coro,
  Coroutine,
  type CoroutineLike,
  coroutine,
  iscoroutine,
  iscoroutinefunction,
  type ResultOf,
  type Suspension,
} from './coroutines.js';
export { detached } from './detached.js';
export { type Duration, seconds } from './durations.js';
export { ensureFuture } from './ensure-future.js';
export {
  type ContextOption,
  getEventLoop,
  getRunningLoop,
  Handle,
  newEventLoop,
  setEventLoop,
  TimerHandle,
} from './events.js';
export { BaseExceptionGroup, ExceptionGroup, type GroupCondition } from './exception-groups.js';
export {
  BaseException,
  BrokenBarrierError,
  CancelledError,
  DeadlockError,
  EOFError,
  GeneratorExit,
  InvalidStateError,
  isBaseException,
  isCancelledError,
  KeyboardInterrupt,
  LookupError,
  NotImplementedError,
  OSError,
  type OSErrorDetails,
  QueueEmpty,
  QueueFull,
  QueueShutDown,
  RuntimeError,
  rethrowBase,
  SystemExit,
  TimeoutError,
  ValueError,
  type WithContext,
} from './exceptions.js';
export type { StackFrame } from './format-helpers.js';
export {
  Future,
  type FutureLike,
  type FutureOptions,
  futureAddToAwaitedBy,
  futureDiscardFromAwaitedBy,
  isfuture,
} from './futures.js';
export { gather, type Outcomes, type Results, shield } from './gather.js';
export {
  type CallGraphOptions,
  captureCallGraph,
  type FrameCallGraphEntry,
  type FutureCallGraph,
  formatCallGraph,
  printCallGraph,
} from './graph.js';
export { Barrier, BoundedSemaphore, Condition, Event, Lock, Lockable, Semaphore } from './locks.js';
export { type Logger, logger, setLogger } from './log.js';
export type { ExtraInfo, SocketAddress, SSLContext, TlsTimeouts, TransportSocket } from './network.js';
export { currentSignal, fetch, wrapPromise } from './promises.js';
export { LifoQueue, PriorityQueue, Queue } from './queues.js';
export { Runner, type RunOptions, run } from './runners.js';
export type { AbortControllerLike, AbortSignalLike, PlatformAbortSignal } from './signals.js';
export { sleep } from './sleep.js';
export { type StaggeredResult, staggeredRace } from './staggered.js';
export { TaskGroup } from './taskgroups.js';
export {
  allTasks,
  createEagerTaskFactory,
  createTask,
  currentTask,
  eagerTaskFactory,
  Task,
  type TaskConstructor,
  type TaskFactory,
  type TaskOptions,
} from './tasks.js';
export { Timeout, timeout, timeoutAt } from './timeouts.js';
export {
  ALL_COMPLETED,
  AsCompleted,
  type AsyncIteration,
  asCompleted,
  FIRST_COMPLETED,
  FIRST_EXCEPTION,
  type ReturnWhen,
  wait,
  waitFor,
} from './waiting.js';
