/** Downloads many files at once: so many at a time, with retries, into files that are whole or not there. */

import * as asyncio from 'tsyncio';

export interface Download {
  readonly url: string;
  /** Where it goes. */
  readonly path: asyncio.Path;
}

/** What is told of a download. `total` is unknown while the server has not said it. */
export interface Progress {
  readonly download: Download;
  readonly received: number;
  readonly total: number | null;
  readonly state: 'waiting' | 'receiving' | 'retrying' | 'done' | 'failed';
}

export interface DownloaderOptions {
  /** How many at a time. */
  concurrency?: number;
  /** How often a download that failed is tried again. */
  retries?: number;
  /** The pause before the first retry; it doubles with each. */
  pause?: number;
  /** How long the server may take to begin its answer, and between two pieces of it. */
  patience?: asyncio.Duration;
  onProgress?: (progress: Progress) => void;
}

/** The server's answer was not the file. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  /** Whether it may go better next time. */
  readonly temporary: boolean;

  constructor(url: string, status: number) {
    super(`Cannot download ${url}: the server answered ${status}`);
    this.status = status;
    this.temporary = status === 429 || status === 408 || status >= 500;
  }
}

/** Downloads all; gives, in their order, how many bytes each has, or the error that it ended with. */
export async function downloadAll(
  downloads: readonly Download[],
  options: DownloaderOptions = {},
): Promise<(number | Error)[]> {
  const turns = new asyncio.Semaphore(options.concurrency ?? 4);
  return await asyncio.gather(
    downloads.map((each) => async () => {
      using _turn = await turns.guard();
      return await withRetries(each, options);
    }),
    { returnExceptions: true },
  );
}

async function withRetries(download: Download, options: DownloaderOptions): Promise<number> {
  const { retries = 4, pause = 0.5, onProgress = () => {} } = options;
  for (let attempt = 0; ; attempt++) {
    try {
      return await receive(download, options);
    } catch (error) {
      asyncio.rethrowBase(error); // a cancellation is no failure
      const hopeless = error instanceof HttpError && !error.temporary;
      if (hopeless || attempt === retries) {
        onProgress({ download, received: 0, total: null, state: 'failed' });
        throw error;
      }
      onProgress({ download, received: 0, total: null, state: 'retrying' });
      // Not all at the same moment.
      await asyncio.sleep(pause * 2 ** attempt * (0.5 + Math.random()));
    }
  }
}

async function receive(download: Download, options: DownloaderOptions): Promise<number> {
  const { patience = 30, onProgress = () => {} } = options;
  const { url, path } = download;
  const response = (await asyncio.timeout(patience).run(() => asyncio.fetch(url))) as Response;
  const { body } = response;
  if (!response.ok || body === null) {
    await body?.cancel();
    throw new HttpError(url, response.status);
  }
  const length = response.headers.get('content-length');
  const total = length === null || response.headers.has('content-encoding') ? null : Number(length);
  // A cancellation ends the reading, and lets the connection go.
  const reader = asyncio.fromReadable(body as import('node:stream/web').ReadableStream<Uint8Array>);
  try {
    return await asyncio.atomicFile(path, 'wb', { fsync: false }).run(async (file) => {
      let received = 0;
      for (;;) {
        const piece = await asyncio.timeout(patience).run(() => reader.read(256 * 1024));
        if (piece.length === 0) break;
        received += await file.write(piece);
        onProgress({ download, received, total, state: 'receiving' });
      }
      onProgress({ download, received, total, state: 'done' });
      return received;
    });
  } finally {
    reader.close();
  }
}
