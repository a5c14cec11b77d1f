import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { CancelledError, Future, FuturesError, InvalidStateError, TimeoutError } from 'tsyncio/concurrent';
import { thrown } from './each-pool.js';

interface State {
  readonly name: string;
  readonly make: () => Future<string>;
}

const boom = new Error('boom');

function made(prepare: (future: Future<string>) => void): () => Future<string> {
  return () => {
    const future = new Future<string>();
    prepare(future);
    return future;
  };
}

const states: Record<string, State> = {
  pending: { name: 'PENDING', make: made(() => {}) },
  running: { name: 'RUNNING', make: made((future) => void future.setRunningOrNotifyCancel()) },
  cancelled: { name: 'CANCELLED', make: made((future) => void future.cancel()) },
  notified: {
    name: 'CANCELLED_AND_NOTIFIED',
    make: made((future) => {
      future.cancel();
      future.setRunningOrNotifyCancel();
    }),
  },
  succeeded: { name: 'FINISHED', make: made((future) => future.setResult('fine')) },
  failed: { name: 'FINISHED', make: made((future) => future.setException(boom)) },
};

function each(check: (future: Future<string>, state: string) => void, ...names: string[]): void {
  for (const name of names) check((states[name] as State).make(), name);
}

test('R-CF-01 cancelled(), running() and done() tell the state, in every state', () => {
  const seen: Record<string, boolean[]> = {};
  each(
    (future, name) => {
      seen[name] = [future.cancelled(), future.running(), future.done()];
    },
    ...Object.keys(states),
  );
  assert.deepEqual(seen, {
    pending: [false, false, false],
    running: [false, true, false],
    cancelled: [true, false, true],
    notified: [true, false, true],
    succeeded: [false, false, true],
    failed: [false, false, true],
  });
});

test('R-CF-01 a future goes from pending over running to finished, and a call can end without ever having been running', () => {
  const future = new Future<number>();
  assert.equal(future.setRunningOrNotifyCancel(), true);
  future.setResult(1);
  assert.deepEqual([future.done(), future.running(), future.result()], [true, false, 1]);
  const direct = new Future<number>();
  direct.setResult(2);
  assert.equal(direct.result(), 2);
});

test('R-CF-01 toString() and inspect() show the state and the kind of the outcome', () => {
  assert.match(String(new Future()), /^<Future.* state=pending>$/);
  each((future) => assert.match(`${future}`, /state=running/), 'running');
  each((future) => assert.match(`${future}`, /state=cancelled/), 'cancelled', 'notified');
  each((future) => assert.match(`${future}`, /state=finished returned string/), 'succeeded');
  each((future) => assert.match(`${future}`, /state=finished raised Error/), 'failed');
});

test('R-CF-02 cancel() takes back what is pending, says yes again, and leaves what runs or is finished alone', () => {
  const answers: Record<string, boolean> = {};
  each(
    (future, name) => {
      answers[name] = future.cancel();
    },
    ...Object.keys(states),
  );
  assert.deepEqual(answers, {
    pending: true,
    running: false,
    cancelled: true,
    notified: true,
    succeeded: false,
    failed: false,
  });
  const future = new Future();
  future.cancel();
  assert.equal(future.cancelled(), true);
});

test('R-CF-02 cancel() runs the callbacks, once', () => {
  const future = new Future();
  const calls: boolean[] = [];
  future.addDoneCallback((done) => void calls.push(done.cancelled()));
  future.cancel();
  future.cancel();
  future.setRunningOrNotifyCancel();
  assert.deepEqual(calls, [true]);
});

test('R-CF-02 cancel() with options for a call that nobody runs is a plain cancel()', () => {
  for (const options of [{ interrupt: true }, { kill: true }]) {
    assert.equal(new Future().cancel(options), true);
    each((future) => assert.equal(future.cancel(options), false), 'running', 'succeeded', 'failed');
  }
});

test('R-CF-03 result() gives the result, throws what the call threw, and CancelledError', () => {
  each((future) => assert.equal(future.result(), 'fine'), 'succeeded');
  each((future) => assert.equal(future.result(0), 'fine'), 'succeeded');
  each(
    (future) =>
      assert.equal(
        thrown(() => future.result()),
        boom,
      ),
    'failed',
  );
  each(
    (future) => assert.ok(thrown(() => future.result()) instanceof CancelledError),
    'cancelled',
    'notified',
  );
});

