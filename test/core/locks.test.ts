import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { TestLoop } from 'tsyncio/testing';
import fc from '../property.js';
import { both, cancelArgs, isError, type Kind, thrown, thrownBy, ticker } from './both-kinds.js';

const { BrokenBarrierError, RuntimeError, ValueError } = asyncio;

/** Starts tasks that wait for something, say so, and end. They have begun to wait when this returns. */
function* waiters<T>(
  { wait, go, loop }: Kind,
  names: string,
  log: string[],
  acquire: () => asyncio.Awaitable<T>,
): Generator<asyncio.Suspension, asyncio.Task<T>[], unknown> {
  const tasks = [...names].map((name) =>
    loop.createTask(
      go(function* () {
        const value = yield* wait(acquire());
        log.push(name);
        return value;
      }),
    ),
  );
  yield* wait(asyncio.sleep(0));
  return tasks;
}

// ----------------------------------------------------------------------------------------------------- Lock

both('R-LCK-01 acquire() of a free lock gives true, without suspending', function* ({ wait, loop }) {
  const lock = new asyncio.Lock();
  assert.equal(lock.locked(), false);
  const ticks = ticker(loop);
  assert.equal(yield* wait(lock.acquire()), true);
  assert.equal(ticks(), 0);
  assert.equal(lock.locked(), true);
  ticks.stop();
});

both(
  'R-LCK-01 acquire() of a lock that a task holds that was started before takes two iterations',
  function* ({ wait, go, loop }) {
    const lock = new asyncio.Lock();
    const ticks = ticker(loop);
    yield* wait(lock.acquire());
    yield* wait(asyncio.sleep(0));
    loop.createTask(
      go(function* () {
        lock.release();
      }),
    );
    const before = ticks();
    yield* wait(lock.acquire());
    assert.equal(ticks() - before, 2);
    ticks.stop();
  },
);

both(
  'R-LCK-02 a newcomer queues behind who waits, even if the lock is free at that moment',
  function* (kind) {
    const lock = new asyncio.Lock();
    const log: string[] = [];
    yield* kind.wait(lock.acquire());
    const tasks = yield* waiters(kind, 'abc', log, () => lock.acquire());
    lock.release();
    assert.equal(lock.locked(), false);
    const newcomer = yield* waiters(kind, 'd', log, () => lock.acquire());
    for (let n = 0; n < 4; n += 1) {
      yield* kind.wait(asyncio.sleep(0));
      lock.release();
    }
    yield* kind.wait(asyncio.wait([...tasks, ...newcomer]));
    assert.deepEqual(log, ['a', 'b', 'c', 'd']);
  },
);

both('R-LCK-02 a newcomer takes a free lock at once when everybody who waits is cancelled', function* (kind) {
  const { wait, loop } = kind;
  const lock = new asyncio.Lock();
  yield* wait(lock.acquire());
  const tasks = yield* waiters(kind, 'ab', [], () => lock.acquire());
  for (const task of tasks) task.cancel();
  lock.release();
  const ticks = ticker(loop);
  assert.equal(yield* wait(lock.acquire()), true);
  assert.equal(ticks(), 0);
  ticks.stop();
  yield* wait(asyncio.wait(tasks));
  assert.equal(String(lock), '<Lock [locked]>');
});

both(
  'R-LCK-03 release() unlocks at once and wakes the first waiter only, which locks when it resumes',
  function* (kind) {
    const { wait } = kind;
    const lock = new asyncio.Lock();
    const log: string[] = [];
    yield* wait(lock.acquire());
    const tasks = yield* waiters(kind, 'ab', log, () => lock.acquire());
    lock.release();
    assert.equal(lock.locked(), false);
    yield* wait(asyncio.sleep(0));
    assert.deepEqual([lock.locked(), log], [true, ['a']]);
    yield* wait(asyncio.sleep(0));
    assert.deepEqual(log, ['a']);
    lock.release();
    yield* wait(asyncio.wait(tasks));
    assert.deepEqual(log, ['a', 'b']);
  },
);

both(
  'R-LCK-04 release() of a free lock is an error; any task may release a taken one',
  function* ({ wait, go, loop }) {
    const lock = new asyncio.Lock();
    isError(
      thrownBy(() => lock.release()),
      RuntimeError,
      'Lock is not acquired.',
    );
    yield* wait(lock.acquire());
    yield* wait(
      loop.createTask(
        go(function* () {
          lock.release();
        }),
      ),
    );
    assert.equal(lock.locked(), false);
  },
);

both('R-LCK-05 a waiter that is cancelled after it was woken passes the wake-up on', function* (kind) {
  const { wait } = kind;
  const lock = new asyncio.Lock();
  const log: string[] = [];
  yield* wait(lock.acquire());
  const [a, b] = yield* waiters(kind, 'ab', log, () => lock.acquire());
  lock.release();
  a?.cancel();
  yield* wait(asyncio.wait([a, b] as asyncio.Task[]));
  assert.equal(a?.cancelled(), true);
  assert.deepEqual(log, ['b']);
  assert.equal(lock.locked(), true);
});

