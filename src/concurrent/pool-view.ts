/** A pool seen under other rules for the calls that are submitted through it. */

import type { Coroutine } from '../core/index.js';
import type { CallOptions } from './call.js';
import {
  Executor,
  type ExecutorResults,
  type MapOptions,
  type Returned,
  type ShutdownOptions,
  type WorkerFunction,
} from './executor.js';
import type { Future } from './futures.js';
import type { WorkerPool } from './worker-pool.js';

/** A pool under other rules: see {@link WorkerPool.withOptions}. It is shut down with its pool. */
export class PoolView extends Executor {
  readonly #pool: WorkerPool;
  readonly #options: CallOptions;

  /** @internal */
  constructor(pool: WorkerPool, options: CallOptions) {
    super();
    this.#pool = pool;
    this.#options = options;
  }

  submit<A extends readonly unknown[], R>(fn: WorkerFunction<A, R>, ...args: A): Future<Returned<R>> {
    this.#pool._checkRoom();
    return this.#pool._submit(fn as never, args, 0, this.#options) as never;
  }

  submitAsync<A extends readonly unknown[], R>(fn: WorkerFunction<A, R>, ...args: A): Coroutine<Returned<R>> {
    return this.#pool._submitAsync(fn as never, args, this.#options) as Coroutine<Returned<R>>;
  }

  override map<A extends readonly unknown[], R>(
    fn: WorkerFunction<A, R>,
    iterables: { readonly [K in keyof A]: Iterable<A[K]> },
    options: MapOptions = {},
  ): ExecutorResults<Returned<R>> {
    return this.#pool._map(fn as never, iterables as never, options, this.#options) as never;
  }

  shutdown(options?: ShutdownOptions): void {
    this.#pool.shutdown(options);
  }

  shutdownAsync(options?: { readonly cancelFutures?: boolean | undefined }): Coroutine<void> {
    return this.#pool.shutdownAsync(options);
  }
}
