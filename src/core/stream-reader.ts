/**
 * StreamReader: reading a stream of bytes by waiting for what one wants of it.
 *
 * A protocol feeds it, one coroutine at a time reads. Reads that the buffer can satisfy do not suspend. A read that is cancelled
 * loses nothing: what it had is still in the buffer.
 */

import type { EventLoop } from './base-events.js';
import { ByteQueue } from './byte-queue.js';
import { type Bytes, checkBytes, encodeText, joinBytes, NO_BYTES } from './bytes.js';
import { CLOSED, type Coroutine, type Suspension } from './coroutines.js';
import { current } from './current.js';
import { getEventLoop } from './events.js';
import { NotImplementedError, RuntimeError, ValueError } from './exceptions.js';
import { inspectCustom, repr } from './format-helpers.js';
import { Operation, WAITING } from './operations.js';
import { IncompleteReadError, LimitOverrunError } from './stream-errors.js';
import type { BaseTransport, ReadTransport } from './transports.js';
import type { AsyncIteration } from './waiting.js';

/** What {@link StreamReader.readuntil} looks for. Text stands for its UTF-8. */
export type Separator = Uint8Array | string;

/** How a stream reader is made. */
export interface StreamReaderOptions {
  /** The longest line, and half of what is buffered before the transport is told to pause. 64 KiB unless told. */
  limit?: number | undefined;
  loop?: EventLoop | undefined;
}

/** @internal */
export const DEFAULT_LIMIT = 64 * 1024;

/** A read in progress: tries, and waits for more data until it succeeds. */
abstract class Reading<T> extends Operation<T> {
  readonly _reader: StreamReader;
  /** It waited, and is to throw the reader's exception. */
  _failed: boolean;

  constructor(reader: StreamReader) {
    super();
    this._reader = reader;
    this._failed = false;
  }

  /** The result, or `undefined` while data is missing. Its error is the read's. */
  abstract _attempt(buffer: ByteQueue, ended: boolean): T | undefined;

  protected override _start(): IteratorResult<Suspension, T> {
    const { _reader: reader } = this;
    if (reader._exception !== null) {
      this._state = CLOSED;
      throw reader._exception;
    }
    return this._advance();
  }

  _advance(): IteratorResult<Suspension, T> {
    const { _reader: reader } = this;
    let result: T | undefined;
    try {
      result = this._attempt(reader._buffer, reader._ended);
      if (result === undefined) {
        // It was set after the data that woke this read up: nothing would wake it again.
        if (reader._exception !== null) throw reader._exception;
        reader._park(this);
        return this._wait();
      }
    } catch (error) {
      this._state = CLOSED;
      reader._resumeTransport();
      throw error;
    }
    this._state = CLOSED;
    if (reader._paused) reader._resumeTransport();
    return { value: result, done: true };
  }

  protected override _resume(): IteratorResult<Suspension, T> {
    if (!this._failed) return this._advance();
    this._state = CLOSED;
    throw this._reader._exception;
  }

  protected override _abort(error: unknown): never {
    this._state = CLOSED;
    if (this._reader._waiter === this) this._reader._waiter = null;
    throw error;
  }
}

class ReadSome extends Reading<Bytes> {
  readonly _count: number;

  constructor(reader: StreamReader, count: number) {
    super(reader);
    this._count = count;
  }

  override get name(): string {
    return 'read';
  }

  _attempt(buffer: ByteQueue, ended: boolean): Bytes | undefined {
    if (this._count === 0) return NO_BYTES;
    const { size } = buffer;
    if (size === 0) return ended ? NO_BYTES : undefined;
    return buffer.take(this._count < size ? this._count : size);
  }
}

class ReadAll extends Reading<Bytes> {
  readonly _blocks: Bytes[] = [];
  _length = 0;

  override get name(): string {
    return 'read';
  }

  _attempt(buffer: ByteQueue, ended: boolean): Bytes | undefined {
    const { size } = buffer;
    if (size > 0) {
      this._blocks.push(buffer.take(size));
      this._length += size;
    }
    return ended ? joinBytes(this._blocks, this._length) : undefined;
  }

