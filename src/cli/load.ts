// Imports the program that `tsyncio run` was given, TypeScript included, and the tsyncio that it uses.

import { createRequire } from 'node:module';
import process from 'node:process';
import { pathToFileURL } from 'node:url';

export type Asyncio = typeof import('../index.js');

/**
 * The program's exports.
 *
 * Node runs TypeScript by itself from 22.18 on, which starts faster. What it cannot run (an enum, a `.tsx`
 * file, `./x.js` for a file named `x.ts`) is found out before anything is evaluated, so tsx may try again.
 */
export async function load(file: string): Promise<Record<string, unknown>> {
  const url = pathToFileURL(file).href;
  const native = Boolean((process.features as { typescript?: unknown }).typescript);
  const typescript = /\.[cm]?tsx?$/.test(file);
  if (typescript && !native) await registerTsx();
  let exports: Record<string, unknown>;
  try {
    exports = await import(url);
  } catch (error) {
    if (!typescript || !native || !BEYOND_NODE.has((error as NodeJS.ErrnoException | null)?.code ?? ''))
      throw error;
    await registerTsx();
    exports = await import(url);
  }
  // A CommonJS program may show its exports on `default` only.
  return typeof exports.default === 'object' ? { ...exports.default, ...exports } : exports;
}

const BEYOND_NODE = new Set([
  'ERR_INVALID_TYPESCRIPT_SYNTAX',
  'ERR_MODULE_NOT_FOUND',
  'ERR_UNKNOWN_FILE_EXTENSION',
  'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX',
]);

/** Not tsImport(): it gives the program modules of its own, and so a second tsyncio. */
async function registerTsx(): Promise<void> {
  const [esm, commonjs] = await Promise.all([import('tsx/esm/api'), import('tsx/cjs/api')]);
  commonjs.register(); // without "type": "module" in its package.json the program is CommonJS
  esm.register();
}

/**
 * The tsyncio that a loaded program has imported. It is not always this one: the command may be installed globally, and
 * tsx gives CommonJS programs a copy of their own. With two, the program would not find the loop that runs it.
 */
export async function asyncioOf(file: string): Promise<Asyncio> {
  const require = createRequire(file);
  let path: string;
  try {
    path = require.resolve('tsyncio');
  } catch {
    return import('../index.js');
  }
  return require.cache[file] === undefined ? import(pathToFileURL(path).href) : require(path);
}
