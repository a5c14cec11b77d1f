/** Writing a file in one piece: whoever reads it sees all of the old content, or all of the new, whatever happens meanwhile. */

import {
  type AsyncContextManager,
  aenter,
  aexit,
  type Body,
  type Coro,
  Coroutine,
  RuntimeError,
  ValueError,
  withAsync,
} from '../core/index.js';
import { type FileMode, type FileOf, fspath, type OpenOptions, openFile, type PathLike } from './files.js';
import { call, callToTheEnd, fs } from './fs.js';
import { randomName } from './temporary-files.js';

type Stats = import('node:fs').Stats;

/** What {@link atomicFile} and {@link atomicWrite} are told: what {@link openFile} is, and `fsync`. */
export interface AtomicOptions extends OpenOptions {
  /** Whether to wait until the disk has it, so that it survives a power failure; so unless told. */
  fsync?: boolean | undefined;
}

/** A file that is written beside the one that it will replace: see {@link atomicFile}. */
export class AtomicFile<M extends FileMode> implements AsyncContextManager<FileOf<M>> {
  readonly #path: string;
  readonly #mode: M;
  readonly #options: AtomicOptions;
  #target = '';
  #temporary = '';
  #file: FileOf<M> | null = null;
  #used = false;

  /** @internal */
  constructor(path: string, mode: M, options: AtomicOptions) {
    this.#path = path;
    this.#mode = mode;
    this.#options = options;
  }

  /** Runs `body` with the new file; when it ends well, the new file takes the place of the old one. */
  run<T>(body: Body<T, [FileOf<M>]>): Coroutine<T> {
    return withAsync(this, body) as Coroutine<T>;
  }

