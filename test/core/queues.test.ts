import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import * as asyncio from 'tsyncio';
import { TestLoop } from 'tsyncio/testing';
import fc from '../property.js';
import { both, cancelArgs, isError, type Kind, thrown, thrownBy, ticker } from './both-kinds.js';

const { QueueEmpty, QueueFull, QueueShutDown, ValueError } = asyncio;

/** Starts tasks that each wait for one operation on a queue. They have begun to wait when this returns. */
function* start<T>(
  { wait, go, loop }: Kind,
  operations: readonly (() => asyncio.Awaitable<T>)[],
): Generator<asyncio.Suspension, asyncio.Task<T>[], unknown> {
  const tasks = operations.map((operation) =>
    loop.createTask(
      go(function* () {
        return yield* wait(operation());
      }),
    ),
  );
  yield* wait(asyncio.sleep(0));
  return tasks;
}

function queueOf<T>(maxsize: number, ...items: T[]): asyncio.Queue<T> {
  const queue = new asyncio.Queue<T>(maxsize);
  for (const item of items) queue.putNowait(item);
  return queue;
}

both('R-QUE-01 a maxsize of 0 or less is no limit', function* () {
  for (const maxsize of [0, -1]) {
    const queue = new asyncio.Queue<number>(maxsize);
    for (let n = 0; n < 100; n += 1) queue.putNowait(n);
    assert.deepEqual(
      [queue.full(), queue.empty(), queue.qsize(), queue.maxsize],
      [false, false, 100, maxsize],
    );
  }
  assert.equal(new asyncio.Queue().maxsize, 0);
});

both('R-QUE-01 full() is true at maxsize; one that is no integer is compared as it is', function* () {
  const queue = new asyncio.Queue<number>(2);
  const seen = [queue.full()];
  queue.putNowait(1);
  seen.push(queue.full());
  queue.putNowait(2);
  seen.push(queue.full());
  assert.deepEqual(seen, [false, false, true]);
  const odd = new asyncio.Queue<number>(1.3);
  odd.putNowait(1);
  assert.equal(odd.full(), false);
  odd.putNowait(2);
  assert.equal(odd.full(), true);
});

both('a maxsize that is no number is refused', function* () {
  for (const maxsize of ['2', Number.NaN, null]) {
    isError(
      thrownBy(() => new asyncio.Queue(maxsize as never)),
      TypeError,
      /expected a number as maxsize/,
    );
  }
});

both('R-QUE-02 get() and put() that need not wait do not suspend', function* ({ wait, loop }) {
  const queue = new asyncio.Queue<string>(1);
  const ticks = ticker(loop);
  yield* wait(queue.put('item'));
  assert.equal(yield* wait(queue.get()), 'item');
  assert.equal(ticks(), 0);
  ticks.stop();
});

both(
  'R-QUE-02 get() of an item that a task puts in that was started before takes two iterations',
  function* ({ wait, go, loop }) {
    const queue = new asyncio.Queue<string>();
    const ticks = ticker(loop);
    yield* wait(asyncio.sleep(0));
    loop.createTask(
      go(function* () {
        queue.putNowait('item');
      }),
    );
    const before = ticks();
    assert.equal(yield* wait(queue.get()), 'item');
    assert.equal(ticks() - before, 2);
    ticks.stop();
  },
);

both('get() waits while the queue is empty', function* (kind) {
  const queue = new asyncio.Queue<string>();
  const [getter] = yield* start(kind, [() => queue.get()]);
  yield* kind.wait(asyncio.sleep(5));
  assert.equal(getter?.done(), false);
  queue.putNowait('item');
  assert.equal(yield* kind.wait(getter as asyncio.Task<string>), 'item');
});

both('put() waits while the queue is full', function* (kind) {
  const queue = queueOf(1, 'early');
  const [putter] = yield* start(kind, [() => queue.put('late')]);
  yield* kind.wait(asyncio.sleep(5));
  assert.deepEqual([putter?.done(), queue.qsize()], [false, 1]);
  assert.equal(queue.getNowait(), 'early');
  yield* kind.wait(putter as asyncio.Task<void>);
  assert.equal(queue.getNowait(), 'late');
});

both('items come out in the order in which they were put in', function* ({ wait }) {
  const queue = new asyncio.Queue<number>();
  for (let n = 0; n < 50; n += 1) yield* wait(queue.put(n));
  const out: number[] = [];
  while (!queue.empty()) out.push(yield* wait(queue.get()));
  assert.deepEqual(
    out,
    Array.from({ length: 50 }, (_, n) => n),
  );
});

