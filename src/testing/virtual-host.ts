/** A host whose time is a number: tests on it never wait. */

import { type AsyncContext, getDefaultHost, type Host, type HostTimer } from '../core/lowlevel.js';

/** A clock that a test drives. Seconds throughout. */
export interface VirtualClock {
  time(): number;
  /** Called once an iteration in place of waiting; `null` means that nothing is scheduled. */
  wait(timeout: number | null): void;
}

/** The clock of a test that does not care: it jumps to the next timer at once. */
export class AutojumpClock implements VirtualClock {
  #now: number;

  constructor(start = 0) {
    this.#now = start;
  }

  time(): number {
    return this.#now;
  }

  wait(timeout: number | null): void {
    if (timeout !== null) this.#now += timeout;
  }
}

interface Platform {
  queueMicrotask(callback: () => void): void;
  setTimeout(callback: () => void, delay: number): unknown;
  setImmediate?(callback: () => void): unknown;
  process?: { nextTick?(callback: () => void): void };
}

const platform = globalThis as unknown as Platform;
const queueMicrotask = platform.queueMicrotask.bind(globalThis);
const setTimeout = platform.setTimeout.bind(globalThis);
const setImmediate = platform.setImmediate?.bind(globalThis);
const nextTick = platform.process?.nextTick?.bind(platform.process);

function platformHost(): Host | null {
  try {
    return getDefaultHost();
  } catch {
    return null;
  }
}

/**
 * A host on a virtual clock, for `new EventLoop({ host: new VirtualHost() })`. It is a closed world: when nothing is
 * ready and nothing is scheduled, whoever waits gets a DeadlockError. Loops that run side by side need a host each: one that is
 * idle moves the clock to its own next timer, past those of another.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 * import { VirtualHost } from 'tsyncio/testing';
 *
 * const host = new VirtualHost();
 * await asyncio.run(() => asyncio.sleep('24h'), { loopFactory: () => new asyncio.EventLoop({ host }) });
 * console.log(host.time()); //=> 86400
 * ```
 */
export class VirtualHost implements Host {
  readonly clockResolution = 1e-9;
  readonly #clock: VirtualClock;
  readonly #platformHost: Host | null;

  /**
   * @param options.clock drives the time; one that jumps to the next timer by default.
   * @param options.host where what is not time comes from, the async context above all; the platform's by default.
   */
  constructor(options: { clock?: VirtualClock | undefined; host?: Host | undefined } = {}) {
    this.#clock = options.clock ?? new AutojumpClock();
    this.#platformHost = options.host ?? platformHost();
  }

  get asyncContext(): AsyncContext | undefined {
    return this.#platformHost?.asyncContext;
  }

  absorbCancelledFlows(): () => void {
    return this.#platformHost?.absorbCancelledFlows?.() ?? (() => {});
  }

  prepareAbortSignal(signal: object): void {
    this.#platformHost?.prepareAbortSignal?.(signal);
  }

  countAbortListeners(signal: object): number | undefined {
    return this.#platformHost?.countAbortListeners?.(signal);
  }

  onStopSignal(signal: 'SIGINT' | 'SIGTERM', listener: () => void): (() => void) | null {
    return this.#platformHost?.onStopSignal?.(signal, listener) ?? null;
  }

  get signals(): Readonly<Record<string, number>> | undefined {
    return this.#platformHost?.signals;
  }

  onSignal(signal: string, listener: () => void): (() => void) | undefined {
    return this.#platformHost?.onSignal?.(signal, listener);
  }

  exitStatus(error: unknown, status: number): void {
    this.#platformHost?.exitStatus?.(error, status);
  }

  time(): number {
    return this.#clock.time();
  }

  wait(timeout: number | null): boolean {
    this.#clock.wait(timeout);
    return timeout !== null;
  }

  soon(callback: () => void): void {
    queueMicrotask(callback);
  }

  hop(callback: () => void): void {
    if (setImmediate !== undefined) setImmediate(callback);
    else setTimeout(callback, 0);
  }

  settled(callback: () => void): void {
    if (nextTick !== undefined) queueMicrotask(() => nextTick(callback));
    else setTimeout(callback, 0);
  }

  timer(): HostTimer {
    return { set: () => {}, clear: () => {} };
  }
}
