// Flows: what becomes of cancellation when plain async functions start several flows in one task, with Promise.all and
// its like. The clock is virtual; a "foreign" promise is one of plain JavaScript, which the loop knows nothing of.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { getDefaultHost } from 'tsyncio/lowlevel';
import { VirtualHost } from 'tsyncio/testing';
import fc from '../property.js';

const { coroutine, createTask, currentSignal, currentTask, sleep, TaskGroup, timeout, wait } = asyncio;

/** Runs `main` in virtual time; afterwards no task may be left but main, and nothing may have been reported. */
async function virtual<T>(
  main: () => Promise<T> | asyncio.Coro<T>,
  { asyncContext = true }: { asyncContext?: boolean } = {},
): Promise<T> {
  const host = new VirtualHost({ host: getDefaultHost() });
  const reports: string[] = [];
  const result = await asyncio.run(
    async () => {
      const loop = asyncio.getRunningLoop();
      loop.setExceptionHandler((_, { message, exception }) => reports.push(`${message} ${exception}`));
      const value = await loop.createTask(main as () => Promise<T>, { name: 'main' });
      await sleep(0);
      assert.equal(asyncio.allTasks().size, 1, 'no task outlives the program');
      return value;
    },
    { loopFactory: () => new asyncio.EventLoop({ host, asyncContext }) },
  );
  assert.deepEqual(reports, []);
  return result;
}

/** A promise of plain JavaScript that is fulfilled after `seconds` of the loop's time. */
function foreign<T = void>(seconds: number, value?: T): Promise<T> {
  const loop = asyncio.getRunningLoop();
  return new Promise((resolve) => loop.callLater(seconds, () => resolve(value as T)));
}

/** A promise of plain JavaScript that only the signal ends. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** As assert.rejects(), for whatever can be awaited. */
const rejects = (awaitable: PromiseLike<unknown> | (() => Promise<unknown>), expected: object) =>
  assert.rejects(async () => await (typeof awaitable === 'function' ? awaitable() : awaitable), expected);

const now = () => asyncio.getRunningLoop().time();
const signalHere = () => currentSignal() as AbortSignal;
const nameOf = (error: unknown) => (error as Error).name;
const outcomes = (results: PromiseSettledResult<unknown>[]) =>
  results.map((each) => (each.status === 'fulfilled' ? each.value : nameOf(each.reason)));

// ------------------------------------------------------------------------- timeouts and groups in parallel flows

test('timeout() in Promise.all ends its own flow only', async () => {
  await virtual(async () => {
    const results = await Promise.allSettled([
      timeout(1).run(async () => {
        await sleep(5);
        return 'never';
      }),
      timeout(9).run(async () => {
        await sleep(3);
        return `slow at ${now()}`;
      }),
    ]);
    assert.deepEqual(outcomes(results), ['TimeoutError', 'slow at 3']);
  });
});

test('timeout() in Promise.all: the error comes out at its deadline, the other flow goes on', async () => {
  const log: string[] = [];
  await virtual(async () => {
    const other = timeout(9).run(async () => {
      await sleep(3);
      log.push(`other done at ${now()}`);
    });
    await rejects(Promise.all([timeout(1).run(() => sleep(5)), other]), { name: 'TimeoutError' });
    log.push(`caught at ${now()}`);
    await sleep(4);
  });
  assert.deepEqual(log, ['caught at 1', 'other done at 3']);
});

test('timeout() in Promise.all with foreign promises before, inside and after', async () => {
  await virtual(async () => {
    const limited = async (limit: number, name: string) => {
      await foreign(0.5);
      return timeout(limit).run(async () => {
        await foreign(0.25);
        await sleep(0.25);
        await foreign(0.25);
        await sleep(2);
        return `${name} at ${now()}`;
      });
    };
    const results = await Promise.allSettled([
      limited(1, 'a'),
      limited(5, 'b'),
      foreign(1, 'c'),
      sleep(2, 'd'),
    ]);
    assert.deepEqual(outcomes(results), ['TimeoutError', 'b at 3.25', 'c', 'd']);
  });
});

test('a timeout that fires inside a foreign await ends the body at its next await', async () => {
  await virtual(async () => {
    await rejects(
      timeout(1).run(async () => {
        await foreign(3);
        assert.equal(now(), 3);
        await sleep(1);
        assert.fail('the body went on');
      }),
      { name: 'TimeoutError' },
    );
    assert.equal(now(), 3);
    await sleep(1);
  });
});

test('a timeout that fires inside a foreign await lets a body pass that awaits nothing more', async () => {
  await virtual(async () => {
    const limit = timeout(1);
    assert.equal(await limit.run(() => foreign(3, 'late')), 'late');
    assert.equal(limit.expired(), true);
    assert.equal(currentTask()?.cancelling(), 0);
    await sleep(1);
  });
});

test('timeouts that fire at the same moment in parallel flows all fire', async () => {
  await virtual(async () => {
    const ended: number[] = [];
    const results = await Promise.allSettled(
      [1, 1, 1, 2].map((limit, index) =>
        timeout(limit).run(async () => {
          try {
            await sleep(1.5);
            return 'done';
          } finally {
            await sleep(0.25);
            ended.push(index);
          }
        }),
      ),
    );
    assert.deepEqual(outcomes(results), ['TimeoutError', 'TimeoutError', 'TimeoutError', 'done']);
    assert.deepEqual(ended, [0, 1, 2, 3]);
    assert.equal(currentTask()?.cancelling(), 0);
  });
});

test('nested timeouts in parallel flows: the inner one leaves the outer body alive', async () => {
  await virtual(async () => {
    const nested = (inner: number, outer: number) =>
      timeout(outer).run(async () => {
        try {
          await timeout(inner).run(() => sleep(10));
        } catch (error) {
          if (nameOf(error) !== 'TimeoutError') throw error;
          await sleep(1);
          return `inner at ${now()}`;
        }
        return 'none';
      });
    const results = await Promise.allSettled([nested(1, 5), nested(5, 1), nested(2, 3.5), nested(2, 2)]);
    assert.deepEqual(outcomes(results), ['inner at 2', 'TimeoutError', 'inner at 3', 'TimeoutError']);
  });
});

test('a timeout around Promise.all cancels every flow of its body, and no other', async () => {
  const log: string[] = [];
  await virtual(async () => {
    const flow = async (name: string, seconds: number) => {
      try {
        await sleep(seconds);
        log.push(`${name} done`);
      } catch (error) {
        log.push(`${name} ${nameOf(error)} at ${now()}`);
        throw error;
      }
    };
    const outside = flow('outside', 4);
    await rejects(
      timeout(1).run(async () => {
        await Promise.all([flow('a', 5), flow('b', 6), (async () => flow('c', 7))()]);
      }),
      { name: 'TimeoutError' },
    );
    await outside;
  });
  assert.deepEqual(log, [
    'a CancelledError at 1',
    'b CancelledError at 1',
    'c CancelledError at 1',
    'outside done',
  ]);
});

test('TaskGroup in Promise.all: a failing child cancels the body of its own group only', async () => {
  const log: string[] = [];
  await virtual(async () => {
    const group = (name: string, failAt: number) =>
      new TaskGroup().run(async (tg) => {
        tg.createTask(async () => {
          await sleep(failAt);
          if (failAt < 3) throw new Error(name);
        });
        try {
          await sleep(4);
          return `${name} body done`;
        } finally {
          await sleep(0.5);
          log.push(`${name} cleaned at ${now()}`);
        }
      });
    const results = await Promise.allSettled([group('a', 1), group('b', 9), group('c', 2)]);
    assert.deepEqual(outcomes(results), ['ExceptionGroup', 'b body done', 'ExceptionGroup']);
    assert.equal(currentTask()?.cancelling(), 0);
  });
  assert.deepEqual(log, ['a cleaned at 1.5', 'c cleaned at 2.5', 'b cleaned at 4.5']);
});

test('groups inside timeouts inside groups, in parallel flows', async () => {
  await virtual(async () => {
    const layered = (limit: number) =>
      new TaskGroup().run(async (outer) => {
        const side = outer.createTask(() => sleep(3, 'side'));
        const inner = await timeout(limit)
          .run(async () =>
            new TaskGroup().run(async (tg) => {
              const child = tg.createTask(() => sleep(2, 'child'));
              return `${await child}`;
            }),
          )
          .then((value) => value, nameOf);
        return `${inner} ${await side}`;
      });
    assert.deepEqual(await Promise.all([layered(1), layered(5)]), ['TimeoutError side', 'child side']);
    assert.equal(now(), 3);
  });
});

