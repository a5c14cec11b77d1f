/** The end of a file, and what is added to it: what `tail -F` does. Rotation and truncation included. */

import { watch } from 'node:fs';
import * as asyncio from 'tsyncio';

export interface TailOptions {
  /** How many of the lines that are there already. */
  lines?: number;
  /** How often to look, where the system does not tell of changes. */
  interval?: asyncio.Duration;
}

/** How much is read at a time, from the end towards the beginning. */
const BLOCK = 64 * 1024;
const LINE_FEED = 10;

/** The position at which the last `lines` lines begin. */
export async function lastLines(file: asyncio.BinaryFile, lines: number): Promise<number> {
  let end = await file.seek(0, 2);
  if (lines === 0) return end;
  // The line feed at the very end begins no line.
  let missing = lines + 1;
  const size = end;
  while (end > 0) {
    const start = Math.max(0, end - BLOCK);
    await file.seek(start);
    const block = await file.read(end - start);
    for (let at = block.length - 1; at >= 0; at--) {
      if (block[at] !== LINE_FEED) {
        if (start + at === size - 1) missing -= 1; // an unfinished line counts, too
        continue;
      }
      missing -= 1;
      if (missing === 0) return start + at + 1;
    }
    end = start;
  }
  return 0;
}

/** The last lines of a file, and then every line that is added, until the task is cancelled or the loop is left. */
export async function* tail(path: string, options: TailOptions = {}): AsyncGenerator<string> {
  const { lines = 10, interval = 1 } = options;
  const name = new asyncio.Path(path);
  // The folder is watched, not the file: the file may be replaced by another.
  const watcher = watch(name.absolute().parent.fspath);
  let file: asyncio.BinaryFile | null = null;
  /** What has taken the file's place. */
  let next: asyncio.BinaryFile | null = null;
  try {
    using changes = asyncio.on(watcher, 'change');
    file = await name.open('rb');
    await file.seek(await lastLines(file, lines));
    // As bytes: a character may come in two parts.
    let unfinished: Uint8Array[] = [];
    for (;;) {
      const line = await file.readline();
      if (line.length > 0) {
        unfinished.push(line);
        if (line.at(-1) !== LINE_FEED) continue; // the rest of it may come
        yield Buffer.concat(unfinished).toString().slice(0, -1);
        unfinished = [];
        continue;
      }
      if (next !== null) {
        // Whoever wrote to the old one until it was moved away has been heard to the end.
        const old = file;
        file = next;
        next = null;
        await old.close();
        if (unfinished.length > 0) yield Buffer.concat(unfinished).toString();
        unfinished = [];
        continue;
      }
      const replaced = await isReplaced(file, name);
      if (replaced === 'by another') next = await openIfThere(name);
      if (next !== null) continue;
      if (replaced === 'not' && (await file.stat()).size < (await file.tell())) {
        unfinished = [];
        await file.seek(0); // it was cut
      } else {
        await change(changes, interval);
      }
    }
  } finally {
    watcher.close();
    await file?.close();
    await next?.close();
  }
}

/** Opens what the name stands for by now, if that is anything. */
async function openIfThere(name: asyncio.Path): Promise<asyncio.BinaryFile | null> {
  try {
    return await name.open('rb');
  } catch (error) {
    if (error instanceof asyncio.FileNotFoundError) return null;
    throw error;
  }
}

/** Whether the name stands for another file by now. */
async function isReplaced(
  file: asyncio.BinaryFile,
  name: asyncio.Path,
): Promise<'not' | 'by another' | 'by nothing'> {
  try {
    const there = await name.stat();
    const here = await file.stat();
    return there.ino === here.ino && there.dev === here.dev ? 'not' : 'by another';
  } catch (error) {
    if (error instanceof asyncio.FileNotFoundError) return 'by nothing';
    throw error;
  }
}

/** Waits until something changes, or until it is time to look again. */
async function change(
  changes: asyncio.EventStream<readonly unknown[]>,
  interval: asyncio.Duration,
): Promise<void> {
  try {
    await asyncio.timeout(interval).run(() => changes.next());
    while (changes.length > 0) await changes.next(); // one look is enough for all of them
  } catch (error) {
    if (!(error instanceof asyncio.TimeoutError)) throw error;
  }
}