  [aenter](): Coroutine<FileOf<M>> {
    return new Coroutine(this.#begin(), 'aenter');
  }

  *#begin(): Coro<FileOf<M>> {
    if (this.#used) throw new RuntimeError(`Cannot write '${this.#path}' again: make another atomicFile()`);
    this.#used = true;
    this.#target = yield* realPath(this.#path);
    const old = yield* statIfThere(this.#target);
    const { dirname, basename, join } = process.getBuiltinModule('node:path');
    const { fsync: _, ...options } = this.#options;
    const permissions = options.permissions ?? (old === null ? 0o666 : old.mode & 0o7777);
    this.#temporary = join(dirname(this.#target), `.${basename(this.#target)}.${randomName()}.tmp`);
    try {
      const file = yield* openFile(this.#temporary, this.#mode.replace('w', 'x') as M, {
        ...options,
        permissions,
      });
      this.#file = file;
      if (old !== null) yield* takeAfter(file._buffer.fd, this.#temporary, old, options.permissions);
      return file;
    } catch (error) {
      yield* this.#undo();
      throw error;
    }
  }

  [aexit](error: { readonly value: unknown } | undefined): Coroutine<void> {
    return new Coroutine(error === undefined ? this.#commit() : this.#undo(), 'aexit');
  }

  *#commit(): Coro<void> {
    const file = this.#file as FileOf<M>;
    const fsync = this.#options.fsync !== false;
    try {
      if (!file.closed && fsync) yield* file.fsync();
      const closedBefore = file.closed;
      yield* file.close();
      if (closedBefore && fsync) yield* syncPath(this.#temporary, 'r+');
    } catch (error) {
      yield* this.#undo();
      throw error;
    }
    let renamed = false;
    try {
      yield* callToTheEnd<void>(
        this.#target,
        (callback) => fs.rename(this.#temporary, this.#target, (error) => callback(error, undefined)),
        () => {
          renamed = true;
        },
      );
    } catch (error) {
      if (!renamed) yield* this.#undo();
      throw error;
    }
    if (fsync) yield* syncFolderOf(this.#target);
  }

  /** Removes the new file; the old one was not touched. */
  *#undo(): Coro<void> {
    try {
      if (this.#file !== null) {
        this.#file._buffer.discard();
        yield* this.#file.close();
      }
    } finally {
      yield* callToTheEnd<void>(this.#temporary, (callback) =>
        fs.rm(this.#temporary, { force: true }, (error) => callback(error, undefined)),
      );
    }
  }
}

/**
 * A scope that writes a file in one piece. Its body gets a new file in the same folder. When the body ends well, that is
 * written to the disk and takes the place of the old one; when it fails or is cancelled, it is removed, and the old one is as it
 * was. Permissions and, where the system allows, the owner stay; a symbolic link stays and what it leads to is replaced.
 *
 * *Suspends* as the body does, and while the disk is waited for. *Cancellation*: the old content stays. One that comes during
 * the last step, the renaming, comes out after it: then the new content is there. There is never a part of either.
 *
 * @throws OSError: `ENOSPC` on a full disk, for one. The old content stays.
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   await using folder = await asyncio.temporaryDirectory();
 *   const path = folder.path.joinpath('settings.json');
 *   await asyncio.atomicFile(path).run(async (file) => {
 *     await file.write('{"volume":');
 *     await file.write('11}\n');
 *   });
 *   console.log((await path.readText()).trim()); //=> {"volume":11}
 * });
 * ```
 */
export function atomicFile<M extends 'w' | 'wt' | 'wb' | 'w+' | 'w+b' | 'wb+' = 'w'>(
  path: PathLike,
  mode: M = 'w' as M,
  options: AtomicOptions = {},
): AtomicFile<M> {
  const name = fspath(path);
  if (!String(mode).startsWith('w'))
    throw new ValueError(`Cannot write '${name}' in one piece: mode '${mode}' does not fit`);
  const { fsync: _, ...open } = options;
  // What is wrong with the mode or the options is said at once.
  openFile(name, mode, open).close();
  return new AtomicFile(name, mode, options);
}

/**
 * Writes `data` to a file in one piece: as {@link atomicFile}, for what is at hand. Text is written as it is, without a
 * change of its line ends.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   await using folder = await asyncio.temporaryDirectory();
 *   await asyncio.atomicWrite(folder.path.joinpath('state.json'), JSON.stringify({ round: 7 }));
 * });
 * ```
 */
export function atomicWrite(
  path: PathLike,
  data: string | Uint8Array,
  options: AtomicOptions = {},
): Coroutine<void> {
  if (typeof data === 'string') {
    const { newline = '' } = options;
    return new Coroutine(writing(atomicFile(path, 'w', { ...options, newline }), data), 'atomicWrite');
  }
  if (!(data instanceof Uint8Array)) {
    throw new TypeError(
      `Cannot write '${fspath(path)}': expected a string or a Uint8Array, got ${typeof data}`,
    );
  }
  return new Coroutine(writing(atomicFile(path, 'wb', options), data), 'atomicWrite');
}

function* writing(file: AtomicFile<'w'> | AtomicFile<'wb'>, data: string | Uint8Array): Coro<void> {
  yield* (file as AtomicFile<'wb'>).run(function* (opened): Coro<void> {
    yield* opened.write(data as Uint8Array);
  });
}

/** Where symbolic links lead, also when nothing is there yet; a circle of them is an error. */
function* realPath(path: string): Coro<string> {
  const { dirname, resolve } = process.getBuiltinModule('node:path');
  for (let name = path; ; ) {
    const real = yield* unlessMissing(call<string>(name, (callback) => fs.realpath.native(name, callback)));
    if (real !== null) return real;
    const folder = yield* unlessMissing(
      call<string>(name, (callback) => fs.realpath.native(dirname(name), callback)),
    );
    const next = yield* unlessMissing(call<string>(name, (callback) => fs.readlink(name, callback)));
    if (folder === null || next === null) return name;
    name = resolve(folder, next);
  }
}

/** `null` when there is nothing, or no link. */
function* unlessMissing(calling: Coro<string>): Coro<string | null> {
  try {
    return yield* calling;
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code !== 'ENOENT' && code !== 'EINVAL') throw error;
    return null;
  }
}

function* statIfThere(path: string): Coro<Stats | null> {
  try {
    return yield* call<Stats>(path, (callback) => fs.stat(path, callback));
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
    return null;
  }
}

/** Gives a new file the owner and the permissions of the old one. */
function* takeAfter(fd: number, path: string, old: Stats, permissions: number | undefined): Coro<void> {
  const made = yield* call<Stats>(path, (callback) => fs.fstat(fd, callback));
  if (made.uid !== old.uid || made.gid !== old.gid) {
    try {
      yield* call<void>(path, (callback) =>
        fs.fchown(fd, old.uid, old.gid, (error) => callback(error, undefined)),
      );
    } catch (error) {
      // Only the superuser may give files away.
      if ((error as { code?: unknown }).code !== 'EPERM') throw error;
    }
  }
  // After the owner: changing that takes set-user-id bits away. And the umask is none of their business.
  const mode = permissions ?? old.mode & 0o7777;
  yield* call<void>(path, (callback) => fs.fchmod(fd, mode, (error) => callback(error, undefined)));
}

function* syncPath(path: string, flags: string): Coro<void> {
  const fd = yield* call<number>(
    path,
    (callback) => fs.open(path, flags, callback),
    (late) => fs.close(late),
  );
  try {
    yield* callToTheEnd<void>(path, (callback) => fs.fsync(fd, (error) => callback(error, undefined)));
  } finally {
    yield* callToTheEnd<void>(path, (callback) =>
      fs.close(fd, (error) => callback(error ?? null, undefined)),
    );
  }
}

/** The name itself is on the disk only when its folder is. Not every system can say so. */
function* syncFolderOf(path: string): Coro<void> {
  const folder = process.getBuiltinModule('node:path').dirname(path);
  try {
    yield* syncPath(folder, 'r');
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (
      code !== 'EPERM' &&
      code !== 'EACCES' &&
      code !== 'EISDIR' &&
      code !== 'EINVAL' &&
      code !== 'ENOTSUP'
    ) {
      throw error;
    }
  }
}
