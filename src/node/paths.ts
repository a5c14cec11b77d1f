/** Path: the names of files and folders, and what can be done with them. Python's `pathlib.Path`, as `anyio.Path` has it. */

import { type AsyncIteration, type Coro, Coroutine, OSError, ValueError } from '../core/index.js';
import { type CopyOptions, copyFile } from './copy-file.js';
import { type FileMode, type FileOf, fspath, type OpenOptions, openFile, type PathLike } from './files.js';
import { call, callToTheEnd, fs } from './fs.js';
import { matchesEnd, type PatternPart, parsePattern } from './globs.js';
import type { Opening } from './opening.js';

type Stats = import('node:fs').Stats;
type Dirent = import('node:fs').Dirent;
type NodePath = typeof import('node:path');

const nodePath: NodePath = process.getBuiltinModule('node:path');
const inspectCustom: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;
const CASE_SENSITIVE = process.platform !== 'win32';

/** How text is read and written whole. */
export type TextOptions = Pick<OpenOptions, 'encoding' | 'errors' | 'newline'>;

/** How patterns are matched with the names of files. */
export interface GlobOptions {
  /** Whether upper and lower case differ; as the system has it unless told. */
  caseSensitive?: boolean | undefined;
  /** Whether `**` looks into folders that symbolic links lead to; it does not unless told. */
  recurseSymlinks?: boolean | undefined;
}

/** One folder of a walk: `[folder, names of its folders, names of its files]`. */
export type WalkStep = [folder: Path, folders: string[], files: string[]];

/**
 * Things that come one after the other, for `for await`, or for `yield* x.next()` in a generator coroutine. No folder stays
 * open between two steps, so an iteration may end early. A step that is cancelled is made again by the next.
 */
class Found<T> implements AsyncIteration<T> {
  readonly #look: () => Coro<readonly T[] | null>;
  #ready: readonly T[] = [];
  #at = 0;

  /** @param look finds more; `null` when there is no more. It changes nothing before its last wait is over. */
  constructor(look: () => Coro<readonly T[] | null>) {
    this.#look = look;
  }

  next(): Coroutine<IteratorResult<T, undefined>> {
    return new Coroutine(this.#next(), 'next');
  }

  *#next(): Coro<IteratorResult<T, undefined>> {
    while (this.#at >= this.#ready.length) {
      const more = yield* this.#look();
      if (more === null) return { value: undefined, done: true };
      this.#ready = more;
      this.#at = 0;
    }
    return { value: this.#ready[this.#at++] as T, done: false };
  }

  [Symbol.asyncIterator](): this & AsyncIterator<T, undefined> {
    return this as never;
  }
}

/**
 * A path. What asks the system is a coroutine; the rest, the handling of names, is done at once. Paths do not change;
 * `String(path)` is what Node calls it, and every function of the library that takes a path takes a `Path`.
 *
 * *Cancellation* of what asks the system stops the wait; what was begun (making a folder, removing a file) may happen all the
 * same. *Throws* the OSErrors that Python does: `FileNotFoundError`, `FileExistsError`, with Node's `code`.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   await using temporary = await asyncio.temporaryDirectory();
 *   const folder = temporary.path.joinpath('a', 'b');
 *   await folder.mkdir({ parents: true });
 *   await folder.joinpath('poem.txt').writeText('roses');
 *   for await (const found of temporary.path.rglob('*.txt')) {
 *     console.log(found.name, found.stem, found.suffix, await found.readText()); //=> poem.txt poem .txt roses
 *   }
 * });
 * ```
 */
export class Path {
  /** The path as the platform takes it. */
  readonly fspath: string;

  /** Joins the segments; an absolute one starts anew. Without any: `.` */
  constructor(...segments: readonly PathLike[]) {
    this.fspath = join(segments.map(fspath));
  }

  /** The current folder. */
  static cwd(): Path {
    return pathOf(process.cwd());
  }

