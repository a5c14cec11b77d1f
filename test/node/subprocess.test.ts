// createSubprocessExec(), createSubprocessShell() and Process.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after, test } from 'node:test';
import * as asyncio from 'tsyncio';
import { isError, thrown, thrownBy } from '../core/both-kinds.js';
import { Program } from '../core/program.js';
import { childrenOf, isAlive, noProc, openDescriptors } from './descriptors.js';
import { inBothKinds } from './in-both-kinds.js';

const { DEVNULL, PIPE, STDOUT, Process } = asyncio.subprocess;
const { createSubprocessExec, createSubprocessShell } = asyncio;
const skip = process.platform === 'win32' ? 'the programs are those of Unix' : false;
const noPython =
  spawnSync('python3', ['-c', 'import asyncio, sys; assert sys.version_info >= (3, 11)']).status === 0
    ? false
    : 'there is no python3';
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tsyncio-process-'));
after(() => fs.rmSync(folder, { recursive: true }));

const big = Buffer.from(Array.from({ length: 1 << 17 }, (_, i) => `${i}\n`).join(''));
const none = { stdin: DEVNULL, stdout: DEVNULL, stderr: DEVNULL } as const;
const pipes = { stdin: PIPE, stdout: PIPE, stderr: PIPE } as const;

// ---------------------------------------------------------------------------------------------------- streams

inBothKinds(
  'a program with streams: write, read lines, wait',
  function* ({ wait }) {
    const child = yield* wait(createSubprocessExec('cat', [], { stdin: PIPE, stdout: PIPE }));
    assert.ok(child instanceof Process);
    assert.equal(child.stderr, null);
    assert.equal(String(child), `<Process ${child.pid} running>`);
    child.stdin.write(Buffer.from('one\n'));
    yield* wait(child.stdin.drain());
    assert.equal((yield* wait(child.stdout.readline())).toString(), 'one\n');
    child.stdin.writelines([Buffer.from('t'), Buffer.from('wo')]);
    child.stdin.writeEof();
    assert.equal((yield* wait(child.stdout.read())).toString(), 'two');
    assert.equal(yield* wait(child.wait()), 0);
    yield* wait(child.stdin.waitClosed());
    assert.equal(child.returncode, 0);
    assert.equal(String(child), `<Process ${child.pid} returncode=0>`);
  },
  { skip },
);

inBothKinds(
  'streams that are no pipes are null; null leaves the stream to the child',
  function* ({ wait }) {
    const child = yield* wait(createSubprocessExec('true', [], none));
    assert.deepEqual([child.stdin, child.stdout, child.stderr], [null, null, null]);
    assert.deepEqual(yield* wait(child.communicate()), [null, null]);
    const heir = yield* wait(createSubprocessExec('true'));
    assert.deepEqual([heir.stdin, heir.stdout, heir.stderr], [null, null, null]);
    assert.equal(yield* wait(heir.wait()), 0);
  },
  { skip },
);

inBothKinds(
  'R-SUB-04 communicate() writes its input, reads both outputs and waits',
  function* ({ wait }) {
    const child = yield* wait(createSubprocessShell('cat; echo err >&2; exit 4', pipes));
    const [stdout, stderr] = yield* wait(child.communicate(Buffer.from('input')));
    assert.ok(Buffer.isBuffer(stdout));
    assert.deepEqual([stdout.toString(), stderr.toString(), child.returncode], ['input', 'err\n', 4]);
  },
  { skip },
);

inBothKinds(
  'R-SUB-04 communicate() without input closes standard input',
  function* ({ wait }) {
    const child = yield* wait(createSubprocessExec('cat', [], { stdin: PIPE, stdout: PIPE }));
    assert.deepEqual((yield* wait(child.communicate()))[0].toString(), '');
    assert.equal(child.stdin.isClosing(), true);
  },
  { skip },
);

inBothKinds(
  'R-SUB-04 communicate() with more than fits into all pipes does not block',
  function* ({ wait }) {
    const child = yield* wait(
      createSubprocessShell('head -c 1000000 /dev/zero >&2 & cat; wait', { ...pipes, limit: 1000 }),
    );
    const [stdout, stderr] = yield* wait(child.communicate(big));
    assert.ok(stdout.equals(big));
    assert.equal(stderr.length, 1_000_000);
  },
  { skip },
);

