// A worker thread that runs the function of a spec and sends back what it returns, or the error that it throws.

import { parentPort, workerData } from 'node:worker_threads';
import { encodeError, type FunctionSpec, resolveFunction } from 'tsyncio/concurrent/lowlevel';

const { spec, args } = workerData as { spec: FunctionSpec; args: unknown[] };
try {
  const fn = (await resolveFunction(spec)) as (...args: unknown[]) => unknown;
  parentPort?.postMessage({ value: await fn(...args) });
} catch (error) {
  parentPort?.postMessage({ error: encodeError(error) });
}
