/**
 * An open file in bytes: its descriptor, what was read ahead, and what was accepted and is not written yet.
 *
 * Invariants:
 * - One call of the platform at a time is under way (`flying`). A task that is cancelled leaves its call behind; whoever
 *   comes next waits until that has landed. What it brought is taken into account when it lands, so the state is always
 *   that of the file.
 * - Tasks take turns, in the order of their calls.
 * - `next` is where the byte after the buffer stands in the file. The position that the user sees is that, less what was
 *   read ahead, plus what is not written yet. At most one of both is there.
 * - Files that can be positioned in are read and written at explicit positions, so that a call that was left behind moves
 *   nothing. Others (pipes, terminals) are read only into the buffer, so that nothing is lost.
 * - `data[end]` is a line feed, so that a search in the buffer always ends there.
 */

import {
  type Bytes,
  type Coro,
  Future,
  getRunningLoop,
  isBaseException,
  isCancelledError,
  logger,
  Semaphore,
  ValueError,
} from '../core/index.js';
import { allocateBytes } from '../core/io.js';
import { fileError } from './file-errors.js';
import { type Callback, call, callToTheEnd, fs } from './fs.js';

/** How much is read ahead, and accepted before it is written. */
export const BUFFER_SIZE = 64 * 1024;
/** How much is read or written by one call at most: a cancellation waits for no more than that. */
export const CHUNK_SIZE = 1024 * 1024;

const LINE_FEED = 10;
const EMPTY: Buffer = Buffer.alloc(0);

/** How a file was opened. */
export interface Access {
  readonly readable: boolean;
  readonly writable: boolean;
  readonly appending: boolean;
  readonly seekable: boolean;
}

export class FileBuffer {
  readonly fd: number;
  readonly path: string;
  readonly access: Access;

  data: Buffer = EMPTY;
  start = 0;
  end = 0;
  next: number;

  #out: Buffer = EMPTY;
  #outStart = 0;
  #outEnd = 0;
  /** Whether the file was appended to, so that only the system knows where its end is now. */
  #moved = false;
  /** Whether there was nothing in it when it was opened, nor was anything written since. */
  #empty: boolean;

  /** How many operations are under way or in line. */
  #busy = 0;
  #flying = false;
  #landed: Future<void> | null = null;
  #afterLanding: (() => void) | null = null;
  readonly #turns = new Semaphore(1);
  /** No new operation may begin. */
  closing = false;
  #closed = false;

  constructor(fd: number, path: string, access: Access, position: number) {
    this.fd = fd;
    this.path = path;
    this.access = access;
    this.next = position;
    this.#empty = position === 0;
  }

  /** What messages call it. */
  get name(): string {
    return `'${this.path}'`;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether nobody is at work, so that what needs no wait can be done on the spot. */
  get idle(): boolean {
    return this.#busy === 0 && !this.#flying;
  }

  /** Whether bytes were accepted that are not written yet. */
  get dirty(): boolean {
    return this.#outEnd > 0;
  }

  /** Whether the system's position is where the user's is, so that somebody else can go on with the descriptor. */
  get lendable(): boolean {
    const { seekable, appending } = this.access;
    return !seekable || appending || (this.next === 0 && !this.dirty && this.idle);
  }

  // ------------------------------------------------------------------------------------------- turns and calls

  /** Does `work` when it is this operation's turn. */
  *inTurn<T>(attempt: string, work: () => Coro<T>): Coro<T> {
    this.#busy += 1;
    try {
      yield* this.#turns.acquire();
      try {
        yield* this.#landing();
        if (this.#closed) throw this.closedError(attempt);
        return yield* work();
      } finally {
        this.#turns.release();
      }
    } finally {
      this.#busy -= 1;
    }
  }

  closedError(attempt: string): ValueError {
    return new ValueError(`Cannot ${attempt} ${this.name}: it is closed`);
  }

  /** Waits for the call that a cancelled task has left behind. */
  *#landing(): Coro<void> {
    while (this.#flying) {
      this.#landed = new Future<void>({ loop: getRunningLoop() });
      yield* this.#landed;
    }
  }

  /** Makes a call. `land` hears of what it has done, also if nobody waits for it any more. */
  *#fly(begin: (callback: Callback<number>) => void, land: (count: number) => void): Coro<number> {
    const loop = getRunningLoop();
    const future = new Future<number>({ loop });
    this.#flying = true;
    let failure: unknown = null;
    try {
      begin((error, count) => {
        this.#flying = false;
        if (error === null) land(count);
        if (!future.done() && !loop.isClosed()) {
          failure = error;
          future.setResult(count);
        }
        const landed = this.#landed;
        this.#landed = null;
        if (landed !== null && !landed.done() && !landed.getLoop().isClosed()) landed.setResult();
        const next = this.#afterLanding;
        this.#afterLanding = null;
        next?.();
      });
    } catch (error) {
      this.#flying = false;
      throw error;
    }
    const count = yield* future;
    if (failure !== null) throw fileError(failure, this.path);
    return count;
  }

