/** One database: its keys, what they hold, when they expire, and who wants to know of changes. */

import { IndexedSet } from './indexed-set.js';
import { List } from './list.js';
import { RedisError } from './reply.js';
import { SortedSet } from './sorted-set.js';

export type Value = string | List | IndexedSet<string> | Map<string, string> | SortedSet;

/** A key and what it holds. */
export interface Entry {
  readonly key: string;
  value: Value;
  /** When it expires, in milliseconds since 1970; Infinity if it does not. */
  deadline: number;
}

/** Somebody who watches keys; set once one of them has changed. */
export interface Watch {
  broken: boolean;
}

/** How many keys a sweep looks at before it asks itself whether to go on. */
const SAMPLE = 20;

export function typeOf(value: Value): string {
  if (typeof value === 'string') return 'string';
  if (value instanceof List) return 'list';
  if (value instanceof Map) return 'hash';
  return value instanceof SortedSet ? 'zset' : 'set';
}

export class Keyspace {
  readonly #entries = new Map<string, Entry>();
  readonly #keys = new IndexedSet<string>();
  /** The keys that expire one day. */
  readonly #mortal = new IndexedSet<string>();
  readonly #watches = new Map<string, Set<Watch>>();
  /** Who waits for something to be pushed to a key is asked; see `BlockedPops`. */
  onPush: (key: string) => void = () => {};
  /** Milliseconds since 1970. */
  readonly now: () => number;

  constructor(now: () => number) {
    this.now = now;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** How many keys expire one day. */
  get mortals(): number {
    return this.#mortal.size;
  }

  /** The entry of a key. One whose time has come is deleted now. */
  find(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.deadline === Infinity || entry.deadline > this.now()) return entry;
    this.delete(key);
    return undefined;
  }

  // What a key holds, if it is of that type. They throw WRONGTYPE if it is of another.

  string(key: string): string | undefined {
    const value = this.find(key)?.value;
    if (value === undefined || typeof value === 'string') return value;
    throw wrongType();
  }

  list(key: string): List | undefined {
    const value = this.find(key)?.value;
    if (value === undefined || value instanceof List) return value;
    throw wrongType();
  }

  set(key: string): IndexedSet<string> | undefined {
    const value = this.find(key)?.value;
    if (value === undefined || value instanceof IndexedSet) return value;
    throw wrongType();
  }

  hash(key: string): Map<string, string> | undefined {
    const value = this.find(key)?.value;
    if (value === undefined || value instanceof Map) return value;
    throw wrongType();
  }

  sortedSet(key: string): SortedSet | undefined {
    const value = this.find(key)?.value;
    if (value === undefined || value instanceof SortedSet) return value;
    throw wrongType();
  }

  /** Puts a value in place of whatever the key holds. */
  put(key: string, value: Value, deadline = Infinity): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      this.#entries.set(key, { key, value, deadline });
      this.#keys.add(key);
      if (deadline !== Infinity) this.#mortal.add(key);
    } else {
      entry.value = value;
      if (entry.deadline !== deadline) this.#expireAt(entry, deadline);
    }
    this.touch(key);
  }

  /** Puts a string; the time at which the key expires stays. */
  replace(key: string, value: string): void {
    const entry = this.find(key);
    if (entry === undefined) this.put(key, value);
    else {
      entry.value = value;
      this.touch(key);
    }
  }

  /** Whether it was there. */
  delete(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#entries.delete(key);
    this.#keys.delete(key);
    if (entry.deadline !== Infinity) this.#mortal.delete(key);
    this.touch(key);
    return true;
  }

  /** After something in a collection has changed; an empty one is no more. */
  changed(key: string, value: { readonly size?: number; readonly length?: number }): void {
    if ((value.size ?? value.length) === 0) this.delete(key);
    else this.touch(key);
  }

  expireAt(key: string, deadline: number): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    if (deadline <= this.now()) {
      this.delete(key);
    } else {
      this.#expireAt(entry, deadline);
      this.touch(key);
    }
  }

  #expireAt(entry: Entry, deadline: number): void {
    entry.deadline = deadline;
    if (deadline === Infinity) this.#mortal.delete(entry.key);
    else this.#mortal.add(entry.key);
  }

  clear(): void {
    for (const key of this.#watches.keys()) if (this.#entries.has(key)) this.touch(key);
    this.#entries.clear();
    this.#keys.clear();
    this.#mortal.clear();
  }

  *keys(): Generator<string> {
    for (const key of [...this.#keys]) if (this.find(key) !== undefined) yield key;
  }

  /** As {@link IndexedSet.scan}. */
  scan(cursor: number, count: number): [next: number, keys: string[]] {
    const [next, keys] = this.#keys.scan(cursor, count);
    return [next, keys.filter((key) => this.find(key) !== undefined)];
  }

  /**
   * Deletes keys whose time has come: picks some at random, and goes on while more than a quarter of those has expired, so that at most
   * that share of the memory is wasted on keys that nobody asks for. Gives way after `limit` keys.
   */
  sweep(limit: number): void {
    for (let looked = 0; looked < limit; looked += SAMPLE) {
      let expired = 0;
      for (let i = 0; i < SAMPLE; i += 1) {
        const key = this.#mortal.random();
        if (key === undefined) return;
        if (this.find(key) === undefined) expired += 1;
      }
      if (expired <= SAMPLE / 4) return;
    }
  }

  watch(key: string, watch: Watch): void {
    this.find(key);
    const watches = this.#watches.get(key) ?? new Set();
    watches.add(watch);
    this.#watches.set(key, watches);
  }

  unwatch(key: string, watch: Watch): void {
    // What expires only when somebody looks has changed, too.
    this.find(key);
    const watches = this.#watches.get(key);
    if (watches?.delete(watch) === true && watches.size === 0) this.#watches.delete(key);
  }

  /** Whoever watches the key is told that it has changed. */
  touch(key: string): void {
    if (this.#watches.size === 0) return;
    for (const watch of this.#watches.get(key) ?? []) watch.broken = true;
  }
}

function wrongType(): RedisError {
  return new RedisError('WRONGTYPE Operation against a key holding the wrong kind of value');
}
