import assert from 'node:assert/strict';
import * as asyncio from 'tsyncio';
import { both, cancelArgs, isError, type Kind, thrown, thrownBy } from './both-kinds.js';

const { CancelledError } = asyncio;

/** Makes attempts that note when they start and how they end. */
function attempts({ wait, go, loop }: Kind) {
  const log: string[] = [];
  const note = (text: string) => void log.push(`${loop.time()} ${text}`);
  const make = (name: string, delay: number, outcome: () => string) =>
    go(function* () {
      note(`${name} starts`);
      try {
        yield* wait(asyncio.sleep(delay));
      } catch (error) {
        note(`${name} cancelled`);
        yield* wait(asyncio.sleep(0.25));
        note(`${name} cleaned up`);
        throw error;
      }
      note(`${name} ends`);
      return outcome();
    });
  return {
    log,
    succeeds: (name: string, delay = 0) => make(name, delay, () => name),
    fails: (name: string, delay = 0) =>
      make(name, delay, () => {
        throw new Error(name);
      }),
  };
}

both(
  'R-STG-01 the first attempt that succeeds wins, and no other is started before its time',
  function* (kind) {
    const { log, succeeds } = attempts(kind);
    const race = asyncio.staggeredRace([succeeds('a'), succeeds('b')], 1);
    const [winner, index, exceptions] = yield* kind.wait(race);
    assert.deepEqual([winner, index, exceptions], ['a', 0, [null]]);
    assert.deepEqual(log, ['0 a starts', '0 a ends']);
  },
);

both('R-STG-01 a failure starts the next attempt at once', function* (kind) {
  const { log, succeeds, fails } = attempts(kind);
  const [winner, index, exceptions] = yield* kind.wait(
    asyncio.staggeredRace([fails('a', 1), fails('b'), succeeds('c'), succeeds('d')], 5),
  );
  assert.deepEqual([winner, index], ['c', 2]);
  assert.deepEqual(exceptions.map(String), ['Error: a', 'Error: b', 'null']);
  assert.deepEqual(log, ['0 a starts', '1 a ends', '1 b starts', '1 b ends', '1 c starts', '1 c ends']);
});

both(
  'R-STG-01 the next attempt is started when the delay has passed; the winner has the others cancelled, and waits for them',
  function* (kind) {
    const { log, succeeds } = attempts(kind);
    const [winner, index, exceptions] = yield* kind.wait(
      asyncio.staggeredRace(
        [succeeds('a', 9), succeeds('b', 1), succeeds('c', 9), succeeds('d', 9)],
        '750ms',
      ),
    );
    assert.deepEqual([winner, index], ['b', 1]);
    assert.equal(exceptions.length, 3);
    assert.ok(exceptions[0] instanceof CancelledError && exceptions[2] instanceof CancelledError);
    assert.equal(exceptions[1], null);
    assert.deepEqual(log, [
      '0 a starts',
      '0.75 b starts',
      '1.5 c starts',
      '1.75 b ends',
      '1.75 a cancelled',
      '1.75 c cancelled',
      '2 a cleaned up',
      '2 c cleaned up',
    ]);
  },
);

both(
  'R-STG-01 without a delay an attempt is started only by the failure of the one before',
  function* (kind) {
    const { log, succeeds, fails } = attempts(kind);
    const [winner, index] = yield* kind.wait(
      asyncio.staggeredRace([fails('a', 50), succeeds('b', 50)], null),
    );
    assert.deepEqual([winner, index], ['b', 1]);
    assert.deepEqual(log, ['0 a starts', '50 a ends', '50 b starts', '100 b ends']);
  },
);

both('R-STG-02 when none succeeds there is no winner', function* (kind) {
  const { fails } = attempts(kind);
  const [winner, index, exceptions] = yield* kind.wait(asyncio.staggeredRace([fails('a', 2), fails('b')], 1));
  assert.deepEqual([winner, index], [null, null]);
  assert.deepEqual(exceptions.map(String), ['Error: a', 'Error: b']);
});

both('R-STG-02 staggeredRace() of nothing has no winner', function* ({ wait }) {
  assert.deepEqual(yield* wait(asyncio.staggeredRace([], 1)), [null, null, []]);
});

both('R-STG-03 cancelling the race cancels all attempts, waits for them, and comes out', function* (kind) {
  const { wait, go, loop } = kind;
  const { log, succeeds } = attempts(kind);
  const task = loop.createTask(
    go(function* () {
      yield* wait(asyncio.staggeredRace([succeeds('a', 9), succeeds('b', 9), succeeds('c', 9)], 1));
    }),
  );
  yield* wait(asyncio.sleep(1.5));
  task.cancel('stop');
  assert.deepEqual(cancelArgs(yield* thrown(wait(task))), ['stop']);
  assert.equal(task.cancelled(), true);
  assert.deepEqual(log.slice(2), [
    '1.5 a cancelled',
    '1.5 b cancelled',
    '1.75 a cleaned up',
    '1.75 b cleaned up',
  ]);
});

both('staggeredRace() runs the attempts of an iterable one by one, on demand', function* (kind) {
  const { succeeds, fails } = attempts(kind);
  let asked = 0;
  function* all() {
    for (const each of [fails('a'), succeeds('b'), succeeds('c')]) {
      asked += 1;
      yield each;
    }
  }
  const [winner] = yield* kind.wait(asyncio.staggeredRace(all(), 5));
  assert.equal(winner, 'b');
  assert.equal(asked, 2);
});

both('an attempt that is no function has failed', function* ({ wait }) {
  const [winner, , exceptions] = yield* wait(asyncio.staggeredRace([5 as never], null));
  assert.equal(winner, null);
  isError(exceptions[0], TypeError);
});

both('an iterable that throws fails the race, once the attempts that run have ended', function* (kind) {
  const { log, fails } = attempts(kind);
  const bad = new Error('bad list');
  function* all() {
    yield fails('a', 2);
    throw bad;
  }
  const error = yield* thrown(kind.wait(asyncio.staggeredRace(all(), 1)));
  isError(error, asyncio.ExceptionGroup, 'staggered race failed');
  assert.deepEqual((error as asyncio.ExceptionGroup).exceptions, [bad]);
  assert.deepEqual(log, ['0 a starts', '2 a ends']);
});

both('staggeredRace() refuses at the call what is no iterable', function* ({ go }) {
  for (const wrong of [5, null, go(function* () {})]) {
    isError(
      thrownBy(() => asyncio.staggeredRace(wrong as never, null)),
      TypeError,
      /expects an iterable of functions/,
    );
  }
});

both('staggeredRace() refuses a delay that is no duration', function* () {
  assert.ok(thrownBy(() => asyncio.staggeredRace([], 'soon' as never)) instanceof Error);
});
