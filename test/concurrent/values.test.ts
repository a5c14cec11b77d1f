import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import fc from '../property.js';
import 'tsyncio';
import { registerErrorClass, ThreadPoolExecutor, transfer, wait } from 'tsyncio/concurrent';
import { occupy, onEachPool, onSharedPool, thrown } from './each-pool.js';

const echo = (value: unknown) => value;

/** One value of each kind that structured clone knows, and the edges of the simple ones. */
const values: Record<string, unknown> = {
  undefined,
  null: null,
  true: true,
  zero: 0,
  'minus zero': -0,
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  'a fraction': 0.1,
  'a small integer': 2 ** 31,
  'a large integer': Number.MAX_SAFE_INTEGER,
  'the empty string': '',
  'a string': 'text',
  'a string of all planes': 'aäж漢😀\0',
  'a lone surrogate': 'a\ud800b',
  'a lone low surrogate': '\udc00',
  'a long string with a lone surrogate': `${'x'.repeat(1000)}\ud800`,
  'a string larger than a ring': 'xyz'.repeat(100_000),
  'a wide string larger than a ring': `${'ж'.repeat(200_000)}\udfff`,
  bigint: -(2n ** 200n),
  'bigint zero': 0n,
  date: new Date(1234567890123),
  regexp: /a+b/giu,
  map: new Map<unknown, unknown>([
    [{ key: 1 }, 'object'],
    [Number.NaN, -0],
  ]),
  set: new Set([1, 'one', null]),
  'an array with a hole': Object.assign(new Array(3), { 0: 1, 2: 3 }),
  'an array with a property': Object.assign([1], { extra: 2 }),
  object: { a: { b: { c: [null, undefined] } }, '': 1, __proto__x: 2 },
  'an object without prototype': Object.assign(Object.create(null), { a: 1 }),
  'boxed values': [Object(1), Object('s'), Object(true), Object(3n)],
  ArrayBuffer: new Uint8Array([1, 2, 3]).buffer,
  DataView: new DataView(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2),
  Uint8Array: new Uint8Array([1, 2, 255]),
  'a view of a part': new Uint8Array([0, 1, 2, 3]).subarray(1, 3),
  Int16Array: new Int16Array([-1, 2]),
  Float32Array: new Float32Array([0.5, Number.NaN, -0]),
  Float64Array: new Float64Array([0.1]),
  BigInt64Array: new BigInt64Array([-1n]),
  'a large typed array': new Uint32Array(300_000).map((_, n) => n),
};

function same(a: unknown, b: unknown): boolean {
  return (
    isDeepStrictEqual(a, b) &&
    (typeof a !== 'object' || a === null || isDeepStrictEqual(Object.keys(a), Object.keys(b as object)))
  );
}

for (const [name, value] of Object.entries(values)) {
  const expected = structuredClone(value);
  onSharedPool(`${name} arrives equal, as an argument, as a result, and inside an array`, async (pool) => {
    const alone = pool.submit(echo, value);
    const nested = pool.submit(echo, [value, { value }]);
    assert.ok(same(alone.result(), expected), `${String(alone.result()).slice(0, 100)} for ${name}`);
    assert.ok(same(nested.result(), structuredClone([value, { value }])));
    assert.ok(same(await pool.submit(echo, value), expected));
  });
}

onSharedPool('a circle and shared parts arrive as such', (pool) => {
  const circle: { self?: unknown; twice: unknown[] } = { twice: [] };
  const part = { n: 1 };
  circle.self = circle;
  circle.twice = [part, part];
  const arrived = pool.submit(echo, circle).result() as typeof circle;
  assert.equal(arrived.self, arrived);
  assert.equal(arrived.twice[0], arrived.twice[1]);
});

onSharedPool('a Buffer arrives as its bytes', (pool) => {
  const arrived = pool.submit(echo, Buffer.from('äöü')).result() as Uint8Array;
  assert.ok(arrived instanceof Uint8Array);
  assert.equal(Buffer.from(arrived).toString(), 'äöü');
  const back = pool.submit((text: string) => Buffer.from(text), 'äöü').result();
  assert.equal(Buffer.from(back).toString(), 'äöü');
});

onSharedPool('any number of arguments arrives', (pool) => {
  const count = (...args: unknown[]) => args.length;
  for (const n of [0, 1, 10, 31, 32, 100, 5000]) {
    assert.equal(pool.submit(count as never, ...(Array.from({ length: n }, () => 1) as never[])).result(), n);
  }
  const sum = (...args: number[]) => args.reduce((a, b) => a + b, 0);
  assert.equal(pool.submit(sum, 1, 2, 3).result(), 6);
});

