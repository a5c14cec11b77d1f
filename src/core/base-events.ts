/**
 * The event loop: ready handles in the order in which they became ready, timers by deadline, one iteration after the
 * other.
 *
 * A *turn* is what the host calls: it runs iterations until nothing is ready (the loop sleeps until a timer or a call
 * wakes it), until its time slice is over (the host gets its turn, so that input and output never starve), or until
 * a handle began a *native step*.
 *
 * A native step is the part of an async function between two of its waits. It runs in microtasks, after the handle that
 * resumed it has returned; no other handle of the loop runs before it has ended. It has ended when its last flow
 * parks again (`_parked`), when its task is done (`_endNative`), or, for steps that wait for something foreign, when
 * no microtask is left (`host.settled`, armed once for many steps).
 */

import type { Context } from './contextvars.js';
import type { AwaitableLike } from './coroutines.js';
import {
  type Coro,
  Coroutine,
  type CoroutineLike,
  iscoroutine,
  iscoroutinefunction,
  trackCoroutines,
} from './coroutines.js';
import { activeAsyncContext, current, enableAsyncContext } from './current.js';
import { deadlockError } from './deadlocks.js';
import { type Duration, toSeconds, toTime } from './durations.js';
import { ensureFuture } from './ensure-future.js';
import {
  type ContextOption,
  Handle,
  noteRunning,
  type Runnable,
  setLoopMaker,
  TimerHandle,
} from './events.js';
import { isBaseException, RuntimeError, setCaptureCancellationStacks, stopsTheLoop } from './exceptions.js';
import { FailureLog } from './failure-log.js';
import type { Flow, Scope } from './fibers.js';
import { formatStack, inspectCustom, originOf, repr, type StackFrame } from './format-helpers.js';
import { FAILED, Future, type FutureLike, isfuture } from './futures.js';
import { GatheringFuture, gather } from './gather.js';
import { type BoundContext, getDefaultHost, type Host, type HostTimer } from './host.js';
import { logger } from './log.js';
import type { PendingAwait } from './plain-awaits.js';
import { Ring } from './ring.js';
import { Task, type TaskFactory, type TaskOptions } from './tasks.js';
import { type HeapTimer, TimerHeap } from './timer-heap.js';

/** What an exception handler is told. */
export interface ExceptionContext {
  message?: string | undefined;
  exception?: unknown;
  future?: FutureLike<unknown> | FutureRecord | undefined;
  task?: Task | undefined;
  handle?: Handle | undefined;
  sourceTraceback?: readonly StackFrame[] | undefined;
  handleTraceback?: readonly StackFrame[] | undefined;
  [key: string]: unknown;
}

/** What `loop.setExceptionHandler()` takes: it is told of errors that nobody else can see. Source: `loop.set_exception_handler`. */
export type ExceptionHandler = (loop: EventLoop, context: ExceptionContext) => void;

/** What is left of a future that was collected: enough for a report. */
export interface FutureRecord {
  toString(): string;
  getContext?(): Context | undefined;
}

/** What a loop is told when it is made. */
export interface EventLoopOptions {
  /** The platform; the one that the entry point registered, by default. */
  host?: Host | undefined;
  /** Carry tasks through plain awaits with the platform's async context. On by default where there is one. */
  asyncContext?: boolean | undefined;
}

/** Seconds that a turn may take before the host gets its own. */
const SLICE = 0.001;
/** While handles are quick, the clock is read once in so many of them. */
const MOST_HANDLES_PER_CLOCK_READ = 64;
/** Seconds between two readings that still count as quick. */
const QUICK = 0.0002;
/** Seconds after which a cancelled task that a foreign promise still holds is logged. */
const FOREIGN_AWAIT_PATIENCE = 1;
/** The longest wait that is asked of the host, in seconds. */
const LONGEST_WAIT = 86_400;

/** How a `runForever()` in progress ends. */
interface OpenRun {
  resolve(): void;
  reject(error: unknown): void;
  releaseHold: (() => void) | undefined;
}

/**
 * An event loop. Most programs never touch one: `run()` makes and closes it.
 *
 * Several loops can run side by side in a thread; each keeps its own order.
 */
export class EventLoop {
  /** A handle that runs for longer than this many seconds is reported in debug mode. */
  slowCallbackDuration = 0.1;

