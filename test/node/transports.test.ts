/** Transports and protocols over real sockets: the grammar of the calls, flow control, closing, errors. */

import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { isError, thrownBy } from '../core/both-kinds.js';
import { closed, type Net, overEach, portOf, until } from './each-wire.js';

type Coro<T> = asyncio.Coro<T>;

/** Keeps what it is called with. */
class Recorder extends asyncio.Protocol {
  readonly calls: string[] = [];
  transport!: asyncio.Transport;
  received = 0;
  text = '';
  keepOpen = false;
  lost: Error | null | undefined = undefined;
  /** What the loop and the task are in the last call. */
  where: [asyncio.EventLoop, asyncio.Task | null] | null = null;

  override connectionMade(transport: asyncio.Transport) {
    this.#note('connectionMade');
    this.transport = transport;
  }
  override dataReceived(data: Buffer) {
    if (this.calls.at(-1) !== 'dataReceived') this.#note('dataReceived');
    this.received += data.length;
    this.text += data.toString();
  }
  override eofReceived() {
    this.#note('eofReceived');
    return this.keepOpen;
  }
  override connectionLost(error: Error | null) {
    this.#note('connectionLost');
    this.lost = error;
  }
  override pauseWriting() {
    this.calls.push('pauseWriting');
  }
  override resumeWriting() {
    this.calls.push('resumeWriting');
  }
  #note(call: string) {
    this.calls.push(call);
    this.where = [asyncio.getRunningLoop(), asyncio.currentTask()];
  }
}

/** A server with recorders, one connection to it, and both ends. */
function* pair(
  net: Net,
  make: () => Recorder = () => new Recorder(),
): Coro<{ server: asyncio.Server; here: Recorder; there: Recorder }> {
  const accepted: Recorder[] = [];
  const server = yield* net.wait(
    net.createServer(() => {
      const protocol = make();
      accepted.push(protocol);
      return protocol;
    }),
  );
  const [, here] = yield* net.wait(net.connect(() => new Recorder(), server));
  yield* until(net, () => accepted[0]?.transport !== undefined);
  return { server, here, there: accepted[0] as Recorder };
}

/** Closes what a test has opened, and waits for it. */
function* finish(net: Net, server: asyncio.Server, ...protocols: Recorder[]): Coro<void> {
  for (const { transport } of protocols) transport.abort();
  yield* until(net, () => protocols.every(({ lost }) => lost !== undefined));
  server.abortClients();
  yield* closed(net, server);
}

overEach('R-TRN-01 connectionMade, dataReceived*, eofReceived, connectionLost once', function* (net) {
  const { server, here, there } = yield* pair(net);
  assert.deepEqual(here.calls, ['connectionMade']);
  here.transport.write(Buffer.from('hello'));
  yield* until(net, () => there.received === 5);
  here.transport.close();
  here.transport.close();
  yield* until(net, () => there.lost !== undefined && here.lost !== undefined);
  assert.deepEqual(there.calls, ['connectionMade', 'dataReceived', 'eofReceived', 'connectionLost']);
  assert.deepEqual(here.calls, ['connectionMade', 'connectionLost']);
  assert.deepEqual([here.lost, there.lost], [null, null]);
  assert.equal(there.text, 'hello');
  yield* closed(net, server);
});

overEach('R-TRN-01 protocols are called by the loop, outside any task', function* (net) {
  const { server, here, there } = yield* pair(net);
  for (const protocol of [here, there]) assert.deepEqual(protocol.where, [net.loop, null]);
  here.transport.write(Buffer.from('x'));
  yield* until(net, () => there.received === 1);
  assert.deepEqual(there.where, [net.loop, null]);
  here.transport.close();
  assert.equal(here.calls.includes('connectionLost'), false);
  yield* until(net, () => there.lost !== undefined && here.lost !== undefined);
  for (const protocol of [here, there]) assert.deepEqual(protocol.where, [net.loop, null]);
  yield* closed(net, server);
});

