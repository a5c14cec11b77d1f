// Prints where the time went: node bench/profile.mjs bench/.profiles/switch-100.tsyncio.cpuprofile
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

for (const path of process.argv.slice(2)) {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(path, 'utf8'));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const own = new Map();
  let total = 0;
  samples.forEach((id, i) => {
    const { functionName, url, lineNumber } = byId.get(id).callFrame;
    const place = url ? ` ${basename(url)}:${lineNumber + 1}` : '';
    const name = `${functionName || '(anonymous)'}${place}`;
    own.set(name, (own.get(name) ?? 0) + timeDeltas[i]);
    total += timeDeltas[i];
  });
  console.log(`\n${basename(path)}: ${Math.round(total / 1000)} ms`);
  const ranked = [...own].sort((a, b) => b[1] - a[1]).slice(0, 15);
  for (const [name, time] of ranked)
    console.log(`${((100 * time) / total).toFixed(1).padStart(6)} %  ${name}`);
}
