import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { enterTask, leaveTask, registerTask, unregisterTask } from 'tsyncio/lowlevel';
import { TestLoop } from 'tsyncio/testing';
import { both, cancelArgs, isError, type Kind, thrown, thrownBy, ticker } from './both-kinds.js';

const { RuntimeError, InvalidStateError, ValueError } = asyncio;

const nothing = function* (): asyncio.Coro<number> {
  return 1;
};

const notCoroutines: readonly [string, unknown, RegExp][] = [
  ['a number', 5, /^a coroutine was expected, got 5$/],
  ['null', null, /^a coroutine was expected, got null$/],
  ['nothing', undefined, /^a coroutine was expected, got undefined$/],
  ['a string', 'text', /^a coroutine was expected, got 'text'$/],
  ['an array', [], /^a coroutine was expected, got \[\]$/],
  ['an object', {}, /^a coroutine was expected, got \{\}$/],
];
for (const [what, value, message] of notCoroutines) {
  both(`R-TSK-01 createTask() refuses ${what}, and nothing is left behind`, function* ({ loop }) {
    isError(
      thrownBy(() => asyncio.createTask(value as never)),
      TypeError,
      message,
    );
    isError(
      thrownBy(() => new asyncio.Task(value as never, { loop })),
      TypeError,
      message,
    );
  });
}

both(
  'R-TSK-01 createTask() refuses a future, and names ensureFuture()',
  { debug: false },
  function* ({ loop }) {
    isError(
      thrownBy(() => asyncio.createTask(loop.createFuture() as never)),
      TypeError,
      'a coroutine was expected, got <Future pending>: use ensureFuture()',
    );
  },
);

both(
  'R-TSK-02 default names come from one counter; a given name is turned into a string',
  function* ({ wait, go }) {
    const first = asyncio.createTask(go(nothing));
    const named = asyncio.createTask(go(nothing), { name: 'mine' });
    const numbered = asyncio.createTask(go(nothing), { name: 7 });
    const last = asyncio.createTask(go(nothing));
    assert.match(first.getName(), /^Task-\d+$/);
    assert.equal(named.getName(), 'mine');
    assert.equal(numbered.getName(), '7');
    const numberOf = (task: asyncio.Task) => Number(task.getName().slice('Task-'.length));
    assert.ok(numberOf(last) > numberOf(first));
    last.setName('renamed');
    assert.equal(last.getName(), 'renamed');
    last.setName({ toString: () => 'made of an object' });
    assert.equal(last.getName(), 'made of an object');
    last.setName(0);
    assert.equal(last.getName(), '0');
    assert.equal(asyncio.createTask(go(nothing), { name: null }).getName().startsWith('Task-'), true);
    yield* wait(asyncio.gather([first, named, numbered, last]));
  },
);

both('R-TSK-03 a task runs in a copy of the context of its creation', function* ({ wait, go }) {
  const variable = new asyncio.ContextVar('variable', { default: 'default' });
  variable.set('before');
  const task = asyncio.createTask(
    go(function* () {
      const atStart = variable.get();
      variable.set('inside');
      yield* wait(asyncio.sleep(0));
      return [atStart, variable.get()];
    }),
  );
  variable.set('after');
  assert.deepEqual(yield* wait(task), ['before', 'inside']);
  assert.equal(variable.get(), 'after');
});

both('R-TSK-03 a context that is given is shared, not copied', function* ({ wait, go }) {
  const variable = new asyncio.ContextVar<number>('variable');
  const context = new asyncio.Context();
  context.run(() => variable.set(0));
  const add = () =>
    asyncio.createTask(
      go(function* () {
        variable.set(variable.get() + 1);
        yield* wait(asyncio.sleep(0));
        variable.set(variable.get() + 10);
      }),
      { context },
    );
  const tasks = [add(), add()];
  assert.equal(tasks[0]?.getContext(), context);
  yield* wait(asyncio.gather(tasks));
  assert.equal(context.get(variable), 22);
});

both(
  'R-TSK-04 creating a task runs none of it, and schedules its first step with one hop',
  function* ({ wait, go, loop }) {
    const order: string[] = [];
    loop.callSoon(() => order.push('before'));
    const task = asyncio.createTask(
      go(function* () {
        order.push('step');
      }),
    );
    loop.callSoon(() => order.push('after'));
    assert.deepEqual(order, []);
    assert.equal(asyncio.allTasks().has(task), true);
    yield* wait(asyncio.sleep(0));
    assert.deepEqual(order, ['before', 'step', 'after']);
  },
);