inBothKinds(
  'R-SUB-04 communicate() ignores that the child does not read its input',
  function* ({ wait }) {
    for (const input of [big, Buffer.from('little')]) {
      const child = yield* wait(createSubprocessShell('exec 0<&-; echo done', { stdin: PIPE, stdout: PIPE }));
      assert.equal((yield* wait(child.communicate(input)))[0].toString(), 'done\n');
      assert.equal(child.returncode, 0);
    }
  },
  { skip },
);

inBothKinds(
  'R-SUB-04 input for what has no pipe, or that is not bytes, is refused at once',
  function* ({ wait }) {
    const child = yield* wait(createSubprocessExec('true', [], none));
    isError(
      thrownBy(() => child.communicate(Buffer.from('x'))),
      asyncio.ValueError,
      /stdin is not a pipe/,
    );
    isError(
      thrownBy(() => child.communicate('text' as never)),
      TypeError,
    );
    yield* wait(child.wait());
  },
  { skip },
);

inBothKinds(
  'a write to a child that has closed its input fails in drain()',
  function* ({ wait, logs }) {
    const child = yield* wait(createSubprocessExec('true', [], { stdin: PIPE }));
    yield* wait(child.wait());
    child.stdin.write(big);
    const error = yield* thrown(wait(child.stdin.drain()));
    assert.ok(error instanceof asyncio.BrokenPipeError || error instanceof asyncio.ConnectionResetError);
    const other = yield* wait(
      createSubprocessShell('exec 0<&-; echo closed; exec sleep 60', { stdin: PIPE, stdout: PIPE }),
    );
    yield* wait(other.stdout.readline());
    other.stdin.write(big);
    const second = yield* thrown(wait(other.stdin.drain()));
    assert.ok(second instanceof asyncio.BrokenPipeError || second instanceof asyncio.ConnectionResetError);
    isError(yield* thrown(wait(other.stdin.waitClosed())), asyncio.BrokenPipeError);
    assert.equal(yield* wait(other.stop()), -15);
    assert.deepEqual(logs, []);
  },
  { skip },
);

inBothKinds(
  'R-SUB-11 output that nobody reads pauses the pipe at the limit, and all of it can be read',
  function* ({ wait }) {
    const child = yield* wait(
      createSubprocessShell(
        'i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done; cat',
        {
          stdin: PIPE,
          stdout: PIPE,
          limit: 1024,
        },
      ),
    );
    const output = (child as unknown as { stdout: { _transport: { toString(): string } } }).stdout._transport;
    while (!String(output).includes('idle')) yield* wait(asyncio.sleep(0));
    child.stdin.close();
    assert.equal((yield* wait(child.stdout.read())).length, 3000 * 41);
    assert.equal(yield* wait(child.wait()), 0);
  },
  { skip },
);

inBothKinds(
  'R-SUB-11 a child that has exited: what is left in a paused pipe is still paused, and still read',
  function* ({ wait }) {
    const child = yield* wait(
      createSubprocessShell('head -c 60000 /dev/zero', { stdout: PIPE, limit: 1024 }),
    );
    while (child.returncode === null) yield* wait(asyncio.sleep(0));
    for (let i = 0; i < 100; i++) yield* wait(asyncio.sleep(0));
    let size = 0;
    for (;;) {
      const part = yield* wait(child.stdout.read(1000));
      if (part.length === 0) break;
      size += part.length;
    }
    assert.equal(size, 60_000);
    assert.equal(yield* wait(child.wait()), 0);
  },
  { skip },
);

inBothKinds(
  'R-SUB-10 a shell command with stderr: STDOUT',
  function* ({ wait }) {
    const child = yield* wait(
      createSubprocessShell('echo 1; echo 2 >&2; echo 3', { stdout: PIPE, stderr: STDOUT }),
    );
    assert.equal((yield* wait(child.communicate()))[0].toString(), '1\n2\n3\n');
  },
  { skip },
);

test('for await over the output of a child', { skip }, async () => {
  const lines: string[] = [];
  await asyncio.run(async () => {
    await using child = await createSubprocessExec('printf', ['a\\nb\\nc'], { stdout: PIPE });
    for await (const line of child.stdout) lines.push(line.toString());
  });
  assert.deepEqual(lines, ['a\n', 'b\n', 'c']);
});

