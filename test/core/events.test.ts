import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import * as asyncio from 'tsyncio';
import { both, isError, thrownBy } from './both-kinds.js';
import { onEachLoop, onVirtualLoop } from './each-loop.js';

// ------------------------------------------------------------------------------------------- handles

onEachLoop(
  'R-LOOP-24 a cancelled handle does not run, and may be cancelled twice',
  async ({ loop, once }) => {
    const handle = loop.callSoon(() => assert.fail('it was cancelled'));
    assert.equal(handle.cancelled(), false);
    handle.cancel();
    handle.cancel();
    assert.equal(handle.cancelled(), true);
    await once();
  },
);

onEachLoop('R-LOOP-24 a handle that has run can be cancelled, to no effect', async ({ loop, once }) => {
  let runs = 0;
  const handle = loop.callSoon(() => runs++);
  await once();
  handle.cancel();
  await once();
  assert.equal(runs, 1);
});

onEachLoop('R-LOOP-24 a handle can cancel itself while it runs', async ({ loop, once }) => {
  const handle = loop.callSoon(() => handle.cancel());
  await once();
  assert.equal(handle.cancelled(), true);
});

onVirtualLoop(
  'R-LOOP-24 a timer that is due can be cancelled by a handle before it',
  async ({ loop, clock, once }) => {
    const timers = [1, 1].map((when) =>
      loop.callAt(when, () => {
        for (const timer of timers) timer.cancel();
        ran += 1;
      }),
    );
    let ran = 0;
    clock.wait(1);
    await once();
    assert.equal(ran, 1);
  },
);

onVirtualLoop('R-LOOP-25 when() is the deadline on the loop’s clock; compare() orders by it', ({ loop }) => {
  const early = loop.callAt(1.5, () => {});
  const late = loop.callAt(2, () => {});
  assert.equal(early.when(), 1.5);
  assert.ok(early.compare(late) < 0);
  assert.ok(late.compare(early) > 0);
  assert.equal(early.compare(loop.callAt(1.5, () => {})), 0);
});

onEachLoop('R-LOOP-26 a handle runs in a copy of the context that it was made in', async ({ loop, once }) => {
  const variable = new asyncio.ContextVar<string>('variable', { default: 'unset' });
  const context = new asyncio.Context();
  const seen: string[] = [];
  let handle!: asyncio.Handle;
  context.run(() => {
    variable.set('at creation');
    handle = loop.callSoon(() => {
      seen.push(variable.get());
      variable.set('in the handle');
    });
    variable.set('afterwards');
  });
  await once();
  assert.deepEqual(seen, ['at creation']);
  assert.equal(context.get(variable), 'afterwards');
  assert.equal(handle.getContext().get(variable), 'in the handle');
});

for (const method of ['callSoon', 'callSoonThreadsafe', 'callLater', 'callAt'] as const) {
  onEachLoop(`R-LOOP-26 ${method}({ context }) runs in that very context`, async ({ loop }) => {
    const variable = new asyncio.ContextVar<string>('variable');
    const context = new asyncio.Context();
    const callback = () => {
      variable.set('in the handle');
      loop.stop();
    };
    const handle =
      method === 'callLater' || method === 'callAt'
        ? loop[method](0, callback, { context })
        : loop[method](callback, { context });
    assert.equal(handle.getContext(), context);
    await loop.runForever();
    assert.equal(context.get(variable), 'in the handle');
  });
}

onEachLoop('R-LOOP-26 two handles may share a context', async ({ loop, once }) => {
  const variable = new asyncio.ContextVar<number>('variable', { default: 0 });
  const context = new asyncio.Context();
  const count = () => void variable.set(variable.get() + 1);
  loop.callSoon(count, { context });
  loop.callSoon(count, { context });
  await once();
  assert.equal(context.get(variable), 2);
});

function named(): void {}

test('toString() of a handle shows its callback, and whether it is cancelled', () => {
  const loop = new asyncio.EventLoop();
  const handle = loop.callSoon(named);
  assert.equal(String(handle), '<Handle named()>');
  assert.equal(inspect(handle), '<Handle named()>');
  assert.equal(String(loop.callSoon(() => {})), '<Handle <lambda>()>');
  handle.cancel();
  assert.equal(String(handle), '<Handle cancelled>');
  const timer = loop.callAt(123, named);
  assert.equal(String(timer), '<TimerHandle when=123 named()>');
  timer.cancel();
  assert.equal(String(timer), '<TimerHandle cancelled when=123>');
  loop.close();
});

