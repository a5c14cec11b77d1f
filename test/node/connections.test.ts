/** Connecting: arguments, several addresses, happy eyeballs, sockets of Node's, names and addresses. */

import assert from 'node:assert/strict';
import dns from 'node:dns';
import net from 'node:net';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { isError, thrownBy } from '../core/both-kinds.js';
import { clientContext, freshPath, networkTest, portOf, serverContext } from './each-wire.js';

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

const make = () => new Quiet();

/** What a promise-like is rejected with. */
async function reasonOf(waiting: PromiseLike<unknown>): Promise<unknown> {
  try {
    await waiting;
  } catch (error) {
    return error;
  }
  return assert.fail('nothing was thrown');
}

/** Has names resolve to these addresses while `body` runs. */
async function resolving<T>(addresses: string[], body: () => Promise<T>): Promise<T> {
  const original = dns.lookup;
  const fake = (
    _host: string,
    _options: object,
    callback: (error: null, found: dns.LookupAddress[]) => void,
  ) =>
    setImmediate(() =>
      callback(
        null,
        addresses.map((address) => ({ address, family: net.isIP(address) })),
      ),
    );
  (dns as { lookup: unknown }).lookup = fake;
  try {
    return await body();
  } finally {
    (dns as { lookup: unknown }).lookup = original;
  }
}

/** A port of 127.0.0.1 where nobody listens. */
async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as net.AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

networkTest('R-TRN-13 options that contradict each other are refused at once', async (loop) => {
  const sock = new net.Socket();
  const cases: [() => unknown, RegExp][] = [
    [() => loop.createConnection(make), /host and port was not specified and no sock specified/],
    [() => loop.createConnection(make, 'x', 80, { sock }), /host\/port and sock can not be specified/],
    [
      () => loop.createConnection(make, 'x', 80, { serverHostname: 'y' }),
      /serverHostname is only meaningful with ssl/,
    ],
    [
      () => loop.createConnection(make, 'x', 80, { sslHandshakeTimeout: 1 }),
      /sslHandshakeTimeout is only meaningful/,
    ],
    [
      () => loop.createConnection(make, 'x', 80, { sslShutdownTimeout: 1 }),
      /sslShutdownTimeout is only meaningful/,
    ],
    [() => loop.createConnection(make, null, 80, { ssl: true }), /must set serverHostname/],
    [() => loop.createConnection(make, null, null, { ssl: true, sock }), /must set serverHostname/],
    [() => loop.createConnection(make, 'x', 80, { ssl: true, sslHandshakeTimeout: -1 }), /positive number/],
    [() => loop.createConnection(make, 'x', 80, { ssl: true, sslShutdownTimeout: 0 }), /positive number/],
    [() => loop.createConnection(make, null, null, { sock: {} as never }), /A Stream Socket was expected/],
    [() => loop.createConnection(make, null, null, { sock }), /not connected/],
    [() => loop.createUnixConnection(make), /no path and sock were specified/],
    [() => loop.createUnixConnection(make, '/x', { sock }), /path and sock can not be specified/],
    [() => loop.createUnixConnection(make, '/x', { ssl: true }), /must set serverHostname/],
  ];
  for (const [call, message] of cases) isError(thrownBy(call), asyncio.ValueError, message);
  isError(
    thrownBy(() => loop.createConnection(7 as never, 'x', 80)),
    TypeError,
    /expected a function/,
  );
  isError(
    thrownBy(() => loop.createConnection(make, 'x', 80, { ssl: {} as never })),
    TypeError,
    /createDefaultContext/,
  );
});

networkTest('a refused connection is a ConnectionRefusedError that names the address', async (loop) => {
  const port = await freePort();
  const error = await reasonOf(loop.createConnection(make, '127.0.0.1', port));
  isError(
    error,
    asyncio.ConnectionRefusedError,
    new RegExp(`^Cannot connect to 127.0.0.1:${port}: connect ECONNREFUSED`),
  );
  assert.equal((error as asyncio.OSError).code, 'ECONNREFUSED');
  assert.equal((error as asyncio.OSError).syscall, 'connect');
  assert.ok((error as Error).cause instanceof Error);
  isError(await reasonOf(loop.createUnixConnection(make, freshPath())), asyncio.FileNotFoundError);
});

