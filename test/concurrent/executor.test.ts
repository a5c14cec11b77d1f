import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import process from 'node:process';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import {
  type BrokenExecutor,
  CancelledError,
  Executor,
  Future,
  InterpreterPoolExecutor,
  ProcessPoolExecutor,
  ThreadPoolExecutor,
  TimeoutError,
  wait,
  workerRef,
} from 'tsyncio/concurrent';
import { Flag, hold, holdAwaiting, occupy, onEachPool, onSharedPool, thrown } from './each-pool.js';

const exports = new URL('./programs/exports.js', import.meta.url);

const square = (n: number) => n * n;
const divide = (a: number, b: number) => {
  if (b === 0) throw new RangeError('division by zero');
  return a / b;
};
const fail = (text: string): never => {
  throw new TypeError(text);
};

// ---------------------------------------------------------------------------------------------------- submit

onSharedPool('submit() gives a Future whose result() blocks until the call has returned', (pool) => {
  const future = pool.submit((base: number, exponent: number) => base ** exponent, 2, 10);
  assert.ok(future instanceof Future);
  assert.ok(pool instanceof Executor);
  assert.equal(future.result(), 1024);
  assert.equal(future.result(), 1024);
  assert.equal(future.exception(), null);
  assert.deepEqual([future.done(), future.running(), future.cancelled()], [true, false, false]);
});

onSharedPool(
  'R-FUT-19 the future of submit() may be awaited, in a task, in a generator and outside any',
  async (pool) => {
    assert.equal(await pool.submit(square, 3), 9);
    await asyncio.run(async () => assert.equal(await pool.submit(square, 4), 16));
    await asyncio.run(function* () {
      assert.equal(yield* pool.submit(square, 5), 25);
    });
    await assert.rejects(async () => await pool.submit(fail, 'awaited'), {
      name: 'TypeError',
      message: 'awaited',
    });
  },
);

onSharedPool('submit() runs functions of every kind', (pool) => {
  const holder = {
    method(n: number) {
      return n + 1;
    },
  };
  assert.equal(
    pool
      .submit(async (n: number) => {
        const { sleep } = await import('tsyncio');
        return await sleep(0, n + 1);
      }, 1)
      .result(),
    2,
  );
  assert.equal(pool.submit(holder.method, 1).result(), 2);
  assert.equal(pool.submit((n: number) => Promise.resolve(n + 1), 1).result(), 2);
  assert.equal(
    pool
      .submit(function* (n: number): asyncio.Coro<number> {
        const asyncio = require('tsyncio');
        yield* asyncio.sleep(0);
        return n;
      }, 3)
      .result(),
    3,
  );
  const library = asyncio.coroutine(async (n: number) => n * 3);
  assert.equal(pool.submit(library, 3).result(), 9);
});

/** Everything that waits for an executor's future. */
const waysToWait: Record<string, (make: () => Future) => PromiseLike<unknown>> = {
  'a function that returns it, under timeout()': (make) => asyncio.timeout('1h').run(() => make()),
  'an async function under timeout()': (make) => asyncio.timeout('1h').run(async () => await make()),
  'a task of a function that returns it': (make) => asyncio.createTask(() => make()),
  'a generator coroutine': (make) =>
    asyncio.createTask(function* () {
      return yield* make();
    }),
  'waitFor()': (make) => asyncio.waitFor(make(), '1h'),
  'waitFor() of a function': (make) => asyncio.waitFor(() => make(), '1h'),
  'ensureFuture()': (make) => asyncio.ensureFuture(make()),
  'gather()': (make) => asyncio.gather([make()]),
  'gather() of a function': (make) => asyncio.gather([() => make()]),
  'shield()': (make) => asyncio.shield(make()),
  'wrapPromise()': (make) => asyncio.wrapPromise(make()),
  'asCompleted()': async (make) => {
    for await (const future of asyncio.asCompleted([make()])) await future;
  },
  'Promise.all()': (make) => Promise.all([make(), make()]),
};

test('whatever waits for a future of an executor gets its error, and nobody is told that it was never retrieved', async () => {
  for (const [way, wait] of Object.entries(waysToWait)) {
    const reports: unknown[] = [];
    await asyncio.run(async () => {
      asyncio.getRunningLoop().setExceptionHandler((_, context) => reports.push(context.message));
      const make = () => {
        const future = new Future();
        asyncio.getRunningLoop().callSoon(() => future.setException(new RangeError('of the call')));
        return future;
      };
      await assert.rejects(async () => await wait(make), RangeError, way);
      // The loop reports what is left when it is closed.
    });
    assert.deepEqual(reports, [], way);
  }
});

test('whatever waits for a future of an executor can be cancelled at once, and cancels a call that has not begun', async () => {
  const passedOn = (way: string) => !['shield()', 'wrapPromise()', 'asCompleted()'].includes(way);
  for (const running of [false, true]) {
    for (const [way, wait] of Object.entries(waysToWait)) {
      await asyncio.run(async () => {
        const futures: Future[] = [];
        const task = asyncio.createTask(async () => {
          await wait(() => {
            const future = new Future();
            if (running) future.setRunningOrNotifyCancel();
            futures.push(future);
            return future;
          });
        });
        while (futures.length === 0) await asyncio.sleep(0);
        for (let i = 0; i < 5; i++) await asyncio.sleep(0);
        task.cancel();
        await asyncio.wait([task]);
        assert.ok(task.cancelled(), way);
        for (let i = 0; i < 5; i++) await asyncio.sleep(0);
        if (passedOn(way) && !running)
          assert.ok(
            futures.every((future) => future.cancelled()),
            way,
          );
      });
    }
  }
});

