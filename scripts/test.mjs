// Builds, compiles the tests into build/, and runs them, each file in a process of its own.
//
//   node scripts/test.mjs                    all tests
//   node scripts/test.mjs core/queues locks  the files whose path contains one of the words
//
// With a filter, a type error elsewhere does not stop the run. The last line is `N passed, N failed`, with
// `, N skipped` when there are any. What counts as failed beside a failed test: a type error; a file that
// holds no test, that ends before its tests have, or whose process fails; an error thrown by what a test left
// behind.

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { run } from 'node:test';
import { inspect } from 'node:util';
import { build, isStale, tsc } from './build.mjs';
import { filesBelow, root } from './files.mjs';

/** How long one file may take, in seconds. */
const fileLimit = 300;

/** How many files run at a time. */
const concurrency = 2;

/**
 * @typedef {{ title: string, detail: string }} Failure
 * @typedef {{ passed: number, skipped: number, failures: Failure[] }} Outcome
 */

/**
 * Runs one compiled test file, and prints its line and what failed. There is one `run()` for each file,
 * because an event's `file` is the file that the test was written in, which may be a suite that several
 * files share.
 *
 * @param {string} path relative to the project
 * @returns {Promise<Outcome>}
 */
async function runFile(path) {
  const started = performance.now();
  const file = join(root, path);
  /** @type {Outcome} */
  const outcome = { passed: 0, skipped: 0, failures: [] };
  let open = 0; // tests announced that have not ended
  let output = '';
  /** @type {string[]} the titles from the outermost suite to the test that runs */
  let titles = [];

  const events = run({
    files: [file],
    timeout: fileLimit * 1000,
    // Source maps, for the stacks: Node 20 hands on its own flags instead (see below).
    ...{ execArgv: ['--enable-source-maps'] },
  });
  for await (const { type, data } of events) {
    switch (type) {
      case 'test:enqueue':
        if (data.name !== file) open++;
        break;
      case 'test:start':
        if (data.name !== file) titles = [...titles.slice(0, data.nesting), data.name];
        break;
      case 'test:pass':
        if (data.name === file) break;
        open--;
        if (data.details.type === 'suite') break;
        if (data.skip !== undefined || data.todo !== undefined) outcome.skipped++;
        else outcome.passed++;
        break;
      case 'test:fail': {
        const error = /** @type {Error & { failureType?: string }} */ (data.details.error);
        if (data.name !== file) open--;
        // A suite, or the file, that fails only because of what is in it has nothing to add.
        if (error.failureType === 'subtestsFailed' && outcome.failures.length > 0) break;
        if (data.name === file) {
          outcome.failures.push({ title: 'the file', detail: howItEnded(error) });
        } else if (data.todo === undefined) {
          const title = [...titles.slice(0, data.nesting), data.name].join(' › ');
          outcome.failures.push({ title, detail: describe(error) });
        } else {
          outcome.skipped++;
        }
        break;
      }
      case 'test:diagnostic':
        if (/asynchronous activity after the test ended/.test(data.message)) {
          outcome.failures.push({ title: 'work left behind', detail: data.message });
        }
        break;
      case 'test:stdout':
      case 'test:stderr':
        output += data.message;
        break;
      default:
    }
  }

  const { passed, skipped, failures } = outcome;
  if (failures.length === 0) {
    if (open > 0) failures.push({ title: 'the file', detail: `it ended before ${open} of its tests had` });
    else if (passed + skipped === 0) failures.push({ title: 'the file', detail: 'no test in it has run' });
  }
  const counts = [
    `${passed} passed`,
    ...(failures.length > 0 ? [`${failures.length} FAILED`] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ];
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${failures.length > 0 ? '✖' : '✔'} ${sourceOf(path)}: ${counts.join(', ')} (${seconds} s)`);
  for (const { title, detail } of failures) console.log(`${indent(`✖ ${title}`, 2)}\n${indent(detail, 6)}`);
  if (failures.length > 0 && output !== '') console.log(`  ▶ its output\n${indent(output.trimEnd(), 6)}`);
  return outcome;
}

/** What a failed test threw, without the runner's own frames. */
function describe(/** @type {Error} */ error) {
  const thrown = error.cause instanceof Error ? error.cause : error;
  return inspect(thrown, { colors: process.stdout.isTTY })
    .split('\n')
    .filter((line) => !/\(?node:(internal|async_hooks|diagnostics)/.test(line))
    .join('\n');
}

function howItEnded(/** @type {Error & { exitCode?: number, signal?: string }} */ error) {
  if (error.signal) return `its process ended by ${error.signal}`;
  if (error.exitCode) return `its process ended with exit code ${error.exitCode}`;
  return describe(error);
}

function indent(/** @type {string} */ text, /** @type {number} */ by) {
  return text.replaceAll(/^(?=.)/gm, ' '.repeat(by));
}

function sourceOf(/** @type {string} */ compiled) {
  return compiled.replace(/^build\//, '').replace(/\.js$/, '.ts');
}

/** Ends before any test has run. */
function refuse(/** @type {string} */ reason) {
  console.log(`test: ${reason}, so no test has run`);
  console.log('0 passed, 1 failed');
  process.exit(1);
}

const filters = process.argv.slice(2);
const total = { passed: 0, failed: 0, skipped: 0 };

if (isStale()) {
  const { bundles, types } = await build();
  if (!bundles || (!types && filters.length === 0)) refuse('the build failed');
}
if (!(await tsc('-p', 'tsconfig/test.json'))) {
  if (filters.length === 0) refuse('there are type errors');
  console.log('test: there are type errors; running what was asked for all the same');
}

process.execArgv.push('--enable-source-maps');
// What is compiled of a test that is gone stays in build/, so the sources say what there is.
const files = filesBelow('test', ['.test.ts'])
  .filter((path) => filters.length === 0 || filters.some((word) => path.includes(word)))
  .map((path) => `build/${path.replace(/\.ts$/, '.js')}`)
  .filter((path) => existsSync(resolve(root, path)));
const queue = [...files];
const lane = async () => {
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    const { passed, skipped, failures } = await runFile(path);
    total.passed += passed;
    total.skipped += skipped;
    total.failed += failures.length;
  }
};
await Promise.all(Array.from({ length: concurrency }, lane));

if (files.length === 0)
  console.log(`test: no test file${filters.length > 0 ? ` matches ${filters.join(' ')}` : ''}`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
console.log(
  `${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`,
);
