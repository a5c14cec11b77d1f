// The supervisor: restarts with growing delays, signals, an orderly end. As a class on short delays, and as a program.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as asyncio from 'tsyncio';
import { type Service, Supervisor } from '../../examples/supervisor/supervisor.js';
import { childrenOf, isAlive, noProc } from '../node/descriptors.js';

const skip = process.platform === 'win32' ? 'the programs are those of Unix' : false;
const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tsyncio-supervisor-'));
after(() => fs.rmSync(folder, { recursive: true }));

const shell = (name: string, script: string, more: Partial<Service> = {}): Service => ({
  name,
  program: 'sh',
  args: ['-c', script],
  ...more,
});

/** Runs services until all have ended; gives the log, without process numbers. */
async function logOf(...services: Service[]): Promise<string[]> {
  const lines: string[] = [];
  const log = (line: string) =>
    void lines.push(line.replace(/\d+$/, (n) => (line.includes('runs as') ? 'N' : n)));
  await asyncio.run(() => new Supervisor(services, { firstDelay: 0.01, longestDelay: 0.03, log }).run());
  return lines;
}

test('a service that succeeds is not started again; one that fails is, with growing delays', {
  skip,
}, async () => {
  const counter = path.join(folder, 'counter');
  const script = `echo "try"; echo x >> ${counter}; [ $(wc -l < ${counter}) -ge 4 ] || exit 7`;
  assert.deepEqual(await logOf(shell('flaky', script)), [
    ...[0.01, 0.02, 0.03].flatMap((delay) => [
      'flaky: runs as N',
      'flaky | try',
      'flaky: ended (exit 7)',
      `flaky: starts again in ${delay} s`,
    ]),
    'flaky: runs as N',
    'flaky | try',
    'flaky: ended (exit 0)',
  ]);
});

test('standard error is part of the log, in order; a service killed by a signal has failed', {
  skip,
}, async () => {
  const script = 'echo out; echo err >&2; echo out again; kill -9 $$';
  assert.deepEqual(await logOf(shell('short', script, { restart: 'never' })), [
    'short: runs as N',
    'short | out',
    'short | err',
    'short | out again',
    'short: ended (signal 9)',
  ]);
});

test('a line that is too long comes in pieces of whole characters, nothing of it is lost, and nobody goes down', {
  skip,
}, async () => {
  const euros = '€'.repeat(100_000);
  const script = "process.stdout.write('€'.repeat(100_000) + '\\n\\n' + '€'.repeat(25_000) + '\\nend')";
  const lines = await logOf(
    { name: 'chatty', program: process.execPath, args: ['-e', script] },
    shell('other', 'exit 0'),
  );
  const said = lines.filter((line) => line.startsWith('chatty | ')).map((line) => line.slice(9));
  assert.equal(said.pop(), 'end');
  const border = said.indexOf('');
  assert.equal(said.slice(0, border).join(''), euros);
  assert.equal(said.slice(border + 1).join(''), euros.slice(0, 25_000));
  assert.ok(border > 1);
  assert.ok(lines.includes('chatty: ended (exit 0)'));
  assert.ok(lines.includes('other: ended (exit 0)'));
});

test('a service that has failed is started again, though what it started has its output still', {
  skip: skip || noProc,
}, async () => {
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  const counter = path.join(folder, 'lives');
  const script = `echo x >> ${counter}; [ $(wc -l < ${counter}) -lt 2 ] || exit 0; sleep 1000 & echo $!; exit 7`;
  const options = { firstDelay: 0.01, outputTimeout: 0.01, log };
  await asyncio.run(() => new Supervisor([shell('parent', script)], options).run());
  const pid = Number(lines.find((line) => /^parent \| \d+$/.test(line))?.slice(9));
  assert.equal(isAlive(pid), true);
  process.kill(pid, 'SIGKILL');
  assert.deepEqual(
    lines.filter((line) => !line.includes('|') && !line.includes('runs as')),
    ['parent: ended (exit 7)', 'parent: starts again in 0.01 s', 'parent: ended (exit 0)'],
  );
});

