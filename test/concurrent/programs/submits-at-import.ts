// Makes a pool and submits where it is imported, in the workers too.

import process from 'node:process';
import { ProcessPoolExecutor, ThreadPoolExecutor, workerRef } from 'tsyncio/concurrent';

export function double(n: number): number {
  return n * 2;
}

const executor = new (process.argv[2] === 'processes' ? ProcessPoolExecutor : ThreadPoolExecutor)({
  maxWorkers: 2,
});
const future = executor.submit(workerRef(import.meta.url, 'double', double), 21);
const error = future.exception() as Error;
console.log(`${error.name}: ${error.message}`);
executor.shutdown();
