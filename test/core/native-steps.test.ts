// Native steps: what an async function does between two waits is one step of the loop, as it is for a generator. No
// other handle runs before it has ended, however many microtasks it takes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { getDefaultHost, type Host, type HostTimer } from 'tsyncio/lowlevel';
import { VirtualHost } from 'tsyncio/testing';
import fc from '../property.js';

const { coroutine, createTask, currentTask, gather, getRunningLoop, sleep, timeout } = asyncio;

function virtual<T>(main: asyncio.CoroutineLike<T>, options: { asyncContext?: boolean } = {}): Promise<T> {
  const host = new VirtualHost({ host: getDefaultHost() });
  return asyncio.run(main, { loopFactory: () => new asyncio.EventLoop({ host, ...options }) });
}

/** Notes who is inside a step; entering while somebody else is inside is what must not happen. */
class Door {
  #inside: string | null = null;
  #entries = 0;

  enter(who: string): void {
    assert.equal(this.#inside, null, `${who} entered while ${this.#inside} was inside`);
    this.#inside = who;
    this.#entries += 1;
  }

  leave(who: string): void {
    assert.equal(this.#inside, who);
    this.#inside = null;
  }

  pass(who: string): void {
    this.enter(who);
    this.leave(who);
  }

  get entries(): number {
    return this.#entries;
  }
}

/** What an async function may do within one step: everything that does not wait for the loop. */
const withinStep: Record<string, () => Promise<unknown>> = {
  nothing: async () => {},
  'await null': async () => await null,
  'await of a fulfilled promise': () => Promise.resolve(1),
  'await of a rejected promise': () => Promise.reject(new Error('no')).catch(() => {}),
  'await of many promises in turn': async () => {
    for (let n = 0; n < 25; n++) await n;
  },
  'Promise.all of fulfilled promises': () => Promise.all([1, Promise.resolve(2), (async () => await 3)()]),
  'await of a done future': async () => {
    const future = getRunningLoop().createFuture<number>();
    future.setResult(1);
    await future;
    await null;
    await future;
  },
  'await of a free lock': async () => {
    const lock = new asyncio.Lock();
    await lock.acquire();
    await null;
    lock.release();
  },
  'await of a coroutine that does not suspend': async () => {
    await coroutine(async () => {
      await null;
      return await coroutine(function* () {
        return 1;
      })();
    })();
  },
  'a block that does not suspend': async () => {
    await timeout(5).run(async () => {
      await null;
    });
    await new asyncio.TaskGroup().run(async () => {});
  },
  'createTask()': async () => {
    createTask(async () => {});
    await null;
  },
  'an eager task': async () => {
    createTask(async () => await null, { eagerStart: true });
    await null;
  },
  'an unused look at then': async () => {
    const future = getRunningLoop().createFuture();
    assert.equal(typeof future.then, 'function');
    await null;
  },
  'an async generator': async () => {
    for await (const each of [1, Promise.resolve(2)]) void each;
    for await (const each of (async function* () {
      yield* [1, 2];
    })()) {
      void each;
    }
  },
};

for (const asyncContext of [true, false]) {
  const where = asyncContext ? '' : 'without async context, ';

  for (const [what, body] of Object.entries(withinStep)) {
    test(`${where}no other handle runs within a step with ${what}`, async () => {
      const door = new Door();
      await virtual(
        async () => {
          const loop = getRunningLoop();
          let open = true;
          const spins = () => open && door.entries < 5000;
          const tick = () => {
            door.pass('a callback');
            if (spins()) loop.callSoon(tick);
          };
          tick();
          const spinner = createTask(function* (): asyncio.Coro<void> {
            while (spins()) {
              door.pass('a generator');
              yield* sleep(0);
            }
          });
          const stepper = (who: string) => async () => {
            for (let n = 0; n < 5; n++) {
              door.enter(who);
              await body();
              door.leave(who);
              await sleep(0);
            }
          };
          await gather([stepper('a'), stepper('b'), coroutine(stepper('c'))()]);
          open = false;
          await spinner;
        },
        { asyncContext },
      );
      assert.ok(door.entries > 30);
    });
  }
}

test('no other handle runs within a step of a nested native frame that ends and another that begins', async () => {
  const door = new Door();
  await virtual(async () => {
    const worker = (who: string) => async () => {
      const inner = coroutine(async () => {
        await sleep(0);
        door.enter(who);
        await null;
      });
      for (let n = 0; n < 3; n++) {
        await inner();
        await null;
        await coroutine(async () => {
          await null;
          door.leave(who);
          await sleep(0);
        })();
      }
    };
    await gather(['a', 'b', 'c'].map(worker));
  });
  assert.equal(door.entries, 9);
});

test('random single-flow programs of both kinds never overlap within a step', async () => {
  const step = fc.record({ foreign: fc.nat(6), wait: fc.constantFrom(0, 0, 0, 1, 2), nested: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { maxLength: 5 }), { minLength: 2, maxLength: 5 }),
      async (flows) => {
        const door = new Door();
        await virtual(async () => {
          const native = (who: string, steps: (typeof flows)[number]) => async () => {
            for (const { foreign, wait, nested } of steps) {
              door.enter(who);
              for (let n = 0; n < foreign; n++) await null;
              if (nested) await coroutine(async () => await Promise.resolve())();
              door.leave(who);
              if (nested) await coroutine(async () => await sleep(wait))();
              else await sleep(wait);
            }
          };
          const generator = (who: string, steps: (typeof flows)[number]) =>
            function* (): asyncio.Coro<void> {
              for (const { wait } of steps) {
                door.pass(who);
                yield* sleep(wait);
              }
            };
          await gather(
            flows.map(
              (steps, index) =>
                (index % 3 === 2 ? generator : native)(`task ${index}`, steps) as () => Promise<void>,
            ),
          );
        });
        assert.equal(door.entries, flows.flat().length);
      },
    ),
    { numRuns: 60 },
  );
});

