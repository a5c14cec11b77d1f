import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { getDefaultHost, type Host } from 'tsyncio/lowlevel';
import { TestLoop } from 'tsyncio/testing';
import { both, cancelArgs, isError, RecordingClock, thrown, thrownBy } from './both-kinds.js';

const { CancelledError, ValueError } = asyncio;

both('R-CAN-01 cancel() of a done task gives false and counts nothing', function* ({ wait, go }) {
  const bodies = [
    go(function* () {
      return 1;
    }),
    go(function* (): asyncio.Coro<number> {
      throw new ValueError('failed');
    }),
    go(function* (): asyncio.Coro<number> {
      throw new CancelledError();
    }),
  ];
  for (const body of bodies) {
    const task = asyncio.createTask(body);
    yield* wait(asyncio.wait([task]));
    const before = String(task);
    assert.equal(task.cancel('late'), false);
    assert.equal(task.cancelling(), 0);
    assert.equal(String(task), before);
  }
});

both(
  'R-CAN-01 cancel() of an unfinished task gives true and counts, again and again',
  function* ({ wait, go }) {
    const task = asyncio.createTask(
      go(function* () {
        yield* wait(asyncio.sleep(60));
      }),
    );
    assert.equal(task.cancelling(), 0);
    assert.equal(task.cancel(), true);
    assert.equal(task.cancelling(), 1);
    assert.equal(task.cancel(), true);
    assert.equal(task.cancelling(), 2);
    yield* thrown(wait(task));
    assert.equal(task.cancelled(), true);
    assert.equal(task.cancelling(), 2);
    assert.equal(task.cancel(), false);
    assert.equal(task.cancelling(), 2);
  },
);

both(
  'R-CAN-02 cancel() of a waiting task cancels what it waits for, with the message',
  function* ({ wait, go, loop }) {
    const future = loop.createFuture<number>();
    const steps: string[] = [];
    const task = asyncio.createTask(
      go(function* () {
        const error = yield* thrown(wait(future));
        steps.push('seen');
        yield* wait(asyncio.sleep(0)); // nothing more is recorded, so nothing more is delivered
        steps.push('went on');
        throw error;
      }),
    );
    yield* wait(asyncio.sleep(0));
    task.cancel('message');
    assert.equal(future.cancelled(), true);
    assert.deepEqual(steps, []);
    assert.deepEqual(cancelArgs(yield* thrown(wait(task))), ['message']);
    assert.deepEqual(steps, ['seen', 'went on']);
  },
);

both(
  'R-CAN-02 a future that accepts the request may still come to a value: then nothing is thrown',
  function* ({ wait, go, loop }) {
    class Late extends asyncio.Future<string> {
      override cancel(): boolean {
        return !this.done();
      }
    }
    const future = new Late({ loop });
    const task = asyncio.createTask(
      go(function* () {
        const value = yield* wait(future);
        yield* wait(asyncio.sleep(1));
        return value;
      }),
    );
    yield* wait(asyncio.sleep(0));
    assert.equal(task.cancel(), true);
    future.setResult('in time');
    assert.equal(yield* wait(task), 'in time');
    assert.equal(task.cancelling(), 1);
  },
);

both(
  'R-CAN-02 a future that refuses to be cancelled leaves the request to the next step',
  function* ({ wait, go, loop }) {
    class Stubborn extends asyncio.Future<string> {
      asked: unknown[] = [];
      override cancel(message?: unknown): boolean {
        this.asked.push(message);
        return false;
      }
    }
    const future = new Stubborn({ loop });
    let seen: unknown;
    const task = asyncio.createTask(
      go(function* () {
        seen = yield* thrown(wait(future));
      }),
    );
    yield* wait(asyncio.sleep(0));
    task.cancel('message');
    assert.deepEqual(future.asked, ['message']);
    yield* wait(asyncio.sleep(0));
    assert.equal(task.done(), false);
    future.setResult('lost');
    yield* wait(task);
    assert.deepEqual(cancelArgs(seen), ['message']);
  },
);

