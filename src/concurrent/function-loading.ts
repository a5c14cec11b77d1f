/** Makes functions of what was sent for them: in workers, which load the core only when they need it. */

import type * as Vm from 'node:vm';
import { compilerHelper, VITE_IMPORT } from './compiler-helpers.js';
import type { FunctionSpec, ModuleSpec, SourceSpec } from './function-spec.js';
import { importForFunction, registerTsx } from './modules.js';
import { cannot } from './refusals.js';

export type AnyFunction = (...args: never[]) => unknown;

/** In the worker: what was compiled or imported before, the least recently added dropped first. */
const resolved = new Map<string, AnyFunction>();
const RESOLVED_LIMIT = 1000;

/**
 * The function that a spec stands for; in the worker. A function by its text is compiled at once, unless it needs tsx; a
 * module has to be imported.
 *
 * @param wrap the core's `coroutine()`.
 */
export function loadFunction(
  spec: FunctionSpec,
  wrap: (fn: AnyFunction) => AnyFunction,
): AnyFunction | Promise<AnyFunction> {
  const key = JSON.stringify(
    spec.kind === 'module'
      ? [spec.module, spec.name, spec.base]
      : [spec.name, spec.text, spec.base, spec.coroutine],
  );
  const before = resolved.get(key);
  if (before !== undefined) return before;
  const keep = (fn: AnyFunction): AnyFunction => {
    if (resolved.size >= RESOLVED_LIMIT) resolved.delete(resolved.keys().next().value as string);
    resolved.set(key, fn);
    return fn;
  };
  if (spec.kind === 'module') return lookUp(spec).then(keep);
  return spec.tsx ? registerTsx().then(() => keep(compile(spec, wrap))) : keep(compile(spec, wrap));
}

/** Where code without a file stands, as at a prompt: what it imports is found from the working directory. */
function fallbackBase(): string {
  const folder = process.getBuiltinModule('node:url').pathToFileURL(`${process.cwd()}/`).href;
  return `${folder}[eval]`;
}

function compile(spec: SourceSpec, wrap: (fn: AnyFunction) => AnyFunction): AnyFunction {
  const base = spec.base ?? fallbackBase();
  const head = `(function (${spec.needs.join(', ')}) { ${spec.sloppy ? '' : '"use strict"; '}return ${spec.method ? '({ ' : '('}`;
  const tail = spec.method ? '\n}); })' : '\n); })';
  const place = spec.base === null ? null : placeOf(spec.text, base);
  const factory = evaluate(head + spec.text + tail, {
    // Where the text is found in its file, stacks show the place; else lines count from the function's beginning.
    filename: place === null && spec.base !== null ? `${base}#${encodeURIComponent(spec.name)}` : base,
    lineOffset: place?.line ?? 0,
    columnOffset: (place?.column ?? 0) - head.length,
  }) as (...helpers: unknown[]) => unknown;
  const made = factory(...spec.needs.map((name) => supply(name, base)));
  const fn = (spec.method ? Object.values(made as object)[0] : made) as AnyFunction;
  if (fn.name !== spec.name) Object.defineProperty(fn, 'name', { value: spec.name, configurable: true });
  return spec.coroutine ? wrap(fn) : fn;
}

function supply(name: string, base: string): unknown {
  if (name === 'require') return process.getBuiltinModule('node:module').createRequire(base);
  if (name !== VITE_IMPORT) return compilerHelper(name);
  const load = importFrom(base);
  return (specifier: string) => load(fromVite(specifier));
}

/** Vite names a file from its root, which is the working directory unless it was told otherwise, and one outside by `/@fs/…`. */
function fromVite(specifier: string): string {
  if (!specifier.startsWith('/')) return specifier;
  const path = specifier.replace(/^\/@fs(?=\/)/, '');
  const { existsSync } = process.getBuiltinModule('node:fs');
  const file = path === specifier && !existsSync(path) ? process.cwd() + path : path;
  return process.getBuiltinModule('node:url').pathToFileURL(file).href;
}

let hasImported = false;

