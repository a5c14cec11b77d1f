/** Pools of worker processes. */

import type { MessagePort } from 'node:worker_threads';
import { ValueError } from '../core/index.js';
import { threadBroker } from './broker-client.js';
import { BrokenProcessPool } from './exceptions.js';
import type { FunctionSpec } from './function-spec.js';
import type { Order, Parcel } from './protocol.js';
import { RecordRing } from './record-ring.js';
import { killAtExit } from './running-processes.js';
import { definedVariables, type PoolOptions, WorkerPool } from './worker-pool.js';

/** What a pool of processes is told. `I`: the arguments of its initializer. */
export interface ProcessPoolOptions<I extends readonly unknown[] = readonly unknown[]>
  extends PoolOptions<I> {
  /** How processes start: always as new ones ('forkserver' means the same). */
  readonly mpContext?: { readonly startMethod: 'spawn' | 'forkserver' } | null | undefined;
  /** How many calls a process runs before a new one takes its place; `null` for no limit. */
  readonly maxTasksPerChild?: number | null | undefined;
  /** Options for the processes' Node; those of this process unless told. */
  readonly execArgv?: readonly string[] | undefined;
  /** The environment of the processes; this process's unless told. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/** Bytes of the ring in which the broker writes results. */
const RING = 256 * 1024;
const WINDOWS_LIMIT = 61;

let poolsMade = 0;

/**
 * Runs calls in worker processes: slower to reach than threads, but a crash, a leak or a `process.exit()` in one is no
 * other's business, and each has its own memory limit. Use it as {@link ThreadPoolExecutor}; what is sent is always copied, and nothing can be shared.
 *
 * @throws TypeError and ValueError for wrong options.
 * @example
 * ```ts
 * import { ProcessPoolExecutor } from 'tsyncio/concurrent';
 *
 * using executor = new ProcessPoolExecutor({ maxWorkers: 1 });
 * const future = executor.submit(() => process.pid);
 * console.log(future.result() !== process.pid); //=> true
 * ```
 */
export class ProcessPoolExecutor<I extends readonly unknown[] = readonly unknown[]> extends WorkerPool {
  readonly #options: ProcessPoolOptions;
  readonly #env: Record<string, string> | undefined;
  readonly #id: number;
  readonly #results = new RecordRing(RING);
  /** The serial number of the process in each place. */
  readonly #serials: (number | undefined)[] = [];
  #started = 0;
  #port: MessagePort | null = null;
  #forget = () => {};

  constructor(options: ProcessPoolOptions<I> = {}) {
    super(options as PoolOptions, process.getBuiltinModule('node:os').availableParallelism(), false);
    if (process.platform === 'win32' && this.maxWorkers > WINDOWS_LIMIT) {
      throw new ValueError(`maxWorkers must be <= ${WINDOWS_LIMIT} on Windows`);
    }
    checkOptions(options);
    this.#options = options as ProcessPoolOptions;
    this.#env = definedVariables(options.env);
    this.#id = poolsMade;
    poolsMade += 1;
  }

  /** @internal */
  protected _nameWorker(number: number): string {
    return `ProcessPoolExecutor-${this.#id}_${number}`;
  }

  override _batchSize(chunksize: number): number {
    if (!Number.isInteger(chunksize))
      throw new TypeError(`chunksize must be an integer, got ${String(chunksize)}`);
    if (chunksize < 1) throw new ValueError('chunksize must be >= 1.');
    return chunksize;
  }

  #open(): void {
    if (this.#port !== null) return;
    const { MessageChannel } = process.getBuiltinModule('node:worker_threads');
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const { execArgv, maxTasksPerChild } = this.#options;
    const pids = new Int32Array(new SharedArrayBuffer(4 * this.maxWorkers));
    this.#forget = killAtExit({ pids, queue: this._queue });
    threadBroker().send(
      {
        type: 'pool',
        pool: this.#id,
        setup: {
          workers: this.maxWorkers,
          queue: this._queue.memory,
          results: this.#results.memory,
          pids,
          port: port2,
          execArgv: execArgv ?? optionsOf(process.execArgv),
          env: this.#env ?? null,
          maxTasksPerChild: maxTasksPerChild ?? null,
        },
      },
      [port2],
    );
  }

  /** @internal */
  protected _start(worker: number, name: string): void {
    this.#open();
    this.#started += 1;
    this.#serials[worker] = this.#started;
    threadBroker().send({
      type: 'start',
      pool: this.#id,
      serial: this.#started,
      setup: {
        name,
        worker,
        functions: [...this._functions],
        initializer: this._initializer,
        initargs: this._initargs,
      },
    });
  }

  /** What only an event loop would tell, the broker tells always. @internal */
  blocked(): void {}

  /** @internal */
  protected _define(fn: number, spec: FunctionSpec): void {
    if (this.#port !== null) this.#order(-1, { type: 'define', fn, spec });
  }

  #order(worker: number, order: Order, list: readonly ArrayBuffer[] = []): void {
    threadBroker().send({ type: 'order', pool: this.#id, worker, order }, list);
  }

  /** @internal */
  protected _supply(worker: number, parcel: Parcel): void {
    this.#order(worker, { type: 'supply', parcel }, parcel.bytes === undefined ? [] : [parcel.bytes.buffer]);
  }

  /** @internal */
  protected _tellInterrupt(): void {
    // the broker is asked
  }

  /** @internal */
  protected _kill(worker: number): void {
    this.#serials[worker] = undefined;
    threadBroker().send({ type: 'signal', pool: this.#id, worker, signal: 'SIGKILL' });
  }

  /** @internal */
  protected override _askToInterrupt(index: number): boolean {
    threadBroker().send({ type: 'interrupt', pool: this.#id, index });
    return true;
  }

  /** @internal */
  protected override _askToKill(index: number): boolean {
    threadBroker().send({ type: 'kill', pool: this.#id, index });
    return true;
  }

  /** @internal */
  protected _killAll(): void {
    for (const worker of this.#serials.keys()) if (this.#serials[worker] !== undefined) this._kill(worker);
  }

  /** @internal */
  protected _brokenError(message: string, options: ErrorOptions): BrokenProcessPool {
    return new BrokenProcessPool(message, options);
  }

  /** @internal */
  protected _takeIn(): boolean {
    return this._receive(this.#results, this.#receiveParcel);
  }

  readonly #receiveParcel = (): Parcel => {
    const { receiveMessageOnPort } = process.getBuiltinModule('node:worker_threads');
    return receiveMessageOnPort(this.#port as MessagePort)?.message as Parcel;
  };

  /** @internal */
  protected _hearDeath(worker: number, serial: number, how: string): void {
    if (this.#serials[worker] !== serial) return;
    this.#serials[worker] = undefined;
    this._died(worker, how, undefined);
  }

  /** @internal */
  protected _ended(): void {
    if (this.#port === null) return;
    threadBroker().send({ type: 'end', pool: this.#id });
    this.#port.close();
    this.#port = null;
    this.#forget();
    this.#results.abandon();
  }

  /**
   * Stops at once: cancels what has not begun and sends SIGTERM to every process. What runs fails with BrokenProcessPool.
   * Source: `concurrent.futures.ProcessPoolExecutor.terminate_workers`.
   */
  terminateWorkers(): void {
    this.#force('SIGTERM');
  }

  /** {@link terminateWorkers} with SIGKILL, which no process can ignore. */
  killWorkers(): void {
    this.#force('SIGKILL');
  }

  #force(signal: NodeJS.Signals): void {
    this._forceShutdown(() => {
      if (this.#port !== null) threadBroker().send({ type: 'signal', pool: this.#id, worker: -1, signal });
    });
  }
}

/** Options of Node without those that say what it is to run: a worker runs a program of its own. */
function optionsOf(execArgv: readonly string[]): string[] {
  const options: string[] = [];
  for (let i = 0; i < execArgv.length; i++) {
    const option = execArgv[i] as string;
    if (/^(-e|-p|-pe|--eval|--print|--input-type)$/.test(option)) i += 1;
    else if (!/^--(eval|print|input-type)=/.test(option)) options.push(option);
  }
  return options;
}

function checkOptions(options: Pick<ProcessPoolOptions, 'mpContext' | 'maxTasksPerChild'>): void {
  const { mpContext, maxTasksPerChild } = options;
  const method = mpContext?.startMethod;
  if (method !== undefined && method !== 'spawn' && method !== 'forkserver') {
    throw new ValueError(`Cannot start processes by ${JSON.stringify(method)}: Node knows 'spawn' only`);
  }
  if (maxTasksPerChild === null || maxTasksPerChild === undefined) return;
  if (!Number.isInteger(maxTasksPerChild)) {
    throw new TypeError(`maxTasksPerChild must be an integer, got ${String(maxTasksPerChild)}`);
  }
  if (maxTasksPerChild <= 0) throw new ValueError('maxTasksPerChild must be >= 1');
}
