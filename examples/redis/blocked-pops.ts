/** Those who wait in BLPOP and BRPOP for something to be pushed, in the order in which they came. */

import * as asyncio from 'tsyncio';
import type { Keyspace } from './keyspace.js';
import { List } from './list.js';

export type End = 'left' | 'right';

/** A key, and what was popped from it. */
export type Popped = [key: string, item: string];

interface Waiter {
  readonly keys: readonly string[];
  readonly end: End;
  readonly popped: asyncio.Future<Popped>;
}

export function pop(list: List, end: End): string {
  return end === 'left' ? list.popLeft() : list.popRight();
}

export class BlockedPops {
  readonly #keyspace: Keyspace;
  readonly #waiting = new Map<string, Set<Waiter>>();
  /** Keys that somebody waits for and something was pushed to. */
  readonly #ready = new Set<string>();

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace;
    keyspace.onPush = (key) => {
      if (this.#waiting.has(key)) this.#ready.add(key);
    };
  }

  /**
   * Waits for an item of one of the keys. *Cancellation*: no item is taken.
   */
  *wait(keys: readonly string[], end: End): asyncio.Coro<Popped> {
    const popped = asyncio.getRunningLoop().createFuture<Popped>();
    const waiter: Waiter = { keys, end, popped };
    for (const key of keys) {
      const line = this.#waiting.get(key) ?? new Set();
      line.add(waiter);
      this.#waiting.set(key, line);
    }
    try {
      return yield* popped;
    } catch (error) {
      // Cancelled after it was given an item, and before it could go on: the item goes back to where it came from.
      if (popped.done() && !popped.cancelled()) {
        this.#giveBack(popped.result(), end);
        this.serve();
      }
      throw error;
    } finally {
      this.#leave(waiter);
    }
  }

  #leave(waiter: Waiter): void {
    for (const key of waiter.keys) {
      const line = this.#waiting.get(key);
      if (line?.delete(waiter) === true && line.size === 0) this.#waiting.delete(key);
    }
  }

  #giveBack([key, item]: Popped, end: End): void {
    const keyspace = this.#keyspace;
    const held = keyspace.find(key)?.value;
    // Somebody has put something else there meanwhile, which stands.
    if (held !== undefined && !(held instanceof List)) return;
    const list = held ?? new List();
    if (end === 'left') list.pushLeft(item);
    else list.pushRight(item);
    if (held === undefined) keyspace.put(key, list);
    else keyspace.touch(key);
    keyspace.onPush(key);
  }

  /** Gives what was pushed to those who wait. Called when a command, or a whole transaction, has ended. */
  serve(): void {
    for (const key of this.#ready) {
      this.#ready.delete(key);
      const line = this.#waiting.get(key);
      const list = this.#keyspace.find(key)?.value;
      if (line === undefined || !(list instanceof List)) continue;
      for (const waiter of line) {
        if (list.length === 0) break;
        this.#leave(waiter);
        if (waiter.popped.done()) continue;
        waiter.popped.setResult([key, pop(list, waiter.end)]);
      }
      this.#keyspace.changed(key, list);
    }
  }
}