both('R-LCK-05 a cancelled waiter does not wake the next one while the lock is taken', function* (kind) {
  const { wait } = kind;
  const lock = new asyncio.Lock();
  const log: string[] = [];
  yield* wait(lock.acquire());
  const [a, b] = yield* waiters(kind, 'ab', log, () => lock.acquire());
  a?.cancel();
  yield* wait(asyncio.sleep(1));
  assert.deepEqual([log, String(lock)], [[], '<Lock [locked, waiters:1]>']);
  lock.release();
  yield* wait(b as asyncio.Task);
});

both('R-LCK-06 a cancelled waiter leaves the queue without the lock', function* (kind) {
  const { wait } = kind;
  const lock = new asyncio.Lock();
  yield* wait(lock.acquire());
  const [task] = yield* waiters(kind, 'a', [], () => lock.acquire());
  assert.equal(String(lock), '<Lock [locked, waiters:1]>');
  task?.cancel('stop');
  assert.deepEqual(cancelArgs(yield* thrown(wait(task as asyncio.Task))), ['stop']);
  assert.equal(String(lock), '<Lock [locked]>');
  lock.release();
  assert.equal(lock.locked(), false);
});

both('R-LCK-07 withAsync() takes the lock for the block, and gives it nothing', function* ({ wait, define }) {
  for (const lock of [
    new asyncio.Lock(),
    new asyncio.Condition(),
    new asyncio.Semaphore(),
    new asyncio.BoundedSemaphore(),
  ]) {
    const body = define(function* (...args: unknown[]) {
      return [lock.locked(), args];
    });
    assert.deepEqual(yield* wait(asyncio.withAsync(lock, body)), [true, [undefined]]);
    assert.equal(lock.locked(), false);
    const failing = define(function* () {
      throw new ValueError('boom');
    });
    isError(yield* thrown(wait(asyncio.withAsync(lock, failing))), ValueError, 'boom');
    assert.equal(lock.locked(), false);
  }
});

test('R-LCK-08 a primitive belongs to the loop of its first wait; on another loop it refuses', () => {
  const primitives: [object, () => asyncio.Awaitable<unknown>][] = [];
  const lock = new asyncio.Lock();
  primitives.push([lock, () => lock.acquire()]);
  const event = new asyncio.Event();
  primitives.push([event, () => event.wait()]);
  const semaphore = new asyncio.Semaphore(0);
  primitives.push([semaphore, () => semaphore.acquire()]);
  const condition = new asyncio.Condition();
  primitives.push([
    condition,
    asyncio.coroutine(function* () {
      if (!condition.locked()) yield* condition.acquire();
      yield* condition.wait();
    }),
  ]);
  const empty = new asyncio.Queue();
  primitives.push([empty, () => empty.get()]);
  const full = new asyncio.Queue(1);
  full.putNowait(1);
  primitives.push([full, () => full.put(2)]);

  const first = new TestLoop();
  first.setExceptionHandler(() => {});
  first.runSync(
    (function* (): asyncio.Coro<void> {
      // Without a wait it belongs to nobody.
      yield* lock.acquire();
      for (const [, wait] of primitives) {
        const task = asyncio.createTask(wait() as asyncio.Coroutine<unknown>);
        yield* asyncio.sleep(0);
        assert.equal(task.done(), false);
      }
    })(),
  );
  const second = new TestLoop();
  for (const [primitive, wait] of primitives) {
    isError(
      thrownBy(() => second.runSync(wait() as asyncio.Coroutine<unknown>)),
      RuntimeError,
      `${primitive} is bound to a different event loop`,
    );
  }
  second.close();
  first.close();
});

test('R-LCK-08 once that loop is closed, another one may have it', () => {
  const lock = new asyncio.Lock();
  const contend = function* (): asyncio.Coro<void> {
    yield* lock.acquire();
    const waiter = asyncio.createTask(lock.acquire());
    yield* asyncio.sleep(0);
    lock.release();
    yield* waiter;
    lock.release();
  };
  for (let n = 0; n < 2; n += 1) {
    const loop = new TestLoop();
    loop.runSync(contend());
    loop.close();
  }
});

