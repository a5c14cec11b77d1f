/** Copying a file, so that it can be stopped in between. */

import { type Coro, Coroutine, Future, getRunningLoop, isCancelledError, ValueError } from '../core/index.js';
import { CHUNK_SIZE } from './file-buffer.js';
import { fileError, refusal } from './file-errors.js';
import { fspath, type PathLike } from './files.js';
import { type Callback, call, callToTheEnd, fs } from './fs.js';

type Stats = import('node:fs').Stats;

/** Up to this size the system's own copy is faster, and over so soon that nobody needs to stop it. */
const SMALL = 4 * CHUNK_SIZE;

/** What {@link copyFile} and `path.copy()` are told. */
export interface CopyOptions {
  /** Fails with `EEXIST` when the target is there. */
  exclusive?: boolean | undefined;
  /** Called after each chunk with how many bytes are copied, and how many there are. */
  onProgress?: ((copied: number, total: number) => void) | undefined;
}

/**
 * Copies the content and the permissions of a file; a target that is there is overwritten. Gives the number of bytes.
 *
 * Chunks of a mebibyte are read and written at the same time, which is faster than the one call that the system has
 * for it, and can be stopped. *Suspends* until it is done. *Cancellation* stops it after the chunk under way; as after an
 * error, the target is then removed, since it is half of a file.
 *
 * @throws ValueError when both are the same file; OSError.
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   await using folder = await asyncio.temporaryDirectory();
 *   const [a, b] = [folder.path.joinpath('a'), folder.path.joinpath('b')];
 *   await a.writeText('content');
 *   console.log(await asyncio.copyFile(a, b)); //=> 7
 * });
 * ```
 */
export function copyFile(source: PathLike, target: PathLike, options: CopyOptions = {}): Coroutine<number> {
  return new Coroutine(copying(fspath(source), fspath(target), options), 'copyFile');
}

function* copying(source: string, target: string, options: CopyOptions): Coro<number> {
  // Both are looked at at the same time; what is wrong with the source is told first.
  const looking = new Flight<Stats | null>(target, (callback) => statOf(target, callback));
  const from = yield* call<Stats>(source, (callback) => fs.stat(source, callback));
  if (from.isDirectory()) throw refusal('EISDIR', 'copyfile', 'illegal operation on a directory', source);
  const to = yield* looking.wait();
  if (to !== null && to.ino === from.ino && to.dev === from.dev) {
    throw new ValueError(`Cannot copy '${source}' to '${target}': they are the same file`);
  }
  if (!from.isFile() || from.size > SMALL || (to !== null && !to.isFile())) {
    return yield* inChunks(source, target, from, to, options);
  }
  const flags = options.exclusive === true ? fs.constants.COPYFILE_EXCL : 0;
  // What was not made is not ours to remove: the system leaves nothing of a copy that failed.
  let made = false;
  try {
    yield* callToTheEnd<void>(
      target,
      (callback) => fs.copyFile(source, target, flags, (error) => callback(error, undefined)),
      () => {
        made = true;
      },
    );
  } catch (error) {
    if (made) yield* remove(target);
    throw error;
  }
  options.onProgress?.(from.size, from.size);
  return from.size;
}

/** What is there; `null` for nothing. */
function statOf(path: string, callback: Callback<Stats | null>): void {
  fs.stat(path, (error, stats) => {
    if (error?.code === 'ENOENT') callback(null, null);
    else callback(error, stats);
  });
}

function* remove(path: string): Coro<void> {
  yield* callToTheEnd<void>(path, (callback) =>
    fs.rm(path, { force: true }, () => callback(null, undefined)),
  );
}

function* inChunks(
  source: string,
  target: string,
  from: Stats,
  to: Stats | null,
  { exclusive, onProgress }: CopyOptions,
): Coro<number> {
  const input = yield* open(source, 'r', 0);
  try {
    const output = yield* openTarget(
      target,
      exclusive === true ? 'wx' : 'w',
      from.mode & 0o7777,
      to === null,
    );
    let whole = false;
    try {
      try {
        const pump = new Pump(
          { path: source, fd: input, seekable: from.isFile() },
          { path: target, fd: output, seekable: to === null || to.isFile() },
        );
        const copied = yield* pump.run(from.size, onProgress);
        if (to?.isFile() === true && (to.mode & 0o7777) !== (from.mode & 0o7777)) {
          yield* call<void>(target, (callback) =>
            fs.fchmod(output, from.mode & 0o7777, (error) => callback(error, undefined)),
          );
        }
        whole = true;
        return copied;
      } finally {
        yield* close(output, target);
      }
    } catch (error) {
      whole = false;
      throw error;
    } finally {
      if (!whole && (to === null || to.isFile())) yield* remove(target);
    }
  } finally {
    yield* close(input, source);
  }
}

