import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { AutojumpClock, TestLoop, type VirtualClock, VirtualHost } from 'tsyncio/testing';
import { both, isError, RecordingClock, thrown, thrownBy } from './both-kinds.js';
import { onEachLoop, onVirtualLoop, rejection } from './each-loop.js';

const { RuntimeError, ValueError, KeyboardInterrupt, SystemExit } = asyncio;

// ------------------------------------------------------------------------------------- ready handles

onEachLoop('R-LOOP-01 callSoon() callbacks run once each, first in, first out', async ({ loop, once }) => {
  const order: string[] = [];
  for (const name of ['a', 'b', 'c']) loop.callSoon(() => order.push(name));
  assert.deepEqual(order, []);
  await once();
  await once();
  assert.deepEqual(order, ['a', 'b', 'c']);
});

onEachLoop(
  'R-LOOP-02 an iteration runs what was ready when it began, and no more',
  async ({ loop, once }) => {
    const order: string[] = [];
    loop.callSoon(() => {
      order.push('a');
      loop.callSoon(() => order.push('later'));
    });
    loop.callSoon(() => order.push('b'));
    await once();
    assert.deepEqual(order, ['a', 'b']);
    await once();
    assert.deepEqual(order, ['a', 'b', 'later']);
  },
);

onVirtualLoop(
  'R-LOOP-03 in an iteration, what was ready runs before timers that fell due',
  async ({ loop, clock }) => {
    loop.slowCallbackDuration = 10;
    const order: string[] = [];
    loop.callAt(5, () => order.push('timer'));
    loop.callAt(5, () => loop.stop());
    loop.callAt(4, () => {
      clock.wait(1);
      loop.callSoon(() => order.push('ready'));
    });
    await loop.runForever();
    assert.deepEqual(order, ['ready', 'timer']);
  },
);

onVirtualLoop('R-LOOP-04 the wait is 0 when something is ready', async ({ loop, clock }) => {
  loop.callAt(9, () => {});
  loop.callSoon(() => loop.stop());
  await loop.runForever();
  assert.deepEqual(clock.waits, [0]);
});

onVirtualLoop('R-LOOP-04 the wait is 0 when stop() was called', async ({ loop, clock, once }) => {
  loop.callAt(9, () => {});
  await once();
  assert.deepEqual(clock.waits, [0]);
});

onVirtualLoop(
  'R-LOOP-04 the wait goes to the earliest timer, and is never negative',
  async ({ loop, clock }) => {
    loop.callAt(9, () => loop.stop());
    loop.callAt(2.5, () => {});
    loop.callAt(-3, () => {});
    await loop.runForever();
    assert.deepEqual(clock.waits, [0, 2.5, 6.5]);
  },
);

onVirtualLoop('R-LOOP-04 the wait is a day at most', async ({ loop, clock }) => {
  loop.callAt(100_000, () => loop.stop());
  await loop.runForever();
  assert.deepEqual(clock.waits, [86_400, 13_600]);
  assert.equal(loop.time(), 100_000);
});

test('R-LOOP-04 the wait is null when there is nothing to wait for', () => {
  const clock = new RecordingClock();
  const loop = new TestLoop({ clock });
  isError(
    thrownBy(() => loop.runSync(loop.createFuture())),
    asyncio.DeadlockError,
  );
  assert.deepEqual(clock.waits, [null]);
  loop.close();
});

// -------------------------------------------------------------------------------------------- timers

onVirtualLoop('R-LOOP-05 timers run in the order of their deadlines', async ({ loop }) => {
  const order: number[] = [];
  for (const when of [3, 1, 2, 0.5]) loop.callAt(when, () => order.push(when));
  loop.callAt(4, () => loop.stop());
  await loop.runForever();
  assert.deepEqual(order, [0.5, 1, 2, 3]);
});

onVirtualLoop('timers with one deadline run in the order in which they were set', async ({ loop }) => {
  const order: number[] = [];
  for (let i = 0; i < 8; i++) loop.callAt(1, () => order.push(i));
  loop.callAt(1, () => loop.stop());
  await loop.runForever();
  assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7]);
});

/** A clock that wakes the loop too early, as platforms do. */
class EarlyClock implements VirtualClock {
  now = 0;
  waits = 0;

