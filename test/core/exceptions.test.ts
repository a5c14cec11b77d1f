import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import * as asyncio from 'tsyncio';
import { both, isError, thrown, thrownBy, virtualLoop } from './both-kinds.js';

type ErrorClass = new (...args: never[]) => Error;

/** Each class with its parent, and the stable code of its errors. */
const classes: readonly [string, ErrorClass, unknown, string][] = [
  ['BaseException', asyncio.BaseException, Error, 'ERR_BASE_EXCEPTION'],
  ['CancelledError', asyncio.CancelledError, asyncio.BaseException, 'ERR_CANCELLED'],
  ['KeyboardInterrupt', asyncio.KeyboardInterrupt, asyncio.BaseException, 'ERR_KEYBOARD_INTERRUPT'],
  ['SystemExit', asyncio.SystemExit, asyncio.BaseException, 'ERR_SYSTEM_EXIT'],
  ['GeneratorExit', asyncio.GeneratorExit, asyncio.BaseException, 'ERR_GENERATOR_EXIT'],
  ['RuntimeError', asyncio.RuntimeError, Error, 'ERR_RUNTIME'],
  ['ValueError', asyncio.ValueError, RangeError, 'ERR_VALUE'],
  ['LookupError', asyncio.LookupError, Error, 'ERR_LOOKUP'],
  ['NotImplementedError', asyncio.NotImplementedError, asyncio.RuntimeError, 'ERR_NOT_IMPLEMENTED'],
  ['EOFError', asyncio.EOFError, Error, 'ERR_EOF'],
  ['OSError', asyncio.OSError, Error, 'ERR_OS'],
  ['TimeoutError', asyncio.TimeoutError, asyncio.OSError, 'ETIMEDOUT'],
  ['InvalidStateError', asyncio.InvalidStateError, Error, 'ERR_INVALID_STATE'],
  ['BrokenBarrierError', asyncio.BrokenBarrierError, asyncio.RuntimeError, 'ERR_BROKEN_BARRIER'],
  ['QueueEmpty', asyncio.QueueEmpty, Error, 'ERR_QUEUE_EMPTY'],
  ['QueueFull', asyncio.QueueFull, Error, 'ERR_QUEUE_FULL'],
  ['QueueShutDown', asyncio.QueueShutDown, Error, 'ERR_QUEUE_SHUT_DOWN'],
  ['DeadlockError', asyncio.DeadlockError, asyncio.RuntimeError, 'ERR_DEADLOCK'],
];

for (const [name, errorClass, parent, code] of classes) {
  test(`${name} is a real subclass with a name, a code and a message`, () => {
    const error = new errorClass(...(['what happened'] as never[])) as Error & { code: string };
    assert.ok(error instanceof Error);
    assert.equal(Object.getPrototypeOf(errorClass), parent);
    assert.equal(error.constructor, errorClass);
    assert.equal(error.name, name);
    assert.equal(error.code, code);
    assert.equal(error.message, 'what happened');
    assert.equal(String(error), `${name}: what happened`);
    assert.deepEqual(Object.keys(error), [], 'nothing of it is enumerable');
    class Mine extends errorClass {}
    assert.ok(new Mine() instanceof errorClass);
    assert.equal(new Mine().name, name);
  });
}

test('only what Python derives from BaseException is one', () => {
  const base = classes
    .filter(([, errorClass]) => asyncio.isBaseException(new errorClass()))
    .map(([name]) => name);
  assert.deepEqual(base, [
    'BaseException',
    'CancelledError',
    'KeyboardInterrupt',
    'SystemExit',
    'GeneratorExit',
  ]);
  for (const value of [
    new Error(),
    null,
    undefined,
    5,
    'text',
    {},
    new DOMException('aborted', 'AbortError'),
  ]) {
    assert.equal(asyncio.isBaseException(value), false, inspect(value));
    assert.equal(asyncio.isCancelledError(value), false, inspect(value));
  }
  assert.equal(asyncio.isCancelledError(new asyncio.CancelledError()), true);
  assert.equal(asyncio.isCancelledError(new asyncio.KeyboardInterrupt()), false);
});