overEach('R-TRN-02 createConnection() returns after connectionMade()', function* (net) {
  const server = yield* net.wait(net.createServer(() => new Recorder()));
  const [transport, protocol] = yield* net.wait(net.connect(() => new Recorder(), server));
  assert.deepEqual(protocol.calls, ['connectionMade']);
  assert.equal(protocol.transport, transport);
  assert.equal(transport.getProtocol(), protocol);
  transport.abort();
  yield* until(net, () => protocol.lost !== undefined);
  yield* closed(net, server);
});

overEach('R-TRN-03 only bytes can be written; nothing is written of nothing', function* (net) {
  const { server, here, there } = yield* pair(net);
  for (const wrong of ['text', 7, null, undefined, [1], new ArrayBuffer(1)]) {
    isError(
      thrownBy(() => here.transport.write(wrong as never)),
      TypeError,
      /Cannot write: expected bytes/,
    );
  }
  isError(
    thrownBy(() => here.transport.writelines(['a'] as never)),
    TypeError,
  );
  here.transport.write(new Uint8Array());
  here.transport.write(Uint8Array.of(65));
  here.transport.writelines([]);
  yield* until(net, () => there.received > 0);
  assert.equal(there.text, 'A');
  yield* finish(net, server, here);
});

overEach(
  'R-TRN-03 after writeEof() nothing can be written; the peer sees the end',
  { wires: ['tcp', 'unix'] },
  function* (net) {
    const { server, here, there } = yield* pair(net, () => Object.assign(new Recorder(), { keepOpen: true }));
    here.transport.write(Buffer.from('last'));
    here.transport.writeEof();
    here.transport.writeEof();
    isError(
      thrownBy(() => here.transport.write(Buffer.from('x'))),
      asyncio.RuntimeError,
      'Cannot call write() after writeEof()',
    );
    yield* until(net, () => there.calls.includes('eofReceived'));
    there.transport.write(Buffer.from('answer'));
    yield* until(net, () => here.received === 6);
    yield* finish(net, server, here, there);
  },
);

overEach(
  'R-TRN-03 writes to a closed connection are dropped, from the sixth on with a warning',
  function* (net) {
    const { server, here, there } = yield* pair(net);
    here.transport.abort();
    for (let i = 0; i < 5; i += 1) here.transport.write(Buffer.from('x'));
    assert.deepEqual(net.logs, []);
    here.transport.write(Buffer.from('x'));
    assert.deepEqual(net.logs.splice(0), ['socket.send() raised exception.']);
    yield* finish(net, server, here, there);
  },
);

overEach(
  'R-TRN-04 pauseWriting() comes inside write(), over the mark; resumeWriting() at the low one',
  function* (net) {
    const { server, here, there } = yield* pair(net);
    there.transport.pauseReading();
    const piece = Buffer.alloc(256 * 1024);
    let size = 0;
    while (!here.calls.includes('pauseWriting')) {
      here.transport.write(piece);
      size += piece.length;
      if (size > 64 * 1024 * 1024) assert.fail('nothing paused the writer');
      if (!here.calls.includes('pauseWriting')) yield* net.wait(asyncio.sleep(0));
    }
    assert.ok(here.transport.getWriteBufferSize() > here.transport.getWriteBufferLimits()[1]);
    there.transport.resumeReading();
    yield* until(net, () => here.calls.includes('resumeWriting'));
    assert.ok(here.transport.getWriteBufferSize() <= here.transport.getWriteBufferLimits()[0]);
    yield* until(net, () => there.received === size);
    assert.deepEqual(
      here.calls.filter((call) => call.endsWith('Writing')),
      ['pauseWriting', 'resumeWriting'],
    );
    yield* finish(net, server, here, there);
  },
);

