/** Tasks that wait for something about a pool: told in their order, one at a time or all at once. */

import { Future as AsyncioFuture, type Coro } from '../core/index.js';

export class WaitingTasks {
  readonly #tells: (() => void)[] = [];

  get size(): number {
    return this.#tells.length;
  }

  /** Waits to be told. `passOn` is called when the task was told and then cancelled: it does not take its turn. */
  *wait(passOn: () => void): Coro<void> {
    const waiter = new AsyncioFuture<void>();
    const tell = () => {
      if (!waiter.done() && !waiter.getLoop().isClosed()) waiter.setResult(undefined);
    };
    this.#tells.push(tell);
    try {
      yield* waiter;
    } catch (error) {
      const place = this.#tells.indexOf(tell);
      if (place >= 0) this.#tells.splice(place, 1);
      else passOn();
      throw error;
    }
  }

  tellFirst(): void {
    this.#tells.shift()?.();
  }

  tellAll(): void {
    for (const tell of this.#tells.splice(0)) tell();
  }
}
