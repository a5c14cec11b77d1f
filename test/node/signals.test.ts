// addSignalHandler() and removeSignalHandler(), with real signals; what a whole process does, on real processes.

import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import { isMainThread, Worker } from 'node:worker_threads';
import * as asyncio from 'tsyncio';
import { isError, thrownBy } from '../core/both-kinds.js';
import { Program } from '../core/program.js';
import { inBothKinds } from './in-both-kinds.js';

const send = (signal: NodeJS.Signals) => void process.kill(process.pid, signal);

// ------------------------------------------------------------------------------------------------- what is refused

const refuse = (...args: readonly unknown[]) => {
  const loop = new asyncio.EventLoop();
  try {
    return thrownBy(() => Reflect.apply(loop.addSignalHandler, loop, args));
  } finally {
    loop.close();
  }
};

test('R-LOOP-38 addSignalHandler() refuses coroutines and coroutine functions', () => {
  const functions = [
    function* () {},
    async () => {},
    asyncio.coroutine(async () => {}),
    (function* () {})(),
    asyncio.sleep(0),
  ];
  for (const callback of functions) {
    isError(refuse('SIGHUP', callback), TypeError, 'coroutines cannot be used with addSignalHandler()');
  }
  isError(refuse('SIGHUP', 5), TypeError, /^a callable object was expected by addSignalHandler\(\), got 5/);
});

test('R-LOOP-38 addSignalHandler() and removeSignalHandler() refuse what is no signal', () => {
  for (const signal of [null, undefined, {}, 1.5, Number.NaN, true]) {
    isError(
      refuse(signal, () => {}),
      TypeError,
      /^sig must be the name or the number of a signal, not /,
    );
  }
  for (const signal of ['SIGFOO', 'sighup', 'toString', '__proto__', '', 0, -1, 12345]) {
    isError(
      refuse(signal, () => {}),
      asyncio.ValueError,
      /^invalid signal /,
    );
  }
  const loop = new asyncio.EventLoop();
  isError(
    thrownBy(() => loop.removeSignalHandler('SIGFOO')),
    asyncio.ValueError,
  );
  isError(
    thrownBy(() => loop.removeSignalHandler(null as never)),
    TypeError,
  );
  loop.close();
});

test('R-LOOP-38 a signal that cannot be caught is a RuntimeError, and nothing is kept', () => {
  for (const signal of ['SIGKILL', 'SIGSTOP', 9] as const) {
    const error = refuse(signal, () => assert.fail());
    isError(error, asyncio.RuntimeError, /^sig SIG(KILL|STOP) cannot be caught$/);
  }
  assert.equal(process.listenerCount('SIGKILL'), 0);
});

test('R-LOOP-38 a closed loop refuses handlers', () => {
  const loop = new asyncio.EventLoop();
  loop.close();
  isError(
    thrownBy(() => loop.addSignalHandler('SIGHUP', () => {})),
    asyncio.RuntimeError,
    'Event loop is closed',
  );
  assert.equal(process.listenerCount('SIGHUP'), 0);
});

test('addSignalHandler() in a worker thread is a RuntimeError: signals come to the main thread', async () => {
  assert.ok(isMainThread);
  const source = `
    const { parentPort } = require('node:worker_threads');
    import('tsyncio').then((asyncio) => {
      const loop = new asyncio.EventLoop();
      try { loop.addSignalHandler('SIGHUP', () => {}); } catch (error) { parentPort.postMessage(String(error)); }
    });`;
  const worker = new Worker(source, { eval: true });
  const message = await new Promise((resolve, reject) => worker.on('message', resolve).on('error', reject));
  assert.equal(message, 'RuntimeError: sig SIGHUP cannot be caught');
  await worker.terminate();
});

test('addSignalHandler() on a host without signals is a NotImplementedError', () => {
  const host = {
    clockResolution: 1e-9,
    time: () => 0,
    soon: () => {},
    hop: () => {},
    settled: () => {},
    timer: () => ({ set: () => {}, clear: () => {} }),
  };
  const loop = new asyncio.EventLoop({ host });
  isError(
    thrownBy(() => loop.addSignalHandler('SIGHUP', () => {})),
    asyncio.NotImplementedError,
  );
  isError(
    thrownBy(() => loop.removeSignalHandler('SIGHUP')),
    asyncio.NotImplementedError,
  );
  loop.close();
});

