/** Running a program: a fresh loop, the main task, Ctrl-C, and the clean-up. */

import { EventLoop } from './base-events.js';
import { type Context, copyContext } from './contextvars.js';
import { type CoroutineLike, iscoroutine, isThenable } from './coroutines.js';
import { liveScope } from './current.js';
import {
  type ContextOption,
  newEventLoop,
  refuseInsideLoop,
  setEventLoop,
  unsetEventLoop,
} from './events.js';
import {
  DeadlockError,
  isCancelledError,
  KeyboardInterrupt,
  RuntimeError,
  SystemExit,
  stopsTheLoop,
} from './exceptions.js';
import { delegate } from './fibers.js';
import { type FutureLike, isfuture } from './futures.js';
import { gather } from './gather.js';
import { logger } from './log.js';
import type { AbortSignalLike } from './signals.js';
import { alreadyStarted, type Task } from './tasks.js';

/** How a program is run. */
export interface RunOptions {
  /** Debug mode; `null` leaves it to the environment variable `ASYNCIODEBUG`. */
  debug?: boolean | null | undefined;
  /** Makes the loop, in place of `newEventLoop()`. */
  loopFactory?: (() => EventLoop) | null | undefined;
  /** Cancels the main task when it is aborted. */
  signal?: AbortSignalLike | undefined;
  /**
   * `false` leaves the platform's async context off: for programs of generator coroutines only. On Node 20 and 22 it slows
   * every native `await` of the process.
   */
  asyncContext?: boolean | undefined;
}

/** Seconds that a closing run waits for a task before it names it. */
const CLOSING_PATIENCE = 5;
/** Seconds that the default executor gets to end. */
const EXECUTOR_PATIENCE = 300;

/**
 * Runs several coroutines one after the other on one loop, in one context.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * const runner = new asyncio.Runner();
 * try {
 *   console.log(await runner.run(async () => 'first')); //=> first
 *   console.log(await runner.run(async () => 'second')); //=> second
 * } finally {
 *   await runner.close();
 * }
 * ```
 */
export class Runner {
  readonly #options: RunOptions;
  #state: 'created' | 'initialized' | 'closed' = 'created';
  #loop: EventLoop | null = null;
  #context: Context | null = null;
  #isCurrent = false;

  constructor(options: RunOptions = {}) {
    this.#options = options;
  }

  /** The loop, made at the first call. @throws RuntimeError after `close()`. */
  getLoop(): EventLoop {
    this.#initialize();
    return this.#loop as EventLoop;
  }

