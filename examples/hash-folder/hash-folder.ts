/** Hashes every file below a folder on all cores. */

import { availableParallelism } from 'node:os';
import * as asyncio from 'tsyncio';
import { ThreadPoolExecutor } from 'tsyncio/concurrent';

export interface HashOptions {
  /** As `node:crypto` names it. */
  algorithm?: string;
  /** How many threads. */
  threads?: number;
  /** A bar on standard error, where that is a terminal. */
  progress?: boolean;
}

export interface HashedFile {
  readonly path: string;
  readonly size: number;
  /** In hexadecimal; `null` when the file could not be read. */
  readonly digest: string | null;
  /** Why it could not be read. */
  readonly error: string | null;
}

/** Files that are on their way at a time: enough for every thread, and few to give up at Ctrl-C. */
const ON_THEIR_WAY = 64;

/**
 * Gives every file below `folder` in the order of their names, as soon as it and all before it are hashed. *Cancellation*
 * stops the hashing, also in the middle of a file.
 */
export async function* hashFolder(
  folder: string,
  options: HashOptions = {},
): AsyncGenerator<HashedFile, void, undefined> {
  const { algorithm = 'sha256', threads = availableParallelism(), progress = false } = options;
  const paths = await filesBelow(folder);
  const algorithms = paths.map(() => algorithm);
  await using executor = new ThreadPoolExecutor({ maxWorkers: threads, threadNamePrefix: 'hash' });
  const settings = { buffersize: ON_THEIR_WAY, progress: progress && { label: algorithm } };
  yield* executor.map(hashFile, [paths, algorithms], settings);
}

/** The files below a folder, sorted. Links are left alone: they may lead in a circle. */
async function filesBelow(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const [dirpath, , filenames] of new asyncio.Path(folder).walk()) {
    for (const name of filenames) {
      const path = dirpath.joinpath(name);
      if ((await path.isFile()) && !(await path.isSymlink())) paths.push(String(path));
    }
  }
  return paths.sort();
}

/**
 * Runs in a thread, where it is rebuilt from its text: so it brings what it needs. Reading blocks nobody else there, and costs
 * less than to wait for the file system's own threads. Between two pieces it gives a cancellation the chance to strike.
 */
async function hashFile(path: string, algorithm: string): Promise<HashedFile> {
  const { createHash } = await import('node:crypto');
  const { closeSync, openSync, readSync } = await import('node:fs');
  const { sleep } = await import('tsyncio');
  const hash = createHash(algorithm);
  const piece = new Uint8Array(1024 * 1024);
  let size = 0;
  let file: number | null = null;
  try {
    file = openSync(path, 'r');
    for (;;) {
      const length = readSync(file, piece);
      if (length === 0) return { path, size, digest: hash.digest('hex'), error: null };
      hash.update(piece.subarray(0, length));
      size += length;
      if (length === piece.length) await sleep(0);
    }
  } catch (error) {
    // What the file system says; a cancellation is no failure of the file.
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    return { path, size, digest: null, error: error.message };
  } finally {
    if (file !== null) closeSync(file);
  }
}
