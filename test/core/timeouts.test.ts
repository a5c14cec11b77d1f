import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { TestLoop } from 'tsyncio/testing';
import fc from '../property.js';
import { both, cancelArgs, isError, thrown, thrownBy, ticker } from './both-kinds.js';

const { CancelledError, RuntimeError, TimeoutError, ValueError } = asyncio;

both('R-TMO-01 timeout() counts from its call, on the loop’s clock', function* ({ wait, go, loop }) {
  yield* wait(asyncio.sleep(10));
  const limit = asyncio.timeout(5);
  assert.equal(limit.when(), 15);
  yield* wait(asyncio.sleep(3));
  isError(yield* thrown(wait(limit.run(() => asyncio.sleep(100)))), TimeoutError);
  assert.equal(loop.time(), 15);
  assert.equal(asyncio.timeout('250ms').when(), 15.25);
  yield* wait(asyncio.timeout(5).run(go(function* () {})));
});

both('R-TMO-01 timeoutAt() takes a time on the loop’s clock', function* ({ wait, go, loop }) {
  const limit = asyncio.timeoutAt(4);
  assert.equal(limit.when(), 4);
  const error = yield* thrown(
    wait(
      limit.run(
        go(function* () {
          yield* wait(asyncio.sleep(9));
        }),
      ),
    ),
  );
  isError(error, TimeoutError);
  assert.equal(loop.time(), 4);
});

both('R-TMO-01 timeout(null) never fires', function* ({ wait, go }) {
  const limit = asyncio.timeout(null);
  assert.equal(limit.when(), null);
  const value = yield* wait(
    limit.run(
      go(function* () {
        yield* wait(asyncio.sleep(1e6));
        return 'value';
      }),
    ),
  );
  assert.equal(value, 'value');
  assert.equal(limit.expired(), false);
});

both('R-TMO-02 a Timeout can be entered once', function* ({ wait, go }) {
  const limit = asyncio.timeout(1);
  const again = go(function* () {
    isError(
      yield* thrown(wait(limit.run(go(function* () {})))),
      RuntimeError,
      'Timeout has already been entered',
    );
  });
  yield* wait(limit.run(again));
  isError(
    yield* thrown(wait(limit.run(go(function* () {})))),
    RuntimeError,
    'Timeout has already been entered',
  );
  isError(yield* thrown(wait(limit[asyncio.aenter]())), RuntimeError, 'Timeout has already been entered');
});

both('R-TMO-03 a block that does not wait is never interrupted', function* ({ wait, go }) {
  for (const delay of [0, -1]) {
    const limit = asyncio.timeout(delay);
    assert.equal(
      yield* wait(
        limit.run(
          go(function* () {
            return 'value';
          }),
        ),
      ),
      'value',
    );
    assert.equal(limit.expired(), false);
  }
});

both('R-TMO-03 a deadline that has passed fires at the block’s first wait', function* ({ wait, go, loop }) {
  for (const delay of [0, -1]) {
    let began = false;
    const ticks = ticker(loop);
    yield* wait(asyncio.sleep(0));
    const before = ticks();
    const error = yield* thrown(
      wait(
        asyncio.timeout(delay).run(
          go(function* () {
            began = true;
            yield* wait(asyncio.sleep(9));
          }),
        ),
      ),
    );
    isError(error, TimeoutError);
    assert.equal(began, true);
    assert.equal(ticks() - before, 2);
    assert.equal(loop.time(), 0);
    ticks.stop();
  }
});

both('R-TMO-04 firing cancels the task once, and expired() is true from then on', function* ({ wait, go }) {
  const limit = asyncio.timeout(1);
  const seen: unknown[] = [];
  yield* thrown(
    wait(
      limit.run(
        go(function* () {
          seen.push(limit.expired());
          try {
            yield* wait(asyncio.sleep(9));
          } catch (error) {
            seen.push(cancelArgs(error), limit.expired(), asyncio.currentTask()?.cancelling());
            yield* wait(asyncio.sleep(9)); // one cancellation only
            throw error;
          }
        }),
      ),
    ),
  );
  assert.deepEqual(seen, [false, [], true, 1]);
  assert.equal(limit.expired(), true);
});

