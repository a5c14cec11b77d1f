/** Streams over real sockets. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { isError, thrown, thrownBy } from '../core/both-kinds.js';
import { clientContext, closed, type Net, overEach, portOf, serverContext, until } from './each-wire.js';

type Coro<T> = asyncio.Coro<T>;

/** A server's callback that sends back what it gets. */
function echo(net: Net): asyncio.ClientConnected {
  return net.define(function* (reader: asyncio.StreamReader, writer: asyncio.StreamWriter) {
    for (;;) {
      const data = yield* net.wait(reader.read(65_536));
      if (data.length === 0) break;
      writer.write(data);
      yield* net.wait(writer.drain());
    }
    writer.close();
    yield* net.wait(writer.waitClosed());
  });
}

overEach('an echo: what is written comes back, line by line', function* (net) {
  const server = yield* net.wait(net.startServer(echo(net)));
  const [reader, writer] = yield* net.wait(net.open(server));
  for (const line of ['hello\n', 'world\n']) {
    writer.write(Buffer.from(line));
    yield* net.wait(writer.drain());
    assert.equal((yield* net.wait(reader.readline())).toString(), line);
  }
  writer.close();
  yield* net.wait(writer.waitClosed());
  yield* closed(net, server);
});

overEach('a megabyte and more comes back whole, with back-pressure on both sides', function* (net) {
  const server = yield* net.wait(net.startServer(echo(net), { limit: 4096 }));
  const [reader, writer] = yield* net.wait(net.open(server, { limit: 4096 }));
  const data = Buffer.alloc(3_000_000, 'tsyncio ');
  const sending = asyncio.createTask(
    net.go(function* () {
      for (let at = 0; at < data.length; at += 50_000) {
        writer.write(data.subarray(at, at + 50_000));
        yield* net.wait(writer.drain());
      }
    }),
  );
  const received = yield* net.wait(reader.readexactly(data.length));
  yield* net.wait(sending);
  assert.ok(data.equals(received));
  writer.close();
  yield* net.wait(writer.waitClosed());
  yield* closed(net, server);
});

overEach(
  'R-STR-13 drain() waits for a peer that does not read, and the buffer stays bounded',
  function* (net) {
    const released = new asyncio.Event();
    let got = 0;
    const server = yield* net.wait(
      net.startServer(
        net.define(function* (reader: asyncio.StreamReader, writer: asyncio.StreamWriter) {
          yield* net.wait(released.wait());
          for (;;) {
            const data = yield* net.wait(reader.read(65_536));
            if (data.length === 0) break;
            got += data.length;
          }
          writer.close();
          yield* net.wait(writer.waitClosed());
        }),
      ),
    );
    const [, writer] = yield* net.wait(net.open(server));
    const [, high] = writer.transport.getWriteBufferLimits();
    const piece = Buffer.alloc(64 * 1024);
    let sent = 0;
    const sending = asyncio.createTask(
      net.go(function* () {
        while (sent < 24 * 1024 * 1024) {
          writer.write(piece);
          sent += piece.length;
          yield* net.wait(writer.drain());
        }
      }),
    );
    // The writer comes to a halt: the kernel's buffers and ours are full.
    let before = -1;
    while (before !== sent) {
      before = sent;
      yield* net.wait(asyncio.sleep(0.05));
    }
    assert.equal(sending.done(), false);
    assert.ok(writer.transport.getWriteBufferSize() <= high + piece.length, 'the buffer is bounded');
    released.set();
    yield* net.wait(sending);
    writer.close();
    yield* net.wait(writer.waitClosed());
    yield* closed(net, server);
    assert.equal(got, sent);
  },
);

overEach(
  'R-STR-16 a half-closed connection still brings the answer',
  { wires: ['tcp', 'unix'] },
  function* (net) {
    const server = yield* net.wait(
      net.startServer(
        net.define(function* (reader: asyncio.StreamReader, writer: asyncio.StreamWriter) {
          const all = yield* net.wait(reader.read());
          yield* net.wait(asyncio.sleep(0));
          writer.write(Buffer.from(`${all.length} bytes`));
          writer.close();
          yield* net.wait(writer.waitClosed());
        }),
      ),
    );
    const [reader, writer] = yield* net.wait(net.open(server));
    writer.write(Buffer.alloc(100_000));
    assert.equal(writer.canWriteEof(), true);
    writer.writeEof();
    isError(
      thrownBy(() => writer.write(Buffer.from('x'))),
      asyncio.RuntimeError,
      'Cannot call write() after writeEof()',
    );
    assert.equal((yield* net.wait(reader.read())).toString(), '100000 bytes');
    writer.close();
    yield* net.wait(writer.waitClosed());
    yield* closed(net, server);
  },
);

