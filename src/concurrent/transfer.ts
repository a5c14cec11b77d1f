/** Values that move to another thread instead of being copied. */

import type { TransferList } from './transfer-list.js';

/** Known to every copy of this module: worker programs, and CommonJS programs under tsx, have their own. */
const MOVED = Symbol.for('tsyncio.transfers');
const shared = globalThis as { [MOVED]?: WeakMap<object, TransferList> };
shared[MOVED] ??= new WeakMap();
const moved = shared[MOVED];

/**
 * Marks `value` to move when it is an argument of a call to a worker thread, or a function's result: what can be
 * transferred in it (its own memory, or what `list` names) changes hands without a copy, and is unusable here from then on.
 * Returns `value`. To a worker process everything is copied.
 *
 * @throws TypeError when nothing in it can be transferred, and no list is given.
 * @example
 * ```ts
 * import { ThreadPoolExecutor, transfer } from 'tsyncio/concurrent';
 *
 * using executor = new ThreadPoolExecutor();
 * const pixels = new Uint8Array(1_000_000).fill(7);
 * const future = executor.submit((bytes: Uint8Array) => bytes.at(-1), transfer(pixels));
 * console.log(future.result(), pixels.length); //=> 7 0
 * ```
 */
export function transfer<T extends object>(value: T, list?: readonly object[]): T {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) {
    throw new TypeError(`Cannot transfer ${String(value)}: only objects can move`);
  }
  moved.set(value, (list as TransferList | undefined) ?? memoryOf(value));
  return value;
}

function memoryOf(value: object): TransferList {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer) return [value.buffer];
    throw new TypeError('Cannot transfer shared memory: it is shared by passing it');
  }
  if (value instanceof ArrayBuffer) return [value];
  const { name } = value.constructor ?? {};
  if (name !== undefined && TRANSFERABLE.has(name)) return [value] as unknown as TransferList;
  throw new TypeError(
    `Cannot transfer a value of type ${name ?? 'object'}: name what is to move in it: transfer(value, [value.buffer])`,
  );
}

const TRANSFERABLE = new Set([
  'MessagePort',
  'FileHandle',
  'ReadableStream',
  'WritableStream',
  'TransformStream',
  'X509Certificate',
]);

/** What moves with `value`; `undefined` when it is copied. @internal */
export function transfersOf(value: unknown): TransferList | undefined {
  return typeof value === 'object' && value !== null ? moved.get(value) : undefined;
}

/** What moves with any of `values`. @internal */
export function allTransfers(values: readonly unknown[]): TransferList | undefined {
  let list: TransferList | undefined;
  for (const value of values) {
    if (typeof value !== 'object' || value === null) continue;
    const part = moved.get(value);
    if (part !== undefined) list = list === undefined ? [...part] : [...list, ...part];
  }
  return list;
}
