import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { both, thrownBy } from './both-kinds.js';

both('detached() calls its function outside the task, and gives its result', function* ({ wait }) {
  const task = asyncio.currentTask();
  assert.notEqual(task, null);
  assert.equal(
    asyncio.detached(() => asyncio.currentTask()),
    null,
  );
  assert.equal(asyncio.currentTask(), task);
  yield* wait(asyncio.sleep(1));
  assert.equal(
    asyncio.detached(() => asyncio.currentTask()),
    null,
  );
  assert.equal(asyncio.currentTask(), task);
  assert.equal(
    asyncio.detached(() => 'result'),
    'result',
  );
});

both('detached() is left when its function throws', function* () {
  const task = asyncio.currentTask();
  const error = new Error('no');
  const failing = () => {
    throw error;
  };
  assert.equal(
    thrownBy(() => asyncio.detached(failing)),
    error,
  );
  assert.equal(asyncio.currentTask(), task);
});

both('detached() code has not the context variables of the task', function* () {
  const variable = new asyncio.ContextVar<string>('variable', { default: 'unset' });
  variable.set('of the task');
  assert.equal(
    asyncio.detached(() => variable.get()),
    'unset',
  );
  assert.equal(variable.get(), 'of the task');
});

test('what detached() starts is not cancelled with the task, and outlives it', async () => {
  const order: string[] = [];
  let started!: Promise<void>;
  let goOn!: () => void;
  const gate = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  await asyncio.run(async () => {
    const job = async () => {
      order.push(`job in ${asyncio.currentTask() === null ? 'no task' : 'a task'}`);
      await gate;
      order.push(`job still in ${asyncio.currentTask() === null ? 'no task' : 'a task'}`);
    };
    const task = asyncio.createTask(async () => {
      started = asyncio.detached(job);
      await asyncio.sleep(3600);
    });
    await asyncio.sleep(0);
    task.cancel();
    await asyncio.wait([task]);
    order.push('task ended');
  });
  goOn();
  await started;
  assert.deepEqual(order, ['job in no task', 'task ended', 'job still in no task']);
});

test('a callback that a task registers with the platform belongs to the task unless it was detached', async () => {
  await asyncio.run(async () => {
    const task = asyncio.currentTask();
    const seen: (asyncio.Task | null)[] = [];
    const register = (done: () => void) =>
      setImmediate(() => {
        seen.push(asyncio.currentTask());
        done();
      });
    await new Promise<void>((resolve) => register(resolve));
    await new Promise<void>((resolve) => asyncio.detached(() => register(resolve)));
    assert.deepEqual(
      seen.map((each) => each === task),
      [true, false],
    );
    assert.equal(seen[1], null);
  });
});

test('after its task has ended, a callback that the task registered belongs to no task', async () => {
  let seen: unknown = 'nothing';
  let done!: () => void;
  const fired = new Promise<void>((resolve) => {
    done = resolve;
  });
  await asyncio.run(async () => {
    await asyncio.createTask(async () => {
      setImmediate(() =>
        setImmediate(() => {
          seen = asyncio.currentTask();
          done();
        }),
      );
    });
  });
  await fired;
  assert.equal(seen, null);
});

test('a task keeps the user’s own async context, in every kind and step', async () => {
  const storage = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  await storage.run('outside', async () => {
    await asyncio.run(async () => {
      seen.push(storage.getStore());
      const asyncTask = storage.run('async', () =>
        asyncio.createTask(async () => {
          await asyncio.sleep(0);
          seen.push(storage.getStore());
        }),
      );
      const generatorTask = storage.run('generator', () =>
        asyncio.createTask(function* () {
          yield* asyncio.sleep(0);
          seen.push(storage.getStore());
        }),
      );
      await asyncio.gather([asyncTask, generatorTask]);
      seen.push(storage.getStore());
    });
  });
  assert.deepEqual(seen, ['outside', 'async', 'generator', 'outside']);
});

test('a callback of the loop is in nobody’s async context, whoever scheduled it or woke the loop', async () => {
  const storage = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  await storage.run('outside', () =>
    asyncio.run(async () => {
      const loop = asyncio.getRunningLoop();
      const note = () => seen.push(storage.getStore());
      await asyncio.sleep(0);
      storage.run('scheduler', () => loop.callSoon(note));
      storage.run('scheduler', () => loop.callLater(0.001, note));
      const future = loop.createFuture<void>();
      storage.run('scheduler', () => future.addDoneCallback(note));
      setImmediate(() => storage.run('waker', () => future.setResult()));
      await future;
      await asyncio.sleep('2ms');
    }),
  );
  assert.deepEqual(seen, [undefined, undefined, undefined]);
});