networkTest('R-TRN-14 one failure is thrown, several are one OSError or a group', async (loop) => {
  const port = await freePort();
  await resolving(['127.0.0.1'], async () => {
    isError(await reasonOf(loop.createConnection(make, 'name', port)), asyncio.ConnectionRefusedError);
  });
  await resolving(['127.0.0.1', '127.0.0.2'], async () => {
    const one = await reasonOf(loop.createConnection(make, 'name', port));
    isError(
      one,
      asyncio.OSError,
      /^Multiple exceptions: Cannot connect to 127.0.0.1:\d+: .*, Cannot connect to 127.0.0.2:/,
    );
    const all = await reasonOf(loop.createConnection(make, 'name', port, { allErrors: true }));
    isError(all, asyncio.ExceptionGroup, /^create_connection failed/);
    assert.deepEqual(
      (all as asyncio.ExceptionGroup).exceptions.map((each) => (each as Error).name),
      ['ConnectionRefusedError', 'ConnectionRefusedError'],
    );
  });
  await resolving(['127.0.0.1', '127.0.0.1'], async () => {
    isError(await reasonOf(loop.createConnection(make, 'name', port)), asyncio.ConnectionRefusedError);
  });
  await resolving([], async () => {
    isError(await reasonOf(loop.createConnection(make, 'name', port)), asyncio.OSError, /empty list/);
  });
});

networkTest('an address that refuses is passed over for the next', async (loop) => {
  const server = await loop.createServer(make, '127.0.0.2', 0);
  await resolving(['127.0.0.1', '127.0.0.2'], async () => {
    const [transport] = await loop.createConnection(make, 'name', portOf(server));
    assert.deepEqual(transport.getExtraInfo('peername'), ['127.0.0.2', portOf(server)]);
    transport.abort();
  });
  server.abortClients();
  server.close();
  await server.waitClosed();
});

networkTest(
  'R-TRN-15 happy eyeballs: an address that stalls loses to the next, and is closed',
  async (loop) => {
    const server = await loop.createServer(make, '127.0.0.1', 0);
    // An attempt that never ends, without a packet leaving the machine.
    const connect = net.Socket.prototype.connect;
    const stalled: net.Socket[] = [];
    net.Socket.prototype.connect = function patched(this: net.Socket, ...args: unknown[]) {
      if ((args[0] as { host?: string }).host !== '127.0.0.9') return Reflect.apply(connect, this, args);
      stalled.push(this);
      return this;
    } as never;
    try {
      await resolving(['127.0.0.9', '127.0.0.1'], async () => {
        const [transport] = await loop.createConnection(make, 'name', portOf(server), {
          happyEyeballsDelay: '5ms',
        });
        assert.deepEqual(transport.getExtraInfo('peername'), ['127.0.0.1', portOf(server)]);
        assert.equal(stalled.length, 1);
        assert.equal(stalled[0]?.destroyed, true);
        transport.abort();
      });
      const port = await freePort();
      await resolving(['127.0.0.1', '127.0.0.2'], async () => {
        const error = await reasonOf(
          loop.createConnection(make, 'name', port, { happyEyeballsDelay: 10, allErrors: true }),
        );
        assert.equal((error as asyncio.ExceptionGroup).exceptions.length, 2);
      });
    } finally {
      net.Socket.prototype.connect = connect;
    }
    server.abortClients();
    server.close();
    await server.waitClosed();
  },
);