both(
  'R-TSK-05 currentTask() is the task during its steps, and null in callbacks',
  function* ({ wait, go, loop }) {
    const seen: (asyncio.Task | null)[] = [];
    const body = go(function* () {
      seen.push(asyncio.currentTask());
      yield* wait(asyncio.sleep(0));
      seen.push(asyncio.currentTask(loop));
    });
    const one = asyncio.createTask(body);
    const two = asyncio.createTask(body);
    const inCallback: unknown[] = [];
    loop.callSoon(() => inCallback.push(asyncio.currentTask()));
    yield* wait(asyncio.gather([one, two]));
    assert.deepEqual(
      seen.map((task) => task?.getName()),
      [one, two, one, two].map((task) => task.getName()),
    );
    assert.deepEqual(inCallback, [null]);
    assert.notEqual(asyncio.currentTask(), null);
    assert.equal(asyncio.currentTask(new TestLoop()), null);
  },
);

both('R-TSK-05 a task of another make cannot enter while a task is current', function* ({ wait, loop, go }) {
  const task = asyncio.createTask(go(nothing), { name: 'other' });
  isError(
    thrownBy(() => enterTask(loop, task)),
    RuntimeError,
    /^Cannot enter into task <Task pending name='other' .*> while another task <Task pending .*> is being executed\.$/,
  );
  yield* wait(task);
});

both('R-TSK-05 enterTask() and leaveTask() must match', function* ({ wait, loop, go }) {
  const task = asyncio.createTask(go(nothing), { name: 'one' });
  const other = asyncio.createTask(go(nothing), { name: 'two' });
  const done = loop.createFuture<void>();
  loop.callSoon(() => {
    try {
      enterTask(loop, task);
      assert.equal(asyncio.currentTask(loop), task);
      isError(
        thrownBy(() => enterTask(loop, other)),
        RuntimeError,
        /^Cannot enter into task/,
      );
      isError(
        thrownBy(() => leaveTask(loop, other)),
        RuntimeError,
        /^Leaving task .* does not match the current task .*\.$/,
      );
      leaveTask(loop, task);
      assert.equal(asyncio.currentTask(loop), null);
      isError(
        thrownBy(() => leaveTask(loop, task)),
        RuntimeError,
        /does not match the current task null\.$/,
      );
      done.setResult();
    } catch (error) {
      done.setException(error);
    }
  });
  yield* wait(done);
  yield* wait(asyncio.gather([task, other]));
});

both('R-TSK-06 a step resumes with the value, or throws the exception in', function* ({ wait, go, loop }) {
  const good = loop.createFuture<string>();
  const bad = loop.createFuture<string>();
  const error = new ValueError('bad');
  const seen: unknown[] = [];
  const task = asyncio.createTask(
    go(function* () {
      seen.push(yield* wait(good));
      seen.push(yield* thrown(wait(bad)));
    }),
  );
  yield* wait(asyncio.sleep(0));
  good.setResult('good');
  yield* wait(asyncio.sleep(0));
  bad.setException(error);
  yield* wait(task);
  assert.deepEqual(seen, ['good', error]);
});

both(
  'R-TSK-06 a request to cancel replaces what the step would have brought',
  function* ({ wait, go, loop }) {
    const future = loop.createFuture<string>();
    let seen: unknown;
    const task = asyncio.createTask(
      go(function* () {
        seen = yield* thrown(wait(future));
      }),
    );
    yield* wait(asyncio.sleep(0));
    future.setException(new ValueError('lost'));
    task.cancel('instead');
    yield* wait(task);
    assert.deepEqual(cancelArgs(seen), ['instead']);
  },
);

both('R-TSK-07 the return value is the result', function* ({ wait, go }) {
  const value = { a: 1 };
  const task = asyncio.createTask(
    go(function* () {
      return value;
    }),
  );
  assert.equal(yield* wait(task), value);
  assert.equal(task.result(), value);
  assert.equal(task.cancelled(), false);
});

both(
  'R-TSK-07 a request that is still there at the return makes the task cancelled',
  function* ({ wait, go }) {
    const task = asyncio.createTask(
      go(function* () {
        asyncio.currentTask()!.cancel('at the end');
        return 5;
      }),
    );
    assert.deepEqual(cancelArgs(yield* thrown(wait(task))), ['at the end']);
    assert.equal(task.cancelled(), true);
  },
);

both(
  'R-TSK-08 a CancelledError that leaves the coroutine makes the task cancelled, without any cancel()',
  function* ({ wait, go }) {
    const error = new asyncio.CancelledError('my own');
    const task = asyncio.createTask(
      go(function* () {
        throw error;
      }),
    );
    assert.equal(yield* thrown(wait(task)), error);
    assert.equal(task.cancelled(), true);
    assert.equal(task.cancelling(), 0);
  },
);

