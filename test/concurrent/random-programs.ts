// Random programs of submits, cancellations, interruptions, kills and shutdowns, in which every future must end exactly once.

import assert from 'node:assert/strict';
import process from 'node:process';
import * as asyncio from 'tsyncio';
import {
  asCompleted,
  BrokenExecutor,
  CancelledError,
  type Future,
  type PoolOptions,
  ProcessPoolExecutor,
  ThreadPoolExecutor,
  TimeoutError,
  wait,
  waitAsync,
} from 'tsyncio/concurrent';
import { until } from './each-pool.js';

/** Numbers that a seed determines (mulberry32). */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** An integer from 0 to `limit - 1`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

const echo = (value: unknown) => value;
const fail = (text: string) => {
  throw new RangeError(text);
};
const sleepy = async (seconds: number) => {
  const { sleep } = await import('tsyncio');
  return await sleep(seconds, 'slept');
};
const stubborn = async () => {
  const asyncio = await import('tsyncio');
  try {
    await asyncio.sleep(0.002);
  } catch {
    await asyncio.sleep(0.001);
  }
  return 'stubborn';
};
const spin = () => {
  for (;;);
};
const busy = (milliseconds: number) => {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
  return 'busy';
};
const leave = () => process.exit(1);
const unsendable = () => () => 1;

interface Tracked {
  readonly future: Future<unknown>;
  readonly what: string;
  ends: number;
  /** It never ends by itself. */
  readonly endless: boolean;
}

export interface Counts {
  programs: number;
  futures: number;
  readonly ends: Record<string, number>;
}

/** Runs the program of this seed; throws, with what it did, if something is not as it must be. */
export async function runProgram(seed: number, counts: Counts): Promise<void> {
  const log: string[] = [];
  try {
    await new Program(seed, log, counts).run();
  } catch (error) {
    throw new Error(`the program of seed ${seed} failed:\n  ${log.join('\n  ')}`, { cause: error });
  }
  counts.programs += 1;
}

class Program {
  readonly #random: Random;
  readonly #log: string[];
  readonly #counts: Counts;
  readonly #tracked: Tracked[] = [];
  readonly #pool: ThreadPoolExecutor | ProcessPoolExecutor;
  readonly #name: string;
  /** A call has been submitted that ends its worker. */
  #deadly = false;

