/** StreamReader and StreamWriter, without a platform: the reader is fed by hand, the transport is one of the test's. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import fc from '../property.js';
import { both, cancelArgs, isError, type Kind, kinds, thrown, thrownBy } from './both-kinds.js';

type Coro<T> = asyncio.Coro<T>;

const bytes = (text: string) => Buffer.from(text);
const text = (data: Uint8Array) => Buffer.from(data).toString();

/** A transport that keeps what is written, and remembers what it was told. */
class RecordingTransport extends asyncio.Transport {
  readonly calls: string[] = [];
  readonly written: string[] = [];
  closing = false;
  protocol: asyncio.BaseProtocol = new asyncio.BaseProtocol();

  getExtraInfo(_name: string, defaultValue: unknown = null): never {
    return defaultValue as never;
  }
  isClosing() {
    return this.closing;
  }
  close() {
    this.closing = true;
    this.calls.push('close');
  }
  abort() {
    this.closing = true;
    this.calls.push('abort');
  }
  setProtocol(protocol: asyncio.BaseProtocol) {
    this.protocol = protocol;
  }
  getProtocol() {
    return this.protocol;
  }
  isReading() {
    return true;
  }
  pauseReading() {
    this.calls.push('pauseReading');
  }
  resumeReading() {
    this.calls.push('resumeReading');
  }
  setWriteBufferLimits() {}
  getWriteBufferSize() {
    return 0;
  }
  getWriteBufferLimits(): [number, number] {
    return [16, 64];
  }
  write(data: Uint8Array) {
    this.written.push(text(data));
  }
  writeEof() {
    this.calls.push('writeEof');
  }
  canWriteEof() {
    return true;
  }
}

/** A reader with `fed` in it. */
function readerOf(kind: Kind, ...fed: string[]): asyncio.StreamReader {
  const reader = new asyncio.StreamReader({ loop: kind.loop });
  for (const each of fed) reader.feedData(bytes(each));
  return reader;
}

/** Feeds when the loop has nothing else to do. */
function later(kind: Kind, call: () => void): void {
  kind.loop.callLater(1, call);
}

test('R-STR-01 a limit that is not positive is a ValueError', () => {
  for (const limit of [0, -1, Number.NaN]) {
    isError(
      thrownBy(() => new asyncio.StreamReader({ limit })),
      asyncio.ValueError,
      'Limit cannot be <= 0',
    );
  }
  assert.match(String(new asyncio.StreamReader({ limit: 7 })), /limit=7/);
  assert.doesNotMatch(String(new asyncio.StreamReader()), /limit/);
});

both('R-STR-02 read(n) gives what there is, up to n bytes', function* (kind) {
  const { wait } = kind;
  const reader = readerOf(kind, 'hello ', 'world');
  assert.equal(text(yield* wait(reader.read(8))), 'hello wo');
  assert.equal(text(yield* wait(reader.read(8))), 'rld');
});

both('R-STR-02 read(n) waits for the first byte, and gives nothing at the end', function* (kind) {
  const { wait } = kind;
  const reader = readerOf(kind);
  later(kind, () => reader.feedData(bytes('late')));
  assert.equal(text(yield* wait(reader.read(100))), 'late');
  later(kind, () => reader.feedEof());
  assert.equal((yield* wait(reader.read(100))).length, 0);
  assert.equal((yield* wait(reader.read(100))).length, 0);
});

both('R-STR-02 read(0) gives nothing at once', function* (kind) {
  assert.equal((yield* kind.wait(readerOf(kind).read(0))).length, 0);
  const reader = readerOf(kind, 'x');
  assert.equal((yield* kind.wait(reader.read(0))).length, 0);
  assert.equal(text(yield* kind.wait(reader.read(1))), 'x');
});

both('R-STR-02 read() gives everything up to the end, however often it is fed', function* (kind) {
  const reader = readerOf(kind, 'a');
  later(kind, () => {
    reader.feedData(bytes('b'));
    later(kind, () => {
      reader.feedData(bytes('c'));
      reader.feedEof();
    });
  });
  assert.equal(text(yield* kind.wait(reader.read())), 'abc');
  assert.equal((yield* kind.wait(reader.read(-1))).length, 0);
});

