/** What a pool tells about itself. */

import { Histogram } from './histogram.js';

/** What one worker of a pool has done. */
export interface WorkerStatistics {
  readonly name: string;
  /** Calls that it has run. */
  readonly done: number;
  /** Seconds that it has spent in calls. */
  readonly busy: number;
  /** The share of its life that it has spent in calls, from 0 to 1. */
  readonly utilisation: number;
}

/** What `pool.statistics()` gives: the state of the calls at that moment, and how long they took. */
export interface PoolStatistics {
  /** Calls that wait for a worker. */
  readonly queued: number;
  readonly running: number;
  /** Calls that have ended, with a result or an error. */
  readonly done: number;
  /** Those of them that ended with an error. */
  readonly failed: number;
  readonly cancelled: number;
  /** One for each live worker. */
  readonly workers: readonly WorkerStatistics[];
  /** Seconds between a call's submission and its start. */
  readonly waitTime: Histogram;
  /** Seconds that calls took in their workers. */
  readonly runTime: Histogram;
}

/** The figures of one worker. */
export class WorkerRecord {
  readonly name: string;
  readonly #born: number;
  done = 0;
  busy = 0;

  constructor(name: string, now: number) {
    this.name = name;
    this.#born = now;
  }

  /** @param now milliseconds, of the clock that it was born by. */
  report(now: number): WorkerStatistics {
    const age = (now - this.#born) / 1000;
    const { name, done, busy } = this;
    return { name, done, busy, utilisation: age <= 0 ? 0 : Math.min(1, busy / age) };
  }
}

/** Counts what becomes of a pool's calls. */
export class Accounts {
  done = 0;
  failed = 0;
  cancelled = 0;
  readonly waitTime = new Histogram();
  readonly runTime = new Histogram();

  /** A call has ended; times in milliseconds. */
  ended(
    submitted: number,
    started: number,
    ended: number,
    worker: WorkerRecord | undefined,
    failed: boolean,
  ): void {
    this.done += 1;
    if (failed) this.failed += 1;
    const took = Math.max(0, ended - started) / 1000;
    this.waitTime.record(Math.max(0, started - submitted) / 1000);
    this.runTime.record(took);
    if (worker === undefined) return;
    worker.done += 1;
    worker.busy += took;
  }
}
