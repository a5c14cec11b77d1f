import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { cancelArgs, isError, RecordingClock, thrownBy, virtualLoop } from './both-kinds.js';

const { CancelledError, RuntimeError, TimeoutError, ValueError } = asyncio;

/** Runs an async function on a virtual clock; a closed world, so not for what waits for the platform. */
function run<T>(main: () => Promise<T>): Promise<T> {
  return asyncio.run(main, { loopFactory: virtualLoop });
}

/** What an async function throws. */
async function rejection(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  assert.fail('nothing was thrown');
}

/** A promise and the functions that settle it. */
function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}

// ----------------------------------------------------------------------------- async functions, step by step

test('N-01 no other handle runs in the middle of a step that awaits only done futures and plain values', async () => {
  await run(async () => {
    const loop = asyncio.getRunningLoop();
    const order: string[] = [];
    const done = loop.createFuture<number>();
    done.setResult(1);
    const step = (name: string) => async () => {
      for (let i = 0; i < 5; i++) {
        order.push(`${name}${i}`);
        await done;
        await null;
      }
    };
    await asyncio.gather([step('a'), step('b')]);
    assert.equal(order.join(' '), 'a0 a1 a2 a3 a4 b0 b1 b2 b3 b4');
  });
});

test('N-01 currentTask() and the context are the task’s after foreign awaits and in nested async functions', async () => {
  const variable = new asyncio.ContextVar<string>('variable');
  await asyncio.run(async () => {
    const nested = async (name: string): Promise<void> => {
      await null;
      assert.equal(asyncio.currentTask()?.getName(), name);
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(asyncio.currentTask()?.getName(), name);
      assert.equal(variable.get(), name);
      await asyncio.sleep(0);
      assert.equal(asyncio.currentTask()?.getName(), name);
      assert.equal(variable.get(), name);
    };
    const body = (name: string) => async () => {
      variable.set(name);
      await nested(name);
      await Promise.all([nested(name), nested(name)]);
      assert.equal(asyncio.currentTask()?.getName(), name);
    };
    await asyncio.gather(['a', 'b', 'c'].map((name) => asyncio.createTask(body(name), { name })));
  });
});

test('N-02 an await in an async function makes its task wait: cancel() reaches the future', async () => {
  await run(async () => {
    const future = asyncio.getRunningLoop().createFuture<void>();
    const task = asyncio.createTask(async () => {
      await future;
    });
    await asyncio.sleep(0);
    task.cancel('through');
    assert.equal(future.cancelled(), true);
    assert.deepEqual(cancelArgs(await rejection(task)), ['through']);
  });
});

test('N-02 `then` called by hand inside a task belongs to the task as well', async () => {
  await run(async () => {
    const future = asyncio.getRunningLoop().createFuture<number>();
    const seen: unknown[] = [];
    const task = asyncio.createTask(async () => {
      await future.then(
        (value) => seen.push(value),
        (error) => seen.push((error as Error).name),
      );
    });
    await asyncio.sleep(0);
    task.cancel();
    await asyncio.wait([task]);
    assert.deepEqual(seen, ['CancelledError']);
  });
});

test('N-02 an await outside any task is a bridge: it gets the result, and nothing cancels the future', async () => {
  const loop = virtualLoop();
  const future = loop.createFuture<string>();
  const outside = future.then((value) => `outside: ${value}`);
  await asyncio.run(
    async () => {
      await asyncio.sleep(1);
      future.setResult('value');
      assert.equal(await future, 'value');
    },
    { loopFactory: () => loop },
  );
  assert.equal(await outside, 'outside: value');
});

test('N-03 Promise.all over our awaitables: cancel() cancels all of them', async () => {
  await run(async () => {
    const loop = asyncio.getRunningLoop();
    const futures = [loop.createFuture<void>(), loop.createFuture<void>()] as const;
    const ended: string[] = [];
    const branch = async (name: string, future: asyncio.Future<void>) => {
      try {
        await future;
      } finally {
        ended.push(name);
      }
    };
    const task = asyncio.createTask(async () => {
      await Promise.all([branch('a', futures[0]), branch('b', futures[1])]);
    });
    await asyncio.sleep(0);
    task.cancel('both');
    assert.deepEqual(
      futures.map((future) => future.cancelled()),
      [true, true],
    );
    assert.deepEqual(cancelArgs(await rejection(task)), ['both']);
    assert.deepEqual(ended, ['a', 'b']);
  });
});

