/** The file of the code that called the library. */

/** This library's own folders, as built and as written. */
const OWN_FOLDERS = ownFolders(import.meta.url);

function ownFolders(url: string): readonly string[] {
  const root = /^file:\/\/(.*\/)(?:dist|src)\//.exec(url)?.[1];
  return root === undefined ? [] : [`${root}dist/`, `${root}src/`];
}

/** How far up the caller is looked for: first a little, since every frame costs, and then far. */
const DEPTHS = [8, 64];

/** What {@link prepare} has found, and in how many frames. */
let file: string | null = null;
let depth = 0;

function prepare(_: Error, frames: NodeJS.CallSite[]): string {
  file = firstForeign(frames);
  depth = frames.length;
  return '';
}

/**
 * The URL of the file that holds the first frame of the stack which is not the library's; `null` when no file does, as at
 * a prompt. It is the file that runs, not the one that a source map leads to: what it imports is found from there.
 *
 * @internal
 */
export function callerFile(): string | null {
  const { prepareStackTrace, stackTraceLimit } = Error;
  Error.prepareStackTrace = prepare;
  try {
    for (const limit of DEPTHS) {
      Error.stackTraceLimit = limit;
      const holder: { stack?: string } = {};
      Error.captureStackTrace(holder, callerFile);
      void holder.stack;
      if (file !== null || depth < limit) break;
    }
    return file;
  } finally {
    file = null;
    Error.prepareStackTrace = prepareStackTrace as typeof Error.prepareStackTrace;
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** What was found out about the file names of frames. */
const foreign = new Map<string, string | null>();
const FOREIGN_LIMIT = 1000;

function firstForeign(frames: readonly NodeJS.CallSite[]): string | null {
  for (const frame of frames) {
    const name = frame.getFileName();
    if (typeof name !== 'string') continue;
    let url = foreign.get(name);
    if (url === undefined) {
      url = foreignUrl(name);
      if (foreign.size >= FOREIGN_LIMIT) foreign.clear();
      foreign.set(name, url);
    }
    if (url !== null) return url;
  }
  return null;
}

/** The URL of a file that is not the library's; `null` for one that is, and for what is no file. */
function foreignUrl(name: string): string | null {
  const url = toFileUrl(name);
  if (url === null) return null;
  const path = url.slice('file://'.length);
  return OWN_FOLDERS.some((folder) => path.startsWith(folder)) ? null : url;
}

/** ES modules name themselves by URL, CommonJS modules by path; Node's own modules and evaluated code are no files. */
function toFileUrl(name: string): string | null {
  if (name.startsWith('file://')) return name;
  const path = process.getBuiltinModule('node:path');
  return path.isAbsolute(name) ? process.getBuiltinModule('node:url').pathToFileURL(name).href : null;
}