  /** @internal */
  readonly _host: Host;
  /** @internal */
  _debug = false;
  /** @internal */
  readonly _timers = new TimerHeap<HeapTimer & Runnable>();
  /** The task whose native step is under way. @internal */
  _native: Task | null = null;
  /** Tasks that will be done when no microtask is left. @internal */
  _closings = 0;
  /** Awaits of plain code that are pending on this loop. @internal */
  readonly _plainAwaits = new Set<PendingAwait>();
  /** Closes what is open of the system's, once something is. @internal */
  _abandonResources: (() => void) | null = null;

  readonly #ready = new Ring<Runnable>();
  /** How many of the ready handles belong to the present iteration. */
  #todo = 0;
  /** Whether an iteration is under way: `stop()` ends the run after it. */
  #iterating = false;
  /** Whether a turn is under way, also while it waits for a native step. */
  #turning = false;
  /** Whether the host was asked for a turn. */
  #scheduled = false;
  /** Whether the loop waits for a timer or for somebody to push something. */
  #asleep = false;
  #stopping = false;
  #closed = false;
  /** On a virtual clock: no microtask was left when the loop had nothing ready. */
  #quiet = false;
  /** Whether the run must not return to the host. */
  #synchronous = false;
  #openRun: OpenRun | null = null;
  /** What is to come out of the run. */
  #pendingError: { error: unknown } | null = null;

  #sinceClockRead = 0;
  #handlesPerClockRead = 1;
  #lastClockRead = 0;
  #sliceEnd = 0;
  #timersMade = 0;
  #timer: HostTimer | null = null;
  #timerSetFor = Number.POSITIVE_INFINITY;

  readonly #asyncContextAllowed: boolean;
  #rootContext: BoundContext | null = null;
  #settledArmed = false;
  /** Requests to cancel that count only until the native step under way ends. */
  readonly #requestsOfStep: Scope[] = [];

  /** Whether it is the thread's ambient loop, which always runs. */
  readonly #ambient: boolean;
  #forgetQuiet: (() => void) | null = null;
  #taskFactory: TaskFactory | null = null;
  /** The tasks that are not done, in no order: the last one takes the place of one that leaves. */
  #tasks: Task[] = [];
  readonly #asyncgens = new Set<WeakRef<AsyncGenerator<unknown>>>();
  #asyncgensLimit = 64;

  readonly #failures: FailureLog;
  #exceptionHandler: ExceptionHandler | null = null;
  /** Debug mode: what runs, and since when. */
  #timed: { readonly runnable: Runnable; readonly start: number } | null = null;
  #runningHandle: Handle | null = null;