overEach('R-TRN-05 limits: a quarter, four times, and what contradicts itself', function* (net) {
  const { server, here, there } = yield* pair(net);
  const { transport } = here;
  const usual = net.wire === 'tls' ? 512 * 1024 : 64 * 1024;
  assert.deepEqual(transport.getWriteBufferLimits(), [usual / 4, usual]);
  transport.setWriteBufferLimits({ high: 401 });
  assert.deepEqual(transport.getWriteBufferLimits(), [100, 401]);
  transport.setWriteBufferLimits({ low: 100 });
  assert.deepEqual(transport.getWriteBufferLimits(), [100, 400]);
  transport.setWriteBufferLimits({ low: 1, high: 2 });
  assert.deepEqual(transport.getWriteBufferLimits(), [1, 2]);
  transport.setWriteBufferLimits();
  assert.deepEqual(transport.getWriteBufferLimits(), [usual / 4, usual]);
  for (const limits of [{ high: 1, low: 2 }, { high: -1 }, { low: -1, high: 1 }]) {
    isError(
      thrownBy(() => transport.setWriteBufferLimits(limits)),
      asyncio.ValueError,
      /must be >=/,
    );
  }
  yield* finish(net, server, here, there);
});

overEach('R-TRN-05 with high = 0 every write that the kernel does not take pauses', function* (net) {
  const { server, here, there } = yield* pair(net);
  here.transport.setWriteBufferLimits({ high: 0 });
  assert.deepEqual(here.transport.getWriteBufferLimits(), [0, 0]);
  there.transport.pauseReading();
  const piece = Buffer.alloc(64 * 1024);
  while (!here.calls.includes('pauseWriting')) {
    here.transport.write(piece);
    yield* net.wait(asyncio.sleep(0));
  }
  there.transport.resumeReading();
  yield* until(net, () => here.calls.includes('resumeWriting'));
  assert.equal(here.transport.getWriteBufferSize(), 0);
  yield* finish(net, server, here, there);
});

overEach('marks that are lowered below what is buffered pause, and resume later', function* (net) {
  const { server, here, there } = yield* pair(net);
  there.transport.pauseReading();
  here.transport.setWriteBufferLimits({ high: 1_000_000_000 });
  // Until something stays in the buffer.
  while (here.transport.getWriteBufferSize() === 0) {
    here.transport.write(Buffer.alloc(1024 * 1024));
    yield* net.wait(asyncio.sleep(0));
  }
  assert.equal(here.calls.includes('pauseWriting'), false);
  here.transport.setWriteBufferLimits({ high: 1 });
  assert.equal(here.calls.at(-1), 'pauseWriting');
  there.transport.resumeReading();
  yield* until(net, () => here.calls.at(-1) === 'resumeWriting');
  yield* finish(net, server, here, there);
});

overEach('a protocol that fails in pauseWriting() is reported, and the connection goes on', function* (net) {
  const { server, here, there } = yield* pair(net);
  const bug = new Error('bug');
  here.pauseWriting = () => {
    throw bug;
  };
  there.transport.pauseReading();
  while (net.reports.length === 0) {
    here.transport.write(Buffer.alloc(256 * 1024));
    yield* net.wait(asyncio.sleep(0));
  }
  const [report] = net.reports.splice(0);
  assert.equal(report?.message, 'protocol.pauseWriting() failed');
  assert.equal(report?.exception, bug);
  assert.equal(report?.protocol, here);
  assert.equal(here.transport.isClosing(), false);
  yield* finish(net, server, here, there);
});

overEach('R-TRN-06 close() sends what is buffered; nothing is received after it', function* (net) {
  const { server, here, there } = yield* pair(net);
  there.transport.pauseReading();
  const piece = Buffer.alloc(512 * 1024);
  let size = 0;
  while (here.transport.getWriteBufferSize() === 0) {
    here.transport.write(piece);
    size += piece.length;
    yield* net.wait(asyncio.sleep(0));
  }
  here.transport.close();
  assert.equal(here.transport.isClosing(), true);
  assert.equal(here.lost, undefined);
  there.transport.resumeReading();
  yield* until(net, () => here.lost !== undefined && there.lost !== undefined);
  assert.deepEqual([here.lost, there.lost], [null, null]);
  assert.equal(there.received, size);
  yield* closed(net, server);
});