test('waitFor() in parallel flows times out each by itself', async () => {
  await virtual(async () => {
    const results = await Promise.allSettled([
      asyncio.waitFor(sleep(5, 'a'), 1),
      asyncio.waitFor(sleep(2, 'b'), 3),
      asyncio.waitFor(() => foreign(2, 'c'), 3),
    ]);
    assert.deepEqual(outcomes(results), ['TimeoutError', 'b', 'c']);
  });
});

test('limits that are over at once, in parallel flows: a body that does not suspend gets through', async () => {
  await virtual(async () => {
    for (const limit of [0, -1]) {
      const results = await Promise.allSettled([
        timeout(limit).run(async () => 'no await'),
        timeout(limit).run(async () => {
          await null;
          return 'a foreign await';
        }),
        timeout(limit).run(async () => await sleep(0, 'suspends')),
        timeout(limit).run(function* (): asyncio.Coro<string> {
          return 'a generator';
        }),
        timeout(5).run(async () => await sleep(1, 'another')),
      ]);
      assert.deepEqual(outcomes(results), [
        'no await',
        'a foreign await',
        'TimeoutError',
        'a generator',
        'another',
      ]);
    }
  });
});

test('reschedule() by another flow moves the limit of the flow that runs under it', async () => {
  await virtual(async () => {
    const limit = timeout(1);
    const limited = async () => {
      await limit.run(() => sleep(50));
    };
    const results = await Promise.allSettled([
      limited(),
      (async () => {
        await sleep(0.5);
        limit.reschedule(now() + 3);
        await sleep(1);
        return limit.expired();
      })(),
    ]);
    assert.deepEqual(outcomes(results), ['TimeoutError', false]);
    assert.equal(now(), 3.5);
  });
});

test('a limit can be entered by one flow only', async () => {
  await virtual(async () => {
    const limit = timeout(5);
    const results = await Promise.allSettled([
      limit.run(async () => await sleep(1, 'first')),
      limit.run(async () => await sleep(1, 'second')),
    ]);
    assert.deepEqual(outcomes(results), ['first', 'RuntimeError']);
  });
});

test('a group takes tasks from every flow, and its block waits for them', async () => {
  await virtual(async () => {
    const log: string[] = [];
    await new TaskGroup().run(async (group) => {
      const start = async (name: string, seconds: number) => {
        await sleep(seconds);
        group.createTask(async () => {
          await foreign(1);
          await sleep(1);
          log.push(`${name} at ${now()}`);
        });
      };
      await Promise.all([start('a', 0), start('b', 1), coroutine(() => start('c', 0.5))()]);
    });
    assert.deepEqual(log, ['a at 2', 'c at 2.5', 'b at 3']);
  });
});

test('shield() in a flow protects what it awaits, and the flow itself is cancelled', async () => {
  await virtual(async () => {
    const log: string[] = [];
    const work = createTask(async () => {
      await sleep(3);
      log.push(`work done at ${now()}`);
    });
    const task = createTask(async () => {
      await Promise.all([
        (async () => {
          await asyncio.shield(work);
        })(),
        sleep(50),
      ]);
    });
    await sleep(1);
    task.cancel();
    await wait([task]);
    assert.equal(now(), 1);
    assert.equal(task.cancelled(), true);
    await work;
    assert.deepEqual(log, ['work done at 3']);
  });
});

test('then() by hand on what is awaited hands on values and errors as that of a promise does', async () => {
  await virtual(async () => {
    const id = (value: unknown) => value;
    const thrower = () => {
      throw new RangeError('of the handler');
    };
    assert.equal(
      await sleep(1, 1).then(
        (n) => n + 1,
        () => 0,
      ),
      2,
    );
    assert.equal(
      await sleep(1, 1).then(
        async (n) => {
          await sleep(1);
          return n + 2;
        },
        () => 0,
      ),
      3,
    );
    await rejects(sleep(1).then(thrower, id), { message: 'of the handler' });
    const failing = coroutine(async () => {
      await sleep(1);
      throw new Error('of the coroutine');
    });
    assert.equal(await failing().then(id, (error: Error) => error.message), 'of the coroutine');
    assert.equal(await failing().then(undefined, (error: Error) => error.message), 'of the coroutine');
    await rejects(failing().then(id), { message: 'of the coroutine' });
    await rejects(failing().then(id, thrower), { message: 'of the handler' });
    const late = sleep(1, 'late').then(id, id);
    await sleep(2);
    assert.equal(await late, 'late');
    assert.deepEqual(await Promise.all([sleep(1, 1).then(id), sleep(1, 2).then(id, id)]), [1, 2]);
  });
});

// ------------------------------------------------------------------------------------------------ the losers

for (const [kind, make] of Object.entries({
  'a plain async function': (body: () => Promise<void>) => body(),
  'a coroutine of an async function': (body: () => Promise<void>) => coroutine(body)(),
  'a generator coroutine': (body: () => Promise<void>) =>
    coroutine(function* (): asyncio.Coro<void> {
      yield* coroutine(body)();
    })(),
  'a body of a timeout': (body: () => Promise<void>) => timeout(50).run(body),
  'a body of a group': (body: () => Promise<void>) => new TaskGroup().run(() => body()),
})) {
  test(`Promise.race: a loser that is ${kind} ends with its task, which waits for its finally`, async () => {
    const log: string[] = [];
    await virtual(async () => {
      const task = createTask(async () => {
        const loser = make(async () => {
          try {
            await sleep(100);
            log.push('the loser went on');
          } finally {
            await sleep(1);
            await sleep(1);
            log.push(`loser ended at ${now()}`);
          }
        });
        const winner = await Promise.race([loser, sleep(1, 'winner')]);
        log.push(`${winner} at ${now()}`);
        await sleep(1);
        return winner;
      });
      assert.equal(await task, 'winner');
      log.push(`task done at ${now()}`);
    });
    assert.deepEqual(log, ['winner at 1', 'loser ended at 4', 'task done at 4']);
  });
}

test('Promise.any: losers end with their task', async () => {
  const log: string[] = [];
  await virtual(async () => {
    const flow = async (name: string, seconds: number, failing: boolean) => {
      try {
        await sleep(seconds);
        if (failing) throw new Error(name);
        return name;
      } finally {
        await sleep(0.25);
        log.push(`${name} ended at ${now()}`);
      }
    };
    await createTask(async () => {
      const first = await Promise.any([
        flow('a', 1, true),
        flow('b', 2, false),
        flow('c', 30, false),
        foreign(40),
      ]);
      log.push(`any gave ${first}`);
    });
    log.push(`task done at ${now()}`);
  });
  assert.deepEqual(log, [
    'a ended at 1.25',
    'b ended at 2.25',
    'any gave b',
    'c ended at 2.5',
    'task done at 2.5',
  ]);
});

test('a task that failed keeps its error while its losers end', async () => {
  const log: string[] = [];
  await virtual(async () => {
    const task = createTask(async () => {
      const flow = async () => {
        try {
          await sleep(9);
        } finally {
          await sleep(1);
          log.push('ended');
        }
      };
      await Promise.all([flow(), flow(), sleep(1).then(() => Promise.reject(new RangeError('mine')))]);
    });
    await rejects(task, { name: 'RangeError', message: 'mine' });
    assert.equal(now(), 2);
  });
  assert.deepEqual(log, ['ended', 'ended']);
});

test('losers of an inner function live on in the frame around it, and end with a timeout there', async () => {
  const log: string[] = [];
  await virtual(async () => {
    await rejects(
      timeout(3).run(async () => {
        const inner = coroutine(async () => {
          const loser = async () => {
            try {
              await sleep(50);
            } catch (error) {
              log.push(`${nameOf(error)} at ${now()}`);
              throw error;
            }
          };
          return await Promise.race([loser(), sleep(1, 'winner')]);
        });
        assert.equal(await inner(), 'winner');
        await sleep(50);
      }),
      { name: 'TimeoutError' },
    );
    await sleep(5);
  });
  assert.deepEqual(log, ['CancelledError at 3']);
});