both('R-LCK-09 toString() shows the state and who waits', function* (kind) {
  const { wait } = kind;
  for (const [lock, name, free] of [
    [new asyncio.Lock(), 'Lock', 'unlocked'],
    [new asyncio.Condition(), 'Condition', 'unlocked'],
    [new asyncio.Semaphore(), 'Semaphore', 'unlocked, value:1'],
    [new asyncio.BoundedSemaphore(), 'BoundedSemaphore', 'unlocked, value:1'],
  ] as const) {
    assert.equal(String(lock), `<${name} [${free}]>`);
    yield* wait(lock.acquire());
    assert.equal(String(lock), `<${name} [locked]>`);
    const tasks = yield* waiters(kind, 'ab', [], () => lock.acquire());
    // Who waits for a condition's lock does not wait for the condition.
    assert.equal(String(lock), `<${name} [locked${name === 'Condition' ? '' : ', waiters:2'}]>`);
    lock.release();
    yield* wait(asyncio.sleep(1));
    lock.release();
    yield* wait(asyncio.wait(tasks));
  }
});

both('R-LCK-10 guard() takes the lock, and disposing of the guard releases it, once', function* (kind) {
  const { wait } = kind;
  for (const lock of [new asyncio.Lock(), new asyncio.Condition(), new asyncio.Semaphore()]) {
    const guard = yield* wait(lock.guard());
    assert.equal(lock.locked(), true);
    const [task] = yield* waiters(kind, 'a', [], () => lock.guard());
    guard[Symbol.dispose]();
    guard[Symbol.dispose]();
    const next = yield* wait(task as asyncio.Task<Disposable>);
    assert.equal(lock.locked(), true);
    next[Symbol.dispose]();
    assert.equal(lock.locked(), false);
  }
});

test('R-LCK-10 using releases the lock at the end of the block, also when it throws', async () => {
  await asyncio.run(async () => {
    const lock = new asyncio.Lock();
    const block = async (fails: boolean) => {
      using _guard = await lock.guard();
      assert.equal(lock.locked(), true);
      await asyncio.sleep(0);
      if (fails) throw new ValueError('boom');
    };
    await block(false);
    assert.equal(lock.locked(), false);
    await assert.rejects(block(true), ValueError);
    assert.equal(lock.locked(), false);
  });
});

both('many waiters may be cancelled in any order, and the others keep theirs', function* (kind) {
  const { wait } = kind;
  const lock = new asyncio.Lock();
  const log: string[] = [];
  yield* wait(lock.acquire());
  const names = 'abcdefghij';
  const tasks = yield* waiters(kind, names, log, () => lock.acquire());
  for (const n of [9, 0, 4, 5, 3]) tasks[n]?.cancel();
  yield* wait(asyncio.sleep(0));
  assert.equal(String(lock), '<Lock [locked, waiters:5]>');
  for (let n = 0; n < 5; n += 1) {
    lock.release();
    yield* wait(asyncio.sleep(0));
  }
  assert.deepEqual(log, [...'bcghi']);
  lock.release();
  yield* wait(asyncio.wait(tasks));
});

// ---------------------------------------------------------------------------------------------------- Event

both('R-EVT-01 wait() gives true at once when the event is set', function* ({ wait, loop }) {
  const event = new asyncio.Event();
  event.set();
  assert.equal(event.isSet(), true);
  const ticks = ticker(loop);
  assert.equal(yield* wait(event.wait()), true);
  assert.equal(ticks(), 0);
  ticks.stop();
});

both(
  'R-EVT-01 wait() resumes two iterations after it began, when a callback sets the event in the first',
  function* ({ wait, loop }) {
    const event = new asyncio.Event();
    const ticks = ticker(loop);
    yield* wait(asyncio.sleep(0));
    loop.callSoon(() => event.set());
    const before = ticks();
    yield* wait(event.wait());
    assert.equal(ticks() - before, 2);
    ticks.stop();
  },
);

both('R-EVT-02 set() wakes everybody in order, even if clear() follows at once', function* (kind) {
  const event = new asyncio.Event();
  const log: string[] = [];
  const tasks = yield* waiters(kind, 'abc', log, () => event.wait());
  event.set();
  event.clear();
  const late = yield* waiters(kind, 'd', log, () => event.wait());
  yield* kind.wait(asyncio.wait(tasks));
  assert.deepEqual(
    tasks.map((task) => task.result()),
    [true, true, true],
  );
  assert.deepEqual(log, ['a', 'b', 'c']);
  assert.equal(late[0]?.done(), false);
  event.set();
  yield* kind.wait(asyncio.wait(late));
});

both('R-EVT-03 set() of a set event and clear() of a clear one have no effect', function* (kind) {
  const event = new asyncio.Event();
  const tasks = yield* waiters(kind, 'a', [], () => event.wait());
  event.clear();
  assert.equal(String(event), '<Event [unset, waiters:1]>');
  event.set();
  event.set();
  yield* kind.wait(asyncio.wait(tasks));
  assert.equal(String(event), '<Event [set]>');
});

