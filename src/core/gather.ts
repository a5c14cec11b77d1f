/** Waiting for many at once, and getting all their results. */

import type { EventLoop } from './base-events.js';
import type { AwaitableLike, ResultOf } from './coroutines.js';
import { ensureFuture, isNoList } from './ensure-future.js';
import { getEventLoop } from './events.js';
import { CancelledError } from './exceptions.js';
import { originOf } from './format-helpers.js';
import {
  CANCELLED,
  Future,
  type FutureLike,
  futureAddToAwaitedBy,
  futureDiscardFromAwaitedBy,
  type Group,
  noticeLater,
  PENDING,
} from './futures.js';

/** The results of an iterable of awaitables: a tuple keeps its types. */
export type Results<A> = A extends readonly unknown[]
  ? { -readonly [K in keyof A]: ResultOf<A[K]> }
  : A extends Iterable<infer E>
    ? ResultOf<E>[]
    : never;

/** The same with `returnExceptions`: a result, or what was thrown. */
export type Outcomes<A> = A extends readonly unknown[]
  ? { -readonly [K in keyof A]: ResultOf<A[K]> | Error }
  : A extends Iterable<infer E>
    ? (ResultOf<E> | Error)[]
    : never;

/** The future of a gather: cancelling it cancels the children, and it is done when they are. @internal */
export class GatheringFuture<T> extends Future<T[]> implements Group {
  /** One for each argument; the same future may stand at several places. */
  _children: readonly FutureLike<T>[];
  _waitingFor: number;
  readonly _returnExceptions: boolean;
  _cancelRequested: boolean;
  _isCancelling: boolean;

  constructor(loop: EventLoop, returnExceptions: boolean) {
    super({ loop });
    this._children = [];
    this._waitingFor = 0;
    this._returnExceptions = returnExceptions;
    this._cancelRequested = false;
    this._isCancelling = false;
  }

  override cancel(message?: unknown): boolean {
    // A child that waits for its own gather would come back here.
    if (this.done() || this._isCancelling) return false;
    this._isCancelling = true;
    let any = false;
    try {
      for (const child of this._children) if (child.cancel(message)) any = true;
    } finally {
      this._isCancelling = false;
    }
    if (any) this._cancelRequested = true;
    return any;
  }

  _begin(children: readonly FutureLike<T>[], unique: readonly FutureLike<T>[]): void {
    this._children = children;
    this._waitingFor = unique.length;
    const done: FutureLike<T>[] = [];
    for (const child of unique) {
      if (child.done()) done.push(child);
      else if (child instanceof Future) child._addWaiter(this);
      else child.addDoneCallback(() => this._futureDone(child));
    }
    for (const child of done) this._futureDone(child);
  }

  _notify(child: Future<unknown>): void {
    noticeLater(child, this);
  }

  _label(): string {
    return 'gather()';
  }

  _awaiters(tasks: Set<FutureLike<unknown>>): void {
    tasks.add(this);
  }

  _futureDone(child: FutureLike<unknown>): void {
    this._waitingFor -= 1;
    if (this._status !== PENDING) {
      if (!child.cancelled()) child.exception();
      return;
    }
    if (!this._returnExceptions) {
      if (child.cancelled()) {
        this.setException(child instanceof Future ? child._makeCancelledError() : new CancelledError());
        return;
      }
      const error = child.exception();
      if (error !== null) {
        this.setException(error);
        return;
      }
    }
    if (this._waitingFor > 0) return;
    if (this._cancelRequested) {
      const last = this._children.at(-1);
      this.setException(last instanceof Future ? last._makeCancelledError() : new CancelledError());
      return;
    }
    this.setResult(this._children.map(outcome) as T[]);
  }
}

function outcome<T>(child: FutureLike<T>): T | unknown {
  if (child.cancelled()) {
    const message = child instanceof Future ? child._cancelMessage : undefined;
    return new CancelledError(message === undefined || message === null ? '' : message);
  }
  return child.exception() ?? child.result();
}

/**
 * Runs awaitables concurrently; the future's result is the array of theirs, in the order of the arguments. Not a
 * coroutine: it starts at once.
 *
 * The first failure is the future's failure; the others go on. With `returnExceptions` what they throw stands in the
 * array. *Cancellation*: cancelling the future cancels every child that is not done. To have siblings cancelled when
 * one fails, use a TaskGroup. Source: `asyncio.gather`.
 *
 * @throws TypeError when an element cannot be awaited; ValueError when futures belong to different loops.
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * const work = async (n: number) => {
 *   await asyncio.sleep(0);
 *   return n * n;
 * };
 * await asyncio.run(async () => {
 *   console.log(await asyncio.gather([1, 2, 3].map((n) => () => work(n)))); //=> [ 1, 4, 9 ]
 * });
 * ```
 */
