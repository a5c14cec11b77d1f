/**
 * The functions that compilers call in what they emit: esbuild's (and so tsx's), TypeScript's, and those of test runners. They lie
 * outside the function that uses them, so a function that travels by its text finds them here, under the same names. TypeScript's own
 * are those of the package tslib, from which most of esbuild's follow.
 */

import type * as TypeScriptHelpers from 'tslib';
import { requireOwn } from './own-packages.js';

type Method = (this: unknown, ...args: unknown[]) => unknown;
type Members = { has(key: object): boolean };
type Resources = Parameters<typeof TypeScriptHelpers.__disposeResources>[0]['stack'];
type Fields = Members & { get(key: object): unknown; set(key: object, value: unknown): unknown };

const tslib = (): typeof TypeScriptHelpers => requireOwn('tslib') as typeof TypeScriptHelpers;

/** One name, two meanings: esbuild's and TypeScript's helpers of that name take other arguments. */
const AMBIGUOUS: ReadonlySet<string> = new Set(['__runInitializers']);

function define(target: object, key: PropertyKey, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}

function brandCheck(object: object, members: Members, attempt: string): void {
  if (!members.has(object)) throw new TypeError(`Cannot ${attempt}`);
}

/** What esbuild makes of `import()` of a CommonJS module. */
function toESM(module: unknown, isNodeMode?: unknown): unknown {
  const from = Object(module ?? {}) as Record<string, unknown>;
  const namespace = Object.create(Object.getPrototypeOf(from) as object) as object;
  if (isNodeMode || !from.__esModule) define(namespace, 'default', module);
  for (const key of Object.getOwnPropertyNames(from)) {
    if (Object.hasOwn(namespace, key)) continue;
    Object.defineProperty(namespace, key, { get: () => from[key], enumerable: true });
  }
  return namespace;
}

function privateGet(object: object, members: Fields, getter?: Method): unknown {
  brandCheck(object, members, 'read from private field');
  return getter === undefined ? members.get(object) : Reflect.apply(getter, object, []);
}

function privateSet(object: object, members: Fields, value: unknown, setter?: Method): unknown {
  brandCheck(object, members, 'write to private field');
  if (setter === undefined) members.set(object, value);
  else Reflect.apply(setter, object, [value]);
  return value;
}

function superGet(cls: object, object: unknown, key: PropertyKey): unknown {
  return Reflect.get(Object.getPrototypeOf(cls) as object, key, object);
}

function superSet(cls: object, object: unknown, key: PropertyKey, value: unknown): unknown {
  Reflect.set(Object.getPrototypeOf(cls) as object, key, value, object);
  return value;
}

const esbuildHelpers: Readonly<Record<string, unknown>> = {
  __name: (target: object, value: string) =>
    Object.defineProperty(target, 'name', { value, configurable: true }),
  __pow: (base: number, exponent: number) => base ** exponent,
  __publicField: (object: object, key: PropertyKey, value: unknown) => {
    define(object, typeof key === 'symbol' ? key : String(key), value);
    return value;
  },
  __spreadValues: (target: object, source: object | null) => {
    for (const key of Reflect.ownKeys(source ?? {})) {
      const value = source as Record<PropertyKey, unknown>;
      if (Object.prototype.propertyIsEnumerable.call(source, key)) define(target, key, value[key]);
    }
    return target;
  },
  __spreadProps: (target: object, source: object) =>
    Object.defineProperties(target, Object.getOwnPropertyDescriptors(source)),
  __objRest: (source: object, excluded: string[]) => tslib().__rest(source, excluded),
  __restKey: (key: unknown) => (typeof key === 'symbol' ? key : String(key)),
  __template: (cooked: string[], raw = cooked.slice()) =>
    Object.freeze(Object.defineProperty(cooked, 'raw', { value: Object.freeze(raw) })),
  __async: (self: unknown, args: unknown, body: Method) => tslib().__awaiter(self, args, Promise, body),
  __forAwait: (source: unknown) => tslib().__asyncValues(source),
  __yieldStar: (source: unknown) => tslib().__asyncDelegator(tslib().__asyncValues(source)),
  __using: (stack: Resources, value: unknown, async: boolean) =>
    tslib().__addDisposableResource({ stack, error: undefined, hasError: false }, value, async),
  __callDispose: (stack: Resources, error: unknown, hasError: unknown) =>
    tslib().__disposeResources({ stack, error, hasError: Boolean(hasError) }),
  __typeError: (message: string) => {
    throw new TypeError(message);
  },
  __earlyAccess: (name: string) => {
    throw new ReferenceError(`Cannot access '${name}' before initialization`);
  },
  __privateIn: (members: Members, object: object) => {
    if (Object(object) !== object) throw new TypeError('Cannot use the "in" operator on this value');
    return members.has(object);
  },
  __privateAdd: (object: object, members: Fields | WeakSet<object>, value: unknown) => {
    if (members.has(object)) throw new TypeError('Cannot add the same private member more than once');
    return members instanceof WeakSet ? members.add(object) : members.set(object, value);
  },
  __privateGet: privateGet,
  __privateSet: privateSet,
  // For what changes a field and is no plain assignment: its `_` stands for the field.
  __privateWrapper: (object: object, members: Fields, setter?: Method, getter?: Method) => ({
    get _(): unknown {
      return privateGet(object, members, getter);
    },
    set _(value: unknown) {
      privateSet(object, members, value, setter);
    },
  }),
  __privateMethod: (object: object, members: Members, method: unknown) => {
    brandCheck(object, members, 'access private method');
    return method;
  },
  __superGet: superGet,
  __superSet: superSet,
  __superWrapper: (cls: object, object: unknown, key: PropertyKey) => ({
    get _(): unknown {
      return superGet(cls, object, key);
    },
    set _(value: unknown) {
      superSet(cls, object, key, value);
    },
  }),
  __toESM: toESM,
};

/** What Istanbul puts before each statement counts there: `cov_1a2b3c().s[0]++`. In a worker it counts for nobody. */
const COUNTER = /^cov_[0-9a-z]+$/;
const counters = (): unknown => ({ s: {}, f: {}, b: new Proxy({}, { get: () => ({}) }) });

/** What Vite, and so Vitest, makes of `import()`; the loader supplies it, as it does `require`. @internal */
export const VITE_IMPORT = '__vite_ssr_dynamic_import__';

/** The variable in which Vite holds a module that was imported, with the names that are read from it. @internal */
export const VITE_MODULE = /^__(?:vite_ssr|vi)_import_\d+__$/;

/** The helper of that name; `undefined` when none is known. A bundler numbers names that occur twice: `__name2`. @internal */
export function compilerHelper(name: string): unknown {
  if (COUNTER.test(name)) return counters;
  if (!name.startsWith('__')) return undefined;
  for (const known of [name, name.replace(/\d+$/, '')]) {
    if (Object.hasOwn(esbuildHelpers, known)) return esbuildHelpers[known];
    if (/^__[a-z]/i.test(known) && !AMBIGUOUS.has(known)) {
      const helper = (tslib() as Record<string, unknown>)[known];
      if (typeof helper === 'function') return helper;
    }
  }
  return undefined;
}
