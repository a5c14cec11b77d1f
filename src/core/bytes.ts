/** Bytes as the library hands them out: `Buffer`s where the platform has them, plain `Uint8Array`s elsewhere. */

/** `Buffer` on Node, Deno and Bun, `Uint8Array` elsewhere. What is handed out is the receiver's: nobody writes to it again. */
export type Bytes = typeof globalThis extends { Buffer: { alloc(size: number): infer B } }
  ? B extends Uint8Array
    ? B
    : PlainBytes
  : PlainBytes;

/** `Uint8Array<ArrayBuffer>`, by a name that compilers before TypeScript 5.7 know as well. */
type PlainBytes = ReturnType<Uint8Array['slice']>;

/** How a platform makes its class of bytes. */
export interface BytesMaker {
  /** Room for `size` bytes, which the caller fills to the last one. */
  allocate(size: number): Uint8Array;
  /** The same memory in the platform's class; the same object if it is of it. */
  view(data: Uint8Array): Uint8Array;
}

let maker: BytesMaker = { allocate: (size) => new Uint8Array(size), view: (data) => data };

/** No bytes at all. */
export let NO_BYTES: Bytes = maker.allocate(0) as Bytes;

/** Makes all that is handed out of the platform's class. The Node entry calls it. */
export function setBytesMaker(platform: BytesMaker): void {
  maker = platform;
  NO_BYTES = maker.allocate(0) as Bytes;
}

/** Room for `size` bytes, which the caller fills to the last one. */
export function allocateBytes(size: number): Bytes {
  return maker.allocate(size) as Bytes;
}

/** The same memory, in the platform's class. */
export function asBytes(data: Uint8Array): Bytes {
  return maker.view(data) as Bytes;
}

/** Throws unless `data` is a `Uint8Array`. `what` says what was attempted. */
export function checkBytes(data: unknown, what: string): asserts data is Uint8Array {
  if (data instanceof Uint8Array) return;
  const got = typeof data === 'object' && data !== null ? (data.constructor?.name ?? 'object') : typeof data;
  throw new TypeError(
    `Cannot ${what}: expected bytes (a Uint8Array), got ${data === null ? 'null' : got}${
      typeof data === 'string' ? ': encode it, as Buffer.from(text) does' : ''
    }`,
  );
}

/** One array of all, of `size` bytes together. */
export function joinBytes(parts: readonly Uint8Array[], size: number): Bytes {
  if (parts.length === 0) return NO_BYTES;
  if (parts.length === 1) return asBytes(parts[0] as Uint8Array);
  const joined = allocateBytes(size);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

interface Encoder {
  encode(text: string): Uint8Array;
}

/** UTF-8. @internal */
export function encodeText(text: string): Uint8Array {
  const Platform = (globalThis as unknown as { TextEncoder: new () => Encoder }).TextEncoder;
  return new Platform().encode(text);
}
