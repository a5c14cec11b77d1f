import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as asyncio from 'tsyncio';
import * as futures from 'tsyncio/concurrent';
import { registerErrorClass } from 'tsyncio/concurrent';
import { decodeError, encodeError, type WireError } from 'tsyncio/concurrent/lowlevel';
import fc from '../property.js';

/** There and back, through the bytes that another process would read. */
function travel<T>(error: T): T {
  return decodeError(deserialize(serialize(encodeError(error))) as WireError) as T;
}

const native = [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError];
const ours = [...Object.values(asyncio as object), ...Object.values(futures as object)].filter(
  (value): value is new (message: string) => Error =>
    typeof value === 'function' &&
    (value.prototype as unknown) instanceof Error &&
    !((value.prototype as unknown) instanceof AggregateError),
);

for (const errorClass of [...native, ...ours]) {
  test(`encodeError() keeps a ${errorClass.name}`, () => {
    const error = new errorClass('it failed');
    const arrived = travel(error);
    assert.equal(Object.getPrototypeOf(arrived), errorClass.prototype);
    assert.ok(arrived instanceof errorClass);
    assert.equal(arrived.message, error.message);
    assert.equal(arrived.name, error.name);
    assert.equal(arrived.stack, error.stack);
    assert.deepEqual(Object.keys(arrived), Object.keys(error));
    assert.equal((arrived as { code?: unknown }).code, (error as { code?: unknown }).code);
  });
}

test('encodeError() keeps every exception class of the library: there are some', () => {
  assert.ok(ours.length >= 18, `${ours.length}`);
});

test('encodeError() keeps the args of a cancellation, which stays one', () => {
  const arrived = travel(new asyncio.CancelledError('enough', 3));
  assert.deepEqual(arrived.args, ['enough', 3]);
  assert.ok(asyncio.isCancelledError(arrived));
  assert.equal(travel(new asyncio.SystemExit(3)).exitCode, 3);
});

test('encodeError() keeps a DOMException with name, code and cause', () => {
  const cause = new RangeError('why');
  const error = Object.defineProperty(new DOMException('stop', 'AbortError'), 'cause', { value: cause });
  const arrived = travel(error);
  assert.ok(arrived instanceof DOMException);
  assert.equal(arrived.name, 'AbortError');
  assert.equal(arrived.code, DOMException.ABORT_ERR);
  assert.equal(arrived.stack, error.stack);
  assert.ok(arrived.cause instanceof RangeError);
  assert.equal(
    travel(AbortSignal.timeout(0).reason ?? new DOMException('', 'TimeoutError')).name,
    'TimeoutError',
  );
});

test('encodeError() keeps a WebAssembly error apart from the library’s of that name', () => {
  const { RuntimeError } = (globalThis as unknown as { WebAssembly: { RuntimeError: ErrorConstructor } })
    .WebAssembly;
  const arrived = travel(new RuntimeError('unreachable'));
  assert.ok(arrived instanceof RuntimeError);
  assert.ok(!((arrived as unknown) instanceof asyncio.RuntimeError));
});

test('encodeError() keeps an AggregateError and a nested ExceptionGroup with their parts', () => {
  const shared = new TypeError('shared');
  const aggregate = travel(new AggregateError([shared, 'text', shared], 'several'));
  assert.ok(aggregate instanceof AggregateError);
  assert.equal(aggregate.errors.length, 3);
  assert.equal(aggregate.errors[0], aggregate.errors[2]);
  assert.equal(aggregate.errors[1], 'text');
  assert.deepEqual(Object.keys(aggregate), []);

  const group = travel(
    new asyncio.ExceptionGroup('outer', [
      new asyncio.ExceptionGroup('inner', [new asyncio.ValueError('a')]),
      new Error('b'),
    ]),
  );
  assert.ok(group instanceof asyncio.ExceptionGroup);
  const [mine, rest] = group.split(asyncio.ValueError);
  assert.equal((mine as asyncio.ExceptionGroup<asyncio.ExceptionGroup>).exceptions[0]?.exceptions.length, 1);
  assert.equal(String(rest?.exceptions[0]), 'Error: b');
  const base = travel(new asyncio.BaseExceptionGroup('base', [new asyncio.CancelledError()]));
  assert.ok(asyncio.isBaseException(base));
});