inBothKinds(
  'a StreamReader limit for the output: a line that is longer is a ValueError',
  function* ({ wait }) {
    isError(
      thrownBy(() => createSubprocessExec('true', [], { limit: 0 })),
      asyncio.ValueError,
      'Limit cannot be <= 0',
    );
    const child = yield* wait(createSubprocessShell('echo 0123456789', { stdout: PIPE, limit: 5 }));
    isError(yield* thrown(wait(child.stdout.readline())), asyncio.ValueError);
    yield* wait(child.wait());
  },
  { skip },
);

// -------------------------------------------------------------------------------------------------- wait, signals

inBothKinds(
  'R-SUB-02 several may wait; a wait after the end returns at once',
  function* ({ wait, go }) {
    const child = yield* wait(createSubprocessExec('cat', [], { stdin: PIPE, stdout: DEVNULL }));
    const tasks = Array.from({ length: 5 }, () =>
      asyncio.createTask(
        go(function* () {
          return yield* wait(child.wait());
        }),
      ),
    );
    yield* wait(asyncio.sleep(0));
    child.stdin.close();
    assert.deepEqual(yield* wait(asyncio.gather(tasks)), [0, 0, 0, 0, 0]);
    assert.equal(yield* wait(child.wait()), 0);
  },
  { skip },
);

inBothKinds(
  'a file of openFile() as a standard stream: nothing is written over',
  function* ({ wait }) {
    const name = path.join(folder, 'lent');
    const echo = (redirect: asyncio.subprocess.ProcessOptions) => createSubprocessExec('cat', [], redirect);
    for (const mode of ['w', 'wb'] as const) {
      const file = yield* wait(asyncio.openFile(name, mode));
      const child = yield* wait(createSubprocessShell('echo one', { stdout: file, stderr: STDOUT }));
      assert.equal(yield* wait(child.wait()), 0);
      yield* wait(file.close());
      assert.equal(fs.readFileSync(name, 'utf8'), 'one\n');
    }
    const written = yield* wait(asyncio.openFile(name, 'w'));
    yield* wait(written.write('before\n'));
    for (const flush of [false, true]) {
      if (flush) yield* wait(written.flush());
      for (const stream of ['stdout', 'stderr'] as const) {
        isError(
          thrownBy(() => echo({ stdin: DEVNULL, [stream]: written })),
          asyncio.ValueError,
          new RegExp(`^${stream}: Cannot hand over '.*lent': it was read or written here`),
        );
      }
    }
    yield* wait(written.close());
    const added = yield* wait(asyncio.openFile(name, 'a'));
    yield* wait(added.write('then\n'));
    yield* wait(added.flush());
    const child = yield* wait(createSubprocessShell('echo one', { stdout: added }));
    yield* wait(child.wait());
    yield* wait(added.write('after\n'));
    yield* wait(added.close());
    assert.equal(fs.readFileSync(name, 'utf8'), 'before\nthen\none\nafter\n');
    const read = yield* wait(asyncio.openFile(name));
    const whole = yield* wait(echo({ stdin: read, stdout: PIPE }));
    assert.equal(String((yield* wait(whole.communicate()))[0]), 'before\nthen\none\nafter\n');
    yield* wait(read.readline());
    isError(
      thrownBy(() => echo({ stdin: read })),
      asyncio.ValueError,
      /^stdin: Cannot hand over/,
    );
    yield* wait(read.close());
    isError(
      thrownBy(() => echo({ stdin: read })),
      asyncio.ValueError,
    );
  },
  { skip },
);

inBothKinds(
  'wait({ pipes: false }) comes back when the child has exited, whoever has its pipes; cancelling it leaves the child running',
  function* ({ wait }) {
    const child = yield* wait(
      createSubprocessShell('sleep 1000 & echo $!; read line; exit 3', { stdin: PIPE, stdout: PIPE }),
    );
    const grandchild = Number((yield* wait(child.stdout.readline())).toString());
    isError(yield* thrown(wait(asyncio.waitFor(child.wait({ pipes: false }), 0.001))), asyncio.TimeoutError);
    assert.equal(child.returncode, null);
    child.stdin.close();
    assert.equal(yield* wait(child.wait({ pipes: false })), 3);
    assert.equal(child.stdout.atEof(), false);
    process.kill(grandchild, 'SIGKILL');
    assert.equal((yield* wait(child.stdout.read())).length, 0);
    assert.equal(yield* wait(child.wait({ pipes: false })), 3);
  },
  { skip },
);

