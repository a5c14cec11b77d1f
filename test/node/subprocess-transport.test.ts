// loop.subprocessExec() and subprocessShell(): child processes at the level of transports and protocols.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after, test } from 'node:test';
import * as asyncio from 'tsyncio';
import { isError, thrown, thrownBy } from '../core/both-kinds.js';
import { childrenOf, noProc, openDescriptors } from './descriptors.js';
import { inBothKinds } from './in-both-kinds.js';
import { ProcessRecorder } from './recorder.js';

const { DEVNULL, PIPE, STDOUT } = asyncio.subprocess;
const skip = process.platform === 'win32' ? 'the programs are those of Unix' : false;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tsyncio-subprocess-'));
after(() => fs.rmSync(folder, { recursive: true }));

const recorder = () => new ProcessRecorder();

/** The environment of children that are Node: not that of a test. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^NODE_|^ASYNCIODEBUG/.test(name)),
);

inBothKinds(
  'R-SUB-05 the calls: connectionMade, data, one pipeConnectionLost for each pipe, processExited, connectionLost last',
  function* ({ wait, loop }) {
    const [transport, protocol] = yield* wait(
      loop.subprocessExec(recorder, 'sh', [
        '-c',
        'read line; echo "out $line"; echo "err $line" >&2; exit 7',
      ]),
    );
    assert.ok(transport instanceof asyncio.SubprocessTransport);
    assert.equal(protocol.transport, transport);
    assert.deepEqual([protocol.events, transport.getReturncode()], [['made'], null]);
    const stdin = transport.getPipeTransport(0) as asyncio.WriteTransport;
    stdin.write(Buffer.from('line\n'));
    yield* wait(protocol.told('lost'));
    assert.deepEqual(protocol.output, { 1: 'out line\n', 2: 'err line\n' });
    assert.equal(transport.getReturncode(), 7);
    assert.equal(protocol.events[0], 'made');
    assert.equal(protocol.events.at(-1), 'lost');
    assert.deepEqual([...new Set(protocol.events)].sort(), [
      ...['data 1', 'data 2', 'exited', 'lost', 'made', 'pipe lost 0', 'pipe lost 1', 'pipe lost 2'],
    ]);
    for (const event of ['exited', 'lost', 'pipe lost 0', 'pipe lost 1', 'pipe lost 2'])
      assert.equal(protocol.events.filter((each) => each === event).length, 1, event);
    assert.ok(protocol.events.lastIndexOf('data 1') < protocol.events.indexOf('pipe lost 1'));
    assert.equal(protocol.error, null);
  },
  { skip },
);

inBothKinds(
  'R-SUB-05 data of a pipe may come after processExited(), and connectionLost() waits for it',
  function* ({ wait, loop }) {
    // The grandchild has the pipe when the child is gone.
    const [transport, protocol] = yield* wait(
      loop.subprocessShell(recorder, 'exec 3<&0; (read line <&3; echo "late $line") & exec 3<&- 0<&-', {
        stderr: null,
      }),
    );
    yield* wait(protocol.told('exited'));
    assert.equal(protocol.events.includes('pipe lost 1'), false);
    assert.equal(protocol.events.includes('lost'), false);
    assert.equal(transport.getReturncode(), 0);
    transport.close();
    yield* wait(protocol.told('lost'));
  },
  { skip },
);

inBothKinds(
  'R-SUB-05 all callbacks come from the loop, outside any task',
  function* ({ wait, loop }) {
    const tasks: unknown[] = [];
    class Watching extends ProcessRecorder {
      override note(event: string): void {
        tasks.push(asyncio.currentTask(), asyncio.getRunningLoop() === loop);
        super.note(event);
      }
    }
    const [, protocol] = yield* wait(loop.subprocessExec(() => new Watching(), 'echo', ['x']));
    yield* wait(protocol.told('lost'));
    assert.deepEqual(new Set(tasks), new Set([null, true]));
  },
  { skip },
);

inBothKinds(
  'R-SUB-01 the return code is null while it runs, the exit status after, -n after signal n',
  function* ({ wait, loop }) {
    for (const [script, code] of [
      ['exit 0', 0],
      ['exit 255', 255],
      ['kill -9 $$', -9],
      ['kill -TERM $$', -15],
    ] as const) {
      const [transport, protocol] = yield* wait(loop.subprocessShell(recorder, `read line; ${script}`));
      assert.equal(transport.getReturncode(), null);
      (transport.getPipeTransport(0) as asyncio.WriteTransport).close();
      yield* wait(protocol.told('lost'));
      assert.equal(transport.getReturncode(), code);
    }
  },
  { skip },
);

inBothKinds(
  'R-SUB-06 close() kills the child that runs, and closes its pipes',
  function* ({ wait, loop }) {
    const [transport, protocol] = yield* wait(
      loop.subprocessShell(recorder, 'trap "" TERM; echo ready; exec sleep 60'),
    );
    yield* wait(protocol.told('data 1'));
    transport.close();
    transport.close();
    assert.equal(transport.isClosing(), true);
    yield* wait(protocol.told('lost'));
    assert.equal(transport.getReturncode(), -9);
    assert.equal(protocol.events.at(-1), 'lost');
  },
  { skip },
);

inBothKinds(
  'close() of one that has exited sends no signal',
  function* ({ wait, loop }) {
    const [transport, protocol] = yield* wait(loop.subprocessShell(recorder, 'exit 3'));
    yield* wait(protocol.told('lost'));
    transport.close();
    assert.equal(transport.getReturncode(), 3);
  },
  { skip },
);

inBothKinds(
  'R-SUB-07 signals to a process that has ended are a ProcessLookupError',
  function* ({ wait, loop }) {
    const [transport, protocol] = yield* wait(loop.subprocessExec(recorder, 'true'));
    yield* wait(protocol.told('lost'));
    for (const send of [
      () => transport.sendSignal('SIGHUP'),
      () => transport.terminate(),
      () => transport.kill(),
    ]) {
      const error = thrownBy(send);
      isError(error, asyncio.ProcessLookupError, /process \d+ has ended$/);
      assert.equal((error as asyncio.OSError).code, 'ESRCH');
    }
  },
  { skip },
);

inBothKinds(
  'R-SUB-07 a signal to one that has just exited is no error',
  function* ({ wait, loop }) {
    class Late extends ProcessRecorder {
      override processExited(): void {
        const transport = this.transport as asyncio.SubprocessTransport;
        transport.sendSignal('SIGHUP');
        transport.terminate();
        transport.kill();
        super.processExited();
      }
    }
    const [transport, protocol] = yield* wait(loop.subprocessExec(() => new Late(), 'true'));
    yield* wait(protocol.told('lost'));
    assert.equal(transport.getReturncode(), 0);
  },
  { skip },
);

inBothKinds(
  'sendSignal() takes names and numbers, and refuses what is none; 0 asks whether it is there',
  function* ({ wait, loop }) {
    const [transport, protocol] = yield* wait(
      loop.subprocessShell(recorder, 'trap "echo hup; exit" HUP; echo ready; while :; do sleep 0.01; done'),
    );
    yield* wait(protocol.told('data 1'));
    for (const signal of ['SIGFOO', 'sigterm', -1, 1000, 'toString'])
      isError(
        thrownBy(() => transport.sendSignal(signal)),
        asyncio.ValueError,
        /^invalid signal/,
      );
    for (const signal of [null, 1.5, {}])
      isError(
        thrownBy(() => transport.sendSignal(signal as never)),
        TypeError,
      );
    transport.sendSignal(0);
    transport.sendSignal(1);
    yield* wait(protocol.told('lost'));
    assert.equal(protocol.output[1], 'ready\nhup\n');
  },
  { skip },
);

inBothKinds(
  'a write to the child pauses and resumes its protocol',
  function* ({ wait, loop }) {
    const [transport, protocol] = yield* wait(
      loop.subprocessShell(recorder, 'read line; cat > /dev/null', { stdout: DEVNULL, stderr: DEVNULL }),
    );
    const stdin = transport.getPipeTransport(0) as asyncio.WriteTransport;
    stdin.write(Buffer.alloc(4 << 20, '\n'));
    assert.deepEqual(protocol.events, ['made', 'pause']);
    stdin.close();
    yield* wait(protocol.told('lost'));
    assert.deepEqual(protocol.events.slice(0, 3), ['made', 'pause', 'resume']);
    assert.equal(transport.getReturncode(), 0);
  },
  { skip },
);

inBothKinds(
  'a child that does not read its input: the pipe breaks, the process goes on',
  function* ({ wait, loop }) {
    const [transport, protocol] = yield* wait(
      loop.subprocessShell(recorder, 'exec 0<&-; echo closed; exec sleep 60', { stderr: DEVNULL }),
    );
    yield* wait(protocol.told('data 1'));
    const stdin = transport.getPipeTransport(0) as asyncio.WriteTransport;
    stdin.write(Buffer.from('for nobody'));
    yield* wait(protocol.told('pipe lost 0 BrokenPipeError'));
    assert.equal(transport.getReturncode(), null);
    transport.kill();
    yield* wait(protocol.told('lost'));
  },
  { skip },
);

inBothKinds(
  'R-TRN-11 what a process tells of itself',
  function* ({ wait, loop }) {
    const [transport, protocol] = yield* wait(
      loop.subprocessExec(recorder, 'cat', [], { stdout: PIPE, stderr: null }),
    );
    const child = transport.getExtraInfo('subprocess');
    assert.equal(child?.pid, transport.getPid());
    assert.equal(transport.getExtraInfo('peername'), null);
    assert.ok(transport.getPipeTransport(0) instanceof asyncio.WriteTransport);
    assert.ok(transport.getPipeTransport(1) instanceof asyncio.ReadTransport);
    assert.equal(transport.getPipeTransport(2), null);
    assert.equal(transport.getPipeTransport(3), null);
    assert.equal(String(transport), `<SubprocessTransport pid=${transport.getPid()} running stdin stdout>`);
    const other = new ProcessRecorder();
    transport.setProtocol(other);
    assert.equal(transport.getProtocol(), other);
    (transport.getPipeTransport(0) as asyncio.WriteTransport).close();
    yield* wait(other.told('lost'));
    assert.deepEqual(protocol.events, ['made']);
    assert.match(String(transport), /returncode=0/);
  },
  { skip },
);

inBothKinds(
  'R-SUB-10 stderr: STDOUT merges both, in the order in which they are written',
  function* ({ wait, loop }) {
    const script = 'for i in 1 2 3; do echo "out $i"; echo "err $i" >&2; done';
    const merged = 'out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n';
    const [transport, protocol] = yield* wait(loop.subprocessShell(recorder, script, { stderr: STDOUT }));
    assert.equal(transport.getPipeTransport(2), null);
    yield* wait(protocol.told('lost'));
    assert.deepEqual(protocol.output, { 1: merged, 2: '' });

    const fd = fs.openSync(path.join(folder, 'merged'), 'w+');
    for (const stdout of [fd, { fd }] as const) {
      fs.ftruncateSync(fd);
      const [, second] = yield* wait(
        loop.subprocessExec(recorder, 'sh', ['-c', script], { stdout, stderr: STDOUT }),
      );
      yield* wait(second.told('lost'));
    }
    assert.ok(fs.readFileSync(path.join(folder, 'merged'), 'utf8').endsWith(merged));
    fs.closeSync(fd);

    const [, third] = yield* wait(
      loop.subprocessShell(recorder, script, { stdout: DEVNULL, stderr: STDOUT }),
    );
    yield* wait(third.told('lost'));
    assert.deepEqual(third.output, { 1: '', 2: '' });
  },
  { skip },
);

inBothKinds(
  'R-SUB-10 stderr: STDOUT changes nothing else: the pid, the arguments, the environment, the errors',
  function* ({ wait, loop }) {
    const merge = { stdin: DEVNULL, stderr: STDOUT } as const;
    const script = 'echo $$; for each; do echo "[$each]"; done';
    const args = ['', 'a b', '"', "'", '$HOME', '\\', '*', '-x', '\n'];
    const [transport, protocol] = yield* wait(
      loop.subprocessExec(recorder, 'sh', ['-c', script, 'sh', ...args], merge),
    );
    yield* wait(protocol.told('lost'));
    assert.equal(protocol.output[1], `${transport.getPid()}\n${args.map((each) => `[${each}]\n`).join('')}`);
    for (const given of [
      { A: '1', PATH: process.env.PATH },
      { PWD: '/nowhere', SHLVL: '7', PATH: process.env.PATH },
    ]) {
      const [, second] = yield* wait(loop.subprocessExec(recorder, 'env', [], { ...merge, env: given }));
      yield* wait(second.told('lost'));
      const seen = Object.fromEntries(
        (second.output[1] ?? '').split('\n').flatMap((line) => (line === '' ? [] : [line.split('=')])),
      );
      assert.equal(seen.PWD === undefined, !('PWD' in given));
      assert.equal(seen.SHLVL === undefined, !('SHLVL' in given));
      assert.deepEqual([seen._, seen.OLDPWD, seen.A], [undefined, undefined, (given as { A?: string }).A]);
    }
    const error = yield* thrown(wait(loop.subprocessExec(recorder, 'tsyncio-no-such-program', [], merge)));
    isError(error, asyncio.FileNotFoundError, 'spawn tsyncio-no-such-program ENOENT');
    const file = path.join(folder, 'not executable');
    fs.writeFileSync(file, '');
    for (const options of [merge, {}]) {
      isError(
        yield* thrown(wait(loop.subprocessExec(recorder, file, [], options))),
        asyncio.PermissionError,
        /EACCES$/,
      );
      isError(
        yield* thrown(wait(loop.subprocessExec(recorder, folder, [], options))),
        asyncio.PermissionError,
        /EACCES$/,
      );
      isError(
        yield* thrown(wait(loop.subprocessExec(recorder, 'sh', [], { ...options, env: { PATH: folder } }))),
        asyncio.FileNotFoundError,
      );
    }
  },
  { skip },
);

inBothKinds(
  'the standard streams: descriptors, files, the null device',
  function* ({ wait, loop }) {
    const name = path.join(folder, 'input');
    fs.writeFileSync(name, 'from a file');
    const input = fs.openSync(name, 'r');
    const [transport, protocol] = yield* wait(
      loop.subprocessExec(recorder, 'cat', [], { stdin: { fd: input }, stderr: DEVNULL }),
    );
    assert.equal(transport.getPipeTransport(0), null);
    yield* wait(protocol.told('lost'));
    assert.deepEqual(protocol.output, { 1: 'from a file', 2: '' });
    fs.closeSync(input);
    const [, second] = yield* wait(loop.subprocessExec(recorder, 'cat', [], { stdin: DEVNULL }));
    yield* wait(second.told('lost'));
    assert.equal(second.output[1], '');
  },
  { skip },
);

inBothKinds(
  'cwd, env, and a session of its own',
  function* ({ wait, loop }) {
    const here = fs.realpathSync(folder);
    for (const cwd of [here, new URL(`file://${here}/`)]) {
      const [, protocol] = yield* wait(loop.subprocessExec(recorder, 'pwd', ['-P'], { cwd }));
      yield* wait(protocol.told('lost'));
      assert.equal(protocol.output[1], `${here}\n`);
    }
    const [, protocol] = yield* wait(
      loop.subprocessShell(recorder, 'echo "$ONE,$TWO,$HOME"', { env: { ONE: '1', TWO: undefined } }),
    );
    yield* wait(protocol.told('lost'));
    assert.equal(protocol.output[1], '1,,\n');
    const missing = path.join(folder, 'missing');
    const error = yield* thrown(wait(loop.subprocessExec(recorder, 'pwd', [], { cwd: missing })));
    isError(error, asyncio.FileNotFoundError, `Cannot start the process in ${missing}: no such folder`);
    assert.equal((error as asyncio.OSError).code, 'ENOENT');
    isError(
      yield* thrown(wait(loop.subprocessExec(recorder, 'pwd', [], { cwd: path.join(folder, 'input') }))),
      asyncio.NotADirectoryError,
      /it is no folder$/,
    );
  },
  { skip },
);

inBothKinds(
  'startNewSession: the child leads a process group',
  function* ({ wait, loop }) {
    for (const startNewSession of [false, true]) {
      const [transport, protocol] = yield* wait(
        loop.subprocessExec(recorder, 'cat', [], { startNewSession }),
      );
      const pid = transport.getPid();
      const child = childrenOf().find((each) => each.pid === pid);
      assert.equal(child?.group === pid, startNewSession);
      transport.kill();
      yield* wait(protocol.told('lost'));
    }
  },
  { skip: skip || noProc },
);

inBothKinds(
  'uid and gid: the user to run as, and an error where that is not allowed',
  function* ({ wait, loop }) {
    if (process.getuid?.() !== 0) {
      const error = yield* thrown(wait(loop.subprocessExec(recorder, 'id', [], { uid: 0 })));
      isError(error, asyncio.PermissionError);
      return;
    }
    const [, protocol] = yield* wait(
      loop.subprocessShell(recorder, 'id -u; id -g', { uid: 65534, gid: 65534, cwd: '/' }),
    );
    yield* wait(protocol.told('lost'));
    assert.equal(protocol.output[1], '65534\n65534\n');
  },
  { skip },
);

inBothKinds(
  'a program that is not there is a FileNotFoundError, from the call, and no protocol hears of it',
  function* ({ wait, loop }) {
    const protocol = recorder();
    const error = yield* thrown(wait(loop.subprocessExec(() => protocol, 'tsyncio-no-such-program', ['x'])));
    isError(error, asyncio.FileNotFoundError, 'spawn tsyncio-no-such-program ENOENT');
    const { code, syscall, cause } = error as asyncio.OSError;
    assert.deepEqual([code, syscall], ['ENOENT', 'spawn tsyncio-no-such-program']);
    assert.ok(cause instanceof Error);
    assert.deepEqual(protocol.events, []);
  },
);

inBothKinds(
  'an argument that is too long for the system is an OSError',
  function* ({ wait, loop }) {
    const error = yield* thrown(wait(loop.subprocessExec(recorder, 'true', ['x'.repeat(1 << 23)])));
    isError(error, asyncio.OSError);
    assert.equal((error as asyncio.OSError).code, 'E2BIG');
  },
  { skip },
);

test('R-SUB-08 text modes, buffers and the wrong shell flag are a ValueError, at once', () => {
  const loop = new asyncio.EventLoop();
  const exec = (options: object) => thrownBy(() => loop.subprocessExec(recorder, 'true', [], options));
  const shell = (options: object) => thrownBy(() => loop.subprocessShell(recorder, 'true', options));
  for (const call of [exec, shell]) {
    for (const options of [
      { universalNewlines: true },
      { text: true },
      { encoding: 'utf-8' },
      { errors: 'strict' },
      { bufsize: 4096 },
    ])
      isError(call(options), asyncio.ValueError, /is not supported: pipes carry bytes$/);
  }
  isError(exec({ shell: true }), asyncio.ValueError, /^shell must be False/);
  isError(shell({ shell: false }), asyncio.ValueError, /^shell must be True/);
  for (const options of [
    { bufsize: 0 },
    { shell: false },
    { text: false },
    { encoding: null },
    { cwd: undefined },
  ])
    loop.subprocessExec(recorder, 'true', [], options).close();
  loop.subprocessShell(recorder, 'true', { shell: true } as object).close();
  loop.close();
});

test('what makes no sense is refused at once, before anything is started', () => {
  const loop = new asyncio.EventLoop();
  const call = (...args: unknown[]) =>
    thrownBy(() => Reflect.apply(loop.subprocessExec, loop, [recorder, ...args]));
  for (const program of [null, 5, undefined, ['ls'], Buffer.from('ls')])
    isError(call(program), TypeError, /^the program must be a string/);
  isError(call('a\0b'), asyncio.ValueError, /^embedded null byte/);
  isError(call('ls', 'x'), TypeError, /^the arguments must be an array/);
  isError(call('ls', [5]), TypeError, /^an argument must be a string/);
  isError(call('ls', ['\0']), asyncio.ValueError);
  isError(call('ls', [], { cwd: 5 }), TypeError);
  isError(call('ls', [], { cwd: '\0' }), asyncio.ValueError);
  isError(call('ls', [], { env: { A: 5 } }), TypeError);
  isError(call('ls', [], { env: { 'A=B': '' } }), asyncio.ValueError);
  isError(call('ls', [], { uid: 'root' }), TypeError);
  isError(call('ls', [], { gid: -1 }), TypeError);
  isError(call('ls', [], { timeout: 5 }), TypeError, 'unknown option of a subprocess: timeout');
  isError(call('ls', [], { stdin: STDOUT }), asyncio.ValueError, 'STDOUT can only be used for stderr');
  isError(call('ls', [], { stdout: STDOUT }), asyncio.ValueError);
  for (const stdout of ['PIPE', -1.5, true, {}, { fd: 'x' }]) isError(call('ls', [], { stdout }), TypeError);
  for (const stdout of [-1, { fd: -3 }]) isError(call('ls', [], { stdout }), asyncio.ValueError);
  isError(
    thrownBy(() => loop.subprocessExec(null as never, 'ls')),
    TypeError,
    /factory/,
  );
  isError(
    thrownBy(() => loop.subprocessShell(recorder, ['ls'] as never)),
    TypeError,
    /^the command must be a string/,
  );
  loop.close();
});

inBothKinds(
  'R-SUB-09 cancelling the start kills the child, and waits for it',
  function* ({ wait, go, loop }) {
    const protocol = recorder();
    const task = asyncio.createTask(
      go(function* () {
        yield* wait(loop.subprocessExec(() => protocol, 'sleep', ['60']));
      }),
    );
    yield* wait(asyncio.sleep(0));
    const [child] = childrenOf();
    assert.ok(child !== undefined);
    task.cancel();
    yield* wait(asyncio.wait([task]));
    assert.equal(task.cancelled(), true);
    assert.deepEqual(childrenOf(), []);
    assert.equal((protocol.transport as asyncio.SubprocessTransport).getReturncode(), -9);
    assert.equal(protocol.events.at(-1), 'lost');
  },
  { skip: skip || noProc },
);

inBothKinds(
  'a protocol factory that throws starts nothing',
  function* ({ wait, loop }) {
    const refuse = () => {
      throw new RangeError('no protocol');
    };
    isError(yield* thrown(wait(loop.subprocessExec(refuse, 'sleep', ['60']))), RangeError);
    assert.deepEqual(childrenOf(), []);
  },
  { skip: skip || noProc },
);

inBothKinds(
  'errors in the protocol are reported, and the end still comes',
  function* ({ wait, loop, reports }) {
    class Failing extends ProcessRecorder {
      override note(event: string): void {
        super.note(event);
        throw new Error(event);
      }
    }
    const [transport] = yield* wait(
      loop.subprocessExec(() => new Failing(), 'echo', ['x'], { stdin: DEVNULL }),
    );
    const protocol = transport.getProtocol() as Failing;
    yield* wait(protocol.told('lost'));
    yield* wait(asyncio.sleep(0));
    assert.deepEqual(
      reports
        .splice(0)
        .map(({ exception }) => (exception as Error).message)
        .sort(),
      ['data 1', 'exited', 'lost', 'made', 'pipe lost 1', 'pipe lost 2'],
    );
  },
  { skip },
);

test('R-DBG-09 a child that runs when the loop closes is killed, and reported in debug mode', {
  skip: skip || noProc,
}, async () => {
  for (const debug of [false, true]) {
    const before = openDescriptors().length;
    const logs: string[] = [];
    const log = (message: string) => void logs.push(message);
    const outer = asyncio.setLogger({ debug: () => {}, info: () => {}, warn: log, error: log });
    const protocol = recorder();
    let exited: Promise<unknown> | undefined;
    await asyncio.run(
      async () => {
        const loop = asyncio.getRunningLoop();
        const [transport] = await loop.subprocessExec(() => protocol, 'sleep', ['60'], { stderr: null });
        const child = transport.getExtraInfo('subprocess');
        exited = new Promise((resolve) => child?.once('exit', (_, signal) => resolve(signal)));
      },
      { debug },
    );
    asyncio.setLogger(outer);
    const keepAlive = setInterval(() => {}, 1000);
    assert.equal(await exited, 'SIGKILL');
    clearInterval(keepAlive);
    assert.deepEqual(
      logs.map((text) => text.split(' ').slice(0, 2).join(' ')).sort(),
      debug
        ? ['unclosed <ReadPipeTransport', 'unclosed <SubprocessTransport', 'unclosed <WritePipeTransport']
        : [],
    );
    assert.deepEqual(protocol.events, ['made']);
    assert.deepEqual(childrenOf(), []);
    assert.equal(openDescriptors().length, before);
  }
});

inBothKinds('a Node program as a child', function* ({ wait, loop }) {
  const script =
    'process.stdin.pipe(process.stdout); process.stdin.on("end", () => { process.exitCode = 5; })';
  const [transport, protocol] = yield* wait(
    loop.subprocessExec(recorder, process.execPath, ['-e', script], { env }),
  );
  const stdin = transport.getPipeTransport(0) as asyncio.WriteTransport;
  stdin.write(Buffer.from('hello'));
  stdin.writeEof();
  yield* wait(protocol.told('lost'));
  assert.deepEqual([protocol.output[1], transport.getReturncode()], ['hello', 5]);
});
