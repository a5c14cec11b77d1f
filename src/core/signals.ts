/** Abort signals: how a task's cancellation reaches code that knows nothing of tasks (`fetch`, Node's own APIs). */

import type { Host } from './host.js';

/** What the library uses of an `AbortSignal`. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** The platform's `AbortSignal`, where there is one. */
export type PlatformAbortSignal = typeof globalThis extends { AbortSignal: { prototype: infer S } }
  ? S
  : AbortSignalLike;

/** What the library uses of an `AbortController`. */
export interface AbortControllerLike {
  readonly signal: AbortSignalLike;
  abort(reason?: unknown): void;
}

/** @internal */
export function newAbortController(): AbortControllerLike {
  return new (globalThis as unknown as { AbortController: new () => AbortControllerLike }).AbortController();
}

/** A signal that a cancellation aborts, and whether somebody will tell the flow of it. */
export class AbortSource {
  #controller = newAbortController();
  /** Whether the signal was asked for since the flow last waited for something of ours. */
  #taken = false;

  #lastReason: unknown;
  /** Whether those who heard of the last request have yet to show it, by making the flow go on. @internal */
  _heard = false;

  /** The signal; a new one after the last was aborted, since a cancelled task may go on. */
  take(host: Host): AbortSignalLike {
    if (this.#controller.signal.aborted) this.#controller = newAbortController();
    this.#taken = true;
    this._heard = false;
    host.prepareAbortSignal?.(this.#controller.signal);
    return this.#controller.signal;
  }

  /** A flow came back from an await of ours: it is not inside the foreign one any more. */
  resumed(): void {
    this.#taken = false;
    this._heard = false;
  }

  /** Aborts; returns whether anybody has heard of it: whoever the flow awaits, it is to be hoped. */
  abort(reason: unknown, host: Host): boolean {
    if (this.#controller.signal.aborted) return false;
    const listeners = host.countAbortListeners?.(this.#controller.signal);
    const heard = listeners === undefined ? this.#taken : listeners > 0;
    this._heard = heard;
    this.#lastReason = reason;
    this.#controller.abort(reason);
    return heard;
  }

  /** An `AbortError` that our cancellation caused is that cancellation. */
  translate(error: unknown): unknown {
    const reason = this.#lastReason;
    const { name, cause } = Object(error) as { name?: unknown; cause?: unknown };
    return reason !== undefined && name === 'AbortError' && cause === reason ? reason : error;
  }
}
