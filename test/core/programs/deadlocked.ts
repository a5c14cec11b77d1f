// Programs in which nothing can wake the loop any more, or almost.

import * as asyncio from 'tsyncio';

const never = () => asyncio.getRunningLoop().createFuture<string>();
const nameOf = (promise: PromiseLike<unknown>) =>
  Promise.resolve(promise).then(
    (value) => String(value),
    (error) => (error as Error).name,
  );

async function main(): Promise<void> {
  await never();
}

const programs: Record<string, () => Promise<void>> = {
  async run() {
    let cleanedUp = false;
    const running = asyncio.run(async () => {
      try {
        await never();
      } finally {
        await asyncio.sleep('1ms');
        cleanedUp = true;
      }
    });
    console.log(`run: ${await nameOf(running)}`);
    console.log(`cleaned up: ${cleanedUp}`);
  },
  async uncaught() {
    await asyncio.run(main);
  },
  async several() {
    const future = asyncio.getRunningLoop().createFuture();
    const ambient = nameOf(future);
    const runs = [asyncio.run(main), asyncio.run(main)].map(nameOf);
    console.log(`first: ${await runs[0]}`);
    console.log(`second: ${await runs[1]}`);
    console.log(`ambient: ${await ambient}`);
  },
  async 'in flight'() {
    console.log(
      await asyncio.run(async () => {
        const future = never();
        setTimeout(() => future.setResult('value'), 20);
        return await future;
      }),
    );
  },
  async forever() {
    const loop = asyncio.newEventLoop();
    setTimeout(() => {
      console.log('stopped by a timer that alone would not have held the process');
      loop.stop();
    }, 20).unref();
    await loop.runForever();
    loop.close();
  },
  async infinity() {
    console.log(await nameOf(asyncio.run(async () => await asyncio.sleep(Number.POSITIVE_INFINITY))));
  },
  async unref() {
    setTimeout(() => console.log('the process was held'), 3_600_000).unref();
    console.log(await nameOf(asyncio.run(main)));
  },
};

await programs[process.argv[2] ?? '']?.();
