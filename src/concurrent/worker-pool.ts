/**
 * What the pools have in common: calls wait in a shared queue, workers take them, results come back through rings of
 * records. Subclasses bring workers up and down, and carry what does not fit into shared memory.
 *
 *     submit ─▶ backlog ─▶ shared queue ─▶ a worker ─▶ ring ─▶ mailbox ─▶ the call's future
 *
 * A published call is the owner's until a worker claims it; who wins is decided by one compare-and-exchange. Each call
 * ends exactly once: by a record of its worker, by a cancellation before it began, by the death of its worker on request, or by
 * the end of the whole pool.
 */

import {
  type Coro,
  Coroutine,
  type Duration,
  logger,
  QueueFull,
  RuntimeError,
  TimeoutError,
  ValueError,
} from '../core/index.js';
import { toSecondsOrNull } from '../core/lowlevel.js';
import { deserialize, serialize } from './area.js';
import { Backlog } from './backlog.js';
import { Call, type CallOptions, Held, pack, packInitargs, Uncopied } from './call.js';
import { decodeError, encodeError, type WireError } from './error-transport.js';
import type { BrokenExecutor } from './exceptions.js';
import {
  checkBuffersize,
  checkIterables,
  Executor,
  ExecutorResults,
  type MapOptions,
  progressOf,
  type Returned,
  type ShutdownOptions,
  type WorkerFunction,
  zip,
} from './executor.js';
import { type FunctionSpec, specify } from './function-spec.js';
import type { CancelOptions, Future } from './futures.js';
import { type Alarm, threadMailbox } from './mailbox.js';
import { isImporting } from './modules.js';
import { PoolView } from './pool-view.js';
import { findPrograms } from './programs.js';
import {
  BATCH,
  CANCELLED,
  DIED,
  ENDED_DOUBLE,
  ERROR,
  GONE,
  INDEX_WORD,
  INITIALIZER_FAILED,
  KILLED,
  NOTIFY_START,
  type Parcel,
  READY,
  RESULT,
  STARTED,
  STARTED_DOUBLE,
  sharedClock,
  VALUE_AT,
  WANT,
  WITH_CONTEXT,
  WORKER_WORD,
} from './protocol.js';
import type { RecordRing } from './record-ring.js';
import { Accounts, type PoolStatistics, WorkerRecord } from './statistics.js';
import { TaskQueue } from './task-queue.js';
import type { TransferList } from './transfer-list.js';
import { WaitingTasks } from './waiting-tasks.js';
import { isWorkerRef } from './worker-ref.js';

/** What every pool is told. `I`: the arguments of its initializer. */
export interface PoolOptions<I extends readonly unknown[] = readonly unknown[]> {
  /** The most workers there will be. They start on demand. */
  readonly maxWorkers?: number | null | undefined;
  /** Run once in each worker before its first call. When it throws, the pool is broken. */
  readonly initializer?: WorkerFunction<I, unknown> | null | undefined;
  /** What the initializer is called with. */
  readonly initargs?: I | undefined;
  /** The most calls that may wait for a worker: `submit()` of one more throws QueueFull, `submitAsync()` waits. */
  readonly maxQueued?: number | null | undefined;
}

/** How the calls of {@link WorkerPool.withOptions} are treated. */
export interface CallSettings {
  /**
   * How long a call may run, in seconds from its start: then its task is cancelled in the worker, and when it has ended so
   * the future fails with TimeoutError.
   */
  readonly timeout?: Duration | null | undefined;
  /**
   * What becomes of a call that goes on after it was cancelled or is late, because it never awaits: its worker is killed,
   * and only that, so many seconds later; `true` stands for a tenth of a second.
   */
  readonly kill?: boolean | Duration | undefined;
}

/** An environment for workers: a copy that holds strings only, as a worker would make `undefined` the text 'undefined'. */
export function definedVariables(
  env: Readonly<Record<string, string | undefined>> | undefined,
): Record<string, string> | undefined {
  if (env === undefined) return undefined;
  const defined: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (value !== undefined) defined[name] = value;
  return defined;
}