test('a loser inside a foreign await does not hold its task, and may await afterwards', async () => {
  const log: string[] = [];
  await virtual(async () => {
    const task = createTask(async () => {
      const loser = async () => {
        await foreign(5);
        await sleep(1);
        log.push(`loser at ${now()}`);
      };
      return await Promise.race([loser(), sleep(1, 'winner')]);
    });
    assert.equal(await task, 'winner');
    assert.equal(now(), 1);
    await sleep(9);
  });
  assert.deepEqual(log, ['loser at 6']);
});

test('a loser inside a foreign await, whose limit passes meanwhile, still ends with its task', async () => {
  for (const limit of [2, 50]) {
    await virtual(async () => {
      const loser = async () => {
        await timeout(limit).run(() => foreign(5));
        await sleep(1000);
      };
      const task = createTask(async () => await Promise.race([loser(), sleep(1, 'winner')]));
      assert.equal(await task, 'winner');
      assert.equal(now(), 5);
    });
  }
});

test('cancel() while a task waits for its losers leaves its result alone', async () => {
  await virtual(async () => {
    const task = createTask(async () => {
      const loser = async () => {
        try {
          await sleep(50);
        } finally {
          await sleep(2);
        }
      };
      return await Promise.race([loser(), sleep(1, 'winner')]);
    });
    await sleep(2);
    assert.equal(task.done(), false);
    task.cancel();
    assert.equal(await task, 'winner');
    assert.equal(now(), 2);
  });
});

// ------------------------------------------------------------------------------------------ cancelling a task

test('task.cancel() reaches every flow of the task once, and the task waits for all of them', async () => {
  const log: string[] = [];
  await virtual(async () => {
    const flow = (name: string, cleaning: number) => async () => {
      try {
        await sleep(100);
      } catch (error) {
        log.push(`${name} ${nameOf(error)}`);
        throw error;
      } finally {
        await sleep(cleaning);
        await sleep(0);
        log.push(`${name} ended`);
      }
    };
    const generator = (body: () => Promise<void>) =>
      coroutine(function* (): asyncio.Coro<void> {
        yield* coroutine(body)();
      });
    const task = createTask(async () => {
      await Promise.all([
        flow('plain', 1)(),
        coroutine(flow('native', 2))(),
        generator(flow('generator', 3))(),
        timeout(50).run(flow('timeout', 4)),
        new TaskGroup().run(flow('group', 5)),
      ]);
    });
    await sleep(1);
    task.cancel('stop');
    assert.equal(task.cancelling(), 1);
    await rejects(task, { name: 'CancelledError', message: 'stop' });
    assert.equal(now(), 6);
  });
  const names = ['plain', 'native', 'generator', 'timeout', 'group'];
  assert.deepEqual(log.slice(0, 5).sort(), names.map((name) => `${name} CancelledError`).sort());
  assert.deepEqual(
    log.slice(5),
    names.map((name) => `${name} ended`),
  );
});

const untilCancelled: Record<string, () => Promise<unknown>> = {
  'an await of ours': () => Promise.resolve(sleep(50)),
  'a future': async () => await new asyncio.Future(),
  'a task': async () => await createTask(() => sleep(50)),
  'a generator coroutine': async () =>
    await coroutine(function* (): asyncio.Coro<void> {
      yield* sleep(50);
    })(),
  'a timeout': async () => await timeout(60).run(() => sleep(50)),
  'a group': async () => await new TaskGroup().run((tg) => tg.createTask(() => sleep(50))),
  'Promise.all': () => Promise.all([sleep(50), sleep(60)]),
  'Promise.race': () => Promise.race([sleep(50), sleep(60), foreign(60)]),
  'a foreign await, then ours': async () => {
    await foreign(3);
    await sleep(50);
  },
  'a foreign await under currentSignal()': async () => await untilAborted(signalHere()),
  'a foreign await under currentSignal(), after another await': async () => {
    await sleep(0);
    await untilAborted(signalHere());
  },
  'a foreign await under AbortSignal.any([currentSignal()])': async () => {
    await untilAborted(AbortSignal.any([signalHere(), new AbortController().signal]));
  },
  'a wrapped promise': async () => await asyncio.wrapPromise(foreign(50)),
  'an eager task': async () => await createTask(() => sleep(50), { eagerStart: true }),
};

const waysToCancel: Record<string, (task: asyncio.Task) => void> = {
  'another task': (task) => {
    createTask(async () => {
      await sleep(1);
      task.cancel();
    });
  },
  'a generator task': (task) => {
    createTask(function* (): asyncio.Coro<void> {
      yield* sleep(1);
      task.cancel();
    });
  },
  'a callback of the loop': (task) => {
    asyncio.getRunningLoop().callLater(1, () => task.cancel());
  },
  'a promise that descends from another task': (task) => {
    void foreign(1).then(() => task.cancel());
  },
};

for (const [where, point] of Object.entries(untilCancelled)) {
  for (const [who, arrange] of Object.entries(waysToCancel)) {
    test(`cancel() by ${who} inside ${where} is delivered once`, async () => {
      const log: string[] = [];
      await virtual(async () => {
        const task = createTask(async () => {
          try {
            await point();
            log.push('not cancelled');
          } catch (error) {
            log.push(nameOf(error));
            throw error;
          } finally {
            await sleep(1);
            await foreign(1);
            await Promise.all([sleep(1), sleep(0)]);
            log.push('cleaned up');
          }
        });
        arrange(task as asyncio.Task);
        await wait([task]);
        assert.equal(task.cancelled(), true);
      });
      assert.deepEqual(log, ['CancelledError', 'cleaned up']);
    });
  }

  test(`a task that cancels itself from a foreign callback, inside ${where}, is cancelled once`, async () => {
    const log: string[] = [];
    await virtual(async () => {
      const task = createTask(async () => {
        const self = currentTask();
        void foreign(1).then(() => self?.cancel());
        try {
          await point();
          log.push('not cancelled');
        } finally {
          await sleep(1);
          await foreign(1);
          await sleep(1);
          log.push('cleaned up');
        }
      });
      await wait([task]);
      assert.equal(task.cancelled(), true);
    });
    assert.deepEqual(log, ['cleaned up']);
  });

  test(`a timeout that fires inside ${where} is delivered once`, async () => {
    const log: string[] = [];
    await virtual(async () => {
      await rejects(
        timeout(1).run(async () => {
          try {
            await point();
            log.push('not cancelled');
          } catch (error) {
            log.push(nameOf(error));
            throw error;
          } finally {
            await sleep(1);
            await foreign(1);
            await Promise.all([sleep(1), sleep(0)]);
            log.push('cleaned up');
          }
        }),
        { name: 'TimeoutError' },
      );
      await sleep(1);
      assert.equal(currentTask()?.cancelling(), 0);
    });
    assert.deepEqual(log, ['CancelledError', 'cleaned up']);
  });

  test(`timeouts around ${where} in parallel flows leave each other alone`, async () => {
    await virtual(async () => {
      const limited = (limit: number) =>
        timeout(limit).run(async () => {
          await point();
        });
      const since = now();
      const times = await Promise.all(
        [1, 5, 2].map((limit) =>
          limited(limit).then(
            () => 'no timeout',
            (error) => `${nameOf(error)} ${now() - since}`,
          ),
        ),
      );
      // A foreign promise that knows no signal ends in its own time.
      const first = where.startsWith('a foreign await, then') ? 3 : 1;
      const third = where.startsWith('a foreign await, then') ? 3 : 2;
      assert.deepEqual(times, [`TimeoutError ${first}`, 'TimeoutError 5', `TimeoutError ${third}`]);
    });
  });
}

test('cancel() before the first step: the async function is not entered', async () => {
  await virtual(async () => {
    let entered = false;
    const task = createTask(async () => {
      entered = true;
    });
    task.cancel();
    await wait([task]);
    assert.equal(task.cancelled(), true);
    assert.equal(entered, false);
  });
});

