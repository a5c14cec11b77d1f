/** Bytes in the order in which they came: what a stream has received and nobody has read. */

import { allocateBytes, asBytes, type Bytes, NO_BYTES } from './bytes.js';

/** Pieces smaller than this are copied together, so that a peer that sends single bytes costs no more than another. */
const SMALL = 1024;
const TAIL_SIZE = 4096;

/** Pieces are kept as they came and handed out as views of them wherever possible. */
export class ByteQueue {
  /** How many bytes there are. */
  size = 0;
  #pieces: Uint8Array[] = [];
  /** The first piece that is not used up, and how much of it is. */
  #head = 0;
  #offset = 0;
  /** Memory of ours that the last piece is a view of, and how much of it is used. */
  #tail: Uint8Array | null = null;
  #tailUsed = 0;

  push(data: Uint8Array): void {
    const length = data.length;
    if (length < SMALL && this.size > 0) this.#append(data);
    else {
      this.#pieces.push(data);
      this.#tail = null;
    }
    this.size += length;
  }

  /** Copies a small piece behind the last one. */
  #append(data: Uint8Array): void {
    const pieces = this.#pieces;
    if (this.#tail === null || this.#tailUsed + data.length > this.#tail.length) {
      this.#tail = allocateBytes(TAIL_SIZE);
      this.#tail.set(data, 0);
      this.#tailUsed = data.length;
      pieces.push(this.#tail.subarray(0, data.length));
      return;
    }
    this.#tail.set(data, this.#tailUsed);
    this.#tailUsed += data.length;
    const last = pieces[pieces.length - 1] as Uint8Array;
    pieces[pieces.length - 1] = this.#tail.subarray(
      this.#tailUsed - data.length - last.length,
      this.#tailUsed,
    );
  }

  /** Puts bytes back that were taken last. */
  unshift(data: Uint8Array): void {
    if (data.length === 0) return;
    if (this.#offset > 0) {
      this.#pieces[this.#head] = (this.#pieces[this.#head] as Uint8Array).subarray(this.#offset);
      this.#offset = 0;
    }
    if (this.#head > 0) {
      this.#head -= 1;
      this.#pieces[this.#head] = data;
    } else {
      this.#pieces.unshift(data);
    }
    this.size += data.length;
  }

  /** Takes the first `count` bytes; the caller knows that they are there. They are the receiver's. */
  take(count: number): Bytes {
    if (count === 0) return NO_BYTES;
    const piece = this.#pieces[this.#head] as Uint8Array;
    const offset = this.#offset;
    const left = piece.length - offset;
    if (count > left) return this.#takeJoined(count);
    this.size -= count;
    if (count < left) {
      this.#offset = offset + count;
      return asBytes(piece.subarray(offset, offset + count));
    }
    this.#dropHead();
    return asBytes(offset === 0 ? piece : piece.subarray(offset));
  }

  #takeJoined(count: number): Bytes {
    const joined = allocateBytes(count);
    let filled = 0;
    while (filled < count) {
      const piece = this.#pieces[this.#head] as Uint8Array;
      const wanted = Math.min(piece.length - this.#offset, count - filled);
      joined.set(
        this.#offset === 0 && wanted === piece.length
          ? piece
          : piece.subarray(this.#offset, this.#offset + wanted),
        filled,
      );
      filled += wanted;
      if (this.#offset + wanted === piece.length) this.#dropHead();
      else this.#offset += wanted;
    }
    this.size -= count;
    return joined;
  }

  #dropHead(): void {
    this.#offset = 0;
    if (this.#head === this.#pieces.length - 1) {
      if (this.#head === 0) this.#pieces.pop();
      else this.#pieces.length = 0;
      this.#head = 0;
      this.#tail = null;
      return;
    }
    this.#pieces[this.#head] = NO_BYTES;
    this.#head += 1;
    if (this.#head > 64 && this.#head * 2 > this.#pieces.length) {
      this.#pieces.splice(0, this.#head);
      this.#head = 0;
    }
  }

  clear(): void {
    this.size = 0;
    this.#pieces = [];
    this.#head = 0;
    this.#offset = 0;
    this.#tail = null;
  }

  /** Where `pattern` first stands, at `from` or later and ending at `to` or before, also across pieces; -1 when it does not. */
  indexOf(pattern: Uint8Array, from: number, to: number = this.size): number {
    const pieces = this.#pieces;
    const first = pattern[0] as number;
    /** The place in the queue of the piece's first byte. */
    let base = -this.#offset;
    for (let index = this.#head; index < pieces.length; index += 1) {
      const piece = pieces[index] as Uint8Array;
      const end = base + piece.length;
      if (end > from) {
        let at = piece.indexOf(first, Math.max(from - base, index === this.#head ? this.#offset : 0));
        while (at >= 0) {
          if (base + at + pattern.length > to) return -1;
          if (pattern.length === 1 || this.#matches(pattern, index, at)) return base + at;
          at = piece.indexOf(first, at + 1);
        }
      }
      base = end;
      if (base >= to) return -1;
    }
    return -1;
  }

  #matches(pattern: Uint8Array, pieceIndex: number, at: number): boolean {
    let index = pieceIndex;
    let piece = this.#pieces[index] as Uint8Array;
    let position = at;
    for (let i = 1; i < pattern.length; i += 1) {
      position += 1;
      while (position >= piece.length) {
        position -= piece.length;
        index += 1;
        piece = this.#pieces[index] as Uint8Array;
      }
      if (piece[position] !== pattern[i]) return false;
    }
    return true;
  }
}
