/**
 * Programs run here and on CPython, and their traces are the same, line for line.
 *
 * The oracle is CPython 3.14 from the npm package pyodide; the programs written by hand are also compared with the
 * python3 of the machine, if there is one of version 3.13 or later.
 */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { actualTrace, campaign, compare, shrunk } from './campaign.js';
import { explain, type Mismatch } from './comparison.js';
import { generate } from './generate.js';
import { CONTROL, killed, MUTANTS, mutated } from './mutation.js';
import { cpythonOracle, type Oracle, pyodideOracle, type Trace } from './oracle.js';
import type { Program } from './program.js';
import { programs } from './programs/index.js';
import { shrink } from './shrink.js';
import { canRun, KINDS } from './subject.js';

/** How many random programs run in each kind. */
const PROGRAMS = { generator: 2000, native: 2000, mixed: 500, bare: 250 };
/** Their seed; CONFORMANCE_SEED chooses another one. */
const SEED = Number(process.env.CONFORMANCE_SEED ?? 1);
/** How many of the random programs must cancel a task that is parked in a wait. */
const PARKED_SHARE = 0.3;
/** The mutants of the core that are run in the gate, as a sample; `node build/test/conformance/mutants.js` runs all. */
const SAMPLE = [
  'a release of a lock wakes nobody',
  'a timeout does not uncancel',
  'gather() does not pass a cancellation on',
];

let oracle: Oracle;
before(async () => {
  oracle = await pyodideOracle();
});
after(() => oracle.close());

describe('conformance: programs written by hand', () => {
  const titles = Object.keys(programs);
  let expected: Trace[];
  before(async () => {
    expected = await oracle.traces(Object.values(programs));
  });
  for (const kind of KINDS) {
    describe(kind, () => {
      for (const [i, title] of titles.entries()) {
        const program: Program | undefined = programs[title];
        if (program === undefined || !canRun(program, kind)) continue;
        test(title, async () => {
          const mismatch = await compare(program, kind, oracle, expected[i] as Trace);
          assert.equal(mismatch, null, mismatch === null ? '' : explain(mismatch));
        });
      }
    });
  }

  test('CPython of this machine agrees with pyodide', async (t) => {
    const other = cpythonOracle();
    if (other === null) {
      t.skip('no python3 of version 3.13 or later');
      return;
    }
    t.diagnostic(other.name);
    for (const [i, program] of Object.values(programs).entries()) {
      if (!other.knows(program)) continue;
      const theirs: Trace[] = await other.traces([program]);
      assert.deepEqual(theirs[0], expected[i], titles[i]);
    }
    await other.close();
  });
});

describe('conformance: random programs', () => {
  test('programs in each coroutine kind have the traces of CPython, and enough cancel a parked task', async (t) => {
    const found: { mismatch: Mismatch; number: number }[] = [];
    const figures = await campaign(oracle, {
      seed: SEED,
      counts: PROGRAMS,
      onMismatch: (mismatch, number) => void found.push({ mismatch, number }),
    });
    for (const kind of KINDS) {
      const rate = (figures.ran.get(kind) ?? 0) / (figures.seconds.get(kind) ?? 1);
      t.diagnostic(`${figures.ran.get(kind)} ${kind} programs, ${rate.toFixed(0)} a second`);
    }
    t.diagnostic(
      `${figures.lines} trace lines; ${((100 * figures.parked) / figures.programs).toFixed(1)} % cancel a parked task`,
    );
    const [first] = found;
    if (first !== undefined) {
      assert.fail(
        `${found.length} programs differ; the first, made small: ` +
          explain(await shrunk(first.mismatch, oracle), `program $first.numberof seed $SEED, `),
      );
    }
    assert.ok(
      figures.parked / figures.programs >= PARKED_SHARE,
      `only ${figures.parked} of ${figures.programs} cancel a parked task`,
    );
  });
});

describe('conformance: the kit itself', () => {
  test('generate() makes the same program for the same seed and number', () => {
    assert.deepEqual(generate(5, 17), generate(5, 17));
    assert.notDeepEqual(generate(5, 17), generate(5, 18));
  });

  test('shrink() leaves nothing of a program that always fails', async () => {
    const smallest = await shrink(generate(5, 17), async (candidates) => candidates[0] ?? null);
    assert.deepEqual(smallest, { objects: {}, functions: [[]] });
  });

  test('shrink() keeps what the failure needs', async () => {
    const program: Program = {
      objects: { l0: ['lock'] },
      functions: [
        [
          ['spawn', 's0', 1],
          ['sleep', 3],
          [
            'timeout',
            'x0',
            2,
            [
              ['cancel', 's0'],
              ['sleep', 1],
            ],
          ],
          ['acquire', 'l0'],
        ],
        [['sleep', 9]],
      ],
    };
    const smallest = await shrink(
      program,
      async (candidates) => candidates.find((each) => JSON.stringify(each).includes('cancel')) ?? null,
    );
    assert.deepEqual(smallest, { objects: {}, functions: [[['cancel', 's0']]] });
  });

  test('a program runs the same way twice', async () => {
    for (let number = 0; number < 50; number += 1) {
      for (const kind of KINDS) {
        const program = generate(9, number);
        if (!canRun(program, kind)) continue;
        assert.deepEqual(await actualTrace(program, kind), await actualTrace(program, kind));
      }
    }
  });

  test('every mutant fits the source of the core', () => {
    for (const mutant of MUTANTS) assert.notEqual(mutated(mutant), '');
  });

  for (const kind of KINDS) {
    test(`a core without a defect, built as the mutants are, is not found out: ${kind}`, async () => {
      const verdict = await killed(CONTROL, oracle, kind, 100);
      assert.equal(verdict.program, null);
      assert.ok(verdict.programs > 80);
    });
  }

  for (const title of SAMPLE) {
    test(`a mutant is found out: ${title}`, async () => {
      const mutant = MUTANTS.find((each) => each.title === title);
      assert.ok(mutant !== undefined);
      const verdict = await killed(mutant, oracle);
      assert.ok(verdict.program !== null, 'no program told it from the original');
    });
  }
});
