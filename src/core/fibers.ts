/**
 * Fibers: what drives coroutines, and how cancellation finds its way.
 *
 * A *fiber* is a stack of coroutine frames that waits for at most one thing. A task is a fiber. So is every plain
 * `await` of ours inside an async function: JavaScript starts several flows in one task without asking
 * (`Promise.all([a(), b()])`), and each `await` in them is a {@link Flow}, a child fiber.
 *
 * An async function that a fiber runs is a *native frame*. It opens a {@link Scope}, which the async context carries
 * into everything that the function calls; the flows awaited there are registered in it. So a task is a tree: fiber →
 * native frame's scope → flows → their native frames' scopes → … With one flow, the only case Python has, the tree is
 * a line, and everything behaves as in CPython.
 *
 * Cancelling a fiber (`deliver`) goes to the future that it waits for, or, when its top frame is native, to the flows
 * of that frame's scope. Where nothing is parked, a request is left (`_mustCancel`) for the next suspension.
 *
 * When a native frame ends while flows are still parked in its scope (the losers of a race), those live on in the
 * enclosing scope; when the task ends, they are cancelled and waited for: nothing outlives its task.
 */

import type { EventLoop } from './base-events.js';
import type { Context } from './contextvars.js';
import {
  awaiting,
  CLOSED,
  type Coro,
  Coroutine,
  isGenerator,
  isGeneratorFunction,
  isThenable,
  LeafCoroutine,
  NEXT,
  OPEN,
  type Settle,
  THROW,
} from './coroutines.js';
import { activeAsyncContext, current, liveScope } from './current.js';
import { getRunningLoop, type Runnable } from './events.js';
import { CancelledError, isCancelledError, RuntimeError } from './exceptions.js';
import { awaitingFuture, FINISHED, Future, type FutureLike, isfuture, type Waiter } from './futures.js';
import type { BoundContext } from './host.js';
import { AbortSource } from './signals.js';
import type { Task } from './tasks.js';

/** A stack of coroutine frames that waits for at most one thing: a task, or one `await` inside an async function. @internal */
export interface Fiber extends Runnable, Waiter {
  readonly _loop: EventLoop;
  readonly _task: Task;
  readonly _context: Context;
  /** The scope that this fiber was awaited in; `null` for a task. */
  _within: Scope | null;
  /** The top frame, unless that is native. */
  _frame: Coro<unknown> | null;
  /** Whether the only frame is a LeafCoroutine or a future's iterator: no generator. */
  _leaf: boolean;
  /** The frames below the top one. */
  _stack: Coro<unknown>[] | null;
  /** What it waits for. */
  _waiter: FutureLike<unknown> | null;
  /** The scope of the top frame, if that is native. */
  _scope: Scope | null;
  /** A cancellation that is not delivered yet. */
  _mustCancel: boolean;
  _cancelMessage: unknown;
  /** How often this very fiber was asked to cancel, less the times that was taken back. */
  _requests: number;
  _ended(): boolean;
  /** The last frame returned or threw. */
  _end(failed: boolean, value: unknown): void;
}

// ------------------------------------------------------------------------------------------------ driving

/** Resumes a fiber with what it waited for. @internal */
export function step(fiber: Fiber): void {
  const waiter = fiber._waiter;
  let failed = false;
  let value: unknown;
  if (waiter !== null) {
    fiber._waiter = null;
    if (waiter instanceof Future) {
      if (waiter._status !== FINISHED) {
        failed = true;
        value = waiter._takeError();
      }
    } else {
      try {
        waiter.result();
      } catch (error) {
        failed = true;
        value = error;
      }
    }
  }
  if (fiber._mustCancel || fiber._within?._mustCancel === true) {
    const message = takeRequest(fiber);
    if (!failed || !isCancelledError(value)) value = cancelledError(message);
    failed = true;
  }
  advance(fiber, failed, value);
}

function cancelledError(message: unknown): CancelledError {
  return message === undefined || message === null ? new CancelledError() : new CancelledError(message);
}

/** Withdraws the request that is due at the fiber's next suspension, and gives its message. */
function takeRequest(fiber: Fiber): unknown {
  const holder = fiber._mustCancel ? fiber : (fiber._within as Scope);
  holder._mustCancel = false;
  return holder._cancelMessage;
}

