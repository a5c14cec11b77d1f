// A program that waits to be stopped: `stoppable KIND HOW OUTCOME`.
//
// KIND: async or generator. HOW main takes its cancellation: obedient, swallowing, stubborn, … OUTCOME: whether
// what run() throws is caught.

import * as asyncio from 'tsyncio';

const [kind, how, outcome] = process.argv.slice(2);

const hour = () => asyncio.sleep('1h');
/** Says so once main waits. */
const ready = () => asyncio.getRunningLoop().callSoon(() => console.log('ready'));

const generators: Record<string, () => asyncio.Coro<unknown>> = {
  *obedient() {
    ready();
    try {
      yield* hour();
    } finally {
      yield* asyncio.sleep('1ms');
      console.log('cleaned up');
    }
  },
  *swallowing() {
    ready();
    try {
      yield* hour();
    } catch {
      return 'value';
    }
    return 'nothing happened';
  },
  *'cancelled twice'() {
    const main = asyncio.currentTask();
    ready();
    try {
      yield* hour();
    } catch (error) {
      main?.cancel();
      throw error;
    }
  },
  *stubborn() {
    ready();
    try {
      yield* hour();
    } catch {
      console.log('stubborn');
    }
    try {
      yield* hour();
    } finally {
      console.log('cancelled again');
    }
  },
};

const asyncFunctions: Record<string, () => Promise<unknown>> = {
  async obedient() {
    ready();
    try {
      await hour();
    } finally {
      await asyncio.sleep('1ms');
      console.log('cleaned up');
    }
  },
  async 'leaving a task that cleans up'() {
    asyncio.createTask(async () => {
      try {
        await hour();
      } finally {
        ready();
        await hour();
      }
    });
    await asyncio.sleep(0);
  },
  async 'leaving a task that exits'() {
    asyncio.createTask(async () => {
      try {
        await hour();
      } catch {
        throw new asyncio.SystemExit(4);
      }
    });
    await asyncio.sleep(0);
  },
  async swallowing() {
    ready();
    try {
      await hour();
    } catch {
      return 'value';
    }
    return 'nothing happened';
  },
  async 'cancelled twice'() {
    const main = asyncio.currentTask();
    ready();
    try {
      await hour();
    } catch (error) {
      main?.cancel();
      throw error;
    }
  },
  async stubborn() {
    ready();
    try {
      await hour();
    } catch {
      console.log('stubborn');
    }
    try {
      await hour();
    } finally {
      console.log('cancelled again');
    }
  },
};

async function main(): Promise<void> {
  if (how === 'two runs') {
    const wait = async () => {
      await hour();
    };
    const outcomes = [asyncio.run(wait), asyncio.run(wait)].map((running) =>
      running.then(
        () => 'ended',
        (error) => error.name,
      ),
    );
    setImmediate(() => console.log('ready'));
    const [first, second] = await Promise.all(outcomes);
    console.log(`first ${first}\nsecond ${second}`);
    return;
  }
  if (how === 'after the run') {
    await asyncio.run(async () => {});
    setTimeout(() => {}, 3_600_000);
    console.log('ready');
    return;
  }
  const running =
    kind === 'generator'
      ? asyncio.run(generators[how ?? ''] as () => asyncio.Coro<unknown>)
      : asyncio.run(asyncFunctions[how ?? ''] as () => Promise<unknown>);
  if (outcome === 'uncaught') {
    await running;
    return;
  }
  try {
    console.log(await running);
  } catch (error) {
    console.log(`caught ${(error as Error).name}`);
    if (outcome === 'another error') throw new Error('another error');
  }
}

await main();