test('a task that cancels itself is cancelled at its next suspension, once', async () => {
  for (const before of [async () => {}, () => foreign(1), async () => await sleep(1)]) {
    const log: string[] = [];
    await virtual(async () => {
      const task = createTask(async () => {
        await before();
        currentTask()?.cancel();
        log.push('goes on');
        const done = asyncio.getRunningLoop().createFuture();
        done.setResult(1);
        await done;
        log.push('a done future does not suspend');
        try {
          await sleep(1);
        } finally {
          await sleep(1);
          log.push('cleaned up');
        }
      });
      await wait([task]);
      assert.equal(task.cancelled(), true);
    });
    assert.deepEqual(log, ['goes on', 'a done future does not suspend', 'cleaned up']);
  }
});

test('a cancel() inside a foreign await of an inner function that ends with it is delivered further out', async () => {
  for (const asksForSignal of [false, true]) {
    const log: string[] = [];
    await virtual(async () => {
      const task = createTask(async () => {
        if (asksForSignal) signalHere();
        const inner = coroutine(async () => {
          await coroutine(() => foreign(3))();
        });
        await inner();
        log.push(`inner done at ${now()}`);
        try {
          await sleep(10);
        } finally {
          await sleep(1);
          log.push('cleaned up');
        }
      });
      await sleep(1);
      task.cancel();
      await wait([task]);
      assert.equal(task.cancelled(), true);
    });
    assert.deepEqual(log, ['inner done at 3', 'cleaned up']);
  }
});

test('a flow that was told inside a foreign await does not disturb the clean-up that another one has begun', async () => {
  const log: string[] = [];
  await virtual(async () => {
    const task = createTask(async () => {
      try {
        await Promise.all([coroutine(() => foreign(3))(), sleep(9)]);
      } finally {
        for (let n = 0; n < 4; n++) await sleep(1);
        log.push(`cleaned up at ${now()}`);
      }
    });
    await sleep(1);
    task.cancel();
    await wait([task]);
    assert.equal(task.cancelled(), true);
  });
  assert.deepEqual(log, ['cleaned up at 5']);
});

test('a cancellation can be swallowed by a flow, and the task goes on', async () => {
  await virtual(async () => {
    const task = createTask(async () => {
      const results = await Promise.all([
        sleep(5).then(() => 'slept', nameOf),
        sleep(6).then(() => 'slept', nameOf),
      ]);
      await sleep(1);
      return results;
    });
    await sleep(1);
    task.cancel();
    assert.deepEqual(await task, ['CancelledError', 'CancelledError']);
    assert.equal(now(), 2);
  });
});

test('a second cancel() interrupts the cleaning up', async () => {
  const log: string[] = [];
  await virtual(async () => {
    const task = createTask(async () => {
      try {
        await sleep(50);
      } finally {
        try {
          await sleep(50);
        } catch (error) {
          log.push(`${nameOf(error)} ${(error as Error).message} at ${now()}`);
        }
        await sleep(1);
        log.push('ended');
      }
    });
    await sleep(1);
    task.cancel('first');
    await sleep(1);
    task.cancel('second');
    await wait([task]);
    assert.equal(task.cancelled(), true);
    assert.equal(task.cancelling(), 2);
  });
  assert.deepEqual(log, ['CancelledError second at 2', 'ended']);
});

test('two cancel()s inside one foreign await are one CancelledError', async () => {
  const log: string[] = [];
  await virtual(async () => {
    const task = createTask(async () => {
      await foreign(5);
      try {
        await sleep(50);
      } finally {
        await sleep(1);
        log.push('cleaned up');
      }
    });
    await sleep(1);
    task.cancel('first');
    await sleep(1);
    task.cancel('second');
    await rejects(task, { name: 'CancelledError', message: 'second' });
    assert.equal(task.cancelling(), 2);
  });
  assert.deepEqual(log, ['cleaned up']);
});

test('cancellation goes through ten levels of mixed kinds, and each finally with awaits runs, innermost first', async () => {
  for (const innermost of ['sleep', 'foreign', 'parallel'] as const) {
    const log: number[] = [];
    await virtual(async () => {
      const level = (depth: number): asyncio.Coroutine<void> =>
        depth % 3 === 0
          ? coroutine(function* (): asyncio.Coro<void> {
              try {
                yield* level(depth + 1);
              } finally {
                yield* sleep(1);
                log.push(depth);
              }
            })()
          : coroutine(async () => {
              try {
                if (depth < 10) await level(depth + 1);
                else if (innermost === 'sleep') await sleep(100);
                else if (innermost === 'parallel') await Promise.all([sleep(100), sleep(200)]);
                else {
                  await foreign(2);
                  await sleep(100);
                }
              } finally {
                await sleep(0.5);
                await Promise.resolve(depth).then((each) => log.push(each));
                await sleep(0.5);
              }
            })();
      const task = createTask(level(1));
      await sleep(1);
      task.cancel();
      await wait([task]);
      assert.equal(task.cancelled(), true);
    });
    assert.deepEqual(log, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1], innermost);
  }
});

test('a timeout reaches a body thousands of native frames deep', async () => {
  await virtual(async () => {
    let unwound = 0;
    const dive = (depth: number): asyncio.Coroutine<void> =>
      coroutine(async () => {
        try {
          if (depth === 0) await sleep(100);
          else await dive(depth - 1);
        } finally {
          unwound += 1;
        }
      })();
    await rejects(
      timeout(1).run(() => dive(3000)),
      { name: 'TimeoutError' },
    );
    assert.equal(unwound, 3001);
  });
});

const selfCancelling: Record<string, (stop: () => void) => Promise<unknown>> = {
  'in a flow that ends with it': (stop) =>
    Promise.all([
      sleep(100),
      (async () => {
        await sleep(1);
        stop();
      })(),
    ]),
  'in a flow that awaits on': (stop) =>
    Promise.all([
      sleep(100),
      (async () => {
        await sleep(1);
        stop();
        await sleep(100);
      })(),
    ]),
  'before it awaits a flow that is parked': async (stop) => {
    const parked = (async () => await sleep(100))();
    await sleep(1);
    stop();
    await Promise.all([parked]);
  },
  'in a coroutine in Promise.all': (stop) =>
    Promise.all([
      sleep(100),
      coroutine(async () => {
        await sleep(1);
        stop();
      })(),
    ]),
  'in a microtask': async (stop) => {
    await sleep(1);
    queueMicrotask(stop);
    await sleep(100);
  },
};

for (const [where, body] of Object.entries(selfCancelling)) {
  test(`a task that cancels itself ${where} cleans up undisturbed`, async () => {
    const log: string[] = [];
    await virtual(async () => {
      const task = createTask(async () => {
        const self = currentTask();
        try {
          await body(() => self?.cancel());
        } finally {
          await sleep(1);
          await sleep(0);
          log.push(`cleaned up at ${now()}`);
        }
      });
      await wait([task]);
      assert.equal(task.cancelled(), true);
    });
    assert.deepEqual(log, ['cleaned up at 2']);
  });

  test(`a group that is cancelled ${where} cleans up undisturbed, and ends without an error`, async () => {
    const log: string[] = [];
    await virtual(async () => {
      await new TaskGroup().run(async (group) => {
        group.createTask(() => sleep(100));
        try {
          await body(() => group.cancel());
        } finally {
          await sleep(1);
          await sleep(0);
          log.push(`cleaned up at ${now()}`);
        }
      });
      assert.equal(currentTask()?.cancelling(), 0);
      await sleep(1);
    });
    assert.deepEqual(log, ['cleaned up at 2']);
  });
}

// --------------------------------------------------------------------------------------- counting the requests

test('cancelling() and uncancel() in a flow count its own requests and those around it', async () => {
  await virtual(async () => {
    const counts: number[] = [];
    const task = createTask(async () => {
      const me = currentTask() as asyncio.Task;
      await Promise.all([
        timeout(1)
          .run(async () => {
            try {
              await sleep(5);
            } finally {
              counts.push(me.cancelling());
              await sleep(2);
              counts.push(me.cancelling());
            }
          })
          .then(undefined, (error) => assert.equal(nameOf(error), 'TimeoutError')),
        (async () => {
          await sleep(1.5);
          counts.push(me.cancelling());
          await sleep(5);
        })(),
      ]);
      counts.push(me.cancelling());
    });
    await task;
    assert.equal(task.cancelling(), 0);
    // In the flow that times out: one request. In the other one: none of its own.
    assert.deepEqual(counts, [1, 0, 1, 0]);
  });
});

