/** A loop that runs generator coroutines to their end synchronously. */

import { type AwaitableLike, EventLoop } from '../core/index.js';
import { runSynchronously } from '../core/lowlevel.js';
import { type VirtualClock, VirtualHost } from './virtual-host.js';

/**
 * A loop on a virtual clock that never returns to the platform: `runSync(program)` gives the program's value at once. Only
 * for generator coroutines; an async function in the program is an error.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 * import { TestLoop } from 'tsyncio/testing';
 *
 * const loop = new TestLoop();
 * const value = loop.runSync(
 *   (function* (): asyncio.Coro<string> {
 *     yield* asyncio.sleep('1h');
 *     return 'an hour later';
 *   })(),
 * );
 * console.log(value, loop.time()); //=> an hour later 3600
 * ```
 */
export class TestLoop extends EventLoop {
  constructor(options: { clock?: VirtualClock | undefined } = {}) {
    super({
      host: new VirtualHost(options.clock === undefined ? {} : { clock: options.clock }),
      asyncContext: false,
    });
  }

  /**
   * Runs until `awaitable` is done, and gives its result.
   *
   * @throws what it threw; DeadlockError when nothing can wake it; RuntimeError when it has to wait for the platform.
   */
  runSync<T>(awaitable: AwaitableLike<T>): T {
    return runSynchronously(this, awaitable);
  }
}