test('a BaseException keeps its arguments, and the first is its message', () => {
  const reason = { a: 1 };
  const error = new asyncio.CancelledError('first', 2, reason);
  assert.deepEqual(error.args, ['first', 2, reason]);
  assert.equal(error.args[2], reason);
  assert.equal(error.message, 'first');
  assert.deepEqual(new asyncio.CancelledError().args, []);
  assert.equal(new asyncio.CancelledError().message, '');
  assert.equal(new asyncio.CancelledError(reason).message, '[object Object]');
});

test('SystemExit has the exit code that it asks for', () => {
  assert.equal(new asyncio.SystemExit(7).exitCode, 7);
  assert.equal(new asyncio.SystemExit().exitCode, 0);
  assert.equal(new asyncio.SystemExit('gone wrong').exitCode, 'gone wrong');
});

test('OSError has errno, code and syscall of the platform, and a cause', () => {
  const cause = new Error('inner');
  const error = new asyncio.OSError('no such file', { errno: -2, code: 'ENOENT', syscall: 'open', cause });
  assert.deepEqual([error.errno, error.code, error.syscall, error.cause], [-2, 'ENOENT', 'open', cause]);
  const bare = new asyncio.OSError('unknown');
  assert.deepEqual([bare.errno, bare.code, bare.syscall], [undefined, 'ERR_OS', undefined]);
  assert.equal('cause' in bare, false);
  assert.equal('cause' in new asyncio.TimeoutError('', { cause: undefined }), true);
});

test('a CancelledError captures a stack in debug mode only', () => {
  const loop = asyncio.newEventLoop();
  assert.doesNotMatch(new asyncio.CancelledError('c').stack ?? '', /\n\s+at /);
  assert.match(new asyncio.RuntimeError('r').stack ?? '', /exceptions\.test/);
  loop.setDebug(true);
  assert.match(new asyncio.CancelledError('c').stack ?? '', /exceptions\.test/);
  loop.setDebug(false);
  assert.doesNotMatch(new asyncio.CancelledError('c').stack ?? '', /\n\s+at /);
  assert.match(new asyncio.RuntimeError('r').stack ?? '', /exceptions\.test/);
  loop.close();
});

test('rethrowBase() throws what a general catch must let through, and lets the rest be', () => {
  for (const [, errorClass] of classes) {
    const error = new errorClass();
    if (asyncio.isBaseException(error))
      assert.equal(
        thrownBy(() => asyncio.rethrowBase(error)),
        error,
      );
    else asyncio.rethrowBase(error);
  }
  for (const value of [5, null, undefined, 'text', {}]) asyncio.rethrowBase(value);
});

both(
  'rethrowBase() is `except Exception`: a task that is cancelled inside the try is cancelled',
  function* ({ wait, go, loop }) {
    const caught: unknown[] = [];
    const future = loop.createFuture<void>();
    const task = asyncio.createTask(
      go(function* () {
        for (;;) {
          try {
            yield* wait(future.done() ? asyncio.sleep(60) : future);
          } catch (error) {
            asyncio.rethrowBase(error);
            caught.push(error);
          }
        }
      }),
    );
    yield* wait(asyncio.sleep(0));
    const error = new Error('ordinary');
    future.setException(error);
    yield* wait(asyncio.sleep(0));
    assert.deepEqual(caught, [error]);
    task.cancel();
    yield* thrown(wait(task));
    assert.equal(task.cancelled(), true);
  },
);

