// What importing the core costs at least: one file, minified to the last letter, against dist/ as it is.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';

const ROUNDS = 15;
const folder = fileURLToPath(new URL('../.floors/', import.meta.url));
const core = fileURLToPath(new URL('../../dist/core/index.js', import.meta.url));

mkdirSync(folder, { recursive: true });
writeFileSync(`${folder}empty.mjs`, '');
const files = { 'an empty file': `${folder}empty.mjs`, 'dist/core as it is': core };
for (const [name, options] of [
  ['one file', {}],
  ['one file without white space', { minifyWhitespace: true }],
  ['one file, minified', { minify: true }],
]) {
  const outfile = `${folder}${name.replace(/\W+/g, '-')}.mjs`;
  await esbuild.build({
    entryPoints: [core],
    outfile,
    bundle: true,
    format: 'esm',
    logLevel: 'error',
    ...options,
  });
  files[name] = outfile;
}

const program = (path) => `
  await import(${JSON.stringify(pathToFileURL(files['an empty file']).href)} + '?first');
  const before = process.cpuUsage();
  await import(${JSON.stringify(pathToFileURL(path).href)});
  const { user, system } = process.cpuUsage(before);
  console.log((user + system) / 1000);`;

const samples = new Map(Object.keys(files).map((name) => [name, []]));
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, path] of Object.entries(files)) {
    const out = execFileSync(process.execPath, ['--input-type=module', '-e', program(path)], {
      encoding: 'utf8',
    });
    samples.get(name).push(Number(out));
  }
}
for (const [name, times] of samples) {
  times.sort((a, b) => a - b);
  console.log(
    `${name.padEnd(58)} least ${times[0].toFixed(1).padStart(7)}   median ${times[ROUNDS >> 1].toFixed(1).padStart(7)} ms`,
  );
}
