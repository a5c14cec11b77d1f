/** Datagrams over real sockets. */

import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import * as asyncio from 'tsyncio';
import { isError, thrownBy } from '../core/both-kinds.js';
import { networkTest } from './each-wire.js';

class Recorder extends asyncio.DatagramProtocol {
  readonly calls: string[] = [];
  readonly datagrams: [string, asyncio.SocketAddress][] = [];
  readonly errors: Error[] = [];
  transport!: asyncio.DatagramTransport;
  lost: Error | null | undefined = undefined;
  where: asyncio.Task | null | undefined = undefined;
  override connectionMade(transport: asyncio.DatagramTransport) {
    this.calls.push('connectionMade');
    this.transport = transport;
  }
  override datagramReceived(data: Buffer, address: asyncio.SocketAddress) {
    this.where = asyncio.currentTask();
    this.datagrams.push([data.toString(), address]);
  }
  override errorReceived(error: Error) {
    this.errors.push(error);
  }
  override connectionLost(error: Error | null) {
    this.calls.push('connectionLost');
    this.lost = error;
  }
  override pauseWriting() {
    this.calls.push('pauseWriting');
  }
  override resumeWriting() {
    this.calls.push('resumeWriting');
  }
}

const nameOf = (transport: asyncio.DatagramTransport) =>
  transport.getExtraInfo('sockname') as [string, number];

/** Closes endpoints, and waits for their end. */
async function end(...protocols: Recorder[]): Promise<void> {
  for (const { transport } of protocols) transport.close();
  while (protocols.some(({ lost }) => lost === undefined)) await asyncio.sleep(0.001);
}

networkTest('R-TRN-12 datagrams go to an address and come with one', async (loop) => {
  const [server, there] = await loop.createDatagramEndpoint(() => new Recorder(), {
    localAddr: ['127.0.0.1', 0],
  });
  const [client, here] = await loop.createDatagramEndpoint(() => new Recorder(), {
    localAddr: ['127.0.0.1', 0],
  });
  client.sendto(Buffer.from('one'), nameOf(server));
  client.sendto(new Uint8Array(), nameOf(server));
  while (there.datagrams.length < 2) await asyncio.sleep(0.001);
  assert.deepEqual(there.datagrams, [
    ['one', nameOf(client)],
    ['', nameOf(client)],
  ]);
  assert.equal(there.where, null);
  server.sendto(Buffer.from('back'), there.datagrams[0]?.[1] as asyncio.SocketAddress);
  while (here.datagrams.length < 1) await asyncio.sleep(0.001);
  assert.deepEqual(here.datagrams, [['back', nameOf(server)]]);
  assert.equal(client.getExtraInfo('peername'), null);
  assert.equal(client.getExtraInfo('socket')?.type, 'dgram');
  assert.deepEqual(client.getExtraInfo('socket')?.getsockname(), nameOf(client));
  await end(here, there);
  assert.deepEqual(here.calls, ['connectionMade', 'connectionLost']);
  assert.equal(here.lost, null);
});

networkTest('R-TRN-12 a connected endpoint sends to its peer, and to no other', async (loop) => {
  const [server, there] = await loop.createDatagramEndpoint(() => new Recorder(), {
    localAddr: ['127.0.0.1', 0],
  });
  const [client, here] = await loop.createDatagramEndpoint(() => new Recorder(), {
    remoteAddr: nameOf(server),
  });
  assert.deepEqual(client.getExtraInfo('peername'), nameOf(server));
  client.sendto(Buffer.from('a'));
  client.sendto(Buffer.from('b'), null);
  client.sendto(Buffer.from('c'), nameOf(server));
  isError(
    thrownBy(() => client.sendto(Buffer.from('d'), ['127.0.0.1', 1])),
    asyncio.ValueError,
    `Invalid address: must be None or ${nameOf(server).join(':')}`,
  );
  while (there.datagrams.length < 3) await asyncio.sleep(0.001);
  assert.deepEqual(
    there.datagrams.map(([text]) => text),
    ['a', 'b', 'c'],
  );
  isError(
    thrownBy(() => client.sendto('text' as never)),
    TypeError,
    /expected bytes/,
  );
  isError(
    thrownBy(() => server.sendto(Buffer.from('x'), '/path')),
    TypeError,
    /host and a port/,
  );
  await end(here, there);
});

