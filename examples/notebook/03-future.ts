// A future is handed to a coroutine, which sets its result two seconds later.

import * as asyncio from 'tsyncio';
import type { Print } from './print.js';

function* slowOperation(future: asyncio.Future<string>): asyncio.Coro<void> {
  yield* asyncio.sleep(2);
  future.setResult('result completed');
}

export function* main(print: Print = console.log): asyncio.Coro<void> {
  const loop = asyncio.getRunningLoop();
  const future = loop.createFuture<string>();
  yield* slowOperation(future);
  print(future.result());
}

async function slowOperationAsync(future: asyncio.Future<string>): Promise<void> {
  await asyncio.sleep(2);
  future.setResult('result completed');
}

export async function mainAsync(print: Print = console.log): Promise<void> {
  const loop = asyncio.getRunningLoop();
  const future = loop.createFuture<string>();
  await slowOperationAsync(future);
  print(future.result());
}
