import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import * as asyncio from 'tsyncio';
import { TestLoop } from 'tsyncio/testing';
import { both, cancelArgs, isError, type Kind, thrown, thrownBy, virtualLoop } from './both-kinds.js';

// Wrong use gives CPython's error or a clearer one, at once, where it is a mistake of the caller; and the loop goes on.
// What is wrong with the arguments of one function alone is tested with that function.

const { InvalidStateError, RuntimeError, ValueError } = asyncio;

/** Asserts that the loop still runs tasks, timers and callbacks. */
function* goesOn({ wait, go, loop }: Kind): Generator<asyncio.Suspension, void, unknown> {
  const before = loop.time();
  const called = loop.createFuture<string>();
  loop.callSoon(() => called.setResult('called'));
  const task = asyncio.createTask(
    go(function* () {
      yield* wait(asyncio.sleep(1));
      return 'slept';
    }),
  );
  assert.equal(yield* wait(called), 'called');
  assert.equal(yield* wait(task), 'slept');
  assert.ok(loop.time() > before);
}

/** Rejects the promise that it gives if nobody handles it: a mistake must not end the process by an unhandled rejection. */
function startedAndFailing(): Promise<never> {
  return Promise.reject(new ValueError('the promise’s own failure'));
}

async function withoutUnhandledRejections(body: () => Promise<void>): Promise<void> {
  const seen: unknown[] = [];
  const note = (reason: unknown) => seen.push(reason);
  process.on('unhandledRejection', note);
  try {
    await body();
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(seen, []);
  } finally {
    process.off('unhandledRejection', note);
  }
}

// ----------------------------------------------------------------------------- a promise in place of a coroutine

both('createTask(f()) of an async function says to pass () => f()', function* (kind) {
  for (const promise of [Promise.resolve(1), startedAndFailing()]) {
    isError(
      thrownBy(() => asyncio.createTask(promise as never)),
      TypeError,
      'a coroutine was expected, got a promise that has already started: pass () => f() instead of f()',
    );
  }
  yield* goesOn(kind);
});

test('createTask(f()) does not let the promise’s own rejection end the process', async () => {
  await withoutUnhandledRejections(async () => {
    await asyncio.run(async () => {
      thrownBy(() => asyncio.createTask(startedAndFailing() as never));
      await asyncio.sleep(0);
    });
  });
});

test('N-13 run(f()) says to pass () => f(), at once, and does not let the rejection end the process', async () => {
  await withoutUnhandledRejections(async () => {
    for (const call of [asyncio.run, (main: never) => new asyncio.Runner().run(main)]) {
      isError(
        thrownBy(() => call(startedAndFailing() as never)),
        TypeError,
        'run() was given a promise that has already started: pass () => f() instead of f()',
      );
    }
  });
});

for (const bad of [5, null, undefined, 'text', {}, [], Symbol('s')]) {
  test(`N-13 run(${inspect(bad)}) raises TypeError at once`, () => {
    isError(
      thrownBy(() => asyncio.run(bad as never)),
      TypeError,
      'An asyncio.Future, a coroutine or an awaitable is required',
    );
  });

  test(`N-13 runUntilComplete(${inspect(bad)}) raises TypeError at once, and the loop can be used`, async () => {
    const loop = virtualLoop();
    isError(
      thrownBy(() => loop.runUntilComplete(bad as never)),
      TypeError,
      'An asyncio.Future, a coroutine or an awaitable is required',
    );
    assert.equal(await loop.runUntilComplete(async () => 1), 1);
    loop.close();
  });
}

both(
  'TaskGroup.createTask(f()) of an async function says to pass () => f(), and the group fails with it',
  function* (kind) {
    const { wait, go } = kind;
    const group = new asyncio.TaskGroup();
    const error = yield* thrown(
      wait(
        group.run(
          go(function* () {
            group.createTask(Promise.resolve(1) as never);
          }),
        ),
      ),
    );
    isError(error, asyncio.ExceptionGroup);
    isError(
      (error as asyncio.ExceptionGroup).exceptions[0],
      TypeError,
      /has already started: pass \(\) => f\(\)/,
    );
    yield* goesOn(kind);
  },
);

