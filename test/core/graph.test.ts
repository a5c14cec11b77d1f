import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { TestLoop } from 'tsyncio/testing';
import { both, isError, thrownBy } from './both-kinds.js';

const here = /graph\.test\.[jt]s$/;

/** The futures that wait for `future`, as the graph has them. */
function waiters(future: asyncio.FutureLike<unknown>): asyncio.FutureLike<unknown>[] {
  return (asyncio.captureCallGraph(future)?.awaitedBy ?? []).map((graph) => graph.future);
}

/** The tasks that a graph leads to. */
function tasksAbove(future: asyncio.FutureLike<unknown>): string[] {
  const graph = asyncio.captureCallGraph(future);
  const names = (each: asyncio.FutureCallGraph): string[] => [
    ...(each.future instanceof asyncio.Task ? [each.future.getName()] : []),
    ...each.awaitedBy.flatMap(names),
  ];
  return (graph?.awaitedBy ?? []).flatMap(names);
}

both(
  'R-GRA-01 a future is awaited by the task that waits for it, until that goes on',
  function* ({ loop, go, wait }) {
    const future = loop.createFuture<void>();
    const task = asyncio.createTask(
      go(function* () {
        yield* wait(future);
        yield* wait(asyncio.sleep(1));
      }),
    );
    assert.deepEqual(waiters(future), []);
    yield* wait(asyncio.sleep(0));
    assert.deepEqual(waiters(future), [task]);
    future.setResult();
    yield* wait(asyncio.sleep(0.5));
    assert.deepEqual(waiters(future), []);
    yield* wait(task);
  },
);

both('R-GRA-01 a task is awaited by every task that waits for it', function* ({ go, wait }) {
  const sleeper = asyncio.createTask(
    go(function* () {
      yield* wait(asyncio.sleep(1));
    }),
  );
  const bosses = ['a', 'b'].map((name) =>
    asyncio.createTask(
      go(function* () {
        yield* wait(sleeper);
      }),
      { name },
    ),
  );
  yield* wait(asyncio.sleep(0));
  assert.deepEqual(tasksAbove(sleeper), ['a', 'b']);
  yield* wait(asyncio.wait(bosses));
  assert.deepEqual(tasksAbove(sleeper), []);
});

for (const how of ['gather', 'wait', 'shield', 'waitFor', 'TaskGroup', 'a coroutine']) {
  both(
    `R-GRA-01 a task that is awaited through ${how} is awaited by the task that does it`,
    function* ({ go, wait }) {
      const body = go(function* () {
        yield* wait(asyncio.sleep(1));
      });
      let child!: asyncio.Task<void>;
      const boss = asyncio.createTask(
        go(function* () {
          if (how === 'TaskGroup') {
            yield* wait(
              new asyncio.TaskGroup().run(
                (group) =>
                  go(function* () {
                    child = group.createTask(body);
                  })() as never,
              ),
            );
            return;
          }
          child = asyncio.createTask(body);
          if (how === 'gather') yield* wait(asyncio.gather([child]));
          if (how === 'wait') yield* wait(asyncio.wait([child]));
          if (how === 'shield') yield* wait(asyncio.shield(child));
          if (how === 'waitFor') yield* wait(asyncio.waitFor(child, 10));
          if (how === 'a coroutine') {
            const inner = asyncio.coroutine(
              go(function* () {
                yield* wait(child);
              }),
            );
            yield* wait(inner());
          }
        }),
        { name: 'boss' },
      );
      yield* wait(asyncio.sleep(0.5));
      assert.deepEqual(tasksAbove(child), ['boss']);
      yield* wait(boss);
      assert.deepEqual(tasksAbove(child), []);
    },
  );
}

both('R-GRA-01 tasks of a staggered race are awaited by the task that holds it', function* ({ go, wait }) {
  const racers: asyncio.Task[] = [];
  const racer = go(function* () {
    racers.push(asyncio.currentTask()!);
    yield* wait(asyncio.sleep(1));
  });
  const boss = asyncio.createTask(
    go(function* () {
      yield* wait(asyncio.staggeredRace([racer, racer], 0.1));
    }),
    { name: 'boss' },
  );
  yield* wait(asyncio.sleep(0.5));
  assert.equal(racers.length, 2);
  for (const each of racers) assert.deepEqual(tasksAbove(each), ['boss']);
  yield* wait(boss);
});