both('R-EVT-03 a cancelled waiter is removed', function* (kind) {
  const event = new asyncio.Event();
  const log: string[] = [];
  const tasks = yield* waiters(kind, 'ab', log, () => event.wait());
  tasks[0]?.cancel();
  yield* kind.wait(asyncio.sleep(0));
  assert.equal(String(event), '<Event [unset, waiters:1]>');
  event.set();
  yield* kind.wait(asyncio.wait(tasks));
  assert.deepEqual(log, ['b']);
});

// ------------------------------------------------------------------------------------------------ Condition

/** A coroutine that waits for the condition under its lock. */
function waitsUnder(
  kind: Kind,
  condition: asyncio.Condition,
  log: string[],
  name = '',
): () => asyncio.Coro<true> {
  return kind.go(function* () {
    yield* kind.wait(condition.acquire());
    try {
      const value = yield* kind.wait(condition.wait());
      log.push(name);
      return value;
    } finally {
      assert.equal(condition.locked(), true);
      condition.release();
    }
  });
}

both('R-CND-01 wait(), notify() and notifyAll() need the lock', function* ({ wait }) {
  const condition = new asyncio.Condition();
  isError(yield* thrown(wait(condition.wait())), RuntimeError, 'cannot wait on un-acquired lock');
  isError(
    thrownBy(() => condition.notify()),
    RuntimeError,
    'cannot notify on un-acquired lock',
  );
  isError(
    thrownBy(() => condition.notifyAll()),
    RuntimeError,
    'cannot notify on un-acquired lock',
  );
});

both('R-CND-02 wait() releases the lock, and has it again when it gives true', function* (kind) {
  const { wait, loop } = kind;
  const condition = new asyncio.Condition();
  const log: string[] = [];
  const task = loop.createTask(waitsUnder(kind, condition, log, 'a'));
  yield* wait(asyncio.sleep(0));
  assert.equal(condition.locked(), false);
  assert.equal(String(condition), '<Condition [unlocked, waiters:1]>');
  yield* wait(condition.acquire());
  condition.notify();
  yield* wait(asyncio.sleep(1));
  assert.deepEqual(log, [], 'notified, and waiting for the lock');
  condition.release();
  assert.equal(yield* wait(task), true);
});

both('R-CND-03 a cancelled wait() has the lock again before CancelledError comes out', function* (kind) {
  const { wait, loop } = kind;
  const condition = new asyncio.Condition();
  const task = loop.createTask(waitsUnder(kind, condition, []));
  yield* wait(asyncio.sleep(0));
  yield* wait(condition.acquire());
  task.cancel('stop');
  yield* wait(asyncio.sleep(1));
  assert.equal(task.done(), false, 'it waits for the lock');
  condition.release();
  assert.deepEqual(cancelArgs(yield* thrown(wait(task))), ['stop']);
  assert.equal(String(condition), '<Condition [unlocked]>');
});

both('R-CND-03 further cancellations do not keep it from the lock; the last one comes out', function* (kind) {
  const { wait, loop } = kind;
  const condition = new asyncio.Condition();
  const task = loop.createTask(waitsUnder(kind, condition, []));
  yield* wait(asyncio.sleep(0));
  yield* wait(condition.acquire());
  for (const message of ['first', 'second', 'third']) {
    task.cancel(message);
    yield* wait(asyncio.sleep(1));
    assert.equal(task.done(), false);
  }
  condition.release();
  assert.deepEqual(cancelArgs(yield* thrown(wait(task))), ['third']);
  assert.equal(condition.locked(), false);
});

both('R-CND-04 a notification of a waiter that is cancelled goes to the next one', function* (kind) {
  const { wait, loop } = kind;
  for (const moment of ['before it wakes', 'while it waits for the lock']) {
    const condition = new asyncio.Condition();
    const log: string[] = [];
    const [a, b] = [
      loop.createTask(waitsUnder(kind, condition, log, 'a')),
      loop.createTask(waitsUnder(kind, condition, log, 'b')),
    ];
    yield* wait(asyncio.sleep(0));
    yield* wait(condition.acquire());
    condition.notify();
    if (moment !== 'before it wakes') yield* wait(asyncio.sleep(1));
    a.cancel();
    yield* wait(asyncio.sleep(1));
    condition.release();
    yield* wait(asyncio.wait([a, b]));
    assert.equal(a.cancelled(), true);
    assert.deepEqual(log, ['b']);
  }
});

both('R-CND-05 the CancelledError that comes out is the original one', function* ({ wait, go, loop }) {
  const condition = new asyncio.Condition();
  const task = loop.createTask(
    go(function* () {
      yield* wait(condition.acquire());
      const error = yield* thrown(wait(condition.wait()));
      condition.release();
      throw error;
    }),
  );
  yield* wait(asyncio.sleep(0));
  const seen: unknown[] = [];
  const acquire = condition.acquire.bind(condition);
  condition.acquire = () => {
    seen.push('again');
    return acquire();
  };
  task.cancel('the one');
  const error = yield* thrown(wait(task));
  assert.deepEqual(cancelArgs(error), ['the one']);
  assert.deepEqual(seen, ['again']);
});

