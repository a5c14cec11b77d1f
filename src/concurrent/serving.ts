/**
 * What a worker does all day: takes calls, runs them, says what came of them. The same for threads and processes.
 *
 * A plain function runs as it is, which costs least. An `async` function, a generator coroutine or a `coroutine()` runs as
 * a task on the worker's own loop, where the owner can cancel it. A plain function of a module may turn out to return
 * a promise, so its first call runs as a task, too, and shows which it is.
 */

import type { Task } from '../core/index.js';
import { deserialize } from './area.js';
import type { WireError } from './error-transport.js';
import { loadFunction } from './function-loading.js';
import type { FunctionSpec } from './function-spec.js';
import { BATCH, NOTIFY_START, sharedClock, WITH_CONTEXT, type WorkerSetup } from './protocol.js';
import type { ContextEntries } from './worker-core.js';

type AnyFunction = (...args: readonly unknown[]) => unknown;
type WorkerCore = typeof import('./worker-core.js');

/** How a function is run. */
type Mode = 'plain' | 'task' | 'unknown';

interface Callable {
  readonly call: AnyFunction;
  mode: Mode;
}

/** How a worker tells its owner what became of a call. */
export interface Outlet {
  result(index: number, started: number, ended: number, value: unknown): void;
  /** `error` is a `WireError`. */
  failure(index: number, started: number, ended: number, error: unknown): void;
  cancelled(index: number, started: number, ended: number): void;
  started(index: number, started: number): void;
}

/** What only the core can do: see `worker-core.ts`. */
let core: WorkerCore | null = null;
let loadingCore: Promise<WorkerCore> | null = null;

function loadCore(): Promise<WorkerCore> {
  loadingCore ??= import('./worker-core.js').then((loaded) => {
    core = loaded;
    return loaded;
  });
  return loadingCore;
}

/** Whether a function is likely to need the core: it waits, or may load what expects a loop's host to be there. */
function needsCore(spec: FunctionSpec): boolean {
  return (
    spec.kind === 'module' || spec.coroutine || /\b(?:async|await|import|require|yield)\b/.test(spec.text)
  );
}

export class CallRunner {
  readonly #outlet: Outlet;
  readonly #specs = new Map<number, FunctionSpec>();
  readonly #callables: (Callable | undefined)[] = [];
  #task: { readonly index: number; readonly task: Task<unknown> } | null = null;
  /** The call that was interrupted last before it had a task: its arguments or its module were still to come. */
  #interrupted: number | null = null;

  constructor(outlet: Outlet) {
    this.#outlet = outlet;
  }

  define(fn: number, spec: FunctionSpec): void {
    this.#specs.set(fn, spec);
  }

  knows(fn: number): boolean {
    return this.#specs.has(fn);
  }