both('timeout().run(f()) and waitFor() of nonsense raise TypeError at once', function* (kind) {
  isError(
    thrownBy(() => asyncio.timeout(1).run(Promise.resolve(1) as never)),
    TypeError,
    /^Cannot run the block: expected a function, got \[object Promise\]$/,
  );
  for (const bad of [5, null, {}]) {
    isError(
      yield* thrown(
        kind.wait(
          kind.define(function* () {
            return yield* kind.wait(asyncio.waitFor(bad as never, 1));
          })(),
        ),
      ),
      TypeError,
      'An asyncio.Future, a coroutine or an awaitable is required',
    );
  }
  yield* goesOn(kind);
});

// ------------------------------------------------------------------------------------- elements of an iterable

both('gather() refuses an array among its elements', function* (kind) {
  isError(
    thrownBy(() => asyncio.gather([[asyncio.sleep(0)]] as never)),
    TypeError,
    /^An asyncio\.Future, a coroutine or an awaitable is required, got an array/,
  );
  yield* goesOn(kind);
});

for (const bad of [5, null, 'text', {}]) {
  both(
    `gather([coroutine, ${inspect(bad)}]) raises TypeError, and the coroutine before it still runs`,
    function* (kind) {
      const { wait, go } = kind;
      let ran = false;
      isError(
        thrownBy(() =>
          asyncio.gather([
            go(function* () {
              ran = true;
            }),
            bad,
          ] as never),
        ),
        TypeError,
        'An asyncio.Future, a coroutine or an awaitable is required',
      );
      yield* wait(asyncio.sleep(0));
      assert.equal(ran, true);
      yield* goesOn(kind);
    },
  );
}

both('gather(a, b) in place of gather([a, b]) says what it expects', function* (kind) {
  const { wait, go } = kind;
  const task = asyncio.createTask(
    go(function* () {
      return 1;
    }),
  );
  isError(
    thrownBy(() => (asyncio.gather as (...args: unknown[]) => unknown)(task, task)),
    TypeError,
    /^gather\(\) expects an iterable of awaitables, not <Task /,
  );
  for (const bad of [null, undefined, 5, go(function* () {})]) {
    isError(
      thrownBy(() => asyncio.gather(bad as never)),
      TypeError,
      /^gather\(\) expects an iterable of awaitables, not /,
    );
  }
  yield* wait(task);
  yield* goesOn(kind);
});

both('gather() of a coroutine object in place of a list of them raises TypeError', function* (kind) {
  let began = false;
  const generator = (function* (): asyncio.Coro<void> {
    began = true;
    yield* asyncio.sleep(0);
  })();
  for (const single of [asyncio.sleep(0), generator]) {
    isError(
      thrownBy(() => asyncio.gather(single as never)),
      TypeError,
      /^gather\(\) expects an iterable of awaitables, not /,
    );
  }
  assert.equal(began, false);
  yield* goesOn(kind);
});

both('wait() and asCompleted() of nonsense raise, and the loop goes on', function* (kind) {
  const { wait, go } = kind;
  const body = go(function* () {});
  const cases: readonly [() => unknown, unknown, RegExp][] = [
    [() => asyncio.wait([] as never), ValueError, /^Set of Tasks\/Futures is empty\.$/],
    [
      () => asyncio.wait([body] as never),
      TypeError,
      /^Passing coroutines is forbidden, use tasks explicitly\.$/,
    ],
    [() => asyncio.wait([asyncio.sleep(0)] as never), TypeError, /^Passing coroutines is forbidden/],
    [() => asyncio.wait([5] as never), TypeError, /expect a list of futures/],
    [() => asyncio.wait(null as never), TypeError, /^expect a list of futures/],
    [() => asyncio.wait(kind.loop.createFuture() as never), TypeError, /^expect a list of futures/],
    [
      () => asyncio.asCompleted(kind.loop.createFuture() as never),
      TypeError,
      /^expects an iterable of awaitables, not/,
    ],
    [
      () => asyncio.asCompleted(asyncio.sleep(0) as never),
      TypeError,
      /^expects an iterable of awaitables, not/,
    ],
    [() => asyncio.asCompleted([5] as never), TypeError, /^An asyncio\.Future, a coroutine or an awaitable/],
  ];
  for (const [call, errorClass, message] of cases) {
    const error = yield* thrown(
      wait(
        kind.define(function* () {
          const result = call();
          return yield* wait(result as asyncio.Awaitable<unknown>);
        })(),
      ),
    );
    isError(error, errorClass as typeof TypeError, message);
  }
  yield* goesOn(kind);
});

