import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { TestLoop } from 'tsyncio/testing';
import { both, cancelArgs, isError, thrown, thrownBy, ticker } from './both-kinds.js';

const { CancelledError, ValueError } = asyncio;

// --------------------------------------------------------------------------------------------------- gather

both('R-GAT-01 gather() of nothing is done at once, with an empty array', function* ({ wait, loop }) {
  const future = asyncio.gather([]);
  assert.equal(future.done(), true);
  assert.equal(future.getLoop(), loop);
  assert.deepEqual(yield* wait(future), []);
});

both('R-GAT-02 gather() makes futures of its arguments in order', function* ({ wait, go }) {
  const order: number[] = [];
  const child = (n: number) =>
    go(function* () {
      order.push(n);
    });
  yield* wait(asyncio.gather([child(1), child(2), child(3)]));
  assert.deepEqual(order, [1, 2, 3]);
});

both('R-GAT-02 gather() refuses futures of another loop than the first one’s', function* ({ loop }) {
  const elsewhere = new TestLoop();
  isError(
    thrownBy(() => asyncio.gather([loop.createFuture(), elsewhere.createFuture()])),
    ValueError,
  );
  elsewhere.close();
});

test('R-GAT-02 gather() belongs to the loop of its first future', () => {
  const loop = new TestLoop();
  const first = loop.createFuture<number>();
  const outer = asyncio.gather([first]);
  assert.equal(outer.getLoop(), loop);
  first.setResult(1);
  assert.deepEqual(loop.runSync(outer), [1]);
  loop.close();
});

both('gather() refuses what is no iterable of awaitables', function* ({ loop }) {
  isError(
    thrownBy(() => asyncio.gather(loop.createFuture() as never)),
    TypeError,
    /expects an iterable of awaitables, not <Future pending/,
  );
  isError(
    thrownBy(() => asyncio.gather(5 as never)),
    TypeError,
    /expects an iterable of awaitables, not 5/,
  );
  isError(
    thrownBy(() => asyncio.gather([5 as never])),
    TypeError,
    /awaitable/,
  );
  isError(
    thrownBy(() => asyncio.gather([[loop.createFuture()] as never])),
    TypeError,
    /an array: spread it, or gather it/,
  );
});

both(
  'R-GAT-03 gather() runs an object that is given twice once, and shows its result twice; a function runs each time',
  function* ({ wait, go, define }) {
    let runs = 0;
    const once = define(function* () {
      runs += 1;
      return runs;
    });
    const coroutine = once();
    const thunk = go(function* () {
      runs += 1;
      return runs;
    });
    assert.deepEqual(yield* wait(asyncio.gather([coroutine, thunk, coroutine, thunk])), [1, 2, 1, 3]);
    assert.equal(runs, 3);
  },
);

both('R-GAT-04 gather() gives the results in the order of the arguments', function* ({ wait }) {
  const results = yield* wait(
    asyncio.gather([asyncio.sleep(3, 'slow'), asyncio.sleep(1, 'quick'), asyncio.sleep(2, 'middling')]),
  );
  assert.deepEqual(results, ['slow', 'quick', 'middling']);
});

both(
  'R-GAT-05 the first failure completes gather() at once; the others go on, and later failures are retrieved',
  function* ({ wait, go, loop }) {
    const failing = (delay: number) =>
      loop.createTask(
        go(function* () {
          yield* wait(asyncio.sleep(delay));
          throw new Error(`after ${delay}`);
        }),
      );
    const [late, first, steady] = [failing(3), failing(1), loop.createTask(asyncio.sleep(2, 'fine'))];
    const error = yield* thrown(wait(asyncio.gather([late, first, steady])));
    isError(error, Error, 'after 1');
    assert.equal(loop.time(), 1);
    assert.deepEqual([late.done(), steady.done()], [false, false]);
    assert.equal(yield* wait(steady), 'fine');
    // That nobody reports the other failure, this test's end sees to.
    yield* wait(asyncio.wait([late]));
  },
);

both(
  'R-GAT-06 a cancelled child makes gather() fail with CancelledError; its siblings go on',
  function* ({ wait, loop }) {
    const [a, b] = [loop.createFuture<string>(), loop.createFuture<string>()];
    const outer = asyncio.gather([a, b]);
    a.cancel('only a');
    assert.deepEqual(cancelArgs(yield* thrown(wait(outer))), ['only a']);
    assert.equal(outer.cancelled(), false);
    assert.ok(outer.exception() instanceof CancelledError);
    assert.equal(b.done(), false);
    b.setResult('unharmed');
  },
);

