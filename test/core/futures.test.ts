import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import * as asyncio from 'tsyncio';
import { TestLoop } from 'tsyncio/testing';
import { both, cancelArgs, isError, thrown, thrownBy } from './both-kinds.js';

const { InvalidStateError, CancelledError, RuntimeError } = asyncio;

/** Runs what is scheduled on a loop that is not running, iteration by iteration. */
function runOnce(loop: TestLoop): void {
  loop.runSync(
    (function* (): asyncio.Coro<void> {
      yield;
    })(),
  );
}

function makeLoop(): TestLoop {
  return new TestLoop();
}

const finals: readonly [string, (future: asyncio.Future<number>) => void][] = [
  ['a result', (future) => future.setResult(1)],
  ['an exception', (future) => future.setException(new Error('boom'))],
  ['a cancellation', (future) => future.cancel('stop')],
];

test('R-FUT-01 a future begins pending, and nothing leaves a final state', () => {
  const loop = makeLoop();
  for (const [, complete] of finals) {
    const future = loop.createFuture<number>();
    assert.equal(future.done(), false);
    assert.equal(future.cancelled(), false);
    complete(future);
    const before = String(future);
    assert.equal(future.done(), true);
    thrownBy(() => future.setResult(2));
    thrownBy(() => future.setException(new Error('other')));
    assert.equal(future.cancel('other'), false);
    assert.equal(String(future), before);
    if (!future.cancelled()) future.exception();
  }
  loop.close();
});

test('R-FUT-02 result() and exception() of a pending future raise InvalidStateError', () => {
  const future = makeLoop().createFuture();
  isError(
    thrownBy(() => future.result()),
    InvalidStateError,
    'Result is not ready.',
  );
  isError(
    thrownBy(() => future.exception()),
    InvalidStateError,
    'Exception is not set.',
  );
});

test('R-FUT-03 a cancelled future raises CancelledError with its message, each time a new one', () => {
  const future = makeLoop().createFuture();
  future.cancel('why');
  const first = thrownBy(() => future.result());
  const second = thrownBy(() => future.exception());
  assert.deepEqual(cancelArgs(first), ['why']);
  assert.deepEqual(cancelArgs(second), ['why']);
  assert.notEqual(first, second);
});

both(
  'R-FUT-03 of a cancelled task the first retrieval raises the very object, later ones new ones without the message',
  function* ({ wait, go }) {
    let seen: unknown;
    const task = asyncio.createTask(
      go(function* () {
        seen = yield* thrown(wait(asyncio.sleep(9)));
        throw seen;
      }),
    );
    yield* wait(asyncio.sleep(0));
    task.cancel('why');
    yield* wait(asyncio.wait([task]));
    assert.equal(
      thrownBy(() => task.result()),
      seen,
    );
    assert.deepEqual(cancelArgs(seen), ['why']);
    assert.deepEqual(cancelArgs(thrownBy(() => task.result())), []);
    assert.deepEqual(cancelArgs(thrownBy(() => task.exception())), []);
  },
);

both(
  'R-FUT-03 so does a task that was cancelled before its first step, or that was delivered a noted request',
  function* ({ wait, go, loop }) {
    const unstarted = asyncio.createTask(go(function* () {}));
    unstarted.cancel('why');
    const noted = asyncio.createTask(
      go(function* () {
        asyncio.currentTask()!.cancel('why');
        yield* wait(loop.createFuture());
      }),
    );
    yield* wait(asyncio.wait([unstarted, noted]));
    for (const task of [unstarted, noted]) {
      const args = Array.from({ length: 3 }, () => cancelArgs(thrownBy(() => task.result())));
      assert.deepEqual(args, [['why'], [], []]);
    }
  },
);

both('R-FUT-03 a task that returns under a request keeps the message', function* ({ wait, go }) {
  const task = asyncio.createTask(
    go(function* () {
      asyncio.currentTask()!.cancel('why');
    }),
  );
  yield* wait(asyncio.wait([task]));
  const args = Array.from({ length: 3 }, () => cancelArgs(thrownBy(() => task.result())));
  assert.deepEqual(args, [['why'], ['why'], ['why']]);
});