// ---------------------------------------------------------------------------------------------- wrong loops

both('a future of another loop raises RuntimeError in the task that awaits it', function* (kind) {
  const { wait } = kind;
  const foreign = new TestLoop().createFuture();
  isError(yield* thrown(wait(foreign)), RuntimeError, /attached to a different loop$/);
  assert.equal(foreign.done(), false);
  yield* goesOn(kind);
});

both('gather() and wait() of futures of two loops raise', function* (kind) {
  const { wait, loop } = kind;
  const mine = loop.createFuture();
  const foreign = new TestLoop().createFuture();
  isError(
    thrownBy(() => asyncio.gather([mine, foreign])),
    ValueError,
    'The future belongs to a different loop than the one specified as the loop argument',
  );
  isError(yield* thrown(wait(asyncio.gather([foreign]))), RuntimeError, /attached to a different loop$/);
  yield* goesOn(kind);
});

both('a lock of another loop raises RuntimeError where it has to wait', function* (kind) {
  const { wait, go } = kind;
  const lock = new asyncio.Lock();
  yield* wait(lock.acquire());
  const waiting = asyncio.createTask(
    go(function* () {
      yield* wait(lock.acquire());
    }),
  );
  yield* wait(asyncio.sleep(0));
  const other = new TestLoop();
  isError(
    thrownBy(() =>
      other.runSync(
        (function* (): asyncio.Coro<void> {
          yield* lock.acquire();
        })(),
      ),
    ),
    RuntimeError,
  );
  lock.release();
  yield* wait(waiting);
  yield* goesOn(kind);
});

// --------------------------------------------------------------------------------------- waiting for oneself

both('a task that awaits itself gets RuntimeError', function* (kind) {
  const { wait, go } = kind;
  const task: asyncio.Task<unknown> = asyncio.createTask(
    go(function* () {
      return [yield* thrown(wait(task))];
    }),
  );
  const [error] = (yield* wait(task)) as [unknown];
  isError(error, RuntimeError, /^Task cannot await on itself: /);
  yield* goesOn(kind);
});

both('a task that awaits a gather of itself can be cancelled', function* (kind) {
  const { wait, go } = kind;
  const task: asyncio.Task<unknown> = asyncio.createTask(
    go(function* () {
      yield* wait(asyncio.gather([task]));
    }),
  );
  yield* wait(asyncio.sleep(0));
  yield* wait(asyncio.sleep(0));
  assert.equal(task.cancel(), true); // CPython recurses here until its stack is used up
  yield* thrown(wait(task));
  assert.equal(task.cancelled(), true);
  yield* goesOn(kind);
});

both('tasks that await each other in a circle are cancelled from any of them', function* (kind) {
  const { wait, go } = kind;
  for (const start of [0, 1, 2]) {
    const seen: [number, readonly unknown[]][] = [];
    const tasks: asyncio.Task<void>[] = [0, 1, 2].map((i) =>
      asyncio.createTask(
        go(function* () {
          const error = yield* thrown(wait(tasks[(i + 1) % 3]!));
          seen.push([i, cancelArgs(error)]);
          throw error;
        }),
      ),
    );
    yield* wait(asyncio.sleep(0));
    yield* wait(asyncio.sleep(0));
    assert.equal(tasks[start]?.cancel('round'), true);
    yield* wait(asyncio.wait(tasks));
    assert.deepEqual(
      tasks.map((task) => task.cancelled()),
      [true, true, true],
    );
    assert.deepEqual(seen.toSorted(), [
      [0, ['round']],
      [1, ['round']],
      [2, ['round']],
    ]);
  }
  yield* goesOn(kind);
});