test('R-CF-03 exception() gives what the call threw or null, and throws CancelledError', () => {
  each((future) => assert.equal(future.exception(), null), 'succeeded');
  each((future) => assert.equal(future.exception(), boom), 'failed');
  each(
    (future) => assert.ok(thrown(() => future.exception()) instanceof CancelledError),
    'cancelled',
    'notified',
  );
});

test('R-CF-03 what is not done in time is a TimeoutError, also with no time at all and with a duration in words', () => {
  for (const limit of [0, -1, 0.01, '1ms'] as const) {
    each(
      (future) => {
        const error = thrown(() => future.result(limit));
        assert.ok(error instanceof TimeoutError);
        assert.ok(error instanceof asyncio.TimeoutError);
        assert.ok(thrown(() => future.exception(limit)) instanceof TimeoutError);
        assert.equal(future.done(), false);
      },
      'pending',
      'running',
    );
  }
});

test('R-CF-03 a timeout that is no duration is refused before anything is waited for', () => {
  const future = new Future();
  for (const wrong of [Number.NaN, 'soon', {}, true]) {
    const error = thrown(() => future.result(wrong as never));
    assert.ok(error instanceof TypeError || error instanceof RangeError || /timeout/i.test(error.message));
  }
});

test('result() without limit, when nothing could ever complete the future, is a DeadlockError and not a hang', () => {
  const future = new Future();
  assert.ok(thrown(() => future.result()) instanceof asyncio.DeadlockError);
  assert.ok(thrown(() => future.exception()) instanceof asyncio.DeadlockError);
});

test('R-CF-03 a result may be anything: undefined, null, an error, a thenable', () => {
  for (const value of [undefined, null, 0, boom, { then: 1 }]) {
    const future = new Future<unknown>();
    future.setResult(value);
    assert.equal(future.result(), value);
    assert.equal(future.exception(), null);
  }
  const failed = new Future();
  failed.setException(undefined);
  let caught: unknown = 'nothing';
  try {
    failed.result();
  } catch (error) {
    caught = error;
  }
  assert.notEqual(caught, 'nothing');
});

test('R-CF-04 callbacks run at once, in the order in which they were added, each once, with the future', () => {
  for (const end of ['setResult', 'setException'] as const) {
    const future = new Future<unknown>();
    const calls: unknown[] = [];
    future.addDoneCallback((done) => calls.push(['first', done === future]));
    future.addDoneCallback((done) => calls.push(['second', done.done()]));
    future.setRunningOrNotifyCancel();
    assert.deepEqual(calls, []);
    future[end](boom);
    assert.deepEqual(calls, [
      ['first', true],
      ['second', true],
    ]);
  }
});

test('R-CF-04 a callback that is added to a done future is called at once', () => {
  each(
    (future) => {
      let called = 0;
      future.addDoneCallback(() => void called++);
      assert.equal(called, 1);
    },
    'succeeded',
    'failed',
    'cancelled',
    'notified',
  );
});

test('R-CF-04 callbacks may add callbacks', () => {
  const future = new Future<number>();
  const calls: string[] = [];
  future.addDoneCallback(() => {
    calls.push('outer');
    future.addDoneCallback(() => calls.push('inner'));
  });
  future.addDoneCallback(() => calls.push('next'));
  future.setResult(1);
  assert.deepEqual(calls, ['outer', 'inner', 'next']);
});

test('R-CF-04 a callback that is no function is refused', () => {
  assert.throws(() => new Future().addDoneCallback(null as never), TypeError);
});

test('R-CF-05 an error of a callback is logged, and the others still run', () => {
  const logs: unknown[][] = [];
  const log = (...record: unknown[]) => void logs.push(record);
  const outer = asyncio.setLogger({ debug: log, info: log, warn: log, error: log });
  try {
    const future = new Future<number>();
    const calls: string[] = [];
    future.addDoneCallback(() => {
      throw boom;
    });
    future.addDoneCallback(() => calls.push('second'));
    future.setResult(1);
    assert.deepEqual(calls, ['second']);
    future.addDoneCallback(() => {
      throw boom;
    });
    assert.equal(logs.length, 2);
    for (const record of logs) assert.ok(record.includes(boom));
  } finally {
    asyncio.setLogger(outer);
  }
});

