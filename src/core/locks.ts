/**
 * Locks, events, conditions, semaphores and barriers, with CPython's fairness.
 *
 * `release()` of a lock wakes the head of the line, which takes the lock when it resumes, one hop later; a newcomer
 * queues behind whoever waits, so nobody overtakes. A semaphore hands its unit over directly. A waiter that is
 * cancelled after it was woken passes the wake-up on: none is lost.
 */

import { type AsyncContextManager, aenter, aexit } from './context-managers.js';
import { type Coro, Coroutine, checkFunction, isThenable, type Suspension } from './coroutines.js';
import { BrokenBarrierError, isCancelledError, RuntimeError, ValueError } from './exceptions.js';
import { inspectCustom } from './format-helpers.js';
import { WAITING, WOKEN } from './operations.js';
import { LineWait, LoopBinding, WaitList } from './wait-list.js';

/** What `guard()` gives: leaving the `using` block releases the lock. */
class Guard implements Disposable {
  #owner: { release(): void } | null;

  constructor(owner: { release(): void }) {
    this.#owner = owner;
  }

  [Symbol.dispose](): void {
    const owner = this.#owner;
    this.#owner = null;
    owner?.release();
  }
}

/** What can be acquired and released: the part that locks, conditions and semaphores share. */
export abstract class Lockable implements AsyncContextManager<void> {
  abstract acquire(): Coroutine<true>;
  abstract release(): void;
  abstract locked(): boolean;

  /**
   * Acquires, and gives a guard that releases at the end of a `using` block.
   *
   * *Suspends* as `acquire()`. *Cancellation*: the lock is not taken.
   *
   * @example
   * ```ts
   * import * as asyncio from 'tsyncio';
   *
   * await asyncio.run(async () => {
   *   const lock = new asyncio.Lock();
   *   {
   *     using guard = await lock.guard();
   *     console.log(lock.locked()); //=> true
   *   }
   *   console.log(lock.locked()); //=> false
   * });
   * ```
   */
  guard(): Coroutine<Disposable> {
    return new Coroutine(this.#guarding(), 'guard');
  }

  *#guarding(): Coro<Disposable> {
    yield* this.acquire();
    return new Guard(this);
  }

  [aenter](): Coroutine<void> {
    return new Coroutine(this.#entering(), 'aenter');
  }

  *#entering(): Coro<void> {
    yield* this.acquire();
  }

  [aexit](): Coroutine<void> {
    return new Coroutine(this.#exiting(), 'aexit');
  }

  *#exiting(): Coro<void> {
    this.release();
  }

  /** @internal */
  abstract _info(): string;

  toString(): string {
    return `<${this.constructor.name} [${this._info()}]>`;
  }

  [inspectCustom](): string {
    return this.toString();
  }
}

class AcquireLock extends LineWait<true, Lock> {
  override get name(): string {
    return 'Lock.acquire';
  }

  protected override _start(): IteratorResult<Suspension, true> {
    const lock = this._owner;
    if (!lock._locked && lock._waiters._live === 0) return this._resume();
    return this._queueUp();
  }

  protected override _resume(): IteratorResult<Suspension, true> {
    this._owner._locked = true;
    return super._resume();
  }

  protected override _abort(error: unknown): never {
    const lock = this._owner;
    this._leave();
    if (isCancelledError(error) && !lock._locked) lock._waiters.wakeFirst();
    throw error;
  }
}

/**
 * A mutual exclusion lock. Not reentrant; any task may release it.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * const lock = new asyncio.Lock();
 * await asyncio.run(async () => {
 *   await lock.acquire();
 *   try {
 *     console.log(String(lock)); //=> <Lock [locked]>
 *   } finally {
 *     lock.release();
 *   }
 * });
 * ```
 */
export class Lock extends Lockable {
  /** @internal */
  _locked = false;
  /** @internal */
  readonly _waiters = new WaitList();
  /** @internal */
  readonly _binding = new LoopBinding();

  locked(): boolean {
    return this._locked;
  }

  /**
   * Takes the lock, in the order of the calls. *Suspends* only if it is taken or somebody waits. *Cancellation*: the lock is
   * not taken, and nobody's wake-up is lost. Source: `asyncio.Lock.acquire`.
   */
  acquire(): Coroutine<true> {
    return new AcquireLock(this);
  }

