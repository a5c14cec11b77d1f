import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runInThisContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import * as asyncio from 'tsyncio';
import { iscoroutine, run } from 'tsyncio';
import { type WorkerFunction, workerRef } from 'tsyncio/concurrent';
import { type FunctionSpec, isImporting, resolveFunction, specify } from 'tsyncio/concurrent/lowlevel';
import { inWorker } from './in-worker.js';

// biome-ignore lint/suspicious/noExplicitAny: functions of every kind
type Any = any;
type Fn = WorkerFunction<Any[], Any>;

/** The function as a worker would get it. */
function rebuilt(fn: Fn): (...args: Any[]) => Any {
  const made = resolveFunction(structuredClone(specify(fn)));
  assert.equal(typeof made, 'function');
  return made as (...args: Any[]) => Any;
}

function refusal(fn: unknown): string {
  try {
    specify(fn as Fn);
  } catch (error) {
    assert.ok(error instanceof TypeError, String(error));
    return error.message;
  }
  assert.fail('it was not refused');
}

const offset = 3;
const table = [1];

test('specify() takes every kind of function that can stand alone', async () => {
  const holder = {
    short(n: number) {
      return n + 1;
    },
    async asyncShort(n: number) {
      return n + 1;
    },
    *generator(n: number) {
      yield n;
      return n + 1;
    },
    [`comp${'uted'}`](n: number) {
      return n + 1;
    },
    async *[Symbol.iterator]() {},
    'with space'(n: number) {
      return n + 1;
    },
    function(n: number) {
      return n + 1;
    },
    get(n: number) {
      return n + 1;
    },
    async(n: number) {
      return n + 1;
    },
    static(n: number) {
      return n + 1;
    },
  };
  class Klass {
    static bar(n: number) {
      return n + 1;
    }
    baz(n: number) {
      return n + 1;
    }
    static arrow = (n: number) => n + 1;
  }
  const functions: ((n: number) => unknown)[] = [
    (n) => n + 1,
    (n) => n + 1,
    function named(n): number {
      return n <= 0 ? 1 : (named as (n: number) => number)(n - 1) + 1;
    },
    (n, other = n + 1) => other,
    function () {
      // biome-ignore lint/complexity/noArguments: it is what is tested
      return (arguments[0] as number) + 1;
    },
    (...[n]) => n + 1,
    async (n) => n + 1,
    async (n) => n + 1,
    holder.short,
    holder.asyncShort,
    holder.computed as (n: number) => number,
    holder['with space'],
    holder.function,
    holder.get,
    holder.async,
    holder.static,
    Klass.bar,
    new Klass().baz,
    Klass.arrow,
    new Function('n', 'return n + 1') as (n: number) => number,
    new Function('n', 'with ({ n: n + 1 }) return eval("n")') as (n: number) => number,
  ];
  for (const fn of functions) {
    const made = rebuilt(fn);
    assert.notEqual(made, fn);
    assert.equal(made.name, fn.name);
    assert.equal(await made(7), 8, fn.toString());
  }
  const generator = rebuilt(holder.generator)(7) as Generator;
  assert.deepEqual(generator.next(), { value: 7, done: false });
  assert.deepEqual(generator.next(), { value: 8, done: true });
});

test('specify() lets a function use the globals of the language and of Node', async () => {
  const usesGlobals = () =>
    [
      Math.max(1, 2),
      Buffer.from('x').length,
      typeof structuredClone,
      process.pid > 0,
      undefined,
      NaN,
      globalThis,
    ].length;
  assert.equal(rebuilt(usesGlobals)(), 7);
});