both(
  'R-CAN-03 a task that has not started, that runs, or whose wait is over takes a note of the request',
  function* ({ wait, go, loop }) {
    const unstarted = asyncio.createTask(
      go(function* () {
        return 'ran';
      }),
    );
    unstarted.cancel('unstarted');
    const running = asyncio.createTask(
      go(function* () {
        asyncio.currentTask()!.cancel('running');
        yield* wait(asyncio.sleep(0));
      }),
    );
    const future = loop.createFuture<string>();
    const woken = asyncio.createTask(
      go(function* () {
        yield* wait(future);
      }),
    );
    yield* wait(asyncio.sleep(0));
    future.setResult('value');
    woken.cancel('woken');
    yield* wait(asyncio.wait([unstarted, running, woken]));
    assert.deepEqual(
      [unstarted, running, woken].map((task) => cancelArgs(thrownBy(() => task.result()))),
      [['unstarted'], ['running'], ['woken']],
    );
  },
);

both(
  'R-CAN-04 a task that is cancelled before its first step never runs its body',
  function* ({ wait, go, define }) {
    const ran: string[] = [];
    const steps = function* (): asyncio.Coro<void> {
      ran.push('body');
      try {
        yield* wait(asyncio.sleep(1));
      } finally {
        ran.push('finally');
      }
    };
    for (const coro of [go(steps), define(steps)()]) {
      const task = asyncio.createTask(coro);
      task.cancel('before');
      assert.equal(task.done(), false);
      assert.deepEqual(cancelArgs(yield* thrown(wait(task))), ['before']);
      assert.equal(task.cancelled(), true);
    }
    assert.deepEqual(ran, []);
  },
);

both(
  'R-CAN-04 a generator object that is cancelled before its first step is closed',
  { only: 'generator' },
  function* () {
    let ran = false;
    const generator = (function* (): asyncio.Coro<void> {
      ran = true;
    })();
    const task = asyncio.createTask(generator);
    task.cancel();
    yield* thrown(task);
    assert.deepEqual(generator.next(), { value: undefined, done: true });
    assert.equal(ran, false);
  },
);

both(
  'R-CAN-05 the value of a wait that is over is lost when the task is cancelled before it resumes',
  function* ({ wait, go, loop }) {
    const future = loop.createFuture<string>();
    let seen: unknown;
    const task = asyncio.createTask(
      go(function* () {
        seen = yield* thrown(wait(future));
        return 'went on';
      }),
    );
    yield* wait(asyncio.sleep(0));
    future.setResult('R');
    task.cancel('late');
    assert.equal(yield* wait(task), 'went on');
    assert.deepEqual(cancelArgs(seen), ['late']);
    assert.equal(future.result(), 'R');
  },
);

both('R-CAN-06 cancelling oneself cancels the pending future awaited next', function* ({ wait, go, loop }) {
  const future = loop.createFuture<string>();
  const order: string[] = [];
  const task = asyncio.createTask(
    go(function* () {
      yield* wait(asyncio.sleep(0));
      asyncio.currentTask()!.cancel('self');
      order.push('goes on');
      yield* wait(future);
    }),
  );
  assert.deepEqual(cancelArgs(yield* thrown(wait(task))), ['self']);
  assert.equal(future.cancelled(), true);
  assert.deepEqual(order, ['goes on']);
});

both(
  'R-CAN-06 cancelling oneself in the first step cancels the pending future awaited next',
  function* ({ wait, go, loop }) {
    const future = loop.createFuture<string>();
    const task = asyncio.createTask(
      go(function* () {
        asyncio.currentTask()!.cancel('self');
        yield* wait(future);
      }),
    );
    yield* wait(asyncio.sleep(0));
    assert.equal(future.cancelled(), true);
    future.cancel();
    assert.deepEqual(cancelArgs(yield* thrown(wait(task))), ['self']);
  },
);