  /** Unlocks, and wakes the first in line. @throws RuntimeError when the lock is not taken. */
  release(): void {
    if (!this._locked) throw new RuntimeError('Lock is not acquired.');
    this._locked = false;
    this._waiters.wakeFirst();
  }

  /** @internal */
  override _info(): string {
    return describeLine(this._locked ? 'locked' : 'unlocked', this._waiters._length);
  }
}

function describeLine(state: string, waiters: number): string {
  return waiters === 0 ? state : `${state}, waiters:${waiters}`;
}

class WaitForEvent extends LineWait<true, Event> {
  override get name(): string {
    return 'Event.wait';
  }

  protected override _start(): IteratorResult<Suspension, true> {
    const event = this._owner;
    if (event.isSet()) return this._resume();
    return this._queueUp();
  }
}

/** A flag that tasks can wait for. Shadows the DOM's `Event` where it is imported by name. */
export class Event {
  #set = false;
  /** @internal */
  readonly _waiters = new WaitList();
  /** @internal */
  readonly _binding = new LoopBinding();

  isSet(): boolean {
    return this.#set;
  }

  /** Raises the flag, and wakes all who wait, in order; they resume even if it is cleared before. */
  set(): void {
    if (this.#set) return;
    this.#set = true;
    while (this._waiters.wakeNext());
  }

  /** Lowers the flag. */
  clear(): void {
    this.#set = false;
  }

  /** Waits until the flag is up. *Suspends* only if it is down. *Cancellation*: nothing is lost. */
  wait(): Coroutine<true> {
    return new WaitForEvent(this);
  }

  toString(): string {
    return `<Event [${describeLine(this.#set ? 'set' : 'unset', this._waiters._length)}]>`;
  }

  [inspectCustom](): string {
    return this.toString();
  }
}

/**
 * A condition variable: wait, under a lock, until somebody says that something has changed.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   const changed = new asyncio.Condition();
 *   let ready = false;
 *   const waiter = asyncio.createTask(async () => {
 *     using guard = await changed.guard();
 *     await changed.waitFor(() => ready);
 *     return 'seen';
 *   });
 *   await asyncio.sleep(0);
 *   {
 *     using guard = await changed.guard();
 *     ready = true;
 *     changed.notifyAll();
 *   }
 *   console.log(await waiter); //=> seen
 * });
 * ```
 */
export class Condition extends Lockable {
  readonly #lock: Lock;
  /** @internal */
  readonly _waiters = new WaitList();
  /** @internal */
  readonly _binding = new LoopBinding();

  /** @param lock a lock to use, which may be shared; a new one by default. */
  constructor(lock: Lock = new Lock()) {
    super();
    this.#lock = lock;
  }

  locked(): boolean {
    return this.#lock.locked();
  }

  acquire(): Coroutine<true> {
    return this.#lock.acquire();
  }

  release(): void {
    this.#lock.release();
  }

  /**
   * Releases the lock, waits for a notification, and takes the lock again.
   *
   * *Suspends* always. *Cancellation*: the lock is taken again first, and a notification that came meanwhile is handed on.
   *
   * @throws RuntimeError without the lock.
   */
  wait(): Coroutine<true> {
    return new Coroutine(this.#waiting(), 'Condition.wait');
  }

  *#waiting(): Coro<true> {
    if (!this.locked()) throw new RuntimeError('cannot wait on un-acquired lock');
    const waiter = new Notification(this);
    this.release();
    try {
      try {
        yield* waiter;
      } finally {
        yield* this.#acquireAgain();
      }
      return true;
    } catch (error) {
      // The notification may have been meant for somebody else.
      this.#notify(1);
      throw error;
    }
  }

  /** Takes the lock whatever happens; the last cancellation meanwhile comes out afterwards. */
  *#acquireAgain(): Coro<void> {
    let cancellation: unknown = null;
    for (;;) {
      try {
        yield* this.acquire();
        break;
      } catch (error) {
        if (!isCancelledError(error)) throw error;
        cancellation = error;
      }
    }
    if (cancellation !== null) throw cancellation;
  }

  /** Waits until `predicate` gives something true, and gives that. It is asked before the first wait and after each. */
  waitFor<T>(predicate: () => T): Coroutine<T> {
    checkFunction(predicate, 'wait for a predicate');
    return new Coroutine(this.#waitingFor(predicate), 'Condition.waitFor');
  }

  *#waitingFor<T>(predicate: () => T): Coro<T> {
    let result = predicate();
    while (!result) {
      yield* this.wait();
      result = predicate();
    }
    if (isThenable(result)) {
      throw new TypeError('Cannot wait for a predicate that gives a promise: it is always true');
    }
    return result;
  }

