/** Functions on their way to a worker: by their text, or by the module and name that they are found under. */

import { coroutine } from '../core/index.js';
import { wrappedFunction } from '../core/lowlevel.js';
import { callerFile } from './caller-file.js';
import { type AnyFunction, loadFunction } from './function-loading.js';
import { readFunction } from './function-source.js';
import { needsTsx } from './modules.js';
import { baseOfWorkerRef, isWorkerRef, type WorkerFunction, type WorkerRef } from './worker-ref.js';

/** A function by its text. */
export interface SourceSpec {
  readonly kind: 'source';
  readonly name: string;
  readonly text: string;
  /** The URL of the file that what it imports is found from. */
  readonly base: string | null;
  /** The text is a method's definition, not an expression. */
  readonly method: boolean;
  readonly sloppy: boolean;
  /** Names, besides globals, that must be supplied: what compilers emit calls of, and `require`. */
  readonly needs: readonly string[];
  /** What it imports may be written for tsx. */
  readonly tsx: boolean;
  /** It was wrapped with `coroutine()`. */
  readonly coroutine: boolean;
}

/** A function by the module that exports it. */
export interface ModuleSpec {
  readonly kind: 'module';
  readonly module: string;
  readonly name: string;
  /** The URL of the file that the name of a package is resolved from. */
  readonly base: string | null;
}

/** What a worker needs to know to find or rebuild a function. Plain data, good for structured clone. */
export type FunctionSpec = SourceSpec | ModuleSpec;

const specs = new WeakMap<object, FunctionSpec>();
/** Specs of equal functions are one object: an arrow function in a loop is a new function each time. */
const bySource = new Map<string, SourceSpec>();
const BY_SOURCE_LIMIT = 1000;

/**
 * How a function can be found or rebuilt in a worker.
 *
 * @throws TypeError when it cannot: the message says why, and what to do instead.
 */
export function specify(fn: WorkerFunction<never[], unknown>): FunctionSpec {
  const before = typeof fn === 'function' || isWorkerRef(fn) ? specs.get(fn) : undefined;
  if (before !== undefined) return before;
  const spec = isWorkerRef(fn) ? specifyReference(fn) : specifyFunction(fn as AnyFunction);
  specs.set(fn, spec);
  return spec;
}

function specifyReference(reference: WorkerRef): ModuleSpec {
  const { module, name } = reference;
  return Object.freeze({ kind: 'module', module, name, base: baseOfWorkerRef(reference) });
}

function specifyFunction(fn: AnyFunction): SourceSpec {
  if (typeof fn !== 'function') {
    const shown = process.getBuiltinModule('node:util').inspect(fn, { depth: 0 });
    throw new TypeError(`Cannot run ${shown} in a worker: expected a function, or what workerRef() returns`);
  }
  const inner = wrappedFunction(fn);
  const source = readFunction(inner ?? fn, labelOf(fn));
  const base = callerFile();
  const key = JSON.stringify([fn.name, source.text, base, inner !== null]);
  const equal = bySource.get(key);
  if (equal !== undefined) return equal;
  const spec: SourceSpec = Object.freeze({
    kind: 'source',
    name: fn.name,
    text: source.text,
    base,
    method: source.method,
    sloppy: source.sloppy,
    needs: source.needs,
    tsx: source.importsFiles && base !== null && needsTsx(base),
    coroutine: inner !== null,
  });
  if (bySource.size >= BY_SOURCE_LIMIT) bySource.delete(bySource.keys().next().value as string);
  bySource.set(key, spec);
  return spec;
}

function labelOf(fn: AnyFunction): string {
  const { name } = fn;
  return typeof name === 'string' && name !== '' ? `${name}()` : 'the function';
}

/** The function that a spec stands for, where the core is loaded: see {@link loadFunction}. */
export function resolveFunction(spec: FunctionSpec): AnyFunction | Promise<AnyFunction> {
  return loadFunction(spec, coroutine as unknown as (fn: AnyFunction) => AnyFunction);
}