overEach('R-STR-16 over TLS the end of input closes the connection', { wires: ['tls'] }, function* (net) {
  const ended = asyncio.getRunningLoop().createFuture<boolean>();
  const server = yield* net.wait(
    net.startServer(
      net.define(function* (reader: asyncio.StreamReader, writer: asyncio.StreamWriter) {
        yield* net.wait(reader.read());
        ended.setResult(writer.isClosing());
        yield* net.wait(writer.waitClosed());
      }),
    ),
  );
  const [, writer] = yield* net.wait(net.open(server));
  assert.equal(writer.canWriteEof(), false);
  isError(
    thrownBy(() => writer.writeEof()),
    asyncio.NotImplementedError,
  );
  writer.close();
  assert.equal(yield* net.wait(ended), true);
  yield* net.wait(writer.waitClosed());
  yield* closed(net, server);
});

overEach('one byte at a time: lines are put together', function* (net) {
  const lines: string[] = [];
  const server = yield* net.wait(
    net.startServer(
      net.define(function* (reader: asyncio.StreamReader, writer: asyncio.StreamWriter) {
        for (;;) {
          const line = yield* net.wait(reader.readline());
          if (line.length === 0) break;
          lines.push(line.toString());
        }
        writer.close();
        yield* net.wait(writer.waitClosed());
      }),
    ),
  );
  const [, writer] = yield* net.wait(net.open(server));
  for (const byte of Buffer.from('one\ntwo\n')) {
    writer.write(Uint8Array.of(byte));
    yield* net.wait(asyncio.sleep(0.001));
  }
  writer.close();
  yield* net.wait(writer.waitClosed());
  yield* closed(net, server);
  assert.deepEqual(lines, ['one\n', 'two\n']);
});

overEach('many small writes in one turn arrive in order', function* (net) {
  const server = yield* net.wait(net.startServer(echo(net)));
  const [reader, writer] = yield* net.wait(net.open(server));
  let expected = '';
  for (let i = 0; i < 2000; i += 1) {
    writer.write(Buffer.from(`${i},`));
    expected += `${i},`;
  }
  writer.writelines([Buffer.from('a'), Buffer.alloc(20_000, 'b'), Buffer.from('c')]);
  expected += `a${'b'.repeat(20_000)}c`;
  assert.equal((yield* net.wait(reader.readexactly(expected.length))).toString(), expected);
  writer.close();
  yield* net.wait(writer.waitClosed());
  yield* closed(net, server);
});

overEach('a hundred connections at a time', function* (net) {
  const server = yield* net.wait(net.startServer(echo(net)));
  const client = function* (index: number): Coro<void> {
    const [reader, writer] = yield* net.wait(net.open(server));
    for (let round = 0; round < 5; round += 1) {
      writer.write(Buffer.from(`${index}:${round}\n`));
      assert.equal((yield* net.wait(reader.readline())).toString(), `${index}:${round}\n`);
    }
    writer.close();
    yield* net.wait(writer.waitClosed());
  };
  const count = net.wire === 'tls' ? 20 : 100;
  yield* net.wait(asyncio.gather(Array.from({ length: count }, (_, index) => net.go(() => client(index)))));
  yield* closed(net, server);
});

overEach(
  'R-STR-14 waitClosed() of a connection that the peer resets raises the reset',
  { wires: ['tcp'] },
  function* (net) {
    let lost: unknown = null;
    const server = yield* net.wait(
      net.startServer(
        net.define(function* (reader: asyncio.StreamReader, writer: asyncio.StreamWriter) {
          try {
            yield* net.wait(reader.read());
          } catch (error) {
            lost = error;
          }
          assert.equal(yield* thrown(net.wait(writer.waitClosed())), lost);
        }),
      ),
    );
    const peer = yield* net.wait(net.peer(server));
    peer.write('some');
    yield* net.wait(asyncio.sleep(0.01));
    peer.resetAndDestroy();
    yield* until(net, () => lost !== null);
    isError(lost, asyncio.ConnectionResetError);
    assert.equal((lost as asyncio.OSError).code, 'ECONNRESET');
    yield* closed(net, server);
  },
);

