/** Sending files over connections. */

import assert from 'node:assert/strict';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import * as asyncio from 'tsyncio';
import { isError, thrown, thrownBy } from '../core/both-kinds.js';
import { closed, freshPath, type Net, overEach } from './each-wire.js';

type Coro<T> = asyncio.Coro<T>;

const content = Buffer.alloc(1_000_000, 'The quick brown fox. ');

/** An open file of the test's content that remembers where it was told to be. */
function openContent() {
  const path = freshPath();
  writeFileSync(path, content);
  const fd = openSync(path, 'r');
  const file = {
    fd,
    position: -1,
    seek(position: number) {
      file.position = position;
    },
    close: () => closeSync(fd),
  };
  return file;
}

/** A server that keeps all that it gets; `read` says when the first is wanted. */
function* collecting(
  net: Net,
): Coro<{ server: asyncio.Server; got: Promise<Buffer> | null; all(): Buffer; gate: asyncio.Event }> {
  const pieces: Buffer[] = [];
  const gate = new asyncio.Event();
  const server = yield* net.wait(
    net.startServer(
      net.define(function* (reader: asyncio.StreamReader, writer: asyncio.StreamWriter) {
        yield* net.wait(gate.wait());
        try {
          for (;;) {
            const data = yield* net.wait(reader.read(65_536));
            if (data.length === 0) break;
            pieces.push(data);
          }
        } catch (error) {
          asyncio.rethrowBase(error);
        }
        writer.close();
        yield* thrownOrNothing(net.wait(writer.waitClosed()));
      }),
    ),
  );
  return { server, got: null, all: () => Buffer.concat(pieces), gate };
}

function* thrownOrNothing(waiting: Iterable<asyncio.Suspension, unknown, unknown>): Coro<void> {
  try {
    yield* waiting;
  } catch (error) {
    asyncio.rethrowBase(error);
  }
}

overEach('R-TRN-18 sendfile() sends a file, or a part of it, and moves its position', function* (net) {
  for (const [options, expected] of [
    [{}, content],
    [{ offset: 10, count: 20 }, content.subarray(10, 30)],
    [{ offset: 999_990 }, content.subarray(999_990)],
    [{ offset: 999_990, count: 1000 }, content.subarray(999_990)],
    [{ offset: 2_000_000 }, content.subarray(content.length)],
  ] as const) {
    const file = openContent();
    const { server, all, gate } = yield* collecting(net);
    gate.set();
    const [, writer] = yield* net.wait(net.open(server));
    writer.write(Buffer.from('<'));
    const count = yield* net.wait(net.loop.sendfile(writer.transport, file, options));
    writer.write(Buffer.from('>'));
    writer.close();
    yield* net.wait(writer.waitClosed());
    yield* closed(net, server);
    assert.equal(count, expected.length);
    assert.equal(file.position, ((options as { offset?: number }).offset ?? 0) + expected.length);
    assert.ok(all().equals(Buffer.concat([Buffer.from('<'), expected, Buffer.from('>')])));
    file.close();
  }
});

overEach('R-TRN-18 nothing else can be written meanwhile', function* (net) {
  const file = openContent();
  const { server, gate } = yield* collecting(net);
  const [, writer] = yield* net.wait(net.open(server));
  const sending = asyncio.createTask(
    net.go(function* () {
      return yield* net.wait(net.loop.sendfile(writer.transport, file));
    }),
  );
  yield* net.wait(asyncio.sleep(0));
  yield* net.wait(asyncio.sleep(0));
  isError(
    thrownBy(() => writer.write(Buffer.from('x'))),
    asyncio.RuntimeError,
    'unable to write; sendfile is in progress',
  );
  isError(
    yield* thrown(net.wait(net.loop.sendfile(writer.transport, file))),
    asyncio.RuntimeError,
    /another one/,
  );
  gate.set();
  assert.equal(yield* net.wait(sending), content.length);
  writer.write(Buffer.from('x'));
  writer.close();
  yield* net.wait(writer.waitClosed());
  yield* closed(net, server);
  file.close();
});

overEach(
  'R-TRN-18 a peer that goes away, and a cancellation: the position tells how far it came',
  function* (net) {
    const cancelled = openContent();
    const { server, gate } = yield* collecting(net);
    const [, writer] = yield* net.wait(net.open(server));
    writer.transport.setWriteBufferLimits({ high: 1 });
    const huge = asyncio.createTask(
      net.go(function* () {
        for (;;) yield* net.wait(net.loop.sendfile(writer.transport, cancelled));
      }),
    );
    // Until the kernel takes no more.
    let before = -1;
    while (before !== writer.transport.getWriteBufferSize() || before === 0) {
      before = writer.transport.getWriteBufferSize();
      yield* net.wait(asyncio.sleep(0.02));
    }
    cancelled.position = -1;
    huge.cancel();
    isError(yield* thrown(net.wait(huge)), asyncio.CancelledError);
    assert.ok(cancelled.position > 0 && cancelled.position <= content.length, String(cancelled.position));
    assert.equal(writer.transport.isReading(), true);
    server.abortClients();
    gate.set();
    const file = openContent();
    let failure: unknown = null;
    while (failure === null) {
      try {
        yield* net.wait(net.loop.sendfile(writer.transport, file));
      } catch (error) {
        failure = error;
      }
    }
    assert.ok(
      failure instanceof asyncio.ConnectionError || failure instanceof asyncio.RuntimeError,
      String(failure),
    );
    writer.transport.abort();
    yield* thrownOrNothing(net.wait(writer.waitClosed()));
    yield* closed(net, server);
    cancelled.close();
    file.close();
  },
);

overEach(
  'R-TRN-18 a closing transport, no fallback, and what is no file are refused',
  { wires: ['tcp'] },
  function* (net) {
    const file = openContent();
    const { server, gate } = yield* collecting(net);
    gate.set();
    const [, writer] = yield* net.wait(net.open(server));
    const { loop } = net;
    isError(
      thrownBy(() => loop.sendfile(writer.transport, file, { fallback: false })),
      asyncio.SendfileNotAvailableError,
      /fallback is disabled/,
    );
    isError(
      thrownBy(() => loop.sendfile({ isClosing: () => false } as never, file)),
      asyncio.RuntimeError,
      /not supported/,
    );
    isError(
      thrownBy(() => loop.sendfile(writer.transport, {} as never)),
      TypeError,
      /descriptor/,
    );
    for (const options of [{ offset: -1 }, { offset: 0.5 }, { count: 0 }, { count: -1 }]) {
      isError(
        thrownBy(() => loop.sendfile(writer.transport, file, options)),
        asyncio.ValueError,
      );
    }
    writer.close();
    isError(
      thrownBy(() => loop.sendfile(writer.transport, file)),
      asyncio.RuntimeError,
      'Transport is closing',
    );
    yield* net.wait(writer.waitClosed());
    yield* closed(net, server);
    file.close();
  },
);