networkTest(
  'R-TRN-12 errors of the system come as errorReceived(), and the endpoint goes on',
  async (loop) => {
    const [server, there] = await loop.createDatagramEndpoint(() => new Recorder(), {
      localAddr: ['127.0.0.1', 0],
    });
    const address = nameOf(server);
    await end(there);
    const [client, here] = await loop.createDatagramEndpoint(() => new Recorder(), { remoteAddr: address });
    // Nobody is there: the kernel says so with one of the next sends or receives.
    while (here.errors.length === 0) {
      client.sendto(Buffer.from('anybody?'));
      await asyncio.sleep(0.001);
    }
    assert.ok(
      here.errors.every((error) => error instanceof asyncio.ConnectionRefusedError),
      String(here.errors),
    );
    assert.equal(here.lost, undefined);
    const [other, elsewhere] = await loop.createDatagramEndpoint(() => new Recorder(), {
      localAddr: ['127.0.0.1', 0],
    });
    other.sendto(Buffer.from('nowhere'));
    other.sendto(Buffer.alloc(100_000), nameOf(other));
    while (elsewhere.errors.length < 2) await asyncio.sleep(0.001);
    assert.deepEqual(elsewhere.errors.map((error) => (error as asyncio.OSError).code).sort(), [
      'EDESTADDRREQ',
      'EMSGSIZE',
    ]);
    await end(here, elsewhere);
  },
);

networkTest('flow control counts what is not sent yet', async (loop) => {
  const [, there] = await loop.createDatagramEndpoint(() => new Recorder(), { localAddr: ['127.0.0.1', 0] });
  const [client, here] = await loop.createDatagramEndpoint(() => new Recorder(), {
    remoteAddr: nameOf(there.transport),
  });
  client.setWriteBufferLimits({ high: 1000 });
  assert.deepEqual(client.getWriteBufferLimits(), [250, 1000]);
  client.sendto(Buffer.alloc(600));
  assert.ok(client.getWriteBufferSize() >= 600);
  client.sendto(Buffer.alloc(600));
  assert.equal(here.calls.at(-1), 'pauseWriting');
  while (here.calls.at(-1) !== 'resumeWriting') await asyncio.sleep(0.001);
  assert.equal(client.getWriteBufferSize(), 0);
  await end(here, there);
});

networkTest(
  'close() sends what is buffered, abort() does not wait; later sends are dropped',
  async (loop) => {
    const [, there] = await loop.createDatagramEndpoint(() => new Recorder(), {
      localAddr: ['127.0.0.1', 0],
    });
    const [client, here] = await loop.createDatagramEndpoint(() => new Recorder(), {
      remoteAddr: nameOf(there.transport),
    });
    client.sendto(Buffer.from('last words'));
    client.close();
    client.close();
    assert.equal(client.isClosing(), true);
    client.sendto(Buffer.from('too late'));
    while (here.lost === undefined || there.datagrams.length === 0) await asyncio.sleep(0.001);
    assert.deepEqual(
      there.datagrams.map(([text]) => text),
      ['last words'],
    );
    there.transport.abort();
    await end(there);
  },
);

networkTest('an error in datagramReceived() is fatal and reported', async (loop) => {
  const reports: asyncio.ExceptionContext[] = [];
  loop.setExceptionHandler((_, context) => void reports.push(context));
  const bug = new Error('bug');
  const [server, there] = await loop.createDatagramEndpoint(() => new Recorder(), {
    localAddr: ['127.0.0.1', 0],
  });
  there.datagramReceived = () => {
    throw bug;
  };
  const [client, here] = await loop.createDatagramEndpoint(() => new Recorder(), {
    localAddr: ['127.0.0.1', 0],
  });
  client.sendto(Buffer.from('x'), nameOf(server));
  while (there.lost === undefined) await asyncio.sleep(0.001);
  assert.equal(there.lost, bug);
  assert.equal(reports[0]?.exception, bug);
  await end(here);
});

