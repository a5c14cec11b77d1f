/**
 * Cancellation everywhere: each coroutine of the library is the centre of a small scene, and is cancelled at every
 * moment of its life, from before its first step to after its last: between any two iterations of the loop, as the
 * first handle of an iteration and as the last one. That holds the moments before and after the wake-up.
 *
 * Whenever it comes, the cancellation that was accepted comes out, once; every `finally` block runs to its end, with
 * the waits that are in it, ten levels deep; whoever else is in the scene gets what is theirs; and nothing is left: no
 * task, no timer, no report.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as asyncio from 'tsyncio';
import { getDefaultHost } from 'tsyncio/lowlevel';
import { type VirtualClock, VirtualHost } from 'tsyncio/testing';
import { drive } from './both-kinds.js';

type Coro<T> = asyncio.Coro<T>;
type Victim = asyncio.FutureLike<unknown>;

// ------------------------------------------------------------------------------------------------ the stage

/** The time of one iteration. Every wait moves the clock by it, so that time passes while handles are ready. */
const TICK = 1 / 8;

/** How many ticks something takes, as a duration. */
const ticks = (n: number): number => n * TICK;

/** A clock that moves by one tick an iteration, and says so. */
class SteppingClock implements VirtualClock {
  #now = 0;
  onIteration: (timeout: number | null) => void = () => {};

  time(): number {
    return this.#now;
  }

  wait(timeout: number | null): void {
    if (timeout !== null) this.#now += TICK;
    this.onIteration(timeout);
  }
}

/** When the cancellation comes: at which iteration, and where in it. */
interface Moment {
  readonly iteration: number;
  readonly place: 'between' | 'ahead' | 'behind';
}

/** What a scene is given. */
class Stage {
  readonly loop: asyncio.EventLoop;
  readonly body: Kind['body'];
  readonly others: asyncio.Task[] = [];
  /** How many coroutines were entered, are in their `finally` block, and have come to the end of it. */
  entered = 0;
  cleaning = 0;
  cleaned = 0;
  /** How many were cancelled in their `finally` block itself. */
  interrupted = 0;
  /** When the victim's own work came to its end undisturbed. */
  readonly worked: number[] = [];

  constructor(loop: asyncio.EventLoop, body: Kind['body']) {
    this.loop = loop;
    this.body = body;
  }

  /** Somebody else in the scene: a task that must come to its end whatever happens to the victim. */
  play(coro: asyncio.CoroutineLike<unknown>): asyncio.Task {
    const task = this.loop.createTask(coro) as asyncio.Task;
    this.others.push(task);
    return task;
  }

  /** A coroutine whose clean-up takes two waits, and is counted. */
  *tidily<T>(inner: () => Iterable<asyncio.Suspension, T, unknown>): Coro<T> {
    this.entered += 1;
    try {
      return yield* inner();
    } finally {
      this.cleaning += 1;
      try {
        yield* asyncio.sleep(0);
        yield* asyncio.sleep(ticks(1));
        this.cleaned += 1;
      } catch (error) {
        this.interrupted += 1;
        throw error;
      } finally {
        this.cleaning -= 1;
      }
    }
  }

  async tidilyAsync<T>(inner: () => PromiseLike<T>): Promise<T> {
    this.entered += 1;
    try {
      return await inner();
    } finally {
      this.cleaning += 1;
      try {
        await asyncio.sleep(0);
        await asyncio.sleep(ticks(1));
        this.cleaned += 1;
      } catch (error) {
        this.interrupted += 1;
        throw error;
      } finally {
        this.cleaning -= 1;
      }
    }
  }
}

/** How the victim ended. */
interface Ending {
  readonly outcome: 'cancelled' | 'returned' | 'failed';
  /** What the coroutine under test gave, when it gave something: the cancellation may have come later. */
  readonly gave: { readonly value: unknown } | null;
  readonly error: unknown;
}

