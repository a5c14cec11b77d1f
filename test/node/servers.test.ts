/** Servers: listening, closing, waiting for connections; those of Unix sockets and their files. */

import assert from 'node:assert/strict';
import fs, { existsSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import * as asyncio from 'tsyncio';
import { cancelArgs, isError, thrown, thrownBy } from '../core/both-kinds.js';
import { closed, freshPath, networkTest, overEach, portOf, serverContext, until } from './each-wire.js';

type Coro<T> = asyncio.Coro<T>;

class Quiet extends asyncio.Protocol {
  transport: asyncio.Transport | null = null;
  lost: Error | null | undefined = undefined;
  override connectionMade(transport: asyncio.Transport) {
    this.transport = transport;
  }
  override connectionLost(error: Error | null) {
    this.lost = error;
  }
}

const plain = { wires: ['tcp', 'unix'] } as const;

overEach(
  'R-SRV-01 startServing: false listens only when told, and twice is no error',
  plain,
  function* (net) {
    const server = yield* net.wait(net.createServer(() => new Quiet(), { startServing: false }));
    assert.equal(server.isServing(), false);
    assert.deepEqual(server.sockets, []);
    yield* net.wait(server.startServing());
    assert.equal(server.isServing(), true);
    assert.equal(server.sockets.length, 1);
    yield* net.wait(server.startServing());
    assert.equal(server.sockets.length, 1);
    const [transport] = yield* net.wait(net.connect(() => new Quiet(), server));
    transport.abort();
    server.abortClients();
    yield* closed(net, server);
    isError(yield* thrown(net.wait(server.startServing())), asyncio.RuntimeError, /is closed/);
  },
);

overEach('R-SRV-01 several startServing() at once are one', plain, function* (net) {
  const server = yield* net.wait(net.createServer(() => new Quiet(), { startServing: false }));
  yield* net.wait(asyncio.gather([server.startServing(), server.startServing(), server.startServing()]));
  assert.equal(server.sockets.length, 1);
  yield* closed(net, server);
});

overEach('R-SRV-02 serveForever() ends by a cancellation, which closes the server', function* (net) {
  const server = yield* net.wait(net.createServer(() => new Quiet(), { startServing: false }));
  const serving = asyncio.createTask(
    net.go(function* (): Coro<void> {
      yield* net.wait(server.serveForever());
    }),
  );
  yield* until(net, () => server.isServing());
  isError(
    yield* thrown(net.wait(server.serveForever())),
    asyncio.RuntimeError,
    /is already being awaited on serveForever\(\)$/,
  );
  const [transport, protocol] = yield* net.wait(net.connect(() => new Quiet(), server));
  serving.cancel('stop');
  yield* net.wait(asyncio.sleep(0.005));
  assert.equal(server.isServing(), false);
  assert.equal(serving.done(), false);
  transport.close();
  yield* until(net, () => protocol.lost !== undefined);
  server.closeClients();
  assert.deepEqual(cancelArgs(yield* thrown(net.wait(serving))), ['stop']);
  isError(yield* thrown(net.wait(server.serveForever())), asyncio.RuntimeError, /is closed$/);
});

overEach('R-SRV-02 close() ends serveForever() by a cancellation', plain, function* (net) {
  const server = yield* net.wait(net.createServer(() => new Quiet()));
  const serving = asyncio.createTask(
    net.go(function* (): Coro<void> {
      yield* net.wait(server.serveForever());
    }),
  );
  yield* net.wait(asyncio.sleep(0.001));
  server.close();
  isError(yield* thrown(net.wait(serving)), asyncio.CancelledError);
});

overEach(
  'R-SRV-03 close() stops accepting, leaves connections open, and may be called twice',
  function* (net) {
    const accepted: Quiet[] = [];
    const server = yield* net.wait(
      net.createServer(() => {
        accepted.push(new Quiet());
        return accepted.at(-1) as Quiet;
      }),
    );
    const connect = net.connect(() => new Quiet(), server);
    const again = net.connect(() => new Quiet(), server);
    const [transport, protocol] = yield* net.wait(connect);
    yield* until(net, () => (accepted[0]?.transport ?? null) !== null);
    server.close();
    server.close();
    assert.equal(server.isServing(), false);
    assert.deepEqual(server.sockets, []);
    assert.match(String(server), /sockets=\(\)/);
    const refusal = yield* thrown(net.wait(again));
    assert.ok(refusal instanceof asyncio.OSError, String(refusal));
    assert.equal(accepted[0]?.lost, undefined);
    assert.equal(transport.isClosing(), false);
    transport.close();
    yield* net.wait(server.waitClosed());
    yield* until(net, () => protocol.lost !== undefined);
    assert.equal(protocol.lost, null);
  },
);

overEach(
  'R-SRV-04 waitClosed() waits for close() and for the last connection, in either order',
  function* (net) {
    const server = yield* net.wait(net.createServer(() => new Quiet()));
    let ended = false;
    const waiting = asyncio.createTask(
      net.go(function* () {
        yield* net.wait(server.waitClosed());
        ended = true;
      }),
    );
    const [transport] = yield* net.wait(net.connect(() => new Quiet(), server));
    server.close();
    yield* net.wait(asyncio.sleep(0.005));
    assert.equal(ended, false);
    transport.close();
    yield* net.wait(waiting);
    yield* net.wait(server.waitClosed());
    const idle = yield* net.wait(net.createServer(() => new Quiet()));
    const waitingForIdle = asyncio.createTask(
      net.go(function* () {
        yield* net.wait(idle.waitClosed());
      }),
    );
    yield* net.wait(asyncio.sleep(0.001));
    assert.equal(waitingForIdle.done(), false);
    idle.close();
    yield* net.wait(waitingForIdle);
  },
);

overEach('R-SRV-05 closeClients() closes every connection, abortClients() at once', function* (net) {
  for (const method of ['closeClients', 'abortClients'] as const) {
    const accepted: Quiet[] = [];
    const server = yield* net.wait(
      net.createServer(() => {
        accepted.push(new Quiet());
        return accepted.at(-1) as Quiet;
      }),
    );
    const clients: Quiet[] = [];
    for (let i = 0; i < 3; i += 1) {
      const [, protocol] = yield* net.wait(net.connect(() => new Quiet(), server));
      clients.push(protocol);
    }
    yield* until(net, () => accepted.filter((each) => each.transport !== null).length === 3);
    server[method]();
    assert.ok(accepted.every((each) => each.transport?.isClosing() === true));
    yield* closed(net, server);
    assert.deepEqual(
      accepted.map(({ lost }) => lost),
      [null, null, null],
    );
    yield* until(net, () => clients.every(({ lost }) => lost !== undefined));
  }
});

overEach('a server is an asynchronous context manager', plain, function* (net) {
  const server = yield* net.wait(net.createServer(() => new Quiet()));
  yield* net.wait(
    asyncio.withAsync(
      server,
      net.define(function* (entered: asyncio.AbstractServer) {
        assert.equal(entered, server);
        assert.equal(server.isServing(), true);
        assert.equal(server.getLoop(), net.loop);
      }),
    ),
  );
  assert.equal(server.isServing(), false);
});

overEach('a protocol factory that fails is reported, and the connection closed', function* (net) {
  const bug = new Error('bug');
  const server = yield* net.wait(
    net.createServer(() => {
      throw bug;
    }),
  );
  const peer = asyncio.createTask(
    net.go(function* (): Coro<void> {
      const [, protocol] = yield* net.wait(net.connect(() => new Quiet(), server));
      yield* until(net, () => protocol.lost !== undefined);
    }),
  );
  yield* until(net, () => net.reports.length > 0);
  const [report] = net.reports.splice(0);
  assert.equal(report?.message, 'Error on transport creation for incoming connection');
  assert.equal(report?.exception, bug);
  yield* net.wait(asyncio.wait([peer]));
  if (!peer.cancelled()) peer.exception();
  yield* closed(net, server);
});

networkTest('R-SRV-06 several hosts give several sockets, and port 0 each its own', async (loop) => {
  const server = await loop.createServer(() => new Quiet(), ['127.0.0.1', '127.0.0.2', '127.0.0.1'], 0);
  const names = server.sockets.map((socket) => socket.getsockname() as [string, number]);
  assert.deepEqual(names.map(([host]) => host).sort(), ['127.0.0.1', '127.0.0.2']);
  assert.ok(names.every(([, port]) => port > 0));
  for (const [host, port] of names) {
    const [transport] = await loop.createConnection(() => new Quiet(), host, port);
    transport.abort();
  }
  server.abortClients();
  server.close();
  await server.waitClosed();
});

networkTest(
  'R-SRV-06 without a host every family gets a socket; that of IPv6 takes no IPv4',
  async (loop, t) => {
    const server = await loop.createServer(() => new Quiet(), null, 0);
    const families = server.sockets.map(({ family }) => family).sort();
    if (!families.includes(6)) t.diagnostic('this machine has no IPv6');
    else {
      assert.deepEqual(families, [4, 6]);
      // Each has a port of its own, and the one of IPv6 is no use for IPv4.
      const six = server.sockets.find(({ family }) => family === 6);
      assert.ok(six !== undefined);
      const [, port] = six.getsockname() as [string, number];
      const error = await loop
        .createConnection(() => new Quiet(), '127.0.0.1', port)
        .then(
          () => assert.fail('it took IPv4'),
          (reason: unknown) => reason,
        );
      assert.ok(error instanceof asyncio.ConnectionRefusedError, String(error));
    }
    server.close();
    await server.waitClosed();
    const both = await loop.createServer(() => new Quiet(), '', 0, { family: 4 });
    assert.deepEqual(
      both.sockets.map(({ family }) => family),
      [4],
    );
    both.close();
  },
);

networkTest('an address in use is an OSError that names it, and nothing stays open', async (loop) => {
  const server = await loop.createServer(() => new Quiet(), '127.0.0.1', 0);
  const error = await loop
    .createServer(() => new Quiet(), ['127.0.0.2', '127.0.0.1'], portOf(server))
    .then(
      () => assert.fail('it listens twice'),
      (reason: unknown) => reason,
    );
  assert.ok(error instanceof asyncio.OSError);
  assert.equal(error.code, 'EADDRINUSE');
  assert.match(error.message, new RegExp(`bind on address 127.0.0.1:${portOf(server)}`));
  // The other address was given back.
  const again = await loop.createServer(() => new Quiet(), '127.0.0.2', portOf(server));
  again.close();
  server.close();
});

networkTest(
  'R-SRV-07 a Unix server removes the file of a dead one before, and its own after',
  async (loop) => {
    const path = freshPath();
    const dead = await loop.createUnixServer(() => new Quiet(), path, { cleanupSocket: false });
    dead.close();
    assert.ok(statSync(path).isSocket(), 'cleanupSocket: false leaves the file');
    const server = await loop.createUnixServer(() => new Quiet(), path);
    const [transport] = await loop.createUnixConnection(() => new Quiet(), path);
    transport.abort();
    server.abortClients();
    server.close();
    assert.equal(existsSync(path), false);
    await server.waitClosed();
  },
);

networkTest('R-SRV-07 a file that another server put there in the meantime stays', async (loop) => {
  const path = freshPath();
  const first = await loop.createUnixServer(() => new Quiet(), path);
  const second = await loop.createUnixServer(() => new Quiet(), path);
  first.close();
  assert.ok(statSync(path).isSocket());
  const [transport] = await loop.createUnixConnection(() => new Quiet(), path);
  transport.abort();
  second.abortClients();
  second.close();
  assert.equal(existsSync(path), false);
  await second.waitClosed();
});

networkTest('R-SRV-07 a server closes where a file cannot be kept aside', async (loop) => {
  const path = freshPath();
  const server = await loop.createUnixServer(() => new Quiet(), path, { cleanupSocket: false });
  const { linkSync } = fs;
  const { logger, setLogger } = asyncio;
  const said: unknown[] = [];
  setLogger({ ...logger, error: (text: string) => void said.push(text) } as asyncio.Logger);
  fs.linkSync = () => {
    throw Object.assign(new Error('not permitted'), { code: 'EPERM' });
  };
  try {
    server.close();
  } finally {
    fs.linkSync = linkSync;
    setLogger(null as never);
  }
  assert.deepEqual(said, [`Unable to keep UNIX socket '${path}'`]);
  assert.equal(server.isServing(), false);
  await server.waitClosed();
  await assert.rejects(async () => {
    await loop.createUnixConnection(() => new Quiet(), path);
  });
});

networkTest('R-SRV-07 a file that is no socket is not removed', async (loop) => {
  const path = freshPath();
  writeFileSync(path, 'precious');
  const error = await loop
    .createUnixServer(() => new Quiet(), path)
    .then(
      () => assert.fail('it listens'),
      (reason: unknown) => reason,
    );
  assert.ok(error instanceof asyncio.OSError);
  assert.equal(error.message, `Address '${path}' is already in use`);
  assert.ok(statSync(path).isFile());
});

networkTest(
  'a Unix path that is too long is refused, and not cut',
  async (loop) => {
    const room = process.platform === 'linux' ? 107 : 103;
    const longest = freshPath().padEnd(room, 'x');
    const server = await loop.createUnixServer(() => new Quiet(), longest);
    assert.ok(statSync(longest).isSocket());
    const long = `${longest}yz`;
    for (const attempt of [
      () => loop.createUnixServer(() => new Quiet(), long),
      () => loop.createUnixConnection(() => new Quiet(), long),
    ]) {
      assert.throws(attempt, (error) => error instanceof asyncio.OSError && error.code === 'ENAMETOOLONG');
    }
    server.close();
    await server.waitClosed();
  },
  process.platform === 'win32' && 'Windows has named pipes',
);

networkTest(
  'an abstract Unix socket has no file',
  async (loop) => {
    const path = `\0tsyncio-${process.pid}`;
    const server = await loop.createUnixServer(() => new Quiet(), path);
    const [transport] = await loop.createUnixConnection(() => new Quiet(), path);
    transport.abort();
    server.abortClients();
    server.close();
    await server.waitClosed();
  },
  process.platform !== 'linux' && 'Linux only',
);

networkTest('a listening server of Node can be taken over', async (loop) => {
  const sock = net.createServer();
  isError(
    thrownBy(() => loop.createServer(() => new Quiet(), null, null, { sock })),
    asyncio.ValueError,
    /does not listen/,
  );
  await new Promise<void>((resolve) => sock.listen(0, '127.0.0.1', () => resolve()));
  const accepted = new Quiet();
  const server = await loop.createServer(() => accepted, null, null, { sock });
  assert.equal(server.isServing(), true);
  const [transport] = await loop.createConnection(() => new Quiet(), '127.0.0.1', portOf(server));
  while (accepted.transport === null) await asyncio.sleep(0.001);
  transport.close();
  server.close();
  await server.waitClosed();
  assert.equal(accepted.lost, null);
});

networkTest('createServer() refuses options that contradict each other, at once', async (loop) => {
  const make = () => new Quiet();
  const cases: [() => unknown, new () => Error, RegExp][] = [
    [
      () => loop.createServer(make),
      asyncio.ValueError as never,
      /Neither host\/port nor sock were specified/,
    ],
    [
      () => loop.createServer(make, '::1', 0, { sock: net.createServer() }),
      asyncio.ValueError as never,
      /at the same time/,
    ],
    [
      () => loop.createServer(make, '::1', 0, { ssl: true as never }),
      TypeError,
      /ssl argument must be an SSLContext/,
    ],
    [
      () => loop.createServer(make, '::1', 0, { sslHandshakeTimeout: 1 }),
      asyncio.ValueError as never,
      /sslHandshakeTimeout is only meaningful with ssl/,
    ],
    [
      () => loop.createServer(make, '::1', 0, { sslShutdownTimeout: 1 }),
      asyncio.ValueError as never,
      /sslShutdownTimeout is only meaningful with ssl/,
    ],
    [
      () => loop.createServer(make, '::1', 0, { ssl: asyncio.createDefaultContext() }),
      asyncio.ValueError as never,
      /no certificate/,
    ],
    [
      () => loop.createServer(make, '::1', 0, { ssl: serverContext(), sslHandshakeTimeout: 0 }),
      asyncio.ValueError as never,
      /positive/,
    ],
    [() => loop.createServer(make, '::1', 70_000), asyncio.ValueError as never, /0-65535/],
    [
      () => loop.createServer(make, '::1', 0, { reuseAddress: false }),
      asyncio.ValueError as never,
      /reuseAddress/,
    ],
    [() => loop.createServer(7 as never, '::1', 0), TypeError, /expected a function/],
    [
      () => loop.createServer(make, null, null, { sock: {} as never }),
      asyncio.ValueError as never,
      /A Stream Socket was expected/,
    ],
    [
      () => loop.createUnixServer(make),
      asyncio.ValueError as never,
      /path was not specified, and no sock specified/,
    ],
    [
      () => loop.createUnixServer(make, '/x', { sock: net.createServer() }),
      asyncio.ValueError as never,
      /at the same time/,
    ],
  ];
  for (const [call, errorClass, message] of cases) isError(thrownBy(call), errorClass, message);
});

networkTest('reusePort is there where Node has it, and refused elsewhere', async (loop) => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 22 || (major === 22 && minor < 12)) {
    isError(
      thrownBy(() => loop.createServer(() => new Quiet(), '127.0.0.1', 0, { reusePort: true })),
      asyncio.ValueError,
      /reusePort not supported/,
    );
    return;
  }
  const first = await loop.createServer(() => new Quiet(), '127.0.0.1', 0, { reusePort: true });
  const second = await loop.createServer(() => new Quiet(), '127.0.0.1', portOf(first), {
    reusePort: true,
  });
  first.close();
  second.close();
});
