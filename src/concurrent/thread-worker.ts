/** The program of a worker thread of a pool. */

import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { deserialize, serialize } from './area.js';
import { ring } from './bell.js';
import { unsendableResult } from './clone-path.js';
import { writeThrough } from './console-output.js';
import type { WireError } from './error-transport.js';
import { copyOfMemory } from './memory-copy.js';
import { plainText } from './plain-values.js';
import {
  CANCELLED,
  ENDED_DOUBLE,
  ERROR,
  GONE,
  INDEX_WORD,
  INITIALIZER_FAILED,
  type Order,
  type Parcel,
  READY,
  RESULT,
  STARTED,
  STARTED_DOUBLE,
  type ThreadSetup,
  VALUE_AT,
  WANT,
  WORKER_WORD,
} from './protocol.js';
import { RecordRing } from './record-ring.js';
import { CallRunner, type Outlet } from './serving.js';
import { TaskQueue } from './task-queue.js';
import { transfersOf } from './transfer.js';

/** How long a worker without work blocks before it lets its event loop turn, in milliseconds: a blocked one wakes fastest. */
const LINGER = 2;
/** After so many milliseconds of calls the worker's event loop gets a turn. */
const SLICE = 10;

const setup = workerData as ThreadSetup;
const { port, worker } = setup;
const bell = new Int32Array(setup.bell);
const queue = new TaskQueue(setup.workers, setup.queue);
const results = new RecordRing(setup.results);

/** Writes results into the ring that the owner reads, or sends those that are too large through the port. */
class RingOutlet implements Outlet {
  result(index: number, started: number, ended: number, value: unknown): void {
    if (!queue.finish(worker, index)) halt();
    const size = scalarSize(value);
    if (size > 0 && size <= results.largest) {
      const offset = this.#begin(size, index, started, ended);
      const end = results.area.writeScalar(value, offset + VALUE_AT, offset + size);
      this.#end(offset, end, RESULT);
      return;
    }
    const list = transfersOf(value);
    if (list !== undefined) {
      this.#send({ index, value }, list, started, ended, RESULT);
      return;
    }
    const text = plainText(value);
    if (text !== null) {
      this.#text(text, index, started, ended);
      return;
    }
    const copy = copyOfMemory(value);
    if (copy !== null) {
      this.#send({ index, value: copy }, [copy.buffer], started, ended, RESULT);
      return;
    }
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      bytes = serialize(value);
    } catch (error) {
      // Shared memory, ports, keys: only a port carries them.
      this.#sendClone(index, value, error, started, ended);
      return;
    }
    this.#serialized(bytes, index, started, ended, RESULT);
  }

  failure(index: number, started: number, ended: number, error: unknown): void {
    queue.finish(worker, index);
    this.#serialized(serialize(error), index, started, ended, ERROR);
  }

  cancelled(index: number, started: number, ended: number): void {
    if (!queue.finish(worker, index)) halt();
    this.#notice(CANCELLED, index, started, ended);
  }

  started(index: number, started: number): void {
    this.#notice(STARTED, index, started, 0);
  }

  notice(kind: number, index = 0): void {
    this.#notice(kind, index, 0, 0);
  }

  initializerFailed(error: WireError): void {
    this.#serialized(serialize(error), 0, 0, 0, INITIALIZER_FAILED);
  }

  #sendClone(index: number, value: unknown, cause: unknown, started: number, ended: number): void {
    try {
      this.#send({ index, value }, undefined, started, ended, RESULT);
    } catch {
      throw unsendableResult(value, cause);
    }
  }

  #text(text: string, index: number, started: number, ended: number): void {
    const size = (VALUE_AT + 8 + text.length * 3 + 7) & ~7;
    const offset = this.#begin(size, index, started, ended);
    this.#end(offset, results.area.writeText(text, offset + VALUE_AT, offset + size), RESULT);
  }

  #serialized(
    bytes: Uint8Array<ArrayBuffer>,
    index: number,
    started: number,
    ended: number,
    kind: number,
  ): void {
    const size = (VALUE_AT + 8 + bytes.length + 7) & ~7;
    if (size > results.largest) {
      this.#send({ index, bytes }, [bytes.buffer], started, ended, kind);
      return;
    }
    const offset = this.#begin(size, index, started, ended);
    const end = results.area.writeSerialized(bytes, offset + VALUE_AT, offset + size);
    this.#end(offset, end, kind);
  }

  #send(
    parcel: Parcel,
    list: Parameters<MessagePort['postMessage']>[1],
    started: number,
    ended: number,
    kind: number,
  ): void {
    port.postMessage(parcel, list);
    const offset = this.#begin(VALUE_AT + 8, parcel.index, started, ended);
    this.#end(offset, results.area.writeElsewhere(offset + VALUE_AT), kind);
  }

  #notice(kind: number, index: number, started: number, ended: number): void {
    const offset = this.#begin(VALUE_AT + 16, index, started, ended);
    this.#end(offset, results.area.writeScalar(undefined, offset + VALUE_AT, offset + VALUE_AT + 16), kind);
  }

  #begin(size: number, index: number, started: number, ended: number): number {
    const offset = results.reserve(size);
    const { i32, f64 } = results.area;
    i32[(offset >> 2) + INDEX_WORD] = index;
    i32[(offset >> 2) + WORKER_WORD] = worker;
    f64[(offset >> 3) + STARTED_DOUBLE] = started;
    f64[(offset >> 3) + ENDED_DOUBLE] = ended;
    return offset;
  }

  #end(offset: number, end: number, kind: number): void {
    results.commit(offset, end - offset, kind);
    ring(bell);
  }
}