both('R-CND-06 notify(n) wakes at most n waiters, in order, and keeps the lock', function* (kind) {
  const { wait, loop } = kind;
  const condition = new asyncio.Condition();
  const log: string[] = [];
  const tasks = [...'abcdef'].map((name) => loop.createTask(waitsUnder(kind, condition, log, name)));
  yield* wait(asyncio.sleep(0));
  const rounds: [() => void, string][] = [
    [() => condition.notify(), 'a'],
    [() => condition.notify(2), 'abc'],
    [() => condition.notify(0), 'abc'],
    [() => condition.notifyAll(), 'abcdef'],
    [() => condition.notify(5), 'abcdef'],
  ];
  for (const [notify, expected] of rounds) {
    yield* wait(condition.acquire());
    notify();
    assert.equal(condition.locked(), true);
    condition.release();
    yield* wait(asyncio.sleep(1));
    assert.equal(log.join(''), expected);
  }
  yield* wait(asyncio.wait(tasks));
});

both('R-CND-06 notify() skips who was woken already', function* (kind) {
  const { wait, loop } = kind;
  const condition = new asyncio.Condition();
  const log: string[] = [];
  const tasks = [...'ab'].map((name) => loop.createTask(waitsUnder(kind, condition, log, name)));
  yield* wait(asyncio.sleep(0));
  yield* wait(condition.acquire());
  condition.notify();
  condition.notify();
  condition.release();
  yield* wait(asyncio.wait(tasks));
  assert.deepEqual(log, ['a', 'b']);
});

both(
  'R-CND-07 waitFor() asks before the first wait and after each, and gives what the predicate gave',
  function* ({ wait, go, loop }) {
    const condition = new asyncio.Condition();
    let value = 0;
    let asked = 0;
    const task = loop.createTask(
      go(function* () {
        yield* wait(condition.acquire());
        const result = yield* wait(
          condition.waitFor(() => {
            asked += 1;
            return value > 2 ? `value ${value}` : '';
          }),
        );
        condition.release();
        return result;
      }),
    );
    for (let n = 1; n <= 3; n += 1) {
      yield* wait(asyncio.sleep(1));
      assert.equal(asked, n);
      yield* wait(condition.acquire());
      value = n;
      condition.notify();
      condition.release();
    }
    assert.equal(yield* wait(task), 'value 3');
    assert.equal(asked, 4);
    yield* wait(condition.acquire());
    const ticks = ticker(loop);
    assert.equal(yield* wait(condition.waitFor(() => 7)), 7);
    assert.equal(ticks(), 0);
    ticks.stop();
    condition.release();
    isError(
      thrownBy(() => condition.waitFor(true as never)),
      TypeError,
      'Cannot wait for a predicate: expected a function, got true',
    );
  },
);

both('R-CND-07 waitFor() has the lock when the predicate throws', function* ({ wait }) {
  const condition = new asyncio.Condition();
  yield* wait(condition.acquire());
  const error = yield* thrown(
    wait(
      condition.waitFor(() => {
        throw new ValueError('boom');
      }),
    ),
  );
  isError(error, ValueError, 'boom');
  assert.equal(condition.locked(), true);
});

both('R-CND-08 a lock that is given is used as it is, and shared', function* (kind) {
  const { wait, loop } = kind;
  const lock = new asyncio.Lock();
  const [full, empty] = [new asyncio.Condition(lock), new asyncio.Condition(lock)];
  yield* wait(lock.acquire());
  assert.deepEqual([full.locked(), empty.locked()], [true, true]);
  full.release();
  assert.equal(lock.locked(), false);
  const log: string[] = [];
  const task = loop.createTask(waitsUnder(kind, full, log, 'full'));
  yield* wait(asyncio.sleep(0));
  yield* wait(empty.acquire());
  empty.notifyAll();
  full.notify();
  lock.release();
  yield* wait(task);
  assert.deepEqual(log, ['full']);
});

// ------------------------------------------------------------------------------------------------ Semaphore

both('R-SEM-01 a semaphore refuses to begin below zero', function* () {
  for (const make of [() => new asyncio.Semaphore(-1), () => new asyncio.BoundedSemaphore(-1)]) {
    isError(thrownBy(make), ValueError, 'Semaphore initial value must be >= 0');
  }
  isError(
    thrownBy(() => new asyncio.Semaphore(1.5)),
    ValueError,
  );
  isError(
    thrownBy(() => new asyncio.Semaphore('1' as never)),
    TypeError,
    'Semaphore initial value must be a number, got 1',
  );
});

