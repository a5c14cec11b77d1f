/** The scenes of cancellation: one for each coroutine of the library, and for each way in which it can wait. */

import assert from 'node:assert/strict';
import * as asyncio from 'tsyncio';
import { type Scene, type Stage, ticks } from './cancel-stage.js';

type Coro<T> = asyncio.Coro<T>;

/** A part of the victim that works for some ticks, cleans up, and says how it ended. */
function worker(stage: Stage, n: number, ends: string[], value: unknown = n): () => Coro<unknown> {
  return function* () {
    let end = 'cancelled';
    try {
      return yield* stage.tidily(function* () {
        yield* asyncio.sleep(ticks(n));
        end = 'done';
        stage.worked.push(stage.loop.time());
        return value;
      });
    } finally {
      ends.push(end);
    }
  };
}

/** Work that is nobody's but its own. */
function ownWork(stage: Stage, n: number): asyncio.Task {
  return stage.play(function* () {
    yield* asyncio.sleep(ticks(n));
    return 'safe';
  });
}

export const scenes: Record<string, (stage: Stage) => Scene> = {
  'sleep(0)': () => ({ act: () => asyncio.sleep(0) }),

  'sleep()': () => ({ act: () => asyncio.sleep(ticks(3)) }),

  'wait()': (stage) => {
    const tasks = [2, 3].map((n) => ownWork(stage, n));
    return {
      act: () => asyncio.wait(tasks, { timeout: 100 }),
      check() {
        for (const task of tasks) assert.equal(task.cancelled(), false);
      },
    };
  },

  'waitFor() of a coroutine': (stage) => {
    const ends: string[] = [];
    return {
      act: () => asyncio.waitFor(stage.body(worker(stage, 2, ends, 'value')), 100),
      check({ gave }) {
        if (gave !== null) assert.deepEqual([gave.value, ends], ['value', ['done']]);
      },
    };
  },

  'waitFor() that times out': (stage) => ({
    act: () => asyncio.waitFor(stage.body(worker(stage, 100, [])), ticks(3)),
    throws: asyncio.TimeoutError,
    cutsMore: 1,
  }),

  'waitFor() of a task': (stage) => {
    const task = stage.loop.createTask(
      (function* (): Coro<void> {
        yield* asyncio.sleep(ticks(3));
      })(),
    );
    return {
      act: () => asyncio.waitFor(task, 100),
      *finish() {
        if (!task.done()) yield* asyncio.wait([task]);
      },
    };
  },

  'waitFor() with no time left': () => {
    const started: string[] = [];
    return {
      act: () =>
        asyncio.waitFor(function* () {
          started.push('started');
        }, 0),
      throws: asyncio.TimeoutError,
      lingers: true,
      check: () => assert.deepEqual(started, [], 'it must not be started'),
    };
  },

  'gather()': (stage) => {
    const ends: string[] = [];
    return {
      act: () => asyncio.gather([worker(stage, 2, ends), stage.body(worker(stage, 3, ends))]),
      check({ gave }) {
        if (gave === null) return;
        assert.deepEqual(gave.value, [2, 3]);
        assert.deepEqual(ends, ['done', 'done']);
      },
    };
  },

  'gather() of outcomes': (stage) => {
    const ends: string[] = [];
    return {
      act: () =>
        asyncio.gather([worker(stage, 2, ends), stage.body(worker(stage, 3, ends))], {
          returnExceptions: true,
        }),
    };
  },

  'shield()': (stage) => {
    const inner = ownWork(stage, 3);
    return {
      act: () => asyncio.shield(inner),
      check: () => assert.equal(inner.result(), 'safe'),
    };
  },

  'asCompleted()': (stage) => {
    const tasks = [3, 2].map((n) => ownWork(stage, n));
    const completed = asyncio.asCompleted(tasks, { timeout: 100 });
    const seen: unknown[] = [];
    return {
      act: () => completed.next(),
      take: (step) => void seen.push((step as IteratorResult<unknown>).value),
      *finish() {
        for (let step = yield* completed.next(); step.done !== true; step = yield* completed.next()) {
          seen.push(step.value);
        }
      },
      check: () => assert.deepEqual(seen, [tasks[1], tasks[0]]),
    };
  },

  'staggeredRace()': (stage) => {
    const ends: string[] = [];
    const failing = function* (): Coro<string> {
      yield* stage.tidily(() => asyncio.sleep(ticks(1)));
      throw new Error('down');
    };
    return {
      act: () =>
        asyncio.staggeredRace(
          [failing, stage.body(worker(stage, 5, ends, 'up')), stage.body(worker(stage, 50, ends))],
          ticks(2),
        ),
      cutsMore: 1,
      check({ gave }) {
        if (gave !== null) assert.deepEqual((gave.value as unknown[]).slice(0, 2), ['up', 1]);
      },
    };
  },

  'timeout().run()': (stage) => {
    const limit = () => asyncio.timeout(100);
    return {
      act: () => limit().run(stage.body(worker(stage, 2, [], 'value'))),
      check({ gave }) {
        if (gave !== null) assert.equal(gave.value, 'value');
      },
    };
  },

  'timeout().run() that times out': (stage) => ({
    act: () => asyncio.timeout(ticks(2)).run(stage.body(worker(stage, 100, []))),
    throws: asyncio.TimeoutError,
    cutsMore: 1,
  }),

  'timeouts within timeouts': (stage) => ({
    act: () =>
      asyncio.timeout(ticks(4)).run(
        stage.body(function* () {
          return yield* asyncio.timeout(ticks(3)).run(worker(stage, 100, []));
        }),
      ),
    throws: asyncio.TimeoutError,
    cutsMore: 2,
  }),

  'TaskGroup.run() while the body runs': (stage) => {
    const ends: string[] = [];
    return {
      act: () =>
        new asyncio.TaskGroup().run(function* (group) {
          group.createTask(worker(stage, 1, ends)());
          group.createTask(stage.body(worker(stage, 2, ends)));
          yield* asyncio.sleep(ticks(8));
          return 'value';
        }),
      cutsMore: 1,
      check({ gave }) {
        if (gave !== null) assert.deepEqual([gave.value, ends], ['value', ['done', 'done']]);
      },
    };
  },

  'TaskGroup.run() while it waits for its tasks': (stage) => {
    const ends: string[] = [];
    return {
      act: () =>
        new asyncio.TaskGroup().run(function* (group) {
          group.createTask(worker(stage, 2, ends)());
          group.createTask(stage.body(worker(stage, 3, ends)));
        }),
      check({ gave }) {
        if (gave !== null) assert.deepEqual(ends, ['done', 'done']);
      },
      cutsMore: 1,
    };
  },

  'TaskGroup.run() that is cancelled from within': (stage) => {
    const ends: string[] = [];
    return {
      act: () =>
        new asyncio.TaskGroup().run(function* (group) {
          group.createTask(worker(stage, 50, ends)());
          group.createTask(stage.body(worker(stage, 50, ends)));
          stage.loop.callLater(ticks(2), () => group.cancel());
          yield* asyncio.sleep(ticks(50));
        }),
      // The timer that cancels the group is the scene's own.
      lingers: true,
      cutsMore: 2,
      check: () => assert.ok(!ends.includes('done')),
    };
  },

  'Lock.acquire() of a free lock': () => {
    const lock = new asyncio.Lock();
    return {
      act: () => lock.acquire(),
      giveBack: () => lock.release(),
      check: () => assert.equal(String(lock), '<Lock [unlocked]>'),
    };
  },

  'Lock.acquire()': (stage) =>
    lockScene(stage, (lock) => ({ act: () => lock.acquire(), giveBack: () => lock.release() })),

  'Lock.guard()': (stage) =>
    lockScene(stage, (lock) => ({
      act: () => lock.guard(),
      giveBack: (guard) => (guard as Disposable)[Symbol.dispose](),
    })),

  'withAsync() of a lock': (stage) =>
    lockScene(stage, (lock) => ({
      act: () =>
        asyncio.withAsync(
          lock,
          stage.body(function* () {
            assert.equal(lock.locked(), true);
            yield* asyncio.sleep(ticks(2));
            assert.equal(lock.locked(), true);
          }),
        ),
    })),

  'withAsync() with waits on the way in and out': () => {
    const log: string[] = [];
    const manager: asyncio.AsyncContextManager<string> = {
      [asyncio.aenter]: asyncio.coroutine(function* (): Coro<string> {
        yield* asyncio.sleep(ticks(1));
        log.push('in');
        return 'value';
      }),
      [asyncio.aexit]: asyncio.coroutine(function* (
        error: { readonly value: unknown } | undefined,
      ): Coro<undefined> {
        log.push(error === undefined ? 'ends' : (error.value as Error).name);
        yield* asyncio.sleep(ticks(1));
        log.push('out');
        return undefined;
      }),
    };
    let began = false;
    return {
      act: () =>
        asyncio.withAsync(manager, function* (value) {
          began = true;
          yield* asyncio.sleep(ticks(1));
          return value;
        }),
      check({ gave }) {
        if (gave !== null) assert.deepEqual([gave.value, log], ['value', ['in', 'ends', 'out']]);
        // Once entered, it is left; only a cancellation of the exit itself cuts that short, as in Python.
        else if (began) assert.ok(log.length >= 2, String(log));
        else assert.deepEqual(log, []);
      },
    };
  },

  'Semaphore.acquire()': (stage) => semaphoreScene(stage, new asyncio.Semaphore(1)),

  'BoundedSemaphore.acquire()': (stage) => semaphoreScene(stage, new asyncio.BoundedSemaphore(1)),

  'Semaphore.guard()': (stage) => {
    const semaphore = new asyncio.Semaphore(1);
    return {
      ...semaphoreScene(stage, semaphore),
      act: () => semaphore.guard(),
      giveBack: (guard) => (guard as Disposable)[Symbol.dispose](),
    };
  },

  'Event.wait()': (stage) => {
    const event = new asyncio.Event();
    stage.play(function* () {
      yield* asyncio.sleep(ticks(3));
      event.set();
      event.clear();
    });
    return {
      act: () => event.wait(),
      rivals() {
        stage.play(event.wait());
      },
      check: () => assert.equal(String(event), '<Event [unset]>'),
    };
  },

  'Condition.wait()': (stage) =>
    conditionScene(stage, (condition, held) =>
      asyncio.withAsync(condition, function* () {
        try {
          yield* condition.wait();
        } finally {
          held();
        }
      }),
    ),

  'Condition.waitFor()': (stage) => {
    let asked = 0;
    return conditionScene(stage, (condition, held) =>
      asyncio.withAsync(condition, function* () {
        try {
          yield* condition.waitFor(() => asked++ > 0);
        } finally {
          held();
        }
      }),
    );
  },

  'Barrier.wait()': (stage) => {
    const barrier = new asyncio.Barrier(3);
    const places: unknown[] = [];
    const arrive = function* (): Coro<void> {
      places.push(yield* barrier.wait());
    };
    stage.play(arrive);
    return {
      act: () => barrier.wait(),
      take: (place) => void places.push(place),
      rivals() {
        stage.play(function* () {
          yield* asyncio.sleep(ticks(3));
          yield* arrive();
        });
      },
      *finish({ gave }) {
        // Somebody takes the place of who is gone, unless the round was full before.
        if (gave === null) {
          yield* asyncio.sleep(ticks(6));
          if (barrier.nWaiting > 0) {
            assert.equal(barrier.nWaiting, 2);
            yield* arrive();
          }
        }
        yield* fullRound(barrier);
      },
      check({ gave }) {
        assert.equal(new Set(places).size, places.length, 'nobody has somebody else’s place');
        if (gave !== null) assert.deepEqual(places.sort(), [0, 1, 2]);
      },
    };
  },

  'Barrier.wait() for the round before to leave': (stage) => {
    const barrier = new asyncio.Barrier(2);
    const pair = function* (): Coro<void> {
      yield* barrier.wait();
    };
    stage.play(pair);
    stage.play(pair);
    return {
      // The third one comes while the first two leave.
      act: asyncio.coroutine(function* (): Coro<unknown> {
        return yield* barrier.wait();
      }),
      rivals() {
        stage.play(function* () {
          yield* asyncio.sleep(ticks(4));
          if (barrier.nWaiting > 0) yield* barrier.wait();
        });
      },
      *finish() {
        yield* asyncio.sleep(ticks(8));
        assert.equal(barrier.nWaiting, 0);
      },
    };
  },

  'Barrier.reset()': (stage) => {
    const barrier = new asyncio.Barrier(3);
    const broken: unknown[] = [];
    for (let n = 0; n < 2; n += 1) stage.play(waitBroken(barrier, broken));
    return {
      act: asyncio.coroutine(function* (): Coro<void> {
        yield* asyncio.sleep(ticks(1));
        yield* barrier.reset();
      }),
      *finish() {
        // It may be that it was cancelled before it did anything.
        if (barrier.nWaiting > 0) yield* barrier.reset();
        yield* fullRound(barrier);
      },
      check: () => assert.equal(broken.length, 2),
    };
  },

  'Barrier.abort()': (stage) => {
    const barrier = new asyncio.Barrier(3);
    const broken: unknown[] = [];
    for (let n = 0; n < 2; n += 1) stage.play(waitBroken(barrier, broken));
    return {
      act: asyncio.coroutine(function* (): Coro<void> {
        yield* asyncio.sleep(ticks(1));
        yield* barrier.abort();
      }),
      *finish({ gave }) {
        if (gave !== null) assert.equal(barrier.broken, true);
        if (barrier.nWaiting > 0) yield* barrier.abort();
        yield* asyncio.sleep(ticks(1));
        yield* barrier.reset();
        yield* fullRound(barrier);
      },
      check: () => assert.equal(broken.length, 2),
    };
  },

  'Queue.get()': (stage) => {
    const queue = new asyncio.Queue<string>();
    const taken: unknown[] = [];
    stage.play(function* () {
      yield* asyncio.sleep(ticks(3));
      queue.putNowait('first');
      yield* asyncio.sleep(ticks(1));
      yield* queue.put('second');
    });
    return {
      act: () => queue.get(),
      take: (item) => void taken.push(item),
      rivals() {
        stage.play(function* () {
          taken.push(yield* queue.get());
        });
      },
      check({ gave }) {
        if (gave === null) assert.deepEqual([...taken, queue.getNowait()], ['first', 'second']);
        else assert.deepEqual(taken, ['first', 'second']);
        assert.equal(gave === null || gave.value === 'first', true);
        assert.doesNotMatch(String(queue), /getters|_queue/);
      },
    };
  },

  'Queue.get() of the only item': (stage) => {
    const queue = new asyncio.Queue<string>();
    stage.loop.callLater(ticks(3), () => queue.putNowait('only'));
    let theirs: string | null = null;
    return {
      act: () => queue.get(),
      rivals() {
        stage.play(function* () {
          theirs = yield* queue.get();
        });
      },
      *finish({ gave }) {
        if (gave !== null) queue.putNowait('another');
      },
      check({ gave }) {
        assert.equal(theirs, gave === null ? 'only' : 'another');
        assert.equal(String(queue), `<Queue maxsize=0 tasks=${gave === null ? 1 : 2}>`);
      },
    };
  },

  'Queue.get() of several waiting for one item each': (stage) => {
    const queue = new asyncio.Queue<number>();
    const taken: unknown[] = [];
    const get = function* (): Coro<void> {
      taken.push(yield* queue.get());
    };
    stage.play(get);
    return {
      act: () => queue.get(),
      take: (item) => void taken.push(item),
      rivals() {
        stage.play(get);
        stage.play(function* () {
          yield* asyncio.sleep(ticks(2));
          for (let n = 0; n < 3; n += 1) queue.putNowait(n);
        });
      },
      check({ gave }) {
        if (gave === null) taken.push(queue.getNowait());
        assert.deepEqual(taken.sort(), [0, 1, 2]);
        assert.doesNotMatch(String(queue), /getters|_queue/);
      },
    };
  },

  'Queue.put()': (stage) => {
    const queue = new asyncio.Queue<string>(1);
    queue.putNowait('early');
    const out: string[] = [];
    stage.play(function* () {
      yield* asyncio.sleep(ticks(3));
      for (;;) {
        const item = yield* queue.get();
        if (item === 'end') return;
        out.push(item);
      }
    });
    return {
      act: () => queue.put('mine'),
      rivals() {
        stage.play(queue.put('theirs'));
      },
      *finish() {
        yield* asyncio.sleep(ticks(4));
        yield* queue.put('end');
      },
      check({ gave }) {
        assert.deepEqual(out, gave === null ? ['early', 'theirs'] : ['early', 'mine', 'theirs']);
        assert.doesNotMatch(String(queue), /putters|_queue/);
      },
    };
  },

  'Queue.join()': (stage) => {
    const queue = new asyncio.Queue<number>();
    queue.putNowait(1);
    stage.play(function* () {
      yield* queue.get();
      yield* asyncio.sleep(ticks(3));
      queue.taskDone();
    });
    return {
      act: () => queue.join(),
      rivals() {
        stage.play(queue.join());
      },
    };
  },
};