  /** The user's home. */
  static home(): Path {
    return pathOf(process.getBuiltinModule('node:os').homedir());
  }

  // ------------------------------------------------------------------------------------------------ the name

  /** What comes after the last separator. */
  get name(): string {
    return this.fspath === '.' || this.fspath === this.anchor ? '' : nodePath.basename(this.fspath);
  }

  /** The name without its suffix. */
  get stem(): string {
    const { name, suffix } = this;
    return name.slice(0, name.length - suffix.length);
  }

  /** The last extension of the name, with its dot. */
  get suffix(): string {
    const { name } = this;
    const at = name.lastIndexOf('.');
    // Dots at the beginning are part of a hidden file's name, and one at the end begins no suffix.
    return at > 0 && at < name.length - 1 && /[^.]/.test(name.slice(0, at)) ? name.slice(at) : '';
  }

  /** All extensions: `['.tar', '.gz']`. */
  get suffixes(): string[] {
    const { name } = this;
    if (name.endsWith('.')) return [];
    return name
      .replace(/^\.+/, '')
      .split('.')
      .slice(1)
      .map((each) => `.${each}`);
  }

  /** The path without its last part. */
  get parent(): Path {
    const parts = this.parts;
    if (parts.length === 0 || (parts.length === 1 && this.anchor !== '')) return this;
    return pathOf(...parts.slice(0, -1));
  }

  /** The parent, its parent, and so on. */
  get parents(): Path[] {
    const parents: Path[] = [];
    for (let path: Path = this; path.parent.fspath !== path.fspath; path = path.parent)
      parents.push(path.parent);
    return parents;
  }

  /** The anchor, if there is one, and the names. */
  get parts(): string[] {
    const { anchor } = this;
    const names = this.fspath.slice(anchor.length).split(nodePath.sep);
    return [anchor, ...names].filter((part) => part !== '' && part !== '.');
  }

  /** Drive and root: `/` for absolute paths, else `''`. */
  get anchor(): string {
    return nodePath.parse(this.fspath).root;
  }

  isAbsolute(): boolean {
    return nodePath.isAbsolute(this.fspath);
  }

  /** With further segments. */
  joinpath(...segments: readonly PathLike[]): Path {
    return pathOf(this, ...segments);
  }

  withName(name: string): Path {
    if (this.name === '') throw new ValueError(`Cannot rename '${this}': it has no name`);
    checkName(name);
    return pathOf(...this.parts.slice(0, -1), name);
  }

  withStem(stem: string): Path {
    return this.withName(`${stem}${this.suffix}`);
  }

  withSuffix(suffix: string): Path {
    if (suffix !== '' && (!suffix.startsWith('.') || suffix === '.')) {
      throw new ValueError(`Cannot give '${this}' another suffix: invalid suffix '${suffix}'`);
    }
    return this.withName(`${this.stem}${suffix}`);
  }

  isRelativeTo(other: PathLike): boolean {
    const theirs = pathOf(other).parts;
    const { parts } = this;
    return theirs.length <= parts.length && theirs.every((part, i) => part === parts[i]);
  }

  /** The part of it behind `other`. @throws ValueError when it does not begin so. */
  relativeTo(other: PathLike): Path {
    if (!this.isRelativeTo(other)) {
      throw new ValueError(`Cannot give '${this}' relative to '${fspath(other)}': it does not lie in there`);
    }
    return pathOf(...this.parts.slice(pathOf(other).parts.length));
  }

  /** Whether its last parts fit a pattern. */
  match(pattern: string, options: GlobOptions = {}): boolean {
    return matchesEnd(this.parts, parsePattern(pattern, options.caseSensitive ?? CASE_SENSITIVE));
  }

  asPosix(): string {
    return this.fspath.split(nodePath.sep).join('/');
  }