  constructor(seed: number, log: string[], counts: Counts) {
    this.#random = new Random(seed);
    this.#log = log;
    this.#counts = counts;
    const options: PoolOptions<never> = {
      maxWorkers: 1 + this.#random.below(2),
      ...(this.#random.below(4) === 0 ? { maxQueued: 5 } : {}),
    };
    // Processes take ten times as long to start.
    const processes = this.#random.below(8) === 0;
    const perChild = processes && this.#random.below(4) === 0 ? { maxTasksPerChild: 3 } : {};
    this.#pool = processes
      ? new ProcessPoolExecutor({ ...options, ...perChild })
      : new ThreadPoolExecutor(options);
    this.#name = `${processes ? 'processes' : 'threads'} ${JSON.stringify({ ...options, ...perChild })}`;
  }

  async run(): Promise<void> {
    this.#log.push(this.#name);
    const steps = 3 + this.#random.below(12);
    for (let step = 0; step < steps; step++) await this.#step();
    await this.#end();
    this.#check();
  }

  #submit(what: string, fn: (...args: never[]) => unknown, args: unknown[], endless = false): void {
    const settings = this.#random.pick([
      null,
      null,
      null,
      { timeout: 0.005 },
      { timeout: 0.005, kill: 0.002 },
      { kill: 0.002 },
    ]);
    // Only what is killed ever ends.
    if (endless && settings?.kill === undefined) this.#log.push('(to be killed at the end)');
    this.#log.push(`submit ${what} ${JSON.stringify(settings)}`);
    const target = settings === null ? this.#pool : this.#pool.withOptions(settings);
    let future: Future<unknown>;
    try {
      future = target.submit(fn as never, ...(args as never[]));
    } catch (error) {
      const expected =
        error instanceof asyncio.QueueFull ||
        error instanceof BrokenExecutor ||
        (error as Error).message === 'cannot schedule new futures after shutdown';
      if (!expected) throw error;
      this.#log.push(`  refused: ${(error as Error).name}`);
      return;
    }
    const tracked: Tracked = { future, what, ends: 0, endless };
    future.addDoneCallback(() => void tracked.ends++);
    this.#tracked.push(tracked);
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const any = this.#tracked.length === 0 ? null : random.pick(this.#tracked).future;
    switch (random.below(24)) {
      case 0:
      case 1:
      case 2:
      case 3:
        for (let n = random.below(6); n >= 0; n--) this.#submit('echo', echo, [n]);
        break;
      case 4:
        for (let n = 0; n < 300; n++) this.#submit('echo', echo, [n]);
        break;
      case 5:
        this.#submit('large', echo, [new Uint8Array(100_000)]);
        break;
      case 6:
        this.#submit('fail', fail, ['on purpose']);
        break;
      case 7:
      case 8:
        this.#submit('sleepy', sleepy, [random.below(3) / 1000]);
        break;
      case 9:
        this.#submit('stubborn', stubborn, []);
        break;
      case 10:
        this.#submit('busy', busy, [random.below(5)]);
        break;
      case 11:
        this.#submit('spin', spin, [], true);
        break;
      case 12:
        this.#submit('unsendable', unsendable, []);
        break;
      case 13:
        if (random.below(3) === 0) {
          this.#deadly = true;
          this.#submit('leave', leave, []);
        }
        break;
      case 14:
      case 15:
        this.#log.push('cancel');
        any?.cancel();
        break;
      case 16:
        this.#log.push('interrupt');
        any?.cancel({ interrupt: true });
        break;
      case 17:
        this.#log.push('kill');
        any?.cancel({ kill: true });
        break;
      case 18:
        this.#log.push('await a turn');
        await new Promise((resolve) => setTimeout(resolve, random.below(4)));
        break;
      case 19:
        if (any === null) break;
        this.#log.push('block for a while');
        try {
          any.exception(random.below(10) / 1000);
        } catch (error) {
          if (!(error instanceof TimeoutError || error instanceof CancelledError)) throw error;
        }
        break;
      case 20:
        this.#log.push('wait for some');
        wait(
          this.#tracked.map(({ future }) => future),
          { timeout: 0.005, returnWhen: 'FIRST_COMPLETED' },
        );
        break;
      case 21:
        this.#log.push('wait for some, awaiting');
        await waitAsync(
          this.#tracked.map(({ future }) => future),
          { timeout: 0.005 },
        );
        break;
      case 22:
        if (random.below(4) > 0) break;
        this.#log.push('shutdown');
        this.#pool.shutdown({ wait: false, cancelFutures: random.below(2) === 0 });
        break;
      case 23:
        if (random.below(6) > 0 || !(this.#pool instanceof ProcessPoolExecutor)) break;
        this.#log.push('terminate');
        this.#deadly = true;
        if (random.below(2) === 0) this.#pool.terminateWorkers();
        else this.#pool.killWorkers();
        break;
    }
  }

  async #end(): Promise<void> {
    const cancelFutures = this.#random.below(2) === 0;
    this.#log.push(`the end: shutdown, cancelFutures: ${cancelFutures}`);
    this.#pool.shutdown({ wait: false, cancelFutures });
    await asyncio.sleep(0);
    for (const { future, endless } of this.#tracked) if (endless) future.cancel({ kill: true });
    switch (this.#random.below(4)) {
      case 0:
        this.#log.push('by shutdown()');
        this.#pool.shutdown();
        break;
      case 1:
        this.#log.push('by shutdownAsync()');
        await this.#pool.shutdownAsync();
        break;
      case 2:
        this.#log.push('by asCompleted()');
        for (const future of asCompleted(
          this.#tracked.map((each) => each.future),
          { timeout: 60 },
        )) {
          assert.equal(future.done(), true);
        }
        await this.#pool.shutdownAsync();
        break;
      case 3:
        this.#log.push('by awaiting all');
        await until(() => this.#tracked.every(({ future }) => future.done()), 'all futures');
        await this.#pool.shutdownAsync();
        break;
    }
  }

  #check(): void {
    for (const { future, what, ends } of this.#tracked) {
      assert.equal(ends, 1, `${what} has ended ${ends} times: ${future}`);
      this.#counts.futures += 1;
      const how = this.#outcome(future, what);
      this.#counts.ends[how] = (this.#counts.ends[how] ?? 0) + 1;
    }
    const { queued, running, workers } = this.#pool.statistics();
    assert.deepEqual({ queued, running, workers }, { queued: 0, running: 0, workers: [] });
  }

  /** How it ended, which must be one of the ways that it may. */
  #outcome(future: Future<unknown>, what: string): string {
    if (future.cancelled()) return 'cancelled';
    const error = future.exception();
    if (error === null) {
      assert.ok(
        what !== 'fail' && what !== 'spin' && what !== 'leave' && what !== 'unsendable',
        `${what} gave a result`,
      );
      return 'result';
    }
    if (error instanceof TimeoutError) return 'timeout';
    if (error instanceof BrokenExecutor) {
      assert.ok(this.#deadly, `${what} ended with ${error}, and nobody had ended a worker`);
      return 'broken';
    }
    assert.ok(
      (what === 'fail' && error instanceof RangeError) ||
        (what === 'unsendable' && error instanceof TypeError),
      `${what} failed with ${error}`,
    );
    return 'error';
  }
}
