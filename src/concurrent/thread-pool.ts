/** Pools of worker threads. */

import type { MessagePort, Worker } from 'node:worker_threads';
import { threadBroker } from './broker-client.js';
import { BrokenInterpreterPool, BrokenThreadPool } from './exceptions.js';
import type { FunctionSpec } from './function-spec.js';
import { threadMailbox } from './mailbox.js';
import { program } from './programs.js';
import type { Order, Parcel, ThreadSetup } from './protocol.js';
import { RecordRing } from './record-ring.js';
import type { TransferList } from './transfer-list.js';
import { definedVariables, type PoolOptions, WorkerPool } from './worker-pool.js';

/** Limits of a worker's memory, in megabytes, as Node has them. */
export interface ResourceLimits {
  readonly maxYoungGenerationSizeMb?: number | undefined;
  readonly maxOldGenerationSizeMb?: number | undefined;
  readonly codeRangeSizeMb?: number | undefined;
  readonly stackSizeMb?: number | undefined;
}

/** What a pool of threads is told. `I`: the arguments of its initializer. */
export interface ThreadPoolOptions<I extends readonly unknown[] = readonly unknown[]> extends PoolOptions<I> {
  /** What the names of the workers begin with; `ThreadPoolExecutor-N` unless told. */
  readonly threadNamePrefix?: string | undefined;
  /** A worker that exceeds them breaks the pool. */
  readonly resourceLimits?: ResourceLimits | undefined;
  /** The environment of the workers; a copy of this thread's unless told. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/** Bytes of the ring in which a worker writes its results. */
const RING = 64 * 1024;
/** Bytes of the ring for the broker's notices. */
const NOTICES = 4 * 1024;

/** One worker thread, as its owner sees it. */
interface Thread {
  /** Tells it from its predecessors in the same place. */
  readonly serial: number;
  readonly worker: Worker;
  readonly port: MessagePort;
  readonly results: RecordRing;
  /** Its other end closes when the thread ends: how the broker sees that. `null` once the broker has this end. */
  lifeline: MessagePort | null;
  /** What it died of. */
  error: unknown;
}

let poolsMade = 0;

/**
 * Runs calls in worker threads. They start on demand and are reused; idle ones do not keep the process alive.
 *
 * A thread shares no variables with its owner: a function is sent by its source text, and must not use variables from
 * outside, or by reference to a module (`workerRef`). Arguments and results are copied as by `structuredClone`, moved with
 * `transfer()`, or shared (`SharedArrayBuffer`). Source: `concurrent.futures.ThreadPoolExecutor`.
 *
 * `using` shuts the pool down at the end of the block and waits for its work, blocking; `await using` waits without blocking.
 *
 * @throws TypeError and ValueError for wrong options, here; see `submit()` for those of functions and arguments.
 * @example
 * ```ts
 * import { ThreadPoolExecutor } from 'tsyncio/concurrent';
 *
 * using executor = new ThreadPoolExecutor({ maxWorkers: 2 });
 * const future = executor.submit((text: string) => [...text].reverse().join(''), 'desrever');
 * console.log(future.result()); //=> reversed
 * ```
 */
export class ThreadPoolExecutor<I extends readonly unknown[] = readonly unknown[]> extends WorkerPool {
  readonly #prefix: string;
  readonly #limits: ResourceLimits | undefined;
  readonly #env: Record<string, string> | undefined;
  readonly #threads: (Thread | undefined)[] = [];
  readonly #wake: Int32Array;
  readonly #notices = new RecordRing(NOTICES);
  #watched = false;
  #started = 0;

  constructor(options: ThreadPoolOptions<I> = {}) {
    super(options as PoolOptions, Math.min(32, availableParallelism() + 4), true);
    this.#prefix = options.threadNamePrefix || this._defaultPrefix();
    this.#limits = options.resourceLimits;
    this.#env = definedVariables(options.env);
    this.#wake = new Int32Array(new SharedArrayBuffer(4 * this.maxWorkers));
  }

  /** @internal */
  protected _defaultPrefix(): string {
    const prefix = `ThreadPoolExecutor-${poolsMade}`;
    poolsMade += 1;
    return prefix;
  }

  /** @internal */
  protected _nameWorker(number: number): string {
    return `${this.#prefix}_${number}`;
  }