function lockScene(stage: Stage, makeScene: (lock: asyncio.Lock) => Scene): Scene {
  const lock = new asyncio.Lock();
  const turn = function* (): Coro<void> {
    yield* lock.acquire();
    try {
      yield* asyncio.sleep(ticks(2));
    } finally {
      lock.release();
    }
  };
  stage.play(turn);
  return {
    ...makeScene(lock),
    rivals() {
      stage.play(turn);
    },
    check: () => assert.equal(String(lock), '<Lock [unlocked]>'),
  };
}

function semaphoreScene(stage: Stage, semaphore: asyncio.Semaphore): Scene {
  let inside = 0;
  const turn = function* (): Coro<void> {
    yield* semaphore.acquire();
    inside += 1;
    assert.equal(inside, 1);
    try {
      yield* asyncio.sleep(ticks(2));
    } finally {
      inside -= 1;
      semaphore.release();
    }
  };
  stage.play(turn);
  return {
    act: () => semaphore.acquire(),
    giveBack: () => semaphore.release(),
    rivals() {
      stage.play(turn);
    },
    check: () => assert.equal(String(semaphore), `<${semaphore.constructor.name} [unlocked, value:1]>`),
  };
}

/** One notification, handed on by whoever gets it: so everybody must get one. */
function conditionScene(
  stage: Stage,
  wait: (condition: asyncio.Condition, held: () => void) => asyncio.Coroutine<unknown>,
): Scene {
  const condition = new asyncio.Condition();
  const seen: string[] = [];
  return {
    act: () => wait(condition, () => assert.equal(condition.locked(), true, 'the lock is held again')),
    *finish({ gave }) {
      if (gave === null) return;
      yield* condition.acquire();
      condition.notify();
      condition.release();
    },
    rivals() {
      stage.play(function* () {
        yield* condition.acquire();
        yield* condition.wait();
        seen.push('notified');
        condition.release();
      });
      stage.play(function* () {
        yield* asyncio.sleep(ticks(3));
        yield* condition.acquire();
        condition.notify();
        yield* asyncio.sleep(ticks(3));
        condition.release();
      });
    },
    check() {
      assert.deepEqual(seen, ['notified']);
      assert.equal(String(condition), '<Condition [unlocked]>');
    },
  };
}

function waitBroken(barrier: asyncio.Barrier, broken: unknown[]): () => Coro<void> {
  return function* () {
    try {
      yield* barrier.wait();
    } catch (error) {
      if (!(error instanceof asyncio.BrokenBarrierError)) throw error;
      broken.push(error);
    }
  };
}

/** The barrier works as ever: three come, three go on. */
function* fullRound(barrier: asyncio.Barrier): Coro<void> {
  const places = yield* asyncio.gather([barrier.wait(), barrier.wait(), barrier.wait()]);
  assert.deepEqual(places, [0, 1, 2]);
  assert.equal(String(barrier), '<Barrier [filling, waiters:0/3]>');
}