both('R-QUE-03 getNowait() of an empty queue and putNowait() to a full one are errors', function* () {
  const queue = new asyncio.Queue<number>(1);
  isError(
    thrownBy(() => queue.getNowait()),
    QueueEmpty,
  );
  queue.putNowait(1);
  isError(
    thrownBy(() => queue.putNowait(2)),
    QueueFull,
  );
  assert.equal(queue.getNowait(), 1);
  assert.equal(queue.qsize(), 0);
});

both('R-QUE-04 each put wakes one getter, each get one putter, in order', function* (kind) {
  const { wait } = kind;
  const queue = new asyncio.Queue<string>(1);
  const log: string[] = [];
  const getters = yield* start(
    kind,
    [1, 2, 3].map(
      (n) => () =>
        asyncio.coroutine(function* () {
          log.push(`${n} got ${yield* queue.get()}`);
        })(),
    ),
  );
  for (const item of ['a', 'b', 'c']) {
    queue.putNowait(item);
    yield* wait(asyncio.sleep(0));
  }
  yield* wait(asyncio.wait(getters));
  assert.deepEqual(log, ['1 got a', '2 got b', '3 got c']);

  queue.putNowait('full');
  const putters = yield* start(
    kind,
    ['x', 'y', 'z'].map((item) => () => queue.put(item)),
  );
  const out: string[] = [];
  for (let n = 0; n < 4; n += 1) {
    out.push(queue.getNowait());
    yield* wait(asyncio.sleep(0));
  }
  yield* wait(asyncio.wait(putters));
  assert.deepEqual(out, ['full', 'x', 'y', 'z']);
});

both(
  'R-QUE-04 a woken getter whose item was taken meanwhile waits again, at the end of the line',
  function* (kind) {
    const { wait, go, loop } = kind;
    const queue = new asyncio.Queue<string>();
    const log: string[] = [];
    const get = (name: string) =>
      loop.createTask(
        go(function* () {
          log.push(`${name} got ${yield* wait(queue.get())}`);
        }),
      );
    const tasks = [get('first')];
    yield* wait(asyncio.sleep(0));
    queue.putNowait('a');
    log.push(`stolen ${queue.getNowait()}`);
    tasks.push(get('second'));
    yield* wait(asyncio.sleep(0));
    // Both wait now; the first one resumed, saw nothing, and lined up before the second came.
    assert.match(String(queue), /_getters\[2\]/);
    queue.putNowait('b');
    queue.putNowait('c');
    yield* wait(asyncio.wait(tasks));
    assert.deepEqual(log, ['stolen a', 'first got b', 'second got c']);
  },
);

both('R-QUE-04 a woken putter whose room was taken meanwhile waits again', function* (kind) {
  const { wait } = kind;
  const queue = queueOf(1, 'a');
  const [putter] = yield* start(kind, [() => queue.put('mine')]);
  queue.getNowait();
  queue.putNowait('pushed in');
  yield* wait(asyncio.sleep(1));
  assert.equal(putter?.done(), false);
  assert.equal(queue.getNowait(), 'pushed in');
  yield* wait(putter as asyncio.Task<void>);
  assert.equal(queue.getNowait(), 'mine');
});

both('R-QUE-05 a woken getter that is cancelled wakes the next one', function* (kind) {
  const { wait } = kind;
  const queue = new asyncio.Queue<string>();
  const [a, b] = yield* start(kind, [() => queue.get(), () => queue.get()]);
  queue.putNowait('item');
  a?.cancel();
  assert.equal(yield* wait(b as asyncio.Task<string>), 'item');
  assert.equal(a?.cancelled(), true);
});

both('R-QUE-05 a woken putter that is cancelled wakes the next one', function* (kind) {
  const { wait } = kind;
  const queue = queueOf(1, 'early');
  const [a, b] = yield* start(kind, [() => queue.put('a'), () => queue.put('b')]);
  queue.getNowait();
  a?.cancel();
  yield* wait(b as asyncio.Task<void>);
  assert.equal(a?.cancelled(), true);
  assert.deepEqual([queue.getNowait(), queue.empty()], ['b', true]);
});

both('R-QUE-05 many cancelled getters lose none of the items', function* (kind) {
  const { wait } = kind;
  const queue = new asyncio.Queue<number>();
  const tasks = yield* start(
    kind,
    Array.from({ length: 20 }, () => () => queue.get()),
  );
  for (let n = 0; n < 5; n += 1) queue.putNowait(n);
  for (let n = 0; n < 15; n += 1) tasks[n]?.cancel();
  yield* wait(asyncio.wait(tasks));
  assert.deepEqual(
    tasks.slice(15).map((task) => task.result()),
    [0, 1, 2, 3, 4],
  );
});

