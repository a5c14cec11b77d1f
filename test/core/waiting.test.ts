import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { TestLoop } from 'tsyncio/testing';
import fc from '../property.js';
import { both, cancelArgs, isError, thrown, thrownBy, ticker } from './both-kinds.js';

const { CancelledError, TimeoutError, ValueError } = asyncio;

// ----------------------------------------------------------------------------------------------------- wait

both('R-WAI-01 wait() refuses what is no collection of futures', function* ({ go, define, loop }) {
  const refuse = (
    futures: unknown,
    options: object,
    errorClass: typeof TypeError,
    message: RegExp | string,
  ) =>
    isError(
      thrownBy(() => asyncio.wait(futures as never, options)),
      errorClass,
      message,
    );
  const future = loop.createFuture();
  const coroutine = define(function* () {})();
  const thunk = go(function* () {});
  refuse(future, {}, TypeError, /^expect a list of futures, not <Future pending/);
  refuse(coroutine, {}, TypeError, /^expect a list of futures, not .*(coroutine|Generator)/i);
  refuse(5, {}, TypeError, 'expect a list of futures, not 5');
  refuse(null, {}, TypeError, 'expect a list of futures, not null');
  refuse([], {}, ValueError as never, 'Set of Tasks/Futures is empty.');
  refuse([future], { returnWhen: 'SOMETIME' }, ValueError as never, 'Invalid return_when value: SOMETIME');
  refuse([coroutine], {}, TypeError, 'Passing coroutines is forbidden, use tasks explicitly.');
  refuse([thunk], {}, TypeError, 'Passing coroutines is forbidden, use tasks explicitly.');
  refuse([future, 5], {}, TypeError, /got 5 among them/);
  coroutine.close();
});

both(
  'R-WAI-02 wait() counts a future that is given twice once; done and pending are disjoint and complete',
  function* ({ wait, loop }) {
    const [a, b] = [loop.createFuture<number>(), loop.createFuture<number>()];
    a.setResult(1);
    const [done, pending] = yield* wait(asyncio.wait([a, b, a, b], { timeout: 1 }));
    assert.deepEqual([[...done], [...pending]], [[a], [b]]);
  },
);

for (const [how, end] of [
  ['a result', (future: asyncio.Future<void>) => future.setResult()],
  ['a failure', (future: asyncio.Future<void>) => future.setException(new Error('boom'))],
  ['a cancellation', (future: asyncio.Future<void>) => future.cancel()],
] as const) {
  both(`R-WAI-03 FIRST_COMPLETED wakes wait() at ${how}`, function* ({ wait, loop }) {
    const [a, b] = [loop.createFuture<void>(), loop.createFuture<void>()];
    loop.callLater(1, () => end(b));
    const [done, pending] = yield* wait(
      asyncio.wait([a, b], { returnWhen: asyncio.FIRST_COMPLETED, timeout: 5 }),
    );
    assert.equal(loop.time(), 1);
    assert.deepEqual([[...done], [...pending]], [[b], [a]]);
    if (how === 'a failure') isError(b.exception(), Error, 'boom');
  });
}

both(
  'R-WAI-04 FIRST_EXCEPTION wakes wait() at the first failure; results and cancellations do not count',
  function* ({ wait, loop }) {
    const [a, b, c, d] = [0, 1, 2, 3].map(() => loop.createFuture<void>()) as [
      asyncio.Future<void>,
      asyncio.Future<void>,
      asyncio.Future<void>,
      asyncio.Future<void>,
    ];
    loop.callLater(1, () => a.setResult());
    loop.callLater(2, () => b.cancel());
    loop.callLater(3, () => c.setException(new Error('boom')));
    const [done, pending] = yield* wait(asyncio.wait([a, b, c, d], { returnWhen: asyncio.FIRST_EXCEPTION }));
    assert.equal(loop.time(), 3);
    assert.deepEqual([done, pending], [new Set([a, b, c]), new Set([d])]);
  },
);

