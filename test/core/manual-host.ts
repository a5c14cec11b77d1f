// A host whose time, timers and hops a test moves by hand. Unlike a virtual clock it says nothing of deadlocks, and the
// loop waits on it as on a real platform: it sets a timer and sleeps.

import type { Host, HostTimer } from 'tsyncio/lowlevel';

class ManualTimer implements HostTimer {
  readonly #timers: Set<ManualTimer>;
  readonly #now: () => number;
  readonly callback: () => void;
  readonly background: boolean;
  /** What it was set to, each time. */
  readonly delays: number[] = [];
  due = Number.POSITIVE_INFINITY;

  constructor(timers: Set<ManualTimer>, now: () => number, callback: () => void, background: boolean) {
    this.#timers = timers;
    this.#now = now;
    this.callback = callback;
    this.background = background;
  }

  set(delay: number): void {
    this.delays.push(delay);
    this.due = this.#now() + delay;
    this.#timers.add(this);
  }

  clear(): void {
    this.#timers.delete(this);
  }
}

export class ManualHost implements Host {
  readonly clockResolution = 1e-9;
  /** Timers that are set. */
  readonly timers = new Set<ManualTimer>();
  /** All the delays that timers were set to. */
  readonly delays: number[] = [];
  readonly calls = { soon: 0, hop: 0, settled: 0 };
  #now = 0;

  time(): number {
    return this.#now;
  }

  soon(callback: () => void): void {
    this.calls.soon += 1;
    queueMicrotask(callback);
  }

  hop(callback: () => void): void {
    this.calls.hop += 1;
    setImmediate(callback);
  }

  settled(callback: () => void): void {
    this.calls.settled += 1;
    queueMicrotask(() => process.nextTick(callback));
  }

  timer(callback: () => void, background = false): HostTimer {
    const timer = new ManualTimer(this.timers, () => this.#now, callback, background);
    const set = timer.set.bind(timer);
    timer.set = (delay) => {
      this.delays.push(delay);
      set(delay);
    };
    return timer;
  }

  /** Lets everything run that needs no time. */
  async settle(): Promise<void> {
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Makes `seconds` pass, and fires the timers on the way in their order. */
  async pass(seconds: number): Promise<void> {
    await this.settle();
    const end = this.#now + seconds;
    for (;;) {
      const next = [...this.timers].sort((a, b) => a.due - b.due)[0];
      if (next === undefined || next.due > end) break;
      this.#now = Math.max(this.#now, next.due);
      this.timers.delete(next);
      next.callback();
      await this.settle();
    }
    this.#now = end;
    await this.settle();
  }

  /** Fires every timer that is set, whatever the time: too early. */
  async fireEarly(): Promise<void> {
    for (const timer of [...this.timers]) {
      this.timers.delete(timer);
      timer.callback();
    }
    await this.settle();
  }
}