  protected override _abort(error: unknown): never {
    for (const block of this._blocks.reverse()) this._reader._buffer.unshift(block);
    return super._abort(error);
  }
}

class ReadExactly extends Reading<Bytes> {
  readonly _count: number;

  constructor(reader: StreamReader, count: number) {
    super(reader);
    this._count = count;
  }

  override get name(): string {
    return 'readexactly';
  }

  _attempt(buffer: ByteQueue, ended: boolean): Bytes | undefined {
    if (buffer.size >= this._count) return buffer.take(this._count);
    if (!ended) return undefined;
    throw new IncompleteReadError(buffer.take(buffer.size), this._count);
  }
}

class ReadUntil extends Reading<Bytes> {
  readonly _separators: readonly Uint8Array[];
  readonly _shortest: number;
  readonly _longest: number;
  /** No separator begins before this place. */
  _searched = 0;

  constructor(reader: StreamReader, separators: readonly Uint8Array[]) {
    super(reader);
    this._separators = separators;
    let shortest = Number.POSITIVE_INFINITY;
    let longest = 0;
    for (const { length } of separators) {
      if (length < shortest) shortest = length;
      if (length > longest) longest = length;
    }
    this._shortest = shortest;
    this._longest = longest;
  }

  override get name(): string {
    return 'readuntil';
  }

  _attempt(buffer: ByteQueue, ended: boolean): Bytes | undefined {
    const { size } = buffer;
    const { _limit: limit } = this._reader;
    if (size - this._searched >= this._shortest) {
      let start = -1;
      let end = size + 1;
      for (const separator of this._separators) {
        // Not beyond the best so far: much more may be in the buffer, such as the next hundred messages.
        const found = buffer.indexOf(separator, this._searched, end - 1);
        if (found >= 0) {
          start = found;
          end = found + separator.length;
        }
      }
      if (start >= 0) {
        if (start > limit) {
          throw new LimitOverrunError('Separator is found, but chunk is longer than limit', start);
        }
        return buffer.take(end);
      }
      this._searched = Math.max(0, size + 1 - this._longest);
      if (this._searched > limit) {
        throw new LimitOverrunError('Separator is not found, and chunk exceed the limit', this._searched);
      }
    }
    if (!ended) return undefined;
    throw new IncompleteReadError(buffer.take(size), null);
  }
}

const NEWLINE = Uint8Array.of(10);
const NEWLINES = [NEWLINE];

/** Reads through the next newline; unlike {@link ReadUntil} it gives what is left at the end, and clears what is too long. */
class ReadLine extends ReadUntil {
  constructor(reader: StreamReader) {
    super(reader, NEWLINES);
  }

  override get name(): string {
    return 'readline';
  }

  override _attempt(buffer: ByteQueue, ended: boolean): Bytes | undefined {
    try {
      return super._attempt(buffer, ended);
    } catch (error) {
      if (error instanceof IncompleteReadError) return error.partial;
      if (!(error instanceof LimitOverrunError)) throw error;
      if (buffer.indexOf(NEWLINE, error.consumed) === error.consumed) buffer.take(error.consumed + 1);
      else buffer.clear();
      throw new ValueError(error.message);
    }
  }
}

const END: IteratorResult<Bytes, undefined> = { value: undefined, done: true };

/** One step of an iteration over the lines. */
class NextLine extends ReadLine {
  override get name(): string {
    return 'next';
  }

  protected override _start(): IteratorResult<Suspension, Bytes> {
    return asStep(super._start());
  }

  protected override _resume(): IteratorResult<Suspension, Bytes> {
    return asStep(super._resume());
  }
}

/** Wraps the result of a read into the result of an iterator's `next()`. */
function asStep(step: IteratorResult<Suspension, Bytes>): IteratorResult<Suspension, Bytes> {
  if (step.done !== true) return step;
  const line = step.value;
  return {
    value: (line.length === 0 ? END : { value: line, done: false }) as unknown as Bytes,
    done: true,
  };
}

