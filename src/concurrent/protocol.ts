/** What owners, workers and the broker say to each other: the records of rings, the flags of calls, the messages of ports. */

import type { MessagePort } from 'node:worker_threads';
import type { FunctionSpec } from './function-spec.js';

/** Kinds of records, and of the frames that processes send. */
export const RESULT = 1;
/** The call threw; the value is a `WireError`. */
export const ERROR = 2;
/** The call's task was cancelled. */
export const CANCELLED = 3;
/** The worker has taken a call whose arguments come through its port, and waits for them. */
export const WANT = 4;
/** A call that asked for it has begun. */
export const STARTED = 5;
/** The worker has come up, and its initializer has run. */
export const READY = 6;
/** The initializer has thrown; the value is a `WireError`. */
export const INITIALIZER_FAILED = 7;
/** The worker ends, as it was asked to. */
export const GONE = 8;
/** The broker's notice that a worker has died; the value is its exit code or signal, as text. */
export const DIED = 9;

/** The broker has ended the process that ran a call, on request. */
export const KILLED = 10;
/** A process will not begin the calls that it was sent behind others until it hears whether they are still its own. */
export const HOLD = 11;

/** Words (of 4 bytes) and doubles of a record, after its size and kind. */
export const INDEX_WORD = 2;
export const WORKER_WORD = 3;
export const STARTED_DOUBLE = 2;
export const ENDED_DOUBLE = 3;
export const VALUE_AT = 32;

/** Flags of a call. */
/** The arguments are a list of argument lists; the result is a list of results. */
export const BATCH = 1;
/** A {@link STARTED} record is wanted. */
export const NOTIFY_START = 2;
/** The arguments are `[context, arguments]`, with the values of context variables by name. */
export const WITH_CONTEXT = 4;

/** Values that are too large for a slot or a record, or that only a port can carry. */
export interface Parcel {
  readonly index: number;
  /** Bytes of the serializer. */
  readonly bytes?: Uint8Array<ArrayBuffer>;
  /** Or the value itself, by structured clone. */
  readonly value?: unknown;
}

/** What an owner sends to a worker thread, or to the broker for a process. */
export type Order =
  | { readonly type: 'define'; readonly fn: number; readonly spec: FunctionSpec }
  | { readonly type: 'interrupt'; readonly index: number }
  | { readonly type: 'supply'; readonly parcel: Parcel };

/** What every worker starts with. */
export interface WorkerSetup {
  readonly name: string;
  readonly worker: number;
  readonly functions: readonly (readonly [number, FunctionSpec])[];
  readonly initializer: FunctionSpec | null;
  /** Serialized, or what only a thread can be given. */
  readonly initargs: Uint8Array<ArrayBuffer> | readonly unknown[];
}

/** What a worker thread starts with. */
export interface ThreadSetup extends WorkerSetup {
  /** How many workers the queue has words for. */
  readonly workers: number;
  readonly queue: SharedArrayBuffer;
  readonly results: SharedArrayBuffer;
  /** The bell of the owner's mailbox. */
  readonly bell: SharedArrayBuffer;
  /** A word for each worker, which the owner changes when it has sent what the worker waits for. */
  readonly wake: SharedArrayBuffer;
  readonly port: MessagePort;
  /** Never used: it closes when the thread ends, and whoever has the other end sees that. */
  readonly lifeline: MessagePort;
}

const { timeOrigin } = performance;

/** Milliseconds on a clock that all threads and processes of a machine share. */
export function sharedClock(): number {
  return timeOrigin + performance.now();
}
