/**
 * Tasks: futures that drive a coroutine.
 *
 * Invariants.
 * - A pending task is either in the ready queue (its next step), or waits for exactly one future (`_waiter`), or is
 *   parked in a native frame (`_scope`), or runs right now. Never two of them.
 * - A cancellation is either under way in what the task waits for, or noted in `_mustCancel`; it reaches the coroutine
 *   only as an exception thrown in at a suspension point.
 * - A task leaves the loop's list when it is done, and only then.
 */

import type { EventLoop } from './base-events.js';
import {
  currentFiber,
  deliver,
  holderBelow,
  requestsBelow,
  requestsOf,
  uncancelFiber,
  waitersBelow,
} from './cancellation.js';
import { Context, checkContext, contextForTask } from './contextvars.js';
import {
  CLAIMED,
  CLOSED,
  type Coro,
  Coroutine,
  type CoroutineLike,
  isGenerator,
  isGeneratorFunction,
  isThenable,
  LeafCoroutine,
  OPEN,
} from './coroutines.js';
import { current, liveScope } from './current.js';
import { type ContextOption, getRunningLoop, runningLoopOrNull } from './events.js';
import {
  InvalidStateError,
  isCancelledError,
  normalizeThrown,
  RuntimeError,
  stopsTheLoop,
} from './exceptions.js';
import { advance, advanceOpened, type Fiber, leftoversOf, openNative, Scope, step } from './fibers.js';
import { extractStack, formatStack, parseStack, repr, type StackFrame } from './format-helpers.js';
import {
  CANCELLED,
  FAILED,
  FINISHED,
  Future,
  type FutureLike,
  type FutureOptions,
  isfuture,
  LEAF,
  MUST_CANCEL,
  PENDING,
  REQUESTS_SHIFT,
  UNOPENED,
} from './futures.js';
import type { BoundContext } from './host.js';
import { logger } from './log.js';
import { Operation, WAITING } from './operations.js';
import type { AbortSignalLike } from './signals.js';

/** What `createTask()` and task factories are told. */
export interface TaskOptions extends ContextOption {
  /** Shown in `toString()` and logs; `Task-N` by default. */
  name?: string | number | null | undefined;
  /** Run the first step inside `createTask()`, on a running loop. */
  eagerStart?: boolean | undefined;
  /** Cancels the task when it is aborted; the reason becomes the CancelledError's message. */
  signal?: AbortSignalLike | undefined;
}

/** A function that makes tasks in place of the `Task` constructor. */
export type TaskFactory = <T>(loop: EventLoop, coro: CoroutineLike<T>, options: TaskOptions) => Task<T>;

/** A class that can be constructed as `Task` is. */
export type TaskConstructor = new <T>(
  coro: CoroutineLike<T>,
  options: TaskOptions & FutureOptions,
) => Task<T>;

let tasksMade = 0;

/**
 * A coroutine that runs on a loop, and the future of its result. `createTask()` makes them.
 *
 * *Cancellation*: `cancel()` throws CancelledError into the coroutine at the point where it waits; its `finally`
 * blocks run, and may await. A task is done only when its coroutine has ended and nothing that it started in plain
 * JavaScript waits for anything of this library any more.
 */
export class Task<T = unknown> extends Future<T> implements Fiber {
  /** `null` stands for an empty one that nobody has asked for yet. @internal */
  _context: Context | null;
  /** @internal */
  _frame: Coro<unknown> | null;
  /** @internal */
  _stack: Coro<unknown>[] | null;
  /** @internal */
  _waiter: FutureLike<unknown> | Operation<unknown> | null;
  /** @internal */
  _scope: Scope | null;
  /** Its place among the loop's unfinished tasks; -1 outside. @internal */
  _place: number;
  /** The how-manieth task of the process it is; also its name, `Task-N`, until it is given one. @internal */
  readonly _serial: number;
  /** @internal */
  _coro: CoroutineLike<T> | null;
  /** @internal */
  _leftovers: Scope | null;