/**
 * The reading end of a stream of bytes: what `openConnection()` and `startServer()` give. Usable without them too: feed it with
 * {@link feedData} and {@link feedEof}.
 *
 * Iterating over it gives lines. Results are `Buffer`s on Node; they are the receiver's. Source: `asyncio.StreamReader`.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   const reader = new asyncio.StreamReader();
 *   reader.feedData(Buffer.from('one\ntwo\n'));
 *   reader.feedEof();
 *   console.log((await reader.readline()).toString().trim()); //=> one
 *   for await (const line of reader) console.log(line.toString().trim()); //=> two
 * });
 * ```
 */
export class StreamReader implements AsyncIteration<Bytes> {
  /** @internal */
  readonly _limit: number;
  /** @internal */
  readonly _loop: EventLoop;
  /** @internal */
  readonly _buffer: ByteQueue;
  /** @internal */
  _ended: boolean;
  /** @internal */
  _exception: unknown;
  /** Who waits for data. @internal */
  _waiter: Reading<unknown> | null;
  /** @internal */
  _transport: BaseTransport | null;
  /** Whether the transport was told to pause. @internal */
  _paused: boolean;

  /** @throws ValueError when the limit is not positive. */
  constructor(options: StreamReaderOptions = {}) {
    const limit = options.limit ?? DEFAULT_LIMIT;
    if (!(limit > 0)) throw new ValueError('Limit cannot be <= 0');
    this._limit = limit;
    this._loop = options.loop ?? getEventLoop();
    this._buffer = new ByteQueue();
    this._ended = false;
    this._exception = null;
    this._waiter = null;
    this._transport = null;
    this._paused = false;
  }

  // ------------------------------------------------------------------------------------------ feeding

  /** The exception that every read throws, or `null`. */
  exception(): unknown {
    return this._exception;
  }

  /** Makes the read that waits, and every later one, throw `exception`. */
  setException(exception: unknown): void {
    this._exception = exception;
    const waiter = this._waiter;
    if (waiter === null) return;
    waiter._failed = true;
    this.#wake(waiter);
  }

  /** Tells which transport to pause when too much is buffered. @throws RuntimeError when it has one. */
  setTransport(transport: BaseTransport): void {
    if (this._transport !== null) throw new RuntimeError('Cannot set the transport: the reader has one');
    this._transport = transport;
  }

  /** The connection moved to another transport. @internal */
  _replaceTransport(transport: BaseTransport): void {
    this._transport = transport;
    if (this._paused) (transport as ReadTransport).pauseReading();
  }

  /**
   * Adds received data; it must not be changed afterwards.
   *
   * @throws RuntimeError after {@link feedEof}; TypeError for anything but a `Uint8Array`.
   */
  feedData(data: Uint8Array): void {
    checkBytes(data, 'feed data');
    if (this._ended) throw new RuntimeError('Cannot feed data: feedEof() was called');
    if (data.length === 0) return;
    const buffer = this._buffer;
    buffer.push(data);
    const waiter = this._waiter;
    if (waiter !== null) this.#wake(waiter);
    if (!this._paused && buffer.size > 2 * this._limit && this._transport !== null) this.#pauseTransport();
  }

  /** Nothing more will come. */
  feedEof(): void {
    this._ended = true;
    if (this._waiter !== null) this.#wake(this._waiter);
  }

