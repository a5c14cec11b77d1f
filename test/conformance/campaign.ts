/** Runs many programs on tsyncio and on an oracle, and collects what differs. */

import { firstDifference, type Mismatch } from './comparison.js';
import { generate } from './generate.js';
import type { Oracle, Trace } from './oracle.js';
import type { Program } from './program.js';
import { shrink } from './shrink.js';
import { canRun, type Kind, trace } from './subject.js';

/** After how many milliseconds a run counts as hanging. Programs take one or two. */
const PATIENCE = 20_000;

/** The trace of a program, or one line that says how the run broke down. `run` is the runner of the core under test. */
export async function actualTrace(program: Program, kind: Kind, run = trace): Promise<Trace> {
  let timer: NodeJS.Timeout | undefined;
  const hanging = new Promise<Trace>((resolve) => {
    timer = setTimeout(resolve, PATIENCE, ['The run broke down: it hangs']);
  });
  try {
    return await Promise.race([run(program, kind), hanging]);
  } catch (error) {
    return [`The run broke down: ${error instanceof Error ? error.stack : String(error)}`];
  } finally {
    clearTimeout(timer);
  }
}

/** What differs, or null. */
export async function compare(
  program: Program,
  kind: Kind,
  oracle: Oracle,
  expected: Trace,
): Promise<Mismatch | null> {
  const actual = await actualTrace(program, kind);
  if (firstDifference(expected, actual) < 0) return null;
  return { program, kind, oracle: oracle.name, expected, actual };
}

/** The same mismatch in a smaller program. */
export async function shrunk({ program, kind, oracle: name }: Mismatch, oracle: Oracle): Promise<Mismatch> {
  const fails = async (candidates: readonly Program[]): Promise<Program | null> => {
    const possible = candidates.filter((each) => canRun(each, kind) && oracle.knows(each));
    const expected = await oracle.traces(possible);
    for (const [i, candidate] of possible.entries()) {
      if ((await compare(candidate, kind, oracle, expected[i] as Trace)) !== null) return candidate;
    }
    return null;
  };
  const smallest = await shrink(program, fails);
  const [expected = []] = await oracle.traces([smallest]);
  const mismatch = await compare(smallest, kind, oracle, expected);
  return (
    mismatch ?? {
      program: smallest,
      kind,
      oracle: name,
      expected,
      actual: ['(not seen again: the program behaves differently each time)'],
    }
  );
}

/** Whether a trace shows that a task was cancelled where it waited. */
export function cancelsParkedTask(trace: Trace): boolean {
  return trace.some((line) => line.endsWith("-> 'parked True'"));
}

export interface Figures {
  readonly programs: number;
  /** How many of them cancel a task that is parked. */
  readonly parked: number;
  readonly lines: number;
  /** How long our side took, in seconds, by kind. */
  readonly seconds: ReadonlyMap<Kind, number>;
  /** How many programs ran, by kind (eager programs are for one kind only). */
  readonly ran: ReadonlyMap<Kind, number>;
}

/** How many programs go to the oracle at once. The next batch is traced there while this one runs here. */
const BATCH = 250;

/**
 * Runs the programs of a seed, beginning with number `from`, in each of the kinds; `counts` says how many in which.
 * `onMismatch` is told of each difference, with the number of its program; `onProgress` of the number of programs done.
 */
export async function campaign(
  oracle: Oracle,
  options: {
    readonly seed: number;
    readonly counts: Readonly<Partial<Record<Kind, number>>>;
    readonly from?: number;
    readonly onMismatch: (mismatch: Mismatch, number: number) => void | Promise<void>;
    readonly onProgress?: (done: number) => void;
  },
): Promise<Figures> {
  const { seed, counts, from = 0 } = options;
  const kinds = Object.keys(counts) as Kind[];
  const count = Math.max(...Object.values(counts));
  const seconds = new Map<Kind, number>(kinds.map((kind) => [kind, 0]));
  const ran = new Map<Kind, number>(kinds.map((kind) => [kind, 0]));
  let parked = 0;
  let lines = 0;
  let programs = 0;
  interface Batch {
    readonly numbers: readonly number[];
    readonly programs: readonly Program[];
    readonly expected: Promise<readonly Trace[]>;
  }
  const start = (first: number): Batch | null => {
    if (first >= from + count) return null;
    const all = Array.from({ length: Math.min(BATCH, from + count - first) }, (_, i) => first + i);
    const numbers: number[] = [];
    const batch: Program[] = [];
    for (const number of all) {
      const program = generate(seed, number);
      if (!oracle.knows(program)) continue;
      numbers.push(number);
      batch.push(program);
    }
    return { numbers, programs: batch, expected: oracle.traces(batch) };
  };
  let first = from;
  for (let batch = start(first); batch !== null; ) {
    const expected = await batch.expected;
    first += BATCH;
    const next = start(first);
    for (const [i, program] of batch.programs.entries()) {
      const wanted = expected[i] as Trace;
      programs += 1;
      lines += wanted.length;
      if (cancelsParkedTask(wanted)) parked += 1;
      for (const kind of kinds) {
        const number = batch.numbers[i] as number;
        if (number - from >= (counts[kind] ?? 0) || !canRun(program, kind)) continue;
        const started = performance.now();
        const mismatch = await compare(program, kind, oracle, wanted);
        seconds.set(kind, (seconds.get(kind) ?? 0) + (performance.now() - started) / 1000);
        ran.set(kind, (ran.get(kind) ?? 0) + 1);
        if (mismatch !== null) await options.onMismatch(mismatch, number);
      }
    }
    options.onProgress?.(Math.min(first - from, count));
    batch = next;
  }
  return { programs, parked, lines, seconds, ran };
}
