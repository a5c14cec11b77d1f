/** A call on its way: what is sent, and the future that its submitter holds. */

import { isModule, MEMORY_HEADER, serialize } from './area.js';
import { unsendableArguments } from './clone-path.js';
import { type CancelOptions, Future } from './futures.js';
import { copyOfMemory, isLargeMemory, type NumberArray } from './memory-copy.js';
import { plainText } from './plain-values.js';
import { ROOM } from './task-queue.js';
import { allTransfers } from './transfer.js';
import type { TransferList } from './transfer-list.js';

/** Arguments as they wait to be sent. What the caller changes afterwards is not seen by the call. */
export type Packed =
  /** Scalars only: written into the slot as they are. */
  | readonly unknown[]
  /** Serialized. */
  | Uint8Array<ArrayBuffer>
  /** Plain data as JSON. */
  | string
  /** Scalars and one large array: not copied yet. */
  | Uncopied
  /** A copy that only a message port can carry, and what moves with it. */
  | Held;

export class Held {
  readonly value: unknown;
  readonly list: TransferList;

  constructor(value: unknown, list: TransferList) {
    this.value = value;
    this.list = list;
  }
}

/** Arguments that the caller may still change: to be written into shared memory, or copied, before `submit()` returns. */
export class Uncopied {
  readonly args: readonly unknown[];
  /** Which of them is large. */
  readonly #place: number;

  constructor(args: readonly unknown[], place: number) {
    this.args = args;
    this.#place = place;
  }

