/** The program of a worker process of a pool. */

import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import process from 'node:process';
import { Area, deserialize, serialize } from './area.js';
import {
  BEHIND_WORD,
  CALL,
  CALL_INDEX_WORD,
  CLOSE,
  DEFINE,
  FLAGS_WORD,
  FRAME_HEADER,
  FrameCutter,
  FUNCTION_WORD,
  INTERRUPT,
  KIND_WORD,
  LEASE,
  monotonic,
  padded,
  RESUME,
  SENT_DOUBLE,
  SETUP,
} from './broker-protocol.js';
import { unsendableResult } from './clone-path.js';
import type { FunctionSpec } from './function-spec.js';
import { plainText } from './plain-values.js';
import {
  CANCELLED,
  ENDED_DOUBLE,
  ERROR,
  HOLD,
  INDEX_WORD,
  INITIALIZER_FAILED,
  READY,
  RESULT,
  STARTED,
  STARTED_DOUBLE,
  VALUE_AT,
  WORKER_WORD,
  type WorkerSetup,
} from './protocol.js';
import { CallRunner, type Outlet } from './serving.js';

/** Longer strings are serialized: what is too large for the owner's ring has to be. */
const SCALAR_LIMIT = 1024;

/** The socket to the broker. */
const FD = 3;
const socket = new Socket({ fd: FD, readable: true, writable: true });
/** Not on Windows, whose pipes are of another kind. */
const WRITES_AT_ONCE = process.platform !== 'win32';
let worker = 0;

/** Sends results as records, in the form in which rings have them. */
class SocketOutlet implements Outlet {
  result(index: number, started: number, ended: number, value: unknown): void {
    const length = typeof value === 'string' ? value.length : 0;
    if ((typeof value !== 'object' || value === null) && length <= SCALAR_LIMIT) {
      const size = VALUE_AT + 24 + length * 2;
      const area = record(RESULT, size, index, started, ended);
      const end = area.writeScalar(value, VALUE_AT, size);
      if (end > 0) {
        send(area, end);
        return;
      }
    }
    const text = plainText(value);
    if (text !== null) {
      const size = VALUE_AT + 16 + text.length * 3;
      const area = record(RESULT, size, index, started, ended);
      send(area, area.writeText(text, VALUE_AT, size));
      return;
    }
    let bytes: Uint8Array;
    try {
      bytes = serialize(value);
    } catch (error) {
      throw unsendableResult(value, error);
    }
    sendSerialized(RESULT, index, started, ended, bytes);
  }

  failure(index: number, started: number, ended: number, error: unknown): void {
    sendSerialized(ERROR, index, started, ended, serialize(error));
  }

  cancelled(index: number, started: number, ended: number): void {
    sendNotice(CANCELLED, index, started, ended);
  }

  started(index: number, started: number): void {
    sendNotice(STARTED, index, started, 0);
  }
}

/** Where small records are made. */
const draft = new Area(new ArrayBuffer(16 * 1024));

function record(kind: number, size: number, index: number, started: number, ended: number): Area {
  const area = size <= draft.bytes.length ? draft : new Area(new ArrayBuffer(padded(size)));
  area.i32[1] = kind;
  area.i32[INDEX_WORD] = index;
  area.i32[WORKER_WORD] = worker;
  area.f64[STARTED_DOUBLE] = started;
  area.f64[ENDED_DOUBLE] = ended;
  return area;
}

/** When the last record was about to be written. */
let lastWritten = 0;

function send(area: Area, end: number): void {
  area.i32[0] = end;
  lastWritten = monotonic();
  write(area.bytes.subarray(0, padded(end)));
}

/** Writes at once, so that no call begins before the last one's result is on its way; what finds no room is sent later. */
function write(bytes: Uint8Array): void {
  let written = 0;
  if (WRITES_AT_ONCE && socket.writableLength === 0) {
    try {
      written = writeSync(FD, bytes);
    } catch {
      // The socket is full; or broken, which it will say itself.
    }
  }
  if (written < bytes.length) socket.write(new Uint8Array(bytes.subarray(written)));
}

function sendNotice(kind: number, index: number, started: number, ended: number): void {
  const area = record(kind, VALUE_AT + 16, index, started, ended);
  send(area, area.writeScalar(process.pid, VALUE_AT, VALUE_AT + 16));
}

function sendSerialized(
  kind: number,
  index: number,
  started: number,
  ended: number,
  bytes: Uint8Array,
): void {
  const size = (VALUE_AT + 8 + bytes.length + 7) & ~7;
  const area = record(kind, size, index, started, ended);
  send(area, area.writeSerialized(bytes, VALUE_AT, size));
}

