/** Files: `openFile()`, and what it gives: {@link TextFile} and {@link BinaryFile}. Python's `open()`, as aiofiles has it. */

import {
  type AsyncContextManager,
  aenter,
  aexit,
  type Bytes,
  type Coro,
  Coroutine,
  ValueError,
} from '../core/index.js';
import { NOT_READY, ReadyCoroutine } from '../core/io.js';
import { type Access, FileBuffer } from './file-buffer.js';
import { refusal, UnsupportedOperation } from './file-errors.js';
import { call, callToTheEnd, fs } from './fs.js';
import { Opening } from './opening.js';
import { checkNewline, TextBuffer } from './text-buffer.js';
import { codecOf, type EncodingErrors, type Newline, type TextEncoding } from './text-codecs.js';

/** What names a file: a path, a `file:` URL, or a {@link Path}. */
export type PathLike = string | URL | { readonly fspath: string };

type Kind = 'r' | 'w' | 'a' | 'x';
/** How a text file is opened: `r` to read, `w` to write from scratch, `a` to append, `x` to make it; `+` for both ways. */
export type TextMode = Kind | `${Kind}${'t' | '+' | 't+' | '+t'}`;
/** How a binary file is opened: as {@link TextMode}, with `b`. */
export type BinaryMode = `${Kind}${'b' | 'b+' | '+b'}`;
/** How a file is opened. */
export type FileMode = TextMode | BinaryMode;

/** What `mode` makes of a file. */
export type FileOf<M extends FileMode> = M extends BinaryMode ? BinaryFile : TextFile;

/** What {@link openFile} is told besides the path and the mode. */
export interface OpenOptions {
  /** Of a text file; `'utf-8'` by default. */
  encoding?: TextEncoding | undefined;
  /** What is done about what cannot be decoded or encoded: `'strict'`, the default, throws. */
  errors?: EncodingErrors | undefined;
  newline?: Newline | undefined;
  /** The permissions of a file that is made, less the umask; `0o666` by default. */
  permissions?: number | undefined;
}

/** From where `seek()` counts: the beginning, the present position, the end. */
export type Whence = 0 | 1 | 2;

/** The platform's name of a file. */
export function fspath(path: PathLike): string {
  if (typeof path === 'string') return checkPath(path);
  if (path instanceof URL) return process.getBuiltinModule('node:url').fileURLToPath(path);
  if (typeof path?.fspath === 'string') return checkPath(path.fspath);
  throw new TypeError(`Cannot take ${String(path)} for a path: expected a string, a file: URL or a Path`);
}

function checkPath(path: string): string {
  if (path.includes('\0')) throw new ValueError('Cannot take a text with a null character for a path');
  return path;
}

const inspectCustom: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;

interface ParsedMode {
  readonly flags: string;
  readonly binary: boolean;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly appending: boolean;
}

function parseMode(mode: string): ParsedMode {
  const letters = new Set(mode);
  const kinds = [...mode].filter((letter) => 'rwax'.includes(letter));
  const known = [...letters].every((letter) => 'rwaxbt+'.includes(letter));
  if (typeof mode !== 'string' || !known || letters.size !== mode.length || kinds.length !== 1) {
    throw new ValueError(
      `Cannot open: invalid mode ${JSON.stringify(mode)}: expected one of r, w, a, x, with b for bytes and + for both ways`,
    );
  }
  if (letters.has('t') && letters.has('b')) {
    throw new ValueError(`Cannot open: invalid mode '${mode}': a file is either text or binary`);
  }
  const [kind] = kinds as [string];
  const both = letters.has('+');
  return {
    flags: (kind === 'x' ? 'wx' : kind) + (both ? '+' : ''),
    binary: letters.has('b'),
    readable: kind === 'r' || both,
    writable: kind !== 'r' || both,
    appending: kind === 'a',
  };
}

/**
 * Opens a file, as Python's `open()` does: `'r'`, `'w'`, `'a'`, `'x'`, with `+` and `b`. The mode decides the type: text
 * files read and write strings, binary ones bytes. Give it a block with `await using`, or with `withAsync()`.
 *
 * *Suspends* until the file is open. *Cancellation*: a file that is opened all the same is closed again; with `'w'` it is
 * empty by then.
 *
 * @throws FileNotFoundError and other OSErrors with the system's `code`; ValueError at once when the mode or the encoding is none.
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   await using folder = await asyncio.temporaryDirectory();
 *   const path = folder.path.joinpath('poem.txt');
 *   {
 *     await using file = await asyncio.openFile(path, 'w');
 *     await file.write('roses\nviolets\n');
 *   }
 *   await using file = await asyncio.openFile(path);
 *   for await (const line of file) console.log(line.trimEnd());
 *   //=> roses
 *   //=> violets
 * });
 * ```
 */
