import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import {
  ALL_COMPLETED,
  asCompleted,
  asCompletedAsync,
  DoneAndNotDoneFutures,
  FIRST_COMPLETED,
  FIRST_EXCEPTION,
  Future,
  TimeoutError,
  wait,
  waitAsync,
} from 'tsyncio/concurrent';
import { Flag, hold, onEachPool, onSharedPool, thrown } from './each-pool.js';

const boom = new Error('boom');

function succeeded(value: unknown = 1): Future {
  const future = new Future();
  future.setResult(value);
  return future;
}

function failed(): Future {
  const future = new Future();
  future.setException(boom);
  return future;
}

function cancelled(): Future {
  const future = new Future();
  future.cancel();
  future.setRunningOrNotifyCancel();
  return future;
}

const square = (n: number) => n * n;
const fail = (text: string) => {
  throw new Error(text);
};

/** Both ways to wait, as one that can be awaited. */
const ways = [
  { name: 'wait', run: async (...args: Parameters<typeof wait<Future>>) => wait(...args) },
  {
    name: 'waitAsync',
    run: async (...args: Parameters<typeof wait<Future>>) => await asyncio.run(() => waitAsync(...args)),
  },
] as const;

for (const { name, run } of ways) {
  test(`R-CF-27 ${name}() returns at once when the condition holds already`, async () => {
    const [good, bad, gone, open] = [succeeded(), failed(), cancelled(), new Future()];
    const first = await run([good, open], { returnWhen: FIRST_COMPLETED });
    assert.deepEqual([[...first.done], [...first.notDone]], [[good], [open]]);
    const exception = await run([good, bad, open], { returnWhen: FIRST_EXCEPTION });
    assert.deepEqual([[...exception.done], [...exception.notDone]], [[good, bad], [open]]);
    const all = await run([good, bad, gone], { returnWhen: ALL_COMPLETED });
    assert.deepEqual([[...all.done], [...all.notDone]], [[good, bad, gone], []]);
  });

  test(`R-CF-27 ${name}() counts a duplicate once, and takes any iterable, the empty one too`, async () => {
    const good = succeeded();
    const { done, notDone } = await run(
      (function* () {
        yield good;
        yield good;
      })(),
    );
    assert.deepEqual([done.size, notDone.size], [1, 0]);
    const none = await run([]);
    assert.deepEqual([none.done.size, none.notDone.size], [0, 0]);
  });

  test(`R-CF-27 ${name}() with a timeout raises nothing: what is late is not done`, async () => {
    const [good, open] = [succeeded(), new Future()];
    for (const timeout of [0, 0.01, '1ms'] as const) {
      const result = await run([good, open], { timeout });
      assert.deepEqual([[...result.done], [...result.notDone]], [[good], [open]]);
    }
  });

  test(`R-CF-27 FIRST_EXCEPTION of ${name}() passes over cancelled ones`, async () => {
    const [gone, open] = [cancelled(), new Future()];
    const { done, notDone } = await run([gone, open], { returnWhen: FIRST_EXCEPTION, timeout: 0.01 });
    assert.deepEqual([[...done], [...notDone]], [[gone], [open]]);
  });

  test(`R-CF-27 for ${name}() a cancelled future is done when its executor knows`, async () => {
    const future = new Future();
    future.cancel();
    assert.deepEqual([...(await run([future], { timeout: 0 })).notDone], [future]);
    future.setRunningOrNotifyCancel();
    assert.deepEqual([...(await run([future])).done], [future]);
  });

  test(`${name}() refuses what is no iterable of futures, and an unknown returnWhen`, async () => {
    for (const wrong of [undefined, null, 1, new Future(), [1], [Promise.resolve()]]) {
      await assert.rejects(async () => await run(wrong as never), TypeError, String(wrong));
    }
    await assert.rejects(async () => await run([succeeded()], { returnWhen: 'SOME' as never }), {
      name: 'ValueError',
    });
  });
}

test('R-CF-27 the result of wait() is a pair of sets with names', () => {
  const result = wait([succeeded()]);
  assert.ok(result instanceof DoneAndNotDoneFutures);
  const [done, notDone] = result;
  assert.equal(done, result.done);
  assert.equal(notDone, result.notDone);
});

