/** A set whose members also have places, so that one can be picked at random, and all of them visited bit by bit. */

export class IndexedSet<T> {
  readonly #items: T[] = [];
  readonly #places = new Map<T, number>();

  get size(): number {
    return this.#items.length;
  }

  has(item: T): boolean {
    return this.#places.has(item);
  }

  /** Whether it was new. */
  add(item: T): boolean {
    if (this.#places.has(item)) return false;
    this.#places.set(item, this.#items.length);
    this.#items.push(item);
    return true;
  }

  /** Whether it was there. The last member takes its place. */
  delete(item: T): boolean {
    const place = this.#places.get(item);
    if (place === undefined) return false;
    this.#places.delete(item);
    const last = this.#items.pop() as T;
    if (place < this.#items.length) {
      this.#items[place] = last;
      this.#places.set(last, place);
    }
    return true;
  }

  clear(): void {
    this.#items.length = 0;
    this.#places.clear();
  }

  /** A member picked at random; `undefined` if there is none. */
  random(): T | undefined {
    return this.#items[Math.floor(Math.random() * this.#items.length)];
  }

  /**
   * Some of the members, and the cursor for the next ones; 0 begins, and is given back at the end. Who is a member from the beginning to
   * the end is seen at least once, whatever happens meanwhile: the places are visited downwards, and a member only moves when it takes
   * the place of a deleted one, from the end, that is, downwards.
   */
  scan(cursor: number, count: number): [next: number, items: T[]] {
    const from = cursor === 0 ? this.size : Math.min(cursor, this.size);
    const to = Math.max(0, from - count);
    return [to, this.#items.slice(to, from).reverse()];
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.#items[Symbol.iterator]();
  }
}
