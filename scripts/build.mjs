// Makes dist/: the JavaScript (esbuild: one file per export, shared chunks) and the declarations (tsc).
//
// All entry points are bundled in one go, because they must share one copy of the core: a Task made
// through 'tsyncio' is the Task of 'tsyncio/core'. Nothing is wiped beforehand, so that a program that
// runs from dist/ while it is rebuilt keeps its files; what the build did not make is removed at the end.
//
//   node scripts/build.mjs             always builds
//   node scripts/build.mjs --if-stale  builds only when an input is newer than the last good build

import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import * as esbuild from 'esbuild';
import { inCompany, packageForCommandLine } from './chunks.mjs';
import { filesBelow, root } from './files.mjs';

/** The entry points. Those whose layer is not there are left out. */
const entries = [
  'src/index.ts',
  'src/core/index.ts',
  'src/core/lowlevel.ts',
  'src/testing/index.ts',
  'src/browser/index.ts',
  'src/concurrent/index.ts',
  'src/concurrent/lowlevel.ts',
  'src/concurrent/worker-core.ts',
  'src/cli/main.ts',
];

/**
 * The programs of workers and of the broker. Each is one CommonJS file without the core, since that starts soonest: a
 * thread takes a fifth longer to load the same as modules. What they share with the program's modules they keep on
 * globalThis, and import as worker-core.js.
 */
const programs = ['thread-worker', 'process-worker', 'broker'].map((name) => `src/concurrent/${name}.ts`);

const stamp = join(root, 'build', 'dist.stamp');

/** Builds dist/. Resolves with whether the bundles, and whether the declarations came out without an error. */
export async function build() {
  const started = performance.now();
  const [bundles, types] = await Promise.all([bundle(), declarations()]);
  if (bundles) prune(bundles);
  if (bundles && types) {
    mkdirSync(join(root, 'build'), { recursive: true });
    writeFileSync(stamp, '');
  } else {
    rmSync(stamp, { force: true });
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`build: ${bundles && types ? 'done' : 'FAILED'} in ${seconds} s`);
  return { bundles: bundles !== undefined, types };
}

/** Whether an input has changed (a folder changes when a file comes or goes) since the last good build. */
export function isStale() {
  if (!existsSync(stamp) || !existsSync(join(root, 'dist', 'index.d.ts'))) return true;
  const builtAt = statSync(stamp).mtimeMs;
  const inputs = [
    ...['src', 'tsconfig'].flatMap((folder) => [
      folder,
      ...readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((p) => join(folder, p)),
    ]),
    ...['package.json', 'package-lock.json', 'scripts/build.mjs', 'scripts/chunks.mjs'],
  ];
  return inputs.some((path) => statSync(join(root, path)).mtimeMs >= builtAt);
}

/** Runs tsc; resolves with whether it found no error. What it finds is printed. */
export function tsc(/** @type {string[]} */ ...args) {
  return new Promise((settle, fail) => {
    const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const child = spawn(process.execPath, [compiler, ...args], { cwd: root, stdio: 'inherit' });
    child.once('error', fail);
    child.once('close', (code) => settle(code === 0));
  });
}

/** `--force`: the record of an earlier build may be newer than files that are gone. */
function declarations() {
  return tsc(
    '--build',
    '--force',
    'tsconfig/core.json',
    'tsconfig/testing.json',
    'tsconfig/browser.json',
    'tsconfig/node.json',
  );
}

/** @satisfies {esbuild.BuildOptions} */
const options = {
  absWorkingDir: root,
  outbase: 'src',
  outdir: 'dist',
  bundle: true,
  platform: /** @type {const} */ ('neutral'),
  target: 'es2022',
  sourcemap: true,
  metafile: true,
  logLevel: /** @type {const} */ ('warning'),
  tsconfigRaw: {
    compilerOptions: { target: 'es2022', verbatimModuleSyntax: true, useDefineForClassFields: false },
  },
};

/** Resolves with the paths written, relative to the project; with `undefined` after an error. */
async function bundle() {
  try {
    const made = await Promise.all([
      esbuild.build({
        ...options,
        entryPoints: entries.filter((path) => existsSync(join(root, path))),
        chunkNames: 'chunks/[name]-[hash]',
        splitting: true,
        format: 'esm',
        external: ['node:*', 'tsx', 'tsx/*'],
        plugins: [packageForCommandLine, ownModulesHaveSideEffects, inCompany],
      }),
      esbuild.build({
        ...options,
        entryPoints: programs,
        outExtension: { '.js': '.cjs' },
        format: 'cjs',
        external: ['node:*', 'tsx', 'tsx/*', './worker-core.js'],
        define: { 'import.meta.url': 'moduleUrl' },
        banner: { js: "const moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
      }),
    ]);
    const outputs = made.flatMap(({ metafile }) => Object.keys(metafile?.outputs ?? {}));
    if (existsSync(join(root, 'dist/cli/main.js'))) chmodSync(join(root, 'dist/cli/main.js'), 0o755);
    return outputs;
  } catch (error) {
    if (error instanceof Error && 'errors' in error) return undefined; // esbuild has printed them
    throw error;
  }
}

/**
 * package.json's `sideEffects` is about dist/, for those who bundle us. esbuild would apply it to src/ as
 * well and drop `import './host.js'`, which registers the host.
 *
 * @type {esbuild.Plugin}
 */
const ownModulesHaveSideEffects = {
  name: 'own-modules-have-side-effects',
  setup(build) {
    build.onResolve({ filter: /^\.\.?\// }, async ({ path, importer, kind, resolveDir, pluginData }) => {
      if (pluginData === 'resolving') return undefined;
      const found = await build.resolve(path, { importer, kind, resolveDir, pluginData: 'resolving' });
      return found.errors.length > 0 ? found : { path: found.path, sideEffects: true };
    });
  },
};

/** Removes what an earlier build left in dist/. */
function prune(/** @type {string[]} */ outputs) {
  const kept = new Set(outputs);
  for (const path of filesBelow('dist', [''])) {
    const made = path.endsWith('.d.ts')
      ? existsSync(join(root, path.replace(/^dist/, 'src').replace(/\.d\.ts$/, '.ts')))
      : kept.has(path);
    if (!made && statSync(join(root, path)).isFile()) rmSync(join(root, path));
  }
}

if (resolve(process.argv[1] ?? '') === import.meta.filename) {
  if (!process.argv.includes('--if-stale') || isStale()) {
    const { bundles, types } = await build();
    process.exitCode = bundles && types ? 0 : 1;
  }
}