for (const ErrorClass of [asyncio.SystemExit, asyncio.KeyboardInterrupt]) {
  test(`R-TSK-09 ${ErrorClass.prototype.name} is stored and leaves the loop, which can go on`, async () => {
    const loop = new TestLoop();
    const error = new ErrorClass('out');
    const task = loop.createTask(function* () {
      yield* asyncio.sleep(0);
      throw error;
    });
    const waiter = loop.createTask(function* () {
      return yield* thrown(task);
    });
    assert.equal(
      thrownBy(() => loop.runSync(waiter)),
      error,
    );
    assert.equal(loop.isRunning(), false);
    assert.equal(loop.isClosed(), false);
    assert.equal(task.done(), true);
    assert.equal(task.exception(), error);
    assert.equal(waiter.done(), false);
    assert.equal(loop.runSync(waiter), error);
    loop.close();
  });

  test(`R-TSK-09 ${ErrorClass.prototype.name} in an async function comes out of run()`, async () => {
    const error = new ErrorClass('out');
    let other = 'not started';
    await assert.rejects(
      asyncio.run(async () => {
        const task = asyncio.createTask(async () => {
          await asyncio.sleep(0);
          throw error;
        });
        try {
          await asyncio.sleep(60);
        } catch (reason) {
          other = (reason as Error).name;
          throw reason;
        } finally {
          task.exception();
        }
      }),
      (reason) => reason === error,
    );
    assert.equal(other, 'CancelledError');
    process.exitCode = 0;
  });
}

both(
  'R-TSK-10 any other exception is stored, also when a request to cancel is pending',
  function* ({ wait, go }) {
    const error = new ValueError('more important');
    const task = asyncio.createTask(
      go(function* () {
        asyncio.currentTask()!.cancel();
        throw error;
      }),
    );
    assert.equal(yield* thrown(wait(task)), error);
    assert.equal(task.cancelled(), false);
    assert.equal(task.cancelling(), 1);
  },
);

both(
  'R-TSK-11 a task that waits shows the future in wait_for, and its flag is cleared',
  function* ({ wait, go, loop }) {
    const future = loop.createFuture<number>();
    const task = asyncio.createTask(
      go(function* () {
        return yield* wait(future);
      }),
      { name: 'waiter' },
    );
    yield* wait(asyncio.sleep(0));
    assert.equal(future._asyncioFutureBlocking, false);
    assert.match(String(task), /wait_for=<Future pending/);
    future.setResult(1);
    assert.equal(yield* wait(task), 1);
  },
);

both(
  'R-TSK-11 with a request to cancel pending, the future awaited next is cancelled at once',
  function* ({ wait, go, loop }) {
    const future = loop.createFuture<number>();
    let seen: unknown;
    const task = asyncio.createTask(
      go(function* () {
        asyncio.currentTask()!.cancel('early');
        seen = yield* thrown(wait(future));
        yield* wait(asyncio.sleep(0)); // delivered once only
        return 'went on';
      }),
    );
    yield* wait(asyncio.sleep(0));
    assert.equal(future.cancelled(), true);
    assert.equal(yield* wait(task), 'went on');
    assert.deepEqual(cancelArgs(seen), ['early']);
  },
);

both(
  'R-TSK-11 a request that the awaited future accepted is spent, also when the future comes to a value all the same',
  function* ({ wait, go }) {
    const inner = asyncio.createTask(
      go(function* () {
        yield* thrown(wait(asyncio.sleep(60)));
        return 'swallowed';
      }),
    );
    yield* wait(asyncio.sleep(0));
    const outer = asyncio.createTask(
      go(function* () {
        asyncio.currentTask()!.cancel();
        const value = yield* wait(inner);
        yield* wait(asyncio.sleep(1));
        return value;
      }),
    );
    assert.equal(yield* wait(outer), 'swallowed');
    assert.equal(outer.cancelling(), 1);
  },
);

both('R-TSK-12 a future of another loop throws RuntimeError in, one hop later', function* ({ wait, loop }) {
  const ticks = ticker(loop);
  const foreign = new TestLoop().createFuture();
  const error = yield* thrown(wait(foreign));
  ticks.stop();
  isError(
    error,
    RuntimeError,
    /^Task <Task pending .*> got Future <Future pending> attached to a different loop$/,
  );
  assert.equal(ticks(), 1);
  yield* wait(asyncio.sleep(0));
});

both('R-TSK-13 a task that awaits itself gets RuntimeError, and goes on', function* ({ wait, go }) {
  const task: asyncio.Task<string> = asyncio.createTask(
    go(function* () {
      isError(yield* thrown(wait(task)), RuntimeError, /^Task cannot await on itself: <Task pending .*>$/);
      yield* wait(asyncio.sleep(0));
      return 'went on';
    }),
  );
  assert.equal(yield* wait(task), 'went on');
});

both(
  'R-TSK-14 `yield future` in place of `yield* future` throws RuntimeError in',
  { only: 'generator', debug: false },
  function* ({ loop }) {
    const future = loop.createFuture();
    const task = asyncio.createTask(function* () {
      return yield* thrown(
        (function* (): asyncio.Coro<void> {
          yield future;
        })(),
      );
    });
    isError(
      yield* task,
      RuntimeError,
      /^yield was used instead of yield\* in task <Task pending .*> with <Future pending>$/,
    );
  },
);