test('N-03 Promise.all resumes each branch as its own wait ends', async () => {
  await run(async () => {
    const loop = asyncio.getRunningLoop();
    const order: string[] = [];
    const branch = async (name: string, delay: number) => {
      await asyncio.sleep(delay);
      order.push(`${name} at ${loop.time()}`);
      await asyncio.sleep(delay);
      order.push(`${name} at ${loop.time()}`);
      return name;
    };
    assert.deepEqual(await Promise.all([branch('a', 3), branch('b', 2)]), ['a', 'b']);
    assert.deepEqual(order, ['b at 2', 'a at 3', 'b at 4', 'a at 6']);
  });
});

test('N-03 what Promise.race leaves behind is cancelled when its task ends, and waited for', async () => {
  await run(async () => {
    const loop = asyncio.getRunningLoop();
    const order: string[] = [];
    const branch = async (name: string, delay: number) => {
      try {
        await asyncio.sleep(delay);
      } finally {
        await asyncio.sleep(1);
        order.push(`${name} ended at ${loop.time()}`);
      }
      return name;
    };
    const task = asyncio.createTask(async () => await Promise.race([branch('fast', 1), branch('slow', 60)]));
    assert.equal(await task, 'fast');
    assert.deepEqual(order, ['fast ended at 2', 'slow ended at 3']);
  });
});

// --------------------------------------------------------------------------------------- foreign promises

test('N-05 a cancel() during a foreign await is delivered at the next await of ours', async () => {
  await run(async () => {
    const foreign = deferred<string>();
    const order: string[] = [];
    const task = asyncio.createTask(async () => {
      order.push(await foreign.promise);
      await asyncio.sleep(0);
      order.push('not reached');
    });
    await asyncio.sleep(0);
    task.cancel('kept');
    await asyncio.sleep(0);
    assert.equal(task.done(), false);
    assert.equal(task.cancelling(), 1);
    foreign.resolve('the promise went on');
    assert.deepEqual(cancelArgs(await rejection(task)), ['kept']);
    assert.deepEqual(order, ['the promise went on']);
  });
});

test('N-05 a cancel() during the last foreign await makes the task cancelled at its end', async () => {
  await run(async () => {
    const foreign = deferred<string>();
    const task = asyncio.createTask(async () => await foreign.promise);
    await asyncio.sleep(0);
    task.cancel('kept');
    foreign.resolve('lost');
    assert.deepEqual(cancelArgs(await rejection(task)), ['kept']);
    assert.equal(task.cancelled(), true);
  });
});

test('N-05 a foreign promise that rejects wins over the request, as any exception does', async () => {
  await run(async () => {
    const foreign = deferred<string>();
    const task = asyncio.createTask(async () => await foreign.promise);
    await asyncio.sleep(0);
    task.cancel();
    const error = new ValueError('foreign');
    foreign.reject(error);
    assert.equal(await rejection(task), error);
    assert.equal(task.cancelled(), false);
  });
});

test('N-05 wrapPromise() makes a foreign promise a point of cancellation', async () => {
  await run(async () => {
    const task = asyncio.createTask(async () => {
      await asyncio.wrapPromise(new Promise(() => {}));
    });
    await asyncio.sleep(0);
    task.cancel('through');
    assert.deepEqual(cancelArgs(await rejection(task)), ['through']);
  });
});

test('wrapPromise() brings the value, and the rejection', async () => {
  await run(async () => {
    assert.equal(await asyncio.wrapPromise(Promise.resolve('value')), 'value');
    const error = new ValueError('rejected');
    assert.equal(await rejection(asyncio.wrapPromise(Promise.reject(error))), error);
    const thenable = { then: (resolve: (value: number) => void) => resolve(5) } as PromiseLike<number>;
    assert.equal(await asyncio.wrapPromise(thenable), 5);
  });
});

test('wrapPromise() drops what a cancelled wait brings later, a rejection too', async () => {
  await asyncio.run(async () => {
    const late = deferred<string>();
    const failing = deferred<string>();
    const futures = [asyncio.wrapPromise(late.promise), asyncio.wrapPromise(failing.promise)];
    for (const future of futures) future.cancel();
    late.resolve('late');
    failing.reject(new Error('late'));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(
      futures.map((future) => future.cancelled()),
      [true, true],
    );
  });
});

