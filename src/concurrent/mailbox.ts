/**
 * How results reach a thread, whether it turns its event loop or is blocked inside `Future.result()`.
 *
 * Each thread that owns pools has one mailbox: a word of shared memory, the bell, which whoever has written something
 * for this thread increments and notifies. A blocked thread sleeps on the bell with `Atomics.wait`, an event loop is
 * woken through `Atomics.waitAsync`; in both cases every source is drained, and futures complete as they are.
 *
 * `Atomics.waitAsync` does not keep a process alive, so a timer does while results are owed.
 */

import { DeadlockError, RuntimeError } from '../core/index.js';

/** Something that is written by other threads: a pool's results, the death notices of the broker. */
export interface Source {
  /** Takes in what has come; `true` when there may be more, and others should have their turn first. */
  drain(): boolean;
  /** Wakes those for whom there is work: see {@link Mailbox.announceLater}. */
  announce?(): void;
  /** Called when the thread has been blocked for a while: what only its event loop would tell must be told otherwise. */
  blocked?(): void;
}

/** A wait shorter than this, in milliseconds, is not worth preparing for. */
const SHORT_WAIT = 5;

/** Captured when the module is loaded: a test's fake timers must not stop a pool. */
const { setInterval, setTimeout, clearTimeout, setImmediate, performance } = globalThis;

type WaitAsync = (
  words: Int32Array,
  index: number,
  value: number,
) => { async: boolean; value: PromiseLike<unknown> };

const waitAsync = (Atomics as unknown as { waitAsync?: WaitAsync }).waitAsync;

type AsyncResource = import('node:async_hooks').AsyncResource;

export class Mailbox {
  /** Shared with everybody who writes for this thread. */
  readonly memory = new SharedArrayBuffer(8);
  readonly #bell = new Int32Array(this.memory);
  readonly #sources = new Set<Source>();
  readonly #alarms = new Set<Alarm>();
  /** The async context of nobody: a result belongs to no request that happened to be served when the loop fell asleep. */
  readonly #nobody: AsyncResource;
  readonly #keepAlive: NodeJS.Timeout;
  #owed = 0;
  /** Whether the bell is heard: by `Atomics.waitAsync`, or because a look at it is due. */
  #listening = false;
  /** Whether sources are being drained by the event loop. */
  #turning = false;
  #toAnnounce: Source[] = [];
  /** The bell when the sources were drained last. */
  #drainedAt = 0;

  constructor() {
    const { AsyncResource } = process.getBuiltinModule('node:async_hooks');
    this.#nobody = new AsyncResource('tsyncio.Mailbox');
    this.#keepAlive = setInterval(() => {}, 2 ** 31 - 1).unref();
  }

  add(source: Source): void {
    this.#sources.add(source);
  }

  delete(source: Source): void {
    this.#sources.delete(source);
  }

