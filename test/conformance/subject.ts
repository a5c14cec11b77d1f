/** Runs a program on tsyncio, in virtual time, in one coroutine kind or in both mixed. */

import * as asyncio from 'tsyncio';
import { getDefaultHost } from 'tsyncio/lowlevel';
import { TestLoop, type VirtualClock, VirtualHost } from 'tsyncio/testing';
import { type KindOf, Run, type Stage } from './interpreter.js';
import { isEager, type Program } from './program.js';

/**
 * The coroutine kind of the functions of a program; `mixed`: some of each, which call each other; `bare`: async
 * functions on a platform without async context, as browsers are.
 */
export type Kind = 'generator' | 'native' | 'mixed' | 'bare';
export const KINDS: readonly Kind[] = ['generator', 'native', 'mixed', 'bare'];

/** More iterations than any program takes: a defect of the loop must not hang the tests. */
const ITERATIONS = 20_000;

/** A clock that jumps to the next deadline, and that a program can move. */
class Clock implements VirtualClock {
  now = 0;
  iteration = 0;

  time(): number {
    return this.now;
  }

  wait(timeout: number | null): void {
    this.iteration += 1;
    if (this.iteration > ITERATIONS)
      throw new Error(`The program goes on for more than ${ITERATIONS} iterations`);
    if (timeout !== null) this.now += timeout;
  }
}

function stage(loop: asyncio.EventLoop, clock: Clock): Stage {
  return {
    loop,
    get iteration() {
      return clock.iteration;
    },
    advance(seconds) {
      clock.now += seconds;
    },
  };
}

/** Whether a program can run in a kind: eager start is for generator coroutines. */
export function canRun(program: Program, kind: Kind): boolean {
  return kind === 'generator' || !isEager(program);
}

/** The trace of a program whose functions are all generator coroutines, from a loop that runs synchronously. */
export function traceSynchronously(program: Program): readonly string[] {
  const clock = new Clock();
  const loop = new TestLoop({ clock });
  const run = new Run(program, stage(loop, clock), () => 'generator').run();
  let step = run.next();
  while (step.done !== true) {
    const future = step.value;
    step = run.next(outcome(() => loop.runSync(future)));
  }
  return step.value;
}

function outcome(fn: () => unknown): () => unknown {
  try {
    const value = fn();
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

/** The trace of a program from a loop that runs on the platform, as everybody's does. */
export async function traceAsynchronously(
  program: Program,
  kindOf: KindOf,
  asyncContext = true,
): Promise<readonly string[]> {
  const clock = new Clock();
  const host = new VirtualHost({ clock, host: getDefaultHost() });
  const loop = new asyncio.EventLoop({ host, asyncContext });
  const run = new Run(program, stage(loop, clock), kindOf).run();
  let step = run.next();
  while (step.done !== true) {
    const result: () => unknown = await loop.runUntilComplete(step.value).then(
      (value) => () => value,
      (error: unknown) => () => {
        throw error;
      },
    );
    step = run.next(result);
  }
  return step.value;
}

/** The trace of a program in a kind. */
export async function trace(program: Program, kind: Kind): Promise<readonly string[]> {
  switch (kind) {
    case 'generator':
      return traceSynchronously(program);
    case 'native':
      return traceAsynchronously(program, () => 'native');
    case 'bare':
      return traceAsynchronously(program, () => 'native', false);
    case 'mixed': {
      const salt = hash(JSON.stringify(program));
      return traceAsynchronously(program, (index) =>
        ((salt >>> (index % 30)) & 1) === 1 ? 'native' : 'generator',
      );
    }
  }
}

/** FNV-1a: which functions of a mixed program are async functions depends on the program alone. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
