/**
 * A file's bytes as text.
 *
 * `text` is what the first bytes of the buffer say, from `buffer.start` on; `cursor` is how much of it was taken. The
 * bytes themselves are taken only when somebody needs to know where the file stands (`sync`), so a line costs a search
 * in a string and a slice of it. Positions are always those of bytes.
 */

import { type Coro, ValueError } from '../core/index.js';
import { CHUNK_SIZE, type FileBuffer } from './file-buffer.js';
import {
  type Codec,
  decodeBlock,
  decodeLoosely,
  type EncodingErrors,
  encodable,
  firstLineEnd,
  isExact,
  lastLineEnd,
  lengthOf,
  MARK,
  type Newline,
  wholeCharacters,
} from './text-codecs.js';

type Operating = typeof import('node:os');

export class TextBuffer {
  readonly buffer: FileBuffer;
  readonly #codec: Codec;
  readonly #errors: EncodingErrors;
  readonly #newline: Newline;
  /** What a `\n` becomes when it is written. */
  readonly #lineBreak: string;

  #text = '';
  #cursor = 0;
  #bytes = 0;
  #exact = true;
  /** Whether the text goes to the end of the file, so that its last line needs no line end. */
  #final = false;
  /** Whether only `\n` ends a line of the text, and nothing is translated. */
  #plain = true;

  constructor(buffer: FileBuffer, codec: Codec, errors: EncodingErrors, newline: Newline) {
    this.buffer = buffer;
    this.#codec = codec;
    this.#errors = errors;
    this.#newline = newline;
    const system: Operating = process.getBuiltinModule('node:os');
    this.#lineBreak = newline === null ? system.EOL : newline === '' ? '\n' : newline;
  }