  constructor(coro: CoroutineLike<T>, options?: TaskOptions & FutureOptions) {
    super(options);
    const loop = this._loop;
    const isGeneratorObject = isGenerator(coro);
    if (!isGeneratorObject && !(coro instanceof Coroutine) && typeof coro !== 'function') refuse(coro);
    const given = options?.context;
    const name = options?.name;
    this._context = given === undefined ? contextForTask() : checkContext(given);
    this._frame = isGeneratorObject ? (coro as Coro<T>) : null;
    this._stack = null;
    this._waiter = null;
    this._scope = null;
    this._place = -1;
    tasksMade += 1;
    this._serial = tasksMade;
    this._coro = coro;
    if (!isGeneratorObject) this._bits |= UNOPENED;
    this._leftovers = null;
    if (name !== undefined && name !== null) this.setName(name);
    if (coro instanceof Coroutine) coro._claim();
    // An async function must start in the async context of whoever made the task; once that is in use, so do generators.
    if (loop._nativeContextInUse()) this._leftovers = new Scope(this as Fiber, true);
    else if (!isGeneratorObject && isNative(coro))
      this._leftovers = new Scope(this as Fiber, loop._nativeContext());
    if (options?.signal !== undefined) followSignal(this as Task, options.signal);
    loop._register(this as Task);
    if (options?.eagerStart === true && loop.isRunning()) {
      startEagerly(this as Task, given);
      return;
    }
    loop._checkClosed();
    loop._push(this as Fiber);
  }

  /** @internal */
  get _leaf(): boolean {
    return (this._bits & LEAF) !== 0;
  }

  /** @internal */
  get _mustCancel(): boolean {
    return (this._bits & MUST_CANCEL) !== 0;
  }

  /** @internal */
  set _mustCancel(must: boolean) {
    if (must) this._bits |= MUST_CANCEL;
    else this._bits &= ~MUST_CANCEL;
  }

  /** @internal */
  get _requests(): number {
    return this._bits >> REQUESTS_SHIFT;
  }

  /** @internal */
  set _requests(count: number) {
    this._bits = (this._bits & ((1 << REQUESTS_SHIFT) - 1)) | (count << REQUESTS_SHIFT);
  }

  /** A task is awaited in no scope. @internal */
  get _within(): null {
    return null;
  }

  /** @internal */
  get _carrier(): BoundContext | null {
    return this._leftovers?._carrier ?? null;
  }

  /** @internal */
  get _task(): Task {
    return this as Task;
  }

  /** Whether `loop.close()` reports the task if it is still pending. @internal */
  get _logDestroyPending(): boolean {
    return this._extra?.silent !== true;
  }

  /** @internal */
  set _logDestroyPending(enabled: boolean) {
    this._extra ??= {};
    this._extra.silent = !enabled;
  }

  /** @internal */
  _ended(): boolean {
    return this._status !== PENDING || this._extra?.closing !== undefined;
  }

  /** The coroutine that the task runs, as it was given; `null` after an eager completion. */
  getCoro(): CoroutineLike<T> | null {
    return this._coro;
  }

  /** The context that the task's steps run in, the very object. */
  getContext(): Context {
    if (this._context === null) {
      this._context = new Context();
      this._context._entered = current.fiber === (this as Fiber);
    }
    return this._context;
  }

  getName(): string {
    return this._extra?.name ?? `Task-${this._serial}`;
  }

  setName(name: unknown): void {
    this._extra ??= {};
    this._extra.name = String(name);
  }

  /** @throws RuntimeError always: the coroutine sets the result. */
  override setResult(_result: T): never {
    throw new RuntimeError('Task does not support set_result operation');
  }

  /** @throws RuntimeError always: the coroutine fails by throwing. */
  override setException(_exception: unknown): never {
    throw new RuntimeError('Task does not support set_exception operation');
  }

