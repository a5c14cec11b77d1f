// Calls that a process was sent behind the one that it runs: they belong to whoever is free, run once, and can be cancelled.

import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { BrokenProcessPool, CancelledError, type Future, ProcessPoolExecutor } from 'tsyncio/concurrent';
import { Flag, noChildren, thrown, until } from './each-pool.js';

/** Short for all numbers but 0, which blocks until `go` is up. Notes in the file `log` which numbers above 0 have run. */
function work(n: number, log: string, started: string, go: string): number {
  if (n < 0) return n;
  const { appendFileSync, existsSync, writeFileSync } = process.getBuiltinModule('node:fs');
  if (n > 0) {
    appendFileSync(log, `${n}\n`);
    return n;
  }
  writeFileSync(started, '');
  const word = new Int32Array(new SharedArrayBuffer(4));
  while (!existsSync(go)) Atomics.wait(word, 0, 0, 1);
  return n;
}

/** The same, awaiting. */
async function workAwaiting(n: number, log: string, started: string, go: string): Promise<number> {
  if (n < 0) return n;
  const { appendFileSync, existsSync, writeFileSync } = process.getBuiltinModule('node:fs');
  if (n > 0) {
    appendFileSync(log, `${n}\n`);
    return n;
  }
  writeFileSync(started, '');
  while (!existsSync(go)) await new Promise((resolve) => setTimeout(resolve, 1));
  return n;
}

const COUNT = 12;

/** A pool in which the calls numbered from 1 wait behind one that goes on. */
async function scene(maxWorkers: number, fn: typeof work | typeof workAwaiting = work) {
  const pool = new ProcessPoolExecutor({ maxWorkers });
  const [log, started, go] = [new Flag(), new Flag(), new Flag()];
  log.raise();
  const submit = (n: number) =>
    pool.submit(fn as typeof work, n, log.path, started.path, go.path) as Future<number>;
  // Until its calls are known to be short, a function's calls are sent one by one.
  for (let round = 0; round < 50; round++) {
    for (const future of Array.from({ length: 4 * maxWorkers }, () => submit(-1))) future.result();
  }
  const pid = pool.submit(() => process.pid).result();
  const stuck = submit(0);
  const behind = Array.from({ length: COUNT }, (_, index) => submit(index + 1));
  await started.seen();
  const ran = () => log.text.split('\n').filter(Boolean).map(Number);
  return { pool, pid, submit, stuck, behind, go, ran };
}

const everyNumber = Array.from({ length: COUNT }, (_, index) => index + 1);

test('calls behind one that hangs are taken over by another process, and run once', async () => {
  const { pool, stuck, behind, go, ran } = await scene(2);
  for (const [index, future] of behind.entries()) assert.equal(future.result(), index + 1);
  assert.equal(stuck.done(), false);
  go.raise();
  assert.equal(stuck.result(), 0);
  assert.equal(pool.submit((n: number) => n, 3).result(), 3);
  assert.deepEqual(
    ran().sort((a, b) => a - b),
    everyNumber,
  );
  pool.shutdown();
});

test('calls behind one that goes on for long run in its own process, once, when there is no other', async () => {
  const { pool, stuck, behind, go, ran } = await scene(1);
  await asyncio.run(() => asyncio.sleep(0.03)); // longer than until they are taken back
  go.raise();
  assert.equal(stuck.result(), 0);
  for (const [index, future] of behind.entries()) assert.equal(future.result(), index + 1);
  assert.deepEqual(ran(), everyNumber);
  await pool.shutdownAsync();
});

test('cancel({ kill: true }) of a call that hangs leaves the calls behind it to a new process, and each runs once', async () => {
  const { pool, stuck, behind, ran } = await scene(1);
  assert.equal(stuck.cancel({ kill: true }), true);
  assert.ok(thrown(() => stuck.result()) instanceof CancelledError);
  for (const [index, future] of behind.entries()) assert.equal(future.result(), index + 1);
  assert.deepEqual(ran(), everyNumber);
  await pool.shutdownAsync();
  await noChildren();
});

for (const [how, options] of [
  ['{ interrupt: true }', { interrupt: true }],
  ['{ kill: true }', { kill: true }],
] as const) {
  for (const [kind, fn] of [
    ['blocks', work],
    ['awaits', workAwaiting],
  ] as const) {
    test(`cancel(${how}) of a call behind one that ${kind}: it never runs, and nothing else suffers`, async () => {
      const { pool, stuck, behind, go, ran } = await scene(1, fn);
      const [first, second] = behind as [Future<number>, Future<number>];
      for (const future of [first, second]) {
        assert.equal(future.cancel(options), true);
        assert.ok(thrown(() => future.result()) instanceof CancelledError);
        assert.equal(future.cancelled(), true);
      }
      assert.equal(stuck.done(), false);
      go.raise();
      assert.equal(stuck.result(), 0);
      for (const future of behind.slice(2)) future.result();
      assert.deepEqual(ran(), everyNumber.slice(2));
      await pool.shutdownAsync();
    });
  }
}

test('R-CF-21 a process that dies breaks the pool for the calls behind the one that it ran, too', async () => {
  const { pid, submit, stuck, behind, ran } = await scene(1);
  process.kill(pid, 'SIGKILL');
  for (const future of [stuck, ...behind]) {
    assert.ok(thrown(() => future.result()) instanceof BrokenProcessPool);
  }
  assert.ok(thrown(() => submit(1)) instanceof BrokenProcessPool);
  assert.deepEqual(ran(), []);
  await noChildren();
});

test('calls that were sent ahead begin in the order in which they were submitted', async () => {
  const { pool, stuck, behind, go, ran } = await scene(1, workAwaiting);
  go.raise();
  stuck.result();
  for (const future of behind) future.result();
  assert.deepEqual(ran(), everyNumber);
  await pool.shutdownAsync();
});

test('maxTasksPerChild counts the calls that a process has run, not those that were taken back from it', async () => {
  const pool = new ProcessPoolExecutor({ maxWorkers: 2, maxTasksPerChild: 7 });
  const pids = new Map<number, number>();
  const futures = Array.from({ length: 70 }, () => pool.submit(() => process.pid));
  for (const future of futures) pids.set(future.result(), (pids.get(future.result()) ?? 0) + 1);
  for (const count of pids.values()) assert.ok(count <= 7, `${count} calls in one process`);
  pool.shutdown();
});

test('statistics() counts every call once, whoever ran it', async () => {
  const { pool, stuck, behind, go } = await scene(2);
  for (const future of behind) future.result();
  go.raise();
  stuck.result();
  await until(() => pool.statistics().running === 0, 'the end of all calls');
  const { done, queued, cancelled, failed } = pool.statistics();
  assert.deepEqual(
    { done, queued, cancelled, failed },
    { done: 400 + 2 + COUNT, queued: 0, cancelled: 0, failed: 0 },
  );
  await pool.shutdownAsync();
});