both('R-STR-03 readline() gives a line with its newline, across pieces', function* (kind) {
  const reader = readerOf(kind, 'one\ntw', 'o', '\nthree');
  assert.equal(text(yield* kind.wait(reader.readline())), 'one\n');
  assert.equal(text(yield* kind.wait(reader.readline())), 'two\n');
  later(kind, () => reader.feedData(bytes('!\n')));
  assert.equal(text(yield* kind.wait(reader.readline())), 'three!\n');
});

both('R-STR-03 readline() gives the rest at the end, possibly nothing', function* (kind) {
  const reader = readerOf(kind, 'rest');
  reader.feedEof();
  assert.equal(text(yield* kind.wait(reader.readline())), 'rest');
  assert.equal((yield* kind.wait(reader.readline())).length, 0);
});

both('R-STR-03 a line over the limit is removed with its end, or all that is there', function* (kind) {
  const { wait } = kind;
  const whole = new asyncio.StreamReader({ limit: 4, loop: kind.loop });
  whole.feedData(bytes('too long\nok\n'));
  isError(yield* thrown(wait(whole.readline())), asyncio.ValueError, /longer than limit/);
  assert.equal(text(yield* wait(whole.readline())), 'ok\n');
  const endless = new asyncio.StreamReader({ limit: 4, loop: kind.loop });
  endless.feedData(bytes('endless'));
  isError(yield* thrown(wait(endless.readline())), asyncio.ValueError, /exceed the limit/);
  endless.feedData(bytes('new\n'));
  assert.equal(text(yield* wait(endless.readline())), 'new\n');
});

both('R-STR-04 readuntil() gives everything through the separator, across pieces', function* (kind) {
  const reader = readerOf(kind, 'a-', '-', '>b--', '>-->');
  assert.equal(text(yield* kind.wait(reader.readuntil('-->'))), 'a-->');
  assert.equal(text(yield* kind.wait(reader.readuntil(bytes('-->')))), 'b-->');
  assert.equal(text(yield* kind.wait(reader.readuntil(['-->']))), '-->');
  later(kind, () => reader.feedData(bytes('c-')));
  kind.loop.callLater(2, () => reader.feedData(bytes('->')));
  assert.equal(text(yield* kind.wait(reader.readuntil('-->'))), 'c-->');
});

both('R-STR-04 readuntil() at the end: IncompleteReadError with what there was', function* (kind) {
  const reader = readerOf(kind, 'part');
  later(kind, () => reader.feedEof());
  const error = yield* thrown(kind.wait(reader.readuntil('\r\n')));
  isError(error, asyncio.IncompleteReadError, '4 bytes read on a total of undefined expected bytes');
  assert.equal(text((error as asyncio.IncompleteReadError).partial), 'part');
  assert.equal((error as asyncio.IncompleteReadError).expected, null);
  assert.ok(reader.atEof());
});

both('R-STR-04 readuntil() over the limit: LimitOverrunError, and the data stays', function* (kind) {
  const { wait } = kind;
  const reader = new asyncio.StreamReader({ limit: 4, loop: kind.loop });
  reader.feedData(bytes('abcdefgh'));
  const missing = yield* thrown(wait(reader.readuntil('XY')));
  isError(missing, asyncio.LimitOverrunError, 'Separator is not found, and chunk exceed the limit');
  assert.equal((missing as asyncio.LimitOverrunError).consumed, 7);
  reader.feedData(bytes('XY'));
  const found = yield* thrown(wait(reader.readuntil('XY')));
  isError(found, asyncio.LimitOverrunError, 'Separator is found, but chunk is longer than limit');
  assert.equal((found as asyncio.LimitOverrunError).consumed, 8);
  assert.equal(text(yield* wait(reader.readexactly(10))), 'abcdefghXY');
});

both('R-STR-05 of several separators, the one whose match ends first wins', function* (kind) {
  const { wait } = kind;
  assert.equal(text(yield* wait(readerOf(kind, 'x\r\ny').readuntil(['\n', '\r\n']))), 'x\r\n');
  assert.equal(text(yield* wait(readerOf(kind, 'x\ry').readuntil(['\r\n', '\r']))), 'x\r');
  assert.equal(text(yield* wait(readerOf(kind, 'a__b_').readuntil(['__b_', '_']))), 'a_');
  assert.equal(text(yield* wait(readerOf(kind, 'abc').readuntil(['c', 'bc']))), 'abc');
});