  /**
   * Asks the task to cancel: CancelledError, with `message` as its argument, is thrown in where the coroutine waits, or
   * at its next suspension. Returns `false` when the task is done. The coroutine may clean up, and may go on: whether
   * it was cancelled, `cancelled()` says later.
   *
   * @example
   * ```ts
   * import * as asyncio from 'tsyncio';
   *
   * await asyncio.run(async () => {
   *   const task = asyncio.createTask(async () => {
   *     try {
   *       await asyncio.sleep('1h');
   *     } finally {
   *       console.log('cleaned up');
   *     }
   *   });
   *   await asyncio.sleep(0);
   *   task.cancel();
   *   await asyncio.wait([task]); //=> cleaned up
   *   console.log(task.cancelled()); //=> true
   * });
   * ```
   */
  override cancel(message?: unknown): boolean {
    if (noteRequest(this as Task)) {
      // A task that only waits for its last flows keeps its outcome.
      if (this._extra?.closing !== undefined) this._leftovers?._cancelFlows(message);
      else deliver(this as Fiber, message);
      return true;
    }
    return false;
  }

  /** How many requests to cancel there were, less those that were taken back. */
  cancelling(): number {
    const fiber = currentFiber();
    return fiber !== null && fiber._task === (this as unknown)
      ? requestsOf(fiber)
      : requestsBelow(this as Fiber);
  }

  /** Takes back one request to cancel; returns how many are left. A cancellation not yet delivered is then withdrawn. */
  uncancel(): number {
    const fiber = currentFiber();
    if (fiber !== null && fiber._task === (this as unknown)) return uncancelFiber(fiber);
    const holder = holderBelow(this as Fiber);
    if (holder !== null) uncancelFiber(holder);
    else uncancelFiber(this as Fiber);
    return requestsBelow(this as Fiber);
  }

  /** The stack of a failed task, oldest frame first; a suspended one has only its entry. */
  getStack(options: { limit?: number | null | undefined } = {}): readonly StackFrame[] {
    const frames = framesOf(this as Task);
    const { limit } = options;
    if (limit === undefined || limit === null || frames.length <= limit) return frames;
    return this._status === PENDING ? frames.slice(frames.length - limit) : frames.slice(0, limit);
  }

  /** Prints the stack, to standard error by default, in Python's format. */
  printStack(
    options: { limit?: number | null | undefined; file?: { write(text: string): unknown } | undefined } = {},
  ): void {
    const frames = this.getStack(options);
    const lines: string[] = [];
    if (frames.length === 0) lines.push(`No stack for ${this}`);
    else if (this._status === FAILED) lines.push(`Traceback for ${this} (most recent call last):`);
    else lines.push(`Stack for ${this} (most recent call last):`);
    if (frames.length > 0) lines.push(formatStack(frames));
    if (this._status === FAILED) lines.push(repr(this._value));
    if (options.file !== undefined) options.file.write(`${lines.join('\n')}\n`);
    else
      (globalThis as unknown as { console: { error(text: string): void } }).console.error(lines.join('\n'));
  }

  /** @internal */
  _coroName(): string {
    const coro = this._coro;
    if (coro === null) return '<coroutine>';
    if (coro instanceof Coroutine || typeof coro === 'function')
      return coro.name === '' ? '<lambda>' : coro.name;
    return '<generator>';
  }

  /** @internal */
  override _info(): string[] {
    const info = super._info();
    if (this._status === PENDING && this.cancelling() > 0) info[0] = 'cancelling';
    info.splice(1, 0, `name=${repr(this.getName())}`, `coro=<${this._coroName()}()>`);
    const waiters = waitersBelow(this as Fiber);
    if (waiters.length > 0) info.splice(3, 0, `wait_for=${waiters.map(describeWaiter).join(', ')}`);
    return info;
  }

  /** @internal */
  _requestCancel(_message: unknown): Fiber | null | undefined {
    // A subclass with a cancel() of its own, and a task that is closing, are asked the ordinary way.
    if (hasOwnCancel(this as Task) || this._extra?.closing !== undefined) return undefined;
    return noteRequest(this as Task) ? (this as Fiber) : null;
  }

  /** What it waited for is done: the task's next step is due. @internal */
  _notify(): void {
    this._loop._push(this as Fiber);
  }

  /** @internal */
  _label(): string {
    return 'Task.wakeup()';
  }

  /** @internal */
  _awaiters(tasks: Set<FutureLike<unknown>>): void {
    tasks.add(this);
  }