onSharedPool('strings around the sizes of slots and rings arrive', (pool) => {
  for (const size of [
    ...Array.from({ length: 40 }, (_, n) => 225 + n),
    1023,
    1024,
    1025,
    8150,
    8190,
    32700,
    32768,
    65536,
  ]) {
    const text = 'ж'.repeat(size);
    assert.equal(pool.submit(echo, text).result(), text, `a string of ${size}`);
    const bytes = new Uint8Array(size).fill(7);
    assert.deepEqual((pool.submit(echo, bytes).result() as Uint8Array).length, size);
  }
});

onSharedPool('what changes after submit() is not seen by the call', (pool) => {
  const { release } = occupy(pool);
  const value = { list: [1, 2] };
  const bytes = new Uint8Array(100_000).fill(1);
  const [first, second] = [pool.submit(echo, value), pool.submit((each: Uint8Array) => each[0], bytes)];
  value.list.push(3);
  bytes.fill(2);
  release();
  assert.deepEqual(first.result(), { list: [1, 2] });
  assert.equal(second.result(), 1);
});

onSharedPool('1 MiB and 64 MiB arrive, both ways', (pool) => {
  for (const size of [2 ** 20, 2 ** 26]) {
    const bytes = new Uint8Array(size);
    bytes[size - 1] = 9;
    const arrived = pool
      .submit((each: Uint8Array) => {
        each[0] = (each.at(-1) as number) + 1;
        return each;
      }, bytes)
      .result() as Uint8Array;
    assert.deepEqual(
      [arrived.length, arrived[0], arrived[size - 1], bytes[0], bytes.length],
      [size, 10, 9, 0, size],
    );
  }
});

onSharedPool(
  'more calls than the shared queue holds, and more results than the ring, while nobody looks',
  (pool) => {
    const { release } = occupy(pool);
    const text = 'x'.repeat(5000);
    const futures = Array.from({ length: 1000 }, (_, n) =>
      pool.submit((prefix: string, each: number) => prefix + each, text, n),
    );
    assert.equal(pool.statistics().queued, 1000);
    release();
    const { done } = wait(futures);
    assert.equal(done.size, 1000);
    for (const [n, future] of futures.entries()) assert.equal(future.result(), text + n);
  },
);

onSharedPool('errors inside values arrive as errors', (pool) => {
  const error = new TypeError('outer', { cause: new RangeError('inner') });
  const arrived = pool.submit(echo, { error }).result() as { error: Error };
  assert.ok(arrived.error instanceof TypeError);
  assert.equal(arrived.error.message, 'outer');
  assert.equal((arrived.error.cause as Error).message, 'inner');
});

onSharedPool('an aggregate error arrives with its errors', (pool) => {
  const error = pool
    .submit(() => {
      throw new AggregateError([new TypeError('first'), new RangeError('second')], 'both');
    })
    .exception() as AggregateError;
  assert.ok(error instanceof AggregateError);
  assert.deepEqual(
    error.errors.map((each) => each.message),
    ['first', 'second'],
  );
});

onSharedPool('an error of a registered class arrives as one', (pool) => {
  class PaintError extends Error {
    readonly colour: string;
    constructor(colour: string) {
      super(`no ${colour}`);
      this.colour = colour;
    }
  }
  registerErrorClass(PaintError);
  const error = pool
    .submit(() => {
      class PaintError extends Error {
        colour = 'red';
      }
      throw new PaintError('no red');
    })
    .exception() as PaintError;
  assert.ok(error instanceof Error);
  assert.deepEqual([error.name, error.message, error.colour], ['PaintError', 'no red', 'red']);
});

// -------------------------------------------------------------------------------------- what cannot be sent

onSharedPool(
  'R-CF-22 N-20 an argument that cannot be cloned is a TypeError at once, with the reason as cause; the pool lives on',
  (pool) => {
    for (const [what, wrong] of Object.entries({
      function: () => 1,
      symbol: Symbol('s'),
      promise: Promise.resolve(),
      weak: new WeakMap(),
      deep: { a: [1, { b: () => 1 }] },
    })) {
      const error = thrown(() => pool.submit(echo, wrong));
      assert.ok(error instanceof TypeError, what);
      assert.match(error.message, /^Cannot send the arguments to a worker: /);
      assert.equal((error.cause as Error).name, 'DataCloneError', what);
    }
    assert.equal(pool.submit(echo, 1).result(), 1);
  },
);