test('R-FUT-04 exception() of a successful future is null', () => {
  const future = makeLoop().createFuture<string>();
  future.setResult('value');
  assert.equal(future.exception(), null);
  assert.equal(future.result(), 'value');
});

test('R-FUT-04 exception() gives, and result() throws, the very object that was set, every time', () => {
  const future = makeLoop().createFuture();
  const error = new Error('boom');
  future.setException(error);
  for (let i = 0; i < 2; i++) {
    assert.equal(future.exception(), error);
    assert.equal(
      thrownBy(() => future.result()),
      error,
    );
  }
});

for (const [what, complete] of finals) {
  test(`R-FUT-05 setResult() and setException() raise InvalidStateError after ${what}`, () => {
    const future = makeLoop().createFuture<number>();
    complete(future);
    isError(
      thrownBy(() => future.setResult(2)),
      InvalidStateError,
    );
    isError(
      thrownBy(() => future.setException(new Error())),
      InvalidStateError,
    );
    if (!future.cancelled()) future.exception();
  });
}

test('R-FUT-05 a second setResult() names the future and leaves the first result', () => {
  const future = makeLoop().createFuture<number>();
  future.setResult(1);
  isError(
    thrownBy(() => future.setResult(2)),
    InvalidStateError,
    'Cannot set the result: <Future finished result=1> is done',
  );
  assert.equal(future.result(), 1);
});

test('R-FUT-06 cancel() of a pending future cancels it, schedules the callbacks and gives true', () => {
  const loop = makeLoop();
  const future = loop.createFuture();
  const calls: unknown[] = [];
  future.addDoneCallback((done) => calls.push(done));
  assert.equal(future.cancel(), true);
  assert.equal(future.cancelled(), true);
  assert.deepEqual(calls, []);
  runOnce(loop);
  assert.equal(calls.length, 1);
  assert.equal(calls[0], future);
});

test('R-FUT-06 cancel() of a done future gives false and changes nothing', () => {
  const loop = makeLoop();
  for (const [, complete] of finals) {
    const future = loop.createFuture<number>();
    complete(future);
    const before = String(future);
    assert.equal(future.cancel('late'), false);
    assert.equal(String(future), before);
  }
  loop.close();
});

for (const [what, complete] of finals) {
  test(`R-FUT-07 after ${what} each callback has its own place in the ready queue, in the order of registration`, () => {
    const loop = makeLoop();
    const future = loop.createFuture<number>();
    const order: string[] = [];
    future.addDoneCallback(() => order.push('first'));
    future.addDoneCallback(() => {
      order.push('second');
      throw new Error('one callback fails');
    });
    future.addDoneCallback(() => order.push('third'));
    const messages: unknown[] = [];
    loop.setExceptionHandler((_, context) => void messages.push(context.message));
    loop.callSoon(() => {
      complete(future);
      assert.equal(order.length, 0, 'no callback runs inside the completion');
      loop.callSoon(() => order.push('after'));
    });
    runOnce(loop);
    runOnce(loop);
    assert.deepEqual(order, ['first', 'second', 'third', 'after']);
    assert.equal(messages.length, 1);
    if (!future.cancelled()) future.exception();
  });
}

test('R-FUT-08 addDoneCallback() on a done future schedules the callback at once', () => {
  const loop = makeLoop();
  const future = loop.createFuture<number>();
  future.setResult(1);
  const order: string[] = [];
  future.addDoneCallback(() => order.push('callback'));
  loop.callSoon(() => order.push('later'));
  assert.deepEqual(order, []);
  runOnce(loop);
  assert.deepEqual(order, ['callback', 'later']);
});

