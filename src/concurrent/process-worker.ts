/** The program of a worker process of a pool. */

import { Socket } from 'node:net';
import process from 'node:process';
import { Area, deserialize, serialize } from './area.js';
import {
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
  SETUP,
  SIZE_WORD,
} from './broker-protocol.js';
import type { FunctionSpec } from './function-spec.js';
import { plainText } from './plain-values.js';
import {
  CANCELLED,
  ENDED_DOUBLE,
  ERROR,
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
import { CallRunner, type Outlet, unsendable } from './serving.js';

/** Longer strings are serialized: what is too large for the owner's ring has to be. */
const SCALAR_LIMIT = 1024;

/** The socket to the broker. */
const socket = new Socket({ fd: 3, readable: true, writable: true });
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
      throw unsendable(value, error);
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

function record(kind: number, size: number, index: number, started: number, ended: number): Area {
  const area = new Area(new ArrayBuffer((size + 7) & ~7));
  area.i32[1] = kind;
  area.i32[INDEX_WORD] = index;
  area.i32[WORKER_WORD] = worker;
  area.f64[STARTED_DOUBLE] = started;
  area.f64[ENDED_DOUBLE] = ended;
  return area;
}

function send(area: Area, end: number): void {
  area.i32[0] = end;
  socket.write(area.bytes.subarray(0, end));
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
/** What has come while a call was not over. */
const later: Uint8Array<ArrayBuffer>[] = [];
let busy: Promise<void> | null = null;
/** A call whose function is still on its way: the broker hears of calls and of functions in different ways. */
let early: Uint8Array<ArrayBuffer> | null = null;

function obey(bytes: Uint8Array<ArrayBuffer>): void {
  const words = new Int32Array(bytes.buffer, 0, FRAME_HEADER / 4);
  switch (words[KIND_WORD]) {
    case SETUP:
      busy = setUp(deserialize(bodyOf(bytes, words)) as WorkerSetup).then(next);
      break;
    case DEFINE:
      runner.define(words[FUNCTION_WORD] as number, deserialize(bodyOf(bytes, words)) as FunctionSpec);
      if (early !== null) takeCall(early);
      break;
    case INTERRUPT:
      runner.interrupt(words[CALL_INDEX_WORD] as number);
      break;
    case CALL:
      takeCall(bytes);
      break;
    case CLOSE:
      socket.end(() => process.exit());
      break;
  }
}

function bodyOf(bytes: Uint8Array, words: Int32Array): Uint8Array {
  return bytes.subarray(FRAME_HEADER, words[SIZE_WORD]);
}

function takeCall(bytes: Uint8Array<ArrayBuffer>): void {
  const words = new Int32Array(bytes.buffer, 0, FRAME_HEADER / 4);
  early = null;
  if (busy !== null) later.push(bytes);
  else if (!runner.knows(words[FUNCTION_WORD] as number)) early = bytes;
  else perform(bytes, words);
}

function perform(bytes: Uint8Array<ArrayBuffer>, words: Int32Array): void {
  const index = words[CALL_INDEX_WORD] as number;
  let args: readonly unknown[] | null = null;
  try {
    args = new Area(bytes.buffer).read(FRAME_HEADER) as readonly unknown[];
  } catch (error) {
    busy = runner.refuse(index, error);
  }
  if (args !== null)
    busy = runner.run(index, words[FUNCTION_WORD] as number, words[FLAGS_WORD] as number, args);
  if (busy !== null) busy = busy.then(next);
}

function next(): void {
  busy = null;
  const bytes = later.shift();
  if (bytes !== undefined) obey(bytes);
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