  time(): number {
    return this.now;
  }

  wait(timeout: number | null): void {
    this.waits += 1;
    if (timeout !== null) this.now += timeout > 0.5 ? timeout / 2 : timeout;
  }
}

test('R-LOOP-06 a timer never runs before its deadline, however early the platform wakes the loop', async () => {
  const clock = new EarlyClock();
  const loop = new asyncio.EventLoop({ host: new VirtualHost({ clock }) });
  let ranAt = -1;
  loop.callAt(4, () => {
    ranAt = loop.time();
    loop.stop();
  });
  await loop.runForever();
  assert.equal(ranAt, 4);
  assert.equal(clock.waits, 4);
  loop.close();
});

test('R-LOOP-06 a timer is due within the resolution of the clock', async () => {
  const host = Object.defineProperty(new VirtualHost(), 'clockResolution', { value: 0.5 });
  const loop = new asyncio.EventLoop({ host });
  const ran: string[] = [];
  loop.callAt(0.4, () => ran.push('within'));
  loop.callAt(0.5, () => ran.push('at the edge'));
  loop.callSoon(() => loop.stop());
  await loop.runForever();
  loop.stop();
  await loop.runForever();
  assert.deepEqual(ran, ['within']);
  loop.close();
});

test('R-LOOP-06 a timer is due where the resolution is lost in rounding', async () => {
  const clock = new AutojumpClock(2 ** 50);
  const loop = new asyncio.EventLoop({ host: new VirtualHost({ clock }) });
  const ran: string[] = [];
  loop.callAt(2 ** 50, () => ran.push('timer'));
  loop.stop();
  await loop.runForever();
  assert.deepEqual(ran, ['timer']);
  loop.close();
});

onEachLoop(
  'R-LOOP-08 a cancelled handle is skipped, and takes its place in the iteration',
  async ({ loop, once }) => {
    const order: string[] = [];
    loop.callSoon(() => {
      order.push('a');
      second.cancel();
      loop.callSoon(() => order.push('next'));
    });
    const second = loop.callSoon(() => order.push('b'));
    loop.callSoon(() => order.push('c'));
    await once();
    assert.deepEqual(order, ['a', 'c']);
    await once();
    assert.deepEqual(order, ['a', 'c', 'next']);
  },
);

onVirtualLoop('a cancelled timer never runs, and the loop does not wait for it', async ({ loop, clock }) => {
  const early = loop.callAt(1, () => assert.fail('it was cancelled'));
  const late = loop.callAt(3, () => assert.fail('it was cancelled'));
  loop.callAt(2, () => {
    late.cancel();
    loop.callAt(5, () => loop.stop());
  });
  early.cancel();
  await loop.runForever();
  assert.deepEqual(clock.waits, [2, 3]);
});

onVirtualLoop('R-LOOP-10 callLater() is callAt() from now on', async ({ loop, clock }) => {
  clock.wait(10);
  assert.equal(loop.callLater(2, () => {}).when(), 12);
  assert.equal(loop.callLater('250ms', () => {}).when(), 10.25);
  assert.equal(loop.callLater(-1, () => {}).when(), 9);
});

onVirtualLoop('R-LOOP-10 a negative delay is due in the next iteration', async ({ loop, once }) => {
  const ran: string[] = [];
  loop.callLater(-5, () => ran.push('timer'));
  await once();
  assert.deepEqual(ran, ['timer']);
});

onVirtualLoop('R-LOOP-11 callLater(0) runs after what was ready before', async ({ loop, once }) => {
  const order: string[] = [];
  loop.callLater(0, () => order.push('timer'));
  loop.callSoon(() => order.push('ready'));
  await once();
  assert.deepEqual(order, ['ready', 'timer']);
});

onEachLoop('R-LOOP-12 a missing delay or deadline is a TypeError', ({ loop }) => {
  const nothing = null as unknown as number;
  isError(
    thrownBy(() => loop.callLater(nothing, () => {})),
    TypeError,
    'delay must not be None',
  );
  isError(
    thrownBy(() => loop.callAt(nothing, () => {})),
    TypeError,
    'when cannot be None',
  );
});

