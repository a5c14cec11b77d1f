import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';

const levels = ['debug', 'info', 'warn', 'error'] as const;

/** A sink that remembers what it was told. */
function sink(): asyncio.Logger & { records: unknown[][] } {
  const records: unknown[][] = [];
  const at =
    (level: string) =>
    (...args: unknown[]) =>
      void records.push([level, ...args]);
  return { records, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

for (const level of levels) {
  test(`logger.${level}() hands the message and the details to the sink that was set`, () => {
    const target = sink();
    const outer = asyncio.setLogger(target);
    try {
      asyncio.logger[level]('message', 1, { two: 2 });
      assert.deepEqual(target.records, [[level, 'message', 1, { two: 2 }]]);
    } finally {
      asyncio.setLogger(outer);
    }
  });
}

test('setLogger() returns the sink that was in use, and null stands for the first one', () => {
  const [first, second] = [sink(), sink()];
  const standard = asyncio.setLogger(first);
  assert.equal(asyncio.setLogger(second), first);
  asyncio.logger.info('to the second');
  assert.equal(asyncio.setLogger(null), second);
  assert.equal(asyncio.setLogger(null), standard);
  assert.deepEqual([first.records, second.records], [[], [['info', 'to the second']]]);
});

for (const level of levels) {
  const shown = level === 'warn' || level === 'error';
  test(`logger.${level}() ${shown ? 'writes to the console' : 'is silent'} until setLogger() says otherwise`, (t) => {
    const { mock } = t.mock.method(console, level, () => {});
    asyncio.logger[level]('message', 1);
    assert.deepEqual(
      mock.calls.map((call) => call.arguments),
      shown ? [['message', 1]] : [],
    );
    const outer = asyncio.setLogger(console);
    try {
      asyncio.logger[level]('asked for');
      assert.deepEqual(mock.calls.at(-1)?.arguments, ['asked for']);
    } finally {
      asyncio.setLogger(outer);
    }
  });
}

test('what the library logs goes to the sink that is set when it happens', () => {
  const loop = new asyncio.EventLoop();
  const target = sink();
  const outer = asyncio.setLogger(target);
  try {
    loop.callExceptionHandler({ message: 'something' });
  } finally {
    asyncio.setLogger(outer);
  }
  assert.deepEqual(target.records, [['error', 'something']]);
  loop.close();
});
