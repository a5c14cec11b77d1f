/**
 * What a platform needs to plug input and output into loops: methods of its own on every loop, and callbacks from outside.
 *
 * Whatever comes from outside (a socket has data, a child has exited) reaches the program through the loop's ready queue, outside any
 * task, as in Python; never from the platform's own call, which may come in the middle of a task's step.
 */

import { EventLoop } from './base-events.js';
import type { Context } from './contextvars.js';
import { detached } from './detached.js';
import { Handle } from './events.js';

/**
 * Gives every loop the methods of `methods`. The platform declares them to TypeScript by adding to the interface of `EventLoop`.
 *
 * @throws TypeError when a loop has a method of that name.
 */
export function extendEventLoop(methods: object & ThisType<EventLoop>): void {
  for (const [name, value] of Object.entries(methods)) {
    if (name in EventLoop.prototype) throw new TypeError(`Cannot extend the event loop: it has ${name}()`);
    Object.defineProperty(EventLoop.prototype, name, { value, writable: true, configurable: true });
  }
}

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