  /** Wakes at most `n` waiters, in order. The lock stays taken. @throws RuntimeError without the lock. */
  notify(n = 1): void {
    if (!this.locked()) throw new RuntimeError('cannot notify on un-acquired lock');
    this.#notify(n);
  }

  #notify(n: number): void {
    for (let woken = 0; woken < n && this._waiters.wakeNext(); woken += 1);
  }

  /** Wakes all who wait. @throws RuntimeError without the lock. */
  notifyAll(): void {
    this.notify(this._waiters._length);
  }

  /** @internal */
  override _info(): string {
    return describeLine(this.locked() ? 'locked' : 'unlocked', this._waiters._length);
  }
}

/** A place among those who wait for a notification: taken before the lock is released, which may already notify. */
class Notification extends LineWait<true> {
  constructor(condition: Condition) {
    super(condition);
    this._untrack();
    this._queueUp();
  }

  override [Symbol.iterator](): Coro<true> {
    return this as unknown as Coro<true>;
  }

  override next(): IteratorResult<Suspension, true> {
    return this._state === WAITING ? this._start() : this._resume();
  }

  protected override _start(): IteratorResult<Suspension, true> {
    return this._wait();
  }
}

class AcquireSemaphore extends LineWait<true, Semaphore> {
  override get name(): string {
    return 'Semaphore.acquire';
  }

  protected override _start(): IteratorResult<Suspension, true> {
    const semaphore = this._owner;
    if (!semaphore.locked()) {
      semaphore._value -= 1;
      return super._resume();
    }
    return this._queueUp();
  }

  protected override _resume(): IteratorResult<Suspension, true> {
    const result = super._resume();
    this._owner._wakeWhilePossible();
    return result;
  }

  protected override _abort(error: unknown): never {
    const wasWoken = this._state === WOKEN;
    const semaphore = this._owner;
    this._leave();
    if (isCancelledError(error) && wasWoken) semaphore._value += 1;
    semaphore._wakeWhilePossible();
    throw error;
  }
}

/**
 * A counter of units: `acquire()` takes one and waits while there is none, `release()` gives one back.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * const slots = new asyncio.Semaphore(2);
 * let running = 0;
 * let most = 0;
 * const job = async () => {
 *   using slot = await slots.guard();
 *   running += 1;
 *   most = Math.max(most, running);
 *   await asyncio.sleep(0);
 *   running -= 1;
 * };
 * await asyncio.run(async () => {
 *   await asyncio.gather([job, job, job, job].map((each) => () => each()));
 * });
 * console.log(most); //=> 2
 * ```
 */
export class Semaphore extends Lockable {
  /** @internal */
  _value: number;
  /** @internal */
  readonly _waiters = new WaitList();
  /** @internal */
  readonly _binding = new LoopBinding();

  /** @throws ValueError when `value` is negative or no integer. */
  constructor(value = 1) {
    super();
    if (typeof value !== 'number')
      throw new TypeError(`Semaphore initial value must be a number, got ${String(value)}`);
    if (!Number.isInteger(value) || value < 0) throw new ValueError('Semaphore initial value must be >= 0');
    this._value = value;
  }

  /** Whether `acquire()` would wait: no unit is left, or somebody is in line. */
  locked(): boolean {
    return this._value === 0 || this._waiters._live > 0;
  }

  /**
   * Takes a unit, in the order of the calls. *Suspends* if `locked()`. *Cancellation*: no unit is taken; one that was handed
   * over already goes to the next in line.
   */
  acquire(): Coroutine<true> {
    return new AcquireSemaphore(this);
  }

  /** Gives a unit back, to the first in line if there is one. */
  release(): void {
    this._value += 1;
    this._wakeNext();
  }

  /** Hands a unit to the first in line, which owns it before it resumes. @internal */
  _wakeNext(): boolean {
    if (this._waiters.nextPending() === null) return false;
    this._value -= 1;
    return this._waiters.wakeNext();
  }

  /** @internal */
  _wakeWhilePossible(): void {
    while (this._value > 0 && this._wakeNext());
  }

  /** @internal */
  override _info(): string {
    return describeLine(this.locked() ? 'locked' : `unlocked, value:${this._value}`, this._waiters._length);
  }
}

