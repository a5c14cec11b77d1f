import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { getDefaultHost } from 'tsyncio/lowlevel';
import { VirtualHost } from 'tsyncio/testing';
import { isError, type Kind, kinds, thrown, thrownBy } from './both-kinds.js';
import { rejection } from './each-loop.js';

const { RuntimeError, CancelledError } = asyncio;

type Steps<T> = () => Generator<asyncio.Suspension, T, unknown>;

/** What a test of `run()` is given: a kind of coroutine, and a maker of loops that remembers what they report. */
interface Subject extends Pick<Kind, 'go' | 'wait' | 'name'> {
  readonly debug: boolean;
  readonly reports: asyncio.ExceptionContext[];
  readonly logs: string[];
  readonly loops: asyncio.EventLoop[];
  loopFactory(): asyncio.EventLoop;
  options(): asyncio.RunOptions;
  run<T>(body: Steps<T>, options?: asyncio.RunOptions): Promise<T>;
}

/** A test for each coroutine kind, in debug mode and not. Every loop must be closed, and every report taken. */
function onEachKind(title: string, body: (subject: Subject) => Promise<void>): void {
  for (const kind of kinds) {
    for (const debug of [false, true]) {
      test(`${title} (${kind.name}${debug ? ', debug' : ''})`, async () => {
        const reports: asyncio.ExceptionContext[] = [];
        const logs: string[] = [];
        const loops: asyncio.EventLoop[] = [];
        const loopFactory = () => {
          const loop = new asyncio.EventLoop({ host: new VirtualHost({ host: getDefaultHost() }) });
          loop.setExceptionHandler((_, context) => void reports.push(context));
          loops.push(loop);
          return loop;
        };
        const options = () => ({ loopFactory, debug });
        const run = <T>(steps: Steps<T>, more: asyncio.RunOptions = {}) =>
          asyncio.run(kind.go(steps), { ...options(), ...more });
        const log = (message: string) => void logs.push(message);
        const outer = asyncio.setLogger({ debug: log, info: log, warn: log, error: log });
        try {
          await body({ ...kind, debug, reports, logs, loops, loopFactory, options, run });
          assert.deepEqual(
            loops.filter((loop) => !loop.isClosed()),
            [],
            'loops that are not closed',
          );
          assert.deepEqual(reports, [], 'reports that nobody took');
          assert.deepEqual(logs, [], 'log records that nobody took');
        } finally {
          asyncio.setLogger(outer);
          loops[0]?.setDebug(false);
        }
      });
    }
  }
}

// ----------------------------------------------------------------------------------------------- run()

onEachKind('R-RUN-01 run() inside a task is refused at once', async ({ run, wait }) => {
  await run(function* () {
    const refused = () => thrownBy(() => asyncio.run(async () => assert.fail('it must not run')));
    const before = refused();
    yield* wait(asyncio.sleep(1));
    for (const error of [before, refused()]) {
      isError(error, RuntimeError, 'asyncio.run() cannot be called from a running event loop');
    }
  });
});

test('R-RUN-01 run() inside a callback of a loop is refused at once', async () => {
  const loop = new asyncio.EventLoop();
  let error: unknown;
  loop.callSoon(() => {
    error = thrownBy(() => asyncio.run(async () => {}));
    loop.stop();
  });
  await loop.runForever();
  loop.close();
  isError(error, RuntimeError);
});

test('R-RUN-01 run() inside a task is refused after a foreign await as well', async () => {
  await asyncio.run(async () => {
    await new Promise((resolve) => setImmediate(resolve));
    isError(
      thrownBy(() => asyncio.run(async () => {})),
      RuntimeError,
    );
  });
});

test('run()s side by side have a loop each', async () => {
  const loops = await Promise.all([
    asyncio.run(async () => [asyncio.getRunningLoop()]),
    asyncio.run(function* () {
      yield;
      return [asyncio.getRunningLoop()];
    }),
  ]);
  assert.notEqual(loops[0]![0], loops[1]![0]);
});

onEachKind('R-RUN-02 run() makes its loop with loopFactory, and closes it', async ({ run, loops }) => {
  const [loop] = await run(function* () {
    return [asyncio.getRunningLoop()];
  });
  assert.equal(loops.length, 1);
  assert.equal(loop, loops[0]);
  assert.equal(loops[0]!.isClosed(), true);
});