both('R-TMO-05 leaving the block cancels the timer', function* ({ wait, go, loop }) {
  const limit = asyncio.timeout(1);
  yield* wait(limit.run(go(function* () {})));
  yield* wait(asyncio.sleep(5));
  assert.equal(limit.expired(), false);
  assert.equal(loop.time(), 5);

  const failing = asyncio.timeout(1);
  isError(
    yield* thrown(
      wait(
        failing.run(
          go(function* () {
            throw new ValueError('boom');
          }),
        ),
      ),
    ),
    ValueError,
    'boom',
  );
  yield* wait(asyncio.sleep(5));
  assert.equal(failing.expired(), false);
});

both(
  'R-TMO-06 the CancelledError of an expired block becomes TimeoutError, and the request is taken back',
  function* ({ wait, go }) {
    let cancelled: unknown;
    const error = yield* thrown(
      wait(
        asyncio.timeout(1).run(
          go(function* () {
            cancelled = yield* thrown(wait(asyncio.sleep(9)));
            throw cancelled;
          }),
        ),
      ),
    );
    isError(error, TimeoutError);
    assert.ok(cancelled instanceof CancelledError);
    assert.equal((error as Error).cause, cancelled);
    assert.equal(asyncio.currentTask()?.cancelling(), 0);
    yield* wait(asyncio.sleep(1));
  },
);

both('R-TMO-07 when somebody else cancels too, the CancelledError passes', function* ({ wait, go, loop }) {
  const limit = asyncio.timeout(1);
  const task = loop.createTask(
    go(function* () {
      yield* wait(
        limit.run(
          go(function* () {
            try {
              yield* wait(asyncio.sleep(9));
            } finally {
              yield* thrown(wait(asyncio.sleep(3)));
            }
          }),
        ),
      );
    }),
  );
  yield* wait(asyncio.sleep(2));
  assert.equal(limit.expired(), true);
  task.cancel('stop');
  assert.ok((yield* thrown(wait(task))) instanceof CancelledError);
  assert.equal(task.cancelled(), true);
  assert.equal(task.cancelling(), 1);
});

both('R-TMO-07 a cancellation in the same iteration as the deadline passes', function* ({ wait, go, loop }) {
  for (const order of ['before', 'after'] as const) {
    const start = loop.time();
    const cancel = () => task.cancel('stop');
    if (order === 'before') loop.callAt(start + 1, cancel);
    const task = loop.createTask(
      go(function* () {
        yield* wait(asyncio.timeoutAt(start + 1).run(() => asyncio.sleep(9)));
      }),
    );
    yield* wait(asyncio.sleep(0));
    if (order === 'after') loop.callAt(start + 1, cancel);
    assert.ok((yield* thrown(wait(task))) instanceof CancelledError);
    assert.equal(task.cancelling(), 1);
  }
});

both('R-TMO-08 a block that swallows the cancellation ends normally', function* ({ wait, go }) {
  const limit = asyncio.timeout(1);
  const value = yield* wait(
    limit.run(
      go(function* () {
        yield* thrown(wait(asyncio.sleep(9)));
        return 'swallowed';
      }),
    ),
  );
  assert.equal(value, 'swallowed');
  assert.equal(limit.expired(), true);
  assert.equal(asyncio.currentTask()?.cancelling(), 0);
  yield* wait(asyncio.sleep(1));
});

both(
  'R-TMO-09 another error of an expired block passes, with TimeoutError for CancelledError in its context',
  function* ({ wait, go }) {
    let cancelled: unknown;
    const boom: asyncio.WithContext & Error = new ValueError('boom');
    const error = yield* thrown(
      wait(
        asyncio.timeout(1).run(
          go(function* () {
            cancelled = yield* thrown(wait(asyncio.sleep(9)));
            boom.context = cancelled;
            throw boom;
          }),
        ),
      ),
    );
    assert.equal(error, boom);
    isError(boom.context, TimeoutError);
    const { cause, context } = boom.context as Error & asyncio.WithContext;
    assert.deepEqual([cause, context], [cancelled, cancelled]);
    assert.equal(asyncio.currentTask()?.cancelling(), 0);
  },
);

