// The example's server, compiled: examples/http-server. Node alone cannot import it, since its files name each other as `.js`.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '../../..');
const source = join(root, 'examples/http-server');
// Inside of the project, where the name `tsyncio` is known.
const target = join(root, 'build/bench/http-server');

await build({
  entryPoints: readdirSync(source).map((name) => join(source, name)),
  outdir: target,
  format: 'esm',
  target: 'es2022',
  logLevel: 'error',
});
const load = (name) => import(pathToFileURL(join(target, name)).href);

export const { HttpServer } = await load('http-server.js');
export const { staticFiles } = await load('static-files.js');