overEach('R-TRN-06 what comes after close() is not received', function* (net) {
  const { server, here, there } = yield* pair(net);
  there.transport.write(Buffer.from('in time'));
  yield* until(net, () => here.received === 7);
  there.transport.write(Buffer.from('too late'));
  here.transport.close();
  yield* until(net, () => here.lost !== undefined);
  assert.equal(here.text, 'in time');
  yield* finish(net, server, there);
});

overEach('R-TRN-06 abort() throws away what is buffered', function* (net) {
  const { server, here, there } = yield* pair(net);
  there.transport.pauseReading();
  let size = 0;
  while (here.transport.getWriteBufferSize() === 0) {
    here.transport.write(Buffer.alloc(1024 * 1024));
    size += 1024 * 1024;
    yield* net.wait(asyncio.sleep(0));
  }
  // More than the kernel takes.
  here.transport.write(Buffer.alloc(32 * 1024 * 1024));
  size += 32 * 1024 * 1024;
  here.transport.abort();
  here.transport.abort();
  assert.equal(here.transport.getWriteBufferSize(), 0);
  yield* until(net, () => here.lost !== undefined);
  assert.equal(here.lost, null);
  there.transport.resumeReading();
  yield* until(net, () => there.lost !== undefined);
  assert.ok(there.received < size);
  yield* closed(net, server);
});

overEach(
  'R-TRN-07 a falsy eofReceived() closes; a true one leaves the connection open for writing',
  { wires: ['tcp', 'unix'] },
  function* (net) {
    const first = yield* pair(net);
    first.here.transport.writeEof();
    yield* until(net, () => first.there.lost !== undefined && first.here.lost !== undefined);
    assert.deepEqual(first.there.calls, ['connectionMade', 'eofReceived', 'connectionLost']);
    yield* closed(net, first.server);
    const second = yield* pair(net, () => Object.assign(new Recorder(), { keepOpen: true }));
    second.here.transport.writeEof();
    yield* until(net, () => second.there.calls.includes('eofReceived'));
    assert.equal(second.there.transport.isClosing(), false);
    second.there.transport.write(Buffer.from('still here'));
    second.there.transport.close();
    yield* until(net, () => second.here.lost !== undefined && second.there.lost !== undefined);
    assert.equal(second.here.text, 'still here');
    yield* closed(net, second.server);
  },
);

overEach('R-TRN-08 an error in dataReceived() is fatal and reported', function* (net) {
  const bug = new Error('bug');
  const { server, here, there } = yield* pair(net);
  there.dataReceived = () => {
    throw bug;
  };
  here.transport.write(Buffer.from('x'));
  yield* until(net, () => there.lost !== undefined && here.lost !== undefined);
  const [report] = net.reports.splice(0);
  assert.equal(report?.message, 'Fatal error: protocol.dataReceived() call failed.');
  assert.equal(report?.exception, bug);
  assert.equal(report?.transport, there.transport);
  assert.equal(report?.protocol, there);
  assert.equal(there.lost, bug);
  yield* closed(net, server);
});

overEach('R-TRN-08 an OSError of a protocol is fatal, too, but not reported', function* (net) {
  const { server, here, there } = yield* pair(net);
  there.dataReceived = () => {
    throw new asyncio.OSError('mine');
  };
  here.transport.write(Buffer.from('x'));
  yield* until(net, () => there.lost !== undefined && here.lost !== undefined);
  isError(there.lost, asyncio.OSError, 'mine');
  yield* closed(net, server);
});

