/** A pool of worker processes, as the broker runs it: calls out of the shared queue to processes, records to the owner's ring. */

import { Area, serialize } from './area.js';
import { Child, type ChildOwner, type TakenCall } from './broker-child.js';
import {
  CALL,
  CLOSE,
  DEFINE,
  frame,
  INTERRUPT,
  type ProcessPoolSetup,
  padded,
  TAKEOVER,
} from './broker-protocol.js';
import { OwnerRing } from './owner-ring.js';
import {
  CANCELLED,
  DIED,
  ENDED_DOUBLE,
  GONE,
  HOLD,
  INDEX_WORD,
  KILLED,
  type Order,
  READY,
  STARTED_DOUBLE,
  WANT,
  type WorkerSetup,
} from './protocol.js';
import { RecordRing } from './record-ring.js';
import { TaskQueue } from './task-queue.js';

/** The most calls that a process has at a time. */
const DEPTH = 4;
/** Only behind calls of functions that take less than that, in milliseconds, another one is sent. */
const SHORT = 0.1;

export class ProcessPool implements ChildOwner {
  readonly setup: ProcessPoolSetup;
  readonly #queue: TaskQueue;
  readonly #owner: OwnerRing;
  readonly #children: (Child | undefined)[] = [];
  /** Calls that were taken out of the queue, and are with no process. */
  #waiting: TakenCall[] = [];
  /** How long the calls of a function take, in milliseconds: rather too long than too short. */
  readonly #times = new Map<number, number>();
  #watching = false;
  #listening = false;
  #unrung = false;
  #over = false;

  constructor(setup: ProcessPoolSetup, bell: Int32Array) {
    this.setup = setup;
    this.#queue = new TaskQueue(setup.workers, setup.queue);
    this.#owner = new OwnerRing(new RecordRing(setup.results), bell, setup.port);
  }

  start(setup: WorkerSetup, serial: number): void {
    this.#children[setup.worker] = new Child(this, setup, serial);
  }

  /** Gives calls to the processes that may have one; listens for more when there are too few. */
  #dispatch(): void {
    while (this.#give());
    for (const child of this.#children) {
      child?.flush();
      if (child !== undefined && child.calls.length > 1) this.#watch();
    }
  }

  /** Gives one call to a process; `false` when there is none, or nobody for it. */
  #give(): boolean {
    const child = this.#freest();
    if (child === undefined) return false;
    const seen = this.#queue.bell;
    const call = this.#waiting.shift() ?? this.#claim();
    if (call === null) {
      if (this.#queue.closing) this.#dismissIdle();
      else this.#listen(seen);
      return false;
    }
    const idle = child.calls.length === 0;
    if (call.frame === null && !idle) {
      // It waits for a process that can wait for the arguments.
      this.#waiting.unshift(call);
      return false;
    }
    child.give(call);
    if (idle) this.#queue.mark(child.worker, call.index);
    if (call.frame === null) this.#owner.note(WANT, child.worker, call.index, '');
    return true;
  }

