// Debug mode: slow callbacks, creation stacks, misuse, coroutines nobody awaited, swallowed cancellations.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { getDefaultHost } from 'tsyncio/lowlevel';
import { AutojumpClock, VirtualHost } from 'tsyncio/testing';
import { both, isError, thrown, thrownBy } from './both-kinds.js';
import { onVirtualLoop } from './each-loop.js';
import { Program } from './program.js';

const here = /debug-mode\.test\.[jt]s$/;

/** A clock that a program can make pass while it runs. */
class PassingClock extends AutojumpClock {
  #passed = 0;

  override time(): number {
    return super.time() + this.#passed;
  }

  pass(seconds: number): void {
    this.#passed += seconds;
  }
}

/** Runs a program in debug mode, and gives what it logged. */
async function logsOf(
  main: (clock: PassingClock) => asyncio.CoroutineLike<unknown>,
  options: { debug?: boolean; slowCallbackDuration?: number } = {},
): Promise<string[]> {
  const clock = new PassingClock();
  const loop = new asyncio.EventLoop({ host: new VirtualHost({ clock, host: getDefaultHost() }) });
  if (options.slowCallbackDuration !== undefined) loop.slowCallbackDuration = options.slowCallbackDuration;
  const logs: string[] = [];
  const log = (message: string) => void logs.push(message);
  const outer = asyncio.setLogger({ debug: log, info: log, warn: log, error: log });
  try {
    await asyncio.run(main(clock), { loopFactory: () => loop, debug: options.debug ?? true });
  } finally {
    asyncio.setLogger(outer);
    loop.setDebug(false);
  }
  return logs;
}

// --------------------------------------------------------------------------------- switching it on

test('R-DBG-01 debug mode is off by default, and setDebug() switches it', () => {
  const loop = new asyncio.EventLoop();
  assert.equal(loop.getDebug(), false);
  loop.setDebug(true);
  assert.equal(loop.getDebug(), true);
  loop.setDebug(false);
  assert.equal(loop.getDebug(), false);
  loop.close();
});

for (const [value, debug] of [
  [undefined, false],
  ['', false],
  ['1', true],
] as const) {
  test(`R-DBG-01 ASYNCIODEBUG=${value ?? '(unset)'} makes debug mode ${debug ? 'on' : 'off'}`, async () => {
    const env: Record<string, string> = value === undefined ? {} : { ASYNCIODEBUG: value };
    const program = new Program('debug', { env });
    assert.equal(await program.exitCode(), 0, program.stderr);
    assert.equal(program.stdout, `${debug}\n`);
  });
}

// ------------------------------------------------------------------------------------- slow callbacks

onVirtualLoop(
  'R-DBG-02 a slow handle is logged in debug mode, and only there',
  async ({ loop, clock, once, logs, debug }) => {
    function slow(): void {
      clock.wait(0.1);
    }
    function fast(): void {
      clock.wait(0.0625);
    }
    loop.callSoon(slow);
    loop.callSoon(fast);
    await once();
    const found = logs.splice(0);
    assert.equal(found.length, debug ? 1 : 0);
    if (debug) assert.match(found[0]!, /^Executing <Handle slow\(\).*> took 0\.100 seconds$/);
  },
);

onVirtualLoop('R-DBG-02 slowCallbackDuration says what is slow', async ({ loop, clock, once, logs }) => {
  loop.slowCallbackDuration = 2;
  loop.callSoon(() => clock.wait(1.5));
  await once();
  assert.deepEqual(logs, []);
});

const slowSteps = {
  'the first step of a generator coroutine': (clock: PassingClock) =>
    function* job(): asyncio.Coro<void> {
      clock.pass(1);
      yield* asyncio.sleep(0);
    },
  'a later step of a generator coroutine': (clock: PassingClock) =>
    function* job(): asyncio.Coro<void> {
      yield* asyncio.sleep(0);
      clock.pass(1);
    },
  'the first step of an async function': (clock: PassingClock) =>
    async function job(): Promise<void> {
      clock.pass(1);
      await asyncio.sleep(0);
    },
  'a later step of an async function': (clock: PassingClock) =>
    async function job(): Promise<void> {
      await asyncio.sleep(0);
      clock.pass(1);
      await asyncio.sleep(0);
    },
  'the last step of an async function': (clock: PassingClock) =>
    async function job(): Promise<void> {
      await asyncio.sleep(0);
      clock.pass(1);
    },
};

for (const [name, make] of Object.entries(slowSteps)) {
  test(`R-DBG-02 ${name} that is slow is logged, with its task`, async () => {
    const logs = await logsOf(make);
    assert.equal(logs.length, 1);
    assert.match(logs[0]!, /^Executing <Task .*name='Task-\d+' coro=<job\(\).*> took 1\.000 seconds$/s);
  });

  test(`${name} that is slow is not logged without debug mode`, async () => {
    assert.deepEqual(await logsOf(make, { debug: false }), []);
  });
}

