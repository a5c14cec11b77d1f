// Checks the package as its users get it: packs it, asks publint and are-the-types-wrong, and puts it into
// the node_modules of a consumer, which compiles against every export with the strictest settings and loads
// every export. What is packed is dist/ as it lies there.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { root } from './files.mjs';

/** @type {string[]} */
const faults = [];
const folder = join(root, 'build', 'package');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

const packed = run('npm', 'pack', '--json', '--ignore-scripts', '--pack-destination', folder);
const [{ filename, files, size, unpackedSize }] = Object.values(JSON.parse(packed.stdout));
const tarball = readFileSync(join(folder, filename));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

// What is in it.
const paths = files.map((/** @type {{ path: string }} */ { path }) => path);
for (const needed of ['LICENSE', 'README.md', 'package.json', manifest.bin.tsyncio]) {
  if (!paths.includes(needed)) faults.push(`${needed} is missing`);
}
for (const path of paths) {
  const belongs =
    /^(LICENSE|README\.md|package\.json|dist\/.*\.(js|js\.map|d\.ts)|dist\/concurrent\/[a-z-]+\.cjs(\.map)?)$/.test(
      path,
    );
  if (!belongs) faults.push(`${path} does not belong in it`);
}

// The lock file: a version and a checksum for each package, and no address but the public registry's.
const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
for (const [path, { version, integrity, resolved = 'https://registry.npmjs.org/' }] of Object.entries(
  packages,
)) {
  if (path === '') continue;
  if (!version || !integrity) faults.push(`package-lock.json: ${path} has no version or no checksum`);
  if (!resolved.startsWith('https://registry.npmjs.org/'))
    faults.push(`package-lock.json: ${path} is from ${resolved}`);
}

// publint: paths, formats, conditions of package.json. A suggestion counts, too.
const { messages, pkg } = await publint({
  pack: { tarball: /** @type {ArrayBuffer} */ (new Uint8Array(tarball).buffer) },
});
for (const message of messages) {
  faults.push(`publint: ${formatMessage(message, pkg, { color: false })}`);
}

// are-the-types-wrong, with its profile for packages that are ESM only.
const unpacked = createPackageFromTarballData(tarball);
const analysis = await checkPackage(unpacked);
if (analysis.types === false) faults.push('are-the-types-wrong: it has no types');
else {
  for (const problem of analysis.problems) {
    const kind = 'resolutionKind' in problem ? problem.resolutionKind : undefined;
    if (kind === 'node10' || kind === 'node16-cjs') continue;
    const { kind: name, ...details } = problem;
    faults.push(
      `are-the-types-wrong: ${name} ${JSON.stringify(details, (key, value) => (key === 'trace' ? undefined : value))}`,
    );
  }
}

// A consumer.
const consumer = join(folder, 'consumer');
const installed = join(consumer, 'node_modules', manifest.name);
for (const path of unpacked.listFiles()) {
  const target = join(consumer, path.replace(/^\//, ''));
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, unpacked.readFile(path));
}
const exports = Object.keys(manifest.exports)
  .filter((name) => !name.endsWith('.json'))
  .map((name) => join(manifest.name, name).replaceAll('\\', '/'));
writeFileSync(join(consumer, 'package.json'), '{ "type": "module" }');
const settings = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noEmit: true,
  skipLibCheck: false,
  target: 'es2022',
};
for (const [name, imported, options] of /** @type {const} */ ([
  ['node', exports, { module: 'nodenext', lib: ['es2022'], types: ['node'] }],
  ['bundler', exports, { module: 'esnext', moduleResolution: 'bundler', lib: ['es2022'], types: ['node'] }],
  [
    'browser',
    exports.filter((path) => path !== manifest.name),
    { module: 'esnext', moduleResolution: 'bundler', lib: ['es2022', 'dom'], types: [] },
  ],
  // Who says that it is for browsers gets the declarations of what a bundler puts there, which need no Node.
  [
    'conditional',
    exports,
    {
      module: 'esnext',
      moduleResolution: 'bundler',
      customConditions: ['browser'],
      lib: ['es2022', 'dom'],
      types: [],
    },
  ],
])) {
  const source = imported
    .map((path, i) => `import * as a${i} from '${path}';\nconsole.log(a${i});\n`)
    .join('');
  writeFileSync(join(consumer, `${name}.ts`), source);
  const config = { compilerOptions: { ...settings, ...options }, files: [`${name}.ts`] };
  writeFileSync(join(consumer, `tsconfig.${name}.json`), JSON.stringify(config));
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status, stdout } = run(process.execPath, compiler, '-p', join(consumer, `tsconfig.${name}.json`));
  if (status !== 0) faults.push(`a consumer's compilation (${name}) fails:\n${stdout}`);
}
for (const name of exports) {
  const { status, stderr } = run(
    process.execPath,
    '--input-type=module',
    '--eval',
    `await import('${name}')`,
  );
  if (status !== 0) faults.push(`loading '${name}' fails:\n${stderr}`);
}
const bin = readFileSync(join(installed, manifest.bin.tsyncio), 'utf8');
if (!bin.startsWith('#!/usr/bin/env node\n')) faults.push(`${manifest.bin.tsyncio} does not start with #!`);

/** Runs a program in the consumer's folder, or in the project's for npm. */
function run(/** @type {string} */ command, /** @type {string[]} */ ...args) {
  const cwd = command === 'npm' ? root : join(root, 'build', 'package', 'consumer');
  const result = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (result.error) throw result.error;
  return result;
}

for (const fault of faults) console.error(`package: ${fault}`);
console.log(
  `package: ${filename}, ${paths.length} files, ${size} bytes packed, ${unpackedSize} unpacked: ` +
    (faults.length === 0 ? 'ok' : `${faults.length} fault(s)`),
);
process.exitCode = faults.length > 0 ? 1 : 0;