both('R-CAN-06 cancelling oneself is delivered at sleep(0)', function* ({ wait, go }) {
  const task = asyncio.createTask(
    go(function* () {
      asyncio.currentTask()!.cancel('self');
      return yield* thrown(wait(asyncio.sleep(0)));
    }),
  );
  assert.deepEqual(cancelArgs(yield* wait(task)), ['self']);
});

both(
  'R-CAN-06 awaiting a done future or an empty coroutine delivers nothing',
  function* ({ wait, go, loop, define }) {
    const done = loop.createFuture<string>();
    done.setResult('value');
    const empty = define(function* () {
      return 'empty';
    });
    const seen: unknown[] = [];
    const task = asyncio.createTask(
      go(function* () {
        asyncio.currentTask()!.cancel('self');
        seen.push(yield* wait(done));
        seen.push(yield* wait(empty()));
        yield* wait(asyncio.sleep(0));
      }),
    );
    assert.deepEqual(cancelArgs(yield* thrown(wait(task))), ['self']);
    assert.deepEqual(seen, ['value', 'empty']);
  },
);

both(
  'R-CAN-07 cancelling the outer task cancels the inner one, and is over when that has ended',
  function* ({ wait, go }) {
    const order: string[] = [];
    const inner = asyncio.createTask(
      go(function* () {
        try {
          yield* wait(asyncio.sleep(60));
        } finally {
          order.push('inner cleans up');
          yield* wait(asyncio.sleep(5));
          order.push('inner has cleaned up');
        }
      }),
    );
    const outer = asyncio.createTask(
      go(function* () {
        try {
          yield* wait(inner);
        } finally {
          order.push('outer');
        }
      }),
    );
    yield* wait(asyncio.sleep(1));
    outer.cancel('through');
    assert.equal(inner.cancelling(), 1);
    assert.deepEqual(cancelArgs(yield* thrown(wait(outer))), ['through']);
    assert.deepEqual(order, ['inner cleans up', 'inner has cleaned up', 'outer']);
    assert.deepEqual([outer.cancelled(), inner.cancelled()], [true, true]);
  },
);

both(
  'R-CAN-07 the awaiter of a cancelled task sees the very object that left the coroutine',
  function* ({ wait, go }) {
    let inside: unknown;
    const inner = asyncio.createTask(
      go(function* () {
        inside = yield* thrown(wait(asyncio.sleep(60)));
        throw inside;
      }),
    );
    yield* wait(asyncio.sleep(0));
    inner.cancel('m');
    const seen = yield* thrown(wait(inner));
    assert.equal(seen, inside);
    assert.deepEqual(cancelArgs(seen), ['m']);
  },
);

both(
  'R-CAN-07 when the inner task swallows the cancellation, the outer await returns and is not cancelled',
  function* ({ wait, go }) {
    const inner = asyncio.createTask(
      go(function* () {
        yield* thrown(wait(asyncio.sleep(60)));
        return 'swallowed';
      }),
    );
    const outer = asyncio.createTask(
      go(function* () {
        const value = yield* wait(inner);
        yield* wait(asyncio.sleep(0));
        return value;
      }),
    );
    yield* wait(asyncio.sleep(1));
    outer.cancel();
    assert.equal(yield* wait(outer), 'swallowed');
    assert.deepEqual([outer.cancelled(), outer.cancelling()], [false, 1]);
  },
);

both(
  'R-CAN-08 cancelling a shared future throws CancelledError into each task that awaits it',
  function* ({ wait, go, loop }) {
    const future = loop.createFuture<void>();
    const body = go(function* () {
      return yield* thrown(wait(future));
    });
    const tasks = [asyncio.createTask(body), asyncio.createTask(body), asyncio.createTask(body)];
    yield* wait(asyncio.sleep(0));
    future.cancel('all');
    const errors = yield* wait(asyncio.gather(tasks));
    for (const error of errors) assert.deepEqual(cancelArgs(error), ['all']);
    assert.deepEqual(
      tasks.map((task) => [task.cancelled(), task.cancelling()]),
      [
        [false, 0],
        [false, 0],
        [false, 0],
      ],
    );
  },
);