  /** One step; or, when it is done, its turn to tell a group. @internal */
  override _run(): void {
    if (this._status !== PENDING) {
      if (this._waiters === null) throw new InvalidStateError(`Cannot step ${this}: it is done`);
      super._run();
      return;
    }
    if (current.fiber !== null) throw cannotEnter(this as Task, current.fiber._task);
    const outerContext = current.context;
    const context = this._context;
    current.fiber = this as Fiber;
    current.context = context;
    if (context !== null) context._entered = true;
    try {
      const carrier = this._leftovers?._carrier ?? null;
      if (carrier === null || this._scope !== null) stepTask(this as Task);
      else carrier.runInAsyncScope(stepTask, undefined, this as Task);
    } finally {
      if (this._context !== null) this._context._entered = false;
      current.fiber = null;
      current.context = outerContext;
    }
  }

  /** The first step of a task that was not given a generator. @internal */
  _open(): void {
    this._bits &= ~UNOPENED;
    const coro = this._coro as Coroutine<T> | (() => unknown);
    if (this._mustCancel) {
      if (coro instanceof Coroutine) {
        coro._state = CLAIMED;
        closeUnstarted(coro);
      }
      this._mustCancel = false;
      this._end(true, this._makeCancelledError());
      return;
    }
    let source: unknown = coro;
    if (coro instanceof Coroutine) {
      if (coro instanceof LeafCoroutine) {
        this._frame = coro as unknown as Coro<unknown>;
        this._bits |= LEAF;
        advance(this as Fiber, false, undefined);
        return;
      }
      source = coro._source;
      coro._source = null;
      coro._state = OPEN;
    }
    if (typeof source === 'function') {
      // The scope that was made with the task, for the sake of its async context, becomes the frame's.
      const prepared = this._leftovers;
      if (isNative(source)) this._leftovers = null;
      if (openNative(this as Fiber, source as () => unknown, prepared)) return;
      if (this._frame !== null) this._leftovers = prepared;
      advanceOpened(this as Fiber);
      return;
    }
    this._frame = source as Coro<unknown>;
    advance(this as Fiber, false, undefined);
  }

  /** The coroutine ended. @internal */
  _end(failed: boolean, value: unknown): void {
    if (this._leftovers !== null && this._leftovers._first !== null) {
      this._extra ??= {};
      this._extra.closing ??= { failed, value };
      this._absorbCancelledFlows();
      this._leftovers._cancelLosers();
      return;
    }
    const coro = this._coro;
    if (coro instanceof Coroutine) coro._state = CLOSED;
    this._loop._unregister(this as Task);
    if (
      this._loop._debug &&
      this._requests > 0 &&
      !(failed && isCancelledError(value)) &&
      !this._mustCancel
    ) {
      reportSwallowed(this as Task);
    }
    this._extra?.release?.();
    if (!failed) {
      if (this._mustCancel) {
        this._mustCancel = false;
        this._complete(CANCELLED, undefined);
      } else {
        this._complete(FINISHED, value);
      }
    } else if (isCancelledError(value)) {
      this._cancelMessage = undefined;
      this._complete(CANCELLED, value);
    } else {
      this._failWith(normalizeThrown(value));
      if (stopsTheLoop(value)) throw value;
    }
  }

  /** Where code awaits whose own frame has ended. @internal */
  _leftoverScope(): Scope {
    return leftoversOf(this as Fiber);
  }

  /** Cancelled flows that nobody awaits must not end the process: from the first one until the task is done. @internal */
  _absorbCancelledFlows(): void {
    if (this._status !== PENDING || this._extra?.release !== undefined) return;
    const release = this._loop._host.absorbCancelledFlows?.();
    if (release === undefined) return;
    this._extra ??= {};
    this._extra.release = release;
  }

  /** A flow of the task ended: with the last one a closing task is done. @internal */
  _flowEnded(): void {
    if (this._extra?.closing === undefined || this._leftovers?._first !== null) return;
    this._loop._closings += 1;
    this._loop._host.settled(() => finishClosing(this as Task));
  }
}

/** Whether a subclass has replaced `cancel()`. */
function hasOwnCancel(task: Task): boolean {
  return task.cancel !== Task.prototype.cancel;
}