  /** @internal */
  protected _start(worker: number, name: string): void {
    const { Worker, MessageChannel } = process.getBuiltinModule('node:worker_threads');
    const { port1: port, port2: theirs } = new MessageChannel();
    const { port1: lifeline, port2: theirLifeline } = new MessageChannel();
    const results = new RecordRing(RING);
    const setup: ThreadSetup = {
      name,
      worker,
      workers: this.maxWorkers,
      queue: this._queue.memory,
      results: results.memory,
      bell: threadMailbox().memory,
      wake: this.#wake.buffer as SharedArrayBuffer,
      port: theirs,
      lifeline: theirLifeline,
      functions: [...this._functions],
      initializer: this._initializer,
      initargs: this._initargs,
    };
    this.#started += 1;
    const thread: Thread = {
      serial: this.#started,
      worker: new Worker(program('thread-worker'), {
        workerData: setup,
        transferList: [theirs, theirLifeline],
        name,
        ...(this.#limits === undefined ? {} : { resourceLimits: this.#limits }),
        ...(this.#env === undefined ? {} : { env: this.#env }),
      }),
      port,
      results,
      lifeline,
      error: undefined,
    };
    this.#threads[worker] = thread;
    thread.worker.unref();
    thread.worker.on('error', (error) => {
      thread.error = error;
    });
    thread.worker.on('exit', (code) => this.#exited(worker, thread, describeEnd(thread.error, code)));
    if (this.#watched) this.#watch(worker, thread);
  }

  #exited(worker: number, thread: Thread, how: string): void {
    if (this.#threads[worker] !== thread) return;
    while (this._receive(thread.results, this.#open));
    if (this.#threads[worker] !== thread) return;
    this.#threads[worker] = undefined;
    this._died(worker, how, thread.error);
  }

  /** @internal */
  protected _hearDeath(worker: number, serial: number, how: string): void {
    const thread = this.#threads[worker];
    if (thread?.serial === serial) this.#exited(worker, thread, how);
  }

  /** The thread is about to be blocked for long: from now on the broker tells of deaths. */
  blocked(): void {
    this.#watched = true;
    for (const [worker, thread] of this.#threads.entries()) {
      if (thread !== undefined) this.#watch(worker, thread);
    }
  }

  #watch(worker: number, thread: Thread): void {
    if (thread.lifeline === null) return;
    threadBroker().watch(thread.lifeline, worker, thread.serial, this.#notices.memory);
    thread.lifeline = null;
  }

  /** @internal */
  protected _define(fn: number, spec: FunctionSpec): void {
    this.#tellAll({ type: 'define', fn, spec });
  }

  #tellAll(order: Order): void {
    for (const thread of this.#threads) thread?.port.postMessage(order);
  }

  /** @internal */
  protected _supply(worker: number, parcel: Parcel, list: TransferList): void {
    this.#threads[worker]?.port.postMessage({ type: 'supply', parcel } satisfies Order, [...list]);
    Atomics.add(this.#wake, worker, 1);
    Atomics.notify(this.#wake, worker);
  }

  /** @internal */
  protected _tellInterrupt(worker: number, index: number): void {
    this.#threads[worker]?.port.postMessage({ type: 'interrupt', index } satisfies Order);
  }

  /** @internal */
  protected _kill(worker: number): void {
    const thread = this.#threads[worker];
    this.#threads[worker] = undefined;
    void thread?.worker.terminate();
  }

  /** @internal */
  protected _killAll(): void {
    for (const worker of this.#threads.keys()) this._kill(worker);
  }

  /** @internal */
  protected _brokenError(message: string, options: ErrorOptions): BrokenThreadPool {
    return new BrokenThreadPool(message, options);
  }

  /** @internal */
  protected _takeIn(): boolean {
    let more = false;
    for (const thread of this.#threads) {
      if (thread !== undefined && this._receive(thread.results, this.#open)) more = true;
    }
    if (this.#watched && this._receive(this.#notices, this.#open)) more = true;
    return more;
  }

  readonly #open = (worker: number): Parcel => {
    const { receiveMessageOnPort } = process.getBuiltinModule('node:worker_threads');
    const { port } = this.#threads[worker] as Thread;
    return receiveMessageOnPort(port)?.message as Parcel;
  };

  /** @internal */
  protected _ended(): void {
    for (const thread of this.#threads) thread?.port.close();
    this.#threads.length = 0;
    this.#notices.abandon();
  }
}

function describeEnd(error: unknown, code: number): string {
  if (error === undefined) return `it exited with code ${code}`;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

function availableParallelism(): number {
  return process.getBuiltinModule('node:os').availableParallelism();
}

let interpreterPoolsMade = 0;

/**
 * A `ThreadPoolExecutor` by the name that Python has for threads that share nothing: here every worker thread is such an
 * interpreter. Source: `concurrent.futures.InterpreterPoolExecutor`.
 */
export class InterpreterPoolExecutor<
  I extends readonly unknown[] = readonly unknown[],
> extends ThreadPoolExecutor<I> {
  /** @internal */
  protected override _defaultPrefix(): string {
    const prefix = `InterpreterPoolExecutor-${interpreterPoolsMade}`;
    interpreterPoolsMade += 1;
    return prefix;
  }

  /** @internal */
  protected override _brokenError(message: string, options: ErrorOptions): BrokenInterpreterPool {
    return new BrokenInterpreterPool(message, options);
  }
}
