/** The executor's contract: `submit`, `map`, `shutdown`. Python's `concurrent.futures.Executor`. */

import {
  type AsyncIteration,
  CancelledError,
  type Coro,
  Coroutine,
  currentTask,
  type Duration,
  Lock,
  TimeoutError,
  ValueError,
} from '../core/index.js';
import { toSecondsOrNull } from '../core/lowlevel.js';
import { wrapFuture } from './chaining.js';
import { Future } from './futures.js';
import { type Progress, startProgress } from './progress.js';
import type { WorkerRef } from './worker-ref.js';

/** What a call gives: what the function returns, or what that comes to when it is a promise or a coroutine. */
export type Returned<R> =
  R extends Generator<infer _Yielded, infer T, infer _Sent> ? T : R extends PromiseLike<infer T> ? T : R;

/** A function that can run in another thread or process: a self-contained one, or a reference to one of a module. */
export type WorkerFunction<A extends readonly unknown[], R> = ((...args: A) => R) | WorkerRef<A, R>;

/** What a progress bar shows. */
export interface ProgressOptions {
  /** How many results there will be; counted where the iterables have a length. */
  readonly total?: number | undefined;
  /** What stands before the bar. */
  readonly label?: string | undefined;
}

/** What {@link Executor.map} is told. */
export interface MapOptions {
  /** Seconds from the call; a result that is later than this raises TimeoutError. */
  readonly timeout?: Duration | null | undefined;
  /** How many calls travel together: worth it for many short calls, and for processes only. */
  readonly chunksize?: number | undefined;
  /** The most calls that are submitted and not yet taken as results: an endless iterable runs in constant memory. */
  readonly buffersize?: number | null | undefined;
  /** Shows a progress bar on standard error, where that is a terminal. */
  readonly progress?: boolean | ProgressOptions | undefined;
}

/** How {@link Executor.shutdown} goes about it. */
export interface ShutdownOptions {
  /** Whether to block until all work is done and the workers are gone. */
  readonly wait?: boolean | undefined;
  /** Whether to cancel the calls that have not begun. */
  readonly cancelFutures?: boolean | undefined;
}

/** Runs calls somewhere else. Subclasses bring `submit` and `shutdown`. */
export abstract class Executor implements Disposable, AsyncDisposable {
  /**
   * Schedules `fn(...args)` and returns its future at once.
   *
   * @throws RuntimeError after `shutdown()`; TypeError for a function that cannot be run elsewhere, or an argument that cannot
   * be sent there: the message says which.
   */
  abstract submit<A extends readonly unknown[], R>(fn: WorkerFunction<A, R>, ...args: A): Future<Returned<R>>;

  /**
   * Calls `fn` with one value of each iterable, for as long as all of them have one, and gives the results in that order.
   * Everything is submitted at the call, unless `buffersize` limits it. Iterating it with `for` *blocks the thread*; `for
   * await`, and `yield*` of its `next()` from the async iterator, suspend the task. Source: `concurrent.futures.Executor.map`.
   *
   * *Cancellation*, an error and leaving the loop cancel the calls whose results were not taken.
   *
   * @param iterables one for each parameter: `map(f, [[1, 2, 3]])`, `map(g, [names, sizes])`.
   * @throws TimeoutError at the result that is late; what a call threw, when its turn comes.
   * @example
   * ```ts
   * import { ThreadPoolExecutor } from 'tsyncio/concurrent';
   *
   * using executor = new ThreadPoolExecutor();
   * console.log([...executor.map((a: number, b: number) => a * b, [[1, 2, 3], [4, 5, 6]])]); //=> [ 4, 10, 18 ]
   * ```
   */
  map<A extends readonly unknown[], R>(
    fn: WorkerFunction<A, R>,
    iterables: { readonly [K in keyof A]: Iterable<A[K]> },
    options: MapOptions = {},
  ): ExecutorResults<Returned<R>> {
    checkIterables(iterables);
    const calls = zip(iterables);
    return new ExecutorResults<Returned<R>>({
      next: () => {
        const { value, done } = calls.next();
        return done === true ? null : (this.submit(fn, ...(value as unknown as A)) as Future<unknown>);
      },
      close: () => calls.return(),
      unbatch: null,
      timeout: toSecondsOrNull(options.timeout, 'timeout'),
      buffersize: checkBuffersize(options.buffersize),
      progress: progressOf(options.progress, iterables),
    });
  }