  /** The `file:` URL. @throws ValueError for a relative path. */
  asUri(): string {
    if (!this.isAbsolute()) throw new ValueError(`Cannot give '${this}' as a URL: it is relative`);
    return process.getBuiltinModule('node:url').pathToFileURL(this.fspath).href;
  }

  /** Made absolute, without looking at the disk. */
  absolute(): Path {
    return this.isAbsolute() ? this : pathOf(process.cwd(), this);
  }

  /** With a leading `~` replaced by the user's home. */
  expanduser(): Path {
    const [first, ...others] = this.parts;
    return first === '~' ? pathOf(process.getBuiltinModule('node:os').homedir()).joinpath(...others) : this;
  }

  // ----------------------------------------------------------------------------------------- what the system knows

  /** What the system knows of it; `followSymlinks: false` asks about the link itself. */
  stat(options: { followSymlinks?: boolean | undefined } = {}): Coroutine<Stats> {
    return new Coroutine(stat(this.fspath, options.followSymlinks !== false), 'stat');
  }

  lstat(): Coroutine<Stats> {
    return new Coroutine(stat(this.fspath, false), 'lstat');
  }

  /** Whether there is something; `false` also for a link that leads nowhere. */
  exists(options: { followSymlinks?: boolean | undefined } = {}): Coroutine<boolean> {
    return new Coroutine(
      test(this.fspath, options.followSymlinks !== false, () => true),
      'exists',
    );
  }

  isFile(): Coroutine<boolean> {
    return new Coroutine(
      test(this.fspath, true, (it) => it.isFile()),
      'isFile',
    );
  }

  isDir(): Coroutine<boolean> {
    return new Coroutine(
      test(this.fspath, true, (it) => it.isDirectory()),
      'isDir',
    );
  }

  isSymlink(): Coroutine<boolean> {
    return new Coroutine(
      test(this.fspath, false, (it) => it.isSymbolicLink()),
      'isSymlink',
    );
  }

  /** Whether it is a named pipe. */
  isFifo(): Coroutine<boolean> {
    return new Coroutine(
      test(this.fspath, true, (it) => it.isFIFO()),
      'isFifo',
    );
  }

  isSocket(): Coroutine<boolean> {
    return new Coroutine(
      test(this.fspath, true, (it) => it.isSocket()),
      'isSocket',
    );
  }

  isBlockDevice(): Coroutine<boolean> {
    return new Coroutine(
      test(this.fspath, true, (it) => it.isBlockDevice()),
      'isBlockDevice',
    );
  }

  isCharDevice(): Coroutine<boolean> {
    return new Coroutine(
      test(this.fspath, true, (it) => it.isCharacterDevice()),
      'isCharDevice',
    );
  }

  /** Whether both are the same file, by whatever name. */
  samefile(other: PathLike): Coroutine<boolean> {
    return new Coroutine(same(this.fspath, fspath(other)), 'samefile');
  }

  /** Absolute, without `..`, and with links followed; what does not exist is taken as it stands unless `strict`. */
  resolve(options: { strict?: boolean | undefined } = {}): Coroutine<Path> {
    return new Coroutine(resolved(this.absolute().fspath, options.strict === true), 'resolve');
  }

  /** Where a symbolic link leads. */
  readlink(): Coroutine<Path> {
    const { fspath } = this;
    return new Coroutine(
      (function* () {
        return pathOf(yield* call<string>(fspath, (callback) => fs.readlink(fspath, callback)));
      })(),
      'readlink',
    );
  }

  // ------------------------------------------------------------------------------------------------ the content

  /** As `openFile()`. */
  open<M extends FileMode = 'r'>(mode: M = 'r' as M, options: OpenOptions = {}): Opening<FileOf<M>> {
    return openFile(this, mode, options);
  }

  /** The whole file as text. */
  readText(options: TextOptions = {}): Coroutine<string> {
    return new Coroutine(reading(openFile(this, 'r', options)), 'readText');
  }

  /** The whole file. */
  readBytes(): Coroutine<import('../core/index.js').Bytes> {
    return new Coroutine(reading(openFile(this, 'rb')), 'readBytes');
  }

