// The program of a page: what tsyncio does in a browser. It is bundled under the `browser` condition, and hands its
// findings to `reportPage()`, one line each, the last of them `ended`.

import * as asyncio from 'tsyncio/core';

const {
  coroutine,
  createTask,
  currentSignal,
  currentTask,
  gather,
  getRunningLoop,
  run,
  sleep,
  TaskGroup,
  timeout,
  wait,
} = asyncio;

/** What the page is given: where a body is that never ends, if it has a network, and where its report goes. */
const page = globalThis as unknown as { endless?: string; reportPage: (text: string) => void };

const lines: string[] = [];

function equal(actual: unknown, expected: unknown): void {
  const [left, right] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (left !== right) throw new Error(`got ${left}, expected ${right}`);
}

const nameOf = (error: unknown) => (error as Error).name;

const checks: Record<string, () => Promise<void>> = {
  'run() gives the result of main': async () => {
    equal(await run(async () => await sleep('5ms', 'value')), 'value');
    equal(
      await run(function* (): asyncio.Coro<string> {
        yield* sleep(0.001);
        return yield* coroutine(async () => await sleep(0, 'generator'))();
      }),
      'generator',
    );
  },
  'tasks take turns in the order of their creation': async () => {
    const log: string[] = [];
    await run(async () => {
      const worker = (name: string) => async () => {
        for (let n = 0; n < 3; n++) {
          log.push(`${name}${n}`);
          await sleep(0);
        }
      };
      await gather([worker('a'), worker('b'), worker('c')]);
    });
    equal(log.join(' '), 'a0 b0 c0 a1 b1 c1 a2 b2 c2');
  },
  'no other handle runs within a native step': async () => {
    await run(async () => {
      let inside = 0;
      const worker = async () => {
        for (let n = 0; n < 5; n++) {
          equal(++inside, 1);
          await null;
          await Promise.resolve();
          inside -= 1;
          await sleep(0);
        }
      };
      await gather([worker, worker, worker]);
    });
  },
  'cancel() reaches an await, and finally blocks that await run': async () => {
    const log: string[] = [];
    await run(async () => {
      const task = createTask(async () => {
        try {
          await sleep('1h');
        } finally {
          await sleep(0.001);
          log.push('cleaned up');
        }
      });
      await sleep(0);
      task.cancel();
      await wait([task]);
      log.push(`cancelled ${task.cancelled()}`);
    });
    equal(log, ['cleaned up', 'cancelled true']);
  },
  'parallel timeouts end their own flows': async () => {
    await run(async () => {
      const results = await Promise.allSettled([
        timeout(0.005).run(async () => await sleep('1h')),
        timeout('1h').run(async () => {
          await sleep(0.01);
          await sleep(0.01);
          return 'b';
        }),
        new TaskGroup().run(async (group) => {
          group.createTask(async () => {
            throw new Error('child');
          });
          await sleep('1h');
        }),
      ]);
      equal(
        results.map((each) => (each.status === 'fulfilled' ? each.value : nameOf(each.reason))),
        ['TimeoutError', 'b', 'ExceptionGroup'],
      );
    });
  },
  'losers end with their task': async () => {
    const log: string[] = [];
    await run(async () => {
      const loser = async () => {
        try {
          await sleep('1h');
        } finally {
          await sleep(0);
          log.push('loser ended');
        }
      };
      await Promise.race([loser(), sleep(0.001)]);
    });
    equal(log, ['loser ended']);
  },
  'currentTask() is right after awaits of ours': async () => {
    await run(async () => {
      const names = await gather(
        ['a', 'b'].map((name) =>
          createTask(
            async () => {
              const seen = [currentTask()?.getName()];
              for (const pause of [0, 0.001, 0]) {
                await sleep(pause);
                seen.push(currentTask()?.getName());
              }
              await coroutine(async () => {
                await sleep(0);
                seen.push(currentTask()?.getName());
              })();
              seen.push(currentTask()?.getName());
              return seen.join('');
            },
            { name },
          ),
        ),
      );
      equal(names, ['aaaaaa', 'bbbbbb']);
    });
  },
  'currentSignal() is aborted with its task, once': async () => {
    const log: string[] = [];
    await run(async () => {
      const task = createTask(async () => {
        const signal = currentSignal() as AbortSignal;
        try {
          await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
        } finally {
          log.push('aborted');
        }
      });
      await sleep(0);
      task.cancel();
      await wait([task]);
      log.push(`cancelled ${task.cancelled()}`);
    });
    equal(log, ['aborted', 'cancelled true']);
  },
  'fetch() works, and a cancelled one throws CancelledError': async () => {
    await run(async () => {
      const response = await asyncio.fetch('data:text/plain,hello');
      equal(await response.text(), 'hello');
      const task = createTask(() => asyncio.fetch('data:text/plain,hello'));
      task.cancel();
      await wait([task]);
      equal(task.cancelled(), true);
    });
  },
  'a cancellation reaches the reading of a body, once': async () => {
    const { endless } = page;
    if (endless === undefined) return;
    const log: string[] = [];
    await run(async () => {
      const headers = new asyncio.Event();
      const task = createTask(async () => {
        try {
          const response = await asyncio.fetch(endless);
          headers.set();
          await response.text();
        } finally {
          await sleep(0);
          await sleep(0.001);
          log.push('cleaned up');
        }
      });
      await headers.wait();
      task.cancel();
      await wait([task]);
      log.push(`cancelled ${task.cancelled()}`);
    });
    equal(log, ['cleaned up', 'cancelled true']);
  },
  'queues, locks and events hand over between tasks': async () => {
    await run(async () => {
      const queue = new asyncio.Queue<number>(1);
      const lock = new asyncio.Lock();
      const producer = createTask(async () => {
        for (let n = 0; n < 5; n++) await queue.put(n);
      });
      const got: number[] = [];
      for (let n = 0; n < 5; n++) {
        await lock.acquire();
        got.push(await queue.get());
        lock.release();
      }
      await producer;
      equal(got, [0, 1, 2, 3, 4]);
    });
  },
  'the page gets its turn while tasks spin': async () => {
    await run(async () => {
      let fired = false;
      setTimeout(() => {
        fired = true;
      }, 1);
      const spinner = async () => {
        while (!fired) await sleep(0);
      };
      await gather([
        spinner,
        spinner,
        function* (): asyncio.Coro<void> {
          while (!fired) yield* sleep(0);
        },
      ]);
    });
  },
  'an event listener of the page belongs to no task': async () => {
    const target = new EventTarget();
    const log: string[] = [];
    let handled: Promise<void> = Promise.resolve();
    target.addEventListener('click', () => {
      handled = (async () => {
        log.push(`in ${currentTask()?.getName()}`);
        await sleep(0.001);
        log.push(`then in ${currentTask()?.getName()}`);
      })();
    });
    await run(async () => {
      const task = createTask(async () => await sleep('1h'), { name: 'sleeper' });
      const clicked = new asyncio.Event();
      setTimeout(() => {
        target.dispatchEvent(new Event('click'));
        void handled.then(() => clicked.set());
      }, 1);
      await sleep(0);
      await clicked.wait();
      task.cancel();
      await wait([task]);
    });
    equal(log, ['in undefined', 'then in undefined']);
  },
  'two run()s go on side by side': async () => {
    const program = (name: string) =>
      run(async () => {
        const loop = getRunningLoop();
        for (let n = 0; n < 5; n++) {
          await sleep(n % 2 === 0 ? 0 : 0.001);
          equal(getRunningLoop() === loop && currentTask()?.getLoop() === loop, true);
        }
        return name;
      });
    equal(await Promise.all([program('a'), program('b')]), ['a', 'b']);
  },
  'plain code awaits on the ambient loop': async () => {
    equal(await sleep(0.001, 'ambient'), 'ambient');
    equal(
      await timeout(0.001)
        .run(async () => await sleep('1h'))
        .then(() => 'none', nameOf),
      'TimeoutError',
    );
  },
};

for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    lines.push(`ok ${name}`);
  } catch (error) {
    lines.push(`FAILED ${name}: ${error}`);
  }
}
lines.push('ended');

page.reportPage(lines.join('\n'));
