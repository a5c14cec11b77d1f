import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { getDefaultHost } from 'tsyncio/lowlevel';
import { VirtualHost } from 'tsyncio/testing';
import { rejection } from './each-loop.js';

/** Runs `main` on a virtual clock, in debug mode and not; gives what was reported. */
function onLoop(
  title: string,
  main: (order: string[], loop: asyncio.EventLoop) => Promise<void>,
  check: (order: string[], reports: asyncio.ExceptionContext[]) => void,
): void {
  for (const debug of [false, true]) {
    test(`${title}${debug ? ' (debug)' : ''}`, async () => {
      const loop = new asyncio.EventLoop({ host: new VirtualHost({ host: getDefaultHost() }) });
      const reports: asyncio.ExceptionContext[] = [];
      loop.setExceptionHandler((_, context) => void reports.push(context));
      const order: string[] = [];
      await asyncio.run(() => main(order, loop), { loopFactory: () => loop, debug });
      loop.setDebug(false);
      check(order, reports);
    });
  }
}

const kept: unknown[] = [];

/** Begins to iterate a generator, and leaves it suspended. */
async function begin(generator: AsyncGenerator<unknown>): Promise<void> {
  kept.push(generator);
  await generator.next();
}

onLoop(
  'R-LOOP-36 N-15 run() closes the generators of agen() that were left, all at a time; their finally may wait',
  async (order) => {
    const numbers = asyncio.agen(async function* (name: string) {
      try {
        yield 1;
        order.push('never');
      } finally {
        order.push(`${name} closing`);
        await asyncio.sleep(1);
        order.push(`${name} closed at ${asyncio.getRunningLoop().time()}`);
      }
    });
    await begin(numbers('a'));
    await begin(numbers('b'));
    order.push('main ends');
  },
  (order, reports) => {
    assert.deepEqual(order, ['main ends', 'a closing', 'b closing', 'a closed at 1', 'b closed at 1']);
    assert.deepEqual(reports, []);
  },
);

onLoop(
  'R-LOOP-36 a generator that fails to close is reported, and the others are closed',
  async (order) => {
    const failing = asyncio.agen(async function* () {
      try {
        yield 1;
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: that is what is tested
        throw new Error('while closing');
      }
    });
    const good = asyncio.agen(async function* () {
      try {
        yield 1;
      } finally {
        order.push('closed');
      }
    });
    await begin(failing());
    await begin(good());
  },
  (order, reports) => {
    assert.deepEqual(order, ['closed']);
    assert.equal(reports.length, 1);
    assert.match(reports[0]!.message!, /^an error occurred during closing of asynchronous generator /);
    assert.equal((reports[0]!.exception as Error).message, 'while closing');
    assert.equal(reports[0]!.asyncgen, kept.at(-2));
  },
);

onLoop(
  'R-LOOP-36 a generator that was iterated to its end, or never begun, has nothing to close',
  async (order) => {
    const numbers = asyncio.agen(async function* (name: string) {
      try {
        yield 1;
      } finally {
        order.push(name);
      }
    });
    for await (const _ of numbers('iterated')) order.push('item');
    kept.push(numbers('never begun'));
    order.push('main ends');
  },
  (order, reports) => {
    assert.deepEqual(order, ['item', 'iterated', 'main ends']);
    assert.deepEqual(reports, []);
  },
);

onLoop(
  'R-LOOP-36 shutdownAsyncgens() may be called by the program, and a second time',
  async (order, loop) => {
    const numbers = asyncio.agen(async function* () {
      try {
        yield 1;
      } finally {
        order.push('closed');
      }
    });
    await begin(numbers());
    await loop.shutdownAsyncgens();
    order.push('shut down');
    await loop.shutdownAsyncgens();
  },
  (order, reports) => {
    assert.deepEqual(order, ['closed', 'shut down']);
    assert.deepEqual(reports, []);
  },
);

onLoop(
  'R-LOOP-36 the cancellation of shutdownAsyncgens() is not swallowed',
  async (order, loop) => {
    const slow = asyncio.agen(async function* () {
      try {
        yield 1;
      } finally {
        await asyncio.sleep(1000);
      }
    });
    await begin(slow());
    const task = asyncio.createTask(loop.shutdownAsyncgens());
    await asyncio.sleep(1);
    task.cancel();
    const error = await rejection(task);
    order.push((error as Error).name, `cancelled: ${task.cancelled()}`);
  },
  (order, reports) => {
    assert.deepEqual(order, ['CancelledError', 'cancelled: true']);
    assert.deepEqual(reports, []);
  },
);

test('N-15 generators that were not made by agen() are their owner’s business', async () => {
  const order: string[] = [];
  await asyncio.run(async () => {
    await begin(
      (async function* () {
        try {
          yield 1;
        } finally {
          order.push('closed');
        }
      })(),
    );
  });
  assert.deepEqual(order, []);
});

test('agen() passes arguments, values and returns on', async () => {
  const echo = asyncio.agen(async function* (
    first: number,
    second: string,
  ): AsyncGenerator<string, number, boolean> {
    const got = yield `${first}${second}`;
    return got ? 1 : 0;
  });
  await asyncio.run(async () => {
    const generator = echo(1, 'a');
    assert.deepEqual(await generator.next(), { value: '1a', done: false });
    assert.deepEqual(await generator.next(true), { value: 1, done: true });
  });
});
