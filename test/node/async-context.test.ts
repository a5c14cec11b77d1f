// Async context on Node: which task plain code belongs to, and that the program's own AsyncLocalStorage is never lost or
// mixed up.

import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { getDefaultHost } from 'tsyncio/lowlevel';
import { VirtualHost } from 'tsyncio/testing';

const {
  coroutine,
  createTask,
  currentTask,
  detached,
  gather,
  getRunningLoop,
  sleep,
  TaskGroup,
  timeout,
  wait,
} = asyncio;

function virtual<T>(main: asyncio.CoroutineLike<T>): Promise<T> {
  const host = new VirtualHost({ host: getDefaultHost() });
  return asyncio.run(main, { loopFactory: () => new asyncio.EventLoop({ host }) });
}

/** A promise of plain JavaScript that is fulfilled after `seconds` of the loop's time. */
function foreign(seconds: number): Promise<void> {
  const loop = getRunningLoop();
  return new Promise((resolve) => loop.callLater(seconds, () => resolve()));
}

/** What stands between two looks at the context. */
const waits: Record<string, () => Promise<unknown>> = {
  'an await of ours': async () => await sleep(1),
  'sleep(0)': async () => await sleep(0),
  'a foreign await': () => foreign(1),
  'await null': async () => await null,
  'Promise.all': () => Promise.all([sleep(1), sleep(0), foreign(1)]),
  'a coroutine of an async function': async () => await coroutine(async () => await sleep(1))(),
  'a generator coroutine': async () =>
    await coroutine(function* (): asyncio.Coro<void> {
      yield* sleep(1);
    })(),
  'a timeout': async () => await timeout(5).run(async () => await sleep(1)),
  'a timeout that fires': async () =>
    await timeout(1)
      .run(async () => await sleep(5))
      .then(undefined, () => {}),
  'a group': async () => await new TaskGroup().run((tg) => tg.createTask(async () => await sleep(1))),
  'another task': async () => await createTask(async () => await foreign(1)),
  'a lock': async () => {
    const lock = new asyncio.Lock();
    await lock.acquire();
    getRunningLoop().callLater(1, () => lock.release());
    await lock.acquire();
  },
  'a wrapped promise': async () => await asyncio.wrapPromise(foreign(1)),
  'a gather': async () => await gather([sleep(1), async () => await sleep(0)]),
};

for (const [what, pause] of Object.entries(waits)) {
  test(`after ${what}, async functions of several tasks keep their AsyncLocalStorage, their task and their ContextVar`, async () => {
    const storage = new AsyncLocalStorage<string>();
    const variable = new asyncio.ContextVar<string>('variable');
    const look = (name: string, where: string) => {
      assert.equal(storage.getStore(), name, where);
      assert.equal(currentTask()?.getName(), name, where);
      assert.equal(variable.get(), name, where);
      assert.equal(currentTask()?.getLoop(), getRunningLoop(), where);
    };
    let looks = 0;
    const body = (name: string) => async () => {
      variable.set(name);
      const nested = async () => {
        look(name, 'in a nested function');
        await pause();
        look(name, 'after the wait in a nested function');
        looks += 1;
      };
      look(name, 'at first');
      await pause();
      look(name, 'after the wait');
      await nested();
      await Promise.all([nested(), nested()]);
      await coroutine(nested)();
      await timeout(90).run(nested);
      try {
        await pause();
      } finally {
        look(name, 'in finally');
        await pause();
        look(name, 'in finally after the wait');
      }
    };
    await virtual(async () => {
      assert.equal(storage.getStore(), undefined);
      const task = (name: string) => storage.run(name, () => createTask(body(name), { name }));
      const eager = (name: string) =>
        storage.run(name, () => createTask(body(name), { name, eagerStart: true }));
      await gather([task('a'), task('b'), eager('c'), task('d')]);
      assert.equal(storage.getStore(), undefined);
    });
    assert.equal(looks, 20);
  });
}

test('generator tasks keep the AsyncLocalStorage value of whoever made them, however they are given', async () => {
  const storage = new AsyncLocalStorage<string>();
  await storage.run('main', () =>
    virtual(function* (): asyncio.Coro<void> {
      const seen: Record<string, (string | undefined)[]> = {};
      const body = function* (name: string): asyncio.Coro<void> {
        const stores: (string | undefined)[] = [];
        seen[name] = stores;
        stores.push(storage.getStore());
        yield* sleep(1);
        stores.push(storage.getStore());
        yield* coroutine(function* (): asyncio.Coro<void> {
          yield* sleep(0);
          stores.push(storage.getStore());
        })();
        yield* coroutine(async () => {
          stores.push(storage.getStore());
          await foreign(1);
          stores.push(storage.getStore());
        })();
        stores.push(storage.getStore());
        try {
          yield* sleep(100);
        } finally {
          yield* sleep(1);
          stores.push(storage.getStore());
        }
      };
      assert.equal(storage.getStore(), 'main');
      const tasks = [
        storage.run('object', () => createTask(body('object'))),
        storage.run('function', () => createTask(() => body('function'))),
        storage.run('coroutine', () => createTask(coroutine(body)('coroutine'))),
        storage.run('generator function', () =>
          createTask(function* (): asyncio.Coro<void> {
            yield* body('generator function');
          }),
        ),
        storage.run('eager', () => createTask(body('eager'), { eagerStart: true })),
      ];
      yield* sleep(10);
      assert.equal(storage.getStore(), 'main');
      for (const task of tasks) task.cancel();
      yield* wait(tasks);
      assert.equal(storage.getStore(), 'main');
      for (const [name, stores] of Object.entries(seen)) assert.deepEqual(stores, Array(7).fill(name));
      assert.equal(Object.keys(seen).length, 5);
    }),
  );
});

