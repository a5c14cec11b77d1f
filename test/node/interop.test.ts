// Beside the rest of Node: raw callbacks, http servers, fetch and abort signals, unhandled rejections, top-level awaits,
// deadlocks. What a whole process does is looked at from outside, in a child process.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { EventEmitter, getEventListeners, once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import * as asyncio from 'tsyncio';
import { getDefaultHost, type Host, type HostTimer } from 'tsyncio/lowlevel';

const { createTask, currentSignal, currentTask, detached, sleep, timeout, wait } = asyncio;

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Runs a module in a Node of its own; gives its exit code and what it printed. */
async function script(source: string): Promise<{ code: number | null; out: string[]; err: string }> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(
    process.execPath,
    ['--input-type=module', '-e', `import * as asyncio from 'tsyncio';\n${source}`],
    {
      cwd: root,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out: out.split('\n').filter((line) => line !== ''), err };
}

async function listen(
  t: TestContext,
  handler: http.RequestListener,
): Promise<{ server: http.Server; url: string }> {
  const server = http.createServer(handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

const signalHere = () => currentSignal() as AbortSignal;

// ------------------------------------------------------------------------------------------ raw callbacks of Node

test('an http handler that a task registered works while the task runs and after it has ended', async (t) => {
  const seen: (string | null)[] = [];
  await asyncio.run(async () => {
    let url = '';
    const registrar = createTask(
      async () => {
        const listening = await listen(t, async (_, response) => {
          seen.push(currentTask()?.getName() ?? null);
          const lock = new asyncio.Lock();
          await lock.acquire();
          await timeout(60).run(async () => await sleep(0));
          const task = createTask(async () => await sleep(0, 'body'));
          response.end(await task);
        });
        url = listening.url;
        const response = await asyncio.fetch(url);
        assert.equal(await response.text(), 'body');
      },
      { name: 'registrar' },
    );
    await registrar;
    const responses = await Promise.all([asyncio.fetch(url), asyncio.fetch(url)]);
    assert.deepEqual(await Promise.all(responses.map((each) => each.text())), ['body', 'body']);
  });
  assert.deepEqual(seen, ['registrar', null, null]);
});

test('asyncio.fetch() leaves no listener on the signal that it is given', async (t) => {
  const { url } = await listen(t, (_, response) => void response.end('body'));
  const { signal } = new AbortController();
  await asyncio.run(async () => {
    for (let i = 0; i < 3; i++) assert.equal(await (await asyncio.fetch(url, { signal })).text(), 'body');
  });
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});

test('an http handler registered in detached() is not cancelled with the task', async (t) => {
  await asyncio.run(async () => {
    const arrived = new asyncio.Event();
    const proceed = new asyncio.Event();
    let url = '';
    const ready = new asyncio.Event();
    const task = createTask(async () => {
      ({ url } = await detached(() =>
        listen(t, async (_, response) => {
          arrived.set();
          await proceed.wait();
          response.end('done');
        }),
      ));
      ready.set();
      await sleep(100);
    });
    await ready.wait();
    const response = createTask(async () => await (await asyncio.fetch(url)).text());
    await arrived.wait();
    task.cancel();
    await wait([task]);
    assert.equal(task.cancelled(), true);
    proceed.set();
    assert.equal(await response, 'done');
  });
});

test('an EventEmitter listener that a task registered can await while the task runs, after it, and after run()', async () => {
  const emitter = new EventEmitter();
  const log: string[] = [];
  let calls = 0;
  const called = async (n: number) => {
    while (calls < n) await new Promise((resolve) => setImmediate(resolve));
  };
  await asyncio.run(async () => {
    const registrar = createTask(async () => {
      emitter.on('event', async (when: string) => {
        await sleep(0);
        await null;
        await Promise.all([sleep(0), timeout(60).run(async () => await sleep(0))]);
        log.push(when);
        calls += 1;
      });
      emitter.emit('event', 'within');
      await called(1);
    });
    await registrar;
    emitter.emit('event', 'after the task');
    await called(2);
  });
  emitter.emit('event', 'after run()');
  await called(3);
  assert.deepEqual(log, ['within', 'after the task', 'after run()']);
});

test('a timer of Node that fires after its task has ended can await', async () => {
  await asyncio.run(async () => {
    const fired = await createTask(
      async () =>
        ({
          result: new Promise<string>((resolve) => {
            setImmediate(() =>
              setImmediate(async () => {
                await sleep(0);
                const task = createTask(async () => await sleep(0, 'of a task'));
                resolve(`${currentTask()} ${await task}`);
              }),
            );
          }),
        }) as const,
    );
    assert.equal(await fired.result, 'null of a task');
  });
});

test('a timer of Node can cancel the task that set it, which is then cancelled once', async () => {
  const log: string[] = [];
  await asyncio.run(async () => {
    const task = createTask(async () => {
      const self = currentTask();
      setImmediate(() => self?.cancel());
      try {
        await sleep(100);
      } finally {
        await sleep(0);
        await null;
        await sleep(0);
        log.push('cleaned up');
      }
    });
    await wait([task]);
    assert.equal(task.cancelled(), true);
  });
  assert.deepEqual(log, ['cleaned up']);
});

// ------------------------------------------------------------------------------------------------ fetch and signals

/** A server that never answers, and the ends of its requests. */
async function silent(
  t: TestContext,
): Promise<{ url: string; arrived: asyncio.Event; closed: asyncio.Event }> {
  const arrived = new asyncio.Event();
  const closed = new asyncio.Event();
  const { url } = await listen(t, (request) => {
    arrived.set();
    request.on('close', () => closed.set());
  });
  return { url, arrived, closed };
}

const requests: Record<string, (url: string) => PromiseLike<unknown>> = {
  'asyncio.fetch()': (url) => asyncio.fetch(url),
  'asyncio.fetch() with a signal of its own': (url) =>
    asyncio.fetch(url, { signal: new AbortController().signal }),
  'asyncio.fetch() of a Request': (url) =>
    asyncio.fetch(new Request(url, { signal: new AbortController().signal })),
  'fetch() under currentSignal()': (url) => fetch(url, { signal: signalHere() }),
  'fetch() under AbortSignal.any()': (url) =>
    fetch(url, { signal: AbortSignal.any([signalHere(), new AbortController().signal]) }),
  'fetch() of a Request under currentSignal()': (url) => fetch(new Request(url, { signal: signalHere() })),
};

for (const [what, request] of Object.entries(requests)) {
  test(`cancel() aborts ${what}: the server sees it, and it is delivered once`, async (t) => {
    const log: string[] = [];
    await asyncio.run(async () => {
      const { url, arrived, closed } = await silent(t);
      const task = createTask(async () => {
        try {
          await request(url);
        } finally {
          await sleep(0);
          log.push('cleaned up');
        }
      });
      await arrived.wait();
      task.cancel();
      await wait([task]);
      assert.equal(task.cancelled(), true);
      await closed.wait();
    });
    assert.deepEqual(log, ['cleaned up']);
  });

  test(`timeout() aborts ${what}, in its flow only`, async (t) => {
    await asyncio.run(async () => {
      const first = await silent(t);
      const second = await silent(t);
      const limit = timeout(null);
      const limited = limit.run(async () => await request(first.url));
      const other = createTask(async () => {
        await Promise.all([request(second.url), sleep(100)]);
      });
      await Promise.all([
        assert.rejects(async () => await limited, { name: 'TimeoutError' }),
        (async () => {
          await first.arrived.wait();
          await second.arrived.wait();
          limit.reschedule(0);
        })(),
      ]);
      await first.closed.wait();
      assert.equal(second.closed.isSet(), false);
      other.cancel();
      await wait([other]);
    });
  });
}

/** A server that sends the headers, a part of the body, and no end. */
async function endless(t: TestContext): Promise<{ url: string; closed: asyncio.Event }> {
  const closed = new asyncio.Event();
  const { url } = await listen(t, (request, response) => {
    request.on('close', () => closed.set());
    response.write('part');
  });
  return { url, closed };
}

const readings: Record<string, (url: string, headers: asyncio.Event) => Promise<unknown>> = {
  'awaited in one function': async (url, headers) => {
    const response = await asyncio.fetch(url);
    headers.set();
    return await response.text();
  },
  'fetched by a function that it calls': async (url, headers) => {
    const get = async () => await asyncio.fetch(url);
    const response = await get();
    headers.set();
    return await response.text();
  },
  'fetched under a timeout of its own': async (url, headers) => {
    const response = await timeout(60).run(() => asyncio.fetch(url));
    headers.set();
    return await response.text();
  },
};

for (const [what, read] of Object.entries(readings)) {
  test(`cancel() while the body of asyncio.fetch() is read, ${what}: the server sees it, and it is delivered once`, async (t) => {
    const log: string[] = [];
    await asyncio.run(async () => {
      const { url, closed } = await endless(t);
      const headers = new asyncio.Event();
      const task = createTask(async () => {
        try {
          await read(url, headers);
        } finally {
          await sleep(0);
          await turns(5);
          await sleep(0);
          log.push('cleaned up');
        }
      });
      await headers.wait();
      task.cancel();
      await wait([task]);
      assert.equal(task.cancelled(), true);
      await closed.wait();
    });
    assert.deepEqual(log, ['cleaned up']);
  });

  test(`timeout() while the body of asyncio.fetch() is read, ${what}`, async (t) => {
    await asyncio.run(async () => {
      const { url, closed } = await endless(t);
      const headers = new asyncio.Event();
      const limit = timeout(null);
      const limited = createTask(async () => await limit.run(async () => await read(url, headers)));
      await headers.wait();
      limit.reschedule(0);
      await assert.rejects(async () => await limited, { name: 'TimeoutError' });
      await closed.wait();
    });
  });
}

/** Turns of Node's own loop, without tsyncio. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

const finished: Record<string, (url: string) => unknown> = {
  'a fetch()': async (url) => (await fetch(url, { signal: signalHere() })).text(),
  'an asyncio.fetch()': async (url) => (await asyncio.fetch(url)).text(),
  'a Request': (url) => new Request(url, { signal: signalHere() }),
  'an AbortSignal.any()': () => {
    const signal = AbortSignal.any([signalHere()]);
    signal.addEventListener('abort', () => {});
    return signal;
  },
};

for (const [what, make] of Object.entries(finished)) {
  test(`a cancellation inside a foreign promise is not lost to ${what} of earlier that still listens`, async (t) => {
    const log: string[] = [];
    await asyncio.run(async () => {
      const { url } = await listen(t, (_, response) => response.end('whole'));
      const inside = new asyncio.Event();
      let end = () => {};
      const foreign = new Promise<void>((resolve) => {
        end = resolve;
      });
      const task = createTask(async () => {
        const kept = [await make(url)];
        inside.set();
        await foreign;
        log.push('foreign promise');
        try {
          await sleep(0);
          log.push('went on');
        } finally {
          await sleep(0);
          log.push(`cleaned up ${kept.length}`);
        }
      });
      await inside.wait();
      task.cancel();
      await turns(5);
      end();
      await wait([task]);
      assert.equal(task.cancelled(), true);
    });
    assert.deepEqual(log, ['foreign promise', 'cleaned up 1']);
  });
}

test('a cancellation that was heard and taken back does not come again after a foreign promise', async () => {
  const log: string[] = [];
  await asyncio.run(async () => {
    const task = createTask(async () => {
      try {
        await delay(100_000, undefined, { signal: signalHere() });
      } catch (error) {
        log.push((error as Error).name);
        currentTask()?.uncancel();
      }
      await turns(5);
      await sleep(0);
      log.push('went on');
    });
    await sleep(0);
    task.cancel();
    await task;
  });
  assert.deepEqual(log, ['AbortError', 'went on']);
});

test('a task that cancels itself and then waits inside a foreign promise is cancelled, whoever still listens', async () => {
  await asyncio.run(async () => {
    const task = createTask(async () => {
      const kept = AbortSignal.any([signalHere()]);
      kept.addEventListener('abort', () => {});
      currentTask()?.cancel();
      await turns(5);
      await sleep(0);
      assert.fail(`went on, ${kept.aborted}`);
    });
    await wait([task]);
    assert.equal(task.cancelled(), true);
  });
});

test('currentSignal() that is taken while a cancellation waits for an await of ours is aborted, and that is delivered once', async () => {
  const log: string[] = [];
  await asyncio.run(async () => {
    const inside = new asyncio.Event();
    let end = () => {};
    const deaf = new Promise<void>((resolve) => {
      end = resolve;
    });
    const task = createTask(async () => {
      inside.set();
      await deaf;
      try {
        await delay(1_000_000, undefined, { signal: signalHere() });
      } finally {
        await sleep(0);
        log.push('cleaned up');
      }
    });
    await inside.wait();
    task.cancel();
    await turns(5);
    end();
    await wait([task]);
    assert.equal(task.cancelled(), true);
  });
  assert.deepEqual(log, ['cleaned up']);
});

test('currentSignal() that nobody follows leaves a waiting cancellation to the next await of ours', async () => {
  await asyncio.run(async () => {
    const kept: AbortSignal[] = [];
    const task = createTask(async () => {
      currentTask()?.cancel();
      kept.push(signalHere());
      await turns(5);
      await sleep(0);
      assert.fail('went on');
    });
    await wait([task]);
    assert.equal(task.cancelled(), true);
    assert.equal(kept[0]?.aborted, true);
  });
});

const hostile: Record<string, () => unknown> = {
  'a function that returns what throws when `then` is read': () => ({
    get then() {
      throw new Error('refused');
    },
  }),
  'an async function that throws a Proxy which refuses to be looked at': async () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    throw proxy;
  },
};

for (const [what, make] of Object.entries(hostile)) {
  test(`${what} fails its task`, async () => {
    await asyncio.run(async () => {
      const task = createTask(make as () => Promise<unknown>);
      const [done] = await wait([task], { timeout: 5 });
      assert.equal(done.has(task), true);
      assert.notEqual(task.exception(), null);
    });
  });
}

test('a task that calls asyncio.fetch() again and again keeps nothing of the requests that are over', async () => {
  const { out } = await script(`
    import { setFlagsFromString } from 'node:v8';
    import { runInNewContext } from 'node:vm';
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc');
    await asyncio.run(async () => {
      const signal = asyncio.currentSignal();
      for (let i = 0; i < 1000; i += 1) {
        await (await asyncio.fetch('data:text/plain,hello')).text();
        if (i % 50 !== 0) continue;
        await new Promise((resolve) => setImmediate(resolve));
        gc();
      }
      const key = Object.getOwnPropertySymbols(signal).find((each) => each.description === 'kDependantSignals');
      console.log(signal[key].size < 500);
    });
  `);
  assert.deepEqual(out, ['true']);
});

test("asyncio.fetch() obeys the caller's own signal, before and after the headers", async (t) => {
  const { url } = await listen(t, (_, response) => response.write('part'));
  await asyncio.run(async () => {
    await assert.rejects(async () => await asyncio.fetch(url, { signal: AbortSignal.abort() }), {
      name: 'AbortError',
    });
    await assert.rejects(async () => await asyncio.fetch(new Request(url, { signal: AbortSignal.abort() })), {
      name: 'AbortError',
    });
    const controller = new AbortController();
    const response = await asyncio.fetch(url, { signal: controller.signal });
    const body = response.text();
    controller.abort();
    await assert.rejects(body, { name: 'AbortError' });
    assert.equal(currentTask()?.cancelling(), 0);
  });
});

test('asyncio.fetch() hands on what the platform throws', async () => {
  await asyncio.run(async () => {
    await assert.rejects(async () => await asyncio.fetch('http://127.0.0.1:1/'), TypeError);
    await assert.rejects(async () => await asyncio.fetch('not a url'), TypeError);
  });
});

const underSignal: Record<string, () => Promise<unknown>> = {
  'timers/promises': () => delay(100_000, undefined, { signal: signalHere() }),
  'events.once': () => once(new EventEmitter(), 'never', { signal: signalHere() }),
};

for (const [what, start] of Object.entries(underSignal)) {
  test(`the AbortError of ${what} under currentSignal() is the cancellation: task and timeout alike`, async () => {
    await asyncio.run(async () => {
      const task = createTask(async () => {
        await start();
      });
      await sleep(0);
      task.cancel();
      await wait([task]);
      assert.equal(task.cancelled(), true);
      await assert.rejects(
        async () =>
          await timeout(0.001).run(async () => {
            await start();
          }),
        { name: 'TimeoutError' },
      );
      assert.equal(currentTask()?.cancelling(), 0);
    });
  });
}

test('currentSignal() outside a task is a RuntimeError', () => {
  assert.throws(() => currentSignal(), { name: 'RuntimeError' });
});

const crowds: Record<string, string> = {
  'calls under one currentSignal()': `
    const { setTimeout: delay } = await import('node:timers/promises');
    const tasks = [asyncio.createTask(() => many(() => delay(100_000, null, { signal: asyncio.currentSignal() })))];
    const cancel = () => tasks[0].cancel();`,
  'tasks under one signal': `
    const controller = new AbortController();
    const { signal } = controller;
    const tasks = await many(async () => [asyncio.createTask(() => asyncio.sleep(100), { signal })]).then((all) => all.flat());
    const cancel = () => controller.abort();`,
};

for (const [what, body] of Object.entries(crowds)) {
  test(`many ${what} are no leak to Node`, async () => {
    const { code, out, err } = await script(`
      const many = (make) => Promise.all(Array.from({ length: 30 }, make));
      await asyncio.run(async () => {
        ${body}
        await asyncio.sleep(0);
        cancel();
        await asyncio.wait(tasks);
        console.log(tasks.every((each) => each.cancelled()));
      });`);
    assert.deepEqual({ code, out, err }, { code: 0, out: ['true'], err: '' });
  });
}

test('no listener on the process is left after run()', async () => {
  const events = ['unhandledRejection', 'beforeExit', 'exit', 'SIGINT', 'SIGTERM'];
  const { code, out } = await script(`
    const count = () => ${JSON.stringify(events)}.map((event) => process.listenerCount(event)).join();
    const before = count();
    await asyncio.run(async () => {
      const task = asyncio.createTask(async () => {
        void asyncio.sleep(100).then(() => {});
        await Promise.race([asyncio.sleep(100), asyncio.sleep(0)]);
      });
      await task;
      const cancelled = asyncio.createTask(async () => await asyncio.sleep(100));
      await asyncio.sleep(0);
      cancelled.cancel();
      await asyncio.wait([cancelled]);
    });
    for (let n = 0; n < 3; n++) await new Promise((resolve) => setImmediate(resolve));
    console.log(count() === before ? 'none' : before + ' ' + count());`);
  assert.deepEqual({ code, out }, { code: 0, out: ['none'] });
});

test('awaiting a future of a closed loop is a RuntimeError, inside and outside tasks', async () => {
  const future = await asyncio.run(async () => [asyncio.getRunningLoop().createFuture<void>()] as const);
  const expected = { name: 'RuntimeError' };
  await assert.rejects(
    asyncio.run(async () => await future[0]),
    expected,
  );
  const { code, out } = await script(`
    const [future] = await asyncio.run(async () => [asyncio.getRunningLoop().createFuture()]);
    console.log(await future.then(undefined, (error) => error.name));`);
  assert.deepEqual({ code, out }, { code: 0, out: ['RuntimeError'] });
});

/** The platform's host, but what waits in the background is due at once when the test says so. */
class ImpatientHost implements Host {
  readonly clockResolution = 1e-9;
  readonly #host = getDefaultHost();
  readonly #background = new Set<() => void>();

  time(): number {
    return this.#host.time();
  }

  soon(callback: () => void): void {
    this.#host.soon(callback);
  }

  hop(callback: () => void): void {
    this.#host.hop(callback);
  }

  settled(callback: () => void): void {
    this.#host.settled(callback);
  }

  timer(callback: () => void, background = false): HostTimer {
    if (!background) return this.#host.timer(callback);
    return { set: () => this.#background.add(callback), clear: () => this.#background.delete(callback) };
  }

  get asyncContext() {
    return this.#host.asyncContext as NonNullable<Host['asyncContext']>;
  }

  losePatience(): void {
    for (const callback of [...this.#background]) {
      this.#background.delete(callback);
      callback();
    }
  }
}

test('a cancelled task that stays inside a foreign await is logged once, and a heard one is not', async (t) => {
  const warnings: string[] = [];
  const { logger, setLogger } = asyncio;
  setLogger({ ...logger, warn: (text: string) => void warnings.push(text) } as asyncio.Logger);
  t.after(() => setLogger(null as never));
  const host = new ImpatientHost();
  await asyncio.run(
    async () => {
      let release = () => {};
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      const deaf = createTask(
        async () => {
          await held;
          await sleep(0);
        },
        { name: 'deaf' },
      );
      const hearing = createTask(() => delay(100_000, undefined, { signal: signalHere() }), {
        name: 'hearing',
      });
      const ours = createTask(async () => await sleep(100), { name: 'ours' });
      await sleep(0);
      for (const task of [deaf, hearing, ours]) task.cancel();
      await wait([hearing, ours]);
      host.losePatience();
      deaf.cancel();
      host.losePatience();
      release();
      await wait([deaf]);
      assert.equal(deaf.cancelled(), true);
      host.losePatience();
    },
    { loopFactory: () => new asyncio.EventLoop({ host }) },
  );
  assert.equal(warnings.length, 1, warnings.join('\n'));
  assert.match(warnings[0] as string, /deaf.*awaiting a promise that tsyncio cannot interrupt/s);
});

// ------------------------------------------------------------------------------------ what must not end the process

const harmless: Record<string, string> = {
  'a floating flow, when its task ends': `
    void (async () => { try { await asyncio.sleep(100) } finally { await asyncio.sleep(0); console.log('cleaned up') } })();
    await asyncio.sleep(0);`,
  'a floating flow, when a timeout cancels it': `
    await asyncio.timeout(0.001).run(async () => {
      void (async () => { try { await asyncio.sleep(100) } finally { console.log('cleaned up') } })();
      await asyncio.sleep(100);
    }).then(undefined, () => {});
    await new Promise((resolve) => setTimeout(resolve, 1));`,
  'a floating flow, when its task is cancelled': `
    const task = asyncio.createTask(async () => {
      void (async () => { try { await asyncio.sleep(100) } finally { console.log('cleaned up') } })();
      try { await asyncio.sleep(100); } finally { await new Promise((resolve) => setTimeout(resolve, 1)); }
    });
    await asyncio.sleep(0);
    task.cancel();
    await asyncio.wait([task]);`,
  'a floating flow, when its group is aborted': `
    await new asyncio.TaskGroup().run(async (group) => {
      void (async () => { try { await asyncio.sleep(100) } finally { console.log('cleaned up') } })();
      group.createTask(async () => { throw new Error('child') });
      await asyncio.sleep(100);
    }).then(undefined, () => {});
    await new Promise((resolve) => setTimeout(resolve, 1));`,
  'a floating flow of a task that a closing run() cancels': `
    asyncio.createTask(async () => {
      void (async () => { try { await asyncio.sleep(100) } finally { console.log('cleaned up') } })();
      await asyncio.sleep(100);
    });
    await asyncio.sleep(0);`,
  'a floating flow under currentSignal()': `
    const task = asyncio.createTask(async () => {
      const { setTimeout: delay } = await import('node:timers/promises');
      void (async () => {
        try { await delay(100000, null, { signal: asyncio.currentSignal() }) } finally { console.log('cleaned up') }
      })();
      await asyncio.sleep(100);
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    task.cancel();
    await asyncio.wait([task]);
    await new Promise((resolve) => setTimeout(resolve, 1));`,
  'a loser of Promise.race that fails while its task ends': `
    const task = asyncio.createTask(async () => {
      await Promise.race([
        (async () => { try { await asyncio.sleep(100) } finally { console.log('cleaned up'); throw new Error('late') } })(),
        asyncio.sleep(0),
      ]);
    });
    await task;`,
  'an http handler in flight, when its task is cancelled': `
    const { createServer } = await import('node:http');
    let server;
    const arrived = new asyncio.Event();
    const task = asyncio.createTask(async () => {
      server = createServer(async () => {
        arrived.set();
        try { await asyncio.sleep(100) } finally { console.log('cleaned up') }
      });
      await new Promise((resolve) => server.listen(0, resolve));
      const { port } = server.address();
      await fetch('http://127.0.0.1:' + port + '/', { signal: asyncio.currentSignal() });
    });
    await arrived.wait();
    task.cancel();
    await asyncio.wait([task]);
    await new Promise((resolve) => { server.closeAllConnections(); server.close(resolve) });`,
};

for (const [what, body] of Object.entries(harmless)) {
  test(`the process survives ${what}`, async () => {
    const { code, out, err } = await script(
      `await asyncio.run(async () => {${body}\n});\nconsole.log('alive');`,
    );
    assert.deepEqual({ code, out, err }, { code: 0, out: ['cleaned up', 'alive'], err: '' });
  });
}

test('an error of a floating flow ends the process, as Node has it, also while cancelled flows are awaited', async () => {
  for (const body of [
    "void (async () => { await asyncio.sleep(0); throw new RangeError('mine') })(); await asyncio.sleep(100);",
    "void (async () => { try { await asyncio.sleep(100) } finally { throw new RangeError('mine') } })(); await asyncio.sleep(0);",
  ]) {
    const { code, err } = await script(
      `await asyncio.run(async () => {${body}\n});\nsetTimeout(() => {}, 60_000);`,
    );
    assert.equal(code, 1);
    assert.match(err, /RangeError: mine/);
  }
});

test("a listener of the program's own for unhandledRejection sees each error once", async () => {
  const { code, out } = await script(`
    process.on('unhandledRejection', (error) => { if (!asyncio.isCancelledError(error)) console.log(error.message) });
    await asyncio.run(async () => {
      void (async () => { try { await asyncio.sleep(100) } finally { throw new Error('of the flow') } })();
      void Promise.reject(new Error('other'));
      await asyncio.sleep(0);
    });`);
  assert.deepEqual({ code, out: out.sort() }, { code: 0, out: ['of the flow', 'other'] });
});

// --------------------------------------------------------------------------------------------- plain top-level code

test('awaits at the top of a module run on the ambient loop', async () => {
  const { code, out, err } = await script(`
    const { sleep, timeout, createTask, TaskGroup, Lock, Queue } = asyncio;
    console.log(await sleep(0.001, 'slept'));
    console.log(await timeout(0.001).run(() => sleep(100)).then(undefined, (error) => error.name));
    console.log(await Promise.all([sleep(0.001, 1), timeout(5).run(async () => await sleep(0, 2))]));
    const lock = new Lock();
    await lock.acquire();
    console.log(lock.locked());
    const queue = new Queue();
    createTask(async () => { await sleep(0); queue.putNowait('item') });
    console.log(await queue.get());
    console.log(await new TaskGroup().run(async (group) => await group.createTask(async () => 'grouped')));
    const task = createTask(() => sleep(100));
    task.cancel();
    console.log(await task.then(undefined, (error) => error.name));
    for await (const each of asyncio.asCompleted([sleep(0.002, 'b'), sleep(0.001, 'a')])) console.log(await each);
    console.log(asyncio.currentTask(), asyncio.allTasks().size);`);
  assert.equal(err, '');
  assert.equal(code, 0);
  assert.deepEqual(out, [
    'slept',
    'TimeoutError',
    '[ 1, 2 ]',
    'true',
    'item',
    'grouped',
    'CancelledError',
    'a',
    'b',
    'null 0',
  ]);
});

test('an ambient task does not keep the process alive by itself, and a sleep does', async () => {
  const { code, out } = await script(`
    asyncio.createTask(async () => { await asyncio.sleep(0.01); console.log('slept') });
    console.log('top');`);
  assert.deepEqual({ code, out }, { code: 0, out: ['top', 'slept'] });
});

test('DeadlockError: run() ends, finally blocks run, and the message says who waits for what', async () => {
  const { code, out, err } = await script(`
    const { createTask, sleep, getRunningLoop, Queue } = asyncio;
    try {
      await asyncio.run(async () => {
        const queue = new Queue();
        const consumer = createTask(async function consume() { await queue.get() }, { name: 'consumer' });
        const waiting = createTask(function* () { yield* consumer }, { name: 'waiting' });
        try {
          await Promise.all([waiting, sleep(0)]);
        } finally {
          await sleep(0.001);
          console.log('cleaned up');
        }
      });
    } catch (error) {
      console.log(error.name + ' ' + error.code);
      console.log(error.message);
    }
    console.log(await sleep(0, 'goes on'));`);
  assert.equal(code, 0, err);
  const [cleaned, name, ...message] = out;
  assert.equal(cleaned, 'cleaned up');
  assert.match(name as string, /^DeadlockError /);
  const text = message.join('\n');
  assert.match(text, /^Deadlock: nothing can wake the event loop any more/);
  assert.match(text, /consumer \(consume\) waits for <.*Future pending/);
  assert.match(text, /waiting \(.*\) waits for .*consumer/);
  assert.doesNotMatch(text, /GatheringFuture/);
  assert.equal(message.at(-1), 'goes on');
});

test('DeadlockError comes for every deadlock, one after the other, inside run() and at the top of a module', async () => {
  const { code, out } = await script(`
    const name = (error) => console.log(error.name);
    await asyncio.run(() => new Promise(() => {})).catch(name);
    await asyncio.getRunningLoop().createFuture().then(undefined, name);
    const lock = new asyncio.Lock();
    await lock.acquire();
    await lock.acquire().then(undefined, name);
    await Promise.all([new asyncio.Queue().get(), new asyncio.Event().wait()]).catch(name);
    await asyncio.run(function* () { yield* new asyncio.Event().wait() }).catch(name);
    console.log('end');`);
  assert.deepEqual({ code, out }, { code: 0, out: [...Array(5).fill('DeadlockError'), 'end'] });
});

test('no DeadlockError while the platform can still wake the loop', async () => {
  const { code, out, err } = await script(`
    console.log(await asyncio.run(async () => {
      const future = asyncio.getRunningLoop().createFuture();
      setTimeout(() => future.setResult('by a timer of Node'), 5);
      return await future;
    }));
    const future = asyncio.getRunningLoop().createFuture();
    setImmediate(() => setImmediate(() => future.setResult('by an immediate')));
    console.log(await future);`);
  assert.deepEqual({ code, out, err }, { code: 0, out: ['by a timer of Node', 'by an immediate'], err: '' });
});

test('a generator that hands an async function over, with coroutine(), has it in its task; one that only calls it need not', async () => {
  const { code, out, err } = await script(`
    const plain = async () => {
      try { await asyncio.sleep(100) } catch (error) { console.log(error.name, asyncio.currentTask()?.getName()); throw error }
    };
    await asyncio.run(function* () {
      const task = asyncio.createTask(function* () { yield* asyncio.coroutine(plain)() }, { name: 'generator' });
      yield* asyncio.sleep(0);
      yield* asyncio.sleep(0);
      task.cancel();
      yield* asyncio.wait([task]);
      console.log(task.cancelled());
    });`);
  assert.equal(err, '');
  assert.deepEqual({ code, out }, { code: 0, out: ['CancelledError generator', 'true'] });
});

test('callbacks of the loop never see the AsyncLocalStorage value of an earlier caller', async () => {
  const { code, out, err } = await script(`
    import { AsyncLocalStorage } from 'node:async_hooks';
    const storage = new AsyncLocalStorage();
    const { run, sleep, getRunningLoop, createTask, detached } = asyncio;
    const inCallback = () => new Promise((resolve) => getRunningLoop().callSoon(() => resolve(storage.getStore())));
    await storage.run('first', async () => {
      await run(async () => { await sleep(0) });
      await sleep(0);
      await createTask(function* () { yield* sleep(0) });
    });
    const seen = [
      await run(inCallback),
      await storage.run('second', () => run(async () => await inCallback())),
      await run(() => detached(async () => storage.getStore())),
      await run(async () => { await sleep(0); return storage.getStore() }),
      await createTask(async () => { await sleep(0); return await inCallback() }),
    ];
    console.log(seen.filter((each) => each === 'first').length);`);
  assert.equal(err, '');
  assert.deepEqual({ code, out }, { code: 0, out: ['0'] });
});

test('two run()s of plain code go on side by side, with real timers and foreign awaits', async () => {
  const { code, out, err } = await script(`
    import { setImmediate as immediate } from 'node:timers/promises';
    const { run, sleep, currentTask, getRunningLoop, createTask, timeout } = asyncio;
    const check = (loop) => {
      if (getRunningLoop() !== loop || currentTask()?.getLoop() !== loop) console.log('mixed up');
    };
    const program = (name, pause) => run(async () => {
      const loop = getRunningLoop();
      for (let n = 0; n < 20; n++) {
        await sleep(pause); check(loop);
        await immediate(); check(loop);
        await null; check(loop);
        await createTask(async () => { await sleep(0); check(loop) });
        await Promise.all([sleep(0), timeout(5).run(async () => { await immediate(); check(loop); await sleep(0); check(loop) })]);
        check(loop);
      }
      return name;
    });
    console.log((await Promise.all([program('a', 0), program('b', 0.001), program('c', 0)])).join());`);
  assert.equal(err, '');
  assert.deepEqual({ code, out }, { code: 0, out: ['a,b,c'] });
});