onEachKind('R-RUN-02 run() closes its loop when main fails', async ({ run, loops }) => {
  const error = new Error('no');
  const failing = run(function* () {
    throw error;
  });
  assert.equal(await rejection(failing), error);
  assert.equal(loops[0]!.isClosed(), true);
});

test('R-RUN-02 without loopFactory, run() makes a new loop, sets it as current, and unsets it', async () => {
  const before = asyncio.getEventLoop();
  const running = asyncio.run(async () => [asyncio.getRunningLoop()]);
  const during = asyncio.getEventLoop();
  const [loop] = await running;
  assert.equal(during, loop);
  assert.notEqual(loop, before);
  assert.equal(asyncio.getEventLoop(), before);
  assert.equal(loop!.isClosed(), true);
});

test('R-RUN-02 a run that ends does not unset the loop of another', async () => {
  const first = new asyncio.Runner();
  const second = new asyncio.Runner();
  const loops = [first.getLoop(), second.getLoop()];
  await first.close();
  assert.equal(asyncio.getEventLoop(), loops[1]);
  await second.close();
  assert.ok(!loops.includes(asyncio.getEventLoop()));
});

for (const debug of [true, false, null, undefined]) {
  for (const ofLoop of [true, false]) {
    test(`R-RUN-03 debug: ${debug} on a loop whose debug mode is ${ofLoop ? 'on' : 'off'}`, async () => {
      const loop = new asyncio.EventLoop();
      loop.setDebug(ofLoop);
      const options = debug === undefined ? {} : { debug };
      const found = await asyncio.run(async () => asyncio.getRunningLoop().getDebug(), {
        ...options,
        loopFactory: () => loop,
      });
      loop.setDebug(false);
      assert.equal(found, debug ?? ofLoop);
    });
  }
}

onEachKind('R-RUN-04 run() gives the value of main', async ({ run, wait }) => {
  assert.equal(
    await run(function* () {
      return yield* wait(asyncio.sleep(10, 'value'));
    }),
    'value',
  );
});

onEachKind('R-RUN-04 run() throws what main throws, whatever it is', async ({ run, wait }) => {
  for (const error of [
    new Error('no'),
    new CancelledError('enough'),
    'text',
    new asyncio.KeyboardInterrupt(),
  ]) {
    const failing = run(function* () {
      yield* wait(asyncio.sleep(1));
      throw error;
    });
    assert.equal(await rejection(failing), error);
  }
});

onEachKind('run() takes a coroutine object', async ({ go, options }) => {
  const main = asyncio.coroutine(
    go(function* () {
      return 'value';
    }),
  );
  assert.equal(await asyncio.run(main(), options()), 'value');
});

onEachKind(
  'R-RUN-05 run() cancels the tasks that main left, once, and waits for them',
  async ({ run, go, wait }) => {
    const order: string[] = [];
    await run(function* () {
      function* left(): asyncio.Coro<void> {
        try {
          yield* wait(asyncio.sleep(1000));
        } catch (error) {
          order.push((error as Error).name);
          yield* wait(asyncio.sleep(5));
          order.push(`cleaned up at ${asyncio.getRunningLoop().time()}`);
          throw error;
        }
      }
      asyncio.createTask(go(left));
      asyncio.createTask(go(left));
      yield* wait(asyncio.sleep(1));
      order.push('main ends');
    });
    assert.deepEqual(order, [
      'main ends',
      'CancelledError',
      'CancelledError',
      'cleaned up at 6',
      'cleaned up at 6',
    ]);
  },
);

onEachKind('R-RUN-05 R-EXH-05 run() reports the tasks that fail while it closes', async (subject) => {
  const { run, go, wait, reports } = subject;
  const error = new Error('in the clean-up');
  let task!: asyncio.Task<void>;
  await run(function* () {
    task = asyncio.createTask(
      go(function* () {
        try {
          yield* wait(asyncio.sleep(1000));
        } finally {
          // biome-ignore lint/correctness/noUnsafeFinally: that is what is tested
          throw error;
        }
      }),
    );
    yield* wait(asyncio.sleep(0));
  });
  subject.logs.length = 0; // in debug mode, that its cancellation was swallowed
  const [report, ...others] = reports.splice(0);
  assert.deepEqual(others, []);
  assert.equal(report?.message, 'unhandled exception during asyncio.run() shutdown');
  assert.equal(report?.exception, error);
  assert.equal(report?.task, task);
});

