import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { TestLoop } from 'tsyncio/testing';
import { cancelArgs, isError, virtualLoop } from './both-kinds.js';

// How deep and how many. One million tasks at once have a command of their own: test/long/million-tasks.ts.

const { ValueError } = asyncio;

const GENERATORS_DEEP = 100_000;
const ASYNC_DEEP = 10_000;
const TIMERS = 100_000;
const TASKS = 100_000;
const SOME = 20_000;

type Deep = (depth: number, bottom: () => asyncio.Coroutine<unknown>) => asyncio.Coroutine<number>;

const generators: Deep = asyncio.coroutine(function* (
  depth: number,
  bottom: () => asyncio.Coroutine<unknown>,
): asyncio.Coro<number> {
  if (depth === 0) {
    yield* bottom();
    return 0;
  }
  return 1 + (yield* generators(depth - 1, bottom));
});

const asyncs: Deep = asyncio.coroutine(
  async (depth: number, bottom: () => asyncio.Coroutine<unknown>): Promise<number> => {
    if (depth === 0) {
      await bottom();
      return 0;
    }
    return 1 + (await asyncs(depth - 1, bottom));
  },
);

const mixed: Deep = asyncio.coroutine(function* (
  depth: number,
  bottom: () => asyncio.Coroutine<unknown>,
): asyncio.Coro<number> {
  if (depth === 0) {
    yield* bottom();
    return 0;
  }
  return 1 + (yield* mixedAsync(depth - 1, bottom));
});
const mixedAsync: Deep = asyncio.coroutine(
  async (depth: number, bottom: () => asyncio.Coroutine<unknown>): Promise<number> => {
    if (depth === 0) {
      await bottom();
      return 0;
    }
    return 1 + (await mixed(depth - 1, bottom));
  },
);

const kinds: readonly [string, Deep, number][] = [
  [`${GENERATORS_DEEP} nested generator coroutines`, generators, GENERATORS_DEEP],
  [`${ASYNC_DEEP} nested async functions`, asyncs, ASYNC_DEEP],
  [`${ASYNC_DEEP} nested coroutines of both kinds by turns`, mixed, ASYNC_DEEP],
];

const thousandSteps = asyncio.coroutine(function* (): asyncio.Coro<void> {
  for (let i = 0; i < 1000; i++) yield* asyncio.sleep(0);
});
const failing = asyncio.coroutine(function* (): asyncio.Coro<void> {
  yield* asyncio.sleep(0);
  throw new ValueError('from the bottom');
});

for (const [what, deep, depth] of kinds) {
  test(`${what} wait a thousand times at the bottom, and return`, async () => {
    const main = asyncio.coroutine(async () => await deep(depth, thousandSteps));
    assert.equal(await asyncio.run(main(), { loopFactory: virtualLoop }), depth);
  });

  test(`${what} let an exception through`, async () => {
    await assert.rejects(
      asyncio.run(() => deep(depth, failing) as never, { loopFactory: virtualLoop }),
      (error) => {
        isError(error, ValueError, 'from the bottom');
        return true;
      },
    );
  });

  test(`${what} let a cancellation through`, async () => {
    await asyncio.run(
      async () => {
        const task = asyncio.createTask(deep(depth, () => asyncio.sleep(60)));
        await asyncio.sleep(1);
        task.cancel('down to the bottom');
        let error: unknown;
        try {
          await task;
        } catch (reason) {
          error = reason;
        }
        assert.deepEqual(cancelArgs(error), ['down to the bottom']);
      },
      { loopFactory: virtualLoop },
    );
  });
}

test(`${GENERATORS_DEEP} nested generator coroutines run on a synchronous loop`, () => {
  const loop = new TestLoop();
  assert.equal(loop.runSync(generators(GENERATORS_DEEP, thousandSteps)), GENERATORS_DEEP);
  loop.close();
});

test(`${GENERATORS_DEEP} generator coroutines that never wait return through one another`, () => {
  const loop = new TestLoop();
  const nothing = asyncio.coroutine(function* (): asyncio.Coro<void> {});
  assert.equal(loop.runSync(generators(GENERATORS_DEEP, nothing)), GENERATORS_DEEP);
  loop.close();
});

test(`${TIMERS} timers run in the order of their deadlines, and equal ones in that of their setting`, () => {
  const loop = new TestLoop();
  const order: number[] = [];
  const expected: [number, number][] = [];
  let seed = 1;
  loop.runSync(
    (function* (): asyncio.Coro<void> {
      const start = loop.time();
      for (let i = 0; i < TIMERS; i++) {
        seed = (seed * 48_271) % 2_147_483_647;
        const delay = seed % 1000;
        expected.push([delay, i]);
        loop.callAt(start + delay, () => order.push(i));
      }
      yield* asyncio.sleep(2000);
    })(),
  );
  loop.close();
  expected.sort(([a, i], [b, j]) => a - b || i - j);
  assert.deepEqual(
    order,
    expected.map(([, i]) => i),
  );
});