test('async functions that a generator task calls belong to it', async () => {
  const storage = new AsyncLocalStorage<string>();
  await virtual(function* (): asyncio.Coro<void> {
    const log: string[] = [];
    const plain = async () => {
      try {
        await null;
        log.push(`${currentTask()?.getName()} ${storage.getStore()}`);
        await sleep(100);
      } catch (error) {
        log.push(`${(error as Error).name} in ${currentTask()?.getName()} ${storage.getStore()}`);
        throw error;
      }
    };
    const task = storage.run('stored', () =>
      createTask(
        function* (): asyncio.Coro<void> {
          yield* asyncio.wrapPromise(plain());
        },
        { name: 'generator' },
      ),
    );
    yield* sleep(1);
    task.cancel();
    yield* wait([task]);
    assert.deepEqual(log, ['generator stored', 'CancelledError in generator stored']);
  });
});

test('losers of a race keep the AsyncLocalStorage value and their task in their clean-up, in either kind', async () => {
  const storage = new AsyncLocalStorage<string>();
  const log: string[] = [];
  const look = (who: string) => log.push(`${who} ${storage.getStore()} ${currentTask()?.getName()}`);
  await virtual(async () => {
    const plain = async () => {
      try {
        await sleep(100);
      } finally {
        await sleep(1);
        look('plain');
      }
    };
    const generator = coroutine(function* (): asyncio.Coro<void> {
      try {
        yield* sleep(100);
      } finally {
        look('generator');
        yield* sleep(2);
        look('generator');
      }
    });
    const nested = coroutine(function* (): asyncio.Coro<void> {
      yield* coroutine(async () => {
        try {
          await sleep(100);
        } finally {
          await sleep(3);
          look('nested');
        }
      })();
    });
    const task = storage.run('stored', () =>
      createTask(async () => await Promise.race([plain(), generator(), nested(), sleep(1, 'winner')]), {
        name: 'racer',
      }),
    );
    assert.equal(await task, 'winner');
    assert.equal(storage.getStore(), undefined);
  });
  assert.deepEqual(log, [
    'generator stored racer',
    'plain stored racer',
    'generator stored racer',
    'nested stored racer',
  ]);
});

test('storage.run() and enterWith() inside an async function hold across awaits of ours', async () => {
  const storage = new AsyncLocalStorage<string>();
  await storage.run('outer', () =>
    virtual(async () => {
      const inner = await storage.run('inner', async () => {
        await sleep(1);
        const [first] = await Promise.all([
          (async () => {
            await timeout(5).run(async () => await sleep(1));
            return storage.getStore();
          })(),
          storage.run('parallel', async () => {
            await sleep(0);
            assert.equal(storage.getStore(), 'parallel');
          }),
        ]);
        return first;
      });
      assert.equal(inner, 'inner');
      assert.equal(storage.getStore(), 'outer');
      await createTask(async () => {
        storage.enterWith('entered');
        await sleep(1);
        assert.equal(storage.getStore(), 'entered');
        await foreign(1);
        assert.equal(storage.getStore(), 'entered');
      });
      assert.equal(storage.getStore(), 'outer');
    }),
  );
});

test('run() keeps the value of its caller, inside and afterwards', async () => {
  const storage = new AsyncLocalStorage<string>();
  await storage.run('caller', async () => {
    const inside = asyncio.run(async () => {
      await sleep(0);
      return storage.getStore();
    });
    assert.equal(storage.getStore(), 'caller');
    assert.equal(await inside, 'caller');
    assert.equal(storage.getStore(), 'caller');
    await sleep(0);
    assert.equal(storage.getStore(), 'caller');
  });
  assert.equal(storage.getStore(), undefined);
});

test('callbacks of the loop run in the context of nobody, not in that of whoever woke the loop', async () => {
  const storage = new AsyncLocalStorage<string>();
  await storage.run('main', () =>
    virtual(async () => {
      const loop = getRunningLoop();
      const seen: unknown[] = [];
      const look = () => seen.push(storage.getStore(), currentTask(), getRunningLoop() === loop);
      storage.run('soon', () => loop.callSoon(look));
      storage.run('later', () => loop.callLater(1, look));
      const future = loop.createFuture<void>();
      storage.run('done', () => future.addDoneCallback(look));
      storage.run('setter', () => future.setResult());
      await sleep(2);
      assert.deepEqual(seen, Array(3).fill([undefined, null, true]).flat());
    }),
  );
});