test('task.cancel() while a timeout of a flow is under way: CancelledError comes out, not TimeoutError', async () => {
  await virtual(async () => {
    const task = createTask(async () => {
      await Promise.all([
        timeout(1).run(async () => {
          try {
            await sleep(5);
          } finally {
            await sleep(2);
          }
        }),
      ]);
    });
    await sleep(2);
    task.cancel();
    await wait([task]);
    assert.equal(task.cancelled(), true);
  });
});

test('uncancel() in a flow takes back a cancel() of the task, and a timeout then is a TimeoutError', async () => {
  await virtual(async () => {
    const task = createTask(async () => {
      const me = currentTask() as asyncio.Task;
      try {
        await Promise.all([sleep(50)]);
      } catch {
        assert.equal(me.cancelling(), 1);
        assert.equal(me.uncancel(), 0);
      }
      await rejects(Promise.all([timeout(1).run(() => sleep(9))]), { name: 'TimeoutError' });
      return me.cancelling();
    });
    await sleep(1);
    task.cancel();
    assert.equal(await task, 0);
  });
});

test('await limit[aenter]() and limit[aexit]() by hand bound what stands between them', async () => {
  await virtual(async () => {
    const limit = timeout(1);
    await limit[asyncio.aenter]();
    let caught: unknown;
    try {
      await sleep(5);
    } catch (error) {
      caught = error;
    }
    assert.equal(nameOf(caught), 'CancelledError');
    await rejects(async () => await limit[asyncio.aexit]({ value: caught }), { name: 'TimeoutError' });
    assert.equal(now(), 1);
    assert.equal(currentTask()?.cancelling(), 0);
    await sleep(5);
  });
});

test('a limit entered by hand in an inner function can be left outside of it, and its request counts until then', async () => {
  await virtual(async () => {
    const limit = timeout(1);
    const inner = coroutine(async () => {
      await limit[asyncio.aenter]();
      await sleep(5);
    });
    let thrown: { value: unknown } | undefined;
    await inner().then(undefined, (value) => {
      thrown = { value };
    });
    assert.equal(currentTask()?.cancelling(), 1);
    await rejects(limit[asyncio.aexit](thrown), { name: 'TimeoutError' });
    assert.equal(currentTask()?.cancelling(), 0);
    await sleep(5);
  });
});

test('withAsync() enters and leaves a timeout as run() does, in parallel flows', async () => {
  await virtual(async () => {
    const results = await Promise.allSettled([
      asyncio.withAsync(timeout(1), async () => await sleep(5)),
      asyncio.withAsync(timeout(5), async () => await sleep(3, 'b')),
    ]);
    assert.deepEqual(outcomes(results), ['TimeoutError', 'b']);
  });
});

test('a limit entered by hand in a coroutine in Promise.all cancels that flow only', async () => {
  await virtual(async () => {
    const limited = (seconds: number) =>
      coroutine(async () => {
        const limit = timeout(seconds);
        await limit[asyncio.aenter]();
        let thrown: { value: unknown } | undefined;
        try {
          await sleep(3);
        } catch (error) {
          thrown = { value: error };
        }
        await limit[asyncio.aexit](thrown);
        return `${seconds} done`;
      })();
    assert.deepEqual(outcomes(await Promise.allSettled([limited(1), limited(5)])), [
      'TimeoutError',
      '5 done',
    ]);
  });
});

// ---------------------------------------------------------------------------------------- awaiting the same thing

test('several flows can await one future, and all get its value in order', async () => {
  await virtual(async () => {
    const future = asyncio.getRunningLoop().createFuture<string>();
    const order: number[] = [];
    const flows = [1, 2, 3].map(async (each) => {
      const value = await future;
      order.push(each);
      return value;
    });
    await sleep(1);
    future.setResult('value');
    assert.deepEqual(await Promise.all(flows), ['value', 'value', 'value']);
    assert.deepEqual(order, [1, 2, 3]);
  });
});

test('one failed future throws the same error in every flow', async () => {
  await virtual(async () => {
    const future = asyncio.getRunningLoop().createFuture<string>();
    const error = new Error('shared');
    const flows = [1, 2].map(async () => await future);
    asyncio.getRunningLoop().callLater(1, () => future.setException(error));
    const results = await Promise.allSettled(flows);
    assert.deepEqual(
      results.map((each) => (each as PromiseRejectedResult).reason === error),
      [true, true],
    );
  });
});

test('a timeout on a shared future cancels the future, as in Python; shield() keeps it', async () => {
  await virtual(async () => {
    const shared = createTask(() => sleep(3, 'value'));
    const shielded = await Promise.allSettled([
      timeout(1).run(async () => await asyncio.shield(shared)),
      timeout(9).run(async () => await shared),
    ]);
    assert.deepEqual(outcomes(shielded), ['TimeoutError', 'value']);
    const bare = createTask(() => sleep(3, 'value'));
    const results = await Promise.allSettled([
      timeout(1).run(async () => await bare),
      timeout(9).run(async () => await bare),
    ]);
    assert.deepEqual(outcomes(results), ['TimeoutError', 'CancelledError']);
  });
});

test('awaiting a coroutine a second time is a RuntimeError, in sequence and side by side', async () => {
  await virtual(async () => {
    for (const make of [
      () => sleep(1),
      coroutine(async () => {}),
      coroutine(function* () {}),
      () => timeout(1).run(async () => {}),
    ]) {
      const once = make();
      await once;
      await rejects(once, { name: 'RuntimeError', message: 'cannot reuse already awaited coroutine' });
    }
    const shared = sleep(1, 'value');
    const results = await Promise.allSettled([shared, shared]);
    assert.deepEqual(outcomes(results), ['value', 'RuntimeError']);
    assert.match(String((results[1] as PromiseRejectedResult).reason.message), /is being awaited already/);
  });
});

test('for await over asCompleted() gives the tasks in the order of their ends, in parallel flows', async () => {
  await virtual(async () => {
    const collect = async (times: number[]) => {
      const seen: number[] = [];
      for await (const task of asyncio.asCompleted(
        times.map((each) => createTask(() => sleep(each, each))),
      )) {
        seen.push(await task);
      }
      return seen;
    };
    assert.deepEqual(await Promise.all([collect([3, 1, 2]), collect([2, 4, 1])]), [
      [1, 2, 3],
      [1, 2, 4],
    ]);
    await rejects(
      timeout(2.5).run(async () => {
        await collect([1, 2, 3]);
      }),
      { name: 'TimeoutError' },
    );
    await sleep(1);
  });
});

test('await in an async generator belongs to the task that consumes it', async () => {
  const log: string[] = [];
  await virtual(async () => {
    async function* ticks() {
      try {
        for (let n = 0; ; n++) {
          await sleep(1);
          yield n;
        }
      } finally {
        await sleep(1);
        log.push(`closed at ${now()}`);
      }
    }
    await rejects(
      timeout(2.5).run(async () => {
        for await (const n of ticks()) log.push(`tick ${n} of ${currentTask()?.getName()}`);
      }),
      { name: 'TimeoutError' },
    );
  });
  assert.deepEqual(log, ['tick 0 of main', 'tick 1 of main', 'closed at 3.5']);
});

// -------------------------------------------------------------------------------------------------- eager tasks

test('eagerTaskFactory runs the synchronous part of an async function inside createTask()', async () => {
  await virtual(async () => {
    asyncio.getRunningLoop().setTaskFactory(asyncio.eagerTaskFactory);
    const log: string[] = [];
    const me = currentTask();
    const task = createTask(
      async () => {
        log.push(`begins in ${currentTask() === me ? 'the parent' : 'itself'}`);
        await null;
        log.push(`after a foreign await in ${currentTask()?.getName()}`);
        await sleep(1);
        log.push(`ends in ${currentTask()?.getName()}`);
        return 'value';
      },
      { name: 'child' },
    );
    log.push(`created in ${currentTask() === me ? 'the parent' : 'another'}`);
    assert.equal(await task, 'value');
    assert.equal(currentTask(), me);
    assert.deepEqual(log, [
      'begins in itself',
      'created in the parent',
      'after a foreign await in child',
      'ends in child',
    ]);
    asyncio.getRunningLoop().setTaskFactory(null);
  });
});