test('a timeout around a function that returns a future of an executor ends the wait for a call that runs', async () => {
  await asyncio.run(async () => {
    const future = new Future();
    future.setRunningOrNotifyCancel();
    await assert.rejects(async () => await asyncio.timeout('1ms').run(() => future), asyncio.TimeoutError);
  });
});

test('submit() refuses what is no function, and variables from outside, at once and by name', async () => {
  const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
  const outside = Math.random();
  for (const wrong of [undefined, null, 1, 'text', {}, []]) {
    assert.throws(() => pool.submit(wrong as never), TypeError, String(wrong));
  }
  assert.throws(() => pool.submit(() => outside), /'?outside'?/);
  assert.deepEqual([pool.statistics().queued, pool.submit(square, 2).result()], [0, 4]);
  await pool.shutdownAsync();
});

onSharedPool('submit() of a workerRef() calls the function of the module', async (pool) => {
  const missing = pool.submit(workerRef(exports, 'no-such-export'));
  const error = missing.exception() as Error;
  assert.equal(error.name, 'TypeError');
  assert.match(error.message, /no such export/);
  const gone = pool.submit(workerRef(new URL('./programs/no-such-file.js', import.meta.url), 'f'));
  assert.match((gone.exception() as Error).message, /no-such-file/);
  assert.equal(pool.submit(square, 2).result(), 4);
});

onSharedPool(
  'R-CF-23 an error has its class, its message, its properties, its cause and the stack of the worker',
  (pool) => {
    const future = pool.submit(function outerFunction() {
      const inner = new RangeError('inner');
      throw Object.assign(new TypeError('outer', { cause: inner }), { code: 'E_TEST', detail: { n: 1 } });
    });
    const error = future.exception() as TypeError & { code: string; detail: unknown };
    assert.ok(error instanceof TypeError);
    assert.deepEqual([error.message, error.code, error.detail], ['outer', 'E_TEST', { n: 1 }]);
    assert.ok(error.cause instanceof RangeError);
    assert.equal(error.cause.message, 'inner');
    assert.match(error.stack as string, /outerFunction/);
    assert.equal(
      thrown(() => future.result()),
      error,
    );
  },
);

onSharedPool('what is thrown may be anything', (pool) => {
  const [text, nothing, object] = [
    pool.submit(() => {
      throw 'text';
    }),
    pool.submit(() => {
      throw undefined;
    }),
    pool.submit(() => {
      throw { code: 7 };
    }),
  ];
  wait([text, nothing, object]);
  const caught: unknown[] = [];
  for (const future of [text, nothing, object]) {
    try {
      future.result();
      assert.fail('nothing was thrown');
    } catch (error) {
      caught.push(error);
    }
  }
  assert.deepEqual(caught, ['text', undefined, { code: 7 }]);
});

onSharedPool(
  'a SystemExit or KeyboardInterrupt of a function is its outcome, and the worker lives on',
  (pool) => {
    for (const name of ['SystemExit', 'KeyboardInterrupt'] as const) {
      const future = pool.submit(async (which: 'SystemExit' | 'KeyboardInterrupt') => {
        const module = await import('tsyncio');
        throw new module[which]();
      }, name);
      assert.equal((future.exception(20) as Error).name, name);
    }
    assert.equal(pool.submit(square, 2).result(20), 4);
  },
);

onSharedPool('calls of one worker run in the order of submission', (pool) => {
  const order = Array.from({ length: 50 }, (_, n) =>
    pool.submit((each: number) => {
      const scope = globalThis as { seenInOrder?: number[] };
      scope.seenInOrder ??= [];
      scope.seenInOrder.push(each);
      return scope.seenInOrder.length - 1;
    }, n),
  ).map((future) => future.result());
  const first = order[0] as number;
  assert.deepEqual(
    order,
    order.map((_, n) => first + n),
  );
});

// ----------------------------------------------------------------------------------------------- cancellation

onSharedPool('R-CF-02 a call that waits can be cancelled, and never runs; one that runs can not', (pool) => {
  const flag = new Flag();
  const { future: running, release } = occupy(pool);
  const waiting = pool.submit(
    (path: string) => process.getBuiltinModule('node:fs').writeFileSync(path, ''),
    flag.path,
  );
  assert.deepEqual([running.running(), running.done(), running.cancel()], [true, false, false]);
  assert.deepEqual([waiting.running(), waiting.done()], [false, false]);
  assert.equal(waiting.cancel(), true);
  assert.equal(waiting.cancel(), true);
  assert.deepEqual([waiting.cancelled(), waiting.done(), waiting.running()], [true, true, false]);
  assert.ok(thrown(() => waiting.result()) instanceof CancelledError);
  release();
  assert.equal(running.result(), 'held');
  assert.equal(running.cancel(), false);
  assert.equal(pool.submit(square, 2).result(), 4);
  assert.equal(flag.up, false);
});

onSharedPool(
  'R-CF-24 what a worker has taken is running, also while this thread was busy with something else',
  (pool) => {
    const [started, go] = [new Flag(), new Flag()];
    const future = pool.submit(hold<number>, started.path, go.path, 1);
    started.block();
    assert.match(String(future), /state=running/);
    assert.equal(future.cancel(), false);
    go.raise();
    assert.equal(future.result(), 1);
  },
);