  constructor(options: EventLoopOptions = {}) {
    this._host = options.host ?? getDefaultHost();
    this.#asyncContextAllowed = options.asyncContext ?? true;
    this.#ambient = (options as { ambient?: boolean }).ambient === true;
    this.#failures = new FailureLog(this, this.#ambient);
    if (this._host.debug === true) this.setDebug(true);
    if (this.#ambient) {
      this.#asleep = true;
      this._host.onExit?.(() => this.#failures.reportAll());
      this.#listenForQuiet();
    }
  }

  // ------------------------------------------------------------------------------------------- running

  /** Runs until {@link stop} is called. Keeps the process alive. @throws RuntimeError when the loop runs or is closed. */
  runForever(): Promise<void> {
    return this._start(true);
  }

  /** @internal */
  _start(holdProcess: boolean): Promise<void> {
    this.#checkIdle();
    return new Promise<void>((resolve, reject) => {
      this.#openRun = { resolve, reject, releaseHold: holdProcess ? this._host.hold?.() : undefined };
      noteRunning(this, true);
      this.#listenForQuiet();
      this.#schedule();
    });
  }

  /**
   * Runs until `awaitable` is done, and gives its result or throws its exception. A coroutine becomes a task.
   *
   * @throws RuntimeError when the loop runs or is closed; TypeError for what cannot be awaited.
   */
  runUntilComplete<T>(awaitable: AwaitableLike<T>): Promise<T> {
    const { future, finish } = this._prepareRun(awaitable);
    let running: Promise<void>;
    try {
      running = this._start(false);
    } catch (error) {
      future.removeDoneCallback(finish);
      throw error;
    }
    return running.then(
      () => this._concludeRun(future, finish),
      (error) => {
        future.removeDoneCallback(finish);
        if (future.done() && !future.cancelled()) future.exception();
        throw error;
      },
    );
  }

  /** @internal */
  _prepareRun<T>(awaitable: AwaitableLike<T>): {
    future: FutureLike<T>;
    finish: (future: FutureLike<T>) => void;
  } {
    this.#checkIdle();
    const isNew = !isfuture(awaitable);
    const future = ensureFuture(awaitable, { loop: this }) as FutureLike<T>;
    if (isNew && future instanceof Task) future._logDestroyPending = false;
    const finish = (done: FutureLike<T>) => {
      if (done instanceof Future && done._status === FAILED && stopsTheLoop(done._value)) return;
      this.stop();
    };
    future.addDoneCallback(finish);
    return { future, finish };
  }

  /** @internal */
  _concludeRun<T>(future: FutureLike<T>, finish: (future: FutureLike<T>) => void): T {
    future.removeDoneCallback(finish);
    if (!future.done()) throw new RuntimeError('Event loop stopped before Future completed.');
    const result = future.result();
    if (isfuture(result) || result instanceof Coroutine) {
      throw new TypeError(`Cannot hand over ${result}: a promise would await it: put it in an array`);
    }
    return result;
  }

  /** Ends the run in progress after the present iteration; before a run, after its first one. */
  stop(): void {
    this.#stopping = true;
    this.#wakeIfAsleep();
  }

  isRunning(): boolean {
    return this.#openRun !== null || this.#ambient;
  }

  isClosed(): boolean {
    return this.#closed;
  }

  /**
   * Discards what is scheduled, and reports what was forgotten: tasks still pending, exceptions nobody looked at.
   *
   * @throws RuntimeError while the loop runs. Closing twice is no error.
   */
  close(): void {
    if (this.isRunning()) throw new RuntimeError('Cannot close a running event loop');
    if (this.#closed) return;
    this.#failures.reportAll();
    for (const task of this._unfinishedTasks()) {
      if (!task._logDestroyPending || task._waiterList().some((waiter) => waiter instanceof GatheringFuture))
        continue;
      this.callExceptionHandler({
        message: 'Task was destroyed but it is pending!',
        task,
        ...originOf(task),
      });
    }
    this._abandonResources?.();
    if (this._debug) this.setDebug(false);
    this.#closed = true;
    this.#ready.clear();
    this.#todo = 0;
    this._timers.clear();
    this.#timer?.clear();
    this.#timer = null;
    this.#forgetQuiet?.();
    this.#forgetQuiet = null;
    this.#tasks = [];
  }

  // ---------------------------------------------------------------------------------------- scheduling

  /** Seconds on the loop's clock, which only goes forward. Its epoch says nothing. */
  time(): number {
    return this._host.time();
  }

  /**
   * Calls `callback` at the loop's next iteration, in the order of the calls.
   *
   * @throws RuntimeError when the loop is closed.
   */
  callSoon(callback: () => unknown, options?: ContextOption): Handle {
    this._checkClosed();
    checkCallback(callback, 'callSoon', this._debug);
    const handle = new Handle(this, callback, options?.context);
    this._push(handle);
    return handle;
  }

  /** As {@link callSoon}; in Python the one call that other threads may make. */
  callSoonThreadsafe(callback: () => unknown, options?: ContextOption): Handle {
    return this.callSoon(callback, options);
  }

  /** Calls `callback` after `delay` seconds. A negative delay is due at once. */
  callLater(delay: Duration, callback: () => unknown, options?: ContextOption): TimerHandle {
    if (delay === null || delay === undefined) throw new TypeError('delay must not be None');
    return this.callAt(this._host.time() + toSeconds(delay, 'delay'), callback, options);
  }

  /** Calls `callback` at `when` on the loop's clock; timers with one deadline run in the order in which they were set. */
  callAt(when: number, callback: () => unknown, options?: ContextOption): TimerHandle {
    if (when === null || when === undefined) throw new TypeError('when cannot be None');
    toTime(when, 'time');
    this._checkClosed();
    checkCallback(callback, 'callAt', this._debug);
    const handle = new TimerHandle(this, when, this._nextTimerOrder(), callback, options?.context);
    this._addTimer(handle);
    return handle;
  }

  /** A future of this loop. */
  createFuture<T = unknown>(): Future<T> {
    return new Future<T>({ loop: this });
  }

  /** Schedules a coroutine, and returns its task. @throws RuntimeError when the loop is closed. */
  createTask<T>(coro: CoroutineLike<T>, options?: TaskOptions): Task<T> {
    this._checkClosed();
    if (this.#taskFactory !== null) return this.#taskFactory(this, coro, options ?? {});
    return new Task<T>(coro, options === undefined ? this.#taskDefaults : { ...options, loop: this });
  }

  readonly #taskDefaults = { loop: this };

  /** Makes `factory` the maker of this loop's tasks; `null` restores the `Task` class. */
  setTaskFactory(factory: TaskFactory | null): void {
    if (factory !== null && typeof factory !== 'function') {
      throw new TypeError('task factory must be a callable or None');
    }
    this.#taskFactory = factory;
  }

  getTaskFactory(): TaskFactory | null {
    return this.#taskFactory;
  }

  // ---------------------------------------------------------------------------- exceptions and debugging

  /** `null` restores the default handler, which logs. */
  setExceptionHandler(handler: ExceptionHandler | null): void {
    if (handler !== null && typeof handler !== 'function') {
      throw new TypeError(`A callable object or None is expected, got ${repr(handler)}`);
    }
    this.#exceptionHandler = handler;
  }

  getExceptionHandler(): ExceptionHandler | null {
    return this.#exceptionHandler;
  }

  /** Logs the message, then what else is known, key by key. */
  defaultExceptionHandler(context: ExceptionContext): void {
    const lines = [context.message || 'Unhandled exception in event loop'];
    for (const key of Object.keys(context).sort()) {
      if (key === 'message' || key === 'exception') continue;
      const value = context[key];
      if (key === 'sourceTraceback')
        lines.push(`Object created at (most recent call last):\n${formatStack(value as never)}`);
      else if (key === 'handleTraceback')
        lines.push(`Handle created at (most recent call last):\n${formatStack(value as never)}`);
      else if (isfuture(value) || value instanceof Handle) lines.push(`${key}: ${value}`);
      else lines.push(`${key}: ${repr(value)}`);
    }
    if ('exception' in context) logger.error(lines.join('\n'), context.exception);
    else logger.error(lines.join('\n'));
  }

  /** Hands what went wrong where nobody could catch it to the exception handler. */
  callExceptionHandler(context: ExceptionContext): void {
    const handler = this.#exceptionHandler;
    if (handler === null) {
      this.#callDefaultHandler(context);
      return;
    }
    try {
      const carrier = context.task ?? context.future ?? context.handle;
      const inContext = (carrier as FutureRecord | undefined)?.getContext?.();
      const outer = current.context;
      if (inContext !== undefined) current.context = inContext;
      try {
        const root = this._rootContext();
        if (root === null) handler(this, context);
        else root.runInAsyncScope(handler, undefined, this, context);
      } finally {
        current.context = outer;
      }
    } catch (error) {
      if (stopsTheLoop(error)) throw error;
      this.#callDefaultHandler({
        message: 'Unhandled error in exception handler',
        exception: error,
        context,
      });
    }
  }

  #callDefaultHandler(given: ExceptionContext): void {
    const running = this.#runningHandle?.sourceTraceback ?? null;
    const context =
      running === null || given.sourceTraceback !== undefined
        ? given
        : { ...given, handleTraceback: running };
    try {
      this.defaultExceptionHandler(context);
    } catch (error) {
      if (stopsTheLoop(error)) throw error;
      logger.error('Exception in default exception handler', error);
    }
  }

  getDebug(): boolean {
    return this._debug;
  }

  /**
   * Debug mode reports slow callbacks, coroutines that nobody awaited and swallowed cancellations, and makes handles,
   * futures and tasks remember where they were created. It costs a stack trace for each.
   */
  setDebug(enabled: boolean): void {
    this._debug = enabled;
    if (enabled) debugLoops.add(this);
    else debugLoops.delete(this);
    trackCoroutines(debugLoops.size > 0);
    setCaptureCancellationStacks(debugLoops.size > 0);
  }

  toString(): string {
    return `<${this.constructor.name} running=${this.isRunning()} closed=${this.#closed} debug=${this._debug}>`;
  }

  [inspectCustom](): string {
    return this.toString();
  }

  // ------------------------------------------------------------------------------ asynchronous generators

  /** Registers an async generator that {@link shutdownAsyncgens} closes. @internal */
  _trackAsyncgen(generator: AsyncGenerator<unknown>): void {
    if (this.#asyncgens.size >= this.#asyncgensLimit) {
      for (const each of this.#asyncgens) if (each.deref() === undefined) this.#asyncgens.delete(each);
      this.#asyncgensLimit = Math.max(64, 2 * this.#asyncgens.size);
    }
    this.#asyncgens.add(new WeakRef(generator));
  }

  /** Closes every async generator that was made by `agen()` on this loop and is still open. */
  shutdownAsyncgens(): Coroutine<void> {
    return new Coroutine(this.#closeAsyncgens(), 'shutdownAsyncgens');
  }

  *#closeAsyncgens(): Coro<void> {
    const open = [...this.#asyncgens].flatMap((each) => each.deref() ?? []);
    this.#asyncgens.clear();
    const outcomes = yield* gather(
      open.map((generator) => () => generator.return(undefined)),
      { returnExceptions: true },
    );
    for (const [index, outcome] of outcomes.entries()) {
      if (!(outcome instanceof Error) || isBaseException(outcome)) continue;
      this.callExceptionHandler({
        message: `an error occurred during closing of asynchronous generator ${open[index]}`,
        exception: outcome,
        asyncgen: open[index],
      });
    }
  }

  /**
   * Shuts the default executor down and waits until its workers are gone, for at most `timeout` seconds; nothing happens
   * where no executor was used.
   */
  shutdownDefaultExecutor(timeout: Duration | null = null): Coroutine<void> {
    return new Coroutine(shutDownExecutor(this, timeout), 'shutdownDefaultExecutor');
  }

  // --------------------------------------------------------------------------------------- inner workings

  /** @internal */
  _checkClosed(): void {
    if (this.#closed) throw new RuntimeError('Event loop is closed');
  }

  /** Whether it can be started now. */
  #checkIdle(): void {
    this._checkClosed();
    if (this.isRunning()) throw new RuntimeError('This event loop is already running');
  }

  /** Puts something at the end of the ready queue. @internal */
  _push(runnable: Runnable): void {
    this.#ready.push(runnable);
    if (this.#asleep) this.#wakeIfAsleep();
  }

  /** @internal */
  _nextTimerOrder(): number {
    this.#timersMade += 1;
    return this.#timersMade;
  }

  /** @internal */
  _addTimer(timer: HeapTimer & Runnable): void {
    this._timers.push(timer);
    if (this.#asleep && timer._when < this.#timerSetFor) this.#wakeIfAsleep();
  }

  #wakeIfAsleep(): void {
    if (!this.#asleep) return;
    this.#asleep = false;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this._host.soon(this.#turn);
  }

  readonly #turn = (): void => {
    this.#scheduled = false;
    if (this.#turning || this.#closed || !this.isRunning()) return;
    if (this.#mustLetFinish(current.nativeScope)) return;
    this.#asleep = false;
    this.#turning = true;
    this.#sliceEnd = 0;
    this.#iterate();
  };

  /** Without async context only one loop of the thread can have a native step under way: another one waits for it. */
  #mustLetFinish(scope: Scope | null): boolean {
    if (scope === null || scope._loop === this || scope._loop._native === null) return false;
    this.#scheduled = true;
    this._host.settled(this.#turn);
    return true;
  }

  /** The async context that handles run in: of nobody, with this loop in it. `null` while there is none. @internal */
  _rootContext(): BoundContext | null {
    if (!this._nativeContextInUse()) return null;
    this.#rootContext ??= activeAsyncContext()?.bindRoot(loopScope(this)) ?? null;
    return this.#rootContext;
  }

  /**
   * Goes on with the turn, in the async context of whoever woke the loop: tasks and handles enter their own.
   */
  #iterate(): void {
    const outerLoop = current.loop;
    const outerFiber = current.fiber;
    const outerContext = current.context;
    current.loop = this;
    current.fiber = null;
    current.context = null;
    current.nativeScope = null;
    try {
      do {
        while (this.#todo > 0) {
          this.#todo -= 1;
          const runnable = this.#ready.shift();
          if (this._debug) this.#runTimed(runnable);
          else runnable._run();
          if (this.#pendingError !== null) break;
          if (this._native !== null) {
            this.#armSettled();
            return;
          }
        }
      } while (this.#nextIteration());
    } catch (error) {
      this.#pendingError = { error };
      this.#nextIteration();
    } finally {
      current.loop = outerLoop;
      current.fiber = outerFiber;
      current.context = outerContext;
    }
  }

  /** Ends the iteration, and begins the next one unless the turn is over. */
  #nextIteration(): boolean {
    if (this.#pendingError !== null) {
      const { error } = this.#pendingError;
      this.#pendingError = null;
      return this.#endRun(error);
    }
    if (this.#stopping && this.#iterating) return this.#endRun(undefined);
    this.#iterating = true;
    const { _host: host } = this;
    const ready = this.#ready;
    if (host.wait !== undefined) {
      if (!this.#waitVirtually(host)) return false;
    } else {
      this.#sinceClockRead += ready.length;
      if (ready.length === 0 || this.#sinceClockRead >= this.#handlesPerClockRead) {
        this.#sinceClockRead = 0;
        const now = host.time();
        this.#handlesPerClockRead =
          now - this.#lastClockRead < QUICK
            ? Math.min(2 * this.#handlesPerClockRead, MOST_HANDLES_PER_CLOCK_READ)
            : 1;
        this.#lastClockRead = now;
        if (this._timers.length > 0) this.#collectTimers(now);
        if (ready.length === 0) {
          if (!this.#stopping) return this.#sleep(now);
        } else if (this.#sliceEnd === 0) {
          this.#sliceEnd = now + SLICE;
        } else if (now > this.#sliceEnd && !this.#stopping) {
          return this.#hop();
        }
      }
    }
    this.#todo = ready.length;
    return true;
  }

  #collectTimers(now: number): void {
    const timers = this._timers;
    const due = now + Math.max(this._host.clockResolution, Math.abs(now) * Number.EPSILON);
    while (timers.earliest < due) this.#ready.push(timers.pop());
  }

  /** One iteration's wait on a virtual clock. */
  #waitVirtually(host: Host): boolean {
    if (
      this.#ready.length === 0 &&
      !this.#stopping &&
      (!this.#quiet || this._closings > 0) &&
      !this.#synchronous
    ) {
      // Promises of plain code may be about to make something ready.
      this.#quiet = true;
      this.#turning = false;
      this.#scheduled = true;
      host.settled(this.#turn);
      return false;
    }
    this.#quiet = false;
    const now = host.time();
    const due = this._timers.earliest;
    const next = due === Number.POSITIVE_INFINITY ? null : Math.max(0, due - now);
    const timeout =
      this.#ready.length > 0 || this.#stopping ? 0 : next === null ? null : Math.min(next, LONGEST_WAIT);
    if (timeout === null || timeout > 0) this.#failures.record();
    const alive = (host.wait as (timeout: number | null) => boolean).call(host, timeout);
    if (!alive && this.#ready.length === 0) {
      this.#turning = false;
      this.#asleep = true;
      this.#iterating = false;
      this.#judge();
      return false;
    }
    if (this._timers.length > 0) this.#collectTimers(host.time());
    return true;
  }

  #sleep(now: number): false {
    this.#failures.record();
    this.#turning = false;
    this.#asleep = true;
    this.#iterating = false;
    if (this._timers.length === 0) {
      if (this.#timerSetFor !== Number.POSITIVE_INFINITY) {
        this.#timerSetFor = Number.POSITIVE_INFINITY;
        this.#timer?.clear();
      }
      return false;
    }
    const when = this._timers.earliest;
    if (this.#timerSetFor <= when && this.#timerSetFor > now) return false;
    this.#timerSetFor = when;
    this.#timer ??= this._host.timer(this.#onTimer);
    this.#timer.set(Math.min(Math.max(when - now, 0), LONGEST_WAIT));
    return false;
  }

  readonly #onTimer = (): void => {
    this.#timerSetFor = Number.POSITIVE_INFINITY;
    if (this.#asleep) this.#turn();
  };

  #hop(): false {
    this.#failures.record();
    this.#turning = false;
    this.#iterating = false;
    this.#scheduled = true;
    this._host.hop(this.#turn);
    return false;
  }

  #endRun(error: unknown): false {
    this.#stopping = false;
    this.#iterating = false;
    this.#turning = false;
    this.#todo = 0;
    this._native = null;
    const run = this.#openRun;
    if (run === null) {
      // The ambient loop has no run to end: what would stop it is reported, and it goes on.
      if (error !== undefined)
        this.callExceptionHandler({ message: 'Exception on the ambient loop', exception: error });
      this.#asleep = true;
      if (this.#ready.length > 0) this.#wakeIfAsleep();
      return false;
    }
    this.#openRun = null;
    noteRunning(this, false);
    run.releaseHold?.();
    this.#timer?.clear();
    this.#timerSetFor = Number.POSITIVE_INFINITY;
    if (error === undefined) run.resolve();
    else run.reject(error);
    return false;
  }

  /** An error that leaves the loop was raised in a microtask. @internal */
  _interrupt(error: unknown): void {
    this.#pendingError = { error };
    if (this.#turning && this._native === null) return;
    this._native = null;
    this.#turning = true;
    this.#nextIteration();
  }

  /** Runs until `future` is done without ever returning to the host: only for programs of generator coroutines. @internal */
  _runSynchronously(): void {
    let failure: { error: unknown } | null = null;
    this.#openRun = {
      resolve: () => {},
      reject: (error) => {
        failure = { error };
      },
      releaseHold: undefined,
    };
    noteRunning(this, true);
    this.#turning = true;
    this.#synchronous = true;
    this.#iterate();
    this.#synchronous = false;
    if (this.#openRun !== null) {
      const native = this._native as Task | null;
      this.#endRun(
        new RuntimeError(
          native === null
            ? 'Cannot run synchronously: the host has to be waited for'
            : `Cannot run synchronously: ${native} runs an async function`,
        ),
      );
    }
    if (failure !== null) throw (failure as { error: unknown }).error;
  }

  /** Debug mode: a handle, and the native step that it begins, is timed. */
  #runTimed(runnable: Runnable): void {
    this.#timed = { runnable, start: this._host.time() };
    this.#runningHandle = runnable instanceof Handle ? runnable : null;
    try {
      runnable._run();
    } finally {
      this.#runningHandle = null;
      if (this._native === null) this.#reportSlow();
    }
  }

  #reportSlow(): void {
    if (this.#timed === null) return;
    const { runnable, start } = this.#timed;
    this.#timed = null;
    const duration = this._host.time() - start;
    if (duration < this.slowCallbackDuration) return;
    const subject = (runnable as { _task?: Task })._task ?? runnable;
    logger.warn(`Executing ${subject} took ${duration.toFixed(3)} seconds`);
  }

  // -------------------------------------------------------------------------------------- native steps

  /** @internal */
  _nativeContextInUse(): boolean {
    return this.#asyncContextAllowed && activeAsyncContext() !== null;
  }

  /** Switches async context on, if there is one; whether native frames are to use it. @internal */
  _nativeContext(): boolean {
    if (!this.#asyncContextAllowed) return false;
    if (activeAsyncContext() === null && this._host.asyncContext !== undefined)
      enableAsyncContext(this._host.asyncContext);
    return activeAsyncContext() !== null;
  }

  /** A handle resumes an async function: the loop goes on when that step has ended. @internal */
  _beginNative(task: Task): boolean {
    if (!this.#turning || this._native !== null) return false;
    this._native = task;
    current.announced = 0;
    return true;
  }

  /** There was no async function after all. @internal */
  _abandonNative(): void {
    this._native = null;
  }

  /** A request in `scope` that counts for the native step under way only. @internal */
  _forgetAfterStep(scope: Scope): void {
    this.#requestsOfStep.push(scope);
  }

  #finishNative(): void {
    if (this.#requestsOfStep.length > 0) {
      for (const scope of this.#requestsOfStep) scope._mustCancel = false;
      this.#requestsOfStep.length = 0;
    }
    this._native = null;
    current.nativeScope = null;
    if (this._debug) this.#reportSlow();
    this.#iterate();
  }

  /**
   * A flow waits again. If it is the task's only one, the step has ended; with several, some may have microtasks to go.
   *
   * @internal
   */
  _parked(flow: Flow): void {
    if (this._native !== flow._task || current.announced > 0 || current.loop !== null) return;
    for (let scope: Scope | null = flow._within; scope !== null; scope = scope._outer) {
      if (scope._first !== scope._last) return;
    }
    this._endNative(flow._task);
  }

  /** @internal */
  _endNative(task: Task): void {
    if (this._native !== task || current.loop !== null) return;
    this.#finishNative();
  }

  #armSettled(): void {
    if (this.#settledArmed) return;
    this.#settledArmed = true;
    this._host.settled(this.#onSettled);
  }

  readonly #onSettled = (): void => {
    this.#settledArmed = false;
    if (this._native !== null) this.#finishNative();
  };

  /** A cancelled frame awaits something foreign: say so if that lasts. @internal */
  _watchForeignAwait(scope: Scope): void {
    if (this._host.wait !== undefined || foreignAwaitWarned.has(scope._task)) return;
    const timer = this._host.timer(() => {
      if (!scope._isElsewhere() || foreignAwaitWarned.has(scope._task)) return;
      foreignAwaitWarned.add(scope._task);
      logger.warn(
        `${scope._task} was cancelled, but is awaiting a promise that tsyncio cannot interrupt: pass currentSignal() or use wrapPromise()`,
      );
    }, true);
    timer.set(FOREIGN_AWAIT_PATIENCE);
  }

  // ---------------------------------------------------------------------------------- tasks and failures

  /** @internal */
  _register(task: Task): void {
    // -1 is no index but a name, which V8 looks up as a string: a tenth of what a task costs.
    if (task._place >= 0 && this.#tasks[task._place] === task) return;
    task._place = this.#tasks.length;
    this.#tasks.push(task);
  }

  /** @internal */
  _unregister(task: Task): void {
    const tasks = this.#tasks;
    const place = task._place;
    if (place < 0 || tasks[place] !== task) return;
    const last = tasks.pop() as Task;
    if (last !== task) {
      tasks[place] = last;
      last._place = place;
    }
    task._place = -1;
  }

  /** In the order of creation. @internal */
  _unfinishedTasks(): Set<Task> {
    const tasks = this.#tasks.filter((task) => !task.done());
    return new Set(tasks.sort((a, b) => a._serial - b._serial));
  }

  /** @internal */
  _noteFailure(future: Future<unknown>): void {
    this.#failures.note(future);
    if (this.#asleep && !this.#closed) this.#wakeIfAsleep();
  }

  /** @internal */
  _noteRetrieval(future: Future<unknown>): void {
    this.#failures.forget(future);
  }

  // -------------------------------------------------------------------------------------------- deadlock

  #listenForQuiet(): void {
    this.#forgetQuiet ??= this._host.onQuiet?.(() => this.#judge()) ?? null;
  }

  /** Nothing can wake the loop any more: whoever waits is told so. Returns whether anybody was. */
  #judge(): boolean {
    if (this.#closed || this.#ready.length > 0) return false;
    if (this.#openRun !== null && this.#openRun.releaseHold === undefined) {
      this.#pendingError = { error: deadlockError(this) };
      this.#turning = true;
      this.#nextIteration();
      return true;
    }
    if (this._plainAwaits.size === 0) return false;
    const error = deadlockError(this);
    for (const waiting of [...this._plainAwaits]) {
      this._plainAwaits.delete(waiting);
      waiting._giveUp(error);
    }
    return true;
  }
}

/**
 * Runs `awaitable` on `loop` to its end without returning to the platform: for hosts with a virtual clock and programs
 * of generator coroutines.
 *
 * @throws what it threw; DeadlockError when nothing can wake it; RuntimeError when it runs an async function.
 */
export function runSynchronously<T>(loop: EventLoop, awaitable: AwaitableLike<T>): T {
  const { future, finish } = loop._prepareRun(awaitable);
  try {
    loop._runSynchronously();
  } finally {
    future.removeDoneCallback(finish);
  }
  return loop._concludeRun(future, finish);
}

/** The open loops in debug mode: what coroutines and cancellations remember is the same for the whole thread. */
const debugLoops = new Set<EventLoop>();
const foreignAwaitWarned = new WeakSet<Task>();

function checkCallback(callback: unknown, method: string, debug: boolean): void {
  if (debug && (iscoroutine(callback) || iscoroutinefunction(callback))) {
    throw new TypeError(`coroutines cannot be used with ${method}()`);
  }
  if (typeof callback !== 'function') {
    throw new TypeError(`a callable object was expected by ${method}(), got ${repr(callback)}`);
  }
}

/** The scope that the async context of a loop's own turns names: the loop, and no task. */
function loopScope(loop: EventLoop): Scope {
  return { _loop: loop, _task: null, _closed: true, _outer: null } as unknown as Scope;
}

setLoopMaker((ambient) => new EventLoop({ ambient } as EventLoopOptions));

/** How a loop's default executor is shut down; the layer that brings executors says it. */
let shutDownExecutor: (loop: EventLoop, timeout: Duration | null) => Coro<void> = function* () {};

/** For the layer that brings executors. */
export function setExecutorShutdown(shutdown: typeof shutDownExecutor): void {
  shutDownExecutor = shutdown;
}