/** A semaphore that refuses to hold more units than it began with. */
export class BoundedSemaphore extends Semaphore {
  readonly #bound: number;

  constructor(value = 1) {
    super(value);
    this.#bound = value;
  }

  /** @throws ValueError when more units are given back than were taken. */
  override release(): void {
    if (this._value >= this.#bound) throw new ValueError('BoundedSemaphore released too many times');
    super.release();
  }
}

type BarrierState = 'filling' | 'draining' | 'resetting' | 'broken';

/**
 * A meeting point: tasks wait until `parties` of them have come, then all go on.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   const barrier = new asyncio.Barrier(3);
 *   const arrive = () => barrier.wait();
 *   console.log(await asyncio.gather([arrive(), arrive(), arrive()])); //=> [ 0, 1, 2 ]
 * });
 * ```
 */
export class Barrier implements AsyncContextManager<number> {
  readonly #condition = new Condition();
  readonly #parties: number;
  #state: BarrierState = 'filling';
  #count = 0;

  /** @throws ValueError when `parties` is not an integer of at least 1. */
  constructor(parties: number) {
    if (typeof parties !== 'number')
      throw new TypeError(`Barrier parties must be a number, got ${String(parties)}`);
    if (!Number.isInteger(parties) || parties < 1) throw new ValueError('Barrier parties must be >= 1');
    this.#parties = parties;
  }

  /** How many it takes. */
  get parties(): number {
    return this.#parties;
  }

  /** How many wait now. */
  get nWaiting(): number {
    return this.#state === 'filling' ? this.#count : 0;
  }

  /** Whether it was aborted. */
  get broken(): boolean {
    return this.#state === 'broken';
  }

  /**
   * Waits for the others; gives this task's number, from 0.
   *
   * *Suspends* unless it is the last one. *Cancellation*: the task's place is free again.
   *
   * @throws BrokenBarrierError when the barrier is aborted, or reset while this waits.
   */
  wait(): Coroutine<number> {
    return new Coroutine(this.#waiting(), 'Barrier.wait');
  }

  *#waiting(): Coro<number> {
    yield* this.#condition.acquire();
    try {
      yield* this.#condition.waitFor(() => this.#state !== 'draining' && this.#state !== 'resetting');
      if (this.broken) throw new BrokenBarrierError('Barrier aborted');
      try {
        const index = this.#count;
        this.#count += 1;
        if (index + 1 === this.#parties) this.#release();
        else yield* this.#fill();
        return index;
      } finally {
        this.#count -= 1;
        this.#leave();
      }
    } finally {
      this.#condition.release();
    }
  }

  #release(): void {
    this.#state = 'draining';
    this.#condition.notifyAll();
  }

  *#fill(): Coro<void> {
    yield* this.#condition.waitFor(() => this.#state !== 'filling');
    if (this.broken || this.#state === 'resetting') throw new BrokenBarrierError('Abort or reset of barrier');
  }

  /** The last to leave opens the barrier for the next round. */
  #leave(): void {
    if (this.#count > 0) return;
    if (this.#state === 'resetting' || this.#state === 'draining') this.#state = 'filling';
    this.#condition.notifyAll();
  }

  /** Empties the barrier: those who wait get BrokenBarrierError, and it can be used again. */
  reset(): Coroutine<void> {
    return new Coroutine(
      this.#changing(() => {
        if (this.#count > 0) this.#state = 'resetting';
        else this.#state = 'filling';
      }),
      'Barrier.reset',
    );
  }

  /** Breaks the barrier: those who wait, and who come later, get BrokenBarrierError, until a `reset()`. */
  abort(): Coroutine<void> {
    return new Coroutine(
      this.#changing(() => {
        this.#state = 'broken';
      }),
      'Barrier.abort',
    );
  }

  *#changing(change: () => void): Coro<void> {
    yield* this.#condition.acquire();
    try {
      change();
      this.#condition.notifyAll();
    } finally {
      this.#condition.release();
    }
  }

  [aenter](): Coroutine<number> {
    return this.wait();
  }

  [aexit](): Coroutine<void> {
    return new Coroutine<void>((function* (): Coro<void> {})(), 'aexit');
  }

  toString(): string {
    const info = this.broken ? 'broken' : `${this.#state}, waiters:${this.nWaiting}/${this.#parties}`;
    return `<Barrier [${info}]>`;
  }

  [inspectCustom](): string {
    return this.toString();
  }
}