test('specify() sees what a function declares itself, in every way', () => {
  const made = rebuilt(function outer({ a = 1, ...rest }: Any, [b] = [2], ...more: Any[]) {
    class Inner {
      #x = a;
      static shared = 10;
      get x(): number {
        return this.#x + Inner.shared;
      }
      has(o: object): boolean {
        return #x in o;
      }
    }
    let sum = b;
    for (const key of Object.keys(rest)) sum += rest[key];
    // biome-ignore lint/correctness/noInnerDeclarations: that it is seen outside of the loop is the point
    for (var i = 0; i < more.length; i++) sum += more[i];
    try {
      throw new Error('x');
    } catch (error) {
      const { message } = error as Error;
      sum += message.length;
    }
    for (;;) {
      break;
    }
    function hoisted(): number {
      return later();
    }
    var later = () => 100;
    const object = { sum, offset: 1, table: 2 };
    return [object.sum, object.offset + object.table, new Inner().x, new Inner().has({}), hoisted(), i];
  });
  assert.deepEqual(made({ a: 5, c: 1, d: 2 }, [4], 1, 1), [4 + 3 + 2 + 1, 3, 15, false, 100, 2]);
});

test('specify() names the free variables, the function, and both ways out', () => {
  function crunch(n: number): number {
    return (table[n] ?? 0) + offset;
  }
  assert.equal(
    refusal(crunch),
    "Cannot run crunch() in a worker: it uses 'table' and 'offset' from outside itself, and a function travels by its " +
      'text alone. Pass them as arguments, or export the function from a module and refer to it there: ' +
      "workerRef(import.meta.url, 'crunch').",
  );
  assert.match(
    refusal(() => offset),
    /^Cannot run the function in a worker: it uses 'offset' from outside.* Pass it as an argument/,
  );
  assert.match(
    refusal((x = offset) => x),
    /'offset'/,
  );
  assert.match(
    refusal(() => ({ offset })),
    /'offset'/,
  );
  assert.match(
    refusal(() => class extends (table as Any) {}),
    /'table'/,
  );
  const write = new Function('return () => { leaked = 1 }')() as Fn;
  assert.match(refusal(write), /'leaked'/);
});

test('specify() does not take for a global what the program has put on globalThis', () => {
  (globalThis as Any).userMade = 1;
  try {
    assert.match(refusal(new Function('return userMade') as Fn), /'userMade'/);
  } finally {
    delete (globalThis as Any).userMade;
  }
});

test('specify() allows asking for the type of a name that nobody has defined', () => {
  const text = "return typeof window === 'undefined'";
  assert.equal(rebuilt(new Function(text) as Fn)(), true);
  assert.match(refusal(new Function(`${text} || window.x`) as Fn), /'window'/);
});

test('specify() tells how to write a recursive arrow function', () => {
  const fib = (n: number): number => (n < 2 ? n : fib(n - 1) + fib(n - 2));
  assert.match(
    refusal(fib),
    /If 'fib' is the function itself, declare it as one: function fib\(…\) \{…\}\.$/,
  );
});