test('R-FUT-09 setException() instantiates an error class', () => {
  class Mine extends Error {}
  for (const errorClass of [Error, Mine, RuntimeError]) {
    const future = makeLoop().createFuture();
    future.setException(errorClass);
    isError(future.exception(), errorClass);
  }
});

test('R-FUT-09 setException() takes any other value as it is: there is no StopIteration to forbid', () => {
  const plainFunction = () => 1;
  for (const value of [5, 'text', false, { done: true, value: 3 }, plainFunction, Symbol.iterator]) {
    const future = makeLoop().createFuture();
    future.setException(value);
    assert.equal(future.exception(), value);
    assert.equal(
      thrownBy(() => future.result()),
      value,
    );
  }
});

test('R-FUT-10 removeDoneCallback() removes every registration of the callback and counts them', () => {
  const loop = makeLoop();
  const future = loop.createFuture<number>();
  const calls: string[] = [];
  const twice = () => calls.push('twice');
  const once = () => calls.push('once');
  future.addDoneCallback(twice);
  future.addDoneCallback(once);
  future.addDoneCallback(twice);
  assert.equal(
    future.removeDoneCallback(() => {}),
    0,
  );
  assert.equal(future.removeDoneCallback(twice), 2);
  assert.equal(future.removeDoneCallback(twice), 0);
  future.setResult(1);
  runOnce(loop);
  assert.deepEqual(calls, ['once']);
});

test('R-FUT-10 removeDoneCallback() does not reach a callback that is scheduled already', () => {
  const loop = makeLoop();
  const future = loop.createFuture<number>();
  const calls: string[] = [];
  const callback = () => calls.push('called');
  future.addDoneCallback(callback);
  future.setResult(1);
  assert.equal(future.removeDoneCallback(callback), 0);
  runOnce(loop);
  assert.deepEqual(calls, ['called']);
});

test('R-FUT-11 callbacks may register and remove callbacks while they are called', () => {
  const loop = makeLoop();
  const future = loop.createFuture<number>();
  const order: string[] = [];
  const last = () => order.push('last');
  future.addDoneCallback(() => {
    order.push('first');
    future.removeDoneCallback(last);
    future.addDoneCallback(() => order.push('added'));
  });
  future.addDoneCallback(last);
  future.setResult(1);
  runOnce(loop);
  runOnce(loop);
  assert.deepEqual(order, ['first', 'last', 'added']);
});

test('R-FUT-11 a subclass whose callback list changes while callbacks are scheduled loses none', () => {
  const loop = makeLoop();
  const future = loop.createFuture<number>();
  const order: number[] = [];
  const callbacks = Array.from({ length: 5 }, (_, i) => () => order.push(i));
  for (const callback of callbacks) future.addDoneCallback(callback);
  for (const callback of callbacks.slice(1, 4)) future.removeDoneCallback(callback);
  future.setResult(1);
  runOnce(loop);
  assert.deepEqual(order, [0, 4]);
});

test('R-FUT-12 a callback gets the future as its only argument', () => {
  const loop = makeLoop();
  const future = loop.createFuture<number>();
  const calls: unknown[][] = [];
  future.addDoneCallback((...args: unknown[]) => calls.push(args));
  future.setResult(1);
  runOnce(loop);
  assert.equal(calls.length, 1);
  assert.equal(calls[0]?.length, 1);
  assert.equal(calls[0]?.[0], future);
});

both(
  'R-FUT-12 a callback runs in the context of its registration, or in the one given',
  function* ({ wait, loop }) {
    const variable = new asyncio.ContextVar<string>('variable');
    const seen: string[] = [];
    const future = loop.createFuture<number>();
    const given = new asyncio.Context();
    given.run(() => variable.set('given'));
    variable.set('registered');
    future.addDoneCallback(() => seen.push(variable.get()));
    future.addDoneCallback(() => seen.push(variable.get()), { context: given });
    variable.set('completed');
    future.setResult(1);
    yield* wait(asyncio.sleep(0));
    assert.deepEqual(seen, ['registered', 'given']);
  },
);