export function openFile<M extends FileMode = 'r'>(
  path: PathLike,
  mode: M = 'r' as M,
  options: OpenOptions = {},
): Opening<FileOf<M>> {
  const name = fspath(path);
  const parsed = parseMode(mode);
  const { encoding, errors, newline } = options;
  if (parsed.binary && (encoding !== undefined || errors !== undefined || newline !== undefined)) {
    throw new ValueError(`Cannot open '${name}': a binary file takes no encoding, errors or newline`);
  }
  const codec = codecOf(encoding ?? 'utf-8');
  if (errors !== undefined && errors !== 'strict' && errors !== 'replace') {
    throw new ValueError(
      `Cannot open '${name}': errors must be 'strict' or 'replace', not ${String(errors)}`,
    );
  }
  const lines = newline === undefined ? null : newline;
  checkNewline(lines);

  function* opening(): Coro<FileOf<M>> {
    const buffer = yield* openBuffer(name, parsed, options.permissions ?? 0o666);
    const file = parsed.binary
      ? new BinaryFile(buffer, mode)
      : new TextFile(buffer, mode, new TextBuffer(buffer, codec, errors ?? 'strict', lines));
    return file as FileOf<M>;
  }
  return new Opening(opening(), 'openFile');
}

function* openBuffer(name: string, mode: ParsedMode, permissions: number): Coro<FileBuffer> {
  // Making a file is over soon, and who gives it up has to know whether it is there. Opening a pipe may take for ever.
  const open = mode.flags.includes('x') ? callToTheEnd<number> : call<number>;
  const fd = yield* open(
    name,
    (callback) => fs.open(name, mode.flags, permissions, callback),
    (late) => fs.close(late),
  );
  let access: Access;
  let position = 0;
  try {
    const stat = yield* call<import('node:fs').Stats>(name, (callback) => fs.fstat(fd, callback));
    if (stat.isDirectory()) throw refusal('EISDIR', 'open', 'illegal operation on a directory', name);
    access = {
      readable: mode.readable,
      writable: mode.writable,
      appending: mode.appending,
      seekable: stat.isFile() || stat.isBlockDevice(),
    };
    if (mode.appending && access.seekable) position = stat.size;
  } catch (error) {
    yield* callToTheEnd<void>(name, (callback) =>
      fs.close(fd, (failure) => callback(failure ?? null, undefined)),
    );
    throw error;
  }
  return new FileBuffer(fd, name, access, position);
}