both('R-WAI-04 without a failure FIRST_EXCEPTION waits for all', function* ({ wait, loop }) {
  const [a, b] = [loop.createFuture<void>(), loop.createFuture<void>()];
  loop.callLater(1, () => a.cancel());
  loop.callLater(2, () => b.setResult());
  const [done, pending] = yield* wait(asyncio.wait([a, b], { returnWhen: asyncio.FIRST_EXCEPTION }));
  assert.equal(loop.time(), 2);
  assert.deepEqual([done.size, pending.size], [2, 0]);
});

both(
  'R-WAI-05 when the timeout passes, wait() raises nothing and cancels nothing',
  function* ({ wait, loop }) {
    const [quick, slow] = [loop.createTask(asyncio.sleep(1)), loop.createTask(asyncio.sleep(3))];
    const [done, pending] = yield* wait(asyncio.wait([quick, slow], { timeout: '2s' }));
    assert.equal(loop.time(), 2);
    assert.deepEqual([[...done], [...pending]], [[quick], [slow]]);
    yield* wait(slow);
    assert.equal(loop.time(), 3);
  },
);

both('R-WAI-05 wait() with a timeout of 0 still looks at what is done', function* ({ wait, loop }) {
  const [a, b] = [loop.createFuture<void>(), loop.createFuture<void>()];
  a.setResult();
  const [done, pending] = yield* wait(asyncio.wait([a, b], { timeout: 0 }));
  assert.deepEqual([[...done], [...pending]], [[a], [b]]);
});

both(
  'R-WAI-06 what is done when the waiter resumes counts, not only what woke it',
  function* ({ wait, loop }) {
    const [a, b, c] = [loop.createFuture<void>(), loop.createFuture<void>(), loop.createFuture<void>()];
    a.addDoneCallback(() => b.setResult());
    loop.callLater(1, () => a.setResult());
    const [done, pending] = yield* wait(asyncio.wait([a, b, c], { returnWhen: asyncio.FIRST_COMPLETED }));
    assert.deepEqual([done, pending], [new Set([a, b]), new Set([c])]);
  },
);

both('R-WAI-07 wait() suspends for two iterations even when all are done', function* ({ wait, go, loop }) {
  const ticks = ticker(loop);
  yield* wait(asyncio.sleep(0));
  const future = loop.createFuture<void>();
  future.setResult();
  let before = ticks();
  yield* wait(asyncio.wait([future]));
  assert.equal(ticks() - before, 2);

  before = ticks();
  yield* wait(asyncio.wait([loop.createTask(go(function* () {}))]));
  assert.equal(ticks() - before, 3);
  ticks.stop();
});

both(
  'R-WAI-08 cancelling wait() leaves the futures alone, and leaves nothing on them',
  function* ({ wait, go, loop }) {
    const future = loop.createFuture<void>();
    const waiter = loop.createTask(
      go(function* () {
        yield* wait(asyncio.wait([future], { timeout: 100 }));
      }),
    );
    yield* wait(asyncio.sleep(1));
    assert.match(String(future), /cb=/);
    waiter.cancel();
    yield* wait(asyncio.wait([waiter]));
    assert.equal(waiter.cancelled(), true);
    assert.doesNotMatch(String(future), /cb=/);
  },
);

for (const returnWhen of [asyncio.ALL_COMPLETED, asyncio.FIRST_COMPLETED, asyncio.FIRST_EXCEPTION] as const) {
  const retrieves = returnWhen === asyncio.FIRST_EXCEPTION;
  both(
    `R-WAI-09 wait() with ${returnWhen} ${retrieves ? 'retrieves the exception that it looks at' : 'retrieves no exception'}`,
    {
      closing: retrieves ? [] : ['Future exception was never retrieved'],
    },
    function* ({ wait, loop }) {
      const [failed, pending] = [loop.createFuture<void>(), loop.createFuture<void>()];
      failed.setException(new Error('boom'));
      const [done] = yield* wait(asyncio.wait([failed, pending], { returnWhen, timeout: 1 }));
      assert.deepEqual([...done], [failed]);
    },
  );
}

