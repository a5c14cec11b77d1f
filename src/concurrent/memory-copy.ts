/** Copies of large memory, to be moved: the serializer and message ports copy it twice or more. */

/** Below this size, in bytes, the serializer is as good. */
const LARGE = 16 * 1024;

type NumberArray = ArrayBufferView<ArrayBuffer>;
type NumberArrayClass = new (memory: ArrayBuffer, offset: number, length: number) => NumberArray;

const classes: Readonly<Record<string, NumberArrayClass>> = Object.fromEntries(
  [
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array,
  ].map((each) => [each.name, each as unknown as NumberArrayClass]),
);

/**
 * A copy of an array of numbers as structured clone makes it: of the class that the platform has (a `Buffer` arrives as
 * `Uint8Array`), on a copy of all the memory that it is a view of. `null` for what is small, and for anything else.
 */
export function copyOfMemory(value: unknown): NumberArray | null {
  if (!ArrayBuffer.isView(value) || value.byteLength < LARGE) return null;
  const { buffer, byteOffset } = value;
  if (!(buffer instanceof ArrayBuffer) || (buffer as { resizable?: boolean }).resizable === true) return null;
  const { length, [Symbol.toStringTag]: name } = value as Uint8Array;
  const make = classes[name];
  return make === undefined ? null : new make(buffer.slice(0), byteOffset, length);
}
