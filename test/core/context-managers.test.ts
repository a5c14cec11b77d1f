import assert from 'node:assert/strict';
import * as asyncio from 'tsyncio';
import { both, cancelArgs, isError, type Kind, thrown, thrownBy, ticker } from './both-kinds.js';

const { CancelledError, ValueError } = asyncio;

interface Behaviour {
  enter?: () => void;
  exit?: (error: { readonly value: unknown } | undefined) => unknown;
  /** How long each of them takes. */
  delay?: number;
}

/** A manager that notes what happens to it. */
function manager(
  { wait, define }: Kind,
  log: string[],
  behaviour: Behaviour = {},
): asyncio.AsyncContextManager<string> {
  return {
    [asyncio.aenter]: define(function* () {
      log.push('enters');
      if (behaviour.delay !== undefined) yield* wait(asyncio.sleep(behaviour.delay));
      behaviour.enter?.();
      log.push('entered');
      return 'value';
    }),
    [asyncio.aexit]: define(function* (error: { readonly value: unknown } | undefined) {
      log.push(`leaves ${error === undefined ? 'normally' : `by ${String(error.value)}`}`);
      if (behaviour.delay !== undefined) yield* wait(asyncio.sleep(behaviour.delay));
      const result = behaviour.exit?.(error);
      log.push('left');
      return result as boolean;
    }),
  };
}

both(
  'R-WTH-01 withAsync() enters, runs the body with the value, leaves, and gives the body’s result',
  function* (kind) {
    const { wait, define } = kind;
    const log: string[] = [];
    const body = define(function* (value: string) {
      log.push(`body ${value}`);
      yield* wait(asyncio.sleep(1));
      return 42;
    });
    assert.equal(yield* wait(asyncio.withAsync(manager(kind, log), body)), 42);
    assert.deepEqual(log, ['enters', 'entered', 'body value', 'leaves normally', 'left']);
  },
);

both('R-WTH-02 withAsync() tells the exit about the body’s error, which then comes out', function* (kind) {
  const { wait, define } = kind;
  const log: string[] = [];
  const boom = new ValueError('boom');
  const body = define(function* () {
    throw boom;
  });
  assert.equal(yield* thrown(wait(asyncio.withAsync(manager(kind, log), body))), boom);
  assert.deepEqual(log, ['enters', 'entered', 'leaves by ValueError: boom', 'left']);
});

both('R-WTH-02 an exit that gives true suppresses the error; nothing else does', function* (kind) {
  const { wait, define } = kind;
  const body = define(function* () {
    throw new ValueError('boom');
  });
  const suppressing = manager(kind, [], { exit: () => true });
  assert.equal(yield* wait(asyncio.withAsync(suppressing, body)), undefined);
  for (const given of [false, undefined, 1, 'yes']) {
    const strict = manager(kind, [], { exit: () => given });
    isError(yield* thrown(wait(asyncio.withAsync(strict, body))), ValueError, 'boom');
  }
});

both('R-WTH-02 an undefined that is thrown is an error, too', function* (kind) {
  const { wait, go } = kind;
  const log: string[] = [];
  const error = yield* thrown(
    wait(
      asyncio.withAsync(
        manager(kind, log),
        go(function* () {
          throw undefined;
        }),
      ),
    ),
  );
  void error;
  assert.deepEqual(log, ['enters', 'entered', 'leaves by undefined', 'left']);
});

both('R-WTH-03 an error of the exit takes the place of the body’s result and of its error', function* (kind) {
  const { wait, define } = kind;
  const failing = (log: string[]) =>
    manager(kind, log, {
      exit: () => {
        throw new ValueError('exit');
      },
    });
  const fine = define(function* () {
    return 1;
  });
  const fails = define(function* () {
    throw new ValueError('body');
  });
  isError(yield* thrown(wait(asyncio.withAsync(failing([]), fine))), ValueError, 'exit');
  isError(yield* thrown(wait(asyncio.withAsync(failing([]), fails))), ValueError, 'exit');
});