// -------------------------------------------------------------------------------------------------- waitFor

both(
  'R-WFR-01 waitFor() without a limit runs a coroutine in the calling task, without an iteration more',
  function* ({ wait, define, go, loop }) {
    const variable = new asyncio.ContextVar<string>('variable');
    const caller = asyncio.currentTask();
    const look = function* () {
      variable.set('set inside');
      return asyncio.currentTask() === caller;
    };
    const ticks = ticker(loop);
    yield* wait(asyncio.sleep(0));
    const before = ticks();
    assert.equal(yield* wait(asyncio.waitFor(define(look)(), null)), true);
    assert.equal(variable.get(), 'set inside');
    assert.equal(yield* wait(asyncio.waitFor(go(look), 10)), true);
    assert.equal(ticks() - before, 0);
    ticks.stop();
  },
);

both(
  'R-WFR-02 waitFor() with no time left gives the result of a future that is done',
  function* ({ wait, loop }) {
    const future = loop.createFuture<string>();
    future.setResult('value');
    const failed = loop.createFuture<string>();
    failed.setException(new Error('boom'));
    for (const timeout of [0, -1]) {
      assert.equal(yield* wait(asyncio.waitFor(future, timeout)), 'value');
      isError(yield* thrown(wait(asyncio.waitFor(failed, timeout))), Error, 'boom');
    }
  },
);

both('R-WFR-02 waitFor() with no time left cancels a future that is not done', function* ({ wait, loop }) {
  for (const timeout of [0, -1]) {
    const future = loop.createFuture<void>();
    const error = yield* thrown(wait(asyncio.waitFor(future, timeout)));
    isError(error, TimeoutError);
    assert.ok((error as Error).cause instanceof CancelledError);
    assert.equal(future.cancelled(), true);
  }
});

both(
  'R-WFR-02 waitFor() with no time left gives the result that a task has all the same',
  function* ({ wait, go, loop }) {
    const stubborn = loop.createTask(
      go(function* () {
        try {
          yield* wait(asyncio.sleep(9));
        } catch {}
        return 'all the same';
      }),
    );
    yield* wait(asyncio.sleep(0));
    assert.equal(yield* wait(asyncio.waitFor(stubborn, 0)), 'all the same');
  },
);

both('R-WFR-03 waitFor() with no time left never starts a coroutine', function* ({ wait, go, define, loop }) {
  let started = false;
  const start = function* () {
    started = true;
  };
  const ticks = ticker(loop);
  yield* wait(asyncio.sleep(0));
  for (const timeout of [0, -1, '0s'] as const) {
    for (const make of [() => define(start)(), () => go(start)]) {
      const before = ticks();
      isError(yield* thrown(wait(asyncio.waitFor(make(), timeout))), TimeoutError);
      assert.equal(ticks() - before, 3);
    }
  }
  assert.equal(started, false);
  ticks.stop();
});

both(
  'R-WFR-04 waitFor() cancels a coroutine when the time has passed, and throws TimeoutError',
  function* ({ wait, define, loop }) {
    let ended: unknown;
    const slow = define(function* () {
      try {
        yield* wait(asyncio.sleep(9));
      } catch (error) {
        ended = error;
        throw error;
      }
    });
    const error = yield* thrown(wait(asyncio.waitFor(slow(), '2s')));
    isError(error, TimeoutError);
    assert.equal((error as Error).cause, ended);
    assert.ok(ended instanceof CancelledError);
    assert.equal(loop.time(), 2);
    assert.equal(asyncio.currentTask()?.cancelling(), 0);
  },
);