both('R-TMO-09 so it is for the direct members of an ExceptionGroup', function* ({ wait, go }) {
  const cancelled = new CancelledError();
  const first: asyncio.WithContext & Error = new ValueError('first');
  const second: asyncio.WithContext & Error = new ValueError('second');
  first.context = new LookupContext(cancelled);
  const error = yield* thrown(
    wait(
      asyncio.timeout(1).run(
        go(function* () {
          yield* thrown(wait(asyncio.sleep(9)));
          throw new asyncio.ExceptionGroup('group', [first, second]);
        }),
      ),
    ),
  );
  isError(error, asyncio.ExceptionGroup, 'group');
  const { context } = first.context as asyncio.WithContext;
  isError(context, TimeoutError);
  assert.equal((context as Error).cause, cancelled);
  assert.equal(second.context, undefined);
});

class LookupContext extends Error implements asyncio.WithContext {
  context?: unknown;
  constructor(context: unknown) {
    super('in between');
    this.context = context;
  }
}

both('R-TMO-10 a CancelledError that is not the limit’s passes', function* ({ wait, go, loop }) {
  const limit = asyncio.timeout(5);
  const error = yield* thrown(
    wait(
      limit.run(
        go(function* () {
          throw new CancelledError('foreign');
        }),
      ),
    ),
  );
  assert.deepEqual(cancelArgs(error), ['foreign']);
  assert.equal(limit.expired(), false);

  const task = loop.createTask(
    go(function* () {
      yield* wait(asyncio.timeout(5).run(() => asyncio.sleep(9)));
    }),
  );
  yield* wait(asyncio.sleep(1));
  task.cancel('stop');
  assert.deepEqual(cancelArgs(yield* thrown(wait(task))), ['stop']);
});

both('R-TMO-11 of nested limits only the one that expired converts', function* ({ wait, go, loop }) {
  for (const [outerDelay, innerDelay] of [
    [1, 5],
    [5, 1],
  ] as const) {
    const outer = asyncio.timeout(outerDelay);
    const inner = asyncio.timeout(innerDelay);
    let innerError: unknown;
    const start = loop.time();
    const outerError = yield* thrown(
      wait(
        outer.run(
          go(function* () {
            innerError = yield* thrown(
              wait(
                inner.run(
                  go(function* () {
                    yield* wait(asyncio.sleep(9));
                  }),
                ),
              ),
            );
            throw innerError;
          }),
        ),
      ),
    );
    assert.equal(loop.time() - start, 1);
    isError(outerError, TimeoutError);
    if (outerDelay < innerDelay) {
      assert.ok(innerError instanceof CancelledError);
      assert.deepEqual([outer.expired(), inner.expired()], [true, false]);
    } else {
      assert.equal(outerError, innerError);
      assert.deepEqual([outer.expired(), inner.expired()], [false, true]);
    }
    assert.equal(asyncio.currentTask()?.cancelling(), 0);
  }
});

both(
  'R-TMO-11 when both expire at once TimeoutError comes out of the outer one, and nothing is left',
  function* ({ wait, go }) {
    const [outer, inner] = [asyncio.timeoutAt(1), asyncio.timeoutAt(1)];
    const error = yield* thrown(
      wait(
        outer.run(
          go(function* () {
            yield* wait(
              inner.run(
                go(function* () {
                  yield* wait(asyncio.sleep(9));
                }),
              ),
            );
          }),
        ),
      ),
    );
    isError(error, TimeoutError);
    assert.deepEqual([outer.expired(), inner.expired()], [true, true]);
    assert.equal(asyncio.currentTask()?.cancelling(), 0);
    yield* wait(asyncio.sleep(1));
  },
);

