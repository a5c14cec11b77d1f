/**
 * The queue of calls that a pool's workers take from, in shared memory: one producer (the thread that owns the pool),
 * any number of consumers (its worker threads, or the broker on behalf of processes).
 *
 * Whoever is free takes the oldest call, as in Python, so no call waits behind a long one while a worker idles, and the
 * owner may be busy with something else meanwhile. A call is in one slot:
 *
 *     FREE ──publish──▶ READY ──claim──▶ TAKEN ──decoded──▶ FREE
 *                         └──cancel──▶ CANCELLED ──claim──▶ FREE
 *
 * Both arrows out of READY are compare-and-exchange, so that a cancelled call never runs and one that runs was never
 * cancelled. Indices only grow and wrap at 2³²; `head` is moved by consumers, `tail` by the producer.
 */

import { Area } from './area.js';
import { Arena } from './arena.js';

const SLOTS = 256;
const SLOT_BYTES = 512;
const MASK = SLOTS - 1;
/** Bytes for arguments that are too large for a slot. Untouched, they are no memory yet. */
const ARENA_BYTES = 4 * 1024 * 1024;
const ARENA_START = SLOTS * SLOT_BYTES;

/** Words of the header. */
const BELL = 0;
const HEAD = 1;
const TAIL = 2;
const CLOSING = 3;
const WATCHED = 4;
/** How many workers look at the queue by themselves, soon: see {@link TaskQueue.linger}. */
const LINGERING = 5;
/** How many of the calls that were claimed have ended, or were passed over. */
const FINISHED = 6;
/** From here on, for each worker, the mark of the call that it runs. */
const RUNNING = 16;

/** States of a slot. */
const FREE = 0;
const READY = 1;
const TAKEN = 2;
const CANCELLED = 3;

/** Words and bytes of a slot. */
const FUNCTION = 1;
const FLAGS = 2;
/** Where the arguments end, in bytes from where they begin. */
const SIZE = 3;
/** Stands in `FLAGS` for arguments in the arena; the slot says where. */
const IN_ARENA = 1 << 30;
const ARGUMENTS = 16;

/** Milliseconds between the looks of a lingering worker, and how often it looks before it sleeps soundly. */
const LOOK_EVERY = 0.1;
const LOOKS = 5;

/** No call runs. */
const NONE = 0;
/** The owner has condemned the worker: it must not take another call. */
const CONDEMNED = -1;

export class TaskQueue {
  readonly memory: SharedArrayBuffer;
  readonly #control: Int32Array;
  readonly #area: Area;
  readonly #arena = new Arena(ARENA_BYTES, (index) => this.#isRead(index));
  #tail = 0;

  /** The call that was claimed last: its function, its flags, its index, and its arguments (`null` when they come through a port). */
  readonly claimed = {
    fn: 0,
    flags: 0,
    index: 0,
    args: null as readonly unknown[] | null,
    /** The bytes of the arguments, for who passes them on. */
    raw: null as Uint8Array | null,
    /** Why the arguments cannot be read. */
    unreadable: null as unknown,
  };

  /** Calls were published of which no worker was told: {@link announce} is due, at the end of the turn at the latest. */
  unannounced = false;
  /** Whether {@link publish} has found room for the arguments. */
  wrote = false;
  /** Whether a worker was woken in this turn of the owner. */
  #woken = false;

  /** Whether {@link claim} has made room that the owner waits for, or does not know of. */
  madeRoom = false;

  constructor(workers: number, memory?: SharedArrayBuffer) {
    const headerBytes = ((RUNNING + workers) * 4 + 7) & ~7;
    this.memory = memory ?? new SharedArrayBuffer(headerBytes + ARENA_START + ARENA_BYTES);
    this.#control = new Int32Array(this.memory, 0, RUNNING + workers);
    this.#area = new Area(this.memory, headerBytes);
  }

  // ------------------------------------------------------------------------------------------ the producer

