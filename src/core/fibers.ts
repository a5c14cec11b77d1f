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
 * of that frame's scope. Where nothing is parked, a request is left (`_mustCancel`) for the next suspension; it goes down
 * with the code that runs, into the next await and the frames that it opens, and up again where they end without one.
 *
 * When a native frame ends while flows are still parked in its scope (the losers of a race), those live on in the
 * enclosing scope; when the task ends, they are cancelled and waited for: nothing outlives its task.
 */

import type { EventLoop } from './base-events.js';
import { cancelledError, deliver, runsIn } from './cancellation.js';
import {
  type Awaitable,
  awaiting,
  Checkpoint,
  CLOSED,
  type Coro,
  Coroutine,
  GeneratorBody,
  isAwaitable,
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
import { isCancelledError, RuntimeError } from './exceptions.js';
import { repr } from './format-helpers.js';
import { FINISHED, Future, type FutureLike, isfuture, type Waiter } from './futures.js';
import type { BoundContext } from './host.js';
import { logger } from './log.js';
import { DROPPED, Operation, WAITING } from './operations.js';
import { PlainAwait } from './plain-awaits.js';
import type { AbortSource } from './signals.js';
import type { Task } from './tasks.js';

/** A stack of coroutine frames that waits for at most one thing: a task, or one `await` inside an async function. */
export interface Fiber extends Runnable, Waiter {
  /** @internal */
  readonly _loop: EventLoop;
  /** @internal */
  readonly _task: Task;
  /** The scope that this fiber was awaited in; `null` for a task. @internal */
  _within: Scope | null;
  /** Where the plain code that its generators start awaits, and where flows live on whose frames have ended. @internal */
  _leftovers: Scope | null;
  /** The top frame, unless that is native. @internal */
  _frame: Coro<unknown> | null;
  /** Whether the only frame is a LeafCoroutine or a future's iterator: no generator. @internal */
  readonly _leaf: boolean;
  /** The frames below the top one. @internal */
  _stack: Coro<unknown>[] | null;
  /** What it waits for. @internal */
  _waiter: FutureLike<unknown> | Operation<unknown> | null;
  /** The scope of the top frame, if that is native. @internal */
  _scope: Scope | null;
  /** A cancellation that is not delivered yet. @internal */
  _mustCancel: boolean;
  /** @internal */
  _cancelMessage: unknown;
  /** How often this very fiber was asked to cancel, less the times that was taken back. @internal */
  _requests: number;
  /** The async context that its generators run in. @internal */
  readonly _carrier: BoundContext | null;
  /** @internal */
  _ended(): boolean;
  /** The last frame returned or threw. @internal */
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
    if (waiter instanceof Operation) {
      if (waiter._state === DROPPED) {
        failed = true;
        value = cancelledError(waiter._cancelMessage);
      }
    } else if (waiter instanceof Future) {
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
  if (fiber._mustCancel) {
    fiber._mustCancel = false;
    if (!failed || !isCancelledError(value)) value = cancelledError(fiber._cancelMessage);
    failed = true;
  }
  advance(fiber, failed, value);
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
        if (yielded instanceof GeneratorBody && fiber._loop._nativeContextInUse()) {
          fiber._frame = frame;
          advanceInOwnScope(fiber as Flow);
          return;
        }
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

/** From here on the flow's generators run in a scope of the flow: what they start is cancelled with the flow. */
function advanceInOwnScope(flow: Flow): void {
  const scope = new Scope(flow, true);
  flow._leftovers?._close();
  flow._leftovers = scope;
  flow._carrier = scope._carrier;
  if (scope._carrier === null) advance(flow, false, undefined);
  else scope._carrier.runInAsyncScope(advance, undefined, flow as Fiber, false, undefined);
}

/** Makes `fiber` wait for what its top frame yielded. `false` when that is not possible. */
function park(fiber: Fiber, yielded: unknown): boolean {
  if (yielded instanceof Operation) {
    if (yielded._state !== WAITING || yielded._fiber !== null) return false;
    yielded._fiber = fiber;
    fiber._waiter = yielded;
    if (fiber._mustCancel && yielded._drop(fiber._cancelMessage)) fiber._mustCancel = false;
    return true;
  }
  if (yielded instanceof Future) {
    if (
      !yielded._asyncioFutureBlocking ||
      yielded._loop !== fiber._loop ||
      (yielded as unknown) === fiber._task
    )
      return false;
    yielded._asyncioFutureBlocking = false;
    yielded._addWaiter(fiber);
  } else {
    if (!isfuture(yielded) || !yielded._asyncioFutureBlocking || yielded.getLoop() !== fiber._loop)
      return false;
    yielded._asyncioFutureBlocking = false;
    yielded.addDoneCallback(() => fiber._loop._push(fiber), { context: fiber._task.getContext() });
  }
  fiber._waiter = yielded;
  if (fiber._mustCancel && yielded.cancel(fiber._cancelMessage)) fiber._mustCancel = false;
  return true;
}

/** Throws into `fiber`, one iteration later, the error that says what was wrong with what it yielded. */
function fail(fiber: Fiber, yielded: unknown): void {
  const task = fiber._task;
  let message: string;
  if (isfuture(yielded)) {
    message =
      yielded.getLoop() !== fiber._loop
        ? `Task ${task} got Future ${yielded} attached to a different loop`
        : yielded._asyncioFutureBlocking
          ? `Task cannot await on itself: ${task}`
          : `yield was used instead of yield* in task ${task} with ${yielded}`;
    yielded._asyncioFutureBlocking = false;
  } else if (yielded instanceof Coroutine || isGenerator(yielded)) {
    message = `yield was used instead of yield* for a coroutine in task ${task} with ${repr(yielded)}`;
  } else if (isThenable(yielded)) {
    message = `Task got bad yield: a promise in task ${task}: use yield* wrapPromise(promise)`;
  } else {
    message = `Task got bad yield: ${repr(yielded)}`;
  }
  const failure = new Future<never>({ loop: fiber._loop });
  failure.setException(new RuntimeError(message));
  failure._markRetrieved();
  fiber._waiter = failure;
  fiber._loop._push(fiber);
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
  let failed = false;
  let foreign = false;
  let ours = false;
  if (fiber._mustCancel) {
    fiber._mustCancel = false;
    scope._mustCancel = true;
    scope._cancelMessage = fiber._cancelMessage;
  }
  // The function's first part runs right here, and may already cancel its task or ask for its signal.
  fiber._scope = scope;
  try {
    if (scope._carrier !== null) {
      result = scope._carrier.runInAsyncScope(fn, undefined);
    } else {
      current.nativeScope = scope;
      result = fn();
    }
    ours = isfuture(result) || result instanceof Coroutine || isAwaitable(result);
    // Reading `then` may run code of others, which may throw.
    foreign = !ours && isThenable(result);
  } catch (error) {
    failed = true;
    result = error;
  }
  if (foreign) {
    Promise.resolve(result).then(
      (value) => settle(scope, false, value),
      (error) => settle(scope, true, error),
    );
    return true;
  }
  current.nativeScope = outerScope;
  fiber._scope = null;
  scope._handOver();
  if (began) loop._abandonNative();
  // Only now: the function may have opened others meanwhile.
  openedFailed = failed;
  openedValue = undefined;
  if (!failed && isGenerator(result)) fiber._frame = result;
  else if (ours) fiber._frame = delegate(result as Awaitable<unknown>);
  else openedValue = result;
  return false;
}

/** Goes on with the outcome of the last {@link openNative}, which did not park. @internal */
export function advanceOpened(fiber: Fiber): void {
  const value = openedValue;
  openedValue = undefined;
  advance(fiber, openedFailed, value);
}

/** Waits for what is no generator itself. @internal */
export function* delegate<T>(awaitable: Awaitable<T>): Coro<T> {
  return yield* awaitable;
}

/** A native frame ended: its fiber goes on with the frame below. */
function settle(scope: Scope, failed: boolean, value: unknown): void {
  const fiber = scope._fiber;
  const loop = scope._loop;
  if (loop.isClosed()) return;
  scope._close();
  fiber._scope = null;
  scope._handOver();
  if (scope._carrier === null && current.nativeScope === scope) current.nativeScope = fiber._within;
  fiber._frame = null;
  enter(fiber, resume, failed, failed && scope._abort !== null ? scope._abort.translate(value) : value);
  if (fiber instanceof Flow) {
    if (!fiber._done && fiber._scope === null) loop._parked(fiber);
  } else if (fiber._ended() || fiber._scope === null) {
    loop._endNative(fiber._task);
  }
}

/** Goes on in a fiber's own async context, if it has frames that could notice. */
function resume(fiber: Fiber, failed: boolean, value: unknown): void {
  const carrier = fiber._carrier;
  if (carrier === null || fiber._stack === null || fiber._stack.length === 0) advance(fiber, failed, value);
  else carrier.runInAsyncScope(advance, undefined, fiber, failed, value);
}

/** Runs `body` as a part of `fiber`. */
function enter(
  fiber: Fiber,
  body: (fiber: Fiber, failed: boolean, value: unknown) => void,
  failed: boolean,
  value: unknown,
): void {
  const { fiber: outerFiber, context: outerContext, loop: outerLoop } = current;
  current.fiber = fiber;
  current.context = fiber._task._context;
  current.loop = fiber._loop;
  try {
    body(fiber, failed, value);
  } catch (error) {
    fiber._loop._interrupt(error);
  } finally {
    current.fiber = outerFiber;
    current.context = outerContext;
    current.loop = outerLoop;
  }
}

/** What an async function's flows are registered in. The async context carries it. */
export class Scope {
  readonly _loop: EventLoop;
  readonly _task: Task;
  readonly _fiber: Fiber;
  readonly _outer: Scope | null;
  readonly _carrier: BoundContext | null;
  _closed: boolean;
  _mustCancel: boolean;
  _cancelMessage: unknown;
  _first: Flow | null;
  _last: Flow | null;
  _abort: AbortSource | null;
  /** Whether a cancellation has gone to a flow, or to several: what they await from then on is their clean-up. */
  _delivered: 'to none' | 'to one' | 'to several';

  constructor(fiber: Fiber, withAsyncContext: boolean) {
    this._loop = fiber._loop;
    this._task = fiber._task;
    this._fiber = fiber;
    this._outer = fiber._within;
    this._closed = false;
    this._mustCancel = false;
    this._cancelMessage = undefined;
    this._first = null;
    this._last = null;
    this._abort = null;
    this._delivered = 'to none';
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
    while (heir?._closed) heir = heir._outer;
    heir ??= leftoversOf(this._task as Fiber);
    for (let flow: Flow | null = this._first; flow !== null; ) {
      const next: Flow | null = flow._next;
      heir._add(flow);
      flow = next;
    }
    this._first = null;
    this._last = null;
  }

  /** A cancellation that nobody awaited yet goes on to the fiber. */
  _handOver(): void {
    if (!this._mustCancel) return;
    this._mustCancel = false;
    this._fiber._mustCancel = true;
    this._fiber._cancelMessage = this._cancelMessage;
  }

  /** Cancels every flow; with none parked, whatever the frame awaits next. */
  _cancel(message: unknown): void {
    const running = runsIn(this);
    const parked = this._cancelFlows(message);
    const heard = this._abort?.abort(cancelledError(message), this._loop._host) ?? false;
    if (heard && !parked) this._confirm(message);
    if (running || !(parked || heard)) {
      this._mustCancel = true;
      this._cancelMessage = message;
      // Where others were told, the flow that runs hears of it only if it awaits before its step ends.
      if (parked || heard) this._loop._forgetAfterStep(this);
    }
    if (!running && !heard) this._loop._watchForeignAwait(this);
  }

  /** The signal was asked for while a cancellation waits for an await of ours: who follows it a turn later hears of that. */
  _tellLater(): void {
    this._loop._host.hop(() => {
      if (!this._mustCancel || !this._isElsewhere()) return;
      this._mustCancel = false;
      this._cancel(this._cancelMessage);
    });
  }

  /** Whether no flow of the frame waits for anything of ours, and it has not ended: it is inside a foreign promise. */
  _isElsewhere(): boolean {
    return this._first === null && !this._closed && !this._task.done();
  }

  /**
   * Those who heard may be requests that are long over: undici's and `AbortSignal.any()`'s listeners stay until they are collected. What is
   * under way ends at once, or in the platform's next turn; a frame that has not gone on by then is inside something that did not hear.
   */
  _confirm(message: unknown): void {
    const { _host: host } = this._loop;
    host.hop(() =>
      host.hop(() => {
        if (!this._abort?._heard || !this._isElsewhere()) return;
        this._mustCancel = true;
        this._cancelMessage = message;
        this._loop._watchForeignAwait(this);
      }),
    );
  }

  _cancelFlows(message: unknown): boolean {
    const any = this._first !== null;
    if (any) this._delivered = this._first === this._last ? 'to one' : 'to several';
    for (let flow: Flow | null = this._first; flow !== null; ) {
      const next: Flow | null = flow._next;
      flow._spared = true;
      deliver(flow, message);
      flow = next;
    }
    return any;
  }

  /** The task is over: cancels the flows that no cancellation has reached yet, and that are not cleaning up after one. */
  _cancelLosers(): void {
    for (let flow: Flow | null = this._first; flow !== null; ) {
      const next: Flow | null = flow._next;
      if (!flow._spared) {
        flow._spared = true;
        deliver(flow, undefined);
      }
      flow = next;
    }
  }
}

/** The scope of a fiber for what belongs to no frame: flows that outlived theirs, plain code that generators call. @internal */
export function leftoversOf(fiber: Fiber): Scope {
  if (fiber._leftovers === null || fiber._leftovers._closed) fiber._leftovers = new Scope(fiber, false);
  return fiber._leftovers;
}

// -------------------------------------------------------------------------------------------------- flows

/** A plain `await` of ours inside an async function: a child fiber. It is what `then` returns, too. */
export class Flow implements Fiber, PromiseLike<unknown> {
  readonly _loop: EventLoop;
  readonly _task: Task;
  declare _within: Scope;
  declare _previous: Flow | null;
  declare _next: Flow | null;
  _frame: Coro<unknown> | null;
  /** @internal */
  _waiter: FutureLike<unknown> | Operation<unknown> | null;
  _mustCancel: boolean;
  _cancelMessage: unknown;
  /** Whether it was cancelled, or cleans up after a cancellation: the end of the task does not cancel it once more. */
  _spared: boolean;
  _done: boolean;
  _onFulfilled: Settle;
  _onRejected: Settle;
  // What few flows have is null in the prototype.
  declare _requests: number;
  declare _leaf: boolean;
  declare _carrier: BoundContext | null;
  declare _leftovers: Scope | null;
  declare _stack: Coro<unknown>[] | null;
  declare _scope: Scope | null;
  declare _coroutine: Coroutine<unknown> | null;
  declare _chained: Promise<unknown> | null;

  constructor(scope: Scope, onFulfilled: Settle, onRejected: Settle) {
    this._loop = scope._loop;
    this._task = scope._task;
    scope._add(this);
    this._frame = null;
    this._waiter = null;
    // A cancellation that waits for the next await goes to this one.
    this._mustCancel = scope._mustCancel;
    this._cancelMessage = scope._cancelMessage;
    scope._mustCancel = false;
    this._spared = scope._delivered !== 'to none';
    this._done = false;
    this._onFulfilled = onFulfilled;
    this._onRejected = onRejected;
  }

  _ended(): boolean {
    return this._done;
  }

  _notify(): void {
    this._loop._push(this);
  }

  /** @internal */
  _label(): string {
    return 'Task.wakeup()';
  }

  _awaiters(tasks: Set<FutureLike<unknown>>): void {
    tasks.add(this._task);
  }

  /** The handle of the loop that resumes it. */
  _run(): void {
    const loop = this._loop;
    const outerContext = current.context;
    const began = loop._beginNative(this._task);
    if (!loop._nativeContextInUse()) current.nativeScope = this._within;
    current.fiber = this;
    current.context = this._task._context;
    try {
      if (this._frame instanceof Checkpoint && !this._mustCancel) {
        // What step() comes to by a longer way.
        this._frame._state = CLOSED;
        this._end(false, undefined);
      } else if (this._carrier === null) step(this);
      else this._carrier.runInAsyncScope(step, undefined, this as Fiber);
    } finally {
      current.fiber = null;
      current.context = outerContext;
    }
    if (began && !this._done && this._scope === null) {
      current.nativeScope = null;
      loop._abandonNative();
    }
  }

  _end(failed: boolean, value: unknown): void {
    const scope = this._within;
    this._done = true;
    if (this._leftovers !== null) this._leftovers._close();
    scope._remove(this);
    if (this._coroutine !== null) this._coroutine._state = CLOSED;
    if (this._requests > 0) scope._fiber._requests += this._requests;
    // A request that this flow did not come to hear of goes on to the frame, unless others of the frame's flows have heard.
    if (this._mustCancel && scope._delivered !== 'to several') {
      scope._mustCancel = true;
      scope._cancelMessage = this._cancelMessage;
    }
    scope._abort?.resumed();
    if (failed && isCancelledError(value)) this._task._absorbCancelledFlows();
    this._task._flowEnded();
    if (this._loop._debug && !failed && (isfuture(value) || value instanceof Coroutine)) {
      logger.warn(
        `A plain await is about to unwrap ${value}, which is the value of what it awaits: put it in an array`,
      );
    }
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
  then<R1 = unknown, R2 = never>(
    onFulfilled?: ((value: unknown) => R1 | PromiseLike<R1>) | null,
    onRejected?: ((error: unknown) => R2 | PromiseLike<R2>) | null,
  ): Promise<R1 | R2> {
    return this._promise().then(onFulfilled, onRejected);
  }

  catch(onRejected: (error: unknown) => unknown): Promise<unknown> {
    return this._promise().catch(onRejected);
  }

  finally(callback: () => void): Promise<unknown> {
    return this._promise().finally(callback);
  }

  // No private method: it would cost every await its share.
  _promise(): Promise<unknown> {
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

// What few flows have.
Object.assign(Flow.prototype, {
  _requests: 0,
  _leaf: true,
  _carrier: null,
  _leftovers: null,
  _stack: null,
  _scope: null,
  _coroutine: null,
  _chained: null,
});

function start(flow: Flow): Flow {
  enter(flow, flow._leaf ? advance : startFlow, false, undefined);
  // With a native frame on top it is not parked: that frame's own awaits are.
  if (!flow._done && flow._scope === null) flow._loop._parked(flow);
  return flow;
}

function startFlow(fiber: Fiber): void {
  const coroutine = (fiber as Flow)._coroutine as Coroutine<unknown>;
  const source: unknown = coroutine._source;
  coroutine._source = null;
  fiber._frame = null;
  if (typeof source !== 'function') {
    fiber._frame = source as Coro<unknown>;
    advance(fiber, false, undefined);
  } else if (!openNative(fiber, source as () => unknown, null)) advanceOpened(fiber);
}

/** The scope that an await belongs to: the one noted when `then` was read, or the running one. */
function awaitingScope(noted: Scope | null): Scope | null {
  const scope = noted !== null && !noted._closed && !noted._task.done() ? noted : liveScope();
  if (current.announced > 0) current.announced -= 1;
  return scope;
}

awaiting.announce = () => {
  current.announced += 1;
  return current.nativeScope === null ? null : liveScope();
};

awaiting.start = (awaitable, noted, onFulfilled, onRejected) => {
  const scope = awaitingScope(noted);
  if (scope === null) {
    let future = awaitable as Future<unknown>;
    try {
      if (awaitable instanceof Coroutine) future = getRunningLoop().createTask(awaitable);
    } catch (error) {
      return Promise.reject(error).then(onFulfilled, onRejected);
    }
    return new PlainAwait(future, onFulfilled, onRejected).promise;
  }
  const flow = new Flow(scope, onFulfilled, onRejected);
  try {
    flow._frame = awaitable[Symbol.iterator]();
  } catch (error) {
    flow._end(true, error);
    return flow;
  }
  if (awaitable instanceof Checkpoint) {
    awaitable._state = OPEN;
    flow._notify();
    flow._loop._parked(flow);
    return flow;
  }
  if (awaitable instanceof Coroutine && !(awaitable instanceof LeafCoroutine)) {
    awaitable._state = OPEN;
    flow._leaf = false;
    flow._carrier = scope._carrier;
    flow._coroutine = awaitable;
  }
  return start(flow);
};
