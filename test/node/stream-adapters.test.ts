/** Streams of Node and of the web as readers and writers, and the other way round. */

import assert from 'node:assert/strict';
import { PassThrough, Readable, Writable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { ReadableStream, WritableStream } from 'node:stream/web';
import { test } from 'node:test';
import { createGunzip, createGzip } from 'node:zlib';
import * as asyncio from 'tsyncio';
import { isError, kinds, type Steps, thrown, thrownBy } from '../core/both-kinds.js';

type Wait = <T>(awaitable: asyncio.Awaitable<T>) => Iterable<asyncio.Suspension, T, unknown>;

function inKinds(
  title: string,
  body: (
    wait: Wait,
    go: <T>(steps: Steps<T>) => () => asyncio.Coro<T>,
  ) => Generator<asyncio.Suspension, unknown, unknown>,
): void {
  for (const { name, wait, go } of kinds) {
    test(`${title} (${name})`, async () => {
      await asyncio.run(go(() => body(wait, go)));
    });
  }
}

const large = Buffer.alloc(1_000_000, 'line of text\n');

const sources: Record<string, (chunks: Buffer[]) => Parameters<typeof asyncio.fromReadable>[0]> = {
  'a Readable': (chunks) => Readable.from(chunks),
  'a ReadableStream': (chunks) =>
    new ReadableStream<Uint8Array>({
      pull(controller) {
        const chunk = chunks.shift();
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
      },
    }),
};

for (const [what, make] of Object.entries(sources)) {
  inKinds(`fromReadable() reads ${what} to its end`, function* (wait) {
    const pieces = Array.from({ length: 20 }, (_, i) => large.subarray(i * 50_000, (i + 1) * 50_000));
    const reader = asyncio.fromReadable(make(pieces), { limit: 10_000 });
    assert.equal((yield* wait(reader.readline())).toString(), 'line of text\n');
    yield* wait(asyncio.sleep(0.005));
    const rest = yield* wait(reader.read());
    assert.ok(rest.equals(large.subarray(13)));
    assert.equal(reader.atEof(), true);
  });

  inKinds(`fromReadable() leaves ${what} alone while nobody reads`, function* (wait) {
    let taken = 0;
    const source =
      what === 'a Readable'
        ? new Readable({
            highWaterMark: 1000,
            read() {
              taken += 1;
              this.push(Buffer.alloc(1000));
            },
          })
        : new ReadableStream<Uint8Array>({
            pull(controller) {
              taken += 1;
              controller.enqueue(Buffer.alloc(1000));
            },
          });
    const reader = asyncio.fromReadable(source, { limit: 5000 });
    yield* wait(asyncio.sleep(0.01));
    const before = taken;
    assert.ok(before < 20, `${before} chunks of a kilobyte`);
    yield* wait(asyncio.sleep(0.01));
    assert.equal(taken, before);
    yield* wait(reader.readexactly(30_000));
    assert.ok(taken > before);
    if (source instanceof Readable) source.destroy();
  });
}

inKinds(
  'fromReadable() hands on errors, also of a stream that is destroyed before its end',
  function* (wait) {
    const failing = new PassThrough();
    const reader = asyncio.fromReadable(failing);
    failing.write('abc');
    assert.equal((yield* wait(reader.read(3))).toString(), 'abc');
    failing.destroy(new RangeError('mine'));
    isError(yield* thrown(wait(reader.read(1))), RangeError, 'mine');
    const gone = new PassThrough();
    const other = asyncio.fromReadable(gone);
    gone.destroy();
    assert.match(String(yield* thrown(wait(other.read(1)))), /[Pp]remature close/);
    const web = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.error(new RangeError('theirs'));
      },
    });
    isError(yield* thrown(wait(asyncio.fromReadable(web).read(1))), RangeError, 'theirs');
    const numbers = asyncio.fromReadable(Readable.from([5]));
    isError(yield* thrown(wait(numbers.read(1))), TypeError, /expected bytes/);
    isError(
      thrownBy(() => asyncio.fromReadable({} as Readable)),
      TypeError,
      /expected a Readable/,
    );
  },
);

inKinds('a cancelled read of fromReadable() loses nothing', function* (wait) {
  const source = new PassThrough();
  const reader = asyncio.fromReadable(source);
  const task = asyncio.createTask(reader.readexactly(4));
  source.write('ab');
  yield* wait(asyncio.sleep(0.005));
  task.cancel();
  yield* wait(asyncio.wait([task]));
  source.end('cd');
  assert.equal((yield* wait(reader.read())).toString(), 'abcd');
});

inKinds('toReadable() and toReadableStream() give what the reader gets, through pipelines', function* (wait) {
  for (const make of [asyncio.toReadable, asyncio.toReadableStream]) {
    const source = new PassThrough();
    const reader = asyncio.fromReadable(source, { limit: 1000 });
    const all = asyncio.wrapPromise(buffer(make(reader)));
    source.end(large);
    assert.ok((yield* wait(all)).equals(large));
  }
  const reader = new asyncio.StreamReader();
  const zipped = new PassThrough();
  const done = asyncio.wrapPromise(
    pipeline(asyncio.toReadable(reader), createGzip(), createGunzip(), zipped),
  );
  reader.feedData(Buffer.from('through'));
  reader.feedEof();
  assert.equal(yield* wait(asyncio.wrapPromise(text(zipped))), 'through');
  yield* wait(done);
});

