/**
 * Where arguments lie that are too large for their slot: a stretch of shared memory beside the queue's slots, used round and
 * round. Only the queue's producer looks after it; a piece is free when the call whose arguments it holds was taken.
 */

/** A piece in use, by the call at `index`. */
interface Piece {
  readonly index: number;
  readonly start: number;
}

export class Arena {
  readonly #capacity: number;
  readonly #isOver: (index: number) => boolean;
  /** The pieces in use, the oldest first. */
  readonly #pieces: Piece[] = [];
  #next = 0;

  /** `isOver` tells whether the arguments of a call were read, or will not be. */
  constructor(capacity: number, isOver: (index: number) => boolean) {
    this.#capacity = capacity;
    this.#isOver = isOver;
  }

  /** Where `size` bytes (a multiple of eight) are free for the call at `index`; -1 when there is no such place now. */
  allocate(size: number, index: number): number {
    const pieces = this.#pieces;
    while (pieces.length > 0 && this.#isOver((pieces[0] as Piece).index)) pieces.shift();
    const start = this.#place(size, pieces[0]?.start);
    if (start < 0) return -1;
    pieces.push({ index, start });
    this.#next = start + size;
    return start;
  }

  #place(size: number, oldest: number | undefined): number {
    if (oldest === undefined) return size <= this.#capacity ? 0 : -1;
    if (this.#next <= oldest) return this.#next + size < oldest ? this.#next : -1;
    if (this.#next + size <= this.#capacity) return this.#next;
    return size < oldest ? 0 : -1;
  }
}
