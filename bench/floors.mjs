// Runs the floors: the least that the platform lets a thing cost. node bench/floors.mjs [words in the names]
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('floors/', import.meta.url));
const words = process.argv.slice(2);

for (const file of readdirSync(folder).sort()) {
  if (file === 'measure.mjs' || (words.length > 0 && !words.some((word) => file.includes(word)))) continue;
  console.log(`\n${file} on Node ${process.version}`);
  const { status } = spawnSync(process.execPath, [`${folder}${file}`], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