  #wake(waiter: Reading<unknown>): void {
    this._waiter = null;
    if (waiter._state === WAITING) waiter._wake();
  }

  #pauseTransport(): void {
    try {
      (this._transport as ReadTransport).pauseReading();
    } catch (error) {
      // A transport that cannot pause: whatever comes is buffered.
      if (!(error instanceof NotImplementedError)) throw error;
      this._transport = null;
      return;
    }
    this._paused = true;
  }

  /** @internal */
  _resumeTransport(): void {
    if (!this._paused || this._buffer.size > this._limit) return;
    this._paused = false;
    (this._transport as ReadTransport).resumeReading();
  }

  /** A read has to wait: one at a time. @internal */
  _park(reading: Reading<unknown>): void {
    if (this._waiter !== null) {
      throw new RuntimeError(
        `${reading.name}() called while another coroutine is already waiting for incoming data`,
      );
    }
    if (current.loop !== null && current.loop !== this._loop) {
      throw new RuntimeError(`Cannot wait in ${reading.name}(): ${this} belongs to a different loop`);
    }
    // It would wait for ever while the transport is paused.
    if (this._paused) {
      this._paused = false;
      (this._transport as ReadTransport).resumeReading();
    }
    this._waiter = reading;
  }

  // ------------------------------------------------------------------------------------------ reading

  /** Whether everything was read and nothing more will come. */
  atEof(): boolean {
    return this._ended && this._buffer.size === 0;
  }

  /**
   * Up to `count` bytes, as soon as there is one; everything until the end when `count` is negative. Nothing (`length === 0`)
   * means the end.
   *
   * *Suspends* while there is no data, or, for everything, until the end. *Cancellation* loses nothing.
   *
   * @throws what {@link setException} set, an error of the connection; RuntimeError while another read waits.
   */
  read(count = -1): Coroutine<Bytes> {
    return checkCount(count, 'read') < 0 ? new ReadAll(this) : new ReadSome(this, count);
  }

  /**
   * One line with its newline; what is left when the stream ends first, possibly nothing.
   *
   * *Suspends* until a line is there. *Cancellation* loses nothing.
   *
   * @throws ValueError when the line is longer than the limit: it is removed if its end has come, else all that is buffered.
   */
  readline(): Coroutine<Bytes> {
    return new ReadLine(this);
  }

  /**
   * Everything through `separator`; of several, the one whose match ends first.
   *
   * *Suspends* until it has come. *Cancellation* loses nothing.
   *
   * @throws IncompleteReadError when the stream ends first; LimitOverrunError when there is no separator within the limit: the data
   *   stays in the buffer. ValueError for an empty separator.
   */
  readuntil(separator: Separator | readonly Separator[] = NEWLINE): Coroutine<Bytes> {
    return new ReadUntil(this, separatorsOf(separator));
  }

  /**
   * Exactly `count` bytes; the limit does not matter.
   *
   * *Suspends* until they are there. *Cancellation* loses nothing.
   *
   * @throws IncompleteReadError when the stream ends first; ValueError when `count` is negative.
   */
  readexactly(count: number): Coroutine<Bytes> {
    if (checkCount(count, 'readexactly') < 0)
      throw new ValueError('readexactly size can not be less than zero');
    return new ReadExactly(this, count);
  }

  /** The next line, as `for await` asks for it. In a generator coroutine: `yield* reader.next()` until it is `done`. */
  next(): Coroutine<IteratorResult<Bytes, undefined>> {
    return new NextLine(this) as unknown as Coroutine<IteratorResult<Bytes, undefined>>;
  }

  [Symbol.asyncIterator](): this & AsyncIterator<Bytes, undefined> {
    return this as never;
  }

  toString(): string {
    const info = ['StreamReader'];
    if (this._buffer.size > 0) info.push(`${this._buffer.size} bytes`);
    if (this._ended) info.push('eof');
    if (this._limit !== DEFAULT_LIMIT) info.push(`limit=${this._limit}`);
    if (this._waiter !== null) info.push(`waiter=${this._waiter}`);
    if (this._exception !== null) info.push(`exception=${repr(this._exception)}`);
    if (this._transport !== null) info.push(`transport=${this._transport}`);
    if (this._paused) info.push('paused');
    return `<${info.join(' ')}>`;
  }

  [inspectCustom](): string {
    return this.toString();
  }
}

function checkCount(count: number, method: string): number {
  if (typeof count !== 'number' || !(Number.isInteger(count) || count === Number.POSITIVE_INFINITY)) {
    throw new TypeError(`${method}() expects a whole number of bytes, got ${repr(count)}`);
  }
  return count;
}

function separatorsOf(separator: Separator | readonly Separator[]): readonly Uint8Array[] {
  if (separator === NEWLINE) return NEWLINES;
  const list = Array.isArray(separator) ? (separator as readonly Separator[]) : [separator as Separator];
  if (list.length === 0) throw new ValueError('Separator should contain at least one element');
  return list.map((each) => {
    const bytes = typeof each === 'string' ? encodeText(each) : each;
    checkBytes(bytes, 'read until a separator');
    if (bytes.length === 0) throw new ValueError('Separator should be at least one-byte string');
    return bytes;
  });
}
