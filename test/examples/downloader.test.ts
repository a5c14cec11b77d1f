/** The downloader, against a server of the test's own: retries, limits, and that nothing half is left. */

import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import {
  type Download,
  downloadAll,
  HttpError,
  type Progress,
} from '../../examples/downloader/downloader.js';
import { download } from '../../examples/downloader/index.js';
import { inFolder } from '../node/file-stage.js';

const content = Buffer.alloc(1_000_000, 'content of a file ');

interface Web {
  readonly url: string;
  /** What was asked for, in order. */
  readonly asked: string[];
  /** The most that were answered at a time. */
  most(): number;
  /** Lets the answers go on that wait. */
  release(): void;
}

/** A server: /ok/… answers, /flaky/… at the third time, /broken/… ends too early, /slow/… never ends, all else is 404. */
async function withServer(body: (web: Web) => Promise<void>): Promise<void> {
  const asked: string[] = [];
  const tries = new Map<string, number>();
  let open = 0;
  let most = 0;
  const waiting: (() => void)[] = [];
  const server = http.createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    open += 1;
    most = Math.max(most, open);
    response.on('close', () => {
      open -= 1;
    });
    const times = (tries.get(path) ?? 0) + 1;
    tries.set(path, times);
    const send = () => {
      response.writeHead(200, { 'content-length': content.length });
      response.end(content);
    };
    if (path.startsWith('/ok/')) send();
    else if (path.startsWith('/gated/')) waiting.push(send);
    else if (path.startsWith('/flaky/')) times < 3 ? response.writeHead(503).end('busy') : send();
    else if (path.startsWith('/broken/') || path.startsWith('/slow/')) {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 500_000), () => {
        if (path.startsWith('/broken/')) response.destroy();
      });
    } else response.writeHead(404).end('no');
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    await body({
      url,
      asked,
      most: () => most,
      release: () => waiting.splice(0).forEach((send) => void send()),
    });
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const inFolderWithServer = (body: (web: Web, at: (...names: string[]) => string) => Promise<void>) =>
  inFolder((at) => withServer((web) => body(web, at)));

test('downloads are whole; what fails for a while is tried again, what is not there is not', async () => {
  await inFolderWithServer(async (web, at) => {
    const names = ['ok/a', 'flaky/b', 'none/c', 'ok/d'];
    const downloads: Download[] = names.map((name) => ({
      url: `${web.url}/${name}`,
      path: new asyncio.Path(at(name.replace('/', '-'))),
    }));
    const told: Progress[] = [];
    const results = await asyncio.run(() =>
      downloadAll(downloads, { pause: 0, onProgress: (progress) => void told.push(progress) }),
    );
    assert.deepEqual(
      results.map((each) => (each instanceof HttpError ? each.status : each)),
      [content.length, content.length, 404, content.length],
    );
    assert.deepEqual(web.asked.filter((path) => path === '/flaky/b').length, 3);
    assert.deepEqual(web.asked.filter((path) => path === '/none/c').length, 1);
    assert.deepEqual(fs.readdirSync(at()).sort(), ['flaky-b', 'ok-a', 'ok-d']);
    for (const name of fs.readdirSync(at())) assert.ok(fs.readFileSync(at(name)).equals(content), name);
    const last = told.filter((each) => each.download === downloads[0]).at(-1);
    assert.deepEqual([last?.state, last?.received, last?.total], ['done', content.length, content.length]);
    assert.equal(told.filter((each) => each.state === 'retrying').length, 2);
  });
});

test('an answer that breaks off fails after its retries, and leaves the old file alone', async () => {
  await inFolderWithServer(async (web, at) => {
    fs.writeFileSync(at('file'), 'old');
    const [result] = await asyncio.run(() =>
      downloadAll([{ url: `${web.url}/broken/x`, path: new asyncio.Path(at('file')) }], {
        retries: 2,
        pause: 0,
      }),
    );
    assert.ok(result instanceof Error);
    assert.equal(web.asked.length, 3);
    assert.deepEqual(fs.readdirSync(at()), ['file']);
    assert.equal(fs.readFileSync(at('file'), 'utf8'), 'old');
  });
});

test('no more downloads than allowed are under way', async () => {
  await inFolderWithServer(async (web, at) => {
    const downloads = Array.from({ length: 9 }, (_, i) => ({
      url: `${web.url}/gated/${i}`,
      path: new asyncio.Path(at(String(i))),
    }));
    const results = await asyncio.run(async () => {
      const all = asyncio.createTask(() => downloadAll(downloads, { concurrency: 3 }));
      while (!all.done()) {
        web.release();
        await asyncio.sleep(0.001);
      }
      return await all;
    });
    assert.deepEqual(results, Array(9).fill(content.length));
    assert.ok(web.most() <= 3, `${web.most()} at a time`);
  });
});

test('a server that stalls is given up; a cancellation leaves nothing half', async () => {
  await inFolderWithServer(async (web, at) => {
    const stalled = [{ url: `${web.url}/slow/x`, path: new asyncio.Path(at('x')) }];
    const [result] = await asyncio.run(() => downloadAll(stalled, { retries: 0, patience: 0.05 }));
    assert.ok(result instanceof asyncio.TimeoutError, String(result));
    await asyncio.run(async () => {
      const begun = new asyncio.Event();
      const task = asyncio.createTask(() => downloadAll(stalled, { onProgress: () => begun.set() }));
      await asyncio.timeout(60).run(() => begun.wait());
      task.cancel();
      await asyncio.wait([task]);
      assert.equal(task.cancelled(), true);
    });
    assert.deepEqual(fs.readdirSync(at()), []);
  });
});

test('the program downloads what its arguments name, and says what failed', async () => {
  await inFolderWithServer(async (web, at) => {
    const screen = new PassThrough();
    let shown = '';
    screen.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
    });
    const failures = await asyncio.run(() =>
      download(
        ['-o', at('new', 'folder'), '-c', '2', `${web.url}/ok/a.txt`, `${web.url}/none/b%2Fc`],
        screen,
      ),
    );
    assert.equal(failures, 1);
    assert.deepEqual(fs.readdirSync(at('new', 'folder')), ['a.txt']);
    assert.match(shown, /Cannot download http.*\/none\/b%2Fc: the server answered 404/);
    await assert.rejects(
      asyncio.run(() => download([], screen)),
      asyncio.SystemExit,
    );
  });
});