networkTest('R-TRN-15 families take turns, after as many of the first as told', async (loop) => {
  const tried: string[] = [];
  const connect = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function patched(this: net.Socket, options: { host: string }) {
    tried.push(options.host);
    setImmediate(() =>
      this.destroy(Object.assign(new Error('refused'), { code: 'ECONNREFUSED', errno: -111 })),
    );
    return this;
  } as never;
  try {
    const addresses = ['::1', '::2', '::3', '127.0.0.1', '127.0.0.2'];
    await resolving(addresses, async () => {
      await reasonOf(loop.createConnection(make, 'name', 1));
      assert.deepEqual(tried.splice(0), addresses);
      await reasonOf(loop.createConnection(make, 'name', 1, { interleave: 1 }));
      assert.deepEqual(tried.splice(0), ['::1', '127.0.0.1', '::2', '127.0.0.2', '::3']);
      await reasonOf(loop.createConnection(make, 'name', 1, { interleave: 2 }));
      assert.deepEqual(tried.splice(0), ['::1', '::2', '127.0.0.1', '::3', '127.0.0.2']);
      await reasonOf(loop.createConnection(make, 'name', 1, { happyEyeballsDelay: 60 }));
      assert.deepEqual(tried.splice(0), ['::1', '127.0.0.1', '::2', '127.0.0.2', '::3']);
    });
  } finally {
    net.Socket.prototype.connect = connect;
  }
});

networkTest('localAddr says where a connection comes from', async (loop) => {
  const server = await loop.createServer(make, '127.0.0.1', 0);
  const [transport] = await loop.createConnection(make, '127.0.0.1', portOf(server), {
    localAddr: ['127.0.0.3', 0],
  });
  assert.equal((transport.getExtraInfo('sockname') as [string, number])[0], '127.0.0.3');
  transport.abort();
  const mismatch = await reasonOf(
    loop.createConnection(make, '127.0.0.1', portOf(server), { localAddr: ['::1', 0] }),
  );
  isError(mismatch, asyncio.OSError, /no matching local address with family=4/);
  const taken = await reasonOf(
    loop.createConnection(make, '127.0.0.1', portOf(server), { localAddr: ['127.0.0.1', portOf(server)] }),
  );
  assert.ok(taken instanceof asyncio.OSError, String(taken));
  server.abortClients();
  server.close();
  await server.waitClosed();
});