/** Runs the frames of a fiber until it waits for something or its last frame ends. @internal */
export function advance(fiber: Fiber, withFailure: boolean, withValue: unknown): void {
  let failed = withFailure;
  let value = withValue;
  let frame = fiber._frame;
  for (;;) {
    if (frame === null) {
      const stack = fiber._stack;
      if (stack === null || stack.length === 0) {
        fiber._frame = null;
        fiber._end(failed, value);
        return;
      }
      frame = stack.pop() as Coro<unknown>;
    }
    let yielded: unknown;
    try {
      const result = fiber._leaf
        ? failed
          ? frame.throw(value)
          : frame.next(value)
        : failed
          ? THROW.call(frame, value)
          : NEXT.call(frame, value);
      if (result.done === true) {
        failed = false;
        value = result.value;
        frame = null;
        continue;
      }
      yielded = result.value;
    } catch (error) {
      failed = true;
      value = error;
      frame = null;
      continue;
    }
    if (yielded === undefined) {
      fiber._frame = frame;
      fiber._loop._push(fiber);
      return;
    }
    if (yielded instanceof Coroutine && yielded._state === OPEN && yielded._source !== null) {
      const source: unknown = yielded._source;
      yielded._source = null;
      if (fiber._stack === null) fiber._stack = [frame];
      else fiber._stack.push(frame);
      frame = null;
      failed = false;
      value = undefined;
      if (typeof source !== 'function') {
        frame = source as Coro<unknown>;
        continue;
      }
      fiber._frame = null;
      if (openNative(fiber, source as () => unknown, null)) return;
      frame = fiber._frame;
      failed = openedFailed;
      value = openedValue;
      openedValue = undefined;
      continue;
    }
    fiber._frame = frame;
    if (park(fiber, yielded)) return;
    fail(fiber, yielded);
    return;
  }
}

/** Makes `fiber` wait for the future that its top frame yielded. `false` when that is not possible. */
function park(fiber: Fiber, yielded: unknown): boolean {
  if (yielded instanceof Future) {
    if (!yielded._asyncioFutureBlocking || yielded._loop !== fiber._loop || (yielded as unknown) === fiber._task) return false;
    yielded._asyncioFutureBlocking = false;
    yielded._addWaiter(fiber);
  } else {
    if (!isfuture(yielded) || !yielded._asyncioFutureBlocking || yielded.getLoop() !== fiber._loop) return false;
    yielded._asyncioFutureBlocking = false;
    yielded.addDoneCallback(() => fiber._loop._push(fiber), { context: fiber._context });
  }
  fiber._waiter = yielded;
  const within = fiber._within;
  if (fiber._mustCancel) {
    if (yielded.cancel(fiber._cancelMessage)) fiber._mustCancel = false;
  } else if (within?._mustCancel === true) {
    if (yielded.cancel(within._cancelMessage)) within._mustCancel = false;
  }
  return true;
}

/** Throws into `fiber`, one iteration later, the error that says what was wrong with what it yielded. */
function fail(fiber: Fiber, yielded: unknown): void {
  const task = fiber._task;
  let error: Error;
  if (isfuture(yielded)) {
    if (yielded.getLoop() !== fiber._loop) {
      error = new RuntimeError(`Task ${task} got Future ${yielded} attached to a different loop`);
    } else if (!yielded._asyncioFutureBlocking) {
      error = new RuntimeError(`yield was used instead of yield* in task ${task} with ${yielded}`);
    } else {
      error = new RuntimeError(`Task cannot await on itself: ${task}`);
    }
    yielded._asyncioFutureBlocking = false;
  } else if (yielded instanceof Coroutine || isGenerator(yielded)) {
    error = new RuntimeError(`yield was used instead of yield* for a coroutine in task ${task} with ${yielded}`);
  } else if (isThenable(yielded)) {
    error = new RuntimeError(`Task got bad yield: a promise in task ${task}: use yield* wrapPromise(promise)`);
  } else {
    error = new RuntimeError(`Task got bad yield: ${describe(yielded)}`);
  }
  const failure = new Future<never>({ loop: fiber._loop });
  failure.setException(error);
  failure._markRetrieved();
  fiber._waiter = failure;
  fiber._loop._push(fiber);
}

function describe(value: unknown): string {
  return typeof value === 'symbol' || typeof value === 'string' ? JSON.stringify(String(value)) : String(value);
}

// ---------------------------------------------------------------------------------------- native frames

let openedFailed = false;
let openedValue: unknown;