  /**
   * Writes the whole file; gives the length of the text. *Cancellation* may leave a part of it; `atomicWrite()` does not.
   */
  writeText(text: string, options: TextOptions = {}): Coroutine<number> {
    if (typeof text !== 'string')
      throw new TypeError(`Cannot write to '${this}': expected text, got ${typeof text}`);
    return new Coroutine(writing(openFile(this, 'w', options), text), 'writeText');
  }

  /** Writes the whole file; gives the number of bytes. *Cancellation* may leave a part of it; `atomicWrite()` does not. */
  writeBytes(bytes: Uint8Array): Coroutine<number> {
    if (!(bytes instanceof Uint8Array)) {
      throw new TypeError(`Cannot write to '${this}': expected a Uint8Array, got ${typeof bytes}`);
    }
    return new Coroutine(writing(openFile(this, 'wb'), bytes), 'writeBytes');
  }

  /** Makes the file if it is not there, and sets its time to now if it is. */
  touch(options: { permissions?: number | undefined; existOk?: boolean | undefined } = {}): Coroutine<void> {
    return new Coroutine(
      touching(this.fspath, options.permissions ?? 0o666, options.existOk !== false),
      'touch',
    );
  }

  /** As `copyFile()`; gives the target. */
  copy(target: PathLike, options: CopyOptions = {}): Coroutine<Path> {
    const copying = copyFile(this, target, options);
    const copy = pathOf(target);
    return new Coroutine(
      (function* () {
        yield* copying;
        return copy;
      })(),
      'copy',
    );
  }

  // --------------------------------------------------------------------------------------- files among each other

  /** Makes a folder; `parents` also those around it that are missing; `existOk`: one that is there is no error. */
  mkdir(
    options: { mode?: number | undefined; parents?: boolean | undefined; existOk?: boolean | undefined } = {},
  ): Coroutine<void> {
    const { mode = 0o777, parents = false, existOk = false } = options;
    return new Coroutine(makingFolder(this.fspath, mode, parents, existOk), 'mkdir');
  }

  /** Removes an empty folder. */
  rmdir(): Coroutine<void> {
    return this.#change('rmdir', (callback) => fs.rmdir(this.fspath, callback));
  }

  /** Removes a file or a link; `missingOk`: what is not there is no error. */
  unlink(options: { missingOk?: boolean | undefined } = {}): Coroutine<void> {
    return this.#change('unlink', (callback) =>
      fs.unlink(this.fspath, (error) =>
        callback(options.missingOk === true && error?.code === 'ENOENT' ? null : error),
      ),
    );
  }

  /** Gives it another name; gives the new path. What has that name already is replaced on POSIX systems, as in Python. */
  rename(target: PathLike): Coroutine<Path> {
    return new Coroutine(moving(this.fspath, pathOf(target)), 'rename');
  }

  /** Gives it another name, in place of what has it. */
  replace(target: PathLike): Coroutine<Path> {
    return new Coroutine(moving(this.fspath, pathOf(target)), 'replace');
  }

  chmod(mode: number): Coroutine<void> {
    return this.#change('chmod', (callback) => fs.chmod(this.fspath, mode, callback));
  }

  /** Makes this a symbolic link to `target`. */
  symlinkTo(target: PathLike, options: { targetIsDirectory?: boolean | undefined } = {}): Coroutine<void> {
    const type = options.targetIsDirectory === true ? 'dir' : 'file';
    const leadsTo = fspath(target);
    return this.#change('symlinkTo', (callback) => fs.symlink(leadsTo, this.fspath, type, callback));
  }

  /** Makes this another name of the file `target`. */
  hardlinkTo(target: PathLike): Coroutine<void> {
    const other = fspath(target);
    return this.#change('hardlinkTo', (callback) => fs.link(other, this.fspath, callback));
  }