  /** An upper bound of the bytes that they take. */
  get size(): number {
    let size = 8 + MEMORY_HEADER + (this.args[this.#place] as NumberArray).buffer.byteLength + 8;
    for (const value of this.args) size += 16 + (typeof value === 'string' ? value.length * 2 : 0);
    return size;
  }

  copied(): Held {
    const copy = copyOfMemory(this.args[this.#place]) as NumberArray;
    return new Held(this.args.with(this.#place, copy), [copy.buffer]);
  }
}

/** Whether an array of arguments is of scalars that fit into a slot. */
function isSmall(args: readonly unknown[]): boolean {
  let size = 8;
  for (let index = 0; index < args.length; index++) {
    const value = args[index];
    switch (typeof value) {
      case 'number':
      case 'boolean':
      case 'undefined':
        size += 16;
        break;
      case 'string':
        size += 16 + value.length * 2;
        break;
      default:
        if (value !== null) return false;
        size += 16;
    }
  }
  return size <= ROOM;
}

/**
 * Readies arguments for sending; `shareable` says that a message port can carry what the serializer cannot.
 *
 * @throws TypeError that says where in them something cannot be sent.
 */
export function pack(args: readonly unknown[], shareable: boolean): Packed {
  if (isSmall(args)) return args;
  const list = shareable ? allTransfers(args) : undefined;
  if (list === undefined) {
    const text = plainText(args);
    if (text !== null) return text;
    const uncopied = shareable ? uncopiedOf(args) : null;
    if (uncopied !== null) return uncopied;
  }
  try {
    if (list === undefined && !(shareable && args.some(isShared))) return serializeAll(args);
  } catch (error) {
    if (!shareable) throw unsendableArguments(args, error, 'the arguments to a worker');
  }
  try {
    const [value, moved] = cloneByPort([args, list ?? []], list ?? []);
    return new Held(value, moved as TransferList);
  } catch (error) {
    throw unsendableArguments(args, error, 'the arguments to a worker');
  }
}

let channel: import('node:worker_threads').MessageChannel | null = null;

/** `structuredClone()`, which makes a channel for each call; this one is kept. */
function cloneByPort<T>(value: T, list: TransferList): T {
  const { MessageChannel, receiveMessageOnPort } = process.getBuiltinModule('node:worker_threads');
  if (channel === null) {
    channel = new MessageChannel();
    channel.port1.unref();
    channel.port2.unref();
  }
  const { port1, port2 } = channel;
  port1.postMessage(value, list);
  return receiveMessageOnPort(port2)?.message as T;
}

/** Memory that is shared, which the serializer refuses. */
function isShared(value: unknown): boolean {
  return (
    value instanceof SharedArrayBuffer ||
    (ArrayBuffer.isView(value) && value.buffer instanceof SharedArrayBuffer)
  );
}

/** Beyond so many bytes of memory, moving one copy is cheaper than two copies. */
const COPIED_TWICE = 128 * 1024;

/** One large array of numbers or bytes among scalars. */
function uncopiedOf(args: readonly unknown[]): Uncopied | Held | null {
  let found = -1;
  for (let index = 0; index < args.length; index++) {
    const value = args[index];
    if (typeof value === 'object' && value !== null) {
      if (found >= 0) return null;
      found = index;
    } else if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') {
      return null;
    }
  }
  const array = args[found];
  if (!isLargeMemory(array)) return null;
  const uncopied = new Uncopied(args, found);
  return array.buffer.byteLength <= COPIED_TWICE ? uncopied : uncopied.copied();
}

function serializeAll(args: readonly unknown[]): Uint8Array<ArrayBuffer> {
  for (const each of args) if (isModule(each)) serialize(each); // throws
  return serialize(args);
}

/** The same for the arguments of initializers, which are sent to each worker. */
export function packInitargs(
  initargs: readonly unknown[],
  shareable: boolean,
): Uint8Array<ArrayBuffer> | readonly unknown[] {
  try {
    return serializeAll(initargs);
  } catch (error) {
    if (!shareable) throw unsendableArguments(initargs, error, 'initargs to a worker', 'initargs');
  }
  try {
    return cloneByPort(initargs, []);
  } catch (error) {
    throw unsendableArguments(initargs, error, 'initargs to a worker', 'initargs');
  }
}

/** What a pool does with the futures that it made. */
export interface CallOwner {
  /** Looks whether a worker has taken the call meanwhile. */
  _look(call: Call): void;
  /** Takes back a call that waits; `false` when a worker has taken it. */
  _withdraw(call: Call): boolean;
  _interruptCall(call: Call, options: CancelOptions): boolean;
}

/** How a call is to be treated. */
export interface CallOptions {
  /** Seconds that it may run; then it is cancelled, and fails with TimeoutError. */
  readonly timeout?: number | null;
  /** Whether its worker is killed when the call was cancelled, or is late, and goes on all the same: at once, or after so many seconds. */
  readonly kill?: number | null;
}

/** A future of a pool, which is the record of its call as well. */
export class Call<T = unknown> extends Future<T> {
  readonly _owner: CallOwner;
  readonly _fn: number;
  readonly _flags: number;
  /** `null` once it was sent. */
  _packed: Packed | null;
  readonly _options: CallOptions | null;
  readonly _submitted: number;
  /** Its place in the shared queue; `undefined` while it is not there yet, or not any more. */
  _index: number | undefined = undefined;
  /** Why it was interrupted. */
  _late = false;

  constructor(
    owner: CallOwner,
    fn: number,
    flags: number,
    packed: Packed,
    options: CallOptions | null,
    now: number,
  ) {
    super();
    this._owner = owner;
    this._fn = fn;
    this._flags = flags;
    this._packed = packed;
    this._options = options;
    this._submitted = now;
  }

  override running(): boolean {
    this._owner._look(this as Call);
    return this._state === 'RUNNING';
  }

  override cancel(options?: CancelOptions): boolean {
    if (this._state === 'PENDING' && !this._owner._withdraw(this as Call)) this._state = 'RUNNING';
    const cancelled = super.cancel(options);
    // No worker will ever see it: whoever waits for it may know at once.
    if (this._state === 'CANCELLED') this.setRunningOrNotifyCancel();
    return cancelled;
  }

  override _interrupt(options: CancelOptions): boolean {
    return this._owner._interruptCall(this as Call, options);
  }

  override toString(): string {
    this._owner._look(this as Call);
    return super.toString();
  }
}
