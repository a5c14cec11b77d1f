import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { type LoopPort, loopPort, RemoteLoop, ThreadPoolExecutor } from 'tsyncio/concurrent';

/** State of this thread, which only its own loop can see. */
export const seen: unknown[] = [];
export const note = (value: unknown): number => seen.push(value);

const askByBlocking = async (port: unknown, question: number) => {
  const { RemoteLoop, runCoroutineThreadsafe } = await import('tsyncio/concurrent');
  using remote = new RemoteLoop(port);
  return runCoroutineThreadsafe(async (n: number) => n * 2, remote, question).result();
};

test('runCoroutineThreadsafe() in a worker runs on the loop of the main thread; the worker blocks for it', async () => {
  await asyncio.run(async () => {
    await using executor = new ThreadPoolExecutor({ maxWorkers: 1 });
    assert.equal(await executor.submit(askByBlocking, loopPort() as unknown, 21), 42);
  });
});

test('runCoroutineThreadsafe() gives what the coroutine threw, with its class', async () => {
  const fail = async (port: unknown) => {
    const { RemoteLoop, runCoroutineThreadsafe } = await import('tsyncio/concurrent');
    using remote = new RemoteLoop(port);
    const error = runCoroutineThreadsafe(async () => {
      throw new RangeError('out of range');
    }, remote).exception();
    return error instanceof RangeError ? error.message : 'another error';
  };
  await asyncio.run(async () => {
    await using executor = new ThreadPoolExecutor({ maxWorkers: 1 });
    assert.equal(await executor.submit(fail, loopPort() as unknown), 'out of range');
  });
});

/** A loop of a worker, seen from here. */
async function withWorkerLoop(body: (remote: RemoteLoop) => Promise<void>): Promise<void> {
  await asyncio.run(async () => {
    await using executor = new ThreadPoolExecutor({ maxWorkers: 1 });
    const port = await executor.submit(async () => {
      const { loopPort } = await import('tsyncio/concurrent');
      (globalThis as { place?: string }).place = 'worker';
      return loopPort();
    });
    using remote = new RemoteLoop(port as LoopPort);
    await body(remote);
  });
}

test('runCoroutineThreadsafe() on the loop of a worker runs there, and may be blocked for or awaited', async () => {
  await withWorkerLoop(async (remote) => {
    const place = async () => (globalThis as { place?: string }).place;
    assert.equal(asyncio.runCoroutineThreadsafe(place, remote).result(), 'worker');
    assert.equal(await asyncio.runCoroutineThreadsafe(place, remote), 'worker');
  });
});

test('cancel() of the future cancels the task on the other loop, whose cleanup runs', async () => {
  await withWorkerLoop(async (remote) => {
    const flag = new Int32Array(new SharedArrayBuffer(8));
    const wait = async (shared: Int32Array) => {
      const { sleep } = await import('tsyncio');
      try {
        Atomics.store(shared, 0, 1);
        Atomics.notify(shared, 0);
        await sleep(1000);
      } finally {
        Atomics.store(shared, 1, 1);
        Atomics.notify(shared, 1);
      }
    };
    const future = asyncio.runCoroutineThreadsafe(wait, remote, flag);
    Atomics.wait(flag, 0, 0);
    assert.equal(future.cancel(), true);
    assert.equal(future.cancelled(), true);
    Atomics.wait(flag, 1, 0);
    assert.equal(flag[1], 1);
  });
});

test('the end of the other thread fails what is awaited, also while this one is blocked for it', async () => {
  for (const wait of ['block', 'await'] as const) {
    await withWorkerLoop(async (remote) => {
      const leave = async () => {
        process.exit(0);
      };
      const future = asyncio.runCoroutineThreadsafe(leave, remote);
      const expected = { name: 'RuntimeError', message: /does not answer any more/ };
      if (wait === 'block') assert.throws(() => future.result(), expected);
      else await assert.rejects(async () => await future, expected);
    });
  }
});

