/**
 * The signal handlers of one loop: each is a handle that every arrival of its signal puts into the ready queue.
 *
 * While a loop has a handler it keeps the process alive: a signal may come at any time, and somebody waits for it.
 */

import type { EventLoop } from './base-events.js';
import { iscoroutine, iscoroutinefunction } from './coroutines.js';
import { type ContextOption, Handle } from './events.js';
import { NotImplementedError, RuntimeError, ValueError } from './exceptions.js';
import { repr } from './format-helpers.js';
import type { Host } from './host.js';
import { keepTrack } from './open-resources.js';
import { extendEventLoop } from './platform.js';

/** A signal by its name, as in Node (`'SIGTERM'`), or by its number. */
export type SignalLike = `SIG${string}` | number;

/** Methods of event loops, where the platform has signals. */
export interface SignalLoop {
  /**
   * Calls `callback` at every `signal`, through the ready queue, in place of what the signal does otherwise: under `run()`,
   * SIGINT and SIGTERM then no longer cancel main. A second handler replaces the first. While there is one, it keeps
   * the process alive; closing the loop removes it, so that the end of `run()` does.
   *
   * Arguments travel in a closure, which is where it differs from Python. Source: `loop.add_signal_handler`.
   *
   * @param signal its name or its number.
   * @throws TypeError for a coroutine function; ValueError for a signal that does not exist; RuntimeError for one that
   *   cannot be caught (SIGKILL), on a closed loop, and outside the main thread.
   * @example
   * ```ts
   * import * as asyncio from 'tsyncio';
   *
   * await asyncio.run(async () => {
   *   const loop = asyncio.getRunningLoop();
   *   const reload = new asyncio.Event();
   *   loop.addSignalHandler('SIGHUP', () => reload.set());
   *   process.kill(process.pid, 'SIGHUP');
   *   await reload.wait();
   *   console.log('reloading'); //=> reloading
   * });
   * ```
   */
  addSignalHandler(signal: SignalLike, callback: () => unknown, options?: ContextOption): void;
  /** Takes the handler away; the signal has its default effect again. Tells whether there was one. */
  removeSignalHandler(signal: SignalLike): boolean;
}

declare module './base-events.js' {
  interface EventLoop extends SignalLoop {}
}

const all = new WeakMap<EventLoop, SignalHandlers>();

function handlersOf(loop: EventLoop): SignalHandlers {
  let handlers = all.get(loop);
  if (handlers === undefined) {
    handlers = new SignalHandlers(loop);
    all.set(loop, handlers);
  }
  return handlers;
}

class SignalHandlers {
  readonly #loop: EventLoop;
  /** What takes the platform's listener away, by the signal's number. */
  readonly #removals = new Map<number, () => void>();
  #release: (() => void) | undefined;
  #forget: (() => void) | undefined;
  /** Its end with the loop is in order. */
  readonly quiet = true;

  constructor(loop: EventLoop) {
    this.#loop = loop;
  }

  add(signal: SignalLike, callback: () => unknown, options: ContextOption | undefined): void {
    if (iscoroutine(callback) || iscoroutinefunction(callback)) {
      throw new TypeError('coroutines cannot be used with addSignalHandler()');
    }
    if (typeof callback !== 'function') {
      throw new TypeError(`a callable object was expected by addSignalHandler(), got ${repr(callback)}`);
    }
    const loop = this.#loop;
    const host = loop._host;
    const { number, name } = checkSignal(signal, host);
    loop._checkClosed();
    const handle = new Handle(loop, callback, options?.context);
    let remove: (() => void) | undefined;
    try {
      remove = host.onSignal?.(name, () => loop._push(handle));
    } catch (error) {
      throw new RuntimeError(`sig ${name} cannot be caught`, { cause: error });
    }
    if (remove === undefined) throw noSignals();
    // Only now, so that a signal that comes between is not left to its default.
    this.#removals.get(number)?.();
    this.#removals.set(number, remove);
    this.#release ??= host.hold?.() ?? (() => {});
    this.#forget ??= keepTrack(loop, this);
  }

  remove(signal: SignalLike): boolean {
    const { number } = checkSignal(signal, this.#loop._host);
    const removal = this.#removals.get(number);
    if (removal === undefined) return false;
    removal();
    this.#removals.delete(number);
    if (this.#removals.size === 0) {
      this.#release?.();
      this.#release = undefined;
      this.#forget?.();
      this.#forget = undefined;
    }
    return true;
  }

  /** The loop is being closed. */
  abandon(): void {
    for (const number of [...this.#removals.keys()]) this.remove(number);
  }
}

function noSignals(): NotImplementedError {
  return new NotImplementedError('Cannot handle signals: this platform has none');
}

/** Two names of one signal (`SIGABRT`, `SIGIOT`) are one. */
function checkSignal(signal: SignalLike, host: Host): { number: number; name: string } {
  if (typeof signal !== 'string' && !Number.isInteger(signal)) {
    throw new TypeError(`sig must be the name or the number of a signal, not ${repr(signal)}`);
  }
  const numbers = host.signals;
  if (numbers === undefined) throw noSignals();
  const number = typeof signal === 'number' ? signal : Object.hasOwn(numbers, signal) ? numbers[signal] : -1;
  const name = Object.keys(numbers).find((each) => numbers[each] === number);
  if (number === undefined || name === undefined) throw new ValueError(`invalid signal ${repr(signal)}`);
  return { number, name };
}

extendEventLoop({
  addSignalHandler(
    this: EventLoop,
    signal: SignalLike,
    callback: () => unknown,
    options?: ContextOption,
  ): void {
    handlersOf(this).add(signal, callback, options);
  },

  removeSignalHandler(this: EventLoop, signal: SignalLike): boolean {
    return handlersOf(this).remove(signal);
  },
});
