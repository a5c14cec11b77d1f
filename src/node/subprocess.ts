/** The namespace `asyncio.subprocess`. */

export {
  createSubprocessExec,
  createSubprocessShell,
  Process,
  type ProcessOf,
  type ProcessOptions,
} from './process.js';
export {
  CalledProcessError,
  CompletedProcess,
  type RunProcessOptions,
  runProcess,
  TimeoutExpired,
} from './run-process.js';
export { DEVNULL, PIPE, type Redirect, STDOUT, type SubprocessOptions } from './spawning.js';