both(
  'R-GAT-07 with returnExceptions, what the children throw stands in the array',
  function* ({ wait, go, loop }) {
    const boom = new Error('boom');
    const failing = go(function* () {
      yield* wait(asyncio.sleep(1));
      throw boom;
    });
    const [silent, told] = [loop.createFuture(), loop.createFuture()];
    silent.cancel();
    told.cancel('told');
    const results = yield* wait(
      asyncio.gather([asyncio.sleep(2, 'fine'), failing, silent, told], { returnExceptions: true }),
    );
    assert.equal(results[0], 'fine');
    assert.equal(results[1], boom);
    assert.deepEqual(cancelArgs(results[2]), ['']);
    assert.deepEqual(cancelArgs(results[3]), ['told']);
  },
);

both(
  'R-GAT-08 cancelling gather() cancels every child, and the future is not done before they are',
  function* ({ wait, go, loop }) {
    const ends: string[] = [];
    const child = (name: string) =>
      loop.createTask(
        go(function* () {
          try {
            yield* wait(asyncio.sleep(9));
          } catch (error) {
            ends.push(`${name} ${cancelArgs(error)[0]}`);
            yield* wait(asyncio.sleep(1));
            throw error;
          }
        }),
      );
    const done = loop.createFuture<void>();
    done.setResult();
    const outer = asyncio.gather([child('a'), child('b'), done]);
    yield* wait(asyncio.sleep(0));
    assert.equal(outer.cancel('stop'), true);
    assert.equal(outer.done(), false);
    assert.deepEqual(cancelArgs(yield* thrown(wait(outer))), ['stop']);
    assert.deepEqual(ends, ['a stop', 'b stop']);
    assert.equal(loop.time(), 1);
    assert.equal(outer.cancel(), false);
    yield* wait(asyncio.sleep(1));
  },
);

both(
  'R-GAT-08 a task that waits for gather() passes its cancellation on to the children',
  function* ({ wait, go, loop }) {
    const child = loop.createTask(asyncio.sleep(9));
    const waiter = loop.createTask(
      go(function* () {
        yield* wait(asyncio.gather([child]));
      }),
    );
    yield* wait(asyncio.sleep(0));
    waiter.cancel();
    yield* wait(asyncio.wait([waiter]));
    assert.deepEqual([waiter.cancelled(), child.cancelled()], [true, true]);
  },
);

for (const returnExceptions of [false, true]) {
  both(
    `R-GAT-09 a cancelled gather() ends with CancelledError even if its children do not (returnExceptions: ${returnExceptions})`,
    function* ({ wait, go, loop }) {
      const stubborn = loop.createTask(
        go(function* () {
          try {
            yield* wait(asyncio.sleep(9));
          } catch {
            return 'went on';
          }
          return 'undisturbed';
        }),
      );
      const outer = asyncio.gather([stubborn], { returnExceptions });
      yield* wait(asyncio.sleep(0));
      assert.equal(outer.cancel(), true);
      assert.ok((yield* thrown(wait(outer))) instanceof CancelledError);
      assert.equal(stubborn.result(), 'went on');
      assert.equal(outer.cancelled(), false);
    },
  );
}

both(
  'R-GAT-10 cancelling gather() after a failure completed it cancels nothing',
  function* ({ wait, go, loop }) {
    const other = loop.createTask(asyncio.sleep(1));
    const outer = asyncio.gather([
      go(function* () {
        throw new Error('boom');
      }),
      other,
    ]);
    isError(yield* thrown(wait(outer)), Error, 'boom');
    assert.equal(outer.cancel(), false);
    yield* wait(other);
    assert.equal(other.cancelled(), false);
  },
);