both('R-WTH-04 when entering fails, neither body nor exit run', function* (kind) {
  const { wait, define } = kind;
  const log: string[] = [];
  const failing = manager(kind, log, {
    enter: () => {
      throw new ValueError('enter');
    },
  });
  const body = define(function* () {
    log.push('body');
  });
  isError(yield* thrown(wait(asyncio.withAsync(failing, body))), ValueError, 'enter');
  assert.deepEqual(log, ['enters']);
});

both('R-WTH-05 a cancellation reaches the body, and the exit runs to its end', function* (kind) {
  const { wait, define, loop } = kind;
  const log: string[] = [];
  const body = define(function* () {
    yield* wait(asyncio.sleep(9));
  });
  const task = loop.createTask(asyncio.withAsync(manager(kind, log, { delay: 2 }), body));
  yield* wait(asyncio.sleep(3));
  task.cancel('stop');
  assert.deepEqual(cancelArgs(yield* thrown(wait(task))), ['stop']);
  assert.deepEqual(log, ['enters', 'entered', 'leaves by CancelledError: stop', 'left']);
  assert.equal(loop.time(), 5);
});

both('R-WTH-04 a cancellation while it enters leaves nothing to exit', function* (kind) {
  const { wait, define, loop } = kind;
  const log: string[] = [];
  const body = define(function* () {
    log.push('body');
  });
  const task = loop.createTask(asyncio.withAsync(manager(kind, log, { delay: 2 }), body));
  yield* wait(asyncio.sleep(1));
  task.cancel();
  assert.ok((yield* thrown(wait(task))) instanceof CancelledError);
  assert.deepEqual(log, ['enters']);
});

both('an exit may suppress a cancellation; the request stays counted', function* (kind) {
  const { wait, go, define, loop } = kind;
  const suppressing = manager(kind, [], { exit: () => true });
  const body = define(function* () {
    yield* wait(asyncio.sleep(9));
  });
  const task = loop.createTask(
    go(function* () {
      yield* wait(asyncio.withAsync(suppressing, body));
      yield* wait(asyncio.sleep(1));
      return asyncio.currentTask()?.cancelling();
    }),
  );
  yield* wait(asyncio.sleep(0));
  task.cancel();
  assert.equal(yield* wait(task), 1);
});

both('managers nest, and are left from the inside out', function* (kind) {
  const { wait, define } = kind;
  const [outer, inner]: [string[], string[]] = [[], []];
  const log: string[] = [];
  const body = define(function* () {
    log.push(`${outer.length} ${inner.length}`);
    throw new ValueError('boom');
  });
  const nested = define(function* () {
    yield* wait(asyncio.withAsync(manager(kind, inner, { exit: () => void log.push('inner left') }), body));
  });
  const error = yield* thrown(
    wait(asyncio.withAsync(manager(kind, outer, { exit: () => void log.push('outer left') }), nested)),
  );
  isError(error, ValueError, 'boom');
  assert.deepEqual(log, ['2 2', 'inner left', 'outer left']);
});

both('R-WTH-01 withAsync() runs in the calling task, without an iteration of its own', function* (kind) {
  const { wait, define, loop } = kind;
  const caller = asyncio.currentTask();
  const ticks = ticker(loop);
  const body = define(function* () {
    return asyncio.currentTask() === caller;
  });
  assert.equal(yield* wait(asyncio.withAsync(manager(kind, []), body)), true);
  assert.equal(ticks(), 0);
  ticks.stop();
});

both('withAsync() refuses at the call what is no manager, and what is no function', function* (kind) {
  const body = kind.go(function* () {});
  for (const wrong of [undefined, 5, {}, { [asyncio.aenter]: body }]) {
    isError(
      thrownBy(() => asyncio.withAsync(wrong as never, body)),
      TypeError,
      /^Cannot enter .*: it is not an asynchronous context manager$/,
    );
  }
  isError(
    thrownBy(() => asyncio.withAsync(manager(kind, []), 'body' as never)),
    TypeError,
    'Cannot run the block: expected a function, got body',
  );
});