test('a program that is not there is a failure of that service only', { skip }, async () => {
  const lines = await logOf(
    { name: 'missing', program: 'tsyncio-no-such-program', restart: 'never' },
    shell('there', 'exit 0'),
  );
  assert.ok(lines.includes('missing: ended (spawn tsyncio-no-such-program ENOENT)'));
  assert.ok(lines.includes('there: ended (exit 0)'));
});

test('a service that ran for long enough is restarted without delay growth', { skip }, async () => {
  const lines: string[] = [];
  await asyncio.run(async () => {
    const supervisor = new Supervisor([shell('steady', 'exit 1')], {
      firstDelay: 0.001,
      healthyAfter: 0,
      log: (line) => void lines.push(line),
    });
    const task = asyncio.createTask(() => supervisor.run());
    while (lines.filter((line) => line.includes('starts again')).length < 5) await asyncio.sleep(0);
    task.cancel();
    await asyncio.wait([task]);
  });
  assert.deepEqual(
    new Set(lines.filter((line) => line.includes('starts again'))),
    new Set(['steady: starts again in 0.001 s']),
  );
});

test('a cancellation takes the services down, also those that ignore SIGTERM, with what they have started', {
  skip: skip || noProc,
}, async () => {
  const lines: string[] = [];
  await asyncio.run(async () => {
    const services = [
      shell('polite', 'trap "echo bye; exit 0" TERM; echo ready; while :; do sleep 0.01; done'),
      shell('stubborn', 'trap "" TERM; echo ready; sleep 60 & echo $!; wait', { killAfter: '50ms' }),
    ];
    const task = asyncio.createTask(() =>
      new Supervisor(services, { log: (line) => void lines.push(line) }).run(),
    );
    while (lines.length < 5) await asyncio.sleep(0);
    task.cancel();
    await asyncio.wait([task]);
    assert.equal(task.cancelled(), true);
  });
  assert.deepEqual(childrenOf(), []);
  const grandchild = Number(lines.find((line) => /^stubborn \| \d+$/.test(line))?.split(' ')[2]);
  assert.ok(grandchild > 0);
  while (isAlive(grandchild)) await new Promise((resolve) => setImmediate(resolve));
});

/** The supervisor as a program of its own. */
class Running {
  readonly #child: ChildProcess;
  readonly ended: Promise<number | string>;
  stdout = '';
  #changed = () => {};

  constructor(services: readonly Service[]) {
    const file = path.join(folder, 'services.json');
    fs.writeFileSync(file, JSON.stringify({ services, firstDelay: 0.01 }));
    const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env;
    const program = path.join(root, 'build/examples/supervisor/index.js');
    this.#child = spawn(process.execPath, [path.join(root, 'dist/cli/main.js'), 'run', program, file], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text) => {
      this.stdout += text;
      this.#changed();
    });
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        resolve(code ?? signal ?? '');
        this.#changed();
      });
    });
  }

  async printed(text: string): Promise<void> {
    while (!this.stdout.includes(text)) {
      if (this.#child.exitCode !== null) throw new Error(`it ended without printing ${text}: ${this.stdout}`);
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${signal}: the program forwards signals, ends its services in order, and exits with ${code}`, {
    skip,
  }, async () => {
    const script =
      'trap "echo reloading" HUP; trap "echo bye; exit 0" TERM; echo ready; while :; do sleep 0.01; done';
    const running = new Running([shell('web', script)]);
    await running.printed('web | ready\n');
    running.kill('SIGHUP');
    await running.printed('web | reloading\n');
    assert.ok(running.stdout.includes('web: got SIGHUP\n'));
    running.kill(signal);
    assert.equal(await running.ended, code);
    assert.ok(running.stdout.endsWith('supervisor: all services are down\n'), running.stdout);
  });
}