const runner = new CallRunner(new SocketOutlet());

/** A frame of its own, or in the memory of the cutter. */
interface Frame {
  readonly area: Area;
  readonly offset: number;
}

let busy: Promise<void> | null = null;
/** Calls that have come while one was not over. */
const later: Frame[] = [];
/** A call whose function is still on its way: the broker hears of calls and of functions in different ways. */
let early: Frame | null = null;
/** From when on the lease of the calls behind the present one counts, as far as this side is concerned. */
let leaseFrom = 0;
/** Waits to hear which calls are still its own. */
let holding = false;

function wordOf({ area, offset }: Frame, word: number): number {
  return area.i32[(offset >> 2) + word] as number;
}

function obey(area: Area, offset: number, size: number): void {
  const frame = { area, offset };
  const body = () => Buffer.from(area.bytes.subarray(offset + FRAME_HEADER, offset + size));
  switch (wordOf(frame, KIND_WORD)) {
    case CALL:
      takeCall(frame, size);
      break;
    case SETUP:
      busy = setUp(deserialize(body()) as WorkerSetup).then(() => {
        busy = null;
        next();
      });
      break;
    case DEFINE:
      runner.define(wordOf(frame, FUNCTION_WORD), deserialize(body()) as FunctionSpec);
      if (early !== null) begin(early);
      next();
      break;
    case INTERRUPT:
      interrupt(wordOf(frame, CALL_INDEX_WORD));
      break;
    case RESUME:
      holding = false;
      break;
    case CLOSE:
      socket.end(() => process.exit());
      break;
  }
}

function takeCall(frame: Frame, size: number): void {
  if (holding) return; // it will be sent again if it is wanted here
  if (busy === null && early === null && later.length === 0) begin(frame, size);
  else later.push(copyOf(frame, size));
}

function copyOf({ area, offset }: Frame, size: number): Frame {
  return { area: new Area(area.copy(offset, padded(size)).buffer), offset: 0 };
}

function begin(frame: Frame, size?: number): void {
  early = null;
  if (wordOf(frame, BEHIND_WORD) === 1 && isExpired(frame)) {
    holding = true;
    later.length = 0;
    sendNotice(HOLD, 0, 0, 0);
  } else if (runner.knows(wordOf(frame, FUNCTION_WORD))) {
    perform(frame);
  } else {
    early = size === undefined ? frame : copyOf(frame, size);
  }
}

/** Whether the broker may have given this call to somebody else: see {@link LEASE}. */
function isExpired({ area, offset }: Frame): boolean {
  const sent = area.f64[(offset >> 3) + SENT_DOUBLE] as number;
  return monotonic() - Math.max(sent, leaseFrom) > LEASE || socket.writableLength > 0;
}

function perform(frame: Frame): void {
  const { area, offset } = frame;
  const index = wordOf(frame, CALL_INDEX_WORD);
  leaseFrom = lastWritten;
  let args: readonly unknown[] | null = null;
  try {
    args = area.read(offset + FRAME_HEADER) as readonly unknown[];
  } catch (error) {
    busy = runner.refuse(index, error);
  }
  if (args !== null) busy = runner.run(index, wordOf(frame, FUNCTION_WORD), wordOf(frame, FLAGS_WORD), args);
  if (busy !== null) {
    busy = busy.then(() => {
      busy = null;
      next();
    });
  }
}

/** Begins what has come meanwhile. */
function next(): void {
  while (busy === null && early === null && !holding) {
    const frame = later.shift();
    if (frame === undefined) return;
    begin(frame);
  }
}

function interrupt(index: number): void {
  const place = later.findIndex((frame) => wordOf(frame, CALL_INDEX_WORD) === index);
  if (place < 0) {
    runner.interrupt(index);
    return;
  }
  later.splice(place, 1);
  sendNotice(CANCELLED, index, 0, 0);
}

async function setUp(setup: WorkerSetup): Promise<void> {
  worker = setup.worker;
  process.title = setup.name;
  const failure = await runner.setUp(setup);
  if (failure === null) sendNotice(READY, 0, 0, 0);
  else sendSerialized(INITIALIZER_FAILED, 0, 0, 0, serialize(failure));
}

const cutter = new FrameCutter(obey);
socket.on('data', (chunk: Uint8Array) => cutter.push(chunk));
// The owner is gone, however it ended.
socket.on('close', () => process.exit());
socket.on('error', () => process.exit());