onEachKind('R-RUN-05 a task that ends by itself while run() closes is not reported', async (subject) => {
  const { run, go, wait, reports } = subject;
  await run(function* () {
    asyncio.createTask(
      go(function* () {
        try {
          yield* wait(asyncio.sleep(1000));
        } catch {
          return 'swallowed';
        }
        return 'slept';
      }),
    );
    yield* wait(asyncio.sleep(0));
  });
  subject.logs.length = 0;
  assert.deepEqual(reports, []);
});

onEachKind(
  'R-RUN-05 then it closes async generators, then the default executor, then the loop',
  async (subject) => {
    const order: string[] = [];
    class OrderedLoop extends asyncio.EventLoop {
      override shutdownAsyncgens(): asyncio.Coroutine<void> {
        order.push(`asyncgens, ${asyncio.allTasks(this).size} tasks left`);
        return super.shutdownAsyncgens();
      }
      override shutdownDefaultExecutor(timeout?: asyncio.Duration | null): asyncio.Coroutine<void> {
        order.push(`executor, ${timeout} s`);
        return super.shutdownDefaultExecutor(timeout);
      }
      override close(): void {
        order.push('close');
        super.close();
      }
    }
    const { go, wait, debug } = subject;
    await asyncio.run(
      go(function* () {
        asyncio.createTask(
          go(function* () {
            yield* wait(asyncio.sleep(1000));
          }),
        );
        yield* wait(asyncio.sleep(0));
      }),
      { loopFactory: () => new OrderedLoop({ host: new VirtualHost({ host: getDefaultHost() }) }), debug },
    );
    assert.deepEqual(order, ['asyncgens, 0 tasks left', 'executor, 300 s', 'close']);
  },
);

onEachKind(
  'R-RUN-05 an error while closing skips the steps between, closes the loop, and comes out',
  async (subject) => {
    const error = new Error('while closing');
    const order: string[] = [];
    class FailingLoop extends asyncio.EventLoop {
      override shutdownAsyncgens(): asyncio.Coroutine<void> {
        throw error;
      }
      override shutdownDefaultExecutor(): asyncio.Coroutine<void> {
        order.push('executor');
        return super.shutdownDefaultExecutor();
      }
    }
    const loop = new FailingLoop({ host: new VirtualHost({ host: getDefaultHost() }) });
    const running = asyncio.run(
      subject.go(function* () {
        return 'value';
      }),
      { loopFactory: () => loop },
    );
    assert.equal(await rejection(running), error);
    assert.deepEqual(order, []);
    assert.equal(loop.isClosed(), true);
  },
);

// ------------------------------------------------------------------------------------------------ Runner

onEachKind('R-RUN-06 a Runner makes its loop at the first use', async ({ loops, options }) => {
  const runner = new asyncio.Runner(options());
  assert.equal(loops.length, 0);
  const loop = runner.getLoop();
  assert.equal(loops.length, 1);
  assert.equal(runner.getLoop(), loop);
  await runner.close();
  assert.equal(loop.isClosed(), true);
});

onEachKind('R-RUN-06 a Runner that was never used has nothing to close', async ({ loops, options }) => {
  await new asyncio.Runner(options()).close();
  assert.equal(loops.length, 0);
});

onEachKind(
  'R-RUN-07 a Runner runs several mains on one loop, in one context',
  async ({ go, wait, options, loops }) => {
    const variable = new asyncio.ContextVar<string>('variable', { default: 'unset' });
    const runner = new asyncio.Runner(options());
    const first = go(function* () {
      const before = variable.get();
      variable.set('first');
      yield* wait(asyncio.sleep(1));
      return before;
    });
    const second = go(function* () {
      return variable.get();
    });
    assert.equal(await runner.run(first), 'unset');
    assert.equal(await runner.run(second), 'first');
    const context = new asyncio.Context();
    assert.equal(await runner.run(second, { context }), 'unset');
    await runner.run(first, { context });
    assert.equal(context.get(variable), 'first');
    assert.equal(loops.length, 1);
    await runner.close();
  },
);

onEachKind(
  'R-RUN-06 the context of a Runner is a copy of the one in which it was first used',
  async ({ go, options }) => {
    const variable = new asyncio.ContextVar<string>('variable', { default: 'unset' });
    const context = new asyncio.Context();
    const runner = new asyncio.Runner(options());
    context.run(() => {
      variable.set('at the first use');
      runner.getLoop();
      variable.set('later');
    });
    const main = go(function* () {
      const seen = variable.get();
      variable.set('in main');
      return seen;
    });
    assert.equal(await runner.run(main), 'at the first use');
    assert.equal(context.get(variable), 'later');
    await runner.close();
  },
);