onSharedPool(
  'R-CF-04 callbacks of a cancelled call run at once; of one that ends, in this thread, while it blocks too',
  (pool) => {
    const { future, release } = occupy(pool);
    const log: string[] = [];
    const waiting = pool.submit(square, 1);
    waiting.addDoneCallback((done) => log.push(`cancelled ${done.cancelled()}`));
    waiting.cancel();
    assert.deepEqual(log, ['cancelled true']);
    future.addDoneCallback((done) => log.push(`held ${done.result() === 'held'}`));
    release();
    future.result();
    assert.deepEqual(log, ['cancelled true', 'held true']);
  },
);

onSharedPool('a done callback may submit, and block for what it has submitted', (pool) => {
  const log: number[] = [];
  const first = pool.submit(square, 2);
  first.addDoneCallback((done) => {
    log.push(pool.submit(square, done.result() as number).result());
  });
  first.result();
  assert.deepEqual(log, [16]);
});

onSharedPool(
  'cancel({ interrupt: true }) cancels the task of an async function that runs, which may clean up',
  (pool) => {
    const [started, cleaned] = [new Flag(), new Flag()];
    const future = pool.submit(
      async (startedPath: string, cleanedPath: string) => {
        const { writeFileSync } = process.getBuiltinModule('node:fs');
        const asyncio = await import('tsyncio');
        try {
          writeFileSync(startedPath, '');
          await asyncio.sleep('1h');
        } finally {
          await asyncio.sleep(0);
          writeFileSync(cleanedPath, '');
        }
      },
      started.path,
      cleaned.path,
    );
    started.block();
    assert.equal(future.cancel({ interrupt: true }), true);
    assert.ok(thrown(() => future.result()) instanceof CancelledError);
    assert.deepEqual([future.cancelled(), cleaned.up], [true, true]);
    assert.equal(pool.submit(square, 2).result(), 4);
  },
);

onSharedPool('R-FUT-19 cancelling a task that awaits a call cancels the call in its worker', async (pool) => {
  await asyncio.run(async () => {
    const [started, go] = [new Flag(), new Flag()];
    const future = pool.submit(holdAwaiting<number>, started.path, go.path, 1);
    const task = asyncio.createTask(async () => await future);
    await asyncio.sleep(0);
    await started.seen();
    task.cancel();
    await assert.rejects(async () => await task, asyncio.CancelledError);
    await asyncio.wait([asyncio.ensureFuture(asyncio.shield(asyncio.wrapFuture(future)))]);
    assert.equal(future.cancelled(), true);
  });
  assert.equal(pool.submit(square, 2).result(), 4);
});

onSharedPool('the signal of an interrupted call is aborted', (pool) => {
  const started = new Flag();
  const future = pool.submit(async (path: string) => {
    const asyncio = await import('tsyncio');
    const signal = asyncio.currentSignal() as AbortSignal;
    const aborted = new Promise((resolve) => signal.addEventListener('abort', () => resolve('aborted')));
    process.getBuiltinModule('node:fs').writeFileSync(path, '');
    return await aborted;
  }, started.path);
  started.block();
  assert.equal(future.cancel({ interrupt: true }), true);
  assert.equal(future.done() ? null : future.exception(30) === null ? future.result() : null, 'aborted');
});

onSharedPool('an interruption that comes before the function is there is not lost', (pool) => {
  const [started, go] = [new Flag(), new Flag()];
  const module = new URL('./programs/slow-import.js', import.meta.url);
  module.search = String(new URLSearchParams({ started: started.path, go: go.path }));
  const future = pool.submit(workerRef(module, 'sleepLong'));
  started.block();
  assert.equal(future.cancel({ interrupt: true }), true);
  go.raise();
  assert.ok(thrown(() => future.result(30)) instanceof CancelledError);
});

onSharedPool(
  'withOptions({ timeout }) cancels the task of a call that takes too long, and the call fails with TimeoutError',
  (pool) => {
    const quick = pool.withOptions({ timeout: 30 }).submit(square, 3);
    assert.equal(quick.result(), 9);
    const late = pool.withOptions({ timeout: '5ms' }).submit(async () => {
      const { sleep } = await import('tsyncio');
      await sleep('1h');
    });
    assert.ok(late.exception() instanceof TimeoutError);
    assert.equal(pool.submit(square, 2).result(), 4);
  },
);

onSharedPool(
  'the time of withOptions({ timeout }) counts from the start of the call, not from its submission',
  (pool) => {
    const { release } = occupy(pool);
    const timed = pool.withOptions({ timeout: 20, kill: true }).submit(square, 3);
    assert.throws(() => timed.result(0.02), TimeoutError);
    release();
    assert.equal(timed.result(), 9);
  },
);

test('withOptions() checks its durations', async () => {
  const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
  assert.throws(() => pool.withOptions({ timeout: 'soon' as never }));
  assert.throws(() => pool.withOptions({ kill: 'soon' as never }));
  await pool.shutdownAsync();
});

// ------------------------------------------------------------------------------------------------------- map

onSharedPool(
  'R-CF-09 map() gives the results in the order of the input, and stops at the shortest iterable',
  (pool) => {
    assert.deepEqual([...pool.map(square, [[1, 2, 3, 4]])], [1, 4, 9, 16]);
    assert.deepEqual(
      [
        ...pool.map(divide, [
          [10, 9, 8],
          [5, 3],
        ]),
      ],
      [2, 3],
    );
    assert.deepEqual([...pool.map(square, [[]])], []);
    assert.deepEqual([...pool.map(square, [new Set([2, 3])])], [4, 9]);
  },
);

onSharedPool('R-CF-09 for await over map() suspends instead of blocking', async (pool) => {
  await asyncio.run(async () => {
    const seen: number[] = [];
    for await (const each of pool.map(square, [[1, 2, 3]])) seen.push(each);
    assert.deepEqual(seen, [1, 4, 9]);
  });
  const outside: number[] = [];
  for await (const each of pool.map(square, [[4, 5]])) outside.push(each);
  assert.deepEqual(outside, [16, 25]);
});