/** The most records that are taken in before others have their turn. */
const RECORDS_A_TURN = 256;
/** Seconds between an interruption and the kill that `kill: true` asks for. */
const GRACE = 0.1;
/** More cancelled calls than that can not be in the shared queue. */
const WITHDRAWN_LIMIT = 512;
/** Seconds until the owner looks again for the worker of a call that it could not find. */
const LOOK_AGAIN = 0.002;

/** Functions have one number in all pools of the thread. */
const numbers = new WeakMap<FunctionSpec, number>();
let functionsSeen = 0;

function numberOf(spec: FunctionSpec): number {
  let number = numbers.get(spec);
  if (number === undefined) {
    functionsSeen += 1;
    number = functionsSeen;
    numbers.set(spec, number);
  }
  return number;
}

/** What pools of threads and pools of processes have in common; both are executors. */
export abstract class WorkerPool extends Executor {
  /** The most workers there will be. */
  readonly maxWorkers: number;
  /** Whether a message port carries what the serializer cannot. */
  readonly #shareable: boolean;
  /** @internal */
  protected readonly _queue: TaskQueue;
  /** @internal */
  protected readonly _functions = new Map<number, FunctionSpec>();
  /** @internal */
  protected readonly _initializer: FunctionSpec | null;
  /** @internal */
  protected readonly _initargs: Uint8Array<ArrayBuffer> | readonly unknown[];
  readonly #maxQueued: number | null;
  readonly #mailbox = threadMailbox();
  readonly #accounts = new Accounts();
  /** The calls in the shared queue and in workers, by their index. */
  readonly #calls = new Map<number, Call>();
  readonly #backlog = new Backlog();
  /** Calls that were cancelled and still have their place in the shared queue. */
  #withdrawn: number[] = [];
  readonly #alarms = new Map<Call, Alarm>();
  readonly #records: (WorkerRecord | undefined)[] = [];
  #workersMade = 0;
  #alive = 0;
  #broken: BrokenExecutor | null = null;
  #shutDown = false;
  #closed = false;
  /** Told when the pool has room again, or takes nothing any more. */
  readonly #wantRoom = new WaitingTasks();
  readonly #wantEnd = new WaitingTasks();

  constructor(options: PoolOptions, defaultWorkers: number, shareable: boolean) {
    super();
    findPrograms();
    this.#shareable = shareable;
    this.maxWorkers = checkCount(options.maxWorkers, 'maxWorkers') ?? defaultWorkers;
    this.#maxQueued = checkCount(options.maxQueued, 'maxQueued');
    const { initializer, initargs } = options;
    this._initializer =
      initializer === null || initializer === undefined ? null : specifyInitializer(initializer);
    this._initargs = packInitargs([...(initargs ?? [])], shareable);
    this._queue = new TaskQueue(this.maxWorkers);
  }

  // ----------------------------------------------------------------------------------- what subclasses bring

  /** The name of the next worker. @internal */
  protected abstract _nameWorker(number: number): string;
  /** Starts a worker in this place. @internal */
  protected abstract _start(worker: number, name: string): void;
  /** Makes a function known to all live workers. @internal */
  protected abstract _define(fn: number, spec: FunctionSpec): void;
  /** Sends what a worker waits for. @internal */
  protected abstract _supply(worker: number, parcel: Parcel, list: TransferList): void;
  /** @internal */
  protected abstract _tellInterrupt(worker: number, index: number): void;
  /** Ends one worker at once. @internal */
  protected abstract _kill(worker: number): void;
  /** Has a call interrupted by whoever knows where it is; `false` where nobody knows better than the queue. @internal */
  protected _askToInterrupt(_index: number): boolean {
    return false;
  }
  /** The same for ending it with its worker. @internal */
  protected _askToKill(_index: number): boolean {
    return false;
  }
  /** Ends all workers at once. @internal */
  protected abstract _killAll(): void;
  /** @internal */
  protected abstract _brokenError(message: string, options: ErrorOptions): BrokenExecutor;
  /** The broker's notice that a worker is dead: the one with this serial number in this place. @internal */
  protected abstract _hearDeath(worker: number, serial: number, how: string): void;
  /** All workers are gone. @internal */
  protected abstract _ended(): void;
  /** Takes in what the workers have written; `true` when there may be more. @internal */
  protected abstract _takeIn(): boolean;