both(
  'R-CAN-09 two cancels of a waiting task are one CancelledError, with the first message',
  function* ({ wait, go, loop }) {
    const future = loop.createFuture<void>();
    const seen: unknown[] = [];
    const task = asyncio.createTask(
      go(function* () {
        seen.push(yield* thrown(wait(future)));
        yield* wait(asyncio.sleep(0));
        yield* wait(asyncio.sleep(0));
      }),
    );
    yield* wait(asyncio.sleep(0));
    task.cancel('first');
    // The future is cancelled already, so the second request is noted; the step delivers what the future brought.
    task.cancel('second');
    yield* wait(task);
    assert.equal(seen.length, 1);
    assert.deepEqual(cancelArgs(seen[0]), ['first']);
    assert.equal(task.cancelling(), 2);
  },
);

both(
  'R-CAN-09 two cancels before the first step are one CancelledError, with the last message',
  function* ({ wait, go }) {
    const task = asyncio.createTask(
      go(function* () {
        return 'ran';
      }),
    );
    task.cancel('first');
    task.cancel('last');
    assert.deepEqual(cancelArgs(yield* thrown(wait(task))), ['last']);
  },
);

both(
  'R-CAN-09 two cancels of oneself are one CancelledError, with the last message',
  function* ({ wait, go }) {
    const seen: unknown[] = [];
    const task = asyncio.createTask(
      go(function* () {
        yield* wait(asyncio.sleep(0));
        asyncio.currentTask()!.cancel('first');
        asyncio.currentTask()!.cancel('last');
        seen.push(yield* thrown(wait(asyncio.sleep(9))));
        yield* wait(asyncio.sleep(0));
      }),
    );
    yield* wait(task);
    assert.deepEqual(seen.map(cancelArgs), [['last']]);
  },
);

both('R-CAN-10 a cancel after the previous one was caught is delivered anew', function* ({ wait, go }) {
  const seen: unknown[] = [];
  const task = asyncio.createTask(
    go(function* () {
      for (let i = 0; i < 3; i++) seen.push(cancelArgs(yield* thrown(wait(asyncio.sleep(60)))));
    }),
  );
  for (const message of ['one', 'two', 'three']) {
    yield* wait(asyncio.sleep(0));
    task.cancel(message);
    yield* wait(asyncio.sleep(0));
  }
  yield* wait(task);
  assert.deepEqual(seen, [['one'], ['two'], ['three']]);
  assert.equal(task.cancelling(), 3);
});

both('R-CAN-11 neither delivery nor swallowing changes cancelling()', function* ({ wait, go }) {
  const counts: number[] = [];
  const count = () => counts.push(asyncio.currentTask()!.cancelling());
  const task = asyncio.createTask(
    go(function* () {
      count();
      yield* thrown(wait(asyncio.sleep(60)));
      count();
      yield* wait(asyncio.sleep(0));
      count();
      yield* thrown(wait(asyncio.sleep(60)));
      count();
    }),
  );
  yield* wait(asyncio.sleep(0));
  task.cancel();
  for (let i = 0; i < 3; i++) yield* wait(asyncio.sleep(0));
  task.cancel();
  yield* wait(task);
  assert.deepEqual(counts, [0, 1, 1, 2]);
  assert.equal(task.cancelling(), 2);
});

both(
  'R-CAN-12 uncancel() takes one request back, never below zero, and returns the rest',
  function* ({ wait, go }) {
    const task = asyncio.createTask(
      go(function* () {
        yield* wait(asyncio.sleep(60));
      }),
    );
    assert.equal(task.uncancel(), 0);
    yield* wait(asyncio.sleep(0));
    task.cancel();
    task.cancel();
    task.cancel();
    assert.equal(task.uncancel(), 2);
    assert.equal(task.cancelling(), 2);
    assert.equal(task.uncancel(), 1);
    assert.equal(task.uncancel(), 0);
    assert.equal(task.uncancel(), 0);
    assert.equal(task.cancelling(), 0);
    yield* thrown(wait(task));
    assert.equal(task.cancelled(), true, 'what was delivered to the future already still comes');
  },
);

