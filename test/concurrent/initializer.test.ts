import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { ThreadPoolExecutor, workerRef } from 'tsyncio/concurrent';
import { Flag, hold, type Kind, onEachPool, thrown } from './each-pool.js';

const square = (n: number) => n * n;

type Scope = { initialized?: unknown[] };
const remember = (...args: unknown[]) => {
  const scope = globalThis as Scope;
  scope.initialized = [...(scope.initialized ?? []), args];
};
const recall = () => (globalThis as Scope).initialized;

async function logged(body: () => Promise<void>): Promise<unknown[][]> {
  const records: unknown[][] = [];
  const log = (...record: unknown[]) => void records.push(record);
  const outer = asyncio.setLogger({ debug: log, info: log, warn: log, error: log });
  try {
    await body();
  } finally {
    asyncio.setLogger(outer);
  }
  return records;
}

function withInitializer(kind: Kind, initializer: unknown, initargs?: unknown[], maxWorkers = 1) {
  return kind.make({ maxWorkers, initializer, initargs } as never);
}

onEachPool(
  'R-CF-20 the initializer runs once in each worker, before its first call, with initargs',
  async (kind) => {
    const pool = withInitializer(kind, remember, ['a', { b: 1 }], 2);
    const go = new Flag();
    const started = [new Flag(), new Flag()];
    const held = started.map((each) => pool.submit(hold<number>, each.path, go.path, 1));
    for (const each of started) each.block();
    go.raise();
    for (const each of held) each.result();
    for (let n = 0; n < 4; n++) assert.deepEqual(pool.submit(recall).result(), [['a', { b: 1 }]]);
    await pool.shutdownAsync();
  },
);

onEachPool('R-CF-20 an initializer may be async, a coroutine, or a workerRef()', async (kind) => {
  const slow = async (value: string) => {
    const { sleep } = await import('tsyncio');
    await sleep(0.001);
    (globalThis as Scope).initialized = [value];
  };
  for (const initializer of [slow, asyncio.coroutine(slow)]) {
    const pool = withInitializer(kind, initializer, ['slowly']);
    assert.deepEqual(pool.submit(recall).result(), ['slowly']);
    await pool.shutdownAsync();
  }
  const reference = workerRef(new URL('./programs/exports.js', import.meta.url), 'scale');
  const pool = withInitializer(kind, reference, [1]);
  assert.equal(pool.submit(square, 2).result(), 4);
  await pool.shutdownAsync();
});

test('R-CF-20 an initializer that is no function is a TypeError, at once', () => {
  for (const wrong of [1, 'text', {}, true]) {
    assert.throws(() => new ThreadPoolExecutor({ initializer: wrong as never }), TypeError, String(wrong));
  }
  const outside = 1;
  assert.throws(() => new ThreadPoolExecutor({ initializer: () => outside }), /outside/);
  new ThreadPoolExecutor({ initializer: null, maxWorkers: null });
});

for (const waiting of ['blocking', 'awaiting'] as const) {
  onEachPool(
    `R-CF-20 an initializer that throws breaks the pool: all calls fail, and it is logged (${waiting})`,
    async (kind) => {
      const records = await logged(async () => {
        const pool = withInitializer(kind, () => {
          throw new RangeError('no way');
        });
        const futures = [1, 2, 3].map((n) => pool.submit(square, n));
        for (const each of futures) {
          const error = (
            waiting === 'blocking'
              ? each.exception()
              : await (async () => await each)().then(
                  () => null,
                  (reason) => reason,
                )
          ) as Error;
          assert.ok(error instanceof kind.Broken, String(error));
          assert.ok(error.cause instanceof RangeError);
          assert.equal(error.cause.message, 'no way');
        }
        const refused = thrown(() => pool.submit(square, 4));
        assert.ok(refused instanceof kind.Broken);
        assert.throws(() => pool.map(square, [[1]]), kind.Broken);
        pool.shutdown();
        await pool.shutdownAsync();
      });
      assert.equal(records.length, 1);
      assert.match(String(records[0]?.[0]), /Exception in initializer/);
    },
  );
}

onEachPool(
  'R-CF-20 an initializer that rejects, or a module that cannot be imported, breaks the pool too',
  async (kind) => {
    await logged(async () => {
      for (const initializer of [
        async () => {
          throw new Error('rejected');
        },
        workerRef(new URL('./programs/no-such-module.js', import.meta.url), 'f'),
      ]) {
        const pool = withInitializer(kind, initializer);
        assert.ok(pool.submit(square, 1).exception() instanceof kind.Broken);
        await pool.shutdownAsync();
      }
    });
  },
);

onEachPool(
  'R-CF-20 an initializer that throws while the pool is being shut down hangs nobody',
  async (kind) => {
    await logged(async () => {
      const pool = withInitializer(kind, () => {
        throw new Error('late');
      });
      const future = pool.submit(square, 1);
      pool.shutdown();
      assert.ok(future.exception() instanceof kind.Broken);
    });
  },
);