inKinds(
  'toReadable() and toReadableStream() fail as the reader does, and stop when they are given up',
  function* (wait) {
    const reader = new asyncio.StreamReader();
    const failed = asyncio.wrapPromise(text(asyncio.toReadable(reader)));
    reader.setException(new RangeError('mine'));
    isError(yield* thrown(wait(failed)), RangeError, 'mine');
    const second = new asyncio.StreamReader();
    const web = asyncio.wrapPromise(text(asyncio.toReadableStream(second)));
    second.setException(new RangeError('mine'));
    isError(yield* thrown(wait(web)), RangeError, 'mine');

    const third = new asyncio.StreamReader();
    const stream = asyncio.toReadable(third);
    stream.resume();
    yield* wait(asyncio.sleep(0.005));
    stream.destroy();
    yield* wait(asyncio.sleep(0.005));
    third.feedData(Buffer.from('kept'));
    assert.equal((yield* wait(third.read(4))).toString(), 'kept');
    const fourth = new asyncio.StreamReader();
    const streamed = asyncio.toReadableStream(fourth).getReader();
    const pull = streamed.read();
    yield* wait(asyncio.sleep(0.005));
    yield* wait(asyncio.wrapPromise(streamed.cancel()));
    yield* wait(asyncio.wrapPromise(pull));
    yield* wait(asyncio.sleep(0.005));
    fourth.feedData(Buffer.from('kept'));
    assert.equal((yield* wait(fourth.read(4))).toString(), 'kept');
  },
);

inKinds(
  'fromWritable() waits in drain() while the stream is slow, and waitClosed() until it has everything',
  function* (wait, go) {
    for (const web of [false, true]) {
      const got: Buffer[] = [];
      let open = false;
      let release = (): void => {};
      const take = (chunk: Uint8Array, done: () => void) => {
        got.push(Buffer.from(chunk));
        if (open) done();
        else release = done;
      };
      const target = web
        ? new WritableStream<Uint8Array>({
            write: (chunk) => new Promise<void>((resolve) => take(chunk, resolve)),
          })
        : new Writable({ write: (chunk, _, callback) => take(chunk, callback) });
      const writer = asyncio.fromWritable(target);
      const draining = asyncio.createTask(
        go(function* () {
          for (let i = 0; i < 10; i++) writer.write(large.subarray(0, 20_000));
          yield* wait(writer.drain());
        }),
      );
      yield* wait(asyncio.sleep(0.005));
      assert.equal(draining.done(), false);
      assert.equal(got.length, 1);
      open = true;
      release();
      yield* wait(draining);
      writer.close();
      assert.equal(writer.isClosing(), true);
      yield* wait(writer.waitClosed());
      assert.ok(Buffer.concat(got).equals(Buffer.concat(Array(10).fill(large.subarray(0, 20_000)))));
      isError(
        thrownBy(() => writer.write(Buffer.of(1))),
        asyncio.RuntimeError,
      );
    }
    isError(
      thrownBy(() => asyncio.fromWritable({} as Writable)),
      TypeError,
      /expected a Writable/,
    );
  },
);

inKinds(
  'fromWritable(): an error of the stream comes out of waitClosed(), and drain() says that it is lost',
  function* (wait) {
    const target = new Writable({
      write: (_chunk, _encoding, callback) => callback(new RangeError('mine')),
    });
    const writer = asyncio.fromWritable(target);
    writer.write(Buffer.alloc(100_000));
    isError(yield* thrown(wait(writer.waitClosed())), RangeError, 'mine');
    assert.equal(writer.isClosing(), true);
    isError(yield* thrown(wait(writer.drain())), asyncio.ConnectionResetError);
  },
);

inKinds(
  'toWritable() and toWritableStream() write through the writer, with its back-pressure',
  function* (wait) {
    for (const web of [false, true]) {
      const sink = new PassThrough({ highWaterMark: 1000 });
      const writer = asyncio.fromWritable(sink);
      const all = asyncio.wrapPromise(buffer(sink));
      if (web) {
        const stream = ReadableStream.from([large.subarray(0, 500_000), large.subarray(500_000)]);
        yield* wait(asyncio.wrapPromise(stream.pipeTo(asyncio.toWritableStream(writer))));
      } else {
        yield* wait(asyncio.wrapPromise(pipeline(Readable.from([large]), asyncio.toWritable(writer))));
      }
      assert.ok((yield* wait(all)).equals(large));
      yield* wait(writer.waitClosed());
    }
    const sink = new PassThrough();
    const writer = asyncio.fromWritable(sink);
    const stream = asyncio.toWritable(writer);
    stream.on('error', () => {});
    stream.destroy(new RangeError('mine'));
    yield* wait(asyncio.sleep(0.005));
    assert.equal(sink.destroyed, true);
  },
);

inKinds('toWritable(): destroying closes the connection, ending in order does not', function* (wait) {
  const sink = new PassThrough();
  const stream = asyncio.toWritable(asyncio.fromWritable(sink));
  stream.write('abc');
  stream.destroy();
  yield* wait(asyncio.once(sink, 'close'));
  assert.equal(sink.writableFinished, false);

  const other = new PassThrough();
  const all = asyncio.wrapPromise(text(other));
  asyncio.toWritable(asyncio.fromWritable(other)).end('abc');
  assert.equal(yield* wait(all), 'abc');
});

inKinds('fromReadable() reads a stream that was paused', function* (wait) {
  const source = new PassThrough();
  source.end('content');
  source.pause();
  assert.equal((yield* wait(asyncio.fromReadable(source).read())).toString(), 'content');
});
