/**
 * What workers need the core for: calls that wait, errors, context variables. Loading it takes longer than to start a
 * thread without it, so it is imported when a call is the first to need it.
 */

import '../node/lowlevel.js'; // loops need a host
import {
  Coroutine,
  copyContext,
  coroutine,
  getEventLoop,
  isCancelledError,
  iscoroutinefunction,
  type Task,
} from '../core/index.js';
import { cloneableVariable } from '../core/lowlevel.js';
import { encodeError } from './error-transport.js';
import type { AnyFunction } from './function-loading.js';

export { encodeError, isCancelledError, iscoroutinefunction };

/** The values of context variables that travel with a call, by their names. */
export type ContextEntries = readonly (readonly [string, unknown])[];

export function isCoroutine(value: unknown): boolean {
  return value instanceof Coroutine;
}

/** `coroutine(fn)`. */
export function wrap(fn: AnyFunction): AnyFunction {
  return coroutine(fn as () => Generator<undefined>) as AnyFunction;
}

/** Runs `thunk` as a task of the worker's loop. */
export function createTask(thunk: () => unknown, name: string): Task<unknown> {
  return getEventLoop().createTask(thunk as () => PromiseLike<unknown>, { name });
}

/** What an async function awaits to have the outcome of a generator. */
export function asCoroutine(generator: object): Coroutine<unknown> {
  return new Coroutine(generator as never);
}

export function withVariables<T>(entries: ContextEntries, body: () => T): T {
  const context = copyContext();
  return context.run(() => {
    for (const [name, value] of entries) cloneableVariable(name)?.set(value);
    return body();
  });
}