/** What text and binary files have in common. */
export abstract class AsyncFile<D extends string | Bytes, W extends string | Uint8Array>
  implements AsyncContextManager<AsyncFile<D, W>>, AsyncDisposable
{
  /** @internal */
  readonly _buffer: FileBuffer;
  /** The mode that it was opened with. */
  readonly mode: string;

  /** @internal */
  constructor(buffer: FileBuffer, mode: string) {
    this._buffer = buffer;
    this.mode = mode;
    buffer.closeWith(this);
  }

  /** The path that it was opened with. */
  get name(): string {
    return this._buffer.path;
  }

  /** Whether it is closed, or about to be. */
  get closed(): boolean {
    return this._buffer.closing;
  }

  /** What the system knows of the file. What was accepted and is not written yet does not count. */
  stat(): Coroutine<import('node:fs').Stats> {
    this._check('look at');
    return new Coroutine(this._buffer.stat(), 'stat');
  }

  /** The file descriptor; -1 when it is closed. */
  get fd(): number {
    return this._buffer.closed ? -1 : this._buffer.fd;
  }

  /** The file descriptor. */
  fileno(): number {
    this._check('give the descriptor of');
    return this._buffer.fd;
  }

  /** A child is to have it as a standard stream. @internal */
  _lend(name: string): void {
    this._check('hand over');
    if (this._buffer.lendable) return;
    throw new ValueError(
      `${name}: Cannot hand over ${this._buffer.name}: it was read or written here, and the child would begin at its start: ` +
        "open it once more, with 'a' to add to it",
    );
  }

  isatty(): boolean {
    this._check('look at');
    return process.getBuiltinModule('node:tty').isatty(this._buffer.fd);
  }

  readable(): boolean {
    return this._buffer.access.readable;
  }

  writable(): boolean {
    return this._buffer.access.writable;
  }

  /** Whether it has positions: a regular file has, a pipe has not. */
  seekable(): boolean {
    return this._buffer.access.seekable;
  }

  /**
   * Reads `size` characters or bytes; all that is left if `size` is negative or left out. Fewer come only at the end of the
   * file; nothing means that it is the end. A character outside the basic plane counts as one, as in Python.
   *
   * *Suspends* unless it was read ahead. *Cancellation* takes nothing: the position is as before.
   *
   * @throws UnsupportedOperation, ValueError at once when it is not open for reading, or closed. OSError.
   */
  abstract read(size?: number): Coroutine<D>;

  /**
   * Reads one line with its line end; only the last line of a file may have none, and nothing means the end of the file.
   *
   * *Suspends* unless it was read ahead. *Cancellation* takes nothing.
   */
  abstract readline(): Coroutine<D>;

  /**
   * Reads the lines that are left; with a `hint` only until they have so many characters or bytes.
   *
   * *Cancellation*: the lines that were read are lost, and the position is behind them.
   */
  readlines(hint = -1): Coroutine<D[]> {
    this._checkReading();
    return new Coroutine(this.#readingLines(hint), 'readlines');
  }

  *#readingLines(hint: number): Coro<D[]> {
    return yield* this._buffer.inTurn('read', () => this.#allLines(hint));
  }

  *#allLines(hint: number): Coro<D[]> {
    const lines: D[] = [];
    for (let size = 0; hint <= 0 || size < hint; ) {
      const line = this._takeLine() ?? (yield* this._readLine());
      if (line.length === 0) break;
      size += line.length;
      lines.push(line);
    }
    return lines;
  }

  /**
   * Writes. Small pieces are collected in a buffer, which `flush()`, `close()`, reading and seeking write out. Gives the
   * length of what was written.
   *
   * *Suspends* only when the buffer is full. *Cancellation*: of up to 64 KiB, nothing is written; of more, a first part
   * may be, and `tell()` says how much; the array must not be changed until the next call on this file has returned.
   *
   * @throws UnsupportedOperation, ValueError, TypeError at once when it is not open for writing, closed, or of the other
   *   type. OSError: what was accepted and is not written yet stays so, and is tried again.
   */
  abstract write(data: W): Coroutine<number>;

  /** Writes several pieces; nobody else's come in between. *Cancellation*: some of them are written, as by `write()`. */
  writelines(pieces: Iterable<W>): Coroutine<void> {
    this._checkWriting();
    if (typeof pieces === 'string' || typeof pieces?.[Symbol.iterator] !== 'function') {
      throw new TypeError(`Cannot write lines to ${this._buffer.name}: expected an iterable of them`);
    }
    return new Coroutine(this.#writingLines(pieces), 'writelines');
  }

  *#writingLines(pieces: Iterable<W>): Coro<void> {
    yield* this._buffer.inTurn('write to', () => this.#writeEach(pieces));
  }

  *#writeEach(pieces: Iterable<W>): Coro<void> {
    for (const each of pieces) {
      this._checkData(each);
      if (!this._put(each)) yield* this._write(each);
    }
  }

  /**
   * Where the next byte is read or written, in bytes also for text.
   *
   * @throws UnsupportedOperation at once when the file has no positions.
   */
  tell(): Coroutine<number> {
    this._checkSeeking('tell the position in');
    return new Coroutine(this.#telling(), 'tell');
  }

  *#telling(): Coro<number> {
    return yield* this._buffer.inTurn('tell the position in', () => {
      this._sync();
      return this._buffer.position();
    });
  }

  /**
   * Goes to a position, and gives it. In a text file, `offset` is 0 or what `tell()` has given.
   *
   * *Cancellation*: the position is as before.
   */
  seek(offset: number, whence: Whence = 0): Coroutine<number> {
    this._checkSeeking('seek in');
    if (!Number.isSafeInteger(offset)) {
      throw new ValueError(`Cannot seek in ${this._buffer.name}: ${String(offset)} is no position`);
    }
    if (whence !== 0 && whence !== 1 && whence !== 2) {
      throw new ValueError(
        `Cannot seek in ${this._buffer.name}: whence must be 0, 1 or 2, not ${String(whence)}`,
      );
    }
    if (whence === 0 && offset < 0) {
      throw new ValueError(`Cannot seek in ${this._buffer.name}: ${offset} lies before its beginning`);
    }
    this._checkOffset(offset, whence);
    return new Coroutine(this.#seeking(offset, whence), 'seek');
  }

  *#seeking(offset: number, whence: Whence): Coro<number> {
    return yield* this._buffer.inTurn('seek in', () => this.#goTo(offset, whence));
  }

  *#goTo(offset: number, whence: Whence): Coro<number> {
    const buffer = this._buffer;
    this._sync();
    let position = offset;
    if (whence === 1) position += yield* buffer.position();
    if (whence === 2) {
      yield* buffer.flush();
      position += (yield* buffer.stat()).size;
    }
    if (position < 0)
      throw new ValueError(`Cannot seek in ${buffer.name}: ${position} lies before its beginning`);
    yield* buffer.seek(position);
    return position;
  }

  /**
   * Makes the file `size` bytes long, by default as long as the position says; gives that. The position stays.
   *
   * *Cancellation*: it may happen all the same.
   */
  truncate(size: number | null = null): Coroutine<number> {
    this._checkWriting('truncate');
    if (size !== null && !(Number.isSafeInteger(size) && size >= 0)) {
      throw new ValueError(`Cannot truncate ${this._buffer.name}: ${String(size)} is no size`);
    }
    return new Coroutine(this.#truncating(size), 'truncate');
  }

  *#truncating(size: number | null): Coro<number> {
    return yield* this._buffer.inTurn('truncate', () => {
      this._sync();
      return this._buffer.truncate(size);
    });
  }

  /** Hands what was accepted to the system. *Cancellation*: what is not written yet stays accepted. */
  flush(): Coroutine<void> {
    this._check('flush');
    return new Coroutine(this.#flushing(), 'flush');
  }

  *#flushing(): Coro<void> {
    yield* this._buffer.inTurn('flush', () => this._buffer.flush());
  }

  /**
   * Flushes, and waits until the system has it on the disk. `dataOnly` leaves out what is not needed to read it again
   * (the time of the change).
   */
  fsync(options: { dataOnly?: boolean | undefined } = {}): Coroutine<void> {
    this._check('sync');
    return new Coroutine(this.#syncing(options.dataOnly === true), 'fsync');
  }

  *#syncing(dataOnly: boolean): Coro<void> {
    yield* this._buffer.inTurn('sync', () => this._buffer.sync(dataOnly));
  }

  /**
   * Writes what was accepted, and closes. Operations that were called before come first. Closing twice is no error.
   *
   * *Cancellation* comes out when it is closed. @throws OSError when the rest cannot be written; it is closed all the same.
   */
  close(): Coroutine<void> {
    return new Coroutine(this._buffer.close(), 'close');
  }

  [Symbol.asyncDispose](): Coroutine<void> {
    return this.close();
  }

  [aenter](): Coroutine<this> {
    return new Coroutine(this.#entering(), 'aenter');
  }

  *#entering(): Coro<this> {
    this._check('enter');
    return this;
  }

  [aexit](): Coroutine<void> {
    return this.close();
  }

  /** The next line, for iterations: `for await (const line of file)`. */
  next(): Coroutine<IteratorResult<D, undefined>> {
    this._checkReading();
    return new NextLine(this);
  }

  [Symbol.asyncIterator](): Iteration<D> & AsyncIterator<D, undefined> {
    this._checkReading();
    return new Lines(this) as never;
  }

  toString(): string {
    return `<${this.constructor.name} name=${this._buffer.name} mode='${this.mode}'${this.closed ? ' closed' : ''}>`;
  }

  [inspectCustom](): string {
    return this.toString();
  }

  // ------------------------------------------------------------------------- what the two kinds do their own way

  /** The bytes that were taken as text count as taken. @internal */
  abstract _sync(): void;
  /** @internal */
  abstract _takeLine(): D | null;
  /** @internal */
  abstract _readLine(): Coro<D>;
  /** @internal */
  abstract _put(data: W): boolean;
  /** @internal */
  abstract _write(data: W): Coro<void>;
  /** @internal */
  abstract _checkData(data: unknown): void;
  /** @internal */
  _checkOffset(_offset: number, _whence: Whence): void {}

  /** @internal */
  _check(attempt: string): void {
    if (this._buffer.closing) throw this._buffer.closedError(attempt);
  }

  /** @internal */
  _checkReading(): void {
    this._check('read');
    if (!this._buffer.access.readable) {
      throw new UnsupportedOperation(`Cannot read ${this._buffer.name}: it is open for writing only`);
    }
  }

  /** @internal */
  _checkWriting(attempt = 'write to'): void {
    this._check(attempt);
    if (!this._buffer.access.writable) {
      throw new UnsupportedOperation(`Cannot ${attempt} ${this._buffer.name}: it is open for reading only`);
    }
  }

  /** @internal */
  _checkSeeking(attempt: string): void {
    this._check(attempt);
    if (!this._buffer.access.seekable) {
      throw new UnsupportedOperation(`Cannot ${attempt} ${this._buffer.name}: it has no positions`);
    }
  }
}