onEachLoop('callLater(), callAt() refuse NaN and what is no time', ({ loop }) => {
  for (const call of [
    () => loop.callLater(Number.NaN, () => {}),
    () => loop.callLater('soon' as never, () => {}),
    () => loop.callAt(Number.NaN, () => {}),
  ]) {
    isError(thrownBy(call), ValueError);
  }
  isError(
    thrownBy(() => loop.callAt('2s' as never, () => {})),
    TypeError,
  );
  isError(
    thrownBy(() => loop.callLater({} as never, () => {})),
    TypeError,
  );
});

onEachLoop('callSoon() and callLater() refuse what is no function', ({ loop }) => {
  for (const call of [
    () => loop.callSoon('f' as never),
    () => loop.callSoonThreadsafe(null as never),
    () => loop.callLater(1, undefined as never),
    () => loop.callAt(1, 5 as never),
  ]) {
    isError(thrownBy(call), TypeError, /^a callable object was expected by /);
  }
});

test('a virtual clock has nothing to wait for in a timer that never falls due', () => {
  const clock = new (class extends RecordingClock {
    override wait(timeout: number | null): void {
      super.wait(timeout);
      if (this.waits.length > 10) throw new Error('it waits for ever');
    }
  })();
  const loop = new TestLoop({ clock });
  loop.setExceptionHandler(() => {});
  isError(
    thrownBy(() => loop.runSync(asyncio.sleep(Number.POSITIVE_INFINITY))),
    asyncio.DeadlockError,
  );
  loop.close();
});

// --------------------------------------------------------------------------------- closing and stopping

onEachLoop('R-LOOP-13 a closed loop refuses everything', ({ loop }) => {
  loop.close();
  const nothing = () => {};
  function* coro(): asyncio.Coro<void> {}
  for (const call of [
    () => loop.callSoon(nothing),
    () => loop.callSoonThreadsafe(nothing),
    () => loop.callLater(1, nothing),
    () => loop.callAt(1, nothing),
    () => loop.createTask(coro()),
    () => loop.createTask(async () => {}),
    () => loop.runForever(),
    () => loop.runUntilComplete(coro),
    () => loop.runUntilComplete(loop.createFuture()),
  ]) {
    isError(thrownBy(call), RuntimeError, 'Event loop is closed');
  }
});

onEachLoop(
  'R-LOOP-14 stop() ends the run after the iteration; what that adds stays',
  async ({ loop, once }) => {
    const order: string[] = [];
    loop.callSoon(() => {
      order.push('a');
      loop.stop();
      loop.callSoon(() => order.push('c'));
      loop.callSoon(() => order.push('d'));
    });
    loop.callSoon(() => order.push('b'));
    await loop.runForever();
    assert.deepEqual(order, ['a', 'b']);
    await once();
    assert.deepEqual(order, ['a', 'b', 'c', 'd']);
  },
);

onEachLoop('R-LOOP-15 stop() before runForever(): one iteration', async ({ loop }) => {
  const order: string[] = [];
  loop.callSoon(() => {
    order.push('a');
    loop.callSoon(() => order.push('b'));
  });
  loop.stop();
  await loop.runForever();
  assert.deepEqual(order, ['a']);
  assert.equal(loop.isRunning(), false);
});

onVirtualLoop('R-LOOP-15 that iteration does not wait', async ({ loop, clock }) => {
  loop.callAt(5, () => assert.fail('it is not due'));
  loop.stop();
  await loop.runForever();
  assert.deepEqual(clock.waits, [0]);
});

onEachLoop('R-LOOP-16 a loop that runs cannot be run again', async ({ loop }) => {
  const errors: unknown[] = [];
  loop.callSoon(() => {
    assert.equal(loop.isRunning(), true);
    errors.push(thrownBy(() => loop.runForever()));
    errors.push(thrownBy(() => loop.runUntilComplete(loop.createFuture())));
    loop.stop();
  });
  const running = loop.runForever();
  errors.push(thrownBy(() => loop.runForever()));
  await running;
  assert.equal(errors.length, 3);
  for (const error of errors) isError(error, RuntimeError, 'This event loop is already running');
});

onEachLoop('two loops run side by side', async ({ loop }) => {
  const other = new asyncio.EventLoop();
  const order: string[] = [];
  other.callSoon(() => {
    order.push('other');
    loop.callSoon(() => loop.stop());
    other.stop();
  });
  await Promise.all([loop.runForever(), other.runForever()]);
  assert.deepEqual(order, ['other']);
  other.close();
});

