/** References to functions of modules: how a worker is told which function to run when its text is not enough. */

import { callerFile } from './caller-file.js';

/** A function that can run in another thread or process: by its text, or by reference to a module's export. */
export type WorkerFunction<A extends readonly unknown[], T> =
  | ((...args: A) => T | PromiseLike<T>)
  | WorkerRef<A, T>;

/**
 * A reference to a function that a module exports, made by {@link workerRef}. Every pool takes it where it takes a
 * function.
 */
export interface WorkerRef<A extends readonly unknown[] = unknown[], T = unknown> {
  /** The URL of the module, or the name of a package or of a module of Node's. */
  readonly module: string;
  /** The export: `'default'`, or dotted for a method, as in `'Image.resize'`. */
  readonly name: string;
  /** Never there: carries the types. */
  readonly __sig?: (...args: A) => T;
}

/** The references that {@link workerRef} made, each with the file that package names are resolved from. */
const references = new WeakMap<object, string | null>();

/**
 * A reference to a function of a module, as Python pickles functions: by name. The worker imports the module and calls
 * what it finds, so the function may use everything that its module has. Give the function as `fn` for its types.
 *
 * `module` is `import.meta.url`, another `file:` or `data:` URL, an absolute path, or the name of a package. `name` is the
 * export: `'default'`, or `'Class.method'` for a static method, which is called on its class.
 *
 * @throws TypeError when the module is a relative path, or the name could not be that of an export.
 *
 * @example
 * ```ts no-run
 * import { workerRef } from 'tsyncio/concurrent';
 *
 * const factor = 2;
 * export function scale(n: number): number {
 *   return factor * n; // `factor` is the module's: by its text alone the function could not run elsewhere
 * }
 * export const scaleInWorker = workerRef(import.meta.url, 'scale', scale);
 * ```
 */
export function workerRef<A extends readonly unknown[], T>(
  module: string | URL,
  name: string,
  fn: (...args: A) => T | PromiseLike<T>,
): WorkerRef<A, T>;
export function workerRef<A extends readonly unknown[] = unknown[], T = unknown>(
  module: string | URL,
  name: string,
): WorkerRef<A, T>;
export function workerRef<A extends readonly unknown[], T>(
  module: string | URL,
  name: string,
  fn?: (...args: A) => T | PromiseLike<T>,
): WorkerRef<A, T> {
  const url = moduleUrl(module);
  if (typeof name !== 'string' || name === '' || name.split('.').includes('')) {
    throw new TypeError(
      `Cannot make a worker reference: expected the name of an export, such as 'crunch', 'default' or 'Class.method', got ${show(name)}`,
    );
  }
  if (fn !== undefined && typeof fn !== 'function') {
    throw new TypeError(
      `Cannot make a worker reference to '${name}': its third argument is there for its types and must be the function, got ${show(fn)}`,
    );
  }
  const reference: WorkerRef<A, T> = Object.freeze({ module: url, name });
  references.set(reference, url.includes(':') ? null : callerFile());
  return reference;
}

/** Whether `value` was made by {@link workerRef}. */
export function isWorkerRef(value: unknown): value is WorkerRef {
  return typeof value === 'object' && value !== null && references.has(value);
}

/** The file that a reference's package name is resolved from. @internal */
export function baseOfWorkerRef(reference: WorkerRef): string | null {
  return references.get(reference) ?? null;
}

/** A `file:`, `data:` or `node:` URL, or the name of a package. */
function moduleUrl(module: string | URL): string {
  const text = module instanceof URL ? module.href : module;
  if (typeof text !== 'string' || text === '') {
    throw refused(module, 'expected import.meta.url, another URL, an absolute path or the name of a package');
  }
  if (process.getBuiltinModule('node:path').isAbsolute(text)) {
    return process.getBuiltinModule('node:url').pathToFileURL(text).href;
  }
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    if (/^\.{1,2}(?:[/\\]|$)/.test(text)) {
      throw refused(
        text,
        `nothing says where a relative path starts: write new URL('${text}', import.meta.url), or import.meta.url for the module itself`,
      );
    }
    if (!/^(?:#|@[^/\s]+\/[^/\s]|[^@#/\s.])\S*$/.test(text))
      throw refused(text, 'no package can be named so');
    return text;
  }
  if (scheme === 'node' || scheme === 'data') return text;
  if (scheme !== 'file')
    throw refused(text, `a worker imports from file:, data: and node: only, not from ${scheme}:`);
  if (!URL.canParse(text)) throw refused(text, 'it is not a valid URL');
  return new URL(text).href;
}

function refused(module: unknown, why: string): TypeError {
  return new TypeError(`Cannot make a worker reference to ${show(module)}: ${why}`);
}

function show(value: unknown): string {
  return process.getBuiltinModule('node:util').inspect(value, { depth: 0 });
}