test('an eager async function that never suspends is done a microtask later, and one that throws fails', async () => {
  await virtual(async () => {
    asyncio.getRunningLoop().setTaskFactory(asyncio.eagerTaskFactory);
    const quick = createTask(async () => 42);
    const failing = createTask(async () => {
      throw new RangeError('mine');
    });
    await null;
    await null;
    assert.equal(quick.done(), true);
    assert.equal(failing.done(), true);
    assert.equal(await quick, 42);
    await rejects(failing, RangeError);
    asyncio.getRunningLoop().setTaskFactory(null);
  });
});

test('an eager function that throws at once fails its own task only', async () => {
  await virtual(async () => {
    const child = createTask(
      () => {
        throw new RangeError('mine');
      },
      { eagerStart: true },
    ) as asyncio.Task;
    assert.equal((child.exception() as Error).message, 'mine');
    await sleep(1);
    assert.equal(currentTask()?.getName(), 'main');
  });
});

test('eager tasks in parallel flows and in groups are cancelled as others are', async () => {
  const log: string[] = [];
  await virtual(async () => {
    asyncio.getRunningLoop().setTaskFactory(asyncio.eagerTaskFactory);
    const child = (name: string) => async () => {
      try {
        await sleep(50);
      } finally {
        await sleep(1);
        log.push(`${name} ended`);
      }
    };
    const results = await Promise.allSettled([
      timeout(1).run(() =>
        new TaskGroup().run(async (tg) => {
          tg.createTask(child('a'));
          tg.createTask(child('b'));
        }),
      ),
      timeout(9).run(async () => await createTask(() => sleep(5, 'c'))),
    ]);
    assert.deepEqual(outcomes(results), ['TimeoutError', 'c']);
    asyncio.getRunningLoop().setTaskFactory(null);
  });
  assert.deepEqual(log, ['a ended', 'b ended']);
});

// ------------------------------------------------------------------------------------------ signals of the flows

test('currentSignal() is aborted by a timeout for its flow only', async () => {
  await virtual(async () => {
    const aborted = async (limit: number, before: () => Promise<unknown>) => {
      let signal: AbortSignal | undefined;
      await timeout(limit)
        .run(async () => {
          await before();
          signal = signalHere();
          await sleep(3);
        })
        .then(undefined, () => {});
      return signal?.aborted;
    };
    for (const before of [
      async () => {},
      async () => await sleep(0),
      () => foreign(0.5),
      async () => await null,
    ]) {
      assert.deepEqual(await Promise.all([aborted(1, before), aborted(9, before), aborted(2, before)]), [
        true,
        false,
        true,
      ]);
    }
    assert.equal(signalHere().aborted, false);
  });
});

test('currentSignal() is aborted with the CancelledError as its reason when the task is cancelled', async () => {
  await virtual(async () => {
    let signals: AbortSignal[] = [];
    const task = createTask(async () => {
      signals = [signalHere()];
      await sleep(0);
      signals.push(signalHere());
      await foreign(0.5);
      signals.push(signalHere());
      await coroutine(async () => {
        signals.push(signalHere());
        await timeout(50).run(function* (): asyncio.Coro<void> {
          signals.push(signalHere());
          yield* sleep(50);
        });
      })();
    });
    await sleep(1);
    assert.deepEqual(
      signals.map((each) => each.aborted),
      [false, false, false, false, false],
    );
    task.cancel('why');
    await wait([task]);
    assert.deepEqual(
      signals.map((each) => each.aborted),
      [true, true, true, true, true],
    );
    for (const { reason } of signals) {
      assert.equal(nameOf(reason), 'CancelledError');
      assert.equal((reason as Error).message, 'why');
    }
  });
});

test('currentSignal() in a generator body of a timeout is aborted by the timeout', async () => {
  for (const kind of ['generator', 'native'] as const) {
    await virtual(async () => {
      let signal: AbortSignal | undefined;
      const limited = () =>
        timeout(1).run(function* (): asyncio.Coro<void> {
          signal = signalHere();
          yield* sleep(5);
        });
      const task =
        kind === 'native'
          ? createTask(async () => await limited())
          : createTask(function* (): asyncio.Coro<void> {
              yield* limited();
            });
      await wait([task]);
      assert.equal(nameOf(task.exception()), 'TimeoutError');
      assert.equal(signal?.aborted, true, kind);
    });
  }
});

test('currentSignal() is a new one after a cancellation that the task survived', async () => {
  await virtual(async () => {
    const task = createTask(async () => {
      try {
        await untilAborted(signalHere());
      } catch {
        currentTask()?.uncancel();
      }
      const signal = signalHere();
      assert.equal(signal.aborted, false);
      await timeout(1)
        .run(async () => await untilAborted(signalHere()))
        .then(undefined, (error) => assert.equal(nameOf(error), 'TimeoutError'));
      assert.equal(signal.aborted, false);
      return 'survived';
    });
    await sleep(1);
    task.cancel();
    assert.equal(await task, 'survived');
  });
});

test('an AbortError that a cancellation caused is that cancellation: the task is cancelled, not failed', async () => {
  await virtual(async () => {
    const task = createTask(async () => {
      const signal = signalHere();
      await new Promise((_, reject) => {
        signal.addEventListener('abort', () =>
          reject(
            Object.assign(new Error('The operation was aborted', { cause: signal.reason }), {
              name: 'AbortError',
            }),
          ),
        );
      });
    });
    await sleep(1);
    task.cancel();
    await wait([task]);
    assert.equal(task.cancelled(), true);
  });
});

test('an AbortError of its own fails a task that has survived a cancellation', async () => {
  await virtual(async () => {
    const task = createTask(async () => {
      const signal = signalHere();
      await sleep(9).then(undefined, () => currentTask()?.uncancel());
      assert.equal(signal.aborted, true);
      await sleep(1);
      throw Object.assign(new Error('mine'), { name: 'AbortError' });
    });
    await sleep(1);
    task.cancel();
    await wait([task]);
    assert.equal(task.cancelled(), false);
    assert.equal((task.exception() as Error).message, 'mine');
  });
});

test('async functions that a generator body of a timeout waits for are cancelled by it', async () => {
  for (const kind of ['generator', 'native'] as const) {
    const log: string[] = [];
    await virtual(async () => {
      const work = async () => {
        try {
          await sleep(5);
          log.push('went on');
        } finally {
          await sleep(0.5);
          log.push(`ended at ${now()}`);
        }
      };
      const limited = () =>
        timeout(1).run(function* (): asyncio.Coro<void> {
          yield* asyncio.wrapPromise(work());
        });
      const task =
        kind === 'native'
          ? createTask(async () => await limited())
          : createTask(function* (): asyncio.Coro<void> {
              yield* limited();
            });
      await wait([task]);
      assert.equal(nameOf(task.exception()), 'TimeoutError');
      await sleep(9);
    });
    assert.deepEqual(log, ['ended at 1.5'], kind);
  }
});

// --------------------------------------------------------------------- several flows, one of them out of reach

test('a cancel() that finds a helper flow parked goes to that one, and a second one to the flow in a foreign await', async () => {
  for (const second of [2, 7]) {
    const log: string[] = [];
    await virtual(async () => {
      const task = createTask(async () => {
        const helping = (async () => {
          await sleep(100).then(undefined, (error) => log.push(`helper ${nameOf(error)} at ${now()}`));
        })();
        await foreign(5);
        log.push('the foreign await is over');
        await sleep(10);
        log.push('went on');
        await helping;
      });
      const loop = asyncio.getRunningLoop();
      loop.callLater(1, () => task.cancel());
      loop.callLater(second, () => task.cancel());
      await wait([task]);
      assert.equal(task.cancelled(), true);
      assert.equal(now(), Math.max(second, 5));
    });
    assert.deepEqual(log, ['helper CancelledError at 1', 'the foreign await is over']);
  }
});

test('a helper that is a task of its own leaves the cancellation to the task inside a foreign await', async () => {
  await virtual(async () => {
    const helper = createTask(() => sleep(100));
    const task = createTask(async () => {
      await foreign(5);
      await sleep(10);
    });
    await sleep(1);
    task.cancel();
    await wait([task]);
    assert.equal(task.cancelled(), true);
    assert.equal(now(), 5);
    helper.cancel();
    await wait([helper]);
  });
});