both(
  'R-GRA-02 captureCallGraph() has the future, its stack, and the graphs of those that wait',
  function* ({ loop, go, wait }) {
    const future = loop.createFuture<void>();
    const inner = asyncio.createTask(
      go(function* inner() {
        yield* wait(future);
      }),
    );
    const outer = asyncio.createTask(
      go(function* outer() {
        yield* wait(inner);
      }),
    );
    yield* wait(asyncio.sleep(0));
    yield* wait(asyncio.sleep(0));
    const graph = asyncio.captureCallGraph(future)!;
    assert.equal(graph.future, future);
    assert.deepEqual(graph.callStack, []);
    assert.equal(graph.awaitedBy.length, 1);
    const [ofInner] = graph.awaitedBy;
    assert.equal(ofInner!.future, inner);
    assert.equal(ofInner!.callStack.length, 1);
    assert.equal(ofInner!.awaitedBy[0]!.future, outer);
    assert.deepEqual(ofInner!.awaitedBy[0]!.awaitedBy, []);
    assert.ok(
      Object.isFrozen(graph) && Object.isFrozen(graph.awaitedBy) && Object.isFrozen(ofInner!.callStack[0]),
    );
    future.setResult();
    yield* wait(outer);
  },
);

both('R-GRA-02 without a future it is the graph of the running task', function* ({ wait }) {
  const task = asyncio.currentTask();
  for (const graph of [
    asyncio.captureCallGraph(),
    asyncio.captureCallGraph(task),
    asyncio.captureCallGraph(null),
  ]) {
    assert.equal(graph!.future, task);
    assert.match(graph!.callStack[0]!.frame.file, here);
  }
  yield* wait(asyncio.sleep(1));
  assert.match(asyncio.captureCallGraph()!.callStack[0]!.frame.file, here);
});

both('R-GRA-02 in a callback, outside any task, there is nothing to capture', function* ({ loop, wait }) {
  const seen: unknown[] = [];
  loop.callSoon(() => seen.push(asyncio.captureCallGraph(), asyncio.formatCallGraph()));
  yield* wait(asyncio.sleep(0));
  assert.deepEqual(seen, [null, '']);
});

test('R-GRA-02 outside any loop there is nothing to capture', () => {
  assert.equal(asyncio.captureCallGraph(), null);
});

test('captureCallGraph() refuses what is no future', () => {
  for (const wrong of [5, 'task', {}, Promise.resolve()]) {
    isError(
      thrownBy(() => asyncio.captureCallGraph(wrong as never)),
      TypeError,
    );
  }
});

both('R-GRA-03 depth leaves out the newest frames, limit counts from either end', function* () {
  const names = (options?: asyncio.CallGraphOptions) =>
    asyncio.captureCallGraph(null, options)!.callStack.map(({ frame }) => frame.functionName);
  function outer(options?: asyncio.CallGraphOptions) {
    return middle(options);
  }
  function middle(options?: asyncio.CallGraphOptions) {
    return names(options);
  }
  const all = outer();
  assert.deepEqual(all.slice(0, 3), ['names', 'middle', 'outer']);
  assert.deepEqual(outer({ depth: 2 }), all.slice(1));
  assert.deepEqual(outer({ depth: 3 }), all.slice(2));
  assert.deepEqual(outer({ limit: 2 }), ['names', 'middle']);
  assert.deepEqual(outer({ limit: -1 }), all.slice(-1));
  assert.deepEqual(outer({ limit: 0 }), []);
  assert.deepEqual(outer({ limit: 100 }), all);
  assert.deepEqual(outer({ depth: 2, limit: 1 }), ['middle']);
});

