import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import * as asyncio from 'tsyncio';
import { TestLoop } from 'tsyncio/testing';
import { both, cancelArgs, isError, thrown, thrownBy, ticker, virtualLoop } from './both-kinds.js';

const { RuntimeError, ValueError, GeneratorExit } = asyncio;

both(
  'coroutine() makes lazy coroutines: nothing runs before they are waited for',
  function* ({ wait, define }) {
    const calls: unknown[][] = [];
    const add = define(function* (a: number, b: number) {
      calls.push([a, b]);
      yield* wait(asyncio.sleep(0));
      return a + b;
    });
    const coroutine = add(1, 2);
    yield* wait(asyncio.sleep(0));
    assert.deepEqual(calls, []);
    assert.equal(yield* wait(coroutine), 3);
    assert.deepEqual(calls, [[1, 2]]);
  },
);

test('coroutine() keeps the function’s name and length', () => {
  const named = asyncio.coroutine(function* named(_a: number, _b: string): asyncio.Coro<void> {});
  assert.equal(named.name, 'named');
  assert.equal(named.length, 2);
  assert.equal(named(1, '').name, 'named');
  const native = asyncio.coroutine(async function other(_a: number) {});
  assert.equal(native.name, 'other');
  assert.equal(native(1).name, 'other');
});

both('coroutine() hands `this` on', function* ({ wait }) {
  class Account {
    balance = 7;
    generator = asyncio.coroutine(function* (this: Account): asyncio.Coro<number> {
      return this.balance;
    });
    native = asyncio.coroutine(async function (this: Account) {
      return this.balance;
    });
  }
  const account = new Account();
  assert.equal(yield* wait(account.generator()), 7);
  if (asyncio.getRunningLoop() instanceof TestLoop) return;
  assert.equal(yield* wait(account.native()), 7);
});

test('coroutine() refuses what is no function', () => {
  for (const bad of [null, undefined, 5, {}, (function* () {})()]) {
    isError(
      thrownBy(() => asyncio.coroutine(bad as never)),
      TypeError,
      /^Cannot make a coroutine function: expected a function, got /,
    );
  }
});

both('a coroutine says whether it was created, runs or is closed', function* ({ wait, go, define }) {
  const coroutine = define(function* steps() {
    yield* wait(asyncio.sleep(1));
  })();
  assert.equal(coroutine.state, 'created');
  assert.match(inspect(coroutine), /^<coroutine .*\(\) created>$/);
  const task = asyncio.createTask(
    go(function* () {
      yield* wait(coroutine);
    }),
  );
  yield* wait(asyncio.sleep(0));
  assert.equal(coroutine.state, 'running');
  yield* wait(task);
  assert.equal(coroutine.state, 'closed');
  assert.match(String(coroutine), / closed>$/);
});

both(
  'a coroutine that fails is closed, and so is one that was given to a task',
  function* ({ wait, define }) {
    const failing = define(function* () {
      throw new ValueError('fails');
    })();
    isError(yield* thrown(wait(failing)), ValueError);
    assert.equal(failing.state, 'closed');
    const given = define(function* () {
      return 1;
    })();
    const task = asyncio.createTask(given);
    assert.equal(task.getCoro(), given);
    yield* wait(task);
    assert.equal(given.state, 'closed');
    const cancelled = define(function* () {
      return 1;
    })();
    const cancelledTask = asyncio.createTask(cancelled);
    cancelledTask.cancel();
    yield* thrown(wait(cancelledTask));
    assert.equal(cancelled.state, 'closed');
  },
);

both('iscoroutine() tells coroutine objects from functions and promises', function* ({ define }) {
  const coroutine = define(function* () {
    return 1;
  })();
  assert.equal(asyncio.iscoroutine(coroutine), true);
  coroutine.close();
  assert.equal(asyncio.iscoroutine(coroutine), true);
  assert.equal(asyncio.iscoroutine(asyncio.sleep(0)), true);
  assert.equal(asyncio.iscoroutine((function* (): asyncio.Coro<void> {})()), true);
  for (const value of [null, 5, 'text', {}, [], Promise.resolve(), async () => {}, function* () {}]) {
    assert.equal(asyncio.iscoroutine(value), false, inspect(value));
  }
});

