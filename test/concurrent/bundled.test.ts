// Programs of users that a bundler has made one file of: the library within it, or left outside.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as esbuild from 'esbuild';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** What a program prints when it has been bundled. */
async function bundled(program: string, options: esbuild.BuildOptions): Promise<string> {
  // In the project, so that what was left outside is found.
  const folder = mkdtempSync(join(root, 'build', 'bundled-'));
  try {
    const outfile = join(folder, options.format === 'cjs' ? 'program.cjs' : 'program.mjs');
    await esbuild.build({
      stdin: { contents: program, resolveDir: root, loader: 'ts' },
      bundle: true,
      platform: 'node',
      logLevel: 'silent',
      outfile,
      ...options,
    });
    const { stdout } = await promisify(execFile)(process.execPath, [outfile]);
    return stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const withoutWorkers = `
  import * as asyncio from 'tsyncio';
  asyncio.run(async () => {
    console.log(await asyncio.sleep('1ms', 'slept'));
    console.log((await asyncio.runProcess(process.execPath, ['-p', '6 * 7'])).stdout.toString());
  });
`;

const withWorkers = `
  import { ThreadPoolExecutor, ProcessPoolExecutor } from 'tsyncio/concurrent';
  for (const Pool of [ThreadPoolExecutor, ProcessPoolExecutor]) {
    try {
      using pool = new Pool({ maxWorkers: 1 });
      console.log(pool.submit((n: number) => n + 1, 1).result());
    } catch (error) {
      console.log(String(error));
    }
  }
`;

for (const format of ['esm', 'cjs'] as const) {
  test(`a program that was bundled with the library runs as before (${format})`, async () => {
    assert.equal(await bundled(withoutWorkers, { format }), 'slept\n42\n\n');
  });

  test(`a pool in a program that was bundled with the library says what is missing, and what to do (${format})`, async () => {
    const [first, second] = (await bundled(withWorkers, { format, target: 'node20' })).trim().split('\n');
    assert.match(
      first as string,
      /^RuntimeError: Cannot start workers: tsyncio was bundled, .* external: \['tsyncio'\]$/,
    );
    assert.equal(second, first);
  });

  test(`a pool in a program that was bundled without the library runs its functions (${format})`, async () => {
    const external = ['tsyncio', 'tsyncio/concurrent'];
    assert.equal(await bundled(withWorkers, { format, external, target: 'node20' }), '2\n2\n');
  });
}