both('R-WFR-05 waitFor() returns only when what it cancelled has ended', function* ({ wait, go, loop }) {
  for (const timeout of [1, 0]) {
    const task = loop.createTask(
      go(function* () {
        try {
          yield* wait(asyncio.sleep(9));
        } finally {
          yield* wait(asyncio.sleep(3));
        }
      }),
    );
    yield* wait(asyncio.sleep(0));
    const start = loop.time();
    isError(yield* thrown(wait(asyncio.waitFor(task, timeout))), TimeoutError);
    assert.equal(loop.time() - start, timeout + 3);
    assert.equal(task.cancelled(), true);
  }
});

both(
  'R-WFR-06 a result that comes in spite of the cancellation is the result of waitFor()',
  function* ({ wait, go }) {
    const stubborn = go(function* () {
      try {
        yield* wait(asyncio.sleep(9));
      } catch {}
      return 'all the same';
    });
    assert.equal(yield* wait(asyncio.waitFor(stubborn, 1)), 'all the same');
    assert.equal(asyncio.currentTask()?.cancelling(), 0);
  },
);

both(
  'R-WFR-07 what the awaitable throws when it is cancelled comes out of waitFor()',
  function* ({ wait, go, loop }) {
    const touchy = go(function* () {
      try {
        yield* wait(asyncio.sleep(9));
      } catch {
        throw new ValueError('touchy');
      }
    });
    isError(yield* thrown(wait(asyncio.waitFor(touchy, 1))), ValueError, 'touchy');
    const task = loop.createTask(touchy);
    yield* wait(asyncio.sleep(0));
    isError(yield* thrown(wait(asyncio.waitFor(task, 0))), ValueError, 'touchy');
  },
);

both(
  'R-WFR-08 a result one iteration before the limit fires is the result of waitFor()',
  function* ({ wait, go, loop }) {
    const future = loop.createFuture<string>();
    loop.callAt(1, () => {
      future.setResult('just in time');
      limit.reschedule(0); // fires at the next iteration, in which the task resumes first
    });
    const limit = asyncio.timeout(100);
    const value = yield* wait(
      limit.run(
        go(function* () {
          return yield* wait(future);
        }),
      ),
    );
    assert.equal(value, 'just in time');
    assert.equal(limit.expired(), false);
  },
);

both('R-WFR-09 cancelling the caller of waitFor() cancels the awaitable', function* ({ wait, go, loop }) {
  for (const timeout of [null, 5]) {
    const inner = loop.createTask(asyncio.sleep(9));
    const waiter = loop.createTask(
      go(function* () {
        yield* wait(asyncio.waitFor(inner, timeout));
      }),
    );
    yield* wait(asyncio.sleep(1));
    waiter.cancel('stop');
    assert.deepEqual(cancelArgs(yield* thrown(wait(waiter))), ['stop']);
    assert.equal(inner.cancelled(), true);
  }
});

both(
  'R-WFR-09 a cancellation of the caller in the iteration of the result wins',
  function* ({ wait, go, loop }) {
    const future = loop.createFuture<string>();
    const waiter = loop.createTask(
      go(function* () {
        return yield* wait(asyncio.waitFor(future, 5));
      }),
    );
    yield* wait(asyncio.sleep(1));
    future.setResult('lost');
    assert.equal(waiter.cancel('stop'), true);
    assert.deepEqual(cancelArgs(yield* thrown(wait(waiter))), ['stop']);
  },
);

both('R-WFR-10 waitFor() of a shield leaves what is shielded running', function* ({ wait, loop }) {
  const inner = loop.createTask(asyncio.sleep(3, 'safe'));
  isError(yield* thrown(wait(asyncio.waitFor(asyncio.shield(inner), 1))), TimeoutError);
  assert.equal(loop.time(), 1);
  assert.equal(yield* wait(inner), 'safe');
});

both('waitFor() takes a promise, and gives up waiting for it', { only: 'async' }, function* ({ wait, loop }) {
  assert.equal(yield* wait(asyncio.waitFor(Promise.resolve('value'), null)), 'value');
  isError(yield* thrown(wait(asyncio.waitFor(new Promise<void>(() => {}), 2))), TimeoutError);
  assert.equal(loop.time(), 2);
});

