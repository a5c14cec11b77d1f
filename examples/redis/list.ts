/** A list with two cheap ends: a ring of places, of which there are twice as many whenever it is full. */

export class List {
  /** As many as a power of two. */
  #ring: (string | undefined)[] = new Array(8).fill(undefined);
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The item at `index`, which may count from the end: -1 is the last one. */
  at(index: number): string | undefined {
    const from = index < 0 ? index + this.#length : index;
    if (from < 0 || from >= this.#length) return undefined;
    return this.#ring[(this.#head + from) & (this.#ring.length - 1)];
  }

  pushLeft(item: string): void {
    this.#grow();
    this.#head = (this.#head - 1) & (this.#ring.length - 1);
    this.#ring[this.#head] = item;
    this.#length += 1;
  }

  pushRight(item: string): void {
    this.#grow();
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = item;
    this.#length += 1;
  }

  /** The caller knows that there is an item. */
  popLeft(): string {
    const item = this.#ring[this.#head] as string;
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#length -= 1;
    return item;
  }

  /** The caller knows that there is an item. */
  popRight(): string {
    this.#length -= 1;
    const place = (this.#head + this.#length) & (this.#ring.length - 1);
    const item = this.#ring[place] as string;
    this.#ring[place] = undefined;
    return item;
  }

  /** The items from `start` up to, not including, `end`; both within the list. */
  slice(start: number, end: number): string[] {
    const items: string[] = [];
    const mask = this.#ring.length - 1;
    for (let i = start; i < end; i += 1) items.push(this.#ring[(this.#head + i) & mask] as string);
    return items;
  }

  #grow(): void {
    const size = this.#ring.length;
    if (this.#length < size) return;
    this.#ring = [...this.slice(0, size), ...new Array(size).fill(undefined)];
    this.#head = 0;
  }
}
