/** What it means that two traces agree, and what is printed when they do not. */

import type { Trace } from './oracle.js';
import type { Program } from './program.js';
import type { Kind } from './subject.js';

export interface Mismatch {
  readonly program: Program;
  readonly kind: Kind;
  readonly oracle: string;
  readonly expected: Trace;
  readonly actual: Trace;
}

/** The first line in which two traces differ, or -1. */
export function firstDifference(expected: Trace, actual: Trace): number {
  const length = Math.max(expected.length, actual.length);
  for (let i = 0; i < length; i += 1) {
    if (expected[i] !== actual[i]) return i;
  }
  return -1;
}

const LINES_BEFORE = 12;

/** A mismatch in words: the last lines that agree, the two that do not, the program, and how to see it again. */
export function explain({ program, kind, oracle, expected, actual }: Mismatch, where = ''): string {
  const at = firstDifference(expected, actual);
  const before = expected.slice(Math.max(0, at - LINES_BEFORE), at).map((line) => `    ${line}`);
  const json = JSON.stringify(program);
  return [
    `${where}${kind}: trace line ${at + 1} differs (time iteration task frame event)`,
    ...before,
    `  - ${expected[at] ?? '(end)'}    <- ${oracle}`,
    `  + ${actual[at] ?? '(end)'}    <- tsyncio`,
    `  program: ${json}`,
    `  again:   node build/test/conformance/replay.js --kind ${kind} --program '${json.replaceAll("'", String.raw`'\''`)}'`,
  ].join('\n');
}