onEachLoop(
  'R-LOOP-17 runUntilComplete() gives the result of a future, a coroutine, a function',
  async ({ loop }) => {
    const future = loop.createFuture<string>();
    loop.callSoon(() => future.setResult('future'));
    function* coro(): asyncio.Coro<string> {
      yield;
      return 'coroutine';
    }
    assert.equal(await loop.runUntilComplete(future), 'future');
    assert.equal(await loop.runUntilComplete(coro()), 'coroutine');
    assert.equal(await loop.runUntilComplete(new asyncio.Coroutine(coro())), 'coroutine');
    assert.equal(await loop.runUntilComplete(coro), 'coroutine');
    assert.equal(await loop.runUntilComplete(async () => 'async'), 'async');
    assert.equal(await loop.runUntilComplete(Promise.resolve('promise')), 'promise');
  },
);

onEachLoop('R-LOOP-17 runUntilComplete() throws the exception', async ({ loop }) => {
  const error = new Error('no');
  const failing = () =>
    (function* (): asyncio.Coro<void> {
      yield;
      throw error;
    })();
  assert.equal(await rejection(loop.runUntilComplete(failing())), error);
  assert.equal(await rejection(loop.runUntilComplete(async () => Promise.reject(error))), error);
  const cancelled = loop.createFuture();
  cancelled.cancel('enough');
  isError(await rejection(loop.runUntilComplete(cancelled)), asyncio.CancelledError, 'enough');
});

onEachLoop(
  'R-LOOP-17 runUntilComplete() refuses what cannot be awaited, and another loop’s future',
  ({ loop }) => {
    isError(
      thrownBy(() => loop.runUntilComplete(5 as never)),
      TypeError,
      'An asyncio.Future, a coroutine or an awaitable is required',
    );
    const other = new asyncio.EventLoop();
    isError(
      thrownBy(() => loop.runUntilComplete(other.createFuture())),
      ValueError,
      'The future belongs to a different loop than the one specified as the loop argument',
    );
    other.close();
  },
);

onEachLoop(
  'runUntilComplete() refuses to hand over a future, which its promise would await',
  async ({ loop }) => {
    isError(
      await rejection(
        loop.runUntilComplete(
          (function* (): asyncio.Coro<unknown> {
            return loop.createFuture();
          })(),
        ),
      ),
      TypeError,
      /^Cannot hand over <Future pending.*put it in an array$/,
    );
  },
);

onEachLoop(
  'R-LOOP-18 a run that is stopped too soon fails, and lets go of the future',
  async ({ loop, once }) => {
    const future = loop.createFuture<number>();
    loop.callSoon(() => loop.stop());
    isError(
      await rejection(loop.runUntilComplete(future)),
      RuntimeError,
      'Event loop stopped before Future completed.',
    );
    assert.equal(String(future).includes('cb='), false);
    // Were the callback still there, this would stop a later run before its time.
    future.setResult(1);
    let ran = false;
    loop.callSoon(() =>
      loop.callSoon(() =>
        loop.callSoon(() => {
          ran = true;
          loop.stop();
        }),
      ),
    );
    await loop.runForever();
    assert.equal(ran, true);
    await once();
  },
);

onEachLoop(
  'R-LOOP-19 what becomes ready with the end of the run stays for the next',
  async ({ loop, once }) => {
    const order: string[] = [];
    const future = loop.createFuture<string>();
    loop.callSoon(() => future.setResult('done'));
    const running = loop.runUntilComplete(future);
    // In the iteration in which the run's own callback runs, after it.
    future.addDoneCallback(() => {
      order.push('same iteration');
      loop.callSoon(() => order.push('next run'));
    });
    assert.equal(await running, 'done');
    assert.deepEqual(order, ['same iteration']);
    await once();
    assert.deepEqual(order, ['same iteration', 'next run']);
  },
);