  /** Takes the bytes of the text that was taken. */
  sync(): void {
    if (this.#text === '') return;
    this.buffer.start +=
      this.#cursor === this.#text.length ? this.#bytes : this.#bytesOf(this.#text, this.#cursor, this.#bytes);
    this.#text = '';
    this.#cursor = 0;
    this.#final = false;
  }

  /** How many bytes the first `length` units of `text` take, which stands in the buffer in `bytes` bytes. */
  #bytesOf(text: string, length: number, bytes: number): number {
    if (this.#exact) return lengthOf(this.#codec, text.slice(0, length));
    // Replaced bytes cannot be counted backwards: look for the longest run of bytes that is no more text than this.
    let least = 0;
    let most = bytes;
    while (least < most) {
      const middle = Math.ceil((least + most) / 2);
      if (this.#decode(middle).length <= length) least = middle;
      else most = middle - 1;
    }
    return least;
  }

  /** The first `count` bytes of the buffer, as text. */
  #decode(count: number): string {
    const { data, start } = this.buffer;
    if (this.#exact) return decodeBlock(this.#codec, data, start, start + count);
    return decodeLoosely(this.#codec, data.subarray(start, start + count), this.#errors, this.buffer.name);
  }

  /** Looks whether the first `count` bytes of the buffer are text that can be counted backwards. */
  #examine(count: number): boolean {
    const { data, start } = this.buffer;
    this.#exact = isExact(this.#codec, data.subarray(start, start + count));
    return this.#exact;
  }

  // ---------------------------------------------------------------------------------------------------- lines

  /** The next line, if it is there. */
  takeLine(): string | null {
    const text = this.#text;
    const cursor = this.#cursor;
    if (this.#plain) {
      const at = text.indexOf('\n', cursor);
      if (at >= 0) {
        this.#cursor = at + 1;
        return text.slice(cursor, at + 1);
      }
      return this.#final ? this.#rest() : null;
    }
    const newline = this.#newline;
    if (newline === '\r' || newline === '\r\n') {
      const at = text.indexOf(newline, cursor);
      if (at < 0) return this.#final ? this.#rest() : null;
      this.#cursor = at + newline.length;
      return text.slice(cursor, this.#cursor);
    }
    return this.#takeUniversal();
  }

  /** A line that any of the three line ends ends. */
  #takeUniversal(): string | null {
    const text = this.#text;
    const cursor = this.#cursor;
    const feed = text.indexOf('\n', cursor);
    const carriage = text.indexOf('\r', cursor);
    if (carriage < 0 || (feed >= 0 && feed < carriage)) {
      if (feed < 0) return this.#final ? this.#rest() : null;
      this.#cursor = feed + 1;
      return text.slice(cursor, feed + 1);
    }
    // One at the end of the text is a whole line end: the text was cut there knowing what follows.
    const end = feed === carriage + 1 ? feed + 1 : carriage + 1;
    this.#cursor = end;
    return this.#newline === null ? `${text.slice(cursor, carriage)}\n` : text.slice(cursor, end);
  }

  /** What is left, at the end of the file; `null` when nothing is. */
  #rest(): string | null {
    const cursor = this.#cursor;
    if (cursor === this.#text.length) return null;
    this.#cursor = this.#text.length;
    return this.#text.slice(cursor);
  }

  /** One line, or what is left of the file; `''` at its end. */
  *readLine(): Coro<string> {
    yield* this.#turnToReading();
    for (;;) {
      const line = this.takeLine();
      if (line !== null) return line;
      this.sync();
      yield* this.#moreLines();
      if (this.#text === '') return '';
    }
  }

  /** Makes text of the whole lines in the buffer, and reads on until there is one; no text means the end of the file. */
  *#moreLines(): Coro<void> {
    const { buffer } = this;
    const { unit } = this.#codec;
    for (let looked = 0; ; ) {
      yield* this.#skipMark();
      const end = this.#lineEndIn(buffer.start + Math.max(0, looked - unit));
      if (end >= 0) return this.#decodeLines(end - buffer.start, false);
      looked = buffer.available - (buffer.available % unit);
      if ((yield* buffer.fill()) === 0) return this.#decodeLines(buffer.available, true);
    }
  }

  /** Where the last whole line in the buffer ends. */
  #lineEndIn(from: number): number {
    return lastLineEnd(this.#codec, this.#newline, this.buffer.data, from, this.buffer.end);
  }

  #decodeLines(count: number, final: boolean): void {
    const { data, start } = this.buffer;
    let length = count;
    let whole = final;
    if (!this.#examine(count) && this.#errors === 'strict') {
      // The lines before the bad one are good.
      const end = firstLineEnd(this.#codec, this.#newline, data, start, start + count);
      const first = end < 0 ? count : end - start;
      whole = final && first === count;
      length = first;
      this.#examine(length);
    }
    this.#text = this.#decode(length);
    this.#cursor = 0;
    this.#bytes = length;
    this.#final = whole;
    this.#plain = this.#newline === '\n' || (!isOneEnd(this.#newline) && !this.#text.includes('\r'));
  }

  // ----------------------------------------------------------------------------------------------- characters

  /** `limit` characters, fewer only at the end of the file. Nothing is taken unless all of it has come. */
  *read(limit: number): Coro<string> {
    const { buffer } = this;
    this.sync();
    yield* this.#turnToReading();
    if (limit === Number.POSITIVE_INFINITY && buffer.access.seekable) return yield* this.#readAll();
    for (let final = false; ; ) {
      yield* this.#skipMark();
      const count: number = final
        ? buffer.available
        : wholeCharacters(this.#codec, buffer.data, buffer.start, buffer.end);
      // A character takes a byte at least: less need not be looked at.
      if (final || count >= limit) {
        this.#examine(count);
        const text = this.#decode(count);
        const end = this.#measure(text, limit, final);
        if (end !== null || final) {
          const length = end ?? text.length;
          buffer.start += length === text.length ? count : this.#bytesOf(text, length, count);
          return this.#translated(text.slice(0, length));
        }
      }
      // What is missing is missing by a byte for each character at least.
      final = (yield* buffer.fill(Math.min(Math.max(limit - count, 1), CHUNK_SIZE))) === 0;
    }
  }

  *#readAll(): Coro<string> {
    const { buffer } = this;
    const position = yield* buffer.position();
    const bytes = yield* buffer.read(Number.POSITIVE_INFINITY);
    const start = position === 0 && this.#startsWithMark(bytes, 0, bytes.length) ? MARK.length : 0;
    const content = bytes.subarray(start);
    if (isExact(this.#codec, content)) return this.#translated(content.toString(this.#codec.node));
    try {
      return this.#translated(decodeLoosely(this.#codec, content, this.#errors, buffer.name));
    } catch (error) {
      yield* buffer.seek(position);
      throw error;
    }
  }

  /** Where the first `limit` characters of `text` end; `null` if it is too short to tell. */
  #measure(text: string, limit: number, final: boolean): number | null {
    let at = 0;
    for (let count = 0; count < limit; count++) {
      if (at >= text.length) return null;
      const code = text.charCodeAt(at);
      at += 1;
      if (code === 13 && this.#newline === null) {
        if (at === text.length && !final) return null;
        if (text.charCodeAt(at) === 10) at += 1;
      } else if ((code & 0xfc00) === 0xd800 && (text.charCodeAt(at) & 0xfc00) === 0xdc00) {
        at += 1;
      }
    }
    return at;
  }

  #translated(text: string): string {
    return this.#newline === null && text.includes('\r') ? text.replaceAll(/\r\n?/g, '\n') : text;
  }

  *#turnToReading(): Coro<void> {
    if (this.buffer.dirty) this.sync();
    yield* this.buffer.turnToReading();
  }

  /** The byte order mark at the beginning of the file is not text. */
  *#skipMark(): Coro<void> {
    const { buffer } = this;
    if (this.#codec.name !== 'utf-8-sig' || buffer.next !== buffer.available) return;
    while (buffer.available > 0 && buffer.available < MARK.length && (yield* buffer.fill()) > 0);
    if (this.#startsWithMark(buffer.data, buffer.start, buffer.end)) buffer.start += MARK.length;
  }

  #startsWithMark(bytes: Uint8Array, start: number, end: number): boolean {
    return (
      this.#codec.name === 'utf-8-sig' &&
      end - start >= MARK.length &&
      MARK.every((byte, i) => bytes[start + i] === byte)
    );
  }

  // -------------------------------------------------------------------------------------------------- writing

  /** Accepts `text` if there is room for it. */
  put(text: string): boolean {
    const room = this.buffer.room(text.length * this.#codec.most * (this.#lineBreak.length > 1 ? 2 : 1) + 3);
    if (room === null) return false;
    this.buffer.accept(this.#mark(room) + this.#write(text, room));
    return true;
  }

  #mark(room: { readonly buffer: Buffer; offset: number }): number {
    if (this.#codec.name !== 'utf-8-sig' || !this.buffer.atBeginning) return 0;
    room.buffer.set(MARK, room.offset);
    room.offset += MARK.length;
    return MARK.length;
  }

  #write(text: string, room: { readonly buffer: Buffer; readonly offset: number }): number {
    return room.buffer.write(this.#encodable(text), room.offset, this.#codec.node);
  }

  #encodable(text: string): string {
    const whole = encodable(this.#codec, text, this.#errors, this.buffer.name);
    return this.#lineBreak === '\n' ? whole : whole.replaceAll('\n', this.#lineBreak);
  }

  *write(text: string): Coro<void> {
    this.sync();
    if (this.put(text)) return;
    const encoded = Buffer.from(this.#encodable(text), this.#codec.node);
    const marked = this.#codec.name === 'utf-8-sig' && this.buffer.atBeginning;
    yield* this.buffer.write(marked ? Buffer.concat([MARK, encoded]) : encoded);
  }

  /** Refuses what cannot be written, before anything of it is. */
  check(text: unknown): asserts text is string {
    if (typeof text !== 'string') {
      throw new TypeError(
        `Cannot write to ${this.buffer.name}: it is open as text, and this is ${typeof text}`,
      );
    }
  }
}

function isOneEnd(newline: Newline): newline is '\r' | '\r\n' {
  return newline === '\r' || newline === '\r\n';
}

/** Refuses a `newline` that is none. */
export function checkNewline(newline: unknown): asserts newline is Newline {
  if (newline === null || newline === '' || newline === '\n' || newline === '\r' || newline === '\r\n')
    return;
  throw new ValueError(`Cannot open as text: illegal newline value: ${JSON.stringify(newline)}`);
}