both('R-GAT-11 gather() of futures that are done is done on return', function* ({ wait, loop }) {
  const [a, b] = [loop.createFuture<number>(), loop.createFuture<number>()];
  a.setResult(1);
  b.setResult(2);
  const outer = asyncio.gather([a, b, a]);
  assert.equal(outer.done(), true);
  const ticks = ticker(loop);
  assert.deepEqual(yield* wait(outer), [1, 2, 1]);
  assert.equal(ticks(), 0);
  ticks.stop();

  const failed = loop.createFuture();
  failed.setException(new Error('boom'));
  const failure = asyncio.gather([failed, loop.createFuture()]);
  assert.equal(failure.done(), true);
  isError(failure.exception(), Error, 'boom');
});

both(
  'R-GAT-12 gather() resumes its waiter three iterations after it was given coroutines that do not wait',
  function* ({ wait, go, loop }) {
    const ticks = ticker(loop);
    yield* wait(asyncio.sleep(0));
    for (const count of [1, 2, 5]) {
      const before = ticks();
      yield* wait(
        asyncio.gather(
          Array.from({ length: count }, (_, n) =>
            go(function* () {
              return n;
            }),
          ),
        ),
      );
      assert.equal(ticks() - before, 3);
    }
    ticks.stop();
  },
);

test('R-GAT-13 the tasks that gather() made are not reported when their loop is closed', () => {
  function* forever(loop: TestLoop): asyncio.Coro<void> {
    yield* loop.createFuture<void>();
  }
  for (const gathered of [false, true]) {
    const loop = new TestLoop();
    const reports: string[] = [];
    loop.setExceptionHandler((_, { message }) => void reports.push(String(message)));
    loop.runSync(
      (function* (): asyncio.Coro<void> {
        if (gathered) asyncio.gather([forever(loop)]);
        else asyncio.createTask(forever(loop));
        yield* asyncio.sleep(0);
      })(),
    );
    loop.close();
    assert.deepEqual(reports, gathered ? [] : ['Task was destroyed but it is pending!']);
  }
});

both(
  'R-GAT-14 an argument that cannot be awaited leaves those before it scheduled',
  function* ({ wait, go }) {
    const log: string[] = [];
    isError(
      thrownBy(() =>
        asyncio.gather([
          go(function* () {
            log.push('ran');
          }),
          null as never,
        ]),
      ),
      TypeError,
    );
    yield* wait(asyncio.sleep(0));
    yield* wait(asyncio.sleep(0));
    assert.deepEqual(log, ['ran']);
  },
);

both('gather() retrieves what its children threw only when it must', function* ({ wait, loop, reports }) {
  const failed = loop.createFuture();
  const outer = asyncio.gather([failed]);
  failed.setException(new Error('boom'));
  yield* wait(asyncio.sleep(0));
  yield* wait(asyncio.sleep(0));
  assert.equal(outer.done(), true);
  assert.deepEqual(reports, []);
  isError(outer.exception(), Error, 'boom');
});

// --------------------------------------------------------------------------------------------------- shield

both('R-SHD-01 shield() of a done future is that future', function* ({ loop }) {
  const inner = loop.createFuture<number>();
  inner.setResult(1);
  assert.equal(asyncio.shield(inner), inner);
});

both('R-SHD-02 shield() takes over a result, an exception and a cancellation', function* ({ wait, loop }) {
  const [good, bad, cancelled] = [loop.createFuture<string>(), loop.createFuture(), loop.createFuture()];
  const shields = [good, bad, cancelled].map((each) => asyncio.shield(each));
  assert.ok(shields.every((each, n) => each !== [good, bad, cancelled][n]));
  good.setResult('value');
  bad.setException(new Error('boom'));
  cancelled.cancel('gone');
  yield* wait(asyncio.sleep(0));
  const [a, b, c] = shields as [
    asyncio.FutureLike<unknown>,
    asyncio.FutureLike<unknown>,
    asyncio.FutureLike<unknown>,
  ];
  assert.equal(yield* wait(a), 'value');
  isError(yield* thrown(wait(b)), Error, 'boom');
  assert.ok((yield* thrown(wait(c))) instanceof CancelledError);
  assert.equal(c.cancelled(), true);
});

both(
  'R-SHD-02 shield() of a coroutine resumes its waiter after three iterations',
  function* ({ wait, go, loop }) {
    const ticks = ticker(loop);
    yield* wait(asyncio.sleep(0));
    const before = ticks();
    yield* wait(
      asyncio.shield(
        go(function* () {
          return 1;
        }),
      ),
    );
    assert.equal(ticks() - before, 3);
    ticks.stop();
  },
);

