/** For those who build hosts, loops and Task classes of their own. Not needed by programs. */

export { runSynchronously } from './base-events.js';
export type { Scope } from './fibers.js';
export {
  type AsyncContext,
  type BoundContext,
  getDefaultHost,
  type Host,
  type HostTimer,
  setDefaultHost,
} from './host.js';
export { enterTask, leaveTask, registerTask, unregisterTask } from './tasks.js';
