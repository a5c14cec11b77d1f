// Hashes every file below a folder on all cores, as sha256sum would: `tsyncio run examples/hash-folder/index.ts FOLDER`;
// `-- -a sha512 FOLDER` for another algorithm, `-- -j 2 FOLDER` for two threads. Ctrl-C stops it, and tells how far it came.

import { parseArgs } from 'node:util';
import * as asyncio from 'tsyncio';
import { hashFolder } from './hash-folder.js';

/** The exit code is 1 when a file could not be read, and 130 after Ctrl-C. */
export async function main(...args: readonly string[]): Promise<void> {
  const unreadable = await hash(args, console.log, console.error);
  if (unreadable > 0) throw new asyncio.SystemExit(1);
}

/** Hashes what the arguments name; gives how many files could not be read. */
export async function hash(
  args: readonly string[],
  print: (line: string) => void,
  tell: (line: string) => void,
): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { algorithm: { type: 'string', short: 'a' }, threads: { type: 'string', short: 'j' } },
    allowPositionals: true,
  });
  const [folder] = positionals;
  if (folder === undefined)
    throw new asyncio.SystemExit('usage: hash-folder [-a ALGORITHM] [-j THREADS] FOLDER');
  const started = performance.now();
  let files = 0;
  let bytes = 0;
  let unreadable = 0;
  let verdict = 'interrupted';
  try {
    const { algorithm, threads } = values;
    const options = {
      progress: true,
      ...(algorithm === undefined ? {} : { algorithm }),
      ...(threads === undefined ? {} : { threads: Number(threads) }),
    };
    for await (const { path, size, digest, error } of hashFolder(folder, options)) {
      if (error !== null) {
        unreadable += 1;
        tell(error);
        continue;
      }
      files += 1;
      bytes += size;
      print(`${digest}  ${path}`);
    }
    verdict = 'done';
  } catch (error) {
    if (!asyncio.isCancelledError(error)) verdict = 'failed';
    throw error;
  } finally {
    const seconds = (performance.now() - started) / 1000;
    const megabytes = (bytes / 1e6).toFixed(1);
    tell(`${verdict}: ${files} files, ${megabytes} MB in ${seconds.toFixed(1)} s, ${unreadable} unreadable`);
  }
  return unreadable;
}
