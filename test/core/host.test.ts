// The host contract: what every host keeps, and what a loop makes of it.

import assert from 'node:assert/strict';
import process from 'node:process';
import { describe, test } from 'node:test';
import * as asyncio from 'tsyncio';
import { getDefaultHost, type Host, setDefaultHost } from 'tsyncio/lowlevel';
import { AutojumpClock, VirtualHost } from 'tsyncio/testing';
import { ManualHost } from './manual-host.js';
import { Program } from './program.js';

// ------------------------------------------------------------------------------------------- every host

const hosts: readonly [string, () => Host][] = [
  ['NodeHost', () => new asyncio.NodeHost()],
  ['VirtualHost', () => new VirtualHost()],
];

for (const [name, make] of hosts) {
  describe(name, () => {
    test('time() is in seconds, and only goes forward', () => {
      const host = make();
      const first = host.time();
      assert.equal(typeof first, 'number');
      assert.ok(host.time() >= first);
      assert.ok(host.clockResolution > 0 && host.clockResolution < 0.01);
    });

    test('soon(), hop() and settled() call once, never at once, in their order', async () => {
      const host = make();
      const order: string[] = [];
      let left = 6;
      await new Promise<void>((resolve) => {
        const note = (what: string) => () => {
          order.push(what);
          left -= 1;
          if (left === 0) resolve();
        };
        host.hop(note('hop 1'));
        host.hop(note('hop 2'));
        host.settled(note('settled 1'));
        host.settled(note('settled 2'));
        host.soon(note('soon 1'));
        host.soon(note('soon 2'));
        order.push('synchronous');
      });
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(order[0], 'synchronous');
      assert.equal(order.length, 7);
      for (const what of ['soon', 'settled', 'hop']) {
        assert.ok(order.indexOf(`${what} 1`) < order.indexOf(`${what} 2`), order.join());
      }
      assert.ok(order.indexOf('soon 2') < order.indexOf('settled 1'), order.join());
      assert.ok(order.indexOf('settled 2') < order.indexOf('hop 1'), order.join());
    });

    test('settled() calls when no microtask is left, also of those that microtasks add', async () => {
      const host = make();
      const order: string[] = [];
      await new Promise<void>((resolve) => {
        host.settled(() => {
          order.push('settled');
          resolve();
        });
        const chain = async () => {
          for (let i = 0; i < 50; i++) await null;
          order.push('chain');
        };
        void chain();
      });
      assert.deepEqual(order, ['chain', 'settled']);
    });
  });
}

test('NodeHost: a timer is set again and again, fires once, and can be cleared', async () => {
  const host = new asyncio.NodeHost();
  const fired: string[] = [];
  await new Promise<void>((resolve) => {
    const cleared = host.timer(() => fired.push('cleared'));
    cleared.set(0);
    cleared.clear();
    cleared.clear();
    const timer = host.timer(() => {
      fired.push('timer');
      // By the time of a later one, the replaced setting would have fired.
      const last = host.timer(resolve);
      last.set(0.002);
    });
    timer.set(3600);
    timer.set(0.001);
  });
  assert.deepEqual(fired, ['timer']);
});

test('NodeHost: hop() lets the platform’s own timers and callbacks run', async () => {
  const host = new asyncio.NodeHost();
  let platform = false;
  setTimeout(() => {
    platform = true;
  }, 0);
  let hops = 0;
  await new Promise<void>((resolve) => {
    const again = () => {
      hops += 1;
      if (platform || hops > 1_000_000) resolve();
      else host.hop(again);
    };
    again();
  });
  assert.equal(platform, true);
});

test('NodeHost: several hosts share one listener for the end of the process', () => {
  const before = process.listenerCount('beforeExit');
  const removals = [new asyncio.NodeHost(), new asyncio.NodeHost()].map((host) => host.onQuiet(() => false));
  assert.ok(process.listenerCount('beforeExit') <= before + 1);
  for (const remove of removals) remove();
  assert.equal(process.listenerCount('beforeExit'), before);
});