both('R-GRA-03 limit: 0 leaves the stacks out, and keeps who waits', function* ({ go, wait }) {
  const job = asyncio.createTask(
    go(function* () {
      yield* wait(asyncio.sleep(1));
    }),
  );
  const boss = asyncio.createTask(
    go(function* () {
      yield* wait(job);
    }),
  );
  yield* wait(asyncio.sleep(0));
  const graph = asyncio.captureCallGraph(job, { limit: 0 })!;
  assert.deepEqual(graph.callStack, []);
  assert.deepEqual(graph.awaitedBy[0]!.callStack, []);
  assert.equal(graph.awaitedBy[0]!.future, boss);
  yield* wait(boss);
});

test('the stack of the running task ends where the loop resumed it', () => {
  function* main(): asyncio.Coro<string[]> {
    yield;
    return asyncio.captureCallGraph()!.callStack.map(({ frame }) => frame.functionName);
  }
  const loop = new TestLoop();
  function caller(): string[] {
    return loop.runSync(main());
  }
  assert.deepEqual(caller(), ['main']);
  loop.close();
});

test('R-GRA-04 formatCallGraph() writes a task, its stack, and below it who waits, four spaces in', async () => {
  const text = await asyncio.run(async () => {
    async function child() {
      await asyncio.sleep(0.001);
    }
    const job = asyncio.createTask(child, { name: "it's" });
    const boss = asyncio.createTask(
      async function parent() {
        await job;
      },
      { name: 'boss' },
    );
    const top = asyncio.createTask(
      async function grandparent() {
        await boss;
      },
      { name: 'top' },
    );
    await asyncio.sleep(0);
    await asyncio.sleep(0);
    const formatted = asyncio.formatCallGraph(job);
    await top;
    return formatted;
  });
  assert.equal(
    text,
    [
      "* Task(name='it\\'s')",
      '  + Call stack:',
      '  |   in async child()',
      '  + Awaited by:',
      "    * Task(name='boss')",
      '      + Call stack:',
      '      |   in async parent()',
      '      + Awaited by:',
      "        * Task(name='top')",
      '          + Call stack:',
      '          |   in async grandparent()',
    ].join('\n'),
  );
});

test('R-GRA-04 the running task’s stack has files and lines', async () => {
  async function main() {
    return asyncio.formatCallGraph();
  }
  assert.match(
    await asyncio.run(main),
    /^\* Task\(name='Task-\d+'\)\n {2}\+ Call stack:\n {2}\| {3}File '.*graph\.test\.[jt]s', line \d+, in main\(\)$/,
  );
});

both('R-GRA-04 two ways to one task are both shown, and a circle ends', function* ({ loop, go, wait }) {
  const future = loop.createFuture<void>();
  const through = (name: string) =>
    asyncio.createTask(
      go(function* () {
        yield* wait(future);
      }),
      { name },
    );
  const [a, b] = [through('a'), through('b')];
  const top = asyncio.createTask(
    go(function* () {
      yield* wait(asyncio.gather([a, b]));
    }),
    { name: 'top' },
  );
  yield* wait(asyncio.sleep(0));
  yield* wait(asyncio.sleep(0));
  assert.deepEqual(tasksAbove(future), ['a', 'top', 'b', 'top']);
  asyncio.futureAddToAwaitedBy(top, a);
  assert.deepEqual(tasksAbove(future), ['a', 'top', 'b', 'top', 'a']);
  asyncio.futureDiscardFromAwaitedBy(top, a);
  assert.deepEqual(tasksAbove(future), ['a', 'top', 'b', 'top']);
  future.setResult();
  yield* wait(top);
});

both('printCallGraph() writes to a file, or to the console', function* () {
  const written: string[] = [];
  asyncio.printCallGraph(null, { file: { write: (text) => written.push(text) }, limit: 0 });
  assert.deepEqual(written, [`* Task(name='${asyncio.currentTask()!.getName()}')\n`]);
  const { log } = console;
  const printed: unknown[] = [];
  console.log = (text) => void printed.push(text);
  try {
    asyncio.printCallGraph(null, { limit: 0 });
  } finally {
    console.log = log;
  }
  assert.deepEqual(printed, [`* Task(name='${asyncio.currentTask()!.getName()}')`]);
});