// ------------------------------------------------------------------------------------------------ what a handler does

inBothKinds('R-LOOP-40 a signal wakes a loop that sleeps, and runs the handler', function* ({ wait, loop }) {
  const arrived = new asyncio.Event();
  loop.addSignalHandler('SIGUSR2', () => arrived.set());
  send('SIGUSR2');
  yield* wait(arrived.wait());
});

inBothKinds('R-LOOP-38 the handler runs through the ready queue, in its turn', function* ({ wait, loop }) {
  const order: string[] = [];
  loop.addSignalHandler('SIGUSR2', () => order.push('handler'));
  loop.callSoon(() => order.push('before'));
  process.emit('SIGUSR2');
  loop.callSoon(() => order.push('after'));
  assert.deepEqual(order, []);
  yield* wait(asyncio.sleep(0));
  assert.deepEqual(order, ['before', 'handler', 'after']);
});

inBothKinds(
  'R-LOOP-38 every arrival runs the handler, with no argument, on its loop and in no task',
  function* ({ wait, loop }) {
    const seen: unknown[] = [];
    const variable = new asyncio.ContextVar<string>('variable');
    variable.set('of the one who added it');
    loop.addSignalHandler(12, (...args: unknown[]) => {
      seen.push([args.length, asyncio.getRunningLoop() === loop, asyncio.currentTask(), variable.get()]);
    });
    variable.set('later');
    for (let i = 0; i < 3; i++) process.emit('SIGUSR2');
    yield* wait(asyncio.sleep(0));
    assert.deepEqual(seen, Array(3).fill([0, true, null, 'of the one who added it']));
  },
);

inBothKinds(
  'R-LOOP-38 a second handler replaces the first, also under another name of the signal',
  function* ({ wait, loop }) {
    const calls: string[] = [];
    loop.addSignalHandler('SIGIOT', () => calls.push('first'));
    loop.addSignalHandler('SIGABRT', () => calls.push('second'));
    const name = process.listenerCount('SIGABRT') === 1 ? 'SIGABRT' : 'SIGIOT';
    process.emit(name);
    yield* wait(asyncio.sleep(0));
    assert.deepEqual(calls, ['second']);
  },
);

inBothKinds(
  'an error in the handler goes to the exception handler, and the next signal runs it again',
  function* ({ wait, loop, reports }) {
    loop.addSignalHandler('SIGUSR2', () => {
      throw new Error('in the handler');
    });
    process.emit('SIGUSR2');
    process.emit('SIGUSR2');
    yield* wait(asyncio.sleep(0));
    const taken = reports.splice(0);
    assert.deepEqual(
      taken.map(({ exception }) => (exception as Error).message),
      ['in the handler', 'in the handler'],
    );
    assert.match(String(taken[0]?.message), /^Exception in callback /);
  },
);

inBothKinds(
  'R-LOOP-39 removeSignalHandler() tells whether there was one, and the signal no longer comes',
  function* ({ wait, loop }) {
    let calls = 0;
    assert.equal(loop.removeSignalHandler('SIGUSR2'), false);
    loop.addSignalHandler('SIGUSR2', () => {
      calls += 1;
    });
    assert.equal(process.listenerCount('SIGUSR2'), 1);
    assert.equal(loop.removeSignalHandler(12), true);
    assert.equal(loop.removeSignalHandler('SIGUSR2'), false);
    assert.equal(process.listenerCount('SIGUSR2'), 0);
    process.emit('SIGUSR2');
    yield* wait(asyncio.sleep(0));
    assert.equal(calls, 0);
  },
);

test('R-LOOP-38 closing the loop removes its handlers, and only those', () => {
  const [first, second] = [new asyncio.EventLoop(), new asyncio.EventLoop()];
  const listener = () => {};
  process.on('SIGHUP', listener);
  for (const loop of [first, second]) {
    loop.addSignalHandler('SIGHUP', () => {});
    loop.addSignalHandler('SIGINT', () => {});
  }
  first.close();
  assert.deepEqual([process.listenerCount('SIGHUP'), process.listenerCount('SIGINT')], [2, 1]);
  assert.equal(first.removeSignalHandler('SIGHUP'), false);
  second.close();
  assert.deepEqual(process.listeners('SIGHUP'), [listener]);
  assert.equal(process.listenerCount('SIGINT'), 0);
  process.off('SIGHUP', listener);
});

