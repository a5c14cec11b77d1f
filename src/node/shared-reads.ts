/**
 * Reading from sockets into one piece of memory that all of them share.
 *
 * By itself Node allocates 64 KiB for each read and hands out what is filled, which costs more than the copy of a small
 * message. It can read into memory of the program's instead, but offers that (`onread`) only for sockets that the program connects, not
 * for those that a server accepts. What it does for the former is three properties and a call, which are found here by looking at a
 * socket made with `onread`; where they are not found, sockets are read in the ordinary way.
 *
 * Sharing is safe since the memory is filled right before the callback, which takes everything out. On Windows reads are
 * begun ahead, so there it is not done.
 */

import type { Socket } from 'node:net';
import type { Bytes } from '../core/index.js';
import { nodeNet } from './builtins.js';

const SIZE = 64 * 1024;
/** A socket that brings this much at a time gets memory of its own, which is handed out as it is. */
const LARGE = 8 * 1024;

/** So many bytes are copied sooner one by one than by a call, which makes a view of them first. */
const FEW = 96;

/** Is called with what was read; `false` stops reading. */
type OnRead = (data: Bytes) => boolean;

/** The keys of the properties, by what they hold. */
interface Keys {
  readonly memory: PropertyKey;
  readonly callback: PropertyKey;
  readonly generator: PropertyKey;
}

interface NodeHandle {
  useUserBuffer?(memory: Uint8Array): void;
}

let shared: Buffer | null = null;
let keys: Keys | null | undefined;

/** Looks at a socket that was made with `onread`. */
function findKeys(): Keys | null {
  if (process.platform === 'win32') return null;
  const memory = Buffer.alloc(1);
  const generate = () => memory;
  const callback = () => true;
  const made = (buffer: Buffer | (() => Buffer)) => {
    const socket = new (nodeNet().Socket)({ onread: { buffer, callback } } as object);
    const record = socket as unknown as Record<PropertyKey, unknown>;
    return { record, names: Reflect.ownKeys(record) };
  };
  const fixed = made(memory);
  const generated = made(generate);
  const memoryKey = fixed.names.find((key) => fixed.record[key] === memory);
  const callbackKey = fixed.names.find((key) => fixed.record[key] === callback);
  const generatorKey = generated.names.find((key) => generated.record[key] === generate);
  if (memoryKey === undefined || callbackKey === undefined || generatorKey === undefined) return null;
  return { memory: memoryKey, callback: callbackKey, generator: generatorKey };
}

/**
 * Has `socket` call `onRead` for what it reads. Returns whether that is possible: not for TLS, nor when it has read
 * something already.
 */
export function readShared(socket: Socket, onRead: OnRead): boolean {
  if (keys === undefined) keys = findKeys();
  if (keys === null || socket.readableLength > 0 || socket.readableFlowing === true) return false;
  const handle = (socket as unknown as { _handle?: NodeHandle | null })._handle;
  if (typeof handle?.useUserBuffer !== 'function' || (socket as { encrypted?: boolean }).encrypted === true) {
    return false;
  }
  const record = socket as unknown as Record<PropertyKey, unknown>;
  // Somebody else's memory stays where it is.
  if (record[keys.memory] !== null) return false;
  shared ??= Buffer.allocUnsafeSlow(SIZE);
  const { generator } = keys;
  let ordinary = true;
  handle.useUserBuffer(shared);
  record[keys.memory] = shared;
  record[generator] = null;
  record[keys.callback] = (count: number, memory: Bytes): boolean => {
    if (count >= LARGE) {
      ordinary = false;
      record[generator] = freshMemory;
      return onRead(memory === shared ? copyOf(count, memory) : memory.subarray(0, count));
    }
    if (!ordinary) {
      ordinary = memory === shared;
      record[generator] = ordinary ? null : sharedMemory;
    }
    return onRead(takeOut(count, memory));
  };
  return true;
}

function freshMemory(): Buffer {
  return Buffer.allocUnsafeSlow(SIZE);
}

function sharedMemory(): Buffer {
  return shared as Buffer;
}

/** Calls nobody any more for what `socket` reads. */
export function stopShared(socket: Socket): void {
  if (keys === null || keys === undefined) return;
  const record = socket as unknown as Record<PropertyKey, unknown>;
  if (record[keys.memory] !== null && record[keys.memory] !== undefined) record[keys.callback] = () => true;
}

let slab: Bytes | null = null;
let used = 0;

function copyOf(count: number, memory: Buffer): Bytes {
  const own = Buffer.allocUnsafeSlow(count);
  memory.copy(own, 0, 0, count);
  return own;
}

/** A copy in memory that nobody writes to again. */
function takeOut(count: number, memory: Buffer): Bytes {
  if (slab === null || used + count > slab.length) {
    slab = Buffer.allocUnsafeSlow(SIZE);
    used = 0;
  }
  const target = slab;
  const start = used;
  used += count;
  if (count > FEW) memory.copy(target, start, 0, count);
  else for (let i = 0; i < count; i += 1) target[start + i] = memory[i] as number;
  return target.subarray(start, used);
}