test('R-STR-05 the separator that ends first is found wherever the pieces part', async () => {
  const word = (longest: number) =>
    fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: longest }).map((each) => each.join(''));
  const pieces = fc.array(word(6), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(pieces, fc.array(word(4), { minLength: 1, maxLength: 3 }), async (parts, separators) => {
      const whole = parts.join('');
      const ends = separators.flatMap((each) =>
        whole.includes(each) ? whole.indexOf(each) + each.length : [],
      );
      await asyncio.run(async () => {
        const reader = new asyncio.StreamReader();
        for (const part of parts) reader.feedData(bytes(part));
        reader.feedEof();
        try {
          assert.equal(text(await reader.readuntil(separators)), whole.slice(0, Math.min(...ends)));
        } catch (error) {
          assert.ok(error instanceof asyncio.IncompleteReadError && ends.length === 0, String(error));
        }
      });
    }),
  );
});

both('R-STR-05 a longer separator that is not complete yet is still found', function* (kind) {
  const reader = readerOf(kind, 'data--');
  later(kind, () => reader.feedData(bytes('end.')));
  assert.equal(text(yield* kind.wait(reader.readuntil(['.', '--end']))), 'data--end');
});

test('R-STR-05 no separator, an empty one and what is none are refused at once', () => {
  const reader = new asyncio.StreamReader();
  isError(
    thrownBy(() => reader.readuntil([])),
    asyncio.ValueError,
    /at least one element/,
  );
  isError(
    thrownBy(() => reader.readuntil('')),
    asyncio.ValueError,
    /at least one-byte/,
  );
  isError(
    thrownBy(() => reader.readuntil(['a', ''])),
    asyncio.ValueError,
    /at least one-byte/,
  );
  isError(
    thrownBy(() => reader.readuntil(7 as never)),
    TypeError,
    /expected bytes/,
  );
});

both('R-STR-06 readexactly(n) waits for all of them, over the limit, too', function* (kind) {
  const { wait } = kind;
  const reader = new asyncio.StreamReader({ limit: 2, loop: kind.loop });
  for (let i = 0; i < 4; i += 1) kind.loop.callLater(i + 1, () => reader.feedData(bytes(`ab${i}`)));
  assert.equal(text(yield* wait(reader.readexactly(10))), 'ab0ab1ab2a');
  assert.equal(text(yield* wait(reader.readexactly(2))), 'b3');
  assert.equal((yield* wait(reader.readexactly(0))).length, 0);
});

both('R-STR-06 readexactly(n) at the end: IncompleteReadError, and the buffer is empty', function* (kind) {
  const reader = readerOf(kind, 'abc');
  later(kind, () => reader.feedEof());
  const error = yield* thrown(kind.wait(reader.readexactly(4)));
  isError(error, asyncio.IncompleteReadError, '3 bytes read on a total of 4 expected bytes');
  assert.equal(text((error as asyncio.IncompleteReadError).partial), 'abc');
  assert.ok(reader.atEof());
});

test('R-STR-06 a negative or broken count is refused at once', () => {
  const reader = new asyncio.StreamReader();
  isError(
    thrownBy(() => reader.readexactly(-1)),
    asyncio.ValueError,
    /less than zero/,
  );
  for (const count of [1.5, Number.NaN, '1', null]) {
    isError(
      thrownBy(() => reader.readexactly(count as never)),
      TypeError,
      /whole number/,
    );
    isError(
      thrownBy(() => reader.read(count as never)),
      TypeError,
      /whole number/,
    );
  }
});

both('R-STR-07 reads that the buffer can satisfy do not suspend', { only: 'generator' }, function* (kind) {
  const reader = readerOf(kind, 'a\nbc\ndefghi');
  reader.feedEof();
  for (const read of [
    reader.read(1),
    reader.readline(),
    reader.readuntil('\n'),
    reader.readexactly(3),
    reader.next(),
    reader.read(),
  ]) {
    const iterator = (read as asyncio.Coroutine<unknown>)[Symbol.iterator]();
    assert.equal(iterator.next().done, true);
  }
  yield* asyncio.sleep(0);
});

