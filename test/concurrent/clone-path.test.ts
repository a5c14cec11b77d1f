import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import { test } from 'node:test';
import { serialize } from 'node:v8';
import { ProcessPoolExecutor } from 'tsyncio/concurrent';
import { describeUncloneable } from 'tsyncio/concurrent/lowlevel';
import fc from '../property.js';

/** What is said of a value that cannot be cloned, which is made sure of first. */
function said(value: unknown, clone: (value: unknown) => unknown = structuredClone): string | null {
  try {
    clone(value);
  } catch (error) {
    return describeUncloneable(value, error, 'args');
  }
  assert.fail('it can be cloned');
}

test('describeUncloneable() gives the path and the kind', () => {
  assert.equal(said([{ handlers: { onClick: () => {} } }]), 'args[0].handlers.onClick is a function');
  assert.equal(said([1, { 'a b': [Symbol('x')] }]), 'args[1]["a b"][0] is a symbol');
  assert.equal(
    said(() => {}),
    'args is a function',
  );
  assert.equal(said([class {}]), 'args[0] is a class');
  assert.equal(describeUncloneable([() => {}], undefined), 'value[0] is a function');
});

test('describeUncloneable() knows every kind that is never cloned', async () => {
  const { proxy } = Proxy.revocable({}, {});
  const kinds: [unknown, RegExp][] = [
    [new WeakMap(), /is a WeakMap$/],
    [new WeakSet(), /is a WeakSet$/],
    [new WeakRef({}), /is a WeakRef$/],
    [Promise.resolve(), /is a promise: await it first$/],
    [(function* () {})(), /is a generator: collect/],
    [(async function* () {})(), /is a generator/],
    [new Map().keys(), /is an iterator$/],
    [[].values(), /is an? .*Iterator.*, which cannot be cloned$/],
    [await import('node:path'), /is the namespace of a module$/],
    [
      (function (..._: unknown[]) {
        // biome-ignore lint/complexity/noArguments: it is what is tested
        return arguments;
      })(1),
      /is an 'arguments' object/,
    ],
    [proxy, /is a Proxy$/],
    [Object(Symbol('x')), /is a symbol$/],
    [new Intl.NumberFormat(), /is a NumberFormat, which cannot be cloned$/],
    [new FinalizationRegistry(() => {}), /is a FinalizationRegistry, which cannot be cloned$/],
    [globalThis, /^args\[0\]\.deep.* is /],
  ];
  for (const [value, expected] of kinds) {
    const text = said([{ deep: value }]);
    assert.match(text ?? 'null', expected);
    assert.match(text ?? 'null', /^args\[0\]\.deep/);
  }
});

test('describeUncloneable() tells what can only be transferred', () => {
  const { port1, port2 } = new MessageChannel();
  assert.equal(
    said([{ port1 }]),
    'args[0].port1 is a MessagePort, which can only be transferred: wrap it in transfer()',
  );
  port1.close();
  port2.close();
  const buffer = new ArrayBuffer(8);
  structuredClone(buffer, { transfer: [buffer] });
  assert.equal(said([buffer]), 'args[0] is a detached ArrayBuffer: it was transferred before');
});

test('describeUncloneable() looks into maps, sets, causes, arrays with properties and instances', () => {
  class Klass {
    #hidden = () => {};
    shown = { f() {} };
    get(): unknown {
      return this.#hidden;
    }
  }
  assert.equal(said([new Map([['k', () => {}]])]), "args[0].get('k') is a function");
  assert.equal(said([new Map([[{}, () => {}]])]), 'args[0]<value 0> is a function');
  assert.equal(said([new Map([[() => {}, 1]])]), 'args[0]<key 0> is a function');
  assert.equal(said([new Set([1, () => {}])]), 'args[0]<item 1> is a function');
  assert.equal(said([new Error('x', { cause: { f() {} } })]), 'args[0].cause.f is a function');
  assert.equal(said([Object.assign([1], { f() {} })]), 'args[0].f is a function');
  assert.equal(said([new Klass()]), 'args[0].shown.f is a function');
});

test('describeUncloneable() leaves alone what structured clone does not look at', () => {
  const value = [
    Object.defineProperty({}, 'hidden', { value: () => {} }),
    { [Symbol('x')]: () => {} },
    Object.create({ inherited() {} }),
    Object.assign(new Error('x'), { own() {} }),
    Object.assign(new Map(), { own() {} }),
    Object.assign(new Uint8Array(2), { own() {} }),
    Object.assign(new Date(), { own() {} }),
    new Proxy([], {}),
  ];
  assert.equal(said(value), 'args[7] is a Proxy');
});

test('describeUncloneable() names a getter that throws, and what it throws', () => {
  const value = {
    get total(): number {
      throw new RangeError('no rows');
    },
  };
  assert.equal(said([[value]]), 'args[0][0].total is a getter that throws RangeError: no rows');
});

test('describeUncloneable() holds for circles and for any depth', () => {
  const circle: Record<string, unknown> = {};
  circle.self = [circle, { circle }];
  circle.f = () => {};
  assert.equal(said([circle]), 'args[0].f is a function');

  const deep: Record<string, unknown> = {};
  let tail = deep;
  for (let n = 0; n < 100_000; n++) {
    const next = {};
    tail.next = next;
    tail = next;
  }
  assert.equal(
    said([deep]),
    `args[0]${'.next'.repeat(5)}…${'.next'.repeat(6)} is nested 100001 levels deep, which is too deep to clone`,
  );
  tail.f = () => {};
  assert.equal(said([deep]), `args[0]${'.next'.repeat(5)}…${'.next'.repeat(5)}.f is a function`);
});

test('describeUncloneable() finds what only processes refuse, when it was written for one', () => {
  const shared = new SharedArrayBuffer(8);
  assert.equal(
    said([{ shared }], serialize),
    'args[0].shared is a SharedArrayBuffer, which cannot be cloned',
  );
  assert.match(
    said([createSecretKey(Buffer.from('x'))], serialize) ?? '',
    /^args\[0\] is a \w+, which cannot be cloned$/,
  );
});

test('a view of shared memory is refused by a pool of processes with its path', () => {
  using pool = new ProcessPoolExecutor({ maxWorkers: 1 });
  const memory = new SharedArrayBuffer(8);
  for (const view of [new Uint8Array(memory), new Float64Array(memory), new DataView(memory)]) {
    assert.throws(() => pool.submit((value: object) => String(value), { rows: [view] }), {
      name: 'TypeError',
      message:
        `Cannot send the arguments to a worker: args[0].rows[0] is a ${view.constructor.name} ` +
        'over shared memory, which a process cannot share: send a copy of it',
    });
  }
});

test('describeUncloneable() gives null when it finds nothing', () => {
  assert.equal(describeUncloneable([1, { a: 'b' }, new Date()], new Error('something else')), null);
});

test('describeUncloneable() finds a function wherever it is', () => {
  const path = fc.array(fc.oneof(fc.string({ minLength: 1 }), fc.nat({ max: 5 })), {
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(path, fc.jsonValue(), (steps, other) => {
      let value: unknown = () => {};
      for (const step of [...steps].reverse()) {
        value =
          typeof step === 'number'
            ? [...Array.from({ length: step }, () => other), value]
            : Object.defineProperty({ '': other }, step, { value, enumerable: true });
      }
      const text = said(value) as string;
      assert.ok(text.endsWith(' is a function'));
      const read = new Function('args', `return ${text.replace(' is a function', '')}`);
      assert.equal(typeof read(value), 'function');
    }),
  );
});
