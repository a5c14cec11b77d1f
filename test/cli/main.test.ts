import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Tsyncio } from './tsyncio.js';

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));

test('--version prints the version of package.json', async () => {
  const tsyncio = new Tsyncio('--version');
  assert.equal(await tsyncio.exitCode(), 0);
  assert.equal(tsyncio.stdout, `${version}\n`);
});

for (const args of [['--help'], ['-h'], ['help'], ['run', '--help'], ['repl', '-h']]) {
  test(`${args.join(' ')} tells of every command on standard output`, async () => {
    const tsyncio = new Tsyncio(...args);
    assert.equal(await tsyncio.exitCode(), 0);
    assert.match(tsyncio.stdout, /^ {2}tsyncio run FILE /m);
    assert.match(tsyncio.stdout, /^ {2}tsyncio repl /m);
  });
}

for (const [args, complaint] of [
  [[], /^tsyncio: a command is missing.*\n$/],
  [['walk'], /^tsyncio: there is no command "walk".*\n$/],
  [['run'], /^tsyncio: run needs the file of a program.*\n$/],
  [['run', 'nowhere.ts'], /^tsyncio: cannot run nowhere\.ts: no such file.*\n$/],
  [['run', '.'], /^tsyncio: cannot run \.: no such file.*\n$/],
  [['run', 'no-main.ts'], /^tsyncio: cannot run no-main\.ts: it exports no function "main".*\n$/],
  [['run', 'debug.ts', '--loud'], /^tsyncio: .*'--loud'.*\n$/],
  [['repl', 'file.ts'], /^tsyncio: .*'file\.ts'.*\n$/],
] as const) {
  test(`misuse is one line and exit code 2: tsyncio ${args.join(' ')}`, async () => {
    const tsyncio = new Tsyncio(...args);
    assert.equal(await tsyncio.exitCode(), 2);
    assert.match(tsyncio.stderr, complaint);
    assert.equal(tsyncio.stdout, '');
  });
}
