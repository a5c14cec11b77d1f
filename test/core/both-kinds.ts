/**
 * One test, every coroutine kind: a body is written once, as a generator that waits with `yield* wait(x)`. It runs
 * as a generator coroutine on a synchronous loop, as one under `run()`, and as an async function that reaches every
 * wait by a plain `await`, the latter two also in debug mode. Each run has a loop of its own on a virtual clock, and
 * must leave nothing behind: no task, no report and no log record that the test did not take.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { getDefaultHost } from 'tsyncio/lowlevel';
import { AutojumpClock, TestLoop, type VirtualClock, VirtualHost } from 'tsyncio/testing';

type Coro<T> = asyncio.Coro<T>;

/** A coroutine body. */
export type Steps<T> = () => Generator<asyncio.Suspension, T, unknown>;

/** What a test body is given: how its kind waits and makes coroutines, and what the loop had to complain about. */
export interface Kind {
  readonly name: 'generator' | 'async';
  /** `yield* wait(x)` is `yield* x` in a generator coroutine and `await x` in an async function. */
  wait<T>(awaitable: asyncio.Awaitable<T>): Iterable<asyncio.Suspension, T, unknown>;
  /** A thunk for `createTask()` and its like: a generator function, or an async function. */
  go<T>(body: Steps<T>): () => Coro<T>;
  /** `async def` of this kind. */
  define<A extends readonly unknown[], T>(
    body: (...args: A) => Generator<asyncio.Suspension, T, unknown>,
  ): (...args: A) => asyncio.Coroutine<T>;
  readonly loop: asyncio.EventLoop;
  /** What the exception handler was told. A test that expects a report takes it out. */
  readonly reports: asyncio.ExceptionContext[];
  /** What the logger was told, likewise. */
  readonly logs: string[];
}

/** A wait of an async function: the driver below awaits what is in it. */
class Wait<T> implements Iterable<asyncio.Suspension, T, unknown> {
  readonly awaitable: PromiseLike<T>;

  constructor(awaitable: PromiseLike<T>) {
    this.awaitable = awaitable;
  }

  *[Symbol.iterator](): Generator<asyncio.Suspension, T, unknown> {
    return (yield this as unknown as asyncio.Suspension) as T;
  }
}

/** An async function that runs `steps`, and awaits where they wait. */
export async function drive<T>(steps: Generator<unknown, T, unknown>): Promise<T> {
  let result = steps.next();
  while (result.done !== true) {
    let value: unknown;
    try {
      value = await (result.value as Wait<unknown>).awaitable;
    } catch (error) {
      result = steps.throw(error);
      continue;
    }
    result = steps.next(value);
  }
  return result.value;
}

const generatorKind = {
  name: 'generator',
  wait: <T>(awaitable: asyncio.Awaitable<T>) => awaitable as Iterable<asyncio.Suspension, T, unknown>,
  go: <T>(body: Steps<T>) => body as () => Coro<T>,
  define: asyncio.coroutine as Kind['define'],
} as const;

const asyncKind = {
  name: 'async',
  wait: <T>(awaitable: asyncio.Awaitable<T>) => new Wait(awaitable),
  go: <T>(body: Steps<T>) => (() => drive(body())) as unknown as () => Coro<T>,
  define: <A extends readonly unknown[], T>(
    body: (...args: A) => Generator<asyncio.Suspension, T, unknown>,
  ): ((...args: A) => asyncio.Coroutine<T>) => asyncio.coroutine((...args: A) => drive(body(...args))),
} as const;

/** Both kinds, for tests that make their own loops. */
export const kinds = [generatorKind, asyncKind] as const;

/** A clock that jumps to the next timer, and keeps what it was asked to wait for. */
export class RecordingClock extends AutojumpClock {
  readonly waits: (number | null)[] = [];

  override wait(timeout: number | null): void {
    this.waits.push(timeout);
    super.wait(timeout);
  }
}

/** A loop on a virtual clock, for either kind: `run(main, { loopFactory: virtualLoop })`. */
export function virtualLoop(clock: VirtualClock = new AutojumpClock()): asyncio.EventLoop {
  return new asyncio.EventLoop({ host: new VirtualHost({ clock, host: getDefaultHost() }) });
}

const subjects = [
  'generator, synchronous',
  'generator',
  'async',
  'generator, in debug mode',
  'async, in debug mode',
] as const;

