// Installs another Node beside the benchmarks: node bench/nodes.mjs 24
// It comes from the npm package `node`, lands in bench/.nodes/ and prints the path to hand to `run.mjs --node`.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

const version = process.argv[2];
if (!/^\d+(\.\d+){0,2}$/.test(version ?? '')) {
  console.error('usage: node bench/nodes.mjs VERSION      for example: node bench/nodes.mjs 24');
  process.exit(2);
}

const folder = join(import.meta.dirname, '.nodes', version);
const path = join(folder, 'node_modules/node/bin/node');
if (!existsSync(path)) {
  mkdirSync(folder, { recursive: true });
  execFileSync('npm', ['install', '--prefix', folder, '--no-save', '--no-package-lock', `node@${version}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}
execFileSync(path, ['--version']);
console.log(path);