  #change(
    name: string,
    begin: (callback: (error: NodeJS.ErrnoException | null) => void) => void,
  ): Coroutine<void> {
    return new Coroutine(
      call<void>(this.fspath, (callback) => begin((error) => callback(error, undefined))),
      name,
    );
  }

  // -------------------------------------------------------------------------------------------------- folders

  /** What is in the folder, in no order. */
  iterdir(): AsyncIteration<Path> {
    const folder: Path = this;
    let over = false;
    return new Found(function* () {
      if (over) return null;
      const names = yield* call<string[]>(folder.fspath, (callback) => fs.readdir(folder.fspath, callback));
      over = true;
      return names.map((name) => folder.joinpath(name));
    });
  }

  /**
   * The files and folders below it that fit a pattern: `*`, `?`, `[seq]`, `[!seq]`, and `**` for any number of folders.
   * Folders that may not be looked into are passed over.
   */
  glob(pattern: string, options: GlobOptions = {}): AsyncIteration<Path> {
    const parts = parsePattern(pattern, options.caseSensitive ?? CASE_SENSITIVE);
    return globbing(this, parts, options.recurseSymlinks === true);
  }

  /** As {@link glob} with `**` in front: at any depth. */
  rglob(pattern: string, options: GlobOptions = {}): AsyncIteration<Path> {
    const parts = parsePattern(pattern, options.caseSensitive ?? CASE_SENSITIVE);
    return globbing(this, ['**', ...parts], options.recurseSymlinks === true);
  }

  /**
   * Every folder below it, itself included, with the names that are in it; the folder before those in it, unless
   * `topDown: false`. Removing names from the list of folders keeps the walk out of those.
   */
  walk(
    options: {
      topDown?: boolean | undefined;
      followSymlinks?: boolean | undefined;
      onError?: ((error: unknown) => void) | undefined;
    } = {},
  ): AsyncIteration<WalkStep> {
    const { topDown = true, followSymlinks = false, onError = () => {} } = options;
    return walking(this, topDown, followSymlinks, onError);
  }

  toString(): string {
    return this.fspath;
  }

  toJSON(): string {
    return this.fspath;
  }

  [inspectCustom](): string {
    return `Path('${this.fspath}')`;
  }
}

/** For the class itself, whose own name the bundler would change. */
function pathOf(...segments: readonly PathLike[]): Path {
  return new Path(...segments);
}

/** As Python joins: separators and single dots in excess go, `..` stays. */
function join(segments: readonly string[]): string {
  let joined = '';
  for (const segment of segments) {
    if (nodePath.isAbsolute(segment)) joined = segment;
    else if (segment !== '') joined = joined === '' ? segment : `${joined}${nodePath.sep}${segment}`;
  }
  const { root } = nodePath.parse(joined);
  const separators = process.platform === 'win32' ? /[/\\]+/ : /\/+/;
  const names = joined
    .slice(root.length)
    .split(separators)
    .filter((name) => name !== '' && name !== '.');
  return root + names.join(nodePath.sep) || '.';
}

function checkName(name: string): void {
  if (
    typeof name !== 'string' ||
    name === '' ||
    name === '.' ||
    /[/\0]/.test(name) ||
    name.includes(nodePath.sep)
  ) {
    throw new ValueError(`Cannot rename: invalid name ${JSON.stringify(name)}`);
  }
}

function* stat(path: string, follow: boolean): Coro<Stats> {
  return yield* call<Stats>(path, (callback) => (follow ? fs.stat : fs.lstat)(path, callback));
}

/** What means that nothing is there, as Python has it: not that looking is forbidden. */
const MISSING = new Set(['ENOENT', 'ENOTDIR', 'EBADF', 'ELOOP']);

function isMissing(error: unknown): boolean {
  return MISSING.has(String((error as { code?: unknown } | null)?.code));
}