test('wait() for what nothing could complete is a DeadlockError and not a hang', () => {
  assert.ok(thrown(() => wait([new Future()])) instanceof asyncio.DeadlockError);
  assert.ok(thrown(() => asCompleted([new Future()]).next()) instanceof asyncio.DeadlockError);
});

onSharedPool('R-CF-27 wait() blocks until all calls are done', (pool) => {
  const futures = [1, 2, 3].map((n) => pool.submit(square, n));
  const { done, notDone } = wait(futures);
  assert.deepEqual([[...done].map((each) => each.result()).sort(), notDone.size], [[1, 4, 9], 0]);
});

onSharedPool('R-CF-27 wait(FIRST_COMPLETED) blocks until one call is done', (pool) => {
  const go = new Flag();
  const first = pool.submit(square, 1);
  const second = pool.submit(hold<number>, new Flag().path, go.path, 2);
  const { done, notDone } = wait([first, second], { returnWhen: FIRST_COMPLETED });
  assert.deepEqual([[...done], [...notDone]], [[first], [second]]);
  go.raise();
  assert.equal(second.result(), 2);
});

onSharedPool('R-CF-27 wait(FIRST_EXCEPTION) blocks until one call has failed', (pool) => {
  const go = new Flag();
  const futures = [
    pool.submit(square, 1),
    pool.submit(fail, 'first'),
    pool.submit(hold<number>, new Flag().path, go.path, 2),
  ];
  const { done, notDone } = wait(futures, { returnWhen: FIRST_EXCEPTION });
  assert.deepEqual([[...done], [...notDone]], [futures.slice(0, 2), futures.slice(2)]);
  go.raise();
  wait(futures);
});

onSharedPool('R-CF-27 waitAsync() suspends the task, and others run meanwhile', async (pool) => {
  await asyncio.run(async () => {
    const go = new Flag();
    const future = pool.submit(hold<number>, new Flag().path, go.path, 2);
    const waiting = asyncio.createTask(waitAsync([future]));
    await asyncio.sleep(0);
    assert.equal(waiting.done(), false);
    go.raise();
    const { done } = await waiting;
    assert.deepEqual([...done], [future]);
  });
});

onSharedPool('R-CF-27 cancelling waitAsync() leaves the calls alone', async (pool) => {
  await asyncio.run(async () => {
    const go = new Flag();
    const future = pool.submit(hold<number>, new Flag().path, go.path, 2);
    const waiting = asyncio.createTask(waitAsync([future]));
    await asyncio.sleep(0);
    waiting.cancel();
    await assert.rejects(async () => await waiting, asyncio.CancelledError);
    assert.equal(future.done(), false);
    go.raise();
    assert.equal(await future, 2);
  });
});

onSharedPool('wait() counts a call that was cancelled in the queue as done at once', (pool) => {
  const go = new Flag();
  const started = new Flag();
  const running = pool.submit(hold<number>, started.path, go.path, 2);
  started.block();
  const waiting = pool.submit(square, 1);
  assert.equal(waiting.cancel(), true);
  assert.deepEqual([...wait([waiting]).done], [waiting]);
  assert.deepEqual([...asCompleted([waiting])], [waiting]);
  go.raise();
  assert.equal(running.result(), 2);
});

test('R-CF-28 asCompleted() gives what is finished already first, each once', () => {
  const [good, bad, gone] = [succeeded(), failed(), cancelled()];
  assert.deepEqual(new Set(asCompleted([good, bad, gone, good])), new Set([good, bad, gone]));
  assert.equal([...asCompleted([good, good])].length, 1);
  assert.deepEqual([...asCompleted([])], []);
});

test('R-CF-28 asCompletedAsync() gives what is finished already first, each once', async () => {
  const [good, bad] = [succeeded(), failed()];
  const seen: Future[] = [];
  await asyncio.run(async () => {
    for await (const future of asCompletedAsync([good, bad, good])) seen.push(future);
  });
  assert.deepEqual(seen, [good, bad]);
});