/**
 * Calls a function that may be an async function or make a generator. Returns `true` when the fiber is parked in a
 * native frame. Otherwise the fiber's frame is the generator, or `null` with the outcome in `openedFailed` and
 * `openedValue`. @internal
 */
export function openNative(fiber: Fiber, fn: () => unknown, prepared: Scope | null): boolean {
  openedFailed = false;
  openedValue = undefined;
  if (isGeneratorFunction(fn)) {
    fiber._frame = (fn as () => Coro<unknown>)();
    return false;
  }
  const loop = fiber._loop;
  const scope = prepared ?? new Scope(fiber, loop._nativeContext());
  const began = loop._beginNative(fiber._task);
  const outerScope = current.nativeScope;
  let result: unknown;
  try {
    if (scope._carrier !== null) {
      result = scope._carrier.runInAsyncScope(fn, undefined);
    } else {
      current.nativeScope = scope;
      result = fn();
    }
  } catch (error) {
    openedFailed = true;
    openedValue = error;
  }
  if (!openedFailed && isThenable(result) && !(result instanceof Coroutine) && !isfuture(result)) {
    fiber._scope = scope;
    Promise.resolve(result).then(
      (value) => settle(scope, false, value),
      (error) => settle(scope, true, error),
    );
    return true;
  }
  current.nativeScope = outerScope;
  if (began) loop._abandonNative();
  if (openedFailed) return false;
  if (isGenerator(result)) fiber._frame = result;
  else if (result instanceof Coroutine || isfuture(result)) fiber._frame = delegate(result as Coroutine<unknown>);
  else openedValue = result;
  return false;
}

/** Waits for what a plain function returned in place of a generator or a promise. */
function* delegate(awaitable: Coroutine<unknown>): Coro<unknown> {
  return yield* awaitable;
}

/** A native frame ended: its fiber goes on with the frame below. */
function settle(scope: Scope, failed: boolean, value: unknown): void {
  const fiber = scope._fiber;
  scope._close();
  fiber._scope = null;
  if (scope._mustCancel) {
    fiber._mustCancel = true;
    fiber._cancelMessage = scope._cancelMessage;
  }
  const outcome = failed && scope._abort !== null ? scope._abort.translate(value) : value;
  enter(fiber, () => advance(fiber, failed, outcome));
  const loop = scope._loop;
  if (fiber._ended() && fiber === (fiber._task as Fiber)) loop._endNative(fiber._task);
  else if (fiber instanceof Flow && !fiber._ended() && fiber._scope === null) loop._parked(fiber);
}

/** Runs `body` as a part of `fiber`. @internal */
export function enter(fiber: Fiber, body: () => void): void {
  const outerFiber = current.fiber;
  const outerContext = current.context;
  const outerLoop = current.loop;
  current.fiber = fiber;
  current.context = fiber._context;
  current.loop = fiber._loop;
  try {
    body();
  } catch (error) {
    fiber._loop._interrupt(error);
  } finally {
    current.fiber = outerFiber;
    current.context = outerContext;
    current.loop = outerLoop;
  }
}

/** What an async function's flows are registered in. The async context carries it. @internal */
export class Scope {
  readonly _loop: EventLoop;
  readonly _task: Task;
  readonly _fiber: Fiber;
  readonly _context: Context;
  readonly _outer: Scope | null;
  readonly _carrier: BoundContext | null;
  _closed: boolean;
  _mustCancel: boolean;
  _cancelMessage: unknown;
  _first: Flow | null;
  _last: Flow | null;
  _abort: AbortSource | null;

  constructor(fiber: Fiber, withAsyncContext: boolean) {
    this._loop = fiber._loop;
    this._task = fiber._task;
    this._fiber = fiber;
    this._context = fiber._context;
    this._outer = fiber._within;
    this._closed = false;
    this._mustCancel = false;
    this._cancelMessage = undefined;
    this._first = null;
    this._last = null;
    this._abort = null;
    this._carrier = withAsyncContext ? (activeAsyncContext()?.bind(this) ?? null) : null;
  }

  _add(flow: Flow): void {
    flow._within = this;
    flow._previous = this._last;
    flow._next = null;
    if (this._last === null) this._first = flow;
    else this._last._next = flow;
    this._last = flow;
  }

  _remove(flow: Flow): void {
    if (flow._previous === null) this._first = flow._next;
    else flow._previous._next = flow._next;
    if (flow._next === null) this._last = flow._previous;
    else flow._next._previous = flow._previous;
    flow._previous = null;
    flow._next = null;
  }

