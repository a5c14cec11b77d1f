// Nothing can wake the loop any more: whoever waits is told so.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { getDefaultHost } from 'tsyncio/lowlevel';
import { TestLoop, VirtualHost } from 'tsyncio/testing';
import { isError, kinds, thrownBy } from './both-kinds.js';
import { rejection } from './each-loop.js';
import { Program } from './program.js';

const { DeadlockError, RuntimeError } = asyncio;

function virtualLoop(): asyncio.EventLoop {
  return new asyncio.EventLoop({ host: new VirtualHost({ host: getDefaultHost() }) });
}

for (const { name, go, wait } of kinds) {
  test(`a virtual clock judges at once, and the error says who waits for whom (${name})`, async () => {
    const main = go(function* main() {
      const future = asyncio.getRunningLoop().createFuture<void>();
      const job = asyncio.createTask(
        go(function* () {
          yield* wait(future);
        }),
        { name: 'job' },
      );
      const boss = asyncio.createTask(
        go(function* () {
          yield* wait(job);
        }),
        { name: 'boss' },
      );
      yield* wait(boss);
    });
    const error = await rejection(asyncio.run(main, { loopFactory: virtualLoop }));
    isError(error, DeadlockError);
    const { message } = error as Error;
    assert.match(message, /^Deadlock: nothing can wake the event loop any more, and these still wait:\n/);
    assert.match(message, /^ {2}job \(.*\) waits for <Future pending.*>\n {4}and is awaited by boss$/m);
    assert.match(
      message,
      /^ {2}boss \(.*\) waits for <Task pending name='job'>\n {4}and is awaited by Task-\d+$/m,
    );
    assert.match(message, /^ {2}Task-\d+ \(.*\) waits for <Task pending name='boss'>$/m);
  });

  test(`a deadlock leaves the tasks to the clean-up of run(), whose finally blocks run (${name})`, async () => {
    const order: string[] = [];
    const main = go(function* () {
      try {
        yield* wait(asyncio.getRunningLoop().createFuture());
      } catch (error) {
        order.push((error as Error).name);
        yield* wait(asyncio.sleep(1));
        order.push('cleaned up');
        throw error;
      }
    });
    isError(await rejection(asyncio.run(main, { loopFactory: virtualLoop })), DeadlockError);
    assert.deepEqual(order, ['CancelledError', 'cleaned up']);
  });
}

test('runSync() of TestLoop throws a DeadlockError', () => {
  const loop = new TestLoop();
  isError(
    thrownBy(() => loop.runSync(loop.createFuture())),
    DeadlockError,
  );
  loop.close();
});

test('a DeadlockError is a RuntimeError with a code', () => {
  const error = new DeadlockError('no');
  assert.ok(error instanceof RuntimeError);
  assert.equal(error.code, 'ERR_DEADLOCK');
});

test('a loop that is woken by the platform’s promises is not judged', async () => {
  const value = await asyncio.run(
    async () => {
      const future = asyncio.getRunningLoop().createFuture<string>();
      Promise.resolve()
        .then(() => {})
        .then(() => future.setResult('woken'));
      return await future;
    },
    { loopFactory: virtualLoop },
  );
  assert.equal(value, 'woken');
});

test('when main awaits a foreign promise for ever, the first verdict comes out, and is the only report', async () => {
  const loop = virtualLoop();
  const reports: asyncio.ExceptionContext[] = [];
  loop.setExceptionHandler((_, context) => void reports.push(context));
  const main = async () => {
    await new Promise(() => {});
  };
  const error = await rejection(asyncio.run(main, { loopFactory: () => loop }));
  isError(error, DeadlockError, /^ {2}Task-\d+ \(main\) waits for a promise that is not ours$/m);
  assert.doesNotMatch((error as Error).message, /GatheringFuture/);
  // The verdict has named the task: nobody is told of it a second time.
  assert.deepEqual(reports, []);
});

// ------------------------------------------------------------------------------------------ on the platform

test('on Node the verdict falls when the process would exit: run() is rejected', async () => {
  const program = new Program('deadlocked', { args: ['run'] });
  assert.equal(await program.exitCode(), 0, program.stderr);
  assert.equal(program.stdout, 'run: DeadlockError\ncleaned up: true\n');
});

test('on Node an uncaught deadlock is exit code 1 and a message, not code 13 and silence', async () => {
  const program = new Program('deadlocked', { args: ['uncaught'] });
  assert.equal(await program.exitCode(), 1);
  assert.match(program.stderr, /DeadlockError: Deadlock: nothing can wake the event loop any more/);
  assert.match(program.stderr, /Task-\d+ \(main\) waits for <Future pending/);
});

test('on Node every open run() is rejected, and whoever awaits on the ambient loop', async () => {
  const program = new Program('deadlocked', { args: ['several'] });
  assert.equal(await program.exitCode(), 0, program.stderr);
  assert.equal(program.stdout, 'first: DeadlockError\nsecond: DeadlockError\nambient: DeadlockError\n');
});

test('on Node a timer or other work of the platform in flight is no deadlock', async () => {
  const program = new Program('deadlocked', { args: ['in flight'] });
  assert.equal(await program.exitCode(), 0, program.stderr);
  assert.equal(program.stdout, 'value\n');
});

test('runForever() holds the process', async () => {
  const program = new Program('deadlocked', { args: ['forever'] });
  assert.equal(await program.exitCode(), 0, program.stderr);
  assert.equal(program.stdout, 'stopped by a timer that alone would not have held the process\n');
});

test('a pending run() alone does not hold the process', async () => {
  const program = new Program('deadlocked', { args: ['unref'] });
  assert.equal(await program.exitCode(), 0, program.stderr);
  assert.equal(program.stdout, 'DeadlockError\n');
});

test('on Node a timer that never falls due wakes nobody', async () => {
  const program = new Program('deadlocked', { args: ['infinity'] });
  assert.equal(await program.exitCode(), 0, program.stderr);
  assert.equal(program.stdout, 'DeadlockError\n');
});