test('the handlers of several loops all run', async () => {
  const calls: string[] = [];
  const loops = ['first', 'second'].map((name) => {
    const loop = new asyncio.EventLoop();
    loop.addSignalHandler('SIGUSR2', () => {
      calls.push(name);
      loop.stop();
    });
    return loop;
  });
  const running = loops.map((loop) => loop.runForever());
  send('SIGUSR2');
  await Promise.all(running);
  for (const loop of loops) loop.close();
  assert.deepEqual(calls.sort(), ['first', 'second']);
});

// -------------------------------------------------------------------------------------------- beside the run's own

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  inBothKinds(
    `R-LOOP-39 a handler for ${signal} takes the place of what run() does, until it is removed`,
    function* ({ wait, loop }) {
      let calls = 0;
      loop.addSignalHandler(signal, () => {
        calls += 1;
      });
      process.emit(signal);
      yield* wait(asyncio.sleep(0));
      assert.equal(calls, 1);
      assert.equal(asyncio.currentTask()?.cancelling(), 0);
      loop.removeSignalHandler(signal);
      process.emit(signal);
      assert.equal(asyncio.currentTask()?.cancelling(), 1);
      yield* (function* () {
        try {
          yield* wait(asyncio.sleep(0));
          assert.fail();
        } catch (error) {
          assert.ok(asyncio.isCancelledError(error));
        }
      })();
      asyncio.currentTask()?.uncancel();
    },
  );

  test(`a handler for ${signal} on another loop takes that place, too, also when the run began later`, async () => {
    const other = new asyncio.EventLoop();
    let calls = 0;
    other.addSignalHandler(signal, () => {
      calls += 1;
    });
    const main = async () => {
      process.emit(signal);
      await asyncio.sleep(0);
      return 'not cancelled';
    };
    const outcome = await asyncio.run(main).catch((error) => error);
    other.callLater(0, () => other.stop());
    await other.runForever();
    other.close();
    assert.deepEqual([outcome, calls], ['not cancelled', 1]);
    assert.equal(process.listenerCount(signal), 0);
  });
}

// ------------------------------------------------------------------------------------------------------- processes

for (const kind of ['async', 'generator']) {
  test(`R-LOOP-39 after removeSignalHandler() SIGINT is a KeyboardInterrupt again, SIGTERM a SystemExit (${kind})`, async () => {
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const) {
      const program = new Program('handling', { args: [kind, 'removing', signal] });
      await program.printed('ready\n');
      program.signal(signal);
      await program.printed('handled\nremoved\n');
      program.signal(signal);
      assert.equal(await program.exitCode(), code, program.stderr);
      assert.equal(program.stdout, 'ready\nhandled\nremoved\ncleaned up\n');
    }
  });

  test(`R-LOOP-39 after removeSignalHandler() another signal has its default effect (${kind})`, async () => {
    const program = new Program('handling', { args: [kind, 'removing', 'SIGHUP'] });
    await program.printed('ready\n');
    program.signal('SIGHUP');
    await program.printed('handled\nremoved\n');
    program.signal('SIGHUP');
    assert.equal(await program.exitCode(), 'SIGHUP');
  });

  test(`addSignalHandler() keeps the process alive, and a wait for a signal is no deadlock (${kind})`, async () => {
    const program = new Program('handling', { args: [kind, 'waiting', 'SIGUSR2'] });
    await program.printed('ready\n');
    program.signal('SIGUSR2');
    assert.equal(await program.exitCode(), 0, program.stderr);
    assert.equal(program.stdout, 'ready\nhandled\n');
  });
}

test('a handler on the ambient loop keeps the process alive until it is removed', async () => {
  const program = new Program('handling', { args: ['async', 'ambient', 'SIGUSR2'] });
  await program.printed('ready\n');
  program.signal('SIGUSR2');
  assert.equal(await program.exitCode(), 0, program.stderr);
  assert.equal(program.stdout, 'ready\nhandled\n');
});