  // ---------------------------------------------------------------------------------------------- submission

  submit<A extends readonly unknown[], R>(fn: WorkerFunction<A, R>, ...args: A): Future<Returned<R>> {
    this._checkRoom();
    return this._submit(fn, args, 0, null) as unknown as Future<Returned<R>>;
  }

  /** @internal */
  _checkRoom(): void {
    if (this.#maxQueued !== null && this.#queued() >= this.#maxQueued) {
      throw new QueueFull(`Cannot submit: ${this.#maxQueued} calls wait already (maxQueued)`);
    }
  }

  /**
   * Submits the call as soon as fewer than `maxQueued` calls wait for a worker, and gives its result. *Suspends* until the call
   * has ended. *Cancellation* while it waits for room submits nothing; afterwards it cancels the call.
   *
   * @throws what {@link submit} throws, and what the call throws.
   * @example
   * ```ts
   * import * as asyncio from 'tsyncio';
   * import { ThreadPoolExecutor } from 'tsyncio/concurrent';
   *
   * await asyncio.run(async () => {
   *   await using executor = new ThreadPoolExecutor({ maxWorkers: 1, maxQueued: 2 });
   *   const square = (x: number) => x * x;
   *   const numbers = [1, 2, 3, 4, 5];
   *   console.log(await asyncio.gather(numbers.map((n) => executor.submitAsync(square, n)))); //=> [ 1, 4, 9, 16, 25 ]
   * });
   * ```
   */
  submitAsync<A extends readonly unknown[], R>(fn: WorkerFunction<A, R>, ...args: A): Coroutine<Returned<R>> {
    return this._submitAsync(fn as never, args, null) as Coroutine<Returned<R>>;
  }

  /** @internal */
  _submitAsync(
    fn: WorkerFunction<never, unknown>,
    args: readonly unknown[],
    options: CallOptions | null,
  ): Coroutine<unknown> {
    this._checkOpen();
    specify(fn as never);
    return new Coroutine(this.#submitting(fn, args, options), 'submitAsync');
  }

  *#submitting(
    fn: WorkerFunction<never, unknown>,
    args: readonly unknown[],
    options: CallOptions | null,
  ): Coro<unknown> {
    yield* this.#untilRoom();
    return yield* this._submit(fn, args, 0, options);
  }

