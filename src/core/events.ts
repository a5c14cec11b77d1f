/** Handles, and which loop the calling code is on. */

import type { EventLoop } from './base-events.js';
import { type Context, contextOrCopy } from './contextvars.js';
import { contextLoop, current } from './current.js';
import { RuntimeError, stopsTheLoop } from './exceptions.js';
import {
  extractStack,
  formatCallback,
  formatOrigin,
  inspectCustom,
  originOf,
  type StackFrame,
} from './format-helpers.js';

/** What stands in a loop's ready queue. */
export interface Runnable {
  /** @internal */
  _run(): void;
}

/** Where a callback's context comes from: a copy of the caller's, unless one is given, which is used as it is. */
export interface ContextOption {
  context?: Context | undefined;
}

/** A callback that a loop will run: what `callSoon()` returns. */
export class Handle implements Runnable {
  /** @internal */
  readonly _loop: EventLoop;
  /** @internal */
  _callback: (() => unknown) | null;
  /** @internal */
  readonly _context: Context;
  /** @internal */
  readonly _sourceTraceback: readonly StackFrame[] | null;
  /** @internal */
  _cancelledName: string | null;

  /** @internal */
  constructor(loop: EventLoop, callback: () => unknown, context: Context | undefined) {
    this._loop = loop;
    this._callback = callback;
    this._context = contextOrCopy(context);
    this._sourceTraceback = loop._debug ? extractStack() : null;
    this._cancelledName = null;
  }

  /** The callback will not run. Cancelling twice is no error. */
  cancel(): void {
    if (this._callback === null) return;
    if (this._loop._debug) this._cancelledName = formatCallback(this._callback);
    this._callback = null;
  }

  cancelled(): boolean {
    return this._callback === null;
  }

  /** The context that the callback runs in, the very object. */
  getContext(): Context {
    return this._context;
  }

  /** Where the handle was made; `null` unless the loop was in debug mode. */
  get sourceTraceback(): readonly StackFrame[] | null {
    return this._sourceTraceback;
  }

  toString(): string {
    const info = [this.constructor.name, ...this._info()];
    return `<${info.join(' ')}>`;
  }

  [inspectCustom](): string {
    return this.toString();
  }

  /** @internal */
  _info(): string[] {
    const info: string[] = [];
    if (this._callback === null) info.push('cancelled');
    const name = this._callback === null ? this._cancelledName : this._callbackName();
    if (name !== null) info.push(name);
    if (this._sourceTraceback !== null) info.push(`created at ${formatOrigin(this._sourceTraceback)}`);
    return info;
  }

  /** @internal */
  _run(): void {
    const callback = this._callback;
    if (callback === null) return;
    const outer = current.context;
    current.context = this._context;
    this._context._entered = true;
    try {
      const root = this._loop._rootContext();
      if (root === null) callback();
      else root.runInAsyncScope(callback, undefined);
    } catch (error) {
      if (stopsTheLoop(error)) throw error;
      this._report(error);
    } finally {
      this._context._entered = false;
      current.context = outer;
    }
  }

  /** @internal */
  _callbackName(): string {
    return this._callback === null ? '' : formatCallback(this._callback);
  }

  /** @internal */
  _report(error: unknown): void {
    this._loop.callExceptionHandler({
      message: `Exception in callback ${this._callbackName()}`,
      exception: error,
      handle: this,
      ...originOf(this),
    });
  }
}

/** A callback that a loop will run at a point in time: what `callLater()` and `callAt()` return. */
export class TimerHandle extends Handle {
  /** @internal */
  readonly _when: number;
  /** @internal */
  readonly _order: number;
  /** @internal */
  _scheduled: boolean;

  /** @internal */
  constructor(
    loop: EventLoop,
    when: number,
    order: number,
    callback: () => unknown,
    context: Context | undefined,
  ) {
    super(loop, callback, context);
    this._when = when;
    this._order = order;
    this._scheduled = false;
  }

  /** The time on the loop's clock at which the callback is due. */
  when(): number {
    return this._when;
  }

  /** Negative when this timer is due before `other`. */
  compare(other: TimerHandle): number {
    return this._when - other._when;
  }

  override cancel(): void {
    this._loop._timers.remove(this);
    super.cancel();
  }

  /** @internal */
  override _info(): string[] {
    const info = super._info();
    info.splice(this._callback === null ? 1 : 0, 0, `when=${this._when}`);
    return info;
  }
}

let makeLoop: ((ambient: boolean) => EventLoop) | null = null;

/** @internal */
export function setLoopMaker(maker: (ambient: boolean) => EventLoop): void {
  makeLoop = maker;
}

/** A new event loop on the platform's host. */
export function newEventLoop(): EventLoop {
  return (makeLoop as (ambient: boolean) => EventLoop)(false);
}

let ambientLoop: EventLoop | null = null;
let chosenLoop: EventLoop | null = null;
const openRuns = new Set<EventLoop>();

/** @internal */
export function noteRunning(loop: EventLoop, running: boolean): void {
  if (running) openRuns.add(loop);
  else openRuns.delete(loop);
}

/** The loop that a `run()` in progress or the running code belongs to; `null` where only the ambient loop is left. @internal */
export function runningLoopOrNull(): EventLoop | null {
  if (current.loop !== null) return current.loop;
  const loop = contextLoop();
  if (loop !== null && !loop.isClosed()) return loop;
  if (openRuns.size === 1) return openRuns.values().next().value as EventLoop;
  return null;
}

/**
 * The loop that the calling code runs on. In this order: the loop whose handle runs; the loop of the async context;
 * the only open `run()` of the thread; the thread's ambient loop, which always runs, as in a notebook.
 *
 * @example
 * ```ts
 * import { getRunningLoop } from 'tsyncio';
 *
 * const loop = getRunningLoop();
 * console.log(loop.isRunning()); //=> true
 * ```
 */
export function getRunningLoop(): EventLoop {
  const loop = runningLoopOrNull();
  if (loop !== null) return loop;
  ambientLoop ??= (makeLoop as (ambient: boolean) => EventLoop)(true);
  return ambientLoop;
}

/** The loop set by {@link setEventLoop} outside any running loop, else {@link getRunningLoop}. */
export function getEventLoop(): EventLoop {
  return (
    runningLoopOrNull() ?? (chosenLoop === null || chosenLoop.isClosed() ? getRunningLoop() : chosenLoop)
  );
}

/** Sets the loop that {@link getEventLoop} gives outside a running loop; `null` unsets it. */
export function setEventLoop(loop: EventLoop | null): void {
  if (loop !== null && (typeof loop !== 'object' || typeof loop.callSoon !== 'function')) {
    throw new TypeError(`Cannot set the event loop: expected an event loop or null, got ${String(loop)}`);
  }
  chosenLoop = loop;
}

/** Unsets `loop`, unless another one has been set since. @internal */
export function unsetEventLoop(loop: EventLoop): void {
  if (chosenLoop === loop) chosenLoop = null;
}

/** Throws unless the caller may start a loop: not from inside a task or a handle. @internal */
export function refuseInsideLoop(what: string, insideTask: boolean): void {
  if (current.loop !== null || insideTask)
    throw new RuntimeError(`${what} cannot be called from a running event loop`);
}