/** An upper bound of the bytes of a record with this value; 0 when it is no scalar. */
function scalarSize(value: unknown): number {
  if (typeof value === 'string') return (VALUE_AT + 8 + value.length * 2 + 15) & ~7;
  if (typeof value === 'object') return value === null ? VALUE_AT + 16 : 0;
  return typeof value === 'bigint' || typeof value === 'symbol' || typeof value === 'function'
    ? 0
    : VALUE_AT + 16;
}

const outlet = new RingOutlet();
const runner = new CallRunner(outlet);
let supplied: Parcel | null = null;

function obey(order: Order): void {
  if (order.type === 'define') runner.define(order.fn, order.spec);
  else if (order.type === 'interrupt') runner.interrupt(order.index);
  else supplied = order.parcel;
}

/** The owner has condemned this worker: it takes nothing any more, and waits for its end. */
function halt(): never {
  const never = new Int32Array(new SharedArrayBuffer(4));
  for (;;) Atomics.wait(never, 0, 0);
}

/** Takes in the orders that have come. */
function receiveAll(): void {
  for (
    let message = receiveMessageOnPort(port);
    message !== undefined;
    message = receiveMessageOnPort(port)
  ) {
    obey(message.message as Order);
  }
}

/** Takes in orders until `isThere()`; the owner sends what is awaited. */
function receive(isThere: () => boolean): void {
  const word = new Int32Array(setup.wake);
  while (!isThere()) {
    const seen = Atomics.load(word, worker);
    receiveAll();
    if (!isThere()) Atomics.wait(word, worker, seen);
  }
}

function argumentsOf(parcel: Parcel): readonly unknown[] {
  return (parcel.bytes === undefined ? parcel.value : deserialize(parcel.bytes)) as readonly unknown[];
}

/** Runs the call that the queue has claimed. */
function perform(): Promise<void> | null {
  const { claimed } = queue;
  const { fn, flags, index } = claimed;
  let { args, unreadable } = claimed;
  if (!runner.knows(fn)) receive(() => runner.knows(fn));
  if (args === null && unreadable === null) {
    const isThere = () => supplied?.index === index;
    if (!isThere()) receiveAll();
    if (!isThere()) {
      outlet.notice(WANT, index);
      receive(isThere);
    }
    try {
      args = argumentsOf(supplied as unknown as Parcel);
      supplied = null;
    } catch (error) {
      unreadable = error;
    }
  }
  if (args === null) return runner.refuse(index, unreadable);
  return runner.run(index, fn, flags, args);
}

async function serve(): Promise<void> {
  let sliceEnd = performance.now() + SLICE;
  let hasWaited = false;
  for (;;) {
    const seen = queue.bell;
    if (queue.claim(worker)) {
      if (hasWaited) queue.passOn();
      hasWaited = false;
      tellOfRoom();
      const pending = perform();
      if (pending !== null) await pending;
      if (performance.now() < sliceEnd) continue;
      await turn();
      sliceEnd = performance.now() + SLICE;
      continue;
    }
    tellOfRoom();
    if (queue.closing) return;
    const rung = (!hasWaited && queue.linger(seen)) || queue.wait(seen, LINGER);
    if (!rung) await new Promise<void>((heard) => queue.listen(seen, heard));
    hasWaited = true;
    sliceEnd = performance.now() + SLICE;
  }
}

/** The owner may have calls, or tasks, that found no room. */
function tellOfRoom(): void {
  if (!queue.madeRoom) return;
  queue.madeRoom = false;
  ring(bell);
}

/** Lets the event loop turn once. */
function turn(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}

async function main(): Promise<void> {
  writeThrough();
  port.on('message', obey);
  const failure = await runner.setUp(setup);
  if (failure !== null) {
    outlet.initializerFailed(failure);
    return;
  }
  outlet.notice(READY);
  await serve();
  process.once('exit', () => outlet.notice(GONE));
  process.exit(0);
}

void main();
