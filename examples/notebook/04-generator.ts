// A generator gives its values one after another and keeps its place between them.

import type { Print } from './print.js';

function* simpleGenerator(): Generator<number> {
  yield 1;
  yield 2;
  yield 3;
}

export function main(print: Print = console.log): void {
  const gen = simpleGenerator();
  for (const value of gen) print(value);
}
