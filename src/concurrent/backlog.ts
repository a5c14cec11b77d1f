/** The calls for which the queue in shared memory has no room yet, in their order. */

import type { Call } from './call.js';

export class Backlog {
  #calls: Call[] = [];
  /** Where the first one is that has not moved up. */
  #start = 0;
  /** How many were withdrawn and still have their place. */
  #withdrawn = 0;

  get isEmpty(): boolean {
    return this.#start === this.#calls.length;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#calls.length - this.#start - this.#withdrawn;
  }

  push(call: Call): void {
    this.#calls.push(call);
  }

  /** One of the calls was cancelled: its place goes when its turn comes. */
  withdraw(): void {
    this.#withdrawn += 1;
  }

  /** Moves calls up as long as `publish` takes them. */
  moveUp(publish: (call: Call) => boolean): void {
    while (!this.isEmpty) {
      const call = this.#calls[this.#start] as Call;
      if (call.cancelled()) this.#withdrawn -= 1;
      else if (call._state === 'PENDING' && !publish(call)) return;
      this.#start += 1;
    }
    this.clear();
  }

  /** All calls that have their place here. */
  list(): Call[] {
    return this.#calls.slice(this.#start);
  }

  clear(): void {
    this.#calls = [];
    this.#start = 0;
    this.#withdrawn = 0;
  }
}