  /** One more result will come. */
  owe(): void {
    this.#owed += 1;
    if (this.#owed > 1) return;
    this.#keepAlive.ref();
    this.#listen();
  }

  /** A result that was owed has come. */
  settle(): void {
    this.#owed -= 1;
    if (this.#owed === 0) this.#keepAlive.unref();
  }

  /**
   * Has `source` wake its workers at the end of this turn of the event loop, or when this thread blocks: once for all that
   * was submitted until then.
   */
  announceLater(source: Source): void {
    if (this.#toAnnounce.includes(source)) return;
    this.#toAnnounce.push(source);
    if (this.#toAnnounce.length === 1 && !this.#turning) setImmediate(this.#announce);
  }

  readonly #announce = (): void => {
    const sources = this.#toAnnounce;
    if (sources.length === 0) return;
    this.#toAnnounce = [];
    for (const source of sources) source.announce?.();
  };

  /** Calls `callback` in `delay` seconds, also when the thread is blocked then. */
  alarm(delay: number, callback: () => void): Alarm {
    const alarm = new Alarm(performance.now() + delay * 1000, () => {
      this.#alarms.delete(alarm);
      callback();
    });
    this.#alarms.add(alarm);
    alarm.arm(() => this.#ring(alarm));
    return alarm;
  }

  clearAlarm(alarm: Alarm): void {
    this.#alarms.delete(alarm);
    alarm.disarm();
  }

  #ring(alarm: Alarm): void {
    if (this.#alarms.has(alarm)) this.#nobody.runInAsyncScope(alarm.callback);
  }

  /**
   * Blocks this thread until `isDone()`, for at most `timeout` seconds; returns whether it is.
   *
   * @throws DeadlockError when nothing is owed to this thread, so that nothing could end an endless wait; RuntimeError
   * where threads must not block.
   */
  block(isDone: () => boolean, timeout: number | null): boolean {
    this.#drain();
    if (isDone()) return true;
    const started = performance.now();
    const deadline = timeout === null ? Number.POSITIVE_INFINITY : started + timeout * 1000;
    let restore: (() => void) | null = null;
    try {
      for (;;) {
        const seen = Atomics.load(this.#bell, 0);
        const more = this.#drain();
        this.#announce();
        if (isDone()) return true;
        if (more) continue;
        const now = performance.now();
        if (now >= deadline) return false;
        if (this.#owed === 0 && deadline === Number.POSITIVE_INFINITY) {
          throw new DeadlockError(
            'Cannot block until the future is done: no worker owes this thread a result, and while it is blocked nothing here can complete one',
          );
        }
        if (restore === null && now - started >= SHORT_WAIT) restore = this.#prepareForLong();
        let until = restore === null ? Math.min(deadline, started + SHORT_WAIT) : deadline;
        for (const alarm of this.#alarms) until = Math.min(until, alarm.when);
        sleepOn(this.#bell, seen, until - now);
        for (const alarm of [...this.#alarms]) if (alarm.when <= performance.now()) this.#ring(alarm);
      }
    } finally {
      restore?.();
    }
  }

  /** A blocked thread hears of no signal: without listeners Ctrl-C does what it does by default. */
  #prepareForLong(): () => void {
    for (const source of [...this.#sources]) source.blocked?.();
    const listeners = process.rawListeners('SIGINT') as NodeJS.SignalsListener[]; // raw: those of once() stay such
    process.removeAllListeners('SIGINT');
    return () => {
      for (const listener of listeners) process.on('SIGINT', listener);
    };
  }

  #drain(): boolean {
    let more = false;
    for (const source of this.#sources) if (source.drain()) more = true;
    return more;
  }

  /** Waits for the bell without blocking, for as long as something is owed. */
  #listen(): void {
    if (this.#listening || waitAsync === undefined) return;
    this.#listening = true;
    const waiting = waitAsync(this.#bell, 0, this.#drainedAt);
    // Something has come meanwhile: the event loop has its turn first, or a busy pool would starve it.
    if (waiting.async) waiting.value.then(this.#heard);
    else setImmediate(this.#heard);
  }

  readonly #heard = (): void => this.#nobody.runInAsyncScope(this.#turn, this);

  #turn(): void {
    this.#turning = true;
    let more = false;
    try {
      this.#drainedAt = Atomics.load(this.#bell, 0);
      more = this.#drain();
    } finally {
      this.#turning = false;
      this.#announce();
      this.#listenOn(more);
    }
  }

  /**
   * Where one result came others follow: to look again after the event loop has turned costs less than to be woken for
   * each. When nothing has come meanwhile, it waits for the bell.
   */
  #listenOn(more: boolean): void {
    if (more || this.#owed > 0) setImmediate(more ? this.#heard : this.#look);
    else this.#listening = false;
  }

  readonly #look = (): void => {
    if (Atomics.load(this.#bell, 0) !== this.#drainedAt) {
      this.#heard();
      return;
    }
    this.#listening = false;
    if (this.#owed > 0) this.#listen();
  };
}

/** A callback that is due at a time, whether or not the thread's timers run. */
export class Alarm {
  readonly when: number;
  readonly callback: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(when: number, callback: () => void) {
    this.when = when;
    this.callback = callback;
  }

  arm(ring: () => void): void {
    this.#timer = setTimeout(ring, Math.max(1, this.when - performance.now()));
  }

  disarm(): void {
    clearTimeout(this.#timer);
  }
}

function sleepOn(bell: Int32Array, seen: number, milliseconds: number): void {
  try {
    Atomics.wait(bell, 0, seen, Math.max(0, milliseconds));
  } catch (error) {
    throw new RuntimeError(
      'Cannot block this thread: the platform does not allow it here (a browser window, for one): await the future instead',
      { cause: error },
    );
  }
}

let mailbox: Mailbox | null = null;

/** The mailbox of this thread. */
export function threadMailbox(): Mailbox {
  mailbox ??= new Mailbox();
  return mailbox;
}
