/** What goes wrong on networks: many connections, no descriptors left, peers that misbehave. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { closed, overEach } from './each-wire.js';

type Coro<T> = asyncio.Coro<T>;

overEach('connections opened and closed one after the other leave nothing behind', function* (net) {
  let served = 0;
  const server = yield* net.wait(
    net.startServer(
      net.define(function* (reader: asyncio.StreamReader, writer: asyncio.StreamWriter) {
        writer.write(yield* net.wait(reader.readline()));
        served += 1;
        writer.close();
        yield* net.wait(writer.waitClosed());
      }),
    ),
  );
  const count = net.wire === 'tls' ? 20 : 300;
  for (let i = 0; i < count; i += 1) {
    const [reader, writer] = yield* net.wait(net.open(server));
    writer.write(Buffer.from(`${i}\n`));
    assert.equal((yield* net.wait(reader.read())).toString(), `${i}\n`);
    writer.close();
    yield* net.wait(writer.waitClosed());
  }
  yield* closed(net, server);
  assert.equal(served, count);
});

overEach('peers that connect and vanish, half-way and at once, do not disturb the others', function* (net) {
  const server = yield* net.wait(
    net.startServer(
      net.define(function* (reader: asyncio.StreamReader, writer: asyncio.StreamWriter) {
        try {
          for (;;) {
            const line = yield* net.wait(reader.readline());
            if (line.length === 0) break;
            writer.write(line);
            yield* net.wait(writer.drain());
          }
        } catch (error) {
          asyncio.rethrowBase(error);
        }
        writer.transport.abort();
      }),
    ),
  );
  const [reader, writer] = yield* net.wait(net.open(server));
  const rounds = net.wire === 'tls' ? 5 : 20;
  for (let i = 0; i < rounds; i += 1) {
    const peer = yield* net.wait(net.peer(server));
    peer.write('half a li');
    if (i % 2 === 0 || net.wire !== 'tcp') peer.destroy();
    else peer.resetAndDestroy();
    writer.write(Buffer.from(`${i}\n`));
    assert.equal((yield* net.wait(reader.readline())).toString(), `${i}\n`);
  }
  writer.close();
  yield* net.wait(writer.waitClosed());
  server.abortClients();
  yield* closed(net, server);
});

overEach(
  'a slow reader and a fast writer: the server keeps little',
  { wires: ['tcp', 'unix'] },
  function* (net) {
    let largest = 0;
    const server = yield* net.wait(
      net.startServer(
        net.define(function* (_reader: asyncio.StreamReader, writer: asyncio.StreamWriter): Coro<void> {
          const piece = Buffer.alloc(32 * 1024, 'x');
          for (let i = 0; i < 400; i += 1) {
            writer.write(piece);
            largest = Math.max(largest, writer.transport.getWriteBufferSize());
            yield* net.wait(writer.drain());
          }
          writer.close();
          yield* net.wait(writer.waitClosed());
        }),
      ),
    );
    const [reader, writer] = yield* net.wait(net.open(server, { limit: 1024 }));
    let got = 0;
    for (;;) {
      const data = yield* net.wait(reader.read(8192));
      if (data.length === 0) break;
      got += data.length;
    }
    assert.equal(got, 400 * 32 * 1024);
    assert.ok(largest <= 64 * 1024 + 32 * 1024, `${largest} bytes were buffered`);
    writer.close();
    yield* net.wait(writer.waitClosed());
    yield* closed(net, server);
  },
);

test('EMFILE: the server goes on when descriptors are there again', {
  skip: process.platform !== 'linux' && 'Linux only',
}, async () => {
  const program = join(import.meta.dirname, 'programs', 'few-descriptors.js');
  const output = await new Promise<string>((resolve, reject) => {
    execFile(
      '/bin/sh',
      ['-c', `ulimit -n 60 && exec "${process.execPath}" "${program}"`],
      { timeout: 60_000, killSignal: 'SIGKILL' },
      (error, stdout, stderr) =>
        error === null ? resolve(stdout) : reject(new Error(`${error.message}\n${stderr}`)),
    );
  });
  assert.match(output, /^refused some\nserved again\n$/);
});

overEach(
  'drain() fails with the connection: a write that is lost is none that was taken',
  { wires: ['tcp', 'unix'] },
  function* (net) {
    const outcome = net.loop.createFuture<unknown>();
    const server = yield* net.wait(
      net.startServer(
        net.define(function* (_reader: asyncio.StreamReader, writer: asyncio.StreamWriter): Coro<void> {
          writer.write(Buffer.alloc(20_000_000));
          try {
            yield* net.wait(writer.drain());
            outcome.setResult('drained');
          } catch (error) {
            outcome.setResult(error);
          }
          writer.transport.abort();
        }),
      ),
    );
    const peer = yield* net.wait(net.peer(server));
    peer.pause();
    // What it sends comes before the end, and after the end only writing tells that it is gone.
    peer.write('x', () => peer.destroy());
    const error = yield* net.wait(outcome);
    assert.ok(error instanceof asyncio.ConnectionError, String(error));
    yield* closed(net, server);
  },
);