both('R-SEM-02 locked() is true without a unit, and while anybody waits', function* (kind) {
  const { wait } = kind;
  const semaphore = new asyncio.Semaphore(2);
  assert.equal(semaphore.locked(), false);
  yield* wait(semaphore.acquire());
  assert.equal(semaphore.locked(), false);
  yield* wait(semaphore.acquire());
  assert.equal(semaphore.locked(), true);
  const tasks = yield* waiters(kind, 'a', [], () => semaphore.acquire());
  semaphore.release();
  semaphore.release();
  assert.equal(semaphore.locked(), true, 'the woken one has not resumed yet');
  yield* wait(asyncio.wait(tasks));
  assert.equal(semaphore.locked(), false);
});

both('R-SEM-02 a cancelled waiter does not count', function* (kind) {
  const { wait } = kind;
  const semaphore = new asyncio.Semaphore(0);
  const tasks = yield* waiters(kind, 'a', [], () => semaphore.acquire());
  tasks[0]?.cancel();
  semaphore.release();
  assert.equal(semaphore.locked(), false);
  yield* wait(asyncio.wait(tasks));
});

both('R-SEM-03 nobody overtakes', function* (kind) {
  const { wait, go, loop } = kind;
  const semaphore = new asyncio.Semaphore(1);
  const log: string[] = [];
  yield* wait(semaphore.acquire());
  const tasks = yield* waiters(kind, 'ab', log, () => semaphore.acquire());
  // Released and asked for again in one step: the others come first.
  const greedy = loop.createTask(
    go(function* () {
      semaphore.release();
      yield* wait(semaphore.acquire());
      log.push('greedy');
    }),
  );
  for (let n = 0; n < 3; n += 1) {
    yield* wait(asyncio.sleep(1));
    semaphore.release();
  }
  yield* wait(asyncio.wait([...tasks, greedy]));
  assert.deepEqual(log, ['a', 'b', 'greedy']);
});

both(
  'R-SEM-04 release() hands the unit to the first waiter, who owns it before it resumes',
  function* (kind) {
    const { wait } = kind;
    const semaphore = new asyncio.Semaphore(0);
    const log: string[] = [];
    const tasks = yield* waiters(kind, 'abc', log, () => semaphore.acquire());
    semaphore.release();
    semaphore.release();
    assert.match(String(semaphore), /^<Semaphore \[locked, waiters:3\]>$/);
    yield* wait(asyncio.sleep(0));
    assert.deepEqual(log, ['a', 'b']);
    assert.equal(String(semaphore), '<Semaphore [locked, waiters:1]>');
    semaphore.release();
    yield* wait(asyncio.wait(tasks));
    assert.deepEqual(log, ['a', 'b', 'c']);
  },
);

both('R-SEM-05 a woken waiter that is cancelled gives its unit to the next one', function* (kind) {
  const { wait } = kind;
  const semaphore = new asyncio.Semaphore(0);
  const log: string[] = [];
  const tasks = yield* waiters(kind, 'abc', log, () => semaphore.acquire());
  semaphore.release();
  tasks[0]?.cancel();
  yield* wait(asyncio.sleep(1));
  assert.equal(tasks[0]?.cancelled(), true);
  assert.deepEqual(log, ['b']);
  semaphore.release();
  tasks[2]?.cancel();
  yield* wait(asyncio.wait(tasks));
  assert.deepEqual(log, ['b']);
  assert.equal(String(semaphore), '<Semaphore [unlocked, value:1]>', 'with nobody left the unit comes back');
});

both('R-SEM-05 a waiter that is cancelled before it was woken takes no unit', function* (kind) {
  const { wait } = kind;
  const semaphore = new asyncio.Semaphore(0);
  const log: string[] = [];
  const tasks = yield* waiters(kind, 'abc', log, () => semaphore.acquire());
  tasks[0]?.cancel();
  semaphore.release();
  yield* wait(asyncio.sleep(1));
  assert.deepEqual(log, ['b']);
  semaphore.release();
  yield* wait(asyncio.wait(tasks));
  assert.deepEqual(log, ['b', 'c']);
  assert.equal(semaphore.locked(), true);
});

both(
  'R-SEM-06 a bounded semaphore refuses more units than it began with; a plain one grows',
  function* ({ wait }) {
    const bounded = new asyncio.BoundedSemaphore(1);
    isError(
      thrownBy(() => bounded.release()),
      ValueError,
      'BoundedSemaphore released too many times',
    );
    yield* wait(bounded.acquire());
    bounded.release();
    isError(
      thrownBy(() => bounded.release()),
      ValueError,
    );
    const plain = new asyncio.Semaphore(1);
    plain.release();
    assert.equal(String(plain), '<Semaphore [unlocked, value:2]>');
  },
);

// -------------------------------------------------------------------------------------------------- Barrier

