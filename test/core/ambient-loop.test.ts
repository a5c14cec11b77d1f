// The loop of a thread that has none open: always running, as in a notebook.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { isError, thrownBy } from './both-kinds.js';
import { rejection } from './each-loop.js';
import { Program } from './program.js';

const { RuntimeError } = asyncio;

const program = (name: string) => new Program('ambient', { args: [name] });

test('the ambient loop always runs, and is one for all plain code', () => {
  const loop = asyncio.getRunningLoop();
  assert.equal(loop.isRunning(), true);
  assert.equal(loop.isClosed(), false);
  assert.equal(asyncio.getRunningLoop(), loop);
  assert.equal(asyncio.getEventLoop(), loop);
});

test('the ambient loop can be neither run nor closed', () => {
  const loop = asyncio.getRunningLoop();
  for (const call of [
    () => loop.runForever(),
    () => loop.runUntilComplete(loop.createFuture()),
    () => loop.close(),
  ]) {
    isError(thrownBy(call), RuntimeError);
  }
  assert.equal(loop.isRunning(), true);
});

test('plain code awaits coroutines, futures and tasks', async () => {
  assert.equal(await asyncio.sleep(0, 'coroutine'), 'coroutine');
  const future = asyncio.getRunningLoop().createFuture<string>();
  asyncio.getRunningLoop().callSoon(() => future.setResult('future'));
  assert.equal(await future, 'future');
  assert.equal(await asyncio.createTask(async () => 'task'), 'task');
  const error = new Error('no');
  assert.equal(await rejection(asyncio.createTask(async () => Promise.reject(error))), error);
});

test('plain code is in no task, but a coroutine that it awaits is', async () => {
  assert.equal(asyncio.currentTask(), null);
  const inTask = asyncio.coroutine(async () => asyncio.currentTask() !== null);
  assert.equal(await inTask(), true);
  assert.equal(asyncio.currentTask(), null);
});

test('locks, timeouts and groups work in plain code', async () => {
  const lock = new asyncio.Lock();
  const order: string[] = [];
  const job = async (name: string) => {
    using _ = await lock.guard();
    order.push(`${name} in`);
    await asyncio.sleep(0);
    order.push(`${name} out`);
  };
  await Promise.all([job('a'), job('b')]);
  assert.deepEqual(order, ['a in', 'a out', 'b in', 'b out']);
  const never = asyncio.getRunningLoop().createFuture();
  isError(
    await rejection(
      asyncio.timeout(0).run(async () => {
        await never;
      }),
    ),
    asyncio.TimeoutError,
  );
  const results: string[] = [];
  await new asyncio.TaskGroup().run(async (group) => {
    group.createTask(async () => results.push('child'));
  });
  assert.deepEqual(results, ['child']);
});

test('run() in plain code has a loop of its own beside the ambient one', async () => {
  const ambient = asyncio.getRunningLoop();
  const task = asyncio.createTask(async () => [asyncio.getRunningLoop()]);
  const [loop] = await asyncio.run(async () => [asyncio.getRunningLoop()]);
  assert.notEqual(loop, ambient);
  assert.equal((await task)[0], ambient);
});

test('an error that would stop a loop is reported on the ambient one, which goes on', async () => {
  const loop = asyncio.getRunningLoop();
  const reports: asyncio.ExceptionContext[] = [];
  loop.setExceptionHandler((_, context) => void reports.push(context));
  try {
    const error = new asyncio.KeyboardInterrupt();
    loop.callSoon(() => {
      throw error;
    });
    assert.equal(await asyncio.sleep(0, 'on'), 'on');
    assert.deepEqual(
      reports.map(({ exception }) => exception),
      [error],
    );
  } finally {
    loop.setExceptionHandler(null);
  }
});

test('a program that only awaits at the top of a module ends by itself', async () => {
  const top = program('top');
  assert.equal(await top.exitCode(), 0, top.stderr);
  assert.equal(top.stdout, 'slept\n');
});

test('R-EXH-06 a failure that nobody looked at is reported when the process exits', async () => {
  const failing = program('failing');
  assert.equal(await failing.exitCode(), 0);
  assert.equal(failing.stdout, 'end of the program\n');
  assert.match(
    failing.stderr,
    /^Task exception was never retrieved\nfuture: <Task finished .*>.*Error: forgotten/s,
  );
  assert.equal(failing.stderr.match(/never retrieved/g)?.length, 1);
});

test('R-EXH-06 five seconds after a failure, it is reported although the program goes on', async () => {
  const patient = program('five seconds');
  assert.equal(await patient.exitCode(), 0, patient.stderr);
  assert.equal(
    patient.stdout,
    [
      'at 4.5: ',
      'at 5.5: Future exception was never retrieved: late',
      'at the end: looked at in time is not there',
      '',
    ].join('\n'),
  );
});
