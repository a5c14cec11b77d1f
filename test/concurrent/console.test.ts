import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Tsyncio } from '../cli/tsyncio.js';
import { gone, kinds, until } from './each-pool.js';

/** A program beside this file, as a process of its own. */
class Run {
  readonly child: ChildProcess;
  readonly ended: Promise<number | NodeJS.Signals | null>;
  out = '';
  err = '';

  constructor(name: string, args: readonly string[], stdout: 'pipe' | number = 'pipe') {
    const path = fileURLToPath(new URL(`./programs/${name}.js`, import.meta.url));
    const { NODE_OPTIONS: _, ASYNCIODEBUG: __, ...env } = process.env;
    // A group of its own, as a terminal has them: Ctrl-C goes to all of it.
    this.child = spawn(process.execPath, [path, ...args], {
      env,
      stdio: ['ignore', stdout, 'pipe'],
      detached: true,
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text) => {
      this.out += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text) => {
      this.err += text;
    });
    this.ended = new Promise((resolve) =>
      this.child.once('close', (code, signal) => resolve(signal ?? code)),
    );
  }

  async printed(text: string): Promise<void> {
    await until(() => this.out.includes(text) || this.child.exitCode !== null, `the output ${text}`);
    assert.ok(this.out.includes(text), this.out + this.err);
  }
}

function interruptGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGINT');
  } catch {
    // It has ended meanwhile.
  }
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tsyncio-console-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const rest = ` { nested: 1 }\n${'x'.repeat(200_000)}\nreturned\nend\n`;

for (const { name } of kinds) {
  test(`what a worker prints comes through a pipe at once, also while the main thread is blocked (${name})`, async () => {
    const go = join(temporaryFolder(), 'go');
    const run = new Run('console', [name, go]);
    await run.printed('out at once\nno line end');
    await until(() => run.err !== '', 'the standard error');
    assert.equal(run.err, 'err at once\n');
    writeFileSync(go, '');
    assert.equal(await run.ended, 0, run.err);
    assert.equal(run.out, `out at once\nno line end${rest}`);
  });

  test(`what a worker prints goes into a file at once, in order with what the main thread prints (${name})`, async () => {
    const folder = temporaryFolder();
    const [go, file] = [join(folder, 'go'), join(folder, 'out')];
    const descriptor = openSync(file, 'a');
    const run = new Run('console', [name, go], descriptor);
    closeSync(descriptor);
    const content = () => readFileSync(file, 'utf8');
    await until(() => content() !== '' && content().endsWith('no line end'), 'the output in the file');
    assert.equal(content(), 'out at once\nno line end');
    writeFileSync(go, '');
    assert.equal(await run.ended, 0, run.err);
    assert.equal(content(), `out at once\nno line end${rest}`);
  });

  for (const how of ['plain', 'listeners', 'task']) {
    test(`Ctrl-C ends a program that is blocked in result(), and its workers: ${how} (${name})`, {
      skip: process.platform === 'win32',
    }, async () => {
      const run = new Run('blocked', [name, how]);
      await run.printed('running');
      const worker = Number(/running (\d+)/.exec(run.out)?.[1]);
      // It may not have begun to block yet: then a listener hears the signal, and the next one ends it.
      let over = false;
      void run.ended.then(() => {
        over = true;
      });
      await until(() => {
        if (!over) interruptGroup(run.child.pid as number);
        return over;
      }, 'the end of the program');
      const end = await run.ended;
      assert.ok(end === 'SIGINT' || end === 130, String(end));
      await gone(worker);
    });
  }

  test(`R-CF-29 idle workers do not keep the process, nor does a forgotten pool (${name})`, async () => {
    const run = new Run('forgotten', [name]);
    assert.equal(await run.ended, 0, run.err);
    assert.equal(run.out, '2\nend of main\n');
  });

  test(`R-CF-29 submitted work is done before the process ends (${name})`, async () => {
    const run = new Run('forgotten', [name, 'work']);
    assert.equal(await run.ended, 0, run.err);
    assert.equal(run.out, '2\nend of main\nworked 0\nworked 1\nworked 2\n');
  });

  test(`R-CF-29 callbacks of submitted work run before the process ends (${name})`, async () => {
    const run = new Run('forgotten', [name, 'waited']);
    assert.equal(await run.ended, 0, run.err);
    assert.equal(run.out, '2\nend of main\nawaited\n');
  });

  test(`R-CF-29 shutdown({ wait: false }) at the end of a program loses no work (${name})`, async () => {
    const run = new Run('forgotten', [name, 'no-wait']);
    assert.equal(await run.ended, 0, run.err);
    assert.deepEqual(run.out.split('\n').sort(), ['', '2', 'end of main', 'worked']);
  });

  test(`process.exit() in the program ends it at once, with its workers (${name})`, async () => {
    const run = new Run('forgotten', [name, 'exit']);
    assert.equal(await run.ended, 5, run.err);
  });

  test(`a module that submits where it is imported gets the error about that, and is no fork bomb (${name})`, async () => {
    const run = new Run('submits-at-import', [name]);
    assert.equal(await run.ended, 0, run.err);
    assert.match(run.out, /^RuntimeError: Cannot start workers while a worker imports the module/);
    // What it advises has to help there: the thread of a process is a main thread, too.
    assert.match(
      run.out,
      name === 'processes' ? /process\.argv\[1\] === fileURLToPath/ : /if \(isMainThread\)/,
    );
  });
}

const cell = 'start blocking task\nresult\n';

test("the notebook's last cell under node: the task's line, then the result", async () => {
  const run = new Run('notebook-cell', []);
  assert.equal(await run.ended, 0, run.err);
  assert.deepEqual([run.out, run.err], [cell, '']);
});

test("the notebook's last cell under tsyncio run", async () => {
  const file = fileURLToPath(new URL('../../../test/concurrent/programs/notebook-main.ts', import.meta.url));
  assert.ok(existsSync(file));
  const tsyncio = new Tsyncio('run', file);
  assert.equal(await tsyncio.exitCode(), 0, tsyncio.stderr);
  assert.deepEqual([tsyncio.stdout, tsyncio.stderr], [cell, '']);
});

test("the notebook's last cell in the REPL", async () => {
  const tsyncio = new Tsyncio('repl');
  tsyncio.type("const { ThreadPoolExecutor } = await import('tsyncio/concurrent')");
  tsyncio.type("function blockingTask() { console.log('start blocking task'); return 'result' }");
  tsyncio.type('const executor = new ThreadPoolExecutor()');
  tsyncio.type('const future = executor.submit(blockingTask)');
  tsyncio.type('console.log(future.result())');
  assert.equal(await tsyncio.exitCode(), 0, tsyncio.stderr);
  const lines = tsyncio.stdout.split('\n').map((line) => line.replace(/^(> )+/, ''));
  assert.deepEqual(
    lines.filter((line) => line === 'start blocking task' || line === 'result'),
    ['start blocking task', 'result'],
    tsyncio.stdout,
  );
  assert.equal(tsyncio.stderr, '');
});
