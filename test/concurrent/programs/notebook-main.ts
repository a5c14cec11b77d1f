// The last cell of the notebook, for the command: the pool and the call are at the top level.

import { ThreadPoolExecutor } from 'tsyncio/concurrent';

function blockingTask(): string {
  console.log('start blocking task');
  return 'result';
}

const executor = new ThreadPoolExecutor();
const future = executor.submit(blockingTask);

export function main(): void {
  console.log(future.result());
}
