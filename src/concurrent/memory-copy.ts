/** Copies of large memory, to be moved: the serializer and message ports copy it twice or more. */

/** Below this size, in bytes, the serializer is as good. */
const LARGE = 16 * 1024;

export type NumberArray = ArrayBufferView<ArrayBuffer>;
type NumberArrayClass = new (memory: ArrayBuffer, offset: number, length: number) => NumberArray;

const classes = [
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
] as unknown as readonly NumberArrayClass[];
const indices: ReadonlyMap<string, number> = new Map(
  classes.map((each, index) => [(each as unknown as { name: string }).name, index]),
);

/** The number of the platform's class that an array is of; -1 for what is no array of numbers. */
export function classIndexOf(array: object): number {
  return indices.get((array as Uint8Array)[Symbol.toStringTag]) ?? -1;
}

/** An array of the class of that number. */
export function arrayOf(
  classIndex: number,
  memory: ArrayBuffer,
  offset: number,
  length: number,
): NumberArray {
  return new (classes[classIndex] as NumberArrayClass)(memory, offset, length);
}

/** Whether a value is large memory with numbers in it. */
export function isLargeMemory(value: unknown): value is NumberArray {
  if (!ArrayBuffer.isView(value) || value.byteLength < LARGE) return false;
  const { buffer } = value;
  if (!(buffer instanceof ArrayBuffer) || (buffer as { resizable?: boolean }).resizable === true)
    return false;
  return classIndexOf(value) >= 0;
}

/** A copy of bytes. Memory that is to be filled anyway need not be cleared first, as `slice()` has it. */
export function copyOfBytes(bytes: Uint8Array): ArrayBuffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length) as Buffer<ArrayBuffer>;
  copy.set(bytes);
  return copy.buffer;
}

/**
 * A copy of an array of numbers as structured clone makes it: of the class that the platform has (a `Buffer` arrives as
 * `Uint8Array`), on a copy of all the memory that it is a view of. `null` for what is small, and for anything else.
 */
export function copyOfMemory(value: unknown): NumberArray | null {
  if (!isLargeMemory(value)) return null;
  const { buffer, byteOffset, length } = value as Uint8Array<ArrayBuffer>;
  return arrayOf(classIndexOf(value), copyOfBytes(new Uint8Array(buffer)), byteOffset, length);
}
