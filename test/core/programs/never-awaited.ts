// A coroutine is made in debug mode, and collected before anybody awaited it. Others are awaited, or closed.

import * as asyncio from 'tsyncio';

const collect = (globalThis as unknown as { gc(): void }).gc;

const forgotten = asyncio.coroutine(async function forgotten() {});

async function main(): Promise<void> {
  // The collector may take its time.
  asyncio.getRunningLoop().slowCallbackDuration = Number.POSITIVE_INFINITY;
  const logs: string[] = [];
  const log = (message: string) => void logs.push(message);
  asyncio.setLogger({ debug: log, info: log, warn: log, error: log });
  function forget(): void {
    forgotten();
  }
  forgotten().close();
  await forgotten();
  await asyncio.createTask(forgotten());
  forget();
  for (let i = 0; i < 200 && logs.length === 0; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  // The others must not be reported either, once they are collected.
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  for (const each of logs) console.log(each);
}

await asyncio.run(main, { debug: true });
