// Imports the program that `tsyncio run` was given, TypeScript included, and the tsyncio that it uses.

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { importModule } from '../concurrent/lowlevel.js';

export type Asyncio = typeof import('../index.js');

/** The program's exports. */
export async function load(file: string): Promise<Record<string, unknown>> {
  const exports = await importModule(pathToFileURL(file).href);
  // A CommonJS program may show its exports on `default` only.
  return typeof exports.default === 'object' ? { ...exports.default, ...exports } : exports;
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