/** Runs code in which `import()` resolves names from `filename`, relative ones and those of packages. */
function evaluate(code: string, options: Vm.ScriptOptions): unknown {
  const vm = process.getBuiltinModule('node:vm');
  const importModuleDynamically = vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
  if (!hasImported && code.includes('import')) {
    hasImported = true;
    // Node warns once that this constant is experimental, at the first import(). That is nothing a user could act on.
    const { emitWarning } = process;
    process.emitWarning = () => {};
    try {
      new vm.Script("import('node:vm')", { importModuleDynamically }).runInThisContext();
    } finally {
      process.emitWarning = emitWarning;
    }
  }
  return new vm.Script(code, { ...options, importModuleDynamically }).runInThisContext();
}

/** Where a text stands in a file, counted from 0; `null` where it was compiled into something else, or stands twice. */
function placeOf(text: string, url: string): { line: number; column: number } | null {
  let whole: string;
  try {
    whole = process.getBuiltinModule('node:fs').readFileSync(new URL(url), 'utf8');
  } catch {
    return null;
  }
  const at = whole.indexOf(text);
  if (at < 0 || whole.indexOf(text, at + 1) >= 0) return null;
  const before = whole.slice(0, at).split('\n');
  return { line: before.length - 1, column: (before.at(-1) as string).length };
}

async function lookUp(spec: ModuleSpec): Promise<AnyFunction> {
  const { module, name, base } = spec;
  const isPackage = !module.includes(':');
  const exports = await importForFunction(module, isPackage ? importFrom(base ?? fallbackBase()) : undefined);
  const found = find(exports, name);
  if (found.length === 0) {
    const names = namesOf(exports);
    throw new TypeError(
      `Cannot run '${name}' of ${module} in a worker: there is no such export. ` +
        (names.length === 0 ? 'It exports nothing' : `It exports ${names.join(', ')}`),
    );
  }
  const [fn, owner] = found;
  if (typeof fn !== 'function') {
    const type = fn === null ? 'null' : typeof fn;
    throw new TypeError(
      `Cannot run '${name}' of ${module} in a worker: it is no function (its type is ${type})`,
    );
  }
  if (isClass(fn))
    throw cannot(
      `'${name}' of ${module}`,
      'a class cannot be called. Export a function that makes an instance',
      'none',
    );
  return (owner === undefined ? fn : fn.bind(owner)) as AnyFunction;
}

function importFrom(base: string): (specifier: string) => Promise<Record<string, unknown>> {
  return evaluate('(specifier) => import(specifier)', { filename: base }) as ReturnType<typeof importFrom>;
}

/** The value under a dotted name, and the object that it is a method of; nothing when there is none. */
function find(exports: Record<string, unknown>, name: string): [value?: unknown, owner?: unknown] {
  const [first = '', ...members] = name.split('.');
  let value: unknown;
  if (first in exports) {
    value = exports[first];
    // A CommonJS module that was an ES module shows its default export one level deeper.
    const inner = first === 'default' ? interopDefault(value) : undefined;
    if (inner !== undefined) value = inner;
  } else {
    // A CommonJS module may show its exports on `default` only.
    const { default: all } = exports;
    if (typeof all !== 'object' || all === null || !(first in all)) return [];
    value = (all as Record<string, unknown>)[first];
  }
  let owner: unknown;
  for (const member of members) {
    if (value === null || value === undefined || !(member in Object(value))) return [];
    owner = value;
    value = (value as Record<string, unknown>)[member];
  }
  return owner === undefined ? [value] : [value, owner];
}

function interopDefault(value: unknown): unknown {
  return typeof value === 'object' && value !== null && '__esModule' in value && 'default' in value
    ? value.default
    : undefined;
}

function namesOf(exports: Record<string, unknown>): string[] {
  const all: unknown = exports.default;
  const names = new Set(Object.keys(exports));
  if (typeof all === 'object' && all !== null) for (const name of Object.keys(all)) names.add(name);
  names.delete('module.exports');
  names.delete('__esModule');
  return [...names];
}

/** A class throws when it is called; a constructor function of old does not. */
function isClass(fn: object): boolean {
  return /^class\b/.test(Function.prototype.toString.call(fn));
}