interface Scene {
  /** The coroutine under test. */
  act(): asyncio.Awaitable<unknown>;
  /** Called as soon as the coroutine has given its value. */
  take?(value: unknown): void;
  /** Called some time after that, whatever happened meanwhile. */
  giveBack?(value: unknown): void;
  /** Called once the victim has been started: who comes behind it. */
  rivals?(): void;
  /** Once the victim has ended: what the others need in order to end. */
  finish?(ending: Ending): Coro<void>;
  /** When everybody has ended. */
  check?(ending: Ending): void;
  /** What the coroutine throws if nobody cancels it. */
  readonly throws?: abstract new (...args: never[]) => Error;
  /** Something that was cancelled along with it may still be cleaning up when it has ended. */
  readonly lingers?: true;
  /**
   * How many clean-ups may be cut short by something else than the cancellation at its moment: a time limit, or what it
   * sets off in others.
   */
  readonly cutsMore?: number;
}

// ------------------------------------------------------------------------------------------------ the kinds

/** How a victim is made of a coroutine of the library. */
interface Kind {
  start(stage: Stage, scene: Scene, note: (value: unknown) => void): Victim;
  /** The body of a block, in the same kind. */
  body<T>(steps: () => Coro<T>): () => Coro<T>;
}

const asSteps = <T>(steps: () => Coro<T>): (() => Coro<T>) => steps;
/** The same steps in an async function; each of its waits is a coroutine of its own. */
const asAsync = <T>(steps: () => Coro<T>): (() => Coro<T>) =>
  (async () => await asyncio.coroutine(steps)()) as unknown as () => Coro<T>;

/** The innermost frame: it takes what the coroutine gives, holds it for a while, and gives it back. */
function* holding(scene: Scene, note: (value: unknown) => void): Coro<unknown> {
  const value = yield* scene.act();
  note(value);
  try {
    yield* asyncio.sleep(0);
    return value;
  } finally {
    scene.giveBack?.(value);
  }
}

async function holdingAsync(scene: Scene, note: (value: unknown) => void): Promise<unknown> {
  const value = await scene.act();
  note(value);
  try {
    await asyncio.sleep(0);
    return value;
  } finally {
    scene.giveBack?.(value);
  }
}

const DEPTH = 10;

const kinds: Record<string, Kind> = {
  'as a task of its own': {
    start(stage, scene, note) {
      const victim = asyncio.ensureFuture(scene.act() as asyncio.AwaitableLike<unknown>, {
        loop: stage.loop,
      }) as asyncio.Future<unknown>;
      victim.addDoneCallback(() => {
        if (victim.cancelled() || victim.exception() !== null) return;
        note(victim.result());
        scene.giveBack?.(victim.result());
      });
      return victim;
    },
    body: asSteps,
  },
  'in a generator coroutine': {
    start: (stage, scene, note) => stage.loop.createTask(stage.tidily(() => holding(scene, note))),
    body: asSteps,
  },
  'in an async function': {
    start: (stage, scene, note) =>
      stage.loop.createTask(() => stage.tidilyAsync(() => holdingAsync(scene, note))),
    body: asAsync,
  },
  'ten generator coroutines deep': {
    start(stage, scene, note) {
      const descend = asyncio.coroutine(function* (depth: number): Coro<unknown> {
        return yield* stage.tidily(() => (depth === 1 ? holding(scene, note) : descend(depth - 1)));
      }) as (depth: number) => asyncio.Coroutine<unknown>;
      return stage.loop.createTask(descend(DEPTH));
    },
    body: asSteps,
  },
  'ten async functions deep': {
    start(stage, scene, note) {
      const descend = (depth: number): Promise<unknown> =>
        stage.tidilyAsync(() => (depth === 1 ? holdingAsync(scene, note) : descend(depth - 1)));
      return stage.loop.createTask(() => descend(DEPTH));
    },
    body: asAsync,
  },
  'ten deep in both kinds by turns': {
    start(stage, scene, note) {
      const inGenerator = asyncio.coroutine(function* (depth: number): Coro<unknown> {
        return yield* stage.tidily(() => (depth === 1 ? holding(scene, note) : inAsync(depth - 1)));
      }) as (depth: number) => asyncio.Coroutine<unknown>;
      const inAsync = asyncio.coroutine(async (depth: number): Promise<unknown> =>
        stage.tidilyAsync(() => (depth === 1 ? holdingAsync(scene, note) : inGenerator(depth - 1))),
      ) as (depth: number) => asyncio.Coroutine<unknown>;
      return stage.loop.createTask(inGenerator(DEPTH));
    },
    body: asAsync,
  },
};