inBothKinds(
  'R-SUB-02 wait() comes back when the pipes are closed, too',
  function* ({ wait, go, loop }) {
    // The grandchild keeps standard output open.
    const child = yield* wait(
      createSubprocessShell('exec 3<&0; (read line <&3) & exec 3<&- 0<&-; echo $!', {
        stdin: PIPE,
        stdout: PIPE,
      }),
    );
    yield* wait(child.stdout.readline());
    const waiting = asyncio.createTask(
      go(function* () {
        return yield* wait(child.wait());
      }),
    );
    yield* wait(asyncio.sleep(0));
    if (child.returncode === null) {
      while (child.returncode === null) yield* wait(asyncio.sleep(0));
      for (let i = 0; i < 10; i++) yield* wait(asyncio.sleep(0));
      assert.equal(waiting.done(), false);
    }
    assert.equal(yield* wait(child.stop()), 0);
    assert.equal(yield* wait(waiting), 0);
    assert.equal(loop.isClosed(), false);
  },
  { skip },
);

inBothKinds(
  'R-SUB-01 sendSignal(), terminate() and kill(): the return code is the negative signal',
  function* ({ wait }) {
    for (const [send, code] of [
      [(child: asyncio.subprocess.Process) => child.sendSignal('SIGHUP'), -1],
      [(child: asyncio.subprocess.Process) => child.sendSignal(10), -10],
      [(child: asyncio.subprocess.Process) => child.terminate(), -15],
      [(child: asyncio.subprocess.Process) => child.kill(), -9],
    ] as const) {
      const child = yield* wait(createSubprocessExec('sleep', ['60'], none));
      send(child);
      assert.equal(yield* wait(child.wait()), code);
    }
  },
  { skip },
);

inBothKinds(
  'R-SUB-07 a signal after the end is a ProcessLookupError',
  function* ({ wait }) {
    const child = yield* wait(createSubprocessExec('true', [], none));
    yield* wait(child.wait());
    isError(
      thrownBy(() => child.kill()),
      asyncio.ProcessLookupError,
    );
    isError(
      thrownBy(() => child.terminate()),
      asyncio.ProcessLookupError,
    );
    isError(
      thrownBy(() => child.sendSignal('SIGHUP')),
      asyncio.ProcessLookupError,
    );
  },
  { skip },
);

inBothKinds(
  'R-SUB-03 cancelling wait() leaves the process running, and others waiting',
  function* ({ wait, go }) {
    const child = yield* wait(createSubprocessExec('sleep', ['60'], none));
    const [first, second] = [0, 1].map(() =>
      asyncio.createTask(
        go(function* () {
          return yield* wait(child.wait());
        }),
      ),
    ) as [asyncio.Task<number>, asyncio.Task<number>];
    yield* wait(asyncio.sleep(0));
    first.cancel();
    yield* wait(asyncio.wait([first]));
    assert.deepEqual([first.cancelled(), child.returncode, second.done()], [true, null, false]);
    isError(yield* thrown(wait(asyncio.waitFor(child.wait(), 0.001))), asyncio.TimeoutError);
    child.kill();
    assert.equal(yield* wait(second), -9);
  },
  { skip },
);

inBothKinds(
  'cancelling communicate() leaves the process running, and loses nothing',
  function* ({ wait, go }) {
    const child = yield* wait(createSubprocessShell('echo first; echo warning >&2; cat; echo last', pipes));
    const communicating = asyncio.createTask(
      go(function* () {
        return yield* wait(child.communicate(Buffer.from('input\n')));
      }),
    );
    yield* wait(asyncio.sleep(0));
    communicating.cancel();
    yield* wait(asyncio.wait([communicating]));
    assert.deepEqual([communicating.cancelled(), child.returncode], [true, null]);
    const [stdout, stderr] = yield* wait(child.communicate());
    assert.equal(stderr.toString(), 'warning\n');
    assert.ok(['first\nlast\n', 'first\ninput\nlast\n'].includes(stdout.toString()), stdout.toString());
    assert.equal(child.returncode, 0);
  },
  { skip },
);

