// Blocks in result() for a call that never returns.

import process from 'node:process';
import * as asyncio from 'tsyncio';
import { ProcessPoolExecutor, ThreadPoolExecutor } from 'tsyncio/concurrent';

const [kind, how] = process.argv.slice(2);
const executor = new (kind === 'processes' ? ProcessPoolExecutor : ThreadPoolExecutor)({ maxWorkers: 1 });
const forEver = (spin: boolean) => {
  console.log(`running ${process.pid}`);
  if (spin) for (;;);
  const word = new Int32Array(new SharedArrayBuffer(4));
  Atomics.wait(word, 0, 0);
};
if (how === 'listeners') {
  process.on('SIGINT', () => console.log('a listener'));
  process.once('SIGINT', () => console.log('another listener'));
}
const block = () => executor.submit(forEver, false).result();
if (how === 'task') await asyncio.run(async () => block());
else block();