both('R-TSK-15 a bare `yield` takes exactly one iteration', { only: 'generator' }, function* ({ loop }) {
  const ticks = ticker(loop);
  yield;
  assert.equal(ticks(), 1);
  yield;
  assert.equal(ticks(), 2);
  ticks.stop();
});

const strangeYields: readonly [string, () => unknown, RegExp][] = [
  [
    'a generator object',
    () => nothing(),
    /^yield was used instead of yield\* for a coroutine in task <Task pending .*> with .+$/,
  ],
  [
    'a Coroutine',
    () => asyncio.coroutine(nothing)(),
    /^yield was used instead of yield\* for a coroutine in task <Task pending .*> with .+$/,
  ],
  [
    'a promise',
    () => Promise.resolve(1),
    /^Task got bad yield: a promise .*use yield\* wrapPromise\(promise\)$/,
  ],
  ['a number', () => 5, /^Task got bad yield: 5$/],
  ['a string', () => 'text', /^Task got bad yield: 'text'$/],
  ['null', () => null, /^Task got bad yield: null$/],
  ['an object', () => ({ a: 1 }), /^Task got bad yield: /],
  ['an object without a prototype', () => Object.create(null), /^Task got bad yield: /],
  ['a symbol', () => Symbol('strange'), /^Task got bad yield: .*strange/],
];
for (const [what, make, message] of strangeYields) {
  both(
    `R-TSK-16 a task that yields ${what} gets RuntimeError, and the loop goes on`,
    { only: 'generator' },
    function* () {
      const task = asyncio.createTask(function* () {
        const error = yield* thrown(
          (function* (): asyncio.Coro<void> {
            yield make() as never;
          })(),
        );
        yield* asyncio.sleep(0);
        return error;
      });
      isError(yield* task, RuntimeError, message);
    },
  );
}

both(
  'R-TSK-17 a waiting task is resumed exactly one hop after its future completed',
  function* ({ wait, go, loop }) {
    for (const complete of [
      (future: asyncio.Future<number>) => future.setResult(1),
      (future: asyncio.Future<number>) => future.setException(new ValueError()),
      (future: asyncio.Future<number>) => void future.cancel(),
    ]) {
      const order: string[] = [];
      const future = loop.createFuture<number>();
      const task = asyncio.createTask(
        go(function* () {
          try {
            yield* wait(future);
          } catch {}
          order.push('resumed');
        }),
      );
      yield* wait(asyncio.sleep(0));
      loop.callSoon(() => order.push('before'));
      complete(future);
      loop.callSoon(() => order.push('after'));
      assert.deepEqual(order, []);
      yield* wait(asyncio.sleep(0));
      assert.deepEqual(order, ['before', 'resumed', 'after']);
      yield* wait(task);
    }
  },
);

both(
  'R-TSK-18 tasks that wait for one future resume in the order in which they began to wait',
  function* ({ wait, go, loop }) {
    const future = loop.createFuture<void>();
    const order: number[] = [];
    const tasks = [0, 1, 2, 3].map((i) =>
      asyncio.createTask(
        go(function* () {
          for (let late = i; late < 3; late++) yield* wait(asyncio.sleep(0)); // the last one begins first
          yield* wait(future);
          order.push(i);
        }),
      ),
    );
    for (let i = 0; i < 5; i++) yield* wait(asyncio.sleep(0));
    future.setResult();
    yield* wait(asyncio.gather(tasks));
    assert.deepEqual(order, [3, 2, 1, 0]);
  },
);

both(
  'R-TSK-19 a step of a done task raises InvalidStateError',
  { only: 'generator' },
  function* ({ wait, go }) {
    const task = asyncio.createTask(go(nothing));
    yield* wait(task);
    isError(
      thrownBy(() => (task as unknown as { _run(): void })._run()),
      InvalidStateError,
      /^Cannot step <Task finished .*>: it is done$/,
    );
  },
);

both('R-TSK-20 setResult() and setException() of a task raise RuntimeError', function* ({ wait, go }) {
  const task = asyncio.createTask(go(nothing));
  isError(
    thrownBy(() => task.setResult(2)),
    RuntimeError,
    'Task does not support set_result operation',
  );
  isError(
    thrownBy(() => task.setException(new Error())),
    RuntimeError,
    'Task does not support set_exception operation',
  );
  assert.equal(yield* wait(task), 1);
  isError(
    thrownBy(() => task.setResult(2)),
    RuntimeError,
  );
});

both(
  'R-TSK-21 a coroutine may catch CancelledError and return: the task is not cancelled',
  function* ({ wait, go }) {
    const task = asyncio.createTask(
      go(function* () {
        try {
          yield* wait(asyncio.sleep(60));
        } catch {
          return 'swallowed';
        }
        return 'slept';
      }),
    );
    yield* wait(asyncio.sleep(0));
    task.cancel();
    assert.equal(yield* wait(task), 'swallowed');
    assert.equal(task.cancelled(), false);
    assert.equal(task.cancelling(), 1);
  },
);

