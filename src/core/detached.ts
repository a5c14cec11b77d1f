/** Leaving the running task: for callbacks that must not belong to it. */

import { activeAsyncContext, current } from './current.js';

/**
 * Calls `fn` as if it stood outside any task, in the async context of its caller otherwise: what it registers (servers, listeners, timers) belongs to no task, and
 * what it awaits is not cancelled with one.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   console.log(asyncio.currentTask() !== null, asyncio.detached(() => asyncio.currentTask())); //=> true null
 * });
 * ```
 */
export function detached<T>(fn: () => T): T {
  const { loop, fiber, context, nativeScope } = current;
  current.loop = null;
  current.fiber = null;
  current.context = null;
  current.nativeScope = null;
  try {
    const provider = activeAsyncContext();
    return provider === null ? fn() : provider.bind(undefined).runInAsyncScope(fn, undefined);
  } finally {
    current.loop = loop;
    current.fiber = fiber;
    current.context = context;
    current.nativeScope = nativeScope;
  }
}
