/**
 * fast-check with the gate's seed: the same examples in every run, so that a change is red only for what it has done.
 * `PROPERTY_SEED=7` gives other examples, `PROPERTY_SEED=any` others each time.
 */

import process from 'node:process';
import fc from 'fast-check';

const chosen = process.env.PROPERTY_SEED;

if (chosen !== 'any') fc.configureGlobal({ seed: chosen === undefined ? 20261122 : Number(chosen) });

export default fc;