both(
  'R-TSK-21 a coroutine may catch CancelledError and go on waiting, or raise something else',
  function* ({ wait, go }) {
    const goesOn = asyncio.createTask(
      go(function* () {
        yield* thrown(wait(asyncio.sleep(60)));
        yield* wait(asyncio.sleep(5));
        return 'later';
      }),
    );
    const raises = asyncio.createTask(
      go(function* () {
        yield* thrown(wait(asyncio.sleep(60)));
        throw new ValueError('instead');
      }),
    );
    yield* wait(asyncio.sleep(0));
    goesOn.cancel();
    raises.cancel();
    assert.equal(yield* wait(goesOn), 'later');
    isError(yield* thrown(wait(raises)), ValueError, 'instead');
    assert.deepEqual([goesOn.cancelled(), raises.cancelled()], [false, false]);
  },
);

both(
  'R-TSK-22 getCoro(), getContext() and getName() give what the task was made with',
  function* ({ wait, go }) {
    const body = go(nothing);
    const context = new asyncio.Context();
    const task = asyncio.createTask(body, { name: 'named', context });
    assert.equal(task.getCoro(), body);
    assert.equal(task.getContext(), context);
    assert.equal(task.getName(), 'named');
    yield* wait(task);
    assert.equal(task.getCoro(), body);
    const generator = nothing();
    const second = asyncio.createTask(generator);
    assert.equal(second.getCoro(), generator);
    assert.ok(second.getContext() instanceof asyncio.Context);
    yield* wait(second);
  },
);

both(
  'R-TSK-23 getStack() of a finished task is empty, of a suspended one it has its entry',
  function* ({ wait, go }) {
    const task = asyncio.createTask(
      go(function* sleeper() {
        yield* wait(asyncio.sleep(1));
      }),
    );
    yield* wait(asyncio.sleep(0));
    assert.equal(task.getStack().length, 1);
    assert.equal(task.getStack({ limit: 0 }).length, 0);
    yield* wait(task);
    assert.deepEqual(task.getStack(), []);
  },
);

both(
  'R-TSK-23 getStack() of a failed task is its traceback, oldest frame first, cut at the newest end',
  function* ({ wait, go }) {
    function raises(): never {
      throw new ValueError('deep');
    }
    const task = asyncio.createTask(
      go(function* () {
        raises();
      }),
    );
    yield* thrown(wait(task));
    const stack = task.getStack();
    assert.ok(stack.length > 1);
    assert.equal(stack.at(-1)?.functionName, 'raises');
    assert.match(stack.at(-1)!.file, /tasks\.test\.[jt]s$/);
    assert.deepEqual(task.getStack({ limit: 1 }), stack.slice(0, 1));
    assert.deepEqual(task.getStack({ limit: stack.length + 5 }), stack);
  },
);

both('R-TSK-24 printStack() says whether it shows a stack, a traceback or nothing', function* ({ wait, go }) {
  const print = (task: asyncio.Task) => {
    let text = '';
    task.printStack({ file: { write: (part) => (text += part) } });
    return text;
  };
  const task = asyncio.createTask(
    go(function* () {
      yield* wait(asyncio.sleep(1));
      throw new ValueError('boom');
    }),
    { name: 'printed' },
  );
  yield* wait(asyncio.sleep(0));
  assert.match(
    print(task),
    /^Stack for <Task pending name='printed' .*> \(most recent call last\):\n {2}File "/,
  );
  yield* thrown(wait(task));
  assert.match(
    print(task),
    /^Traceback for <Task finished name='printed' .*> \(most recent call last\):\n( {2}File .*\n)+ValueError\('boom'\)\n$/,
  );
  const done = asyncio.createTask(go(nothing), { name: 'done' });
  yield* wait(done);
  assert.match(print(done), /^No stack for <Task finished name='done' .*>\n$/);
});

both(
  'R-TSK-25 allTasks() is a new set of the tasks that are not done, in the order of creation',
  function* ({ wait, go, loop }) {
    const main = asyncio.currentTask();
    const first = asyncio.createTask(go(nothing));
    const second = asyncio.createTask(
      go(function* () {
        yield* wait(asyncio.sleep(1));
      }),
    );
    const all = asyncio.allTasks();
    assert.deepEqual([...all], [main, first, second]);
    assert.notEqual(asyncio.allTasks(), all);
    all.clear();
    yield* wait(first);
    assert.deepEqual([...asyncio.allTasks(loop)], [main, second]);
    yield* wait(second);
    assert.deepEqual([...asyncio.allTasks()], [main]);
    assert.equal(asyncio.allTasks(new TestLoop()).size, 0);
  },
);

