// Ctrl-C and SIGTERM, on real processes.

import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { getDefaultHost } from 'tsyncio/lowlevel';
import { Program } from './program.js';

/** Runs `programs/stoppable.ts` with these arguments, and sends each signal once the text before it was printed. */
async function stopped(
  args: string[],
  ...steps: [string, NodeJS.Signals][]
): Promise<{ code: unknown; program: Program }> {
  const program = new Program('stoppable', { args });
  for (const [text, signal] of steps) {
    await program.printed(text);
    program.signal(signal);
  }
  return { code: await program.exitCode(), program };
}

for (const kind of ['async', 'generator']) {
  for (const [signal, code, name] of [
    ['SIGINT', 130, 'KeyboardInterrupt'],
    ['SIGTERM', 143, 'SystemExit'],
  ] as const) {
    test(`R-RUN-10 ${signal} cancels main, whose finally runs and may wait; exit code ${code} (${kind})`, async () => {
      const outcome = await stopped([kind, 'obedient', 'uncaught'], ['ready\n', signal]);
      assert.equal(outcome.program.stdout, 'ready\ncleaned up\n');
      assert.equal(outcome.code, code, outcome.program.stderr);
      assert.match(outcome.program.stderr, new RegExp(`^${name}\\b`, 'm'));
    });

    test(`R-RUN-11 main was cancelled by ${signal} alone: run() throws ${name} (${kind})`, async () => {
      const outcome = await stopped([kind, 'obedient', 'caught'], ['ready\n', signal]);
      assert.equal(outcome.program.stdout, `ready\ncleaned up\ncaught ${name}\n`);
      assert.equal(outcome.code, 0, outcome.program.stderr);
    });

    test(`R-RUN-11 main that goes on after ${signal} gives its value (${kind})`, async () => {
      const outcome = await stopped([kind, 'swallowing', 'caught'], ['ready\n', signal]);
      assert.equal(outcome.program.stdout, 'ready\nvalue\n');
      assert.equal(outcome.code, 0, outcome.program.stderr);
    });

    test(`R-RUN-11 main that was cancelled by somebody else as well as by ${signal}: CancelledError (${kind})`, async () => {
      const outcome = await stopped([kind, 'cancelled twice', 'caught'], ['ready\n', signal]);
      assert.equal(outcome.program.stdout, 'ready\ncaught CancelledError\n');
      assert.equal(outcome.code, 0, outcome.program.stderr);
    });

    test(`R-RUN-12 a second ${signal} ends the run although main does not (${kind})`, async () => {
      const outcome = await stopped(
        [kind, 'stubborn', 'caught'],
        ['ready\n', signal],
        ['stubborn\n', signal],
      );
      assert.equal(outcome.program.stdout, `ready\nstubborn\ncancelled again\ncaught ${name}\n`);
      assert.equal(outcome.code, 0, outcome.program.stderr);
    });
  }
}

test('the exit code is that of the error that nobody caught, not of an earlier Ctrl-C', async () => {
  const outcome = await stopped(['async', 'obedient', 'another error'], ['ready\n', 'SIGINT']);
  assert.equal(outcome.program.stdout, 'ready\ncleaned up\ncaught KeyboardInterrupt\n');
  assert.equal(outcome.code, 1);
});

for (const [signal, code, name] of [
  ['SIGINT', 130, 'KeyboardInterrupt'],
  ['SIGTERM', 143, 'SystemExit'],
] as const) {
  test(`R-RUN-12 ${signal} while a run closes ends it at once, as ${name}`, async () => {
    const how = 'leaving a task that cleans up';
    const caught = await stopped(['async', how, 'caught'], ['ready\n', signal]);
    assert.equal(caught.program.stdout, `ready\ncaught ${name}\n`);
    assert.equal(caught.code, 0, caught.program.stderr);
    assert.equal((await stopped(['async', how, 'uncaught'], ['ready\n', signal])).code, code);
  });
}

test('a SystemExit of the clean-up sets the exit code', async () => {
  const outcome = await stopped(['async', 'leaving a task that exits', 'uncaught']);
  assert.equal(outcome.code, 4, outcome.program.stderr);
});

test('one Ctrl-C cancels every run() that is open', async () => {
  const outcome = await stopped(['async', 'two runs', 'caught'], ['ready\n', 'SIGINT']);
  assert.equal(outcome.program.stdout, 'ready\nfirst KeyboardInterrupt\nsecond KeyboardInterrupt\n');
  assert.equal(outcome.code, 0, outcome.program.stderr);
});

test('R-RUN-09 after the run, a signal has its default effect again', async () => {
  const outcome = await stopped(['async', 'after the run', 'caught'], ['ready\n', 'SIGTERM']);
  assert.equal(outcome.code, 'SIGTERM');
});

test('R-RUN-09 run() listens while it runs, and stops listening', async () => {
  const counts = () => [process.listenerCount('SIGINT'), process.listenerCount('SIGTERM')];
  assert.deepEqual(counts(), [0, 0]);
  await asyncio.run(async () => assert.deepEqual(counts(), [1, 1]));
  assert.deepEqual(counts(), [0, 0]);
  await assert.rejects(asyncio.run(async () => Promise.reject(new Error('no'))));
  assert.deepEqual(counts(), [0, 0]);
});

test('R-RUN-09 run() leaves a signal alone that the program listens for', async () => {
  const listener = () => {};
  process.on('SIGINT', listener);
  try {
    await asyncio.run(async () => assert.deepEqual(process.listeners('SIGINT'), [listener]));
    assert.deepEqual(process.listeners('SIGINT'), [listener]);
  } finally {
    process.off('SIGINT', listener);
  }
});

test('onStopSignal() of the Node host is null when somebody else listens', () => {
  const host = getDefaultHost();
  const listener = () => {};
  process.on('SIGTERM', listener);
  assert.equal(
    host.onStopSignal?.('SIGTERM', () => {}),
    null,
  );
  process.off('SIGTERM', listener);
  const remove = host.onStopSignal?.('SIGTERM', () => {});
  assert.equal(process.listenerCount('SIGTERM'), 1);
  remove?.();
  assert.equal(process.listenerCount('SIGTERM'), 0);
});
