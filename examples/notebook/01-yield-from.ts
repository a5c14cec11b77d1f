// Python's `yield from` is `yield*`: coro2 hands control to coro1, and coro1 to range.

import type { Print } from './print.js';

function* range(stop: number): Generator<number> {
  for (let n = 0; n < stop; n++) yield n;
}

function* coro1(): Generator<number> {
  yield* range(3);
}

function* coro2(): Generator<number> {
  yield* coro1();
}

export function main(print: Print = console.log): void {
  for (const value of coro2()) print(value);
}