test('R-CF-28 the timeout of asCompleted() is a TimeoutError that counts what is unfinished', () => {
  const [good, open] = [succeeded(), new Future()];
  const steps = asCompleted([good, open], { timeout: 0.01 });
  assert.equal(steps.next().value, good);
  const error = thrown(() => steps.next());
  assert.ok(error instanceof TimeoutError);
  assert.equal(error.message, '1 (of 2) futures unfinished');
});

test('R-CF-28 the timeout of asCompletedAsync() is the same', async () => {
  const [good, open] = [succeeded(), new Future()];
  await asyncio.run(async () => {
    const seen: Future[] = [];
    await assert.rejects(
      async () => {
        for await (const future of asCompletedAsync([good, open], { timeout: '5ms' })) seen.push(future);
      },
      { name: 'TimeoutError', message: '1 (of 2) futures unfinished' },
    );
    assert.deepEqual(seen, [good]);
  });
});

test('asCompleted() refuses what is no iterable of futures at once', () => {
  for (const wrong of [undefined, 1, new Future(), [1]]) {
    assert.throws(() => asCompleted(wrong as never), TypeError);
    assert.throws(() => asCompletedAsync(wrong as never), TypeError);
  }
});

onEachPool('R-CF-28 asCompleted() gives calls in the order in which they end', async (kind) => {
  const pool = kind.make({ maxWorkers: 2 });
  const go = new Flag();
  const slow = pool.submit(hold<string>, new Flag().path, go.path, 'slow');
  const quick = pool.submit(square, 3);
  const seen: unknown[] = [];
  for (const future of asCompleted([slow, quick])) {
    seen.push(future.result());
    go.raise();
  }
  assert.deepEqual(seen, [9, 'slow']);
  await pool.shutdownAsync();
});

onEachPool('R-CF-28 asCompletedAsync() gives calls in the order in which they end', async (kind) => {
  await asyncio.run(async () => {
    const pool = kind.make({ maxWorkers: 2 });
    const go = new Flag();
    const slow = pool.submit(hold<string>, new Flag().path, go.path, 'slow');
    const quick = pool.submit(square, 3);
    const seen: unknown[] = [];
    for await (const future of asCompletedAsync([slow, quick])) {
      seen.push(future.result());
      go.raise();
    }
    assert.deepEqual(seen, [9, 'slow']);
    await pool.shutdownAsync();
  });
});

onSharedPool('a step of asCompletedAsync() that is cancelled loses no future', async (pool) => {
  await asyncio.run(async () => {
    const go = new Flag();
    const future = pool.submit(hold<number>, new Flag().path, go.path, 7);
    const steps = asCompletedAsync([future]);
    const step = asyncio.createTask(async () => await steps.next());
    await asyncio.sleep(0.001);
    step.cancel();
    await asyncio.wait([step]);
    go.raise();
    const again = await steps.next();
    assert.equal(again.done ? null : again.value.result(), 7);
    assert.equal((await steps.next()).done, true);
  });
});

test('several tasks may take the steps of asCompletedAsync(), and none waits for ever', async () => {
  await asyncio.run(async () => {
    const futures = [new Future<number>(), new Future<number>()];
    const steps = asCompletedAsync(futures);
    const waiting = asyncio.gather([steps.next(), steps.next(), steps.next()]);
    await asyncio.sleep(0);
    futures[1]?.setResult(1);
    await asyncio.sleep(0);
    futures[0]?.setResult(0);
    const taken = await waiting;
    assert.deepEqual(
      taken.map((step) => (step.done ? 'over' : step.value.result())),
      [1, 0, 'over'],
    );
  });
});

test('leaving the loop over asCompletedAsync() lets go of the futures', async () => {
  await asyncio.run(async () => {
    const open = new Future<number>();
    const steps = asCompletedAsync([succeeded(), open]);
    for await (const future of steps) {
      assert.equal(future.result(), 1);
      break;
    }
    const { _watchers } = open as unknown as { _watchers: Set<unknown> | null };
    assert.equal(_watchers?.size ?? 0, 0);
    assert.equal((await steps.next()).done, true);
    assert.equal(open.done(), false);
  });
});
