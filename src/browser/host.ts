/** The browser host: timers and message channels, captured when this module is loaded. No async context yet. */

import type { Host, HostTimer } from '../core/lowlevel.js';

const setTimeout = globalThis.setTimeout.bind(globalThis);
const clearTimeout = globalThis.clearTimeout.bind(globalThis);
const queueMicrotask = globalThis.queueMicrotask.bind(globalThis);
const performance = globalThis.performance;

class BrowserTimer implements HostTimer {
  readonly #callback: () => void;
  #handle: ReturnType<typeof setTimeout> | undefined;

  constructor(callback: () => void) {
    this.#callback = callback;
  }

  set(delay: number): void {
    clearTimeout(this.#handle);
    this.#handle = setTimeout(this.#callback, Math.ceil(delay * 1000));
  }

  clear(): void {
    clearTimeout(this.#handle);
  }
}

/** A browser's page or worker as the loop's platform. There is no async context, and no signal. */
export class BrowserHost implements Host {
  /** Browsers coarsen their clocks to between 5 and 100 µs. */
  readonly clockResolution = 1e-4;
  readonly #hops: (() => void)[] = [];
  #channel: MessageChannel | null = null;

  time(): number {
    return performance.now() / 1000;
  }

  soon(callback: () => void): void {
    queueMicrotask(callback);
  }

  /** A message is a macrotask without the 4 ms that nested timeouts wait. */
  hop(callback: () => void): void {
    if (this.#channel === null) {
      this.#channel = new MessageChannel();
      this.#channel.port1.onmessage = () => this.#hops.shift()?.();
    }
    this.#hops.push(callback);
    this.#channel.port2.postMessage(null);
  }

  settled(callback: () => void): void {
    this.hop(callback);
  }

  timer(callback: () => void): HostTimer {
    return new BrowserTimer(callback);
  }
}
