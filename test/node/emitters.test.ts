/** once() and on(): events as awaitables, and their listeners, which are always removed. */

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { both, isError, thrown, thrownBy } from '../core/both-kinds.js';

/** How many listeners an emitter has, for whatever event. */
const listeners = (emitter: EventEmitter) =>
  emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0);

both('once() gives the arguments, and removes its listeners', function* ({ wait }) {
  const emitter = new EventEmitter();
  const future = asyncio.once<[number, string]>(emitter, 'done');
  assert.equal(listeners(emitter), 2);
  emitter.emit('done', 1, 'a');
  emitter.emit('done', 2, 'b');
  assert.deepEqual(yield* wait(future), [1, 'a']);
  assert.equal(listeners(emitter), 0);
});

both("once() fails with the emitter's error, unless that is what is waited for", function* ({ wait }) {
  const emitter = new EventEmitter();
  const future = asyncio.once(emitter, 'done');
  emitter.emit('error', new RangeError('mine'));
  isError(yield* thrown(wait(future)), RangeError, 'mine');
  assert.equal(listeners(emitter), 0);
  const error = asyncio.once(emitter, 'error');
  emitter.emit('error', 5);
  assert.deepEqual(yield* wait(error), [5]);
  assert.equal(listeners(emitter), 0);
});

both('once() of an EventTarget, and of a signal', function* ({ wait }) {
  const target = new EventTarget();
  const future = asyncio.once<[globalThis.Event]>(target, 'ping');
  const event = new globalThis.Event('ping');
  target.dispatchEvent(event);
  const [got] = yield* wait(future);
  assert.equal(got, event);
  const controller = new AbortController();
  const aborted = asyncio.once(controller.signal, 'abort');
  controller.abort();
  assert.equal((yield* wait(aborted)).length, 1);
});

both('cancelling a task that waits for once() removes the listeners', function* ({ wait, go }) {
  const emitter = new EventEmitter();
  for (const emitAswell of [false, true]) {
    const task = asyncio.createTask(
      go(function* () {
        return yield* wait(asyncio.once(emitter, 'done'));
      }),
    );
    yield* wait(asyncio.sleep(0));
    assert.equal(listeners(emitter), 2);
    if (emitAswell) emitter.emit('done');
    task.cancel();
    yield* wait(asyncio.wait([task]));
    assert.equal(task.cancelled(), true);
    assert.equal(listeners(emitter), 0);
  }
  const error = yield* thrown(wait(asyncio.timeout(1).run(() => asyncio.once(emitter, 'never'))));
  isError(error, asyncio.TimeoutError);
  assert.equal(listeners(emitter), 0);
});

both('once() and on() take a signal', function* ({ wait }) {
  const emitter = new EventEmitter();
  const controller = new AbortController();
  const future = asyncio.once(emitter, 'x', { signal: controller.signal });
  const events = asyncio.on(emitter, 'x', { signal: controller.signal });
  emitter.emit('y');
  controller.abort(new RangeError('enough'));
  isError(yield* thrown(wait(future)), RangeError, 'enough');
  isError(yield* thrown(wait(events.next())), RangeError, 'enough');
  assert.deepEqual(yield* wait(events.next()), { value: undefined, done: true });
  isError(yield* thrown(wait(asyncio.once(emitter, 'x', { signal: controller.signal }))), RangeError);
  isError(yield* thrown(wait(asyncio.on(emitter, 'x', { signal: controller.signal }).next())), RangeError);
  assert.equal(listeners(emitter), 0);
});

test('once() and on() refuse at once what emits nothing', () => {
  for (const call of [asyncio.once, asyncio.on] as const) {
    isError(
      thrownBy(() => call({} as EventEmitter, 'x')),
      TypeError,
      /expected an EventEmitter/,
    );
    isError(
      thrownBy(() => call(null as unknown as EventEmitter, 'x')),
      TypeError,
    );
    isError(
      thrownBy(() => call(new EventEmitter(), 5 as unknown as string)),
      TypeError,
      /name of an event/,
    );
  }
});

both('on() keeps events in order until they are taken, and an error comes after them', function* ({ wait }) {
  const emitter = new EventEmitter();
  const events = asyncio.on<[number]>(emitter, 'n');
  for (let n = 0; n < 3000; n++) emitter.emit('n', n);
  emitter.emit('error', new RangeError('mine'));
  assert.equal(listeners(emitter), 0);
  assert.equal(events.length, 3000);
  for (let n = 0; n < 3000; n++) assert.deepEqual(yield* wait(events.next()), { value: [n], done: false });
  isError(yield* thrown(wait(events.next())), RangeError, 'mine');
  assert.deepEqual(yield* wait(events.next()), { value: undefined, done: true });
});

