// The other kind of future: a thread of a pool runs a blocking function, and result() blocks until it has returned.

import { ThreadPoolExecutor } from 'tsyncio/concurrent';
import type { Print } from './print.js';

function blockingTask(): string {
  console.log('start blocking task');
  return 'result';
}

export function main(print: Print = console.log): void {
  using executor = new ThreadPoolExecutor();
  const future = executor.submit(blockingTask);
  print(future.result());
}