onEachKind('R-RUN-07 a main that fails leaves the Runner usable', async ({ go, options }) => {
  const runner = new asyncio.Runner(options());
  const error = new Error('no');
  const failing = runner.run(
    go(function* () {
      throw error;
    }),
  );
  assert.equal(await rejection(failing), error);
  const again = go(function* () {
    return 'again';
  });
  assert.equal(await runner.run(again), 'again');
  await runner.close();
});

onEachKind('R-RUN-08 Runner.run() inside a task is refused at once', async ({ go, run, options }) => {
  const runner = new asyncio.Runner(options());
  await run(function* () {
    const main = go(function* () {});
    isError(
      thrownBy(() => runner.run(main)),
      RuntimeError,
      'Runner.run() cannot be called from a running event loop',
    );
  });
  await runner.close();
});

onEachKind('R-RUN-08 a closed Runner refuses everything but another close()', async ({ go, options }) => {
  const runner = new asyncio.Runner(options());
  runner.getLoop();
  await runner.close();
  await runner.close();
  const main = go(function* () {});
  for (const call of [() => runner.run(main), () => runner.run(5 as never), () => runner.getLoop()]) {
    isError(thrownBy(call), RuntimeError, 'Runner is closed');
  }
});

onEachKind('a Runner that runs refuses a second main and close(), at once', async ({ go, wait, options }) => {
  const runner = new asyncio.Runner(options());
  const running = runner.run(
    go(function* () {
      return yield* wait(asyncio.sleep(1, 'first'));
    }),
  );
  const second = go(() => assert.fail('it must not run'));
  isError(
    thrownBy(() => runner.run(second)),
    RuntimeError,
    'This event loop is already running',
  );
  isError(
    thrownBy(() => runner.close()),
    RuntimeError,
    'Cannot close the runner: it is running',
  );
  assert.equal(await running, 'first');
  await runner.close();
});

onEachKind('Runner: `await using` closes it', async ({ go, wait, options, loops }) => {
  const order: string[] = [];
  {
    await using runner = new asyncio.Runner(options());
    await runner.run(
      go(function* () {
        asyncio.createTask(
          go(function* () {
            try {
              yield* wait(asyncio.sleep(10));
            } finally {
              order.push('cancelled');
            }
          }),
        );
        yield* wait(asyncio.sleep(0));
      }),
    );
    order.push('end of the block');
  }
  assert.deepEqual(order, ['end of the block', 'cancelled']);
  assert.equal(loops[0]!.isClosed(), true);
});

onEachKind('Runner.run() waits for a future in a task of its own', async ({ options }) => {
  const runner = new asyncio.Runner(options());
  const future = runner.getLoop().createFuture<string>();
  runner.getLoop().callLater(1, () => future.setResult('value'));
  assert.equal(await runner.run(future), 'value');
  await runner.close();
});

test('R-RUN-13 a main task without uncancel() is tolerated', async () => {
  class OldTask<T> extends asyncio.Task<T> {}
  Object.defineProperty(OldTask.prototype, 'uncancel', { value: undefined });
  const loop = new asyncio.EventLoop();
  loop.setTaskFactory((each, coro, options) => new OldTask(coro, { ...options, loop: each }));
  assert.equal(
    await asyncio.run(async () => await asyncio.sleep(0, 'value'), { loopFactory: () => loop }),
    'value',
  );
});

for (const [name, wrong] of [
  ['a number', 5],
  ['nothing', undefined],
  ['an object', {}],
] as const) {
  test(`R-RUN-14 run() refuses ${name} at once`, () => {
    let made = 0;
    const loopFactory = () => {
      made += 1;
      return new asyncio.EventLoop();
    };
    isError(
      thrownBy(() => asyncio.run(wrong as never, { loopFactory })),
      TypeError,
      'An asyncio.Future, a coroutine or an awaitable is required',
    );
    assert.equal(made, 0);
  });
}

