import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { TestLoop } from 'tsyncio/testing';
import { both, cancelArgs, isError, thrown, thrownBy, ticker } from './both-kinds.js';

const { RuntimeError, ValueError } = asyncio;

// Eager start is a matter of generator coroutines. What holds for async functions, whose completion is seen one
// microtask later, stands at the end.

const eager = { eagerStart: true } as const;

both(
  'R-EAG-01 the first step runs inside createTask(), in the task’s context, as the current task',
  function* ({ wait, go }) {
    const variable = new asyncio.ContextVar<string>('variable');
    variable.set('creator');
    const outer = asyncio.currentTask();
    const order: unknown[] = [];
    let inside: asyncio.Task | null = null;
    const task = asyncio.createTask(
      go(function* () {
        inside = asyncio.currentTask();
        order.push('step', variable.get());
        yield* wait(asyncio.sleep(0));
        order.push('resumed');
      }),
      eager,
    );
    order.push('created');
    assert.equal(inside, task);
    assert.notEqual(inside, outer);
    assert.equal(asyncio.currentTask(), outer);
    yield* wait(task);
    assert.deepEqual(order, ['step', 'creator', 'created', 'resumed']);
    assert.equal(asyncio.currentTask(), outer);
  },
);

both(
  'R-EAG-01 with the eager task factory every task starts at once, also one inside another',
  function* ({ wait, go, loop }) {
    loop.setTaskFactory(asyncio.eagerTaskFactory);
    assert.equal(loop.getTaskFactory(), asyncio.eagerTaskFactory);
    const order: string[] = [];
    const task = asyncio.createTask(
      go(function* () {
        order.push('outer');
        const me = asyncio.currentTask();
        const inner = asyncio.createTask(
          go(function* () {
            order.push('inner');
            yield* wait(asyncio.sleep(0));
            return 'inner';
          }),
        );
        assert.equal(asyncio.currentTask(), me);
        order.push('outer again');
        return yield* wait(inner);
      }),
    );
    order.push('created');
    loop.setTaskFactory(null);
    assert.equal(yield* wait(task), 'inner');
    assert.deepEqual(order, ['outer', 'inner', 'outer again', 'created']);
  },
);

both(
  'R-EAG-01 what the eager step starts to wait for resumes the task, not its creator',
  function* ({ wait, go, loop }) {
    const future = loop.createFuture<string>();
    const task = asyncio.createTask(
      go(function* () {
        return yield* wait(future);
      }),
      eager,
    );
    yield* wait(asyncio.sleep(0));
    assert.equal(task.done(), false);
    future.setResult('value');
    yield* wait(asyncio.sleep(0));
    assert.equal(task.done(), true);
    assert.equal(yield* wait(task), 'value');
  },
);

test('R-EAG-02 on a loop that does not run the first step waits for it', () => {
  const loop = new TestLoop();
  loop.setTaskFactory(asyncio.eagerTaskFactory);
  let ran = false;
  const task = loop.createTask(function* () {
    ran = true;
    return 5;
  });
  assert.equal(ran, false);
  assert.equal(task.done(), false);
  assert.equal(loop.runSync(task), 5);
  loop.close();
});

both(
  'R-EAG-03 a coroutine that completes in its first step is a done task on return',
  { only: 'generator' },
  function* ({ loop }) {
    const order: string[] = [];
    const ticks = ticker(loop);
    const task = asyncio.createTask(function* () {
      return 'value';
    }, eager);
    assert.equal(task.done(), true);
    assert.equal(task.result(), 'value');
    assert.equal(task.getCoro(), null);
    task.addDoneCallback(() => order.push('callback'));
    assert.deepEqual(order, []);
    assert.equal(yield* task, 'value');
    assert.equal(ticks(), 0);
    ticks.stop();
    yield* asyncio.sleep(0);
    assert.deepEqual(order, ['callback']);
  },
);