/** A file of text: {@link openFile} without `b`. */
export class TextFile extends AsyncFile<string, string> {
  readonly #text: TextBuffer;

  /** @internal */
  constructor(buffer: FileBuffer, mode: string, text: TextBuffer) {
    super(buffer, mode);
    this.#text = text;
  }

  override read(size = -1): Coroutine<string> {
    this._checkReading();
    return new Coroutine(this.#reading(checkSize(size, this._buffer.name)), 'read');
  }

  *#reading(limit: number): Coro<string> {
    return yield* this._buffer.inTurn('read', () => this.#text.read(limit));
  }

  override readline(): Coroutine<string> {
    this._checkReading();
    return new ReadLine<string>(this);
  }

  override write(data: string): Coroutine<number> {
    this._checkWriting();
    this._checkData(data);
    return new Write(this, data);
  }

  /** @internal */
  override _sync(): void {
    this.#text.sync();
  }

  /** @internal */
  override _takeLine(): string | null {
    return this.#text.takeLine();
  }

  /** @internal */
  override _readLine(): Coro<string> {
    return this.#text.readLine();
  }

  /** @internal */
  override _put(data: string): boolean {
    this.#text.sync();
    return this.#text.put(data);
  }

  /** @internal */
  override _write(data: string): Coro<void> {
    return this.#text.write(data);
  }

  /** @internal */
  override _checkData(data: unknown): void {
    this.#text.check(data);
  }

  /** @internal */
  override _checkOffset(offset: number, whence: Whence): void {
    if (whence === 0 || offset === 0) return;
    throw new UnsupportedOperation(
      `Cannot seek in ${this._buffer.name}: in text, positions count from the beginning only`,
    );
  }
}

/** A file of bytes: {@link openFile} with `b`. */
export class BinaryFile extends AsyncFile<Bytes, Uint8Array> {
  override read(size = -1): Coroutine<Bytes> {
    this._checkReading();
    return new Read(this, checkSize(size, this._buffer.name));
  }

