// A worker prints while the main thread is blocked; it goes on when somebody has read that, and has made the file.

import process from 'node:process';
import { ProcessPoolExecutor, ThreadPoolExecutor } from 'tsyncio/concurrent';

const [kind, go] = process.argv.slice(2) as [string, string];
const executor = new (kind === 'processes' ? ProcessPoolExecutor : ThreadPoolExecutor)({ maxWorkers: 1 });
const talk = (path: string) => {
  console.log('out at once');
  console.error('err at once');
  process.stdout.write('no line end');
  const word = new Int32Array(new SharedArrayBuffer(4));
  while (!process.getBuiltinModule('node:fs').existsSync(path)) Atomics.wait(word, 0, 0, 1);
  console.log(' %s', { nested: 1 });
  console.log('x'.repeat(200_000));
  return 'returned';
};
const result = executor.submit(talk, go).result();
console.log(result);
executor.shutdown();
console.log('end');