function* test(path: string, follow: boolean, what: (stats: Stats) => boolean): Coro<boolean> {
  try {
    return what(yield* stat(path, follow));
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function* same(path: string, other: string): Coro<boolean> {
  const ours = yield* stat(path, true);
  const theirs = yield* stat(other, true);
  return ours.ino === theirs.ino && ours.dev === theirs.dev;
}

function* resolved(path: string, strict: boolean): Coro<Path> {
  const missing: string[] = [];
  // What stands behind `..` depends on where links lead, so the longest part that exists is looked up by the system.
  for (let known = path; ; known = nodePath.dirname(known)) {
    try {
      const real = yield* call<string>(known, (callback) => fs.realpath.native(known, callback));
      return new Path(nodePath.resolve(real, ...missing));
    } catch (error) {
      if (strict || !isMissing(error) || known === nodePath.dirname(known)) throw error;
      missing.unshift(nodePath.basename(known));
    }
  }
}

function* reading<D extends string | import('../core/index.js').Bytes>(
  opening: Coroutine<{ read(): Coroutine<D>; close(): Coroutine<void> }>,
): Coro<D> {
  const file = yield* opening;
  try {
    return yield* file.read();
  } finally {
    yield* file.close();
  }
}

function* writing<D>(
  opening: Coroutine<{ write(data: D): Coroutine<number>; close(): Coroutine<void> }>,
  data: D,
): Coro<number> {
  const file = yield* opening;
  try {
    return yield* file.write(data);
  } finally {
    yield* file.close();
  }
}

function* touching(path: string, permissions: number, existOk: boolean): Coro<void> {
  if (existOk) {
    const now = new Date();
    try {
      return yield* call<void>(path, (callback) =>
        fs.utimes(path, now, now, (error) => callback(error, undefined)),
      );
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
    }
  }
  const flags = existOk ? 'a' : 'wx';
  const fd = yield* call<number>(
    path,
    (callback) => fs.open(path, flags, permissions, callback),
    (late) => fs.close(late),
  );
  yield* callToTheEnd<void>(path, (callback) => fs.close(fd, (error) => callback(error ?? null, undefined)));
}

function* makingFolder(path: string, mode: number, parents: boolean, existOk: boolean): Coro<void> {
  const make = (folder: string, permissions: number) =>
    call<void>(folder, (callback) => fs.mkdir(folder, permissions, (error) => callback(error, undefined)));
  try {
    yield* make(path, mode);
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === 'ENOENT' && parents && nodePath.dirname(path) !== path) {
      // The folders around it get the usual permissions, as in Python.
      yield* makingFolder(nodePath.dirname(path), 0o777, true, true);
      yield* makingFolder(path, mode, false, existOk);
      return;
    }
    if (!existOk || isMissing(error) || !(yield* test(path, true, (it) => it.isDirectory()))) throw error;
  }
}

function* moving(path: string, target: Path): Coro<Path> {
  yield* call<void>(path, (callback) =>
    fs.rename(path, target.fspath, (error) => callback(error, undefined)),
  );
  return target;
}

// ------------------------------------------------------------------------------------------------ looking around

/** What is in a folder, by name; nothing in one that is gone or may not be looked into. */
function* entriesOf(folder: Path, onError: (error: unknown) => void): Coro<Dirent[]> {
  try {
    const entries = yield* call<Dirent[]>(folder.fspath, (callback) =>
      fs.readdir(folder.fspath, { withFileTypes: true }, callback),
    );
    return entries;
  } catch (error) {
    if (!(error instanceof OSError)) throw error;
    onError(error);
    return [];
  }
}

/** Whether an entry is a folder, also through a link. */
function* leadsToFolder(folder: Path, entry: Dirent, follow: boolean): Coro<boolean> {
  if (entry.isDirectory()) return true;
  return (
    follow && entry.isSymbolicLink() && (yield* test(folder.joinpath(entry.name).fspath, true, isFolder))
  );
}

const isFolder = (stats: Stats) => stats.isDirectory();

interface Visit {
  readonly folder: Path;
  /** The parts of the pattern that are still to fit. */
  readonly parts: readonly PatternPart[];
}

function globbing(start: Path, pattern: readonly PatternPart[], follow: boolean): Found<Path> {
  // Two `**` in a row are one.
  const parts = pattern.filter((part, i) => part !== '**' || pattern[i + 1] !== '**');
  const visits: Visit[] = [{ folder: start, parts }];
  const seen = new Set<string>();
  return new Found(function* () {
    const visit = visits.at(-1);
    if (visit === undefined) return null;
    const { found, next } = yield* looking(visit, follow);
    visits.pop();
    visits.push(...next.reverse());
    const fresh = found.filter((path) => !seen.has(path.fspath));
    for (const path of fresh) seen.add(path.fspath);
    return fresh;
  });
}

/** What fits in one folder, and where to look next. */
function* looking({ folder, parts }: Visit, follow: boolean): Coro<{ found: Path[]; next: Visit[] }> {
  const found: Path[] = [];
  const next: Visit[] = [];
  const [part, ...rest] = parts as [PatternPart, ...PatternPart[]];
  if (part !== '**' && part.literal !== null) {
    // A name without a wildcard need not be looked for. `..` is one, too.
    const path = folder.joinpath(part.literal);
    if (rest.length === 0) {
      if (yield* test(path.fspath, false, () => true)) found.push(path);
    } else if (yield* test(path.fspath, true, isFolder)) {
      next.push({ folder: path, parts: rest });
    }
    return { found, next };
  }
  if (part === '**') {
    // It may stand for no folder at all: then this one itself counts, or the rest fits in here.
    if (rest.length > 0) next.push({ folder, parts: rest });
    else if (yield* test(folder.fspath, true, isFolder)) found.push(folder);
  }
  for (const entry of yield* entriesOf(folder, () => {})) {
    const path = folder.joinpath(entry.name);
    if (part === '**') {
      if (rest.length === 0) found.push(path);
      if (yield* leadsToFolder(folder, entry, follow)) next.push({ folder: path, parts });
    } else if (part.test(entry.name)) {
      if (rest.length === 0) found.push(path);
      else if (yield* leadsToFolder(folder, entry, true)) next.push({ folder: path, parts: rest });
    }
  }
  return { found, next };
}

/** What a walk has before it: a folder to look into, the folders in one, or a step that waits for those in it. */
type Ahead =
  | { readonly what: 'look'; readonly folder: Path }
  | { readonly what: 'descend' | 'tell'; readonly step: WalkStep };

function walking(
  start: Path,
  topDown: boolean,
  follow: boolean,
  onError: (error: unknown) => void,
): Found<WalkStep> {
  const ahead: Ahead[] = [{ what: 'look', folder: start }];
  return new Found(function* () {
    const first = ahead.at(-1);
    if (first === undefined) return null;
    if (first.what === 'look') {
      const step = yield* listing(first.folder, follow, onError);
      ahead.pop();
      if (step === null) return [];
      if (!topDown) ahead.push({ what: 'tell', step });
      ahead.push({ what: 'descend', step });
      return topDown ? [step] : [];
    }
    ahead.pop();
    if (first.what === 'tell') return [first.step];
    const [folder, folders] = first.step;
    for (const name of [...folders].reverse()) ahead.push({ what: 'look', folder: folder.joinpath(name) });
    return [];
  });
}

function* listing(folder: Path, follow: boolean, onError: (error: unknown) => void): Coro<WalkStep | null> {
  let failed = false;
  const entries = yield* entriesOf(folder, (error) => {
    failed = true;
    onError(error);
  });
  if (failed) return null;
  const folders: string[] = [];
  const files: string[] = [];
  for (const entry of entries) {
    ((yield* leadsToFolder(folder, entry, follow)) ? folders : files).push(entry.name);
  }
  return [folder, folders, files];
}
