/** Small writes of one turn: one call of the system, and nothing else that a program could tell apart. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import net from 'node:net';
import * as asyncio from 'tsyncio';
import { type Net, networkTest, overEach, portOf, until } from './each-wire.js';
import { Recorder } from './recorder.js';

type Coro<T> = asyncio.Coro<T>;

/** A stream of ours whose calls to the system are counted, and what its peer has received. */
interface Stage {
  readonly writer: asyncio.StreamWriter;
  readonly calls: () => number;
  readonly received: () => Buffer;
  readonly ended: () => boolean;
  end(): Coro<void>;
}

function* stage(net_: Net): Coro<Stage> {
  const { wait, loop } = net_;
  const parts: Buffer[] = [];
  let ended = false;
  let peer: net.Socket | null = null;
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    peer = socket.unref(); // A test that fails leaves it open.
    socket.on('data', (data) => parts.push(data)).on('error', () => {});
    socket.on('end', () => {
      ended = true;
    });
  });
  server.unref();
  const listening = loop.createFuture<void>();
  server.listen(0, '127.0.0.1', () => listening.setResult(undefined));
  yield* wait(listening);
  const connected = loop.createFuture<void>();
  const sock = net.connect({ port: (server.address() as net.AddressInfo).port, host: '127.0.0.1' }, () =>
    connected.setResult(undefined),
  );
  yield* wait(connected);
  let calls = 0;
  const { _write, _writev } = sock as unknown as {
    _write(...args: unknown[]): void;
    _writev(...args: unknown[]): void;
  };
  Object.assign(sock, {
    _write(...args: unknown[]) {
      calls += 1;
      _write.apply(sock, args);
    },
    _writev(...args: unknown[]) {
      calls += 1;
      _writev.apply(sock, args);
    },
  });
  const [, writer] = yield* wait(asyncio.openConnection(null, null, { sock }));
  yield* until(net_, () => peer !== null);
  return {
    writer,
    calls: () => calls,
    received: () => Buffer.concat(parts),
    ended: () => ended,
    *end() {
      writer.transport.abort();
      yield* wait(writer.waitClosed());
      peer?.destroy();
      server.close();
    },
  };
}

const once = { wires: ['tcp'] } as const;
const bytes = (text: string) => Buffer.from(text);

overEach('write(): a header and a body of one turn are one call', once, function* (net) {
  const { writer, calls, received, end } = yield* stage(net);
  for (let i = 1; i <= 20; i += 1) {
    writer.write(bytes(`header ${i};`));
    yield* net.wait(writer.drain());
    writer.write(bytes('body;'));
    writer.write(Buffer.alloc(0));
    yield* net.wait(writer.drain());
    const size = received().length;
    yield* until(net, () => received().length > size && received().toString().endsWith('body;'));
    assert.equal(calls(), i);
  }
  assert.match(received().toString(), /^header 1;body;header 2;body;.*header 20;body;$/);
  yield* end();
});

overEach('write(): a small one and a large one behind it are one call', once, function* (net) {
  const { writer, calls, received, end } = yield* stage(net);
  writer.write(bytes('header'));
  assert.equal(calls(), 0);
  writer.write(Buffer.alloc(30_000, 'b'));
  assert.equal(calls(), 1);
  yield* until(net, () => received().length === 30_006);
  assert.equal(received().toString(), `header${'b'.repeat(30_000)}`);
  yield* end();
});

overEach("write(): the caller's memory is its own again at once", once, function* (net) {
  const { writer, calls, received, end } = yield* stage(net);
  const memory = Buffer.alloc(100);
  for (const letter of ['a', 'b', 'c']) writer.write(memory.fill(letter));
  memory.fill('x');
  yield* until(net, () => received().length === 300);
  assert.equal(received().toString(), `${'a'.repeat(100)}${'b'.repeat(100)}${'c'.repeat(100)}`);
  assert.equal(calls(), 1);
  yield* end();
});

overEach('getWriteBufferSize() tells what the system has not taken', once, function* (net) {
  const { writer, calls, end } = yield* stage(net);
  writer.write(bytes('header'));
  writer.write(bytes('body'));
  assert.equal(writer.transport.getWriteBufferSize(), 0);
  assert.equal(calls(), 1);
  yield* end();
});

for (const [name, how] of [
  ['close()', (writer) => writer.close()],
  ['writeEof()', (writer) => writer.writeEof()],
  ['abort()', (writer) => writer.transport.abort()],
] as readonly [string, (writer: asyncio.StreamWriter) => void][]) {
  overEach(`${name} sends what was written in the same turn`, once, function* (net) {
    const { writer, calls, received, ended, end } = yield* stage(net);
    writer.write(bytes('header;'));
    writer.write(bytes('body'));
    assert.equal(calls(), 0);
    how(writer);
    assert.equal(calls(), 1);
    yield* until(net, () => ended());
    assert.equal(received().toString(), 'header;body');
    yield* end();
  });
}

