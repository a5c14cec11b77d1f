// The rule check refuses what it should, and only that: each test gives it a project of its own.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('scripts/check-rules.mjs', import.meta.resolve('tsyncio/package.json')));

// Put together here, so that this file itself mentions no rule.
const first = ['R', 'ABC', '01'].join('-');
const second = ['R', 'ABC', '02'].join('-');
const own = ['N', '01'].join('-');

/** Checks a project given as path → text; returns what it complained of, a line each. */
function check(tree: Record<string, string>): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'rules-'));
  try {
    for (const [path, text] of Object.entries(tree)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, folder], { encoding: 'utf8' });
    const complaints = stderr.split('\n').filter((line) => line !== '');
    assert.equal(status, complaints.length > 0 ? 1 : 0, stderr);
    assert.match(stdout, complaints.length > 0 ? /fault/ : /ok$/m);
    return complaints;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const rules = { 'docs/rules/abc.md': `# A B C\n\n- **${first}** one thing\n- **${second}** another\n` };

test('check-rules accepts rules in titles, in template titles, in suites, and in guarantees.md', () => {
  assert.deepEqual(
    check({
      ...rules,
      'docs/rules/own.md': `- **${own}** a third\n- a bullet without a number\n`,
      'docs/rules/README.md': `- **${second}** is how a rule is written\n`,
      'test/core/abc.test.ts': `test('${first} does one thing', () => {});`,
      'test/core/suite.ts': `export const suite = (name: string) => test(\`${second} \${name}\`, () => {});`,
      'docs/guarantees.md': `## Rules of CPython that do not hold here\n\n- ${own}: it is not needed.\n`,
    }),
    [],
  );
});

test('check-rules lists the rules that have neither a test nor a line in guarantees.md', () => {
  assert.deepEqual(check({ ...rules, 'test/abc.test.ts': `test('${first} one', () => {});` }), [
    `docs/rules/abc.md:4: ${second} has neither a test nor a line in docs/guarantees.md`,
  ]);
});

test('check-rules does not take a comment for a title', () => {
  const complaints = check({
    ...rules,
    'test/abc.test.ts': `// ${first}\n/* ${second} */\ntest('does nothing', () => {});`,
  });
  assert.equal(complaints.length, 2);
});

test('check-rules refuses unknown rules in titles and in guarantees.md, with their places', () => {
  assert.deepEqual(
    check({
      'docs/rules/abc.md': `- **${first}** one thing\n`,
      'test/abc.test.ts': `test('${first} one', () => {});\n\ntest('${second} two', () => {});`,
      'docs/guarantees.md': `# Guarantees\n\n${own} is unknown.\n`,
    }),
    [
      `test/abc.test.ts:3: there is no rule ${second} in docs/rules/`,
      `docs/guarantees.md:3: there is no rule ${own} in docs/rules/`,
    ],
  );
});

test('check-rules refuses a rule that stands twice, and one that is written otherwise', () => {
  assert.deepEqual(
    check({
      'docs/rules/abc.md': `- **${first}** one thing\n- **${first}** again\n- ${second}: without stars\n`,
      'test/abc.test.ts': `test('${first} one', () => {});`,
    }),
    [
      `docs/rules/abc.md:2: ${first} stands in docs/rules/abc.md:1 already`,
      `docs/rules/abc.md:3: a rule is written as "- **${first}** text"`,
    ],
  );
});

test('check-rules refuses a promise without a test file, or with one that is not there', () => {
  const complaints = check({
    'docs/rules/abc.md': `- **${first}** one thing\n`,
    'test/abc.test.ts': `test('${first} one', () => {});`,
    'docs/guarantees.md': [
      '# Guarantees',
      '## What is promised',
      '- It works, over',
      '  two lines. `test/abc.test.ts`',
      '- It works as well.',
      '- So does this. `test/gone.test.ts`',
      '## Merely so today',
      '- It is quick.',
      '',
    ].join('\n'),
  });
  assert.deepEqual(complaints, [
    'docs/guarantees.md:5: this promise names no test file',
    'docs/guarantees.md:6: there is no test/gone.test.ts',
  ]);
});

test('check-rules tells which test it cannot read', () => {
  const complaints = check({
    'docs/rules/abc.md': `- **${first}** one thing\n`,
    'docs/guarantees.md': `${first} has still to come.\n`,
    'test/abc.test.ts': `test('one thing', () => {`,
  });
  assert.equal(complaints.length, 1);
  assert.match(complaints[0]!, /^test\/abc\.test\.ts: it cannot be read: /);
});

test('check-rules refuses a project without rules, in which it could find nothing', () => {
  assert.deepEqual(check({}), ['docs/rules: there is no rule']);
});