test('VirtualHost: wait() makes the time pass, and says whether there was anything to wait for', () => {
  const host = new VirtualHost({ clock: new AutojumpClock(100) });
  assert.equal(host.time(), 100);
  assert.equal(host.wait(2.5), true);
  assert.equal(host.time(), 102.5);
  assert.equal(host.wait(0), true);
  assert.equal(host.wait(null), false);
  assert.equal(host.time(), 102.5);
});

test('the default host is the platform’s, and can be set', () => {
  const host = getDefaultHost();
  assert.ok(host instanceof asyncio.NodeHost);
  const mine = new ManualHost();
  setDefaultHost(mine);
  try {
    const loop = new asyncio.EventLoop();
    assert.equal(loop.time(), 0);
    loop.close();
  } finally {
    setDefaultHost(host);
  }
});

test('tsyncio/core alone has no host, and says what to do', async () => {
  const program = new Program('no-host');
  assert.equal(await program.exitCode(), 0, program.stderr);
  assert.equal(
    program.stdout,
    'RuntimeError: Cannot create an event loop: no host is registered: import "tsyncio", or pass { host } to the EventLoop\n',
  );
});

test('the browser host keeps the contract, and runs programs of both kinds', async () => {
  const program = new Program('in-a-browser', { node: ['--conditions=browser'] });
  assert.equal(await program.exitCode(), 0, program.stderr);
  assert.equal(
    program.stdout,
    [
      'host: BrowserHost',
      'calls: synchronous, soon, microtasks, hop, settled, timer',
      'generator: a b c',
      'async: a b c',
      'cancelled: CancelledError',
      'timeout: TimeoutError',
      'task: the current one',
      '',
    ].join('\n'),
  );
});

test('a loop goes on when the platform’s timers are replaced after import', async () => {
  const { setTimeout, setImmediate, queueMicrotask } = globalThis;
  const fake = () => assert.fail('a fake timer was called');
  Object.assign(globalThis, { setTimeout: fake, setImmediate: fake, queueMicrotask: fake });
  try {
    assert.equal(await asyncio.run(async () => await asyncio.sleep('1ms', 'on')), 'on');
  } finally {
    Object.assign(globalThis, { setTimeout, setImmediate, queueMicrotask });
  }
});

// ------------------------------------------------------------------------------ what a loop makes of it

/** Runs a loop on a host that is moved by hand. */
function manual(): { host: ManualHost; loop: asyncio.EventLoop; running: Promise<void> } {
  const host = new ManualHost();
  const loop = new asyncio.EventLoop({ host });
  return { host, loop, running: loop.runForever() };
}

/** Ends the run, and closes the loop. */
async function end({ loop, running }: ReturnType<typeof manual>): Promise<void> {
  loop.stop();
  await running;
  loop.close();
}

test('N-12 a platform timer that fires early runs nothing, and is set again for the rest', async () => {
  const subject = manual();
  const { host, loop } = subject;
  let ran = 0;
  loop.callLater(10, () => ran++);
  await host.settle();
  assert.deepEqual(host.delays, [10]);
  await host.pass(4);
  await host.fireEarly();
  assert.equal(ran, 0);
  assert.deepEqual(host.delays, [10, 6]);
  await host.pass(6);
  assert.equal(ran, 1);
  await end(subject);
});

test('N-12 a delay of more than a day is waited for a day at a time', async () => {
  const subject = manual();
  const { host, loop } = subject;
  let ranAt = -1;
  loop.callLater(200_000, () => {
    ranAt = loop.time();
  });
  await host.pass(250_000);
  assert.equal(ranAt, 200_000);
  assert.deepEqual(host.delays, [86_400, 86_400, 27_200]);
  await end(subject);
});

test('the platform’s timer is set anew for an earlier deadline, and left alone for a later one', async () => {
  const subject = manual();
  const { host, loop } = subject;
  const order: string[] = [];
  loop.callLater(10, () => order.push('ten'));
  await host.settle();
  loop.callLater(20, () => order.push('twenty'));
  await host.settle();
  assert.deepEqual(host.delays, [10]);
  loop.callLater(5, () => order.push('five'));
  await host.settle();
  assert.deepEqual(host.delays, [10, 5]);
  await host.pass(20);
  assert.deepEqual(order, ['five', 'ten', 'twenty']);
  await end(subject);
});