networkTest('a bound socket of Node can be taken over; broadcast can be allowed', async (loop) => {
  const sock = dgram.createSocket('udp4');
  await new Promise<void>((resolve) => sock.bind(0, '127.0.0.1', () => resolve()));
  const [transport, there] = await loop.createDatagramEndpoint(() => new Recorder(), { sock });
  const [client, here] = await loop.createDatagramEndpoint(() => new Recorder(), {
    remoteAddr: nameOf(transport),
    allowBroadcast: true,
  });
  client.sendto(Buffer.from('x'));
  while (there.datagrams.length === 0) await asyncio.sleep(0.001);
  isError(
    thrownBy(() => loop.createDatagramEndpoint(() => new Recorder(), { sock, localAddr: ['127.0.0.1', 0] })),
    asyncio.ValueError,
    /socket modifier keyword arguments can not be used/,
  );
  await end(here, there);
});

networkTest('createDatagramEndpoint() refuses what it cannot use', async (loop) => {
  const make = () => new Recorder();
  isError(
    thrownBy(() => loop.createDatagramEndpoint(make)),
    asyncio.ValueError,
    'unexpected address family',
  );
  isError(
    thrownBy(() => loop.createDatagramEndpoint(7 as never)),
    TypeError,
  );
  isError(
    thrownBy(() => loop.createDatagramEndpoint(make, { localAddr: 'x' as never })),
    TypeError,
    /expected \[host, port\]/,
  );
  isError(
    thrownBy(() => loop.createDatagramEndpoint(make, { sock: {} as never })),
    asyncio.ValueError,
    /datagram socket/,
  );
  const [, there] = await loop.createDatagramEndpoint(make, { localAddr: ['127.0.0.1', 0] });
  const mixed = await loop
    .createDatagramEndpoint(make, { localAddr: ['127.0.0.1', 0], remoteAddr: ['::1', 1] })
    .then(
      () => assert.fail('it opened'),
      (error: unknown) => error,
    );
  isError(mixed, asyncio.ValueError, /can not get address information/);
  const taken = await loop.createDatagramEndpoint(make, { localAddr: nameOf(there.transport) }).then(
    () => assert.fail('it opened'),
    (error: unknown) => error,
  );
  assert.ok(taken instanceof asyncio.OSError);
  const [any, unbound] = await loop.createDatagramEndpoint(make, { family: 4 });
  assert.ok(nameOf(any)[1] > 0);
  await end(there, unbound);
});

networkTest("a port that cannot be sent to is said, and is in nobody's way", async (loop) => {
  const [client, here] = await loop.createDatagramEndpoint(() => new Recorder(), {
    localAddr: ['127.0.0.1', 0],
  });
  isError(
    thrownBy(() => client.sendto(Buffer.from('x'), ['127.0.0.1', 70_000])),
    asyncio.ValueError,
    /port 70000: it must be 0-65535/,
  );
  client.sendto(Buffer.from('x'), ['127.0.0.1', 0]);
  while (here.errors.length === 0) await asyncio.sleep(0.001);
  isError(here.errors[0], asyncio.OSError);
  assert.equal((here.errors[0] as asyncio.OSError).code, 'EINVAL');
  assert.equal(client.getWriteBufferSize(), 0);
  await end(here);
});

networkTest('what was sent is what it was at the call', async (loop) => {
  const [server, there] = await loop.createDatagramEndpoint(() => new Recorder(), {
    localAddr: ['127.0.0.1', 0],
  });
  const [client, here] = await loop.createDatagramEndpoint(() => new Recorder(), {
    localAddr: ['127.0.0.1', 0],
  });
  const memory = Buffer.from('hello');
  client.sendto(memory, nameOf(server));
  memory.fill('z');
  while (there.datagrams.length === 0) await asyncio.sleep(0.001);
  assert.equal(there.datagrams[0]?.[0], 'hello');
  await end(here, there);
});