both('R-STR-08 a second read at once is a RuntimeError, and the first goes on', function* (kind) {
  const reader = readerOf(kind);
  const first = asyncio.createTask(
    kind.go(function* () {
      return text(yield* kind.wait(reader.readline()));
    }),
  );
  yield* kind.wait(asyncio.sleep(0));
  for (const [name, read] of [
    ['read', () => reader.read(1)],
    ['readline', () => reader.readline()],
    ['readexactly', () => reader.readexactly(1)],
    ['readuntil', () => reader.readuntil('x')],
  ] as const) {
    isError(
      yield* thrown(kind.wait(read())),
      asyncio.RuntimeError,
      `${name}() called while another coroutine is already waiting for incoming data`,
    );
  }
  reader.feedData(bytes('line\n'));
  assert.equal(yield* kind.wait(first), 'line\n');
});

both('R-STR-09 setException() reaches the read that waits, and every later one', function* (kind) {
  const reader = readerOf(kind, 'unread');
  const broken = new Error('broken');
  later(kind, () => reader.setException(broken));
  assert.equal(yield* thrown(kind.wait(reader.readuntil('x'))), broken);
  assert.equal(yield* thrown(kind.wait(reader.read(1))), broken);
  assert.equal(yield* thrown(kind.wait(reader.readline())), broken);
  assert.equal(reader.exception(), broken);
});

both(
  'R-STR-09 setException() right behind data reaches a read that the data does not satisfy',
  function* (kind) {
    for (const read of ['read', 'readline', 'readexactly'] as const) {
      const reader = readerOf(kind, '');
      const broken = new Error('broken');
      later(kind, () => {
        reader.feedData(bytes('x'));
        reader.setException(broken);
      });
      const reading = read === 'readexactly' ? reader.readexactly(2) : reader[read]();
      assert.equal(yield* thrown(kind.wait(reading)), broken, read);
    }
  },
);

both('R-STR-10 over twice the limit the transport is paused; at the limit it goes on', function* (kind) {
  const reader = new asyncio.StreamReader({ limit: 4, loop: kind.loop });
  const transport = new RecordingTransport();
  reader.setTransport(transport);
  reader.feedData(bytes('12345678'));
  assert.deepEqual(transport.calls, []);
  reader.feedData(bytes('9'));
  assert.deepEqual(transport.calls, ['pauseReading']);
  yield* kind.wait(reader.readexactly(4));
  assert.deepEqual(transport.calls, ['pauseReading']);
  yield* kind.wait(reader.readexactly(1));
  assert.deepEqual(transport.calls, ['pauseReading', 'resumeReading']);
});

both('R-STR-10 a read that must wait has the transport go on first', function* (kind) {
  const reader = new asyncio.StreamReader({ limit: 4, loop: kind.loop });
  const transport = new RecordingTransport();
  reader.setTransport(transport);
  reader.feedData(bytes('123456789'));
  later(kind, () => reader.feedData(bytes('0')));
  assert.equal(text(yield* kind.wait(reader.readexactly(10))), '1234567890');
  assert.deepEqual(transport.calls, ['pauseReading', 'resumeReading', 'pauseReading', 'resumeReading']);
  isError(
    thrownBy(() => reader.setTransport(transport)),
    asyncio.RuntimeError,
  );
});

both('R-STR-10 a transport that cannot pause is left alone', function* (kind) {
  const reader = new asyncio.StreamReader({ limit: 1, loop: kind.loop });
  const transport = new RecordingTransport();
  transport.pauseReading = () => {
    throw new asyncio.NotImplementedError();
  };
  reader.setTransport(transport);
  reader.feedData(bytes('123'));
  reader.feedData(bytes('456'));
  assert.equal(text(yield* kind.wait(reader.readexactly(6))), '123456');
  assert.deepEqual(transport.calls, []);
});

both('R-STR-11 nothing can be fed after the end; atEof() is the end and an empty buffer', function* (kind) {
  const reader = readerOf(kind, 'x');
  reader.feedData(new Uint8Array());
  assert.equal(reader.atEof(), false);
  reader.feedEof();
  assert.equal(reader.atEof(), false);
  isError(
    thrownBy(() => reader.feedData(bytes('y'))),
    asyncio.RuntimeError,
    /feedEof/,
  );
  yield* kind.wait(reader.read(1));
  assert.equal(reader.atEof(), true);
  isError(
    thrownBy(() => readerOf(kind).feedData('text' as never)),
    TypeError,
    /expected bytes/,
  );
});

