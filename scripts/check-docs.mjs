// Type-checks and runs the examples of README.md, docs/ and the doc comments in src/ against dist/.
//
//   node scripts/check-docs.mjs             all of them
//   node scripts/check-docs.mjs README.md   those in the files whose path contains one of the words
//
// scripts/examples.mjs tells how an example is written. Each is a module of its own, run in a process of its
// own, in a folder below build/, where the package is found by its name.

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { examplesInMarkdown, examplesInSource, outputMatches } from './examples.mjs';
import { filesBelow, root } from './files.mjs';

/** How long one example may run, in seconds. */
const timeLimit = 20;

/** How many run at a time. */
const concurrency = 2;

const folder = 'build/docs';

/** @typedef {import('./examples.mjs').Example} Example */

/** The name of an example's module. */
function moduleOf(/** @type {Example} */ { path, line }) {
  return `${path.replaceAll('/', '__')}.${line}`;
}

/** What tsc has to say about the examples, in terms of the files that they stand in. */
async function typeErrors(/** @type {Example[]} */ examples) {
  rmSync(join(root, folder), { recursive: true, force: true });
  mkdirSync(join(root, folder, 'ts'), { recursive: true });
  for (const example of examples) {
    // Blank lines in front give every statement the line number that it has in its file.
    const text = '\n'.repeat(example.line - 1) + example.code;
    writeFileSync(join(root, folder, 'ts', `${moduleOf(example)}.ts`), `${text}\n`);
  }
  const config = {
    extends: '../../tsconfig/base.json',
    compilerOptions: { types: ['node'], rootDir: 'ts', outDir: 'js', sourceMap: true },
    include: ['ts'],
  };
  writeFileSync(join(root, folder, 'tsconfig.json'), JSON.stringify(config));
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { output } = await runNode([compiler, '-p', folder, '--pretty', 'false'], 120);
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  return lines.map(inOriginalTerms);
}

function inOriginalTerms(/** @type {string} */ text) {
  return text
    .replaceAll(/[^\s(]*\bbuild\/docs\/(?:ts|js)\/(\S+?)\.\d+\.[tj]s(?=\W)/g, (_, name) =>
      name.replaceAll('__', '/'),
    )
    .replaceAll(/\((\d+),\d+\): error/g, ':$1: error');
}

/** Runs an example; resolves with what is wrong with it, `undefined` when nothing is. */
async function fault(/** @type {Example} */ example) {
  const module = `${folder}/js/${moduleOf(example)}.js`;
  const { code, signal, timedOut, lines, output } = await runNode(
    ['--enable-source-maps', module],
    timeLimit,
  );
  if (timedOut) return `it did not end within ${timeLimit} s\n${output}`;
  if (code !== 0) return `it ended with ${signal ?? `exit code ${code}`}\n${output}`;
  const { output: expected } = example;
  if (expected === undefined) return undefined;
  const fits =
    lines.length === expected.length && expected.every((line, i) => outputMatches(lines[i] ?? '', line));
  if (fits) return undefined;
  return `it should print\n${expected.map((line) => `  ${line}`).join('\n')}\nand prints\n${output.replaceAll(/^/gm, '  ')}`;
}

/**
 * Runs Node in the project's folder, for so many seconds at most.
 *
 * @param {string[]} args
 * @param {number} seconds
 * @returns {Promise<{ code: number | null, signal: string | null, timedOut: boolean, lines: string[], output: string }>}
 */
function runNode(args, seconds) {
  return new Promise((settle, fail) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let printed = '';
    let output = '';
    let timedOut = false;
    child.stdout.setEncoding('utf8').on('data', (text) => {
      printed += text;
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, seconds * 1000);
    child.once('error', fail);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      const lines = printed === '' ? [] : printed.replace(/\n$/, '').split('\n');
      settle({ code, signal, timedOut, lines, output: output.trimEnd() });
    });
  });
}

const words = process.argv.slice(2);
const chosen = (/** @type {string} */ path) =>
  words.length === 0 || words.some((word) => path.includes(word));
const read = (/** @type {string} */ path) => readFileSync(join(root, path), 'utf8');
const examples = [
  ...['README.md', ...filesBelow('docs', ['.md'])]
    .filter((path) => chosen(path) && existsSync(join(root, path)))
    .flatMap((path) => examplesInMarkdown(path, read(path))),
  ...filesBelow('src', ['.ts'])
    .filter(chosen)
    .flatMap((path) => examplesInSource(path, read(path))),
];
const checked = examples.filter(({ mode }) => mode !== 'no-check');
const queue = checked.filter(({ mode }) => mode === 'run');
const runs = queue.length;

const errors = await typeErrors(checked);
for (const line of errors) console.error(line);

let faults = 0;
const lane = async () => {
  for (let example = queue.shift(); example !== undefined; example = queue.shift()) {
    const found = await fault(example);
    if (found === undefined) continue;
    faults++;
    console.error(`${example.path}:${example.line}: ${inOriginalTerms(found)}\n`);
  }
};
if (errors.length === 0) await Promise.all(Array.from({ length: concurrency }, lane));

const verdict = errors.length > 0 ? 'type errors, none run' : `${runs} run, ${faults} FAILED`;
console.log(
  `docs: ${examples.length} examples, ${checked.length} type-checked, ${verdict.replace(', 0 FAILED', '')}`,
);
process.exitCode = errors.length > 0 || faults > 0 ? 1 : 0;
