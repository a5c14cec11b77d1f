// runProcess(): a program from start to end in one call.

import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { isError, thrown, thrownBy } from '../core/both-kinds.js';
import { childrenOf, noProc } from './descriptors.js';
import { inBothKinds } from './in-both-kinds.js';

const { runProcess } = asyncio;
const { CalledProcessError, CompletedProcess, DEVNULL, PIPE, STDOUT, TimeoutExpired } = asyncio.subprocess;
const skip = process.platform === 'win32' ? 'the programs are those of Unix' : false;

inBothKinds(
  'runProcess() gives what a program has written and how it ended',
  function* ({ wait }) {
    const done = yield* wait(runProcess('sh', ['-c', 'echo out; echo err >&2']));
    assert.ok(done instanceof CompletedProcess);
    assert.deepEqual(done.args, ['sh', '-c', 'echo out; echo err >&2']);
    assert.equal(done.returncode, 0);
    assert.ok(Buffer.isBuffer(done.stdout));
    assert.deepEqual([String(done.stdout), String(done.stderr)], ['out\n', 'err\n']);
    done.checkReturncode();
  },
  { skip },
);

inBothKinds(
  'runProcess() sends its input, bytes or text; without it standard input is empty',
  function* ({ wait }) {
    for (const input of ['grüße', Buffer.from('grüße'), new Uint8Array(Buffer.from('grüße'))])
      assert.equal((yield* wait(runProcess('cat', [], { input, encoding: 'utf-8' }))).stdout, 'grüße');
    for (const options of [
      {},
      { input: null },
      { input: '' },
      { stdin: DEVNULL },
      { stdin: undefined },
      { stdin: PIPE },
    ])
      assert.equal((yield* wait(runProcess('cat', [], options))).stdout?.length, 0);
    const big = 'x'.repeat(1 << 20);
    assert.equal((yield* wait(runProcess('cat', [], { input: big, encoding: 'latin1' }))).stdout, big);
    assert.equal((yield* wait(runProcess('true', [], { input: big }))).returncode, 0);
  },
  { skip },
);

inBothKinds(
  'runProcess() collects only what goes to pipes',
  function* ({ wait }) {
    const script = ['-c', 'echo out; echo err >&2'];
    const merged = yield* wait(runProcess('sh', script, { stderr: STDOUT }));
    assert.deepEqual([String(merged.stdout), merged.stderr], ['out\nerr\n', null]);
    const silent = yield* wait(runProcess('sh', script, { stdout: DEVNULL, stderr: DEVNULL }));
    assert.deepEqual([silent.stdout, silent.stderr], [null, null]);
  },
  { skip },
);

inBothKinds(
  'runProcess(): a return code other than 0 is a CalledProcessError, unless check is false',
  function* ({ wait }) {
    const script = ['-c', 'echo out; echo err >&2; exit 3'];
    const error = yield* thrown(wait(runProcess('sh', script)));
    isError(error, CalledProcessError, `Command 'sh ${script.join(' ')}' returned non-zero exit status 3.`);
    const { name, code, returncode, stdout, stderr, args } = error as InstanceType<typeof CalledProcessError>;
    assert.deepEqual([name, code, returncode], ['CalledProcessError', 'ERR_CALLED_PROCESS', 3]);
    assert.deepEqual([String(stdout), String(stderr), args], ['out\n', 'err\n', ['sh', ...script]]);
    const killed = yield* thrown(wait(runProcess('sh', ['-c', 'kill -9 $$'], { encoding: 'utf-8' })));
    isError(killed, CalledProcessError, /died with SIGKILL\.$/);
    assert.equal((killed as InstanceType<typeof CalledProcessError>).stdout, '');
    const done = yield* wait(runProcess('sh', script, { check: false }));
    assert.equal(done.returncode, 3);
    isError(
      thrownBy(() => done.checkReturncode()),
      CalledProcessError,
    );
  },
  { skip },
);

inBothKinds(
  'runProcess() with a timeout stops the program, and tells what it had written',
  function* ({ wait }) {
    const error = yield* thrown(
      wait(
        runProcess('sh', ['-c', 'echo early; trap "" TERM; while :; do sleep 0.05; done'], {
          timeout: '300ms',
          killAfter: '50ms',
          encoding: 'utf-8',
          stderr: DEVNULL,
        }),
      ),
    );
    isError(error, TimeoutExpired, /timed out after 0\.3 seconds$/);
    assert.ok(error instanceof TimeoutExpired && error instanceof asyncio.TimeoutError);
    assert.deepEqual(
      [error.name, error.code, error.timeout, error.stderr],
      ['TimeoutExpired', 'ETIMEDOUT', 0.3, null],
    );
    assert.ok(['early\n', ''].includes(error.stdout as string));
    assert.deepEqual(childrenOf(), []);
    isError(yield* thrown(wait(runProcess('sleep', ['60'], { timeout: 0 }))), TimeoutExpired);
    assert.deepEqual(childrenOf(), []);
  },
  { skip: skip || noProc },
);

inBothKinds(
  'a time limit of the caller is his own TimeoutError',
  function* ({ wait }) {
    const error = yield* thrown(wait(asyncio.waitFor(runProcess('sleep', ['60']), 0.01)));
    isError(error, asyncio.TimeoutError);
    assert.deepEqual(childrenOf(), []);
  },
  { skip: skip || noProc },
);

inBothKinds(
  'cancelling runProcess() terminates the program, then kills it, and waits for its end',
  function* ({ wait, go }) {
    for (const script of ['exec sleep 60', 'trap "" TERM; while :; do sleep 0.05; done']) {
      const task = asyncio.createTask(
        go(function* () {
          yield* wait(runProcess('sh', ['-c', script], { killAfter: 0.05 }));
        }),
      );
      while (childrenOf().length === 0) yield* wait(asyncio.sleep(0));
      task.cancel();
      yield* wait(asyncio.wait([task]));
      assert.equal(task.cancelled(), true);
      assert.deepEqual(childrenOf(), []);
    }
  },
  { skip: skip || noProc },
);

inBothKinds('a program that is not there is a FileNotFoundError of runProcess()', function* ({ wait }) {
  isError(yield* thrown(wait(runProcess('tsyncio-no-such-program'))), asyncio.FileNotFoundError);
});

test('runProcess() refuses at once what makes no sense', () => {
  const call = (...args: unknown[]) => thrownBy(() => Reflect.apply(runProcess, undefined, args));
  isError(call(5), TypeError);
  isError(call('ls', 'x'), TypeError);
  isError(call('ls', [], { input: 5 }), TypeError, /^input must be bytes or text/);
  isError(call('ls', [], { input: 'x', stdin: PIPE }), asyncio.ValueError, /cannot both be given/);
  isError(call('ls', [], { timeout: 'soon' }), asyncio.ValueError);
  isError(call('ls', [], { killAfter: 'soon' }), asyncio.ValueError);
  isError(call('ls', [], { encoding: 'no-such' }), RangeError);
  isError(call('ls', [], { maxBuffer: 5 }), TypeError, 'unknown option of a subprocess: maxBuffer');
});