test('R-CF-06 setRunningOrNotifyCancel() starts what is pending, and says no to what was cancelled', () => {
  each((future) => assert.equal(future.setRunningOrNotifyCancel(), true), 'pending');
  each((future) => assert.equal(future.setRunningOrNotifyCancel(), false), 'cancelled');
  each(
    (future) => {
      const error = thrown(() => future.setRunningOrNotifyCancel());
      assert.ok(error instanceof asyncio.RuntimeError);
      assert.match(error.message, /future in unexpected state/i);
    },
    'running',
    'notified',
    'succeeded',
    'failed',
  );
});

test('R-CF-07 completing what is done or cancelled is an InvalidStateError, and changes nothing', () => {
  each(
    (future) => {
      const before = `${future}`;
      assert.ok(thrown(() => future.setResult('again')) instanceof InvalidStateError);
      assert.ok(thrown(() => future.setException(new Error('again'))) instanceof InvalidStateError);
      assert.equal(`${future}`, before);
    },
    'succeeded',
    'failed',
    'cancelled',
    'notified',
  );
});

test('the exception classes are ordinary errors, apart from those of asyncio', () => {
  assert.ok(new CancelledError() instanceof FuturesError);
  assert.ok(new InvalidStateError() instanceof FuturesError);
  assert.ok(new CancelledError() instanceof Error);
  assert.ok(!(new CancelledError() instanceof asyncio.CancelledError));
  assert.equal(TimeoutError, asyncio.TimeoutError);
  assert.deepEqual(
    [new CancelledError().name, new InvalidStateError().name],
    ['CancelledError', 'InvalidStateError'],
  );
});

test('R-FUT-19 a future that is awaited gives its result, its exception, its cancellation to the task', async () => {
  await asyncio.run(async () => {
    const [good, bad, gone] = [new Future<number>(), new Future<number>(), new Future<number>()];
    const loop = asyncio.getRunningLoop();
    loop.callSoon(() => {
      good.setResult(1);
      bad.setException(boom);
      gone.cancel();
    });
    assert.equal(await good, 1);
    await assert.rejects(async () => await bad, boom);
    await assert.rejects(async () => await gone, asyncio.CancelledError);
    assert.equal(await good, 1, 'it may be awaited again');
  });
});

test('R-FUT-19 the same in a generator coroutine', async () => {
  await asyncio.run(function* () {
    const future = new Future<number>();
    asyncio.getRunningLoop().callSoon(() => future.setResult(2));
    assert.equal(yield* future, 2);
    assert.equal(yield* future, 2);
  });
});

test('R-FUT-19 wrapFuture() carries the outcome through the loop, not at once', async () => {
  await asyncio.run(async () => {
    const source = new Future<number>();
    const target = asyncio.wrapFuture(source);
    assert.ok(asyncio.isfuture(target));
    source.setResult(3);
    assert.equal(target.done(), false);
    assert.equal(await target, 3);
    assert.equal(target.result(), 3);
  });
});

test('R-FUT-19 cancelling the wrapped future cancels the call', async () => {
  await asyncio.run(async () => {
    const source = new Future<number>();
    const target = asyncio.wrapFuture(source);
    target.cancel();
    await asyncio.sleep(0);
    assert.equal(source.cancelled(), true);
  });
});

test('R-FUT-19 cancelling the call cancels the wrapped future', async () => {
  await asyncio.run(async () => {
    const source = new Future<number>();
    const target = asyncio.wrapFuture(source);
    source.cancel();
    await asyncio.wait([target]);
    assert.equal(target.cancelled(), true);
  });
});

test("R-FUT-19 an InvalidStateError of the executor's arrives as asyncio's", async () => {
  await asyncio.run(async () => {
    const source = new Future<number>();
    source.setException(new InvalidStateError('state'));
    await assert.rejects(async () => await asyncio.wrapFuture(source), asyncio.InvalidStateError);
  });
});