test('R-RUN-14 run() refuses a promise at once, says what to write, and handles its rejection', async () => {
  const failing = async () => {
    throw new Error('handled');
  };
  isError(
    thrownBy(() => asyncio.run(failing() as never)),
    TypeError,
    /already started: pass \(\) => f\(\) instead of f\(\)$/,
  );
  // A rejection that nobody handles would fail this test.
  await new Promise((resolve) => setImmediate(resolve));
});

test('run() refuses a used coroutine at once, and closes the loop that it made', async () => {
  const main = asyncio.coroutine(async () => {})();
  await asyncio.run(main);
  const before = asyncio.getEventLoop();
  const loops: asyncio.EventLoop[] = [];
  const loopFactory = () => {
    loops.push(new asyncio.EventLoop());
    return loops[0]!;
  };
  isError(
    thrownBy(() => asyncio.run(main, { loopFactory })),
    RuntimeError,
    'cannot reuse already awaited coroutine',
  );
  assert.equal(loops[0]!.isClosed(), true);
  isError(
    thrownBy(() => asyncio.run(main)),
    RuntimeError,
  );
  assert.equal(asyncio.getEventLoop(), before);
});

test('run() on a loop that runs already is refused at once, and leaves the loop alone', () => {
  const loop = asyncio.getRunningLoop();
  isError(
    thrownBy(() => asyncio.run(async () => {}, { loopFactory: () => loop })),
    RuntimeError,
    'This event loop is already running',
  );
  assert.equal(loop.isRunning(), true);
});

// ----------------------------------------------------------------------------------------------- options

onEachKind('run({ signal }) cancels main when the signal is aborted', async ({ run, wait }) => {
  const controller = new AbortController();
  const order: string[] = [];
  const running = run(
    function* () {
      asyncio.getRunningLoop().callLater(1, () => controller.abort('enough'));
      try {
        yield* wait(asyncio.sleep(1000));
      } finally {
        yield* wait(asyncio.sleep(1));
        order.push(`cleaned up at ${asyncio.getRunningLoop().time()}`);
      }
    },
    { signal: controller.signal },
  );
  isError(await rejection(running), CancelledError, 'enough');
  assert.deepEqual(order, ['cleaned up at 2']);
});

onEachKind('run({ signal }) with an aborted signal does not start main', async ({ run }) => {
  const running = run(() => assert.fail('it must not run'), { signal: AbortSignal.abort('no') });
  isError(await rejection(running), CancelledError, 'no');
});

onEachKind(
  'run({ signal }) leaves no more than one listener on the signal, however many runs follow it',
  async ({ run }) => {
    const listeners = new Set<() => void>();
    const signal = {
      aborted: false,
      reason: undefined,
      addEventListener: (_: string, listener: () => void) => void listeners.add(listener),
      removeEventListener: (_: string, listener: () => void) => void listeners.delete(listener),
    };
    for (let i = 0; i < 3; i++) {
      await run(
        function* () {
          assert.equal(listeners.size, 1);
        },
        { signal },
      );
    }
    assert.ok(listeners.size <= 1);
    // It reaches nobody any more.
    for (const listener of listeners) listener();
  },
);

test('run({ asyncContext: false }) runs generator coroutines', async () => {
  const value = await asyncio.run(
    function* () {
      return yield* asyncio.sleep(0, asyncio.currentTask()?.getName());
    },
    { asyncContext: false },
  );
  assert.match(value ?? '', /^Task-\d+$/);
});

test('what a promise would await is refused as the value of run()', async () => {
  isError(
    await rejection(
      asyncio.run(function* () {
        const future = asyncio.getRunningLoop().createFuture();
        return future;
      }),
    ),
    TypeError,
    /^Cannot hand over <Future pending/,
  );
});

// The failure of the main task comes out of run(): nobody is told of it a second time.
onEachKind('a failure of main is not reported as never retrieved', async ({ run, wait, reports }) => {
  for (const error of [new Error('no'), new asyncio.SystemExit(3), new asyncio.KeyboardInterrupt()]) {
    const failing = run(function* () {
      yield* wait(asyncio.sleep(0));
      throw error;
    });
    assert.equal(await rejection(failing), error);
    assert.deepEqual(reports, []);
  }
});

onEachKind('what main waits for can be thrown and caught inside', async ({ run, wait }) => {
  await run(function* () {
    const future = asyncio.getRunningLoop().createFuture();
    const error = new Error('no');
    asyncio.getRunningLoop().callSoon(() => future.setException(error));
    assert.equal(yield* thrown(wait(future)), error);
  });
});