test('encodeError() keeps the code, errno, syscall and path of an error of the system', () => {
  let error: NodeJS.ErrnoException | undefined;
  try {
    readFileSync('/no/such/file');
  } catch (thrown) {
    error = thrown as NodeJS.ErrnoException;
  }
  const arrived = travel(error) as NodeJS.ErrnoException;
  assert.equal(arrived.code, 'ENOENT');
  assert.equal(arrived.errno, error?.errno);
  assert.equal(arrived.syscall, 'open');
  assert.equal(arrived.path, '/no/such/file');
  assert.equal(inspect(arrived), inspect(error));
});

test('encodeError() keeps one of Node’s own errors, its name and its code', () => {
  let error: NodeJS.ErrnoException | undefined;
  try {
    new URL('no url');
  } catch (thrown) {
    error = thrown as NodeJS.ErrnoException;
  }
  const arrived = travel(error) as NodeJS.ErrnoException;
  assert.ok(arrived instanceof TypeError);
  assert.equal(arrived.name, 'TypeError');
  assert.equal(arrived.code, 'ERR_INVALID_URL');
  assert.equal(arrived.stack, error?.stack);
});

test('encodeError() keeps a cause chain of any length', () => {
  let error = new Error('0');
  for (let n = 1; n <= 20_000; n++) error = new Error(String(n), { cause: error });
  let arrived: Error | undefined = travel(error);
  let length = 0;
  for (; arrived !== undefined; arrived = arrived.cause as Error | undefined) length++;
  assert.equal(length, 20_001);
});

test('encodeError() keeps a circle of causes', () => {
  const a = new Error('a');
  const b = new TypeError('b', { cause: a });
  a.cause = b;
  const arrived = travel(a);
  assert.ok(arrived.cause instanceof TypeError);
  assert.equal((arrived.cause as Error).cause, arrived);
  const self = new Error('self');
  self.cause = self;
  const circle = travel(self);
  assert.equal(circle.cause, circle);
});

test('encodeError() keeps errors in own properties, and one error one error', () => {
  const inner = new RangeError('inner');
  const arrived = travel(Object.assign(new Error('outer', { cause: inner }), { inner, at: new Date(0) }));
  assert.ok(arrived.inner instanceof RangeError);
  assert.equal(arrived.inner, arrived.cause);
  assert.deepEqual(arrived.at, new Date(0));
});

test('encodeError() gives an unregistered class its nearest known ancestor and its name', () => {
  class ParseError extends SyntaxError {
    line = 3;
  }
  class NamedError extends asyncio.ValueError {
    override name = 'Named';
  }
  const parse = travel(new ParseError('x'));
  assert.equal(Object.getPrototypeOf(parse), SyntaxError.prototype);
  assert.equal(parse.name, 'ParseError');
  assert.equal(parse.line, 3);
  const named = travel(new NamedError('y'));
  assert.equal(Object.getPrototypeOf(named), asyncio.ValueError.prototype);
  assert.equal(named.name, 'Named');
});

test('encodeError() knows an error of another realm', () => {
  const arrived = travel(runInNewContext('new TypeError("elsewhere")') as TypeError);
  assert.ok(arrived instanceof TypeError);
  assert.equal(arrived.message, 'elsewhere');
});

test('registerErrorClass() brings a class back, without its constructor being called', () => {
  let calls = 0;
  class HttpError extends Error {
    status: number;
    constructor(status: number) {
      super(`status ${status}`);
      this.status = status;
      calls++;
    }
  }
  registerErrorClass(HttpError);
  const error = new HttpError(404);
  const arrived = travel(error);
  assert.ok(arrived instanceof HttpError);
  assert.equal(arrived.status, 404);
  assert.equal(arrived.stack, error.stack);
  assert.equal(calls, 1);
});

