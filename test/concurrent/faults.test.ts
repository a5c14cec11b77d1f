import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import {
  CancelledError,
  type Future,
  ProcessPoolExecutor,
  ThreadPoolExecutor,
  TimeoutError,
  wait,
} from 'tsyncio/concurrent';
import {
  childrenOf,
  Flag,
  gone,
  hold,
  type Kind,
  kinds,
  noChildren,
  onEachPool,
  type Pool,
  spin,
  thrown,
  until,
} from './each-pool.js';

const square = (n: number) => n * n;
const pidOf = () => process.pid;
const spinning = spin as (path: string) => number;

/** Both ways to wait for what a call throws. */
const waits: Record<string, (future: Future<unknown>) => Promise<Error> | Error> = {
  'the owner blocked': (future) => thrown(() => future.result()),
  'the owner awaiting': async (future) => {
    try {
      await future;
    } catch (error) {
      return error as Error;
    }
    return assert.fail('nothing was thrown');
  },
};

function inEachWay(
  title: string,
  body: (wait: (typeof waits)[string], kind: Kind) => Promise<void>,
  only = kinds,
): void {
  for (const [how, wait] of Object.entries(waits)) {
    for (const kind of only) test(`${title}, ${how} (${kind.name})`, async () => await body(wait, kind));
  }
}

const processes = kinds.filter((kind) => kind.name === 'processes');

/** A process's id, from the flag that `spin` has raised. */
async function pidIn(flag: Flag): Promise<number> {
  await until(() => flag.up && flag.text !== '', 'the id of the process');
  return Number(flag.text);
}

/** The pool is broken, says so, and can be shut down. */
async function assertBroken(pool: Pool, kind: Kind): Promise<void> {
  assert.ok(thrown(() => pool.submit(square, 1)) instanceof kind.Broken);
  pool.shutdown();
  await pool.shutdownAsync({ cancelFutures: true });
}

/** The pool works, and can be shut down. */
async function assertAlive(pool: Pool): Promise<void> {
  assert.equal(pool.submit(square, 3).result(), 9);
  assert.equal(await pool.submit(square, 4), 16);
  await pool.shutdownAsync();
}

// ------------------------------------------------------------------------------------ workers that end by themselves

inEachWay(
  'R-CF-21 a process that is killed while it runs a call breaks the pool; the others are ended',
  async (wait, kind) => {
    const pool = new ProcessPoolExecutor({ maxWorkers: 2 });
    const flags = [new Flag(), new Flag()];
    const running = flags.map((flag) => pool.submit(spinning, flag.path));
    const waiting = pool.submit(square, 1);
    const pids = [await pidIn(flags[0] as Flag), await pidIn(flags[1] as Flag)];
    process.kill(pids[0] as number, 'SIGKILL');
    const error = await wait(running[0] as Future);
    assert.ok(error instanceof kind.Broken);
    assert.match(error.message, /SIGKILL/);
    for (const future of [running[1] as Future, waiting])
      assert.ok((await wait(future)) instanceof kind.Broken);
    for (const pid of pids) await gone(pid);
    await assertBroken(pool, kind);
  },
  processes,
);

inEachWay(
  'R-CF-21 a process that is killed while it is idle breaks the pool for the next call',
  async (wait, kind) => {
    const pool = new ProcessPoolExecutor({ maxWorkers: 1 });
    const pid = pool.submit(pidOf).result();
    process.kill(pid, 'SIGKILL');
    await gone(pid);
    let error: Error | undefined;
    try {
      error = await wait(pool.submit(square, 1));
    } catch (refused) {
      error = refused as Error;
    }
    assert.ok(error instanceof kind.Broken);
    await assertBroken(pool, kind);
  },
  processes,
);

inEachWay(
  'R-CF-21 a process that is killed while it sends a large result breaks the pool',
  async (wait, kind) => {
    const pool = new ProcessPoolExecutor({ maxWorkers: 1 });
    const future = pool.submit((size: number) => {
      setImmediate(() => process.kill(process.pid, 'SIGKILL'));
      return new Uint8Array(size);
    }, 2 ** 27);
    assert.ok((await wait(future)) instanceof kind.Broken);
    await assertBroken(pool, kind);
  },
  processes,
);

inEachWay(
  'R-CF-21 process.exit() in a function breaks the pool, and its message names the function',
  async (wait, kind) => {
    for (const code of [0, 3]) {
      const pool = kind.make({ maxWorkers: 1 });
      const leave = (exitCode: number) => process.exit(exitCode);
      const future = pool.submit(leave, code);
      const more = pool.submit(square, 2);
      const error = await wait(future);
      assert.ok(error instanceof kind.Broken, String(error));
      assert.match(error.message, /leave\(\)/);
      assert.ok((await wait(more)) instanceof kind.Broken);
      await assertBroken(pool, kind);
    }
  },
);

