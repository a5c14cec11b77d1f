/** Waiting for several futures of executors: `wait` and `asCompleted`, each blocking and not. */

import {
  ALL_COMPLETED,
  type AsyncIteration,
  Future as AsyncioFuture,
  type Coro,
  Coroutine,
  type Duration,
  FIRST_COMPLETED,
  FIRST_EXCEPTION,
  getRunningLoop,
  type ReturnWhen,
  TimeoutError,
  ValueError,
} from '../core/index.js';
import { toSecondsOrNull } from '../core/lowlevel.js';
import { Future } from './futures.js';
import { threadMailbox } from './mailbox.js';

/** What {@link wait} returns: `const { done, notDone } = …`, or `const [done, notDone] = …`. */
export class DoneAndNotDoneFutures<F> implements Iterable<Set<F>> {
  readonly done: Set<F>;
  readonly notDone: Set<F>;

  /** @internal */
  constructor(futures: Iterable<F & Future>) {
    this.done = new Set();
    this.notDone = new Set();
    for (const future of futures) (future._settled() ? this.done : this.notDone).add(future);
  }

  *[Symbol.iterator](): Generator<Set<F>, void, undefined> {
    yield this.done;
    yield this.notDone;
  }
}

// biome-ignore lint/suspicious/noExplicitAny: a future of any result
type AnyFuture = Future<any>;

/** When {@link wait} and {@link waitAsync} return. */
export interface WaitOptions {
  /** Seconds; `null` for no limit. */
  readonly timeout?: Duration | null | undefined;
  readonly returnWhen?: ReturnWhen | undefined;
}

function asFutures<F extends AnyFuture>(futures: Iterable<F>, caller: string): Set<F> {
  if (futures instanceof Future || typeof futures?.[Symbol.iterator] !== 'function') {
    throw new TypeError(`${caller}() expects an iterable of futures, got ${String(futures)}`);
  }
  const set = new Set(futures);
  for (const each of set) {
    if (!(each instanceof Future)) {
      throw new TypeError(`${caller}() expects futures of an executor, got ${String(each)} among them`);
    }
  }
  return set;
}

/** Counts the futures that are settled, and knows when enough are. */
class Tally<F extends AnyFuture> {
  readonly #watched: F[] = [];
  #left: number;
  #enough: boolean;
  /** Called once, when enough are settled after all. */
  onEnough: (() => void) | null = null;
  readonly #returnWhen: ReturnWhen;