both('R-TMO-12 reschedule() moves and removes the deadline', function* ({ wait, go, loop }) {
  const limit = asyncio.timeout(1);
  const error = yield* thrown(
    wait(
      limit.run(
        go(function* () {
          limit.reschedule(null);
          assert.equal(limit.when(), null);
          yield* wait(asyncio.sleep(3));
          limit.reschedule(5);
          assert.equal(limit.when(), 5);
          yield* wait(asyncio.sleep(9));
        }),
      ),
    ),
  );
  isError(error, TimeoutError);
  assert.equal(loop.time(), 5);
});

both('R-TMO-12 a deadline moved into the past fires at the next iteration', function* ({ wait, go, loop }) {
  const seen: boolean[] = [];
  const limit = asyncio.timeout(100);
  yield* wait(asyncio.sleep(10));
  const error = yield* thrown(
    wait(
      limit.run(
        go(function* () {
          limit.reschedule(1);
          loop.callSoon(() => seen.push(limit.expired()));
          yield* wait(asyncio.sleep(9));
        }),
      ),
    ),
  );
  isError(error, TimeoutError);
  assert.equal(loop.time(), 10);
  assert.deepEqual(seen, [true], 'before what is called after it');
});

both('R-TMO-12 reschedule() refuses before the block and after it', function* ({ wait, go }) {
  const reschedule = (limit: asyncio.Timeout) => thrownBy(() => limit.reschedule(2));
  const limit = asyncio.timeout(1);
  isError(reschedule(limit), RuntimeError, 'Timeout has not been entered');
  let expiring: unknown;
  yield* thrown(
    wait(
      limit.run(
        go(function* () {
          const error = yield* thrown(wait(asyncio.sleep(9)));
          expiring = reschedule(limit);
          throw error;
        }),
      ),
    ),
  );
  isError(expiring, RuntimeError, 'Cannot change state of expiring Timeout');
  isError(reschedule(limit), RuntimeError, 'Cannot change state of expired Timeout');
  const finished = asyncio.timeout(1);
  yield* wait(finished.run(go(function* () {})));
  isError(reschedule(finished), RuntimeError, 'Cannot change state of finished Timeout');
});

both('R-TMO-13 a limit works in a task that was cancelled before', function* ({ wait, go, loop }) {
  const task = loop.createTask(
    go(function* () {
      yield* thrown(wait(asyncio.sleep(9)));
      const error = yield* thrown(wait(asyncio.timeout(1).run(() => asyncio.sleep(9))));
      return [(error as Error).name, asyncio.currentTask()?.cancelling()];
    }),
  );
  yield* wait(asyncio.sleep(0));
  task.cancel();
  assert.deepEqual(yield* wait(task), ['TimeoutError', 1]);
});

both(
  'R-TMO-14 when result and deadline come in one iteration, the deadline wins, whichever is first',
  function* ({ wait, go, loop }) {
    for (const order of ['result first', 'deadline first'] as const) {
      const future = loop.createFuture<string>();
      const limit = asyncio.timeout(null);
      const at = loop.time() + 1;
      const complete = () => {
        if (!future.done()) future.setResult('lost');
      };
      const waiting = go(function* () {
        if (order === 'result first') loop.callAt(at, complete);
        limit.reschedule(at);
        if (order === 'deadline first') loop.callAt(at, complete);
        return yield* wait(future);
      });
      isError(yield* thrown(wait(limit.run(waiting))), TimeoutError, '');
      assert.equal(loop.time(), at);
    }
  },
);

