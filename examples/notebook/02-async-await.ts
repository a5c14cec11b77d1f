// A coroutine that sleeps for a second and returns a value, once with `yield*` and once with `await`.

import * as asyncio from 'tsyncio';
import type { Print } from './print.js';

function* coro1(): asyncio.Coro<string> {
  yield* asyncio.sleep(1);
  return 'Hello';
}

export function* main(print: Print = console.log): asyncio.Coro<void> {
  const result = yield* coro1();
  print(result);
}

async function coro1Async(): Promise<string> {
  await asyncio.sleep(1);
  return 'Hello';
}

export async function mainAsync(print: Print = console.log): Promise<void> {
  const result = await coro1Async();
  print(result);
}