overEach(
  'writing to a peer that is gone: drain() raises, later writes are dropped with a warning',
  { wires: ['tcp', 'unix'] },
  function* (net) {
    const server = yield* net.wait(net.startServer((_reader, writer) => writer.transport.abort()));
    const [, writer] = yield* net.wait(net.open(server));
    let failure: unknown = null;
    while (failure === null) {
      try {
        writer.write(Buffer.alloc(100_000));
        yield* net.wait(writer.drain());
        yield* net.wait(asyncio.sleep(0.001));
      } catch (error) {
        failure = error;
      }
    }
    assert.ok(failure instanceof asyncio.ConnectionError, String(failure));
    for (let i = 0; i < 10; i += 1) writer.write(Buffer.from('x'));
    const warnings = net.logs.splice(0);
    assert.ok(
      warnings.length > 0 && warnings.every((each) => each === 'socket.send() raised exception.'),
      String(warnings),
    );
    writer.close();
    yield* thrown(net.wait(writer.waitClosed()));
    yield* closed(net, server);
  },
);

overEach('R-STR-17 startTls() goes on with TLS, on both sides', { wires: ['tcp', 'unix'] }, function* (net) {
  const server = yield* net.wait(
    net.startServer(
      net.define(function* (reader: asyncio.StreamReader, writer: asyncio.StreamWriter) {
        assert.equal((yield* net.wait(reader.readline())).toString(), 'STARTTLS\n');
        writer.write(Buffer.from('OK\n'));
        const plain = writer.transport;
        yield* net.wait(writer.startTls(serverContext()));
        assert.notEqual(writer.transport, plain);
        for (;;) {
          const line = yield* net.wait(reader.readline());
          if (line.length === 0) break;
          writer.write(line);
          yield* net.wait(writer.drain());
        }
        writer.close();
        yield* net.wait(writer.waitClosed());
      }),
    ),
  );
  const [reader, writer] = yield* net.wait(net.open(server));
  writer.write(Buffer.from('STARTTLS\n'));
  assert.equal((yield* net.wait(reader.readline())).toString(), 'OK\n');
  assert.equal(writer.getExtraInfo('sslcontext'), null);
  yield* net.wait(writer.startTls(clientContext(), { serverHostname: 'localhost' }));
  assert.notEqual(writer.getExtraInfo('sslcontext'), null);
  assert.equal(writer.getExtraInfo('peercert')?.subject.CN, 'localhost');
  writer.write(Buffer.from('secret\n'));
  assert.equal((yield* net.wait(reader.readline())).toString(), 'secret\n');
  writer.close();
  yield* net.wait(writer.waitClosed());
  yield* closed(net, server);
});

test('startServer() and openConnection() refuse what they cannot use, at once', async () => {
  await asyncio.run(async () => {
    isError(
      thrownBy(() => asyncio.startServer(undefined as never, '127.0.0.1', 0)),
      TypeError,
      /expected a function/,
    );
    isError(
      thrownBy(() => asyncio.startUnixServer(7 as never, '/x')),
      TypeError,
      /expected a function/,
    );
    isError(
      thrownBy(() => asyncio.openConnection('localhost', 80, { limit: 0 })),
      asyncio.ValueError,
      /Limit/,
    );
    isError(
      thrownBy(() => asyncio.openConnection('localhost', 65_536)),
      asyncio.ValueError,
      /0-65535/,
    );
  });
});

test('a promise-based program: await using, for await', async () => {
  await asyncio.run(async () => {
    await using server = await asyncio.startServer(
      async (reader, writer) => {
        for await (const line of reader) writer.write(Buffer.from(line.toString().toUpperCase()));
        writer.close();
      },
      '127.0.0.1',
      0,
    );
    const [reader, writer] = await asyncio.openConnection('127.0.0.1', portOf(server));
    writer.write(Buffer.from('one\ntwo\n'));
    writer.writeEof();
    assert.equal((await reader.read()).toString(), 'ONE\nTWO\n');
    writer.close();
    await writer.waitClosed();
  });
});
