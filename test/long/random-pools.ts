// Random programs of pools, many of them: node build/test/long/random-pools.js [COUNT [FIRST SEED]]

import process from 'node:process';
import { childrenOf, noChildren } from '../concurrent/each-pool.js';
import { type Counts, runProgram } from '../concurrent/random-programs.js';

const [count = 1000, first = 1_000_000] = process.argv.slice(2).map(Number);
const counts: Counts = { programs: 0, futures: 0, ends: {} };
for (let n = 0; n < count; n++) await runProgram(first + n, counts);
if (childrenOf() !== null) await noChildren();
console.log(JSON.stringify(counts));