for (const value of [5, 'text', false, 0, { a: 1 }, Symbol.for('thrown')]) {
  both(
    `N-16 what a coroutine throws is kept as it is: ${String(value)} (${typeof value})`,
    function* ({ wait, go }) {
      const task = asyncio.createTask(
        go(function* () {
          yield* wait(asyncio.sleep(0));
          throw value;
        }),
      );
      assert.equal(yield* thrown(wait(task)), value);
      assert.equal(task.exception(), value);
      assert.equal(task.cancelled(), false);
      assert.equal(yield* thrown(wait(asyncio.gather([task]))), value);
      assert.match(String(task), /^<Task finished .*exception=/);
    },
  );
}

for (const value of [null, undefined]) {
  both(
    `N-16 a thrown ${value} is wrapped, so that "no exception" stays unambiguous`,
    function* ({ wait, go, loop }) {
      const task = asyncio.createTask(
        go(function* () {
          throw value;
        }),
      );
      const error = yield* thrown(wait(task));
      isError(error, Error, `${value} was thrown`);
      assert.equal((error as Error).cause, value);
      const future = loop.createFuture();
      future.setException(value);
      isError(future.exception(), Error, `${value} was thrown`);
    },
  );
}

test('every exported class bears the name under which it is exported', () => {
  const classes = Object.entries(asyncio).filter(
    ([, value]) => typeof value === 'function' && String(value).startsWith('class'),
  );
  assert.ok(classes.length > 30);
  assert.deepEqual(
    classes.map(([, value]) => (value as { name: string }).name),
    classes.map(([name]) => name),
  );
});

// ------------------------------------------------------------------------------- two copies of the package

const copies: string[] = [];
after(() => {
  for (const copy of copies) rmSync(copy, { recursive: true, force: true });
});

/** The package once more, as when two dependencies bring it. */
async function secondCopy(): Promise<typeof asyncio> {
  const copy = mkdtempSync(join(tmpdir(), 'tsyncio-copy-'));
  copies.push(copy);
  cpSync(dirname(fileURLToPath(import.meta.resolve('tsyncio'))), join(copy, 'dist'), { recursive: true });
  writeFileSync(join(copy, 'package.json'), '{"type":"module"}');
  return (await import(pathToFileURL(join(copy, 'dist', 'index.js')).href)) as typeof asyncio;
}

test('N-17 two copies of the package recognise each other’s errors and futures', async () => {
  const other = await secondCopy();
  assert.notEqual(other.CancelledError, asyncio.CancelledError);
  assert.equal(asyncio.isCancelledError(new other.CancelledError()), true);
  assert.equal(asyncio.isBaseException(new other.KeyboardInterrupt()), true);
  assert.equal(asyncio.isBaseException(new other.RuntimeError()), false);
  const error = new other.CancelledError();
  assert.equal(
    thrownBy(() => asyncio.rethrowBase(error)),
    error,
  );
  const loop = other.newEventLoop();
  assert.equal(asyncio.isfuture(loop.createFuture()), true);
  loop.close();
});

test('N-17 a CancelledError of another copy makes a task cancelled', async () => {
  const other = await secondCopy();
  await asyncio.run(async () => {
    const task = asyncio.createTask(async () => {
      throw new other.CancelledError('theirs');
    });
    await asyncio.wait([task]);
    assert.equal(task.cancelled(), true);
  });
});

test('N-17 KeyboardInterrupt of another copy stops the loop', async () => {
  const other = await secondCopy();
  const error = new other.KeyboardInterrupt();
  await assert.rejects(
    asyncio.run(
      async () => {
        asyncio.createTask(async () => {
          throw error;
        });
        await asyncio.sleep(60);
      },
      { loopFactory: virtualLoop },
    ),
    (reason) => reason === error,
  );
  process.exitCode = 0;
});

test('N-17 an async function awaits a task of another copy', async () => {
  const other = await secondCopy();
  const value = await asyncio.run(async () => {
    const inner = other.run(async () => {
      await other.sleep(0);
      return 'from the other copy';
    });
    return await inner;
  });
  assert.equal(value, 'from the other copy');
});
