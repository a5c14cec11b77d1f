/** For those who build hosts, loops and Task classes of their own. Not needed by programs. */

// All of the core, so that every entry point shares one chunk: a file less is a millisecond less of a cold import.
import './index.js';

export { ArrivingFuture } from './arriving-future.js';
export { runSynchronously, setExecutorShutdown } from './base-events.js';
export { cloneableValues, cloneableVariable } from './contextvars.js';
export { wrappedFunction } from './coroutines.js';
export { toSeconds, toSecondsOrNull } from './durations.js';
export { stopsTheLoop } from './exceptions.js';
export type { Scope } from './fibers.js';
export {
  type AsyncContext,
  type BoundContext,
  getDefaultHost,
  type Host,
  type HostTimer,
  setDefaultHost,
} from './host.js';
export { setStandardLogger } from './log.js';
export { extendEventLoop } from './platform.js';
export { enterTask, leaveTask, registerTask, unregisterTask } from './tasks.js';
