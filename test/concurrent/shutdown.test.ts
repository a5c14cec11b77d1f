import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { CancelledError, ProcessPoolExecutor, ThreadPoolExecutor, wait } from 'tsyncio/concurrent';
import { childrenOf, Flag, gone, hold, noChildren, occupy, onEachPool, spin, thrown } from './each-pool.js';

const square = (n: number) => n * n;

onEachPool('R-CF-14 shutdown() waits for all work, and returns when the workers are gone', (kind) => {
  const pool = kind.make({ maxWorkers: 2 });
  const futures = Array.from({ length: 20 }, (_, n) => pool.submit(square, n));
  pool.shutdown();
  assert.deepEqual(
    futures.map((each) => each.done() && each.result()),
    Array.from({ length: 20 }, (_, n) => n * n),
  );
  assert.deepEqual(pool.statistics().workers, []);
});

onEachPool(
  'R-CF-14 shutdownAsync() suspends until all work is done and the workers are gone',
  async (kind) => {
    await asyncio.run(async () => {
      const pool = kind.make({ maxWorkers: 1 });
      const { future, release } = occupy(pool);
      const more = pool.submit(square, 3);
      const ending = asyncio.createTask(pool.shutdownAsync());
      await asyncio.sleep(0.001);
      assert.equal(ending.done(), false);
      release();
      await ending;
      assert.deepEqual([future.result(), more.result()], ['held', 9]);
      assert.deepEqual(pool.statistics().workers, []);
    });
  },
);

onEachPool('R-CF-14 shutdown({ wait: false }) returns at once, and the work is still done', async (kind) => {
  const pool = kind.make({ maxWorkers: 1 });
  const { future, release } = occupy(pool);
  const more = pool.submit(square, 3);
  pool.shutdown({ wait: false });
  assert.deepEqual([future.done(), more.done()], [false, false]);
  release();
  assert.equal(await more, 9);
  pool.shutdown();
});

onEachPool(
  'R-CF-14 shutdown() may be called again, in either way, and before any worker has started',
  async (kind) => {
    const pool = kind.make({ maxWorkers: 1 });
    pool.shutdown({ wait: false });
    pool.shutdown();
    await pool.shutdownAsync({ cancelFutures: true });
    const used = kind.make({ maxWorkers: 1 });
    used.submit(square, 1);
    used.shutdown();
    used.shutdown({ cancelFutures: true });
    await used.shutdownAsync();
  },
);

onEachPool('R-CF-14 cancelling shutdownAsync() stops the waiting only', async (kind) => {
  await asyncio.run(async () => {
    const pool = kind.make({ maxWorkers: 1 });
    const { future, release } = occupy(pool);
    const ending = asyncio.createTask(pool.shutdownAsync());
    await asyncio.sleep(0);
    ending.cancel();
    await assert.rejects(async () => await ending, asyncio.CancelledError);
    release();
    assert.equal(await future, 'held');
    await pool.shutdownAsync();
  });
});

onEachPool('R-CF-14 shutdown() with more calls than the shared queue holds loses none', (kind) => {
  const pool = kind.make({ maxWorkers: 2 });
  const futures = Array.from({ length: 600 }, (_, n) => pool.submit(square, n));
  pool.shutdown();
  assert.deepEqual(
    futures.map((each) => each.result()),
    futures.map((_, n) => n * n),
  );
});

onEachPool('R-CF-15 cancelFutures cancels what has not begun, and what runs is finished', (kind) => {
  const pool = kind.make({ maxWorkers: 1 });
  const { future, release } = occupy(pool);
  const waiting = Array.from({ length: 400 }, (_, n) => pool.submit(square, n));
  pool.shutdown({ wait: false, cancelFutures: true });
  assert.ok(waiting.every((each) => each.cancelled()));
  assert.equal(future.done(), false);
  release();
  pool.shutdown();
  assert.equal(future.result(), 'held');
});

onEachPool('R-CF-15 cancelFutures after a shutdown() without it cancels what waits still', async (kind) => {
  const pool = kind.make({ maxWorkers: 1 });
  const { future, release } = occupy(pool);
  const waiting = pool.submit(square, 1);
  pool.shutdown({ wait: false });
  assert.equal(waiting.cancelled(), false);
  pool.shutdown({ wait: false, cancelFutures: true });
  assert.equal(waiting.cancelled(), true);
  release();
  await pool.shutdownAsync();
  assert.equal(future.result(), 'held');
});