both('R-QUE-06 cancelled waiters do not stay in the lines', function* (kind) {
  const { wait } = kind;
  const queue = new asyncio.Queue<number>(1);
  const getters = yield* start(kind, [() => queue.get(), () => queue.get()]);
  assert.equal(String(queue), '<Queue maxsize=1 _getters[2]>');
  for (const task of getters) task.cancel();
  yield* wait(asyncio.wait(getters));
  assert.equal(String(queue), '<Queue maxsize=1>');
  queue.putNowait(1);
  const putters = yield* start(kind, [() => queue.put(2), () => queue.put(3)]);
  assert.equal(String(queue), '<Queue maxsize=1 _queue=[1] _putters[2] tasks=1>');
  for (const task of putters) task.cancel();
  yield* wait(asyncio.wait(putters));
  assert.equal(String(queue), '<Queue maxsize=1 _queue=[1] tasks=1>');
});

both('R-QUE-07 a cancelled put() puts nothing in', function* (kind) {
  const { wait } = kind;
  const queue = queueOf(1, 'early');
  for (const moment of ['waiting', 'woken']) {
    const [putter] = yield* start(kind, [() => queue.put('never')]);
    if (moment === 'woken') queue.getNowait();
    putter?.cancel('stop');
    assert.deepEqual(cancelArgs(yield* thrown(wait(putter as asyncio.Task<void>))), ['stop']);
    assert.equal(queue.qsize(), moment === 'woken' ? 0 : 1);
  }
});

both('R-QUE-08 taskDone() more often than items were put in is an error', function* () {
  const queue = new asyncio.Queue<number>();
  isError(
    thrownBy(() => queue.taskDone()),
    ValueError,
    'task_done() called too many times',
  );
  queue.putNowait(1);
  queue.getNowait();
  queue.taskDone();
  isError(
    thrownBy(() => queue.taskDone()),
    ValueError,
    'task_done() called too many times',
  );
});

both('R-QUE-09 join() of a new queue gives way at once', function* ({ wait, loop }) {
  const ticks = ticker(loop);
  yield* wait(new asyncio.Queue().join());
  assert.equal(ticks(), 0);
  ticks.stop();
});

both('R-QUE-09 join() waits until everything is dealt with, and releases all who joined', function* (kind) {
  const { wait } = kind;
  const queue = queueOf(0, 1, 2);
  const joiners = yield* start(kind, [() => queue.join(), () => queue.join()]);
  queue.getNowait();
  queue.taskDone();
  queue.getNowait();
  yield* wait(asyncio.sleep(1));
  assert.deepEqual(
    joiners.map((each) => each.done()),
    [false, false],
  );
  queue.taskDone();
  yield* wait(asyncio.wait(joiners));
  assert.deepEqual(
    joiners.map((each) => each.cancelled()),
    [false, false],
  );
  // What is put in later counts anew.
  queue.putNowait(3);
  const [again] = yield* start(kind, [() => queue.join()]);
  assert.equal(again?.done(), false);
  queue.getNowait();
  queue.taskDone();
  yield* wait(again as asyncio.Task<void>);
});

both('R-QUE-09 a cancelled join() disturbs nobody', function* (kind) {
  const { wait } = kind;
  const queue = queueOf(0, 1);
  const [a, b] = yield* start(kind, [() => queue.join(), () => queue.join()]);
  a?.cancel();
  yield* wait(asyncio.sleep(0));
  assert.equal(a?.cancelled(), true);
  queue.getNowait();
  queue.taskDone();
  yield* wait(b as asyncio.Task<void>);
});

both('R-QUE-10 after shutdown() nothing can be put in, and what is in can be taken', function* ({ wait }) {
  const queue = queueOf(2, 'a', 'b');
  queue.shutdown();
  isError(
    thrownBy(() => queue.putNowait('c')),
    QueueShutDown,
    'Cannot put item: queue is shut down',
  );
  isError(yield* thrown(wait(queue.put('c'))), QueueShutDown);
  assert.equal(yield* wait(queue.get()), 'a');
  assert.equal(queue.getNowait(), 'b');
  isError(yield* thrown(wait(queue.get())), QueueShutDown, 'Cannot get item: queue is shut down');
  isError(
    thrownBy(() => queue.getNowait()),
    QueueShutDown,
  );
  queue.shutdown();
  assert.equal(String(queue), '<Queue maxsize=2 tasks=2 shutdown>');
});

