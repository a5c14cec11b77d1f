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
  if (typeof value === 'string') return `'${clip(value.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n'))}'`;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return `<function ${functionName(value as () => unknown)}>`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (value instanceof Error) return errorRepr(value);
  if (depth > 2) return Array.isArray(value) ? '[...]' : '{...}';
  if (Array.isArray(value)) {
    const shown = value.slice(0, 6).map((item) => repr(item, depth + 1));
    if (value.length > 6) shown.push('...');
    return `[${shown.join(', ')}]`;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) {
    const entries = Object.entries(value);
    const shown = entries.slice(0, 4).map(([key, item]) => `${key}: ${repr(item, depth + 1)}`);
    if (entries.length > 4) shown.push('...');
    return shown.length === 0 ? '{}' : `{ ${shown.join(', ')} }`;
  }
  if (typeof value.toString === 'function' && value.toString !== Object.prototype.toString) return clip(String(value));
  return `<${value.constructor?.name ?? 'object'}>`;
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

/** Where the caller of the library stands, oldest frame first: kept in debug mode by handles, futures and tasks. @internal */
export function extractStack(): readonly StackFrame[] {
  const frames = parseStack(new Error().stack);
  return frames
    .filter((frame) => frame.functionName !== 'extractStack')
    .slice(0, DEBUG_STACK_DEPTH)
    .reverse();
}

/** `file:line` of the newest frame. @internal */
export function formatOrigin(stack: readonly StackFrame[]): string {
  const newest = stack.at(-1);
  return newest === undefined ? '' : `${newest.file}:${newest.line}`;
}

/** The lines of a stack, as Python prints one. @internal */
export function formatStack(stack: readonly StackFrame[]): string {
  return stack.map((frame) => `  File "${frame.file}", line ${frame.line}, in ${frame.functionName}`).join('\n');
}

/** How the platform's inspector asks an object for its picture. @internal */
export const inspectCustom: symbol = Symbol.for('nodejs.util.inspect.custom');