onSharedPool(
  'R-CF-22 N-20 a result that cannot be cloned fails its call with TypeError; the worker lives on',
  (pool) => {
    const before = pool.submit(() => process.pid).result();
    const futures = [
      pool.submit(() => () => 1),
      pool.submit(() => Symbol('s') as never),
      pool.submit(() => ({ deep: [new WeakMap()] })),
      pool.submit(async () => ({ f() {} })),
    ];
    for (const future of futures) {
      const error = future.exception() as Error;
      assert.ok(error instanceof TypeError);
      assert.match(error.message, /^Cannot send the result back: /);
      assert.equal((error.cause as Error).name, 'DataCloneError');
    }
    assert.equal(pool.submit(() => process.pid).result(), before);
  },
);

onSharedPool(
  'R-CF-22 N-20 an error that cannot be cloned arrives all the same, without what cannot',
  (pool) => {
    const error = pool
      .submit(() => {
        throw Object.assign(new RangeError('with a function'), { fn: () => 1, code: 'E_CODE' });
      })
      .exception() as RangeError & { code: string };
    assert.ok(error instanceof RangeError);
    assert.deepEqual([error.message, error.code], ['with a function', 'E_CODE']);
    const thrownFunction = pool.submit(() => {
      throw () => 1;
    });
    assert.ok(thrownFunction.exception() !== null);
    assert.equal(pool.submit(echo, 1).result(), 1);
  },
);

onSharedPool('R-CF-22 a getter of an argument that throws fails the submit only', (pool) => {
  const wrong = {
    get value(): number {
      throw new Error('getter');
    },
  };
  assert.throws(() => pool.submit(echo, wrong));
  const future = pool.submit(() => ({
    get value(): number {
      throw new Error('getter');
    },
  }));
  assert.ok(future.exception() instanceof Error);
  assert.equal(pool.submit(echo, 1).result(), 1);
});

onSharedPool('an invalid date arrives as one', (pool) => {
  assert.ok(Number.isNaN((pool.submit(echo, new Date(Number.NaN)).result() as Date).getTime()));
});

interface Assembly {
  readonly Module: new (bytes: Uint8Array) => object;
}

const emptyModule = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);

onSharedPool(
  'a compiled WebAssembly.Module goes to threads; hidden, or to a process, it fails its call and no other',
  (pool, kind) => {
    const { Module } = (globalThis as unknown as { WebAssembly: Assembly }).WebAssembly;
    const module = new Module(emptyModule);
    const describe = (each: unknown) => Object.prototype.toString.call(each);
    const compile = (bytes: Uint8Array) =>
      new (globalThis as unknown as { WebAssembly: Assembly }).WebAssembly.Module(bytes);
    if (kind.name === 'threads') {
      assert.equal(pool.submit(describe, module).result(), '[object WebAssembly.Module]');
      assert.ok(pool.submit(compile, emptyModule).result() instanceof Module);
    } else {
      assert.throws(() => pool.submit(describe, module), TypeError);
      assert.ok(pool.submit(compile, emptyModule).exception() instanceof TypeError);
    }
    for (const hidden of [{ module }, [1, [module], 2], new Map([[1, module]])]) {
      assert.ok(pool.submit(describe, hidden).exception(30) instanceof TypeError);
      assert.ok(
        pool.submit(describe, { hidden, large: 'x'.repeat(5000) }).exception(30) instanceof TypeError,
      );
    }
    const back = pool.submit((bytes: Uint8Array) => {
      const { Module } = (globalThis as unknown as { WebAssembly: Assembly }).WebAssembly;
      return { module: new Module(bytes) };
    }, emptyModule);
    assert.ok(back.exception(30) instanceof TypeError);
    assert.equal(pool.submit(echo, 1).result(), 1);
  },
);

onEachPool('initargs that cannot be cloned are a TypeError of the constructor', (kind) => {
  const error = thrown(() => kind.make({ initializer: echo, initargs: [() => 1] } as never));
  assert.ok(error instanceof TypeError);
  assert.equal((error.cause as Error).name, 'DataCloneError');
});

