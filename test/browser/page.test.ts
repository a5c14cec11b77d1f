// Bundles page.ts under the `browser` condition, as an application does, and runs it: without the globals of Node, and in
// Chromium where that is installed.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
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
    { const { process } = globalThis;
      globalThis.print = (text) => process.stdout.write(text, () => process.exit());
      for (const name of ['process', 'Buffer', 'setImmediate', 'clearImmediate']) delete globalThis[name]; }`;
  await writeFile(file, `${prelude}\n${await bundle()}`);
  const { stdout } = await promisify(execFile)(process.execPath, [file], { timeout: 60_000 });
  judge(stdout);
});

test('the page runs in Chromium', {
  skip: existsSync(chromium) ? false : `there is no ${chromium}: install Debian's chromium, or set CHROMIUM`,
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tsyncio-page-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const page = join(folder, 'page.html');
  const script = (await bundle()).replaceAll('</script', '<\\/script');
  await writeFile(
    page,
    `<!doctype html><meta charset="utf-8"><body>not run</body><script type="module">${script}</script>`,
  );
  const { stdout } = await promisify(execFile)(
    chromium,
    [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      `--user-data-dir=${join(folder, 'profile')}`,
      '--virtual-time-budget=20000',
      '--dump-dom',
      pathToFileURL(page).href,
    ],
    { timeout: 100_000, maxBuffer: 2 ** 26 },
  );
  const body = /<body>([\s\S]*?)<\/body>/.exec(stdout)?.[1] ?? stdout;
  judge(body.replace(/<script[\s\S]*$/, ''));
});
