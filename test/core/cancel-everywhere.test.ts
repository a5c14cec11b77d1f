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
import * as asyncio from 'tsyncio';
import { getDefaultHost } from 'tsyncio/lowlevel';
import { VirtualHost } from 'tsyncio/testing';
import fc from '../property.js';
import { drive } from './both-kinds.js';
import { scenes } from './cancel-scenes.js';
import { kinds, play, Stage, SteppingClock, ticks } from './cancel-stage.js';

type Coro<T> = asyncio.Coro<T>;

/** More iterations than any scene has. */
const ENOUGH = 400;

const places = ['between', 'ahead', 'behind'] as const;

for (const [subject, scenario] of Object.entries(scenes)) {
  for (const [where, kind] of Object.entries(kinds)) {
    test(`${subject}, ${where}, loses nothing whenever it is cancelled`, async () => {
      await play(scenario, kind, null);
      // The place in the iteration makes no difference to the frames and flows around, which take their time.
      for (const place of /ten|flow/.test(where) ? places.slice(0, 1) : places) {
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

for (const [subject, scenario] of Object.entries(scenes)) {
  test(`${subject} loses nothing when the task cancels itself right before`, async () => {
    for (const [where, kind] of Object.entries(kinds)) {
      // Of several flows that are about to wait, the first one that does gets it.
      if (where === 'as a task of its own' || where === 'in one flow of three') continue;
      try {
        assert.equal(await play(scenario, kind, { iteration: 0, place: 'within' }), 'under way');
      } catch (error) {
        throw new Error(`When it is ${where}`, { cause: error });
      }
    }
  });
}

// ---------------------------------------------------------------------------------------- crowds at random

type Wait = <T>(awaitable: asyncio.Awaitable<T>) => Iterable<asyncio.Suspension, T, unknown>;

const yieldStar: Wait = (awaitable) => awaitable as Iterable<asyncio.Suspension, never, unknown>;
const awaitPlainly: Wait = function* <T>(
  awaitable: asyncio.Awaitable<T>,
): Generator<asyncio.Suspension, T, unknown> {
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
    const waiting = (name: string) =>
      Number(new RegExp(`_${name}\\[(\\d+)\\]`).exec(String(this.queue))?.[1] ?? 0);
    if (!this.queue.empty()) assert.equal(waiting('getters'), 0, 'getters beside an item');
    if (!this.queue.full()) assert.equal(waiting('putters'), 0, 'putters beside free room');
    assert.equal(this.condition.locked(), false);
    if (this.tokens > 0)
      assert.equal(String(this.condition), '<Condition [unlocked]>', 'waiters beside a token');
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
  await fc.assert(fc.asyncProperty(fc.array(somebody, { minLength: 2, maxLength: 9 }), playCrowd), {
    numRuns: 600,
  });
});

// ------------------------------------------------------------------------------------------ trees at random

/** What a coroutine does: it waits, or runs other plans in one of the library's ways, in one of the two kinds. */
type Plan =
  | { readonly do: 'sleep' | 'fail'; readonly ticks: number; readonly async: boolean }
  | {
      readonly do: 'timeout' | 'waitFor';
      readonly ticks: number;
      readonly async: boolean;
      readonly body: Plan;
    }
  | { readonly do: 'shield' | 'lock' | 'call'; readonly async: boolean; readonly body: Plan }
  | {
      readonly do: 'group' | 'gather' | 'flows' | 'race';
      readonly async: boolean;
      readonly parts: readonly Plan[];
    };

const { plan } = fc.letrec<{ plan: Plan }>((tie) => {
  const common = { async: fc.boolean() };
  const leaf = fc.record({
    ...common,
    do: fc.constantFrom('sleep' as const, 'sleep' as const, 'fail' as const),
    ticks: fc.nat(4),
  });
  const limit = fc.record({
    ...common,
    do: fc.constantFrom('timeout' as const, 'waitFor' as const),
    ticks: fc.nat(6),
    body: tie('plan'),
  });
  const around = fc.record({
    ...common,
    do: fc.constantFrom('shield' as const, 'lock' as const, 'call' as const),
    body: tie('plan'),
  });
  const several = fc.record({
    ...common,
    do: fc.constantFrom('group' as const, 'gather' as const, 'flows' as const, 'race' as const),
    parts: fc.array(tie('plan'), { minLength: 1, maxLength: 3 }),
  });
  return { plan: fc.oneof({ maxDepth: 4, withCrossShrink: true }, leaf, limit, around, several) };
});

/** Carries plans out, each in a coroutine of its kind that cleans up. */
function performer(stage: Stage, lock: asyncio.Lock) {
  const thunk = (of: Plan): (() => Coro<unknown>) =>
    of.async
      ? ((() => stage.tidilyAsync(() => operation(of))) as unknown as () => Coro<unknown>)
      : () => stage.tidily(() => operation(of));
  const operation = (of: Plan): asyncio.Awaitable<unknown> => {
    switch (of.do) {
      case 'sleep':
        return asyncio.sleep(ticks(of.ticks));
      case 'fail':
        return asyncio.coroutine(function* (): Coro<never> {
          yield* asyncio.sleep(ticks(of.ticks));
          throw new Error('failed');
        })();
      case 'timeout':
        return asyncio.timeout(ticks(of.ticks)).run(thunk(of.body));
      case 'waitFor':
        return asyncio.waitFor(thunk(of.body), ticks(of.ticks));
      case 'shield':
        return asyncio.shield(stage.loop.createTask(thunk(of.body)));
      case 'lock':
        return asyncio.withAsync(lock, () => asyncio.timeout(ticks(40)).run(thunk(of.body)));
      case 'call':
        return asyncio.coroutine(thunk(of.body))();
      case 'group':
        return new asyncio.TaskGroup().run(function* (group) {
          for (const part of of.parts.slice(1)) group.createTask(thunk(part));
          return yield* asyncio.coroutine(thunk(of.parts[0] as Plan))();
        });
      case 'gather':
        return asyncio.gather(of.parts.map(thunk));
      case 'flows':
        return asyncio.coroutine(
          async () => await Promise.all(of.parts.map(async (part) => await operation(part))),
        )();
      case 'race':
        return asyncio.staggeredRace(of.parts.map(thunk), ticks(2));
    }
  };
  return thunk;
}

async function playTree(of: Plan, cancels: readonly number[]): Promise<void> {
  const clock = new SteppingClock();
  const loop = new asyncio.EventLoop({ host: new VirtualHost({ clock, host: getDefaultHost() }) });
  const reports: string[] = [];
  loop.setExceptionHandler((_, { message, exception }) => {
    // What a shield protects may fail when nobody waits for it any more.
    if (!/in shielded future|never retrieved/.test(String(message))) reports.push(`${message}: ${exception}`);
  });

  function* main(): Coro<void> {
    const stage = new Stage(loop, (steps) => steps);
    // A lock of its own for each run; a plan that takes it inside itself is freed by a time limit.
    const lock = new asyncio.Lock();
    const quiet = loop.createFuture<void>();
    const root = loop.createTask(performer(stage, lock)(of));
    let accepted = 0;
    let iteration = 0;
    clock.onIteration = (timeout) => {
      for (const each of cancels) if (each === iteration && root.cancel()) accepted += 1;
      iteration += 1;
      if (timeout === null && !quiet.done()) quiet.setResult();
    };
    yield* quiet;
    assert.ok(root.done(), `it never ends: ${root}`);
    const alive = [...asyncio.allTasks()].filter((task) => task !== asyncio.currentTask());
    assert.deepEqual(alive.map(String), [], 'tasks that are still alive');
    assert.equal(stage.cleaned + stage.interrupted, stage.entered, 'finally blocks');
    assert.equal(String(lock), '<Lock [unlocked]>');
    if (root.cancelled()) assert.ok(accepted > 0, 'cancelled by nobody');
    else if (root.exception() === null) assert.equal(accepted, 0, 'a cancellation was swallowed');
    // The flows that are left when their task ends are cancelled, too; those requests count.
    if (JSON.stringify(of).includes('"flows"'))
      assert.equal(root.cancelling(), accepted, 'requests to cancel');
    else assert.equal(root.cancelling(), accepted, 'requests to cancel');
  }

  await asyncio.run(main(), { loopFactory: () => loop });
  assert.deepEqual(reports, []);
}

test('trees of groups, limits, gathers, shields, races and flows end whole, whenever they are cancelled', async () => {
  await fc.assert(fc.asyncProperty(plan, fc.array(fc.nat(20), { maxLength: 3 }), playTree), {
    numRuns: 300,
  });
});