both('R-EAG-04 a coroutine that suspends is a task like any other', function* ({ wait, go }) {
  const coro = go(function* () {
    yield* wait(asyncio.sleep(1));
    return 'value';
  });
  const task = asyncio.createTask(coro, { ...eager, name: 'eager' });
  assert.equal(task.done(), false);
  assert.equal(task.getCoro(), coro);
  assert.equal(task.getName(), 'eager');
  assert.equal(asyncio.allTasks().has(task), true);
  assert.equal(yield* wait(task), 'value');
});

both(
  'R-EAG-05 an exception of the first step is stored, not thrown by createTask()',
  { only: 'generator' },
  function* () {
    const error = new ValueError('eager');
    const task = asyncio.createTask(function* () {
      throw error;
    }, eager);
    assert.equal(task.done(), true);
    assert.equal(task.exception(), error);
    const cancelled = asyncio.createTask(function* () {
      throw new asyncio.CancelledError('own');
    }, eager);
    assert.equal(cancelled.cancelled(), true);
  },
);

for (const ErrorClass of [asyncio.SystemExit, asyncio.KeyboardInterrupt]) {
  both(
    `R-EAG-05 ${ErrorClass.prototype.name} in the first step is stored and thrown by createTask()`,
    {
      only: 'generator',
      closing: ['Task exception was never retrieved'],
    },
    function* () {
      const error = new ErrorClass();
      const me = asyncio.currentTask();
      assert.equal(
        thrownBy(() =>
          asyncio.createTask(function* () {
            throw error;
          }, eager),
        ),
        error,
      );
      assert.equal(asyncio.currentTask(), me);
      assert.deepEqual([...asyncio.allTasks()], [me]);
    },
  );
}

both(
  'R-EAG-06 allTasks() has the task during its first step, and afterwards while it is pending',
  { only: 'generator' },
  function* () {
    const seen: boolean[] = [];
    const look = () => seen.push(asyncio.allTasks().has(asyncio.currentTask()!));
    const completes = asyncio.createTask(function* () {
      look();
    }, eager);
    assert.equal(asyncio.allTasks().has(completes), false);
    const suspends = asyncio.createTask(function* () {
      look();
      yield* asyncio.sleep(0);
      look();
    }, eager);
    assert.equal(asyncio.allTasks().has(suspends), true);
    yield* suspends;
    assert.deepEqual(seen, [true, true, true]);
  },
);

both('R-EAG-07 cancelling after an eager completion gives false', { only: 'generator' }, function* () {
  const task = asyncio.createTask(function* () {
    return 1;
  }, eager);
  assert.equal(task.cancel(), false);
  assert.equal(task.result(), 1);
});

both(
  'R-EAG-07 cancelling after an eager suspension cancels what it waits for',
  function* ({ wait, go, loop }) {
    const future = loop.createFuture<void>();
    const task = asyncio.createTask(
      go(function* () {
        yield* wait(future);
      }),
      eager,
    );
    yield* wait(asyncio.sleep(0));
    assert.equal(task.cancel('m'), true);
    assert.equal(future.cancelled(), true);
    assert.deepEqual(cancelArgs(yield* thrown(wait(task))), ['m']);
  },
);

both('R-EAG-07 cancelling right after createTask(), before any iteration', function* ({ wait, go, loop }) {
  const future = loop.createFuture<void>();
  let cleaned = false;
  const task = asyncio.createTask(
    go(function* () {
      try {
        yield* wait(future);
      } finally {
        cleaned = true;
      }
    }),
    eager,
  );
  assert.equal(task.cancel('m'), true);
  assert.deepEqual(cancelArgs(yield* thrown(wait(task))), ['m']);
  assert.equal(cleaned, true);
  assert.equal(future.cancelled(), true);
});

both('R-EAG-08 variables that the first step sets live in the task’s context', function* ({ wait, go }) {
  const variable = new asyncio.ContextVar('variable', { default: 'none' });
  const task = asyncio.createTask(
    go(function* () {
      variable.set('task');
      yield* wait(asyncio.sleep(0));
      return variable.get();
    }),
    eager,
  );
  assert.equal(variable.get(), 'none');
  variable.set('creator');
  assert.equal(yield* wait(task), 'task');
  assert.equal(variable.get(), 'creator');
});

