import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Tsyncio } from './tsyncio.js';

test('run: main gets the arguments and runs in a task, as an async function', async () => {
  const tsyncio = new Tsyncio('run', 'async-main.ts', 'Ada', 'Grace');
  assert.equal(await tsyncio.exitCode(), 0, tsyncio.stderr);
  assert.equal(tsyncio.stdout, 'Task hello Ada Grace\n');
});

test('run: main may be a generator coroutine, and import its neighbours as .js', async () => {
  const tsyncio = new Tsyncio('run', 'generator-main.ts', 'Ada');
  assert.equal(await tsyncio.exitCode(), 0, tsyncio.stderr);
  assert.equal(tsyncio.stdout, 'hello Ada\n');
});

test('run: without main, the default export is run', async () => {
  const tsyncio = new Tsyncio('run', 'default-main.ts');
  assert.equal(await tsyncio.exitCode(), 0, tsyncio.stderr);
  assert.equal(tsyncio.stdout, 'default\n');
});

test('run: a program in a package without "type": "module" uses the tsyncio that runs it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tsyncio-'));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(fileURLToPath(new URL('../../../', import.meta.url)), join(folder, 'node_modules', 'tsyncio'));
  writeFileSync(join(folder, 'package.json'), '{}');
  // The enum is beyond Node's own TypeScript.
  writeFileSync(
    join(folder, 'program.ts'),
    `import * as asyncio from 'tsyncio';
    enum Colour { Red }
    export async function main(): Promise<void> {
      await asyncio.sleep(0);
      console.log(asyncio.currentTask()?.getName(), Colour[0]);
    }`,
  );
  const tsyncio = new Tsyncio('run', join(folder, 'program.ts'));
  assert.equal(await tsyncio.exitCode(), 0, tsyncio.stderr);
  assert.equal(tsyncio.stdout, 'Task-1 Red\n');
});

test('run --debug puts the loop in debug mode, before or after the file', async () => {
  const [plain, before, after] = [
    new Tsyncio('run', 'debug.ts'),
    new Tsyncio('run', '--debug', 'debug.ts'),
    new Tsyncio('run', 'debug.ts', '--debug'),
  ];
  assert.deepEqual(await Promise.all([plain.exitCode(), before.exitCode(), after.exitCode()]), [0, 0, 0]);
  assert.deepEqual([plain.stdout, before.stdout, after.stdout], ['false\n', 'true\n', 'true\n']);
});

test('run: what follows -- goes to the program', async () => {
  const tsyncio = new Tsyncio('run', 'debug.ts', 'a', '--', '--debug', '-x');
  assert.equal(await tsyncio.exitCode(), 0, tsyncio.stderr);
  assert.equal(tsyncio.stdout, 'false a --debug -x\n');
});

for (const [program, message] of [
  ['failing.ts', /RangeError: no such luck\n {4}at .*failing\.ts:3/],
  ['broken.ts', /Error: broken at the top\n {4}at .*broken\.ts:4/],
] as const) {
  test(`run: an uncaught error is exit code 1, with its stack on standard error: ${program}`, async () => {
    const tsyncio = new Tsyncio('run', program);
    assert.equal(await tsyncio.exitCode(), 1);
    assert.match(tsyncio.stderr, message);
  });
}

test('run: a syntax error is shown with its file and line', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tsyncio-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'program.mjs'), 'export async function main() {\n  let x = ;\n}\n');
  const tsyncio = new Tsyncio('run', join(folder, 'program.mjs'));
  assert.equal(await tsyncio.exitCode(), 1);
  assert.match(tsyncio.stderr, /program\.mjs:2\n {2}let x = ;\n/);
  assert.match(tsyncio.stderr, /SyntaxError: Unexpected token/);
});

test('run: a SystemExit without a code is success', async () => {
  const tsyncio = new Tsyncio('run', 'exit.ts');
  assert.equal(await tsyncio.exitCode(), 0);
  assert.equal(tsyncio.stderr, '');
});

test('run: the code of a SystemExit is the exit code', async () => {
  const tsyncio = new Tsyncio('run', 'exit.ts', '7');
  assert.equal(await tsyncio.exitCode(), 7);
  assert.equal(tsyncio.stderr, '');
});

test('run: the text of a SystemExit goes to standard error, and the exit code is 1', async () => {
  const tsyncio = new Tsyncio('run', 'exit.ts', 'out of paper');
  assert.equal(await tsyncio.exitCode(), 1);
  assert.equal(tsyncio.stderr, 'out of paper\n');
});

test('run: SIGINT cancels main, whose finally block runs to its end, and is exit code 130', async () => {
  const tsyncio = new Tsyncio('run', 'waiting.ts');
  await tsyncio.printed('ready\n');
  tsyncio.signal('SIGINT');
  assert.equal(await tsyncio.exitCode(), 130);
  assert.equal(tsyncio.stdout, 'ready\ncleaned up\n');
  assert.equal(tsyncio.stderr, 'KeyboardInterrupt\n');
});

test('run: SIGTERM cancels main, whose finally block runs to its end, and is exit code 143', async () => {
  const tsyncio = new Tsyncio('run', 'waiting.ts');
  await tsyncio.printed('ready\n');
  tsyncio.signal('SIGTERM');
  assert.equal(await tsyncio.exitCode(), 143);
  assert.equal(tsyncio.stdout, 'ready\ncleaned up\n');
  assert.equal(tsyncio.stderr, '');
});

test('run: a deadlock is reported with who waits, and is exit code 1', async () => {
  const tsyncio = new Tsyncio('run', 'deadlock.ts');
  assert.equal(await tsyncio.exitCode(), 1);
  assert.match(tsyncio.stderr, /^Deadlock: .*\n {2}Task-1 \(main\) waits for /);
});