test('callbacks of Node that a task registers keep the AsyncLocalStorage value', async () => {
  const storage = new AsyncLocalStorage<string>();
  const seen: string[] = [];
  await asyncio.run(async () => {
    const emitter = new EventEmitter();
    const task = storage.run('stored', () =>
      createTask(
        async () => {
          await sleep(0);
          const look = (who: string) => async () => {
            seen.push(`${who} ${storage.getStore()} ${currentTask()?.getName()}`);
            await sleep(0);
            seen.push(`${who} after ${storage.getStore()} ${currentTask()?.getName()}`);
          };
          emitter.on('event', look('listener'));
          emitter.emit('event');
          await Promise.all([
            new Promise<void>((resolve) => setTimeout(() => void look('timer')().then(resolve), 0)),
            new Promise<void>((resolve) => setImmediate(() => void look('immediate')().then(resolve))),
            new Promise<void>((resolve) => process.nextTick(() => void look('tick')().then(resolve))),
            new Promise<void>((resolve) => queueMicrotask(() => void look('microtask')().then(resolve))),
          ]);
        },
        { name: 'registrar' },
      ),
    );
    await task;
  });
  const who = ['listener', 'timer', 'immediate', 'tick', 'microtask'];
  assert.deepEqual(
    seen.sort(),
    who.flatMap((each) => [`${each} stored registrar`, `${each} after stored registrar`]).sort(),
  );
});

test('detached() code belongs to no task: it is not cancelled, and not waited for', async () => {
  const log: string[] = [];
  await virtual(async () => {
    const task = createTask(async () => {
      detached(() => {
        assert.equal(currentTask(), null);
        void (async () => {
          await null;
          assert.equal(currentTask(), null);
          await sleep(3);
          log.push(`detached at ${getRunningLoop().time()}`);
          assert.equal(currentTask(), null);
        })();
      });
      assert.notEqual(currentTask(), null);
      await sleep(100);
    });
    await sleep(1);
    task.cancel();
    await wait([task]);
    assert.equal(getRunningLoop().time(), 1);
    await sleep(5);
  });
  assert.deepEqual(log, ['detached at 3']);
});

test('detached() keeps the AsyncLocalStorage value of its caller', async () => {
  const storage = new AsyncLocalStorage<string>();
  await virtual(async () => {
    const seen = await storage.run('stored', () =>
      detached(async () => {
        const before = storage.getStore();
        await null;
        await sleep(0);
        return [before, storage.getStore()];
      }),
    );
    assert.deepEqual(seen, ['stored', 'stored']);
  });
});

test('detached() gives back what the function returns or throws, and restores the task', async () => {
  await virtual(async () => {
    const me = currentTask();
    assert.equal(
      detached(() => 'value'),
      'value',
    );
    assert.throws(() =>
      detached(() => {
        throw new RangeError('mine');
      }),
    );
    assert.equal(currentTask(), me);
    await coroutine(function* (): asyncio.Coro<void> {
      assert.equal(
        detached(() => currentTask()),
        null,
      );
      assert.equal(currentTask(), me);
      yield* sleep(0);
    })();
    await null;
    assert.equal(currentTask(), me);
  });
});

test('run() is refused inside a task, also in its callbacks and after foreign awaits, and works in detached()', async () => {
  await virtual(async () => {
    const refused = (where: string) =>
      assert.throws(
        () => asyncio.run(async () => {}),
        { name: 'RuntimeError', message: /running event loop/ },
        where,
      );
    refused('at once');
    await null;
    refused('after await null');
    await foreign(1);
    refused('after a foreign await');
    await new Promise<void>((resolve) =>
      queueMicrotask(() => {
        refused('in a microtask');
        resolve();
      }),
    );
    const other = detached(() => asyncio.run(async () => await sleep(0, getRunningLoop())));
    assert.notEqual(await other, getRunningLoop());
  });
});

test('plain code beside a run() is in none of its tasks, also while losers of them clean up', async () => {
  const seen: unknown[] = [];
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const running = asyncio.run(async () => {
    const loser = coroutine(function* (): asyncio.Coro<void> {
      try {
        yield* sleep(100);
      } finally {
        for (let n = 0; n < 5; n++) yield* sleep(0);
        yield* asyncio.wrapPromise(held);
      }
    });
    await Promise.race([loser(), sleep(0)]);
  });
  for (let n = 0; n < 20; n++) {
    seen.push(currentTask());
    await new Promise((resolve) => setImmediate(resolve));
    seen.push(currentTask());
    await sleep(0);
  }
  release();
  await running;
  assert.deepEqual(seen, Array(40).fill(null));
});

test('a store of a task that has ended names no task', async () => {
  await virtual(async () => {
    let look: (() => asyncio.Task | null) | undefined;
    const task: asyncio.Task<void> = createTask(async () => {
      look = AsyncLocalStorage.bind(() => currentTask());
      await sleep(1);
      assert.equal(look?.(), task);
    });
    await task;
    assert.equal(look?.(), null);
  });
});