// ------------------------------------------------------------------------------------- without async context

const browserMode = { asyncContext: false };

test('without async context, parallel timeouts end their own flows', async () => {
  await virtual(async () => {
    const results = await Promise.allSettled([
      timeout(1).run(() => sleep(5)),
      timeout(9).run(async () => {
        await sleep(3);
        await sleep(1);
        return `b at ${now()}`;
      }),
      timeout(2).run(async () => {
        await sleep(1);
        await sleep(5);
      }),
      timeout(9).run(function* (): asyncio.Coro<string> {
        yield* sleep(3);
        return 'd';
      }),
    ]);
    assert.deepEqual(outcomes(results), ['TimeoutError', 'b at 4', 'TimeoutError', 'd']);
  }, browserMode);
});

test('without async context, parallel groups end their own flows', async () => {
  await virtual(async () => {
    const group = (name: string, failing: boolean) =>
      new TaskGroup().run(async (tg) => {
        tg.createTask(async () => {
          await sleep(1);
          if (failing) throw new Error(name);
        });
        await sleep(2);
        return name;
      });
    const results = await Promise.allSettled([group('a', true), group('b', false)]);
    assert.deepEqual(outcomes(results), ['ExceptionGroup', 'b']);
  }, browserMode);
});

test('without async context, currentTask() is right after awaits of ours', async () => {
  await virtual(async () => {
    const names = async (name: string) => {
      const seen: (string | undefined)[] = [];
      const look = async () => {
        seen.push(currentTask()?.getName());
        await sleep(1);
        seen.push(currentTask()?.getName());
      };
      await createTask(
        async () => {
          await look();
          await coroutine(look)();
          await coroutine(function* (): asyncio.Coro<void> {
            seen.push(currentTask()?.getName());
            yield* sleep(0);
            seen.push(currentTask()?.getName());
          })();
          seen.push(currentTask()?.getName());
        },
        { name },
      );
      assert.deepEqual(seen, Array(7).fill(name));
    };
    const a = createTask(() => names('a'));
    const b = createTask(() => names('b'));
    await a;
    await b;
  }, browserMode);
});

test('without async context, an eager task leaves its parent where it was', async () => {
  await virtual(async () => {
    const log: string[] = [];
    await rejects(
      timeout(2).run(async () => {
        const child = createTask(
          async () => {
            await sleep(1);
            log.push(`child ${currentTask()?.getName()}`);
          },
          { eagerStart: true, name: 'child' },
        );
        log.push(`parent ${currentTask()?.getName()}`);
        await sleep(1);
        await child;
        await sleep(5);
      }),
      { name: 'TimeoutError' },
    );
    assert.deepEqual(log, ['parent main', 'child child']);
  }, browserMode);
});

test('without async context, an eager task that ends at once leaves its parent where it was', async () => {
  const atOnce: Record<string, () => unknown> = {
    'a value': () => 'value',
    'a generator': () => (function* (): asyncio.Coro<void> {})(),
    'an error': () => {
      throw new Error('mine');
    },
    'a coroutine': () => coroutine(function* () {})(),
  };
  for (const [what, body] of Object.entries(atOnce)) {
    await virtual(async () => {
      await rejects(
        timeout(1).run(async () => {
          const task = createTask(body as () => Promise<unknown>, { eagerStart: true });
          assert.equal(currentTask()?.getName(), 'main', what);
          await sleep(0);
          if (!task.done()) await task;
          else task.exception();
          await sleep(5);
        }),
        { name: 'TimeoutError' },
      );
      assert.equal(now(), 1);
    }, browserMode);
  }
});

test('without async context, a callback of the loop belongs to no task', async () => {
  await virtual(async () => {
    const log: string[] = [];
    const task = createTask(async () => {
      await coroutine(function* (): asyncio.Coro<void> {
        yield* sleep(1);
        asyncio.getRunningLoop().callSoon(async () => {
          log.push(`in ${currentTask()?.getName()}`);
          await sleep(5).then(
            () => log.push('slept'),
            (error) => log.push(nameOf(error)),
          );
        });
        yield* sleep(0);
        yield* sleep(50);
      })();
    });
    await sleep(2);
    task.cancel();
    await wait([task]);
    await sleep(9);
    assert.deepEqual(log, ['in undefined', 'slept']);
  }, browserMode);
});

test('without async context, losers end with their task', async () => {
  await virtual(async () => {
    const log: string[] = [];
    const loser = async () => {
      try {
        await sleep(100);
      } finally {
        await sleep(1);
        log.push(`loser ended at ${now()}`);
      }
    };
    assert.equal(await createTask(async () => await Promise.race([loser(), sleep(1, 'winner')])), 'winner');
    assert.deepEqual(log, ['loser ended at 2']);
  }, browserMode);
});

test('without async context, a cancel() inside a foreign await is delivered at the next await, once', async () => {
  const log: string[] = [];
  await virtual(async () => {
    const gate = foreign(3);
    const task = createTask(async () => {
      await sleep(0);
      try {
        await coroutine(function* (): asyncio.Coro<void> {
          yield* asyncio.wrapPromise(gate);
          log.push('went on');
        })();
      } finally {
        await sleep(1);
        log.push('cleaned up');
      }
    });
    await sleep(1);
    task.cancel();
    await wait([task]);
    assert.equal(task.cancelled(), true);
  }, browserMode);
  assert.deepEqual(log, ['cleaned up']);
});

// ------------------------------------------------------------------------------------------------ random programs

type Program =
  | { kind: 'sleep' | 'fail' | 'foreign'; seconds: number }
  | { kind: 'pass' }
  | { kind: 'seq' | 'all' | 'race' | 'settled' | 'group'; parts: Program[] }
  | { kind: 'timeout'; seconds: number; body: Program }
  | { kind: 'native' | 'generator' | 'task' | 'eager' | 'cleaned'; body: Program };

/** Durations are such that hardly two sums of them are the same: no ties between flows. */
const durations = fc.integer({ min: 1, max: 10_000 }).map((n) => 0.1 + 3 * Math.abs(Math.sin(n)));

function programs({
  withForeign,
  withCleanup,
  withFailures = true,
}: {
  withForeign: boolean;
  withCleanup: boolean;
  /** Also what cancels a part of the program: timeouts, and groups with failing children. */
  withFailures?: boolean;
}): fc.Arbitrary<Program> {
  const leaf = (kind: 'sleep' | 'fail' | 'foreign') =>
    durations.map((seconds): Program => ({ kind, seconds }));
  return fc.letrec<{ program: Program }>((tie) => {
    const parts = fc.array(tie('program'), { minLength: 1, maxLength: 3 });
    const many = fc
      .record({ kind: fc.constantFrom('seq', 'all', 'race', 'settled', 'group'), parts })
      .map((each) => each as Program);
    const limited = fc
      .record({ kind: fc.constant('timeout'), seconds: durations, body: tie('program') })
      .map((each) => each as Program);
    const wrapped = fc
      .record({
        kind: fc.constantFrom('native', 'generator', 'task', 'eager', ...(withCleanup ? ['cleaned'] : [])),
        body: tie('program'),
      })
      .map((each) => each as Program);
    return {
      program: fc.oneof(
        { maxDepth: 5, depthSize: 'small' },
        { arbitrary: leaf('sleep'), weight: 4 },
        { arbitrary: fc.constant<Program>({ kind: 'pass' }), weight: 1 },
        ...(withForeign ? [{ arbitrary: leaf('foreign'), weight: 2 }] : []),
        { arbitrary: many, weight: 4 },
        ...(withFailures
          ? [
              { arbitrary: leaf('fail'), weight: 1 },
              { arbitrary: limited, weight: 3 },
            ]
          : []),
        { arbitrary: wrapped, weight: 3 },
      ),
    };
  }).program;
}

class Failed extends Error {
  override readonly name = 'Failed';
}

/** How often each part of a program has begun and ended. */
interface Ledger {
  begun: number;
  ended: number;
  /** How often a clean-up has been interrupted. */
  interrupted: number;
}

