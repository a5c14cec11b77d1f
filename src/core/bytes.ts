/** Bytes as the library hands them out: `Buffer`s where the platform has them, plain `Uint8Array`s elsewhere. */

/** `Buffer` on Node, Deno and Bun, `Uint8Array` elsewhere. What is handed out is the receiver's: nobody writes to it again. */
export type Bytes = typeof globalThis extends { Buffer: { isBuffer(value: unknown): value is infer B } }
  ? B extends Uint8Array
    ? B
    : Uint8Array
  : Uint8Array;

/** What the library uses of the platform's `Buffer`. */
interface BufferMaker {
  allocUnsafe(size: number): Uint8Array;
  from(buffer: ArrayBufferLike, offset: number, length: number): Uint8Array;
  isBuffer(value: unknown): boolean;
}

const maker = (globalThis as { Buffer?: BufferMaker }).Buffer;

/** Room for `size` bytes, which the caller fills to the last one. */
export const allocateBytes: (size: number) => Bytes = (
  maker === undefined ? (size: number) => new Uint8Array(size) : maker.allocUnsafe
) as (size: number) => Bytes;

/** No bytes at all. */
export const NO_BYTES: Bytes = allocateBytes(0);

/** The same memory, in the platform's class. */
export function asBytes(data: Uint8Array): Bytes {
  return (
    maker === undefined || maker.isBuffer(data)
      ? data
      : maker.from(data.buffer, data.byteOffset, data.byteLength)
  ) as Bytes;
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
