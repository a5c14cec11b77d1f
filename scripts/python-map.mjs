// Writes docs/python-map.md: for every public name of Python's asyncio the name here, or why there is none.
//
//   node scripts/python-map.mjs           writes it (needs dist/)
//   node scripts/python-map.mjs --check   fails if it is stale, or if the data do not fit the names or dist/
//   node scripts/python-map.mjs --names   renews python-names.json from Pyodide's CPython
//
// A name is by default Python's in camelCase; python-map-data.mjs holds what differs. That a name exists is
// checked against the declarations in dist/, where nothing internal is left.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import process from 'node:process';
import { root } from './files.mjs';
import { commands, entries, intro, reasons } from './python-map-data.mjs';
import { declarationTree } from './syntax.mjs';

/**
 * @typedef {object} Entry
 * @property {string} [here] the name here, where it is not Python's in camelCase; `Class.member` for a member
 * @property {keyof typeof reasons} [none] why there is none; for a class, this goes for its members too
 * @property {string} [note]
 */

/** @typedef {{ python: string, modules: Record<string, Record<string, string[]>> }} Names */

/** @typedef {Entry & { python: string, here: string, none: keyof typeof reasons | undefined }} Row */

const dataFile = join(root, 'scripts', 'python-names.json');
const document = join(root, 'docs', 'python-map.md');

/** The entry points in dist/ where names are looked for. */
const entryPoints = ['index', 'core/lowlevel'];

/** Those of modules that have their own. @type {Record<string, string[]>} */
const entryPointsOf = {
  'asyncio.subprocess': ['node/subprocess'],
  'concurrent.futures': ['concurrent/index'],
  'concurrent.futures.thread': ['concurrent/index'],
  'concurrent.futures.process': ['concurrent/index'],
};

function main(/** @type {boolean} */ check) {
  /** @type {Names} */
  const names = JSON.parse(readFileSync(dataFile, 'utf8'));
  /** @type {string[]} */
  const problems = [];
  const text = render(names, resolve(names, problems));
  if (check && (!existsSync(document) || readFileSync(document, 'utf8') !== text)) {
    problems.push('docs/python-map.md is stale: run node scripts/python-map.mjs');
  }
  if (!check) writeFileSync(document, text);
  for (const problem of problems) console.error(`python-map: ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
}

/** @returns {Map<string, Row>} */
function resolve(/** @type {Names} */ names, /** @type {string[]} */ problems) {
  /** @type {Map<string, Row>} */
  const rows = new Map();
  /** @type {Map<string, Entry>} */
  const unused = new Map(Object.entries(entries));
  const take = (/** @type {string} */ python) => {
    const entry = unused.get(python) ?? {};
    unused.delete(python);
    return entry;
  };
  for (const [module, contents] of Object.entries(names.modules)) {
    const surface = new Surface(entryPointsOf[module] ?? entryPoints);
    const add = (/** @type {string} */ python, /** @type {string} */ usual, /** @type {Entry} */ owner) => {
      const entry = take(python);
      const { here = usual, none = entry.here === undefined ? owner.none : undefined } = entry;
      if (none === undefined && !surface.has(here)) {
        problems.push(`${python}: there is no ${here}; name another or give a reason in python-map-data.mjs`);
      } else if (none !== undefined && surface.has(here)) {
        problems.push(`${python}: ${here} exists, yet it says "${reasons[none]}"`);
      }
      const row = { ...entry, python, here, none };
      rows.set(python, row);
      return row;
    };
    const whole = take(module);
    for (const [name, members] of Object.entries(contents)) {
      const owner = add(`${module}.${name}`, camelCase(name), whole);
      for (const member of members) {
        add(`${module}.${name}.${member}`, `${owner.here}.${protocols[member] ?? camelCase(member)}`, owner);
      }
    }
  }
  for (const python of unused.keys())
    problems.push(`${python}: in python-map-data.mjs, but no name of Python's`);
  return rows;
}

/** The methods behind `async with`, `await` and `async for`. @type {Record<string, string>} */
const protocols = {
  __aenter__: '[aenter]',
  __aexit__: '[aexit]',
  __await__: '[Symbol.iterator]',
  __aiter__: '[Symbol.asyncIterator]',
  __anext__: 'next',
};

function camelCase(/** @type {string} */ name) {
  return name === name.toUpperCase()
    ? name
    : name.replace(/(?<=[a-z0-9])_([a-z0-9])/g, (_, letter) => letter.toUpperCase());
}

function render(/** @type {Names} */ names, /** @type {Map<string, Row>} */ rows) {
  const all = [...rows.values()];
  const mapped = all.filter((row) => row.none === undefined).length;
  const lines = [
    '# From asyncio to tsyncio, name by name',
    '',
    '<!-- Written by scripts/python-map.mjs: change scripts/python-map-data.mjs instead. -->',
    '',
    `Of the ${all.length} public names of asyncio in CPython ${names.python} and of the modules beside it, ${mapped} are here.`,
    ...intro,
    '',
    '| why a name is not here | names |',
    '| --- | ---: |',
  ];
  for (const [key, reason] of Object.entries(reasons)) {
    const count = all.filter((row) => row.none === key).length;
    if (count > 0) lines.push(`| ${reason} | ${count} |`);
  }
  for (const [module, contents] of Object.entries(names.modules)) {
    const single = Object.entries(contents).filter(([, members]) => members.length === 0);
    const classes = Object.entries(contents).filter(([, members]) => members.length > 0);
    lines.push('', `## ${module}`);
    if (single.length > 0) {
      lines.push('', '| Python | here |', '| --- | --- |');
      for (const [name] of single) lines.push(`| \`${name}\` | ${cell(rows.get(`${module}.${name}`))} |`);
    }
    for (const [name, members] of classes) {
      const row = rows.get(`${module}.${name}`);
      lines.push('', `### ${name}`, '');
      const memberRows = members.map((member) => rows.get(`${module}.${name}.${member}`));
      if (row?.none !== undefined && memberRows.every((each) => each?.none !== undefined)) {
        lines.push(`Not here: ${reasons[row.none]}. ${members.map((member) => `\`${member}\``).join(', ')}.`);
        continue;
      }
      if (row?.here !== name || row.note !== undefined) lines.push(`Here: ${cell(row)}.`, '');
      lines.push('| Python | here |', '| --- | --- |');
      members.forEach((member, i) => {
        lines.push(`| \`${member}\` | ${cell(memberRows[i])} |`);
      });
    }
  }
  lines.push('', '## The command line', '', '| Python | here |', '| --- | --- |');
  for (const [command, here] of Object.entries(commands)) lines.push(`| \`${command}\` | ${here} |`);
  return `${lines.join('\n')}\n`;
}