// ---------------------------------------------------------------------------------------------- the harness

/** Plays a scene, with the victim cancelled at a moment. Tells how far it was by then. */
async function play(
  scenario: (stage: Stage) => Scene,
  kind: Kind,
  moment: Moment | null,
): Promise<'under way' | 'cleaning up' | 'over'> {
  const clock = new SteppingClock();
  const loop = new asyncio.EventLoop({ host: new VirtualHost({ clock, host: getDefaultHost() }) });
  const reports: string[] = [];
  loop.setExceptionHandler((_, { message, exception }) => void reports.push(`${message}: ${exception}`));
  let accepted = false;
  let cancelledAt = Number.POSITIVE_INFINITY;
  let cleaning = 0;
  let reached: 'under way' | 'cleaning up' | 'over' = 'over';

  function* main(): Coro<void> {
    const stage = new Stage(loop, kind.body);
    let victim: Victim | null = null;
    let gave: { value: unknown } | null = null;
    const cancel = () => {
      cleaning = stage.cleaning;
      accepted = (victim as Victim).cancel('cut');
      if (accepted) cancelledAt = loop.time();
      if (accepted) reached = gave === null && cleaning === 0 ? 'under way' : 'cleaning up';
    };
    const stop = moment === null ? () => {} : arrange(loop, clock, moment, cancel);
    const scene = scenario(stage);
    victim = kind.start(stage, scene, (value) => {
      gave = { value };
      scene.take?.(value);
    });
    scene.rivals?.();
    yield* asyncio.wait([victim]);
    stop();
    const ending: Ending = { ...endingOf(victim), gave };
    yield* scene.finish?.(ending) ?? [];
    if (stage.others.length > 0) yield* asyncio.wait(stage.others);
    for (const other of stage.others) other.result();

    const quiet = loop.createFuture<number | null>();
    let patience = scene.lingers === true ? 8 * DEPTH : 0;
    clock.onIteration = (timeout) => {
      if (timeout === 0 || (timeout !== null && patience-- > 0) || quiet.done()) return;
      quiet.setResult(timeout);
    };
    assert.equal(yield* quiet, null, 'seconds to a timer that is still alive');
    clock.onIteration = () => {};
    const alive = [...asyncio.allTasks()].filter((task) => task !== asyncio.currentTask());
    assert.deepEqual(alive.map(String), [], 'tasks that are still alive');

    assert.equal(stage.cleaned + stage.interrupted, stage.entered, 'finally blocks that ran to their end');
    // Only a clean-up that was under way can have been cut short.
    assert.ok(stage.interrupted <= cleaning + (scene.cutsMore ?? 0), `${stage.interrupted} finally blocks were cut short`);
    for (const at of stage.worked) assert.ok(at <= cancelledAt + ticks(2), 'the work went on after the cancellation');
    if (accepted) {
      assert.equal(ending.outcome, 'cancelled', `how it ended: ${ending.error}`);
      // Where something else cancels, too, the CancelledError may be that one's.
      if (scene.cutsMore === undefined) assert.deepEqual((ending.error as asyncio.CancelledError).args, ['cut']);
    } else {
      assert.equal(ending.outcome, scene.throws === undefined ? 'returned' : 'failed', `how it ended: ${ending.error}`);
      if (scene.throws !== undefined) assert.ok(ending.error instanceof scene.throws, String(ending.error));
    }
    if (victim instanceof asyncio.Task) {
      assert.equal(victim.cancelling(), accepted ? 1 : 0, 'requests to cancel');
    }
    scene.check?.(ending);
  }

  await asyncio.run(main(), { loopFactory: () => loop });
  assert.deepEqual(reports, [], 'what was reported');
  return reached;
}