both('R-SHD-03 cancelling a shield leaves the inner one alone', function* ({ wait, loop }) {
  const inner = loop.createTask(asyncio.sleep(1, 'safe'));
  const outer = asyncio.shield(inner);
  yield* wait(asyncio.sleep(0));
  assert.equal(outer.cancel('me only'), true);
  assert.equal(outer.cancelled(), true);
  assert.deepEqual(cancelArgs(yield* thrown(wait(outer))), ['me only']);
  assert.equal(yield* wait(inner), 'safe');
});

both(
  'R-SHD-03 cancelled in the iteration in which the inner one ends, a shield stays cancelled',
  function* ({ wait, loop }) {
    const inner = loop.createFuture<string>();
    const outer = asyncio.shield(inner);
    inner.setResult('value');
    assert.equal(outer.cancel(), true);
    yield* wait(asyncio.sleep(0));
    yield* wait(asyncio.sleep(0));
    assert.equal(outer.cancelled(), true);
  },
);

both('R-SHD-03 cancelled shields do not pile up on the inner one', function* ({ wait, loop }) {
  const inner = loop.createFuture<void>();
  for (let n = 0; n < 10; n += 1) {
    const outer = asyncio.shield(inner);
    yield* wait(asyncio.sleep(0));
    outer.cancel();
    yield* wait(asyncio.sleep(0));
  }
  assert.match(String(inner), /cb=\[[^,]*\]/, 'one callback at most');
  inner.setResult();
});

both(
  'R-SHD-03 a task that awaits a shield can be cancelled without the inner one',
  function* ({ wait, go, loop }) {
    const inner = loop.createTask(asyncio.sleep(1, 'safe'));
    const waiter = loop.createTask(
      go(function* () {
        yield* wait(asyncio.shield(inner));
      }),
    );
    yield* wait(asyncio.sleep(0));
    waiter.cancel();
    yield* wait(asyncio.wait([waiter]));
    assert.equal(waiter.cancelled(), true);
    assert.equal(inner.done(), false);
    assert.equal(yield* wait(inner), 'safe');
  },
);

both(
  'R-SHD-04 a failure of the inner one after the shield was cancelled is reported once',
  function* ({ wait, go, loop, reports }) {
    const boom = new ValueError('boom');
    const inner = loop.createTask(
      go(function* () {
        yield* wait(asyncio.sleep(1));
        throw boom;
      }),
    );
    asyncio.shield(inner).cancel();
    yield* wait(asyncio.sleep(2));
    const taken = reports.splice(0);
    assert.deepEqual(
      taken.map(({ message }) => message),
      ['ValueError exception in shielded future'],
    );
    assert.equal(taken[0]?.exception, boom);
    assert.equal(taken[0]?.future, inner);
  },
);

both('R-SHD-04 a cancellation of the inner one after that is not reported', function* ({ wait, loop }) {
  const inner = loop.createTask(asyncio.sleep(1));
  asyncio.shield(inner).cancel();
  yield* wait(asyncio.sleep(0));
  inner.cancel();
  yield* wait(asyncio.wait([inner]));
});

both(
  'R-SHD-05 shield() of a gather: cancelling the shield leaves the children alone',
  function* ({ wait, loop }) {
    const children = [loop.createFuture<number>(), loop.createFuture<number>()] as const;
    const group = asyncio.gather(children);
    const outer = asyncio.shield(group);
    outer.cancel();
    assert.deepEqual([outer.cancelled(), group.done()], [true, false]);
    children[0].setResult(1);
    children[1].setResult(2);
    assert.deepEqual(yield* wait(group), [1, 2]);
  },
);

both('R-SHD-05 gather() of shields: cancelling it cancels the shields only', function* ({ wait, loop }) {
  const inner = [loop.createFuture<number>(), loop.createFuture<number>()] as const;
  const shields = inner.map((each) => asyncio.shield(each));
  const group = asyncio.gather(shields);
  group.cancel();
  assert.ok((yield* thrown(wait(group))) instanceof CancelledError);
  assert.deepEqual(
    shields.map((each) => each.cancelled()),
    [true, true],
  );
  assert.deepEqual(
    inner.map((each) => each.done()),
    [false, false],
  );
  for (const each of inner) each.setResult(0);
});
