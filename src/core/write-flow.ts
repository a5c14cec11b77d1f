/** Flow control of a transport's writes: when its protocol is paused and resumed. */

import type { EventLoop } from './base-events.js';
import { stopsTheLoop, ValueError } from './exceptions.js';
import { repr } from './format-helpers.js';
import type { BaseTransport, WriteBufferLimits } from './transports.js';

/** Bytes, unless the transport says otherwise. */
const DEFAULT_HIGH = 64 * 1024;

/**
 * Calls `pauseWriting()` when the buffer goes over its high-water mark, and `resumeWriting()` when it is down at the low one,
 * strictly in turns. A transport owns one, and tells it the size after each change. Source: `asyncio.transports._FlowControlMixin`.
 */
export class WriteFlow {
  /** Over it the protocol is paused. */
  high = DEFAULT_HIGH;
  /** At or under it the protocol is resumed. */
  low = DEFAULT_HIGH / 4;
  /** Whether `pauseWriting()` was called last. */
  paused = false;
  readonly #loop: EventLoop;
  readonly #transport: BaseTransport;

  constructor(loop: EventLoop, transport: BaseTransport, defaultHigh = DEFAULT_HIGH) {
    this.#loop = loop;
    this.#transport = transport;
    this.high = defaultHigh;
    this.low = Math.floor(defaultHigh / 4);
    this.#defaultHigh = defaultHigh;
  }

  readonly #defaultHigh: number;

  /** After a write: pauses the protocol if `size` is over the mark. */
  grew(size: number): void {
    if (size <= this.high || this.paused) return;
    this.paused = true;
    this.#tell('pauseWriting');
  }

  /** After something was sent: resumes the protocol if `size` is down at the mark. */
  shrank(size: number): void {
    if (!this.paused || size > this.low) return;
    this.paused = false;
    this.#tell('resumeWriting');
  }

  /** Sets the marks. @throws ValueError unless `high >= low >= 0`. */
  setLimits(limits: WriteBufferLimits | undefined, size: number): void {
    let high = limits?.high ?? null;
    let low = limits?.low ?? null;
    high ??= low === null ? this.#defaultHigh : 4 * low;
    low ??= Math.floor(high / 4);
    if (!(high >= low && low >= 0)) {
      throw new ValueError(`high (${repr(high)}) must be >= low (${repr(low)}) must be >= 0`);
    }
    this.high = high;
    this.low = low;
    this.grew(size);
  }

  #tell(what: 'pauseWriting' | 'resumeWriting'): void {
    const protocol = this.#transport.getProtocol();
    try {
      protocol[what]?.();
    } catch (error) {
      if (stopsTheLoop(error)) throw error;
      this.#loop.callExceptionHandler({
        message: `protocol.${what}() failed`,
        exception: error,
        transport: this.#transport,
        protocol,
      });
    }
  }
}