test('callSoonThreadsafe() calls a function of a module on its loop, where it finds the state of that thread', async () => {
  const call = async (port: unknown, module: string) => {
    const { RemoteLoop, runCoroutineThreadsafe, workerRef } = await import('tsyncio/concurrent');
    using remote = new RemoteLoop(port);
    remote.callSoonThreadsafe(workerRef<[string], number>(module, 'note'), 'from the worker');
    // What is asked for later is answered later.
    runCoroutineThreadsafe(async () => {}, remote).result();
  };
  await asyncio.run(async () => {
    await using executor = new ThreadPoolExecutor({ maxWorkers: 1 });
    const before = seen.length;
    await executor.submit(call, loopPort() as unknown, import.meta.url);
    while (seen.length === before) await asyncio.sleep(0);
    assert.deepEqual(seen.slice(before), ['from the worker']);
  });
});

test('a loop that is closed fails what runs on it for others, also while they are blocked for it', async () => {
  const ask = async (port: unknown, how: string) => {
    const { RemoteLoop, runCoroutineThreadsafe } = await import('tsyncio/concurrent');
    using remote = new RemoteLoop(port);
    const future = runCoroutineThreadsafe(() => new Promise<void>(() => {}), remote);
    remote.callSoonThreadsafe(() => void (globalThis as { stopThatLoop?: () => void }).stopThatLoop?.());
    if (how === 'block') return String(future.exception());
    return await future.then(String, String);
  };
  for (const how of ['block', 'await']) {
    using executor = new ThreadPoolExecutor({ maxWorkers: 1 });
    const loop = new asyncio.EventLoop();
    loop.setExceptionHandler(() => {}); // the task is destroyed while it is pending
    (globalThis as { stopThatLoop?: () => void }).stopThatLoop = () => loop.stop();
    const answer = executor.submit(ask, loopPort(loop) as unknown, how);
    await loop.runForever();
    loop.close();
    assert.match(await answer, /^RuntimeError: Event loop was closed before the coroutine had ended/);
  }
});

test('a loop that is closed fails the futures of runCoroutineThreadsafe() in its own thread', async () => {
  const loop = new asyncio.EventLoop();
  loop.setExceptionHandler(() => {});
  const begun = asyncio.runCoroutineThreadsafe(() => asyncio.sleep('1h'), loop);
  loop.callSoon(() => loop.stop());
  await loop.runForever();
  const late = asyncio.runCoroutineThreadsafe(() => asyncio.sleep('1h'), loop);
  loop.close();
  for (const future of [begun, late]) {
    assert.throws(() => future.result(0), {
      name: 'RuntimeError',
      message: 'Event loop was closed before the coroutine had ended',
    });
  }
});

test('RemoteLoop says where in the arguments and the result what cannot be sent lies', async () => {
  const ask = async (port: unknown) => {
    const { RemoteLoop, runCoroutineThreadsafe } = await import('tsyncio/concurrent');
    using remote = new RemoteLoop(port);
    const send = (argument: unknown) =>
      runCoroutineThreadsafe(async (_: unknown) => ({ list: [() => {}] }), remote, argument);
    let refusal: unknown;
    try {
      send({ callback: () => {} });
    } catch (error) {
      refusal = error;
    }
    return [String(refusal), String(send(1).exception())];
  };
  await asyncio.run(async () => {
    await using executor = new ThreadPoolExecutor({ maxWorkers: 1 });
    assert.deepEqual(await executor.submit(ask, loopPort() as unknown), [
      "TypeError: Cannot send the arguments to the loop's thread: args[0].callback is a function",
      'TypeError: Cannot send the result back: result.list[0] is a function',
    ]);
  });
});

test('RemoteLoop refuses what is no port, and a closed one', () => {
  assert.throws(() => new RemoteLoop('port'), {
    name: 'TypeError',
    message: /expected what loopPort\(\) gave/,
  });
  const remote = new RemoteLoop(loopPort(asyncio.getEventLoop()));
  remote.close();
  assert.throws(() => asyncio.runCoroutineThreadsafe(async () => 1, remote), { name: 'RuntimeError' });
});