  override readline(): Coroutine<Bytes> {
    this._checkReading();
    return new ReadLine<Bytes>(this);
  }

  /**
   * Reads into `target`, and gives how many bytes came: fewer than fit only at the end of the file.
   *
   * *Cancellation* takes nothing.
   */
  readinto(target: Uint8Array): Coroutine<number> {
    this._checkReading();
    if (!(target instanceof Uint8Array)) {
      throw new TypeError(`Cannot read ${this._buffer.name}: expected a Uint8Array to read into`);
    }
    return new Coroutine(this.#readingInto(target), 'readinto');
  }

  *#readingInto(target: Uint8Array): Coro<number> {
    const bytes = yield* this.read(target.length);
    target.set(bytes);
    return bytes.length;
  }

  override write(data: Uint8Array): Coroutine<number> {
    this._checkWriting();
    this._checkData(data);
    return new Write(this, data);
  }

  /** @internal */
  override _sync(): void {}

  /** @internal */
  override _takeLine(): Bytes | null {
    return this._buffer.takeLine();
  }

  /** @internal */
  override _readLine(): Coro<Bytes> {
    return this._buffer.readLine();
  }

  /** @internal */
  override _put(data: Uint8Array): boolean {
    return this._buffer.put(data);
  }

  /** @internal */
  override _write(data: Uint8Array): Coro<void> {
    return this._buffer.write(data);
  }

