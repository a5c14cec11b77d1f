/** Asynchronous generators that a loop closes when it ends. */

import { getRunningLoop } from './events.js';

/**
 * Makes an async generator function whose generators are known to the running loop, so that `run()` closes those that
 * were not iterated to their end, and their `finally` blocks run. JavaScript has no hook for the others.
 */
export function agen<A extends readonly unknown[], T, R>(
  fn: (...args: A) => AsyncGenerator<T, R, unknown>,
): (...args: A) => AsyncGenerator<T, R, unknown> {
  return (...args) => {
    const generator = fn(...args);
    getRunningLoop()._trackAsyncgen(generator as AsyncGenerator<unknown>);
    return generator;
  };
}
