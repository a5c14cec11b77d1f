import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { childrenOf, noChildren } from './each-pool.js';
import { type Counts, runProgram } from './random-programs.js';

/** Programs; the first seed of the gate never changes, so that a failure stays one. More: test/long/random-pools.ts. */
const PROGRAMS = 300;
const PARTS = 10;

const counts: Counts = { programs: 0, futures: 0, ends: {} };

for (let part = 0; part < PARTS; part++) {
  const first = (part * PROGRAMS) / PARTS;
  test(`random programs: every future ends exactly once, seeds from ${first}`, async () => {
    for (let n = 0; n < PROGRAMS / PARTS; n++) await runProgram(first + n, counts);
  });
}

test('random programs end in every way', () => {
  if (counts.programs < PROGRAMS) return;
  for (const how of ['result', 'error', 'cancelled', 'timeout', 'broken']) {
    assert.ok((counts.ends[how] ?? 0) > 0, `none ended by ${how}: ${JSON.stringify(counts)}`);
  }
});

after(async () => {
  if (childrenOf() !== null) await noChildren();
});