  /** @internal */
  override _checkData(data: unknown): void {
    if (!(data instanceof Uint8Array)) {
      throw new TypeError(
        `Cannot write to ${this._buffer.name}: it is open as binary, and this is ${data === null ? 'null' : typeof data}`,
      );
    }
  }
}

function checkSize(size: number, name: string): number {
  if (size === Number.POSITIVE_INFINITY || size < 0) return Number.POSITIVE_INFINITY;
  if (!Number.isSafeInteger(size)) throw new ValueError(`Cannot read ${name}: ${String(size)} is no size`);
  return size;
}

// -------------------------------------------------------------------------- what is mostly there without a wait

type Lined<D extends string | Bytes> = AsyncFile<D, never>;

class ReadLine<D extends string | Bytes> extends ReadyCoroutine<D> {
  readonly #file: Lined<D>;

  constructor(file: Lined<D>) {
    super();
    this.#file = file;
  }

  override get name(): string {
    return 'readline';
  }

  protected override attempt(): D | typeof NOT_READY {
    return this.#file._buffer.idle && !this.#file._buffer.closing
      ? (this.#file._takeLine() ?? NOT_READY)
      : NOT_READY;
  }

  protected override work(): Coro<D> {
    return this.#file._buffer.inTurn('read', () => this.#file._readLine());
  }
}

const END: IteratorResult<never, undefined> = { value: undefined, done: true };

class NextLine<D extends string | Bytes> extends ReadyCoroutine<IteratorResult<D, undefined>> {
  readonly #file: Lined<D>;

  constructor(file: Lined<D>) {
    super();
    this.#file = file;
  }

  override get name(): string {
    return 'next';
  }

  protected override attempt(): IteratorResult<D, undefined> | typeof NOT_READY {
    if (!this.#file._buffer.idle || this.#file._buffer.closing) return NOT_READY;
    const line = this.#file._takeLine();
    return line === null ? NOT_READY : { value: line, done: false };
  }

  protected override *work(): Coro<IteratorResult<D, undefined>> {
    const line = yield* this.#file._buffer.inTurn('read', () => this.#file._readLine());
    return line.length === 0 ? END : { value: line, done: false };
  }
}

/** What `for await` takes of an iteration. */
export interface Iteration<T> {
  next(): PromiseLike<IteratorResult<T, undefined>>;
  [Symbol.asyncIterator](): this & AsyncIterator<T, undefined>;
}

/**
 * The lines of a file, for `for await`. The file stays open when the iteration ends early, as in Python. Lines that were
 * read ahead come as promises of JavaScript's own: awaiting those costs a fraction of what awaiting a coroutine does,
 * and they need nothing else of it, since they do not wait.
 */
class Lines<D extends string | Bytes> implements Iteration<D> {
  readonly #file: Lined<D>;

  constructor(file: Lined<D>) {
    this.#file = file;
  }

  next(): PromiseLike<IteratorResult<D, undefined>> {
    const { _buffer: buffer } = this.#file;
    const line = buffer.idle && !buffer.closing ? this.#file._takeLine() : null;
    return line === null ? this.#file.next() : Promise.resolve({ value: line, done: false });
  }

  [Symbol.asyncIterator](): this & AsyncIterator<D, undefined> {
    return this as never;
  }
}

class Read extends ReadyCoroutine<Bytes> {
  readonly #file: BinaryFile;
  readonly #limit: number;

  constructor(file: BinaryFile, limit: number) {
    super();
    this.#file = file;
    this.#limit = limit;
  }

  override get name(): string {
    return 'read';
  }

  protected override attempt(): Bytes | typeof NOT_READY {
    const buffer = this.#file._buffer;
    return buffer.idle && !buffer.closing && buffer.available >= this.#limit
      ? buffer.take(this.#limit)
      : NOT_READY;
  }

  protected override work(): Coro<Bytes> {
    return this.#file._buffer.inTurn('read', () => this.#file._buffer.read(this.#limit));
  }
}

class Write<W extends string | Uint8Array> extends ReadyCoroutine<number> {
  readonly #file: AsyncFile<string | Bytes, W>;
  readonly #data: W;

  constructor(file: AsyncFile<string | Bytes, W>, data: W) {
    super();
    this.#file = file;
    this.#data = data;
  }

  override get name(): string {
    return 'write';
  }

  protected override attempt(): number | typeof NOT_READY {
    const { _buffer: buffer } = this.#file;
    return buffer.idle && !buffer.closing && this.#file._put(this.#data) ? this.#data.length : NOT_READY;
  }

  protected override *work(): Coro<number> {
    yield* this.#file._buffer.inTurn('write to', () => this.#file._write(this.#data));
    return this.#data.length;
  }
}
