/**
 * Values written into a stretch of memory, shared or not, and read out of it.
 *
 * Scalars are written as they are (strings as UTF-16 code units, so that lone surrogates survive); everything else is
 * what V8's serializer makes of it, the format of structured clone. Offsets are multiples of eight.
 *
 * | tag | then |
 * | --- | --- |
 * | `NUMBER` | eight bytes |
 * | `STRING` | its length in code units; the units |
 * | `SERIALIZED` | its length in bytes; the bytes |
 * | `LIST` | the number of values; the values |
 * | `JSON_TEXT` | its length in bytes; the text in UTF-8 |
 * | `MEMORY` | which class of arrays; the bytes of its memory, its offset and its length, eight bytes each; the memory |
 * | `ELSEWHERE` | nothing: the value comes through a message port |
 */

import { arrayOf, classIndexOf, copyOfBytes, type NumberArray } from './memory-copy.js';

const UNDEFINED = 0;
const NULL = 1;
const FALSE = 2;
const TRUE = 3;
const NUMBER = 4;
const STRING = 5;
const SERIALIZED = 6;
const LIST = 7;
const ELSEWHERE = 8;
const JSON_TEXT = 9;
const MEMORY = 10;

/** What stands before the memory of an array of numbers. */
export const MEMORY_HEADER = 32;

/** Above this length, in code units, a native copy of a string beats a loop. */
const LOOP_LIMIT = 24;

export class Area {
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  readonly u16: Uint16Array;
  readonly bytes: Buffer;
  /** Where the value that was read last ended. */
  end = 0;

  constructor(memory: ArrayBufferLike, start = 0, length = memory.byteLength - start) {
    this.i32 = new Int32Array(memory, start, length >> 2);
    this.f64 = new Float64Array(memory, start, length >> 3);
    this.u16 = new Uint16Array(memory, start, length >> 1);
    this.bytes = Buffer.from(memory as ArrayBuffer, start, length);
  }

  /** Writes a scalar at `offset`; returns where it ends, or -1 when it is none or does not fit below `limit`. */
  writeScalar(value: unknown, offset: number, limit: number): number {
    if (offset + 16 > limit) return -1;
    const word = offset >> 2;
    switch (typeof value) {
      case 'number':
        this.i32[word] = NUMBER;
        this.f64[(offset >> 3) + 1] = value;
        return offset + 16;
      case 'string':
        return this.#writeString(value, offset, limit);
      case 'boolean':
        this.i32[word] = value ? TRUE : FALSE;
        return offset + 8;
      case 'undefined':
        this.i32[word] = UNDEFINED;
        return offset + 8;
      default:
        if (value !== null) return -1;
        this.i32[word] = NULL;
        return offset + 8;
    }
  }

