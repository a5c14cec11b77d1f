// Programs without run(): on the ambient loop.

import * as asyncio from 'tsyncio';
import { setDefaultHost } from 'tsyncio/lowlevel';
import { ManualHost } from '../manual-host.js';

const programs: Record<string, () => Promise<void>> = {
  async top() {
    await asyncio.sleep('1ms');
    console.log('slept');
  },
  async failing() {
    asyncio.createTask(async () => {
      throw new Error('forgotten');
    });
    await asyncio.sleep(0);
    await asyncio.sleep(0);
    console.log('end of the program');
  },
  async 'five seconds'() {
    const host = new ManualHost();
    setDefaultHost(host);
    const loop = asyncio.getRunningLoop();
    const reports: string[] = [];
    loop.setExceptionHandler((_, { message, exception }) => {
      reports.push(`${message}: ${(exception as Error).message}`);
    });
    const fail = (message: string) => {
      const future = loop.createFuture();
      future.setException(new Error(message));
      return future;
    };
    fail('late');
    const inTime = fail('looked at in time');
    await host.settle();
    await host.pass(4.5);
    console.log(`at ${host.time()}: ${reports.join()}`);
    inTime.exception();
    await host.pass(1);
    console.log(`at ${host.time()}: ${reports.join()}`);
    await host.pass(10);
    console.log(`at the end: looked at in time ${reports.length > 1 ? reports[1] : 'is not there'}`);
  },
};

await programs[process.argv[2] ?? '']?.();
