/** What owners ask of the broker, and the frames that go between the broker and worker processes. */

import type { MessagePort } from 'node:worker_threads';
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
  | { readonly type: 'end'; readonly pool: number };

/** What the broker needs to run a pool of processes. */
export interface ProcessPoolSetup {
  readonly workers: number;
  readonly queue: SharedArrayBuffer;
  readonly results: SharedArrayBuffer;
  /** For results that are too large for the ring. */
  readonly port: MessagePort;
  readonly execArgv: readonly string[];
  readonly env: Record<string, string> | null;
  readonly maxTasksPerChild: number | null;
}

/**
 * Frames to a process begin with their size, their kind, the call's index, function and flags, and a word of nothing; then
 * the body. Frames from a process are records, as rings have them.
 */
export const FRAME_HEADER = 24;
export const SIZE_WORD = 0;
export const KIND_WORD = 1;
export const CALL_INDEX_WORD = 2;
export const FUNCTION_WORD = 3;
export const FLAGS_WORD = 4;

/** Kinds of frames to a process. */
export const SETUP = 1;
/** The body is a serialized function spec. */
export const DEFINE = 2;
/** The body is a value as {@link Area} writes it. */
export const CALL = 3;
export const INTERRUPT = 4;
export const CLOSE = 5;

/** Cuts a stream of bytes into frames, each of which begins with its size as a little-endian 32-bit number. */
export class FrameCutter {
  #chunks: Uint8Array[] = [];
  #length = 0;
  readonly #take: (frame: Uint8Array<ArrayBuffer>) => void;

  constructor(take: (frame: Uint8Array<ArrayBuffer>) => void) {
    this.#take = take;
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    for (;;) {
      const size = this.#size();
      if (size === undefined || this.#length < size) return;
      this.#take(this.#cut(size));
    }
  }

  #size(): number | undefined {
    if (this.#length < 4) return undefined;
    let [first] = this.#chunks as [Uint8Array];
    if (first.length < 4) {
      first = Buffer.concat(this.#chunks);
      this.#chunks = [first];
    }
    return new DataView(first.buffer, first.byteOffset).getUint32(0, true);
  }

  /** A copy, at the start of memory of its own: what reads it wants it aligned. */
  #cut(size: number): Uint8Array<ArrayBuffer> {
    const frame = new Uint8Array((size + 7) & ~7);
    let filled = 0;
    while (filled < size) {
      const chunk = this.#chunks[0] as Uint8Array;
      const part = chunk.subarray(0, size - filled);
      frame.set(part, filled);
      filled += part.length;
      if (part.length === chunk.length) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(part.length);
    }
    this.#length -= size;
    return frame;
  }
}

/** A frame to a process. */
export function frame(
  kind: number,
  index: number,
  fn: number,
  flags: number,
  body: Uint8Array | null,
): Uint8Array {
  const size = FRAME_HEADER + (body?.length ?? 0);
  const bytes = new Uint8Array((size + 7) & ~7);
  const words = new Int32Array(bytes.buffer);
  words[SIZE_WORD] = size;
  words[KIND_WORD] = kind;
  words[CALL_INDEX_WORD] = index;
  words[FUNCTION_WORD] = fn;
  words[FLAGS_WORD] = flags;
  if (body !== null) bytes.set(body, FRAME_HEADER);
  return bytes.subarray(0, size);
}
