// Runs every check of the project, one after the other, and goes on after a failure so that one run tells all.
// The last line is that of the tests: `N passed, N failed`.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { root } from './files.mjs';

const node = process.execPath;
const biome = join('node_modules', '@biomejs', 'biome', 'bin', 'biome');
const compiler = join('node_modules', 'typescript', 'bin', 'tsc');
const colours = process.stdout.isTTY ? [] : ['--colors=off'];

/**
 * The checks in their order: what is quick or is needed by others comes first. A check whose script is not
 * there is left out; the tests, which compile the type tests as well, are last.
 *
 * @type {{ name: string, args: string[] }[]}
 */
const checks = [
  { name: 'format and lint', args: [biome, 'ci', '--error-on-warnings', ...colours, '.'] },
  { name: 'layers', args: ['scripts/check-layers.mjs'] },
  { name: 'build', args: ['scripts/build.mjs'] },
  { name: 'types of the scripts', args: [compiler, '-p', 'tsconfig/scripts.json'] },
  { name: 'rules', args: ['scripts/check-rules.mjs'] },
  { name: 'python map', args: ['scripts/python-map.mjs', '--check'] },
  { name: 'core for the browser', args: ['scripts/check-core-browser.mjs'] },
  { name: 'package', args: ['scripts/check-package.mjs'] },
  { name: 'doc examples', args: ['scripts/check-docs.mjs'] },
  { name: 'tests', args: ['scripts/test.mjs'] },
];

/** @type {string[]} */
const failed = [];
let totals = '0 passed, 0 failed';

for (const { name, args } of checks) {
  if (!existsSync(join(root, args[0] ?? ''))) {
    console.log(`\n── ${name}: left out, there is no ${args[0]}`);
    continue;
  }
  console.log(`\n── ${name}`);
  const { ok, lastLine } = await runCheck(args);
  if (!ok) failed.push(name);
  if (name === 'tests' && /^\d+ passed, \d+ failed/.test(lastLine)) totals = lastLine;
}

console.log(`\n── gate: ${failed.length === 0 ? 'ok' : `FAILED: ${failed.join(', ')}`}`);
console.log(totals);
process.exitCode = failed.length > 0 ? 1 : 0;

/**
 * Runs a check and shows what it prints.
 *
 * @param {string[]} args
 * @returns {Promise<{ ok: boolean, lastLine: string }>}
 */
function runCheck(args) {
  return new Promise((settle, fail) => {
    const child = spawn(node, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
    let tail = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      process.stdout.write(text);
      tail = (tail + text).slice(-1000);
    });
    child.once('error', fail);
    child.once('close', (code) =>
      settle({ ok: code === 0, lastLine: tail.trimEnd().split('\n').at(-1) ?? '' }),
    );
  });
}
