// `yield*` delegates to another generator, then the outer one goes on.

import type { Print } from './print.js';

function* subGenerator(): Generator<number> {
  yield 1;
  yield 2;
  yield 3;
}

function* mainGenerator(): Generator<number> {
  yield* subGenerator();
  yield 4;
}

export function main(print: Print = console.log): void {
  const gen = mainGenerator();
  for (const value of gen) print(value);
}
