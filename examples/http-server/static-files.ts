/** The files below a folder, as answers. Nothing is kept between requests: a file is looked at each time it is asked for. */

import path from 'node:path';
import * as asyncio from 'tsyncio';
import { evaluateConditions, requestedRange, type Validators } from './conditions.js';
import { HttpError } from './http-error.js';
import type { Handler } from './http-server.js';
import { listFolder } from './listing.js';
import { mediaTypeOf } from './media-types.js';
import { OpenedFile } from './opened-file.js';
import type { Request } from './request.js';
import type { Response } from './response.js';

export interface StaticFilesOptions {
  /** Whether names that begin with a dot are served: `false` unless told. */
  readonly hidden?: boolean;
  /** Whether a folder without an index.html is shown as a list: `true` unless told. */
  readonly listings?: boolean;
}

const ALLOW = 'GET, HEAD';
/** What in a decoded part of a path would lead to another folder. */
const SEPARATORS = path.sep === '\\' ? /[/\\:]/ : /\//;

/**
 * Makes a handler that serves the files below `folder`.
 *
 * @throws OSError unless there is such a folder
 */
export function staticFiles(folder: string, options: StaticFilesOptions = {}): asyncio.Coroutine<Handler> {
  const { hidden = false, listings = true } = options;
  return new asyncio.Coroutine(making(), 'staticFiles');

  function* making(): asyncio.Coro<Handler> {
    const found = yield* new asyncio.Path(folder).resolve({ strict: true });
    if (!(yield* found.isDir())) {
      throw new asyncio.NotADirectoryError(`Cannot serve '${folder}': it is no folder`);
    }
    const root = found.fspath;
    return function* (request: Request): asyncio.Coro<Response> {
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        throw new HttpError(405, `${request.method} is not possible here`, { Allow: ALLOW });
      }
      const names = namesOf(request.path, hidden);
      const file = yield* openOr404(root, path.join(root, ...names));
      try {
        if (file.stat.isDirectory()) {
          file.close();
          if (!request.path.endsWith('/')) return redirect(names, request.query);
          return yield* answerFolder(request, root, names);
        }
        if (!file.stat.isFile() || request.path.endsWith('/')) throw notFound();
        return answerFile(request, file, names.at(-1) as string);
      } catch (error) {
        file.close();
        throw error;
      }
    };
  }

  function* answerFolder(request: Request, root: string, names: readonly string[]): asyncio.Coro<Response> {
    const folderPath = path.join(root, ...names);
    let index: OpenedFile | null = null;
    try {
      index = yield* openOr404(root, path.join(folderPath, 'index.html'));
      if (index.stat.isFile()) return answerFile(request, index, 'index.html');
      index.close();
    } catch (error) {
      index?.close();
      if (!(error instanceof HttpError && error.status === 404)) throw error;
    }
    if (!listings) throw notFound();
    const title = `/${names.map((each) => `${each}/`).join('')}`;
    return {
      headers: {
        'Content-Type': 'text/html; charset=utf-8',
        'Cache-Control': 'no-cache',
        'Content-Security-Policy': "default-src 'none'",
      },
      body: yield* listFolder(folderPath, title, hidden),
    };
  }
}

/** The parts of a path, decoded. None of them leads up, or is two. */
function namesOf(encoded: string, hidden: boolean): string[] {
  const names: string[] = [];
  for (const part of encoded.split('/')) {
    if (part === '') continue;
    const name = decode(part);
    if (name.includes('\0')) throw new HttpError(400, 'the path has a null in it');
    if (name === '.' || name === '..' || SEPARATORS.test(name) || (name.startsWith('.') && !hidden)) {
      throw notFound();
    }
    names.push(name);
  }
  return names;
}

function decode(part: string): string {
  // The usual case needs no look at each byte.
  if (/^[\w.-]*$/.test(part)) return part;
  try {
    return decodeURIComponent(
      part.replaceAll(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16)}`),
    );
  } catch {
    throw new HttpError(400, 'the path is not percent-encoded UTF-8');
  }
}

function* openOr404(root: string, file: string): asyncio.Coro<OpenedFile> {
  try {
    const opened = yield* OpenedFile.open(root, file);
    if (opened !== null) return opened;
  } catch (error) {
    switch ((error as NodeJS.ErrnoException).code) {
      case 'ENOENT':
      case 'ENOTDIR':
      case 'ELOOP':
      case 'ENAMETOOLONG':
      case 'ENXIO': // a socket
        break;
      case 'EACCES':
      case 'EPERM':
        throw new HttpError(403, 'the file must not be read');
      case 'EMFILE':
      case 'ENFILE':
        throw new HttpError(503, 'too many files are open', { 'Retry-After': '1' });
      default:
        throw error;
    }
  }
  throw notFound();
}

function notFound(): HttpError {
  return new HttpError(404, 'there is no such file');
}

/** To the same folder with a slash at the end, so that what its page refers to is found. */
function redirect(names: readonly string[], query: string): Response {
  // Made of the names: the path as it came may begin with two slashes, which would be another host.
  const location = `/${names.map((each) => `${encodeURIComponent(each)}/`).join('')}${query}`;
  return { status: 301, headers: { Location: location } };
}

/** A file, a part of it, or that it has not changed. Whoever gets the answer closes the file, if it still has it. */
function answerFile(request: Request, file: OpenedFile, name: string): Response {
  const { size, mtimeMs } = file.stat;
  const validators: Validators = {
    etag: `"${size.toString(16)}-${Math.round(mtimeMs * 1000).toString(16)}"`,
    lastModified: new Date(Math.min(mtimeMs, Date.now())).toUTCString(),
  };
  const state = { ETag: validators.etag, 'Last-Modified': validators.lastModified };
  const verdict = evaluateConditions(request, validators);
  if (verdict === 412) throw new HttpError(412, 'the file has changed');
  if (verdict === 304) {
    file.close();
    return { status: 304, headers: state };
  }
  const range = requestedRange(request, size, validators);
  if (range === 'unsatisfiable') {
    throw new HttpError(416, `the file has ${size} bytes`, { 'Content-Range': `bytes */${size}` });
  }
  const { offset, length } = range ?? { offset: 0, length: size };
  const status = range === null ? 200 : 206;
  const headers: Record<string, string> = {
    'Content-Type': mediaTypeOf(name),
    ...state,
    'Accept-Ranges': 'bytes',
    'X-Content-Type-Options': 'nosniff',
  };
  if (range !== null) headers['Content-Range'] = `bytes ${offset}-${offset + length - 1}/${size}`;
  return { status, headers, body: { file, offset, length } };
}
