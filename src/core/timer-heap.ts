/**
 * The timers of a loop: a heap ordered by deadline, then by the order in which they were scheduled.
 *
 * Deadlines lie in typed arrays beside the timers, four children to a node, so that moving through a large heap touches
 * few cache lines. A cancelled timer stays until it comes to the top, or until more than half of the heap is cancelled;
 * most timers are timeouts that are cancelled long before they are due, and that costs them nothing.
 */

/** What the heap orders. */
export interface HeapTimer {
  readonly _when: number;
  readonly _order: number;
  /** Belongs to the heap: whether the timer stands in it and counts. */
  _scheduled: boolean;
}

/** Below so many cancelled timers the heap is not swept. */
const FEW = 64;
const ARITY = 4;

export class TimerHeap<T extends HeapTimer> {
  #items: T[] = [];
  #whens = new Float64Array(16);
  #orders = new Float64Array(16);
  #cancelled = 0;

  /** How many timers are scheduled. */
  get length(): number {
    return this.#items.length - this.#cancelled;
  }

  /** The earliest deadline; infinite when nothing is scheduled. */
  get earliest(): number {
    this.#dropCancelled();
    return this.#items.length === 0 ? Number.POSITIVE_INFINITY : (this.#whens[0] as number);
  }

  push(timer: T): void {
    const index = this.#items.length;
    if (index === this.#whens.length) this.#grow();
    timer._scheduled = true;
    this.#items.push(timer);
    this.#siftUp(timer, index);
  }

  /** Removes and returns the earliest timer. Only call this when `length` is not 0. */
  pop(): T {
    this.#dropCancelled();
    const first = this.#items[0] as T;
    first._scheduled = false;
    this.#removeFirst();
    return first;
  }

  /** Cancels a timer. One that is not scheduled any more is no error. */
  remove(timer: T): void {
    if (!timer._scheduled) return;
    timer._scheduled = false;
    this.#cancelled += 1;
    if (this.#cancelled > FEW && 2 * this.#cancelled > this.#items.length) this.#sweep();
  }

  clear(): void {
    for (const timer of this.#items) timer._scheduled = false;
    this.#items = [];
    this.#cancelled = 0;
  }

  #dropCancelled(): void {
    while (this.#cancelled > 0 && this.#items[0]?._scheduled === false) {
      this.#removeFirst();
      this.#cancelled -= 1;
    }
  }

  #removeFirst(): void {
    const last = this.#items.pop() as T;
    if (this.#items.length > 0) this.#siftDown(last, 0);
  }

  #sweep(): void {
    this.#items = this.#items.filter((timer) => timer._scheduled);
    this.#cancelled = 0;
    for (const [index, timer] of this.#items.entries()) {
      this.#whens[index] = timer._when;
      this.#orders[index] = timer._order;
    }
    for (let index = Math.floor((this.#items.length - 2) / ARITY); index >= 0; index -= 1) {
      this.#siftDown(this.#items[index] as T, index);
    }
  }

  #grow(): void {
    const whens = new Float64Array(2 * this.#whens.length);
    const orders = new Float64Array(2 * this.#orders.length);
    whens.set(this.#whens);
    orders.set(this.#orders);
    this.#whens = whens;
    this.#orders = orders;
  }

  #siftUp(timer: T, start: number): void {
    const items = this.#items;
    const whens = this.#whens;
    const orders = this.#orders;
    const { _when: when, _order: order } = timer;
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 2;
      const parentWhen = whens[parent] as number;
      if (parentWhen < when || (parentWhen === when && (orders[parent] as number) < order)) break;
      items[index] = items[parent] as T;
      whens[index] = parentWhen;
      orders[index] = orders[parent] as number;
      index = parent;
    }
    items[index] = timer;
    whens[index] = when;
    orders[index] = order;
  }

  #siftDown(timer: T, start: number): void {
    const items = this.#items;
    const whens = this.#whens;
    const orders = this.#orders;
    const { _when: when, _order: order } = timer;
    const { length } = items;
    let index = start;
    for (;;) {
      const first = ARITY * index + 1;
      if (first >= length) break;
      const end = Math.min(first + ARITY, length);
      let best = first;
      let bestWhen = whens[first] as number;
      for (let child = first + 1; child < end; child += 1) {
        const childWhen = whens[child] as number;
        if (
          childWhen < bestWhen ||
          (childWhen === bestWhen && (orders[child] as number) < (orders[best] as number))
        ) {
          best = child;
          bestWhen = childWhen;
        }
      }
      if (when < bestWhen || (when === bestWhen && order < (orders[best] as number))) break;
      items[index] = items[best] as T;
      whens[index] = bestWhen;
      orders[index] = orders[best] as number;
      index = best;
    }
    items[index] = timer;
    whens[index] = when;
    orders[index] = order;
  }
}
