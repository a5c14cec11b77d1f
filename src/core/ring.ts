/** A first-in first-out queue in a ring of slots: what is ready to run, and who waits in line. */

export class Ring<T> {
  #slots: (T | undefined)[] = new Array(16).fill(undefined);
  #head = 0;
  #size = 0;

  get length(): number {
    return this.#size;
  }

  push(item: T): void {
    if (this.#size === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#size) & (this.#slots.length - 1)] = item;
    this.#size += 1;
  }

  /** The oldest item, removed. Only call this when `length` is not 0. */
  shift(): T {
    const head = this.#head;
    const item = this.#slots[head] as T;
    this.#slots[head] = undefined;
    this.#head = (head + 1) & (this.#slots.length - 1);
    this.#size -= 1;
    return item;
  }

  clear(): void {
    this.#slots = new Array(16).fill(undefined);
    this.#head = 0;
    this.#size = 0;
  }

  *[Symbol.iterator](): Generator<T, void, undefined> {
    for (let i = 0; i < this.#size; i += 1)
      yield this.#slots[(this.#head + i) & (this.#slots.length - 1)] as T;
  }

  #grow(): void {
    const old = this.#slots;
    const slots = new Array(old.length * 2).fill(undefined);
    for (let i = 0; i < this.#size; i += 1) slots[i] = old[(this.#head + i) & (old.length - 1)];
    this.#slots = slots;
    this.#head = 0;
  }
}