test('async functions take turns as generators do, foreign awaits or not', async () => {
  const trace = async (kind: 'native' | 'foreign' | 'generator') => {
    const log: string[] = [];
    await virtual(async () => {
      const loop = getRunningLoop();
      const worker = (name: string, count: number) =>
        kind === 'generator'
          ? function* (): asyncio.Coro<void> {
              for (let n = 0; n < count; n++) {
                log.push(`${name}${n}`);
                loop.callSoon(() => log.push(`cb ${name}${n}`));
                yield* sleep(0);
              }
            }
          : async () => {
              for (let n = 0; n < count; n++) {
                if (kind === 'foreign') await null;
                log.push(`${name}${n}`);
                loop.callSoon(() => log.push(`cb ${name}${n}`));
                if (kind === 'foreign') await Promise.resolve();
                await sleep(0);
              }
            };
      await gather([worker('a', 3), worker('b', 2), worker('c', 3)] as (() => Promise<void>)[]);
    });
    return log;
  };
  const expected = await trace('generator');
  assert.equal(expected.length, 16);
  assert.deepEqual(await trace('native'), expected);
  assert.deepEqual(await trace('foreign'), expected);
});

test('the loop goes on while a step waits for a promise of the platform', async () => {
  let spins = 0;
  const log: string[] = [];
  await asyncio.run(async () => {
    let settled = false;
    const waiting = createTask(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => process.nextTick(resolve));
      settled = true;
      log.push(`resumed in ${currentTask() === waiting}`);
      await sleep(0);
      log.push('goes on');
    });
    while (!settled) {
      spins += 1;
      await sleep(0);
    }
    await waiting;
  });
  assert.ok(spins > 1);
  assert.deepEqual(log, ['resumed in true', 'goes on']);
});

test('what a function hands back may be a promise, a coroutine, a future, a generator or a value', async () => {
  await virtual(async () => {
    const values = await Promise.all([
      createTask(() => Promise.resolve('promise')),
      createTask(() => sleep(1, 'coroutine')),
      createTask(() => createTask(async () => 'task') as unknown as Promise<string>),
      createTask(() =>
        (function* (): asyncio.Coro<string> {
          yield* sleep(1);
          return 'generator';
        })(),
      ),
      createTask((() => 'value') as unknown as () => Promise<string>),
      createTask(async () => sleep(1, 'coroutine of an async function')),
      coroutine(async () => sleep(1, 'nested'))(),
    ]);
    assert.deepEqual(values, [
      'promise',
      'coroutine',
      'task',
      'generator',
      'value',
      'coroutine of an async function',
      'nested',
    ]);
  });
});

test('a function that throws before its first await fails its task, and the loop goes on', async () => {
  await virtual(async () => {
    const failing = createTask((() => {
      throw new RangeError('at once');
    }) as () => Promise<never>);
    const next = createTask(async () => 'next');
    assert.equal(await next, 'next');
    assert.equal((failing.exception() as Error).message, 'at once');
    await assert.rejects(async () => {
      await coroutine((() => {
        throw new RangeError('nested');
      }) as () => Promise<never>)();
    }, /nested/);
    assert.equal(await sleep(1, 'goes on'), 'goes on');
  });
});

test('SystemExit thrown after an await stops the loop and comes out of run()', async () => {
  for (const before of [async () => {}, async () => await null, async () => await sleep(1)]) {
    await assert.rejects(
      virtual(async () => {
        const child = createTask(async () => {
          await before();
          throw new asyncio.SystemExit(3);
        });
        await sleep(5);
        await child;
      }),
      (error: asyncio.SystemExit) => error instanceof asyncio.SystemExit && error.exitCode === 3,
    );
  }
});

// -------------------------------------------------------------------------------------------------- side by side

