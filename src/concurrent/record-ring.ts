/**
 * A ring of records in shared memory, from one thread to another: one writer, one reader, no lock.
 *
 * Positions count bytes and only grow (they wrap at 2³², which the capacity divides). A record never wraps around the
 * end of the data: where it would, a record of kind `SKIP` fills the rest. The writer sleeps while the ring is full.
 */

import { Area } from './area.js';

const HEAD = 0;
const TAIL = 1;
const ABANDONED = 2;
const CONTROL_BYTES = 64;
const SKIP = -1;

/** Bytes that every record begins with: its size and its kind, then what its writer puts there. */
export const RECORD_HEADER = 8;

export class RecordRing {
  readonly memory: SharedArrayBuffer;
  readonly area: Area;
  /** The largest record that may be written, so that several always fit. */
  readonly largest: number;
  readonly #control: Int32Array;
  readonly #capacity: number;

  /** A ring of `capacity` bytes (a power of two), or the other end of one. */
  constructor(memory: SharedArrayBuffer | number) {
    this.memory = typeof memory === 'number' ? new SharedArrayBuffer(CONTROL_BYTES + memory) : memory;
    this.#control = new Int32Array(this.memory, 0, CONTROL_BYTES / 4);
    this.#capacity = this.memory.byteLength - CONTROL_BYTES;
    this.area = new Area(this.memory, CONTROL_BYTES);
    this.largest = this.#capacity / 4;
  }

  /** The offset of a place for a record of up to `size` bytes; sleeps until the reader has made room. */
  reserve(size: number): number {
    const control = this.#control;
    for (;;) {
      const head = control[HEAD] as number;
      const tail = Atomics.load(control, TAIL);
      if (Atomics.load(control, ABANDONED) === 1) return 0; // what stands there nobody will read
      const free = this.#capacity - ((head - tail) | 0);
      const offset = head & (this.#capacity - 1);
      const rest = this.#capacity - offset;
      if (rest >= size) {
        if (free >= size) return offset;
      } else if (free >= rest + size) {
        this.area.i32[offset >> 2] = rest;
        this.area.i32[(offset >> 2) + 1] = SKIP;
        Atomics.store(control, HEAD, (head + rest) | 0);
        return 0;
      }
      Atomics.wait(control, TAIL, tail);
    }
  }

  /** Publishes the record of `size` bytes that was written at `offset`. */
  commit(offset: number, size: number, kind: number): void {
    const { i32 } = this.area;
    i32[offset >> 2] = size;
    i32[(offset >> 2) + 1] = kind;
    Atomics.store(this.#control, HEAD, ((this.#control[HEAD] as number) + size) | 0);
  }

  /** The offset of the oldest record, or -1. */
  peek(): number {
    const control = this.#control;
    for (;;) {
      const tail = control[TAIL] as number;
      if (tail === Atomics.load(control, HEAD)) return -1;
      const offset = tail & (this.#capacity - 1);
      if (this.area.i32[(offset >> 2) + 1] !== SKIP) return offset;
      this.#advance(this.area.i32[offset >> 2] as number);
    }
  }

  /** The kind of the record at `offset`. */
  kindAt(offset: number): number {
    return this.area.i32[(offset >> 2) + 1] as number;
  }

  /** The reader is done with the record at `offset`. */
  release(offset: number): void {
    this.#advance(this.area.i32[offset >> 2] as number);
  }

  /** Nobody reads any more: from now on the writer never sleeps, and what it writes is lost. */
  abandon(): void {
    Atomics.store(this.#control, ABANDONED, 1);
    Atomics.store(this.#control, TAIL, Atomics.load(this.#control, HEAD)); // or a writer that is falling asleep would miss it
    Atomics.notify(this.#control, TAIL);
  }

  #advance(size: number): void {
    Atomics.store(this.#control, TAIL, ((this.#control[TAIL] as number) + size) | 0);
    Atomics.notify(this.#control, TAIL);
  }
}