  /** The frame ended. Flows that are still parked live on in the enclosing scope. */
  _close(): void {
    this._closed = true;
    if (this._first === null) return;
    let heir = this._outer;
    while (heir !== null && heir._closed) heir = heir._outer;
    heir ??= this._task._leftoverScope();
    for (let flow: Flow | null = this._first; flow !== null; ) {
      const next: Flow | null = flow._next;
      heir._add(flow);
      flow = next;
    }
    this._first = null;
    this._last = null;
  }

  /** Cancels every flow; with none parked, whatever the frame awaits next. */
  _cancel(message: unknown): void {
    const running = liveScope() === this && current.fiber?._within !== this;
    const parked = this._cancelFlows(message);
    const heard = this._abort?.abort(cancelledError(message), this._loop._host) ?? false;
    if (parked && !running) return;
    if (heard && !running) return;
    this._mustCancel = true;
    this._cancelMessage = message;
    if (!running) this._loop._watchForeignAwait(this);
  }

  _cancelFlows(message: unknown): boolean {
    const any = this._first !== null;
    for (let flow: Flow | null = this._first; flow !== null; ) {
      const next: Flow | null = flow._next;
      deliver(flow, message);
      flow = next;
    }
    return any;
  }
}

// -------------------------------------------------------------------------------------------------- flows

/** A plain `await` of ours inside an async function: a child fiber. It is what `then` returns, too. @internal */
export class Flow implements Fiber, PromiseLike<unknown> {
  readonly _loop: EventLoop;
  readonly _task: Task;
  readonly _context: Context;
  _within: Scope;
  _previous: Flow | null;
  _next: Flow | null;
  _frame: Coro<unknown> | null;
  _leaf: boolean;
  _stack: Coro<unknown>[] | null;
  _waiter: FutureLike<unknown> | null;
  _scope: Scope | null;
  _mustCancel: boolean;
  _cancelMessage: unknown;
  _requests: number;
  _coroutine: Coroutine<unknown> | null;
  _onFulfilled: Settle;
  _onRejected: Settle;
  _done: boolean;
  _chained: Promise<unknown> | null;

  constructor(scope: Scope, onFulfilled: Settle, onRejected: Settle) {
    this._loop = scope._loop;
    this._task = scope._task;
    this._context = scope._context;
    this._within = scope;
    this._previous = null;
    this._next = null;
    this._frame = null;
    this._leaf = false;
    this._stack = null;
    this._waiter = null;
    this._scope = null;
    this._mustCancel = false;
    this._cancelMessage = undefined;
    this._requests = 0;
    this._coroutine = null;
    this._onFulfilled = onFulfilled;
    this._onRejected = onRejected;
    this._done = false;
    this._chained = null;
    scope._add(this);
  }

  _ended(): boolean {
    return this._done;
  }

  _notify(): void {
    this._loop._push(this);
  }

  _awaiters(tasks: Set<FutureLike<unknown>>): void {
    tasks.add(this._task);
  }

  /** The handle of the loop that resumes it. */
  _run(): void {
    const carrier = this._leaf ? null : this._within._carrier;
    const outerContext = current.context;
    current.fiber = this;
    current.context = this._context;
    const began = this._loop._beginNative(this._task);
    if (this._within._carrier === null) current.nativeScope = this._within;
    try {
      if (carrier === null) step(this);
      else carrier.runInAsyncScope(step, undefined, this);
    } finally {
      current.fiber = null;
      current.context = outerContext;
    }
    if (began && !this._done && this._scope === null) this._loop._abandonNative();
  }

  _end(failed: boolean, value: unknown): void {
    const scope = this._within;
    this._done = true;
    scope._remove(this);
    if (this._coroutine !== null) this._coroutine._state = CLOSED;
    if (this._requests > 0) scope._fiber._requests += this._requests;
    if (this._mustCancel) {
      scope._mustCancel = true;
      scope._cancelMessage = this._cancelMessage;
    }
    scope._abort?.resumed();
    this._task._flowEnded();
    let returned: unknown;
    try {
      returned = (failed ? this._onRejected : this._onFulfilled)(value);
    } catch (error) {
      this._chained = Promise.reject(error);
      return;
    }
    if (returned !== undefined) this._chained = Promise.resolve(returned);
  }

