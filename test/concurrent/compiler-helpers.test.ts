import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import { runInThisContext } from 'node:vm';
import { transformSync } from 'esbuild';
import { resolveFunction, specify } from 'tsyncio/concurrent/lowlevel';

/** A function that uses most of what compilers express by calls of helpers. */
const source = `
async function work(input) {
  const log = [];
  const named = (() => () => 1)();
  class Base { hello() { return 'hello'; } set label(x) { this.labelled = x; } }
  class Klass extends Base {
    static count = 1;
    #secret = 2;
    shown = 3;
    static #calls = 0;
    #add(n) { Klass.#calls++; return this.#secret + n; }
    get #both() { return this.#secret + this.shown; }
    set #both(n) { this.#secret = n; }
    use() { this.#both = 10; this.#secret += 1; return [this.#add(1), this.#both, #secret in this, Klass.#calls]; }
    async hello() { super.label = 'x'; super.label += '!'; return (await super.hello()) + this.labelled; }
    ['comp' + 'uted'] = 4;
  }
  const klass = new Klass();
  const { a, ...rest } = input;
  const merged = { ...rest, b: 2, ...null, [Symbol.for('s')]: 5 };
  const tag = (strings, ...values) => strings.raw.join('|') + values.join();
  async function* values() { yield 1; const got = yield* inner(); yield got; }
  async function* inner() { try { yield await Promise.resolve(2); } finally { log.push('inner ended'); } return 3; }
  const collected = [];
  for await (const value of values()) collected.push(value);
  for await (const value of [4, Promise.resolve(5)]) collected.push(value);
  for await (const value of inner()) { collected.push(value); break; }
  {
    using first = { [Symbol.dispose]() { log.push('first'); } };
    await using second = { async [Symbol.asyncDispose]() { log.push('second'); } };
    log.push('body');
  }
  let failure;
  try {
    using third = { [Symbol.dispose]() { throw new Error('third'); } };
    throw new Error('body');
  } catch (error) { failure = [error.name, error.error?.message, error.suppressed?.message]; }
  let power = 2; power **= 3;
  return {
    named: named(), use: klass.use(), hello: await klass.hello(), computed: klass.computed, count: Klass.count,
    names: [Klass.name, named.name, inner.name], rest, merged, symbol: merged[Symbol.for('s')],
    tagged: tag\`x\${1}\\n\${2}\`, collected, log, failure, power: power ** 2, chain: input?.a?.b ?? 'none',
    logical: (input.c ||= 7), bare: (() => { try { throw 1; } catch { return 'caught'; } })(),
  };
}`;

type Work = (input: Record<string, unknown>) => Promise<unknown>;

for (const keepNames of [true, false]) {
  for (const target of ['es2015', 'es2017', 'es2018', 'es2020', 'es2022', 'node20', 'esnext']) {
    test(`specify() takes what esbuild makes of a function for ${target}${keepNames ? ', with its names' : ''}`, async () => {
      // Node 20 cannot run the \`using\` of esnext.
      const supported: Record<string, boolean> = target === 'esnext' ? { using: false } : {};
      const { code } = transformSync(source, { target, keepNames, supported });
      const work = runInThisContext(`(() => { ${code}; return work; })()`) as Work;
      const spec = specify(work);
      assert.ok(spec.kind === 'source');
      if (target === 'node20') assert.ok(spec.needs.includes('__using'));
      if (keepNames) assert.ok(spec.needs.includes('__name'));
      const rebuilt = resolveFunction(structuredClone(spec)) as Work;
      assert.deepEqual(await rebuilt({ a: 1, c: 0 }), await work({ a: 1, c: 0 }));
    });
  }
}

test('specify() takes what TypeScript makes of a function with using', async () => {
  const work = async (): Promise<string[]> => {
    const log: string[] = [];
    {
      using _first = { [Symbol.dispose]: () => void log.push('first') };
      await using _second = { [Symbol.asyncDispose]: async () => void log.push('second') };
      log.push('body');
    }
    return log;
  };
  const spec = specify(work);
  assert.ok(spec.kind === 'source' && spec.needs.includes('__addDisposableResource'));
  assert.deepEqual(await (resolveFunction(spec) as typeof work)(), ['body', 'second', 'first']);
});

test('specify() takes helpers under the numbers that bundlers give them, and refuses those that nobody knows', () => {
  const numbered = runInThisContext('() => __name2(() => 1, "renamed").name') as () => string;
  assert.equal((resolveFunction(specify(numbered)) as () => string)(), 'renamed');
  for (const text of ['() => __unheardOf()', '() => __runInitializers(1)', '() => __proto__', '() => __()']) {
    assert.throws(() => specify(runInThisContext(text) as () => unknown), /from outside itself/, text);
  }
});

test('specify() takes what Vite makes of import(): packages, files of its root, and others', async () => {
  for (const [specifier, exported] of [
    ['node:os', 'cpus'],
    ['tsyncio/concurrent', 'ThreadPoolExecutor'],
    ['/dist/index.js', 'sleep'],
    [`/@fs${process.cwd()}/dist/index.js`, 'sleep'],
    [`${process.cwd()}/dist/index.js`, 'sleep'],
  ]) {
    const code = `(async () => typeof (await __vite_ssr_dynamic_import__(${JSON.stringify(specifier)})).${exported})`;
    const spec = specify(runInThisContext(code) as () => Promise<string>);
    const rebuilt = resolveFunction(structuredClone(spec)) as () => Promise<string>;
    assert.equal(await (await rebuilt)(), 'function', specifier);
  }
});

test('specify() names what a function imports, also where Vite has renamed it', () => {
  const fn = runInThisContext(
    '((x) => (0,__vite_ssr_import_3__.helper)(x) + __vi_import_0__.other + __vite_ssr_import_4__["default"])',
  ) as (x: number) => number;
  assert.throws(() => specify(fn), {
    name: 'TypeError',
    message: /it uses 'helper', 'other' and '__vite_ssr_import_4__' from outside itself/,
  });
});

test('specify() takes functions with the counters of Istanbul', () => {
  const code = `(function f(n) { cov_1x2y3z().f[0]++; cov_1x2y3z().s[1]++;
    if (n > 1) { cov_1x2y3z().b[0][0]++; return n; } else { cov_1x2y3z().b[0][1]++; return -n; } })`;
  const spec = specify(runInThisContext(code) as (n: number) => number);
  const rebuilt = resolveFunction(structuredClone(spec)) as (n: number) => number;
  assert.deepEqual([rebuilt(2), rebuilt(1)], [2, -1]);
});
