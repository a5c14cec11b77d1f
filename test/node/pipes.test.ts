// connectReadPipe() and connectWritePipe(): FIFOs, sockets, devices, streams of Node's.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { PassThrough, Readable, Writable } from 'node:stream';
import { after, test } from 'node:test';
import * as asyncio from 'tsyncio';
import { isError, thrown, thrownBy } from '../core/both-kinds.js';
import { Program } from '../core/program.js';
import { noProc, openDescriptors } from './descriptors.js';
import { inBothKinds } from './in-both-kinds.js';
import { Recorder } from './recorder.js';

const skip = process.platform === 'win32' ? 'there are no FIFOs' : false;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tsyncio-pipes-'));
after(() => fs.rmSync(folder, { recursive: true }));

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants;
let made = 0;

/** A pipe of the system's: a FIFO that has lost its name. */
function pipe(): { r: number; w: number } {
  made += 1;
  const name = path.join(folder, `fifo-${made}`);
  execFileSync('mkfifo', [name]);
  const r = fs.openSync(name, O_RDONLY | O_NONBLOCK);
  const w = fs.openSync(name, O_WRONLY | O_NONBLOCK);
  fs.unlinkSync(name);
  return { r, w };
}

/** Whether the descriptor is open. */
function isOpen(fd: number): boolean {
  try {
    fs.fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

/** Reads what is there now. */
function readSome(fd: number): Buffer {
  const buffer = Buffer.alloc(1 << 20);
  return buffer.subarray(0, fs.readSync(fd, buffer));
}

const big = Buffer.alloc(1 << 20, 'x');

// ------------------------------------------------------------------------------------------------------ reading

inBothKinds(
  'R-TRN-19 a read pipe tells what comes, eofReceived() at the end, then connectionLost(null)',
  function* ({ wait, loop }) {
    const { r, w } = pipe();
    const [transport, protocol] = yield* wait(loop.connectReadPipe(() => new Recorder(), { fd: r }));
    assert.ok(transport instanceof asyncio.ReadTransport);
    assert.equal(protocol.transport, transport);
    assert.deepEqual(protocol.events, ['made']);
    fs.writeSync(w, 'one');
    yield* wait(protocol.until(() => protocol.data.length === 3));
    fs.writeSync(w, 'two');
    yield* wait(protocol.until(() => protocol.data.length === 6));
    fs.closeSync(w);
    yield* wait(protocol.told('lost'));
    assert.equal(protocol.data.toString(), 'onetwo');
    assert.equal(protocol.grammar, 'made data eof lost');
    assert.equal(protocol.error, null);
    assert.equal(transport.isClosing(), true);
    assert.equal(isOpen(r), false);
  },
  { skip },
);

inBothKinds(
  'R-TRN-09 a read pipe that is paused receives nothing; pausing and resuming twice is no error',
  function* ({ wait, loop }) {
    const { r, w } = pipe();
    const [transport, protocol] = yield* wait(loop.connectReadPipe(() => new Recorder(), { fd: r }));
    assert.equal(transport.isReading(), true);
    transport.pauseReading();
    transport.pauseReading();
    assert.equal(transport.isReading(), false);
    fs.writeSync(w, 'held back');
    fs.closeSync(w);
    const other = pipe();
    const [, witness] = yield* wait(loop.connectReadPipe(() => new Recorder(), { fd: other.r }));
    fs.closeSync(other.w);
    // The platform has looked at both by now.
    yield* wait(witness.told('lost'));
    assert.deepEqual(protocol.events, ['made']);
    transport.resumeReading();
    transport.resumeReading();
    assert.equal(transport.isReading(), true);
    yield* wait(protocol.told('lost'));
    assert.equal(protocol.data.toString(), 'held back');
    assert.equal(protocol.grammar, 'made data eof lost');
    assert.equal(transport.isReading(), false);
    transport.resumeReading();
  },
  { skip },
);

inBothKinds(
  'R-TRN-06 close() of a read pipe: no data after it, connectionLost(null) through the loop, the descriptor closed',
  function* ({ wait, loop }) {
    const { r, w } = pipe();
    const [transport, protocol] = yield* wait(loop.connectReadPipe(() => new Recorder(), { fd: r }));
    fs.writeSync(w, 'too late');
    transport.close();
    transport.close();
    assert.deepEqual([transport.isClosing(), transport.isReading()], [true, false]);
    assert.deepEqual(protocol.events, ['made']);
    yield* wait(protocol.told('lost'));
    assert.deepEqual([protocol.events, protocol.error], [['made', 'lost'], null]);
    assert.equal(isOpen(r), false);
    fs.closeSync(w);
  },
  { skip },
);

inBothKinds('a read pipe hands over a megabyte, whole and in order', function* ({ wait, loop }) {
  const data = Buffer.from(Array.from({ length: 1 << 18 }, (_, i) => `${i % 10_000} `).join(''));
  const [, protocol] = yield* wait(
    loop.connectReadPipe(
      () => new Recorder(),
      Readable.from([data.subarray(0, 70_000), data.subarray(70_000)], { objectMode: false }),
    ),
  );
  yield* wait(protocol.told('lost'));
  assert.ok(protocol.data.equals(data));
});

inBothKinds(
  'a pipe that its protocol closes in the middle of the data is closed',
  function* ({ wait, loop }) {
    class Closing extends Recorder {
      override dataReceived(data: Buffer): void {
        super.dataReceived(data);
        this.transport?.close();
      }
    }
    const stream = new PassThrough();
    const [, protocol] = yield* wait(loop.connectReadPipe(() => new Closing(), stream));
    stream.write('one');
    stream.write('two');
    yield* wait(protocol.told('lost'));
    assert.equal(protocol.data.toString(), 'one');
    assert.equal(protocol.grammar, 'made data lost');
  },
);

inBothKinds(
  'an error in dataReceived() is reported, and the pipe goes on',
  function* ({ wait, loop, reports }) {
    class Failing extends Recorder {
      override dataReceived(data: Buffer): void {
        super.dataReceived(data);
        throw new Error(`no ${data}`);
      }
    }
    const stream = new PassThrough();
    const [, protocol] = yield* wait(loop.connectReadPipe(() => new Failing(), stream));
    stream.write('one');
    yield* wait(protocol.until(() => protocol.data.length === 3));
    stream.end('two');
    yield* wait(protocol.told('lost'));
    assert.equal(protocol.grammar, 'made data eof lost');
    assert.deepEqual(
      reports.splice(0).map(({ exception }) => String(exception)),
      ['Error: no one', 'Error: no two'],
    );
  },
);

inBothKinds(
  'an error of the stream comes as connectionLost(), after what came before',
  function* ({ wait, loop }) {
    const stream = new PassThrough();
    const [, protocol] = yield* wait(loop.connectReadPipe(() => new Recorder(), stream));
    stream.write('before');
    yield* wait(protocol.told('data'));
    stream.destroy(Object.assign(new Error('read EIO'), { code: 'EIO', errno: -5, syscall: 'read' }));
    yield* wait(protocol.told('lost'));
    assert.equal(protocol.grammar, 'made data lost');
    isError(protocol.error, asyncio.OSError, 'read EIO');
    assert.equal((protocol.error as asyncio.OSError).code, 'EIO');
  },
);

inBothKinds('an error that is not of the system is reported as well', function* ({ wait, loop, reports }) {
  const stream = new PassThrough();
  const [transport, protocol] = yield* wait(loop.connectReadPipe(() => new Recorder(), stream));
  const error = new RangeError('broken stream');
  stream.destroy(error);
  yield* wait(protocol.told('lost'));
  assert.equal(protocol.error, error);
  const [report] = reports.splice(0);
  assert.equal(report?.message, 'Fatal read error on pipe transport');
  assert.deepEqual([report?.exception, report?.transport, report?.protocol], [error, transport, protocol]);
});

inBothKinds(
  'a stream that had ended, or been destroyed, before it was connected is at its end',
  function* ({ wait, loop }) {
    const ended = new PassThrough();
    ended.end();
    ended.resume();
    const destroyed = new PassThrough();
    destroyed.destroy();
    yield* wait(asyncio.wrapPromise(new Promise((resolve) => ended.once('close', resolve))));
    for (const stream of [ended, destroyed]) {
      const [, protocol] = yield* wait(loop.connectReadPipe(() => new Recorder(), stream));
      yield* wait(protocol.told('lost'));
      assert.equal(protocol.grammar, 'made eof lost');
    }
  },
);

inBothKinds(
  'a StreamReader over a read pipe',
  function* ({ wait, loop }) {
    const { r, w } = pipe();
    const reader = new asyncio.StreamReader();
    yield* wait(loop.connectReadPipe(() => new asyncio.StreamReaderProtocol(reader), { fd: r }));
    fs.writeSync(w, 'one\ntw');
    assert.equal((yield* wait(reader.readline())).toString(), 'one\n');
    fs.writeSync(w, 'o\nrest');
    assert.equal((yield* wait(reader.readline())).toString(), 'two\n');
    fs.closeSync(w);
    assert.equal((yield* wait(reader.read())).toString(), 'rest');
    assert.equal(reader.atEof(), true);
  },
  { skip },
);

inBothKinds('a reader that nobody reads pauses its pipe, and loses nothing', function* ({ wait, loop }) {
  const chunk = Buffer.alloc(64, 'y');
  let produced = 0;
  const source = new Readable({
    read() {
      produced += 1;
      this.push(produced > 100_000 ? null : chunk);
    },
    highWaterMark: 64,
  });
  const reader = new asyncio.StreamReader({ limit: 256 });
  const [transport] = yield* wait(
    loop.connectReadPipe(() => new asyncio.StreamReaderProtocol(reader), source),
  );
  while (transport.isReading()) yield* wait(asyncio.sleep(0));
  assert.ok(produced < 3000, `${produced} pieces were read ahead`);
  assert.equal((yield* wait(reader.read())).length, 6_400_000);
});

// ------------------------------------------------------------------------------------------------------ writing

inBothKinds(
  'R-TRN-19 a write pipe writes at once what fits; close() then is connectionLost(null)',
  function* ({ wait, loop }) {
    const { r, w } = pipe();
    const [transport, protocol] = yield* wait(loop.connectWritePipe(() => new Recorder(), { fd: w }));
    assert.ok(transport instanceof asyncio.WriteTransport);
    transport.write(Buffer.from('one'));
    transport.writelines([Buffer.from('two'), Buffer.from(''), Buffer.from('three')]);
    assert.equal(transport.getWriteBufferSize(), 0);
    assert.equal(readSome(r).toString(), 'onetwothree');
    transport.close();
    assert.equal(transport.isClosing(), true);
    assert.deepEqual(protocol.events, ['made']);
    yield* wait(protocol.told('lost'));
    assert.deepEqual([protocol.events, protocol.error], [['made', 'lost'], null]);
    assert.equal(isOpen(w), false);
    assert.equal(readSome(r).length, 0);
    fs.closeSync(r);
  },
  { skip },
);

inBothKinds(
  'R-TRN-04 a write pipe pauses its protocol over the high mark, in write(), and resumes it at the low one',
  function* ({ wait, loop }) {
    const { r, w } = pipe();
    const [transport, protocol] = yield* wait(loop.connectWritePipe(() => new Recorder(), { fd: w }));
    assert.deepEqual(transport.getWriteBufferLimits(), [16 * 1024, 64 * 1024]);
    transport.write(big);
    assert.deepEqual(protocol.events, ['made', 'pause']);
    transport.write(big);
    assert.deepEqual(protocol.events, ['made', 'pause']);
    assert.equal(transport.getWriteBufferSize(), 2 * big.length);
    const [, sink] = yield* wait(loop.connectReadPipe(() => new Recorder(), { fd: r }));
    yield* wait(protocol.told('resume'));
    assert.equal(transport.getWriteBufferSize(), 0);
    transport.write(big);
    assert.deepEqual(protocol.events, ['made', 'pause', 'resume', 'pause']);
    transport.close();
    yield* wait(protocol.told('lost'));
    yield* wait(sink.told('lost'));
    assert.equal(sink.data.length, 3 * big.length);
  },
  { skip },
);

inBothKinds('R-TRN-05 the limits of a write pipe', function* ({ wait, loop }) {
  const [transport, protocol] = yield* wait(loop.connectWritePipe(() => new Recorder(), new PassThrough()));
  transport.setWriteBufferLimits({ high: 1000 });
  assert.deepEqual(transport.getWriteBufferLimits(), [250, 1000]);
  transport.setWriteBufferLimits({ low: 100 });
  assert.deepEqual(transport.getWriteBufferLimits(), [100, 400]);
  isError(
    thrownBy(() => transport.setWriteBufferLimits({ high: 1, low: 2 })),
    asyncio.ValueError,
  );
  transport.abort();
  yield* wait(protocol.told('lost'));
});

inBothKinds(
  'R-TRN-06 close() and writeEof() of a write pipe flush first; what is written later is dropped',
  function* ({ wait, loop }) {
    for (const close of ['close', 'writeEof'] as const) {
      const { r, w } = pipe();
      const [transport, protocol] = yield* wait(loop.connectWritePipe(() => new Recorder(), { fd: w }));
      assert.equal(transport.canWriteEof(), true);
      transport.write(big);
      transport[close]();
      transport[close]();
      transport.write(Buffer.from('dropped'));
      assert.equal(transport.isClosing(), true);
      const [, sink] = yield* wait(loop.connectReadPipe(() => new Recorder(), { fd: r }));
      yield* wait(sink.told('lost'));
      yield* wait(protocol.told('lost'));
      assert.ok(sink.data.equals(big));
      assert.equal(protocol.error, null);
    }
  },
  { skip },
);

inBothKinds(
  'R-TRN-06 abort() of a write pipe drops what is buffered',
  function* ({ wait, loop }) {
    const { r, w } = pipe();
    const [transport, protocol] = yield* wait(loop.connectWritePipe(() => new Recorder(), { fd: w }));
    transport.write(big);
    transport.abort();
    assert.equal(transport.getWriteBufferSize(), 0);
    yield* wait(protocol.told('lost'));
    assert.equal(protocol.error, null);
    assert.equal(isOpen(w), false);
    assert.ok(readSome(r).length < big.length);
    fs.closeSync(r);
  },
  { skip },
);

inBothKinds(
  'R-TRN-19 the reader of a write pipe has gone: the next write brings connectionLost(BrokenPipeError)',
  function* ({ wait, loop }) {
    const { r, w } = pipe();
    const [transport, protocol] = yield* wait(loop.connectWritePipe(() => new Recorder(), { fd: w }));
    fs.closeSync(r);
    transport.write(Buffer.from('for nobody'));
    yield* wait(protocol.told('lost'));
    isError(protocol.error, asyncio.BrokenPipeError);
    assert.equal((protocol.error as asyncio.OSError).code, 'EPIPE');
    assert.equal(transport.isClosing(), true);
    assert.equal(isOpen(w), false);
  },
  { skip },
);

inBothKinds(
  'R-TRN-19 the reader goes while data is under way: connectionLost(BrokenPipeError)',
  function* ({ wait, loop }) {
    const { r, w } = pipe();
    const [transport, protocol] = yield* wait(loop.connectWritePipe(() => new Recorder(), { fd: w }));
    transport.write(big);
    fs.closeSync(r);
    yield* wait(protocol.told('lost'));
    isError(protocol.error, asyncio.BrokenPipeError);
  },
  { skip },
);

inBothKinds(
  'R-TRN-03 writes to a lost pipe are dropped, and a warning is logged from the sixth on',
  function* ({ wait, loop, logs }) {
    const { r, w } = pipe();
    const [transport, protocol] = yield* wait(loop.connectWritePipe(() => new Recorder(), { fd: w }));
    fs.closeSync(r);
    transport.write(Buffer.from('lost'));
    yield* wait(protocol.told('lost'));
    for (let i = 0; i < 5; i++) transport.write(Buffer.from('dropped'));
    assert.deepEqual(logs, []);
    transport.write(Buffer.from('dropped'));
    assert.deepEqual(logs.splice(0), ['pipe closed by peer or os.write(pipe, data) raised exception.']);
  },
  { skip },
);

inBothKinds('R-TRN-03 a write pipe takes bytes only', function* ({ wait, loop }) {
  const [transport, protocol] = yield* wait(loop.connectWritePipe(() => new Recorder(), new PassThrough()));
  for (const data of ['text', null, [1], new ArrayBuffer(1)]) {
    isError(
      thrownBy(() => transport.write(data as never)),
      TypeError,
      /^Cannot write: expected bytes \(a Uint8Array\)/,
    );
  }
  transport.close();
  yield* wait(protocol.told('lost'));
});

for (const kind of ['generator', 'async']) {
  test(`R-TRN-19 the other end of a socket is closed: connectionLost(null) at once, without a write (${kind})`, {
    skip,
  }, async () => {
    const program = new Program('pipe-end', { args: [kind, 'watch'], pipes: 1 });
    await program.printed('made\n');
    program.pipe(3).destroy();
    assert.equal(await program.exitCode(), 0, program.stderr);
    assert.equal(program.stdout, 'made\nlost null\n');
  });

  test(`standard input and output as pipes: a program that copies a megabyte (${kind})`, {
    skip,
  }, async () => {
    const data = Buffer.from(Array.from({ length: 150_000 }, (_, i) => `${i}\n`).join(''));
    const program = new Program('pipe-end', { args: [kind, 'copy'], input: data });
    assert.equal(await program.exitCode(), 0, program.stderr);
    assert.equal(program.stdout.length, data.length);
    assert.ok(Buffer.from(program.stdout).equals(data));
  });
}

inBothKinds(
  'an error of the writable stream comes as connectionLost(), and is reported unless the system made it',
  function* ({ wait, loop, reports }) {
    const error = new RangeError('no room');
    const stream = new Writable({ write: (_chunk, _encoding, done) => done(error) });
    const [transport, protocol] = yield* wait(loop.connectWritePipe(() => new Recorder(), stream));
    transport.write(Buffer.from('x'));
    yield* wait(protocol.told('lost'));
    assert.equal(protocol.error, error);
    assert.equal(reports.splice(0)[0]?.message, 'Fatal write error on pipe transport');
  },
);

inBothKinds(
  'somebody else destroys the stream: connectionLost(), with BrokenPipeError if data was under way',
  function* ({ wait, loop }) {
    for (const data of ['', 'under way']) {
      const stream = new Writable({ write: () => {} });
      const [transport, protocol] = yield* wait(loop.connectWritePipe(() => new Recorder(), stream));
      transport.write(Buffer.from(data));
      stream.destroy();
      yield* wait(protocol.told('lost'));
      if (data === '') assert.equal(protocol.error, null);
      else isError(protocol.error, asyncio.BrokenPipeError, 'Broken pipe');
    }
  },
);

inBothKinds(
  'R-STR-13 drain() of a writer over a pipe waits while it is full, and fails when it is lost',
  function* ({ wait, go, loop }) {
    const { r, w } = pipe();
    const reader = new asyncio.StreamReader();
    const [transport, protocol] = yield* wait(
      loop.connectWritePipe(() => new asyncio.StreamReaderProtocol(reader), { fd: w }),
    );
    const writer = new asyncio.StreamWriter(transport, protocol, null, loop);
    writer.write(Buffer.from('fits'));
    yield* wait(writer.drain());
    writer.write(big);
    const draining = asyncio.createTask(
      go(function* () {
        yield* wait(writer.drain());
      }),
    );
    yield* wait(asyncio.sleep(0));
    assert.equal(draining.done(), false);
    fs.closeSync(r);
    isError(yield* thrown(wait(draining)), asyncio.BrokenPipeError);
    isError(yield* thrown(wait(writer.drain())), asyncio.ConnectionResetError, 'Connection lost');
    isError(yield* thrown(wait(writer.waitClosed())), asyncio.BrokenPipeError);
  },
  { skip },
);

// ------------------------------------------------------------------------------------------------- what is accepted

inBothKinds('R-TRN-11 a pipe tells its stream as extra info', function* ({ wait, loop }) {
  const stream = new PassThrough();
  const [reading, first] = yield* wait(loop.connectReadPipe(() => new Recorder(), stream));
  const sink = new PassThrough();
  const [writing, second] = yield* wait(loop.connectWritePipe(() => new Recorder(), sink));
  assert.equal(reading.getExtraInfo('pipe'), stream);
  assert.equal(writing.getExtraInfo('pipe'), sink);
  assert.equal(reading.getExtraInfo('peername'), null);
  assert.equal(writing.getExtraInfo('peername', 'nobody'), 'nobody');
  const other = new Recorder();
  reading.setProtocol(other);
  assert.equal(reading.getProtocol(), other);
  writing.setProtocol(other);
  assert.equal(writing.getProtocol(), other);
  assert.match(String(reading), /^<ReadPipeTransport polling PassThrough>$/);
  assert.match(String(writing), /^<WritePipeTransport open PassThrough bufsize=0>$/);
  reading.close();
  writing.close();
  yield* wait(other.until(() => other.events.filter((event) => event === 'lost').length === 2));
  assert.match(String(reading), /closed/);
  assert.match(String(writing), /closed/);
  assert.deepEqual([first.events, second.events], [['made'], ['made']]);
});

inBothKinds(
  'a regular file is a ValueError, and stays open; a closed descriptor an OSError',
  function* ({ wait, loop }) {
    const fd = fs.openSync(path.join(folder, 'file'), 'w+');
    isError(
      yield* thrown(wait(loop.connectReadPipe(() => new Recorder(), { fd }))),
      asyncio.ValueError,
      'Pipe transport is for pipes/sockets only.',
    );
    isError(
      yield* thrown(wait(loop.connectWritePipe(() => new Recorder(), { fd }))),
      asyncio.ValueError,
      'Pipe transport is only for pipes, sockets and character devices',
    );
    fs.closeSync(fd);
    const error = yield* thrown(wait(loop.connectReadPipe(() => new Recorder(), { fd })));
    isError(error, asyncio.OSError);
    assert.equal((error as asyncio.OSError).code, 'EBADF');
  },
);

inBothKinds(
  'character devices are pipes, too',
  function* ({ wait, loop }) {
    const [, nothing] = yield* wait(
      loop.connectReadPipe(() => new Recorder(), { fd: fs.openSync('/dev/null', 'r') }),
    );
    yield* wait(nothing.told('lost'));
    assert.equal(nothing.grammar, 'made eof lost');
    const [transport, protocol] = yield* wait(
      loop.connectWritePipe(() => new Recorder(), { fd: fs.openSync('/dev/null', 'w') }),
    );
    transport.write(big);
    transport.close();
    yield* wait(protocol.told('lost'));
    assert.equal(protocol.error, null);
  },
  { skip },
);

test('what is no pipe is refused at once', () => {
  const loop = new asyncio.EventLoop();
  const factory = () => new Recorder();
  for (const method of ['connectReadPipe', 'connectWritePipe'] as const) {
    const call = (...args: unknown[]) => thrownBy(() => Reflect.apply(loop[method], loop, args));
    for (const pipe of [null, undefined, 0, 'pipe', {}, { fd: '0' }, { fd: 1.5 }, new Map()])
      isError(call(factory, pipe), TypeError, /^Cannot connect the pipe: /);
    isError(call(factory, { fd: -1 }), asyncio.ValueError);
    isError(call(factory, new PassThrough({ objectMode: true })), asyncio.ValueError, /carries objects/);
    isError(call(factory, { fd: 0, createReadStream: () => {} }), TypeError, /FileHandle/);
    isError(call(new Recorder(), { fd: 0 }), TypeError, /^the protocol factory must be a function/);
  }
  loop.close();
});

inBothKinds(
  'a factory that throws closes nothing',
  function* ({ wait, loop }) {
    const { r, w } = pipe();
    const refuse = () => {
      throw new RangeError('no protocol');
    };
    isError(yield* thrown(wait(loop.connectReadPipe(refuse, { fd: r }))), RangeError, 'no protocol');
    isError(yield* thrown(wait(loop.connectWritePipe(refuse, { fd: w }))), RangeError, 'no protocol');
    assert.deepEqual([isOpen(r), isOpen(w)], [true, true]);
    fs.closeSync(r);
    fs.closeSync(w);
  },
  { skip },
);

inBothKinds(
  'cancelling a connect closes the pipe',
  function* ({ wait, go, loop }) {
    for (const method of ['connectReadPipe', 'connectWritePipe'] as const) {
      const { r, w } = pipe();
      const fd = method === 'connectReadPipe' ? r : w;
      const protocol = new Recorder();
      const task = asyncio.createTask(
        go(function* () {
          if (method === 'connectReadPipe') yield* wait(loop.connectReadPipe(() => protocol, { fd }));
          else yield* wait(loop.connectWritePipe(() => protocol, { fd }));
        }),
      );
      loop.callSoon(() => task.cancel());
      yield* wait(asyncio.wait([task]));
      assert.equal(task.cancelled(), true);
      yield* wait(protocol.told('lost'));
      assert.equal(isOpen(fd), false);
      fs.closeSync(fd === r ? w : r);
    }
  },
  { skip },
);

test('R-DBG-09 pipes that are open when the loop closes are closed, and reported in debug mode', {
  skip: skip || noProc,
}, async () => {
  for (const debug of [false, true]) {
    const before = openDescriptors().length;
    const logs: string[] = [];
    const log = (message: string) => void logs.push(message);
    const outer = asyncio.setLogger({ debug: () => {}, info: () => {}, warn: log, error: log });
    const { r, w } = pipe();
    const protocols = [new Recorder(), new Recorder()];
    await asyncio.run(
      async () => {
        const loop = asyncio.getRunningLoop();
        await loop.connectReadPipe(() => protocols[0] as Recorder, { fd: r });
        await loop.connectWritePipe(() => protocols[1] as Recorder, { fd: w });
      },
      { debug },
    );
    asyncio.setLogger(outer);
    assert.deepEqual(
      logs.map((text) => text.split(' ').slice(0, 2).join(' ')),
      debug ? ['unclosed <ReadPipeTransport', 'unclosed <WritePipeTransport'] : [],
    );
    assert.deepEqual(
      protocols.map(({ events }) => events),
      [['made'], ['made']],
    );
    assert.equal(openDescriptors().length, before);
  }
});

inBothKinds(
  'thousands of pipes leave no descriptor',
  function* ({ wait, loop }) {
    const before = openDescriptors().length;
    const name = path.join(folder, 'many');
    execFileSync('mkfifo', [name]);
    for (let i = 0; i < 1000; i++) {
      const r = fs.openSync(name, O_RDONLY | O_NONBLOCK);
      const w = fs.openSync(name, O_WRONLY | O_NONBLOCK);
      const [, reading] = yield* wait(loop.connectReadPipe(() => new Recorder(), { fd: r }));
      const [transport, writing] = yield* wait(loop.connectWritePipe(() => new Recorder(), { fd: w }));
      transport.write(Buffer.from('x'));
      transport.close();
      yield* wait(writing.told('lost'));
      yield* wait(reading.told('lost'));
      assert.equal(reading.data.length, 1);
    }
    fs.unlinkSync(name);
    assert.equal(openDescriptors().length, before);
  },
  { skip: skip || noProc },
);