// --------------------------------------------------------------------------------------------- misuse

for (const [name, callback] of [
  ['a coroutine', () => asyncio.sleep(0)],
  ['a generator object', () => (function* () {})()],
  ['a generator function', () => function* () {}],
  ['an async function', () => async () => {}],
  ['what coroutine() made', () => asyncio.coroutine(async () => {})],
] as const) {
  test(`R-DBG-04 ${name} as a callback is a TypeError in debug mode`, () => {
    const loop = new asyncio.EventLoop();
    loop.setDebug(true);
    const wrong = callback() as never;
    for (const [method, call] of [
      ['callSoon', () => loop.callSoon(wrong)],
      ['callAt', () => loop.callAt(1, wrong)],
      ['callAt', () => loop.callLater(1, wrong)],
    ] as const) {
      isError(thrownBy(call), TypeError, `coroutines cannot be used with ${method}()`);
    }
    if ((wrong as unknown) instanceof asyncio.Coroutine) (wrong as asyncio.Coroutine<void>).close();
    loop.setDebug(false);
    loop.close();
  });
}

test('R-DBG-04 what is no function is a TypeError that shows it', () => {
  const loop = new asyncio.EventLoop();
  loop.setDebug(true);
  isError(
    thrownBy(() => loop.callSoon('f' as never)),
    TypeError,
    "a callable object was expected by callSoon(), got 'f'",
  );
  loop.setDebug(false);
  loop.close();
});

// ------------------------------------------------------------------------------------ creation stacks

/** Whether a creation stack ends where this file made the thing. */
function endsHere(stack: readonly asyncio.StackFrame[] | null, functionName: string): void {
  assert.ok(stack !== null && stack.length > 0 && stack.length <= 10, `a stack of ${stack?.length} frames`);
  assert.match(stack.at(-1)!.file, here);
  assert.equal(stack.at(-1)!.functionName, functionName);
}

onVirtualLoop(
  'R-DBG-05 in debug mode handles, futures and tasks know where they were made',
  ({ loop, debug, reports }) => {
    function* coro(): asyncio.Coro<void> {}
    function makeThem() {
      return [
        loop.callSoon(() => {}),
        loop.callAt(1, () => {}),
        loop.callLater(1, () => {}),
        loop.createFuture(),
        new asyncio.Future({ loop }),
        loop.createTask(coro()),
        new asyncio.Task(coro(), { loop }),
      ];
    }
    for (const made of makeThem()) {
      if (debug) {
        endsHere(made.sourceTraceback, 'makeThem');
        assert.match(String(made), /created at .*debug-mode\.test\.[jt]s:\d+/);
      } else {
        assert.equal(made.sourceTraceback, null);
        assert.doesNotMatch(String(made), /created at/);
      }
    }
    loop.close();
    reports.length = 0;
  },
);

test('R-DBG-05 a creation stack has its newest frame last, and ten at most', () => {
  const loop = new asyncio.EventLoop();
  loop.setDebug(true);
  const deep = (depth: number): asyncio.Future => (depth === 0 ? loop.createFuture() : deep(depth - 1));
  const stack = deep(20).sourceTraceback!;
  assert.equal(stack.length, 10);
  assert.deepEqual(
    stack.map(({ functionName }) => functionName),
    Array(10).fill('deep'),
  );
  function outer() {
    return inner();
  }
  function inner() {
    return loop.createFuture();
  }
  const names = outer().sourceTraceback!.map(({ functionName }) => functionName);
  assert.deepEqual(names.slice(-2), ['outer', 'inner']);
  loop.setDebug(false);
  loop.close();
});

both(
  'R-DBG-07 setDebug() on a running loop takes effect at once',
  { debug: false },
  function* ({ loop, wait }) {
    assert.equal(loop.createFuture().sourceTraceback, null);
    loop.setDebug(true);
    assert.notEqual(loop.createFuture().sourceTraceback, null);
    yield* wait(asyncio.sleep(1));
    assert.notEqual(loop.createFuture().sourceTraceback, null);
    loop.setDebug(false);
    assert.equal(loop.createFuture().sourceTraceback, null);
  },
);

both('a cancellation has a stack in debug mode', { debug: true }, function* ({ loop, wait }) {
  const future = loop.createFuture();
  future.cancel();
  const error = (yield* thrown(wait(future))) as Error;
  assert.match(error.stack ?? '', /\n {4}at /);
});

