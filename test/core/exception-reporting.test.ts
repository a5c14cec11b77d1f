// What becomes of errors that nobody can catch: the exception handler, and failures that nobody looked at.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { both, isError, thrown, thrownBy } from './both-kinds.js';
import { onEachLoop, rejection } from './each-loop.js';
import { Program } from './program.js';

const { KeyboardInterrupt, SystemExit } = asyncio;

/** Calls `body` with the logger's records, each an array of level and arguments, in place of the console's. */
async function recording(body: (records: unknown[][]) => Promise<void> | void): Promise<void> {
  const records: unknown[][] = [];
  const at =
    (level: string) =>
    (...args: unknown[]) =>
      void records.push([level, ...args]);
  const outer = asyncio.setLogger({
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  });
  try {
    await body(records);
  } finally {
    asyncio.setLogger(outer);
  }
}

// --------------------------------------------------------------------------------------- the handler

test('R-EXH-01 setExceptionHandler() takes a function, or null for the default', () => {
  const loop = new asyncio.EventLoop();
  const handler = () => {};
  assert.equal(loop.getExceptionHandler(), null);
  loop.setExceptionHandler(handler);
  assert.equal(loop.getExceptionHandler(), handler);
  isError(
    thrownBy(() => loop.setExceptionHandler('handler' as never)),
    TypeError,
    "A callable object or None is expected, got 'handler'",
  );
  assert.equal(loop.getExceptionHandler(), handler);
  loop.setExceptionHandler(null);
  assert.equal(loop.getExceptionHandler(), null);
  loop.close();
});

test('R-EXH-02 callExceptionHandler() calls the handler with the loop and the very context', () => {
  const loop = new asyncio.EventLoop();
  const calls: unknown[][] = [];
  loop.setExceptionHandler((...args) => calls.push(args));
  const context = { message: 'something', custom: 1 };
  loop.callExceptionHandler(context);
  assert.equal(calls.length, 1);
  assert.equal(calls[0]?.[0], loop);
  assert.equal(calls[0]?.[1], context);
  loop.close();
});

test('R-EXH-02 an error in the handler goes to the default one, with the context', async () => {
  await recording((records) => {
    const loop = new asyncio.EventLoop();
    const error = new Error('in the handler');
    loop.setExceptionHandler(() => {
      throw error;
    });
    loop.callExceptionHandler({ message: 'the first one' });
    assert.equal(records.length, 1);
    assert.equal(records[0]?.[0], 'error');
    assert.match(String(records[0]?.[1]), /^Unhandled error in exception handler\ncontext: .*the first one/);
    assert.equal(records[0]?.[2], error);
    loop.close();
  });
});

test('R-EXH-02 an error in the default handler is only logged', async () => {
  class BrokenLoop extends asyncio.EventLoop {
    override defaultExceptionHandler(): void {
      throw new Error('in the default handler');
    }
  }
  for (const handler of [
    null,
    () => {
      throw new Error('in the handler');
    },
  ]) {
    await recording((records) => {
      const loop = new BrokenLoop();
      loop.setExceptionHandler(handler);
      loop.callExceptionHandler({ message: 'something' });
      assert.equal(records.length, 1);
      assert.equal(records[0]?.[0], 'error');
      assert.match(String(records[0]?.[1]), /^Exception in default exception handler/);
      loop.close();
    });
  }
});

test('R-EXH-02 a handler may let KeyboardInterrupt and SystemExit pass', () => {
  for (const error of [new KeyboardInterrupt(), new SystemExit()]) {
    const loop = new asyncio.EventLoop();
    loop.setExceptionHandler(() => {
      throw error;
    });
    assert.equal(
      thrownBy(() => loop.callExceptionHandler({ message: 'something' })),
      error,
    );
    loop.close();
  }
});

both('R-EXH-03 the handler runs in the context of the task', function* ({ loop, go, wait }) {
  const variable = new asyncio.ContextVar<string>('variable', { default: 'unset' });
  const seen: string[] = [];
  loop.setExceptionHandler(() => void seen.push(variable.get()));
  const task = asyncio.createTask(
    go(function* () {
      variable.set('of the task');
    }),
  );
  yield* wait(task);
  const handle = loop.callSoon(() => variable.set('of the handle'));
  yield* wait(asyncio.sleep(0));
  loop.callExceptionHandler({ task, handle });
  loop.callExceptionHandler({ future: task, handle });
  loop.callExceptionHandler({ handle });
  loop.callExceptionHandler({ future: loop.createFuture(), handle });
  loop.callExceptionHandler({});
  assert.deepEqual(seen, ['of the task', 'of the task', 'of the handle', 'unset', 'unset']);
});

