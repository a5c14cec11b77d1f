// Pools inside workers of pools.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import process from 'node:process';
import { test } from 'node:test';
import 'tsyncio';
import { ThreadPoolExecutor } from 'tsyncio/concurrent';
import { Flag, onEachPool, until } from './each-pool.js';

const square = (n: number) => n * n;

onEachPool('a pool inside a worker of a pool works, blocking and awaiting', async (kind) => {
  const pool = kind.make({ maxWorkers: 1 });
  const nested = (name: 'ThreadPoolExecutor' | 'ProcessPoolExecutor', n: number) => {
    const make = async () => {
      const concurrent = await import('tsyncio/concurrent');
      const inner = new concurrent[name]({ maxWorkers: 1 });
      const blocking = inner.submit((each: number) => each + 1, n).result();
      const awaited = await inner.submit((each: number) => each + 2, n);
      await inner.shutdownAsync();
      return [blocking, awaited];
    };
    return make();
  };
  assert.deepEqual(await pool.submit(nested, 'ThreadPoolExecutor', 1), [2, 3]);
  assert.deepEqual(pool.submit(nested, 'ProcessPoolExecutor', 5).result(), [6, 7]);
  await pool.shutdownAsync();
});

onEachPool('the death of a worker of an inner pool reaches the worker that blocks for it', async (kind) => {
  const pool = kind.make({ maxWorkers: 1 });
  const nested = async (name: 'ThreadPoolExecutor' | 'ProcessPoolExecutor') => {
    const concurrent = await import('tsyncio/concurrent');
    const inner = new concurrent[name]({ maxWorkers: 1 });
    return (inner.submit(() => process.exit(1)).exception() as Error).name;
  };
  assert.equal(pool.submit(nested, 'ThreadPoolExecutor').result(), 'BrokenThreadPool');
  assert.equal(pool.submit(nested, 'ProcessPoolExecutor').result(), 'BrokenProcessPool');
  assert.equal(pool.submit(square, 3).result(), 9);
  await pool.shutdownAsync();
});

test('a worker that dies with a pool inside takes the processes of that with it', async () => {
  const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
  const flag = new Flag();
  const future = pool.submit(async (path: string) => {
    const { ProcessPoolExecutor } = await import('tsyncio/concurrent');
    const inner = new ProcessPoolExecutor({ maxWorkers: 1 });
    const pid = await inner.submit(() => process.pid);
    process.getBuiltinModule('node:fs').writeFileSync(path, String(pid));
    process.exit(1);
  }, flag.path);
  assert.equal((future.exception() as Error).name, 'BrokenThreadPool');
  await until(() => hasEnded(Number(flag.text)), 'the end of the process');
  await pool.shutdownAsync();
});

/** Whether the process runs no more. Nobody is there to reap it before this process ends. */
function hasEnded(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return true;
  }
  const path = `/proc/${pid}/stat`;
  return existsSync(path) && /\) Z /.test(readFileSync(path, 'utf8'));
}