/** Has `cancel` called at the moment; returns what calls that off. */
function arrange(loop: asyncio.EventLoop, clock: SteppingClock, moment: Moment, cancel: () => void): () => void {
  let iteration = 0;
  if (moment.place === 'ahead') {
    const tick = () => {
      if (iteration++ === moment.iteration) cancel();
      else handle = loop.callSoon(tick);
    };
    // Whoever is first in one iteration and asks for the next is first there, too.
    let handle = loop.callSoon(tick);
    return () => handle.cancel();
  }
  clock.onIteration = () => {
    if (iteration++ !== moment.iteration) return;
    if (moment.place === 'between') cancel();
    else loop.callSoon(cancel);
  };
  return () => {
    clock.onIteration = () => {};
  };
}

function endingOf(victim: Victim): { outcome: Ending['outcome']; error: unknown } {
  let error: unknown;
  try {
    victim.result();
    return { outcome: 'returned', error: null };
  } catch (thrown) {
    error = thrown;
  }
  // A gather fails with the CancelledError of its children.
  return { outcome: error instanceof asyncio.CancelledError ? 'cancelled' : 'failed', error };
}

// ----------------------------------------------------------------------------------------------- the scenes

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

const scenes: Record<string, (stage: Stage) => Scene> = {
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

  'waitFor() with no time left': (stage) => {
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
        asyncio.gather([worker(stage, 2, ends), stage.body(worker(stage, 3, ends))], { returnExceptions: true }),
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
    return {
      act: () => asyncio.asCompleted(tasks, { timeout: 4 }).next(),
      lingers: true,
      check({ gave }) {
        for (const task of tasks) assert.equal(task.cancelled(), false);
        if (gave !== null) assert.equal((gave.value as IteratorResult<unknown>).value, tasks[1]);
      },
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
      asyncio
        .timeout(ticks(4))
        .run(
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

  'Lock.acquire()': (stage) => lockScene(stage, (lock) => ({ act: () => lock.acquire(), giveBack: () => lock.release() })),

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

  'withAsync() with waits on the way in and out': (stage) => {
    const log: string[] = [];
    const manager: asyncio.AsyncContextManager<string> = {
      [asyncio.aenter]: asyncio.coroutine(function* (): Coro<string> {
        yield* asyncio.sleep(ticks(1));
        log.push('in');
        return 'value';
      }),
      [asyncio.aexit]: asyncio.coroutine(function* (error: { readonly value: unknown } | undefined): Coro<void> {
        log.push(error === undefined ? 'ends' : (error.value as Error).name);
        yield* asyncio.sleep(ticks(1));
        log.push('out');
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

// ------------------------------------------------------------------------------------------------ the tests

/** More iterations than any scene has. */
const ENOUGH = 400;

const places = ['between', 'ahead', 'behind'] as const;

for (const [subject, scenario] of Object.entries(scenes)) {
  for (const [where, kind] of Object.entries(kinds)) {
    test(`${subject}, ${where}, loses nothing whenever it is cancelled`, async () => {
      await play(scenario, kind, null);
      // The place in the iteration makes no difference to the frames around; ten of them take their time.
      for (const place of where.startsWith('ten') ? places.slice(0, 1) : places) {
        let reached: string = 'under way';
        let iteration = 0;
        let cleaningUp = 0;
        while (reached !== 'over') {
          try {
            reached = await play(scenario, kind, { iteration, place });
          } catch (error) {
            const when = place === 'between' ? 'before iteration' : `${place} of the others in iteration`;
            throw new Error(`When it is cancelled ${when} ${iteration}`, { cause: error });
          }
          if (reached === 'cleaning up') cleaningUp += 1;
          // Ten clean-ups in a row take long, and are all alike.
          iteration += cleaningUp < 4 ? 1 : 7;
          assert.ok(iteration < ENOUGH, 'it never ends');
        }
        if (place === 'between') assert.ok(iteration > 1, 'it ended before it began');
      }
    });
  }
}

// ---------------------------------------------------------------------------------------- crowds at random

type Wait = <T>(awaitable: asyncio.Awaitable<T>) => Iterable<asyncio.Suspension, T, unknown>;

const yieldStar: Wait = (awaitable) => awaitable as Iterable<asyncio.Suspension, never, unknown>;
const awaitPlainly: Wait = function* <T>(awaitable: asyncio.Awaitable<T>): Generator<asyncio.Suspension, T, unknown> {
  return (yield { awaitable } as unknown as asyncio.Suspension) as T;
};

/** What a crowd shares. */
class World {
  readonly lock = new asyncio.Lock();
  readonly semaphore = new asyncio.Semaphore(2);
  readonly queue = new asyncio.Queue<number>(2);
  readonly condition = new asyncio.Condition();
  readonly barrier = new asyncio.Barrier(2);
  readonly event = new asyncio.Event();
  inLock = 0;
  inSemaphore = 0;
  tokens = 0;
  closed = false;
  readonly put: number[] = [];
  readonly got: number[] = [];

  /** What somebody in the crowd does. Each lasts until it has what it waits for, or the world is closed. */
  readonly acts: Record<string, (wait: Wait, hold: number, self: number) => Coro<void>> = {
    lock: (wait, hold) => this.#inLock(wait, hold),
    semaphore: (wait, hold) => this.#inSemaphore(wait, hold),
    guard: (wait, hold) => this.#withGuard(wait, hold),
    put: (wait, _hold, self) => this.#put(wait, self),
    get: (wait, hold) => this.#get(wait, hold),
    consume: (wait, hold) => this.#consume(wait, hold),
    produce: (wait, hold) => this.#produce(wait, hold),
    meet: (wait) => this.#meet(wait),
    watch: (wait) => this.#watch(wait),
  };

  *#inLock(wait: Wait, hold: number): Coro<void> {
    yield* wait(this.lock.acquire());
    try {
      assert.equal(++this.inLock, 1, 'in the lock');
      yield* wait(asyncio.sleep(ticks(hold)));
    } finally {
      this.inLock -= 1;
      this.lock.release();
    }
  }

  *#inSemaphore(wait: Wait, hold: number): Coro<void> {
    yield* wait(this.semaphore.acquire());
    try {
      assert.ok(++this.inSemaphore <= 2, 'in the semaphore');
      yield* wait(asyncio.sleep(ticks(hold)));
    } finally {
      this.inSemaphore -= 1;
      this.semaphore.release();
    }
  }

  *#withGuard(wait: Wait, hold: number): Coro<void> {
    const guard = yield* wait(this.lock.guard());
    try {
      assert.equal(++this.inLock, 1, 'in the lock');
      yield* wait(asyncio.sleep(ticks(hold)));
    } finally {
      this.inLock -= 1;
      guard[Symbol.dispose]();
    }
  }

  *#put(wait: Wait, self: number): Coro<void> {
    yield* wait(this.queue.put(self));
    this.put.push(self);
  }

  *#get(wait: Wait, hold: number): Coro<void> {
    const item = yield* wait(this.queue.get());
    this.got.push(item);
    try {
      yield* wait(asyncio.sleep(ticks(hold)));
    } finally {
      this.queue.taskDone();
    }
  }

  *#consume(wait: Wait, hold: number): Coro<void> {
    yield* wait(this.condition.acquire());
    try {
      yield* wait(this.condition.waitFor(() => this.tokens > 0 || this.closed));
      assert.equal(this.condition.locked(), true);
      if (this.tokens > 0) this.tokens -= 1;
      yield* wait(asyncio.sleep(ticks(hold)));
    } finally {
      assert.equal(this.condition.locked(), true);
      this.condition.release();
    }
  }

  *#produce(wait: Wait, hold: number): Coro<void> {
    yield* wait(this.condition.acquire());
    try {
      this.tokens += 1;
      this.condition.notify();
      yield* wait(asyncio.sleep(ticks(hold)));
    } finally {
      this.condition.release();
    }
  }

  *#meet(wait: Wait): Coro<void> {
    try {
      yield* wait(this.barrier.wait());
    } catch (error) {
      if (!(error instanceof asyncio.BrokenBarrierError)) throw error;
    }
  }

  *#watch(wait: Wait): Coro<void> {
    yield* wait(this.event.wait());
    yield* wait(this.queue.join());
  }

  /** What must hold when nobody can go on by themselves any more. */
  checkRest(): void {
    assert.equal(String(this.lock), '<Lock [unlocked]>');
    assert.equal(String(this.semaphore), '<Semaphore [unlocked, value:2]>');
    const waiting = (name: string) => Number(new RegExp(`_${name}\\[(\\d+)\\]`).exec(String(this.queue))?.[1] ?? 0);
    if (!this.queue.empty()) assert.equal(waiting('getters'), 0, 'getters beside an item');
    if (!this.queue.full()) assert.equal(waiting('putters'), 0, 'putters beside free room');
    assert.equal(this.condition.locked(), false);
    if (this.tokens > 0) assert.equal(String(this.condition), '<Condition [unlocked]>', 'waiters beside a token');
    assert.ok(this.barrier.nWaiting < 2);
  }

  /** Lets everybody end who still waits. */
  *close(): Coro<void> {
    this.closed = true;
    this.event.set();
    while (!this.queue.empty()) {
      this.got.push(this.queue.getNowait());
      this.queue.taskDone();
      yield;
      yield;
    }
    this.queue.shutdown();
    yield* this.condition.acquire();
    this.condition.notifyAll();
    this.condition.release();
    yield* this.barrier.abort();
  }
}