both('R-BAR-01 a barrier needs at least one party', function* () {
  for (const parties of [0, -1, 1.5]) {
    isError(
      thrownBy(() => new asyncio.Barrier(parties)),
      ValueError,
      'Barrier parties must be >= 1',
    );
  }
  isError(
    thrownBy(() => new asyncio.Barrier('2' as never)),
    TypeError,
  );
  assert.equal(new asyncio.Barrier(3).parties, 3);
});

both(
  'R-BAR-02 wait() suspends until all have come; each gets its number, in the order of arrival',
  function* (kind) {
    const { wait, loop } = kind;
    const barrier = new asyncio.Barrier(3);
    const log: string[] = [];
    const tasks = yield* waiters(kind, 'ab', log, () => barrier.wait());
    yield* wait(asyncio.sleep(5));
    assert.deepEqual([log, barrier.nWaiting], [[], 2]);
    const ticks = ticker(loop);
    assert.equal(yield* wait(barrier.wait()), 2);
    assert.equal(ticks(), 0, 'the last one does not suspend');
    ticks.stop();
    yield* wait(asyncio.wait(tasks));
    assert.deepEqual(
      tasks.map((task) => task.result()),
      [0, 1],
    );
  },
);

both('R-BAR-02 a barrier works round after round', function* (kind) {
  const { wait } = kind;
  const barrier = new asyncio.Barrier(2);
  for (let round = 0; round < 3; round += 1) {
    const results = yield* wait(asyncio.gather([barrier.wait(), barrier.wait()]));
    assert.deepEqual(results, [0, 1]);
  }
  assert.equal(yield* wait(new asyncio.Barrier(1).wait()), 0);
});

both('R-BAR-03 who comes while a round leaves waits for it, and fills the next one', function* (kind) {
  const { wait } = kind;
  const barrier = new asyncio.Barrier(2);
  const log: string[] = [];
  const tasks = yield* waiters(kind, 'abcd', log, () => barrier.wait());
  yield* wait(asyncio.wait(tasks));
  assert.deepEqual(
    tasks.map((task) => task.result()),
    [0, 1, 0, 1],
  );
  assert.deepEqual([...log].slice(0, 2).sort(), ['a', 'b']);
  assert.deepEqual([...log].slice(2).sort(), ['c', 'd']);
});

both('R-BAR-03 toString() shows the state', function* (kind) {
  const { wait } = kind;
  const barrier = new asyncio.Barrier(2);
  assert.equal(String(barrier), '<Barrier [filling, waiters:0/2]>');
  const tasks = yield* waiters(kind, 'a', [], () => barrier.wait());
  assert.equal(String(barrier), '<Barrier [filling, waiters:1/2]>');
  yield* wait(barrier.wait());
  assert.equal(String(barrier), '<Barrier [draining, waiters:0/2]>');
  yield* wait(asyncio.wait(tasks));
  assert.equal(String(barrier), '<Barrier [filling, waiters:0/2]>');
  yield* wait(barrier.abort());
  assert.equal(String(barrier), '<Barrier [broken]>');
});

both('R-BAR-04 nWaiting counts while the barrier fills only', function* (kind) {
  const { wait } = kind;
  const barrier = new asyncio.Barrier(3);
  const tasks = yield* waiters(kind, 'ab', [], () => barrier.wait());
  assert.equal(barrier.nWaiting, 2);
  yield* wait(barrier.wait());
  assert.equal(barrier.nWaiting, 0, 'two have not left yet');
  yield* wait(asyncio.wait(tasks));
});

both('R-BAR-05 a waiter that is cancelled leaves, and the others go on waiting', function* (kind) {
  const { wait } = kind;
  const barrier = new asyncio.Barrier(3);
  const log: string[] = [];
  const tasks = yield* waiters(kind, 'ab', log, () => barrier.wait());
  tasks[0]?.cancel();
  yield* wait(asyncio.sleep(1));
  assert.equal(tasks[0]?.cancelled(), true);
  assert.deepEqual([barrier.broken, barrier.nWaiting, log], [false, 1, []]);
  const more = yield* waiters(kind, 'cd', log, () => barrier.wait());
  yield* wait(asyncio.wait([...tasks, ...more]));
  assert.deepEqual(log.sort(), ['b', 'c', 'd']);
});

both(
  'R-BAR-06 reset() sends who waits away with BrokenBarrierError, and the barrier fills anew',
  function* (kind) {
    const { wait } = kind;
    const barrier = new asyncio.Barrier(3);
    const tasks = yield* waiters(kind, 'ab', [], () => barrier.wait());
    yield* wait(barrier.reset());
    assert.equal(barrier.broken, false);
    for (const task of tasks) isError(yield* thrown(wait(task)), BrokenBarrierError);
    assert.equal(String(barrier), '<Barrier [filling, waiters:0/3]>');
    assert.deepEqual(
      yield* wait(asyncio.gather([barrier.wait(), barrier.wait(), barrier.wait()])),
      [0, 1, 2],
    );
  },
);

