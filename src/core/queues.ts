/**
 * Queues between tasks.
 *
 * A put wakes one getter, a get one putter, in order; whoever was woken looks again and may have to wait once more,
 * at the end of the line. A woken one that is cancelled wakes the next: nothing is lost.
 */

import { CLOSED, type Coro, Coroutine, RETURN_NOTHING, type Suspension } from './coroutines.js';
import { QueueEmpty, QueueFull, QueueShutDown, ValueError } from './exceptions.js';
import { inspectCustom, repr } from './format-helpers.js';
import { Event } from './locks.js';
import { WAITING, WOKEN } from './operations.js';
import { Ring } from './ring.js';
import { LineWait, LoopBinding, WaitList } from './wait-list.js';

/** Takes the woken ones out of a line until it finds one that still waits. */
function wakeNext(line: WaitList): void {
  for (let first = line._first; first !== null; first = line._first) {
    const waits = first._state === WAITING;
    line.remove(first);
    if (waits) {
      first._wake();
      return;
    }
  }
}

class Get<T> extends LineWait<T, Queue<T>> {
  override get _line(): WaitList {
    return this._owner._getters;
  }

  override get name(): string {
    return 'Queue.get';
  }

  protected override _start(): IteratorResult<Suspension, T> {
    return this._resume();
  }

  protected override _resume(): IteratorResult<Suspension, T> {
    const queue = this._owner;
    if (queue.empty() && !queue._isShutDown) {
      return this._queueUp();
    }
    this._state = CLOSED;
    return { value: queue.getNowait(), done: true };
  }

  protected override _abort(error: unknown): never {
    const queue = this._owner;
    const wasWoken = this._state === WOKEN;
    this._leave();
    if (!queue.empty() && wasWoken) wakeNext(queue._getters);
    throw error;
  }
}

class Put<T> extends LineWait<void, Queue<T>> {
  readonly _item: T;

  constructor(queue: Queue<T>, item: T) {
    super(queue);
    this._item = item;
  }

  override get _line(): WaitList {
    return this._owner._putters;
  }

  override get name(): string {
    return 'Queue.put';
  }

  protected override _start(): IteratorResult<Suspension, void> {
    return this._resume();
  }

  protected override _resume(): IteratorResult<Suspension, void> {
    const queue = this._owner;
    if (queue.full() && !queue._isShutDown) {
      return this._queueUp();
    }
    this._state = CLOSED;
    queue.putNowait(this._item);
    return RETURN_NOTHING;
  }

  protected override _abort(error: unknown): never {
    const queue = this._owner;
    const wasWoken = this._state === WOKEN;
    this._leave();
    if (!queue.full() && wasWoken) wakeNext(queue._putters);
    throw error;
  }
}

/**
 * A first-in first-out queue. With a `maxsize` above 0, `put()` waits while it is full.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   const queue = new asyncio.Queue<number>(1);
 *   const producer = asyncio.createTask(async () => {
 *     for (let n = 1; n <= 3; n += 1) await queue.put(n);
 *     queue.shutdown();
 *   });
 *   let sum = 0;
 *   try {
 *     for (;;) sum += await queue.get();
 *   } catch (error) {
 *     if (!(error instanceof asyncio.QueueShutDown)) throw error;
 *   }
 *   await producer;
 *   console.log(sum); //=> 6
 * });
 * ```
 */
export class Queue<T = unknown> {
  readonly #maxsize: number;
  #items = new Ring<T>();
  #unfinished = 0;
  readonly #finished = new Event();
  /** @internal */
  _isShutDown = false;
  /** @internal */
  readonly _getters = new WaitList();
  /** @internal */
  readonly _putters = new WaitList();
  /** @internal */
  readonly _binding = new LoopBinding();

  /** @param maxsize how many items fit; 0 or less for no limit. */
  constructor(maxsize = 0) {
    if (typeof maxsize !== 'number' || Number.isNaN(maxsize)) {
      throw new TypeError(`Cannot make a queue: expected a number as maxsize, got ${String(maxsize)}`);
    }
    this.#maxsize = maxsize;
    this.#finished.set();
    this._init(maxsize);
  }

  /** Subclasses that keep their items elsewhere override `_init`, `_get`, `_put` and `qsize`. */
  protected _init(_maxsize: number): void {}

  /** Takes an item out. Never called on an empty queue. */
  protected _get(): T {
    return this.#items.shift();
  }

  /** Puts an item in. Never called on a full queue. */
  protected _put(item: T): void {
    this.#items.push(item);
  }

  /** The items, for `toString()`. */
  protected _contents(): Iterable<T> {
    return this.#items;
  }

  get maxsize(): number {
    return this.#maxsize;
  }

  /** How many items are in the queue. */
  qsize(): number {
    return this.#items.length;
  }

  empty(): boolean {
    return this.qsize() === 0;
  }

  full(): boolean {
    return this.#maxsize > 0 && this.qsize() >= this.#maxsize;
  }

  /**
   * Puts an item in. *Suspends* while the queue is full. *Cancellation*: the item is not put in.
   *
   * @throws QueueShutDown once the queue is shut down.
   */
  put(item: T): Coroutine<void> {
    return new Put(this, item);
  }

  /** Puts an item in without waiting. @throws QueueFull when there is no room; QueueShutDown once it is shut down. */
  putNowait(item: T): void {
    if (this._isShutDown) throw new QueueShutDown('Cannot put item: queue is shut down');
    if (this.full()) throw new QueueFull('Cannot put item: queue is full');
    this._put(item);
    this.#unfinished += 1;
    this.#finished.clear();
    wakeNext(this._getters);
  }