  /** `then` called by hand on what `then` returned. An `await` never comes here, and never pays for a promise. */
  // biome-ignore lint/suspicious/noThenProperty: it is the thenable that a then() has to return
  then<R1 = unknown, R2 = never>(
    onFulfilled?: ((value: unknown) => R1 | PromiseLike<R1>) | null,
    onRejected?: ((error: unknown) => R2 | PromiseLike<R2>) | null,
  ): Promise<R1 | R2> {
    return this.#promise().then(onFulfilled, onRejected);
  }

  catch(onRejected: (error: unknown) => unknown): Promise<unknown> {
    return this.#promise().catch(onRejected);
  }

  finally(callback: () => void): Promise<unknown> {
    return this.#promise().finally(callback);
  }

  #promise(): Promise<unknown> {
    if (this._chained !== null) return this._chained;
    if (this._done) return Promise.resolve();
    const onFulfilled = this._onFulfilled;
    const onRejected = this._onRejected;
    this._chained = new Promise<{ call: Settle; value: unknown }>((resolve) => {
      this._onFulfilled = (value) => resolve({ call: onFulfilled, value });
      this._onRejected = (error) => resolve({ call: onRejected, value: error });
    }).then(({ call, value }) => call(value));
    return this._chained;
  }
}

/** An `await` of ours outside any task: of the ambient loop's code, or of code that a finished task left behind. */
class PlainAwait implements Waiter, Runnable, PromiseLike<unknown> {
  readonly #future: Future<unknown>;
  readonly #promise: Promise<unknown>;
  #resolve!: Settle;
  #reject!: Settle;

  constructor(future: Future<unknown>, onFulfilled: Settle, onRejected: Settle) {
    this.#future = future;
    this.#promise = new Promise<unknown>((resolve, reject) => {
      this.#resolve = resolve as Settle;
      this.#reject = reject;
    }).then(onFulfilled as (value: unknown) => unknown, onRejected);
    future._loop._plainAwaits.add(this);
    future._addWaiter(this);
  }

  _notify(future: Future<unknown>): void {
    future._loop._push(this);
  }

  _run(): void {
    this.#future._loop._plainAwaits.delete(this);
    if (this.#future._status === FINISHED) this.#resolve(this.#future._value);
    else this.#reject(this.#future._takeError());
  }

  /** Nothing can complete the future any more. */
  _giveUp(error: unknown): void {
    this.#future._removeWaiter(this);
    this.#reject(error);
  }

  // biome-ignore lint/suspicious/noThenProperty: it is the thenable that a then() has to return
  then<R1 = unknown, R2 = never>(
    onFulfilled?: ((value: unknown) => R1 | PromiseLike<R1>) | null,
    onRejected?: ((error: unknown) => R2 | PromiseLike<R2>) | null,
  ): Promise<R1 | R2> {
    return this.#promise.then(onFulfilled, onRejected);
  }

  catch(onRejected: (error: unknown) => unknown): Promise<unknown> {
    return this.#promise.catch(onRejected);
  }

  finally(callback: () => void): Promise<unknown> {
    return this.#promise.finally(callback);
  }
}

/** What the loop keeps of a plain await: how to give it up. @internal */
export interface PendingAwait {
  _giveUp(error: unknown): void;
}

function afterStart(flow: Flow): Flow {
  // With a native frame on top it is not parked: that frame's own awaits are.
  if (!flow._ended() && flow._scope === null) flow._loop._parked(flow);
  return flow;
}

function startFlow(flow: Flow): void {
  const source: unknown = flow._coroutine?._source;
  if (typeof source === 'function') {
    (flow._coroutine as Coroutine<unknown>)._source = null;
    if (openNative(flow, source as () => unknown, null)) return;
    const failed = openedFailed;
    const value = openedValue;
    openedValue = undefined;
    advance(flow, failed, value);
    return;
  }
  if (source !== null && source !== undefined) {
    (flow._coroutine as Coroutine<unknown>)._source = null;
    flow._frame = source as Coro<unknown>;
  }
  advance(flow, false, undefined);
}

awaiting.announce = () => {
  const scope = liveScope();
  if (scope !== null && scope._loop._native === scope._task) scope._loop._announced += 1;
};

