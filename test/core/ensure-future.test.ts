import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { TestLoop } from 'tsyncio/testing';
import { both, cancelArgs, isError, thrown, thrownBy } from './both-kinds.js';

const { RuntimeError, ValueError } = asyncio;

both('R-ENS-01 a future is returned as it is', function* ({ wait, go, loop }) {
  const future = loop.createFuture<number>();
  assert.equal(asyncio.ensureFuture(future), future);
  assert.equal(asyncio.ensureFuture(future, { loop }), future);
  const task = asyncio.createTask(
    go(function* () {
      return 1;
    }),
  );
  assert.equal(asyncio.ensureFuture(task), task);
  yield* wait(task);
});

both('R-ENS-01 a future of another loop than the one given raises ValueError', function* ({ loop }) {
  const future = new TestLoop().createFuture();
  assert.equal(asyncio.ensureFuture(future), future);
  isError(
    thrownBy(() => asyncio.ensureFuture(future, { loop })),
    ValueError,
    'The future belongs to a different loop than the one specified as the loop argument',
  );
});

both(
  'R-ENS-02 a coroutine of any kind becomes a task, made by the task factory',
  function* ({ wait, go, define, loop }) {
    const made: asyncio.Task[] = [];
    loop.setTaskFactory((at, coro, options) => {
      const task = new asyncio.Task(coro, { ...options, loop: at });
      made.push(task as asyncio.Task);
      return task;
    });
    const steps = function* (): asyncio.Coro<number> {
      return 1;
    };
    const tasks = [go(steps), define(steps)(), steps(), steps, async () => 1].map((coro) =>
      asyncio.ensureFuture(coro as asyncio.CoroutineLike<number>),
    );
    loop.setTaskFactory(null);
    assert.deepEqual(made, tasks);
    for (const task of tasks) assert.ok(task instanceof asyncio.Task);
    const results = loop instanceof TestLoop ? tasks.slice(0, 4) : tasks;
    if (loop instanceof TestLoop) tasks[4]?.cancel();
    for (const task of results) assert.equal(yield* wait(task), 1);
    yield* wait(asyncio.wait(tasks));
  },
);

both('R-ENS-02 loop names the loop that runs the coroutine', { only: 'generator' }, function* () {
  const other = new TestLoop();
  const task = asyncio.ensureFuture(
    function* () {
      return 1;
    },
    { loop: other },
  );
  assert.equal(task.getLoop(), other);
  assert.equal(asyncio.allTasks(other).has(task), true);
  task.cancel();
  yield;
});

test('R-ENS-03 a promise becomes a task that awaits it', async () => {
  await asyncio.run(async () => {
    const task = asyncio.ensureFuture(Promise.resolve('value'));
    assert.ok(task instanceof asyncio.Task);
    assert.equal(await task, 'value');
    const error = new ValueError('rejected');
    const failing = asyncio.ensureFuture(Promise.reject(error));
    await assert.rejects(async () => await failing, error);
  });
});

test('R-ENS-03 a thenable becomes a task that awaits it', async () => {
  await asyncio.run(async () => {
    const thenable = { then: (resolve: (value: string) => void) => resolve('value') } as PromiseLike<string>;
    assert.equal(await asyncio.ensureFuture(thenable), 'value');
  });
});

test('R-ENS-03 cancelling the task of a promise stops the wait, and leaves the promise alone', async () => {
  await asyncio.run(async () => {
    let resolve!: (value: string) => void;
    const promise = new Promise<string>((each) => {
      resolve = each;
    });
    const task = asyncio.ensureFuture(promise);
    await asyncio.sleep(0);
    task.cancel('enough');
    await asyncio.wait([task]);
    assert.deepEqual(cancelArgs(thrownBy(() => task.result())), ['enough']);
    resolve('value');
    assert.equal(await promise, 'value');
  });
});

for (const value of [5, null, undefined, 'text', {}, [], Symbol('s'), true]) {
  both(`R-ENS-04 ${String(value) || '[]'} (${typeof value}) raises TypeError`, function* () {
    isError(
      thrownBy(() => asyncio.ensureFuture(value as never)),
      TypeError,
      'An asyncio.Future, a coroutine or an awaitable is required',
    );
  });
}

both('R-ENS-05 when createTask() raises RuntimeError the coroutine is closed', function* ({ define, loop }) {
  const coroutine = define(function* () {
    return 1;
  })();
  loop.setTaskFactory(() => {
    throw new RuntimeError('no more tasks');
  });
  isError(
    thrownBy(() => asyncio.ensureFuture(coroutine)),
    RuntimeError,
    'no more tasks',
  );
  loop.setTaskFactory(null);
  assert.equal(coroutine.state, 'closed');
});

test('R-ENS-05 a coroutine that is given to a closed loop is closed', () => {
  const loop = new TestLoop();
  loop.close();
  const coroutine = asyncio.coroutine(function* () {
    return 1;
  })();
  isError(
    thrownBy(() => asyncio.ensureFuture(coroutine, { loop })),
    RuntimeError,
    'Event loop is closed',
  );
  assert.equal(coroutine.state, 'closed');
  let ran = false;
  const generator = (function* (): asyncio.Coro<void> {
    ran = true;
  })();
  isError(
    thrownBy(() => asyncio.ensureFuture(generator, { loop })),
    RuntimeError,
  );
  assert.deepEqual(generator.next(), { value: undefined, done: true });
  assert.equal(ran, false);
});

both('R-ENS-05 another error leaves the coroutine alone', function* ({ wait, define, loop }) {
  const coroutine = define(function* () {
    return 1;
  })();
  loop.setTaskFactory(() => {
    throw new ValueError('bad factory');
  });
  isError(
    thrownBy(() => asyncio.ensureFuture(coroutine)),
    ValueError,
  );
  loop.setTaskFactory(null);
  assert.equal(coroutine.state, 'created');
  assert.equal(yield* wait(coroutine), 1);
  isError(yield* thrown(wait(coroutine)), RuntimeError, 'cannot reuse already awaited coroutine');
});