  /**
   * Takes an item out. *Suspends* while the queue is empty. *Cancellation*: no item is taken. A plain `await` unwraps an item
   * that is itself a promise or future: put it in an array.
   *
   * @throws QueueShutDown once the queue is shut down and empty.
   */
  get(): Coroutine<T> {
    return new Get(this);
  }

  /** Takes an item out without waiting. @throws QueueEmpty when there is none; QueueShutDown once it is shut down, too. */
  getNowait(): T {
    if (this.empty()) {
      if (this._isShutDown) throw new QueueShutDown('Cannot get item: queue is shut down');
      throw new QueueEmpty('Cannot get item: queue is empty');
    }
    const item = this._get();
    wakeNext(this._putters);
    return item;
  }

  /** Says that an item that was taken out is dealt with. @throws ValueError when called more often than items were put in. */
  taskDone(): void {
    if (this.#unfinished <= 0) throw new ValueError('task_done() called too many times');
    this.#unfinished -= 1;
    if (this.#unfinished === 0) this.#finished.set();
  }

  /** Waits until every item that was put in is dealt with. *Cancellation*: nothing is lost. */
  join(): Coroutine<void> {
    return new Coroutine(this.#joining(), 'Queue.join');
  }

  *#joining(): Coro<void> {
    if (this.#unfinished > 0) yield* this.#finished.wait();
  }

  /**
   * Ends the queue: `put()` throws QueueShutDown from now on, `get()` once the queue is empty. With `immediate` what is
   * in it is dropped, and counts as dealt with.
   */
  shutdown(immediate = false): void {
    this._isShutDown = true;
    if (immediate) {
      while (!this.empty()) {
        this._get();
        if (this.#unfinished > 0) this.#unfinished -= 1;
      }
      if (this.#unfinished === 0) this.#finished.set();
    }
    while (this._getters._first !== null) wakeNext(this._getters);
    while (this._putters._first !== null) wakeNext(this._putters);
  }

  toString(): string {
    const info = [`maxsize=${this.#maxsize}`];
    if (!this.empty()) info.push(`_queue=${repr([...this._contents()])}`);
    if (this._getters._length > 0) info.push(`_getters[${this._getters._length}]`);
    if (this._putters._length > 0) info.push(`_putters[${this._putters._length}]`);
    if (this.#unfinished > 0) info.push(`tasks=${this.#unfinished}`);
    if (this._isShutDown) info.push('shutdown');
    return `<${this.constructor.name} ${info.join(' ')}>`;
  }

  [inspectCustom](): string {
    return this.toString();
  }
}

/** Numbers, strings, bigints and dates by value, arrays item by item. */
function compareNaturally(a: unknown, b: unknown): number {
  if (Array.isArray(a) && Array.isArray(b)) {
    for (let i = 0; i < a.length && i < b.length; i += 1) {
      const order = compareNaturally(a[i], b[i]);
      if (order !== 0) return order;
    }
    return a.length - b.length;
  }
  const left = a as number;
  const right = b as number;
  if (left < right) return -1;
  if (left > right) return 1;
  if (left === right || (a instanceof Date && b instanceof Date)) return 0;
  throw new TypeError(
    `Cannot compare ${repr(a)} with ${repr(b)}: pass a compare function to the PriorityQueue`,
  );
}

/**
 * A queue that gives the smallest item first. Items are compared as numbers, strings, bigints, dates, or arrays of these
 * (`[priority, data]`), or with `compare`. The order among equals is that of a binary heap, as in Python.
 */
export class PriorityQueue<T = unknown> extends Queue<T> {
  readonly #compare: (a: T, b: T) => number;
  readonly #heap: T[] = [];

  constructor(maxsize = 0, compare: (a: T, b: T) => number = compareNaturally) {
    super(maxsize);
    this.#compare = compare;
  }

  override qsize(): number {
    return this.#heap.length;
  }

  protected override _contents(): Iterable<T> {
    return this.#heap;
  }

  protected override _put(item: T): void {
    this.#heap.push(item);
    this.#towardsRoot(0, this.#heap.length - 1);
  }

  protected override _get(): T {
    const heap = this.#heap;
    const last = heap.pop() as T;
    if (heap.length === 0) return last;
    const smallest = heap[0] as T;
    heap[0] = last;
    this.#towardsLeaves(0);
    return smallest;
  }

  /** Python's heapq, step for step: the order among equals depends on it. */
  #towardsRoot(start: number, from: number): void {
    const heap = this.#heap;
    const item = heap[from] as T;
    let position = from;
    while (position > start) {
      const parentPosition = (position - 1) >> 1;
      const parent = heap[parentPosition] as T;
      if (this.#compare(item, parent) >= 0) break;
      heap[position] = parent;
      position = parentPosition;
    }
    heap[position] = item;
  }

  #towardsLeaves(start: number): void {
    const heap = this.#heap;
    const item = heap[start] as T;
    let position = start;
    let child = 2 * position + 1;
    while (child < heap.length) {
      const right = child + 1;
      if (right < heap.length && this.#compare(heap[child] as T, heap[right] as T) >= 0) child = right;
      heap[position] = heap[child] as T;
      position = child;
      child = 2 * position + 1;
    }
    heap[position] = item;
    this.#towardsRoot(start, position);
  }
}

/** A queue that gives the newest item first. */
export class LifoQueue<T = unknown> extends Queue<T> {
  readonly #stack: T[] = [];

  override qsize(): number {
    return this.#stack.length;
  }

  protected override _contents(): Iterable<T> {
    return this.#stack;
  }

  protected override _put(item: T): void {
    this.#stack.push(item);
  }

  protected override _get(): T {
    return this.#stack.pop() as T;
  }
}
