/** Files and folders that are removed again: Python's `tempfile`. */

import {
  type AsyncContextManager,
  aenter,
  aexit,
  type Coro,
  Coroutine,
  isCancelledError,
  ValueError,
} from '../core/index.js';
import { type FileMode, type FileOf, fspath, type OpenOptions, openFile, type PathLike } from './files.js';
import { callToTheEnd, fs } from './fs.js';
import { Opening } from './opening.js';
import { Path } from './paths.js';

/** What a temporary file or folder is called, and where. */
export interface TemporaryOptions {
  /** What the name begins with; `'tmp'` by default. */
  prefix?: string | undefined;
  /** What it ends with. */
  suffix?: string | undefined;
  /** The folder that it is made in; the system's by default. */
  dir?: PathLike | undefined;
  /** Whether it is removed in the end; so unless told. */
  delete?: boolean | undefined;
}

/** How often a name that is taken is replaced by another. */
const ATTEMPTS = 100;

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** Eight letters that nobody can guess. */
export function randomName(): string {
  const bytes = new Uint8Array(8);
  globalThis.crypto.getRandomValues(bytes);
  return Array.from(bytes, (byte) => LETTERS[byte % LETTERS.length]).join('');
}

function namer(options: TemporaryOptions): () => string {
  const { prefix = 'tmp', suffix = '', dir } = options;
  for (const part of [prefix, suffix]) {
    if (typeof part !== 'string' || /[/\0]/.test(part)) {
      throw new ValueError(
        `Cannot make a temporary name of ${JSON.stringify(part)}: it is no part of a file's name`,
      );
    }
  }
  const folder = dir === undefined ? process.getBuiltinModule('node:os').tmpdir() : fspath(dir);
  const { join } = process.getBuiltinModule('node:path');
  return () => join(folder, `${prefix}${randomName()}${suffix}`);
}

/** Makes something under a new name; one that is taken is replaced by another. */
function* underNewName<T>(name: () => string, make: (path: string) => Coro<T>): Coro<T> {
  for (let left = ATTEMPTS; ; left--) {
    try {
      return yield* make(name());
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'EEXIST' || left === 0) throw error;
    }
  }
}

/** Removes a file or a folder with what is in it, in any case; what is gone already is no error. */
export function* removeToTheEnd(path: string): Coro<void> {
  yield* callToTheEnd<void>(path, (callback) =>
    fs.rm(path, { recursive: true, force: true }, (error) => callback(error, undefined)),
  );
}

/** A folder that is removed with everything in it: see {@link temporaryDirectory}. */
export class TemporaryDirectory implements AsyncContextManager<Path>, AsyncDisposable {
  readonly path: Path;
  #removed: boolean;

  /** @internal */
  constructor(path: Path, remove: boolean) {
    this.path = path;
    this.#removed = !remove;
  }

  /** Removes it. Twice is no error. *Cancellation* comes out when that is done. */
  cleanup(): Coroutine<void> {
    return new Coroutine(this.#cleaningUp(), 'cleanup');
  }

  *#cleaningUp(): Coro<void> {
    if (this.#removed) return;
    this.#removed = true;
    yield* removeToTheEnd(this.path.fspath);
  }

  /** The same as {@link cleanup}. */
  close(): Coroutine<void> {
    return this.cleanup();
  }

  [Symbol.asyncDispose](): Coroutine<void> {
    return this.cleanup();
  }

  [aenter](): Coroutine<Path> {
    return new Coroutine(this.#entering(), 'aenter');
  }

  *#entering(): Coro<Path> {
    return this.path;
  }

  [aexit](): Coroutine<void> {
    return this.cleanup();
  }

  toString(): string {
    return `<TemporaryDirectory '${this.path}'>`;
  }
}

/**
 * Makes a folder that only this user may look into, and that is removed at the end of the block with everything in it.
 * `withAsync()` gives its block the path.
 *
 * *Suspends* until it is there. *Cancellation*: nothing is left. Source: `tempfile.TemporaryDirectory`.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   await using folder = await asyncio.temporaryDirectory();
 *   await folder.path.joinpath('note.txt').writeText('gone soon');
 * });
 * ```
 */
export function temporaryDirectory(options: TemporaryOptions = {}): Opening<TemporaryDirectory, Path> {
  const name = namer(options);
  const remove = options.delete !== false;
  function* opening(): Coro<TemporaryDirectory> {
    const path = yield* underNewName(name, makeFolder);
    return new TemporaryDirectory(new Path(path), remove);
  }
  return new Opening(opening(), 'temporaryDirectory', (folder) => folder.path);
}

function* makeFolder(path: string): Coro<string> {
  let made = false;
  try {
    yield* callToTheEnd<void>(
      path,
      (callback) => fs.mkdir(path, 0o700, (error) => callback(error, undefined)),
      () => {
        made = true;
      },
    );
  } catch (error) {
    if (made) yield* removeToTheEnd(path);
    throw error;
  }
  return path;
}

/**
 * Opens a new file that only this user may read, and that is removed when it is closed; its path is its `name`. The mode is
 * `'w+b'` unless told, as in Python.
 *
 * *Suspends* until it is there. *Cancellation*: nothing is left. Source: `tempfile.NamedTemporaryFile`.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   await using file = await asyncio.namedTemporaryFile('w+', { suffix: '.txt' });
 *   await file.write('gone soon');
 *   await file.seek(0);
 *   console.log(await file.read()); //=> gone soon
 * });
 * ```
 */
export function namedTemporaryFile<M extends FileMode = 'w+b'>(
  mode: M = 'w+b' as M,
  options: TemporaryOptions & OpenOptions = {},
): Opening<FileOf<M>> {
  const name = namer(options);
  const { prefix: _, suffix: __, dir: ___, delete: remove = true, ...open } = options;
  if (!/^[wx]/.test(mode))
    throw new ValueError(`Cannot open a temporary file: it is new, so mode '${mode}' does not fit`);
  const exclusive = mode.replace('w', 'x') as M;
  // What is wrong with the options is said at once.
  openFile(name(), exclusive, open).close();

  function* make(path: string): Coro<FileOf<M>> {
    let file: FileOf<M>;
    try {
      file = yield* openFile(path, exclusive, { permissions: 0o600, ...open });
    } catch (error) {
      // It may have been made all the same.
      if (isCancelledError(error) && remove) yield* removeToTheEnd(path);
      throw error;
    }
    if (remove) file._buffer.afterClose = () => removeToTheEnd(path);
    return file;
  }
  return new Opening(
    (function* () {
      return yield* underNewName(name, make);
    })(),
    'namedTemporaryFile',
  );
}
