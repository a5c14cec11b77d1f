// `tsyncio run FILE`: runs a module's `main` as asyncio.run() does, and turns how it ends into an exit code.

import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import process from 'node:process';
import { inspect, parseArgs } from 'node:util';
import { type Asyncio, asyncioOf, load } from './load.js';
import { UsageError } from './usage-error.js';

export async function run(argv: readonly string[]): Promise<void> {
  const { path, debug, args } = parse(argv);
  const file = resolve(path);
  if (!statSync(file, { throwIfNoEntry: false })?.isFile())
    throw new UsageError(`cannot run ${path}: no such file`);
  try {
    const exports = await load(file);
    const program = typeof exports.main === 'function' ? exports.main : exports.default;
    if (typeof program !== 'function') {
      throw new UsageError(`cannot run ${path}: it exports no function "main", nor one as default`);
    }
    const main = () => program(...args);
    const asyncio = await asyncioOf(file);
    await asyncio.run(main, debug ? { debug } : {});
  } catch (error) {
    if (error instanceof UsageError) throw error;
    process.exitCode = report(error, await asyncioOf(file));
  }
}

function parse(argv: readonly string[]): { path: string; debug: boolean; args: string[] } {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: { debug: { type: 'boolean', default: false } },
      allowPositionals: true,
    });
    const [path, ...args] = positionals;
    if (path === undefined) throw new UsageError('run needs the file of a program');
    return { path, debug: values.debug, args };
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message); // an unknown option
    throw error;
  }
}

/** Says on standard error why the program ended, and returns the exit code for it. */
function report(error: unknown, asyncio: Asyncio): number {
  if (error instanceof asyncio.SystemExit) {
    const { exitCode: code } = error;
    if (typeof code === 'number') return code;
    console.error(String(code));
    return 1;
  }
  if (error instanceof asyncio.KeyboardInterrupt) {
    console.error('KeyboardInterrupt');
    return 130;
  }
  // Only Node, and only of an error that nobody catches, shows in which file and line it does not understand the program.
  if (error instanceof SyntaxError) throw error;
  console.error(error instanceof asyncio.DeadlockError ? error.message : inspect(error));
  return 1;
}
