/** The file of the code that called the library. */

/** This library's own folders, as built and as written. */
const OWN_FOLDERS = ownFolders(import.meta.url);

function ownFolders(url: string): readonly string[] {
  const root = /^file:\/\/(.*\/)(?:dist|src)\//.exec(url)?.[1];
  return root === undefined ? [] : [`${root}dist/`, `${root}src/`];
}

/** How far up the caller is looked for. */
const DEPTH = 64;

/**
 * The URL of the file that holds the first frame of the stack which is not the library's; `null` when no file does, as at
 * a prompt. It is the file that runs, not the one that a source map leads to: what it imports is found from there.
 *
 * @internal
 */
export function callerFile(): string | null {
  const { prepareStackTrace, stackTraceLimit } = Error;
  let file: string | null = null;
  Error.prepareStackTrace = (_, frames) => {
    file = firstForeign(frames);
    return '';
  };
  Error.stackTraceLimit = DEPTH;
  try {
    void new Error().stack;
  } finally {
    Error.prepareStackTrace = prepareStackTrace as typeof Error.prepareStackTrace;
    Error.stackTraceLimit = stackTraceLimit;
  }
  return file;
}

function firstForeign(frames: readonly NodeJS.CallSite[]): string | null {
  for (const frame of frames) {
    const url = toFileUrl(frame.getFileName());
    if (url === null) continue;
    const path = url.slice('file://'.length);
    if (!OWN_FOLDERS.some((folder) => path.startsWith(folder))) return url;
  }
  return null;
}

/** ES modules name themselves by URL, CommonJS modules by path; Node's own modules and evaluated code are no files. */
function toFileUrl(name: string | null | undefined): string | null {
  if (typeof name !== 'string') return null;
  if (name.startsWith('file://')) return name;
  const path = process.getBuiltinModule('node:path');
  return path.isAbsolute(name) ? process.getBuiltinModule('node:url').pathToFileURL(name).href : null;
}