  #initialize(): void {
    if (this.#state === 'closed') throw new RuntimeError('Runner is closed');
    if (this.#state === 'initialized') return;
    const { loopFactory, debug, asyncContext } = this.#options;
    if (loopFactory !== undefined && loopFactory !== null) {
      this.#loop = loopFactory();
    } else {
      this.#loop = asyncContext === false ? new EventLoop({ asyncContext }) : newEventLoop();
      setEventLoop(this.#loop);
      this.#isCurrent = true;
    }
    if (debug !== undefined && debug !== null) this.#loop.setDebug(debug);
    this.#context = copyContext();
    this.#state = 'initialized';
  }

  /**
   * Runs `main` to its end, and gives its value. Ctrl-C cancels it, and comes out as KeyboardInterrupt; SIGTERM as
   * SystemExit.
   *
   * @throws RuntimeError, at once, inside a task or after `close()`; TypeError for a promise or anything else that is no
   * coroutine.
   */
  run<T>(main: FutureLike<T> | CoroutineLike<T>, options: ContextOption = {}): Promise<T> {
    refuseInsideLoop('Runner.run()', liveScope() !== null);
    this.#initialize();
    checkMain(main);
    const loop = this.#loop as EventLoop;
    if (loop.isRunning()) throw new RuntimeError('This event loop is already running');
    const context = options.context ?? (this.#context as Context);
    const coro = isfuture(main) ? delegate(main as FutureLike<T>) : (main as CoroutineLike<T>);
    const task = loop.createTask(coro, { context, signal: this.#options.signal });
    return stoppable(loop, () => loop.runUntilComplete(task), task);
  }

  /**
   * Cancels what still runs and waits for it, closes async generators and the default executor, then the loop. Closing
   * twice is no error.
   *
   * @throws RuntimeError, at once, while it runs a main.
   */
  close(): Promise<void> {
    if (this.#loop?.isRunning() === true) throw new RuntimeError('Cannot close the runner: it is running');
    const wasInitialized = this.#state === 'initialized';
    this.#state = 'closed';
    if (!wasInitialized) return Promise.resolve();
    const loop = this.#loop as EventLoop;
    return stoppable(loop, async () => {
      await cancelAllTasks(loop);
      await loop.runUntilComplete(loop.shutdownAsyncgens());
      await loop.runUntilComplete(loop.shutdownDefaultExecutor(EXECUTOR_PATIENCE));
    }).finally(() => this._closeLoop());
  }

  /** The last step of closing; alone where nothing was run. @internal */
  _closeLoop(): void {
    const loop = this.#loop;
    this.#state = 'closed';
    this.#loop = null;
    if (loop === null) return;
    if (this.#isCurrent) unsetEventLoop(loop);
    // One that still runs was somebody else's.
    if (!loop.isRunning()) loop.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function checkMain(main: unknown): void {
  if (isfuture(main) || iscoroutine(main) || typeof main === 'function') return;
  if (isThenable(main)) throw alreadyStarted(main, 'run() was given a promise');
  throw new TypeError('An asyncio.Future, a coroutine or an awaitable is required');
}

/** Runs `body` on `loop`; Ctrl-C or SIGTERM cancels `task`, and without one, or when it comes again, ends the run at once. */
async function stoppable<T>(loop: EventLoop, body: () => Promise<T>, task?: Task<T>): Promise<T> {
  const host = loop._host;
  let asked: KeyboardInterrupt | SystemExit | null = null;
  const removals = (['SIGINT', 'SIGTERM'] as const).map((signal) =>
    host.onStopSignal?.(signal, () => {
      const stop = signal === 'SIGINT' ? new KeyboardInterrupt() : new SystemExit(143);
      if (asked === null && task?.done() === false) {
        asked = stop;
        task.cancel();
      } else loop._interrupt(stop);
    }),
  );
  try {
    return await body();
  } catch (error) {
    // A task of another make may lack uncancel().
    const outcome = asked !== null && isCancelledError(error) && task?.uncancel?.() === 0 ? asked : error;
    // What an uncaught stop means for the process.
    const status = outcome instanceof SystemExit ? outcome.exitCode : 130;
    if (stopsTheLoop(outcome) && typeof status === 'number') host.exitStatus?.(outcome, status);
    throw outcome;
  } finally {
    for (const remove of removals) remove?.();
  }
}

async function cancelAllTasks(loop: EventLoop): Promise<void> {
  const tasks = [...loop._unfinishedTasks()];
  if (tasks.length === 0) return;
  for (const task of tasks) task.cancel();
  const patience = loop._host.wait === undefined ? loop._host.timer(() => nameTasks(tasks), true) : null;
  patience?.set(CLOSING_PATIENCE);
  try {
    await loop.runUntilComplete(gather(tasks, { returnExceptions: true }));
  } finally {
    patience?.clear();
  }
  for (const task of tasks) {
    if (task.cancelled() || !task.done()) continue;
    const exception = task.exception();
    if (exception === null) continue;
    loop.callExceptionHandler({
      message: 'unhandled exception during asyncio.run() shutdown',
      exception,
      task,
    });
  }
}

function nameTasks(tasks: readonly Task[]): void {
  const waiting = tasks.filter((task) => !task.done());
  if (waiting.length === 0) return;
  logger.warn(
    `run() is closing, and has waited ${CLOSING_PATIENCE} seconds for:\n${waiting.map((task) => `  ${task}`).join('\n')}`,
  );
}

/**
 * Runs a program: makes a fresh loop, runs `main` on it, and cleans up, whatever happens. `main` is an async function, a
 * generator function, or a coroutine object. What still runs when main is done is cancelled and waited for.
 *
 * Several `run()`s may go on side by side, each on its own loop. Ctrl-C cancels main, and comes out as KeyboardInterrupt.
 * Source: `asyncio.run`.
 *
 * @throws RuntimeError, at once, from inside a task; TypeError for a promise (`run(main())`): pass `() => main()`.
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * async function main() {
 *   await asyncio.sleep('10ms');
 *   return 'Hello';
 * }
 * console.log(await asyncio.run(main)); //=> Hello
 * ```
 */
export function run<T>(main: CoroutineLike<T>, options: RunOptions = {}): Promise<T> {
  refuseInsideLoop('asyncio.run()', liveScope() !== null);
  checkMain(main);
  const runner = new Runner(options);
  let result: Promise<T>;
  try {
    result = runner.run(main);
  } catch (error) {
    runner._closeLoop();
    throw error;
  }
  return conclude(runner, result);
}

async function conclude<T>(runner: Runner, result: Promise<T>): Promise<T> {
  let value: T;
  try {
    value = await result;
  } catch (error) {
    await runner.close().catch((second) => {
      // Who never ended main cannot be waited for either: the first report says why.
      if (!(second instanceof DeadlockError)) throw second;
    });
    throw error;
  }
  await runner.close();
  return value;
}
