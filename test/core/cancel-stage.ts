/**
 * The stage for scenes of cancellation: a scene has a coroutine of the library at its centre, the victim, and others
 * around it. `play()` plays it once on a loop of its own, cancels the victim at one moment, and checks what must hold
 * whatever the scene is: the cancellation comes out, `finally` blocks run to their end, everybody else ends, and
 * nothing is left.
 */

import assert from 'node:assert/strict';
import * as asyncio from 'tsyncio';
import { getDefaultHost } from 'tsyncio/lowlevel';
import { type VirtualClock, VirtualHost } from 'tsyncio/testing';

type Coro<T> = asyncio.Coro<T>;
type Victim = asyncio.FutureLike<unknown>;

/** The time of one iteration. Every wait moves the clock by it, so that time passes while handles are ready. */
const TICK = 1 / 8;

/** How many ticks something takes, as a duration. */
export const ticks = (n: number): number => n * TICK;

/** A clock that moves by one tick an iteration, and says so. */
export class SteppingClock implements VirtualClock {
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

/** When the cancellation comes: at which iteration, and where in it; or from within, right before the coroutine. */
export interface Moment {
  readonly iteration: number;
  readonly place: 'between' | 'ahead' | 'behind' | 'within';
}

/** What a scene is given. */
export class Stage {
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
  /** Called right before the victim comes to the coroutine under test. */
  beforeAct: () => void = () => {};

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
      yield* this.#cleanUp();
    }
  }

  *#cleanUp(): Coro<void> {
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

  async tidilyAsync<T>(inner: () => PromiseLike<T>): Promise<T> {
    this.entered += 1;
    try {
      return await inner();
    } finally {
      await this.#cleanUpAsync();
    }
  }

  async #cleanUpAsync(): Promise<void> {
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

/** How the victim ended. */
export interface Ending {
  readonly outcome: 'cancelled' | 'returned' | 'failed';
  /** What the coroutine under test gave, when it gave something: the cancellation may have come later. */
  readonly gave: { readonly value: unknown } | null;
  readonly error: unknown;
}

export interface Scene {
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
  readonly throws?: abstract new (
    ...args: never[]
  ) => Error;
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
export interface Kind {
  start(stage: Stage, scene: Scene, note: (value: unknown) => void): Victim;
  /** The body of a block, in the same kind. */
  body<T>(steps: () => Coro<T>): () => Coro<T>;
}

const asSteps = <T>(steps: () => Coro<T>): (() => Coro<T>) => steps;
/** The same steps in an async function; each of its waits is a coroutine of its own. */
const asAsync = <T>(steps: () => Coro<T>): (() => Coro<T>) =>
  (async () => await asyncio.coroutine(steps)()) as unknown as () => Coro<T>;

/** The innermost frame: it takes what the coroutine gives, holds it for a while, and gives it back. */
function* holding(stage: Stage, scene: Scene, note: (value: unknown) => void): Coro<unknown> {
  stage.beforeAct();
  const value = yield* scene.act();
  note(value);
  try {
    yield* asyncio.sleep(0);
    return value;
  } finally {
    scene.giveBack?.(value);
  }
}

async function holdingAsync(stage: Stage, scene: Scene, note: (value: unknown) => void): Promise<unknown> {
  stage.beforeAct();
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

export const kinds: Record<string, Kind> = {
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
    start: (stage, scene, note) => stage.loop.createTask(stage.tidily(() => holding(stage, scene, note))),
    body: asSteps,
  },
  'in an async function': {
    start: (stage, scene, note) =>
      stage.loop.createTask(() => stage.tidilyAsync(() => holdingAsync(stage, scene, note))),
    body: asAsync,
  },
  'in one flow of three': {
    start: (stage, scene, note) =>
      stage.loop.createTask(async () => {
        const flows = [
          () => asyncio.sleep(ticks(2)),
          () => holdingAsync(stage, scene, note),
          () => asyncio.sleep(0),
        ];
        // Unlike Promise.all(), this waits for all of them.
        const ends = await Promise.allSettled(flows.map((each) => stage.tidilyAsync<unknown>(each)));
        const reasons = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
        if (reasons.length > 0)
          throw reasons.find((each) => each instanceof asyncio.CancelledError) ?? reasons[0];
      }),
    body: asAsync,
  },
  'ten generator coroutines deep': {
    start(stage, scene, note) {
      const descend = asyncio.coroutine(function* (depth: number): Coro<unknown> {
        return yield* stage.tidily(() => (depth === 1 ? holding(stage, scene, note) : descend(depth - 1)));
      }) as (depth: number) => asyncio.Coroutine<unknown>;
      return stage.loop.createTask(descend(DEPTH));
    },
    body: asSteps,
  },
  'ten async functions deep': {
    start(stage, scene, note) {
      const descend = (depth: number): Promise<unknown> =>
        stage.tidilyAsync(() => (depth === 1 ? holdingAsync(stage, scene, note) : descend(depth - 1)));
      return stage.loop.createTask(() => descend(DEPTH));
    },
    body: asAsync,
  },
  'ten deep in both kinds by turns': {
    start(stage, scene, note) {
      const inGenerator = asyncio.coroutine(function* (depth: number): Coro<unknown> {
        return yield* stage.tidily(() => (depth === 1 ? holding(stage, scene, note) : inAsync(depth - 1)));
      }) as (depth: number) => asyncio.Coroutine<unknown>;
      const inAsync = asyncio.coroutine(
        async (depth: number): Promise<unknown> =>
          stage.tidilyAsync(() => (depth === 1 ? holdingAsync(stage, scene, note) : inGenerator(depth - 1))),
      ) as (depth: number) => asyncio.Coroutine<unknown>;
      return stage.loop.createTask(inGenerator(DEPTH));
    },
    body: asAsync,
  },
};

// ---------------------------------------------------------------------------------------------- the harness

/** Plays a scene, with the victim cancelled at a moment. Tells how far it was by then. */
export async function play(
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
    if (moment?.place === 'within') stage.beforeAct = cancel;
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
    assert.ok(
      stage.interrupted <= cleaning + (scene.cutsMore ?? 0),
      `${stage.interrupted} finally blocks were cut short`,
    );
    for (const at of stage.worked)
      assert.ok(at <= cancelledAt + ticks(2), 'the work went on after the cancellation');
    // A limit that is entered with a request under way counts that as none of its business.
    const limitWins = moment?.place === 'within' && scene.throws !== undefined && ending.outcome === 'failed';
    if (accepted && !limitWins) {
      assert.equal(ending.outcome, 'cancelled', `how it ended: ${ending.error}`);
      // Where something else cancels, too, the CancelledError may be that one's.
      if (scene.cutsMore === undefined)
        assert.deepEqual((ending.error as asyncio.CancelledError).args, ['cut']);
    } else {
      assert.equal(
        ending.outcome,
        scene.throws === undefined ? 'returned' : 'failed',
        `how it ended: ${ending.error}`,
      );
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
function arrange(
  loop: asyncio.EventLoop,
  clock: SteppingClock,
  moment: Moment,
  cancel: () => void,
): () => void {
  let iteration = 0;
  if (moment.place === 'within') return () => {};
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