both(
  'R-CAN-13 the uncancel() that reaches zero withdraws a request not yet delivered',
  function* ({ wait, go }) {
    const task = asyncio.createTask(
      go(function* () {
        yield* wait(asyncio.sleep(0));
        const me = asyncio.currentTask()!;
        me.cancel();
        assert.equal(me.uncancel(), 0);
        yield* wait(asyncio.sleep(0));
        yield* wait(asyncio.sleep(1));
        return 'undisturbed';
      }),
    );
    assert.equal(yield* wait(task), 'undisturbed');
  },
);

both('R-CAN-13 the same in the first step of a task', function* ({ wait, go }) {
  const task = asyncio.createTask(
    go(function* () {
      const me = asyncio.currentTask()!;
      me.cancel();
      assert.equal(me.uncancel(), 0);
      yield* wait(asyncio.sleep(1));
      return 'undisturbed';
    }),
  );
  assert.equal(yield* wait(task), 'undisturbed');
});

both('R-CAN-13 an uncancel() that leaves a request behind withdraws nothing', function* ({ wait, go }) {
  const task = asyncio.createTask(
    go(function* () {
      yield* wait(asyncio.sleep(0));
      const me = asyncio.currentTask()!;
      me.cancel('one');
      me.cancel('two');
      assert.equal(me.uncancel(), 1);
      const error = yield* thrown(wait(asyncio.sleep(0)));
      assert.equal(me.cancelling(), 1);
      return error;
    }),
  );
  assert.deepEqual(cancelArgs(yield* wait(task)), ['two']);
});

both(
  'R-CAN-13 a request withdrawn from outside before the first step lets the task run',
  function* ({ wait, go }) {
    const task = asyncio.createTask(
      go(function* () {
        return 'ran';
      }),
    );
    task.cancel();
    assert.equal(task.uncancel(), 0);
    assert.equal(yield* wait(task), 'ran');
  },
);

both(
  'R-CAN-14 the message is the only argument of CancelledError, and there is none without',
  function* ({ wait, go }) {
    const object = { reason: 'object' };
    const cases: readonly [unknown, readonly unknown[]][] = [
      ['text', ['text']],
      [5, [5]],
      [0, [0]],
      ['', ['']],
      [false, [false]],
      [object, [object]],
      [null, []],
      [undefined, []],
    ];
    for (const [message, args] of cases) {
      for (const steps of [0, 1]) {
        const task = asyncio.createTask(
          go(function* () {
            yield* wait(asyncio.sleep(60));
          }),
        );
        for (let i = 0; i < steps; i++) yield* wait(asyncio.sleep(0));
        task.cancel(message);
        assert.deepEqual(cancelArgs(yield* thrown(wait(task))), args);
      }
    }
  },
);

both(
  'R-CAN-15 an exception raised in place of CancelledError makes the task fail with it',
  function* ({ wait, go }) {
    const task = asyncio.createTask(
      go(function* () {
        try {
          yield* wait(asyncio.sleep(60));
        } finally {
          // biome-ignore lint/correctness/noUnsafeFinally: the clean-up that fails is the point
          throw new ValueError('clean-up failed');
        }
      }),
    );
    yield* wait(asyncio.sleep(0));
    task.cancel();
    isError(yield* thrown(wait(task)), ValueError, 'clean-up failed');
    assert.equal(task.cancelled(), false);
    assert.equal(task.cancelling(), 1);
  },
);