test('registerErrorClass() with encode and decode brings back what lies in private fields', () => {
  class SecretError extends Error {
    readonly #secret: string;
    constructor(secret: string) {
      super('secret');
      this.#secret = secret;
    }
    reveal(): string {
      return this.#secret;
    }
  }
  registerErrorClass(SecretError, {
    encode: (error) => error.reveal(),
    decode: (secret) => new SecretError(secret),
  });
  const error = new SecretError('xyzzy');
  error.cause = new Error('why');
  const arrived = travel(new AggregateError([new Error('first', { cause: error }), error]));
  const [first, second] = arrived.errors as [Error, SecretError];
  assert.equal(second.reveal(), 'xyzzy');
  assert.equal(second.stack, error.stack);
  assert.equal((second.cause as Error).message, 'why');
  assert.equal(first.cause, second);
  // The other way round the holder is filled before what it holds is decoded.
  const turned = travel(new AggregateError([error, new Error('holder', { cause: error })])).errors as Error[];
  assert.equal((turned[0] as SecretError).reveal(), 'xyzzy');
  assert.equal(turned[1]?.cause, turned[0]);
});

test('registerErrorClass() survives an encode or a decode that throws', () => {
  class BadError extends Error {}
  registerErrorClass(BadError, {
    encode: () => {
      throw new Error('encode');
    },
  });
  assert.ok(travel(new BadError('x')) instanceof BadError);
  class WorseError extends Error {}
  registerErrorClass(WorseError, {
    encode: () => 1,
    decode: () => {
      throw new Error('decode');
    },
  });
  assert.equal(travel(new WorseError('y')).message, 'y');
});

test('registerErrorClass() on the receiving side is enough for a class that the worker has not registered', () => {
  class LateError extends Error {}
  const wire = encodeError(new LateError('late'));
  registerErrorClass(LateError);
  assert.ok(decodeError(wire) instanceof LateError);
});

test('registerErrorClass() refuses what is no class of errors, and a name that is taken', () => {
  assert.throws(
    () => registerErrorClass(Date as never),
    /expected a subclass of Error, got \[Function: Date\]/,
  );
  const first = class Taken extends Error {};
  const second = class Taken extends TypeError {};
  registerErrorClass(first);
  registerErrorClass(first);
  assert.throws(() => registerErrorClass(second), {
    name: 'ValueError',
    message:
      "Cannot register a class of errors: another one is registered as 'Taken', so give it a name of its own",
  });
  registerErrorClass(second, { name: 'Taken.2' });
  assert.ok(travel(new second('x')) instanceof second);
});

test('encodeError() replaces what cannot be cloned by its picture and keeps the rest', () => {
  const response = { status: 503, headers: { a: 'b' }, on: () => {}, socket: new WeakMap() };
  const error = Object.assign(new Error('failed'), {
    handler: function onFail() {},
    mark: Symbol('mark'),
    pending: new WeakSet(),
    response,
    list: [1, () => 2],
  } as object) as Error & Record<string, unknown>;
  Object.defineProperty(error, 'broken', {
    enumerable: true,
    get() {
      throw new Error('no');
    },
  });
  const arrived = travel(error);
  assert.equal(arrived.handler, '[Function: onFail]');
  assert.equal(arrived.mark, 'Symbol(mark)');
  assert.equal(arrived.pending, 'WeakSet { <items unknown> }');
  assert.equal(arrived.broken, '[a getter that throws]');
  assert.deepEqual(arrived.response, {
    status: 503,
    headers: { a: 'b' },
    on: '[Function: on]',
    socket: 'WeakMap { <items unknown> }',
  });
  assert.deepEqual(arrived.list, [1, '[Function (anonymous)]']);
});

test('encodeError() never throws, whatever the error does', () => {
  const hostile = new Proxy(new Error('x'), {
    get() {
      throw new Error('get');
    },
    ownKeys() {
      throw new Error('ownKeys');
    },
    getPrototypeOf() {
      throw new Error('getPrototypeOf');
    },
  });
  const uninspectable = {
    f() {},
    [inspect.custom]() {
      throw new Error('inspect');
    },
  };
  const badStack = new Error('stack');
  Object.defineProperty(badStack, 'stack', {
    get() {
      throw new Error('stack');
    },
  });
  const badMessage = Object.defineProperty(new Error(), 'message', { value: { toString: null } });
  const deep: { next?: unknown } = {};
  let tail = deep;
  for (let n = 0; n < 100_000; n++) {
    const next = {};
    tail.next = next;
    tail = next;
  }
  tail.next = () => {};
  const frozen = Object.freeze(new Error('frozen'));
  for (const each of [
    hostile,
    uninspectable,
    badStack,
    badMessage,
    frozen,
    Object.assign(new Error('d'), { deep }),
  ]) {
    const arrived = travel(each);
    assert.notEqual(arrived, undefined);
  }
});

