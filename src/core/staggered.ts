/** Starting one attempt after the other until one succeeds. */

import type { EventLoop } from './base-events.js';
import { type Body, type Coro, Coroutine, type ResultOf, runBody } from './coroutines.js';
import { type Duration, toSecondsOrNull } from './durations.js';
import { getRunningLoop } from './events.js';
import { ExceptionGroup } from './exception-groups.js';
import { isCancelledError, stopsTheLoop, TimeoutError } from './exceptions.js';
import { Future, futureAddToAwaitedBy, futureDiscardFromAwaitedBy } from './futures.js';
import { Event } from './locks.js';
import { currentTask, type Task } from './tasks.js';
import { waitFor } from './waiting.js';

/** The winner's value, its index, and what each started attempt threw; `null` stands for the winner. */
export type StaggeredResult<T> = [winner: T | null, index: number | null, exceptions: (unknown | null)[]];

/**
 * Runs `attempts` one after the other: the next begins when the one before has failed or `delay` seconds have passed
 * (`null`: only on failure). The first success wins; all others are cancelled and waited for. Happy eyeballs (RFC 8305)
 * is this. Source: `asyncio.staggered.staggered_race`.
 *
 * *Suspends* until there is a winner or all have failed. *Cancellation* cancels all attempts and waits for them.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * const fails = async () => {
 *   throw new Error('down');
 * };
 * const works = async () => 'up';
 * const [winner, index] = await asyncio.run(async () => await asyncio.staggeredRace([fails, works], 0.25));
 * console.log(winner, index); //=> up 1
 * ```
 */
export function staggeredRace<A extends Body<unknown>>(
  attempts: Iterable<A>,
  delay: Duration | null,
  options: { loop?: EventLoop | undefined } = {},
): Coroutine<StaggeredResult<ResultOf<A>>> {
  if (typeof attempts?.[Symbol.iterator] !== 'function') {
    throw new TypeError(`staggeredRace() expects an iterable of functions, not ${String(attempts)}`);
  }
  return new Coroutine(
    racing(attempts as Iterable<Body<ResultOf<A>>>, toSecondsOrNull(delay, 'delay'), options.loop),
    'staggeredRace',
  );
}

function* racing<T>(
  attempts: Iterable<Body<T>>,
  delay: number | null,
  given: EventLoop | undefined,
): Coro<StaggeredResult<T>> {
  const loop = given ?? getRunningLoop();
  const parent = currentTask(loop);
  const remaining = attempts[Symbol.iterator]();
  let started = 0;
  let winner: { value: T; index: number } | null = null;
  const exceptions: unknown[] = [];
  const unhandled: unknown[] = [];
  const running = new Set<Task>();
  let allDone: Future<void> | null = null;

  const begin = (body: () => Coro<void>) => {
    const gate = new Event();
    const task = loop.createTask(
      (function* (): Coro<void> {
        yield* gate.wait();
        yield* body();
      })(),
    ) as Task;
    if (parent !== null) futureAddToAwaitedBy(task, parent);
    running.add(task);
    task.addDoneCallback(ended);
    gate.set();
  };

  const ended = (task: Task) => {
    running.delete(task);
    if (parent !== null) futureDiscardFromAwaitedBy(task, parent);
    if (allDone !== null && running.size === 0 && !allDone.done()) allDone.setResult(undefined);
    if (task.cancelled()) return;
    const error = task.exception();
    if (error !== null) unhandled.push(error);
  };

  function* attempt(previousFailed: Event | null): Coro<void> {
    if (previousFailed !== null) {
      try {
        yield* waitFor(previousFailed.wait(), delay);
      } catch (error) {
        if (!(error instanceof TimeoutError)) throw error;
      }
    }
    const next = remaining.next();
    if (next.done === true) return;
    const index = started;
    started += 1;
    const failed = new Event();
    begin(() => attempt(failed));
    exceptions.push(null);
    try {
      const value = yield* runBody(next.value);
      winner = { value, index };
    } catch (error) {
      if (stopsTheLoop(error)) throw error;
      exceptions[index] = error;
      // The race's own cancellation ends here; nobody swallowed it.
      if (isCancelledError(error)) currentTask(loop)?.uncancel();
      failed.set();
      return;
    }
    const self = currentTask(loop);
    for (const task of running) if (task !== self) task.cancel();
  }

  begin(() => attempt(null));
  let cancellation: { value: unknown } | null = null;
  while (running.size > 0) {
    allDone = new Future<void>({ loop });
    try {
      yield* allDone;
    } catch (error) {
      if (!isCancelledError(error)) throw error;
      cancellation = { value: error };
      for (const task of running) task.cancel(...error.args);
    }
    allDone = null;
  }
  if (unhandled.length > 0) throw new ExceptionGroup('staggered race failed', unhandled);
  if (cancellation !== null) throw cancellation.value;
  const won = winner as { value: T; index: number } | null;
  return [won === null ? null : won.value, won === null ? null : won.index, exceptions];
}