test('R-CAN-16 cancelling a task that sleeps takes its timer away', () => {
  const clock = new RecordingClock();
  const loop = new TestLoop({ clock });
  loop.runSync(
    (function* () {
      const task = asyncio.createTask(function* () {
        yield* asyncio.sleep(60);
      });
      yield* asyncio.sleep(1);
      task.cancel();
      yield* thrown(task);
      yield* asyncio.sleep(100);
    })(),
  );
  loop.close();
  assert.deepEqual(
    clock.waits.filter((timeout) => timeout !== 0),
    [1, 100],
  );
});

both('R-CAN-16 cancelling a task that sleeps leaves no time to wait out', function* ({ wait, go, loop }) {
  const start = loop.time();
  const task = asyncio.createTask(
    go(function* () {
      yield* wait(asyncio.sleep(60));
    }),
  );
  yield* wait(asyncio.sleep(1));
  task.cancel();
  yield* thrown(wait(task));
  assert.equal(loop.time(), start + 1);
});

// ------------------------------------------------------------------------- every suspension point of a stack

both(
  'cancel() reaches the innermost wait of nested coroutines, and every finally runs, inside out',
  function* ({ wait, go, define }) {
    const order: string[] = [];
    const level = define(function* (depth: number): Generator<asyncio.Suspension, void, unknown> {
      try {
        if (depth === 0) yield* wait(asyncio.sleep(60));
        else yield* wait(level(depth - 1));
      } finally {
        order.push(`begin ${depth}`);
        yield* wait(asyncio.sleep(1));
        order.push(`end ${depth}`);
      }
    });
    const task = asyncio.createTask(
      go(function* () {
        yield* wait(level(2));
      }),
    );
    yield* wait(asyncio.sleep(1));
    task.cancel('through');
    assert.deepEqual(cancelArgs(yield* thrown(wait(task))), ['through']);
    assert.deepEqual(order, ['begin 0', 'end 0', 'begin 1', 'end 1', 'begin 2', 'end 2']);
  },
);

both(
  'cancel() at each of a task’s iterations cancels it, runs its clean-up once, and leaves nothing',
  function* ({ wait, go, define, loop }) {
    const lock = new asyncio.Lock();
    const queue = new asyncio.Queue<number>();
    const step = define(function* () {
      yield* wait(asyncio.sleep(0));
      return yield* wait(queue.get());
    });
    for (let at = 0; at < 12; at++) {
      const cleaned: string[] = [];
      const task = asyncio.createTask(
        go(function* () {
          try {
            yield* wait(asyncio.sleep(0));
            yield* wait(lock.acquire());
            try {
              yield* wait(step());
              yield* wait(asyncio.gather([step(), step()]));
            } finally {
              lock.release();
              cleaned.push('lock');
            }
            yield* wait(asyncio.sleep(3));
            return 'ended';
          } finally {
            yield* wait(asyncio.sleep(0));
            cleaned.push('outer');
          }
        }),
      );
      loop.callSoon(() => queue.putNowait(1));
      for (let i = 0; i < at; i++) yield* wait(asyncio.sleep(0));
      if (at > 3) queue.putNowait(2);
      if (at > 6) queue.putNowait(3);
      task.cancel(at);
      const error = yield* thrown(wait(task));
      assert.deepEqual(cancelArgs(error), [at], `cancelled at iteration ${at}`);
      assert.equal(cleaned.filter((each) => each === 'outer').length, at === 0 ? 0 : 1, `clean-up at ${at}`);
      assert.equal(lock.locked(), false, `the lock at ${at}`);
      yield* wait(asyncio.sleep(0));
      yield* wait(asyncio.sleep(0));
      assert.equal(asyncio.allTasks().size, 1, `tasks left at ${at}`);
      while (!queue.empty()) queue.getNowait();
    }
  },
);

