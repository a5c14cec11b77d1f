// Reads like sequential code; while it sleeps, the loop is free for other tasks.

import * as asyncio from 'tsyncio';
import type { Print } from './print.js';

function* coro1(print: Print): asyncio.Coro<void> {
  print('start coro1');
  yield* asyncio.sleep(1);
  print('end coro1');
}

export function* main(print: Print = console.log): asyncio.Coro<void> {
  yield* coro1(print);
}

async function coro1Async(print: Print): Promise<void> {
  print('start coro1');
  await asyncio.sleep(1);
  print('end coro1');
}

export async function mainAsync(print: Print = console.log): Promise<void> {
  await coro1Async(print);
}