for (const [name, make] of [
  ['KeyboardInterrupt', () => new KeyboardInterrupt()],
  ['SystemExit', () => new SystemExit(3)],
] as const) {
  onEachLoop(
    `R-LOOP-20 ${name} of a task leaves the loop at once, and is not reported again`,
    async ({ loop, once }) => {
      const error = make();
      const order: string[] = [];
      function* coro(): asyncio.Coro<void> {
        order.push('coroutine');
        throw error;
      }
      const running = loop.runUntilComplete(coro());
      loop.callSoon(() => order.push('behind it'));
      assert.equal(await rejection(running), error);
      assert.deepEqual(order, ['coroutine']);
      assert.equal(loop.isRunning(), false);
      await once();
      assert.deepEqual(order, ['coroutine', 'behind it']);
    },
  );

  onEachLoop(
    `R-LOOP-20 ${name} of an async function leaves the loop, and is not reported again`,
    async ({ loop }) => {
      const error = make();
      assert.equal(
        await rejection(
          loop.runUntilComplete(async () => {
            await asyncio.sleep(0);
            throw error;
          }),
        ),
        error,
      );
      assert.equal(loop.isRunning(), false);
      assert.equal(await loop.runUntilComplete(async () => 'again'), 'again');
    },
  );

  onEachLoop(
    `R-LOOP-23 ${name} in a callback leaves the loop, which can be run again`,
    async ({ loop, once }) => {
      const error = make();
      const order: string[] = [];
      loop.callSoon(() => {
        throw error;
      });
      loop.callSoon(() => order.push('behind it'));
      assert.equal(await rejection(loop.runForever()), error);
      assert.deepEqual(order, []);
      assert.equal(loop.isRunning(), false);
      assert.equal(loop.isClosed(), false);
      await once();
      assert.deepEqual(order, ['behind it']);
    },
  );

  onEachLoop(`runUntilComplete() gives a ${name} that is a result like any other`, async ({ loop }) => {
    const value = make();
    const future = loop.createFuture<unknown>();
    loop.callSoon(() => future.setResult(value));
    assert.equal(await loop.runUntilComplete(future), value);
  });
}

onEachLoop('R-LOOP-21 a running loop cannot be closed', async ({ loop }) => {
  let error: unknown;
  loop.callSoon(() => {
    error = thrownBy(() => loop.close());
    loop.stop();
  });
  await loop.runForever();
  isError(error, RuntimeError, 'Cannot close a running event loop');
  assert.equal(loop.isClosed(), false);
});

onVirtualLoop('R-LOOP-21 close() drops what is scheduled, and may be called twice', async ({ loop }) => {
  loop.callSoon(() => assert.fail('dropped'));
  loop.callLater(0, () => assert.fail('dropped'));
  loop.close();
  loop.close();
  assert.equal(loop.isClosed(), true);
  await new Promise((resolve) => setImmediate(resolve));
});

onEachLoop('R-LOOP-27 callSoonThreadsafe() is in line with callSoon()', async ({ loop, once }) => {
  const order: string[] = [];
  loop.callSoon(() => order.push('a'));
  loop.callSoonThreadsafe(() => order.push('b'));
  loop.callSoon(() => order.push('c'));
  await once();
  assert.deepEqual(order, ['a', 'b', 'c']);
});

for (const method of ['callSoon', 'callSoonThreadsafe'] as const) {
  for (const [how, later] of [
    ['a macrotask', (wake: () => void) => setImmediate(wake)],
    ['a microtask', (wake: () => void) => setImmediate(() => queueMicrotask(wake))],
  ] as const) {
    test(`R-LOOP-27 N-08 ${method}() from ${how} of the platform wakes a sleeping loop`, async () => {
      const loop = new asyncio.EventLoop();
      const timer = loop.callLater('1h', () => assert.fail('woken by the timer'));
      later(() => loop[method](() => loop.stop()));
      await loop.runForever();
      timer.cancel();
      loop.close();
    });
  }
}

test('R-LOOP-27 stop() and a new timer wake a sleeping loop', async () => {
  const loop = new asyncio.EventLoop();
  setImmediate(() => loop.callLater(0, () => setImmediate(() => loop.stop())));
  await loop.runForever();
  loop.close();
});