onSharedPool('R-CF-09 several tasks may take the results of map() in turn', async (pool) => {
  await asyncio.run(async () => {
    const results = pool.map(square, [[1, 2, 3, 4, 5]]);
    const steps = results[Symbol.asyncIterator]();
    const taken = await asyncio.gather([steps.next(), steps.next(), steps.next()]);
    assert.deepEqual(
      taken.map(({ value }) => value),
      [1, 4, 9],
    );
    const seen: number[] = [];
    const drain = async () => {
      for await (const each of results) seen.push(each);
    };
    await asyncio.gather([drain, drain]);
    assert.deepEqual(seen, [16, 25]);
  });
});

onSharedPool('R-CF-09 leaving map() ends it also for a task that waits for its next result', async (pool) => {
  await asyncio.run(async () => {
    const go = new Flag();
    const held = pool.submit(hold<number>, new Flag().path, go.path, 0);
    const results = pool.map(square, [[1, 2]]);
    const seen: number[] = [];
    const other = asyncio.createTask(async () => {
      for await (const each of results) seen.push(each);
      return 'over';
    });
    await asyncio.sleep(0.001);
    results.return();
    assert.equal(await other, 'over');
    assert.deepEqual(seen, []);
    go.raise();
    await held;
  });
});

onSharedPool('R-CF-09 map() submits everything at the call', (pool) => {
  const flag = new Flag();
  const results = pool.map(
    (path: string) => process.getBuiltinModule('node:fs').writeFileSync(path, 'x'),
    [[flag.path]],
  );
  flag.block();
  assert.deepEqual([...results], [undefined]);
});

onSharedPool('map() refuses what is no array of iterables, and runs no iterator for it', (pool) => {
  for (const wrong of [undefined, 1, [1], [undefined], 'ab']) {
    assert.throws(() => pool.map(square, wrong as never), TypeError, String(wrong));
  }
});

onSharedPool(
  'R-CF-10 map() with a timeout throws TimeoutError at the result that is late, and cancels the rest',
  (pool) => {
    const go = new Flag();
    const paths = [new Flag(), new Flag(), new Flag()];
    paths[0]?.raise();
    const task = async (goPath: string, startedPath: string, n: number) => {
      const asyncio = await import('tsyncio');
      const fs = process.getBuiltinModule('node:fs');
      if (n === 0) return n;
      fs.writeFileSync(startedPath, '');
      while (!fs.existsSync(goPath)) await asyncio.sleep(0.001);
      return n;
    };
    const before = pool.statistics().cancelled;
    const results = pool.map(task, [[go.path, go.path, go.path], paths.map((each) => each.path), [0, 1, 2]], {
      timeout: 5,
    });
    assert.deepEqual(results.next(), { value: 0, done: false });
    paths[1]?.block();
    const late = pool.map(task, [[go.path], [paths[2]?.path as string], [2]], { timeout: 0.01 });
    assert.throws(() => late.next(), TimeoutError);
    assert.equal(late.next().done, true, 'it is over');
    results.return();
    assert.equal(pool.submit(square, 2).result(), 4);
    assert.equal(pool.statistics().cancelled - before, 3);
  },
);

onSharedPool('R-CF-10 for await over map() with a timeout is the same', async (pool) => {
  const { release } = occupy(pool);
  await asyncio.run(async () => {
    const results = pool.map(square, [[1, 2]], { timeout: 0.01 })[Symbol.asyncIterator]();
    await assert.rejects(async () => await results.next(), TimeoutError);
  });
  release();
  assert.equal(pool.submit(square, 2).result(), 4);
});

onSharedPool('R-CF-10 leaving the loop cancels the calls whose results were not taken', (pool) => {
  const before = pool.statistics();
  const flags = [new Flag(), new Flag(), new Flag()];
  for (const _ of pool.map(
    async (path: string) => {
      const asyncio = await import('tsyncio');
      process.getBuiltinModule('node:fs').appendFileSync(path, 'x');
      if (path.endsWith('never')) await asyncio.sleep('1h');
    },
    [[flags[0]?.path as string, `${flags[1]?.path}never`, `${flags[2]?.path}never`]],
  )) {
    break;
  }
  assert.equal(pool.submit(square, 2).result(), 4);
  const { cancelled } = pool.statistics();
  assert.equal(cancelled - before.cancelled, 2);
});

onSharedPool('R-CF-11 an error of a call surfaces when its turn comes, and ends the iteration', (pool) => {
  const results = pool.map(divide, [
    [6, 5, 4],
    [3, 0, 2],
  ]);
  assert.equal(results.next().value, 2);
  assert.throws(() => results.next(), { name: 'RangeError', message: 'division by zero' });
  assert.equal(results.next().done, true);
});

onSharedPool(
  'R-CF-12 map() with buffersize takes an endless iterable, and no more of it than that',
  (pool) => {
    let taken = 0;
    let closed = false;
    function* endless() {
      try {
        for (;;) yield taken++;
      } finally {
        closed = true;
      }
    }
    const seen: number[] = [];
    for (const each of pool.map(square, [endless()], { buffersize: 3 })) {
      assert.ok(taken <= seen.length + 4, `${taken} taken for ${seen.length} seen`);
      seen.push(each);
      if (seen.length === 10) break;
    }
    assert.deepEqual(seen, [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]);
    assert.equal(closed, true);
  },
);

