// A future fails, is forgotten and collected: its failure is reported while the loop still runs.

import * as asyncio from 'tsyncio';

const collect = (globalThis as unknown as { gc(): void }).gc;

await asyncio.run(async () => {
  const loop = asyncio.getRunningLoop();
  const reports: asyncio.ExceptionContext[] = [];
  loop.setExceptionHandler((_, context) => void reports.push(context));
  const forget = () => loop.createFuture().setException(new Error('forgotten'));
  forget();
  for (let i = 0; i < 200 && reports.length === 0; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  for (const { message, exception, future } of reports) {
    console.log(`reported: ${message}`);
    console.log(`exception: ${(exception as Error).message}`);
    console.log(`future: ${future}`);
  }
  console.log(`the loop still runs: ${loop.isRunning()}`);
});
