/** How text stands in a file: its encoding, and how its lines end. */

import { ValueError } from '../core/index.js';

type BufferModule = typeof import('node:buffer');
const { Buffer, isAscii, isUtf8, transcode }: BufferModule = process.getBuiltinModule('node:buffer');

/** Less than this is decoded sooner than handed over to be transcoded. */
const LEAST_TRANSCODED = 256;

/** The encodings of text files. For others, open the file in binary mode, and use `TextDecoder`. */
export type TextEncoding = 'utf-8' | 'utf8' | 'utf-8-sig' | 'utf-16le' | 'utf16le' | 'latin1' | 'ascii';

/** What is done about bytes that are no text, and text that the encoding cannot express. */
export type EncodingErrors = 'strict' | 'replace';

/**
 * How lines end, as in Python. `null`, the default: any of `\n`, `\r`, `\r\n` ends a line and is read as `\n`, and a `\n`
 * is written as the system has it. `''`: any of them ends a line, and nothing is translated. Otherwise: this ends a line
 * and nothing is translated in reading; in writing, `\n` becomes it.
 */
export type Newline = '' | '\n' | '\r' | '\r\n' | null;

export interface Codec {
  readonly name: 'utf-8' | 'utf-8-sig' | 'utf-16le' | 'latin1' | 'ascii';
  /** What Node calls it. */
  readonly node: 'utf8' | 'utf16le' | 'latin1';
  /** The size of the least unit, in bytes. */
  readonly unit: 1 | 2;
  /** The most bytes that one unit of a JavaScript string takes. */
  readonly most: 1 | 2 | 3;
}

const CODECS: readonly Codec[] = [
  { name: 'utf-8', node: 'utf8', unit: 1, most: 3 },
  { name: 'utf-8-sig', node: 'utf8', unit: 1, most: 3 },
  { name: 'utf-16le', node: 'utf16le', unit: 2, most: 2 },
  { name: 'latin1', node: 'latin1', unit: 1, most: 1 },
  { name: 'ascii', node: 'latin1', unit: 1, most: 1 },
];
const ALIASES: Readonly<Record<string, Codec['name']>> = {
  utf8: 'utf-8',
  utf16le: 'utf-16le',
  'utf-16-le': 'utf-16le',
  'latin-1': 'latin1',
  'iso-8859-1': 'latin1',
  'us-ascii': 'ascii',
};

export function codecOf(encoding: string): Codec {
  const name = String(encoding).toLowerCase().replaceAll('_', '-');
  const codec = CODECS.find((each) => each.name === (ALIASES[name] ?? name));
  if (codec === undefined) {
    throw new ValueError(
      `Cannot open as text: unknown encoding ${JSON.stringify(encoding)}: expected one of ${CODECS.map((each) => each.name).join(', ')}; open it in binary mode and use TextDecoder for others`,
    );
  }
  return codec;
}

/** The byte order mark of utf-8-sig. */
export const MARK: Uint8Array = new Uint8Array([0xef, 0xbb, 0xbf]);

/** Whether `bytes` are whole text, so that each part of the text has the bytes that encoding it gives. */
export function isExact(codec: Codec, bytes: Buffer): boolean {
  if (codec.node === 'utf8') return isUtf8(bytes);
  return codec.name === 'ascii' ? isAscii(bytes) : bytes.length % codec.unit === 0;
}

/**
 * Text out of bytes that are exact. Through UTF-16, what is not ASCII is decoded four times as fast as by `toString()`; the string then takes
 * two bytes a character, so this is for blocks.
 */
export function decodeBlock(codec: Codec, bytes: Buffer, start: number, end: number): string {
  if (codec.node === 'utf8' && end - start >= LEAST_TRANSCODED && typeof transcode === 'function') {
    const block = bytes.subarray(start, end);
    if (!isAscii(block)) {
      try {
        return transcode(block, 'utf8', 'utf16le').toString('utf16le');
      } catch {
        // Part of a character, or a Node that cannot: the ordinary way.
      }
    }
  }
  return bytes.toString(codec.node, start, end);
}

