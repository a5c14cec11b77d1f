import assert from 'node:assert/strict';
import * as asyncio from 'tsyncio';
import { both, isError, thrown, thrownBy, ticker } from './both-kinds.js';

const { ValueError } = asyncio;

for (const delay of [0, -1, -0, Number.NEGATIVE_INFINITY, '0s', '0ms'] as const) {
  both(
    `R-SLP-01 sleep(${Object.is(delay, -0) ? '-0' : delay}) takes exactly one iteration and no time`,
    function* ({ wait, loop }) {
      const start = loop.time();
      const ticks = ticker(loop);
      yield* wait(asyncio.sleep(delay));
      assert.equal(ticks(), 1);
      ticks.stop();
      assert.equal(loop.time(), start);
    },
  );
}

both('R-SLP-01 sleep(0) lets what is ready run, in its order', function* ({ wait, go, loop }) {
  const order: string[] = [];
  loop.callSoon(() => order.push('callback'));
  const task = asyncio.createTask(
    go(function* () {
      order.push('task');
    }),
  );
  yield* wait(asyncio.sleep(0));
  order.push('sleeper');
  assert.deepEqual(order, ['callback', 'task', 'sleeper']);
  yield* wait(task);
});

both('R-SLP-02 sleep(NaN) raises ValueError at the call', function* () {
  isError(
    thrownBy(() => asyncio.sleep(Number.NaN)),
    ValueError,
    'Invalid delay: NaN (not a number)',
  );
});

both('R-SLP-03 sleep() gives the result, and undefined without one', function* ({ wait }) {
  const object = { a: 1 };
  assert.equal(yield* wait(asyncio.sleep(1, object)), object);
  assert.equal(yield* wait(asyncio.sleep(0, 'at once')), 'at once');
  assert.equal(yield* wait(asyncio.sleep(1)), undefined);
  assert.equal(yield* wait(asyncio.sleep(0)), undefined);
  assert.equal(yield* wait(asyncio.sleep(1, null)), null);
});

const durations = [
  [0.25, 0.25],
  ['250ms', 0.25],
  ['2s', 2],
  ['1.5m', 90],
  ['1h', 3600],
  [1e-6, 1e-6],
  [86_400 * 30, 86_400 * 30],
] as const;
for (const [duration, seconds] of durations) {
  both(
    `R-SLP-03 sleep(${duration}) resumes after ${seconds} s, and never before`,
    function* ({ wait, loop }) {
      const start = loop.time();
      yield* wait(asyncio.sleep(duration));
      const passed = loop.time() - start;
      assert.ok(Math.abs(passed - seconds) <= 1e-9 * Math.max(1, seconds), `${passed} s passed`);
    },
  );
}

both('R-SLP-03 the delay counts from the first step, not from the call', function* ({ wait, loop }) {
  const start = loop.time();
  const sleeping = asyncio.sleep(5);
  yield* wait(asyncio.sleep(3));
  yield* wait(sleeping);
  assert.equal(loop.time(), start + 8);
});

both(
  'R-SLP-03 sleepers wake by deadline, then in the order in which they lay down',
  function* ({ wait, go }) {
    const order: string[] = [];
    const sleeper = (name: string, delay: number) =>
      go(function* () {
        yield* wait(asyncio.sleep(delay));
        order.push(name);
      });
    yield* wait(
      asyncio.gather([
        sleeper('2a', 2),
        sleeper('1a', 1),
        sleeper('2b', 2),
        sleeper('1b', 1),
        sleeper('2c', 2),
      ]),
    );
    assert.deepEqual(order, ['1a', '1b', '2a', '2b', '2c']);
  },
);

both('a sleep is waited for once', function* ({ wait }) {
  const sleeping = asyncio.sleep(1);
  yield* wait(sleeping);
  isError(yield* thrown(wait(sleeping)), asyncio.RuntimeError, 'cannot reuse already awaited coroutine');
});

const badDurations: readonly [unknown, typeof ValueError | typeof TypeError, RegExp][] = [
  ['1', ValueError, /^Invalid duration: "1" is not a number with a unit \(ms, s, m, h\)$/],
  ['', ValueError, /^Invalid duration: "" /],
  ['1 s', ValueError, /^Invalid duration: "1 s" /],
  [' 1s', ValueError, /^Invalid duration/],
  ['1s ', ValueError, /^Invalid duration/],
  ['1s\n', ValueError, /^Invalid duration/],
  ['-1s', ValueError, /^Invalid duration/],
  ['+1s', ValueError, /^Invalid duration/],
  ['0x10s', ValueError, /^Invalid duration/],
  ['1e3s', ValueError, /^Invalid duration/],
  ['.5s', ValueError, /^Invalid duration/],
  ['1.s', ValueError, /^Invalid duration/],
  ['1S', ValueError, /^Invalid duration/],
  ['1d', ValueError, /^Invalid duration/],
  ['ms', ValueError, /^Invalid duration/],
  ['1s2s', ValueError, /^Invalid duration/],
  ['Infinitys', ValueError, /^Invalid duration/],
  ['NaNs', ValueError, /^Invalid duration/],
  [null, TypeError, /^Invalid delay: expected seconds or a string with its unit such as '250ms', got null$/],
  [undefined, TypeError, /^Invalid delay: expected seconds .* got undefined$/],
  [{}, TypeError, /^Invalid delay: expected seconds/],
  [true, TypeError, /^Invalid delay: expected seconds .* got true$/],
  [1n, TypeError, /^Invalid delay: expected seconds .* got 1$/],
];
for (const [value, errorClass, message] of badDurations) {
  both(
    `sleep() refuses ${typeof value === 'string' ? JSON.stringify(value) : String(value)} at the call`,
    function* () {
      isError(
        thrownBy(() => asyncio.sleep(value as never)),
        errorClass,
        message,
      );
    },
  );
}

both('seconds() reads a duration with its unit, and nothing else', function* () {
  assert.equal(asyncio.seconds('250ms'), 0.25);
  assert.equal(asyncio.seconds('2s'), 2);
  assert.equal(asyncio.seconds('1.5m'), 90);
  assert.equal(asyncio.seconds('0.5h'), 1800);
  assert.equal(asyncio.seconds('0s'), 0);
  isError(
    thrownBy(() => asyncio.seconds('5')),
    ValueError,
  );
  isError(
    thrownBy(() => asyncio.seconds(5 as never)),
    TypeError,
  );
});

both(
  'callLater() and timeout() take the same durations, callAt() takes numbers only',
  function* ({ wait, loop }) {
    const start = loop.time();
    const future = loop.createFuture<number>();
    loop.callLater('1500ms', () => future.setResult(loop.time() - start));
    assert.equal(yield* wait(future), 1.5);
    isError(
      thrownBy(() => loop.callLater('1' as never, () => {})),
      ValueError,
    );
    isError(
      thrownBy(() => loop.callLater(Number.NaN, () => {})),
      ValueError,
      'Invalid delay: NaN (not a number)',
    );
    isError(
      thrownBy(() => loop.callAt('1s' as never, () => {})),
      TypeError,
      /^Invalid time: expected a time of the loop's clock in seconds, got 1s$/,
    );
    isError(
      thrownBy(() => loop.callAt(Number.NaN, () => {})),
      ValueError,
      'Invalid time: NaN (not a number)',
    );
    isError(
      thrownBy(() => asyncio.timeout(Number.NaN)),
      ValueError,
      'Invalid timeout: NaN (not a number)',
    );
    isError(
      thrownBy(() => asyncio.timeout('soon' as never)),
      ValueError,
    );
  },
);