both('R-TMO-15 toString() shows the state, and the deadline while it counts', function* ({ wait, go }) {
  const limit = asyncio.timeout(1);
  const shown = [String(limit)];
  yield* thrown(
    wait(
      limit.run(
        go(function* () {
          shown.push(String(limit));
          limit.reschedule(null);
          shown.push(String(limit));
          limit.reschedule(2 / 3);
          shown.push(String(limit));
          const error = yield* thrown(wait(asyncio.sleep(9)));
          shown.push(String(limit));
          throw error;
        }),
      ),
    ),
  );
  shown.push(String(limit));
  const finished = asyncio.timeout(1);
  yield* wait(finished.run(go(function* () {})));
  shown.push(String(finished));
  assert.deepEqual(shown, [
    '<Timeout [created]>',
    '<Timeout [active] when=1.000>',
    '<Timeout [active] when=None>',
    '<Timeout [active] when=0.667>',
    '<Timeout [expiring]>',
    '<Timeout [expired]>',
    '<Timeout [finished]>',
  ]);
});

both('withAsync() enters and leaves a Timeout as its run() does', function* ({ wait, go, loop }) {
  const limit = asyncio.timeout(1);
  const error = yield* thrown(
    wait(
      asyncio.withAsync(
        limit,
        go(function* () {
          yield* wait(asyncio.sleep(9));
        }),
      ),
    ),
  );
  isError(error, TimeoutError);
  assert.equal(loop.time(), 1);
  assert.equal(asyncio.currentTask()?.cancelling(), 0);
});

both('the body of a Timeout is given it', function* ({ wait, define }) {
  const limit = asyncio.timeout(1);
  const body = define(function* (given: asyncio.Timeout) {
    return given;
  });
  assert.equal(yield* wait(limit.run((given) => body(given))), limit);
});

both('a Timeout refuses what is no time, and what is no function', function* () {
  isError(
    thrownBy(() => asyncio.timeoutAt(Number.NaN)),
    ValueError,
  );
  isError(
    thrownBy(() => asyncio.timeoutAt('1s' as never)),
    TypeError,
  );
  assert.ok(thrownBy(() => asyncio.timeout('soon' as never)) instanceof Error);
  isError(
    thrownBy(() => asyncio.timeout(1).run(5 as never)),
    TypeError,
    'Cannot run the block: expected a function, got 5',
  );
});

both('limits in one Promise.all() time out each by itself', { only: 'async' }, function* ({ wait, loop }) {
  const main = asyncio.coroutine(async () => {
    const sleeper = async () => {
      await asyncio.sleep(9);
      return 'slept';
    };
    const settled = await Promise.allSettled([
      asyncio.timeout(1).run(sleeper),
      asyncio.timeout(2).run(sleeper),
      asyncio.timeout(20).run(sleeper),
    ]);
    return settled.map((each) => (each.status === 'fulfilled' ? each.value : each.reason.name));
  });
  assert.deepEqual(yield* wait(main()), ['TimeoutError', 'TimeoutError', 'slept']);
  assert.equal(loop.time(), 9);
  assert.equal(asyncio.currentTask()?.cancelling(), 0);
});

test('of any number of nested limits, the one with the earliest deadline decides', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 20 }),
      (delays, work) => {
        const loop = new TestLoop();
        const limits: asyncio.Timeout[] = [];
        function* nest(depth: number): asyncio.Coro<string> {
          if (depth === delays.length) {
            yield* asyncio.sleep(work + 0.5);
            return 'done';
          }
          const limit = asyncio.timeout(delays[depth] as number);
          limits.push(limit);
          return yield* limit.run(() => nest(depth + 1));
        }
        const outcome = loop.runSync(
          (function* () {
            try {
              return yield* nest(0);
            } catch (error) {
              return (error as Error).name;
            } finally {
              assert.equal(asyncio.currentTask()?.cancelling(), 0);
            }
          })() as asyncio.Coro<string>,
        );
        const earliest = Math.min(...delays);
        assert.equal(outcome, earliest <= work ? 'TimeoutError' : 'done');
        assert.equal(loop.time(), Math.min(earliest, work + 0.5));
        assert.deepEqual(
          limits.map((limit) => limit.expired()),
          delays.map((delay) => delay === earliest && earliest <= work),
        );
        loop.close();
      },
    ),
  );
});