interface BothOptions {
  /** Only this kind. */
  only?: Kind['name'];
  /** Only in debug mode, or never; both by default. */
  debug?: boolean;
  /** The messages of the reports that closing the loop makes, for tests that leave something behind on purpose. */
  closing?: readonly string[];
}

/** A test in every kind: `both('R-FUT-01 …', function* ({ wait, go }) { … })`. */
export function both(
  title: string,
  body: (kind: Kind) => Generator<asyncio.Suspension, unknown, unknown>,
): void;
export function both(
  title: string,
  options: BothOptions,
  body: (kind: Kind) => Generator<asyncio.Suspension, unknown, unknown>,
): void;
export function both(
  title: string,
  given: BothOptions | ((kind: Kind) => Generator<asyncio.Suspension, unknown, unknown>),
  last?: (kind: Kind) => Generator<asyncio.Suspension, unknown, unknown>,
): void {
  const options = typeof given === 'function' ? {} : given;
  const body = typeof given === 'function' ? given : last!;
  for (const subject of subjects) {
    const debug = subject.endsWith('in debug mode');
    if (options.only !== undefined && !subject.startsWith(options.only)) continue;
    if (options.debug !== undefined && options.debug !== debug) continue;
    test(`${title} (${subject})`, async () => {
      const loop = subject === 'generator, synchronous' ? new TestLoop() : virtualLoop();
      if (debug) loop.setDebug(true);
      const reports: asyncio.ExceptionContext[] = [];
      const logs: string[] = [];
      loop.setExceptionHandler((_, context) => void reports.push(context));
      // Many a test swallows a cancellation on purpose, which debug mode tells; those of debug mode look at the logs.
      const expected = options.debug === undefined ? /\(swallowed by a catch\?\)/ : /^$/;
      const log = (message: string) => void (expected.test(message) || logs.push(message));
      const outer = asyncio.setLogger({ debug: log, info: log, warn: log, error: log });
      const kind: Kind = {
        ...(subject.startsWith('async') ? asyncKind : generatorKind),
        loop,
        reports,
        logs,
      };
      function* main(): Coro<void> {
        yield* body(kind);
        const left = [...asyncio.allTasks()].filter((task) => task !== asyncio.currentTask());
        if (options.closing === undefined)
          assert.deepEqual(left.map(String), [], 'tasks that the test left behind');
        assert.deepEqual(reports, [], 'reports that nobody took');
      }
      try {
        if (loop instanceof TestLoop) {
          loop.runSync(main());
          loop.close();
        } else {
          await asyncio.run(kind.go(main), { loopFactory: () => loop });
        }
        const messages = reports.map(({ message }) => message);
        assert.deepEqual(messages, options.closing ?? [], 'what closing the loop reported');
        assert.deepEqual(logs, [], 'log records that nobody took');
      } finally {
        asyncio.setLogger(outer);
        if (debug) loop.setDebug(false);
      }
    });
  }
}

/** What a wait throws; the test fails when it throws nothing. */
export function* thrown<T>(waiting: Iterable<asyncio.Suspension, T, unknown>): Coro<unknown> {
  let value: T;
  try {
    value = yield* waiting;
  } catch (error) {
    return error;
  }
  assert.fail(`nothing was thrown; the value was ${String(value)}`);
}

/** What a call throws; the test fails when it throws nothing. */
export function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  assert.fail('nothing was thrown');
}

/** Asserts the class (exactly) and the message of an error. */
export function isError(
  error: unknown,
  errorClass: abstract new (...args: never[]) => unknown,
  message?: string | RegExp,
): void {
  assert.ok(error instanceof errorClass, `expected ${errorClass.name}, got ${String(error)}`);
  assert.equal((error as Error).constructor, errorClass);
  if (message === undefined) return;
  if (typeof message === 'string') assert.equal((error as Error).message, message);
  else assert.match((error as Error).message, message);
}

/** The arguments of a CancelledError; the test fails when it is anything else. */
export function cancelArgs(error: unknown): readonly unknown[] {
  assert.ok(error instanceof asyncio.CancelledError, `expected CancelledError, got ${String(error)}`);
  return error.args;
}

/** Counts the iterations of the loop: `ticks()` says how many began since the call; `ticks.stop()` ends it. */
export function ticker(loop: asyncio.EventLoop): { (): number; stop(): void } {
  let ticks = 0;
  let handle = loop.callSoon(tick);
  function tick(): void {
    ticks += 1;
    handle = loop.callSoon(tick);
  }
  return Object.assign(() => ticks, { stop: () => handle.cancel() });
}