overEach(
  'R-TRN-08 an error in connectionMade() or connectionLost() is reported as that of a callback',
  function* (net) {
    const server = yield* net.wait(net.createServer(() => new Recorder()));
    const bugs = [new Error('made'), new Error('lost')];
    class Buggy extends Recorder {
      override connectionMade(transport: asyncio.Transport) {
        super.connectionMade(transport);
        throw bugs[0];
      }
      override connectionLost(error: Error | null) {
        super.connectionLost(error);
        throw bugs[1];
      }
    }
    const [transport, protocol] = yield* net.wait(net.connect(() => new Buggy(), server));
    transport.close();
    yield* until(net, () => protocol.lost !== undefined);
    yield* closed(net, server);
    const reports = net.reports.splice(0);
    assert.deepEqual(
      reports.map(({ exception }) => exception),
      bugs,
    );
    assert.match(reports[0]?.message ?? '', /^Exception in callback/);
  },
);

overEach(
  'R-TRN-09 pauseReading() and resumeReading() may be called twice; isReading() tells',
  function* (net) {
    const { server, here, there } = yield* pair(net);
    const { transport } = there;
    assert.equal(transport.isReading(), true);
    transport.pauseReading();
    transport.pauseReading();
    assert.equal(transport.isReading(), false);
    here.transport.write(Buffer.from('kept'));
    for (let i = 0; i < 20; i += 1) yield* net.wait(asyncio.sleep(0.001));
    assert.equal(there.received, 0);
    transport.resumeReading();
    transport.resumeReading();
    assert.equal(transport.isReading(), true);
    yield* until(net, () => there.text === 'kept');
    transport.close();
    assert.equal(transport.isReading(), false);
    transport.pauseReading();
    transport.resumeReading();
    assert.equal(transport.isReading(), false);
    yield* until(net, () => there.lost !== undefined && here.lost !== undefined);
    yield* closed(net, server);
  },
);

overEach('a protocol that pauses in dataReceived() gets nothing before it resumes', function* (net) {
  const { server, here, there } = yield* pair(net);
  there.dataReceived = function dataReceived(this: Recorder, data: Buffer) {
    assert.equal(this.transport.isReading(), true);
    Recorder.prototype.dataReceived.call(this, data);
    this.transport.pauseReading();
    net.loop.callLater(0.001, () => this.transport.resumeReading());
  };
  const size = 1_000_000;
  here.transport.write(Buffer.alloc(size));
  yield* until(net, () => there.received === size);
  yield* finish(net, server, here, there);
});

/** Brings its own memory, a little at a time. */
class Filling extends asyncio.BufferedProtocol {
  readonly room: Uint8Array;
  text = '';
  ended = false;
  lost: Error | null | undefined = undefined;
  constructor(size: number) {
    super();
    this.room = new Uint8Array(size);
  }
  override getBuffer(sizehint: number) {
    assert.ok(sizehint > 0 || sizehint === -1);
    return this.room;
  }
  override bufferUpdated(count: number) {
    this.text += Buffer.from(this.room.subarray(0, count)).toString();
  }
  override eofReceived() {
    this.ended = true;
  }
  override connectionLost(error: Error | null) {
    this.lost = error;
  }
}

overEach('R-TRN-10 a BufferedProtocol brings the memory', function* (net) {
  for (const size of [1, 7, 100_000]) {
    const protocol = new Filling(size);
    const server = yield* net.wait(net.createServer(() => protocol));
    const [transport] = yield* net.wait(net.connect(() => new Recorder(), server));
    const text = 'buffered '.repeat(500);
    transport.write(Buffer.from(text));
    transport.close();
    yield* until(net, () => protocol.lost !== undefined);
    assert.equal(protocol.text, text);
    assert.equal(protocol.ended, true);
    yield* closed(net, server);
  }
});

