// The last cell of the notebook.

import { ThreadPoolExecutor } from 'tsyncio/concurrent';

function blockingTask(): string {
  console.log('start blocking task');
  return 'result';
}

using executor = new ThreadPoolExecutor();
const future = executor.submit(blockingTask);
console.log(future.result());