  #writeString(text: string, offset: number, limit: number): number {
    const { length } = text;
    const end = offset + 8 + length * 2;
    if (end > limit) return -1;
    this.i32[offset >> 2] = STRING;
    this.i32[(offset >> 2) + 1] = length;
    if (length <= LOOP_LIMIT) {
      const start = (offset + 8) >> 1;
      for (let index = 0; index < length; index++) this.u16[start + index] = text.charCodeAt(index);
    } else {
      this.bytes.write(text, offset + 8, length * 2, 'utf16le');
    }
    return (end + 7) & ~7;
  }

  /** Writes an array of scalars; returns where it ends, or -1. */
  writeScalars(values: readonly unknown[], offset: number, limit: number): number {
    this.i32[offset >> 2] = LIST;
    this.i32[(offset >> 2) + 1] = values.length;
    let end = offset + 8;
    for (let index = 0; index < values.length; index++) {
      end = this.writeScalar(values[index], end, limit);
      if (end < 0) return -1;
    }
    return end;
  }

  /** Writes what a serializer made; returns where it ends, or -1 when it does not fit. */
  writeSerialized(serialized: Uint8Array, offset: number, limit: number): number {
    const end = offset + 8 + serialized.length;
    if (end > limit) return -1;
    this.i32[offset >> 2] = SERIALIZED;
    this.i32[(offset >> 2) + 1] = serialized.length;
    this.bytes.set(serialized, offset + 8);
    return (end + 7) & ~7;
  }

  /** Writes plain data as JSON; returns where it ends, or -1 when it may not fit. */
  writeText(text: string, offset: number, limit: number): number {
    if (offset + 8 + text.length * 3 > limit && offset + 8 + Buffer.byteLength(text) > limit) return -1;
    const length = this.bytes.write(text, offset + 8, 'utf8');
    this.i32[offset >> 2] = JSON_TEXT;
    this.i32[(offset >> 2) + 1] = length;
    return (offset + 8 + length + 7) & ~7;
  }

  /** Writes a list of scalars and one array of numbers, with all of its memory; returns where it ends, or -1. */
  writeWithMemory(values: readonly unknown[], offset: number, limit: number): number {
    this.i32[offset >> 2] = LIST;
    this.i32[(offset >> 2) + 1] = values.length;
    let end = offset + 8;
    for (const value of values) {
      end =
        typeof value === 'object' && value !== null
          ? this.#writeMemory(value as NumberArray, end, limit)
          : this.writeScalar(value, end, limit);
      if (end < 0) return -1;
    }
    return end;
  }

  #writeMemory(array: NumberArray, offset: number, limit: number): number {
    const { buffer, byteOffset, length } = array as Uint8Array<ArrayBuffer>;
    const start = offset + MEMORY_HEADER;
    if (start + buffer.byteLength > limit) return -1;
    this.i32[offset >> 2] = MEMORY;
    this.i32[(offset >> 2) + 1] = classIndexOf(array);
    const double = (offset >> 3) + 1;
    this.f64[double] = buffer.byteLength;
    this.f64[double + 1] = byteOffset;
    this.f64[double + 2] = length;
    this.bytes.set(new Uint8Array(buffer), start);
    return (start + buffer.byteLength + 7) & ~7;
  }

  #readMemory(offset: number): NumberArray {
    const double = (offset >> 3) + 1;
    const size = this.f64[double] as number;
    const start = offset + MEMORY_HEADER;
    this.end = (start + size + 7) & ~7;
    const buffer = copyOfBytes(this.bytes.subarray(start, start + size));
    const length = this.f64[double + 2] as number;
    return arrayOf(this.i32[(offset >> 2) + 1] as number, buffer, this.f64[double + 1] as number, length);
  }

  /** Writes that the value comes through a message port. */
  writeElsewhere(offset: number): number {
    this.i32[offset >> 2] = ELSEWHERE;
    return offset + 8;
  }

  isElsewhere(offset: number): boolean {
    return this.i32[offset >> 2] === ELSEWHERE;
  }

  /** The bytes at `offset` as they are. */
  copy(offset: number, size: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(size);
    bytes.set(this.bytes.subarray(offset, offset + size));
    return bytes;
  }

  /** The value at `offset`; `end` tells where it ended. */
  read(offset: number): unknown {
    const word = offset >> 2;
    this.end = offset + 8;
    switch (this.i32[word]) {
      case NUMBER:
        this.end = offset + 16;
        return this.f64[(offset >> 3) + 1];
      case STRING:
        return this.#readString(offset + 8, this.i32[word + 1] as number);
      case UNDEFINED:
        return undefined;
      case NULL:
        return null;
      case TRUE:
        return true;
      case FALSE:
        return false;
      case LIST:
        return this.#readList(offset);
      case SERIALIZED: {
        const length = this.i32[word + 1] as number;
        this.end = (offset + 8 + length + 7) & ~7;
        return deserialize(Buffer.from(this.bytes.subarray(offset + 8, offset + 8 + length)));
      }
      case JSON_TEXT: {
        const start = offset + 8;
        const end = start + (this.i32[word + 1] as number);
        this.end = (end + 7) & ~7;
        return JSON.parse(this.bytes.toString('utf8', start, end));
      }
      case MEMORY:
        return this.#readMemory(offset);
      default:
        throw new Error(`Cannot read a value: unknown tag ${this.i32[word]}`);
    }
  }

  #readString(offset: number, length: number): string {
    this.end = (offset + length * 2 + 7) & ~7;
    if (length > LOOP_LIMIT) return this.bytes.toString('utf16le', offset, offset + length * 2);
    let text = '';
    const start = offset >> 1;
    for (let index = 0; index < length; index++)
      text += String.fromCharCode(this.u16[start + index] as number);
    return text;
  }

  #readList(offset: number): unknown[] {
    const values: unknown[] = new Array(this.i32[(offset >> 2) + 1] as number);
    for (let index = 0; index < values.length; index++) values[index] = this.read(this.end);
    return values;
  }
}

type V8 = typeof import('node:v8');
let v8: V8 | undefined;

/**
 * What structured clone would send, as bytes of their own.
 *
 * @throws the platform's DataCloneError for what it refuses, and for what only a message port can carry (shared memory,
 * ports, keys).
 */
export function serialize(value: unknown): Uint8Array<ArrayBuffer> {
  v8 ??= process.getBuiltinModule('node:v8');
  if (isModule(value)) throw notCloneable('a WebAssembly.Module could not be cloned.');
  const serializer = new v8.Serializer() as import('node:v8').Serializer & {
    _getDataCloneError: typeof notCloneable;
  };
  serializer._getDataCloneError = notCloneable;
  serializer.writeHeader();
  serializer.writeValue(value);
  return serializer.releaseBuffer() as Uint8Array<ArrayBuffer>;
}

const Module = (globalThis as { WebAssembly?: { Module: new (bytes: Uint8Array) => object } }).WebAssembly
  ?.Module;

/** A compiled module, which only a port can carry: V8's serializer writes nothing in its place, and says nothing of it. */
export function isModule(value: unknown): boolean {
  return typeof value === 'object' && Module !== undefined && value instanceof Module;
}

function notCloneable(message: string): Error {
  return new DOMException(message, 'DataCloneError');
}

export function deserialize(serialized: Uint8Array): unknown {
  v8 ??= process.getBuiltinModule('node:v8');
  const deserializer = new v8.Deserializer(serialized);
  deserializer.readHeader();
  return deserializer.readValue();
}