both(
  'R-EAG-09 eager start in a context that is entered raises RuntimeError, and leaves the creator as it was',
  function* ({ wait, go }) {
    const me = asyncio.currentTask()!;
    let ran = false;
    isError(
      thrownBy(() =>
        asyncio.createTask(
          go(function* () {
            ran = true;
          }),
          { ...eager, context: me.getContext() },
        ),
      ),
      RuntimeError,
      /^cannot enter context: <Context .*> is already entered$/,
    );
    assert.equal(ran, false);
    assert.equal(asyncio.currentTask(), me);
    assert.deepEqual([...asyncio.allTasks()], [me]);
    yield* wait(asyncio.sleep(0));
    assert.equal(asyncio.currentTask(), me);
  },
);

both(
  'R-EAG-10 createEagerTaskFactory() makes tasks of the class, and hands the options on',
  function* ({ wait, go, loop }) {
    const made: unknown[] = [];
    class Mine<T> extends asyncio.Task<T> {
      constructor(coro: asyncio.CoroutineLike<T>, options: asyncio.TaskOptions & asyncio.FutureOptions) {
        super(coro, options);
        made.push(options);
      }
    }
    const context = new asyncio.Context();
    loop.setTaskFactory(asyncio.createEagerTaskFactory(Mine));
    const task = asyncio.createTask(
      go(function* () {
        yield* wait(asyncio.sleep(0));
      }),
      { name: 'n', context },
    );
    let ran = false;
    const lazy = asyncio.createTask(
      go(function* () {
        ran = true;
      }),
      { eagerStart: false },
    );
    loop.setTaskFactory(null);
    assert.ok(task instanceof Mine);
    assert.equal(ran, false);
    assert.deepEqual(made, [
      { name: 'n', context, loop, eagerStart: true },
      { loop, eagerStart: false },
    ]);
    yield* wait(asyncio.gather([task, lazy]));
  },
);

both(
  'R-EAG-11 with the eager factory, a gather of coroutines that complete at once is done at once',
  { only: 'generator' },
  function* ({ loop }) {
    loop.setTaskFactory(asyncio.eagerTaskFactory);
    const ticks = ticker(loop);
    const gathered = asyncio.gather([
      function* () {
        return 1;
      },
      function* () {
        return 2;
      },
    ] as const);
    loop.setTaskFactory(null);
    assert.equal(gathered.done(), true);
    assert.deepEqual(yield* gathered, [1, 2]);
    assert.equal(ticks(), 0);
    ticks.stop();
  },
);

both(
  'an async function that is started eagerly runs its synchronous part at once, and is done a little later',
  { only: 'async' },
  function* ({ wait }) {
    const order: string[] = [];
    const task = asyncio.createTask(async () => {
      order.push('synchronous part');
      return 'value';
    }, eager);
    order.push('created');
    assert.equal(task.done(), false);
    assert.equal(yield* wait(task), 'value');
    assert.deepEqual(order, ['synchronous part', 'created']);
  },
);

both(
  'an async function that is started eagerly and fails at once is a failed task',
  { only: 'async' },
  function* ({ wait }) {
    const error = new ValueError('eager');
    const task = asyncio.createTask(async () => {
      throw error;
    }, eager);
    assert.equal(yield* thrown(wait(task)), error);
  },
);

both(
  'an async function starts an eager one in the middle of a step, and goes on awaiting',
  { only: 'async' },
  function* ({ wait }) {
    const order: string[] = [];
    const task = asyncio.createTask(
      async () => {
        await asyncio.sleep(0);
        const inner = asyncio.createTask(
          async () => {
            order.push('inner');
            await asyncio.sleep(0);
            order.push('inner again');
            return asyncio.currentTask()!.getName();
          },
          { ...eager, name: 'inner' },
        );
        order.push('outer');
        assert.equal(await inner, 'inner');
        return asyncio.currentTask()!.getName();
      },
      { name: 'outer' },
    );
    assert.equal(yield* wait(task), 'outer');
    assert.deepEqual(order, ['inner', 'outer', 'inner again']);
  },
);
