/**
 * A worker process, as the broker sees it: the calls that it was sent, and what it says of them.
 *
 * While calls are short, it is sent some behind the one that it runs, so that neither side waits for the other. Such a call can
 * be taken back from a process that is stuck, without asking it: beyond a short lease a process begins none of them
 * without asking. The lease counts from the last thing that the broker has heard or sent before the call in front began; when
 * the broker has heard nothing for longer than that, whatever comes next finds the lease expired.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { type Area, serialize } from './area.js';
import {
  BEHIND_WORD,
  FrameCutter,
  frame,
  LEASE,
  monotonic,
  type ProcessPoolSetup,
  RESUME,
  SENT_DOUBLE,
  SETUP,
} from './broker-protocol.js';
import { program } from './programs.js';
import type { WorkerSetup } from './protocol.js';

const PROGRAM = fileURLToPath(program('process-worker'));

/** A call that was taken out of the shared queue. */
export interface TakenCall {
  readonly index: number;
  readonly fn: number;
  readonly flags: number;
  /** As it is sent; `null` until its arguments have come, which the owner sends on demand. */
  frame: Uint8Array<ArrayBuffer> | null;
  /** It was to be cancelled while it was behind another one. */
  interrupted: boolean;
}

/** Whom a child tells what happens. */
export interface ChildOwner {
  readonly setup: ProcessPoolSetup;
  take(child: Child, area: Area, offset: number, size: number): void;
  /** All that has come so far was taken. */
  taken(): void;
  ended(child: Child, how: string): void;
}

export class Child {
  readonly worker: number;
  readonly serial: number;
  readonly process: ChildProcess;
  /** Whether its end is what was asked for. */
  expected = false;
  /** Whether it is about to be killed. */
  doomed = false;
  ready = false;
  /** How many more calls it may be given. */
  left: number;
  /** The call that it runs, or whose arguments it waits for, and those sent behind it. */
  calls: TakenCall[] = [];
  /** When it was last heard of, or sent a call. */
  #contact = 0;
  #outgoing: Uint8Array[] = [];
  readonly #socket: Socket;

  constructor(pool: ChildOwner, setup: WorkerSetup, serial: number) {
    this.worker = setup.worker;
    this.serial = serial;
    this.left = pool.setup.maxTasksPerChild ?? Number.POSITIVE_INFINITY;
    this.process = spawn(process.execPath, [...pool.setup.execArgv, PROGRAM, setup.name], {
      stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
      ...(pool.setup.env === null ? {} : { env: pool.setup.env }),
    });
    const { pids } = pool.setup;
    const { pid = 0 } = this.process;
    Atomics.store(pids, this.worker, pid);
    this.#socket = this.process.stdio[3] as Socket;
    const cutter = new FrameCutter((area, offset, size) => pool.take(this, area, offset, size));
    this.#socket.on('data', (chunk: Uint8Array) => {
      this.#contact = monotonic();
      cutter.push(chunk);
      pool.taken();
    });
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
      Atomics.compareExchange(pids, this.worker, pid, 0);
      how = signal === null ? `it exited with code ${code}` : `it was killed by ${signal}`;
      ended();
    });
    this.send(SETUP, 0, 0, 0, serialize(setup));
  }

  /** Whether it may be given a call. */
  get open(): boolean {
    return this.ready && this.left > 0 && !this.expected && !this.doomed;
  }

  send(kind: number, index: number, fn: number, flags: number, body: Uint8Array | null): void {
    this.flush();
    this.#socket.write(frame(kind, index, fn, flags, body));
  }

  /** Gives it a call, to be sent at {@link flush}. */
  give(call: TakenCall): void {
    this.left -= 1;
    this.calls.push(call);
    if (call.frame !== null) this.sendCall(call);
  }

  sendCall(call: TakenCall): void {
    const { buffer } = call.frame as Uint8Array<ArrayBuffer>;
    this.#contact = monotonic();
    new Int32Array(buffer)[BEHIND_WORD] = call === this.calls[0] ? 0 : 1;
    new Float64Array(buffer, 0, SENT_DOUBLE + 1)[SENT_DOUBLE] = this.#contact;
    this.#outgoing.push(call.frame as Uint8Array);
  }

  flush(): void {
    const frames = this.#outgoing;
    if (frames.length === 0) return;
    this.#outgoing = [];
    this.#socket.write(frames.length === 1 ? (frames[0] as Uint8Array) : Buffer.concat(frames));
  }

  /** It asks which calls are still its own. */
  resume(): void {
    this.send(RESUME, 0, 0, 0, null);
    for (const call of this.calls) if (call.frame !== null) this.sendCall(call);
    this.flush();
  }

  /** For how many milliseconds nothing has come from it, and no call was sent. */
  get silence(): number {
    return monotonic() - this.#contact;
  }

  /**
   * Calls `then` when it is certain that the calls behind the first one have not begun and will not, while the first one has
   * not ended: `false` when it has.
   */
  settle(then: (stuck: boolean) => void): void {
    const [first] = this.calls;
    const contact = this.#contact;
    const again = () => {
      if (this.calls[0] !== first) then(false);
      else if (this.calls.length > 1 && this.#contact !== contact) this.settle(then);
      else then(true);
    };
    const { silence } = this;
    if (this.calls.length <= 1) then(first !== undefined);
    // What had been written by now is read before the immediate.
    else if (silence > LEASE) setImmediate(again);
    else setTimeout(() => this.settle(then), LEASE - silence + 1);
  }

  /** Takes back the calls behind the first one, once that is safe. */
  takeBack(): TakenCall[] {
    const behind = this.calls.splice(1);
    this.left += behind.length;
    return behind;
  }
}