both('a cancelled next() of on() loses nothing, and leaves it listening', function* ({ wait }) {
  const emitter = new EventEmitter();
  using events = asyncio.on<[number]>(emitter, 'n');
  for (const emitFirst of [false, true]) {
    const task = asyncio.createTask(events.next());
    yield* wait(asyncio.sleep(0));
    if (emitFirst) emitter.emit('n', 1);
    task.cancel();
    yield* wait(asyncio.wait([task]));
    assert.equal(task.cancelled(), true);
    if (!emitFirst) emitter.emit('n', 1);
    assert.deepEqual(yield* wait(events.next()), { value: [1], done: false });
  }
  const both = [asyncio.createTask(events.next()), asyncio.createTask(events.next())];
  yield* wait(asyncio.sleep(0));
  emitter.emit('n', 2);
  emitter.emit('n', 3);
  assert.deepEqual(
    (yield* wait(asyncio.gather(both))).map(({ value }) => value),
    [[2], [3]],
  );
  events.close();
  assert.equal(listeners(emitter), 0);
});

both('events in close end the iteration, after what came before', function* ({ wait }) {
  const emitter = new EventEmitter();
  const events = asyncio.on(emitter, 'n', { close: ['end', 'close'] });
  const waiting = asyncio.createTask(events.next());
  yield* wait(asyncio.sleep(0));
  emitter.emit('n', 1);
  emitter.emit('n', 2);
  emitter.emit('end');
  emitter.emit('n', 3);
  assert.deepEqual(yield* wait(waiting), { value: [1], done: false });
  assert.deepEqual(yield* wait(events.next()), { value: [2], done: false });
  assert.deepEqual(yield* wait(events.next()), { value: undefined, done: true });
  assert.equal(listeners(emitter), 0);
});

both('highWaterMark pauses the emitter, and resumes it', function* ({ wait }) {
  const calls: string[] = [];
  const emitter = Object.assign(new EventEmitter(), {
    pause: () => void calls.push('pause'),
    resume: () => void calls.push('resume'),
  });
  using events = asyncio.on(emitter, 'n', { highWaterMark: 4 });
  for (let n = 0; n < 6; n++) emitter.emit('n', n);
  assert.deepEqual(calls, ['pause']);
  for (let n = 0; n < 4; n++) yield* wait(events.next());
  assert.deepEqual(calls, ['pause']);
  yield* wait(events.next());
  assert.deepEqual(calls, ['pause', 'resume']);
});

test('for await over on() stops listening however it is left: break, error, cancellation, end', async () => {
  const emitter = new EventEmitter();
  await asyncio.run(async () => {
    setImmediate(() => emitter.emit('n', 1));
    for await (const [n] of asyncio.on(emitter, 'n')) {
      assert.equal(n, 1);
      break;
    }
    assert.equal(listeners(emitter), 0);
    setImmediate(() => emitter.emit('n', 1));
    await assert.rejects(async () => {
      for await (const _ of asyncio.on(emitter, 'n')) throw new RangeError('mine');
    }, RangeError);
    assert.equal(listeners(emitter), 0);
    setImmediate(() => emitter.emit('error', new RangeError('theirs')));
    await assert.rejects(async () => {
      for await (const _ of asyncio.on(emitter, 'n'));
    }, RangeError);
    assert.equal(listeners(emitter), 0);
    const task = asyncio.createTask(async () => {
      for await (const _ of asyncio.on(emitter, 'n'));
    });
    await asyncio.sleep(0.001);
    assert.equal(listeners(emitter), 2);
    task.cancel();
    await asyncio.wait([task]);
    assert.equal(task.cancelled(), true);
    assert.equal(listeners(emitter), 0);
  });
});

test('an event after the loop is closed does no harm', async () => {
  const emitter = new EventEmitter();
  const events = await asyncio.run(async () => {
    void asyncio.once(emitter, 'x');
    return asyncio.on(emitter, 'x');
  });
  emitter.emit('x');
  emitter.emit('error', new Error('late'));
  assert.equal(events.length, 1);
  assert.equal(listeners(emitter), 0);
});
