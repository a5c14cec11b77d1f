// Runs functions in real worker threads, without a pool.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { decodeError, type FunctionSpec, specify, type WireError } from 'tsyncio/concurrent/lowlevel';

/** What `fn` returns in a new worker thread; throws what it throws there. */
export async function inWorker(fn: Parameters<typeof specify>[0], ...args: unknown[]): Promise<unknown> {
  return await specInWorker(specify(fn), ...args);
}

export async function specInWorker(spec: FunctionSpec, ...args: unknown[]): Promise<unknown> {
  const worker = new Worker(new URL('./programs/spec-worker.js', import.meta.url), {
    workerData: { spec, args },
  });
  const [message] = (await once(worker, 'message')) as [{ value: unknown } | { error: WireError }];
  await worker.terminate();
  if ('error' in message) throw decodeError(message.error);
  return message.value;
}