  /**
   * Lets the executor finish what was submitted and then go; nothing more can be submitted. With `wait` (the default) it
   * *blocks the thread* until the workers are gone. May be called again.
   */
  abstract shutdown(options?: ShutdownOptions): void;

  /** `shutdown()` for tasks: *suspends* until all work is done and the workers are gone. *Cancellation* stops the waiting only. */
  abstract shutdownAsync(options?: { readonly cancelFutures?: boolean | undefined }): Coroutine<void>;

  /** `using executor = …`: shuts down and *blocks* until all work is done, as Python's `with`. */
  [Symbol.dispose](): void {
    this.shutdown();
  }

  /** `await using executor = …`: the same without blocking. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdownAsync();
  }
}

/** Tuples of one value of each, until one has no more. @internal */
export function* zip(
  iterables: readonly Iterable<unknown>[],
): Generator<readonly unknown[], void, undefined> {
  const iterators = iterables.map((each) => each[Symbol.iterator]());
  try {
    for (;;) {
      const values: unknown[] = [];
      for (const iterator of iterators) {
        const { value, done } = iterator.next();
        if (done === true) return;
        values.push(value);
      }
      if (values.length === 0) return;
      yield values;
    }
  } finally {
    for (const iterator of iterators) iterator.return?.();
  }
}

/** Checks what `map` was given. @internal */
export function checkIterables(iterables: unknown): asserts iterables is readonly Iterable<unknown>[] {
  const each = Array.isArray(iterables) ? (iterables as unknown[]) : [iterables];
  if (
    !Array.isArray(iterables) ||
    each.some((one) => typeof (one as Iterable<unknown> | null)?.[Symbol.iterator] !== 'function')
  ) {
    throw new TypeError(
      'map() takes an array of iterables, one for each parameter of the function: map(square, [[1, 2, 3]])',
    );
  }
}

/** @internal */
export function checkBuffersize(buffersize: number | null | undefined): number | null {
  if (buffersize === null || buffersize === undefined) return null;
  if (!Number.isInteger(buffersize))
    throw new TypeError(`buffersize must be an integer or null, got ${String(buffersize)}`);
  if (buffersize < 1) throw new ValueError(`buffersize must be 1 or more, got ${buffersize}`);
  return buffersize;
}

/** @internal */
export function progressOf(
  wanted: boolean | ProgressOptions | undefined,
  iterables: readonly Iterable<unknown>[],
): Progress | null {
  if (wanted === undefined || wanted === false) return null;
  const options = wanted === true ? {} : wanted;
  const total = options.total ?? countOf(iterables);
  return startProgress({ ...options, ...(total === undefined ? {} : { total }) });
}

/** How many results there will be, where the iterables tell. */
function countOf(iterables: readonly Iterable<unknown>[]): number | undefined {
  let least: number | undefined;
  for (const each of iterables) {
    const { length, size } = each as { length?: unknown; size?: unknown };
    const count = typeof length === 'number' ? length : typeof size === 'number' ? size : undefined;
    if (count !== undefined && (least === undefined || count < least)) least = count;
  }
  return least;
}

/** Where {@link ExecutorResults} has its calls from. @internal */
export interface Feed {
  /** Submits the next call; `null` when there are no more. */
  next(): Future<unknown> | null;
  close(): void;
  /** The results in the result of a batch of calls; `null` when each call travels alone. */
  readonly unbatch: ((value: unknown) => readonly unknown[]) | null;
  readonly timeout: number | null;
  readonly buffersize: number | null;
  readonly progress: Progress | null;
}

/** The steps of {@link ExecutorResults} for tasks. */
interface AsyncSteps<T> extends AsyncIteration<T> {
  return(): Coroutine<IteratorResult<T, undefined>>;
}

/** The results of {@link Executor.map}: to be iterated once, with `for` (which blocks) or with `for await`. */
export class ExecutorResults<T> implements IterableIterator<T, void, undefined> {
  readonly #feed: Feed;
  readonly #deadline: number | null;
  /** The calls whose results are not taken yet, from `#first` on. */
  #futures: (Future<unknown> | undefined)[] = [];
  #first = 0;
  /** Results of a batch that were not given yet. */
  #ready: readonly unknown[] = [];
  #given = 0;
  #more = true;
  #over = false;
  /** Held by the step that waits: several tasks may take the results in turn. */
  readonly #turn = new Lock();