test('two tasks that await each other are a deadlock, which names both', async () => {
  await assert.rejects(
    asyncio.run(
      async () => {
        const a: asyncio.Task<void> = asyncio.createTask(
          async () => {
            await b;
          },
          { name: 'first' },
        );
        const b: asyncio.Task<void> = asyncio.createTask(
          async () => {
            await a;
          },
          { name: 'second' },
        );
        await a;
      },
      { loopFactory: virtualLoop },
    ),
    (error) => {
      isError(
        error,
        asyncio.DeadlockError,
        / first .* waits for .*second[\s\S]* second .* waits for .*first/,
      );
      return true;
    },
  );
});

// -------------------------------------------------------------------------------------- running what runs

both('N-13 run() inside a task raises RuntimeError at once', function* (kind) {
  for (const call of [() => asyncio.run(async () => {}), () => new asyncio.Runner().run(async () => {})]) {
    isError(
      thrownBy(call),
      RuntimeError,
      /^(asyncio|Runner)\.run\(\) cannot be called from a running event loop$/,
    );
  }
  yield* goesOn(kind);
});

both('N-13 running the loop that runs raises RuntimeError at once', function* (kind) {
  const { loop } = kind;
  isError(
    thrownBy(() => loop.runForever()),
    RuntimeError,
    'This event loop is already running',
  );
  isError(
    thrownBy(() => loop.runUntilComplete(kind.go(function* () {}))),
    RuntimeError,
    'This event loop is already running',
  );
  isError(
    thrownBy(() => loop.close()),
    RuntimeError,
    'Cannot close a running event loop',
  );
  yield* goesOn(kind);
});

test('N-13 run() inside an async function after a foreign await raises RuntimeError', async () => {
  await asyncio.run(async () => {
    await new Promise((resolve) => setImmediate(resolve));
    isError(
      thrownBy(() => asyncio.run(async () => {})),
      RuntimeError,
      'asyncio.run() cannot be called from a running event loop',
    );
  });
});

test('N-13 a closed loop refuses everything at once', async () => {
  const loop = virtualLoop();
  loop.close();
  assert.equal(loop.isClosed(), true);
  const calls: readonly (() => unknown)[] = [
    () => loop.callSoon(() => {}),
    () => loop.callSoonThreadsafe(() => {}),
    () => loop.callLater(1, () => {}),
    () => loop.callAt(1, () => {}),
    () => loop.createTask(async () => {}),
    () => loop.runForever(),
    () => loop.runUntilComplete(async () => {}),
  ];
  for (const call of calls) isError(thrownBy(call), RuntimeError, 'Event loop is closed');
  loop.close();
});

test('a future of a closed loop can be completed while nobody waits for it', () => {
  const loop = new TestLoop();
  const future = loop.createFuture<number>();
  const watched = loop.createFuture<number>();
  watched.addDoneCallback(() => {});
  loop.close();
  future.setResult(1);
  assert.equal(future.result(), 1);
  isError(
    thrownBy(() => watched.setResult(1)),
    RuntimeError,
    'Event loop is closed',
  );
});

// ------------------------------------------------------------------------------------ futures and exceptions

both(
  'a second setResult() raises InvalidStateError, and the first stays',
  { debug: false },
  function* (kind) {
    const { wait, loop } = kind;
    const future = loop.createFuture<number>();
    future.setResult(1);
    isError(
      thrownBy(() => future.setResult(2)),
      InvalidStateError,
      /^Cannot set the result: <Future finished result=1> is done$/,
    );
    isError(
      thrownBy(() => future.setException(new Error())),
      InvalidStateError,
      /^Cannot set the exception: <Future finished result=1> is done$/,
    );
    assert.equal(yield* wait(future), 1);
    yield* goesOn(kind);
  },
);

both('a callback that sets the result twice is reported, and the loop goes on', function* (kind) {
  const { wait, loop, reports } = kind;
  const future = loop.createFuture<number>();
  for (const value of [1, 2]) loop.callSoon(() => future.setResult(value));
  yield* wait(asyncio.sleep(0));
  const [report] = reports.splice(0);
  isError(report?.exception, InvalidStateError);
  assert.match(report!.message!, /^Exception in callback /);
  assert.equal(yield* wait(future), 1);
  yield* goesOn(kind);
});