inBothKinds(
  'a time limit around communicate(): the output that had come is in the next one',
  function* ({ wait }) {
    const child = yield* wait(createSubprocessShell('echo early; read line; echo "got $line"', pipes));
    while (!String(child.stdout).includes('bytes')) yield* wait(asyncio.sleep(0));
    isError(
      yield* thrown(
        wait(
          asyncio.timeout(0.001).run(function* () {
            yield* asyncio.gather([child.stdout.read(), child.stderr.read()]);
          }),
        ),
      ),
      asyncio.TimeoutError,
    );
    assert.equal(child.returncode, null);
    const [stdout] = yield* wait(child.communicate(Buffer.from('it\n')));
    assert.equal(stdout.toString(), 'early\ngot it\n');
  },
  { skip },
);

// ---------------------------------------------------------------------------------------------------------- stop

inBothKinds(
  'stop() sends SIGTERM, and gives the return code',
  function* ({ wait }) {
    const child = yield* wait(createSubprocessExec('sleep', ['60'], none));
    assert.equal(yield* wait(child.stop()), -15);
    assert.equal(yield* wait(child.stop()), -15);
    const ended = yield* wait(createSubprocessShell('exit 3', none));
    yield* wait(ended.wait());
    assert.equal(yield* wait(ended.stop()), 3);
  },
  { skip },
);

inBothKinds(
  'stop() kills one that ignores SIGTERM, after killAfter',
  function* ({ wait, loop }) {
    const child = yield* wait(
      createSubprocessShell('trap "" TERM; echo ready; while :; do sleep 0.05; done', {
        stdout: PIPE,
        stderr: DEVNULL,
      }),
    );
    yield* wait(child.stdout.readline());
    const before = loop.time();
    assert.equal(yield* wait(child.stop('50ms')), -9);
    assert.ok(loop.time() - before >= 0.05);
    const other = yield* wait(
      createSubprocessShell('trap "" TERM; echo ready; while :; do sleep 0.05; done', {
        stdout: PIPE,
        stderr: DEVNULL,
        killAfter: 0,
      }),
    );
    yield* wait(other.stdout.readline());
    assert.equal(yield* wait(other.stop()), -9);
    isError(
      thrownBy(() => other.stop('soon' as never)),
      asyncio.ValueError,
    );
  },
  { skip },
);

inBothKinds(
  'stop() lets the child clean up, and its readers read what it says meanwhile',
  function* ({ wait, go }) {
    const child = yield* wait(
      createSubprocessShell(
        'trap "echo cleaning; echo up; exit 0" TERM; echo ready; while :; do sleep 0.01; done',
        {
          stdout: PIPE,
          stderr: DEVNULL,
        },
      ),
    );
    yield* wait(child.stdout.readline());
    const reading = asyncio.createTask(
      go(function* () {
        return yield* wait(child.stdout.read());
      }),
    );
    yield* wait(asyncio.sleep(0));
    assert.equal(yield* wait(child.stop()), 0);
    assert.equal((yield* wait(reading)).toString(), 'cleaning\nup\n');
  },
  { skip },
);

inBothKinds(
  'stop() is not held up by output that nobody reads',
  function* ({ wait }) {
    // It writes more than fits, and only then exits.
    const child = yield* wait(
      createSubprocessShell('trap "" TERM; head -c 1000000 /dev/zero; echo end; exit 6', {
        stdout: PIPE,
        stderr: DEVNULL,
        limit: 1000,
        killAfter: 60,
      }),
    );
    const output = (child as unknown as { stdout: { _transport: { toString(): string } } }).stdout._transport;
    while (!String(output).includes('idle')) yield* wait(asyncio.sleep(0));
    assert.equal(yield* wait(child.stop()), 6);
    // What did not fit into the reader was dropped.
    assert.ok((yield* wait((child.stdout as asyncio.StreamReader).read())).length < 500_000);
  },
  { skip },
);