/** Text out of bytes that are not exact. */
export function decodeLoosely(codec: Codec, bytes: Buffer, errors: EncodingErrors, name: string): string {
  if (errors === 'strict')
    throw new ValueError(`Cannot read ${name}: there are bytes that are not ${codec.name}`);
  if (codec.name === 'ascii') return bytes.toString('latin1').replaceAll(/[\x80-\xff]/g, '\ufffd');
  const whole = bytes.length - (bytes.length % codec.unit);
  return bytes.toString(codec.node, 0, whole) + (whole < bytes.length ? '\ufffd' : '');
}

/** How many bytes `text` takes. */
export function lengthOf(codec: Codec, text: string): number {
  return codec.node === 'utf8' ? Buffer.byteLength(text) : text.length * codec.unit;
}

/** `text` as it can be encoded. */
export function encodable(codec: Codec, text: string, errors: EncodingErrors, name: string): string {
  if (codec.node === 'utf16le') return text;
  if (codec.node === 'utf8') {
    if (errors === 'replace' || (text as { isWellFormed?(): boolean }).isWellFormed?.() !== false)
      return text;
    throw new ValueError(
      `Cannot write to ${name}: the text has half a surrogate pair, which is not ${codec.name}`,
    );
  }
  const foreign = codec.name === 'ascii' ? /[\u{80}-\u{10ffff}]/u : /[\u{100}-\u{10ffff}]/u;
  if (!foreign.test(text)) return text;
  if (errors === 'strict') {
    throw new ValueError(
      `Cannot write to ${name}: ${JSON.stringify(foreign.exec(text)?.[0])} is not ${codec.name}`,
    );
  }
  return text.replaceAll(new RegExp(foreign, 'gu'), '?');
}

/** How many of the first bytes, at most `end - start`, are whole characters. */
export function wholeCharacters(codec: Codec, bytes: Buffer, start: number, end: number): number {
  if (codec.node === 'latin1') return end - start;
  if (codec.node === 'utf16le') {
    let whole = end - start - ((end - start) % 2);
    if (whole >= 2 && ((bytes[start + whole - 1] as number) & 0xfc) === 0xd8) whole -= 2;
    return whole;
  }
  // A lead byte among the last three whose sequence is not complete.
  for (let back = 1; back <= 3 && end - back >= start; back++) {
    const byte = bytes[end - back] as number;
    if (byte < 0x80) break;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? end - back - start : end - start;
    }
  }
  return end - start;
}

/**
 * Where the last line in `bytes` ends whose line end lies between `start` and `end`; -1 without one. With any line end, a
 * carriage return at the very end does not count: it may be half of one.
 */
export function lastLineEnd(
  codec: Codec,
  newline: Newline,
  bytes: Buffer,
  start: number,
  end: number,
): number {
  const { unit } = codec;
  const any = newline === null || newline === '';
  const is = (code: number, at: number) => bytes[at] === code && (unit === 1 || bytes[at + 1] === 0);
  for (let at = end - unit - ((end - start) % unit); at >= start; at -= unit) {
    const byte = bytes[at];
    if (byte === 10) {
      if (is(10, at) && (any || newline === '\n')) return at + unit;
      if (newline === '\r\n' && at - unit >= start && is(10, at) && is(13, at - unit)) return at + unit;
    } else if (byte === 13 && is(13, at) && (newline === '\r' || (any && at + unit < end))) {
      return at + unit;
    }
  }
  return -1;
}

/** Where the first line in `bytes` ends that a line feed ends; -1 without one, or where line feeds end no lines. */
export function firstLineEnd(
  codec: Codec,
  newline: Newline,
  bytes: Buffer,
  start: number,
  end: number,
): number {
  const { unit } = codec;
  if (newline === '\r') return -1;
  for (let at = start; at + unit <= end; at += unit) {
    if (bytes[at] !== 10 || (unit === 2 && bytes[at + 1] !== 0)) continue;
    if (newline !== '\r\n' || (at > start && bytes[at - unit] === 13)) return at + unit;
  }
  return -1;
}