test('a loop with nothing scheduled sets no timer, and a cancelled one does not wake it for anything', async () => {
  const subject = manual();
  const { host, loop } = subject;
  await host.settle();
  assert.deepEqual(host.delays, []);
  const timer = loop.callLater(5, () => assert.fail('it was cancelled'));
  await host.settle();
  timer.cancel();
  await host.pass(10);
  assert.equal(host.timers.size, 0);
  await end(subject);
});

test('a run that ends clears the platform’s timer', async () => {
  const subject = manual();
  const { host, loop } = subject;
  loop.callLater(1000, () => {});
  await host.settle();
  assert.equal(host.timers.size, 1);
  await end(subject);
  assert.equal(host.timers.size, 0);
});

/** Runs `main` on a host that is moved by hand; `drive` moves it. Gives what was logged. */
async function logged(
  main: () => Promise<void>,
  drive: (host: ManualHost, loop: asyncio.EventLoop) => Promise<void>,
): Promise<string[]> {
  const host = new ManualHost();
  const loop = new asyncio.EventLoop({ host });
  const logs: string[] = [];
  const log = (message: string) => void logs.push(message);
  const outer = asyncio.setLogger({ debug: log, info: log, warn: log, error: log });
  try {
    const running = asyncio.run(main, { loopFactory: () => loop });
    await drive(host, loop);
    await running;
  } finally {
    asyncio.setLogger(outer);
  }
  return logs;
}

test('a cancelled task that a foreign promise still holds after a second is logged, once', async () => {
  let release!: () => void;
  const foreign = new Promise<void>((resolve) => {
    release = resolve;
  });
  let task!: asyncio.Task<void>;
  const logs = await logged(
    async () => {
      task = asyncio.createTask(
        async () => {
          await foreign;
        },
        { name: 'held' },
      );
      await asyncio.sleep(0);
      task.cancel();
      await asyncio.wait([task]);
    },
    async (host) => {
      await host.settle();
      await host.pass(0.9);
      await host.pass(10);
      release();
      await host.settle();
    },
  );
  assert.equal(task.cancelled(), true);
  assert.equal(logs.length, 1, logs.join('\n'));
  assert.match(
    logs[0]!,
    /^<Task cancelling name='held'.*> was cancelled, but is awaiting a promise that tsyncio cannot interrupt: pass currentSignal\(\) or use wrapPromise\(\)$/,
  );
});

test('a cancelled task that a foreign promise lets go within a second is not logged', async () => {
  let release!: () => void;
  const foreign = new Promise<void>((resolve) => {
    release = resolve;
  });
  const logs = await logged(
    async () => {
      const task = asyncio.createTask(async () => {
        await foreign;
      });
      await asyncio.sleep(0);
      task.cancel();
      await asyncio.wait([task]);
    },
    async (host) => {
      await host.settle();
      await host.pass(0.9);
      release();
      await host.settle();
      await host.pass(10);
    },
  );
  assert.deepEqual(logs, []);
});

test('a run() that has waited five seconds for its tasks while closing names them', async () => {
  let release!: () => void;
  const foreign = new Promise<void>((resolve) => {
    release = resolve;
  });
  const logs = await logged(
    async () => {
      asyncio.createTask(
        async () => {
          try {
            await asyncio.sleep(3600);
          } finally {
            await foreign;
          }
        },
        { name: 'slow to go' },
      );
      await asyncio.sleep(0);
    },
    async (host) => {
      await host.settle();
      await host.pass(4.9);
      await host.pass(1);
      release();
      await host.settle();
    },
  );
  assert.equal(logs.length, 1, logs.join('\n'));
  assert.match(
    logs[0]!,
    /^run\(\) is closing, and has waited 5 seconds for:\n {2}<Task cancelling name='slow to go'/,
  );
});
