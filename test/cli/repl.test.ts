import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { test } from 'node:test';
import { Tsyncio } from './tsyncio.js';

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));

/** What the prompt prints for these lines, without the banner and the prompts. */
async function session(...lines: string[]): Promise<string[]> {
  const tsyncio = new Tsyncio('repl');
  for (const line of lines) tsyncio.type(line);
  assert.equal(await tsyncio.exitCode(), 0, tsyncio.stderr);
  assert.equal(tsyncio.stderr, '');
  return tsyncio.stdout
    .split('\n')
    .slice(2)
    .map((line) => line.replace(/^(> |\.\.\. ?|\| )+/, ''))
    .filter((line) => line !== '');
}

test('repl: the banner tells the versions and that await works', async () => {
  const tsyncio = new Tsyncio('repl');
  assert.equal(await tsyncio.exitCode(), 0, tsyncio.stderr);
  assert.ok(tsyncio.stdout.startsWith(`tsyncio ${version} on Node ${process.version}\nUse "await" directly`));
});

test('repl: a statement may await, and the next one waits for it', async () => {
  assert.deepEqual(await session("const x = await asyncio.sleep(0.01, 'slept')", 'x'), [
    'undefined',
    "'slept'",
  ]);
});

test('repl: every statement runs as a task of one loop', async () => {
  const printed = await session(
    'const loop = asyncio.getRunningLoop()',
    'loop.isRunning()',
    'asyncio.currentTask() instanceof asyncio.Task',
    'await asyncio.sleep(0), asyncio.currentTask() instanceof asyncio.Task',
    'asyncio.getRunningLoop() === loop',
  );
  assert.deepEqual(printed, ['undefined', 'true', 'true', 'true', 'true']);
});

test('repl: what a statement has set a context variable to, the next one sees', async () => {
  const printed = await session(
    "const v = new asyncio.ContextVar('v'); v.set(1); 'set'",
    'v.get()',
    "await asyncio.sleep(0); v.set(2); 'set'",
    'v.get()',
    'await asyncio.createTask(async () => { v.set(3); return v.get() })',
    'v.get()',
  );
  assert.deepEqual(printed, ["'set'", '1', "'set'", '2', '3', '2']);
});

test('repl: a statement over several lines is read to its end', async () => {
  assert.deepEqual(
    await session(
      'function* f() {',
      '  yield* asyncio.sleep(0)',
      '  return 3',
      '}',
      'await asyncio.createTask(f())',
    ),
    ['undefined', '3'],
  );
});

test('repl: a future that is typed without await is shown, not awaited', async () => {
  const [future] = await session('asyncio.getRunningLoop().createFuture()');
  assert.equal(future, '<Future pending>');
});

test('repl: after an error the prompt comes back', async () => {
  const printed = await session(
    "throw new Error('at once')",
    "await asyncio.createTask(async () => { throw new Error('later') })",
    '1 + 1',
  );
  assert.deepEqual(
    printed.filter((line) => /^\S/.test(line)),
    ['Uncaught Error: at once', 'Uncaught Error: later', '2'],
  );
});

test('repl: SIGINT cancels what the statement awaits, and the prompt comes back', async () => {
  const tsyncio = new Tsyncio('repl');
  tsyncio.type(
    "try { console.log('ready'); await asyncio.sleep('1h') } finally { await asyncio.sleep(0); console.log('cleaned up') }",
  );
  await tsyncio.printed('ready\n');
  tsyncio.signal('SIGINT');
  await tsyncio.printed('cleaned up\n');
  tsyncio.type('40 + 2');
  await tsyncio.printed('42\n');
  assert.equal(await tsyncio.exitCode(), 0);
  assert.match(tsyncio.stdout, /Uncaught CancelledError/);
});

test('repl: SIGINT at an idle prompt leaves it there', async () => {
  const tsyncio = new Tsyncio('repl');
  tsyncio.type('40 + 2');
  await tsyncio.printed('42\n');
  tsyncio.signal('SIGINT');
  await tsyncio.printed('KeyboardInterrupt\n');
  tsyncio.type('6 * 9');
  await tsyncio.printed('54\n');
  assert.equal(await tsyncio.exitCode(), 0);
});

test('repl: leaving cancels the tasks that are still there', async () => {
  const printed = await session(
    "const forgotten = asyncio.createTask(async () => { try { await asyncio.sleep('1h') } finally { console.log('cleaned up') } })",
    'await asyncio.sleep(0)',
  );
  assert.equal(printed.at(-1), 'cleaned up');
});
