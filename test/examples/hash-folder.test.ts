/** The folder hasher: every file once and right, what cannot be read, and Ctrl-C in the middle of a file without an end. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import process from 'node:process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as asyncio from 'tsyncio';
import { hash } from '../../examples/hash-folder/index.js';
import { inFolder } from '../node/file-stage.js';

const sha256 = (content: string | Uint8Array) => createHash('sha256').update(content).digest('hex');

test('every file below the folder is hashed, in the order of the names, larger ones too', async () => {
  await inFolder(async (at) => {
    const large = Buffer.alloc(2 * 1024 * 1024 + 17, 'more than one piece ');
    fs.mkdirSync(at('deep', 'er'), { recursive: true });
    fs.writeFileSync(at('b'), 'content of b');
    fs.writeFileSync(at('deep', 'er', 'c'), large);
    fs.writeFileSync(at('deep', 'empty'), '');
    fs.symlinkSync(at(), at('deep', 'circle'));
    const lines: string[] = [];
    const told: string[] = [];
    const unreadable = await asyncio.run(() =>
      hash(
        ['-j', '2', at()],
        (line) => lines.push(line),
        (line) => told.push(line),
      ),
    );
    assert.equal(unreadable, 0);
    assert.deepEqual(lines, [
      `${sha256('content of b')}  ${at('b')}`,
      `${sha256('')}  ${at('deep', 'empty')}`,
      `${sha256(large)}  ${at('deep', 'er', 'c')}`,
    ]);
    assert.match(told.join('\n'), /^done: 3 files, 2\.1 MB in [\d.]+ s, 0 unreadable$/);
  });
});

test('a file that cannot be read is told of, and ends nothing', async () => {
  await inFolder(async (at) => {
    const names = Array.from({ length: 70 }, (_, n) => `file-${n + 10}`);
    for (const name of names) fs.writeFileSync(at(name), name);
    const lines: string[] = [];
    const told: string[] = [];
    const print = (line: string) => {
      lines.push(line);
      // It is on the list already, and not on its way yet.
      if (lines.length === 1) fs.rmSync(at('file-79'));
    };
    assert.equal(await asyncio.run(() => hash([at()], print, (line) => told.push(line))), 1);
    assert.deepEqual(
      lines,
      names.slice(0, -1).map((name) => `${sha256(name)}  ${at(name)}`),
    );
    assert.match(told.join('\n'), /^ENOENT: .*file-79.*\ndone: 69 files, .* 1 unreadable$/);
  });
});

test('an algorithm that there is not ends it with the error', async () => {
  await inFolder(async (at) => {
    fs.writeFileSync(at('a'), 'a');
    const told: string[] = [];
    const hashing = asyncio.run(() => hash(['-a', 'no-such', at()], assert.fail, (line) => told.push(line)));
    await assert.rejects(hashing, /digest method not supported/i);
    assert.match(told.join('\n'), /^failed: 0 files/);
  });
});

test('Ctrl-C in the middle of a file stops the threads, tells how far it came, and exits with 130', async () => {
  await inFolder(async (at) => {
    fs.writeFileSync(at('a'), 'a');
    fs.closeSync(fs.openSync(at('endless'), 'w'));
    fs.truncateSync(at('endless'), 2 ** 42); // of holes: hashing it takes hours
    const cli = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
    const program = fileURLToPath(new URL('../../examples/hash-folder/index.js', import.meta.url));
    const child = spawn(process.execPath, [cli, 'run', program, '--', '-j', '2', at()], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.endsWith('\n')) child.kill('SIGINT');
    });
    const [code, signal] = await once(child, 'close');
    assert.deepEqual({ code, signal }, { code: 130, signal: null }, errors);
    assert.equal(output, `${sha256('a')}  ${at('a')}\n`);
    assert.match(errors, /^interrupted: 1 files, 0\.0 MB in [\d.]+ s, 0 unreadable$/m);
  });
});