both(
  'R-TSK-25 registerTask() lists a task of another make, unregisterTask() takes it out',
  function* ({ loop }) {
    class Foreign extends asyncio.Future<number> {}
    const task = new Foreign({ loop }) as unknown as asyncio.Task;
    Object.assign(task, { _place: -1, _serial: 0 });
    registerTask(task);
    assert.equal(asyncio.allTasks().has(task), true);
    registerTask(task);
    unregisterTask(task);
    assert.equal(asyncio.allTasks().has(task), false);
    unregisterTask(task);
  },
);

test('R-TSK-26 currentTask() is null outside any task', async () => {
  assert.equal(asyncio.currentTask(), null);
  await asyncio.sleep(0);
  assert.equal(asyncio.currentTask(), null);
  assert.equal(asyncio.currentTask(new TestLoop()), null);
});

test('R-TSK-27 createTask() outside any run makes a task on the ambient loop', async () => {
  const task = asyncio.createTask(async () => {
    await asyncio.sleep(0);
    return 'value';
  });
  assert.equal(task.getLoop(), asyncio.getRunningLoop());
  assert.equal(asyncio.allTasks().has(task), true);
  assert.equal(task.getLoop().isRunning(), true);
  assert.equal(await task, 'value');
});

test('R-TSK-28 a task that is pending when its loop closes is reported, with the task', () => {
  const loop = new TestLoop();
  const reports: asyncio.ExceptionContext[] = [];
  loop.setExceptionHandler((_, context) => void reports.push(context));
  const task = loop.createTask(nothing);
  const quiet = loop.createTask(nothing);
  (quiet as unknown as { _logDestroyPending: boolean })._logDestroyPending = false;
  loop.close();
  assert.deepEqual(
    reports.map(({ message, task: reported }) => [message, reported === task]),
    [['Task was destroyed but it is pending!', true]],
  );
});

test('R-TSK-28 in debug mode the report says where the task was made', () => {
  const loop = new TestLoop();
  loop.setDebug(true);
  const reports: asyncio.ExceptionContext[] = [];
  loop.setExceptionHandler((_, context) => void reports.push(context));
  const task = loop.createTask(nothing);
  loop.close();
  loop.setDebug(false);
  assert.equal(reports[0]?.sourceTraceback, task.sourceTraceback);
  assert.ok(task.sourceTraceback!.length > 0);
});

test('R-TSK-28 a run that is stopped, and a gather, silence the tasks that they made', () => {
  const loop = new TestLoop();
  const reports: asyncio.ExceptionContext[] = [];
  loop.setExceptionHandler((_, context) => void reports.push(context));
  loop.callSoon(() => loop.stop());
  isError(
    thrownBy(() =>
      loop.runSync(function* () {
        yield* asyncio.gather([() => asyncio.sleep(60) as never, () => asyncio.sleep(60) as never]);
      }),
    ),
    RuntimeError,
    'Event loop stopped before Future completed.',
  );
  loop.close();
  assert.deepEqual(reports, []);
});