both('R-STR-12 iterating gives the lines, and ends at the end', function* (kind) {
  const reader = readerOf(kind, 'one\ntwo\nrest');
  reader.feedEof();
  const lines: string[] = [];
  for (
    let step = yield* kind.wait(reader.next());
    step.done !== true;
    step = yield* kind.wait(reader.next())
  ) {
    lines.push(text(step.value));
  }
  assert.deepEqual(lines, ['one\n', 'two\n', 'rest']);
});

test('R-STR-12 for await over a reader gives the lines', async () => {
  const lines = await asyncio.run(async () => {
    const reader = new asyncio.StreamReader();
    reader.feedData(bytes('one\ntwo\n'));
    asyncio.getRunningLoop().callLater(0.001, () => {
      reader.feedData(bytes('three\n'));
      reader.feedEof();
    });
    const seen: string[] = [];
    for await (const line of reader) seen.push(line.toString());
    return seen;
  });
  assert.deepEqual(lines, ['one\n', 'two\n', 'three\n']);
});

both('a cancelled read loses nothing, whichever it is', function* (kind) {
  const { wait } = kind;
  for (const start of [
    (reader: asyncio.StreamReader) => reader.read(),
    (reader: asyncio.StreamReader) => reader.readline(),
    (reader: asyncio.StreamReader) => reader.readexactly(100),
    (reader: asyncio.StreamReader) => reader.readuntil('X'),
    (reader: asyncio.StreamReader) => reader.next(),
  ]) {
    const reader = readerOf(kind, 'abc', 'def');
    const task = asyncio.createTask(
      kind.go(function* (): Coro<unknown> {
        return yield* wait(start(reader) as asyncio.Coroutine<unknown>);
      }),
    );
    yield* wait(asyncio.sleep(0));
    reader.feedData(bytes('ghi'));
    yield* wait(asyncio.sleep(1));
    task.cancel('enough');
    assert.deepEqual(cancelArgs(yield* thrown(wait(task))), ['enough']);
    reader.feedData(bytes('j'));
    reader.feedEof();
    assert.equal(text(yield* wait(reader.read())), 'abcdefghij');
  }
});

both('a read that was cancelled when its data had come leaves the data', function* (kind) {
  const { wait } = kind;
  const reader = readerOf(kind);
  const task = asyncio.createTask(
    kind.go(function* (): Coro<unknown> {
      return yield* wait(reader.readline());
    }),
  );
  yield* wait(asyncio.sleep(0));
  reader.feedData(bytes('line\n'));
  task.cancel();
  yield* thrown(wait(task));
  assert.equal(text(yield* wait(reader.readline())), 'line\n');
});

both('one byte at a time: nothing is lost, and lines are found', function* (kind) {
  const reader = new asyncio.StreamReader({ limit: 100_000, loop: kind.loop });
  const line = `${'x'.repeat(5000)}\r\n`;
  for (const byte of bytes(line + line)) reader.feedData(Uint8Array.of(byte));
  assert.equal(text(yield* kind.wait(reader.readuntil('\r\n'))), line);
  assert.equal(text(yield* kind.wait(reader.readexactly(7))), 'xxxxxxx');
  assert.equal(text(yield* kind.wait(reader.readline())), line.slice(7));
});

both('results are Buffers on Node, whatever was fed and however they were put together', function* (kind) {
  const reader = new asyncio.StreamReader({ loop: kind.loop });
  reader.feedData(Uint8Array.of(97, 98));
  reader.feedData(Uint8Array.of(99, 10, 100));
  for (const data of [
    yield* kind.wait(reader.read(1)),
    yield* kind.wait(reader.readline()),
    yield* kind.wait(reader.readexactly(1)),
    yield* kind.wait(reader.read(0)),
  ]) {
    assert.ok(Buffer.isBuffer(data));
  }
});

// -------------------------------------------------------------------------------------------------- the writer

/** A writer over a transport of the test's. */
function writerOf(kind: Kind) {
  const transport = new RecordingTransport();
  const reader = new asyncio.StreamReader({ loop: kind.loop });
  const protocol = new asyncio.StreamReaderProtocol(reader, null, kind.loop);
  const writer = new asyncio.StreamWriter(transport, protocol, reader, kind.loop);
  protocol.connectionMade(transport);
  return { transport, reader, protocol, writer };
}