both('waitFor() refuses a limit that is no duration', function* ({ loop }) {
  for (const limit of ['soon', Number.NaN, {}]) {
    assert.ok(thrownBy(() => asyncio.waitFor(loop.createFuture(), limit as never)) instanceof Error);
  }
});

// ---------------------------------------------------------------------------------------------- asCompleted

/** The futures that `for await` over it gives. */
function* each<T>(
  wait: <V>(awaitable: asyncio.Awaitable<V>) => Iterable<asyncio.Suspension, V, unknown>,
  completed: asyncio.AsCompleted<T>,
): Generator<asyncio.Suspension, asyncio.FutureLike<T>[], unknown> {
  const futures: asyncio.FutureLike<T>[] = [];
  for (;;) {
    const step = yield* wait(completed.next());
    if (step.done === true) return futures;
    futures.push(step.value);
  }
}

both('R-ASC-01 asCompleted() refuses what is no iterable of awaitables', function* ({ define, loop }) {
  const coroutine = define(function* () {})();
  for (const wrong of [loop.createFuture(), coroutine, 5, null]) {
    isError(
      thrownBy(() => asyncio.asCompleted(wrong as never)),
      TypeError,
      /^expects an iterable of awaitables, not /,
    );
  }
  coroutine.close();
});

both(
  'R-ASC-01 asCompleted() makes tasks at the call, and one only of what is given twice',
  function* ({ wait, define }) {
    let runs = 0;
    const run = define(function* () {
      runs += 1;
      return runs;
    });
    const coroutine = run();
    const completed = asyncio.asCompleted([coroutine, run(), coroutine]);
    assert.equal(asyncio.allTasks().size, 3);
    const futures = yield* each(wait, completed);
    assert.deepEqual(
      futures.map((future) => future.result()),
      [1, 2],
    );
  },
);

both(
  'R-ASC-02 for await over asCompleted() gives the very futures, as they complete',
  function* ({ wait, loop }) {
    const [slow, quick] = [
      loop.createTask(asyncio.sleep(2, 'slow')),
      loop.createTask(asyncio.sleep(1, 'quick')),
    ];
    const failed = loop.createFuture<string>();
    loop.callLater(1.5, () => failed.setException(new Error('boom')));
    const futures = yield* each(
      wait,
      asyncio.asCompleted([slow, asyncio.sleep(3, 'implicit'), failed, quick]),
    );
    assert.deepEqual(futures.slice(0, 3), [quick, failed, slow]);
    assert.ok(futures[3] instanceof asyncio.Task);
    assert.equal(futures[3].result(), 'implicit');
    isError(failed.exception(), Error, 'boom');
  },
);

both('R-ASC-02 for await is written over asCompleted()', { only: 'async' }, function* ({ wait, loop }) {
  const loopThrough = asyncio.coroutine(async () => {
    const values: unknown[] = [];
    for await (const future of asyncio.asCompleted([asyncio.sleep(2, 'b'), asyncio.sleep(1, 'a')])) {
      values.push(future.result(), loop.time());
    }
    return values;
  });
  assert.deepEqual(yield* wait(loopThrough()), ['a', 1, 'b', 2]);
});

both(
  'R-ASC-03 for over asCompleted() gives as many one-shot coroutines at once, for the results in order',
  function* ({ wait, loop }) {
    const failing = loop.createFuture<string>();
    loop.callLater(2, () => failing.setException(new Error('boom')));
    const coroutines = [...asyncio.asCompleted([asyncio.sleep(3, 'c'), asyncio.sleep(1, 'a'), failing])];
    assert.equal(loop.time(), 0);
    assert.equal(coroutines.length, 3);
    assert.ok(coroutines.every((each) => each instanceof asyncio.Coroutine));
    const [first, second, third] = coroutines as [
      asyncio.Coroutine<string>,
      asyncio.Coroutine<string>,
      asyncio.Coroutine<string>,
    ];
    // Whichever is awaited first gives what completes first.
    assert.equal(yield* wait(third), 'a');
    isError(yield* thrown(wait(first)), Error, 'boom');
    assert.equal(yield* wait(second), 'c');
    isError(yield* thrown(wait(second)), asyncio.RuntimeError, 'cannot reuse already awaited coroutine');
  },
);

