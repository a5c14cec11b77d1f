/**
 * Small writes of one turn of Node's event loop, joined into one call of the system for each socket.
 *
 * Who writes a header and then a body means one message; sent one by one they are two calls, two packets and often two wake-ups of
 * the peer. So a small write is copied (its memory is the caller's again at once), and leaves when the turn is over, which is as soon
 * as Node has no microtask left. Whatever depends on what is written (`close()`, `writeEof()`, the buffer's size, a write that is not
 * small) sends it first. uvloop does the same. What is written right before the process ends still leaves.
 *
 * Waiting for a second write is not free, so a connection that has written only once in each of some turns does not wait any more, until
 * it writes twice in one again.
 */

import type { Bytes } from '../core/index.js';
import { allocateBytes } from '../core/io.js';
import { turns } from './turns.js';

const SLAB = 64 * 1024;
/** What is copied together at most; more goes out at once. */
export const JOIN_LIMIT = 16 * 1024;
/** A first write larger than this does not wait for a second one. */
const SMALL = 4 * 1024;
/** So many bytes are copied sooner one by one. */
const FEW = 96;
/** So many turns with a single write, and nobody waits for a second one. */
const PATIENCE = 8;
/** The least that is reserved for writes that were moved. */
const RESERVE = 1024;

/** Memory that is filled from the front, and never written to again. */
let slab: Uint8Array | null = null;
let used = 0;
let unsent: JoinedWrites[] = [];
let sendsAtExit = false;

/** The small writes of one socket in the present turn. */
export class JoinedWrites {
  /** How many bytes wait for the end of the turn. */
  size = 0;
  readonly #send: (data: Bytes) => void;
  #memory: Uint8Array | null = null;
  #start = 0;
  /** Where the memory ends that nobody else fills, once they were moved. */
  #room = 0;
  /** How many more turns with a single write are worth waiting in. */
  #patience = PATIENCE;
  #single = true;
  /** The turn of the last write that did not wait. */
  #turn = -1;

  /** @param send writes to the socket at once. */
  constructor(send: (data: Bytes) => void) {
    this.#send = send;
  }

  /** Takes a copy of `data`, unless that is too much to wait for others, or together with them. */
  take(data: Uint8Array, most: number): boolean {
    const { length } = data;
    const { size } = this;
    if (size === 0) {
      if (length > SMALL || length > most || !this.#isWorthwhile()) return false;
      this.#begin(length);
    } else {
      this.#single = false;
      const total = size + length;
      if (total > JOIN_LIMIT || total > most) return false;
      const end = this.#start + size;
      const memory = this.#memory as Uint8Array;
      if (memory === slab && end === used && end + length <= SLAB) used += length;
      else if (end + length > this.#room) this.#move(total);
    }
    const memory = this.#memory as Uint8Array;
    const at = this.#start + size;
    if (length > FEW) memory.set(data, at);
    else for (let i = 0; i < length; i += 1) memory[at + i] = data[i] as number;
    this.size = size + length;
    return true;
  }

  #isWorthwhile(): boolean {
    if (this.#patience > 0) return true;
    const { count } = turns;
    if (this.#turn === count) {
      this.#patience = PATIENCE;
      return true;
    }
    this.#turn = count;
    return false;
  }

  #begin(length: number): void {
    this.#single = true;
    if (slab === null || used + length > SLAB) {
      slab = allocateBytes(SLAB);
      used = 0;
    }
    this.#memory = slab;
    this.#start = used;
    this.#room = 0;
    used += length;
    if (unsent.push(this) === 1) process.nextTick(sendAll);
    if (sendsAtExit) return;
    sendsAtExit = true;
    process.on('exit', sendAll);
  }

  /** Others have written behind: goes on in memory of its own. */
  #move(total: number): void {
    const memory = allocateBytes(Math.max(RESERVE, 2 * total));
    const old = this.#memory as Uint8Array;
    memory.set(old.subarray(this.#start, this.#start + this.size));
    this.#memory = memory;
    this.#start = 0;
    this.#room = memory.length;
  }

  /** Sends what is there. */
  flush(): void {
    const { size } = this;
    if (size === 0) return;
    this.#patience = this.#single ? this.#patience - 1 : PATIENCE;
    const memory = this.#memory as Bytes;
    this.size = 0;
    this.#memory = null;
    this.#send(memory.subarray(this.#start, this.#start + size) as Bytes);
  }
}

/** The turn is over. */
function sendAll(): void {
  const all = unsent;
  unsent = [];
  for (const each of all) each.flush();
}
