// The floor: the least machinery that can switch between generators, and a lock and a queue on top of it.

/** A task that yields this is not put back into the ring; whoever wakes it does that. */
export const PARK = Symbol('park');

// One cached `next` for all generators: a property look-up on each generator function's own prototype is megamorphic.
const NEXT = Object.getPrototypeOf(function* () {}).prototype.next;

/** A first-in-first-out ring buffer whose capacity is a power of two. */
export class Ring {
  #items = new Array(1024);
  #head = 0;
  #size = 0;

  get size() {
    return this.#size;
  }

  push(item) {
    const capacity = this.#items.length;
    if (this.#size === capacity) this.#grow();
    this.#items[(this.#head + this.#size++) & (this.#items.length - 1)] = item;
  }

  shift() {
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#items.length - 1);
    this.#size--;
    return item;
  }

  #grow() {
    const old = this.#items;
    const grown = new Array(old.length * 2);
    for (let i = 0; i < old.length; i++) grown[i] = old[(this.#head + i) & (old.length - 1)];
    this.#items = grown;
    this.#head = 0;
  }
}

const ready = new Ring();
let current;

export function spawn(task) {
  ready.push(task);
}

/** Runs every spawned generator to its end. */
export function drain() {
  while (ready.size > 0) {
    current = ready.shift();
    const { done, value } = NEXT.call(current);
    if (!done && value !== PARK) ready.push(current);
  }
}

export class Lock {
  #locked = false;
  #waiters = new Ring();

  *acquire() {
    if (this.#locked) {
      this.#waiters.push(current);
      yield PARK;
    } else this.#locked = true;
  }

  release() {
    if (this.#waiters.size > 0) ready.push(this.#waiters.shift());
    else this.#locked = false;
  }
}

export class Queue {
  #items = new Ring();
  #getters = new Ring();
  #putters = new Ring();
  #capacity;

  constructor(capacity) {
    this.#capacity = capacity;
  }

  *put(item) {
    while (this.#items.size >= this.#capacity) {
      this.#putters.push(current);
      yield PARK;
    }
    this.#items.push(item);
    if (this.#getters.size > 0) ready.push(this.#getters.shift());
  }

  *get() {
    while (this.#items.size === 0) {
      this.#getters.push(current);
      yield PARK;
    }
    const item = this.#items.shift();
    if (this.#putters.size > 0) ready.push(this.#putters.shift());
    return item;
  }
}