test('R-FUT-19 an outcome that arrives when the loop is closed is dropped', async () => {
  const loop = new asyncio.EventLoop();
  const source = new Future<number>();
  asyncio.wrapFuture(source, { loop });
  loop.close();
  source.setResult(1);
  assert.equal(source.result(), 1);
});

test('R-FUT-20 wrapFuture() returns a future of the loop as it is, and refuses anything else', async () => {
  await asyncio.run(async () => {
    const future = asyncio.getRunningLoop().createFuture<number>();
    assert.equal(asyncio.wrapFuture(future), future);
    for (const wrong of [undefined, null, 1, {}, Promise.resolve(1)]) {
      assert.throws(() => asyncio.wrapFuture(wrong as never), TypeError);
    }
  });
});

test('R-FUT-21 an outcome for a wrapped future that was cancelled meanwhile is dropped', async () => {
  await asyncio.run(async () => {
    const source = new Future<number>();
    source.setRunningOrNotifyCancel();
    const target = asyncio.wrapFuture(source);
    source.setResult(1);
    target.cancel();
    await asyncio.sleep(0);
    await asyncio.sleep(0);
    assert.equal(target.cancelled(), true);
    assert.equal(source.result(), 1);
  });
});

test('R-RCT-01 runCoroutineThreadsafe() gives a future at once, which ends with the task', async () => {
  await asyncio.run(async () => {
    const loop = asyncio.getRunningLoop();
    const future = asyncio.runCoroutineThreadsafe(async () => await asyncio.sleep(0, 'slept'), loop);
    assert.ok(future instanceof Future);
    assert.equal(future.done(), false);
    assert.equal(await future, 'slept');
    const failing = asyncio.runCoroutineThreadsafe(async () => {
      throw boom;
    }, loop);
    await assert.rejects(async () => await failing, boom);
    const generator = (function* () {
      return yield* asyncio.sleep(0, 'generated');
    })();
    assert.equal(await asyncio.runCoroutineThreadsafe(generator, loop), 'generated');
  });
});

test('R-RCT-01 what is no coroutine is refused', async () => {
  await asyncio.run(async () => {
    const loop = asyncio.getRunningLoop();
    for (const wrong of [undefined, 1, {}, Promise.resolve(1)]) {
      assert.throws(() => asyncio.runCoroutineThreadsafe(wrong as never, loop), {
        name: 'TypeError',
        message: /A coroutine object is required/,
      });
    }
  });
});

test('R-RCT-02 cancelling the future of runCoroutineThreadsafe() cancels the task, before and after it has begun', async () => {
  await asyncio.run(async () => {
    const loop = asyncio.getRunningLoop();
    const log: string[] = [];
    const body = async () => {
      log.push('begun');
      try {
        await asyncio.sleep('1h');
      } catch (error) {
        log.push('cancelled');
        throw error;
      }
    };
    const early = asyncio.runCoroutineThreadsafe(body, loop);
    early.cancel();
    await asyncio.sleep(0.001);
    assert.deepEqual([log, early.cancelled()], [[], true]);
    const future = asyncio.runCoroutineThreadsafe(body, loop);
    await asyncio.sleep(0.001);
    assert.equal(future.cancel(), true);
    await asyncio.sleep(0.001);
    assert.deepEqual(log, ['begun', 'cancelled']);
    assert.equal(future.cancelled(), true);
  });
});

test('R-RCT-02 a task that is cancelled from within cancels the future', async () => {
  await asyncio.run(async () => {
    const loop = asyncio.getRunningLoop();
    const future = asyncio.runCoroutineThreadsafe(async () => {
      asyncio.currentTask()?.cancel();
      await asyncio.sleep(0);
    }, loop);
    await asyncio.wait([asyncio.wrapFuture(future)]);
    assert.equal(future.cancelled(), true);
  });
});

test('R-RCT-02 an error of the task factory is set on the future', async () => {
  await asyncio.run(async () => {
    const loop = asyncio.getRunningLoop();
    loop.setTaskFactory(() => {
      throw boom;
    });
    const future = asyncio.runCoroutineThreadsafe(() => asyncio.sleep(0), loop);
    await asyncio.wait([asyncio.wrapFuture(future)]);
    loop.setTaskFactory(null);
    assert.equal(future.exception(), boom);
  });
});