awaiting.coroutine = (coroutine, onFulfilled, onRejected) => {
  const scope = liveScope();
  if (scope === null) {
    let task: Task;
    try {
      task = getRunningLoop().createTask(coroutine);
    } catch (error) {
      return Promise.reject(error).then(onFulfilled, onRejected);
    }
    return new PlainAwait(task, onFulfilled, onRejected);
  }
  if (scope._loop._announced > 0) scope._loop._announced -= 1;
  const flow = new Flow(scope, onFulfilled, onRejected);
  try {
    coroutine._claim();
  } catch (error) {
    flow._end(true, error);
    return flow;
  }
  flow._coroutine = coroutine;
  if (coroutine instanceof LeafCoroutine) {
    flow._frame = coroutine as unknown as Coro<unknown>;
    flow._leaf = true;
  } else {
    coroutine._state = OPEN;
  }
  enter(flow, () => startFlow(flow));
  return afterStart(flow);
};

awaitingFuture.future = (future, onFulfilled, onRejected) => {
  const scope = liveScope();
  if (scope === null) return new PlainAwait(future, onFulfilled, onRejected);
  if (scope._loop._announced > 0) scope._loop._announced -= 1;
  const flow = new Flow(scope, onFulfilled, onRejected);
  flow._frame = future[Symbol.iterator]();
  flow._leaf = true;
  enter(flow, () => startFlow(flow));
  return afterStart(flow);
};

// ------------------------------------------------------------------------------------------- cancellation

/** Carries a cancellation to where `fiber` waits. Counting is the caller's business. @internal */
export function deliver(fiber: Fiber, message: unknown): void {
  if (fiber._scope !== null) {
    fiber._scope._cancel(message);
    return;
  }
  if (fiber._waiter?.cancel(message) === true) return;
  fiber._mustCancel = true;
  fiber._cancelMessage = message;
}

/** The fiber that the calling code is a part of: the present task's, or the flow's inside it. @internal */
export function currentFiber(): Fiber | null {
  return current.fiber ?? liveScope()?._fiber ?? null;
}

/** `fiber`, or the nearest one around it that has not ended. @internal */
export function livingFiber(fiber: Fiber): Fiber {
  let living = fiber;
  while (living._ended() && living._within !== null) living = living._within._fiber;
  return living;
}

/** Cancels one fiber of a task: a flow, or the whole task. @internal */
export function cancelFiber(fiber: Fiber, message?: unknown): void {
  const living = livingFiber(fiber);
  if (living === (living._task as Fiber)) {
    living._task.cancel(message);
  } else {
    living._requests += 1;
    deliver(living, message);
  }
}

/** How many requests to cancel concern `fiber`: its own and those of every fiber around it. @internal */
export function requestsOf(fiber: Fiber): number {
  let count = fiber._requests;
  for (let scope = fiber._within; scope !== null; scope = scope._fiber._within) count += scope._fiber._requests;
  return count;
}

/**
 * Takes back one request, the innermost first, and returns how many are left. The last one taken back also withdraws
 * a cancellation that was not delivered yet. @internal
 */
export function uncancelFiber(fiber: Fiber): number {
  let holder: Fiber = fiber;
  while (holder._requests === 0 && holder._within !== null) holder = holder._within._fiber;
  if (holder._requests > 0) holder._requests -= 1;
  const rest = requestsOf(fiber);
  if (rest === 0) {
    for (let each: Fiber = fiber; ; each = each._within._fiber) {
      each._mustCancel = false;
      if (each._scope !== null) each._scope._mustCancel = false;
      if (each._within === null) break;
      each._within._mustCancel = false;
    }
  }
  return rest;
}

/** The requests to cancel within a whole task, seen from outside. @internal */
export function requestsBelow(fiber: Fiber): number {
  let count = fiber._requests;
  for (let flow = fiber._scope?._first ?? null; flow !== null; flow = flow._next) count += requestsBelow(flow);
  return count;
}

/** The fiber of `fiber`'s tree that holds a request, the outermost first. @internal */
export function holderBelow(fiber: Fiber): Fiber | null {
  if (fiber._requests > 0) return fiber;
  for (let flow = fiber._scope?._first ?? null; flow !== null; flow = flow._next) {
    const holder = holderBelow(flow);
    if (holder !== null) return holder;
  }
  return null;
}

/** The outcome of the last {@link openNative} that did not park. @internal */
export function takeOpened(): { failed: boolean; value: unknown } {
  const outcome = { failed: openedFailed, value: openedValue };
  openedValue = undefined;
  return outcome;
}