overEach('write(): who writes once in a turn does not wait, until it writes twice', once, function* (net) {
  const { writer, calls, received, end } = yield* stage(net);
  let size = 0;
  function* sent(): Coro<void> {
    yield* until(net, () => received().length === size);
    // What comes next is another turn.
    yield* net.wait(asyncio.sleep(0.001));
  }
  let waited = 0;
  for (let i = 1; i <= 12; i += 1) {
    size += 4;
    writer.write(bytes('once'));
    if (calls() < i) waited += 1;
    yield* sent();
    assert.equal(calls(), i);
  }
  assert.equal(waited, 8);
  for (let i = 1; i <= 3; i += 1) {
    size += 10;
    const before = calls();
    writer.write(bytes('first'));
    writer.write(bytes('other'));
    yield* sent();
    assert.equal(calls() - before, i === 1 ? 2 : 1);
  }
  yield* end();
});

overEach('write(): connections that write in turns do not mix', function* (net) {
  const far: Recorder[] = [];
  const server = yield* net.wait(
    net.createServer(() => {
      const protocol = new Recorder();
      far.push(protocol);
      return protocol;
    }),
  );
  const here = [];
  for (let i = 0; i < 3; i += 1) here.push(yield* net.wait(net.connect(() => new Recorder(), server)));
  const expected: string[] = ['', '', ''];
  yield* until(net, () => far.length === 3);
  server.close();
  let seed = 1;
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  for (let i = 0; i < 400; i += 1) {
    const which = random(3);
    const text = String.fromCharCode(97 + (i % 26)).repeat(
      random(10) === 0 ? random(30_000) : random(i % 50 === 0 ? 5000 : 200),
    );
    expected[which] += text;
    here[which]?.[0].write(bytes(text));
    if (random(20) === 0) yield* net.wait(asyncio.sleep(0));
  }
  for (const [transport] of here) transport.close();
  yield* net.wait(server.waitClosed());
  const texts = far.map(({ data }) => data.toString());
  assert.deepEqual(texts.map((text) => text.length).sort(), expected.map((text) => text.length).sort());
  assert.deepEqual(texts.sort(), expected.sort());
});

networkTest('write(): what was written leaves although the loop closes in the same turn', async () => {
  const got: string[] = [];
  const server = net.createServer((socket) => {
    socket.setEncoding('utf8').on('data', (data: string) => got.push(data));
    socket.on('end', () => got.push('end')).on('error', () => got.push('error'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  const loop = asyncio.newEventLoop();
  await loop.runUntilComplete(async () => {
    const [, writer] = await asyncio.openConnection('127.0.0.1', port);
    await asyncio.sleep(0);
    writer.write(bytes('last '));
    writer.write(bytes('words'));
  });
  loop.close();
  while (got.at(-1) !== 'end') await asyncio.sleep(0.001);
  assert.equal(got.join('|'), 'last words|end');
  server.close();
});

networkTest('write(): what was written leaves although the process ends in the same turn', async () => {
  let got: string | null = null;
  const server = await asyncio.startServer(
    async (reader, writer) => {
      got = (await reader.read()).toString();
      writer.close();
    },
    '127.0.0.1',
    0,
  );
  const program = `
    import * as asyncio from 'tsyncio';
    await asyncio.run(async () => {
      const [, writer] = await asyncio.openConnection('127.0.0.1', ${portOf(server)});
      writer.write(Buffer.from('last '));
      writer.write(Buffer.from('words'));
      process.exit(0);
    });
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
  const status = await new Promise((resolve) => child.once('exit', resolve));
  assert.equal(status, 0);
  while (got === null) await asyncio.sleep(0.001);
  assert.equal(got, 'last words');
  server.close();
  await server.waitClosed();
});

overEach('drain() waits as ever when small writes go over the mark together', once, function* (net) {
  const { writer, end } = yield* stage(net);
  writer.transport.setWriteBufferLimits({ high: 0 });
  let paused = 0;
  const pauseWriting = writer.transport.getProtocol().pauseWriting;
  writer.transport.getProtocol().pauseWriting = function (this: asyncio.BaseProtocol) {
    paused += 1;
    pauseWriting?.call(this);
  };
  // Nobody reads at the other end's pace that fast.
  while (paused === 0) {
    writer.write(Buffer.alloc(1000));
    writer.write(Buffer.alloc(200_000));
  }
  assert.equal(paused, 1);
  assert.ok(writer.transport.getWriteBufferSize() > 0);
  yield* net.wait(writer.drain());
  assert.equal(writer.transport.getWriteBufferSize(), 0);
  yield* end();
});