test('shared memory and ports cannot go to processes: a TypeError says so', async () => {
  const { ProcessPoolExecutor } = await import('tsyncio/concurrent');
  const pool = new ProcessPoolExecutor({ maxWorkers: 1 });
  assert.throws(() => pool.submit(echo, new SharedArrayBuffer(4)), TypeError);
  const result = pool.submit(() => new SharedArrayBuffer(4));
  assert.ok(result.exception() instanceof TypeError);
  await pool.shutdownAsync();
});

// --------------------------------------------------------------------------------------- sharing and moving

test('SharedArrayBuffer is shared with threads: as an argument, inside one, as a result, and in initargs', async () => {
  const inside = new Int32Array(new SharedArrayBuffer(8));
  const pool = new ThreadPoolExecutor({
    maxWorkers: 1,
    initializer: (words: Int32Array) => void Atomics.store(words, 1, 5),
    initargs: [inside],
  } as never);
  const write = (target: { words: Int32Array }, value: number) => {
    Atomics.store(target.words, 0, value);
    return target.words;
  };
  const back = pool.submit(write, { words: inside }, 7).result();
  assert.deepEqual([...inside], [7, 5]);
  assert.equal(back.buffer.constructor, SharedArrayBuffer);
  Atomics.store(back, 0, 8);
  assert.equal(inside[0], 8);
  await pool.shutdownAsync();
});

onEachPool(
  'transfer() of an argument: moved to a thread, unusable here; copied to a process',
  async (kind) => {
    const pool = kind.make({ maxWorkers: 1 });
    const bytes = new Uint8Array(2 ** 20).fill(3);
    const future = pool.submit((each: Uint8Array) => [each.length, each.at(-1)], transfer(bytes));
    assert.equal(bytes.length, kind.name === 'threads' ? 0 : 2 ** 20);
    assert.deepEqual(future.result(), [2 ** 20, 3]);
    await pool.shutdownAsync();
  },
);

onEachPool(
  'transfer() of a result: moved from a thread, whose own is detached; copied from a process',
  async (kind) => {
    const pool = kind.make({ maxWorkers: 1 });
    const make = async (size: number) => {
      const { transfer } = await import('tsyncio/concurrent');
      const bytes = new Uint8Array(size).fill(4);
      (globalThis as { kept?: Uint8Array }).kept = bytes;
      return transfer(bytes);
    };
    const kept = () => (globalThis as { kept?: Uint8Array }).kept?.length;
    assert.deepEqual(pool.submit(make, 2 ** 20).result().length, 2 ** 20);
    assert.equal(pool.submit(kept).result(), kind.name === 'threads' ? 0 : 2 ** 20);
    assert.equal((await pool.submit(make, 8)).length, 8);
    await pool.shutdownAsync();
  },
);

test('transfer() of what holds memory names it: the list moves, the rest is copied', async () => {
  const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
  const picture = { width: 2, pixels: new Uint8Array([1, 2, 3]) };
  assert.throws(() => transfer(picture), TypeError);
  assert.throws(() => transfer(1 as never), TypeError);
  const future = pool.submit(
    (each: { width: number; pixels: Uint8Array }) => each.width + each.pixels.length,
    transfer(picture, [picture.pixels.buffer]),
  );
  assert.equal(picture.pixels.length, 0);
  assert.equal(future.result(), 5);
  await pool.shutdownAsync();
});

test('transfer() of a MessagePort: the thread and this one can talk', async () => {
  const { MessageChannel } = await import('node:worker_threads');
  const { port1, port2 } = new MessageChannel();
  const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
  const heard = new Promise((resolve) => port1.once('message', resolve));
  pool.submit((port: import('node:worker_threads').MessagePort) => {
    port.postMessage('from the thread');
    port.close();
  }, transfer(port2));
  assert.equal(await heard, 'from the thread');
  await pool.shutdownAsync();
});

test('transfer() of memory that was moved already is refused, and the pool lives on', async () => {
  const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
  const bytes = transfer(new Uint8Array(100));
  pool.submit(echo, bytes).result();
  assert.throws(() => pool.submit(echo, bytes), TypeError);
  assert.equal(pool.submit(echo, 1).result(), 1);
  await pool.shutdownAsync();
});

// --------------------------------------------------------------------------------------------- any text

onSharedPool('any string arrives, as any value of UTF-16', (pool) => {
  const units = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 600 });
  fc.assert(
    fc.property(units, (codes) => {
      const text = String.fromCharCode(...codes);
      assert.equal(pool.submit((each: string) => each, text).result(), text);
    }),
    { numRuns: 100 },
  );
});