  /**
   * Publishes a call. Returns its index, or `undefined` when all slots are taken; {@link wrote} tells whether there was room
   * for the arguments. Where there is none, or they are `null`, they come through a port.
   */
  publish(fn: number, flags: number, args: Writable | null): number | undefined {
    const { i32 } = this.#area;
    let index = this.#tail;
    if (Atomics.load(i32, wordOf(index)) !== FREE) return undefined;
    while (markOf(index) === NONE || markOf(index) === CONDEMNED) {
      // No call may have a mark that means something else: the slot is passed over.
      Atomics.store(i32, wordOf(index), CANCELLED);
      index = this.#advance();
      if (Atomics.load(i32, wordOf(index)) !== FREE) return undefined;
    }
    const word = wordOf(index);
    const start = word * 4 + ARGUMENTS;
    i32[word + FUNCTION] = fn;
    i32[word + FLAGS] = flags;
    this.wrote = true;
    const end = args === null ? -1 : this.#write(args, start, start - ARGUMENTS + SLOT_BYTES);
    if (end >= 0) i32[word + SIZE] = end - start;
    else this.#writeFarther(args, index, word);
    Atomics.store(i32, word, READY);
    this.#advance();
    Atomics.add(this.#control, BELL, 1);
    // To wake a worker for each of many calls costs more than the calls. One that lingers will look soon in any case.
    if (this.#woken && Atomics.load(this.#control, LINGERING) > 0) {
      this.unannounced = true;
    } else {
      this.#woken = true;
      Atomics.notify(this.#control, BELL, 1);
    }
    return index;
  }

  /** The index of the call that is published next; `undefined` when it is not certain. */
  get next(): number | undefined {
    const index = this.#tail;
    const certain =
      markOf(index) !== NONE &&
      markOf(index) !== CONDEMNED &&
      Atomics.load(this.#area.i32, wordOf(index)) === FREE;
    return certain ? index : undefined;
  }

  /** Writes arguments that are too large for the slot into the arena, or that they come in another way. */
  #writeFarther(args: Writable | null, index: number, word: number): void {
    const { i32 } = this.#area;
    const start = word * 4 + ARGUMENTS;
    if (args !== null) {
      const size = (sizeOf(args) + 7) & ~7;
      const place = this.#arena.allocate(size, index);
      if (place >= 0) {
        const from = ARENA_START + place;
        const end = this.#write(args, from, from + size);
        i32[word + FLAGS] = (i32[word + FLAGS] as number) | IN_ARENA;
        i32[word + SIZE] = end - from;
        i32[start >> 2] = from;
        return;
      }
    }
    this.wrote = false;
    i32[word + SIZE] = this.#area.writeElsewhere(start) - start;
  }

  /** Whether nobody will read the arguments of a call any more. */
  #isRead(index: number): boolean {
    return ((this.#tail - index) | 0) > SLOTS || Atomics.load(this.#area.i32, wordOf(index)) === FREE;
  }

  /** Wakes workers for the calls of which none was told. */
  announce(): void {
    this.#woken = false;
    if (!this.unannounced) return;
    this.unannounced = false;
    const { unclaimed } = this;
    if (unclaimed > 0) Atomics.notify(this.#control, BELL, unclaimed);
  }

  /** Returns where they end, or -1 when they do not fit. */
  #write(args: Writable, start: number, limit: number): number {
    if (typeof args === 'string') return this.#area.writeText(args, start, limit);
    if (args instanceof Uint8Array) return this.#area.writeSerialized(args, start, limit);
    if (Array.isArray(args)) return this.#area.writeScalars(args, start, limit);
    return this.#area.writeWithMemory((args as WithMemory).args, start, limit);
  }

  #advance(): number {
    this.#tail = (this.#tail + 1) | 0;
    Atomics.store(this.#control, TAIL, this.#tail);
    return this.#tail;
  }

  /** Takes a published call back; `false` when a worker was faster. */
  cancel(index: number): boolean {
    // The slot of a call that was taken may hold a later one by now; only this thread fills slots.
    if (this.isClaimed(index)) return false;
    return Atomics.compareExchange(this.#area.i32, wordOf(index), READY, CANCELLED) === READY;
  }

  /** Whether a worker has taken the call that is at `index`, or passed over it. */
  isClaimed(index: number): boolean {
    return ((Atomics.load(this.#control, HEAD) - index) | 0) > 0;
  }

  /** How many published calls nobody has taken yet. */
  get unclaimed(): number {
    return (this.#tail - Atomics.load(this.#control, HEAD)) | 0;
  }

  /** How many calls workers have, counted without a gap between the claim and the start of one. */
  get busy(): number {
    return (Atomics.load(this.#control, HEAD) - Atomics.load(this.#control, FINISHED)) | 0;
  }

  /** The index of the call that `worker` runs; `undefined` for none. */
  running(worker: number): number | undefined {
    const mark = Atomics.load(this.#control, RUNNING + worker);
    return mark === NONE || mark === CONDEMNED ? undefined : indexOf(mark);
  }

  /** Forbids `worker` to take another call, if it still runs this one. */
  condemn(worker: number, index: number): boolean {
    return this.#unmark(worker, index, CONDEMNED);
  }

  /** A new worker takes the place of a dead one. */
  reset(worker: number): void {
    Atomics.store(this.#control, RUNNING + worker, NONE);
  }

  /** Has whoever takes a call tell the owner, or not any more. */
  watch(watched: boolean): void {
    Atomics.store(this.#control, WATCHED, watched ? 1 : 0);
  }

  /** Lets workers go once nothing is left to take. */
  close(): void {
    Atomics.store(this.#control, CLOSING, 1);
    Atomics.add(this.#control, BELL, 1);
    Atomics.notify(this.#control, BELL);
  }

  // ----------------------------------------------------------------------------------------- the consumers

  /** Takes the oldest call into {@link claimed}; `false` when there is none. */
  claim(worker: number): boolean {
    return this.#claim(worker, false);
  }

  /** The same for who passes calls on, and {@link mark}s them when they are about to begin: the arguments stay bytes. */
  claimRaw(): boolean {
    return this.#claim(-1, true);
  }

  #claim(worker: number, raw: boolean): boolean {
    const control = this.#control;
    for (;;) {
      const head = Atomics.load(control, HEAD);
      if (head === Atomics.load(control, TAIL)) return false;
      if (Atomics.compareExchange(control, HEAD, head, (head + 1) | 0) !== head) continue;
      if (worker >= 0) this.mark(worker, head);
      if (this.#take(head, raw)) {
        if (Atomics.load(control, WATCHED) === 1) this.madeRoom = true;
        return true;
      }
      this.madeRoom = true;
      if (worker >= 0) Atomics.store(control, RUNNING + worker, NONE);
      this.drop();
    }
  }

  /** Says that `worker` runs the call at `index`. */
  mark(worker: number, index: number): void {
    Atomics.store(this.#control, RUNNING + worker, markOf(index));
  }

  /** A call that was claimed has ended without having been marked. */
  drop(): void {
    Atomics.add(this.#control, FINISHED, 1);
  }

  #take(index: number, raw: boolean): boolean {
    const word = wordOf(index);
    const { i32 } = this.#area;
    const state = Atomics.compareExchange(i32, word, READY, TAKEN);
    if (state !== READY) {
      Atomics.store(i32, word, FREE);
      return false;
    }
    const { claimed } = this;
    claimed.fn = i32[word + FUNCTION] as number;
    const flags = i32[word + FLAGS] as number;
    const inSlot = word * 4 + ARGUMENTS;
    const start = (flags & IN_ARENA) === 0 ? inSlot : (i32[inSlot >> 2] as number);
    claimed.flags = flags & ~IN_ARENA;
    claimed.index = index;
    claimed.args = null;
    claimed.raw = null;
    claimed.unreadable = null;
    try {
      if (!this.#area.isElsewhere(start)) {
        if (raw) claimed.raw = this.#area.copy(start, i32[word + SIZE] as number);
        else claimed.args = this.#area.read(start) as unknown[];
      }
    } catch (error) {
      claimed.unreadable = error;
    } finally {
      Atomics.store(i32, word, FREE);
    }
    return true;
  }

  /** The call of `worker` has ended; `false` when the worker was condemned meanwhile and must take no other. */
  finish(worker: number, index: number): boolean {
    return this.#unmark(worker, index, NONE);
  }

  #unmark(worker: number, index: number, instead: number): boolean {
    const mark = markOf(index);
    if (Atomics.compareExchange(this.#control, RUNNING + worker, mark, instead) !== mark) return false;
    Atomics.add(this.#control, FINISHED, 1);
    return true;
  }

  get closing(): boolean {
    return Atomics.load(this.#control, CLOSING) === 1;
  }

  /** The bell's value, to be read before {@link claim} finds nothing, and given to {@link wait}. */
  get bell(): number {
    return Atomics.load(this.#control, BELL);
  }

  /**
   * Like {@link wait} for a short while after a call, in which the producer need not wake this worker for each new one: it
   * looks again every tenth of a millisecond.
   */
  linger(seen: number): boolean {
    const control = this.#control;
    Atomics.add(control, LINGERING, 1);
    let rung = false;
    for (let look = 0; look < LOOKS && !rung; look++) rung = this.wait(seen, LOOK_EVERY);
    Atomics.sub(control, LINGERING, 1);
    return rung;
  }

  /** Wakes another worker when there are more calls than this one can take: the producer may have woken one for many. */
  passOn(): void {
    if (Atomics.load(this.#control, TAIL) !== Atomics.load(this.#control, HEAD)) {
      Atomics.notify(this.#control, BELL, 1);
    }
  }

  /** Blocks until the bell has rung since it read `seen`, for at most `milliseconds`; returns whether it may have. */
  wait(seen: number, milliseconds: number): boolean {
    return Atomics.wait(this.#control, BELL, seen, milliseconds) !== 'timed-out';
  }

  /** The same without blocking the event loop: calls `then` when the bell has rung. */
  listen(seen: number, then: () => void): void {
    const waiting = (Atomics as unknown as { waitAsync: WaitAsync }).waitAsync(this.#control, BELL, seen);
    if (waiting.async) waiting.value.then(then);
    else setImmediate(then);
  }
}

type WaitAsync = (
  words: Int32Array,
  index: number,
  value: number,
) => { async: boolean; value: PromiseLike<unknown> };

/** Scalars and one large array of numbers. */
export interface WithMemory {
  readonly args: readonly unknown[];
  /** An upper bound of the bytes that they take. */
  readonly size: number;
}

/** Arguments that can be written: an array of scalars, serialized ones, JSON, or some with a large array. */
export type Writable = readonly unknown[] | Uint8Array | string | WithMemory;

function sizeOf(args: Writable): number {
  if (typeof args === 'string') return 8 + Buffer.byteLength(args);
  if (args instanceof Uint8Array) return 8 + args.length;
  return Array.isArray(args) ? SLOT_BYTES : (args as WithMemory).size;
}

/** The most bytes that the arguments of a call may take in a slot. */
export const ROOM = SLOT_BYTES - ARGUMENTS;

/** The first word of the slot of a call. */
function wordOf(index: number): number {
  return ((index & MASK) * SLOT_BYTES) >> 2;
}

/** What stands for a call in the word of the worker that runs it. */
function markOf(index: number): number {
  return (index + 1) | 0;
}

function indexOf(mark: number): number {
  return (mark - 1) | 0;
}
