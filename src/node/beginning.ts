/** How a transport begins: its protocol is told through the loop, and whoever opened it waits for that. */

import type { Coro, EventLoop, Future } from '../core/index.js';

/** Has a transport begin, and waits until it has. *Cancellation* closes it. */
export function* untilBegun(
  loop: EventLoop,
  transport: { close(): void },
  begin: (waiter: Future<void>) => void,
): Coro<void> {
  const waiter = loop.createFuture<void>();
  begin(waiter);
  try {
    yield* waiter;
  } catch (error) {
    transport.close();
    throw error;
  }
}