  /**
   * *Suspends* while `maxQueued` calls wait for a worker: the next {@link submit} of this task finds room, if it comes before
   * its next `await`. So a producer keeps its futures without flooding the pool. *Cancellation* loses nothing.
   */
  waitForRoom(): Coroutine<void> {
    this._checkOpen();
    return new Coroutine(this.#untilRoom(), 'waitForRoom');
  }

  *#untilRoom(): Coro<void> {
    const limit = this.#maxQueued;
    while (limit !== null && this.#queued() >= limit && this.#broken === null && !this.#shutDown) {
      this._queue.watch(true);
      // A worker that took a call just before has told nobody.
      if (this.#queued() < limit) return;
      yield* this.#wantRoom.wait(() => this.#tellRoom());
    }
  }

  /** @internal */
  _checkOpen(): void {
    if (this.#broken !== null) throw this._brokenError(this.#broken.message, { cause: this.#broken.cause });
    if (this.#shutDown) throw new RuntimeError('cannot schedule new futures after shutdown');
    if (isImporting()) {
      throw new RuntimeError(
        'Cannot start workers while a worker imports the module: it would run this again in each of them, without end. ' +
          'Give the worker functions a module of their own, or guard what only the main program does: ' +
          (process.getBuiltinModule('node:worker_threads').isMainThread
            ? 'if (process.argv[1] === fileURLToPath(import.meta.url)) { … }'
            : 'if (isMainThread) { … } from node:worker_threads'),
      );
    }
  }

  /** @internal */
  _submit(
    fn: WorkerFunction<never, unknown>,
    args: readonly unknown[],
    flags: number,
    options: CallOptions | null,
  ): Call {
    this._checkOpen();
    // The first worker comes up while the function is parsed, which takes about as long.
    if (this.#alive === 0 && isSendable(fn)) this.#startWorker();
    const number = this.#know(fn);
    const packed = pack(args, this.#shareable);
    const wanted = options?.timeout == null ? flags : flags | NOTIFY_START;
    const call = new Call(this, number, wanted, packed, options, sharedClock());
    this.#mailbox.owe();
    if (!this.#backlog.isEmpty || !this.#publish(call)) this.#backlog.push(call);
    else if (this._queue.unannounced) this.#mailbox.announceLater(this);
    if (call._packed instanceof Uncopied) call._packed = call._packed.copied();
    this.#hire();
    return call;
  }

  /** {@link submit} in which context variables travel along. @internal */
  _submitWithContext(
    fn: WorkerFunction<never, unknown>,
    args: readonly unknown[],
    entries: readonly (readonly [string, unknown])[],
  ): Call {
    this._checkRoom();
    return entries.length === 0
      ? this._submit(fn, args, 0, null)
      : this._submit(fn, [entries, args], WITH_CONTEXT, null);
  }

  #know(fn: WorkerFunction<never, unknown>): number {
    const spec = specify(fn as never);
    const number = numberOf(spec);
    if (!this._functions.has(number)) {
      this._functions.set(number, spec);
      this._define(number, spec);
    }
    return number;
  }

  #publish(call: Call): boolean {
    const packed = call._packed;
    if (packed instanceof Held) this.#supplyAhead(call, packed);
    const index = this._queue.publish(call._fn, call._flags, packed instanceof Held ? null : packed);
    if (index === undefined) return false;
    call._index = index;
    if (this._queue.wrote) call._packed = null;
    this.#calls.set(index, call);
    return true;
  }

  /**
   * Where only one worker can take a call, and takes it at once, the arguments go there without being asked for. Nothing can
   * come between: before the call begins, only the end of the pool ends the worker.
   */
  #supplyAhead(call: Call, packed: Held): void {
    const { next: index, busy, unclaimed } = this._queue;
    if (this.maxWorkers > 1 || this.#records[0] === undefined || busy + unclaimed > 0) return;
    if (index === undefined) return;
    call._packed = null;
    this._supply(0, { index, value: packed.value }, packed.list);
  }

  /** Moves calls that wait here into the shared queue. */
  #flush(): void {
    if (!this.#backlog.isEmpty) this.#backlog.moveUp((call) => this.#publish(call));
  }

  /** How many calls wait for a worker. */
  #queued(): number {
    if (this.#broken !== null) return 0;
    let there = this._queue.unclaimed;
    if (this.#withdrawn.length > 0) {
      this.#dropPassed();
      there = Math.max(0, there - this.#withdrawn.length);
    }
    return there + this.#backlog.waiting;
  }

  #dropPassed(): void {
    this.#withdrawn = this.#withdrawn.filter((index) => !this._queue.isClaimed(index));
  }

  /** Starts a worker for a call that none is free for. */
  #hire(): void {
    if (this.#alive >= this.maxWorkers || this.#broken !== null) return;
    const { unclaimed } = this._queue;
    // Counted here: a worker whose result has come may not have said yet that it is free.
    const running = Math.max(0, this.#calls.size - unclaimed);
    if (unclaimed > this.#alive - running) this.#startWorker();
  }

  #startWorker(): void {
    if (this.#alive === 0) this.#mailbox.add(this);
    let worker = 0;
    while (this.#records[worker] !== undefined) worker += 1;
    const name = this._nameWorker(this.#workersMade);
    this.#workersMade += 1;
    this.#alive += 1;
    this.#records[worker] = new WorkerRecord(name, sharedClock());
    if (this.#closed) this.#mailbox.owe();
    this._start(worker, name);
  }

  override map<A extends readonly unknown[], R>(
    fn: WorkerFunction<A, R>,
    iterables: { readonly [K in keyof A]: Iterable<A[K]> },
    options: MapOptions = {},
  ): ExecutorResults<Returned<R>> {
    return this._map(fn as never, iterables as never, options, null) as ExecutorResults<Returned<R>>;
  }

  /** @internal */
  _map(
    fn: WorkerFunction<never, unknown>,
    iterables: readonly Iterable<unknown>[],
    options: MapOptions,
    settings: CallOptions | null,
  ): ExecutorResults<unknown> {
    checkIterables(iterables);
    const size = this._batchSize(options.chunksize ?? 1);
    this._checkOpen();
    const calls = zip(iterables);
    const take = () => {
      const { value, done } = calls.next();
      return done === true ? null : (value as readonly unknown[]);
    };
    return new ExecutorResults({
      next: () => {
        if (size === 1) {
          const args = take();
          return args === null ? null : this._submit(fn, args, 0, settings);
        }
        const batch: (readonly unknown[])[] = [];
        for (let args = take(); args !== null; args = take()) {
          batch.push(args);
          if (batch.length === size) break;
        }
        return batch.length === 0 ? null : this._submit(fn, batch, BATCH, settings);
      },
      close: () => void calls.return(),
      unbatch: size === 1 ? null : (value) => value as readonly unknown[],
      timeout: toSecondsOrNull(options.timeout, 'timeout'),
      buffersize: checkBuffersize(options.buffersize),
      progress: progressOf(options.progress, iterables),
    });
  }

  /** How many calls of `map` travel together. @internal */
  _batchSize(_chunksize: number): number {
    return 1;
  }

  /**
   * This pool, with other rules for the calls that are submitted through it.
   *
   * @example
   * ```ts
   * import { ThreadPoolExecutor } from 'tsyncio/concurrent';
   *
   * using executor = new ThreadPoolExecutor();
   * const endless = executor.withOptions({ timeout: 0.1, kill: true }).submit(() => {
   *   for (;;);
   * });
   * console.log((endless.exception() as Error).name); //=> TimeoutError
   * console.log(executor.submit(() => 'the pool lives on').result()); //=> the pool lives on
   * ```
   */
  withOptions(settings: CallSettings): PoolView {
    const { kill } = settings;
    return new PoolView(this, {
      timeout: toSecondsOrNull(settings.timeout, 'timeout'),
      kill:
        kill === undefined || kill === false ? null : kill === true ? GRACE : toSecondsOrNull(kill, 'kill'),
    });
  }

  // ------------------------------------------------------------------------------------------- for the calls

  /** @internal */
  _look(call: Call): void {
    if (call._state === 'PENDING' && call._index !== undefined && this._queue.isClaimed(call._index)) {
      call._state = 'RUNNING';
    }
  }

  /** @internal */
  _withdraw(call: Call): boolean {
    if (call._index !== undefined) {
      if (!this._queue.cancel(call._index)) return false;
      this.#calls.delete(call._index);
      if (this.#withdrawn.push(call._index) >= WITHDRAWN_LIMIT) this.#dropPassed();
    } else {
      this.#backlog.withdraw();
    }
    this.#accounts.cancelled += 1;
    this.#mailbox.settle();
    call._packed = null;
    this.#roomMade();
    return true;
  }

  /** @internal */
  _interruptCall(call: Call, options: CancelOptions): boolean {
    if (!this.#isOpen(call)) return false;
    if (options.kill === true) {
      this.#killCall(call);
      return true;
    }
    if (options.interrupt !== true) return false;
    this.#interruptWorker(call);
    const grace = call._options?.kill;
    if (grace !== null && grace !== undefined) this.#setAlarm(call, grace, () => this.#killCall(call));
    return true;
  }

  /** Tells the worker of a call. One that has just taken it may not have left its mark yet: then it looks again. */
  #interruptWorker(call: Call): void {
    if (!this.#isOpen(call)) return;
    const index = call._index as number;
    if (this._askToInterrupt(index)) return;
    for (let worker = 0; worker < this.maxWorkers; worker++) {
      if (this._queue.running(worker) !== index) continue;
      this._tellInterrupt(worker, index);
      return;
    }
    this.#mailbox.alarm(LOOK_AGAIN, () => this.#interruptWorker(call));
  }

  #isOpen(call: Call): boolean {
    return call._index !== undefined && this.#calls.get(call._index) === call;
  }

  #setAlarm(call: Call, delay: number, callback: () => void): void {
    this.#clearAlarm(call);
    this.#alarms.set(call, this.#mailbox.alarm(delay, callback));
  }

  #clearAlarm(call: Call): void {
    const alarm = this.#alarms.get(call);
    if (alarm === undefined) return;
    this.#alarms.delete(call);
    this.#mailbox.clearAlarm(alarm);
  }

  /** Ends a running call with its worker. */
  #killCall(call: Call): void {
    if (!this.#isOpen(call)) return;
    const index = call._index as number;
    const workers = this._askToKill(index) ? 0 : this.maxWorkers;
    for (let worker = 0; worker < workers; worker++) {
      if (this._queue.running(worker) !== index) continue;
      if (!this._queue.condemn(worker, index)) break; // it has just ended
      this.#forget(call);
      this.#vacate(worker);
      this._kill(worker);
      this._queue.reset(worker);
      this.#endInterrupted(call);
      this.#hire();
      this.#afterCall();
      return;
    }
    this.#setAlarm(call, LOOK_AGAIN, () => this.#killCall(call));
  }

  /** The worker of a call was ended as {@link _askToKill} wanted. */
  #killed(worker: number, index: number): void {
    const call = this.#calls.get(index);
    this.#vacate(worker);
    if (call !== undefined) {
      this.#forget(call);
      this.#endInterrupted(call);
    }
    this.#hire();
    this.#afterCall();
  }

  #endInterrupted(call: Call): void {
    this.#accounts.cancelled += 1;
    if (!call._late) call._endCancelled();
    else call.setException(new TimeoutError(`The call took longer than ${call._options?.timeout} seconds`));
  }

  /** @internal */
  announce(): void {
    this._queue.announce();
  }

  /** @internal */
  drain(): boolean {
    this._queue.announce();
    const more = this._takeIn();
    this.#flush();
    this.#roomMade();
    return more;
  }

  // ------------------------------------------------------------------------------------------ for subclasses

  /** Takes in the records of a ring; `open` brings what is too large for it. @internal */
  protected _receive(ring: RecordRing, open: (worker: number, index: number) => Parcel): boolean {
    const { area } = ring;
    for (let taken = 0; taken < RECORDS_A_TURN; taken++) {
      const offset = ring.peek();
      if (offset < 0) return false;
      const kind = ring.kindAt(offset);
      const index = area.i32[(offset >> 2) + INDEX_WORD] as number;
      const worker = area.i32[(offset >> 2) + WORKER_WORD] as number;
      const started = area.f64[(offset >> 3) + STARTED_DOUBLE] as number;
      const ended = area.f64[(offset >> 3) + ENDED_DOUBLE] as number;
      let value: unknown;
      let unreadable: Error | null = null;
      try {
        value = area.isElsewhere(offset + VALUE_AT)
          ? contentOf(open(worker, index))
          : area.read(offset + VALUE_AT);
      } catch (cause) {
        unreadable = new TypeError('Cannot read what the worker has sent back', { cause });
      }
      ring.release(offset);
      if (unreadable !== null) this.#finish(ERROR, index, worker, started, ended, encodeError(unreadable));
      else if (kind <= CANCELLED) this.#finish(kind, index, worker, started, ended, value);
      else this.#notice(kind, index, worker, value);
    }
    return true;
  }

  #finish(kind: number, index: number, worker: number, started: number, ended: number, value: unknown): void {
    const call = this.#calls.get(index);
    if (call === undefined) return;
    this.#forget(call);
    if (call.done()) {
      // Somebody else has completed it.
    } else if (kind === CANCELLED) {
      this.#endInterrupted(call);
    } else {
      this.#accounts.ended(call._submitted, started, ended, this.#records[worker], kind === ERROR);
      if (kind === RESULT) call.setResult(value);
      else call.setException(decodeError(value as WireError));
    }
    this.#afterCall();
  }

  /** The call is about to end: nobody may look for it any more. */
  #forget(call: Call): void {
    this.#calls.delete(call._index as number);
    call._packed = null;
    if (this.#alarms.size > 0) this.#clearAlarm(call);
    this.#mailbox.settle();
  }

  #afterCall(): void {
    this.#flush();
    this.#roomMade();
    if (this.#shutDown) this.#closeIfDrained();
  }

  #roomMade(): void {
    if (this.#wantRoom.size > 0) this.#tellRoom();
  }

  #tellRoom(): void {
    if (this.#maxQueued === null || this.#queued() >= this.#maxQueued) return;
    this.#wantRoom.tellFirst();
    if (this.#wantRoom.size === 0) this._queue.watch(false);
  }

  #notice(kind: number, index: number, worker: number, value: unknown): void {
    switch (kind) {
      case READY:
        break;
      case WANT:
        this.#serveWant(worker, index);
        break;
      case STARTED:
        this.#hasStarted(index);
        break;
      case INITIALIZER_FAILED: {
        const cause = decodeError(value as WireError);
        logger.error('Exception in initializer:', cause);
        this.#break('A worker initializer has thrown: the pool is not usable any more', cause);
        break;
      }
      case GONE:
        this.#left(worker);
        break;
      case KILLED:
        this.#killed(worker, index);
        break;
      case DIED:
        this._hearDeath(worker, index, String(value));
        break;
    }
  }

  #serveWant(worker: number, index: number): void {
    const call = this.#calls.get(index);
    if (call?._packed === null) return; // on its way
    const packed = call?._packed;
    if (packed instanceof Held) this._supply(worker, { index, value: packed.value }, packed.list);
    else if (packed instanceof Uint8Array) this._supply(worker, { index, bytes: packed }, [packed.buffer]);
    else if (typeof packed === 'string')
      this._supply(worker, { index, bytes: serialize(JSON.parse(packed)) }, []);
    else this._supply(worker, { index, value: packed }, []);
  }

  #hasStarted(index: number): void {
    const call = this.#calls.get(index);
    const limit = call?._options?.timeout;
    if (call === undefined || limit === null || limit === undefined) return;
    call._state = 'RUNNING';
    this.#setAlarm(call, limit, () => {
      call._late = true;
      this._interruptCall(call, { interrupt: true });
    });
  }

  /** A worker has ended although nobody had asked it to. @internal */
  protected _died(worker: number, how: string, cause: unknown): void {
    const record = this.#records[worker];
    if (record === undefined) return;
    const index = this._queue.running(worker);
    const call = index === undefined ? undefined : this.#calls.get(index);
    this.#left(worker);
    if (this.#closed && call === undefined && this.#calls.size === 0) return;
    const name = call === undefined ? undefined : this._functions.get(call._fn)?.name;
    const doing = name === undefined ? '' : ` while it ran ${name === '' ? 'a function' : `${name}()`}`;
    this.#break(
      `A worker (${record.name}) ended abruptly${doing}: ${how}: the pool is not usable any more`,
      cause,
    );
  }

  #left(worker: number): void {
    if (this.#records[worker] === undefined) return;
    this.#vacate(worker);
    if (!this.#closed || this.#calls.size > 0) this.#hire();
    if (this.#alive === 0 && this.#shutDown && this.#calls.size === 0) this.#end();
  }

  /** The worker's place is free. */
  #vacate(worker: number): void {
    if (this.#records[worker] === undefined) return;
    this.#records[worker] = undefined;
    this.#alive -= 1;
    if (this.#closed) this.#mailbox.settle();
  }

  #break(message: string, cause: unknown): void {
    if (this.#broken !== null) return;
    const broken = this._brokenError(message, cause === undefined ? {} : { cause });
    this.#broken = broken;
    this.#shutDown = true;
    this._killAll();
    for (let worker = 0; worker < this.#records.length; worker++) this.#vacate(worker);
    const calls = [...this.#calls.values(), ...this.#backlog.list()];
    this.#backlog.clear();
    this.#calls.clear();
    for (const call of calls) {
      if (call.done()) continue;
      if (call._index !== undefined) this._queue.cancel(call._index);
      this.#clearAlarm(call);
      this.#mailbox.settle();
      call.setException(broken);
    }
    this.#wantRoom.tellAll();
    this.#end();
  }

  // --------------------------------------------------------------------------------------------------- the end

  shutdown(options: ShutdownOptions = {}): void {
    this.#beginShutdown(options.cancelFutures ?? false);
    if (options.wait ?? true) this.#mailbox.block(() => this.#isOver(), null);
  }

  shutdownAsync(options: { readonly cancelFutures?: boolean | undefined } = {}): Coroutine<void> {
    this.#beginShutdown(options.cancelFutures ?? false);
    return new Coroutine(this.#untilOver(), 'shutdownAsync');
  }

  *#untilOver(): Coro<void> {
    while (!this.#isOver()) yield* this.#wantEnd.wait(() => {});
  }

  #isOver(): boolean {
    return this.#alive === 0 && this.#calls.size === 0 && this.#backlog.isEmpty;
  }

  #beginShutdown(cancelFutures: boolean): void {
    this.#shutDown = true;
    if (cancelFutures) {
      const waiting = [...this.#calls.values(), ...this.#backlog.list()];
      for (const call of waiting) call.cancel();
      this.#flush();
    }
    this.#wantRoom.tellAll();
    this.#closeIfDrained();
  }

  /** Lets the workers go once no call waits here any more. */
  #closeIfDrained(): void {
    if (this.#closed || !this.#backlog.isEmpty) {
      if (this.#closed && this.#alive === 0 && this.#calls.size === 0) this.#end();
      return;
    }
    this.#closed = true;
    for (const record of this.#records) if (record !== undefined) this.#mailbox.owe();
    this._queue.close();
    if (this.#alive === 0 && this.#calls.size === 0) this.#end();
  }

  #end(): void {
    this.#mailbox.delete(this);
    this._ended();
    this.#wantEnd.tellAll();
  }

  /** Stops at once: cancels what waits, gives up what runs, and ends all workers. @internal */
  protected _forceShutdown(signal: () => void): void {
    this.#beginShutdown(true);
    signal();
  }

  /** Figures about the calls and the workers. */
  statistics(): PoolStatistics {
    const now = sharedClock();
    const queued = this.#queued();
    const { done, failed, cancelled, waitTime, runTime } = this.#accounts;
    return {
      queued,
      running: Math.max(0, this.#calls.size + this.#backlog.waiting - queued),
      done,
      failed,
      cancelled,
      workers: this.#records.flatMap((record) => (record === undefined ? [] : [record.report(now)])),
      waitTime,
      runTime,
    };
  }
}

function contentOf(parcel: Parcel): unknown {
  return parcel.bytes === undefined ? parcel.value : deserialize(parcel.bytes);
}

function checkCount(count: number | null | undefined, name: string): number | null {
  if (count === null || count === undefined) return null;
  if (typeof count !== 'number' || !Number.isInteger(count)) {
    throw new TypeError(`${name} must be an integer, got ${String(count)}`);
  }
  if (count <= 0) throw new ValueError(`${name} must be greater than 0`);
  return count;
}

/** Whether it may turn out that a worker can run it. */
function isSendable(fn: unknown): boolean {
  return typeof fn === 'function' || isWorkerRef(fn);
}

function specifyInitializer(initializer: WorkerFunction<never, unknown>): FunctionSpec {
  if (typeof initializer !== 'function' && (typeof initializer !== 'object' || initializer === null)) {
    throw new TypeError('initializer must be a function or a workerRef()');
  }
  return specify(initializer as never);
}
