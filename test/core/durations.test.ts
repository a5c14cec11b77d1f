import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import fc from '../property.js';
import { both, isError, thrown, thrownBy } from './both-kinds.js';

const { seconds, ValueError } = asyncio;

for (const [text, expected] of [
  ['250ms', 0.25],
  ['2s', 2],
  ['1.5m', 90],
  ['1h', 3600],
  ['0s', 0],
  ['0.5ms', 0.0005],
  ['007s', 7],
] as const) {
  test(`seconds('${text}') is ${expected}`, () => {
    assert.equal(seconds(text), expected);
  });
}

for (const wrong of [
  '',
  '5',
  's',
  'ms',
  ' 2s',
  '2s ',
  '2 s',
  '+2s',
  '-2s',
  '1e3s',
  '0x10s',
  '.5s',
  '5.s',
  '1_000s',
  '1,5s',
  '2S',
  '2d',
  '2sec',
  '2s\n',
  'Infinitys',
  'NaNs',
  '٣s',
]) {
  test(`seconds(${JSON.stringify(wrong)}) is a ValueError that shows the text`, () => {
    const error = thrownBy(() => seconds(wrong));
    isError(error, ValueError);
    assert.ok((error as Error).message.includes(JSON.stringify(wrong)), (error as Error).message);
  });
}

test('seconds() takes text only', () => {
  for (const wrong of [5, null, undefined, ['2s'], { toString: () => '2s' }]) {
    isError(
      thrownBy(() => seconds(wrong as never)),
      TypeError,
    );
  }
});

test('seconds() reads every decimal number as JavaScript does', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e15, noNaN: true }), (value) => {
      const text = String(value);
      if (!/^\d+(\.\d+)?$/.test(text)) return;
      assert.equal(seconds(`${text}s`), value);
      assert.equal(seconds(`${text}m`), value * 60);
    }),
  );
});

both('every duration may be a string with its unit', function* ({ loop, go, wait }) {
  yield* wait(asyncio.sleep('250ms'));
  assert.equal(loop.time(), 0.25);
  assert.equal(loop.callLater('1h', () => {}).when(), 3600.25);
  const slow = go(function* () {
    yield* wait(asyncio.sleep('1h'));
  });
  isError(yield* thrown(wait(asyncio.timeout('0.25s').run(slow))), asyncio.TimeoutError);
  assert.equal(loop.time(), 0.5);
  isError(yield* thrown(wait(asyncio.waitFor(slow, '500ms'))), asyncio.TimeoutError);
  assert.equal(loop.time(), 1);
  const future = loop.createFuture();
  yield* wait(asyncio.wait([future], { timeout: '1m' }));
  assert.equal(loop.time(), 61);
});

both('a duration that is NaN, a wrong text or of a wrong type is refused at once', ({ loop, go }) => {
  const nothing = go(function* () {});
  for (const [wrong, errorClass] of [
    [Number.NaN, ValueError],
    ['soon', ValueError],
    [{}, TypeError],
    [true, TypeError],
  ] as const) {
    for (const call of [
      () => asyncio.sleep(wrong as never),
      () => asyncio.timeout(wrong as never),
      () => asyncio.waitFor(nothing, wrong as never),
      () => loop.callLater(wrong as never, () => {}),
    ]) {
      isError(thrownBy(call), errorClass);
    }
  }
  return [][Symbol.iterator]() as unknown as asyncio.Coro<void>;
});

both('a negative duration is due at once', function* ({ loop, go, wait }) {
  yield* wait(asyncio.sleep(-5));
  assert.equal(loop.time(), 0);
  const body = go(function* () {
    yield* wait(asyncio.sleep(0));
  });
  isError(yield* thrown(wait(asyncio.timeout(-1).run(body))), asyncio.TimeoutError);
  assert.equal(loop.time(), 0);
});