for (const value of [5, 'text', null, undefined]) {
  both(
    `throw ${String(value)} in a task, in a callback and in a done callback does not stop the loop`,
    function* (kind) {
      const { wait, go, loop, reports } = kind;
      const task = asyncio.createTask(
        go(function* () {
          throw value;
        }),
      );
      const error = yield* thrown(wait(task));
      if (value === null || value === undefined) isError(error, Error, `${value} was thrown`);
      else assert.equal(error, value);
      loop.callSoon(() => {
        throw value;
      });
      const future = loop.createFuture<void>();
      future.addDoneCallback(() => {
        throw value;
      });
      future.setResult();
      yield* wait(asyncio.sleep(0));
      assert.deepEqual(
        reports.splice(0).map((report) => report.exception),
        [value, value],
      );
      yield* goesOn(kind);
    },
  );
}

both(
  'a thrown string or number nobody retrieves is reported when the loop closes',
  {
    closing: ['Task exception was never retrieved'],
  },
  function* ({ wait, go }) {
    asyncio.createTask(
      go(function* () {
        throw 5;
      }),
    );
    yield* wait(asyncio.sleep(0));
    yield* wait(asyncio.sleep(0));
  },
);

both('an exception handler that fails is itself reported, and the loop goes on', function* (kind) {
  const { wait, loop, logs } = kind;
  loop.setExceptionHandler(() => {
    throw new ValueError('the handler fails');
  });
  loop.callSoon(() => {
    throw new Error('first');
  });
  yield* wait(asyncio.sleep(0));
  loop.setExceptionHandler((_, context) => void kind.reports.push(context));
  assert.match(logs.splice(0).join('\n'), /^Unhandled error in exception handler/);
  yield* goesOn(kind);
});

// ------------------------------------------------------------------------------------- generators in plain await

test('`await generatorObject` gives the generator, unrun: JavaScript has no other way', async () => {
  let ran = false;
  function* coroutine(): asyncio.Coro<number> {
    ran = true;
    return 1;
  }
  await asyncio.run(async () => {
    const generator = coroutine();
    assert.equal(await generator, generator);
    assert.equal(ran, false);
    assert.equal(await new asyncio.Coroutine(generator), 1);
    assert.equal(ran, true);
  });
});

both(
  'a generator object that has ended already gives undefined, as `yield*` of it does',
  { only: 'generator' },
  function* (kind) {
    function* steps(): asyncio.Coro<number> {
      return 1;
    }
    const generator = steps();
    assert.equal(yield* generator, 1);
    assert.equal(yield* generator, undefined);
    yield* goesOn(kind);
  },
);

both('a generator that is running cannot be awaited by itself', { only: 'generator' }, function* (kind) {
  let generator: asyncio.Coro<unknown> | undefined;
  function* steps(): asyncio.Coro<unknown> {
    return yield* thrown(generator!);
  }
  generator = steps();
  const error = yield* asyncio.createTask(generator);
  assert.ok(error instanceof TypeError);
  assert.match(error.message, /already running/);
  yield* goesOn(kind);
});

both(
  'one generator object given to two tasks: the second gets what is left, and the loop goes on',
  { only: 'generator' },
  function* (kind) {
    function* steps(): asyncio.Coro<string> {
      yield* asyncio.sleep(0);
      return 'value';
    }
    const generator = steps();
    const first = asyncio.createTask(generator);
    const second = asyncio.createTask(generator);
    yield* asyncio.wait([first, second]);
    assert.equal(first.done(), true);
    assert.equal(second.done(), true);
    for (const task of [first, second]) task.exception();
    yield* goesOn(kind);
  },
);

both(
  'a task whose generator is resumed by hand goes on where that left it',
  { only: 'generator' },
  function* (kind) {
    const seen: string[] = [];
    const generator = (function* (): asyncio.Coro<void> {
      seen.push('one');
      yield;
      seen.push('two');
      yield;
      seen.push('three');
    })();
    const task = asyncio.createTask(generator);
    yield;
    generator.next();
    yield* task;
    assert.deepEqual(seen, ['one', 'two', 'three']);
    yield* goesOn(kind);
  },
);