  /** Cancels the task of a call, if it runs as one. */
  interrupt(index: number): void {
    if (this.#task?.index === index) this.#task.task.cancel();
    else this.#interrupted = index;
  }

  /**
   * Readies the worker: makes the functions known, and runs the initializer. Returns what that has thrown, as a `WireError`;
   * `null` when all is well.
   */
  async setUp(setup: WorkerSetup): Promise<WireError | null> {
    for (const [fn, spec] of setup.functions) {
      this.define(fn, spec);
      if (needsCore(spec)) void loadCore();
    }
    if (setup.initializer === null) return null;
    const { asCoroutine, encodeError, wrap } = await loadCore();
    try {
      const initialize = await loadFunction(setup.initializer, wrap);
      const { initargs } = setup;
      const args = initargs instanceof Uint8Array ? deserialize(initargs) : initargs;
      const value = initialize(...(args as never[]));
      await (isGeneratorObject(value) ? asCoroutine(value) : value);
      return null;
    } catch (error) {
      return encodeError(error);
    }
  }

  /** Runs a call; returns a promise if it is not over yet. It never rejects. */
  run(index: number, fn: number, flags: number, args: readonly unknown[]): Promise<void> | null {
    const started = sharedClock();
    if ((flags & NOTIFY_START) !== 0) this.#outlet.started(index, started);
    const callable = this.#callables[fn];
    if (callable === undefined) return this.#load(index, fn, flags, args, started);
    return this.#perform(index, callable, flags, args, started);
  }

  /** Ends a call whose arguments have come, and cannot be read. */
  refuse(index: number, cause: unknown): Promise<void> | null {
    const error = new TypeError('Cannot read the arguments in the worker', { cause });
    return this.#fail(index, sharedClock(), error);
  }

  #load(
    index: number,
    fn: number,
    flags: number,
    args: readonly unknown[],
    started: number,
  ): Promise<void> | null {
    const spec = this.#specs.get(fn) as FunctionSpec;
    if (core === null && (needsCore(spec) || (flags & WITH_CONTEXT) !== 0)) {
      return loadCore().then(() => this.#load(index, fn, flags, args, started) ?? undefined);
    }
    const found = (call: AnyFunction) => {
      const callable: Callable = { call, mode: modeOf(call, spec) };
      this.#callables[fn] = callable;
      return this.#perform(index, callable, flags, args, started);
    };
    try {
      const resolved = loadFunction(spec, (core as WorkerCore)?.wrap) as AnyFunction | Promise<AnyFunction>;
      if (typeof resolved === 'function') return found(resolved);
      return resolved.then(found).then(
        () => {},
        (error) => this.#fail(index, started, error) ?? undefined,
      );
    } catch (error) {
      return this.#fail(index, started, error);
    }
  }

  #perform(
    index: number,
    callable: Callable,
    flags: number,
    args: readonly unknown[],
    started: number,
  ): Promise<void> | null {
    if ((flags & (BATCH | WITH_CONTEXT)) !== 0) {
      if ((flags & WITH_CONTEXT) !== 0) {
        const [entries, rest] = args as [ContextEntries, readonly unknown[]];
        const perform = ({ withVariables }: WorkerCore) =>
          withVariables(entries, () => this.#perform(index, callable, flags & ~WITH_CONTEXT, rest, started));
        return core === null ? loadCore().then((it) => perform(it) ?? undefined) : perform(core);
      }
      return this.#batch(index, callable, args as readonly (readonly unknown[])[], started);
    }
    if (callable.mode !== 'plain')
      return this.#runTask(index, callable, started, () => callable.call(...args));
    let value: unknown;
    try {
      value = callable.call(...args);
    } catch (error) {
      return this.#fail(index, started, error);
    }
    if (isAwaitable(value)) {
      callable.mode = 'task';
      return this.#runTask(index, callable, started, () => value);
    }
    return this.#succeed(index, started, value);
  }

  /** Several calls in one: the first failure ends them, as in Python. */
  #batch(
    index: number,
    callable: Callable,
    calls: readonly (readonly unknown[])[],
    started: number,
  ): Promise<void> | null {
    if (callable.mode !== 'plain') {
      return this.#runTask(index, { call: callable.call, mode: 'task' }, started, async () => {
        const results: unknown[] = [];
        for (const args of calls) results.push(await asAwaitable(callable.call(...args)));
        return results;
      });
    }
    const results: unknown[] = [];
    try {
      for (const args of calls) {
        const value = callable.call(...args);
        if (isAwaitable(value)) {
          callable.mode = 'task';
          return this.#batchFrom(index, callable, calls, results, value, started);
        }
        results.push(value);
      }
    } catch (error) {
      return this.#fail(index, started, error);
    }
    return this.#succeed(index, started, results);
  }

  #batchFrom(
    index: number,
    callable: Callable,
    calls: readonly (readonly unknown[])[],
    results: unknown[],
    first: unknown,
    started: number,
  ): Promise<void> {
    return this.#runTask(index, callable, started, async () => {
      results.push(await asAwaitable(first));
      for (const args of calls.slice(results.length)) results.push(await asAwaitable(callable.call(...args)));
      return results;
    });
  }

  #runTask(index: number, callable: Callable, started: number, body: () => unknown): Promise<void> {
    if (core === null) return loadCore().then(() => this.#runTask(index, callable, started, body));
    const { createTask } = core;
    return new Promise((settle) => {
      let promised = false;
      const thunk = () => {
        const value = body();
        promised = isAwaitable(value);
        return value;
      };
      const task = createTask(thunk, callable.call.name || 'call');
      this.#task = { index, task };
      if (this.#interrupted === index) task.cancel();
      task.addDoneCallback(() => {
        this.#task = null;
        if (callable.mode === 'unknown') callable.mode = promised ? 'task' : 'plain';
        if (task.cancelled()) {
          this.#outlet.cancelled(index, started, sharedClock());
        } else {
          const error = task.exception();
          if (error === null) this.#succeed(index, started, task.result());
          else this.#fail(index, started, error);
        }
        settle();
      });
    });
  }

  #succeed(index: number, started: number, value: unknown): Promise<void> | null {
    const ended = sharedClock();
    try {
      this.#outlet.result(index, started, ended, value);
      return null;
    } catch (error) {
      return this.#report(index, started, ended, error);
    }
  }

  #fail(index: number, started: number, error: unknown): Promise<void> | null {
    return this.#report(index, started, sharedClock(), error);
  }

  #report(index: number, started: number, ended: number, error: unknown): Promise<void> | null {
    if (core === null) {
      return loadCore().then(() => this.#report(index, started, ended, error) ?? undefined);
    }
    if (core.isCancelledError(error)) this.#outlet.cancelled(index, started, ended);
    else this.#outlet.failure(index, started, ended, core.encodeError(error));
    return null;
  }
}

function modeOf(call: AnyFunction, spec: FunctionSpec): Mode {
  const kind = call.constructor.name;
  if (kind === 'AsyncFunction' || kind === 'GeneratorFunction' || core?.iscoroutinefunction(call))
    return 'task';
  return spec.kind === 'module' ? 'unknown' : 'plain';
}

function isAwaitable(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (core?.isCoroutine(value)) return true;
  return typeof (value as PromiseLike<unknown>).then === 'function' || isGeneratorObject(value);
}

function isGeneratorObject(value: unknown): value is object {
  return Object.prototype.toString.call(value) === '[object Generator]';
}

/** What an async function awaits to have the outcome of any kind of coroutine. */
function asAwaitable(value: unknown): unknown {
  return isGeneratorObject(value) ? (core as WorkerCore).asCoroutine(value) : value;
}