both(
  'R-TSK-29 toString() shows state, name, coroutine, what is awaited and who awaits',
  { debug: false },
  function* ({ wait, go, loop }) {
    const future = loop.createFuture<string>();
    const body = Object.defineProperty(
      go(function* () {
        return yield* wait(future);
      }),
      'name',
      { value: 'body' },
    );
    const task = asyncio.createTask(body, { name: "it's" });
    assert.equal(String(task), "<Task pending name='it\\'s' coro=<body()>>");
    yield* wait(asyncio.sleep(0));
    assert.match(
      String(task),
      /^<Task pending name='it\\'s' coro=<body\(\)> wait_for=<Future pending cb=\[.*\]>>$/,
    );
    task.addDoneCallback(function seen() {});
    assert.match(String(task), /^<Task pending name=.* coro=<body\(\)> wait_for=<.*> cb=\[seen\(\).*\]>$/);
    task.cancel();
    assert.match(String(task), /^<Task cancelling name=/);
    yield* thrown(wait(task));
    assert.match(String(task), /^<Task cancelled name='it\\'s' coro=<body\(\)>>$/);
    const finished = asyncio.createTask(go(nothing), { name: 'f' });
    yield* wait(finished);
    assert.match(String(finished), /^<Task finished name='f' coro=<.*\(\)> result=1>$/);
  },
);

both(
  'R-TSK-29 toString() shows a waited task by its name, and ends when tasks wait in a circle',
  function* ({ wait, go }) {
    const inner = asyncio.createTask(
      go(function* () {
        yield* wait(asyncio.sleep(1));
      }),
      { name: 'inner' },
    );
    const outer = asyncio.createTask(
      go(function* () {
        yield* wait(inner);
      }),
      { name: 'outer' },
    );
    yield* wait(asyncio.sleep(0));
    yield* wait(asyncio.sleep(0));
    assert.match(String(outer), /wait_for=<Task pending name='inner'/);
    yield* wait(outer);
  },
);

both('R-TSK-30 a coroutine object can be awaited once', function* ({ wait, define }) {
  const coroutine = define(nothing)();
  assert.equal(yield* wait(coroutine), 1);
  isError(yield* thrown(wait(coroutine)), RuntimeError, 'cannot reuse already awaited coroutine');
  isError(
    thrownBy(() => asyncio.createTask(coroutine)),
    RuntimeError,
    'cannot reuse already awaited coroutine',
  );
});

both(
  'R-TSK-30 awaiting a coroutine that is being awaited raises RuntimeError, and leaves it alone',
  function* ({ wait, go, define }) {
    const coroutine = define(function* () {
      yield* wait(asyncio.sleep(1));
      return 'first';
    })();
    const first = asyncio.createTask(
      go(function* () {
        return yield* wait(coroutine);
      }),
    );
    yield* wait(asyncio.sleep(0));
    isError(yield* thrown(wait(coroutine)), RuntimeError, 'coroutine is being awaited already');
    isError(
      thrownBy(() => asyncio.createTask(coroutine)),
      RuntimeError,
      'coroutine is being awaited already',
    );
    assert.equal(yield* wait(first), 'first');
  },
);

test('createTask() with a signal cancels the task when the signal is aborted', async () => {
  await asyncio.run(async () => {
    const controller = new AbortController();
    const task = asyncio.createTask(() => asyncio.sleep(60) as unknown as Promise<void>, {
      signal: controller.signal,
    });
    await asyncio.sleep(0);
    controller.abort('reason');
    await asyncio.wait([task]);
    assert.deepEqual(cancelArgs(thrownBy(() => task.result())), ['reason']);
  });
});

both('createTask() with a signal that is aborted already never runs the body', function* ({ wait, go }) {
  let ran = false;
  const task = asyncio.createTask(
    go(function* () {
      ran = true;
    }),
    { signal: AbortSignal.abort('before') },
  );
  assert.deepEqual(cancelArgs(yield* thrown(wait(task))), ['before']);
  assert.equal(ran, false);
});

both(
  'tasks that follow one signal share one listener, which reaches the unfinished ones',
  function* ({ wait, go }) {
    const listeners: (() => void)[] = [];
    const signal = {
      aborted: false,
      reason: 'stop',
      addEventListener: (_type: 'abort', listener: () => void) => void listeners.push(listener),
      removeEventListener: (_type: 'abort', listener: () => void) => {
        listeners.splice(listeners.indexOf(listener), 1);
      },
    };
    const sleeper = go(function* () {
      yield* wait(asyncio.sleep(60));
    });
    const done = asyncio.createTask(go(nothing), { signal });
    const sleeping = [asyncio.createTask(sleeper, { signal }), asyncio.createTask(sleeper, { signal })];
    yield* wait(done);
    assert.equal(listeners.length, 1);
    signal.aborted = true;
    for (const listener of listeners) listener();
    for (const task of sleeping) assert.deepEqual(cancelArgs(yield* thrown(wait(task))), ['stop']);
    assert.deepEqual([done.result(), done.cancelling()], [1, 0]);
  },
);

both('a task of a subclass runs its coroutine, and is made by a factory', function* ({ wait, go, loop }) {
  class Mine<T> extends asyncio.Task<T> {}
  const options: unknown[] = [];
  loop.setTaskFactory((at, coro, given) => {
    options.push(given);
    return new Mine(coro, { ...given, loop: at });
  });
  const task = asyncio.createTask(go(nothing), { name: 'mine' });
  loop.setTaskFactory(null);
  assert.ok(task instanceof Mine);
  assert.deepEqual(options, [{ name: 'mine' }]);
  assert.match(String(task), /^<Mine pending name='mine'/);
  assert.equal(yield* wait(task), 1);
});

// ------------------------------------------------------------------------------------------ golden latencies

function* forever({ wait }: Kind): asyncio.Coro<void> {
  yield* wait(asyncio.sleep(3600));
}

/** How many iterations of the loop pass between beginning to wait and resuming, as CPython 3.13 and 3.14 have it. */
const golden: readonly [string, number, (kind: Kind) => Generator<asyncio.Suspension, Measured, unknown>][] =
  [
    ['a coroutine that returns at once', 0, measured(({ define }) => define(nothing)())],
    ['a done future', 0, measured(({ loop }) => doneFuture(loop))],
    ['sleep(0)', 1, measured(() => asyncio.sleep(0))],
    ['createTask(nothing)', 2, measured(({ go }) => asyncio.createTask(go(nothing)))],
    ['gather([nothing])', 3, measured(({ go }) => asyncio.gather([go(nothing)]))],
    ['gather([nothing, nothing])', 3, measured(({ go }) => asyncio.gather([go(nothing), go(nothing)]))],
    ['gather([done task])', 0, afterDone((task) => asyncio.gather([task]))],
    ['gather([])', 0, measured(() => asyncio.gather([]))],
    ['wait([task])', 3, measured(({ go }) => asyncio.wait([asyncio.createTask(go(nothing))]))],
    ['wait([done task])', 2, afterDone((task) => asyncio.wait([task]))],
    ['waitFor(nothing, 10)', 0, measured(({ go }) => asyncio.waitFor(go(nothing), 10))],
    ['waitFor(nothing, null)', 0, measured(({ go }) => asyncio.waitFor(go(nothing), null))],
    [
      'waitFor(forever, 0)',
      3,
      measured((kind) =>
        kind.define(function* () {
          const error = yield* thrown(
            kind.wait(
              asyncio.waitFor(
                kind.go(() => forever(kind)),
                0,
              ),
            ),
          );
          isError(error, asyncio.TimeoutError);
        })(),
      ),
    ],
    ['shield(nothing)', 3, measured(({ go }) => asyncio.shield(go(nothing)))],
    ['shield(done task)', 0, afterDone((task) => asyncio.shield(task))],
    ['an empty TaskGroup', 0, measured(({ go }) => new asyncio.TaskGroup().run(go(function* () {})))],
    [
      'a TaskGroup with one task',
      3,
      measured(({ go }) => {
        const group = new asyncio.TaskGroup();
        return group.run(
          go(function* () {
            group.createTask(go(nothing));
          }),
        );
      }),
    ],
    ['an empty timeout', 0, measured(({ go }) => asyncio.timeout(10).run(go(function* () {})))],
    ['lock.acquire() of a free lock', 0, measured(() => new asyncio.Lock().acquire())],
    [
      'lock.acquire() of a lock that a task made just before releases',
      2,
      function* (kind) {
        const { wait, go } = kind;
        const lock = new asyncio.Lock();
        yield* wait(lock.acquire());
        return yield* measure(kind, () => {
          asyncio.createTask(
            go(function* () {
              lock.release();
            }),
          );
          return lock.acquire();
        });
      },
    ],
    [
      'queue.get() of a queue that holds something',
      0,
      measured(() => {
        const queue = new asyncio.Queue<number>();
        queue.putNowait(1);
        return queue.get();
      }),
    ],
    [
      'queue.get() of a queue that a task made just before fills',
      2,
      measured(({ wait, go }) => {
        const queue = new asyncio.Queue<number>();
        asyncio.createTask(
          go(function* () {
            yield* wait(queue.put(1));
          }),
        );
        return queue.get();
      }),
    ],
    [
      'event.wait() after callSoon(event.set)',
      2,
      measured(({ loop }) => {
        const event = new asyncio.Event();
        loop.callSoon(() => event.set());
        return event.wait();
      }),
    ],
    [
      'the asynchronous iteration over asCompleted([nothing])',
      3,
      measured(({ go }) =>
        asyncio
          .asCompleted([go(nothing)])
          [Symbol.asyncIterator]()
          .next(),
      ),
    ],
    [
      'the plain iteration over asCompleted([nothing])',
      3,
      measured(({ go }) => {
        const [first] = [...asyncio.asCompleted([go(nothing)])];
        return first as asyncio.Awaitable<unknown>;
      }),
    ],
    [
      'a task just cancelled while it sleeps',
      2,
      function* (kind) {
        const { wait, go } = kind;
        const task = asyncio.createTask(go(() => forever(kind)));
        yield* wait(asyncio.sleep(0));
        return yield* measure(kind, () => {
          task.cancel();
          return task;
        });
      },
    ],
    [
      'a task cancelled before its first step',
      2,
      measured((kind) => {
        const task = asyncio.createTask(kind.go(() => forever(kind)));
        task.cancel();
        return task;
      }),
    ],
  ];

interface Measured {
  readonly iterations: number;
}

function doneFuture(loop: asyncio.EventLoop): asyncio.Future<number> {
  const future = loop.createFuture<number>();
  future.setResult(1);
  return future;
}

function* measure(
  { wait, loop }: Kind,
  make: () => asyncio.Awaitable<unknown>,
): Generator<asyncio.Suspension, Measured, unknown> {
  const ticks = ticker(loop);
  try {
    yield* wait(make());
  } catch (error) {
    if (!(error instanceof asyncio.CancelledError)) throw error;
  }
  ticks.stop();
  return { iterations: ticks() };
}

function measured(make: (kind: Kind) => asyncio.Awaitable<unknown>) {
  return (kind: Kind) => measure(kind, () => make(kind));
}

function afterDone(make: (task: asyncio.Task<number>) => asyncio.Awaitable<unknown>) {
  return function* (kind: Kind): Generator<asyncio.Suspension, Measured, unknown> {
    const task = asyncio.createTask(kind.go(nothing));
    yield* kind.wait(task);
    return yield* measure(kind, () => make(task));
  };
}

for (const [what, iterations, body] of golden) {
  both(`N-07 awaiting ${what} takes ${iterations} iterations`, function* (kind) {
    assert.deepEqual(yield* body(kind), { iterations });
  });
}