/** Counts a request to cancel. `false` when the task is done. */
function noteRequest(task: Task): boolean {
  task._markRetrieved();
  if (task._status !== PENDING) return false;
  task._requests += 1;
  if (task._loop._debug) {
    task._extra ??= {};
    task._extra.cancelTraceback = extractStack();
  }
  return true;
}

function finishClosing(task: Task): void {
  task._loop._closings -= 1;
  const closing = task._extra?.closing;
  if (closing === undefined || task._status !== PENDING || task._leftovers?._first !== null) return;
  try {
    task._end(closing.failed, closing.value);
  } catch (error) {
    task._loop._interrupt(error);
  }
}

function reportSwallowed(task: Task): void {
  const { cancelTraceback, sourceTraceback } = task._extra ?? {};
  const lines = [`${task} was cancelled but did not raise CancelledError (swallowed by a catch?)`];
  if (cancelTraceback !== undefined)
    lines.push(`Cancelled at (most recent call last):\n${formatStack(cancelTraceback)}`);
  if (sourceTraceback !== undefined)
    lines.push(`Task created at (most recent call last):\n${formatStack(sourceTraceback)}`);
  logger.warn(lines.join('\n'));
}

function framesOf(task: Task): StackFrame[] {
  if (task._status === FAILED) {
    return parseStack(task._value instanceof Error ? task._value.stack : undefined).reverse();
  }
  if (task._status !== PENDING) return [];
  const origin = task.sourceTraceback?.at(-1);
  return [
    {
      functionName: task._coroName(),
      file: origin?.file ?? '<unknown>',
      line: origin?.line ?? 0,
      column: origin?.column ?? 0,
    },
  ];
}

/** Runs the first step inside the constructor. */
function startEagerly(task: Task, given: Context | undefined): void {
  if (given?._entered === true) {
    task._loop._unregister(task);
    throw new RuntimeError(`cannot enter context: ${given} is already entered`);
  }
  const { fiber, loop, nativeScope } = current;
  current.fiber = null;
  current.loop = task._loop;
  try {
    task._run();
  } finally {
    current.fiber = fiber;
    current.loop = loop;
    current.nativeScope = nativeScope;
  }
  if (task._status !== PENDING) task._coro = null;
}

/** The unfinished tasks that follow a signal: one listener serves them all. */
class Followers {
  readonly #signal: AbortSignalLike;
  readonly #tasks = new Set<Task>();

  constructor(signal: AbortSignalLike) {
    this.#signal = signal;
  }

  readonly #cancelAll = (): void => {
    for (const task of this.#tasks) task.cancel(this.#signal.reason);
  };

