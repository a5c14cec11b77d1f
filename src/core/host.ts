/**
 * The host contract: the only seam between a loop and its platform.
 *
 * Node, browsers and virtual clocks implement it. A host captures the platform's timers when it is loaded, so
 * that a test's fake timers cannot stop a loop.
 */

import { RuntimeError } from './exceptions.js';
import type { Scope } from './fibers.js';

/** One platform timer, set again and again. */
export interface HostTimer {
  /** Calls the callback after `delay` seconds, or a little later, never much earlier; replaces what was set. */
  set(delay: number): void;
  clear(): void;
}

/** The async context that a function was bound to. Node's `AsyncResource` is one. */
export interface BoundContext {
  runInAsyncScope<A extends readonly unknown[], R>(fn: (...args: A) => R, thisArg: unknown, ...args: A): R;
}

/** The platform's async context (Node's `AsyncLocalStorage`): how a plain `await` is known to belong to a task. */
export interface AsyncContext {
  /** The scope that the running code descends from. */
  getScope(): Scope | undefined;
  /** The caller's context, with `scope` in it. */
  bind(scope: Scope | undefined): BoundContext;
  /** The context of no caller at all, with `scope` in it. */
  bindRoot(scope: Scope | undefined): BoundContext;
}

/** The platform that a loop runs on: a clock, timers, and ways to be called soon. What is optional, not all platforms have. */
export interface Host {
  /** Seconds on a monotonic clock of unspecified epoch. */
  time(): number;
  /** A timer is due when its deadline is less than this far away, in seconds. */
  readonly clockResolution: number;
  /** Calls `callback` as soon as the running JavaScript has returned to the platform. */
  soon(callback: () => void): void;
  /** Calls `callback` after the platform had its turn: input, output and its own timers. */
  hop(callback: () => void): void;
  /** Calls `callback` once no microtask is left. */
  settled(callback: () => void): void;
  /** Makes a timer; it is not set yet. One in the background does not keep the process alive. */
  timer(callback: () => void, background?: boolean): HostTimer;
  /**
   * Only hosts with a virtual clock: called once an iteration in place of waiting. Makes the time pass by up to
   * `timeout` seconds; `null` means that there is nothing to wait for. `false` says that nothing can ever happen.
   */
  wait?(timeout: number | null): boolean;
  /** The async context, where the platform has one. */
  readonly asyncContext?: AsyncContext | undefined;
  /** Keeps the process alive until the returned function is called. */
  hold?(): () => void;
  /**
   * Calls `verdict` when the platform knows that nothing can wake a loop any more; it tells whether somebody waited, and
   * may go on now. Returns its removal.
   */
  onQuiet?(verdict: () => boolean): () => void;
  /** Calls `callback` when the process is about to exit. */
  onExit?(callback: () => void): void;
  /**
   * Calls `listener` for a signal that asks the program to stop, if nobody else handles it. Returns the removal,
   * or `null` where there are no signals or somebody does.
   */
  onStopSignal?(signal: 'SIGINT' | 'SIGTERM', listener: () => void): (() => void) | null;
  /** The numbers of the platform's signals, by name. */
  readonly signals?: Readonly<Record<string, number>> | undefined;
  /**
   * Calls `listener` at every signal of that name, in place of what it does otherwise, {@link onStopSignal} included.
   * Returns the removal, or nothing where there are no signals. Throws for one that cannot be caught.
   */
  onSignal?(signal: string, listener: () => void): (() => void) | undefined;
  /** Makes an uncaught `error` end the process with this status instead of 1. */
  exitStatus?(error: unknown, status: number): void;
  /** While the returned function has not been called, a cancelled flow that nobody awaits does not end the process. */
  absorbCancelledFlows?(): () => void;
  /** Readies an abort signal of ours for many listeners. */
  prepareAbortSignal?(signal: object): void;
  /** How many listen to an abort signal's `abort` event, where the platform tells. */
  countAbortListeners?(signal: object): number | undefined;
  /** Whether debug mode is on by default (the environment variable `ASYNCIODEBUG`). */
  readonly debug?: boolean;
}

let defaultHost: Host | null = null;

/** Makes `host` the one that loops use when they are given none. The Node and browser entries call it. */
export function setDefaultHost(host: Host): void {
  defaultHost = host;
}

/** The host of loops that are given none. */
export function getDefaultHost(): Host {
  if (defaultHost === null) {
    throw new RuntimeError(
      'Cannot create an event loop: no host is registered: import "tsyncio", or pass { host } to the EventLoop',
    );
  }
  return defaultHost;
}