overEach('R-TRN-10 an empty buffer and a failing one are fatal', function* (net) {
  for (const [room, message] of [
    [() => new Uint8Array(), 'getBuffer() returned an empty buffer'],
    [
      () => {
        throw new Error('no memory');
      },
      'no memory',
    ],
  ] as const) {
    const protocol = new Filling(1);
    protocol.getBuffer = room;
    const server = yield* net.wait(net.createServer(() => protocol));
    const [transport] = yield* net.wait(net.connect(() => new Recorder(), server));
    transport.write(Buffer.from('x'));
    yield* until(net, () => protocol.lost !== undefined);
    const [report] = net.reports.splice(0);
    assert.equal(report?.message, 'Fatal error: protocol.getBuffer() call failed.');
    assert.equal((report?.exception as Error | undefined)?.message, message);
    transport.abort();
    yield* closed(net, server);
  }
});

overEach('setProtocol() changes who is called, also to one that brings its memory', function* (net) {
  const { server, here, there } = yield* pair(net);
  here.transport.write(Buffer.from('one'));
  yield* until(net, () => there.text === 'one');
  const next = new Filling(10);
  there.transport.setProtocol(next);
  assert.equal(there.transport.getProtocol(), next);
  here.transport.write(Buffer.from('two'));
  yield* until(net, () => next.text === 'two');
  assert.equal(there.text, 'one');
  here.transport.close();
  yield* until(net, () => next.lost !== undefined && here.lost !== undefined);
  assert.equal(there.lost, undefined);
  yield* closed(net, server);
});

overEach('R-TRN-11 writelines() writes all of it in order, however much', function* (net) {
  const { server, here, there } = yield* pair(net);
  here.transport.writelines(['a', 'b', 'c'].map((each) => Buffer.from(each)));
  here.transport.writelines(new Set([Buffer.from('d'), Buffer.alloc(100_000, 'e'), Buffer.from('f')]));
  yield* until(net, () => there.received === 100_005);
  assert.equal(there.text, `abcd${'e'.repeat(100_000)}f`);
  yield* finish(net, server, here, there);
});

overEach('R-TRN-11 getExtraInfo() tells of both ends, also when they are closed', function* (net) {
  const { server, here, there } = yield* pair(net);
  const { transport } = here;
  const look = () => {
    assert.equal(transport.getExtraInfo('nothing'), null);
    assert.equal(transport.getExtraInfo('nothing', 7), 7);
    const socket = transport.getExtraInfo('socket');
    assert.equal(socket?.type, 'stream');
    assert.deepEqual(socket?.getsockname(), transport.getExtraInfo('sockname'));
    assert.deepEqual(socket?.getpeername(), transport.getExtraInfo('peername'));
    if (net.wire === 'unix') {
      assert.equal(transport.getExtraInfo('peername'), server.sockets[0]?.getsockname());
      assert.equal(there.transport.getExtraInfo('sockname'), server.sockets[0]?.getsockname());
    } else {
      assert.deepEqual(transport.getExtraInfo('peername'), ['127.0.0.1', portOf(server)]);
      assert.deepEqual(transport.getExtraInfo('sockname'), there.transport.getExtraInfo('peername'));
    }
    assert.equal(transport.getExtraInfo('sslcontext') !== null, net.wire === 'tls');
    return socket;
  };
  const socket = look();
  assert.ok((socket?.fileno() ?? -1) >= 0);
  transport.abort();
  yield* until(net, () => here.lost !== undefined);
  look();
  yield* finish(net, server, here, there);
});

overEach('socket options: those that Node has, and no others', { wires: ['tcp'] }, function* (net) {
  const { server, here, there } = yield* pair(net);
  const socket = here.transport.getExtraInfo('socket');
  assert.ok(socket !== null);
  assert.equal(socket.getsockopt('noDelay'), true);
  socket.setsockopt('noDelay', false);
  assert.equal(socket.getsockopt('noDelay'), false);
  socket.setsockopt('keepAlive', true);
  isError(
    thrownBy(() => socket.setsockopt('linger', 1)),
    asyncio.NotImplementedError,
  );
  isError(
    thrownBy(() => socket.getsockopt('linger')),
    asyncio.NotImplementedError,
  );
  assert.match(String(socket), /fd=\d+ family=4 type=stream/);
  yield* finish(net, server, here, there);
});