  constructor(futures: ReadonlySet<F>, returnWhen: ReturnWhen) {
    this.#returnWhen = returnWhen;
    this.#left = futures.size;
    this.#enough = futures.size === 0;
    for (const future of futures) {
      if (future._settled()) this.#count(future);
      else this.#watched.push(future);
    }
    if (!this.#enough) for (const future of this.#watched) future._watch(this.#count);
  }

  readonly #count = (future: AnyFuture): void => {
    this.#left -= 1;
    if (this.#enough) return;
    const failed = this.#returnWhen === FIRST_EXCEPTION && !future.cancelled() && future._failed;
    if (this.#left > 0 && this.#returnWhen !== FIRST_COMPLETED && !failed) return;
    this.#enough = true;
    this.onEnough?.();
  };

  readonly isEnough = (): boolean => this.#enough;

  stop(): void {
    for (const future of this.#watched) future._unwatch(this.#count);
  }
}

function tally<F extends AnyFuture>(
  futures: ReadonlySet<F>,
  returnWhen: ReturnWhen = ALL_COMPLETED,
): Tally<F> {
  if (returnWhen !== FIRST_COMPLETED && returnWhen !== FIRST_EXCEPTION && returnWhen !== ALL_COMPLETED) {
    throw new ValueError(`Invalid returnWhen: ${String(returnWhen)}`);
  }
  return new Tally(futures, returnWhen);
}

/**
 * Waits until some or all futures are done; *blocks the thread*. The timeout raises nothing: what is not done stands in
 * `notDone`. Duplicates count once. Source: `concurrent.futures.wait`.
 *
 * @throws TypeError for anything but an iterable of futures; ValueError for an unknown `returnWhen`.
 * @example
 * ```ts
 * import { ThreadPoolExecutor, wait } from 'tsyncio/concurrent';
 *
 * using executor = new ThreadPoolExecutor();
 * const futures = [1, 2, 3].map((n) => executor.submit((x: number) => x * x, n));
 * const { done, notDone } = wait(futures);
 * console.log(done.size, notDone.size); //=> 3 0
 * ```
 */
export function wait<F extends AnyFuture>(
  futures: Iterable<F>,
  options: WaitOptions = {},
): DoneAndNotDoneFutures<F> {
  const set = asFutures(futures, 'wait');
  const limit = toSecondsOrNull(options.timeout, 'timeout');
  const settled = tally(set, options.returnWhen);
  try {
    if (!settled.isEnough()) threadMailbox().block(settled.isEnough, limit);
  } finally {
    settled.stop();
  }
  return new DoneAndNotDoneFutures(set);
}

/**
 * {@link wait} for tasks: *suspends* instead of blocking. *Cancellation* leaves the futures alone.
 */
export function waitAsync<F extends AnyFuture>(
  futures: Iterable<F>,
  options: WaitOptions = {},
): Coroutine<DoneAndNotDoneFutures<F>> {
  const set = asFutures(futures, 'waitAsync');
  const limit = toSecondsOrNull(options.timeout, 'timeout');
  return new Coroutine(waiting(set, limit, options.returnWhen), 'waitAsync');
}

function* waiting<F extends AnyFuture>(
  set: ReadonlySet<F>,
  limit: number | null,
  returnWhen: ReturnWhen | undefined,
): Coro<DoneAndNotDoneFutures<F>> {
  const settled = tally(set, returnWhen);
  try {
    if (!settled.isEnough()) yield* untilTold((tell) => (settled.onEnough = tell), limit);
  } finally {
    settled.stop();
  }
  return new DoneAndNotDoneFutures(set);
}

/** Waits until the function given to `arrange` is called; returns whether it was within the time. */
function* untilTold(arrange: (tell: () => void) => void, limit: number | null): Coro<boolean> {
  const loop = getRunningLoop();
  const waiter = new AsyncioFuture<boolean>({ loop });
  const release = (inTime: boolean) => {
    if (!waiter.done()) waiter.setResult(inTime);
  };
  const timer = limit === null ? null : loop.callLater(limit, () => release(false));
  arrange(() => {
    if (!loop.isClosed()) loop.callSoonThreadsafe(() => release(true));
  });
  try {
    return yield* waiter;
  } finally {
    timer?.cancel();
  }
}

/** Futures in the order in which they are settled. */
class Completion<F extends AnyFuture> {
  readonly #pending: Set<F>;
  readonly #done: F[] = [];
  readonly #total: number;
  readonly #deadline: number | null;
  /** The steps that wait: several tasks may share the futures among them. */
  readonly #waiting = new Set<() => void>();

  constructor(futures: ReadonlySet<F>, limit: number | null) {
    this.#deadline = limit === null ? null : performance.now() / 1000 + limit;
    this.#total = futures.size;
    this.#pending = new Set();
    for (const future of futures) {
      if (future._settled()) this.#done.push(future);
      else this.#pending.add(future);
    }
    for (const future of this.#pending) future._watch(this.#settle as (future: AnyFuture) => void);
  }

  readonly #settle = (future: F): void => {
    this.#pending.delete(future);
    this.#done.push(future);
    for (const tell of this.#waiting) tell();
  };

  #left(): number | null {
    return this.#deadline === null ? null : Math.max(0, this.#deadline - performance.now() / 1000);
  }

  #late(): TimeoutError {
    return new TimeoutError(`${this.#pending.size} (of ${this.#total}) futures unfinished`);
  }

  /** The next one, blocking; `undefined` after the last. */
  take(): F | undefined {
    if (this.#done.length === 0 && this.#pending.size > 0) {
      if (!threadMailbox().block(() => this.#done.length > 0, this.#left())) throw this.#late();
    }
    return this.#done.shift();
  }

  *takeAsync(): Coro<F | undefined> {
    while (this.#done.length === 0 && this.#pending.size > 0) {
      let told: (() => void) | undefined;
      try {
        const inTime = yield* untilTold((tell) => {
          told = tell;
          this.#waiting.add(tell);
        }, this.#left());
        if (!inTime && this.#done.length === 0) throw this.#late();
      } finally {
        if (told !== undefined) this.#waiting.delete(told);
      }
    }
    return this.#done.shift();
  }

  /** Gives no more, also to the steps that wait. */
  stop(): void {
    for (const future of this.#pending) future._unwatch(this.#settle as (future: AnyFuture) => void);
    this.#pending.clear();
    this.#done.length = 0;
    for (const tell of this.#waiting) tell();
  }
}

/**
 * Gives futures in the order in which they are done: those that are done already first, each once. Each step *blocks the
 * thread*. The timeout, in seconds, counts from the call. Source: `concurrent.futures.as_completed`.
 *
 * @throws TimeoutError from the step that is late.
 * @example
 * ```ts
 * import { asCompleted, ThreadPoolExecutor } from 'tsyncio/concurrent';
 *
 * using executor = new ThreadPoolExecutor();
 * const futures = ['a', 'b'].map((text) => executor.submit((each: string) => each.toUpperCase(), text));
 * for (const future of asCompleted(futures)) console.log(future.result().length);
 * //=> 1
 * //=> 1
 * ```
 */
export function asCompleted<F extends AnyFuture>(
  futures: Iterable<F>,
  options: { readonly timeout?: Duration | null | undefined } = {},
): IterableIterator<F> {
  const set = asFutures(futures, 'asCompleted');
  return completing(new Completion(set, toSecondsOrNull(options.timeout, 'timeout')));
}

function* completing<F extends AnyFuture>(completion: Completion<F>): Generator<F, void, undefined> {
  try {
    for (let future = completion.take(); future !== undefined; future = completion.take()) yield future;
  } finally {
    completion.stop();
  }
}

/**
 * {@link asCompleted} for tasks: each step *suspends* instead of blocking, and several tasks may take them in turn.
 * *Cancellation* of a step loses none; to leave the loop leaves the futures alone.
 */
export function asCompletedAsync<F extends AnyFuture>(
  futures: Iterable<F>,
  options: { readonly timeout?: Duration | null | undefined } = {},
): AsyncIteration<F> & { return(): Coroutine<IteratorResult<F, undefined>> } {
  const set = asFutures(futures, 'asCompletedAsync');
  const completion = new Completion(set, toSecondsOrNull(options.timeout, 'timeout'));
  return {
    next: () =>
      new Coroutine(
        (function* (): Coro<IteratorResult<F, undefined>> {
          const value = yield* completion.takeAsync();
          return value === undefined ? { value, done: true } : { value, done: false };
        })(),
        'asCompletedAsync',
      ),
    return: () => {
      completion.stop();
      return new Coroutine(over<F>(), 'asCompletedAsync');
    },
    [Symbol.asyncIterator](): never {
      return this as never;
    },
  };
}

function* over<F>(): Coro<IteratorResult<F, undefined>> {
  return { value: undefined, done: true };
}