both('StreamWriter hands on to its transport', function* (kind) {
  const { transport, writer } = writerOf(kind);
  writer.write(bytes('a'));
  writer.writelines([bytes('b'), bytes('c')]);
  assert.equal(writer.canWriteEof(), true);
  writer.writeEof();
  assert.equal(writer.isClosing(), false);
  writer.close();
  assert.equal(writer.isClosing(), true);
  assert.deepEqual(transport.written, ['a', 'b', 'c']);
  assert.deepEqual(transport.calls, ['writeEof', 'close']);
  assert.equal(writer.transport, transport);
  assert.equal(writer.getExtraInfo('peername'), null);
  assert.equal(writer.getExtraInfo('peername', 'nobody'), 'nobody');
  yield* kind.wait(asyncio.sleep(0));
});

both('R-STR-13 drain() returns at once while writing is not paused', { only: 'generator' }, function* (kind) {
  const { writer } = writerOf(kind);
  const iterator = writer.drain()[Symbol.iterator]();
  assert.equal(iterator.next().done, true);
  yield* asyncio.sleep(0);
});

both('R-STR-13 drain() waits for resumeWriting(), any number of waiters', function* (kind) {
  const { protocol, writer } = writerOf(kind);
  protocol.pauseWriting();
  let drained = 0;
  const waiters = Array.from({ length: 3 }, () =>
    asyncio.createTask(
      kind.go(function* () {
        yield* kind.wait(writer.drain());
        drained += 1;
      }),
    ),
  );
  yield* kind.wait(asyncio.sleep(1));
  assert.equal(drained, 0);
  protocol.resumeWriting();
  yield* kind.wait(asyncio.gather(waiters));
  assert.equal(drained, 3);
});

both('R-STR-13 drain() raises what the reader raises', function* (kind) {
  const { reader, writer } = writerOf(kind);
  const broken = new Error('broken');
  reader.setException(broken);
  assert.equal(yield* thrown(kind.wait(writer.drain())), broken);
});

both(
  'R-STR-13 drain() of a lost connection: ConnectionResetError; who waits gets the reason',
  function* (kind) {
    const { wait } = kind;
    const ended = writerOf(kind);
    ended.protocol.connectionLost(null);
    isError(yield* thrown(wait(ended.writer.drain())), asyncio.ConnectionResetError, 'Connection lost');
    const broken = writerOf(kind);
    broken.protocol.pauseWriting();
    const reason = new asyncio.BrokenPipeError('gone');
    later(kind, () => broken.protocol.connectionLost(reason));
    assert.equal(yield* thrown(wait(broken.writer.drain())), reason);
    const closed = writerOf(kind);
    closed.protocol.pauseWriting();
    later(kind, () => closed.protocol.connectionLost(null));
    yield* wait(closed.writer.drain());
  },
);

both('R-STR-13 drain() on a closing transport lets the loop turn once', function* (kind) {
  const { transport, protocol, writer } = writerOf(kind);
  transport.close();
  kind.loop.callSoon(() => protocol.connectionLost(null));
  isError(yield* thrown(kind.wait(writer.drain())), asyncio.ConnectionResetError, 'Connection lost');
});

both('a cancelled drain() leaves the others waiting', function* (kind) {
  const { protocol, writer } = writerOf(kind);
  protocol.pauseWriting();
  const [first, second] = [0, 1].map(() =>
    asyncio.createTask(
      kind.go(function* () {
        yield* kind.wait(writer.drain());
      }),
    ),
  ) as [asyncio.Task<void>, asyncio.Task<void>];
  yield* kind.wait(asyncio.sleep(0));
  first.cancel();
  yield* thrown(kind.wait(first));
  assert.equal(second.done(), false);
  protocol.resumeWriting();
  yield* kind.wait(second);
});

both('R-STR-14 waitClosed() waits for connectionLost(), and raises its reason', function* (kind) {
  const { wait } = kind;
  const ended = writerOf(kind);
  later(kind, () => ended.protocol.connectionLost(null));
  yield* wait(ended.writer.waitClosed());
  yield* wait(ended.writer.waitClosed());
  const broken = writerOf(kind);
  const reason = new asyncio.ConnectionResetError('reset');
  later(kind, () => broken.protocol.connectionLost(reason));
  assert.equal(yield* thrown(wait(broken.writer.waitClosed())), reason);
});

