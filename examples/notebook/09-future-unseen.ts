// No future in sight, yet sleep() makes one, waits for it and drops it.

import * as asyncio from 'tsyncio';
import type { Print } from './print.js';

function* myCoroutine(): asyncio.Coro<string> {
  yield* asyncio.sleep(2);
  return 'the end';
}

export function* main(print: Print = console.log): asyncio.Coro<void> {
  const result = yield* myCoroutine();
  print(result);
}

async function myCoroutineAsync(): Promise<string> {
  await asyncio.sleep(2);
  return 'the end';
}

export async function mainAsync(print: Print = console.log): Promise<void> {
  const result = await myCoroutineAsync();
  print(result);
}