both('R-ASC-03 the coroutines of asCompleted() may be awaited side by side', function* ({ wait }) {
  const completed = asyncio.asCompleted([asyncio.sleep(2, 'b'), asyncio.sleep(1, 'a')]);
  assert.deepEqual(yield* wait(asyncio.gather([...completed])), ['a', 'b']);
});

both('R-ASC-04 both styles may be mixed on one asCompleted(), and resumed', function* ({ wait }) {
  const completed = asyncio.asCompleted([1, 2, 3, 4].map((n) => asyncio.sleep(n, n)));
  const seen: unknown[] = [];
  for (const coroutine of completed) {
    seen.push(yield* wait(coroutine));
    break;
  }
  const step = yield* wait(completed.next());
  seen.push(step.done === true ? 'over' : step.value.result());
  for (const coroutine of completed) seen.push(yield* wait(coroutine));
  assert.deepEqual(seen, [1, 2, 3, 4]);
  assert.deepEqual(yield* wait(completed.next()), { value: undefined, done: true });
  assert.deepEqual([...completed], []);
});

both(
  'R-ASC-05 once the timeout of asCompleted() has passed, each step throws TimeoutError, and nothing is cancelled',
  function* ({ wait, loop }) {
    const tasks = [1, 5, 6].map((n) => loop.createTask(asyncio.sleep(n, n)));
    const completed = asyncio.asCompleted(tasks, { timeout: 2 });
    yield* wait(asyncio.sleep(0.5));
    const step = yield* wait(completed.next());
    assert.equal(step.value, tasks[0]);
    isError(yield* thrown(wait(completed.next())), TimeoutError);
    assert.equal(loop.time(), 2, 'it counts from the call');
    for (const coroutine of completed) isError(yield* thrown(wait(coroutine)), TimeoutError);
    assert.equal((yield* wait(completed.next())).done, true);
    yield* wait(asyncio.wait(tasks));
    assert.deepEqual(
      tasks.map((task) => task.result()),
      [1, 5, 6],
    );
  },
);

both('R-ASC-06 when all are done the timer of asCompleted() is cancelled', function* ({ wait, loop }) {
  let cancelled = 0;
  const callLater = loop.callLater.bind(loop);
  loop.callLater = (delay, callback, options) => {
    const handle = callLater(delay, callback, options);
    const cancel = handle.cancel.bind(handle);
    handle.cancel = () => {
      if (delay === 1000) cancelled += 1;
      cancel();
    };
    return handle;
  };
  const [a, b] = [loop.createFuture<void>(), loop.createFuture<void>()];
  const completed = asyncio.asCompleted([a, b], { timeout: 1000 });
  a.setResult();
  yield* wait(completed.next());
  assert.equal(cancelled, 0);
  b.setResult();
  yield* wait(completed.next());
  assert.equal(cancelled, 1);
});

both(
  'R-ASC-07 a step of asCompleted() that is cancelled while it waits is not lost',
  function* ({ wait, loop }) {
    const tasks = [2, 1].map((n) => loop.createTask(asyncio.sleep(n, n)));
    const completed = asyncio.asCompleted(tasks);
    isError(yield* thrown(wait(asyncio.waitFor(completed.next(), 0.5))), TimeoutError);
    for (const coroutine of completed) {
      isError(yield* thrown(wait(asyncio.waitFor(coroutine, 0.25))), TimeoutError);
      break;
    }
    assert.deepEqual(yield* each(wait, completed), [tasks[1], tasks[0]]);
  },
);

both('asCompleted() of nothing has no step', function* ({ wait }) {
  const completed = asyncio.asCompleted([], { timeout: 5 });
  assert.deepEqual([...completed], []);
  assert.equal((yield* wait(completed.next())).done, true);
});