for (const asyncContext of [true, false]) {
  const where = asyncContext ? '' : 'without async context, ';
  test(`${where}two run()s side by side keep their own loops, tasks and order, steps interleaved`, async () => {
    const program = (name: string) =>
      virtual(
        async () => {
          const loop = getRunningLoop();
          const log: string[] = [];
          const worker = (which: string) => async () => {
            for (let n = 0; n < 20; n++) {
              log.push(`${which}${n}`);
              if (asyncContext && n % 3 === 0) await null;
              if (asyncContext && n % 5 === 0)
                await Promise.all([sleep(0), timeout(5).run(async () => await sleep(0))]);
              assert.equal(getRunningLoop(), loop, `${name} ${which} after foreign awaits`);
              assert.equal(currentTask()?.getName(), `${name} ${which}`);
              await sleep(n % 2);
              assert.equal(currentTask()?.getLoop(), loop);
              assert.equal(await coroutine(async () => await sleep(0, n))(), n);
            }
          };
          await gather(['a', 'b'].map((which) => createTask(worker(which), { name: `${name} ${which}` })));
          return log;
        },
        { asyncContext },
      );
    const alone = await program('alone');
    const [first, second] = await Promise.all([program('first'), program('second')]);
    assert.deepEqual(first, alone);
    assert.deepEqual(second, alone);
  });
}

test('a failing run() leaves the one beside it alone', async () => {
  const results = await Promise.allSettled([
    virtual(async () => {
      await sleep(1);
      throw new RangeError('first');
    }),
    virtual(async () => {
      await sleep(5);
      return await timeout(3).run(async () => await sleep(2, 'second'));
    }),
  ]);
  assert.deepEqual(
    results.map((each) => (each.status === 'fulfilled' ? each.value : each.reason.message)),
    ['first', 'second'],
  );
});

test('awaiting a future of another loop is a RuntimeError', async () => {
  let theirs: asyncio.Future<void> | undefined;
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const other = asyncio.run(async () => {
    theirs = getRunningLoop().createFuture();
    await held;
    theirs.setResult();
  });
  while (theirs === undefined) await null;
  const future = theirs;
  await assert.rejects(
    asyncio.run(async () => {
      await future;
    }),
    { name: 'RuntimeError', message: /attached to a different loop/ },
  );
  release();
  await other;
});

// ---------------------------------------------------------------------------------------------------- starvation

const spinners: Record<string, (done: () => boolean) => asyncio.CoroutineLike<void>> = {
  'an async function': (done) => async () => {
    while (!done()) await sleep(0);
  },
  'a generator': (done) =>
    function* () {
      while (!done()) yield* sleep(0);
    },
  'an async function with foreign awaits': (done) => async () => {
    while (!done()) {
      await null;
      await sleep(0);
    }
  },
  'several flows': (done) => async () => {
    while (!done()) await Promise.all([sleep(0), sleep(0)]);
  },
  'a queue that is never empty': (done) => async () => {
    const queue = new asyncio.Queue<number>();
    while (!done()) {
      queue.putNowait(1);
      await queue.get();
      await sleep(0);
    }
  },
};

for (const [who, spin] of Object.entries(spinners)) {
  test(`input, output and timers of the platform come through while ${who} spins`, {
    timeout: 60_000,
  }, async () => {
    const { readFile } = await import('node:fs/promises');
    const arrived = new Set<string>();
    setTimeout(() => arrived.add('timer'), 1);
    setImmediate(() => arrived.add('immediate'));
    void readFile(new URL(import.meta.url)).then(() => arrived.add('file'));
    await asyncio.run(async () => {
      const done = () => arrived.size === 4;
      getRunningLoop().callLater(0.001, () => arrived.add('timer of the loop'));
      await gather([spin(done), spin(done), spin(done)]);
    });
    assert.equal(arrived.size, 4);
  });
}

/** The platform's host with a clock that only steps make pass: a machine on which nothing but they takes time. */
class SteppedHost implements Host {
  readonly clockResolution = 1e-9;
  readonly #host = getDefaultHost();
  now = 0;
  hops = 0;

  time(): number {
    return this.now;
  }

  soon(callback: () => void): void {
    this.#host.soon(callback);
  }

  hop(callback: () => void): void {
    this.hops += 1;
    this.#host.hop(callback);
  }

  settled(callback: () => void): void {
    this.#host.settled(callback);
  }

  timer(callback: () => void, background?: boolean): HostTimer {
    return this.#host.timer(callback, background);
  }

  get asyncContext() {
    return this.#host.asyncContext as NonNullable<Host['asyncContext']>;
  }
}

for (const kind of ['async function', 'generator'] as const) {
  test(`timers and the platform get their turn in time when every step of a busy ${kind} takes long`, async () => {
    const host = new SteppedHost();
    let steps = 0;
    const compute = () => {
      steps += 1;
      host.now += 0.01;
      assert.ok(steps < 1000);
    };
    await assert.rejects(
      asyncio.run(
        async () => {
          await timeout(0.045).run(
            kind === 'generator'
              ? function* (): asyncio.Coro<void> {
                  for (;;) {
                    compute();
                    yield* sleep(0);
                  }
                }
              : async () => {
                  for (;;) {
                    compute();
                    await sleep(0);
                  }
                },
          );
        },
        { loopFactory: () => new asyncio.EventLoop({ host }) },
      ),
      { name: 'TimeoutError' },
    );
    // Due after the fifth step. The loop reads the clock once in as many handles as were quick before: some more may run.
    assert.ok(steps <= 16, `the limit of 45 ms came after ${steps} steps of 10 ms`);
    assert.ok(host.hops >= 2, `the platform had ${host.hops} turns in ${steps} steps of 10 ms`);
  });
}
