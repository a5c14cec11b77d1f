// Bundles page.ts under the `browser` condition, as an application does, and runs it: without the globals of Node, and in
// Chromium where that is installed.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as esbuild from 'esbuild';

const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium';

async function bundle(): Promise<string> {
  const { outputFiles } = await esbuild.build({
    entryPoints: [fileURLToPath(new URL('page.js', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    conditions: ['browser'],
    target: 'es2022',
  });
  return (outputFiles[0] as esbuild.OutputFile).text;
}

/** Every line but the last reports one check. */
function judge(report: string): void {
  const lines = report.trim().split('\n');
  assert.equal(lines.at(-1), 'ended', report);
  assert.ok(lines.length > 10);
  assert.deepEqual(
    lines.filter((line) => !line.startsWith('ok ') && line !== 'ended'),
    [],
  );
}

/** A server of `/endless`, a body that never ends; `more` answers the rest. */
async function serve(t: TestContext, more: http.RequestListener): Promise<string> {
  const server = http.createServer((request, response) => {
    if (request.url === '/endless') response.write('part');
    else more(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('the bundle for browsers needs nothing of Node', async () => {
  assert.doesNotMatch(
    await bundle(),
    /(from|import\()\s*["']node:|\brequire\(|getBuiltinModule|\bprocess\.\w/,
  );
});

test('the page runs without the globals of Node', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tsyncio-page-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'page.mjs');
  // A message port would keep this process alive.
  const prelude = `
    await globalThis.fetch('data:,'); // loads what Node's fetch needs
    { const { process } = globalThis;
      globalThis.reportPage = (text) => process.stdout.write(text, () => process.exit());
      for (const name of ['process', 'setImmediate', 'clearImmediate']) delete globalThis[name]; }`;
  await writeFile(file, `${prelude}\n${await bundle()}`);
  const { stdout } = await promisify(execFile)(process.execPath, [file], { timeout: 30_000 });
  judge(stdout);
});

const unavailable = existsSync(chromium)
  ? false
  : `there is no ${chromium}: install Debian's chromium, or set CHROMIUM`;

test('the page runs in Chromium', { skip: unavailable, timeout: 60_000 }, async (t) => {
  const page = `<!doctype html><meta charset="utf-8"><title>tsyncio</title>
    <script>endless = '/endless'; reportPage = (text) => fetch('/report', { method: 'POST', body: text });</script>
    <script type="module" src="/page.js"></script>`;
  const source = await bundle();
  let tell = (_: string): void => {};
  const report = new Promise<string>((resolve) => {
    tell = resolve;
  });
  const url = await serve(t, async (request, response) => {
    if (request.url === '/page.js') {
      response.setHeader('content-type', 'text/javascript').end(source);
    } else if (request.url === '/report') {
      tell(await text(request));
      response.end();
    } else {
      response.setHeader('content-type', 'text/html').end(page);
    }
  });
  const profile = await mkdtemp(join(tmpdir(), 'tsyncio-chromium-'));
  const browser = spawn(
    chromium,
    [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--remote-debugging-port=0', // keeps it open
      `--user-data-dir=${profile}`,
      `${url}/`,
    ],
    { stdio: 'ignore' },
  );
  const ended = once(browser, 'close');
  t.after(async () => {
    browser.kill();
    await ended;
    await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  });
  judge(await Promise.race([report, ended.then(([code]) => `the browser ended with exit code ${code}`)]));
});
