/** How futures, tasks, callbacks and values are shown, in CPython's format. */

import { BaseException } from './exceptions.js';

const LONGEST = 60;

function clip(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 3)}...`;
}

function functionName(fn: (...args: never[]) => unknown): string {
  return fn.name === '' ? '<lambda>' : fn.name;
}

/** `f()`: a callback as it stands in a `cb=[…]`. @internal */
export function formatCallback(fn: (...args: never[]) => unknown): string {
  return `${functionName(fn)}()`;
}

/** A short picture of a value, as Python's `reprlib` gives one. @internal */
export function repr(value: unknown, depth = 0): string {
  if (typeof value !== 'object' || value === null) return reprScalar(value);
  if (shown.has(value)) return '...';
  shown.add(value);
  try {
    return reprObject(value, depth);
  } catch {
    return `<${typeof value}>`;
  } finally {
    shown.delete(value);
  }
}

/** What is being shown right now: an object inside itself is shown as `...`. */
const shown = new Set<object>();

function reprScalar(value: unknown): string {
  if (typeof value === 'string')
    return `'${clip(value.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n'))}'`;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return `<function ${functionName(value as () => unknown)}>`;
  return String(value);
}

function list<T>(items: readonly T[], most: number, show: (item: T) => string): string {
  return `${items.slice(0, most).map(show).join(', ')}${items.length > most ? ', ...' : ''}`;
}

function reprObject(value: object, depth: number): string {
  if (value instanceof Error) return errorRepr(value);
  if (depth > 2) return Array.isArray(value) ? '[...]' : '{...}';
  if (Array.isArray(value)) {
    return `[${list(value, 6, (item) => repr(item, depth + 1))}]`;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) {
    const entries = Object.entries(value);
    return entries.length === 0
      ? '{}'
      : `{ ${list(entries, 4, ([key, item]) => `${key}: ${repr(item, depth + 1)}`)} }`;
  }
  if (typeof value.toString === 'function' && value.toString !== Object.prototype.toString)
    return clip(String(value));
  const { name } = value.constructor ?? {};
  return `<${name === undefined || name === '' ? ((value as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] ?? 'object') : name}>`;
}

function errorRepr(error: Error): string {
  const args = error instanceof BaseException ? error.args : error.message === '' ? [] : [error.message];
  return `${error.name}(${args.map((each) => repr(each, 1)).join(', ')})`;
}

/** A frame of a stack, described: JavaScript hands out no live frames. */
export interface StackFrame {
  readonly functionName: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

const FRAME = /^\s*at (?:(?:async )?(.*?) \()?(.*?):(\d+):(\d+)\)?$/;

/** The frames of an error's stack, newest first. @internal */
export function parseStack(stack: string | undefined): StackFrame[] {
  const frames: StackFrame[] = [];
  for (const line of (stack ?? '').split('\n')) {
    const match = FRAME.exec(line);
    if (match === null) continue;
    const [, name, file = '', lineNumber, column] = match;
    frames.push({ functionName: name ?? '<module>', file, line: Number(lineNumber), column: Number(column) });
  }
  return frames;
}

/** At most this many frames of a creation stack are kept. */
const DEBUG_STACK_DEPTH = 10;

/** This library's files, as built and as written: its own frames do not belong into creation stacks. */
const OWN_FILES = ownFiles((import.meta as unknown as { url: string }).url);

function ownFiles(url: string): readonly string[] {
  const root = /^(?:file:\/\/)?(.*\/)(?:dist|src)\//.exec(url)?.[1];
  return root === undefined ? [] : [`${root}dist/`, `${root}src/`];
}

function isOwn(frame: StackFrame): boolean {
  const path = frame.file.replace(/^file:\/\//, '');
  return OWN_FILES.some((folder) => path.startsWith(folder));
}

const stackLimits = Error as unknown as { stackTraceLimit: number };

/**
 * Where the caller of the library stands, newest frame first; on request only down to where the library called it.
 *
 * @internal
 */
export function callerStack(stopAtLibrary = false): StackFrame[] {
  const limit = stackLimits.stackTraceLimit;
  stackLimits.stackTraceLimit = limit + 20;
  const { stack } = new Error();
  stackLimits.stackTraceLimit = limit;
  const frames = parseStack(stack);
  const below = frames.slice(
    Math.max(
      0,
      frames.findIndex((frame) => !isOwn(frame)),
    ),
  );
  const end = stopAtLibrary ? below.findIndex(isOwn) : -1;
  const callers = (end < 0 ? below : below.slice(0, end)).filter((frame) => !isOwn(frame));
  // In a bundle with the program, the library cannot be told from it.
  return callers.every((frame) => frame.file.startsWith('node:')) ? frames.slice(2) : callers;
}

/** Where the caller of the library stands, oldest frame first: kept in debug mode by handles, futures and tasks. @internal */
export function extractStack(): readonly StackFrame[] {
  return callerStack().slice(0, DEBUG_STACK_DEPTH).reverse();
}

/** For the context of an exception handler: where its subject was made, in debug mode. @internal */
export function originOf(subject: { readonly sourceTraceback?: readonly StackFrame[] | null }): {
  sourceTraceback?: readonly StackFrame[];
} {
  const { sourceTraceback } = subject;
  return sourceTraceback ? { sourceTraceback } : {};
}

/** `file:line` of the newest frame. @internal */
export function formatOrigin(stack: readonly StackFrame[]): string {
  const newest = stack.at(-1);
  return newest === undefined ? '' : `${newest.file}:${newest.line}`;
}

/** The lines of a stack, as Python prints one. @internal */
export function formatStack(stack: readonly StackFrame[]): string {
  return stack
    .map((frame) => `  File "${frame.file}", line ${frame.line}, in ${frame.functionName}`)
    .join('\n');
}

/** How the platform's inspector asks an object for its picture. */
export const inspectCustom: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;