inEachWay('R-CF-21 process.exit() in an async function is the same', async (wait, kind) => {
  const pool = kind.make({ maxWorkers: 1 });
  const future = pool.submit(async () => {
    await new Promise((resolve) => setImmediate(resolve));
    process.exit(1);
  });
  assert.ok((await wait(future)) instanceof kind.Broken);
  await assertBroken(pool, kind);
});

inEachWay(
  'R-CF-21 an error that a function leaves behind, thrown from a timer, breaks the pool',
  async (wait, kind) => {
    const pool = kind.make({ maxWorkers: 1 });
    const future = pool.submit(async (ownOutput: boolean) => {
      if (ownOutput) {
        const { closeSync, openSync } = process.getBuiltinModule('node:fs');
        closeSync(2); // its last words are for nobody
        openSync('/dev/null', 'w');
      }
      setImmediate(() => {
        throw new Error('left behind');
      });
      await new Promise((resolve) => setTimeout(resolve, 2 ** 30));
    }, kind.name === 'processes');
    assert.ok((await wait(future)) instanceof kind.Broken);
    await assertBroken(pool, kind);
  },
);

inEachWay(
  'R-CF-21 a thread that runs out of memory breaks the pool',
  async (wait, kind) => {
    const pool = new ThreadPoolExecutor({
      maxWorkers: 1,
      resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 4 },
    });
    const future = pool.submit(() => {
      const hoard: unknown[] = [];
      for (;;) hoard.push(new Array(1000).fill(hoard.length));
    });
    assert.ok((await wait(future)) instanceof kind.Broken);
    await assertBroken(pool, kind);
  },
  [kinds[0] as Kind],
);

inEachWay(
  'R-CF-21 a process that runs out of memory breaks the pool',
  async (wait, kind) => {
    const pool = new ProcessPoolExecutor({ maxWorkers: 1, execArgv: ['--max-old-space-size=16'] });
    const future = pool.submit(() => {
      const { openSync, closeSync } = process.getBuiltinModule('node:fs');
      closeSync(2); // V8's last words are for nobody
      openSync('/dev/null', 'w');
      const hoard: unknown[] = [];
      for (;;) hoard.push(new Array(1000).fill(hoard.length));
    });
    assert.ok((await wait(future)) instanceof kind.Broken);
    await assertBroken(pool, kind);
  },
  processes,
);

test('R-CF-21 whoever waits in wait(), asCompleted(), map() and shutdown() learns of a death, too', async () => {
  for (const kind of kinds) {
    const pool = kind.make({ maxWorkers: 1 });
    const leave = (code: number) => process.exit(code);
    const { done } = wait([pool.submit(leave, 1), pool.submit(square, 1)]);
    assert.equal(done.size, 2);
    const mapping = kind.make({ maxWorkers: 1 });
    assert.throws(() => [...mapping.map(leave, [[1, 2]])], kind.Broken);
    const leaving = kind.make({ maxWorkers: 1 });
    const last = leaving.submit(leave, 1);
    leaving.shutdown();
    assert.ok(last.exception() instanceof kind.Broken);
    await asyncio.run(async () => {
      const awaited = kind.make({ maxWorkers: 1 });
      const final = awaited.submit(leave, 1);
      await awaited.shutdownAsync();
      assert.ok(final.exception() instanceof kind.Broken);
    });
  }
});

onEachPool('R-CF-21 another pool is not concerned', async (kind) => {
  const [first, second] = [kind.make({ maxWorkers: 1 }), kind.make({ maxWorkers: 1 })];
  second.submit(square, 1).result();
  assert.ok(first.submit(() => process.exit(1)).exception() instanceof kind.Broken);
  await assertBroken(first, kind);
  await assertAlive(second);
});

// ---------------------------------------------------------------------------------------------- killed on request

inEachWay(
  'withOptions({ timeout, kill }) ends an endless loop with its worker, and only that',
  async (wait, kind) => {
    const pool = kind.make({ maxWorkers: 2 });
    const [started, go] = [new Flag(), new Flag()];
    const other = pool.submit(hold<string>, started.path, go.path, 'spared');
    started.block();
    const late = pool.withOptions({ timeout: 0.02, kill: 0.01 }).submit(spinning, new Flag().path);
    const error = await wait(late);
    assert.ok(error instanceof TimeoutError, String(error));
    assert.equal(other.done(), false);
    go.raise();
    assert.equal(other.result(), 'spared');
    await assertAlive(pool);
  },
);

