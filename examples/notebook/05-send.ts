// A coroutine also takes values in: Python's `coro.send(10)` is `coro.next(10)`.

import type { Print } from './print.js';

function* coroutineExample(print: Print): Generator<void, never, number> {
  print('coroutine started');
  while (true) {
    const value = yield;
    print(`Received value: ${value}`);
  }
}

export function main(print: Print = console.log): void {
  const coro = coroutineExample(print);
  coro.next(); // runs to the first yield; it has nowhere to put a value yet
  coro.next(10);
  coro.next(20);
}
