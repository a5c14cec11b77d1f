/** The body of a request: read piece by piece by whoever wants it, and dropped otherwise. */

import * as asyncio from 'tsyncio';
import { HttpError } from './http-error.js';
import type { Framing } from './request.js';

/** How much is given at a time. */
const PIECE = 64 * 1024;
/** The longest line that announces a chunk. */
const MAX_CHUNK_LINE = 256;
const LONG_LINE = 'a line between the chunks is too long';
const NOTHING = Buffer.alloc(0);

export interface BodyLimits {
  /** Bytes in all. */
  readonly maxBody: number;
  /** From the first look at the body to its last byte. */
  readonly bodyTimeout: asyncio.Duration;
}

export class RequestBody {
  readonly #reader: asyncio.StreamReader;
  readonly #limits: BodyLimits;
  /** What is to come before the next look at the framing. */
  #left: number;
  readonly #chunked: boolean;
  /** What comes where `#left` is zero. It outlives a read that is cancelled: the next one goes on there. */
  #due: 'line end' | 'size' | 'trailers' = 'size';
  /** What a `readAll()` that was cancelled had already. */
  #kept = NOTHING;
  #received = 0;
  #ended = false;
  #broken = false;
  /** Sends `100 Continue`; `null` when nobody waits for that. */
  #invite: (() => void) | null;
  #deadline: number | null = null;

  constructor(
    reader: asyncio.StreamReader,
    framing: Framing,
    limits: BodyLimits,
    invite: (() => void) | null,
  ) {
    this.#reader = reader;
    this.#limits = limits;
    this.#chunked = framing === 'chunked';
    this.#left = framing === 'chunked' ? 0 : framing;
    this.#invite = invite;
    if (framing !== 'chunked') this.#check(framing);
  }

  /** Whether every byte of it was read, so that the next request can follow. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether it broke off, was too large, or malformed: nobody knows where the next request begins. */
  get broken(): boolean {
    return this.#broken;
  }

  /** Whether the client holds it back until it is invited, and was not. */
  get uninvited(): boolean {
    return this.#invite !== null;
  }

  /** The next piece; an empty one at the end. *Cancellation* loses nothing. @throws HttpError: too large, too slow, malformed. */
  read(): asyncio.Coroutine<Buffer> {
    return new asyncio.Coroutine(this.#guarded(), 'read');
  }

  /** All that is left of it. *Cancellation* loses nothing: what it had is read again. */
  readAll(): asyncio.Coroutine<Buffer> {
    return new asyncio.Coroutine(this.#readingAll(), 'readAll');
  }

  /** Reads what is left, and forgets it. */
  drop(): asyncio.Coroutine<void> {
    return new asyncio.Coroutine(this.#dropping(), 'drop');
  }

  *#readingAll(): asyncio.Coro<Buffer> {
    const pieces: Buffer[] = [];
    try {
      for (;;) {
        const piece = yield* this.#guarded();
        if (piece.length === 0) return Buffer.concat(pieces);
        pieces.push(piece);
      }
    } catch (error) {
      if (asyncio.isCancelledError(error)) this.#kept = Buffer.concat(pieces);
      throw error;
    }
  }

  *#dropping(): asyncio.Coro<void> {
    while (!this.#ended) yield* this.#guarded();
  }

  *#guarded(): asyncio.Coro<Buffer> {
    if (this.#kept.length > 0) {
      const piece = this.#kept.subarray(0, PIECE);
      this.#kept = this.#kept.subarray(PIECE);
      return piece;
    }
    if (this.#ended) return NOTHING;
    if (this.#broken) throw new HttpError(400, 'the body is broken');
    this.#invite?.();
    this.#invite = null;
    this.#deadline ??= asyncio.timeout(this.#limits.bodyTimeout).when();
    try {
      const self = this;
      return yield* asyncio.timeoutAt(this.#deadline).run(function* () {
        return yield* self.#next();
      });
    } catch (error) {
      if (asyncio.isCancelledError(error)) throw error;
      this.#broken = true;
      if (error instanceof asyncio.TimeoutError) throw new HttpError(408, 'the body takes too long');
      if (error instanceof asyncio.IncompleteReadError) throw new HttpError(400, 'the body breaks off');
      if (error instanceof asyncio.LimitOverrunError) throw new HttpError(400, LONG_LINE);
      throw error;
    }
  }

  *#next(): asyncio.Coro<Buffer> {
    if (this.#left === 0 && this.#chunked) yield* this.#nextChunk();
    if (this.#left === 0) {
      this.#ended = true;
      return NOTHING;
    }
    const piece = yield* this.#reader.read(Math.min(this.#left, PIECE));
    if (piece.length === 0) throw new HttpError(400, 'the body breaks off');
    this.#left -= piece.length;
    if (this.#left === 0 && !this.#chunked) this.#ended = true;
    return piece;
  }

  /**
   * What lies between the chunks: the end of the last one's line; the next one's length in hexadecimal, with extensions that nobody
   * uses; and behind that of the last one, which has no bytes, the trailers.
   */
  *#nextChunk(): asyncio.Coro<void> {
    if (this.#due === 'line end') {
      if ((yield* this.#line()) !== '') throw new HttpError(400, 'a chunk is longer than it says');
      this.#due = 'size';
    }
    if (this.#due === 'size') {
      const match = /^([0-9A-Fa-f]{1,12})[ \t]*(?:;[\t -~\x80-\xff]*)?$/.exec(yield* this.#line());
      if (match === null) throw new HttpError(400, 'a chunk does not say its length');
      this.#left = Number.parseInt(match[1] as string, 16);
      this.#due = this.#left > 0 ? 'line end' : 'trailers';
      this.#check(this.#left);
      if (this.#left > 0) return;
    }
    // Headers may follow that the sender did not know before. They count as body.
    for (let line = yield* this.#line(); line !== ''; line = yield* this.#line()) {
      if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t -~\x80-\xff]*$/.test(line)) {
        throw new HttpError(400, 'a trailer is not NAME: VALUE');
      }
      this.#check(line.length);
    }
  }

  *#line(): asyncio.Coro<string> {
    const line = (yield* this.#reader.readuntil('\n')).toString('latin1');
    if (line.length > MAX_CHUNK_LINE) throw new HttpError(400, LONG_LINE);
    if (!line.endsWith('\r\n')) throw new HttpError(400, 'lines must end with CR LF');
    return line.slice(0, -2);
  }

  #check(more: number): void {
    this.#received += more;
    if (this.#received > this.#limits.maxBody) {
      throw new HttpError(413, `the body has more than ${this.#limits.maxBody} bytes`);
    }
  }
}
