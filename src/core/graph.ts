/** Call graphs: who waits for whom. */

import { Coroutine } from './coroutines.js';
import { callerStack, repr, type StackFrame } from './format-helpers.js';
import { Future, type FutureLike, isfuture } from './futures.js';
import { currentTask, Task } from './tasks.js';

/** One frame of a call stack, described. */
export interface FrameCallGraphEntry {
  readonly frame: StackFrame;
}

/** A future, the stack that it is suspended in, and the graphs of those that wait for it. */
export interface FutureCallGraph {
  readonly future: FutureLike<unknown>;
  readonly callStack: readonly FrameCallGraphEntry[];
  readonly awaitedBy: readonly FutureCallGraph[];
}

/** How much of a call graph is wanted. */
export interface CallGraphOptions {
  /** 1, the default, begins the running task's stack with the caller; each one more leaves a frame out. */
  depth?: number | undefined;
  /** Above 0: so many entries nearest the call; below 0: so many from the top; 0: none. */
  limit?: number | null | undefined;
}

/**
 * The call graph of a future, or of the current task; `null` outside a task.
 *
 * JavaScript shows no suspended frames: of a suspended task there is the name of its coroutine; lines are known only for
 * the task that calls this.
 *
 * @throws TypeError for anything but a future.
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async function main() {
 *   const job = asyncio.createTask(() => asyncio.sleep('10ms'), { name: 'job' });
 *   const boss = asyncio.createTask(async () => await job, { name: 'boss' });
 *   await asyncio.sleep(0);
 *   console.log(asyncio.captureCallGraph(job)?.awaitedBy[0]?.future === boss); //=> true
 *   await boss;
 * });
 * ```
 */
export function captureCallGraph(
  future?: FutureLike<unknown> | null,
  options: CallGraphOptions = {},
): FutureCallGraph | null {
  const { depth = 1, limit = null } = options;
  const task = currentTask();
  const subject = future ?? task;
  if (subject === null) return null;
  if (!isfuture(subject))
    throw new TypeError(`Cannot capture the call graph of ${String(future)}: expected a future`);
  return graphOf(subject, subject === task ? ownStack(depth) : suspendedStack(subject), limit, new Set());
}

/** The stack of the running task: from the caller down to where the loop resumed it. */
function ownStack(depth: number): FrameCallGraphEntry[] {
  return callerStack(true)
    .filter((frame) => !frame.file.startsWith('node:'))
    .slice(Math.max(0, depth - 1))
    .map((frame) => Object.freeze({ frame }));
}

function suspendedStack(future: FutureLike<unknown>): FrameCallGraphEntry[] {
  if (!(future instanceof Task)) return [];
  const coro = future.getCoro();
  if (coro === null) return [];
  const [entry] = future.getStack();
  const place = entry ?? { file: UNKNOWN_FILE, line: 0, column: 0 };
  const functionName = coro instanceof Coroutine ? coro.name : future._coroName();
  return [Object.freeze({ frame: { ...place, functionName } })];
}

const UNKNOWN_FILE = '<unknown>';

function cut(stack: FrameCallGraphEntry[], limit: number | null): readonly FrameCallGraphEntry[] {
  if (limit === null) return stack;
  if (limit === 0) return [];
  return limit > 0 ? stack.slice(0, limit) : stack.slice(limit);
}

/** `path` has the futures that the graph leads through on its way here: a circle is not followed. */
function graphOf(
  future: FutureLike<unknown>,
  stack: FrameCallGraphEntry[],
  limit: number | null,
  path: Set<unknown>,
): FutureCallGraph {
  path.add(future);
  const awaitedBy: FutureCallGraph[] = [];
  for (const waiter of future instanceof Future ? future._awaitedBy() : []) {
    if (!path.has(waiter)) awaitedBy.push(graphOf(waiter, suspendedStack(waiter), limit, path));
  }
  path.delete(future);
  return Object.freeze({
    future,
    callStack: Object.freeze(cut(stack, limit)),
    awaitedBy: Object.freeze(awaitedBy),
  });
}

/**
 * The call graph of a future, or of the current task, as text in Python's format; `''` when there is nothing to show.
 */
export function formatCallGraph(future?: FutureLike<unknown> | null, options: CallGraphOptions = {}): string {
  const graph = captureCallGraph(future, options);
  if (graph === null) return '';
  const lines: string[] = [];
  describe(graph, graph.future !== currentTask(), lines, '');
  return lines.join('\n');
}

function describe(graph: FutureCallGraph, suspended: boolean, lines: string[], indent: string): void {
  const add = (text: string) => lines.push(indent + text);
  const { future, callStack, awaitedBy } = graph;
  add(future instanceof Task ? `* Task(name=${repr(future.getName())})` : `* ${future.constructor.name}()`);
  if (callStack.length > 0) {
    add('  + Call stack:');
    for (const { frame } of callStack) {
      const name = `${suspended ? 'async ' : ''}${frame.functionName}()`;
      add(
        frame.file === UNKNOWN_FILE
          ? `  |   in ${name}`
          : `  |   File '${frame.file}', line ${frame.line}, in ${name}`,
      );
    }
  }
  if (awaitedBy.length > 0) {
    add('  + Awaited by:');
    for (const waiter of awaitedBy) describe(waiter, true, lines, `${indent}    `);
  }
}

/** Prints {@link formatCallGraph} to `file`, or to standard output. */
export function printCallGraph(
  future?: FutureLike<unknown> | null,
  options: CallGraphOptions & { file?: { write(text: string): unknown } | undefined } = {},
): void {
  const { file, ...rest } = options;
  const text = formatCallGraph(future, rest);
  if (file !== undefined) file.write(`${text}\n`);
  else (globalThis as unknown as { console: { log(text: string): void } }).console.log(text);
}
