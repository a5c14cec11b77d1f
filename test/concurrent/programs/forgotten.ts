// Pools that nobody shuts down, with idle workers, and perhaps with work.

import process from 'node:process';
import { ProcessPoolExecutor, ThreadPoolExecutor } from 'tsyncio/concurrent';

const [kind, how] = process.argv.slice(2);
const executor = new (kind === 'processes' ? ProcessPoolExecutor : ThreadPoolExecutor)({ maxWorkers: 1 });
console.log(executor.submit((n: number) => n + 1, 1).result());
if (how === 'work') {
  const work = async (n: number) => {
    const { sleep } = await import('tsyncio');
    await sleep(0.05);
    console.log(`worked ${n}`);
  };
  for (let n = 0; n < 3; n++) executor.submit(work, n);
}
if (how === 'waited') {
  const future = executor.submit(async () => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    return 'awaited';
  });
  future.addDoneCallback((done) => console.log(done.result()));
}
if (how === 'no-wait') {
  executor.submit(() => console.log('worked'));
  executor.shutdown({ wait: false });
}
if (how === 'exit') process.exit(5);
console.log('end of main');