both('R-QUE-10 shutdown() wakes who waits', function* (kind) {
  const { wait } = kind;
  const empty = new asyncio.Queue<string>();
  const getters = yield* start(kind, [() => empty.get(), () => empty.get()]);
  empty.shutdown();
  for (const task of getters) isError(yield* thrown(wait(task)), QueueShutDown);

  const full = queueOf(1, 'a');
  const putters = yield* start(kind, [() => full.put('b'), () => full.put('c')]);
  full.shutdown();
  for (const task of putters) isError(yield* thrown(wait(task)), QueueShutDown);
  assert.equal(full.getNowait(), 'a');
});

both('R-QUE-10 a woken getter still takes its item after shutdown()', function* (kind) {
  const queue = new asyncio.Queue<string>();
  const [getter] = yield* start(kind, [() => queue.get()]);
  queue.putNowait('item');
  queue.shutdown();
  assert.equal(yield* kind.wait(getter as asyncio.Task<string>), 'item');
});

both('R-QUE-11 shutdown(true) drops what is in the queue, and releases who joined', function* (kind) {
  const { wait } = kind;
  const queue = queueOf(0, 1, 2);
  const [joiner] = yield* start(kind, [() => queue.join()]);
  queue.shutdown(true);
  assert.equal(queue.qsize(), 0);
  isError(yield* thrown(wait(queue.get())), QueueShutDown);
  yield* wait(joiner as asyncio.Task<void>);
  isError(
    thrownBy(() => queue.taskDone()),
    ValueError,
  );
});

both('R-QUE-11 with items under way, who joined waits for those', function* (kind) {
  const { wait } = kind;
  const queue = queueOf(0, 1, 2, 3);
  queue.getNowait();
  const [joiner] = yield* start(kind, [() => queue.join()]);
  queue.shutdown(true);
  yield* wait(asyncio.sleep(1));
  assert.equal(joiner?.done(), false);
  queue.taskDone();
  yield* wait(joiner as asyncio.Task<void>);
});

both('R-QUE-12 taskDone() and join() work on after a shutdown', function* (kind) {
  const { wait } = kind;
  const queue = queueOf(0, 1, 2);
  queue.shutdown();
  const [joiner] = yield* start(kind, [() => queue.join()]);
  for (let n = 0; n < 2; n += 1) {
    assert.equal(joiner?.done(), false);
    queue.getNowait();
    queue.taskDone();
  }
  yield* wait(joiner as asyncio.Task<void>);
});

both('R-QUE-13 a PriorityQueue gives the smallest first, a LifoQueue the newest', function* ({ wait }) {
  const priority = new asyncio.PriorityQueue<number>();
  const lifo = new asyncio.LifoQueue<number>();
  for (const n of [3, 1, 2, 1]) {
    priority.putNowait(n);
    yield* wait(lifo.put(n));
  }
  const take = function* (queue: asyncio.Queue<number>) {
    const out: number[] = [];
    while (!queue.empty()) out.push(yield* wait(queue.get()));
    return out;
  };
  assert.deepEqual(yield* take(priority), [1, 1, 2, 3]);
  assert.deepEqual(yield* take(lifo), [1, 2, 1, 3]);
});

test('R-QUE-13 the order among equals is that of Python’s heap', () => {
  const queue = new asyncio.PriorityQueue<[number, string]>(0, (a, b) => a[0] - b[0]);
  for (const name of 'abcdefg') queue.putNowait([1, name]);
  for (const name of 'xyz') queue.putNowait([0, name]);
  let order = '';
  while (!queue.empty()) order += queue.getNowait()[1];
  // heapq of (1, a) … (1, g), (0, x), (0, y), (0, z), compared by the number alone, in CPython 3.13.
  assert.equal(order, 'xyzcgfdbea');
});

test('R-QUE-13 items are compared by value, item by item in arrays', () => {
  const cases: unknown[][] = [
    [3, 1, 2],
    ['b', 'a', 'ab'],
    [3n, 1n],
    [new Date(5), new Date(1)],
    [[2, 'a'], [1, 'b'], [1, 'a'], [1]],
  ];
  const sorted = [
    [1, 2, 3],
    ['a', 'ab', 'b'],
    [1n, 3n],
    [new Date(1), new Date(5)],
    [[1], [1, 'a'], [1, 'b'], [2, 'a']],
  ];
  for (const [n, items] of cases.entries()) {
    const queue = new asyncio.PriorityQueue();
    for (const item of items) queue.putNowait(item);
    const out: unknown[] = [];
    while (!queue.empty()) out.push(queue.getNowait());
    assert.deepEqual(out, sorted[n]);
  }
  const queue = new asyncio.PriorityQueue<unknown>();
  queue.putNowait({});
  isError(
    thrownBy(() => queue.putNowait({})),
    TypeError,
    /Cannot compare .*: pass a compare function to the PriorityQueue/,
  );
});

