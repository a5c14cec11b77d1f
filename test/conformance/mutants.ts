/**
 * Runs the kit against every mutant of the core:
 *
 *     node build/test/conformance/mutants.js [--kind generator|native|mixed|bare] [--seed S] [--only WORDS]
 *
 * Ends with status 1 if one of them lives through 2,000 random programs.
 */

import { parseArgs } from 'node:util';
import { CONTROL, killed, MUTANTS, mutated } from './mutation.js';
import { pyodideOracle } from './oracle.js';
import type { Kind } from './subject.js';

const { values } = parseArgs({
  options: {
    kind: { type: 'string', default: 'generator' },
    seed: { type: 'string', default: '1' },
    programs: { type: 'string', default: '2000' },
    only: { type: 'string', default: '' },
  },
});

const mutants = MUTANTS.filter(({ title }) => title.includes(values.only));
for (const mutant of mutants) mutated(mutant); // all of them fit the source, or nothing runs
const oracle = await pyodideOracle();
if ((await killed(CONTROL, oracle, values.kind as Kind, 100)).program !== null) {
  throw new Error('Cannot judge the mutants: the core without a defect does not pass');
}
let living = 0;
for (const mutant of mutants) {
  const started = performance.now();
  const verdict = await killed(
    mutant,
    oracle,
    values.kind as Kind,
    Number(values.programs),
    Number(values.seed),
  );
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (verdict.program === null) {
    living += 1;
    console.log(`LIVES   ${mutant.title} (${verdict.programs} programs, ${seconds} s)`);
  } else {
    console.log(`killed  ${mutant.title} (program ${verdict.programs}, ${seconds} s)`);
  }
}
console.log(`${mutants.length - living} of ${mutants.length} mutants killed`);
await oracle.close();
process.exitCode = living > 0 ? 1 : 0;