test(`${SOME} timers of which every second is cancelled run the others`, () => {
  const loop = new TestLoop();
  let ran = 0;
  loop.runSync(
    (function* (): asyncio.Coro<void> {
      const handles = Array.from({ length: SOME }, (_, i) => loop.callLater(1 + (i % 100), () => (ran += 1)));
      handles.forEach((handle, i) => {
        if (i % 2 === 0) handle.cancel();
      });
      yield* asyncio.sleep(200);
    })(),
  );
  loop.close();
  assert.equal(ran, SOME / 2);
});

test(`${TASKS} generator tasks that are alive at once end one after the other`, () => {
  const loop = new TestLoop();
  let ended = 0;
  loop.runSync(
    (function* (): asyncio.Coro<void> {
      const tasks = Array.from({ length: TASKS }, (_, i) =>
        asyncio.createTask(
          (function* (): asyncio.Coro<void> {
            yield* asyncio.sleep(1 + (i % 10));
            ended += 1;
          })(),
        ),
      );
      yield* asyncio.sleep(0);
      yield* asyncio.sleep(0.5);
      assert.equal(asyncio.allTasks().size, TASKS + 1);
      assert.equal(ended, 0);
      yield* asyncio.gather(tasks);
    })(),
  );
  assert.equal(ended, TASKS);
  assert.equal(asyncio.allTasks(loop).size, 0);
  loop.close();
});

test(`${TASKS} async functions that are alive at once end one after the other`, async () => {
  let ended = 0;
  await asyncio.run(
    async () => {
      const body = async () => {
        await asyncio.sleep(1);
        ended += 1;
      };
      const tasks = Array.from({ length: TASKS }, () => asyncio.createTask(body));
      await asyncio.sleep(0.5);
      assert.equal(asyncio.allTasks().size, TASKS + 1);
      assert.equal(ended, 0);
      await asyncio.gather(tasks);
      assert.equal(asyncio.allTasks().size, 1);
    },
    { loopFactory: virtualLoop },
  );
  assert.equal(ended, TASKS);
});

test(`${SOME} tasks that wait for one event are resumed in order, and a cancelled one is out at once`, () => {
  const loop = new TestLoop();
  const order: number[] = [];
  loop.runSync(
    (function* (): asyncio.Coro<void> {
      const event = new asyncio.Event();
      const tasks = Array.from({ length: SOME }, (_, i) =>
        asyncio.createTask(
          (function* (): asyncio.Coro<void> {
            yield* event.wait();
            order.push(i);
          })(),
        ),
      );
      yield* asyncio.sleep(0);
      for (let i = 0; i < SOME; i += 2) tasks[i]?.cancel();
      yield* asyncio.sleep(0);
      assert.equal(asyncio.allTasks().size, SOME / 2 + 1);
      event.set();
      yield* asyncio.wait(tasks);
    })(),
  );
  loop.close();
  assert.deepEqual(
    order,
    Array.from({ length: SOME / 2 }, (_, i) => 2 * i + 1),
  );
});

test(`a task ${ASYNC_DEEP} async functions deep is shown, counted and asked from outside`, async () => {
  await asyncio.run(
    async () => {
      const task = asyncio.createTask(asyncs(ASYNC_DEEP, () => asyncio.sleep(60)));
      await asyncio.sleep(1);
      assert.match(String(task), /^<Task pending .* wait_for=<\w+ pending/);
      task.cancel();
      assert.equal(task.cancelling(), 1);
      assert.equal(task.uncancel(), 0);
      await asyncio.wait([task]);
      assert.equal(task.cancelled(), true);
    },
    { loopFactory: virtualLoop },
  );
});

for (const kind of ['generator', 'async'] as const) {
  test(`a chain of ${ASYNC_DEEP} tasks of the ${kind} kind that await each other is cancelled from its end`, async () => {
    let cleaned = 0;
    const link = (task: asyncio.Task<void>): asyncio.Task<void> =>
      kind === 'generator'
        ? asyncio.createTask(function* () {
            try {
              yield* task;
            } finally {
              cleaned += 1;
            }
          })
        : asyncio.createTask(async () => {
            try {
              await task;
            } finally {
              cleaned += 1;
            }
          });
    await asyncio.run(
      async () => {
        let last: asyncio.Task<void> = asyncio.createTask(asyncio.sleep(60));
        const first = last;
        for (let i = 0; i < ASYNC_DEEP; i++) last = link(last);
        await asyncio.sleep(1);
        last.cancel('from the end');
        assert.equal(first.cancelling(), 1);
        await asyncio.wait([last]);
        assert.equal(last.cancelled(), true);
        assert.equal(first.cancelled(), true);
        assert.equal(cleaned, ASYNC_DEEP);
      },
      { loopFactory: virtualLoop },
    );
  });
}

test('10000 failed tasks are retrieved one by one', () => {
  const loop = new TestLoop();
  const reports: unknown[] = [];
  loop.setExceptionHandler((_, context) => void reports.push(context.message));
  loop.runSync(
    (function* (): asyncio.Coro<void> {
      const tasks = Array.from({ length: 10_000 }, () =>
        asyncio.createTask(
          (function* (): asyncio.Coro<void> {
            throw new ValueError('failed');
          })(),
        ),
      );
      yield* asyncio.sleep(1);
      for (const task of tasks) task.exception();
    })(),
  );
  loop.close();
  assert.deepEqual(reports, []);
});
