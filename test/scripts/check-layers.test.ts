// The layer check refuses what it should, and only that: each test gives it a source tree of its own.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(
  new URL('scripts/check-layers.mjs', import.meta.resolve('tsyncio/package.json')),
);

/** Checks a tree given as path → source; returns what it complained of, a line each. */
function check(tree: Record<string, string>): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'layers-'));
  try {
    for (const [path, source] of Object.entries(tree)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), source);
    }
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, folder], { encoding: 'utf8' });
    const complaints = stderr.split('\n').filter((line) => line !== '');
    assert.equal(status, complaints.length > 0 ? 1 : 0, stderr);
    assert.match(stdout, complaints.length > 0 ? /violation/ : /ok/);
    return complaints;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const core = { 'core/index.ts': `export * from './tasks.js';`, 'core/tasks.ts': 'export const task = 1;' };

test('check-layers accepts imports of allowed layers through their doors', () => {
  const complaints = check({
    ...core,
    'core/lowlevel.ts': `export { task } from './tasks.js';`,
    'node/index.ts': `import { readFile } from 'node:fs';\nimport { task } from '../core/index.js';\nexport { readFile, task };`,
    'node/host.ts': `import { task } from '../core/lowlevel.js';\nexport { task };`,
    'index.ts': `export * from './core/index.js';\nexport * from './node/index.js';`,
    'concurrent/lowlevel.ts': `import tsx from 'tsx/esm/api';\nexport { tsx };`,
    'cli/main.ts': `import { tsx } from '../concurrent/lowlevel.js';\nawait import('../index.js');`,
    'inspect/server.ts': `import '../node/index.js';`,
  });
  assert.deepEqual(complaints, []);
});

for (const [what, statement] of [
  ['an import', `import { slurp } from '../node/index.js';\nslurp;`],
  ['a type-only import', `import type { slurp } from '../node/index.js';\nlet x: typeof slurp;`],
  ['a re-export', `export * from '../node/index.js';`],
  ['a type-only re-export', `export type { slurp } from '../node/index.js';`],
  ['an import()', `await import('../node/index.js');`],
  ['an import type', `let x: import('../node/index.js').Slurp;`],
] as const) {
  test(`check-layers refuses ${what} of a layer that is not allowed, naming file and line`, () => {
    const complaints = check({
      ...core,
      'core/bad.ts': `// a comment\n${statement}`,
      'node/index.ts': 'export const slurp = 1;',
    });
    assert.equal(complaints.length, 1);
    assert.match(complaints[0] ?? '', /^core\/bad\.ts:2: core\/ must not import node\//);
  });
}

test('check-layers refuses to enter an allowed layer past its doors', () => {
  const complaints = check({ ...core, 'testing/index.ts': `import '../core/tasks.js';` });
  assert.deepEqual(complaints, [
    `testing/index.ts:1: core/ is entered through index.ts or io.ts or lowlevel.ts only, not through '../core/tasks.js'`,
  ]);
});

test('check-layers refuses the node layer to every file of inspect/ but its server and client', () => {
  const complaints = check({
    'node/index.ts': '',
    'inspect/client.ts': `import '../node/index.js';`,
    'inspect/graph.ts': `import '../node/index.js';`,
  });
  assert.equal(complaints.length, 1);
  assert.match(complaints[0] ?? '', /^inspect\/graph\.ts:1: /);
});

test('check-layers refuses the node layer to the cli, which uses public indexes only', () => {
  const complaints = check({ 'node/index.ts': '', 'cli/main.ts': `import '../node/index.js';` });
  assert.match(complaints.join(), /^cli\/main\.ts:1: cli\/ must not import node\//);
});

test('check-layers refuses packages and built-in modules where the layer may use none', () => {
  const complaints = check({
    'core/index.ts': `import 'node:fs';\nimport 'tsx';`,
    'browser/index.ts': `import 'fs';`,
    'node/index.ts': `import 'fs';\nimport 'left-pad';`,
  });
  assert.deepEqual(complaints, [
    `browser/index.ts:1: browser/ must not import the package 'fs'`,
    `core/index.ts:1: core/ must not import the package 'node:fs'`,
    `core/index.ts:2: core/ must not import the package 'tsx'`,
    `node/index.ts:1: write 'node:fs' for Node's own module`,
    `node/index.ts:2: node/ must not import the package 'left-pad'`,
  ]);
});

test('check-layers refuses a circle of imports and shows each step', () => {
  const complaints = check({
    'core/a.ts': `import { b } from './b.js';\nexport const a = () => b;`,
    'core/b.ts': `\nexport { c as b } from './c.js';`,
    'core/c.ts': `\n\nimport { a } from './a.js';\nexport const c = () => a;`,
  });
  assert.deepEqual(complaints, [
    `core/a.ts:1 imports './b.js', core/b.ts:2 imports './c.js', core/c.ts:3 imports './a.js': a circle of imports`,
  ]);
});

test('check-layers counts an import whose names are all types, which still loads the module, in a circle', () => {
  const complaints = check({
    'core/a.ts': `import { type B } from './b.js';\nexport type A = B;`,
    'core/b.ts': `import { type A } from './a.js';\nexport type B = A | 1;`,
  });
  assert.equal(complaints.length, 1);
});

test('check-layers lets type-only imports and import() close a circle', () => {
  const complaints = check({
    'core/a.ts': `import { b } from './b.js';\nexport const a = () => b;`,
    'core/b.ts': `import type { a } from './a.js';\nexport const b = () => import('./a.js') as unknown as typeof a;`,
  });
  assert.deepEqual(complaints, []);
});

test('check-layers refuses what lies outside the layers, and imports of files that are not there', () => {
  const complaints = check({
    'misc/index.ts': `import './gone.js';`,
    'extra.ts': `import './core/index.js';`,
    'core/index.ts': `import './gone.js';`,
  });
  assert.deepEqual(complaints, [
    `core/index.ts:1: there is no file for './gone.js'`,
    'extra.ts:1: only index.ts may lie directly in src/',
    'misc/index.ts:1: misc/ is in no layer: add it to the rule in scripts/check-layers.mjs',
  ]);
});

test('check-layers refuses an empty tree, in which it could find nothing', () => {
  assert.match(check({}).join(), /there is no source file/);
});