networkTest('a connected socket of Node can be taken over, with what it has received', async (loop) => {
  const server = net.createServer((socket) => socket.end('greeting'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as net.AddressInfo;
  const sock = net.connect(port, '127.0.0.1');
  await new Promise<void>((resolve) => sock.once('readable', () => resolve()));
  const [reader, writer] = await asyncio.openConnection(null, null, { sock });
  assert.equal((await reader.read()).toString(), 'greeting');
  writer.close();
  await writer.waitClosed();
  isError(
    thrownBy(() => loop.createConnection(make, null, null, { sock })),
    asyncio.ValueError,
    /closed/,
  );
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

networkTest(
  'connectAcceptedSocket() goes on with what something else accepted, with TLS, too',
  async (loop) => {
    for (const ssl of [null, serverContext()]) {
      const accepted: net.Socket[] = [];
      const server = net.createServer({ pauseOnConnect: true }, (socket) => void accepted.push(socket));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
      const { port } = server.address() as net.AddressInfo;
      const opening = asyncio.createTask(() =>
        asyncio.openConnection('127.0.0.1', port, ssl === null ? {} : { ssl: clientContext() }),
      );
      while (accepted.length === 0) await asyncio.sleep(0.001);
      const [transport] = await loop.connectAcceptedSocket(make, accepted[0] as net.Socket, { ssl });
      const [reader, writer] = await opening;
      transport.write(Buffer.from('hello'));
      assert.equal((await reader.readexactly(5)).toString(), 'hello');
      writer.close();
      await writer.waitClosed();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      if (!transport.isClosing()) transport.abort();
      await asyncio.sleep(0);
    }
    isError(
      thrownBy(() => loop.connectAcceptedSocket(make, new net.Socket(), { sslHandshakeTimeout: 1 })),
      asyncio.ValueError,
    );
  },
);

networkTest('getaddrinfo() finds addresses; literals and local ones need no resolver', async (loop) => {
  assert.deepEqual(await loop.getaddrinfo('127.0.0.1', 80), [
    { family: 4, type: 'stream', proto: 0, sockaddr: ['127.0.0.1', 80] },
  ]);
  assert.deepEqual((await loop.getaddrinfo('::1', '443', { type: 'dgram' }))[0], {
    family: 6,
    type: 'dgram',
    proto: 0,
    sockaddr: ['::1', 443],
  });
  assert.deepEqual((await loop.getaddrinfo(null, 1, { family: 4 }))[0]?.sockaddr, ['127.0.0.1', 1]);
  assert.deepEqual((await loop.getaddrinfo(null, 1, { family: 4, passive: true }))[0]?.sockaddr, [
    '0.0.0.0',
    1,
  ]);
  const localhost = await loop.getaddrinfo('localhost', 1, { family: 4 });
  assert.deepEqual(localhost[0]?.sockaddr, ['127.0.0.1', 1]);
  isError(
    await reasonOf(loop.getaddrinfo('127.0.0.1', 1, { family: 6 })),
    asyncio.GaiError,
    /no address of family 6/,
  );
  isError(await reasonOf(loop.getaddrinfo('127.0.0.1', 'http')), asyncio.GaiError, /names of services/);
  isError(
    thrownBy(() => loop.getaddrinfo('x', 1, { family: 5 as never })),
    asyncio.ValueError,
    /family/,
  );
  isError(
    thrownBy(() => loop.getaddrinfo(7 as never, 1)),
    TypeError,
    /expected text/,
  );
});

networkTest('getaddrinfo() of a name that nobody knows is a GaiError', async (loop) => {
  const original = dns.lookup;
  (dns as { lookup: unknown }).lookup = (host: string, _options: object, callback: (error: Error) => void) =>
    setImmediate(() =>
      callback(
        Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND', errno: -3008 }),
      ),
    );
  try {
    const error = await reasonOf(loop.createConnection(make, 'no.such.name', 80));
    isError(error, asyncio.GaiError, 'getaddrinfo ENOTFOUND no.such.name');
    assert.equal((error as asyncio.OSError).code, 'ENOTFOUND');
  } finally {
    (dns as { lookup: unknown }).lookup = original;
  }
});

networkTest('getnameinfo() finds names', async (loop) => {
  const [host, service] = await loop.getnameinfo(['127.0.0.1', 0]);
  assert.equal(typeof host, 'string');
  assert.equal(typeof service, 'string');
  isError(
    thrownBy(() => loop.getnameinfo(['localhost', 1])),
    asyncio.ValueError,
  );
});

networkTest('a protocol factory that fails closes the socket', async (loop) => {
  const server = await loop.createServer(make, '127.0.0.1', 0);
  const bug = new Error('bug');
  const failing = () => {
    throw bug;
  };
  assert.equal(await reasonOf(loop.createConnection(failing, '127.0.0.1', portOf(server))), bug);
  server.abortClients();
  server.close();
  await server.waitClosed();
});

test('every loop has the methods: that of run(), the ambient one, and one made by hand', async () => {
  const byHand = new asyncio.EventLoop();
  for (const loop of [
    byHand,
    asyncio.getRunningLoop(),
    await asyncio.run(async () => asyncio.getRunningLoop()),
  ]) {
    assert.equal(typeof loop.createConnection, 'function');
  }
  byHand.close();
  const server = await asyncio.startServer((_reader, writer) => writer.close(), '127.0.0.1', 0);
  const [reader, writer] = await asyncio.openConnection('127.0.0.1', portOf(server));
  assert.equal((await reader.read()).length, 0);
  writer.close();
  await writer.waitClosed();
  server.close();
  await server.waitClosed();
});