onSharedPool('R-CF-12 buffersize must be a positive integer', (pool) => {
  for (const wrong of [1.5, '3', true]) {
    assert.throws(() => pool.map(square, [[1]], { buffersize: wrong as never }), TypeError);
  }
  for (const wrong of [0, -1]) {
    assert.throws(() => pool.map(square, [[1]], { buffersize: wrong }), { name: 'ValueError' });
  }
  assert.deepEqual([...pool.map(square, [[1]], { buffersize: null })], [1]);
});

onSharedPool('an error of the iterable of map() comes out, and cancels what was submitted', (pool) => {
  function* broken() {
    yield 1;
    throw new Error('iterable');
  }
  assert.throws(() => pool.map(square, [broken()]), /iterable/);
  assert.equal(pool.submit(square, 2).result(), 4);
});

onSharedPool(
  'R-CF-13 chunksize sends calls in batches to processes, and means nothing to threads',
  (pool, kind) => {
    const numbers = Array.from({ length: 10 }, (_, n) => n);
    for (const chunksize of [1, 3, 10, 100]) {
      assert.deepEqual([...pool.map(square, [numbers], { chunksize })], numbers.map(square));
    }
    assert.throws(
      () => [
        ...pool.map(
          divide,
          [
            [1, 1, 1],
            [1, 0, 1],
          ],
          { chunksize: 2 },
        ),
      ],
      RangeError,
    );
    for (const wrong of [0, -1]) {
      if (kind.name === 'processes')
        assert.throws(() => pool.map(square, [[1]], { chunksize: wrong }), { name: 'ValueError' });
      else assert.deepEqual([...pool.map(square, [[1]], { chunksize: wrong })], [1]);
    }
  },
);

onSharedPool('R-CF-13 a batch of async functions is awaited one by one', (pool) => {
  const slow = async (n: number) => {
    const { sleep } = await import('tsyncio');
    return await sleep(0, n + 1);
  };
  assert.deepEqual([...pool.map(slow, [[1, 2, 3]], { chunksize: 2 })], [2, 3, 4]);
});

// ------------------------------------------------------------------------------------------- options of pools

test('R-CF-17 maxWorkers must be a positive integer, and has a default', () => {
  for (const Kind of [ThreadPoolExecutor, ProcessPoolExecutor]) {
    for (const wrong of [0, -1]) {
      assert.throws(() => new Kind({ maxWorkers: wrong }), {
        name: 'ValueError',
        message: 'maxWorkers must be greater than 0',
      });
    }
    for (const wrong of [1.5, Number.NaN, '2']) {
      assert.throws(() => new Kind({ maxWorkers: wrong as never }), TypeError);
    }
  }
  assert.equal(new ThreadPoolExecutor().maxWorkers, Math.min(32, availableParallelism() + 4));
  assert.equal(new ProcessPoolExecutor().maxWorkers, availableParallelism());
  assert.equal(
    new ThreadPoolExecutor({ maxWorkers: null }).maxWorkers,
    Math.min(32, availableParallelism() + 4),
  );
});

onEachPool(
  'R-CF-18 workers start on demand, and an idle one is used before a new one starts',
  async (kind) => {
    const pool = kind.make({ maxWorkers: 3 });
    assert.equal(pool.statistics().workers.length, 0);
    for (let n = 0; n < 50; n++) assert.equal(pool.submit(square, n).result(), n * n);
    assert.equal(pool.statistics().workers.length, 1);
    const go = new Flag();
    const started = [new Flag(), new Flag(), new Flag(), new Flag()];
    const futures = started.map((each) => pool.submit(hold<number>, each.path, go.path, 1));
    for (const each of started.slice(0, 3)) each.block();
    assert.equal(pool.statistics().workers.length, 3);
    assert.equal(started[3]?.up, false);
    go.raise();
    wait(futures);
    await pool.shutdownAsync();
  },
);

test('R-CF-19 workers are named after their pool, and counted', async () => {
  const named = new ThreadPoolExecutor({ maxWorkers: 1, threadNamePrefix: 'Painter' });
  named.submit(square, 1).result();
  assert.deepEqual(
    named.statistics().workers.map(({ name }) => name),
    ['Painter_0'],
  );
  const [first, second] = [
    new ThreadPoolExecutor({ maxWorkers: 1 }),
    new InterpreterPoolExecutor({ maxWorkers: 1 }),
  ];
  first.submit(square, 1).result();
  second.submit(square, 1).result();
  assert.match(first.statistics().workers[0]?.name as string, /^ThreadPoolExecutor-\d+_0$/);
  assert.match(second.statistics().workers[0]?.name as string, /^InterpreterPoolExecutor-\d+_0$/);
  const processes = new ProcessPoolExecutor({ maxWorkers: 1 });
  assert.match(processes.submit(() => process.title).result(), /^ProcessPoolExecutor-\d+_0/);
  await Promise.all([named, first, second, processes].map(async (pool) => await pool.shutdownAsync()));
});

test('R-CF-25 maxTasksPerChild replaces a process after so many calls, also when the pool is shutting down', async () => {
  const pool = new ProcessPoolExecutor({ maxWorkers: 1, maxTasksPerChild: 2 });
  const futures = [1, 2, 3, 4, 5].map(() => pool.submit(() => process.pid));
  pool.shutdown();
  const pids = futures.map((each) => each.result());
  assert.equal(pids[0], pids[1]);
  assert.equal(pids[2], pids[3]);
  assert.equal(new Set(pids).size, 3);
});