inBothKinds(
  'cancelling stop() kills at once, and comes out when the child is dead',
  function* ({ wait, go }) {
    const child = yield* wait(
      createSubprocessShell('trap "" TERM; echo ready; while :; do sleep 0.05; done', {
        stdout: PIPE,
        stderr: DEVNULL,
      }),
    );
    yield* wait(child.stdout.readline());
    const stopping = asyncio.createTask(
      go(function* () {
        yield* wait(child.stop(3600));
      }),
    );
    yield* wait(asyncio.sleep(0));
    stopping.cancel();
    yield* wait(asyncio.sleep(0));
    stopping.cancel();
    yield* wait(asyncio.wait([stopping]));
    assert.deepEqual([stopping.cancelled(), child.returncode], [true, -9]);
  },
  { skip },
);

inBothKinds(
  'several may stop a process',
  function* ({ wait }) {
    const child = yield* wait(createSubprocessExec('sleep', ['60'], none));
    assert.deepEqual(
      yield* wait(asyncio.gather([child.stop(), child.stop(), child.wait()])),
      [-15, -15, -15],
    );
  },
  { skip },
);

inBothKinds(
  'startNewSession: stop() ends the whole group, also who ignores SIGTERM',
  function* ({ wait }) {
    const child = yield* wait(
      createSubprocessShell('sh -c \'trap "" TERM; echo $$; exec sleep 60\' & sleep 60', {
        stdout: PIPE,
        stderr: DEVNULL,
        startNewSession: true,
      }),
    );
    const grandchild = Number((yield* wait(child.stdout.readline())).toString());
    assert.equal(isAlive(grandchild), true);
    assert.equal(yield* wait(child.stop()), -15);
    while (isAlive(grandchild)) yield* wait(asyncio.sleep(0));
  },
  { skip: skip || noProc },
);

for (const [name, leave] of [
  [
    'withAsync()',
    (child: asyncio.subprocess.Process, body: () => Promise<void>) => asyncio.withAsync(child, body),
  ],
  [
    'await using',
    async (given: asyncio.subprocess.Process, body: () => Promise<void>) => {
      await using child = given;
      assert.ok(child.pid > 0);
      await body();
    },
  ],
] as const) {
  test(`${name}: the process does not outlive the block, whatever ends that`, { skip }, async () => {
    await asyncio.run(async () => {
      const child = await createSubprocessExec('sleep', ['60'], none);
      await leave(child, async () => assert.equal(child.returncode, null));
      assert.equal(child.returncode, -15);

      const second = await createSubprocessExec('sleep', ['60'], none);
      await assert.rejects(
        async () => await leave(second, () => Promise.reject(new Error('the body'))),
        /the body/,
      );
      assert.equal(second.returncode, -15);

      const third = await createSubprocessExec('sleep', ['60'], none);
      const task = asyncio.createTask(async () => {
        await leave(third, async () => {
          await asyncio.sleep('1h');
        });
      });
      await asyncio.sleep(0);
      task.cancel();
      await asyncio.wait([task]);
      assert.deepEqual([task.cancelled(), third.returncode], [true, -15]);

      const ended = await createSubprocessShell('exit 5', none);
      await leave(ended, async () => {
        await ended.wait();
      });
      assert.equal(ended.returncode, 5);
    });
  });
}

// --------------------------------------------------------------------------------------------------------- errors

inBothKinds(
  'a program that is not there is a FileNotFoundError of createSubprocessExec()',
  function* ({ wait }) {
    const error = yield* thrown(wait(createSubprocessExec('tsyncio-no-such-program', [], pipes)));
    isError(error, asyncio.FileNotFoundError);
    assert.equal((error as asyncio.OSError).code, 'ENOENT');
    const child = yield* wait(createSubprocessShell('tsyncio-no-such-program', { stderr: DEVNULL }));
    assert.equal(yield* wait(child.wait()), 127);
  },
  { skip },
);

test('R-SUB-08 text modes are a ValueError of createSubprocessExec() and createSubprocessShell(), at once', () => {
  for (const options of [
    { text: true },
    { encoding: 'utf-8' },
    { universalNewlines: true },
    { bufsize: 1 },
  ]) {
    isError(
      thrownBy(() => createSubprocessExec('true', [], options as object)),
      asyncio.ValueError,
    );
    isError(
      thrownBy(() => createSubprocessShell('true', options as object)),
      asyncio.ValueError,
    );
  }
  isError(
    thrownBy(() => createSubprocessExec('true', [], { killAfter: 'soon' as never })),
    asyncio.ValueError,
  );
  isError(
    thrownBy(() => createSubprocessExec('true', [], { killAfer: 5 } as object)),
    TypeError,
  );
});