test('wrapPromise() aborts the given controller when it is cancelled, and only then', async () => {
  await run(async () => {
    const abort = new AbortController();
    const future = asyncio.wrapPromise(new Promise(() => {}), { abort });
    assert.equal(abort.signal.aborted, false);
    future.cancel('enough');
    assert.equal(abort.signal.aborted, true);
    assert.deepEqual(cancelArgs(abort.signal.reason), ['enough']);
    const kept = new AbortController();
    const done = asyncio.wrapPromise(Promise.resolve(1), { abort: kept });
    await done;
    assert.equal(done.cancel(), false);
    assert.equal(kept.signal.aborted, false);
  });
});

test('wrapPromise() of a promise that settles after its loop was closed is dropped', async () => {
  const late = deferred<string>();
  const loop = virtualLoop();
  await asyncio.run(
    async () => {
      asyncio.wrapPromise(late.promise);
    },
    { loopFactory: () => loop },
  );
  late.resolve('too late');
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(loop.isClosed(), true);
});

test('wrapPromise() refuses what is no promise', () => {
  for (const bad of [null, undefined, 5, {}, () => Promise.resolve()]) {
    isError(
      thrownBy(() => asyncio.wrapPromise(bad as never)),
      TypeError,
      /^Cannot wrap .*: expected a promise$/,
    );
  }
});

test('a generator coroutine waits for a promise with wrapPromise()', async () => {
  await asyncio.run(
    function* () {
      assert.equal(yield* asyncio.wrapPromise(Promise.resolve('value')), 'value');
    },
    { loopFactory: virtualLoop },
  );
});

// ------------------------------------------------------------------------------------------ currentSignal()

test('currentSignal() is aborted when the task is cancelled, and the AbortError becomes the cancellation', async () => {
  await run(async () => {
    const aborts = (signal: AbortSignal) =>
      new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const task = asyncio.createTask(async () => await aborts(asyncio.currentSignal()));
    await asyncio.sleep(0);
    task.cancel('stop');
    assert.deepEqual(cancelArgs(await rejection(task)), ['stop']);
    assert.equal(task.cancelled(), true);
  });
});

test('currentSignal() is one signal within a task, and not aborted when the task ends by itself', async () => {
  await run(async () => {
    let signal: AbortSignal | undefined;
    const task = asyncio.createTask(async () => {
      signal = asyncio.currentSignal();
      assert.equal(asyncio.currentSignal(), signal);
    });
    await task;
    assert.equal(signal?.aborted, false);
  });
});

test('currentSignal() inside a timeout is aborted when that expires', async () => {
  await run(async () => {
    let inner: AbortSignal | undefined;
    let outer: AbortSignal | undefined;
    const error = await rejection(
      asyncio.createTask(async () => {
        outer = asyncio.currentSignal();
        await asyncio.timeout(1).run(async () => {
          inner = asyncio.currentSignal();
          await new Promise<void>((_, reject) =>
            inner?.addEventListener('abort', () => reject(inner?.reason)),
          );
        });
      }),
    );
    isError(error, TimeoutError);
    assert.equal(inner?.aborted, true);
    assert.equal(outer?.aborted, false);
  });
});

test('currentSignal() outside a task raises RuntimeError', async () => {
  isError(
    thrownBy(() => asyncio.currentSignal()),
    RuntimeError,
    'currentSignal() should be used inside a task',
  );
});

