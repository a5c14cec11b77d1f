/** The Node host: the platform's timers and async context, captured when this module is loaded. Deno and Bun use it too. */

import { isCancelledError } from '../core/index.js';
import type { AsyncContext, BoundContext, Host, HostTimer, Scope } from '../core/lowlevel.js';
import { onSignal, onStopSignal, signalNumbers } from './signals.js';
import { turns } from './turns.js';

const { setTimeout, clearTimeout, setImmediate, queueMicrotask, performance } = globalThis;
const { then } = Promise.prototype;
const settledPromise = Promise.resolve();
const nextTick = process.nextTick.bind(process);

type AsyncHooks = typeof import('node:async_hooks');
type Events = typeof import('node:events');

/** Node has loaded it by itself, so that this costs nothing. */
const hooks: AsyncHooks = process.getBuiltinModule('node:async_hooks');
/** Made while nobody's request is being handled: what runs in it sees no values of a caller. */
const rootContext = new hooks.AsyncResource('tsyncio.Root') as BoundContext;

/** `AsyncLocalStorage`, made at first use: from then on Node follows every promise. */
class NodeAsyncContext implements AsyncContext {
  readonly #storage: InstanceType<AsyncHooks['AsyncLocalStorage']>;

  constructor() {
    this.#storage = new hooks.AsyncLocalStorage<Scope | undefined>();
  }

  getScope(): Scope | undefined {
    return this.#storage.getStore() as Scope | undefined;
  }

  bind(scope: Scope | undefined): BoundContext {
    return this.#storage.run(scope, makeResource);
  }

  bindRoot(scope: Scope | undefined): BoundContext {
    return rootContext.runInAsyncScope(() => this.bind(scope), undefined);
  }
}

function makeResource(): BoundContext {
  return new hooks.AsyncResource('tsyncio.Task') as BoundContext;
}

class NodeTimer implements HostTimer {
  readonly #callback: () => void;
  readonly #background: boolean;
  #handle: NodeJS.Timeout | undefined;

  constructor(callback: () => void, background: boolean) {
    this.#callback = callback;
    this.#background = background;
  }

  set(delay: number): void {
    turns.count += 1;
    clearTimeout(this.#handle);
    this.#handle = setTimeout(this.#callback, Math.max(1, Math.ceil(delay * 1000)));
    if (this.#background) this.#handle.unref();
  }

  clear(): void {
    clearTimeout(this.#handle);
    this.#handle = undefined;
  }
}

const quietListeners = new Set<() => boolean>();
let exitNote: { error: unknown; status: number } | null = null;
let absorbing = 0;

let released = 0;

/** Rejections of this turn are looked at after it. */
function release(): void {
  released += 1;
  if (released > 1) return;
  setImmediate(() => {
    absorbing -= released;
    released = 0;
    if (absorbing === 0) process.off('unhandledRejection', onUnhandledRejection);
  });
}

function onUnhandledRejection(reason: unknown): void {
  if (isCancelledError(reason)) return;
  // The platform's own answer to an abort signal of ours.
  if (reason instanceof Error && reason.name === 'AbortError' && isCancelledError(reason.cause)) return;
  // Somebody else's: what Node would have done without us.
  if (process.listenerCount('unhandledRejection') === 1) throw reason;
}

/** Node as the loop's platform: its clock, timers, signals and async context. Importing `tsyncio` makes it the default host. */
export class NodeHost implements Host {
  readonly clockResolution = 1e-9;
  readonly debug = (process.env.ASYNCIODEBUG ?? '') !== '';
  #asyncContext: AsyncContext | undefined;

  time(): number {
    return performance.now() / 1000;
  }

  /** As `queueMicrotask()`, which costs four times as much: Node makes an async resource for each call. */
  soon(callback: () => void): void {
    turns.count += 1;
    then.call(settledPromise, callback);
  }

  hop(callback: () => void): void {
    turns.count += 1;
    setImmediate(callback);
  }

  settled(callback: () => void): void {
    queueMicrotask(() => nextTick(callback));
  }

  timer(callback: () => void, background = false): HostTimer {
    return new NodeTimer(callback, background);
  }

  get asyncContext(): AsyncContext {
    this.#asyncContext ??= new NodeAsyncContext();
    return this.#asyncContext;
  }

  hold(): () => void {
    const handle = setInterval(() => {}, 2 ** 31 - 1);
    return () => clearInterval(handle);
  }

  onQuiet(verdict: () => boolean): () => void {
    if (quietListeners.size === 0) process.on('beforeExit', tellQuiet);
    quietListeners.add(verdict);
    return () => {
      quietListeners.delete(verdict);
      if (quietListeners.size === 0) process.off('beforeExit', tellQuiet);
    };
  }

  onExit(callback: () => void): void {
    process.once('exit', callback);
  }

  readonly onStopSignal = onStopSignal;
  readonly onSignal = onSignal;

  get signals(): Readonly<Record<string, number>> {
    return signalNumbers();
  }

  exitStatus(error: unknown, status: number): void {
    if (exitNote === null) {
      process.on('uncaughtExceptionMonitor', (uncaught) => {
        if (exitNote !== null && uncaught === exitNote.error) {
          const { status } = exitNote;
          process.once('exit', () => {
            process.exitCode = status;
          });
        }
      });
    }
    exitNote = { error, status };
  }

  absorbCancelledFlows(): () => void {
    absorbing += 1;
    if (absorbing === 1) process.on('unhandledRejection', onUnhandledRejection);
    return release;
  }

  /** Many may listen to the signal of one task. */
  prepareAbortSignal(signal: object): void {
    const events: Events = process.getBuiltinModule('node:events');
    events.setMaxListeners(0, signal as EventTarget);
    forgetDeadDependants(signal);
  }

  countAbortListeners(signal: object): number | undefined {
    // Deno and Bun do not show who follows a signal through AbortSignal.any().
    if (process.versions.deno !== undefined || process.versions.bun !== undefined) return undefined;
    const events: Events = process.getBuiltinModule('node:events');
    return (
      events.getEventListeners(signal as EventTarget, 'abort').length + (dependantsOf(signal)?.size ?? 0)
    );
  }
}

type Dependants = Set<{ deref(): object | undefined }>;

/** Signals made by `AbortSignal.any()` follow without listening; Node keeps them, weakly, in a set behind a symbol. */
function dependantsOf(signal: object): Dependants | undefined {
  const key = Object.getOwnPropertySymbols(signal).find((each) => each.description === 'kDependantSignals');
  return key === undefined ? undefined : (signal as Record<symbol, Dependants | undefined>)[key];
}

/** Node 20 never takes a signal out that was collected: a task that fetches for days would keep one for each request. */
function forgetDeadDependants(signal: object): void {
  const dependants = dependantsOf(signal);
  const size = dependants?.size ?? 0;
  // Now and then, so that many living ones are not looked through each time.
  if (size < 64 || size % 64 > 3) return;
  for (const each of dependants ?? []) if (each.deref() === undefined) dependants?.delete(each);
}

function tellQuiet(): void {
  let anybody = false;
  for (const verdict of [...quietListeners]) if (verdict()) anybody = true;
  // Whoever goes on may come to a deadlock again: Node says so only after the event loop has turned once more.
  if (anybody) setImmediate(() => {});
}
