/** Awaits outside any task. */

import type { Settle } from './coroutines.js';
import type { Runnable } from './events.js';
import { RuntimeError } from './exceptions.js';
import { FINISHED, type Future, PENDING, type Waiter } from './futures.js';

/** An `await` of ours outside any task: of the ambient loop's code, or of code that a finished task left behind. */
export class PlainAwait implements Waiter, Runnable {
  readonly #future: Future<unknown>;
  /** What comes of it. */
  readonly promise: Promise<unknown>;
  #resolve!: Settle;
  #reject!: Settle;

  constructor(future: Future<unknown>, onFulfilled: Settle, onRejected: Settle) {
    this.#future = future;
    this.promise = new Promise<unknown>((resolve, reject) => {
      this.#resolve = resolve as Settle;
      this.#reject = reject;
    }).then(onFulfilled as (value: unknown) => unknown, onRejected);
    if (future._status === PENDING && future._loop.isClosed()) {
      this.#reject(new RuntimeError('Event loop is closed'));
      return;
    }
    future._loop._plainAwaits.add(this);
    future._addWaiter(this);
  }

  _notify(future: Future<unknown>): void {
    future._loop._push(this);
  }

  _run(): void {
    this.#future._loop._plainAwaits.delete(this);
    if (this.#future._status === FINISHED) this.#resolve(this.#future._value);
    else this.#reject(this.#future._takeError());
  }

  /** Nothing can complete the future any more. */
  _giveUp(error: unknown): void {
    this.#future._removeWaiter(this);
    this.#reject(error);
  }
}

/** What the loop keeps of a plain await: how to give it up. */
export interface PendingAwait {
  _giveUp(error: unknown): void;
}