test('iscoroutinefunction() knows generator functions, async functions and what coroutine() made', () => {
  const yes = [
    function* () {},
    async () => {},
    asyncio.coroutine(async () => {}),
    asyncio.coroutine(function* () {}),
  ];
  const no = [() => {}, class {}, null, 5, Promise.resolve(), async function* () {}, asyncio.sleep];
  for (const fn of yes) assert.equal(asyncio.iscoroutinefunction(fn), true, inspect(fn));
  for (const fn of no) assert.equal(asyncio.iscoroutinefunction(fn), false, inspect(fn));
});

// --------------------------------------------------------------------------------------------- composition

both(
  'N-04 a coroutine that is awaited runs inline: same task, same context, no iteration of its own',
  function* ({ wait, define, loop }) {
    const variable = new asyncio.ContextVar('variable', { default: 'none' });
    const inner = define(function* () {
      variable.set('set by the callee');
      return [asyncio.currentTask()]; // boxed: an async function would await the task
    });
    const ticks = ticker(loop);
    const [task] = yield* wait(inner());
    assert.equal(ticks(), 0);
    ticks.stop();
    assert.equal(task, asyncio.currentTask());
    assert.equal(variable.get(), 'set by the callee');
    assert.equal(asyncio.allTasks().size, 1);
  },
);

both(
  'N-04 each await inside takes its own iterations, whatever the depth',
  function* ({ wait, define, loop }) {
    const nested = define(function* (depth: number): Generator<asyncio.Suspension, number, unknown> {
      if (depth === 0) {
        yield* wait(asyncio.sleep(0));
        yield* wait(asyncio.sleep(0));
        return 1;
      }
      return 1 + (yield* wait(nested(depth - 1)));
    });
    for (const depth of [0, 1, 20]) {
      const ticks = ticker(loop);
      assert.equal(yield* wait(nested(depth)), depth + 1);
      assert.equal(ticks(), 2);
      ticks.stop();
    }
  },
);

const generatorStep = asyncio.coroutine(function* (label: string): asyncio.Coro<string> {
  yield* asyncio.sleep(0);
  return `${label} by a generator`;
});
const asyncStep = asyncio.coroutine(async (label: string) => {
  await asyncio.sleep(0);
  return `${label} by an async function`;
});

both('a coroutine of one kind waits for one of the other', function* ({ wait, define, loop }) {
  if (loop instanceof TestLoop) return;
  const both = define(function* () {
    return [yield* wait(generatorStep('a')), yield* wait(asyncStep('b'))];
  });
  assert.deepEqual(yield* wait(both()), ['a by a generator', 'b by an async function']);
  const deep = asyncio.coroutine(function* (depth: number): asyncio.Coro<number> {
    return depth === 0 ? 0 : 1 + (yield* deepAsync(depth - 1));
  });
  const deepAsync = asyncio.coroutine(async (depth: number): Promise<number> => {
    await asyncio.sleep(0);
    return depth === 0 ? 0 : 1 + (await deep(depth - 1));
  });
  assert.equal(yield* wait(deep(20)), 20);
});

both(
  'an exception passes through coroutines of both kinds, and so does a cancellation',
  function* ({ wait, go, loop }) {
    if (loop instanceof TestLoop) return;
    const seen: string[] = [];
    const failing = new ValueError('deep');
    const bottom = asyncio.coroutine(async (fail: boolean) => {
      try {
        if (fail) throw failing;
        await asyncio.sleep(60);
      } finally {
        seen.push('async');
      }
    });
    const top = asyncio.coroutine(function* (fail: boolean): asyncio.Coro<void> {
      try {
        yield* bottom(fail);
      } finally {
        seen.push('generator');
      }
    });
    assert.equal(yield* thrown(wait(top(true))), failing);
    const task = asyncio.createTask(
      go(function* () {
        yield* wait(top(false));
      }),
    );
    yield* wait(asyncio.sleep(0));
    task.cancel('through both');
    assert.deepEqual(cancelArgs(yield* thrown(wait(task))), ['through both']);
    assert.deepEqual(seen, ['async', 'generator', 'async', 'generator']);
  },
);

