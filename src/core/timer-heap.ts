/**
 * The timers of a loop: a binary heap ordered by deadline, then by the order in which they were scheduled.
 *
 * A timer knows its place in the heap, so a cancelled one leaves at once and nothing is ever swept. Most timers
 * are timeouts that are cancelled soon after they were set, near the bottom of the heap, where that is cheap.
 */

/** What the heap orders. `_index` belongs to the heap: the timer's place in it, -1 outside. */
export interface HeapTimer {
  _when: number;
  _order: number;
  _index: number;
}

function precedes(a: HeapTimer, b: HeapTimer): boolean {
  return a._when < b._when || (a._when === b._when && a._order < b._order);
}

export class TimerHeap<T extends HeapTimer> {
  #items: T[] = [];

  get length(): number {
    return this.#items.length;
  }

  /** The earliest timer. Only call this when `length` is not 0. */
  peek(): T {
    return this.#items[0] as T;
  }

  push(timer: T): void {
    timer._index = this.#items.length;
    this.#items.push(timer);
    this.#siftUp(timer, timer._index);
  }

  /** Removes and returns the earliest timer. Only call this when `length` is not 0. */
  pop(): T {
    const first = this.#items[0] as T;
    this.remove(first);
    return first;
  }

  remove(timer: T): void {
    const index = timer._index;
    if (index < 0) return;
    timer._index = -1;
    const last = this.#items.pop() as T;
    if (last === timer) return;
    this.#items[index] = last;
    last._index = index;
    this.#siftUp(last, index);
    this.#siftDown(last, last._index);
  }

  clear(): void {
    for (const timer of this.#items) timer._index = -1;
    this.#items = [];
  }

  values(): readonly T[] {
    return this.#items;
  }

  #siftUp(timer: T, start: number): void {
    const items = this.#items;
    let index = start;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = items[parentIndex] as T;
      if (!precedes(timer, parent)) break;
      items[index] = parent;
      parent._index = index;
      index = parentIndex;
    }
    items[index] = timer;
    timer._index = index;
  }

  #siftDown(timer: T, start: number): void {
    const items = this.#items;
    const half = items.length >> 1;
    let index = start;
    while (index < half) {
      let childIndex = 2 * index + 1;
      let child = items[childIndex] as T;
      const right = items[childIndex + 1];
      if (right !== undefined && precedes(right, child)) {
        childIndex += 1;
        child = right;
      }
      if (!precedes(child, timer)) break;
      items[index] = child;
      child._index = index;
      index = childIndex;
    }
    items[index] = timer;
    timer._index = index;
  }
}
