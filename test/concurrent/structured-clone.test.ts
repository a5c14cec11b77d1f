/** Arguments and results arrive as structured clone delivers them, whichever way they go: as scalars, JSON, bytes or copies of memory. */

import assert from 'node:assert/strict';
import fc from '../property.js';
import { onSharedPool, type Pool } from './each-pool.js';

const identity = <T>(value: T): T => value;

/** There and back: two clones. */
function roundTrip<T>(pool: Pool, value: T): T {
  return pool.submit(identity, value).result(60) as T;
}

function assertCloned(pool: Pool, value: unknown): void {
  assert.deepStrictEqual(roundTrip(pool, value), structuredClone(structuredClone(value)));
}

class Point {
  x = 1;
  readonly #hidden = 2;
  get sum(): number {
    return this.x + this.#hidden;
  }
}

const withExtra = Object.assign([1, 2], { extra: true });
const own = JSON.parse('{"__proto__": {"a": 1}, "b": 2}') as object;

const values: Readonly<Record<string, unknown>> = {
  'plain data': { id: 1, name: 'Ada', tags: ['a', 'b'], nested: { on: true, none: null }, list: [[], {}] },
  'the negative zero': { zero: -0, list: [-0] },
  'numbers that JSON does not know': [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  'undefined properties and items': { a: undefined, b: [undefined] },
  holes: Object.assign(new Array(3), { 0: 1, 2: 3 }),
  'an array with properties': withExtra,
  'a match': /(?<first>b)/.exec('abc'),
  'an instance of a class': new Point(),
  'no prototype': Object.assign(Object.create(null), { a: 1 }),
  'a key __proto__': own,
  'keys in any order': { z: 1, 2: 'two', a: 3, 1: 'one' },
  'symbols as keys': { [Symbol('s')]: 1, a: 2 },
  'hidden properties': Object.defineProperty({ a: 1 }, 'b', { value: 2, enumerable: false }),
  'a getter': {
    get a() {
      return 7;
    },
  },
  'lone surrogates, and what JSON escapes': { text: '\ud800 \udc00 \u2028 "quoted" \\ \0 é 漢 😀' },
  'many control characters': { text: '\u0001'.repeat(1500) },
  'a long text': { text: 'long '.repeat(1000) },
  'many objects': Array.from({ length: 100 }, (_, n) => ({ n })),
  'a big integer': { big: 2n ** 70n },
  'a date, a map, a set, a pattern, an error': [new Date(5), new Map([[1, { a: 2 }]]), new Set(['a']), /a/g],
  boxed: [Object(1), Object('text'), Object(false)],
  'a boxed text without its class': Object.setPrototypeOf(Object('text'), Object.prototype),
  'small memory': new Uint8Array([1, 2, 3]),
  'large memory': new Uint8Array(100_000).fill(3),
  'a view of large memory': new Float64Array(new ArrayBuffer(400_000), 80, 20_000).fill(1.5),
  'a buffer': Buffer.alloc(70_000, 'abc'),
  'memory beside data': { bytes: new Uint8Array(50_000).fill(1), name: 'bytes' },
};

for (const [name, value] of Object.entries(values)) {
  onSharedPool(`a value arrives as structured clone delivers it: ${name}`, (pool) => {
    assertCloned(pool, value);
  });
}

onSharedPool('two references to an object arrive as such, and circles as circles', (pool) => {
  const shared = { a: 1 };
  const twice = roundTrip(pool, { first: shared, second: [shared] });
  assert.equal(twice.first, twice.second[0]);
  const circle: { self?: unknown } = {};
  circle.self = circle;
  const round = roundTrip(pool, circle);
  assert.equal(round.self, round);
  const [a, b] = pool.submit((...args: unknown[]) => args, shared, shared).result(60) as unknown[];
  assert.equal(a, b);
});

/** Any data but invalid dates, which assert calls unequal to themselves. */
const anything = fc.anything({
  values: [
    fc.boolean(),
    fc.integer(),
    fc.double(),
    fc.bigInt(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom(null, undefined),
    fc.date({ noInvalidDate: true }),
  ],
  withBoxedValues: true,
  withMap: true,
  withSet: true,
  withNullPrototype: true,
  withSparseArray: true,
  withTypedArray: true,
  maxDepth: 4,
});

onSharedPool('any data arrives as structured clone delivers it', (pool) => {
  fc.assert(
    fc.property(fc.array(anything, { maxLength: 4 }), (args) => {
      const arrived = pool.submit((...each: unknown[]) => each, ...args).result(60);
      assert.deepStrictEqual(arrived, structuredClone(structuredClone(args)));
    }),
    { numRuns: 500 },
  );
});

onSharedPool('an invalid date arrives as one', (pool) => {
  const { date } = roundTrip(pool, { date: new Date(Number.NaN) });
  assert(date instanceof Date);
  assert.equal(date.getTime(), Number.NaN);
});

onSharedPool('what structured clone refuses is refused: functions, symbols, proxies', (pool) => {
  for (const value of [{ f() {} }, [Symbol('s')], new Proxy({ a: 1 }, {}), { p: new Proxy([1], {}) }]) {
    assert.throws(() => pool.submit(identity, value), /Cannot send the arguments/);
  }
  assert.deepEqual(roundTrip(pool, { a: 1 }), { a: 1 });
});

onSharedPool('what the caller changes after submit() is not seen by the call', (pool) => {
  const data = { list: [1, 2] };
  const memory = new Uint8Array(100_000).fill(1);
  const futures = [pool.submit(identity, data), pool.submit(identity, memory)] as const;
  data.list.push(3);
  memory.fill(2);
  assert.deepEqual(futures[0].result(60), { list: [1, 2] });
  assert.equal((futures[1].result(60) as Uint8Array)[99_999], 1);
  assert.equal(memory.length, 100_000);
});