both('R-FUT-13 awaiting a done future takes no iteration, as often as one likes', function* ({ wait, loop }) {
  const future = loop.createFuture<string>();
  future.setResult('value');
  let other = false;
  const handle = loop.callSoon(() => {
    other = true;
  });
  assert.equal(yield* wait(future), 'value');
  assert.equal(yield* wait(future), 'value');
  assert.equal(other, false);
  handle.cancel();
});

both(
  'R-FUT-13 awaiting a failed future throws its exception without an iteration',
  function* ({ wait, loop }) {
    const future = loop.createFuture<string>();
    const error = new Error('boom');
    future.setException(error);
    let other = false;
    const handle = loop.callSoon(() => {
      other = true;
    });
    assert.equal(yield* thrown(wait(future)), error);
    assert.equal(other, false);
    handle.cancel();
  },
);

test('R-FUT-13 the iterator of a pending future yields the future itself, with its blocking flag set', () => {
  const future = makeLoop().createFuture<string>();
  const iterator = future[Symbol.iterator]();
  assert.equal(future._asyncioFutureBlocking, false);
  const step = iterator.next();
  assert.equal(step.done, false);
  assert.equal(step.value, future);
  assert.equal(future._asyncioFutureBlocking, true);
  future.setResult('value');
  assert.deepEqual(iterator.next(), { value: 'value', done: true });
});

test('R-FUT-14 resuming the iterator while the future is pending raises RuntimeError', () => {
  const iterator = makeLoop().createFuture()[Symbol.iterator]();
  iterator.next();
  isError(
    thrownBy(() => iterator.next()),
    RuntimeError,
    "await wasn't used with future",
  );
});

test('R-FUT-15 what is thrown into the iterator comes out of it', () => {
  const future = makeLoop().createFuture();
  const iterator = future[Symbol.iterator]();
  iterator.next();
  const error = new Error('in');
  assert.equal(
    thrownBy(() => iterator.throw(error)),
    error,
  );
  assert.equal(future.done(), false);
});

test('R-FUT-15 the iterator can be closed, before and after its first step', () => {
  const future = makeLoop().createFuture();
  const unstarted = future[Symbol.iterator]();
  assert.deepEqual(unstarted.return('bye' as never), { value: 'bye', done: true });
  const started = future[Symbol.iterator]();
  started.next();
  assert.deepEqual(started.return('bye' as never), { value: 'bye', done: true });
  assert.equal(future.done(), false);
});

both('R-FUT-16 new Future() belongs to the running loop, and getLoop() gives it', function* ({ loop }) {
  assert.equal(new asyncio.Future().getLoop(), loop);
  assert.equal(loop.createFuture().getLoop(), loop);
  const other = makeLoop();
  assert.equal(new asyncio.Future({ loop: other }).getLoop(), other);
});

test('R-FUT-16 new Future() outside any loop belongs to the loop that setEventLoop() named', () => {
  const loop = makeLoop();
  asyncio.setEventLoop(loop);
  try {
    assert.equal(new asyncio.Future().getLoop(), loop);
  } finally {
    asyncio.setEventLoop(null);
  }
});

test('R-FUT-17 a subclass cannot be used before its base constructor has run', () => {
  class Careless extends asyncio.Future<number> {
    // biome-ignore lint/correctness/noUnreachableSuper: the mistake that this test is about
    constructor() {
      // @ts-expect-error super() has not been called: the mistake that this test is about
      this.setResult(1);
      super();
    }
  }
  isError(
    thrownBy(() => new Careless()),
    ReferenceError,
  );
});

both(
  'R-FUT-17 a subclass with state of its own is awaited as any other future',
  { debug: false },
  function* ({ wait, loop }) {
    class Counted extends asyncio.Future<string> {
      asked = 0;
      override done(): boolean {
        this.asked += 1;
        return super.done();
      }
    }
    const future = new Counted({ loop });
    loop.callSoon(() => future.setResult('value'));
    assert.equal(yield* wait(future), 'value');
    assert.equal(future.done(), true);
    assert.ok(future.asked > 0);
    assert.equal(String(future), "<Counted finished result='value'>");
  },
);