test('N-11 handles that are always ready do not starve the platform', async () => {
  const loop = new asyncio.EventLoop();
  let turns = 0;
  let platform = false;
  const again = () => {
    turns += 1;
    if (platform || turns > 5_000_000) loop.stop();
    else loop.callSoon(again);
  };
  loop.callSoon(again);
  setImmediate(() => {
    platform = true;
  });
  await loop.runForever();
  assert.equal(platform, true);
  loop.close();
});

test('N-11 tasks of async functions that are always ready do not starve the platform', async () => {
  let platform = false;
  setImmediate(() => {
    platform = true;
  });
  let turns = 0;
  await asyncio.run(async () => {
    while (!platform && turns < 1_000_000) {
      turns += 1;
      await asyncio.sleep(0);
    }
  });
  assert.equal(platform, true);
});

test('R-LOOP-37 time() only goes forward', () => {
  const loop = new asyncio.EventLoop();
  let last = loop.time();
  for (let i = 0; i < 1000; i++) {
    const now = loop.time();
    assert.ok(now >= last);
    last = now;
  }
  loop.close();
});

onVirtualLoop('R-LOOP-37 time() is the host’s, in seconds', async ({ loop, clock }) => {
  assert.equal(loop.time(), clock.time());
  clock.wait(1.5);
  assert.equal(loop.time(), 1.5);
});

// -------------------------------------------------------------------------------------- tasks of a loop

onEachLoop('R-LOOP-31 setTaskFactory() refuses what is neither a function nor null', ({ loop }) => {
  isError(
    thrownBy(() => loop.setTaskFactory(5 as never)),
    TypeError,
    'task factory must be a callable or None',
  );
  assert.equal(loop.getTaskFactory(), null);
});

both(
  'R-LOOP-31 createTask() calls the factory with loop, coroutine and options',
  function* ({ loop, go, wait }) {
    const calls: unknown[][] = [];
    class MyTask<T> extends asyncio.Task<T> {}
    const factory: asyncio.TaskFactory = (each, coro, options) => {
      calls.push([each, coro, options]);
      return new MyTask(coro, { ...options, loop: each });
    };
    loop.setTaskFactory(factory);
    assert.equal(loop.getTaskFactory(), factory);
    const coro = go(function* () {
      return 'value';
    });
    const task = loop.createTask(coro, { name: 'mine' });
    assert.ok(task instanceof MyTask);
    assert.equal(calls.length, 1);
    assert.equal(calls[0]?.[0], loop);
    assert.equal(calls[0]?.[1], coro);
    assert.deepEqual(calls[0]?.[2], { name: 'mine' });
    assert.equal(yield* wait(task), 'value');
    assert.equal(task.getName(), 'mine');
    loop.setTaskFactory(null);
    assert.equal(loop.getTaskFactory(), null);
    const plain = asyncio.createTask(coro);
    assert.equal(plain.constructor, asyncio.Task);
    yield* wait(plain);
  },
);

both('createFuture() makes a pending future of the loop', function* ({ loop, wait }) {
  const future = loop.createFuture<string>();
  assert.equal(future.getLoop(), loop);
  loop.callSoon(() => future.setResult('value'));
  assert.equal(yield* wait(future), 'value');
});

both('a coroutine that fails in its loop leaves the loop running', function* ({ go, wait }) {
  const error = new Error('no');
  const task = asyncio.createTask(
    go(function* () {
      throw error;
    }),
  );
  assert.equal(yield* thrown(wait(task)), error);
  assert.equal(yield* wait(asyncio.sleep(1, 'on')), 'on');
});

test('toString() of a loop shows its state', async () => {
  const loop = new asyncio.EventLoop();
  assert.equal(String(loop), '<EventLoop running=false closed=false debug=false>');
  loop.callSoon(() => loop.stop());
  const running = loop.runForever();
  assert.equal(String(loop), '<EventLoop running=true closed=false debug=false>');
  await running;
  loop.close();
  loop.setDebug(true);
  assert.equal(String(loop), '<EventLoop running=false closed=true debug=true>');
  loop.setDebug(false);
});

test('runSync() of TestLoop refuses a program with an async function, and names its task', () => {
  const loop = new TestLoop();
  loop.setExceptionHandler(() => {});
  isError(
    thrownBy(() => loop.runSync(async () => {})),
    RuntimeError,
    /^Cannot run synchronously: <Task pending name='Task-\d+'.* runs an async function$/,
  );
  loop.close();
});
