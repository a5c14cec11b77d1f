/** For those who build executors of their own: how functions, values and errors travel. Not needed by programs. */

export { describeUncloneable } from './clone-path.js';
export {
  decodeError,
  encodeError,
  registerOwn as registerOwnErrorClasses,
  type WireError,
} from './error-transport.js';
export { type FunctionSpec, resolveFunction, specify } from './function-spec.js';
export { Histogram } from './histogram.js';
export { importModule, isImporting } from './modules.js';
export { type Progress, type ProgressSettings, startProgress } from './progress.js';
export { isWorkerRef } from './worker-ref.js';