onEachPool('R-CF-16 [Symbol.dispose]() blocks until all work is done', (kind) => {
  const pool = kind.make({ maxWorkers: 1 });
  const future = pool.submit(square, 3);
  pool[Symbol.dispose]();
  assert.equal(future.done() && future.result(), 9);
  assert.throws(() => pool.submit(square, 1), /after shutdown/);
});

onEachPool(
  'R-CF-16 leaving the block of using and await using shuts down, also by an error',
  async (kind) => {
    const futures: { done(): boolean }[] = [];
    {
      using pool = kind.make({ maxWorkers: 1 });
      futures.push(pool.submit(square, 1));
    }
    {
      await using pool = kind.make({ maxWorkers: 1 });
      futures.push(pool.submit(square, 2));
    }
    await assert.rejects(async () => {
      await using pool = kind.make({ maxWorkers: 1 });
      futures.push(pool.submit(square, 3));
      throw new Error('inside');
    }, /inside/);
    assert.deepEqual(
      futures.map((each) => each.done()),
      [true, true, true],
    );
  },
);

onEachPool('a call may shut the pool down from its done callback', async (kind) => {
  const pool = kind.make({ maxWorkers: 1 });
  const future = pool.submit(square, 2);
  future.addDoneCallback(() => pool.shutdown({ wait: false }));
  assert.equal(future.result(), 4);
  assert.throws(() => pool.submit(square, 1), /after shutdown/);
  await pool.shutdownAsync();
});

for (const name of ['terminateWorkers', 'killWorkers'] as const) {
  test(`R-CF-26 ${name}() cancels what waits, ends the processes, and fails what runs`, async () => {
    const pool = new ProcessPoolExecutor({ maxWorkers: 2 });
    const started = [new Flag(), new Flag()];
    const running = started.map((each) => pool.submit(spin as (path: string) => number, each.path));
    const waiting = pool.submit(square, 1);
    for (const each of started) each.block();
    while (started.some((each) => each.text === ''))
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    const pids = started.map((each) => Number(each.text));
    pool[name]();
    assert.equal(waiting.cancelled(), true);
    for (const each of running) assert.equal((each.exception() as Error).name, 'BrokenProcessPool');
    for (const pid of pids) await gone(pid);
    assert.throws(() => pool.submit(square, 1));
    await pool.shutdownAsync();
  });

  test(`R-CF-26 ${name}() without workers, with idle ones and after a shutdown is no error`, async () => {
    const fresh = new ProcessPoolExecutor({ maxWorkers: 1 });
    fresh[name]();
    assert.throws(() => fresh.submit(square, 1), /after shutdown/);
    const idle = new ProcessPoolExecutor({ maxWorkers: 1 });
    const pid = idle.submit(() => process.pid).result();
    idle[name]();
    await gone(pid);
    idle[name]();
    const over = new ProcessPoolExecutor({ maxWorkers: 1 });
    over.submit(square, 1);
    over.shutdown();
    over[name]();
    await idle.shutdownAsync();
  });
}

test('after shutdown() no thread and no process is left', async () => {
  const before = childrenOf()?.length ?? 0;
  const pools = [new ProcessPoolExecutor({ maxWorkers: 2 }), new ThreadPoolExecutor({ maxWorkers: 2 })];
  for (const pool of pools) {
    const go = new Flag();
    const started = [new Flag(), new Flag()];
    const futures = started.map((each) => pool.submit(hold<number>, each.path, go.path, 1));
    for (const each of started) each.block();
    if (pool === pools[0] && childrenOf() !== null) assert.equal(childrenOf()?.length, before + 2);
    go.raise();
    wait(futures);
    pool.shutdown();
  }
  await noChildren();
});

onEachPool('10,000 submits, then at once shutdown({ cancelFutures: true }): each ends once', (kind) => {
  const pool = kind.make({ maxWorkers: 2 });
  let ends = 0;
  const futures = Array.from({ length: 10_000 }, (_, n) => pool.submit(square, n));
  for (const each of futures) each.addDoneCallback(() => void ends++);
  pool.shutdown({ cancelFutures: true });
  assert.equal(ends, 10_000);
  for (const [n, each] of futures.entries()) {
    if (each.cancelled()) assert.ok(thrown(() => each.result()) instanceof CancelledError);
    else assert.equal(each.result(), n * n);
  }
});