both('cancelling one waitClosed() does not touch another', function* (kind) {
  const { protocol, writer } = writerOf(kind);
  const waiting = () =>
    asyncio.createTask(
      kind.go(function* () {
        yield* kind.wait(writer.waitClosed());
      }),
    );
  const first = waiting();
  const second = waiting();
  yield* kind.wait(asyncio.sleep(0));
  first.cancel();
  yield* thrown(kind.wait(first));
  protocol.connectionLost(null);
  yield* kind.wait(second);
});

both('an unread reason of a lost connection is not reported', function* (kind) {
  const { protocol } = writerOf(kind);
  protocol.connectionLost(new asyncio.ConnectionResetError('reset'));
  yield* kind.wait(asyncio.sleep(0));
});

both('R-STR-15 the callback of a server may be plain, a coroutine or a coroutine function', function* (kind) {
  const seen: string[] = [];
  const callbacks: asyncio.ClientConnected[] = [
    () => void seen.push('plain'),
    kind.define(function* () {
      yield* kind.wait(asyncio.sleep(0));
      seen.push('coroutine');
    }),
    kind.go(function* () {
      yield* kind.wait(asyncio.sleep(0));
      seen.push('function');
    }) as asyncio.ClientConnected,
  ];
  for (const callback of callbacks) {
    const reader = new asyncio.StreamReader({ loop: kind.loop });
    new asyncio.StreamReaderProtocol(reader, callback, kind.loop).connectionMade(new RecordingTransport());
    yield* kind.wait(asyncio.sleep(1));
  }
  assert.deepEqual(seen, ['plain', 'coroutine', 'function']);
});

both('R-STR-15 a callback that fails is reported, and its connection closed', function* (kind) {
  const failure = new Error('bug');
  const transport = new RecordingTransport();
  const callback = kind.define(function* () {
    yield* kind.wait(asyncio.sleep(0));
    throw failure;
  });
  const reader = new asyncio.StreamReader({ loop: kind.loop });
  new asyncio.StreamReaderProtocol(reader, callback, kind.loop).connectionMade(transport);
  yield* kind.wait(asyncio.sleep(1));
  const [report] = kind.reports.splice(0);
  assert.equal(report?.message, 'Unhandled exception in client_connected_cb');
  assert.equal(report?.exception, failure);
  assert.equal(report?.transport, transport);
  assert.deepEqual(transport.calls, ['close']);
});

both('R-STR-15 a callback that is cancelled closes its connection without a word', function* (kind) {
  const transport = new RecordingTransport();
  let task: asyncio.Task | null = null;
  const callback = kind.define(function* () {
    task = asyncio.currentTask();
    yield* kind.wait(asyncio.sleep(100));
  });
  const reader = new asyncio.StreamReader({ loop: kind.loop });
  new asyncio.StreamReaderProtocol(reader, callback, kind.loop).connectionMade(transport);
  yield* kind.wait(asyncio.sleep(0));
  yield* kind.wait(asyncio.sleep(0));
  task!.cancel();
  yield* kind.wait(asyncio.sleep(1));
  assert.deepEqual(transport.calls, ['close']);
});

both('R-STR-16 the end of input keeps the connection open for writing', function* (kind) {
  const { protocol, reader } = writerOf(kind);
  assert.equal(protocol.eofReceived(), true);
  assert.equal(reader.atEof(), true);
  yield* kind.wait(asyncio.sleep(0));
});

for (const kind of kinds) {
  test(`a read that would wait on another loop is a RuntimeError (${kind.name})`, async () => {
    const other = asyncio.newEventLoop();
    const reader = new asyncio.StreamReader({ loop: other });
    await asyncio.run(
      kind.go(function* (): asyncio.Coro<void> {
        isError(
          yield* thrown(kind.wait(reader.read(1))),
          asyncio.RuntimeError,
          /^Cannot wait in read\(\): <StreamReader.*> belongs to a different loop$/,
        );
        // What is there needs no waiting.
        reader.feedData(Buffer.from('x'));
        assert.equal((yield* kind.wait(reader.read(1))).toString(), 'x');
      }),
    );
    other.close();
  });
}
