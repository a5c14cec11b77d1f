/**
 * Shows one program's traces side by side:
 *
 *     node build/test/conformance/replay.js --kind generator --program '{"objects":…}'
 *     node build/test/conformance/replay.js --kind native --seed 7 --number 123 [--shrink]
 *     node build/test/conformance/replay.js --kind mixed --title 'Lock: …'
 */

import { parseArgs } from 'node:util';
import { actualTrace, compare, shrunk } from './campaign.js';
import { explain } from './comparison.js';
import { generate } from './generate.js';
import { cpythonOracle, pyodideOracle, type Trace } from './oracle.js';
import type { Program } from './program.js';
import { programs } from './programs/index.js';
import type { Kind } from './subject.js';

const { values } = parseArgs({
  options: {
    program: { type: 'string' },
    title: { type: 'string' },
    seed: { type: 'string' },
    number: { type: 'string', default: '0' },
    kind: { type: 'string', default: 'generator' },
    shrink: { type: 'boolean', default: false },
    oracle: { type: 'string', default: 'pyodide' },
  },
});

function chosen(): Program {
  if (values.program !== undefined) return JSON.parse(values.program) as Program;
  if (values.seed !== undefined) return generate(Number(values.seed), Number(values.number));
  const found = values.title === undefined ? undefined : programs[values.title];
  if (found === undefined)
    throw new Error(`Cannot replay: no program is titled ${values.title}; give --program, --seed or --title`);
  return found;
}

const oracle = values.oracle === 'cpython' ? cpythonOracle() : await pyodideOracle();
if (oracle === null) throw new Error('Cannot compare: there is no python3 of version 3.13 or later');
const kind = values.kind as Kind;
const program = chosen();
const [expected = []] = await oracle.traces([program]);
const actual: Trace = await actualTrace(program, kind);
const length = Math.max(expected.length, actual.length);
for (let i = 0; i < length; i += 1) {
  if (expected[i] === actual[i]) {
    console.log(`  ${expected[i]}`);
  } else {
    if (i < expected.length) console.log(`- ${expected[i]}    <- ${oracle.name}`);
    if (i < actual.length) console.log(`+ ${actual[i]}    <- tsyncio`);
  }
}
const mismatch = await compare(program, kind, oracle, expected);
if (mismatch !== null) {
  console.log(explain(values.shrink ? await shrunk(mismatch, oracle) : mismatch));
  process.exitCode = 1;
} else {
  console.log('The traces are the same.');
}
await oracle.close();