  // ----------------------------------------------------------------------------------------------- the position

  /** Where the next read or write takes place. */
  *position(): Coro<number> {
    // What is appended goes to the end, wherever that is by then.
    if (this.access.appending) yield* this.flush();
    if (this.#moved) {
      const stat = yield* this.stat();
      this.#moved = false;
      this.next = stat.size;
    }
    return this.next - (this.end - this.start) + (this.#outEnd - this.#outStart);
  }

  /** Whether the next write will be the first byte of the file. */
  get atBeginning(): boolean {
    if (!this.access.seekable || this.#outEnd > 0) return false;
    return this.access.appending ? this.#empty : this.next === this.end - this.start;
  }

  /** Goes to `position`; what was accepted is written before. */
  *seek(position: number): Coro<void> {
    yield* this.flush();
    const behind = this.next - position;
    if (!this.#moved && behind >= 0 && behind <= this.end) {
      this.start = this.end - behind;
      return;
    }
    this.#moved = false;
    this.#forget();
    this.next = position;
  }

  /** Drops what was read ahead. */
  #forget(): void {
    this.start = 0;
    this.end = 0;
    if (this.data.length > 0) this.data[0] = LINE_FEED;
  }

  *stat(): Coro<import('node:fs').Stats> {
    return yield* call<import('node:fs').Stats>(this.path, (callback) => fs.fstat(this.fd, callback));
  }

  // ---------------------------------------------------------------------------------------------------- reading

  get available(): number {
    return this.end - this.start;
  }

  /** Takes `count` bytes of what was read ahead; a copy. */
  take(count: number): Bytes {
    const from = this.start;
    this.start = from + count;
    const taken = allocateBytes(count);
    this.data.copy(taken, 0, from, from + count);
    return taken;
  }

  /** Takes the bytes up to the next line feed; `null` when there is none in the buffer. */
  takeLine(): Bytes | null {
    if (this.start === this.end) return null;
    const at = this.data.indexOf(LINE_FEED, this.start);
    return at === this.end ? null : this.take(at + 1 - this.start);
  }

  /** Before reading: what was accepted is written. */
  *turnToReading(): Coro<void> {
    if (this.#outEnd > 0) yield* this.flush();
    if (this.#moved) yield* this.position();
  }

  /** Reads on into the buffer, `room` bytes at least if the file has them in one piece; gives how many came: 0 at the end. */
  *fill(room = 1): Coro<number> {
    this.#makeRoom(room);
    const { data, end } = this;
    const size = Math.min(data.length - 1 - end, CHUNK_SIZE);
    const position = this.access.seekable ? this.next : null;
    return yield* this.#fly(
      (callback) => fs.read(this.fd, data, end, size, position, callback),
      (count) => {
        this.end += count;
        this.next += count;
        this.data[this.end] = LINE_FEED;
      },
    );
  }

  #makeRoom(room: number): void {
    const used = this.end - this.start;
    const tail = this.data.length - 1 - this.end;
    if (tail >= room && (this.start === 0 || (used > 0 && tail >= BUFFER_SIZE / 2))) return;
    let target = this.data;
    if (used + room >= target.length) {
      target = Buffer.allocUnsafeSlow(Math.max(BUFFER_SIZE, 2 * used, used + room) + 1);
    } else if (used === 0 && target.length > BUFFER_SIZE + 1) {
      target = Buffer.allocUnsafeSlow(BUFFER_SIZE + 1); // a long line is over: its buffer is given back
    }
    this.data.copy(target, 0, this.start, this.end);
    this.data = target;
    this.start = 0;
    this.end = used;
    target[used] = LINE_FEED;
  }

  /** Up to `limit` bytes, fewer only at the end of the file. Nothing is taken unless all of it has come. */
  *read(limit: number): Coro<Bytes> {
    yield* this.turnToReading();
    if (!this.access.seekable || limit <= BUFFER_SIZE) {
      while (this.available < limit && (yield* this.fill(Math.min(limit - this.available, CHUNK_SIZE))) > 0);
      return this.take(Math.min(limit, this.available));
    }
    return yield* this.#readPast(limit);
  }

  /** The same past the buffer, straight into the result. */
  *#readPast(limit: number): Coro<Bytes> {
    const from = this.next - this.available;
    const { size } = yield* this.stat();
    let result: Buffer = Buffer.allocUnsafeSlow(Math.min(limit, Math.max(size - from, this.available)));
    let got = this.data.copy(result, 0, this.start, this.end);
    for (;;) {
      if (got === limit) break;
      // A file may be longer than it says: those of /proc are, and others grow. So the end is where nothing comes.
      const full = got === result.length;
      const target = full ? Buffer.allocUnsafeSlow(Math.min(BUFFER_SIZE, limit - got)) : result;
      const offset = full ? 0 : got;
      const length = Math.min(target.length - offset, CHUNK_SIZE);
      const position = from + got;
      const count = yield* this.#fly(
        (callback) => fs.read(this.fd, target, offset, length, position, callback),
        () => {},
      );
      if (count === 0) break;
      if (full) {
        const longer: Buffer = Buffer.allocUnsafeSlow(Math.min(limit, Math.max(got + count, 2 * got)));
        result.copy(longer, 0, 0, got);
        target.copy(longer, got, 0, count);
        result = longer;
      }
      got += count;
    }
    this.#forget();
    this.next = from + got;
    return (got === result.length ? result : result.subarray(0, got)) as Bytes;
  }

  /** One line with its line feed, or what is left of the file. */
  *readLine(): Coro<Bytes> {
    yield* this.turnToReading();
    for (;;) {
      const line = this.takeLine();
      if (line !== null) return line;
      if ((yield* this.fill()) === 0) return this.take(this.available);
    }
  }

  // ---------------------------------------------------------------------------------------------------- writing

  /** Before writing: what was read ahead is given back. */
  #turnToWriting(): void {
    if (this.start !== this.end && this.access.seekable) this.next -= this.end - this.start;
    if (this.access.seekable) this.#forget();
  }

  /** Room for `size` bytes without a wait: the buffer to write them to and where; `null` when there is none. */
  room(size: number): { readonly buffer: Buffer; readonly offset: number } | null {
    if (size > BUFFER_SIZE - this.#outEnd) return null;
    if (this.#out.length === 0) this.#out = Buffer.allocUnsafeSlow(BUFFER_SIZE);
    if (this.#outEnd === 0) this.#turnToWriting();
    return { buffer: this.#out, offset: this.#outEnd };
  }

  /** `size` bytes were written to the room. */
  accept(size: number): void {
    this.#outEnd += size;
  }

  /** Accepts all of `bytes` if there is room. */
  put(bytes: Uint8Array): boolean {
    const room = this.room(bytes.length);
    if (room === null) return false;
    room.buffer.set(bytes, room.offset);
    this.accept(bytes.length);
    return true;
  }

  /** Writes `bytes`: small ones are accepted, and nothing of them is if it is cancelled; of large ones, a first part may be. */
  *write(bytes: Uint8Array): Coro<void> {
    if (this.put(bytes)) return;
    yield* this.flush();
    if (this.put(bytes)) return;
    this.#turnToWriting();
    for (let offset = 0; offset < bytes.length; ) {
      offset += yield* this.#writeAt(bytes, offset, Math.min(bytes.length - offset, CHUNK_SIZE), () => {});
    }
  }

  /** Writes what was accepted. What a failed or cancelled call has not written stays accepted. */
  *flush(): Coro<void> {
    while (this.#outStart < this.#outEnd) {
      yield* this.#writeAt(this.#out, this.#outStart, this.#outEnd - this.#outStart, this.#written);
    }
  }

  readonly #written = (count: number): void => {
    this.#outStart += count;
    if (this.#outStart >= this.#outEnd) {
      this.#outStart = 0;
      this.#outEnd = 0;
    }
  };

  *#writeAt(
    bytes: Uint8Array,
    offset: number,
    length: number,
    written: (count: number) => void,
  ): Coro<number> {
    const { seekable, appending } = this.access;
    const position = seekable && !appending ? this.next : null;
    return yield* this.#fly(
      (callback) => fs.write(this.fd, bytes, offset, length, position, callback),
      (count) => {
        this.next += count;
        this.#empty = false;
        if (appending) this.#moved = seekable;
        written(count);
      },
    );
  }

  *truncate(size: number | null): Coro<number> {
    yield* this.flush();
    const position = yield* this.position();
    const length = size ?? position;
    if (this.access.seekable) {
      this.#forget();
      this.next = position;
    }
    yield* this.#fly(
      (callback) => fs.ftruncate(this.fd, length, (error) => callback(error, 0)),
      () => {},
    );
    return length;
  }

  *sync(dataOnly: boolean): Coro<void> {
    yield* this.flush();
    yield* this.#fly(
      (callback) => (dataOnly ? fs.fdatasync : fs.fsync)(this.fd, (error) => callback(error, 0)),
      () => {},
    );
  }

  // ---------------------------------------------------------------------------------------------------- closing

  /** What is to happen once the descriptor is closed. */
  afterClose: (() => Coro<void>) | null = null;

  /** Forgets what was accepted: nobody wants the file any more. */
  discard(): void {
    this.#outStart = 0;
    this.#outEnd = 0;
  }

  /** Writes what was accepted and closes the descriptor, in any case. A cancellation comes out when that is done. */
  *close(): Coro<void> {
    this.closing = true;
    this.#busy += 1;
    let cancellation: unknown = null;
    let failure: { readonly error: unknown } | null = null;
    let held = false;
    try {
      for (let left = true; left; ) {
        try {
          if (!held) yield* this.#turns.acquire();
          held = true;
          yield* this.#landing();
          if (!this.#closed && failure === null) yield* this.flush();
          left = false;
        } catch (error) {
          if (isCancelledError(error)) cancellation ??= error;
          else if (isBaseException(error)) throw error;
          else failure = { error };
        }
      }
      if (!this.#closed) {
        this.#closed = true;
        unclosed.unregister(this);
        yield* callToTheEnd<void>(this.path, (callback) =>
          fs.close(this.fd, (error) => callback(error ?? null, undefined)),
        );
      }
    } catch (error) {
      if (!isCancelledError(error)) throw error;
      cancellation ??= error;
    } finally {
      this.#busy -= 1;
      if (held) this.#turns.release();
      if (this.#closed) {
        this.data = EMPTY;
        this.#out = EMPTY;
      }
    }
    const { afterClose } = this;
    this.afterClose = null;
    if (afterClose !== null) yield* afterClose();
    if (cancellation !== null) throw cancellation;
    if (failure !== null) throw failure.error;
  }

  /** Has the descriptor closed, and what was accepted written, when `owner` is collected without having been closed. */
  closeWith(owner: object): void {
    unclosed.register(owner, this, this);
  }

  /** Nobody holds the file any more. */
  _collected(): void {
    if (this.#closed) return;
    if (this.#flying) {
      this.#afterLanding = () => this._collected();
      return;
    }
    if (this.#outStart < this.#outEnd) {
      const { seekable, appending } = this.access;
      const position = seekable && !appending ? this.next : null;
      fs.write(
        this.fd,
        this.#out,
        this.#outStart,
        this.#outEnd - this.#outStart,
        position,
        (error, count) => {
          this.next += count;
          if (error !== null) this.#outStart = this.#outEnd;
          else this.#outStart += count;
          this._collected();
        },
      );
      return;
    }
    this.#closed = true;
    fs.close(this.fd);
    logger.warn(`unclosed file ${this.name}: it was closed when it was collected`);
  }
}

const unclosed = new FinalizationRegistry<FileBuffer>((file) => file._collected());