test('R-CF-25 a process that has run its calls is replaced while the pool goes on', async () => {
  const pool = new ProcessPoolExecutor({ maxWorkers: 1, maxTasksPerChild: 1 });
  const pids: number[] = [];
  for (let n = 0; n < 3; n++) pids.push(pool.submit(() => process.pid).result());
  assert.equal(new Set(pids).size, 3);
  await pool.shutdownAsync();
});

test('R-CF-25 maxTasksPerChild must be a positive integer', () => {
  for (const wrong of [1.5, '2']) {
    assert.throws(() => new ProcessPoolExecutor({ maxTasksPerChild: wrong as never }), TypeError);
  }
  for (const wrong of [0, -1]) {
    assert.throws(() => new ProcessPoolExecutor({ maxTasksPerChild: wrong }), { name: 'ValueError' });
  }
});

test('processes start by spawning only', () => {
  assert.throws(() => new ProcessPoolExecutor({ mpContext: { startMethod: 'fork' as never } }), {
    name: 'ValueError',
  });
  for (const startMethod of ['spawn', 'forkserver'] as const)
    new ProcessPoolExecutor({ mpContext: { startMethod } });
});

test('env and execArgv are those of the worker processes, env that of worker threads', async () => {
  const env = { ...process.env, TSYNCIO_TEST: 'here', TSYNCIO_NONE: undefined };
  const pools = [
    new ProcessPoolExecutor({ maxWorkers: 1, env, execArgv: ['--stack-trace-limit=7'] }),
    new ThreadPoolExecutor({ maxWorkers: 1, env }),
  ] as const;
  for (const pool of pools) {
    assert.equal(pool.submit(() => process.env.TSYNCIO_TEST).result(), 'here');
    assert.equal(pool.submit(() => process.env.TSYNCIO_NONE).result(), undefined, 'undefined: not set');
  }
  assert.equal(pools[0].submit(() => Error.stackTraceLimit).result(), 7);
  for (const pool of pools) await pool.shutdownAsync();
});

test('threads run side by side', async () => {
  const pool = new ThreadPoolExecutor({ maxWorkers: 2 });
  const meeting = new Int32Array(new SharedArrayBuffer(4));
  const meet = (word: Int32Array) => {
    Atomics.add(word, 0, 1);
    Atomics.notify(word, 0);
    while (Atomics.load(word, 0) < 2) Atomics.wait(word, 0, 1);
    return true;
  };
  assert.deepEqual(
    [pool.submit(meet, meeting), pool.submit(meet, meeting)].map((each) => each.result()),
    [true, true],
  );
  await pool.shutdownAsync();
});

// ---------------------------------------------------------------------------------------------- backpressure

onEachPool(
  'submit() of more than maxQueued calls throws QueueFull, and cancelling makes room',
  async (kind) => {
    const pool = kind.make({ maxWorkers: 1, maxQueued: 2 });
    const { future, release } = occupy(pool);
    const [first, second] = [pool.submit(square, 1), pool.submit(square, 2)];
    assert.throws(() => pool.submit(square, 3), asyncio.QueueFull);
    assert.throws(() => pool.withOptions({ timeout: 1 }).submit(square, 3), asyncio.QueueFull);
    assert.deepEqual([pool.statistics().queued, pool.statistics().running], [2, 1]);
    first.cancel();
    assert.deepEqual([pool.statistics().queued, pool.statistics().running], [1, 1]);
    const third = pool.submit(square, 3);
    assert.throws(() => pool.submit(square, 4), asyncio.QueueFull);
    release();
    assert.deepEqual([future.result(), second.result(), third.result()], ['held', 4, 9]);
    await pool.shutdownAsync();
  },
);

onEachPool('submitAsync() waits for room, and a cancellation makes some', async (kind) => {
  await asyncio.run(async () => {
    const pool = kind.make({ maxWorkers: 1, maxQueued: 1 });
    const { release } = occupy(pool);
    const waiting = pool.submit(square, 1);
    const task = asyncio.createTask(pool.submitAsync(square, 5));
    const never = asyncio.createTask(pool.submitAsync(square, 6));
    await asyncio.sleep(0);
    assert.equal(pool.statistics().queued, 1);
    never.cancel();
    waiting.cancel();
    await assert.rejects(async () => await never, asyncio.CancelledError);
    await asyncio.sleep(0);
    assert.equal(pool.statistics().queued, 1);
    assert.throws(() => pool.submit(square, 7), asyncio.QueueFull);
    release();
    assert.equal(await task, 25);
    await pool.shutdownAsync();
  });
});

onEachPool('submitAsync() finds room when a worker takes a call, before that has ended', async (kind) => {
  await asyncio.run(async () => {
    const pool = kind.make({ maxWorkers: 1, maxQueued: 1 });
    const { release } = occupy(pool);
    const [started, go] = [new Flag(), new Flag()];
    const second = pool.submit(hold<number>, started.path, go.path, 2);
    const third = asyncio.createTask(pool.submitAsync(square, 3));
    await asyncio.sleep(0);
    release();
    await started.seen();
    while (pool.statistics().queued === 0) await asyncio.sleep(0.001);
    assert.equal(second.done(), false);
    go.raise();
    assert.equal(await third, 9);
    await pool.shutdownAsync();
  });
});

onEachPool('whoever waits for room when the pool is shut down gets RuntimeError', async (kind) => {
  await asyncio.run(async () => {
    const pool = kind.make({ maxWorkers: 1, maxQueued: 1 });
    const { release } = occupy(pool);
    pool.submit(square, 1);
    const task = asyncio.createTask(pool.submitAsync(square, 5));
    await asyncio.sleep(0);
    pool.shutdown({ wait: false });
    await assert.rejects(async () => await task, /cannot schedule new futures after shutdown/);
    release();
    await pool.shutdownAsync();
  });
});

