/** How what comes from outside gets into a loop, and how what belongs to nobody gets out of tasks. */

import type { EventLoop } from './base-events.js';
import type { Context } from './contextvars.js';
import { detached } from './detached.js';
import { Handle } from './events.js';

/** A callback that the platform's events trigger again and again: at most once in the ready queue at a time. */
export class LoopCallback extends Handle {
  #queued = false;

  /** @param context the context that it runs in; a copy of the caller's unless told. */
  constructor(loop: EventLoop, callback: () => unknown, context?: Context) {
    super(loop, callback, context);
  }

  /** Has the loop run it, unless it is about to. On a closed loop nothing happens. */
  schedule(): void {
    if (this.#queued || this._loop.isClosed()) return;
    this.#queued = true;
    this._loop._push(this);
  }

  /** @internal */
  override _run(): void {
    this.#queued = false;
    super._run();
  }
}

/**
 * Calls `fn` outside any task and outside the caller's async context: what it opens (sockets, watchers) belongs to nobody's
 * request.
 */
export function outsideTasks<T>(loop: EventLoop, fn: () => T): T {
  const root = loop._rootContext();
  return detached(root === null ? fn : () => root.runInAsyncScope(fn, undefined));
}