  #claim(): TakenCall | null {
    const found = this.#queue.claimRaw();
    if (this.#queue.madeRoom) {
      this.#queue.madeRoom = false;
      this.#owner.ring();
    }
    if (!found) return null;
    const { index, fn, flags, raw } = this.#queue.claimed;
    return {
      index,
      fn,
      flags,
      frame: raw === null ? null : frame(CALL, index, fn, flags, raw),
      interrupted: false,
    };
  }

  /** The process with the fewest calls that may have another one. */
  #freest(): Child | undefined {
    let freest: Child | undefined;
    for (const child of this.#children) {
      if (child === undefined || !child.open) continue;
      const { calls } = child;
      if (calls.length === 0) return child;
      if (calls.length < DEPTH && calls.length < (freest?.calls.length ?? DEPTH) && this.#isShort(calls)) {
        freest = child;
      }
    }
    return freest;
  }

  #isShort(calls: readonly TakenCall[]): boolean {
    const { fn, frame } = calls.at(-1) as TakenCall;
    return frame !== null && (this.#times.get(fn) ?? Number.POSITIVE_INFINITY) < SHORT;
  }

  #listen(seen: number): void {
    if (this.#listening || this.#over) return;
    this.#listening = true;
    this.#queue.listen(seen, () => {
      this.#listening = false;
      this.#dispatch();
    });
  }

  /** Looks, a while from now, for calls behind one that goes on. */
  #watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    setTimeout(() => {
      this.#watching = false;
      for (const child of this.#children) {
        if (child === undefined || child.calls.length <= 1) continue;
        if (child.silence >= TAKEOVER) this.#takeOver(child);
        else this.#watch();
      }
    }, TAKEOVER);
  }

  #takeOver(child: Child): void {
    child.settle((stuck) => {
      if (!stuck || this.#children[child.worker] !== child) this.#watch();
      else this.#takeBack(child);
    });
  }

  /** The calls behind the first one are for others, unless they were interrupted. */
  #takeBack(child: Child): void {
    const behind = child.takeBack();
    this.#waiting = [...behind.filter((call) => !call.interrupted), ...this.#waiting];
    for (const call of behind) if (call.interrupted) this.#cancel(call);
    this.#dispatch();
  }

  /** No process has begun it, and none will. */
  #cancel({ index }: TakenCall): void {
    this.#queue.drop();
    this.#owner.note(CANCELLED, 0, index, '');
  }

  #dismissIdle(): void {
    for (const child of this.#children) if (child?.open && child.calls.length === 0) this.#dismiss(child);
  }

  #dismiss(child: Child): void {
    child.expected = true;
    child.send(CLOSE, 0, 0, 0, null);
  }

  /** A record from a process: on to the owner. */
  take(child: Child, area: Area, offset: number, size: number): void {
    if (this.#children[child.worker] !== child) return;
    const kind = area.i32[(offset >> 2) + 1] as number;
    if (kind === HOLD) {
      this.#resume(child);
      return;
    }
    if (kind <= CANCELLED) {
      if (!this.#finish(child, area, offset)) return;
    } else if (kind === READY) {
      child.ready = true;
    }
    this.#owner.passOn(area, offset, size, kind);
    this.#unrung = true;
  }

  /** It has begun none of its calls, and begins those that it is sent now. */
  #resume(child: Child): void {
    const calls = child.calls.splice(0);
    if (calls.length > 0) this.#queue.reset(child.worker);
    for (const call of calls) {
      if (call.interrupted) this.#cancel(call);
      else child.calls.push(call);
    }
    const [first] = child.calls;
    if (first !== undefined) this.#queue.mark(child.worker, first.index);
    child.resume();
  }

  taken(): void {
    if (this.#unrung) {
      this.#unrung = false;
      this.#owner.ring();
    }
    for (const child of this.#children) {
      if (child !== undefined && child.left <= 0 && child.calls.length === 0 && !child.expected)
        this.#dismiss(child);
    }
    this.#dispatch();
  }

  /** One of its calls has ended; `false` when it has no such call. */
  #finish(child: Child, area: Area, offset: number): boolean {
    const { calls } = child;
    const index = area.i32[(offset >> 2) + INDEX_WORD] as number;
    const place = calls.findIndex((call) => call.index === index);
    if (place < 0) return false;
    const { fn } = calls[place] as TakenCall;
    calls.splice(place, 1);
    if (place > 0) {
      this.#queue.drop();
      return true;
    }
    this.#queue.finish(child.worker, index);
    const [next] = calls;
    if (next !== undefined) this.#queue.mark(child.worker, next.index);
    const start = offset >> 3;
    const time = (area.f64[start + ENDED_DOUBLE] as number) - (area.f64[start + STARTED_DOUBLE] as number);
    const usual = this.#times.get(fn) ?? 0;
    this.#times.set(fn, time > usual ? time : usual + (time - usual) / 8);
    return true;
  }

  order(worker: number, order: Order): void {
    for (const child of worker < 0 ? this.#children : [this.#children[worker]]) {
      if (child === undefined) continue;
      if (order.type === 'define') child.send(DEFINE, 0, order.fn, 0, serialize(order.spec));
      else if (order.type === 'supply' && child.calls[0]?.index === order.parcel.index)
        this.#supply(child, order);
    }
  }

  #supply(child: Child, order: Order & { readonly type: 'supply' }): void {
    const call = child.calls[0] as TakenCall;
    const bytes = order.parcel.bytes as Uint8Array;
    const body = new Uint8Array(padded(8 + bytes.length));
    new Area(body.buffer).writeSerialized(bytes, 0, body.length);
    call.frame = frame(CALL, call.index, call.fn, call.flags, body);
    child.sendCall(call);
    child.flush();
  }

  /** A process is gone, and all that it wrote has come. */
  ended(child: Child, how: string): void {
    if (this.#children[child.worker] !== child) return;
    this.#children[child.worker] = undefined;
    if (child.expected) this.#owner.note(GONE, child.worker, child.serial, '');
    else this.#owner.note(DIED, child.worker, child.serial, how);
  }

  /** Cancels a call: its task, if it has begun, or itself. */
  interrupt(index: number): void {
    const child = this.#childOf(index);
    if (child !== undefined) {
      for (const call of child.calls.slice(1)) if (call.index === index) call.interrupted = true;
      child.send(INTERRUPT, index, 0, 0, null);
      return;
    }
    const place = this.#waiting.findIndex((call) => call.index === index);
    if (place >= 0) this.#cancel(this.#waiting.splice(place, 1)[0] as TakenCall);
  }

  #childOf(index: number): Child | undefined {
    return this.#children.find((child) => child?.calls.some((call) => call.index === index));
  }

  /** Ends the process that runs a call, if it still does. The calls behind it are for others. */
  kill(index: number): void {
    const child = this.#childOf(index);
    if (child === undefined || child.calls[0]?.index !== index) {
      this.interrupt(index);
      return;
    }
    if (child.doomed) return;
    child.doomed = true;
    const { worker } = child;
    child.settle((stuck) => {
      if (this.#children[worker] !== child) return;
      child.doomed = false;
      if (stuck) {
        // Its place is for another one now, and nobody wants to hear of its end.
        this.#children[worker] = undefined;
        child.process.kill('SIGKILL');
        this.#queue.finish(worker, index);
        this.#owner.note(KILLED, worker, index, '');
        this.#takeBack(child);
      } else {
        this.#dispatch();
      }
    });
  }

  signal(worker: number, signal: NodeJS.Signals): void {
    if (worker < 0) {
      for (const child of this.#children) child?.process.kill(signal);
      return;
    }
    const child = this.#children[worker];
    this.#children[worker] = undefined;
    child?.process.kill(signal);
  }

  end(): void {
    this.#over = true;
    for (const child of this.#children) child?.process.kill('SIGKILL');
    this.#children.length = 0;
    this.#owner.close();
  }
}
