// A program that is resolved as a browser's bundler does: on the browser host, without async context.

import * as asyncio from 'tsyncio';
import { getDefaultHost } from 'tsyncio/lowlevel';

const host = getDefaultHost();
console.log(`host: ${host.constructor.name}`);

const calls: string[] = [];
await new Promise<void>((resolve) => {
  const replaced = host.timer(() => calls.push('timer'));
  replaced.set(3600);
  const cleared = host.timer(() => calls.push('cleared timer'));
  cleared.set(0);
  cleared.clear();
  host.hop(() => {
    calls.push('hop');
    replaced.set(0.001);
    host.timer(resolve).set(0.01);
  });
  host.settled(() => calls.push('settled'));
  host.soon(() => calls.push('soon'));
  void (async () => {
    for (let i = 0; i < 20; i++) await null;
    calls.push('microtasks');
  })();
  calls.push('synchronous');
});
console.log(`calls: ${calls.join(', ')}`);

const order: string[] = [];

function* generator(): asyncio.Coro<string> {
  order.push('a');
  const task = asyncio.createTask(function* () {
    order.push('b');
  });
  yield* asyncio.sleep('1ms');
  yield* task;
  order.push('c');
  return order.splice(0).join(' ');
}
console.log(`generator: ${await asyncio.run(generator)}`);

async function asynchronous(): Promise<string> {
  order.push('a');
  const task = asyncio.createTask(async () => {
    await asyncio.sleep(0);
    order.push('b');
  });
  await asyncio.sleep('1ms');
  await task;
  order.push('c');
  return order.splice(0).join(' ');
}
console.log(`async: ${await asyncio.run(asynchronous)}`);

const nameOf = (error: unknown) => (error as Error).name;
await asyncio.run(async () => {
  const task = asyncio.createTask(async () => {
    await asyncio.sleep('1h');
  });
  await asyncio.sleep(0);
  task.cancel();
  console.log(`cancelled: ${await Promise.resolve(task).catch(nameOf)}`);
  const slow = async () => {
    await asyncio.sleep('1h');
  };
  console.log(`timeout: ${await Promise.resolve(asyncio.timeout('1ms').run(slow)).catch(nameOf)}`);
  const me = asyncio.currentTask();
  await asyncio.sleep(0);
  console.log(`task: ${asyncio.currentTask() === me && me !== null ? 'the current one' : 'lost'}`);
});
// A message channel would keep Node alive.
process.exit();