test('fetch() is aborted when its task is cancelled', async () => {
  const requests = deferred<void>();
  const closed = deferred<void>();
  const server = createServer((request) => {
    request.on('close', () => closed.resolve());
    requests.resolve();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo;
    await asyncio.run(async () => {
      const task = asyncio.createTask(async () => {
        await asyncio.fetch(`http://127.0.0.1:${port}/`);
      });
      await asyncio.wrapPromise(requests.promise);
      task.cancel('not interested');
      assert.deepEqual(cancelArgs(await rejection(task)), ['not interested']);
      await asyncio.wrapPromise(closed.promise);
    });
  } finally {
    server.close();
  }
});

// ------------------------------------------------------------------------------------------ values and bridges

test('N-06 a future that is the value of an async function is unwrapped; in an array it is not', async () => {
  await run(async () => {
    const loop = asyncio.getRunningLoop();
    const inner = loop.createFuture<string>();
    inner.setResult('inner');
    const unwrapped = asyncio.createTask(async () => inner);
    assert.equal(await unwrapped, 'inner');
    const boxed = asyncio.createTask(async () => [inner] as const);
    assert.equal((await boxed)[0], inner);
    const outer = loop.createFuture<unknown>();
    outer.setResult(inner);
    assert.equal(await outer, 'inner');
    assert.equal(outer.result(), inner);
  });
});

test('N-06 debug mode warns when a plain await is about to unwrap a future, with what to do', async () => {
  const logs: string[] = [];
  const log = (message: string) => void logs.push(message);
  const outer = asyncio.setLogger({ debug: log, info: log, warn: log, error: log });
  const main = async () => {
    const loop = asyncio.getRunningLoop();
    const inner = loop.createFuture<string>();
    inner.setResult('inner');
    const boxed = loop.createFuture<unknown>();
    boxed.setResult([inner]);
    await boxed;
    assert.deepEqual(logs, []);
    const bare = loop.createFuture<unknown>();
    bare.setResult(inner);
    assert.equal(await bare, 'inner');
  };
  try {
    await asyncio.run(main, { loopFactory: virtualLoop });
    assert.deepEqual(logs, []);
    await asyncio.run(main, { loopFactory: virtualLoop, debug: true });
    assert.equal(logs.length, 1);
    assert.match(
      logs[0]!,
      /^A plain await is about to unwrap <Future finished result='inner'.*>, which is the value of what it awaits: put it in an array$/,
    );
  } finally {
    asyncio.setLogger(outer);
  }
});

test('N-06 `yield*` never unwraps', async () => {
  await asyncio.run(
    function* () {
      const loop = asyncio.getRunningLoop();
      const inner = loop.createFuture<string>();
      inner.setResult('inner');
      const outer = loop.createFuture<asyncio.Future<string>>();
      outer.setResult(inner);
      assert.equal(yield* outer, inner);
      const task = asyncio.createTask(function* () {
        return inner;
      });
      assert.equal(yield* task, inner);
    },
    { loopFactory: virtualLoop },
  );
});

test('N-06 run() refuses to hand over a future: a promise would await it', async () => {
  await assert.rejects(
    asyncio.run(
      function* () {
        return asyncio.getRunningLoop().createFuture();
      },
      { loopFactory: virtualLoop },
    ),
    (error) => {
      isError(error, TypeError, /^Cannot hand over <Future pending>: .*put it in an array$/);
      return true;
    },
  );
});

test('N-18 futures, tasks and coroutines are awaitables and no promises', async () => {
  await run(async () => {
    const future = asyncio.getRunningLoop().createFuture<number>();
    const task = asyncio.createTask(async () => 1);
    const coroutine = asyncio.sleep(0);
    for (const each of [future, task, coroutine]) {
      assert.equal(each instanceof Promise, false);
      assert.equal('catch' in each, false);
      assert.equal('finally' in each, false);
      assert.equal(typeof each.then, 'function');
    }
    future.setResult(5);
    const promise = Promise.resolve(future);
    assert.ok(promise instanceof Promise);
    assert.equal(await promise, 5);
    await coroutine;
    await task;
  });
});

test('N-18 Promise.resolve(future) counts as retrieving its exception', async () => {
  const reports: unknown[] = [];
  const error = new ValueError('failed');
  await run(async () => {
    const loop = asyncio.getRunningLoop();
    loop.setExceptionHandler((_, context) => void reports.push(context.message));
    const future = loop.createFuture();
    future.setException(error);
    const bridge = Promise.resolve(future);
    assert.equal(await rejection(bridge), error);
  });
  assert.deepEqual(reports, []);
});

test('N-18 `then` gives a promise that can be chained, with catch() and finally()', async () => {
  await run(async () => {
    const loop = asyncio.getRunningLoop();
    const make = () => {
      const future = loop.createFuture<number>();
      loop.callSoon(() => future.setResult(1));
      return future;
    };
    const chained = make().then((value) => value + 1) as Promise<number>;
    assert.equal(await chained.then((value) => value * 10), 20);
    const failing = make().then(() => {
      throw new ValueError('in the handler');
    }) as Promise<never>;
    assert.equal(await failing.catch((error: Error) => error.message), 'in the handler');
    let finished = false;
    await (make().then((value) => value) as Promise<number>).finally(() => {
      finished = true;
    });
    assert.equal(finished, true);
    const passedOn = make().then() as Promise<number>;
    assert.equal(await passedOn, 1);
    const both = make().then(
      (value) => `value ${value}`,
      () => 'error',
    ) as Promise<string>;
    assert.equal(await both.finally(() => {}), 'value 1');
  });
});

// -------------------------------------------------------------------------------------- the loop and its host

test('N-08 callSoon() from a foreign macrotask or microtask wakes a sleeping loop', async () => {
  await asyncio.run(async () => {
    const loop = asyncio.getRunningLoop();
    const fromMacrotask = loop.createFuture<string>();
    asyncio.detached(() => setImmediate(() => loop.callSoon(() => fromMacrotask.setResult('macrotask'))));
    assert.equal(await fromMacrotask, 'macrotask');
    const fromMicrotask = loop.createFuture<string>();
    asyncio.detached(() =>
      setImmediate(() =>
        queueMicrotask(() => loop.callSoonThreadsafe(() => fromMicrotask.setResult('microtask'))),
      ),
    );
    assert.equal(await fromMicrotask, 'microtask');
  });
});

test('N-11 a loop that is never idle lets the platform’s own timers and immediates through', async () => {
  for (const spin of [
    async (fired: () => boolean) => {
      for (let i = 0; i < 1e7 && !fired(); i++) await asyncio.sleep(0);
    },
    function* (fired: () => boolean) {
      for (let i = 0; i < 1e7 && !fired(); i++) yield* asyncio.sleep(0);
    },
  ] as const) {
    await asyncio.run(async () => {
      const seen = new Set<string>();
      asyncio.detached(() => {
        setImmediate(() => seen.add('immediate'));
        setTimeout(() => seen.add('timer'), 1);
      });
      await asyncio.createTask(() => spin(() => seen.size === 2) as Promise<void>);
      assert.equal(seen.size, 2);
    });
  }
});

test('N-12 a delay above 24 hours is waited for in parts', async () => {
  const clock = new RecordingClock();
  const start = clock.time();
  await asyncio.run(
    function* () {
      yield* asyncio.sleep(3 * 86_400);
      assert.equal(clock.time(), start + 3 * 86_400);
    },
    { loopFactory: () => virtualLoop(clock) },
  );
  assert.deepEqual(
    clock.waits.filter((timeout) => timeout !== null && timeout > 0),
    [86_400, 86_400, 86_400],
  );
});

test('N-12 a clock that wakes the loop early runs nothing early', async () => {
  class Early extends RecordingClock {
    override wait(timeout: number | null): void {
      super.wait(timeout === null || timeout < 1e-3 ? timeout : timeout / 2);
    }
  }
  const clock = new Early();
  await asyncio.run(
    function* () {
      yield* asyncio.sleep(8);
      assert.ok(clock.time() >= 8 - 1e-6, `woken at ${clock.time()}`);
    },
    { loopFactory: () => virtualLoop(clock) },
  );
  assert.ok(clock.waits.length > 3);
});

test('an AsyncLocalStorage of the user keeps its value through every await of a task', async () => {
  const storage = new AsyncLocalStorage<string>();
  await run(async () => {
    const body = async () => {
      const before = storage.getStore();
      await asyncio.sleep(1);
      await null;
      await asyncio.createTask(async () => {
        assert.equal(storage.getStore(), before);
      });
      return storage.getStore();
    };
    const tasks = ['a', 'b'].map((value) => storage.run(value, () => asyncio.createTask(body)));
    assert.deepEqual(await asyncio.gather(tasks), ['a', 'b']);
    assert.equal(storage.getStore(), undefined);
  });
});

test('a rejected promise that a task awaits is no unhandled rejection', async () => {
  const seen: unknown[] = [];
  const note = (reason: unknown) => seen.push(reason);
  process.on('unhandledRejection', note);
  try {
    await asyncio.run(async () => {
      const failing = asyncio.createTask(async () => {
        await asyncio.sleep(0);
        throw new ValueError('nobody awaits this yet');
      });
      await new Promise((resolve) => setImmediate(resolve));
      isError(await rejection(failing), ValueError);
      const cancelled = asyncio.createTask(async () => await asyncio.sleep(0));
      cancelled.cancel();
      await asyncio.wait([cancelled]);
      isError(await rejection(cancelled), CancelledError);
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(seen, []);
  } finally {
    process.off('unhandledRejection', note);
  }
});
