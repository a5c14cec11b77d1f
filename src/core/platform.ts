/**
 * What a platform needs to plug input and output into loops: methods of its own on every loop, and callbacks from outside.
 *
 * Whatever comes from outside (a socket has data, a child has exited) reaches the program through the loop's ready queue, outside any
 * task, as in Python; never from the platform's own call, which may come in the middle of a task's step.
 */

import { EventLoop } from './base-events.js';
import { hide } from './exceptions.js';

/**
 * Gives every loop the methods of `methods`. The platform declares them to TypeScript by adding to the interface of `EventLoop`.
 *
 * @throws TypeError when a loop has a method of that name.
 */
export function extendEventLoop(methods: object & ThisType<EventLoop>): void {
  for (const [name, value] of Object.entries(methods)) {
    if (name in EventLoop.prototype) throw new TypeError(`Cannot extend the event loop: it has ${name}()`);
    hide(EventLoop.prototype, name, value);
  }
}