onEachPool('statistics() counts what became of the calls', async (kind) => {
  const pool = kind.make({ maxWorkers: 1 });
  wait([pool.submit(square, 1), pool.submit(square, 2), pool.submit(fail, 'x')]);
  const { release, future } = occupy(pool);
  pool.submit(square, 3).cancel();
  const last = pool.submit(square, 4);
  const during = pool.statistics();
  assert.deepEqual(
    [during.queued, during.running, during.done, during.failed, during.cancelled],
    [1, 1, 3, 1, 1],
  );
  release();
  wait([future, last]);
  const afterwards = pool.statistics();
  assert.deepEqual([afterwards.queued, afterwards.running, afterwards.done], [0, 0, 5]);
  const [worker] = afterwards.workers;
  assert.equal(worker?.done, 5);
  assert.ok((worker?.busy as number) > 0 && (worker?.utilisation as number) > 0);
  assert.ok((worker?.utilisation as number) <= 1);
  await pool.shutdownAsync();
});

// --------------------------------------------------------------------------------------- the bridge to loops

test('R-LOOP-32 runInExecutor(null) makes a pool of threads named asyncio and keeps it; its future is of the loop', async () => {
  await asyncio.run(async () => {
    const loop = asyncio.getRunningLoop();
    const future = loop.runInExecutor(null, square, 3);
    assert.ok(asyncio.isfuture(future));
    assert.equal(future.getLoop(), loop);
    assert.equal(await future, 9);
    const counter = () => {
      const scope = globalThis as { count?: number };
      scope.count = (scope.count ?? 0) + 1;
      return scope.count;
    };
    assert.deepEqual(
      [await loop.runInExecutor(null, counter), await loop.runInExecutor(null, counter)],
      [1, 2],
    );
  });
});

test('R-LOOP-32 cancelling the future of runInExecutor() cancels the call', async () => {
  await asyncio.run(async () => {
    const loop = asyncio.getRunningLoop();
    const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
    const { release } = occupy(pool);
    const flag = new Flag();
    const future = loop.runInExecutor(
      pool,
      (path: string) => process.getBuiltinModule('node:fs').writeFileSync(path, ''),
      flag.path,
    );
    future.cancel();
    await asyncio.sleep(0);
    release();
    await pool.shutdownAsync();
    assert.equal(flag.up, false);
  });
});

onSharedPool('R-LOOP-33 runInExecutor() takes any executor', async (pool) => {
  await asyncio.run(async () => {
    assert.equal(await asyncio.getRunningLoop().runInExecutor(pool, square, 4), 16);
    await assert.rejects(
      async () => await asyncio.getRunningLoop().runInExecutor(pool, fail, 'x'),
      TypeError,
    );
  });
});

test('R-LOOP-33 runInExecutor() without an executor says what it expects', async () => {
  await asyncio.run(async () => {
    const loop = asyncio.getRunningLoop();
    for (const wrong of [square, 'pool', {}]) {
      assert.throws(() => loop.runInExecutor(wrong as never, square, 4), {
        name: 'TypeError',
        message:
          /^Cannot run a function in .*: expected an executor, or null for the default one, and then the function$/,
      });
    }
  });
});

test('R-LOOP-33 after shutdownDefaultExecutor() the default one is refused, others still work', async () => {
  await asyncio.run(async () => {
    const loop = asyncio.getRunningLoop();
    await loop.runInExecutor(null, square, 1);
    await loop.shutdownDefaultExecutor();
    assert.throws(() => loop.runInExecutor(null, square, 1), {
      name: 'RuntimeError',
      message: 'Executor shutdown has been called',
    });
    await using pool = new ThreadPoolExecutor({ maxWorkers: 1 });
    assert.equal(await loop.runInExecutor(pool, square, 5), 25);
  });
});

test('R-LOOP-34 shutdownDefaultExecutor() waits for the calls; with a timeout it warns and goes on', async () => {
  const warnings: string[] = [];
  const log = (message: string) => void warnings.push(message);
  const outer = asyncio.setLogger({ debug: log, info: log, warn: log, error: log });
  try {
    const [started, go] = [new Flag(), new Flag()];
    let future: asyncio.Future<number> | undefined;
    await asyncio.run(async () => {
      const loop = asyncio.getRunningLoop();
      future = loop.runInExecutor(null, hold<number>, started.path, go.path, 1);
      await started.seen();
      const ending = asyncio.createTask(loop.shutdownDefaultExecutor());
      await asyncio.sleep(0.001);
      assert.equal(ending.done(), false);
      ending.cancel();
      await asyncio.wait([ending]);
      await loop.shutdownDefaultExecutor(0.01);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0] as string, /did not finish.* within 0.01 seconds/);
      go.raise();
      assert.equal(await future, 1);
    });
  } finally {
    asyncio.setLogger(outer);
  }
});

test('R-LOOP-34 run() shuts the default executor down, and waits for its calls', async () => {
  const [started, go] = [new Flag(), new Flag()];
  let done = false;
  const running = asyncio
    .run(async () => {
      void asyncio.getRunningLoop().runInExecutor(null, hold<number>, started.path, go.path, 1);
      await started.seen();
    })
    .then(() => {
      done = true;
    });
  await started.seen();
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(done, false);
  go.raise();
  await running;
});