function execute(program: Program, ledger: Ledger): PromiseLike<unknown> {
  const noted = async (body: () => Promise<unknown>) => {
    ledger.begun += 1;
    try {
      return await body();
    } finally {
      ledger.ended += 1;
    }
  };
  switch (program.kind) {
    case 'pass':
      return noted(async () => await sleep(0));
    case 'sleep':
      return noted(async () => await sleep(program.seconds));
    case 'foreign':
      return noted(() => foreign(program.seconds));
    case 'fail':
      return noted(async () => {
        await sleep(program.seconds);
        throw new Failed();
      });
    case 'seq':
      return noted(async () => {
        for (const part of program.parts) await execute(part, ledger);
      });
    case 'all':
      return noted(() => Promise.all(program.parts.map((part) => execute(part, ledger))));
    case 'race':
      return noted(() => Promise.race(program.parts.map((part) => execute(part, ledger))));
    case 'settled':
      return noted(async () => {
        const results = await Promise.allSettled(program.parts.map((part) => execute(part, ledger)));
        // Promise.allSettled would swallow a cancellation.
        for (const each of results) if (each.status === 'rejected') asyncio.rethrowBase(each.reason);
      });
    case 'group':
      return noted(
        async () =>
          await new TaskGroup().run(async (group) => {
            for (const part of program.parts)
              group.createTask(async () => void (await execute(part, ledger)));
          }),
      );
    case 'timeout':
      return timeout(program.seconds).run(() => noted(async () => await execute(program.body, ledger)));
    case 'native':
      return coroutine(() => noted(async () => await execute(program.body, ledger)))();
    case 'generator':
      return coroutine(function* (): asyncio.Coro<void> {
        ledger.begun += 1;
        try {
          yield* coroutine(async () => await execute(program.body, ledger))();
        } finally {
          try {
            yield* sleep(0);
          } finally {
            ledger.ended += 1;
          }
        }
      })();
    case 'task':
    case 'eager':
      return noted(
        async () =>
          await createTask(async () => void (await execute(program.body, ledger)), {
            eagerStart: program.kind === 'eager',
          }),
      );
    case 'cleaned':
      return noted(async () => {
        try {
          await execute(program.body, ledger);
        } finally {
          ledger.begun += 1;
          let whole = false;
          try {
            await sleep(0.001);
            whole = true;
          } finally {
            ledger.ended += 1;
            if (!whole) ledger.interrupted += 1;
          }
        }
      });
  }
}

type End = { at: number; how: 'ok' | 'Failed' | 'TimeoutError' | 'ExceptionGroup' };

/** When and how a program that is begun at `start` must end. */
function predict(program: Program, start: number): End {
  switch (program.kind) {
    case 'pass':
      return { at: start, how: 'ok' };
    case 'sleep':
    case 'foreign':
      return { at: start + program.seconds, how: 'ok' };
    case 'fail':
      return { at: start + program.seconds, how: 'Failed' };
    case 'seq': {
      let end: End = { at: start, how: 'ok' };
      for (const part of program.parts) {
        end = predict(part, end.at);
        if (end.how !== 'ok') break;
      }
      return end;
    }
    case 'timeout': {
      const end = predict(program.body, start);
      const deadline = start + program.seconds;
      return end.at < deadline ? end : { at: deadline, how: 'TimeoutError' };
    }
    case 'native':
    case 'generator':
    case 'task':
    case 'eager':
    case 'cleaned':
      return predict(program.body, start);
    default: {
      const ends = program.parts.map((part) => predict(part, start)).sort((a, b) => a.at - b.at);
      const first = ends[0] as End;
      const last = ends.at(-1) as End;
      if (program.kind === 'race') return first;
      if (program.kind === 'settled') return { at: last.at, how: 'ok' };
      const failed = ends.find((end) => end.how !== 'ok');
      if (failed === undefined) return last;
      return program.kind === 'all' ? failed : { at: failed.at, how: 'ExceptionGroup' };
    }
  }
}

/** Whether two parts of a race, or a limit and its body, end so close to each other that it is open which comes first. */
function isClose(a: number, b: number): boolean {
  return Math.abs(a - b) < 1e-6;
}

function hasTie(program: Program, start: number): boolean {
  switch (program.kind) {
    case 'seq': {
      let at = start;
      for (const part of program.parts) {
        if (hasTie(part, at)) return true;
        const end = predict(part, at);
        if (end.how !== 'ok') return false;
        at = end.at;
      }
      return false;
    }
    case 'timeout':
      return hasTie(program.body, start) || isClose(predict(program.body, start).at, start + program.seconds);
    case 'all':
    case 'race':
    case 'settled':
    case 'group': {
      if (program.parts.some((part) => hasTie(part, start))) return true;
      const ends = program.parts.map((part) => predict(part, start).at).sort((a, b) => a - b);
      return ends.some((end, index) => index > 0 && isClose(end, ends[index - 1] as number));
    }
    case 'native':
    case 'generator':
    case 'task':
    case 'eager':
    case 'cleaned':
      return hasTie(program.body, start);
    default:
      return false;
  }
}

for (const asyncContext of [true, false]) {
  const mode = asyncContext ? 'random programs' : 'without async context, random programs';
  test(`${mode} end when and how timeouts, groups and combinators say, each part once`, async () => {
    await fc.assert(
      fc.asyncProperty(programs({ withForeign: false, withCleanup: false }), async (program) => {
        fc.pre(!hasTie(program, 0));
        await virtual(
          async () => {
            const ledger = { begun: 0, ended: 0, interrupted: 0 };
            const how = await createTask(async () => void (await execute(program, ledger))).then(
              () => 'ok',
              nameOf,
            );
            const expected = predict(program, 0);
            assert.equal(how, expected.how);
            assert.ok(isClose(now(), expected.at), `ended at ${now()}, expected ${expected.at}`);
            assert.ok(ledger.begun > 0);
            assert.equal(ledger.ended, ledger.begun, 'every part that began has ended with the task');
          },
          { asyncContext },
        );
      }),
      { numRuns: 150 },
    );
  });
}

test('random programs that are cancelled at any moment end, each part once, and leave nothing behind', async () => {
  await fc.assert(
    fc.asyncProperty(
      programs({ withForeign: true, withCleanup: true }),
      fc.array(durations, { minLength: 1, maxLength: 3 }),
      async (program, moments) => {
        await virtual(async () => {
          const ledger = { begun: 0, ended: 0, interrupted: 0 };
          const task = createTask(async () => void (await execute(program, ledger)));
          for (const moment of moments) asyncio.getRunningLoop().callLater(moment, () => task.cancel());
          const [done] = await wait([task], { timeout: 1000 });
          assert.equal(done.size, 1, 'the task ends');
          if (!task.cancelled()) task.exception();
          // What was inside a foreign promise when its task ended is on its own, and ends too.
          await sleep(1000);
          assert.equal(ledger.ended, ledger.begun);
        });
      },
    ),
    { numRuns: 200 },
  );
});

test('random programs never throw CancelledError when nobody cancels them', async () => {
  await fc.assert(
    fc.asyncProperty(programs({ withForeign: true, withCleanup: true }), async (program) => {
      await virtual(async () => {
        const ledger = { begun: 0, ended: 0, interrupted: 0 };
        const task = createTask(async () => void (await execute(program, ledger)));
        await wait([task]);
        assert.equal(task.cancelled(), false);
        assert.equal(task.cancelling(), 0);
        const error = task.exception();
        assert.ok(
          error === null || ['Failed', 'TimeoutError', 'ExceptionGroup'].includes(nameOf(error)),
          String(error),
        );
        await sleep(1000);
        assert.equal(ledger.ended, ledger.begun);
      });
    }),
    { numRuns: 150 },
  );
});

test('one cancel() of a random program never interrupts a clean-up: each flow hears of it once', async () => {
  const kinds = { withForeign: false, withCleanup: true, withFailures: false };
  await fc.assert(
    fc.asyncProperty(programs(kinds), durations, async (program, moment) => {
      await virtual(async () => {
        const ledger = { begun: 0, ended: 0, interrupted: 0 };
        const task = createTask(async () => void (await execute(program, ledger)));
        // Never at the very moment at which something ends.
        asyncio.getRunningLoop().callLater(moment + 0.01234567, () => task.cancel());
        await wait([task]);
        assert.equal(ledger.ended, ledger.begun);
        assert.equal(ledger.interrupted, 0);
      });
    }),
    { numRuns: 200 },
  );
});
