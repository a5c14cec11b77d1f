/**
 * The program of the broker: a thread that is never blocked, and so hears what a blocked owner cannot.
 *
 * It sees worker threads end by their lifelines. Worker processes are its own children: it takes their calls out of the
 * shared queue, sends them through a socket, and writes what comes back into the owner's ring.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { Area, serialize } from './area.js';
import { ring } from './bell.js';
import {
  type BrokerRequest,
  CALL,
  CLOSE,
  DEFINE,
  FrameCutter,
  frame,
  INTERRUPT,
  type ProcessPoolSetup,
  SETUP,
} from './broker-protocol.js';
import { program } from './programs.js';
import {
  CANCELLED,
  DIED,
  GONE,
  INDEX_WORD,
  type Order,
  READY,
  VALUE_AT,
  WANT,
  WORKER_WORD,
  type WorkerSetup,
} from './protocol.js';
import { RecordRing } from './record-ring.js';
import { TaskQueue } from './task-queue.js';

const PROGRAM = fileURLToPath(program('process-worker'));
const bell = new Int32Array((workerData as { bell: SharedArrayBuffer }).bell);
const pools = new Map<number, ProcessPool>();

/** Writes a record with a short text for the owner. */
function note(ringOfOwner: RecordRing, kind: number, worker: number, index: number, text: string): void {
  const size = VALUE_AT + 16 + text.length * 2 + 8;
  const offset = ringOfOwner.reserve((size + 7) & ~7);
  ringOfOwner.area.i32[(offset >> 2) + INDEX_WORD] = index;
  ringOfOwner.area.i32[(offset >> 2) + WORKER_WORD] = worker;
  const end = ringOfOwner.area.writeScalar(text, offset + VALUE_AT, offset + size);
  ringOfOwner.commit(offset, end - offset, kind);
  ring(bell);
}

/** A worker process. */
class Child {
  readonly worker: number;
  readonly serial: number;
  readonly process: ChildProcess;
  /** Whether its end is what was asked for. */
  expected = false;
  /** The call that it runs, or whose arguments it waits for. */
  call: { readonly index: number; readonly fn: number; readonly flags: number } | null = null;
  ready = false;
  /** How many more calls it may run. */
  left: number;
  readonly #socket: Socket;

  constructor(pool: ProcessPool, setup: WorkerSetup, serial: number) {
    this.worker = setup.worker;
    this.serial = serial;
    this.left = pool.setup.maxTasksPerChild ?? Number.POSITIVE_INFINITY;
    this.process = spawn(process.execPath, [...pool.setup.execArgv, PROGRAM, setup.name], {
      stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
      ...(pool.setup.env === null ? {} : { env: pool.setup.env }),
    });
    this.#socket = this.process.stdio[3] as Socket;
    const cutter = new FrameCutter((record) => pool.take(this, record));
    this.#socket.on('data', (chunk: Uint8Array) => cutter.push(chunk));
    this.#socket.on('error', () => {}); // it is closed, and the process gone
    let how: string | null = null;
    let closed = false;
    const ended = () => {
      if (how !== null && closed) pool.ended(this, how);
    };
    this.#socket.on('close', () => {
      closed = true;
      ended();
    });
    this.process.on('error', (error) => {
      how = error.message;
      closed = true;
      ended();
    });
    this.process.on('exit', (code, signal) => {
      how = signal === null ? `it exited with code ${code}` : `it was killed by ${signal}`;
      ended();
    });
    this.send(SETUP, 0, 0, 0, serialize(setup));
  }

  send(kind: number, index: number, fn: number, flags: number, body: Uint8Array | null): void {
    this.#socket.write(frame(kind, index, fn, flags, body));
  }

  /** Whether it may be given a call. */
  get idle(): boolean {
    return this.ready && this.call === null && this.left > 0 && !this.expected;
  }
}

class ProcessPool {
  readonly setup: ProcessPoolSetup;
  readonly #queue: TaskQueue;
  readonly #results: RecordRing;
  readonly #port: MessagePort;
  readonly #children: (Child | undefined)[] = [];
  #listening = false;
  #over = false;

  constructor(setup: ProcessPoolSetup) {
    this.setup = setup;
    this.#queue = new TaskQueue(setup.workers, setup.queue);
    this.#results = new RecordRing(setup.results);
    this.#port = setup.port;
  }

  start(setup: WorkerSetup, serial: number): void {
    this.#children[setup.worker] = new Child(this, setup, serial);
  }

