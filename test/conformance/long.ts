/**
 * A long run of random programs against CPython:
 *
 *     node build/test/conformance/long.js --programs 100000 --kind generator|native|mixed|bare [--seed S] [--from N] [--oracle cpython]
 *
 * Ends with status 1 after the first few mismatches, shrunk, each with the command that shows it again.
 */

import { parseArgs } from 'node:util';
import { campaign, shrunk } from './campaign.js';
import { explain, type Mismatch } from './comparison.js';
import { cpythonOracle, pyodideOracle } from './oracle.js';
import { KINDS, type Kind } from './subject.js';

const { values } = parseArgs({
  options: {
    programs: { type: 'string', default: '10000' },
    kind: { type: 'string', default: 'generator' },
    seed: { type: 'string' },
    from: { type: 'string', default: '0' },
    oracle: { type: 'string', default: 'pyodide' },
    failures: { type: 'string', default: '5' },
  },
});
const kind = values.kind as Kind;
if (!KINDS.includes(kind)) throw new TypeError(`--kind must be one of ${KINDS.join(', ')}, not ${kind}`);
const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
const oracle = values.oracle === 'cpython' ? cpythonOracle() : await pyodideOracle();
if (oracle === null) throw new Error('Cannot compare: there is no python3 of version 3.13 or later');

class Enough extends Error {}
const found: { mismatch: Mismatch; number: number }[] = [];
const count = Number(values.programs);
const started = performance.now();
console.log(`${count} programs of seed ${seed}, ${kind}, against ${oracle.name}`);
let shown = started;
try {
  const figures = await campaign(oracle, {
    seed,
    counts: { [kind]: count },
    from: Number(values.from),
    onMismatch: (mismatch, number) => {
      found.push({ mismatch, number });
      if (found.length >= Number(values.failures)) throw new Enough();
    },
    onProgress: (done) => {
      if (performance.now() - shown < 5000) return;
      shown = performance.now();
      const rate = (done / (shown - started)) * 1000;
      console.log(`${done} of ${count}, ${rate.toFixed(0)} a second, ${found.length} mismatches`);
    },
  });
  const ours = (figures.ran.get(kind) ?? 0) / (figures.seconds.get(kind) ?? 1);
  const total = (performance.now() - started) / 1000;
  console.log(
    `${figures.programs} programs, ${figures.ran.get(kind)} of them ${kind}, ${figures.lines} trace lines, ` +
      `${((100 * figures.parked) / figures.programs).toFixed(1)} % cancel a parked task; ` +
      `${ours.toFixed(0)} programs a second here, ${(figures.programs / total).toFixed(0)} with the oracle`,
  );
} catch (error) {
  if (!(error instanceof Enough)) throw error;
}
for (const { mismatch, number } of found) {
  console.log(explain(await shrunk(mismatch, oracle), `program ${number} of seed ${seed}, `));
}
console.log(`${found.length} mismatches`);
await oracle.close();
process.exitCode = found.length > 0 ? 1 : 0;
