import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Files that Node cannot run by itself in any version: an enum, and .js for .ts. */
const files = {
  'colour.ts': `
    import { shade } from './shade.js';
    export enum Colour { Red = 1, Green }
    export function paint(n: number): string { return Colour[n] + shade(); }`,
  'shade.ts': `export const shade = (): string => '!';`,
  'main.ts': `
    import { isMainThread } from 'node:worker_threads';
    import { ProcessPoolExecutor, ThreadPoolExecutor, workerRef } from 'tsyncio/concurrent';
    import { paint } from './colour.js';

    enum Local { Offset = 7 }
    export function own(n: number): number { return n + Local.Offset; }

    export function main(): void {
      for (const Pool of [ThreadPoolExecutor, ProcessPoolExecutor]) {
        using pool = new Pool({ maxWorkers: 1 });
        const futures = [
          pool.submit((n: number): number => { const twice = (x: number): number => 2 * x; return twice(n); }, 4),
          pool.submit(async (n: number) => (await import('./colour.js')).paint(n), 2),
          pool.submit(workerRef(new URL('./colour.ts', import.meta.url), 'paint', paint), 1),
          pool.submit(workerRef(import.meta.url, 'own', own), 1),
        ];
        console.log(Pool.name, futures.map((future) => future.result()).join(' '));
      }
    }
    if (process.argv[2] === 'main' && isMainThread) main();`,
};
const printed = 'ThreadPoolExecutor 8 Green! Red! 8\nProcessPoolExecutor 8 Green! Red! 8\n';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'tsyncio-typescript-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules', 'tsyncio'));
  symlinkSync(join(root, 'node_modules', 'tsx'), join(folder, 'node_modules', 'tsx'));
  for (const type of ['module', 'commonjs']) {
    mkdirSync(join(folder, type));
    writeFileSync(join(folder, type, 'package.json'), JSON.stringify({ type }));
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, type, name), content);
  }
});
after(() => rmSync(folder, { recursive: true, force: true }));

for (const type of ['module', 'commonjs'] as const) {
  for (const [how, args] of [
    ['node --import tsx', ['--import', 'tsx', 'main.ts', 'main']],
    ['tsyncio run', [join(root, 'dist', 'cli', 'main.js'), 'run', 'main.ts']],
  ] as const) {
    test(`workers import TypeScript modules (${type}) under ${how}`, async () => {
      const { NODE_OPTIONS: _, ...env } = process.env;
      const child = spawn(process.execPath, args, { cwd: join(folder, type), env, stdio: 'pipe' });
      const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
      assert.equal(stderr, '');
      assert.equal(stdout, printed);
    });
  }
}
