/** How the programs written by hand are written down: a title, and a program that shows what the title says. */

import type { Block, Program } from '../program.js';

export type Collection = Readonly<Record<string, Program>>;

/** A program of these objects and functions; the first function is the main task. */
export function program(objects: Program['objects'], ...functions: readonly Block[]): Program {
  return { objects, functions };
}

/** The same, with eagerTaskFactory. */
export function eagerly(objects: Program['objects'], ...functions: readonly Block[]): Program {
  return { objects, functions, eager: true };
}

/** `try: block except BaseException: pass`, so that the program goes on whatever comes out. */
export function attempt(...block: Block): Block[number] {
  return ['try', block, [[['BaseException'], []]], null];
}
