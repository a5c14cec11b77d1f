// A future made by hand stands for a long operation: created, awaited for, given a result, read.

import * as asyncio from 'tsyncio';
import type { Print } from './print.js';

function* longRunningOperation(future: asyncio.Future<string>, print: Print): asyncio.Coro<void> {
  print('start of long operation');
  yield* asyncio.sleep(2);
  future.setResult('operation completed');
}

export function* main(print: Print = console.log): asyncio.Coro<void> {
  const loop = asyncio.getRunningLoop();
  const future = loop.createFuture<string>();
  yield* longRunningOperation(future, print);
  print(future.result());
}

async function longRunningOperationAsync(future: asyncio.Future<string>, print: Print): Promise<void> {
  print('start of long operation');
  await asyncio.sleep(2);
  future.setResult('operation completed');
}

export async function mainAsync(print: Print = console.log): Promise<void> {
  const loop = asyncio.getRunningLoop();
  const future = loop.createFuture<string>();
  await longRunningOperationAsync(future, print);
  print(future.result());
}