inEachWay(
  'cancel({ kill: true }) ends an endless loop with its worker; the calls behind it run',
  async (wait, kind) => {
    const pool = kind.make({ maxWorkers: 1 });
    const started = new Flag();
    const endless = pool.submit(spinning, started.path);
    const behind = pool.submit(square, 5);
    await pidIn(started);
    assert.equal(endless.cancel(), false);
    assert.equal(endless.cancel({ kill: true }), true);
    const error = await wait(endless);
    assert.ok(error instanceof CancelledError || asyncio.isCancelledError(error), String(error));
    assert.equal(endless.cancelled(), true);
    assert.equal(behind.result(), 25);
    await assertAlive(pool);
  },
);

inEachWay(
  'withOptions({ kill }) kills the worker of a call that was interrupted and goes on',
  async (wait, kind) => {
    const pool = kind.make({ maxWorkers: 1 });
    const started = new Flag();
    const endless = pool.withOptions({ kill: 0.01 }).submit(spinning, started.path);
    await pidIn(started);
    assert.equal(endless.cancel({ interrupt: true }), true);
    const error = await wait(endless);
    assert.ok(error instanceof CancelledError || asyncio.isCancelledError(error), String(error));
    await assertAlive(pool);
  },
);

onEachPool(
  'cancel({ kill: true }) of a call that has ended, or has not begun, kills nothing',
  async (kind) => {
    const pool = kind.make({ maxWorkers: 1 });
    const mark = pool.submit(() => {
      (globalThis as { mark?: number }).mark = 1;
    });
    mark.result();
    assert.equal(mark.cancel({ kill: true }), false);
    const [started, go] = [new Flag(), new Flag()];
    const held = pool.submit(hold<string>, started.path, go.path, 'held');
    started.block();
    const waiting = pool.submit(square, 2);
    assert.equal(waiting.cancel({ kill: true }), true);
    go.raise();
    assert.equal(held.result(), 'held');
    assert.equal(pool.submit(() => (globalThis as { mark?: number }).mark).result(), 1);
    await assertAlive(pool);
  },
);

onEachPool('the workers that were killed on request leave nothing behind, however many', async (kind) => {
  const pool = kind.make({ maxWorkers: 1 });
  for (let n = 0; n < 5; n++) {
    const started = new Flag();
    const endless = pool.submit(spinning, started.path);
    await pidIn(started);
    endless.cancel({ kill: true });
    assert.ok(thrown(() => endless.result()) instanceof CancelledError);
  }
  assert.equal(pool.statistics().workers.length <= 1, true);
  assert.equal(pool.statistics().cancelled, 5);
  await assertAlive(pool);
});

onEachPool('shutdown() waits for an endless loop until it is killed on request', async (kind) => {
  await asyncio.run(async () => {
    const pool = kind.make({ maxWorkers: 1 });
    const started = new Flag();
    const endless = pool.submit(spinning, started.path);
    await pidIn(started);
    const ending = asyncio.createTask(pool.shutdownAsync());
    await asyncio.sleep(0.001);
    assert.equal(ending.done(), false);
    endless.cancel({ kill: true });
    await ending;
  });
});

// ------------------------------------------------------------------------------------------------- many workers

test('the broker goes on when the threads of a large pool have ended that was blocked for', async () => {
  const threads = new ThreadPoolExecutor({ maxWorkers: 60 });
  const go = new Int32Array(new SharedArrayBuffer(8));
  const meet = (words: Int32Array) => {
    Atomics.add(words, 1, 1);
    Atomics.notify(words, 1);
    Atomics.wait(words, 0, 0);
  };
  const futures = Array.from({ length: 60 }, () => threads.submit(meet, go));
  await until(() => Atomics.load(go, 1) === 60, 'all threads');
  assert.throws(() => futures[0]?.result(0.02), TimeoutError);
  Atomics.store(go, 0, 1);
  Atomics.notify(go, 0);
  threads.shutdown();
  const pool = new ProcessPoolExecutor({ maxWorkers: 1 });
  assert.equal(pool.submit(square, 3).result(60), 9);
  await pool.shutdownAsync();
});

test('none of these tests has left a process', { skip: childrenOf() === null }, async () => {
  await noChildren();
});

for (const [how, end] of Object.entries({
  'process.exit()': 'process.exit(3)',
  'an error that nobody catches': "throw new Error('expected')",
})) {
  test(`a process in the middle of a call ends with its owner: ${how}`, async () => {
    const program = `
      import { ProcessPoolExecutor } from ${JSON.stringify(import.meta.resolve('tsyncio/concurrent'))};
      const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
      console.log(executor.submit(() => process.pid).result());
      const endless = executor.submit(() => { for (;;); });
      setInterval(() => { if (endless.running()) ${end}; }, 5);`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    const pid = Number(stdout);
    assert.ok(pid > 0, stdout);
    await gone(pid);
  });
}
