/**
 * One million tasks alive at once, in each coroutine kind: `node build/test/long/million-tasks.js [count]`.
 *
 * They all sleep, are all listed, half of them are cancelled, and every one must end; the status is 1 when one is
 * missing. Prints how long that took and, under `--expose-gc`, how much memory a sleeping task takes. One million
 * need about 2 GB: `--max-old-space-size=6000`. The test suite does the same with 100,000.
 */

import assert from 'node:assert/strict';
import process from 'node:process';
import * as asyncio from 'tsyncio';
import { getDefaultHost } from 'tsyncio/lowlevel';
import { VirtualHost } from 'tsyncio/testing';

const count = Number(process.argv[2] ?? 1_000_000);
const collect = (globalThis as { gc?: () => void }).gc;

function heapUsed(): number {
  collect?.();
  return process.memoryUsage().heapUsed;
}

let slept = 0;

function* generatorSleeper(): asyncio.Coro<void> {
  yield* asyncio.sleep(3600);
  slept += 1;
}

async function asyncSleeper(): Promise<void> {
  await asyncio.sleep(3600);
  slept += 1;
}

async function measure(kind: string, spawn: () => asyncio.Task<void>): Promise<void> {
  slept = 0;
  const began = performance.now();
  const seconds = () => ((performance.now() - began) / 1000).toFixed(1);
  const before = heapUsed();
  const tasks: asyncio.Task<void>[] = [];
  for (let i = 0; i < count; i++) tasks.push(spawn());
  await asyncio.sleep(1);
  const memory = collect === undefined ? '' : `, ${((heapUsed() - before) / count).toFixed(0)} bytes each`;
  assert.equal(asyncio.allTasks().size, count + 1, 'all of them are alive');
  assert.equal(slept, 0);
  console.log(`${kind}: ${count} tasks asleep after ${seconds()} s${memory}`);
  for (let i = 0; i < count; i += 2) tasks[i]?.cancel();
  await asyncio.wait(tasks);
  const cancelled = tasks.filter((task) => task.cancelled()).length;
  assert.equal(cancelled, Math.ceil(count / 2));
  assert.equal(slept, Math.floor(count / 2));
  assert.equal(asyncio.allTasks().size, 1, 'none is left');
  console.log(`${kind}: ${cancelled} cancelled, ${slept} slept their hour, all ended after ${seconds()} s`);
}

function run(kind: string, spawn: () => asyncio.Task<void>): Promise<void> {
  return asyncio.run(() => measure(kind, spawn), {
    loopFactory: () => new asyncio.EventLoop({ host: new VirtualHost({ host: getDefaultHost() }) }),
  });
}

await run('generator coroutines', () => asyncio.createTask(generatorSleeper()));
await run('async functions', () => asyncio.createTask(asyncSleeper));
