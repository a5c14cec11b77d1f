/** Abort signals: how a task's cancellation reaches code that knows nothing of tasks (`fetch`, Node's own APIs). */

import { NotImplementedError } from './exceptions.js';
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
  const Controller = (globalThis as { AbortController?: new () => AbortControllerLike }).AbortController;
  if (Controller === undefined) throw new NotImplementedError('This platform has no AbortController');
  return new Controller();
}

/** A signal that a cancellation aborts, and whether somebody will tell the flow of it. */
export class AbortSource {
  #controller: AbortControllerLike;
  /** Whether the signal was asked for since the flow last waited for something of ours. */
  #taken = false;

  #lastReason: unknown;

  constructor() {
    this.#controller = newAbortController();
  }

  /** The signal; a new one after the last was aborted, since a cancelled task may go on. */
  take(host: Host): AbortSignalLike {
    if (this.#controller.signal.aborted) this.#controller = newAbortController();
    this.#taken = true;
    host.prepareAbortSignal?.(this.#controller.signal);
    return this.#controller.signal;
  }

  /** A flow came back from an await of ours: it is not inside the foreign one any more. */
  resumed(): void {
    this.#taken = false;
  }

  /** Aborts; returns whether whoever the flow awaits has heard of it, so that no second delivery is needed. */
  abort(reason: unknown, host: Host): boolean {
    if (this.#controller.signal.aborted) return false;
    const listeners = host.countAbortListeners?.(this.#controller.signal);
    const heard = listeners === undefined ? this.#taken : listeners > 0;
    this.#lastReason = reason;
    this.#controller.abort(reason);
    return heard;
  }

  /** An `AbortError` that our cancellation caused is that cancellation. */
  translate(error: unknown): unknown {
    const reason = this.#lastReason;
    if (reason === undefined || typeof error !== 'object' || error === null) return error;
    const { name, cause } = error as { name?: unknown; cause?: unknown };
    return name === 'AbortError' && cause === reason ? reason : error;
  }
}