both('R-QUE-14 a subclass says where the items are', function* ({ wait }) {
  class Latest<T> extends asyncio.Queue<T> {
    declare last: T[];
    protected override _init(): void {
      this.last = [];
    }
    override qsize(): number {
      return this.last.length;
    }
    protected override _put(item: T): void {
      this.last = [item];
    }
    protected override _get(): T {
      return this.last.pop() as T;
    }
  }
  const queue = new Latest<number>();
  queue.putNowait(1);
  queue.putNowait(2);
  assert.equal(queue.qsize(), 1);
  assert.equal(yield* wait(queue.get()), 2);
  assert.equal(queue.empty(), true);
});

both('R-QUE-15 toString() shows the items, the waiters and the state', function* (kind) {
  const { wait } = kind;
  const queue = new asyncio.Queue<unknown>(2);
  assert.equal(String(queue), '<Queue maxsize=2>');
  const [getter] = yield* start(kind, [() => queue.get()]);
  assert.equal(String(queue), '<Queue maxsize=2 _getters[1]>');
  queue.putNowait('a');
  yield* wait(getter as asyncio.Task);
  queue.putNowait('b');
  queue.putNowait(1);
  const [putter] = yield* start(kind, [() => queue.put(2)]);
  assert.equal(String(queue), "<Queue maxsize=2 _queue=['b', 1] _putters[1] tasks=3>");
  assert.equal(inspect(queue), String(queue));
  queue.shutdown(true);
  yield* thrown(wait(putter as asyncio.Task));
  assert.equal(String(queue), '<Queue maxsize=2 tasks=1 shutdown>');
  const priority = new asyncio.PriorityQueue<number>();
  for (const n of [3, 1, 2]) priority.putNowait(n);
  assert.equal(String(priority), '<PriorityQueue maxsize=0 _queue=[1, 3, 2] tasks=3>');
  const lifo = new asyncio.LifoQueue<number>();
  lifo.putNowait(1);
  assert.equal(String(lifo), '<LifoQueue maxsize=0 _queue=[1] tasks=1>');
});

// ----------------------------------------------------------------------------------------------- properties

test('a PriorityQueue gives any items back in order', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.integer(), fc.constant(null)), { maxLength: 60 }), (commands) => {
      const queue = new asyncio.PriorityQueue<number>();
      const model: number[] = [];
      const inLoop = new TestLoop();
      for (const each of commands) {
        if (each !== null) {
          queue.putNowait(each);
          model.push(each);
        } else if (model.length === 0) {
          assert.ok(thrownBy(() => queue.getNowait()) instanceof QueueEmpty);
        } else {
          model.sort((a, b) => b - a);
          assert.equal(queue.getNowait(), model.pop());
        }
        assert.equal(queue.qsize(), model.length);
      }
      inLoop.close();
    }),
  );
});

test('producers and consumers of any number and pace hand over every item once, in each producer’s order', () => {
  const pace = fc.array(fc.nat(3), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(
      fc.array(pace, { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat(3), { minLength: 1, maxLength: 4 }),
      fc.nat(3),
      (producers, consumers, maxsize) => {
        const loop = new TestLoop();
        const got: [producer: number, n: number][] = [];
        loop.runSync(
          (function* (): asyncio.Coro<void> {
            const queue = new asyncio.Queue<[number, number]>(maxsize);
            const group = new asyncio.TaskGroup();
            const tasks = consumers.map((delay) =>
              asyncio.createTask(
                (function* (): asyncio.Coro<void> {
                  for (;;) {
                    got.push(yield* queue.get());
                    yield* asyncio.sleep(delay);
                    queue.taskDone();
                  }
                })(),
              ),
            );
            yield* group.run(function* () {
              for (const [producer, delays] of producers.entries()) {
                group.createTask(
                  (function* (): asyncio.Coro<void> {
                    for (const [n, delay] of delays.entries()) {
                      yield* asyncio.sleep(delay);
                      yield* queue.put([producer, n]);
                      assert.ok(maxsize === 0 || queue.qsize() <= maxsize);
                    }
                  })(),
                );
              }
            });
            yield* queue.join();
            for (const task of tasks) task.cancel();
            yield* asyncio.wait(tasks);
          })(),
        );
        loop.close();
        for (const [producer, delays] of producers.entries()) {
          assert.deepEqual(
            got.filter(([each]) => each === producer).map(([, n]) => n),
            delays.map((_, n) => n),
          );
        }
      },
    ),
    { numRuns: 100 },
  );
});
