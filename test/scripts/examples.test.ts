// The examples of the docs are found where they stand, and what they say of their output is understood.

import assert from 'node:assert/strict';
import { test } from 'node:test';

type Example = { path: string; line: number; code: string; mode: string; output: string[] | undefined };

const module = new URL('scripts/examples.mjs', import.meta.resolve('tsyncio/package.json'));
const { examplesInMarkdown, examplesInSource, outputMatches } = (await import(module.href)) as {
  examplesInMarkdown(path: string, text: string): Example[];
  examplesInSource(path: string, source: string): Example[];
  outputMatches(actual: string, expected: string): boolean;
};

const fence = '```';

test('examplesInMarkdown() takes the ts fences, with line, mode and output', () => {
  const text = [
    '# Title',
    `${fence}ts`,
    'console.log(1); //=> 1',
    '//=> two',
    fence,
    `${fence}js`,
    'not ours',
    fence,
    `  ${fence}ts no-run`,
    '  f();',
    `  ${fence}`,
    `${fence}ts no-check`,
    fence,
  ].join('\n');
  assert.deepEqual(examplesInMarkdown('a.md', text), [
    { path: 'a.md', line: 3, code: 'console.log(1); //=> 1\n//=> two', mode: 'run', output: ['1', 'two'] },
    { path: 'a.md', line: 10, code: 'f();', mode: 'no-run', output: undefined },
    { path: 'a.md', line: 13, code: '', mode: 'no-check', output: undefined },
  ]);
});

test('examplesInMarkdown() lets a longer fence hold a shorter one', () => {
  const [example, ...more] = examplesInMarkdown('a.md', `${fence}\`ts\n${fence}\n${fence}\`\n`);
  assert.equal(example?.code, fence);
  assert.equal(more.length, 0);
});

test('examplesInMarkdown() refuses an unknown mode and a fence that is left open', () => {
  assert.throws(() => examplesInMarkdown('a.md', `\n${fence}ts norun\n${fence}`), /^SyntaxError: a\.md:2: /);
  assert.throws(() => examplesInMarkdown('a.md', `\n${fence}ts\n`), /^SyntaxError: a\.md:2: /);
});

test('examplesInSource() takes the fences of doc comments, with the line in the file', () => {
  const source = [
    "const s = '/** not a comment */';",
    '/**',
    ' * A thing.',
    ' *',
    ' * @example',
    ` * ${fence}ts`,
    ' * thing(); //=> 1',
    ' * ',
    ' *   indented();',
    ` * ${fence}`,
    ' */',
    'export function thing() {}',
  ].join('\n');
  assert.deepEqual(examplesInSource('a.ts', source), [
    { path: 'a.ts', line: 7, code: 'thing(); //=> 1\n\n  indented();', mode: 'run', output: ['1'] },
  ]);
});

test('examplesInSource() refuses an @example without a fence', () => {
  assert.throws(
    () => examplesInSource('a.ts', '\n/**\n * @example\n * thing();\n */'),
    /a\.ts:2: the @example has no fence/,
  );
});

test('outputMatches() takes the text literally, but for … and blanks at the end', () => {
  assert.ok(outputMatches('a.b (1)  ', 'a.b (1)'));
  assert.ok(!outputMatches('aXb (1)', 'a.b (1)'));
  assert.ok(!outputMatches('a.b (1) more', 'a.b (1)'));
  assert.ok(outputMatches('took 0.123 s', 'took 0.1… s'));
  assert.ok(!outputMatches('took 0.223 s', 'took 0.1… s'));
});
