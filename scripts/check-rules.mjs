// Checks that what is promised is tested:
//
// - Every rule of docs/rules/ stands in the title of a test, or has a line in docs/guarantees.md that says why
//   it has no test (it does not hold here, or is still to come).
// - A rule number in a test or in docs/guarantees.md stands in docs/rules/.
// - A file that docs/guarantees.md names exists; each promise there names one.
//
//   node scripts/check-rules.mjs [FOLDER]   FOLDER holds docs/ and test/; the project unless told

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { parse } from '@babel/parser';
import { filesBelow, root } from './files.mjs';

const RULE = /(?<![\w-])(?:R-[A-Z]+|N)-\d{2}(?!\d)/g;
const BULLET = /^- \*\*((?:R-[A-Z]+|N)-\d{2})\*\* \S/;

/** The heading in docs/guarantees.md under which every bullet names a test. */
const PROMISES = 'What is promised';

/** @typedef {{ rule: string, place: string }} Mention */

const base = resolve(process.argv[2] ?? root);

function read(/** @type {string} */ path) {
  return readFileSync(join(base, path), 'utf8');
}

/** The rules that a text mentions, each with `path:line`. @returns {Mention[]} */
function mentions(/** @type {string} */ path, /** @type {string} */ text, firstLine = 1) {
  return text
    .split('\n')
    .flatMap((line, i) =>
      [...line.matchAll(RULE)].map(([rule]) => ({ rule, place: `${path}:${firstLine + i}` })),
    );
}

/** The rules in the strings of a test: in its titles, that is; comments do not count. @returns {Mention[]} */
function mentionsInStrings(/** @type {string} */ path) {
  /** @typedef {{ type: string, loc?: { start: { line: number } }, value?: unknown }} Node */
  /** @type {Mention[]} */
  const found = [];
  const visit = (/** @type {Node} */ node) => {
    const text =
      node.type === 'StringLiteral'
        ? node.value
        : node.type === 'TemplateElement'
          ? /** @type {{ cooked?: string }} */ (node.value).cooked
          : undefined;
    if (typeof text === 'string') found.push(...mentions(path, text, node.loc?.start.line));
    for (const child of Object.values(node).flat()) {
      const inner = /** @type {Partial<Node> | null} */ (child);
      if (typeof inner?.type === 'string' && inner.loc !== undefined) visit(/** @type {Node} */ (inner));
    }
  };
  try {
    const { program } = parse(read(path), {
      sourceType: 'module',
      plugins: ['typescript', 'explicitResourceManagement'],
      errorRecovery: true,
    });
    visit(/** @type {Node} */ (/** @type {unknown} */ (program)));
  } catch (error) {
    faults.push(`${path}: it cannot be read: ${error instanceof Error ? error.message : error}`);
  }
  return found;
}

/** What is wrong with the promises of docs/guarantees.md. @returns {string[]} */
function faultsOfPromises(/** @type {string} */ path, /** @type {string} */ text) {
  /** @type {string[]} */
  const faults = [];
  let section = '';
  /** @type {{ line: number, text: string }[]} */
  const bullets = [];
  text.split('\n').forEach((line, i) => {
    if (line.startsWith('## ')) section = line.slice(3).trim();
    else if (section === PROMISES && line.startsWith('- ')) bullets.push({ line: i + 1, text: line });
    else if (section === PROMISES && /^ {2}\S/.test(line) && bullets.length > 0) {
      /** @type {{ text: string }} */ (bullets.at(-1)).text += line;
    }
  });
  for (const bullet of bullets) {
    const files = [...bullet.text.matchAll(/`(test\/[^`]+)`/g)].map(([, file]) => file ?? '');
    if (files.length === 0) faults.push(`${path}:${bullet.line}: this promise names no test file`);
    for (const file of files) {
      if (!existsSync(join(base, file))) faults.push(`${path}:${bullet.line}: there is no ${file}`);
    }
  }
  return faults;
}

/** @type {string[]} */
const faults = [];
/** @type {Map<string, string>} rule → where it stands */
const rules = new Map();

for (const path of filesBelow('docs/rules', ['.md'], base)) {
  if (path.endsWith('/README.md')) continue;
  read(path)
    .split('\n')
    .forEach((line, i) => {
      const place = `${path}:${i + 1}`;
      const rule = BULLET.exec(line)?.[1];
      if (rule === undefined) {
        if (/^\s*[-*] /.test(line) && line.search(RULE) >= 0) {
          faults.push(`${place}: a rule is written as "- **R-ABC-01** text"`);
        }
      } else if (rules.has(rule)) {
        faults.push(`${place}: ${rule} stands in ${rules.get(rule)} already`);
      } else {
        rules.set(rule, place);
      }
    });
}
if (rules.size === 0) faults.push('docs/rules: there is no rule');

const tested = filesBelow('test', ['.ts'], base).flatMap(mentionsInStrings);
const guarantees = 'docs/guarantees.md';
const guaranteesText = existsSync(join(base, guarantees)) ? read(guarantees) : '';
const excused = mentions(guarantees, guaranteesText);
faults.push(...faultsOfPromises(guarantees, guaranteesText));

for (const { rule, place } of [...tested, ...excused]) {
  if (!rules.has(rule)) faults.push(`${place}: there is no rule ${rule} in docs/rules/`);
}
const inTests = new Set(tested.map(({ rule }) => rule));
const inGuarantees = new Set(excused.map(({ rule }) => rule));
for (const [rule, place] of rules) {
  if (!inTests.has(rule) && !inGuarantees.has(rule)) {
    faults.push(`${place}: ${rule} has neither a test nor a line in ${guarantees}`);
  }
}

for (const fault of [...new Set(faults)]) console.error(fault);
const countOf = (/** @type {Set<string>} */ set) => [...rules.keys()].filter((rule) => set.has(rule)).length;
console.log(
  `rules: ${rules.size}, of which ${countOf(inTests)} in tests, ${countOf(inGuarantees)} in ${guarantees}: ` +
    `${faults.length === 0 ? 'ok' : `${new Set(faults).size} fault(s)`}`,
);
process.exitCode = faults.length > 0 ? 1 : 0;