function* open(path: string, flags: string, mode: number): Coro<number> {
  return yield* call<number>(
    path,
    (callback) => fs.open(path, flags, mode, callback),
    (late) => fs.close(late),
  );
}

/** Opens the target; one that was made for nothing is removed again. */
function* openTarget(path: string, flags: string, mode: number, isNew: boolean): Coro<number> {
  let made = false;
  try {
    return yield* callToTheEnd<number>(
      path,
      (callback) => fs.open(path, flags, mode, callback),
      (late) => {
        made = isNew;
        fs.close(late);
      },
    );
  } catch (error) {
    if (made) yield* remove(path);
    throw error;
  }
}

function* close(fd: number, path: string): Coro<void> {
  yield* callToTheEnd<void>(path, (callback) => fs.close(fd, (error) => callback(error ?? null, undefined)));
}

/** A call that is under way while another one is. */
class Flight<T> {
  readonly #loop = getRunningLoop();
  readonly #path: string;
  #outcome: { readonly error: unknown; readonly value: T } | null = null;
  #waiting: Future<void> | null = null;

  constructor(path: string, begin: (callback: Callback<T>) => void) {
    this.#path = path;
    begin((error, value) => {
      this.#outcome = { error, value };
      if (this.#waiting?.done() === false && !this.#loop.isClosed()) this.#waiting.setResult();
    });
  }

  get landed(): boolean {
    return this.#outcome !== null;
  }

  *land(): Coro<void> {
    while (this.#outcome === null) {
      this.#waiting = new Future<void>({ loop: this.#loop });
      yield* this.#waiting;
    }
  }

  *wait(): Coro<T> {
    yield* this.land();
    const { error, value } = this.#outcome as { error: unknown; value: T };
    if (error !== null) throw fileError(error, this.#path);
    return value;
  }
}

interface End {
  readonly path: string;
  readonly fd: number;
  readonly seekable: boolean;
}

/** Reads one chunk while the one before is written. */
class Pump {
  readonly #from: End;
  readonly #to: End;
  readonly #buffers = [Buffer.allocUnsafeSlow(CHUNK_SIZE), Buffer.allocUnsafeSlow(CHUNK_SIZE)] as const;
  #reading: Flight<number> | null = null;
  #writing: Flight<number> | null = null;

  constructor(from: End, to: End) {
    this.#from = from;
    this.#to = to;
  }

  *run(total: number, onProgress: CopyOptions['onProgress']): Coro<number> {
    let copied = 0;
    let which: 0 | 1 = 0;
    try {
      this.#read(which, 0);
      for (;;) {
        const length = yield* (this.#reading as unknown as Flight<number>).wait();
        if (length === 0) return copied;
        const other: 0 | 1 = which === 0 ? 1 : 0;
        this.#write(which, 0, length, copied);
        this.#read(other, copied + length);
        for (let offset = 0; ; ) {
          const written = yield* (this.#writing as unknown as Flight<number>).wait();
          offset += written;
          copied += written;
          if (offset >= length) break;
          this.#write(which, offset, length - offset, copied);
        }
        onProgress?.(copied, Math.max(copied, total));
        which = other;
      }
    } finally {
      yield* this.#land();
    }
  }

  #read(which: 0 | 1, at: number): void {
    const { path, fd, seekable } = this.#from;
    const position = seekable ? at : null;
    this.#reading = new Flight(path, (callback) =>
      fs.read(fd, this.#buffers[which], 0, CHUNK_SIZE, position, callback),
    );
  }

  #write(which: 0 | 1, offset: number, length: number, at: number): void {
    const { path, fd, seekable } = this.#to;
    const position = seekable ? at : null;
    this.#writing = new Flight(path, (callback) =>
      fs.write(fd, this.#buffers[which], offset, length, position, callback),
    );
  }

  /** Waits until the buffers and the descriptors are free. A cancellation comes out after that. */
  *#land(): Coro<void> {
    let cancellation: unknown = null;
    for (const flight of [this.#reading, this.#writing]) {
      while (flight?.landed === false) {
        try {
          yield* flight.land();
        } catch (error) {
          if (!isCancelledError(error)) throw error;
          cancellation ??= error;
        }
      }
    }
    if (cancellation !== null) throw cancellation;
  }
}