const somebody = fc.record({
  act: fc.constantFrom(...Object.keys(new World().acts)),
  async: fc.boolean(),
  start: fc.nat(3),
  hold: fc.nat(3),
  cancels: fc.array(fc.nat(14), { maxLength: 3 }),
  place: fc.constantFrom('between' as const, 'behind' as const),
});

type Somebody = typeof somebody extends fc.Arbitrary<infer T> ? T : never;

async function playCrowd(crowd: readonly Somebody[]): Promise<void> {
  const clock = new SteppingClock();
  const loop = new asyncio.EventLoop({ host: new VirtualHost({ clock, host: getDefaultHost() }) });
  const reports: string[] = [];
  loop.setExceptionHandler((_, { message, exception }) => void reports.push(`${message}: ${exception}`));

  function* main(): Coro<void> {
    const world = new World();
    const quiet = loop.createFuture<void>();
    const tasks: asyncio.Task[] = [];
    let iteration = 0;
    clock.onIteration = (timeout) => {
      crowd.forEach(({ cancels, place }, n) => {
        for (const each of cancels) {
          if (each !== iteration) continue;
          if (place === 'between') tasks[n]?.cancel();
          else loop.callSoon(() => tasks[n]?.cancel());
        }
      });
      iteration += 1;
      if (timeout === null && !quiet.done()) quiet.setResult();
    };
    for (const [n, each] of crowd.entries()) {
      if (each.start > 0) yield* asyncio.sleep(0);
      const act = world.acts[each.act] as World['acts'][string];
      tasks[n] = each.async
        ? loop.createTask(() => drive(act(awaitPlainly, each.hold, n)))
        : loop.createTask(act(yieldStar, each.hold, n));
    }
    yield* quiet;
    world.checkRest();
    yield* world.close();
    yield* asyncio.wait(tasks);
    for (const task of tasks) {
      if (task.cancelled()) continue;
      const error = task.exception();
      if (error !== null && !(error instanceof asyncio.QueueShutDown)) throw error;
    }
    // Nothing dropped, nothing doubled.
    assert.deepEqual([...world.got].sort(), [...world.put].sort());
    assert.equal(String(world.lock), '<Lock [unlocked]>');
    assert.equal(String(world.condition), '<Condition [unlocked]>');
    assert.equal(String(world.queue), '<Queue maxsize=2 shutdown>');
  }

  await asyncio.run(main(), { loopFactory: () => loop });
  assert.deepEqual(reports, []);
}

test('a crowd of tasks on shared primitives, cancelled at random, leaves every one of them whole', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(somebody, { minLength: 2, maxLength: 9 }), playCrowd),
    { numRuns: 1500 },
  );
});