test('toString() of a cancelled handle keeps its callback’s name in debug mode', () => {
  const loop = new asyncio.EventLoop();
  loop.setDebug(true);
  const handle = loop.callSoon(named);
  const timer = loop.callAt(123, named);
  handle.cancel();
  timer.cancel();
  assert.match(String(handle), /^<Handle cancelled named\(\) created at .*events\.test\.[jt]s:\d+>$/);
  assert.match(
    String(timer),
    /^<TimerHandle cancelled when=123 named\(\) created at .*events\.test\.[jt]s:\d+>$/,
  );
  loop.setDebug(false);
  loop.close();
});

// ---------------------------------------------------------------------------- which loop the code is on

both('getRunningLoop() is the loop of the task, also after a wait', function* ({ loop, wait }) {
  assert.equal(asyncio.getRunningLoop(), loop);
  yield* wait(asyncio.sleep(1));
  assert.equal(asyncio.getRunningLoop(), loop);
  assert.equal(asyncio.getEventLoop(), loop);
});

both('getRunningLoop() is the loop of the handle', function* ({ loop, wait }) {
  const seen: asyncio.EventLoop[] = [];
  loop.callSoon(() => seen.push(asyncio.getRunningLoop()));
  loop.callLater(1, () => seen.push(asyncio.getRunningLoop()));
  yield* wait(asyncio.sleep(2));
  assert.deepEqual(seen, [loop, loop]);
});

test('getRunningLoop() is the loop of each task when two run side by side, after foreign awaits as well', async () => {
  const seen: boolean[] = [];
  const main = (loop: asyncio.EventLoop) => async () => {
    for (let i = 0; i < 5; i++) {
      seen.push(asyncio.getRunningLoop() === loop);
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(asyncio.getRunningLoop() === loop);
      await asyncio.sleep(0);
    }
  };
  const loops = [new asyncio.EventLoop(), new asyncio.EventLoop()];
  await Promise.all(loops.map((loop) => asyncio.run(main(loop), { loopFactory: () => loop })));
  assert.deepEqual(seen, Array(20).fill(true));
});

test('getRunningLoop() in plain code is the only open run’s loop', async () => {
  const loop = new asyncio.EventLoop();
  const future = loop.createFuture<void>();
  const running = loop.runUntilComplete(future);
  const inRun = asyncio.getRunningLoop();
  await new Promise((resolve) => setImmediate(resolve));
  const later = asyncio.getRunningLoop();
  loop.callSoon(() => future.setResult());
  await running;
  assert.equal(inRun, loop);
  assert.equal(later, loop);
  assert.notEqual(asyncio.getRunningLoop(), loop);
  loop.close();
});

test('getRunningLoop() in plain code is the ambient loop when several runs are open', async () => {
  const loops = [new asyncio.EventLoop(), new asyncio.EventLoop()];
  const futures = loops.map((loop) => loop.createFuture<void>());
  const running = loops.map((loop, i) => loop.runUntilComplete(futures[i]!));
  const found = asyncio.getRunningLoop();
  loops.forEach((loop, i) => {
    loop.callSoon(() => futures[i]!.setResult());
  });
  await Promise.all(running);
  assert.ok(!loops.includes(found));
  assert.equal(found, asyncio.getRunningLoop());
  for (const loop of loops) loop.close();
});

test('R-LOOP-29 getEventLoop() is the loop that was set, outside a running one', () => {
  const loop = asyncio.newEventLoop();
  asyncio.setEventLoop(loop);
  assert.equal(asyncio.getEventLoop(), loop);
  asyncio.setEventLoop(null);
  assert.notEqual(asyncio.getEventLoop(), loop);
  loop.close();
});

both('R-LOOP-29 getEventLoop() is the running loop, whatever was set', function* ({ loop }) {
  const other = asyncio.newEventLoop();
  asyncio.setEventLoop(other);
  try {
    assert.equal(asyncio.getEventLoop(), loop);
  } finally {
    asyncio.setEventLoop(null);
    other.close();
  }
});

test('R-LOOP-29 getEventLoop() without a loop set, or with a closed one, is the ambient loop', () => {
  const ambient = asyncio.getRunningLoop();
  assert.equal(asyncio.getEventLoop(), ambient);
  const loop = asyncio.newEventLoop();
  asyncio.setEventLoop(loop);
  loop.close();
  assert.equal(asyncio.getEventLoop(), ambient);
  asyncio.setEventLoop(null);
});

test('R-LOOP-30 setEventLoop() refuses what is no loop', () => {
  for (const wrong of [5, 'loop', {}, undefined]) {
    isError(
      thrownBy(() => asyncio.setEventLoop(wrong as never)),
      TypeError,
    );
  }
});

test('newEventLoop() makes a loop that does not run', () => {
  const loop = asyncio.newEventLoop();
  assert.equal(loop.isRunning(), false);
  assert.equal(loop.isClosed(), false);
  assert.notEqual(loop, asyncio.newEventLoop());
  loop.close();
});