  /** Gives calls to idle processes; listens for more when there are too few. */
  #dispatch(): void {
    for (;;) {
      const child = this.#children.find((each) => each?.idle);
      if (child === undefined) return;
      const seen = this.#queue.bell;
      const found = this.#queue.claim(child.worker, true);
      if (this.#queue.madeRoom) {
        this.#queue.madeRoom = false;
        ring(bell);
      }
      if (!found) {
        if (this.#queue.closing) this.#dismissIdle();
        else this.#listen(seen);
        return;
      }
      const { index, fn, flags, raw } = this.#queue.claimed;
      child.call = { index, fn, flags };
      child.left -= 1;
      if (raw === null) note(this.#results, WANT, child.worker, index, '');
      else child.send(CALL, index, fn, flags, raw);
    }
  }

  #listen(seen: number): void {
    if (this.#listening || this.#over) return;
    this.#listening = true;
    this.#queue.listen(seen, () => {
      this.#listening = false;
      this.#dispatch();
    });
  }

  #dismissIdle(): void {
    for (const child of this.#children) if (child?.idle) this.#dismiss(child);
  }

  #dismiss(child: Child): void {
    child.expected = true;
    child.send(CLOSE, 0, 0, 0, null);
  }

  /** A record from a process: on to the owner, and another call for the process. */
  take(child: Child, record: Uint8Array<ArrayBuffer>): void {
    if (this.#children[child.worker] !== child) return;
    const area = new Area(record.buffer);
    const kind = area.i32[1] as number;
    if (kind <= CANCELLED) {
      const index = area.i32[INDEX_WORD] as number;
      if (!this.#queue.finish(child.worker, index)) return; // condemned: its end is on the way
      child.call = null;
    } else if (kind === READY) {
      child.ready = true;
    }
    this.#passOn(area, record, kind);
    if (child.left <= 0 && child.call === null && !child.expected) this.#dismiss(child);
    this.#dispatch();
  }

  #passOn(area: Area, record: Uint8Array<ArrayBuffer>, kind: number): void {
    if (record.length <= this.#results.largest) {
      const offset = this.#results.reserve(record.length);
      this.#results.area.bytes.set(record, offset);
      this.#results.commit(offset, record.length, kind);
    } else {
      // Larger values are serialized, always: eight bytes of header, then the serializer's.
      const length = area.i32[(VALUE_AT >> 2) + 1] as number;
      const bytes = record.slice(VALUE_AT + 8, VALUE_AT + 8 + length);
      this.#port.postMessage({ index: area.i32[INDEX_WORD], bytes }, [bytes.buffer]);
      const offset = this.#results.reserve(VALUE_AT + 8);
      this.#results.area.bytes.set(record.subarray(0, VALUE_AT), offset);
      this.#results.area.writeElsewhere(offset + VALUE_AT);
      this.#results.commit(offset, VALUE_AT + 8, kind);
    }
    ring(bell);
  }

  order(worker: number, order: Order): void {
    for (const child of worker < 0 ? this.#children : [this.#children[worker]]) {
      if (child === undefined) continue;
      if (order.type === 'define') child.send(DEFINE, 0, order.fn, 0, serialize(order.spec));
      else if (order.type === 'interrupt') child.send(INTERRUPT, order.index, 0, 0, null);
      else if (child.call?.index === order.parcel.index) this.#supply(child, order);
    }
  }

  #supply(child: Child, order: Order & { readonly type: 'supply' }): void {
    const { index, fn, flags } = child.call as NonNullable<Child['call']>;
    const bytes = order.parcel.bytes as Uint8Array;
    const body = new Uint8Array((8 + bytes.length + 7) & ~7);
    new Area(body.buffer).writeSerialized(bytes, 0, body.length);
    child.send(CALL, index, fn, flags, body);
  }

  /** A process is gone, and all that it wrote has come. */
  ended(child: Child, how: string): void {
    if (this.#children[child.worker] !== child) return;
    this.#children[child.worker] = undefined;
    if (child.expected) note(this.#results, GONE, child.worker, child.serial, '');
    else note(this.#results, DIED, child.worker, child.serial, how);
  }

  signal(worker: number, signal: NodeJS.Signals): void {
    if (worker < 0) {
      for (const child of this.#children) child?.process.kill(signal);
      return;
    }
    // Killed on request: its place is for another one now, and nobody wants to hear of its end.
    const child = this.#children[worker];
    this.#children[worker] = undefined;
    child?.process.kill(signal);
  }

  end(): void {
    this.#over = true;
    for (const child of this.#children) child?.process.kill('SIGKILL');
    this.#children.length = 0;
    this.#port.close();
  }
}

function serveRequest(request: BrokerRequest): void {
  switch (request.type) {
    case 'watch': {
      const { lifeline, worker, serial, notices } = request;
      const ringOfOwner = new RecordRing(notices);
      lifeline.on('close', () => note(ringOfOwner, DIED, worker, serial, 'the thread ended'));
      lifeline.start();
      break;
    }
    case 'pool':
      pools.set(request.pool, new ProcessPool(request.setup));
      break;
    case 'start':
      pools.get(request.pool)?.start(request.setup, request.serial);
      break;
    case 'order':
      pools.get(request.pool)?.order(request.worker, request.order);
      break;
    case 'signal':
      pools.get(request.pool)?.signal(request.worker, request.signal);
      break;
    case 'end':
      pools.get(request.pool)?.end();
      pools.delete(request.pool);
      break;
  }
}

(parentPort as MessagePort).on('message', serveRequest);