overEach(
  'a reset by the peer comes as connectionLost(ConnectionResetError)',
  { wires: ['tcp'] },
  function* (net) {
    const accepted = new Recorder();
    const server = yield* net.wait(net.createServer(() => accepted));
    const peer = yield* net.wait(net.peer(server));
    yield* until(net, () => accepted.transport !== undefined);
    peer.resetAndDestroy();
    yield* until(net, () => accepted.lost !== undefined);
    isError(accepted.lost, asyncio.ConnectionResetError);
    assert.deepEqual(accepted.calls, ['connectionMade', 'connectionLost']);
    yield* closed(net, server);
  },
);

overEach('what came before a reset is delivered first', { wires: ['tcp'] }, function* (net) {
  const accepted = new Recorder();
  const server = yield* net.wait(net.createServer(() => accepted));
  const peer = yield* net.wait(net.peer(server));
  peer.write('before');
  yield* until(net, () => accepted.received === 6);
  peer.resetAndDestroy();
  yield* until(net, () => accepted.lost !== undefined);
  assert.deepEqual(accepted.calls, ['connectionMade', 'dataReceived', 'connectionLost']);
  yield* closed(net, server);
});

overEach(
  'both directions ended: the connection is gone by itself',
  { wires: ['tcp', 'unix'] },
  function* (net) {
    const accepted = Object.assign(new Recorder(), { keepOpen: true });
    const server = yield* net.wait(net.createServer(() => accepted));
    const peer = yield* net.wait(net.peer(server));
    peer.end('bye');
    yield* until(net, () => accepted.calls.includes('eofReceived'));
    accepted.transport.write(Buffer.from('bye'));
    accepted.transport.writeEof();
    peer.resume();
    yield* until(net, () => accepted.lost !== undefined);
    assert.equal(accepted.lost, null);
    yield* closed(net, server);
  },
);

overEach('a transport shows its state and its peer', function* (net) {
  const { server, here, there } = yield* pair(net);
  assert.match(String(here.transport), /^<(Socket|Tls)Transport open/);
  here.transport.abort();
  assert.match(String(here.transport), /closed/);
  yield* finish(net, server, here, there);
});

test('a loop that is closed with open connections is left in peace', async () => {
  const accepted: Recorder[] = [];
  let server: asyncio.Server | null = null;
  let peer: net.Socket | null = null;
  await asyncio.run(async () => {
    const loop = asyncio.getRunningLoop();
    server = await loop.createServer(
      () => {
        accepted.push(new Recorder());
        return accepted.at(-1) as Recorder;
      },
      '127.0.0.1',
      0,
    );
    peer = net.connect(portOf(server), '127.0.0.1');
    peer.on('error', () => {});
    while (accepted[0]?.transport === undefined) await asyncio.sleep(0.001);
  });
  const socket = peer as unknown as net.Socket;
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.resume();
  socket.write('into the void');
  await new Promise<void>((resolve) => setImmediate(resolve));
  accepted[0]?.transport.abort();
  (server as unknown as asyncio.Server).close();
  await ended;
  assert.deepEqual(accepted[0]?.calls, ['connectionMade']);
});

test('a failed read of a transport that nobody watches does not end the process', async () => {
  await asyncio.run(async () => {
    const loop = asyncio.getRunningLoop();
    const server = await loop.createServer(() => new asyncio.Protocol(), '127.0.0.1', 0);
    const peer = net.connect(portOf(server), '127.0.0.1');
    await new Promise<void>((resolve) => peer.once('connect', () => resolve()));
    await asyncio.sleep(0.01);
    peer.resetAndDestroy();
    server.close();
    await server.waitClosed();
  });
});
