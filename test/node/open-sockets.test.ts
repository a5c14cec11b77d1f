/** R-DBG-09 for sockets: what is open when a loop closes is reported in debug mode, and closed. */

import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { clientContext, leakWatch, portOf, serverContext } from './each-wire.js';
import { Recorder } from './recorder.js';

async function reported(debug: boolean, main: (loop: asyncio.EventLoop) => Promise<void>): Promise<string[]> {
  const noLeak = leakWatch();
  const logs: string[] = [];
  const log = (message: string) => void logs.push(message);
  const outer = asyncio.setLogger({ debug: () => {}, info: () => {}, warn: log, error: log });
  const loop = asyncio.newEventLoop();
  loop.setDebug(debug);
  loop.slowCallbackDuration = 60;
  await loop.runUntilComplete(async () => await main(loop));
  loop.close();
  asyncio.setLogger(outer);
  await noLeak();
  return logs.map((text) => text.replace(/^(unclosed <\w+).*/, '$1')).sort();
}

for (const debug of [false, true]) {
  const mode = debug ? 'in debug mode' : 'not in debug mode';

  test(`R-DBG-09 servers and connections that are open when the loop closes are closed (${mode})`, async () => {
    const protocols: Recorder[] = [];
    const factory = () => {
      const protocol = new Recorder();
      protocols.push(protocol);
      return protocol;
    };
    const logs = await reported(debug, async (loop) => {
      const server = await loop.createServer(factory, '127.0.0.1', 0);
      await loop.createConnection(factory, '127.0.0.1', portOf(server));
      while (protocols.length < 2) await asyncio.sleep(0);
      for (const protocol of protocols) await protocol.told('made');
    });
    assert.deepEqual(
      logs,
      debug ? ['unclosed <Server', 'unclosed <SocketTransport', 'unclosed <SocketTransport'] : [],
    );
    // Nobody is called.
    assert.deepEqual(
      protocols.map(({ events }) => events),
      [['made'], ['made']],
    );
  });

  test(`R-DBG-09 TLS connections that are open when the loop closes are closed (${mode})`, async () => {
    const protocols: Recorder[] = [];
    const factory = () => {
      const protocol = new Recorder();
      protocols.push(protocol);
      return protocol;
    };
    const logs = await reported(debug, async (loop) => {
      const server = await loop.createServer(factory, '127.0.0.1', 0, { ssl: serverContext() });
      await loop.createConnection(factory, '127.0.0.1', portOf(server), {
        ssl: clientContext(),
        serverHostname: 'localhost',
      });
      while (protocols.length < 2) await asyncio.sleep(0);
      for (const protocol of protocols) await protocol.told('made');
      server.close();
    });
    assert.deepEqual(logs, debug ? ['unclosed <TlsTransport', 'unclosed <TlsTransport'] : []);
  });

  test(`R-DBG-09 datagram endpoints that are open when the loop closes are closed (${mode})`, async () => {
    const logs = await reported(debug, async (loop) => {
      await loop.createDatagramEndpoint(() => new asyncio.DatagramProtocol(), {
        localAddr: ['127.0.0.1', 0],
      });
    });
    assert.deepEqual(logs, debug ? ['unclosed <DatagramTransport'] : []);
  });

  test(`R-DBG-09 what is closed in order is not reported (${mode})`, async () => {
    const protocols: Recorder[] = [];
    const factory = () => {
      const protocol = new Recorder();
      protocols.push(protocol);
      return protocol;
    };
    const logs = await reported(debug, async (loop) => {
      const server = await loop.createServer(factory, '127.0.0.1', 0);
      const [transport] = await loop.createConnection(factory, '127.0.0.1', portOf(server));
      transport.close();
      while (protocols.length < 2) await asyncio.sleep(0);
      for (const protocol of protocols) await protocol.told('lost');
      server.close();
      const [endpoint] = await loop.createDatagramEndpoint(() => new asyncio.DatagramProtocol(), {
        localAddr: ['127.0.0.1', 0],
      });
      endpoint.close();
    });
    assert.deepEqual(logs, []);
  });
}

test('R-DBG-09 a connection attempt and a handshake that a closing loop interrupts are closed', async () => {
  const silent = net.createServer((socket) => void socket.on('error', () => {}).resume());
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as net.AddressInfo;
  const noLeak = leakWatch();
  const loop = asyncio.newEventLoop();
  const messages: unknown[] = [];
  loop.setExceptionHandler((_, { message }) => void messages.push(message));
  await loop.runUntilComplete(async () => {
    const connecting = loop.createConnection(() => new Recorder(), '127.0.0.1', port, {
      ssl: clientContext(),
      serverHostname: 'localhost',
    });
    loop.createTask(connecting);
    await new Promise((resolve) => silent.once('connection', resolve));
    for (let i = 0; i < 20; i += 1) await asyncio.sleep(0);
    loop.createTask(loop.createConnection(() => new Recorder(), '127.0.0.1', port));
    await asyncio.sleep(0);
  });
  loop.close();
  assert.deepEqual(new Set(messages), new Set(['Task was destroyed but it is pending!']));
  await noLeak();
  await new Promise((resolve) => silent.close(resolve));
});
