/** TLS: whom one trusts, names, client certificates, ALPN, timeouts, starting it on an open connection. */

import assert from 'node:assert/strict';
import net from 'node:net';
import tls from 'node:tls';
import * as asyncio from 'tsyncio';
import { isError, thrownBy } from '../core/both-kinds.js';
import { clientContext, networkTest, pem, pemPath, portOf, serverContext } from './each-wire.js';

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

async function reasonOf(waiting: PromiseLike<unknown>): Promise<unknown> {
  try {
    await waiting;
  } catch (error) {
    return error;
  }
  return assert.fail('nothing was thrown');
}

/** Serves with `ssl`, and keeps what was accepted. */
async function serve(loop: asyncio.EventLoop, ssl: asyncio.SSLContext, options: asyncio.ServerOptions = {}) {
  const accepted: Quiet[] = [];
  const server = await loop.createServer(
    () => {
      const protocol = new Quiet();
      accepted.push(protocol);
      return protocol;
    },
    '127.0.0.1',
    0,
    { ssl, ...options },
  );
  const end = async () => {
    server.abortClients();
    server.close();
    await server.waitClosed();
  };
  return { server, accepted, end };
}

/** A server of Node's own that accepts and then says nothing. */
async function silentServer(): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return {
    port: (server.address() as net.AddressInfo).port,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

networkTest('a default context verifies the server: its authority and its name', async (loop) => {
  const context = asyncio.createDefaultContext();
  assert.deepEqual([context.verifyMode, context.checkHostname], ['required', true]);
  const { server, end } = await serve(loop, serverContext());
  const port = portOf(server);
  const unknown = await reasonOf(loop.createConnection(() => new Quiet(), '127.0.0.1', port, { ssl: true }));
  assert.ok(unknown instanceof asyncio.SSLCertVerificationError, String(unknown));
  assert.equal(unknown.code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  const misnamed = await reasonOf(
    loop.createConnection(() => new Quiet(), '127.0.0.1', port, {
      ssl: clientContext(),
      serverHostname: 'example.org',
    }),
  );
  assert.ok(misnamed instanceof asyncio.SSLCertVerificationError, String(misnamed));
  assert.equal(misnamed.code, 'ERR_TLS_CERT_ALTNAME_INVALID');
  for (const serverHostname of [null, 'localhost', '127.0.0.1']) {
    const [transport] = await loop.createConnection(() => new Quiet(), '127.0.0.1', port, {
      ssl: clientContext(),
      serverHostname,
    });
    transport.abort();
  }
  await end();
});

networkTest('a stranger and a server of another name are refused', async (loop) => {
  for (const name of ['stranger', 'other']) {
    const ssl = serverContext({ cert: pem(`${name}.pem`), key: pem(`${name}.key`) });
    const { server, accepted, end } = await serve(loop, ssl);
    const error = await reasonOf(
      loop.createConnection(() => new Quiet(), '127.0.0.1', portOf(server), { ssl: clientContext() }),
    );
    assert.ok(error instanceof asyncio.SSLCertVerificationError, String(error));
    const careless = clientContext({ verifyMode: 'none' });
    const [transport] = await loop.createConnection(() => new Quiet(), '127.0.0.1', portOf(server), {
      ssl: careless,
    });
    assert.equal(
      transport.getExtraInfo('peercert')?.subject.CN,
      name === 'other' ? 'other.example' : 'localhost',
    );
    transport.abort();
    await end();
    assert.ok(accepted.length > 0);
  }
  const anyName = clientContext({ checkHostname: false });
  const { server, end } = await serve(loop, serverContext({ cert: pem('other.pem'), key: pem('other.key') }));
  const [transport] = await loop.createConnection(() => new Quiet(), '127.0.0.1', portOf(server), {
    ssl: anyName,
  });
  transport.abort();
  await end();
});

networkTest('a server that requires a certificate gets one, or refuses', async (loop) => {
  const ssl = serverContext({ cadata: pem('authority.pem'), verifyMode: 'required' });
  const { server, accepted, end } = await serve(loop, ssl);
  const client = clientContext({ certfile: pemPath('client.pem'), keyfile: pemPath('client.key') });
  const [transport] = await loop.createConnection(() => new Quiet(), '127.0.0.1', portOf(server), {
    ssl: client,
  });
  while (accepted.every((each) => each.transport === null)) await asyncio.sleep(0.001);
  const known = accepted.find((each) => each.transport !== null);
  assert.equal(known?.transport?.getExtraInfo('peercert')?.subject.CN, 'tsyncio test client');
  transport.abort();
  for (const refused of [
    clientContext(),
    clientContext({ cert: pem('stranger.pem'), key: pem('stranger.key') }),
  ]) {
    const before = accepted.length;
    // With TLS 1.3 a client hears of the refusal only after its own handshake.
    const protocol = new Quiet();
    const outcome = await loop
      .createConnection(() => protocol, '127.0.0.1', portOf(server), { ssl: refused })
      .then(
        () => 'connected',
        (error: unknown) => error,
      );
    if (outcome === 'connected') while (protocol.lost === undefined) await asyncio.sleep(0.001);
    else assert.ok(outcome instanceof asyncio.OSError, String(outcome));
    assert.equal(accepted.length, before + 1);
    assert.equal(accepted.at(-1)?.transport, null, 'connectionMade() must not be called');
  }
  await end();
});

networkTest('an optional certificate may be missing, but not be a stranger\u2019s', async (loop) => {
  const ssl = serverContext({ cadata: pem('authority.pem'), verifyMode: 'optional' });
  const { server, accepted, end } = await serve(loop, ssl);
  const [transport] = await loop.createConnection(() => new Quiet(), '127.0.0.1', portOf(server), {
    ssl: clientContext(),
  });
  while ((accepted[0]?.transport ?? null) === null) await asyncio.sleep(0.001);
  assert.equal(accepted[0]?.transport?.getExtraInfo('peercert'), null);
  transport.abort();
  const stranger = clientContext({ cert: pem('stranger.pem'), key: pem('stranger.key') });
  const protocol = new Quiet();
  const outcome = await loop
    .createConnection(() => protocol, '127.0.0.1', portOf(server), { ssl: stranger })
    .then(
      () => 'connected',
      (error: unknown) => error,
    );
  if (outcome === 'connected') while (protocol.lost === undefined) await asyncio.sleep(0.001);
  assert.equal(accepted[1]?.transport, null);
  await end();
});

networkTest('ALPN: both sides agree on a protocol', async (loop) => {
  const { server, accepted, end } = await serve(loop, serverContext({ alpnProtocols: ['h2', 'http/1.1'] }));
  const [transport] = await loop.createConnection(() => new Quiet(), '127.0.0.1', portOf(server), {
    ssl: clientContext({ alpnProtocols: ['http/1.1'] }),
  });
  while ((accepted[0]?.transport ?? null) === null) await asyncio.sleep(0.001);
  assert.equal(transport.getExtraInfo('alpnProtocol'), 'http/1.1');
  assert.equal(accepted[0]?.transport?.getExtraInfo('alpnProtocol'), 'http/1.1');
  transport.abort();
  await end();
});

networkTest('R-TRN-11 getExtraInfo() of TLS: context, certificate, cipher', async (loop) => {
  const ssl = clientContext();
  const { server, end } = await serve(loop, serverContext());
  const [transport] = await loop.createConnection(() => new Quiet(), '127.0.0.1', portOf(server), { ssl });
  assert.equal(transport.getExtraInfo('sslcontext'), ssl);
  assert.equal(transport.getExtraInfo('peercert')?.issuer.CN, 'tsyncio test authority');
  const [cipher, version] = transport.getExtraInfo('cipher') ?? [];
  assert.match(cipher ?? '', /AES|CHACHA/);
  assert.match(version ?? '', /^TLSv1\.[23]$/);
  assert.ok(transport.getExtraInfo('sslObject') instanceof tls.TLSSocket);
  assert.deepEqual(transport.getExtraInfo('peername'), ['127.0.0.1', portOf(server)]);
  assert.equal(transport.canWriteEof(), false);
  isError(
    thrownBy(() => transport.writeEof()),
    asyncio.NotImplementedError,
  );
  transport.abort();
  await end();
});

networkTest('R-TRN-16 connectionMade() comes only after the handshake', async (loop) => {
  const { server, accepted, end } = await serve(loop, serverContext());
  const raw = net.connect(portOf(server), '127.0.0.1');
  while (accepted.length === 0) await asyncio.sleep(0.001);
  await asyncio.sleep(0.01);
  assert.equal(accepted[0]?.transport, null);
  raw.destroy();
  await end();
  assert.equal(accepted[0]?.lost, undefined);
});

networkTest('R-TRN-16 a handshake that does not end is given up, on either side', async (loop) => {
  const silent = await silentServer();
  const error = await reasonOf(
    loop.createConnection(() => new Quiet(), '127.0.0.1', silent.port, {
      ssl: clientContext(),
      sslHandshakeTimeout: 0.05,
    }),
  );
  isError(
    error,
    asyncio.ConnectionAbortedError,
    'SSL handshake is taking longer than 0.05 seconds: aborting the connection',
  );
  await silent.close();
  const { server, accepted, end } = await serve(loop, serverContext(), { sslHandshakeTimeout: '50ms' });
  const raw = net.connect(portOf(server), '127.0.0.1');
  raw.on('error', () => {}).resume();
  await new Promise<void>((resolve) => raw.once('close', () => resolve()));
  await end();
  assert.equal(accepted[0]?.transport, null);
});

networkTest('R-TRN-16 a goodbye that is not answered ends in a TimeoutError', async (loop) => {
  const { server, accepted, end } = await serve(loop, serverContext(), { sslShutdownTimeout: 0.05 });
  const raw = tls.connect({ port: portOf(server), host: '127.0.0.1', ca: pem('authority.pem') });
  raw.on('error', () => {});
  while ((accepted[0]?.transport ?? null) === null) await asyncio.sleep(0.001);
  // A peer that stops reading does not answer.
  raw.pause();
  const underneath = (raw as unknown as { _handle: { readStop(): void } })._handle;
  underneath.readStop();
  accepted[0]?.transport?.close();
  assert.equal(accepted[0]?.lost, undefined);
  while (accepted[0]?.lost === undefined) await asyncio.sleep(0.001);
  isError(accepted[0]?.lost, asyncio.TimeoutError, 'SSL shutdown timed out');
  raw.destroy();
  await end();
});

networkTest('a peer that speaks no TLS is an SSLError', async (loop) => {
  const server = net.createServer((socket) => {
    socket.on('error', () => {}).resume();
    socket.end('SSH-2.0-nothing of the kind\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as net.AddressInfo;
  const error = await reasonOf(
    loop.createConnection(() => new Quiet(), '127.0.0.1', port, { ssl: clientContext() }),
  );
  assert.ok(
    error instanceof asyncio.SSLError || error instanceof asyncio.ConnectionResetError,
    String(error),
  );
  await new Promise<void>((resolve) => server.close(() => resolve()));
  const ours = await serve(loop, serverContext());
  const raw = net.connect(portOf(ours.server), '127.0.0.1');
  raw.on('error', () => {}).resume();
  raw.write('GET / HTTP/1.1\r\n\r\n');
  await new Promise<void>((resolve) => raw.once('close', () => resolve()));
  await ours.end();
});

networkTest('R-TRN-17 startTls() gives a new transport, and the protocol stays', async (loop) => {
  class Upgrading extends Quiet {
    text = '';
    override dataReceived(data: Buffer) {
      this.text += data.toString();
    }
  }
  const accepted = new Upgrading();
  const server = await loop.createServer(() => accepted, '127.0.0.1', 0);
  const [plain, protocol] = await loop.createConnection(() => new Upgrading(), '127.0.0.1', portOf(server));
  while (accepted.transport === null) await asyncio.sleep(0.001);
  const [here, there] = await asyncio.gather([
    loop.startTls(plain, protocol, clientContext(), { serverHostname: 'localhost' }),
    loop.startTls(accepted.transport, accepted, serverContext(), { serverSide: true }),
  ]);
  assert.notEqual(here, plain);
  assert.equal(here.getProtocol(), protocol);
  assert.deepEqual(here.getExtraInfo('peername'), plain.getExtraInfo('peername'));
  here.write(Buffer.from('ping'));
  there.write(Buffer.from('pong'));
  while (accepted.text !== 'ping' || protocol.text !== 'pong') await asyncio.sleep(0.001);
  here.close();
  while (accepted.lost === undefined || protocol.lost === undefined) await asyncio.sleep(0.001);
  assert.deepEqual([accepted.lost, protocol.lost], [null, null]);
  server.close();
  await server.waitClosed();
});

networkTest(
  'R-TRN-17 when startTls() fails the connection is closed, and the protocol told',
  async (loop) => {
    const accepted = new Quiet();
    const server = await loop.createServer(() => accepted, '127.0.0.1', 0);
    const [plain, protocol] = await loop.createConnection(() => new Quiet(), '127.0.0.1', portOf(server));
    while (accepted.transport === null) await asyncio.sleep(0.001);
    const error = await reasonOf(
      loop.startTls(plain, protocol, clientContext(), { serverHostname: 'x', sslHandshakeTimeout: 0.05 }),
    );
    isError(error, asyncio.ConnectionAbortedError);
    while (accepted.lost === undefined || protocol.lost === undefined) await asyncio.sleep(0.001);
    assert.equal(plain.isClosing(), true);
    assert.equal(protocol.lost, error);
    isError(
      thrownBy(() => loop.startTls({} as never, protocol, clientContext())),
      TypeError,
      /plain connection/,
    );
    isError(
      thrownBy(() => loop.startTls(plain, protocol, {} as never)),
      TypeError,
      /createDefaultContext/,
    );
    server.close();
    await server.waitClosed();
  },
);

networkTest('createDefaultContext() refuses what cannot work', async () => {
  isError(
    thrownBy(() => asyncio.createDefaultContext({ cert: pem('server.pem') })),
    asyncio.ValueError,
    /needs a key/,
  );
  isError(
    thrownBy(() => asyncio.createDefaultContext({ verifyMode: 'none', checkHostname: true })),
    asyncio.ValueError,
    /does not verify/,
  );
  isError(
    thrownBy(() => asyncio.createDefaultContext({ alpnProtocols: [''] })),
    asyncio.ValueError,
    /1 to 255/,
  );
  assert.ok(
    thrownBy(() =>
      asyncio.createDefaultContext({ cert: pem('server.pem'), key: pem('client.key') }),
    ) instanceof asyncio.SSLError,
  );
  assert.ok(
    thrownBy(() => asyncio.createDefaultContext({ cert: 'x', key: 'y' })) instanceof asyncio.SSLError,
  );
  const whole = asyncio.createDefaultContext({
    purpose: 'client-auth',
    certfile: pemPath('server.pem'),
    keyfile: pemPath('server.key'),
  });
  assert.deepEqual([whole.verifyMode, whole.checkHostname], ['none', false]);
  assert.match(String(whole), /verifyMode=none/);
});

networkTest('a connection that is given up in the iteration that accepted it is closed', async (loop) => {
  const server = await loop.createServer(
    () => {
      loop.callSoon(() => {
        server.close();
        server.abortClients();
      });
      return new Quiet();
    },
    '127.0.0.1',
    0,
    { ssl: serverContext() },
  );
  const socket = net.connect(portOf(server), '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  await asyncio.timeout(20).run(() => asyncio.once(socket, 'close'));
  await server.waitClosed();
});
