/** What owners ask of the broker, and the frames that go between the broker and worker processes. */

import type { MessagePort } from 'node:worker_threads';
import { Area } from './area.js';
import type { Order, WorkerSetup } from './protocol.js';

export type BrokerRequest =
  /** Tell when the thread at the other end of the lifeline is gone. */
  | {
      readonly type: 'watch';
      readonly lifeline: MessagePort;
      readonly worker: number;
      readonly serial: number;
      readonly notices: SharedArrayBuffer;
    }
  | { readonly type: 'pool'; readonly pool: number; readonly setup: ProcessPoolSetup }
  | { readonly type: 'start'; readonly pool: number; readonly serial: number; readonly setup: WorkerSetup }
  /** For one worker, or for all with -1. */
  | { readonly type: 'order'; readonly pool: number; readonly worker: number; readonly order: Order }
  | {
      readonly type: 'signal';
      readonly pool: number;
      readonly worker: number;
      readonly signal: NodeJS.Signals;
    }
  /** Cancel the task of a call. */
  | { readonly type: 'interrupt'; readonly pool: number; readonly index: number }
  /** End the process that runs a call; nothing but the call, if none does. */
  | { readonly type: 'kill'; readonly pool: number; readonly index: number }
  | { readonly type: 'end'; readonly pool: number };

/** What the broker needs to run a pool of processes. */
export interface ProcessPoolSetup {
  readonly workers: number;
  readonly queue: SharedArrayBuffer;
  readonly results: SharedArrayBuffer;
  /** In shared memory, the process in each place; 0 for none. */
  readonly pids: Int32Array;
  /** For results that are too large for the ring. */
  readonly port: MessagePort;
  readonly execArgv: readonly string[];
  readonly env: Record<string, string> | null;
  readonly maxTasksPerChild: number | null;
}

/**
 * Frames to a process begin with their size, their kind, the call's index, function and flags, whether it was sent behind
 * another one, and the time of {@link monotonic}; then the body. Frames from a process are records, as rings have them. All
 * of them take a multiple of eight bytes, whatever their size says.
 */
export const FRAME_HEADER = 32;
export const SIZE_WORD = 0;
export const KIND_WORD = 1;
export const CALL_INDEX_WORD = 2;
export const FUNCTION_WORD = 3;
export const FLAGS_WORD = 4;
export const BEHIND_WORD = 5;
export const SENT_DOUBLE = 3;

/** Kinds of frames to a process. */
export const SETUP = 1;
/** The body is a serialized function spec. */
export const DEFINE = 2;
/** The body is a value as {@link Area} writes it. */
export const CALL = 3;
export const INTERRUPT = 4;
export const CLOSE = 5;
/** The answer to {@link HOLD}: what it is to run follows. */
export const RESUME = 6;

/**
 * How long, in milliseconds, a process may begin calls that were sent behind others, counted from what the broker last
 * heard of it before. Then it asks: the broker may have given them to somebody else, which it does only much later.
 */
export const LEASE = 2;
export const TAKEOVER = 10;

/** Milliseconds on the clock that all processes of a machine share, and that nobody sets. */
export function monotonic(): number {
  return clockOffset + performance.now();
}

const clockOffset = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** The bytes that a frame of this size takes. */
export function padded(size: number): number {
  return (size + 7) & ~7;
}

const ROOM = 64 * 1024;

/** Finds the frames in a stream of bytes. A frame lies in memory that is used again after `take`. */
export class FrameCutter {
  #area = new Area(new ArrayBuffer(ROOM));
  #start = 0;
  #end = 0;
  readonly #take: (area: Area, offset: number, size: number) => void;

  constructor(take: (area: Area, offset: number, size: number) => void) {
    this.#take = take;
  }

  push(chunk: Uint8Array): void {
    if (this.#end + chunk.length > this.#area.bytes.length) this.#makeRoom(chunk.length);
    this.#area.bytes.set(chunk, this.#end);
    this.#end += chunk.length;
    while (this.#end - this.#start >= 8) {
      const offset = this.#start;
      const size = this.#area.i32[offset >> 2] as number;
      if (this.#end - offset < padded(size)) return;
      this.#start += padded(size);
      this.#take(this.#area, offset, size);
    }
    if (this.#start < this.#end) return;
    this.#start = 0;
    this.#end = 0;
    if (this.#area.bytes.length > 16 * ROOM) this.#area = new Area(new ArrayBuffer(ROOM));
  }

  /** Moves what is left to the beginning, of larger memory if need be. */
  #makeRoom(more: number): void {
    const rest = this.#area.bytes.subarray(this.#start, this.#end);
    const wanted = rest.length + more;
    let { length } = this.#area.bytes;
    while (length < wanted) length *= 2;
    if (length > this.#area.bytes.length) this.#area = new Area(new ArrayBuffer(length));
    this.#area.bytes.set(rest);
    this.#start = 0;
    this.#end = rest.length;
  }
}

/** A frame to a process. */
export function frame(
  kind: number,
  index: number,
  fn: number,
  flags: number,
  body: Uint8Array | null,
): Uint8Array<ArrayBuffer> {
  const size = FRAME_HEADER + (body?.length ?? 0);
  const bytes = new Uint8Array(padded(size));
  const words = new Int32Array(bytes.buffer);
  words[SIZE_WORD] = size;
  words[KIND_WORD] = kind;
  words[CALL_INDEX_WORD] = index;
  words[FUNCTION_WORD] = fn;
  words[FLAGS_WORD] = flags;
  if (body !== null) bytes.set(body, FRAME_HEADER);
  return bytes;
}
