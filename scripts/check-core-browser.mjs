// Checks that tsyncio/core is fit for a browser: bundled as a browser's bundler does it, it takes in nothing
// of Node, reads no global that only Node has, runs a program where there is only what a browser has, and
// stays small.

import process from 'node:process';
import { createContext, runInContext } from 'node:vm';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';
import { root } from './files.mjs';

/** The most that the minified bundle may weigh as it is served (Brotli), in bytes. */
const limit = 25_000;

/** Globals that Node has and a browser has not. */
const nodeGlobals = [
  'process',
  'Buffer',
  'global',
  'require',
  'module',
  '__dirname',
  '__filename',
  'setImmediate',
  'clearImmediate',
];

const mark = '__only_in_node__';

/** Bundles as a browser's bundler would; throws when an import cannot be resolved. */
async function bundle(/** @type {esbuild.BuildOptions} */ options) {
  const result = await esbuild.build({
    stdin: { contents: `export * from 'tsyncio/core';`, resolveDir: root },
    bundle: true,
    platform: 'browser',
    target: 'es2022',
    write: false,
    metafile: true,
    logLevel: 'silent',
    ...options,
  });
  const inputs = Object.keys(result.metafile?.inputs ?? {}).filter((path) => path !== '<stdin>');
  return { code: result.outputFiles?.[0]?.text ?? '', inputs };
}

/** @type {string[]} */
const faults = [];

try {
  const { code: minified } = await bundle({ format: 'esm', minify: true });
  const zipped = brotliCompressSync(minified).length;
  const gzipped = gzipSync(minified, { level: 9 }).length;
  console.log(
    `core for the browser: ${minified.length} bytes minified, ${zipped} with Brotli (limit ${limit}), ${gzipped} gzipped`,
  );
  if (zipped > limit) faults.push(`it weighs ${zipped} bytes, and may weigh ${limit}`);

  const marked = await bundle({
    format: 'iife',
    globalName: 'asyncio',
    // esbuild puts the mark only where the name is not declared in the program.
    define: Object.fromEntries(
      nodeGlobals.flatMap((name) => [
        [name, mark + name],
        [`globalThis.${name}`, mark + name],
      ]),
    ),
  });
  if (!marked.inputs.includes('dist/browser/index.js')) {
    faults.push(
      `a browser's bundler does not come to dist/browser/index.js but to ${marked.inputs.join(', ')}`,
    );
  }
  const foreign = marked.inputs.filter((path) => !path.startsWith('dist/'));
  if (foreign.length > 0) faults.push(`it takes in ${foreign.join(', ')}`);
  for (const name of nodeGlobals) {
    const line = marked.code.split('\n').find((text) => new RegExp(`${mark}${name}\\b`).test(text));
    if (line !== undefined) faults.push(`it reads Node's global '${name}': ${line.trim().replace(mark, '')}`);
  }

  if (faults.length === 0) {
    const got = await runAsInBrowser(marked.code);
    if (got !== 'done') faults.push(`a program in a browser's context gave ${String(got)}`);
  }
} catch (error) {
  const errors = /** @type {Partial<esbuild.BuildFailure>} */ (error).errors;
  if (errors === undefined) faults.push(error instanceof Error ? String(error.stack) : String(error));
  for (const { text, location } of errors ?? []) {
    faults.push(`${location?.file ?? ''}:${location?.line ?? ''}: ${text}`);
  }
}

/** Runs a small program of the bundle with the globals that every browser has, and no others. */
function runAsInBrowser(/** @type {string} */ code) {
  const { setTimeout, clearTimeout, queueMicrotask, performance, MessageChannel, console } = globalThis;
  const { AbortController, AbortSignal, Event, EventTarget, DOMException, URL, TextEncoder, TextDecoder } =
    globalThis;
  const context = createContext({
    ...{ setTimeout, clearTimeout, queueMicrotask, performance, MessageChannel, console },
    ...{ AbortController, AbortSignal, Event, EventTarget, DOMException, URL, TextEncoder, TextDecoder },
  });
  runInContext(code, context, { filename: 'tsyncio-core-for-the-browser.js' });
  const program = `asyncio.run(function* () { yield* asyncio.sleep(0.001); return 'done'; })`;
  return runInContext(program, context);
}

await esbuild.stop();
for (const fault of faults) console.error(`core for the browser: ${fault}`);
// The program above may have opened a message channel, which would hold this process for ever.
process.exit(faults.length > 0 ? 1 : 0);
