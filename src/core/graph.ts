/** Call graphs: who waits for whom. */

import { Coroutine } from './coroutines.js';
import { RuntimeError } from './exceptions.js';
import { parseStack, type StackFrame } from './format-helpers.js';
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

export interface CallGraphOptions {
  /** How many frames of the present task's stack to leave out. */
  depth?: number;
  /** Above 0: so many entries nearest the call; below 0: so many from the top; 0: none. */
  limit?: number | null;
}

/**
 * The call graph of a future, or of the current task; `null` outside a task.
 *
 * JavaScript shows no suspended frames: the stack of a task has the names of its coroutines, and lines only for the task
 * that calls this.
 *
 * @throws TypeError for anything but a future.
 */
export function captureCallGraph(
  future?: FutureLike<unknown> | null,
  options: CallGraphOptions = {},
): FutureCallGraph | null {
  const { depth = 1, limit = null } = options;
  if (future !== undefined && future !== null) {
    if (!isfuture(future)) throw new TypeError(`Cannot capture the call graph of ${String(future)}: expected a future`);
    if (future !== currentTask()) return graphOf(future, limit, new Set());
  }
  const task = currentTask();
  if (task === null) {
    if (future === undefined || future === null) return null;
    throw new RuntimeError('no running task');
  }
  const callStack = limit === 0 ? [] : cut(ownStack(depth), limit);
  return Object.freeze({ future: task, callStack, awaitedBy: waitersOf(task, limit, new Set([task])) });
}

function ownStack(depth: number): FrameCallGraphEntry[] {
  const isOurs = (frame: StackFrame) => ['captureCallGraph', 'ownStack', 'formatCallGraph', 'printCallGraph'].includes(frame.functionName);
  const frames = parseStack(new Error().stack).filter((frame) => !isOurs(frame));
  return frames.slice(Math.max(0, depth - 1)).map((frame) => Object.freeze({ frame }));
}

function cut(stack: FrameCallGraphEntry[], limit: number | null): FrameCallGraphEntry[] {
  if (limit === null) return stack;
  return limit > 0 ? stack.slice(0, limit) : stack.slice(limit);
}

function graphOf(future: FutureLike<unknown>, limit: number | null, seen: Set<unknown>): FutureCallGraph {
  seen.add(future);
  const stack = limit === 0 ? [] : cut(suspendedStack(future), limit);
  return Object.freeze({ future, callStack: stack, awaitedBy: waitersOf(future, limit, seen) });
}

function waitersOf(future: FutureLike<unknown>, limit: number | null, seen: Set<unknown>): readonly FutureCallGraph[] {
  if (!(future instanceof Future)) return [];
  const graphs: FutureCallGraph[] = [];
  for (const waiter of future._awaitedBy()) if (!seen.has(waiter)) graphs.push(graphOf(waiter, limit, seen));
  return graphs;
}

function suspendedStack(future: FutureLike<unknown>): FrameCallGraphEntry[] {
  if (!(future instanceof Task)) return [];
  const coro = future.getCoro();
  const name = coro instanceof Coroutine ? coro.name : future._coroName();
  const [entry] = future.getStack();
  return [Object.freeze({ frame: { ...(entry ?? { file: '<unknown>', line: 0, column: 0 }), functionName: name } as StackFrame })];
}

/**
 * The call graph of a future, or of the current task, as text in Python's format; `''` when there is nothing to show.
 */
export function formatCallGraph(future?: FutureLike<unknown> | null, options: CallGraphOptions = {}): string {
  const graph = captureCallGraph(future, { depth: 2, ...options });
  if (graph === null) return '';
  const lines: string[] = [];
  describe(graph, lines, 0);
  return lines.join('\n');
}

function describe(graph: FutureCallGraph, lines: string[], level: number): void {
  const indent = ' '.repeat(level * 4);
  const add = (text: string) => lines.push(indent + text);
  const { future, callStack, awaitedBy } = graph;
  add(future instanceof Task ? `* Task(name='${future.getName()}')` : `* ${future.constructor.name}()`);
  if (callStack.length > 0) {
    add('  + Call stack:');
    for (const { frame } of callStack) {
      add(`  |   File '${frame.file}', line ${frame.line}, in ${level === 0 ? '' : 'async '}${frame.functionName}()`);
    }
  }
  if (awaitedBy.length > 0) {
    add('  + Awaited by:');
    for (const waiter of awaitedBy) describe(waiter, lines, level + 1);
  }
}

/** Prints {@link formatCallGraph} to `file`, or to standard output. */
export function printCallGraph(
  future?: FutureLike<unknown> | null,
  options: CallGraphOptions & { file?: { write(text: string): unknown } } = {},
): void {
  const { file, ...rest } = options;
  const text = formatCallGraph(future, { depth: 3, ...rest });
  if (file !== undefined) file.write(`${text}\n`);
  else (globalThis as unknown as { console: { log(text: string): void } }).console.log(text);
}