test('R-LOOP-35 setDefaultExecutor() takes a ThreadPoolExecutor and nothing else', async () => {
  await asyncio.run(async () => {
    const loop = asyncio.getRunningLoop();
    for (const wrong of [undefined, null, {}, new ProcessPoolExecutor()]) {
      assert.throws(() => loop.setDefaultExecutor(wrong as never), TypeError);
    }
    const pool = new ThreadPoolExecutor({ maxWorkers: 1, threadNamePrefix: 'mine' });
    loop.setDefaultExecutor(pool);
    assert.equal(await loop.runInExecutor(null, square, 6), 36);
    assert.equal(pool.statistics().done, 1);
    assert.equal(await asyncio.toThread(square, 7), 49);
    assert.equal(pool.statistics().done, 2);
  });
});

test('R-THR-01 toThread() gives the result or the error, of both kinds of coroutines, several at a time', async () => {
  await asyncio.run(async () => {
    assert.equal(await asyncio.toThread(square, 3), 9);
    await assert.rejects(async () => await asyncio.toThread(fail, 'thrown'), {
      name: 'TypeError',
      message: 'thrown',
    });
    const meeting = new Int32Array(new SharedArrayBuffer(4));
    const meet = (word: Int32Array) => {
      Atomics.add(word, 0, 1);
      Atomics.notify(word, 0);
      while (Atomics.load(word, 0) < 2) Atomics.wait(word, 0, 1);
      return 'met';
    };
    assert.deepEqual(
      await asyncio.gather([asyncio.toThread(meet, meeting), asyncio.toThread(meet, meeting)]),
      ['met', 'met'],
    );
  });
  await asyncio.run(function* () {
    assert.equal(yield* asyncio.toThread(square, 4), 16);
  });
});

test('R-THR-01 cancelling toThread() cancels the task of the function in the thread', async () => {
  await asyncio.run(async () => {
    const [started, cleaned] = [new Flag(), new Flag()];
    const task = asyncio.createTask(
      asyncio.toThread(
        async (startedPath: string, cleanedPath: string) => {
          const fs = process.getBuiltinModule('node:fs');
          const asyncio = await import('tsyncio');
          try {
            fs.writeFileSync(startedPath, '');
            await asyncio.sleep('1h');
          } finally {
            fs.writeFileSync(cleanedPath, '');
          }
        },
        started.path,
        cleaned.path,
      ),
    );
    await asyncio.sleep(0);
    await started.seen();
    task.cancel();
    await assert.rejects(async () => await task, asyncio.CancelledError);
    await cleaned.seen();
  });
});

test('R-CTX-14 toThread() takes along the variables that were declared cloneable, and changes come not back', async () => {
  const travels = new asyncio.ContextVar<{ id: number }>('travels', { cloneable: true });
  const stays = new asyncio.ContextVar<string>('stays', { default: 'default' });
  const read = workerRef<[], unknown[]>(
    new URL('./programs/context-in-thread.js', import.meta.url),
    'readVariables',
  );
  await asyncio.run(async () => {
    assert.deepEqual(await asyncio.toThread(read), [null, 'default']);
    travels.set({ id: 7 });
    stays.set('set');
    assert.deepEqual(await asyncio.toThread(read), [{ id: 7 }, 'default']);
    assert.deepEqual(await asyncio.toThread(read), [{ id: 7 }, 'default']);
    assert.deepEqual(travels.get(), { id: 7 });
  });
});

// ----------------------------------------------------------------------------------- what comes after the end

onEachPool('R-CF-08 submit(), map() and submitAsync() after shutdown() are a RuntimeError', async (kind) => {
  const pool = kind.make({ maxWorkers: 1 });
  pool.submit(square, 1);
  pool.shutdown();
  const expected = { name: 'RuntimeError', message: 'cannot schedule new futures after shutdown' };
  assert.throws(() => pool.submit(square, 1), expected);
  assert.throws(() => pool.map(square, [[1]]), expected);
  assert.throws(() => pool.submitAsync(square, 1), expected);
  assert.throws(() => pool.withOptions({}).submit(square, 1), expected);
});

test('the errors of broken pools are RuntimeErrors of one family', async () => {
  const { BrokenExecutor, BrokenInterpreterPool, BrokenProcessPool, BrokenThreadPool } = await import(
    'tsyncio/concurrent'
  );
  for (const Broken of [BrokenProcessPool, BrokenThreadPool, BrokenInterpreterPool]) {
    const error: BrokenExecutor = new Broken('message');
    assert.ok(error instanceof BrokenExecutor);
    assert.ok(error instanceof asyncio.RuntimeError);
    assert.equal(error.name, Broken.name);
  }
});

onSharedPool(
  'R-CF-24 cancel() of a call that runs does not hit a later call in the same place of the queue',
  (pool) => {
    const { future, release } = occupy(pool);
    const later = Array.from({ length: 600 }, (_, n) => pool.submit(square, n));
    assert.equal(future.cancel(), false);
    assert.deepEqual([future.running(), later.some((each) => each.cancelled())], [true, false]);
    release();
    assert.equal(future.result(), 'held');
    for (const [n, each] of later.entries()) assert.equal(each.result(), n * n);
  },
);

test('a blocking wait gives the SIGINT listeners back as they were: once() stays once()', async () => {
  const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
  const heard: string[] = [];
  const always = () => heard.push('always');
  process.on('SIGINT', always);
  process.once('SIGINT', () => heard.push('once'));
  const { future, release } = occupy(pool);
  assert.throws(() => future.result(0.03), TimeoutError);
  process.emit('SIGINT');
  process.emit('SIGINT');
  process.off('SIGINT', always);
  release();
  await pool.shutdownAsync();
  assert.deepEqual(heard, ['always', 'once', 'always']);
  assert.equal(process.listenerCount('SIGINT'), 0);
});