test('R-EXH-04 the default handler logs one error: the message, then the other keys in order, and the exception', async () => {
  await recording((records) => {
    const loop = new asyncio.EventLoop();
    const exception = new Error('no');
    const future = loop.createFuture();
    loop.defaultExceptionHandler({
      zeta: 'text',
      message: 'Something went wrong',
      exception,
      future,
      alpha: [1],
    });
    assert.deepEqual(records, [
      ['error', "Something went wrong\nalpha: [1]\nfuture: <Future pending>\nzeta: 'text'", exception],
    ]);
    loop.close();
  });
});

test('R-EXH-04 the default handler has a message for contexts without one', async () => {
  await recording((records) => {
    const loop = new asyncio.EventLoop();
    loop.defaultExceptionHandler({});
    loop.defaultExceptionHandler({ message: '' });
    assert.deepEqual(records, Array(2).fill(['error', 'Unhandled exception in event loop']));
    loop.close();
  });
});

test('R-EXH-04 the default handler formats creation stacks', async () => {
  await recording((records) => {
    const loop = new asyncio.EventLoop();
    const frame = { functionName: 'make', file: 'a.ts', line: 3, column: 1 };
    loop.defaultExceptionHandler({ message: 'm', sourceTraceback: [frame], handleTraceback: [frame] });
    assert.deepEqual(records, [
      [
        'error',
        'm\n' +
          'Handle created at (most recent call last):\n  File "a.ts", line 3, in make\n' +
          'Object created at (most recent call last):\n  File "a.ts", line 3, in make',
      ],
    ]);
    loop.close();
  });
});

test('R-EXH-04 in debug mode, the default handler adds where the running handle was created', async () => {
  await recording(async (records) => {
    const loop = new asyncio.EventLoop();
    loop.setDebug(true);
    loop.slowCallbackDuration = Number.POSITIVE_INFINITY;
    loop.callSoon(() => loop.callExceptionHandler({ message: 'something' }));
    loop.stop();
    await loop.runForever();
    loop.setDebug(false);
    loop.close();
    assert.equal(records.length, 1);
    assert.match(
      String(records[0]?.[1]),
      /^something\nHandle created at \(most recent call last\):\n(?:.*\n)* {2}File ".*exception-reporting\.test\.[jt]s", line \d+, in /,
    );
  });
});

// -------------------------------------------------------------------------------- errors in callbacks

onEachLoop(
  'R-LOOP-22 R-EXH-05 an error in a callback is reported, and the others still run',
  async (subject) => {
    const { loop, once, reports, debug } = subject;
    const error = new Error('no');
    function failing(): void {
      throw error;
    }
    const order: string[] = [];
    const handle = loop.callSoon(failing);
    loop.callSoon(() => order.push('behind it'));
    await once();
    assert.deepEqual(order, ['behind it']);
    const [report] = reports.splice(0);
    assert.equal(report?.message, 'Exception in callback failing()');
    assert.equal(report?.exception, error);
    assert.equal(report?.handle, handle);
    assert.equal('sourceTraceback' in (report ?? {}), debug);
  },
);

for (const [name, thrownValue] of [
  ['CancelledError', new asyncio.CancelledError()],
  ['GeneratorExit', new asyncio.GeneratorExit()],
  ['undefined', undefined],
  ['a string', 'text'],
] as const) {
  onEachLoop(
    `R-LOOP-22 ${name} in a callback is reported like any error`,
    async ({ loop, once, reports }) => {
      loop.callSoon(() => {
        throw thrownValue;
      });
      await once();
      assert.equal(reports.length, 1);
      assert.equal(reports.splice(0)[0]?.exception, thrownValue);
    },
  );
}

onEachLoop('R-LOOP-22 R-EXH-05 an error in a done callback is reported', async ({ loop, once, reports }) => {
  const error = new Error('no');
  const future = loop.createFuture<void>();
  future.addDoneCallback(function failing() {
    throw error;
  });
  future.setResult();
  await once();
  const [report] = reports.splice(0);
  assert.equal(report?.message, 'Exception in callback failing()');
  assert.equal(report?.exception, error);
});

onEachLoop(
  'R-LOOP-22 the run goes on when the exception handler fails as well',
  async ({ loop, once, logs }) => {
    loop.setExceptionHandler(() => {
      throw new Error('in the handler');
    });
    loop.callSoon(() => {
      throw new Error('in the callback');
    });
    let ran = false;
    loop.callSoon(() => {
      ran = true;
    });
    await once();
    assert.equal(ran, true);
    assert.match(logs.splice(0).join(), /^Unhandled error in exception handler/);
  },
);