test('specify() refuses what has no text or cannot stand alone, each with its reason', () => {
  class Klass extends Object {
    #secret = 1;
    static make = () => new Klass();
    get value() {
      return 1;
    }
    set value(_: number) {}
    usesThis() {
      return this.value;
    }
    usesSuper() {
      return super.valueOf();
    }
    static usesPrivate(o: Klass) {
      return o.#secret;
    }
    #method() {}
    static privateMethod(o: Klass) {
      return o.#method;
    }
  }
  const { get, set } = Object.getOwnPropertyDescriptor(Klass.prototype, 'value') as Any;
  const wayOut = /Or export the function from a module and refer to it there: workerRef\(/;
  const cases: [unknown, RegExp, RegExp?][] = [
    [Klass, /^Cannot run .*: a class cannot be called\. Wrap it/, /Wrap it in a function/],
    [class {}, /a class cannot be called/, /Wrap/],
    [Klass.usesPrivate.bind(null), /a bound function has no text of its own/],
    [
      Math.sqrt,
      /it is built in, and its text alone cannot run\. Wrap it: .* => Math\.sqrt\(/,
      /Wrap it: .* => Math/,
    ],
    [fetch, /it is built in, .* Wrap it: \(\.\.\.args\) => fetch\(/, /Wrap it/],
    [
      readFileSync,
      /it is readFileSync\(\) of node:fs, .*: workerRef\('node:fs', 'readFileSync'\)$/,
      /workerRef\('node:fs'/,
    ],
    [gzipSync, /it is gzipSync\(\) of node:zlib, /, /workerRef\('node:zlib', 'gzipSync'\)$/],
    [Array.isArray, /Wrap it: \(\.\.\.args\) => Array\.isArray\(/, /Wrap it/],
    [''.trim, /it has no text of its own\. Wrap it in a function/],
    [new Proxy(() => 1, {}), /no text of its own/],
    [get, /it is a getter/],
    [set, /it is a setter/],
    [new Klass().usesThis, /it is a method that uses 'this', and its object does not travel/],
    [new Klass().usesSuper, /it uses 'super'/],
    [Klass.usesPrivate, /it uses the private name #secret of the class/],
    [Klass.privateMethod(new Klass()), /it is a private method/],
    [() => import.meta.url, /it uses import\.meta/],
    [
      function (this: unknown) {
        return () => this;
      }.call(1),
      /it is an arrow function that uses 'this' of the code around it/,
    ],
    [new Function('return () => new.target')(), /it uses 'new\.target' of the function around it/],
    [
      (function () {
        // biome-ignore lint/complexity/noArguments: it is what is tested
        return () => arguments;
      })(),
      /arrow function that uses 'arguments'/,
    ],
    [async function* () {}, /an async generator yields values as it goes/],
  ];
  for (const [fn, reason, out = wayOut] of cases) {
    const message = refusal(fn);
    assert.match(message, reason);
    assert.match(message, out);
  }
  for (const value of [3, null, undefined, {}, 'f', { module: 'a', name: 'b' }]) {
    assert.match(
      refusal(value),
      /^Cannot run .* in a worker: expected a function, or what workerRef\(\) returns$/,
    );
  }
});

test('specify() lets functions inside the function have their own this, super, new.target and private names', () => {
  const made = rebuilt(() => {
    class Base {
      hello() {
        return 'hello';
      }
    }
    class Derived extends Base {
      #p = 1;
      static made = this.name;
      static {
        // biome-ignore lint/complexity/noThisInStatic: whose `this` it is is the point
        this.made += '!';
      }
      override hello() {
        return `${super.hello()} ${this.#p}`;
      }
    }
    function Old(this: Any) {
      this.target = new.target === Old;
    }
    const object = {
      f() {
        return this === object;
      },
    };
    return [new Derived().hello(), Derived.made, new (Old as Any)().target, object.f()];
  });
  assert.deepEqual(made(), ['hello 1', 'Derived!', true, true]);
});

test('specify() supplies what esbuild and TypeScript put outside of functions', async () => {
  // As emitted, since no test compiler emits them all.
  const emitted: [text: string, expected: unknown][] = [
    ['() => { const f = /* @__PURE__ */ __name(() => 1, "renamed"); return f.name; }', 'renamed'],
    ['() => { const f = __name2(() => 1, "renamed"); return f.name; }', 'renamed'],
    ['(a) => __spreadProps(__spreadValues({}, a), { b: 2 })', { a: 1, b: 2 }],
    ['(_a) => { var { a } = _a, rest = __objRest(_a, ["a"]); return { a, rest }; }', { a: 1, rest: {} }],
    ['(a) => __async(this, null, function* () { return yield Promise.resolve(a); })', { a: 1 }],
    [
      'function (a) { return __async(this, null, function* () { return yield Promise.resolve(a); }); }',
      { a: 1 },
    ],
    ['(a) => { class C { constructor() { __publicField(this, "x", 1); } } return new C().x; }', 1],
    ['() => __pow(2, 3)', 8],
    [
      '() => { var _stack = []; try { const x = __using(_stack, null); return 5; } catch (_) { var _error = _, _hasError = true; } finally { __callDispose(_stack, _error, _hasError); } }',
      5,
    ],
    [
      '() => { const env = { stack: [], error: void 0, hasError: false }; try { const x = __addDisposableResource(env, null, false); return 6; } catch (e) { env.error = e; env.hasError = true; } finally { __disposeResources(env); } }',
      6,
    ],
    [
      'async () => { const m = __toESM(require("node:path")); return m.default === m.default && typeof m.join; }',
      'function',
    ],
    ['async () => { const m = __importStar(require("node:path")); return typeof m.join; }', 'function'],
    ['(a) => __awaiter(void 0, void 0, void 0, function* () { return yield a; })', { a: 1 }],
    [
      'async () => { const out = []; for (const x of [1]) out.push(x); var it = __forAwait([2]); out.push((await it.next()).value); return out; }',
      [1, 2],
    ],
  ];
  for (const [text, expected] of emitted) {
    if (text.includes('this') && text.startsWith('(a) => __async(this')) {
      assert.match(refusal(runInThisContext(`(${text})`)), /arrow function that uses 'this'/);
      continue;
    }
    assert.deepEqual(await rebuilt(runInThisContext(`(${text})`))({ a: 1 }), expected, text);
  }
  assert.match(refusal(runInThisContext('() => __noSuchHelper()')), /'__noSuchHelper'/);
});

test('specify() carries a function that coroutine() has wrapped, and it is wrapped again', async () => {
  const double = asyncio.coroutine(function* double(n: number): asyncio.Coro<number> {
    yield;
    return 2 * n;
  });
  const made = rebuilt(double as Fn);
  assert.ok(iscoroutine(made(1)));
  assert.ok(asyncio.iscoroutinefunction(made));
  assert.equal(made.name, 'double');
  assert.equal(await run(async () => await made(21)), 42);
  const uses = asyncio.coroutine(async () => offset);
  assert.match(refusal(uses), /'offset'/);
});

test('specify() gives equal functions one spec, and each function its own for good', () => {
  const specs = [1, 2, 3].map(() => specify((n: number) => n + 1));
  assert.equal(specs[0], specs[1]);
  assert.equal(specs[1], specs[2]);
  const fn = () => 1;
  assert.equal(specify(fn), specify(fn));
  assert.ok(Object.isFrozen(specify(fn)));
});

test('specify() notes the file of who submits, as the base of what the function imports', async () => {
  const spec = specify(async () => (await import('./programs/exports.js')).scale(2)) as FunctionSpec;
  assert.equal(spec.kind === 'source' && spec.base, import.meta.url);
  assert.equal(await (resolveFunction(spec) as () => Promise<number>)(), 6);
  const bare = rebuilt(async () => typeof (await import('tsyncio')).sleep);
  assert.equal(await bare(), 'function');
  const required = rebuilt(new Function("return typeof require('node:fs').readFileSync") as Fn);
  assert.equal(required(), 'function');
});

test('specify() without a file, as at a prompt, lets imports be found from the working directory', async () => {
  const fn = runInThisContext("async () => (await import('./exports.js')).scale(3)") as () => Promise<number>;
  const spec = { ...(specify(fn) as Extract<FunctionSpec, { kind: 'source' }>), base: null };
  const before = process.cwd();
  process.chdir(fileURLToPath(new URL('./programs/', import.meta.url)));
  try {
    assert.equal(await (resolveFunction(spec) as () => Promise<number>)(), 9);
  } finally {
    process.chdir(before);
  }
});

test('resolveFunction() compiles with the place of the text in its file, so that stacks are readable', () => {
  function thrower() {
    throw new Error('found');
  }
  const stackOf = (fn: () => unknown): string => {
    try {
      fn();
    } catch (error) {
      return ((error as Error).stack as string).split('\n')[1] as string;
    }
    return '';
  };
  assert.equal(stackOf(rebuilt(thrower)), stackOf(thrower));
  const inOneLine = () => (undefined as unknown as { x: number }).x;
  assert.equal(stackOf(rebuilt(inOneLine)), stackOf(inOneLine));
  const nowhere = stackOf(rebuilt(new Function('throw new Error("x")') as Fn));
  assert.match(nowhere, /at anonymous \(.*function-spec\.test\.js#anonymous:3:7\)/);
});

test('resolveFunction() gives the same function for the same spec', () => {
  const spec = specify((n: number) => n + 1);
  assert.equal(resolveFunction(structuredClone(spec)), resolveFunction(structuredClone(spec)));
});

test('resolveFunction() finds a function by module and name', async () => {
  const url = new URL('./programs/exports.js', import.meta.url);
  const found = async (name: string, module: string | URL = url) =>
    (await resolveFunction(structuredClone(specify(workerRef(module, name))))) as (...args: Any[]) => Any;
  assert.equal((await found('scale'))(2), 6);
  assert.equal(await (await found('default'))(2), 3);
  assert.equal((await found('Scaler.scale'))(2), 10);
  assert.equal((await found('Scaler.bound'))(2), 10);
  assert.equal((await found('scale', fileURLToPath(url)))(2), 6);
  assert.equal((await found('join', 'node:path'))('a', 'b'), 'a/b');
  assert.equal((await found('default', 'data:text/javascript,export default () => 5'))(), 5);
  assert.equal(typeof (await found('sleep', 'tsyncio')), 'function');
  assert.equal((await found('f', 'data:text/javascript,export default { f: () => 6 }'))(), 6);
});

test('resolveFunction() says what is missing, and what a module exports instead', async () => {
  const url = new URL('./programs/exports.js', import.meta.url).href;
  const failure = async (name: string, module = url) =>
    await Promise.resolve(resolveFunction(specify(workerRef(module, name)))).then(
      () => assert.fail(),
      (error: unknown) => error as Error,
    );
  assert.equal(
    (await failure('missing')).message,
    `Cannot run 'missing' of ${url} in a worker: there is no such export. It exports Scaler, answer, default, scale, wasImporting`,
  );
  assert.match((await failure('Scaler.no')).message, /there is no such export/);
  assert.match((await failure('answer')).message, /it is no function \(its type is number\)/);
  assert.match((await failure('answer.x.y')).message, /there is no such export/);
  assert.match((await failure('Scaler')).message, /a class cannot be called/);
  assert.match((await failure('x', 'data:text/javascript,0')).message, /It exports nothing/);
  assert.equal(
    ((await failure('x', 'file:///no/such.js')) as NodeJS.ErrnoException).code,
    'ERR_MODULE_NOT_FOUND',
  );
  assert.equal(isImporting(), false);
});

test('isImporting() tells the top level of a module that a worker imports', async () => {
  const url = new URL('./programs/exports.js?flag', import.meta.url);
  const resolving = resolveFunction(specify(workerRef(url, 'wasImporting')));
  assert.equal(isImporting(), true);
  const wasImporting = (await resolving) as () => boolean;
  assert.equal(wasImporting(), true);
  assert.equal(isImporting(), false);
});

test('a worker thread runs functions by text and by reference, and sends errors back', async () => {
  assert.equal(await inWorker((a: number, b: number) => a + b, 1, 2), 3);
  assert.equal(await inWorker(async () => (await import('./programs/exports.js')).scale(5)), 15);
  assert.equal(await inWorker(workerRef(new URL('./programs/exports.js', import.meta.url), 'scale'), 5), 15);
  await assert.rejects(
    inWorker(() => {
      throw Object.assign(new RangeError('far', { cause: new TypeError('why') }), { code: 'E_FAR' });
    }),
    (error: Any) => error.code === 'E_FAR' && error.cause instanceof TypeError && error instanceof RangeError,
  );
});
