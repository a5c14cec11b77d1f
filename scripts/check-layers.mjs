// Checks the layer rule of src/: which folder may import which, that a folder is entered only through its
// index.ts, lowlevel.ts or io.ts, which packages a layer may use, and that no files import each other in a circle.
//
//   node scripts/check-layers.mjs [FOLDER]   FOLDER is src/ unless told
//
// Type-only imports obey the layers, too: they tie the design, if not the program. In a circle they don't
// count, and neither does `import()`: both leave the order in which modules start alone.

import { existsSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { posix, resolve } from 'node:path';
import process from 'node:process';
import { filesBelow, root } from './files.mjs';
import { importsOf } from './syntax.mjs';

/**
 * @typedef {object} Layer
 * @property {string[]} layers the other folders that it may import, through their index.ts or lowlevel.ts
 * @property {string[]} packages the packages it may import; `node:` stands for Node's own modules
 * @property {Record<string, string[]>} [files] further folders for single files
 */

/** @type {Record<string, Layer>} */
const rule = {
  core: { layers: [], packages: [] },
  testing: { layers: ['core'], packages: [] },
  concurrent: {
    layers: ['core'],
    packages: ['node:', 'acorn', 'cli-progress', 'eslint-scope', 'tslib', 'tsx'],
    // What programs import, and the programs of workers, bring a host for loops.
    files: {
      'concurrent/index.ts': ['node'],
      'concurrent/worker-core.ts': ['node'],
    },
  },
  node: { layers: ['core', 'concurrent'], packages: ['node:'] },
  browser: { layers: ['core'], packages: [] },
  distributed: { layers: ['core', 'concurrent'], packages: ['node:', 'bullmq', 'ioredis'] },
  inspect: {
    layers: ['core'],
    packages: ['node:'],
    files: { 'inspect/server.ts': ['node'], 'inspect/client.ts': ['node'] },
  },
  // The cli is a user like any other, so it sees what is exported: not node/, which is behind src/index.ts.
  cli: {
    layers: ['.', 'core', 'concurrent', 'testing', 'distributed', 'inspect'],
    packages: ['node:'],
  },
  '.': { layers: ['core', 'concurrent', 'node'], packages: [] },
};

/** Through these files a folder may be entered from outside. */
const doors = ['index.ts', 'io.ts', 'lowlevel.ts'];

/**
 * @typedef {object} Import
 * @property {string} from the importing file, relative to the folder that is checked
 * @property {number} line
 * @property {string} specifier
 * @property {boolean} atStart whether the imported module runs before the importing one
 */

function layerOf(/** @type {string} */ file) {
  const folder = file.split('/')[0];
  return file.includes('/') && folder !== undefined ? folder : '.';
}

/** What is wrong with one import: `undefined` when nothing is. */
function judge(/** @type {Import} */ { from, specifier }, /** @type {Set<string>} */ files) {
  const layer = layerOf(from);
  const allowed = rule[layer];
  if (allowed === undefined)
    return `${layer}/ is in no layer: add it to the rule in scripts/check-layers.mjs`;
  if (layer === '.' && from !== 'index.ts') return 'only index.ts may lie directly in src/';

  if (!specifier.startsWith('.')) {
    const name = builtinModules.includes(specifier) ? `node:${specifier}` : specifier;
    const fits = allowed.packages.some((p) => (p.endsWith(':') ? name.startsWith(p) : packageOf(name) === p));
    if (!fits) return `${layer}/ must not import the package '${specifier}'`;
    if (name !== specifier) return `write 'node:${specifier}' for Node's own module`;
    return undefined;
  }

  const target = resolveIn(from, specifier, files);
  if (target === undefined) return `there is no file for '${specifier}'`;
  const targetLayer = layerOf(target);
  if (targetLayer === layer) return undefined;
  const layers = [...allowed.layers, ...(allowed.files?.[from] ?? [])];
  if (!layers.includes(targetLayer)) {
    const may =
      layers.length > 0 ? `may import ${layers.map(nameOf).join(', ')}` : 'may import no other layer';
    return `${nameOf(layer)} must not import ${nameOf(targetLayer)} ('${specifier}'): it ${may}`;
  }
  if (!doors.includes(posix.basename(target)) || target.split('/').length > 2) {
    return `${nameOf(targetLayer)} is entered through ${doors.join(' or ')} only, not through '${specifier}'`;
  }
  return undefined;
}

function nameOf(/** @type {string} */ layer) {
  return layer === '.' ? 'src/index.ts' : `${layer}/`;
}

function packageOf(/** @type {string} */ specifier) {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function resolveIn(
  /** @type {string} */ from,
  /** @type {string} */ specifier,
  /** @type {Set<string>} */ files,
) {
  const path = posix.join(posix.dirname(from), specifier);
  return [path, path.replace(/\.js$/, '.ts')].find((candidate) => files.has(candidate));
}

/** Circles among imports that run at start, each once, as a list of imports that leads back to its beginning. */
function circles(/** @type {Import[]} */ imports, /** @type {Set<string>} */ files) {
  /** @type {Map<string, { target: string, by: Import }[]>} */
  const edges = new Map();
  for (const by of imports) {
    const target =
      by.atStart && by.specifier.startsWith('.') ? resolveIn(by.from, by.specifier, files) : undefined;
    if (target !== undefined) edges.set(by.from, [...(edges.get(by.from) ?? []), { target, by }]);
  }
  /** @type {Import[][]} */
  const found = [];
  const done = new Set();
  /** @type {string[]} */
  const trail = [];
  /** @type {Import[]} */
  const steps = [];
  const walk = (/** @type {string} */ file) => {
    trail.push(file);
    for (const { target, by } of edges.get(file) ?? []) {
      const at = trail.indexOf(target);
      if (at >= 0) found.push([...steps.slice(at), by]);
      else if (!done.has(target)) {
        steps.push(by);
        walk(target);
        steps.pop();
      }
    }
    trail.pop();
    done.add(file);
  };
  for (const file of edges.keys()) if (!done.has(file)) walk(file);
  return found;
}

/** Every violation in a folder, as a line to print. */
function violations(/** @type {string} */ folder, /** @type {string} */ shownAs) {
  const files = new Set(filesBelow('.', ['.ts'], folder));
  if (files.size === 0) return [`${folder}: there is no source file`];
  const imports = [...files].flatMap((from) =>
    importsOf(readFileSync(resolve(folder, from), 'utf8')).map((one) => ({ from, ...one })),
  );
  const place = (/** @type {Import} */ { from, line }) => `${shownAs}${from}:${line}`;
  return [
    ...imports.flatMap((one) => {
      const wrong = judge(one, files);
      return wrong === undefined ? [] : [`${place(one)}: ${wrong}`];
    }),
    ...circles(imports, files).map(
      (circle) =>
        `${circle.map((step) => `${place(step)} imports '${step.specifier}'`).join(', ')}: a circle of imports`,
    ),
  ];
}

const folder = resolve(process.argv[2] ?? resolve(root, 'src'));
if (!existsSync(folder)) throw new Error(`there is no folder ${folder}`);
const found = violations(folder, process.argv[2] === undefined ? 'src/' : '');
for (const line of found) console.error(line);
console.log(`layers: ${found.length === 0 ? 'ok' : `${found.length} violation(s)`}`);
process.exitCode = found.length > 0 ? 1 : 0;