function cell(/** @type {Row | undefined} */ row) {
  if (row === undefined) return '';
  const name = row.none === undefined ? `\`${row.here.replace(/^\w+\./, '')}\`` : `– ${reasons[row.none]}`;
  return row.note === undefined ? name : `${name}: ${row.note}`;
}

/** The public names of the built package: what its entry points export, and the members of classes. */
class Surface {
  /** @type {Set<string>} */
  #exports = new Set();
  /** Members by class or interface, and what each extends. @type {Map<string, { members: Set<string>, bases: string[] }>} */
  #types = new Map();

  /** @param {string[]} modules entry points in dist/, without extension; one that is not there exports nothing */
  constructor(modules) {
    for (const module of modules) {
      const path = posix.join('dist', `${module}.d.ts`);
      if (existsSync(join(root, path))) this.#read(path, undefined);
    }
  }

  /** Whether there is such an export, or such a member of an exported type. */
  has(/** @type {string} */ name) {
    const [type = '', member] = name.split(/\.(.*)/s);
    if (!this.#exports.has(type)) return false;
    return member === undefined || this.#hasMember(type, member);
  }

  /** @returns {boolean} */
  #hasMember(/** @type {string} */ type, /** @type {string} */ member) {
    const found = this.#types.get(type);
    if (found === undefined) return false;
    return found.members.has(member) || found.bases.some((base) => this.#hasMember(base, member));
  }

  /** @param {ReadonlyMap<string, string> | undefined} names what is exported from here: local name to public name; everything if not given */
  #read(/** @type {string} */ path, names) {
    const exported = (/** @type {string} */ name) => {
      if (names === undefined) this.#exports.add(name);
      else if (names.has(name)) this.#exports.add(/** @type {string} */ (names.get(name)));
    };
    const fileOf = (/** @type {string} */ specifier) =>
      posix.join(posix.dirname(path), specifier.replace(/\.js$/, '.d.ts'));
    for (const statement of declarationTree(readFileSync(join(root, path), 'utf8')).body) {
      if (statement.type === 'ExportAllDeclaration') {
        if (!statement.exported) this.#read(fileOf(statement.source.value), names);
        else exported(nameOf(statement.exported));
      } else if (statement.type === 'ExportNamedDeclaration') {
        /** @type {Map<string, string>} */
        const passedOn = new Map();
        for (const { local, exported: target } of statement.specifiers) {
          exported(nameOf(target));
          passedOn.set(nameOf(local), nameOf(target));
        }
        if (statement.source) this.#read(fileOf(statement.source.value), passedOn);
        this.#declare(statement.declaration, exported);
      } else if (statement.type === 'TSModuleDeclaration') {
        // `declare module`: members that a layer adds to a class below it.
        for (const added of statement.body.body ?? []) this.#declare(added, () => {});
      } else {
        this.#declare(statement, () => {});
      }
    }
  }

  /** @param {any} declaration @param {(name: string) => void} exported */
  #declare(declaration, exported) {
    if (declaration?.type === 'VariableDeclaration') {
      for (const { id } of declaration.declarations) exported(id.name);
      return;
    }
    if (declaration?.id?.type !== 'Identifier') return;
    const { name } = declaration.id;
    exported(name);
    if (declaration.body?.body === undefined) return;
    const bases = [
      declaration.superClass,
      ...(declaration.extends ?? []).map((/** @type {any} */ base) => base.expression),
    ];
    const known = this.#types.get(name) ?? { members: new Set(), bases: [] };
    for (const base of bases) if (base?.type === 'Identifier') known.bases.push(base.name);
    for (const { key, computed } of declaration.body.body) {
      if (key !== undefined && key !== null) known.members.add(computed ? `[${sourceOf(key)}]` : nameOf(key));
    }
    this.#types.set(name, known);
  }
}

/** @param {any} node an identifier or a string */
function nameOf(node) {
  return /** @type {string} */ (node.name ?? node.value);
}

/** @param {any} node an identifier or `a.b` */
function sourceOf(node) {
  return node.type === 'MemberExpression' ? `${nameOf(node.object)}.${nameOf(node.property)}` : nameOf(node);
}

async function writeNames() {
  const { loadPyodide } = await import('pyodide');
  /** @type {string[]} */
  const lines = [];
  const python = await loadPyodide({ stdout: (line) => lines.push(line) });
  python.runPython(readFileSync(join(root, 'scripts', 'python-names.py'), 'utf8'));
  writeFileSync(dataFile, `${lines.join('\n')}\n`);
}

if (process.argv.includes('--names')) await writeNames();
else main(process.argv.includes('--check'));