both(
  'a raw generator is delegated to, with its values and its exceptions',
  { only: 'generator' },
  function* () {
    function* raw(fail: boolean): asyncio.Coro<string> {
      yield* asyncio.sleep(0);
      if (fail) throw new ValueError('raw');
      return 'value';
    }
    assert.equal(yield* raw(false), 'value');
    isError(yield* thrown(raw(true)), ValueError, 'raw');
  },
);

// ------------------------------------------------------------------------------------------ what is a thunk

both(
  'N-19 a thunk that returns a plain value completes in its first step with it',
  { only: 'async' },
  function* ({ wait }) {
    const task = asyncio.createTask((() => 5) as never);
    yield* wait(asyncio.sleep(0));
    assert.equal(task.done(), true);
    assert.equal(yield* wait(task), 5);
    const nothing = asyncio.createTask((() => undefined) as never);
    assert.equal(yield* wait(nothing), undefined);
  },
);

both('N-19 the same without async context', { only: 'generator' }, function* ({ wait }) {
  const task = asyncio.createTask((() => 5) as never);
  yield* wait(asyncio.sleep(0));
  assert.equal(task.done(), true);
  assert.equal(yield* wait(task), 5);
});

both('N-19 a thunk that throws makes a failed task', function* ({ wait }) {
  const error = new ValueError('synchronous');
  const task = asyncio.createTask((() => {
    throw error;
  }) as never);
  assert.equal(yield* thrown(wait(task)), error);
});

both(
  'a thunk may return a generator, a coroutine or a future: the task waits for it',
  function* ({ wait, define, loop }) {
    const coroutine = define(function* () {
      yield* wait(asyncio.sleep(1));
      return 'coroutine';
    });
    const future = loop.createFuture<string>();
    loop.callLater(1, () => future.setResult('future'));
    function* steps(): asyncio.Coro<string> {
      yield* asyncio.sleep(1);
      return 'generator';
    }
    const tasks = [() => steps(), () => coroutine(), () => future].map((thunk) =>
      asyncio.createTask(thunk as never),
    );
    assert.deepEqual(yield* wait(asyncio.gather(tasks)), ['generator', 'coroutine', 'future']);
  },
);

both('a task of a thunk that returns a future cancels it when it is cancelled', function* ({ wait, loop }) {
  const future = loop.createFuture<string>();
  const task = asyncio.createTask((() => future) as never);
  yield* wait(asyncio.sleep(0));
  task.cancel('m');
  assert.deepEqual(cancelArgs(yield* thrown(wait(task))), ['m']);
  assert.equal(future.cancelled(), true);
});

// ------------------------------------------------------------------------------------------------- closing

test('N-14 close() throws GeneratorExit into a suspended generator, so that its finally blocks run', () => {
  const order: string[] = [];
  const generator = (function* (): asyncio.Coro<void> {
    try {
      yield;
    } catch (error) {
      order.push((error as Error).name);
      throw error;
    } finally {
      order.push('finally');
    }
  })();
  generator.next();
  new asyncio.Coroutine(generator).close();
  assert.deepEqual(order, ['GeneratorExit', 'finally']);
  assert.deepEqual(generator.next(), { value: undefined, done: true });
});

test('N-14 a generator that yields when it is closed raises RuntimeError', () => {
  const generator = (function* (): asyncio.Coro<void> {
    try {
      yield;
    } finally {
      yield;
    }
  })();
  generator.next();
  isError(
    thrownBy(() => new asyncio.Coroutine(generator).close()),
    RuntimeError,
    'coroutine ignored GeneratorExit',
  );
});

test('N-14 a generator that raises something else when it is closed lets it out', () => {
  const error = new ValueError('clean-up');
  const generator = (function* (): asyncio.Coro<void> {
    try {
      yield;
    } finally {
      // biome-ignore lint/correctness/noUnsafeFinally: the clean-up that fails is the point
      throw error;
    }
  })();
  generator.next();
  assert.equal(
    thrownBy(() => new asyncio.Coroutine(generator).close()),
    error,
  );
});