test('R-FUT-18 isfuture() asks for the protocol, not for the class', () => {
  const loop = makeLoop();
  assert.equal(asyncio.isfuture(loop.createFuture()), true);
  assert.equal(asyncio.isfuture({ _asyncioFutureBlocking: false }), true);
  for (const value of [null, undefined, 1, 'future', {}, [], Promise.resolve(), () => 1, asyncio.Future]) {
    assert.equal(asyncio.isfuture(value), false, inspect(value));
  }
  assert.equal(asyncio.isfuture({ _asyncioFutureBlocking: null }), false);
});

/** A future of another make: it has the protocol, and shares no code with ours. */
class Duck<T> {
  _asyncioFutureBlocking = false;
  readonly #inner: asyncio.Future<T>;

  constructor(loop: asyncio.EventLoop) {
    this.#inner = loop.createFuture<T>();
  }
  getLoop = () => this.#inner.getLoop();
  done = () => this.#inner.done();
  cancelled = () => this.#inner.cancelled();
  result = () => this.#inner.result();
  exception = () => this.#inner.exception();
  cancel = (message?: unknown) => this.#inner.cancel(message);
  setResult = (result: T) => this.#inner.setResult(result);
  setException = (error: unknown) => this.#inner.setException(error);
  addDoneCallback(callback: (future: this) => void, options?: asyncio.ContextOption): void {
    this.#inner.addDoneCallback(() => callback(this), options);
  }
  removeDoneCallback = () => 0;
  *[Symbol.iterator](): asyncio.Coro<T> {
    if (!this.done()) {
      this._asyncioFutureBlocking = true;
      yield this as asyncio.FutureLike<T>;
    }
    return this.result();
  }
  get then(): PromiseLike<T>['then'] {
    return this.#inner.then;
  }
}

both(
  'R-FUT-18 a future of another make is awaited by a generator',
  { only: 'generator' },
  function* ({ loop }) {
    const duck = new Duck<string>(loop);
    loop.callSoon(() => duck.setResult('quack'));
    assert.equal(yield* duck, 'quack');
    const failing = new Duck<string>(loop);
    const error = new Error('boom');
    loop.callSoon(() => failing.setException(error));
    assert.equal(yield* thrown(failing), error);
  },
);

both(
  'R-FUT-18 cancelling a task that awaits a future of another make cancels that',
  function* ({ wait, go, loop }) {
    const duck = new Duck<string>(loop);
    const task = asyncio.createTask(function* () {
      return yield* duck;
    });
    yield* wait(asyncio.sleep(0));
    task.cancel('enough');
    assert.deepEqual(cancelArgs(yield* thrown(wait(task))), ['enough']);
    assert.equal(duck.cancelled(), true);
    assert.equal(
      yield* wait(
        asyncio.createTask(
          go(function* () {
            return 'goes on';
          }),
        ),
      ),
      'goes on',
    );
  },
);

both(
  'R-FUT-18 a future of another make takes part in gather(), wait(), shield() and ensureFuture()',
  function* ({ wait, loop }) {
    const ducks = [new Duck<number>(loop), new Duck<number>(loop)] as const;
    assert.equal(asyncio.ensureFuture(ducks[0]), ducks[0]);
    const gathered = asyncio.gather(ducks);
    const shielded = asyncio.shield(ducks[0]);
    const waited = asyncio.createTask(asyncio.wait(ducks));
    yield* wait(asyncio.sleep(0));
    ducks[0].setResult(1);
    ducks[1].setResult(2);
    assert.deepEqual(yield* wait(gathered), [1, 2]);
    assert.equal(yield* wait(shielded), 1);
    const [done, pending] = yield* wait(waited);
    assert.deepEqual([done.size, pending.size], [2, 0]);
  },
);