  /** @internal */
  constructor(feed: Feed) {
    this.#feed = feed;
    this.#deadline = feed.timeout === null ? null : performance.now() / 1000 + feed.timeout;
    try {
      while (this.#more && (feed.buffersize === null || this.#futures.length < feed.buffersize))
        this.#submit();
    } catch (error) {
      this.#stop();
      throw error;
    }
  }

  #submit(): void {
    const future = this.#feed.next();
    if (future === null) {
      this.#more = false;
      return;
    }
    this.#futures.push(future);
    const { progress, unbatch } = this.#feed;
    if (progress === null) return;
    future.addDoneCallback(() => {
      if (future.cancelled() || this.#over) return;
      const count = unbatch === null || future.exception() !== null ? 1 : unbatch(future.result()).length;
      progress.advance(count);
    });
  }

  #left(): number | null {
    return this.#deadline === null ? null : Math.max(0, this.#deadline - performance.now() / 1000);
  }

  /** Takes the oldest future, which is done, out; and its result. */
  #take(): T {
    const future = this.#futures[this.#first] as Future<unknown>;
    this.#futures[this.#first] = undefined;
    this.#first += 1;
    if (this.#first > 1024 && this.#first * 2 > this.#futures.length) {
      this.#futures = this.#futures.slice(this.#first);
      this.#first = 0;
    }
    const result = future.result();
    if (this.#more) this.#submit();
    const { unbatch } = this.#feed;
    if (unbatch === null) return result as T;
    this.#ready = unbatch(result);
    this.#given = 1;
    return this.#ready[0] as T;
  }

  #next(): IteratorResult<T, void> | Future<unknown> {
    if (this.#given < this.#ready.length) {
      const value = this.#ready[this.#given] as T;
      this.#given += 1;
      return { value, done: false };
    }
    const future = this.#futures[this.#first];
    if (future !== undefined) return future;
    this.#stop();
    return { value: undefined, done: true };
  }

  next(): IteratorResult<T, void> {
    const next = this.#next();
    if (!(next instanceof Future)) return next;
    try {
      next.exception(this.#left());
      return { value: this.#take(), done: false };
    } catch (error) {
      this.#stop();
      throw error;
    }
  }

  /** Cancels the calls whose results were not taken. */
  return(): IteratorResult<T, void> {
    this.#stop();
    return { value: undefined, done: true };
  }

  #stop(): void {
    if (this.#over) return;
    this.#over = true;
    this.#more = false;
    this.#feed.close();
    for (const future of this.#futures.slice(this.#first)) future?.cancel({ interrupt: true });
    this.#futures = [];
    this.#first = 0;
    this.#feed.progress?.stop();
  }

  [Symbol.iterator](): this {
    return this;
  }

  /** The same results for tasks: each step *suspends* instead of blocking. */
  [Symbol.asyncIterator](): AsyncSteps<T> & AsyncIterator<T, undefined> {
    const steps = this.#step.bind(this);
    const iterator: AsyncSteps<T> = {
      next: () => new Coroutine(steps(), 'map'),
      return: () => {
        this.#stop();
        return new Coroutine(over<T>(), 'map');
      },
      [Symbol.asyncIterator](): never {
        return this as never;
      },
    };
    return iterator as never;
  }

  *#step(): Coro<IteratorResult<T, undefined>> {
    yield* this.#turn.acquire();
    try {
      for (;;) {
        const next = this.#next();
        if (!(next instanceof Future)) return next as IteratorResult<T, undefined>;
        yield* settled(next, this.#left());
        // Meanwhile it may have been taken by a blocking step, or dropped with all others.
        if (this.#futures[this.#first] === next) return { value: this.#take(), done: false };
      }
    } catch (error) {
      const leftByAnother =
        this.#over && error instanceof CancelledError && currentTask()?.cancelling() === 0;
      if (leftByAnother) return { value: undefined, done: true };
      this.#stop();
      throw error;
    } finally {
      this.#turn.release();
    }
  }
}

function* over<T>(): Coro<IteratorResult<T, undefined>> {
  return { value: undefined, done: true };
}

/** Waits until `future` is done, and throws what `result()` would throw. */
function* settled(future: Future<unknown>, left: number | null): Coro<void> {
  if (future.done()) return;
  const waiter = wrapFuture(future);
  if (left === null) {
    yield* waiter;
    return;
  }
  const loop = waiter.getLoop();
  let late = false;
  const timer = loop.callLater(left, () => {
    late = true;
    waiter.cancel();
  });
  try {
    yield* waiter;
  } catch (error) {
    if (late) throw new TimeoutError('The result is late', { cause: error });
    throw error;
  } finally {
    timer.cancel();
  }
}