test('close() of a coroutine that was not started runs none of it, and is done once', () => {
  let ran = false;
  const coroutine = asyncio.coroutine(function* (): asyncio.Coro<void> {
    ran = true;
  })();
  coroutine.close();
  coroutine.close();
  assert.equal(coroutine.state, 'closed');
  assert.equal(ran, false);
  isError(
    thrownBy(() => new TestLoop().createTask(coroutine)),
    RuntimeError,
    'cannot reuse already awaited coroutine',
  );
});

both('close() of a coroutine that runs raises RuntimeError', function* ({ wait, go, define }) {
  const coroutine = define(function* () {
    yield* wait(asyncio.sleep(1));
  })();
  const task = asyncio.createTask(
    go(function* () {
      yield* wait(coroutine);
    }),
  );
  yield* wait(asyncio.sleep(0));
  isError(
    thrownBy(() => coroutine.close()),
    RuntimeError,
    /^Cannot close <coroutine .* running>: it is being awaited$/,
  );
  yield* wait(task);
});

both(
  'a cancelled generator with clean-up that waits does not come back to life',
  { only: 'generator' },
  function* () {
    const order: string[] = [];
    function* inner(): asyncio.Coro<void> {
      try {
        yield* asyncio.sleep(60);
      } finally {
        yield* asyncio.sleep(1);
        order.push('inner cleaned up');
      }
    }
    const task = asyncio.createTask(function* () {
      yield* inner();
      order.push('came back to life');
    });
    yield* asyncio.sleep(0);
    task.cancel();
    yield* thrown(task);
    assert.deepEqual(order, ['inner cleaned up']);
    assert.equal(task.cancelled(), true);
  },
);

test('GeneratorExit is a BaseException, so a general catch lets it through', () => {
  assert.equal(asyncio.isBaseException(new GeneratorExit()), true);
});

// -------------------------------------------------------------------------------- asynchronous generators

test('N-15 generators of agen() that were not iterated to their end are closed with the run', async () => {
  const order: string[] = [];
  const numbers = asyncio.agen(async function* () {
    try {
      yield 1;
      yield 2;
    } finally {
      await asyncio.sleep(0);
      order.push('closed');
    }
  });
  await asyncio.run(async () => {
    const iterator = numbers();
    assert.deepEqual(await iterator.next(), { value: 1, done: false });
    order.push('main ends');
    // Kept alive until here: a collected generator could not be closed.
    assert.ok(iterator);
  });
  assert.deepEqual(order, ['main ends', 'closed']);
});

test('N-15 an error while such a generator is closed is reported, with the generator', async () => {
  const error = new ValueError('closing fails');
  const failing = asyncio.agen(async function* () {
    try {
      yield 1;
    } finally {
      // biome-ignore lint/correctness/noUnsafeFinally: the clean-up that fails is the point
      throw error;
    }
  });
  const reports: asyncio.ExceptionContext[] = [];
  let iterator: AsyncGenerator<number> | undefined;
  await asyncio.run(async () => {
    asyncio.getRunningLoop().setExceptionHandler((_, context) => void reports.push(context));
    iterator = failing();
    await iterator.next();
  });
  assert.equal(reports.length, 1);
  assert.match(reports[0]!.message!, /^an error occurred during closing of asynchronous generator /);
  assert.equal(reports[0]!.exception, error);
  assert.equal(reports[0]!.asyncgen, iterator);
});

test('N-15 awaits inside such a generator belong to the task that iterates it', async () => {
  const ticks = asyncio.agen(async function* (): AsyncGenerator<unknown, void, unknown> {
    for (let i = 0; ; i++) {
      await asyncio.sleep(1);
      yield [i, asyncio.currentTask()?.getName()];
    }
  });
  await asyncio.run(
    async () => {
      const seen: unknown[] = [];
      const task = asyncio.createTask(
        async () => {
          for await (const tick of ticks()) {
            seen.push(tick);
            if (seen.length === 2) asyncio.currentTask()?.cancel('enough');
          }
        },
        { name: 'iterating' },
      );
      await asyncio.wait([task]);
      assert.equal(task.cancelled(), true);
      assert.deepEqual(seen, [
        [0, 'iterating'],
        [1, 'iterating'],
      ]);
    },
    { loopFactory: virtualLoop },
  );
});