test('one loop’s debug mode is not another’s, and ends with its loop', () => {
  const hasStack = (loop: asyncio.EventLoop) => {
    const future = loop.createFuture();
    future.cancel();
    return /\n {4}at /.test((thrownBy(() => future.result()) as Error).stack ?? '');
  };
  const [first, second] = [new asyncio.EventLoop(), new asyncio.EventLoop()];
  first.setDebug(true);
  first.setDebug(true);
  second.setDebug(true);
  second.setDebug(false);
  second.setDebug(false);
  assert.equal(hasStack(first), true);
  first.close();
  assert.equal(hasStack(second), false);
  second.close();
});

// ------------------------------------------------------------------------------------- never awaited

test('R-DBG-08 a coroutine that is collected before anybody awaited it is logged, with where it was made', async () => {
  const program = new Program('never-awaited', { node: ['--expose-gc'] });
  assert.equal(await program.exitCode(), 0, program.stderr);
  assert.match(
    program.stdout,
    /^coroutine 'forgotten' was never awaited\nCoroutine created at \(most recent call last\):\n(.*\n)* {2}File ".*never-awaited\.js", line \d+, in forget\n$/,
  );
});

// ------------------------------------------------------------------------------ swallowed cancellations

const swallowed =
  /^<Task .*name='swallower'.*> was cancelled but did not raise CancelledError \(swallowed by a catch\?\)/;

for (const [how, end] of [
  ['returns', () => 1],
  [
    'raises something else',
    () => {
      throw new Error('other');
    },
  ],
] as const) {
  both(
    `a task that swallows its cancellation and ${how} is logged in debug mode`,
    { debug: true },
    function* (kind) {
      const { go, wait, logs } = kind;
      function* swallowing(): asyncio.Coro<number> {
        try {
          yield* wait(asyncio.sleep(10));
        } catch {
          // On purpose.
        }
        return end();
      }
      const task = asyncio.createTask(go(swallowing), { name: 'swallower' });
      yield* wait(asyncio.sleep(0));
      task.cancel();
      yield* wait(asyncio.wait([task]));
      task.exception();
      assert.equal(logs.length, 1, 'the number of log records');
      const [log] = logs.splice(0);
      assert.match(log!, swallowed);
      // Both stacks: where it was made, and where it was cancelled.
      assert.ok((log!.match(/debug-mode\.test\.[jt]s/g) ?? []).length >= 2, log);
    },
  );

  both(
    `a task that swallows its cancellation and ${how} is not logged without debug mode`,
    { debug: false },
    function* (kind) {
      const { go, wait } = kind;
      function* swallowing(): asyncio.Coro<number> {
        try {
          yield* wait(asyncio.sleep(10));
        } catch {
          // On purpose.
        }
        return end();
      }
      const task = asyncio.createTask(go(swallowing));
      yield* wait(asyncio.sleep(0));
      task.cancel();
      yield* wait(asyncio.wait([task]));
      task.exception();
    },
  );
}

both(
  'a task that raises its cancellation, or takes it back with uncancel(), swallows nothing',
  { debug: true },
  function* ({ go, wait }) {
    function* obedient(): asyncio.Coro<void> {
      yield* wait(asyncio.sleep(10));
    }
    function* withdrawing(): asyncio.Coro<number> {
      try {
        yield* wait(asyncio.sleep(10));
      } catch {
        asyncio.currentTask()!.uncancel();
      }
      return 1;
    }
    const tasks = [asyncio.createTask(go(obedient)), asyncio.createTask(go(withdrawing))];
    yield* wait(asyncio.sleep(0));
    for (const task of tasks) task.cancel();
    yield* wait(asyncio.wait(tasks));
    assert.equal(tasks[0]!.cancelled(), true);
    assert.equal(tasks[1]!.result(), 1);
  },
);

both('a staggered race swallows nothing', { debug: true }, function* ({ go, wait }) {
  const racer = go(function* () {
    yield* wait(asyncio.sleep(1));
  });
  const [, index] = yield* wait(asyncio.staggeredRace([racer, racer], 0.1));
  assert.equal(index, 0);
});

both('a timeout and a task group swallow nothing', { debug: true }, function* ({ go, wait }) {
  isError(
    yield* thrown(
      wait(
        asyncio.timeout(1).run(
          go(function* () {
            yield* wait(asyncio.sleep(10));
          }),
        ),
      ),
    ),
    asyncio.TimeoutError,
  );
  isError(
    yield* thrown(
      wait(
        new asyncio.TaskGroup().run((group) =>
          go(function* () {
            group.createTask(
              go(function* () {
                throw new Error('no');
              }),
            );
            yield* wait(asyncio.sleep(10));
          })(),
        ),
      ),
    ),
    asyncio.ExceptionGroup,
  );
});