// ---------------------------------------------------------------------------------------------- other arguments

both('callSoon(), callLater() and callAt() refuse what is no function', { debug: false }, function* (kind) {
  const { loop } = kind;
  for (const bad of [null, undefined, 5, 'text', {}, Promise.resolve()]) {
    for (const [name, call] of [
      ['callSoon', () => loop.callSoon(bad as never)],
      ['callLater', () => loop.callLater(1, bad as never)],
      ['callAt', () => loop.callAt(1, bad as never)],
    ] as const) {
      isError(thrownBy(call), TypeError, /^a callable object was expected by call(Soon|Later|At)\(\), got /);
      assert.ok(name);
    }
  }
  isError(
    thrownBy(() => loop.callLater(null as never, () => {})),
    TypeError,
    'delay must not be None',
  );
  isError(
    thrownBy(() => loop.callAt(undefined as never, () => {})),
    TypeError,
    'when cannot be None',
  );
  yield* goesOn(kind);
});

both(
  'setTaskFactory(), setExceptionHandler() and setEventLoop() refuse nonsense and stay as they were',
  function* (kind) {
    const { loop } = kind;
    const handler = loop.getExceptionHandler();
    for (const bad of [5, 'text', {}]) {
      isError(
        thrownBy(() => loop.setTaskFactory(bad as never)),
        TypeError,
        'task factory must be a callable or None',
      );
      isError(
        thrownBy(() => loop.setExceptionHandler(bad as never)),
        TypeError,
        /^A callable object or None is expected, got /,
      );
      isError(
        thrownBy(() => asyncio.setEventLoop(bad as never)),
        TypeError,
        /^Cannot set the event loop: expected an event loop or null, got /,
      );
    }
    assert.equal(loop.getTaskFactory(), null);
    assert.equal(loop.getExceptionHandler(), handler);
    yield* goesOn(kind);
  },
);

both('a context that is none raises TypeError at once', function* (kind) {
  const { loop, go } = kind;
  const future = loop.createFuture<void>();
  const body = go(function* () {});
  for (const bad of [5, 'text', {}, new Map()]) {
    const context = bad as never;
    for (const call of [
      () => loop.callSoon(() => {}, { context }),
      () => loop.callLater(1, () => {}, { context }),
      () => loop.callAt(1, () => {}, { context }),
      () => future.addDoneCallback(() => {}, { context }),
      () => asyncio.createTask(body, { context }),
      () => asyncio.createTask(body, { context, eagerStart: true }),
    ]) {
      isError(thrownBy(call), TypeError, /expected a Context, got /);
    }
  }
  future.setResult();
  yield* goesOn(kind);
});

both('a task factory that returns nonsense does not break the loop', function* (kind) {
  const { loop, go } = kind;
  loop.setTaskFactory((() => 5) as never);
  const made: unknown = asyncio.createTask(go(function* () {}));
  loop.setTaskFactory(null);
  assert.equal(made, 5);
  yield* goesOn(kind);
});

both('a done callback, a cancel message and a name of any kind do not break toString()', function* (kind) {
  const { wait, go, loop } = kind;
  const strange = [
    Object.create(null),
    Symbol('s'),
    {
      toString: () => {
        throw new Error('no text');
      },
    },
    1n,
    new Proxy({}, {}),
  ];
  for (const value of strange) {
    const future = loop.createFuture<unknown>();
    future.setResult(value);
    assert.match(String(future), /^<Future finished result=/);
    const failed = loop.createFuture();
    failed.setException(value);
    assert.match(String(failed), /^<Future finished exception=/);
    failed.exception();
    const task = asyncio.createTask(
      go(function* () {
        yield* wait(asyncio.sleep(1));
      }),
    );
    yield* wait(asyncio.sleep(0));
    task.cancel(value);
    const error = yield* thrown(wait(task));
    assert.ok(error instanceof asyncio.CancelledError);
    assert.equal(error.args[0], value);
  }
  yield* goesOn(kind);
});