inBothKinds(
  'R-SUB-09 cancelling createSubprocessExec() kills the child, and waits for it',
  function* ({ wait, go }) {
    const task = asyncio.createTask(
      go(function* () {
        yield* wait(createSubprocessExec('sleep', ['60'], pipes));
      }),
    );
    yield* wait(asyncio.sleep(0));
    assert.equal(childrenOf().length, 1);
    task.cancel();
    yield* wait(asyncio.wait([task]));
    assert.equal(task.cancelled(), true);
    assert.deepEqual(childrenOf(), []);
  },
  { skip: skip || noProc },
);

test('a child that nobody waits for does not outlive run()', { skip: skip || noProc }, async () => {
  const child = await asyncio.run(async () => await createSubprocessExec('sleep', ['60'], none));
  await new Promise<void>((resolve) => {
    const look = () => (childrenOf().length === 0 ? resolve() : setImmediate(look));
    look();
  });
  assert.equal(isAlive(child.pid), false);
});

// -------------------------------------------------------------------------------------------------- many, and few

inBothKinds(
  '200 processes at a time leave no zombie and no descriptor',
  function* ({ wait, go }) {
    yield* wait((yield* wait(createSubprocessExec('true', [], pipes))).communicate());
    const before = openDescriptors();
    const children = childrenOf().length;
    const one = (i: number) =>
      go(function* () {
        const child = yield* wait(createSubprocessExec('cat', [], pipes));
        const [stdout] = yield* wait(child.communicate(Buffer.from(`${i}`)));
        return Number(stdout.toString());
      });
    const results = yield* wait(asyncio.gather(Array.from({ length: 200 }, (_, i) => one(i))));
    assert.deepEqual(
      results,
      Array.from({ length: 200 }, (_, i) => i),
    );
    assert.equal(childrenOf().length, children);
    assert.deepEqual(openDescriptors(), before);
  },
  { skip: skip || noProc },
);

test('EMFILE: an OSError, no descriptor is lost, and the next start succeeds', {
  skip: skip || noProc,
}, async () => {
  const program = new Program('few-descriptors', { shell: 'ulimit -n 64' });
  assert.equal(await program.exitCode(), 0, program.stderr);
  assert.equal(program.stdout, 'EMFILE OSError\ndescriptors lost: 0\nworks again\nchildren: 0\n');
});

// ----------------------------------------------------------------------------------------------------- real peers

inBothKinds(
  'Python as a child: its asyncio reads our pipe and writes the other one',
  function* ({ wait }) {
    const script = `
import asyncio, sys
async def main():
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, sys.stdout)
    # drain() waits until all is written: what is left when the loop ends would be lost
    transport.set_write_buffer_limits(0)
    writer = asyncio.StreamWriter(transport, protocol, None, loop)
    async for line in reader:
        writer.write(line.upper())
        await writer.drain()
    writer.close()
asyncio.run(main())
sys.exit(9)
`;
    const child = yield* wait(createSubprocessExec('python3', ['-c', script], { stdin: PIPE, stdout: PIPE }));
    for (const word of ['one\n', 'two\n']) {
      child.stdin.write(Buffer.from(word));
      assert.equal((yield* wait(child.stdout.readline())).toString(), word.toUpperCase());
    }
    const lines = Buffer.from('line\n'.repeat(50_000));
    const [stdout] = yield* wait(child.communicate(lines));
    assert.equal(stdout.toString(), lines.toString().toUpperCase());
    assert.equal(child.returncode, 9);
  },
  { skip: skip || noPython },
);

inBothKinds(
  'Python tells of the same end as we do: KeyboardInterrupt on SIGINT',
  function* ({ wait }) {
    const script = 'import time; print("ready", flush=True); time.sleep(60)';
    const child = yield* wait(createSubprocessExec('python3', ['-c', script], pipes));
    yield* wait(child.stdout.readline());
    child.sendSignal('SIGINT');
    const [, stderr] = yield* wait(child.communicate());
    assert.match(stderr.toString(), /KeyboardInterrupt/);
    assert.equal(child.returncode, -2);
  },
  { skip: skip || noPython },
);