test('R-FUT-22 toString() shows the state, and the value or the exception', () => {
  const loop = makeLoop();
  const future = loop.createFuture<unknown>();
  assert.equal(String(future), '<Future pending>');
  assert.equal(inspect(future), '<Future pending>');
  future.setResult({ a: 1 });
  assert.equal(String(future), '<Future finished result={ a: 1 }>');
  const failed = loop.createFuture();
  failed.setException(new asyncio.ValueError('bad'));
  assert.equal(String(failed), "<Future finished exception=ValueError('bad')>");
  failed.exception();
  const cancelled = loop.createFuture();
  cancelled.cancel();
  assert.equal(String(cancelled), '<Future cancelled>');
});

test('R-FUT-22 toString() spells out at most two callbacks', () => {
  const future = makeLoop().createFuture();
  const names = ['one', 'two', 'three', 'four'];
  const shown: string[] = [];
  for (const name of names) {
    future.addDoneCallback(Object.defineProperty(() => {}, 'name', { value: name }));
    shown.push(String(future));
  }
  assert.match(shown[0]!, /^<Future pending cb=\[one\(\)( at .+)?\]>$/);
  assert.match(shown[1]!, /^<Future pending cb=\[one\(\)[^,]*, two\(\)[^,]*\]>$/);
  assert.match(shown[2]!, /^<Future pending cb=\[one\(\)[^,]*, <1 more>, three\(\)[^,]*\]>$/);
  assert.match(shown[3]!, /^<Future pending cb=\[one\(\)[^,]*, <2 more>, four\(\)[^,]*\]>$/);
});

test('R-FUT-22 toString() of a future that holds itself ends', () => {
  const loop = makeLoop();
  const future = loop.createFuture<unknown>();
  future.setResult([future]);
  assert.match(String(future), /^<Future finished result=\[.*\.\.\..*\]>$/);
  const a = loop.createFuture<unknown>();
  const b = loop.createFuture<unknown>();
  a.setResult(b);
  b.setResult(a);
  assert.ok(String(a).length < 1000);
});

test('R-FUT-23 the stack of an exception is that of its making, however often it is thrown', () => {
  const future = makeLoop().createFuture();
  const error = new Error('boom');
  const { stack } = error;
  future.setException(error);
  for (let i = 0; i < 3; i++) thrownBy(() => future.result());
  assert.equal(error.stack, stack);
});

both('R-FUT-23 an exception that travels through tasks keeps its stack', function* ({ wait, go }) {
  const error = new Error('boom');
  const { stack } = error;
  const inner = asyncio.createTask(
    go(function* () {
      throw error;
    }),
  );
  const outer = asyncio.createTask(
    go(function* () {
      yield* wait(inner);
    }),
  );
  assert.equal(yield* thrown(wait(outer)), error);
  inner.exception();
  assert.equal(error.stack, stack);
});

test('a future in debug mode remembers where it was made', () => {
  const loop = makeLoop();
  assert.equal(loop.createFuture().sourceTraceback, null);
  loop.setDebug(true);
  try {
    const future = loop.createFuture();
    assert.ok(future.sourceTraceback!.length > 0);
    assert.match(String(future), /^<Future pending created at .*futures\.test\.[jt]s:\d+>$/);
  } finally {
    loop.setDebug(false);
  }
});

test('addDoneCallback() refuses what is no function', () => {
  const future = makeLoop().createFuture();
  isError(
    thrownBy(() => future.addDoneCallback(null as never)),
    TypeError,
    'Cannot add a done callback: expected a function, got null',
  );
});

test('CancelledError of a cancelled future has no arguments when no message was given', () => {
  const future = makeLoop().createFuture();
  future.cancel();
  const error = thrownBy(() => future.result());
  assert.deepEqual(cancelArgs(error), []);
  assert.equal((error as InstanceType<typeof CancelledError>).message, '');
});