test('decodeError() gives thrown values that are no errors', () => {
  for (const value of [undefined, null, 0, 'text', 3n, { a: [1] }, new Map([[1, 2]])]) {
    assert.deepEqual(travel(value), value);
  }
  const arrived = travel<unknown>(Symbol('x'));
  assert.ok(arrived instanceof asyncio.RuntimeError);
  assert.equal(arrived.message, 'a value was thrown that cannot be cloned: Symbol(x)');
});

test('encodeError() → v8 → decodeError() keeps everything', () => {
  const classes = [...native, ...ours.filter((each) => each !== asyncio.CancelledError)];
  const property = fc.oneof(fc.jsonValue(), fc.date({ noInvalidDate: true }), fc.bigInt(), fc.uint8Array());
  const key = fc
    .string({ minLength: 1 })
    .filter((k) => !['message', 'stack', 'name', 'errors', 'cause', '__proto__', 'code', 'args'].includes(k));
  const { error } = fc.letrec((tie) => ({
    error: fc
      .record({
        errorClass: fc.constantFrom(...classes),
        message: fc.string(),
        own: fc.dictionary(key, property),
        code: fc.option(fc.string()),
        name: fc.option(fc.string()),
        parts: fc.option(fc.array(tie('error'), { maxLength: 3 })),
        cause: fc.option(fc.oneof({ maxDepth: 4 }, property, tie('error'))),
      })
      .map(({ errorClass, message, own, code, name, parts, cause }) => {
        const made = parts === null ? new errorClass(message) : new AggregateError(parts, message);
        Object.assign(made, own);
        if (code !== null) Object.assign(made, { code });
        if (name !== null) Object.assign(made, { name });
        if (cause !== null) Object.defineProperty(made, 'cause', { value: cause });
        return made;
      }),
  })) as unknown as { error: fc.Arbitrary<Error> };
  fc.assert(
    fc.property(error, (each) => {
      same(travel(each), each);
    }),
    { numRuns: 100 },
  );
});

/** Equal in class, in every own property, and so on down. */
function same(actual: unknown, expected: unknown): void {
  if (!(expected instanceof Error) || !(actual instanceof Error)) {
    assert.deepEqual(actual, expected);
    return;
  }
  assert.equal(Object.getPrototypeOf(actual), Object.getPrototypeOf(expected));
  const names = (error: Error) => Object.getOwnPropertyNames(error).sort();
  assert.deepEqual(names(actual), names(expected));
  assert.equal(inspect(actual), inspect(expected));
  for (const name of names(expected)) {
    const [mine, theirs] = [actual, expected].map(
      (each) => (each as unknown as Record<string, unknown>)[name],
    );
    const isShown = (each: Error) => Object.prototype.propertyIsEnumerable.call(each, name);
    assert.equal(isShown(actual), isShown(expected), name);
    if (name === 'errors' && Array.isArray(theirs)) {
      for (const [i, part] of theirs.entries()) same((mine as unknown[])[i], part);
    } else {
      same(mine, theirs);
    }
  }
}

test('encodeError() knows an error of another copy of the library by its name and code', () => {
  class Twin extends Error {}
  Object.defineProperty(Twin.prototype, 'name', { value: 'QueueFull' });
  Object.defineProperty(Twin.prototype, 'code', { value: 'ERR_QUEUE_FULL' });
  assert.ok((travel(new Twin('full')) as unknown) instanceof asyncio.QueueFull);
  class Stranger extends Error {}
  Object.defineProperty(Stranger.prototype, 'name', { value: 'QueueFull' });
  Object.defineProperty(Stranger.prototype, 'code', { value: 'E_OTHER' });
  assert.ok(!((travel(new Stranger('full')) as unknown) instanceof asyncio.QueueFull));
});