// ------------------------------------------------------------------------- failures nobody looked at

onEachLoop(
  'R-EXH-05 R-EXH-06 a failure that nobody looked at is reported once, when the loop closes',
  async (subject) => {
    const { loop, once, reports, debug } = subject;
    const error = new Error('no');
    const future = loop.createFuture();
    future.setException(error);
    await once();
    assert.equal(reports.length, 0);
    loop.close();
    const [report, ...others] = reports.splice(0);
    assert.deepEqual(others, []);
    assert.equal(report?.message, 'Future exception was never retrieved');
    assert.equal(report?.exception, error);
    assert.equal(report?.future, future);
    assert.equal('sourceTraceback' in (report ?? {}), debug);
    loop.close();
  },
);

onEachLoop(
  'R-EXH-06 the failure of a task is reported by its class’s name',
  async ({ loop, once, reports }) => {
    class Job<T> extends asyncio.Task<T> {}
    const fail = function* (): asyncio.Coro<void> {
      throw new Error('no');
    };
    loop.createTask(fail());
    new Job(fail(), { loop });
    await once();
    loop.close();
    assert.deepEqual(
      reports.splice(0).map(({ message }) => message),
      ['Task exception was never retrieved', 'Job exception was never retrieved'],
    );
  },
);

onEachLoop('R-EXH-06 a result, a cancellation or a pending future is no failure', ({ loop }) => {
  loop.createFuture<number>().setResult(1);
  loop.createFuture().cancel();
  loop.createFuture();
});

both(
  'R-EXH-07 a failure counts as looked at by result(), exception(), a wait or cancel()',
  function* ({ loop, wait }) {
    const fail = () => {
      const future = loop.createFuture();
      future.setException(new Error('no'));
      return future;
    };
    const [byResult, byException, byWait, byCancel] = [fail(), fail(), fail(), fail()];
    // Some of it only after the loop has put the failures on record.
    yield* wait(asyncio.sleep(1));
    thrownBy(() => byResult!.result());
    byException!.exception();
    yield* thrown(wait(byWait!));
    assert.equal(byCancel!.cancel(), false);
  },
);

test('R-EXH-07 a failure counts as looked at by a plain await and by Promise.resolve()', async () => {
  const loop = new asyncio.EventLoop();
  const reports: unknown[] = [];
  loop.setExceptionHandler((_, context) => reports.push(context));
  const error = new Error('no');
  const futures = [loop.createFuture(), loop.createFuture()];
  for (const future of futures) future.setException(error);
  const plain = [rejection(futures[0]!), rejection(Promise.resolve(futures[1]))];
  loop.callSoon(() => loop.callSoon(() => loop.callSoon(() => loop.stop())));
  await Promise.all([loop.runForever(), ...plain]);
  loop.close();
  assert.deepEqual(reports, []);
});

onEachLoop(
  'R-EXH-08 a done callback alone does not look at the exception',
  async ({ loop, once, reports }) => {
    const future = loop.createFuture();
    let called = 0;
    future.addDoneCallback(() => called++);
    future.setException(new Error('no'));
    await once();
    loop.close();
    assert.equal(called, 1);
    assert.equal(reports.splice(0)[0]?.message, 'Future exception was never retrieved');
  },
);

onEachLoop(
  'R-EXH-05 close() reports tasks that are still pending, each once',
  async ({ loop, once, reports, debug }) => {
    const task = loop.createTask(
      (function* (): asyncio.Coro<void> {
        yield* loop.createFuture<void>();
      })(),
    );
    await once();
    loop.close();
    loop.close();
    const [report, ...others] = reports.splice(0);
    assert.deepEqual(others, []);
    assert.equal(report?.message, 'Task was destroyed but it is pending!');
    assert.equal(report?.task, task);
    assert.equal('sourceTraceback' in (report ?? {}), debug);
  },
);

test('R-EXH-06 a failure is reported when its future is collected, with a description in its place', async () => {
  const program = new Program('collected-failure', { node: ['--expose-gc'] });
  assert.equal(await program.exitCode(), 0, program.stderr);
  assert.equal(
    program.stdout,
    [
      'reported: Future exception was never retrieved',
      'exception: forgotten',
      "future: <Future finished exception=Error('forgotten')>",
      'the loop still runs: true',
      '',
    ].join('\n'),
  );
});