  add(task: Task): void {
    if (this.#tasks.size === 0) this.#signal.addEventListener('abort', this.#cancelAll, { once: true });
    this.#tasks.add(task);
    task._addWaiter({ _notify: () => this.#remove(task) });
  }

  #remove(task: Task): void {
    this.#tasks.delete(task);
    if (this.#tasks.size === 0) this.#signal.removeEventListener('abort', this.#cancelAll);
  }
}

const followers = new WeakMap<AbortSignalLike, Followers>();

/** Cancels `task` when `signal` is aborted, for as long as the task runs. */
function followSignal(task: Task, signal: AbortSignalLike): void {
  if (typeof signal?.addEventListener !== 'function') {
    throw new TypeError(`expected an AbortSignal, got ${repr(signal)}`);
  }
  if (signal.aborted) {
    task.cancel(signal.reason);
    return;
  }
  let known = followers.get(signal);
  if (known === undefined) {
    known = new Followers(signal);
    followers.set(signal, known);
  }
  known.add(task);
}

function stepTask(task: Task): void {
  if ((task._bits & UNOPENED) !== 0) task._open();
  else step(task as Fiber);
}

function closeUnstarted(coro: Coroutine<unknown>): void {
  coro._state = CLOSED;
  coro._source = null;
}

/** Whether a task's source may be an async function. */
function isNative(source: unknown): boolean {
  if (source instanceof Coroutine) return !(source instanceof LeafCoroutine) && isNative(source._source);
  return typeof source === 'function' && !isGeneratorFunction(source);
}

/** @internal */
export function describeWaiter(waiter: FutureLike<unknown> | Operation<unknown>): string {
  if (waiter instanceof Operation)
    return waiter._state === WAITING ? '<Future pending cb=[Task.wakeup()]>' : '<Future finished>';
  if (waiter instanceof Task)
    return `<Task ${waiter.done() ? 'finished' : 'pending'} name=${repr(waiter.getName())}>`;
  return String(waiter);
}

function refuse(coro: unknown): never {
  if (isfuture(coro)) throw new TypeError(`a coroutine was expected, got ${coro}: use ensureFuture()`);
  if (isThenable(coro)) throw alreadyStarted(coro, 'a coroutine was expected, got a promise');
  throw new TypeError(`a coroutine was expected, got ${repr(coro)}`);
}

/** The error for a promise where a coroutine is due; the promise's own rejection is then not reported a second time. @internal */
export function alreadyStarted(promise: PromiseLike<unknown>, what: string): TypeError {
  Promise.resolve(promise).catch(() => {});
  return new TypeError(`${what} that has already started: pass () => f() instead of f()`);
}

function cannotEnter(task: Task, other: Task): RuntimeError {
  return new RuntimeError(`Cannot enter into task ${task} while another task ${other} is being executed.`);
}

/**
 * Schedules a coroutine on the running loop, and returns its task. It starts at the loop's next iteration.
 *
 * @param coro a generator object, a {@link Coroutine}, or a function that makes one or returns a promise: an async
 * function is handed over as `() => f(1)`.
 * @throws TypeError for anything else, a promise among it: that has started already, and cannot be cancelled.
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   const task = asyncio.createTask(async () => 42, { name: 'answer' });
 *   console.log(task.getName(), await task); //=> answer 42
 * });
 * ```
 */
export function createTask<T>(coro: CoroutineLike<T>, options?: TaskOptions): Task<T> {
  return getRunningLoop().createTask(coro, options);
}

/** The task that the calling code is a part of, or `null`; with `loop`, only if it is that loop's. */
export function currentTask(loop?: EventLoop | null): Task | null {
  const task = current.fiber?._task ?? (current.loop === null ? (liveScope()?._task ?? null) : null);
  if (task !== null) return loop === undefined || loop === null || task._loop === loop ? task : null;
  return entered.get(loop ?? runningLoopOrNull() ?? noLoop) ?? null;
}

/** The tasks of `loop`, the running one by default, that are not done. A new set, in the order of creation. */
export function allTasks(loop?: EventLoop | null): Set<Task> {
  return (loop ?? getRunningLoop())._unfinishedTasks();
}

const noLoop = {};
/** Tasks of other makes that entered by hand. */
const entered = new WeakMap<object, Task>();

/** For other Task implementations: the task is now listed by `allTasks()`. */
export function registerTask(task: Task): void {
  task._loop._register(task);
}

/** For other Task implementations: takes back {@link registerTask}. An unknown task is no error. */
export function unregisterTask(task: Task): void {
  task._loop._unregister(task);
}

/** For other Task implementations: `task` is now the current one of `loop`. @throws RuntimeError while another one is. */
export function enterTask(loop: EventLoop, task: Task): void {
  const other = current.fiber?._task ?? entered.get(loop);
  if (other !== undefined) throw cannotEnter(task, other);
  entered.set(loop, task);
}

/** For other Task implementations: takes back {@link enterTask}. @throws RuntimeError when another task is current. */
export function leaveTask(loop: EventLoop, task: Task): void {
  const other = entered.get(loop);
  if (other !== task) {
    throw new RuntimeError(`Leaving task ${task} does not match the current task ${other ?? null}.`);
  }
  entered.delete(loop);
}

/** A task factory for `ctor` whose tasks run their first step at once. */
export function createEagerTaskFactory(ctor: TaskConstructor): TaskFactory {
  return (loop, coro, options) => new ctor(coro, { eagerStart: true, ...options, loop });
}

/**
 * `loop.setTaskFactory(eagerTaskFactory)`: every task runs its first step inside `createTask()`. A coroutine that never
 * suspends then costs no turn of the loop. An async function's completion is seen one microtask later.
 */
export const eagerTaskFactory: TaskFactory = createEagerTaskFactory(Task as TaskConstructor);