both('R-BAR-06 reset() with nobody waiting changes nothing', function* (kind) {
  const { wait } = kind;
  const barrier = new asyncio.Barrier(2);
  yield* wait(barrier.reset());
  assert.equal(String(barrier), '<Barrier [filling, waiters:0/2]>');
  assert.deepEqual(yield* wait(asyncio.gather([barrier.wait(), barrier.wait()])), [0, 1]);
});

both('R-BAR-06 who comes while the barrier is reset waits, and belongs to the next round', function* (kind) {
  const { wait, loop } = kind;
  const barrier = new asyncio.Barrier(2);
  const [early] = yield* waiters(kind, 'a', [], () => barrier.wait());
  // The newcomer's first step is due before the early one's next.
  const late = loop.createTask(barrier.wait());
  yield* wait(barrier.reset());
  assert.equal(String(barrier), '<Barrier [resetting, waiters:0/2]>');
  isError(yield* thrown(wait(early as asyncio.Task)), BrokenBarrierError);
  yield* wait(asyncio.sleep(1));
  assert.equal(late.done(), false);
  assert.equal(barrier.nWaiting, 1);
  assert.equal(yield* wait(barrier.wait()), 1);
  assert.equal(yield* wait(late), 0);
});

both('R-BAR-07 abort() breaks the barrier for who waits and who comes, until reset()', function* (kind) {
  const { wait } = kind;
  const barrier = new asyncio.Barrier(3);
  const tasks = yield* waiters(kind, 'ab', [], () => barrier.wait());
  yield* wait(barrier.abort());
  assert.deepEqual([barrier.broken, barrier.nWaiting], [true, 0]);
  for (const task of tasks) isError(yield* thrown(wait(task)), BrokenBarrierError);
  isError(yield* thrown(wait(barrier.wait())), BrokenBarrierError, 'Barrier aborted');
  assert.equal(barrier.broken, true);
  yield* wait(barrier.reset());
  assert.equal(barrier.broken, false);
  assert.deepEqual(yield* wait(asyncio.gather([barrier.wait(), barrier.wait(), barrier.wait()])), [0, 1, 2]);
});

both('R-BAR-08 withAsync() waits on the way in, and gives the number', function* ({ wait, define }) {
  const barrier = new asyncio.Barrier(2);
  const log: string[] = [];
  const body = define(function* (place: number) {
    log.push(`in ${place}`);
    yield* wait(asyncio.sleep(place));
    log.push(`out ${place}`);
    return place;
  });
  const enter = () => asyncio.withAsync(barrier, body);
  assert.deepEqual(yield* wait(asyncio.gather([enter(), enter()])), [0, 1]);
  assert.deepEqual(log.slice(0, 2).sort(), ['in 0', 'in 1']);
  assert.equal(String(barrier), '<Barrier [filling, waiters:0/2]>');
});

// --------------------------------------------------------------------------------------------- against a model

test('a lock, against a model: the order of the calls is the order of the owners, whoever is cancelled', () => {
  const command = fc.oneof(
    fc.record({ do: fc.constant('acquire' as const) }),
    fc.record({ do: fc.constant('release' as const) }),
    fc.record({ do: fc.constant('cancel' as const), who: fc.nat(9) }),
    fc.record({ do: fc.constant('turn' as const) }),
  );
  fc.assert(
    fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
      const loop = new TestLoop();
      loop.runSync(
        (function* (): asyncio.Coro<void> {
          const lock = new asyncio.Lock();
          const line: asyncio.Task[] = [];
          const owners: number[] = [];
          let asked = 0;
          const settle = function* () {
            for (let n = 0; n < 4; n += 1) yield;
          };
          for (const each of commands) {
            if (each.do === 'acquire') {
              const self = asked++;
              line.push(
                asyncio.createTask(
                  (function* (): asyncio.Coro<void> {
                    yield* lock.acquire();
                    owners.push(self);
                  })(),
                ),
              );
            } else if (each.do === 'release') {
              if (lock.locked()) lock.release();
              else assert.ok(thrownBy(() => lock.release()) instanceof RuntimeError);
            } else if (each.do === 'cancel') {
              line[each.who]?.cancel();
            } else {
              yield* settle();
            }
          }
          yield* settle();
          // Who was not cancelled, and has not had it yet, gets it.
          for (let n = 0; n <= asked; n += 1) {
            if (lock.locked()) lock.release();
            yield* settle();
          }
          assert.deepEqual(
            owners,
            line.flatMap((task, n) => (task.cancelled() ? [] : [n])),
          );
          assert.equal(String(lock), '<Lock [unlocked]>');
          for (const task of line) assert.ok(task.done());
        })(),
      );
      loop.close();
    }),
  );
});