export function gather<const A extends Iterable<AwaitableLike<unknown>>>(
  awaitables: A,
  options: { returnExceptions: true },
): Future<Outcomes<A>>;
export function gather<const A extends Iterable<AwaitableLike<unknown>>>(
  awaitables: A,
  options?: { returnExceptions?: false | undefined },
): Future<Results<A>>;
export function gather<const A extends Iterable<AwaitableLike<unknown>>>(
  awaitables: A,
  options: { returnExceptions?: boolean | undefined },
): Future<Outcomes<A>>;
export function gather(
  awaitables: Iterable<AwaitableLike<unknown>>,
  options: { returnExceptions?: boolean | undefined } = {},
): Future<unknown> {
  if (isNoList(awaitables)) {
    throw new TypeError(`gather() expects an iterable of awaitables, not ${String(awaitables)}`);
  }
  const given = [...awaitables];
  const unique: FutureLike<unknown>[] = [];
  // An object that stands here twice runs once; a function makes a new coroutine each time. A set costs half of a map, which
  // only those need that have doubles.
  const childOf = new Set(given).size < given.length ? new Map<unknown, FutureLike<unknown>>() : null;
  const children = childOf === null ? unique : [];
  let within: { readonly loop: EventLoop } | undefined;
  for (const awaitable of given) {
    let child = childOf?.get(awaitable);
    if (!child) {
      if (Array.isArray(awaitable)) {
        throw new TypeError(
          'An asyncio.Future, a coroutine or an awaitable is required, got an array: spread it, or gather it',
        );
      }
      child = ensureFuture(awaitable, within);
      within ??= { loop: child.getLoop() };
      unique.push(child);
      if (typeof awaitable !== 'function') childOf?.set(awaitable, child);
    }
    if (childOf !== null) children.push(child);
  }
  const outer = new GatheringFuture<unknown>(
    within?.loop ?? getEventLoop(),
    options.returnExceptions === true,
  );
  if (children.length === 0) outer.setResult([]);
  else outer._begin(children, unique);
  return outer;
}

/** The future of a shield: cancelling it leaves the inner one alone. */
class ShieldingFuture<T> extends Future<T> {
  readonly #inner: FutureLike<T>;

  constructor(inner: FutureLike<T>) {
    super({ loop: inner.getLoop() });
    this.#inner = inner;
    inner.addDoneCallback(this.#innerDone);
    this.addDoneCallback(this.#selfDone);
    futureAddToAwaitedBy(inner, this);
  }

  override _typeName(): string {
    return 'Future';
  }

  readonly #innerDone = (): void => {
    if (this._status === CANCELLED) return;
    const inner = this.#inner;
    if (inner.cancelled()) {
      this.cancel();
      return;
    }
    const error = inner.exception();
    if (error !== null) this.setException(error);
    else this.setResult(inner.result());
  };

  readonly #selfDone = (): void => {
    const inner = this.#inner;
    futureDiscardFromAwaitedBy(inner, this);
    if (inner.done()) return;
    inner.removeDoneCallback(this.#innerDone);
    // Several shields of one future report it once.
    inner.removeDoneCallback(reportLateFailure);
    inner.addDoneCallback(reportLateFailure);
  };
}

/** The inner future of a shield that was cancelled failed: nobody else will look. */
function reportLateFailure(inner: FutureLike<unknown>): void {
  if (inner.cancelled()) return;
  const error = inner.exception();
  if (error === null) return;
  inner.getLoop().callExceptionHandler({
    message: `${(error as Error).name ?? typeof error} exception in shielded future`,
    exception: error,
    future: inner,
    ...originOf(inner as Future),
  });
}

/**
 * Waits for `awaitable` without letting a cancellation through to it: cancelling the result, or the task that awaits it,
 * leaves the inner one running. Keep a reference to the inner task if it must not be forgotten.
 *
 * A failure of the inner one after that is reported through the exception handler. Source: `asyncio.shield`.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   const save = asyncio.createTask(async () => {
 *     await asyncio.sleep(0.01);
 *     return 'saved';
 *   });
 *   try {
 *     await asyncio.waitFor(asyncio.shield(save), 0);
 *   } catch (error) {
 *     console.log((error as Error).name); //=> TimeoutError
 *   }
 *   console.log(await save); //=> saved
 * });
 * ```
 */
export function shield<T>(awaitable: AwaitableLike<T>): FutureLike<T> {
  const inner = ensureFuture(awaitable) as FutureLike<T>;
  if (inner.done()) return inner;
  return new ShieldingFuture<T>(inner);
}