both(
  'asCompleted() resumes its waiter after three iterations in both styles',
  function* ({ wait, go, loop }) {
    const ticks = ticker(loop);
    yield* wait(asyncio.sleep(0));
    let before = ticks();
    yield* wait(asyncio.asCompleted([go(function* () {})]).next());
    assert.equal(ticks() - before, 3);
    before = ticks();
    for (const coroutine of asyncio.asCompleted([go(function* () {})])) yield* wait(coroutine);
    assert.equal(ticks() - before, 3);
    ticks.stop();
  },
);

// ----------------------------------------------------------------------------------------- against a model

interface Work {
  readonly delay: number;
  readonly end: 'result' | 'error' | 'cancellation';
}

const work = fc.record<Work>({
  delay: fc.integer({ min: 1, max: 6 }),
  end: fc.constantFrom('result', 'error', 'cancellation'),
});

function begin(works: readonly Work[]): asyncio.Task<number>[] {
  return works.map(({ delay, end }) =>
    asyncio.createTask(
      (function* (): asyncio.Coro<number> {
        yield* asyncio.sleep(delay);
        if (end === 'error') throw new ValueError('boom');
        if (end === 'cancellation') throw new CancelledError();
        return delay;
      })(),
    ),
  );
}

/** Runs a program on a loop that reports nothing, since what fails here fails on purpose. */
function runQuietly(program: (loop: TestLoop) => asyncio.Coro<void>): void {
  const loop = new TestLoop();
  loop.setExceptionHandler(() => {});
  loop.runSync(program(loop));
  loop.close();
}

test('wait() ends at the right moment, with the right sets, for any works, mode and timeout', () => {
  const modes = [asyncio.FIRST_COMPLETED, asyncio.FIRST_EXCEPTION, asyncio.ALL_COMPLETED] as const;
  fc.assert(
    fc.property(
      fc.array(work, { minLength: 1, maxLength: 6 }),
      fc.constantFrom(...modes),
      fc.option(fc.nat(6)),
      (works, returnWhen, half) => {
        const timeout = half === null ? null : half + 0.5;
        const delays = works.map(({ delay }) => delay);
        const errors = works.filter(({ end }) => end === 'error').map(({ delay }) => delay);
        let moment = Math.max(...delays);
        if (returnWhen === asyncio.FIRST_COMPLETED) moment = Math.min(...delays);
        if (returnWhen === asyncio.FIRST_EXCEPTION && errors.length > 0) moment = Math.min(...errors);
        const expected = Math.min(moment, timeout ?? Number.POSITIVE_INFINITY);
        runQuietly(function* (loop) {
          const tasks = begin(works);
          const [done, pending] = yield* asyncio.wait(tasks, { returnWhen, timeout });
          assert.equal(loop.time(), expected);
          for (const [n, task] of tasks.entries()) {
            assert.equal(done.has(task), (delays[n] as number) <= expected);
            assert.equal(pending.has(task), !done.has(task));
          }
          yield* asyncio.wait(tasks);
        });
      },
    ),
  );
});

test('asCompleted() gives any works in the order of their ends', () => {
  fc.assert(
    fc.property(fc.array(work, { maxLength: 8 }), (works) => {
      runQuietly(function* (loop) {
        const tasks = begin(works);
        const seen: asyncio.FutureLike<number>[] = [];
        const completed = asyncio.asCompleted(tasks);
        for (let step = yield* completed.next(); step.done !== true; step = yield* completed.next()) {
          seen.push(step.value);
          assert.equal(loop.time(), works[tasks.indexOf(step.value as asyncio.Task<number>)]?.delay);
        }
        const order = [...works.keys()].sort((a, b) => (works[a] as Work).delay - (works[b] as Work).delay);
        assert.deepEqual(
          seen.map((each) => tasks.indexOf(each as asyncio.Task<number>)),
          order,
        );
      });
    }),
  );
});
