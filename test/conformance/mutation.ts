/**
 * Mutants of the core, and how the kit finds them out: a defect is put into the source, the result is bundled, and the
 * random programs run on it until a trace differs from CPython's.
 */

import { readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { actualTrace } from './campaign.js';
import { firstDifference } from './comparison.js';
import { generate } from './generate.js';
import type { Oracle, Trace } from './oracle.js';
import type { Program } from './program.js';
import { canRun, type Kind } from './subject.js';

/** A defect: `find`, which stands in `file` (below src/core) exactly once, becomes `replace`. */
export interface Mutant {
  readonly title: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** In programs of which kind it shows, if not in all. */
  readonly kind?: Kind;
}

/** No defect at all: it must live, or the way mutants are built is at fault. */
export const CONTROL: Mutant = {
  title: 'no defect',
  file: 'ring.ts',
  find: 'this.#head = 0;\n    this.#size = 0;',
  replace: 'this.#head = 0;\n    this.#size = 0;',
};

export const MUTANTS: readonly Mutant[] = [
  {
    title: 'the ready queue is last in, first out',
    file: 'ring.ts',
    find: `const head = this.#head;
    const item = this.#slots[head] as T;
    this.#slots[head] = undefined;
    this.#head = (head + 1) & (this.#slots.length - 1);`,
    replace: `const head = (this.#head + this.#size - 1) & (this.#slots.length - 1);
    const item = this.#slots[head] as T;
    this.#slots[head] = undefined;`,
  },
  {
    title: 'timers of one deadline run in reverse',
    file: 'timer-heap.ts',
    find: 'if (parentWhen < when || (parentWhen === when && (orders[parent] as number) < order)) break;',
    replace: 'if (parentWhen < when) break;',
  },
  {
    title: 'done callbacks run in reverse',
    file: 'futures.ts',
    find: 'if (Array.isArray(waiters)) for (const waiter of waiters)',
    replace: 'if (Array.isArray(waiters)) for (const waiter of waiters.reverse())',
  },
  {
    title: 'sleep(0) does not yield',
    file: 'coroutines.ts',
    find: `protected override _start(): IteratorResult<Suspension, undefined> {
    return SKIP_ITERATION;`,
    replace: `protected override _start(): IteratorResult<Suspension, undefined> {
    return this._resume();`,
  },
  {
    title: 'a cancellation that waits for the next suspension is dropped',
    file: 'fibers.ts',
    find: 'if (fiber._mustCancel && yielded.cancel(fiber._cancelMessage)) fiber._mustCancel = false;',
    replace: 'fiber._mustCancel = false;',
  },
  {
    title: 'a cancellation that waits for the next suspension is dropped at an operation',
    file: 'fibers.ts',
    find: 'if (fiber._mustCancel && yielded._drop(fiber._cancelMessage)) fiber._mustCancel = false;',
    replace: 'fiber._mustCancel = false;',
  },
  {
    title: 'a task whose operation is over cannot be cancelled any more',
    file: 'cancellation.ts',
    find: 'if (waiter._drop(message)) return;',
    replace: 'waiter._drop(message);\n        return;',
  },
  {
    title: 'a task that was woken cannot be cancelled any more',
    file: 'cancellation.ts',
    find: 'if (waiter.cancel(message)) return;',
    replace: 'waiter.cancel(message);\n          return;',
  },
  {
    title: 'uncancel() does not withdraw a cancellation that was not delivered',
    file: 'cancellation.ts',
    find: 'if (rest === 0 && ',
    replace: 'if (rest < 0 && ',
  },
  {
    title: 'cancel() forgets its message',
    file: 'tasks.ts',
    find: 'else deliver(this as Fiber, message);',
    replace: 'else deliver(this as Fiber, undefined);',
  },
  {
    title: 'cancel() is not counted',
    file: 'tasks.ts',
    find: 'task._requests += 1;',
    replace: '',
  },
  {
    title: 'a task shares the context of its maker',
    file: 'tasks.ts',
    find: 'given === undefined ? contextForTask()',
    replace: 'given === undefined ? current.context',
  },
  {
    title: 'a release of a lock wakes nobody',
    file: 'locks.ts',
    find: `this._locked = false;
    this._waiters.wakeFirst();`,
    replace: 'this._locked = false;',
  },
  {
    title: 'a newcomer may take a lock before those who wait',
    file: 'locks.ts',
    find: 'if (!lock._locked && lock._waiters._live === 0)',
    replace: 'if (!lock._locked)',
  },
  {
    title: 'a lock waiter that is cancelled keeps its wake-up to itself',
    file: 'locks.ts',
    find: 'if (isCancelledError(error) && !lock._locked) lock._waiters.wakeFirst();',
    replace: '',
  },
  {
    title: 'a condition does not take its lock again',
    file: 'locks.ts',
    find: 'yield* this.#acquireAgain();',
    replace: '',
  },
  {
    title: 'a condition keeps the notification of a cancelled waiter',
    file: 'locks.ts',
    find: 'this.#notify(1);',
    replace: '',
  },
  {
    title: 'a semaphore loses the unit of a cancelled waiter',
    file: 'locks.ts',
    find: 'if (isCancelledError(error) && wasWoken) semaphore._value += 1;',
    replace: '',
  },
  {
    title: 'a newcomer may take a unit of a semaphore before those who wait',
    file: 'locks.ts',
    find: 'return this._value === 0 || this._waiters._live > 0;',
    replace: 'return this._value === 0;',
  },
  {
    title: 'a barrier takes one too many',
    file: 'locks.ts',
    find: 'if (index + 1 === this.#parties)',
    replace: 'if (index === this.#parties)',
  },
  {
    title: 'a barrier lets newcomers in while it drains',
    file: 'locks.ts',
    find: "this.#state !== 'draining' && this.#state !== 'resetting'",
    replace: "this.#state !== 'resetting'",
  },
  {
    title: 'put() wakes two getters',
    file: 'queues.ts',
    find: `this.#finished.clear();
    wakeNext(this._getters);`,
    replace: `this.#finished.clear();
    wakeNext(this._getters);
    wakeNext(this._getters);`,
  },
  {
    title: 'a getter that is cancelled keeps its wake-up to itself',
    file: 'queues.ts',
    find: 'if (!queue.empty() && wasWoken) wakeNext(queue._getters);',
    replace: '',
  },
  {
    title: 'shutdown() leaves the putters waiting',
    file: 'queues.ts',
    find: 'while (this._putters._first !== null) wakeNext(this._putters);',
    replace: '',
  },
  {
    title: 'a timeout does not uncancel',
    file: 'timeouts.ts',
    find: 'const rest = uncancelFiber(livingFiber(this._fiber as Fiber));',
    replace: 'const rest = this._requests;',
  },
  {
    title: 'a timeout makes a TimeoutError of a foreign cancellation',
    file: 'timeouts.ts',
    find: 'if (rest > this._requests || error === undefined) return;',
    replace: 'if (error === undefined) return;',
  },
  {
    title: 'a deadline in the past waits for the timers',
    file: 'timeouts.ts',
    find: 'else loop._push(this._timer);',
    replace: 'else loop._addTimer(this._timer);',
  },
  {
    title: 'gather() does not pass a cancellation on',
    file: 'gather.ts',
    find: 'for (const child of this._children) if (child.cancel(message)) any = true;',
    replace: 'any = super.cancel(message);',
  },
  {
    title: 'gather() forgets that it was cancelled',
    file: 'gather.ts',
    find: 'if (any) this._cancelRequested = true;',
    replace: '',
  },
  {
    title: 'shield() passes a cancellation on',
    file: 'gather.ts',
    find: 'return new ShieldingFuture<T>(inner);',
    replace: `const outer = new ShieldingFuture<T>(inner);
  const cancel = outer.cancel;
  outer.cancel = (message) => cancel.call(outer, message) && inner.cancel(message);
  return outer;`,
  },
  {
    title: 'a task group does not cancel the siblings of a failed child',
    file: 'taskgroups.ts',
    find: 'if (!child.done()) child.cancel();',
    replace: ';',
  },
  {
    title: 'a task group does not cancel its body when a child fails',
    file: 'taskgroups.ts',
    find: `this.#abort();
      this.#parentCancelRequested = true;
      cancelFiber(parent);`,
    replace: 'this.#abort();',
  },
  {
    title: 'a task group does not take back the cancellation of its body',
    file: 'taskgroups.ts',
    find: 'if (this.#parentCancelRequested && uncancelFiber(parent) === 0) cancellation = null;',
    replace: 'if (this.#parentCancelRequested) cancellation = null;',
  },
  {
    title: 'a task group with errors swallows a cancellation from outside',
    file: 'taskgroups.ts',
    find: `uncancelFiber(parent);
        cancelFiber(parent);`,
    replace: '',
  },
  {
    title: 'wait() takes no notice of a failure',
    file: 'waiting.ts',
    find: '(returnWhen === FIRST_EXCEPTION && !future.cancelled() && future.exception() !== null)',
    replace: 'false',
  },
  {
    title: 'waitFor() with a timeout of zero starts the coroutine',
    file: 'waiting.ts',
    find: 'if (timeout !== null && timeout <= 0) {',
    replace: 'if (timeout !== null && timeout < 0) {',
  },
  {
    title: 'asCompleted() gives up only one of the rest',
    file: 'waiting.ts',
    find: `future.removeDoneCallback(this.#onDone);
      this.#done.putNowait(null);`,
    replace: `future.removeDoneCallback(this.#onDone);
      if (this.#done.empty()) this.#done.putNowait(null);`,
  },
  {
    title: 'the loop does not wait for the end of an async step',
    file: 'base-events.ts',
    find: `if (this._native !== null) {
            this.#armSettled();
            return;
          }`,
    replace: '',
    kind: 'native',
  },
  {
    title: 'a cancellation is lost when the async function ends before its next await',
    file: 'fibers.ts',
    find: `this._fiber._mustCancel = true;
    this._fiber._cancelMessage = this._cancelMessage;`,
    replace: '',
    kind: 'native',
  },
  {
    title: 'a cancellation that is due does not reach an async function that is called',
    file: 'fibers.ts',
    find: `scope._mustCancel = true;
    scope._cancelMessage = fiber._cancelMessage;`,
    replace: '',
    kind: 'mixed',
  },
  {
    title: 'a cancellation that is due does not reach the next await of an async function',
    file: 'fibers.ts',
    find: 'this._mustCancel = scope._mustCancel;',
    replace: 'this._mustCancel = false;',
    kind: 'native',
  },
];

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** The source of a file with the defect in it. Throws if the mutant does not fit the source (any more). */
export function mutated(mutant: Mutant): string {
  const source = readFileSync(join(ROOT, 'src/core', mutant.file), 'utf8');
  const count = source.split(mutant.find).length - 1;
  if (count !== 1) {
    throw new Error(
      `Cannot make the mutant "${mutant.title}": its text stands ${count} times in src/core/${mutant.file}`,
    );
  }
  return source.replace(mutant.find, () => mutant.replace);
}

type Subject = typeof import('./subject.js');
let serial = 0;

/** subject.ts, bundled with a core that has the defect. */
async function mutantSubject(mutant: Mutant): Promise<{ subject: Subject; remove: () => Promise<void> }> {
  const contents = mutated(mutant);
  const folder = join(ROOT, 'build/mutants');
  await mkdir(folder, { recursive: true });
  serial += 1;
  const outfile = join(folder, `${process.pid}-${serial}.js`);
  const defect: Plugin = {
    name: 'defect',
    setup(context) {
      context.onLoad({ filter: /\.ts$/ }, ({ path }) =>
        path === join(ROOT, 'src/core', mutant.file) ? { contents, loader: 'ts' } : undefined,
      );
    },
  };
  await build({
    entryPoints: [join(ROOT, 'test/conformance/subject.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    // The entry of the package registers the Node host, which the annotations of package.json would drop here.
    ignoreAnnotations: true,
    logLevel: 'error',
    alias: {
      tsyncio: join(ROOT, 'src/index.ts'),
      'tsyncio/lowlevel': join(ROOT, 'src/core/lowlevel.ts'),
      'tsyncio/testing': join(ROOT, 'src/testing/index.ts'),
    },
    plugins: [defect],
  });
  const subject = (await import(pathToFileURL(outfile).href)) as Subject;
  return { subject, remove: () => rm(outfile, { force: true }) };
}

export interface Verdict {
  /** How many random programs ran until the mutant was found out, or all of them. */
  readonly programs: number;
  /** The program that found it out, with its number; null if the mutant lives. */
  readonly program: Program | null;
  readonly number: number;
}

/** CPython's traces of the random programs, kept for the next mutant. */
const known = new Map<string, Promise<Trace[]>>();
const BATCH = 50;

function expectedTraces(
  oracle: Oracle,
  seed: number,
  first: number,
): { programs: Program[]; traces: Promise<Trace[]> } {
  const programs = Array.from({ length: BATCH }, (_, i) => generate(seed, first + i));
  const key = `${oracle.name} ${seed} ${first}`;
  let traces = known.get(key);
  if (traces === undefined) {
    traces = oracle.traces(programs);
    known.set(key, traces);
  }
  return { programs, traces };
}

/** Runs at most `limit` random programs on the mutant until one tells it from CPython. */
export async function killed(
  mutant: Mutant,
  oracle: Oracle,
  requested: Kind = 'generator',
  limit = 2000,
  seed = 1,
): Promise<Verdict> {
  const kind = mutant.kind ?? requested;
  const { subject, remove } = await mutantSubject(mutant);
  try {
    let ran = 0;
    for (let first = 0; first < limit; first += BATCH) {
      const { programs, traces } = expectedTraces(oracle, seed, first);
      const expected = await traces;
      for (const [i, program] of programs.entries()) {
        if (!canRun(program, kind)) continue;
        ran += 1;
        const actual = await actualTrace(program, kind, subject.trace);
        if (firstDifference(expected[i] as Trace, actual) < 0) continue;
        // What the original gets wrong, too, says nothing about the mutant.
        if (firstDifference(expected[i] as Trace, await actualTrace(program, kind)) >= 0) continue;
        return { programs: ran, program, number: first + i };
      }
    }
    return { programs: ran, program: null, number: -1 };
  } finally {
    await remove();
  }
}