both('cancelling the task of a gather cancels its children', function* ({ wait, go }) {
  const ended: string[] = [];
  const child = (name: string) =>
    go(function* () {
      try {
        yield* wait(asyncio.sleep(60));
      } finally {
        ended.push(name);
      }
    });
  const task = asyncio.createTask(
    go(function* () {
      yield* wait(asyncio.gather([child('a'), child('b')]));
    }),
  );
  yield* wait(asyncio.sleep(1));
  task.cancel('all');
  assert.deepEqual(cancelArgs(yield* thrown(wait(task))), ['all']);
  assert.deepEqual(ended, ['a', 'b']);
});

// --------------------------------------------------------------------------------- cancellations that get lost

both(
  'debug mode reports a task that swallowed its cancellation, with both stacks',
  { debug: true },
  function* ({ wait, go, logs }) {
    for (const ending of ['return', 'raise'] as const) {
      const task = asyncio.createTask(
        go(function* () {
          yield* thrown(wait(asyncio.sleep(60)));
          if (ending === 'raise') throw new ValueError('instead');
        }),
        { name: 'swallower' },
      );
      yield* wait(asyncio.sleep(0));
      task.cancel();
      yield* wait(asyncio.wait([task]));
      task.exception();
      const [log] = logs.splice(0);
      assert.match(
        log!,
        /^<Task .*name='swallower'.*> was cancelled but did not raise CancelledError \(swallowed by a catch\?\)\n/,
      );
      assert.match(
        log!,
        /\nCancelled at \(most recent call last\):\n( {2}File .*\n)+Task created at \(most recent call last\):\n( {2}File .*\n?)+$/,
      );
    }
  },
);

both(
  'debug mode says nothing of a cancellation that was taken back, or that got through',
  { debug: true },
  function* ({ wait, go }) {
    const takesBack = asyncio.createTask(
      go(function* () {
        yield* thrown(wait(asyncio.sleep(60)));
        asyncio.currentTask()!.uncancel();
      }),
    );
    const through = asyncio.createTask(
      go(function* () {
        yield* wait(asyncio.sleep(60));
      }),
    );
    yield* wait(asyncio.sleep(0));
    takesBack.cancel();
    through.cancel();
    yield* wait(asyncio.wait([takesBack, through]));
    yield* thrown(
      wait(
        asyncio.timeout(1).run(
          go(function* () {
            yield* wait(asyncio.sleep(60));
          }),
        ),
      ),
    );
  },
);

test('a cancelled task that a foreign promise holds for a second is logged once, with what to do', async () => {
  const timers: { delay: number; fire: () => void }[] = [];
  const platform = getDefaultHost();
  const host: Host = {
    time: () => platform.time(),
    clockResolution: platform.clockResolution,
    asyncContext: platform.asyncContext,
    soon: (callback) => platform.soon(callback),
    hop: (callback) => platform.hop(callback),
    settled: (callback) => platform.settled(callback),
    timer: (fire) => ({ set: (delay) => void timers.push({ delay, fire }), clear: () => {} }),
  };
  const logs: string[] = [];
  const log = (message: string) => void logs.push(message);
  const outer = asyncio.setLogger({ debug: log, info: log, warn: log, error: log });
  try {
    await asyncio.run(
      async () => {
        let resolve!: () => void;
        const foreign = new Promise<void>((each) => {
          resolve = each;
        });
        const task = asyncio.createTask(async () => await foreign, { name: 'held' });
        await asyncio.sleep(0);
        task.cancel();
        task.cancel();
        assert.deepEqual(logs, []);
        assert.ok(timers.length > 0);
        for (const { delay, fire } of timers.splice(0)) {
          assert.equal(delay, 1);
          fire();
        }
        assert.equal(logs.length, 1);
        assert.match(
          logs[0]!,
          /^<Task cancelling name='held' .*> was cancelled, but is awaiting a promise that tsyncio cannot interrupt: pass currentSignal\(\) or use wrapPromise\(\)$/,
        );
        resolve();
        await asyncio.wait([task]);
        assert.equal(task.cancelled(), true);
      },
      { loopFactory: () => new asyncio.EventLoop({ host }) },
    );
  } finally {
    asyncio.setLogger(outer);
  }
});
