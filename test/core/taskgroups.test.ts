import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { TestLoop } from 'tsyncio/testing';
import { both, cancelArgs, isError, type Kind, thrown, thrownBy, ticker } from './both-kinds.js';

const { CancelledError, ExceptionGroup, RuntimeError, TaskGroup, ValueError } = asyncio;

/** The messages of a group's members, in order; the test fails when it is no group of that name. */
function members(error: unknown): string[] {
  assert.ok(error instanceof asyncio.BaseExceptionGroup, `expected a group, got ${String(error)}`);
  assert.equal(error.message, 'unhandled errors in a TaskGroup');
  return error.exceptions.map((each) => (each instanceof Error ? each.message : String(each)));
}

/** Coroutines for children: what they do takes time, and they say how it ended. */
function children({ wait, go }: Kind) {
  const log: string[] = [];
  return {
    log,
    sleeps: (name: string, delay: number) =>
      go(function* () {
        try {
          yield* wait(asyncio.sleep(delay));
          log.push(`${name} done`);
          return name;
        } catch (error) {
          log.push(`${name} cancelled`);
          throw error;
        }
      }),
    fails: (name: string, delay: number) =>
      go(function* () {
        yield* wait(asyncio.sleep(delay));
        log.push(`${name} fails`);
        throw new ValueError(name);
      }),
    /** Fails when it is cancelled. */
    resists: (name: string, delay: number) =>
      go(function* () {
        try {
          yield* wait(asyncio.sleep(delay));
        } catch {
          log.push(`${name} resists`);
          throw new ValueError(name);
        }
      }),
  };
}

both(
  'R-TG-01 createTask() refuses before the group was entered, and after it has ended',
  function* ({ wait, go, define }) {
    const group = new TaskGroup();
    const before = define(function* () {})();
    isError(
      thrownBy(() => group.createTask(before)),
      RuntimeError,
      'TaskGroup <TaskGroup> has not been entered',
    );
    assert.equal(before.state, 'closed');
    yield* wait(group.run(go(function* () {})));
    const after = define(function* () {})();
    isError(
      thrownBy(() => group.createTask(after)),
      RuntimeError,
      'TaskGroup <TaskGroup entered> is finished',
    );
    assert.equal(after.state, 'closed');
  },
);

both('R-TG-01 createTask() refuses while the group shuts down, and closes the coroutine', function* (kind) {
  const { wait, go, define } = kind;
  const { fails, sleeps } = children(kind);
  const late = define(function* () {})();
  const group = new TaskGroup();
  let refusal: unknown;
  const error = yield* thrown(
    wait(
      group.run(
        go(function* () {
          group.createTask(fails('a', 1));
          group.createTask(sleeps('b', 9));
          const cancelled = yield* thrown(wait(asyncio.sleep(9)));
          refusal = thrownBy(() => group.createTask(late));
          throw cancelled;
        }),
      ),
    ),
  );
  assert.deepEqual(members(error), ['a']);
  isError(refusal, RuntimeError, /^TaskGroup <TaskGroup .*cancelling> is shutting down$/);
  assert.equal(late.state, 'closed');
});

both('R-TG-02 a group can be entered once', function* ({ wait, go }) {
  const group = new TaskGroup();
  let inside: unknown;
  yield* wait(
    group.run(
      go(function* () {
        inside = yield* thrown(wait(group.run(go(function* () {}))));
      }),
    ),
  );
  isError(inside, RuntimeError, 'TaskGroup <TaskGroup entered> has already been entered');
  isError(yield* thrown(wait(group.run(go(function* () {})))), RuntimeError, /has already been entered$/);
  isError(yield* thrown(wait(group[asyncio.aenter]())), RuntimeError, /has already been entered$/);
});

both('R-TG-03 the block ends when every child has ended, and gives the body’s value', function* (kind) {
  const { wait, go, loop } = kind;
  const { log, sleeps } = children(kind);
  const group = new TaskGroup();
  const value = yield* wait(
    group.run(
      go(function* () {
        group.createTask(sleeps('slow', 2));
        group.createTask(sleeps('quick', 1));
        return 'value';
      }),
    ),
  );
  assert.equal(value, 'value');
  assert.deepEqual(log, ['quick done', 'slow done']);
  assert.equal(loop.time(), 2);
});

both('R-TG-03 children may start others while the block waits for them', function* (kind) {
  const { wait, go, loop } = kind;
  const { log, sleeps } = children(kind);
  const group = new TaskGroup();
  const parent = go(function* () {
    yield* wait(asyncio.sleep(1));
    group.createTask(sleeps('grandchild', 3));
  });
  yield* wait(
    group.run(
      go(function* () {
        group.createTask(parent);
      }),
    ),
  );
  assert.deepEqual(log, ['grandchild done']);
  assert.equal(loop.time(), 4);
});

both(
  'R-TG-04 a group without children does not suspend; with one that does not wait it takes three iterations',
  function* ({ wait, go, loop }) {
    const ticks = ticker(loop);
    yield* wait(asyncio.sleep(0));
    let before = ticks();
    yield* wait(new TaskGroup().run(go(function* () {})));
    assert.equal(ticks() - before, 0);
    before = ticks();
    const group = new TaskGroup();
    yield* wait(
      group.run(
        go(function* () {
          group.createTask(go(function* () {}));
        }),
      ),
    );
    assert.equal(ticks() - before, 3);
    ticks.stop();
  },
);

both('R-TG-05 the first failure cancels every other child and the body, once each', function* (kind) {
  const { wait, go, loop } = kind;
  const { log, fails, sleeps } = children(kind);
  const group = new TaskGroup();
  const requests: unknown[] = [];
  const counting = go(function* () {
    const error = yield* thrown(wait(asyncio.sleep(9)));
    requests.push(asyncio.currentTask()?.cancelling());
    throw error;
  });
  const error = yield* thrown(
    wait(
      group.run(
        go(function* () {
          group.createTask(sleeps('a', 9));
          group.createTask(fails('b', 1));
          group.createTask(counting);
          const cancelled = yield* thrown(wait(asyncio.sleep(9)));
          requests.push(asyncio.currentTask()?.cancelling(), cancelArgs(cancelled));
          throw cancelled;
        }),
      ),
    ),
  );
  assert.deepEqual(members(error), ['b']);
  assert.deepEqual(log, ['b fails', 'a cancelled']);
  assert.deepEqual(requests, [1, 1, []]);
  assert.equal(loop.time(), 1);
});

both('R-TG-05 a failure while the block waits for its children cancels the others', function* (kind) {
  const { wait, go, loop } = kind;
  const { log, fails, sleeps } = children(kind);
  const group = new TaskGroup();
  const error = yield* thrown(
    wait(
      group.run(
        go(function* () {
          group.createTask(sleeps('a', 9));
          group.createTask(fails('b', 1));
        }),
      ),
    ),
  );
  assert.deepEqual(members(error), ['b']);
  assert.deepEqual(log, ['b fails', 'a cancelled']);
  assert.equal(loop.time(), 1);
});

both('R-TG-06 the cancellation of the body is taken back at the end', function* (kind) {
  const { wait, go } = kind;
  const { fails } = children(kind);
  const group = new TaskGroup();
  yield* thrown(
    wait(
      group.run(
        go(function* () {
          group.createTask(fails('a', 1));
          yield* wait(asyncio.sleep(9));
        }),
      ),
    ),
  );
  assert.equal(asyncio.currentTask()?.cancelling(), 0);
  yield* wait(asyncio.sleep(1));
});

both('R-TG-06 also when the body swallows it', function* (kind) {
  const { wait, go } = kind;
  const { fails } = children(kind);
  const group = new TaskGroup();
  const error = yield* thrown(
    wait(
      group.run(
        go(function* () {
          group.createTask(fails('a', 1));
          yield* thrown(wait(asyncio.sleep(9)));
          return 'swallowed';
        }),
      ),
    ),
  );
  assert.deepEqual(members(error), ['a']);
  assert.equal(asyncio.currentTask()?.cancelling(), 0);
  yield* wait(asyncio.sleep(1));
});

both(
  'R-TG-07 all failures are raised as one group: in the order in which the children ended, the body’s last',
  function* (kind) {
    const { wait, go } = kind;
    const { fails, resists } = children(kind);
    const group = new TaskGroup();
    const error = yield* thrown(
      wait(
        group.run(
          go(function* () {
            group.createTask(resists('resists', 9));
            group.createTask(fails('first', 1));
            group.createTask(fails('second', 1));
            yield* thrown(wait(asyncio.sleep(9)));
            throw new ValueError('body');
          }),
        ),
      ),
    );
    isError(error, ExceptionGroup, 'unhandled errors in a TaskGroup');
    assert.deepEqual(members(error), ['first', 'second', 'resists', 'body']);
  },
);

both('R-TG-07 a member that is no Exception makes it a BaseExceptionGroup', function* ({ wait, go }) {
  const group = new TaskGroup();
  const error = yield* thrown(
    wait(
      group.run(
        go(function* () {
          group.createTask(
            go(function* () {
              throw new asyncio.BaseException('base');
            }),
          );
          yield* wait(asyncio.sleep(9));
        }),
      ),
    ),
  );
  isError(error, asyncio.BaseExceptionGroup);
  assert.deepEqual(members(error), ['base']);
});

both('R-TG-08 an error of the body cancels the children, and is raised in a group, too', function* (kind) {
  const { wait, go, loop } = kind;
  const { log, sleeps, resists } = children(kind);
  const group = new TaskGroup();
  const boom = new ValueError('boom');
  const error = yield* thrown(
    wait(
      group.run(
        go(function* () {
          group.createTask(sleeps('a', 9));
          group.createTask(resists('b', 9));
          yield* wait(asyncio.sleep(1));
          throw boom;
        }),
      ),
    ),
  );
  assert.deepEqual(members(error), ['b', 'boom']);
  assert.equal((error as asyncio.ExceptionGroup).exceptions[1], boom);
  assert.deepEqual(log, ['a cancelled', 'b resists']);
  assert.equal(loop.time(), 1);
  isError(
    yield* thrown(
      wait(
        new TaskGroup().run(
          go(function* () {
            throw boom;
          }),
        ),
      ),
    ),
    ExceptionGroup,
  );
});

both('R-TG-09 a child that was cancelled is no failure', function* (kind) {
  const { wait, go } = kind;
  const { log, sleeps } = children(kind);
  const group = new TaskGroup();
  yield* wait(
    group.run(
      go(function* () {
        const child = group.createTask(sleeps('a', 9));
        group.createTask(sleeps('b', 2));
        yield* wait(asyncio.sleep(1));
        child.cancel();
        yield* wait(asyncio.sleep(0));
        yield* wait(asyncio.sleep(0));
      }),
    ),
  );
  assert.deepEqual(log, ['a cancelled', 'b done']);
});

for (const where of ['in the body', 'while it waits for its children'] as const) {
  both(
    `R-TG-10 cancelled from outside ${where}, the group cancels its children, waits for them, and passes it on`,
    function* ({ wait, go, loop }) {
      const log: string[] = [];
      let original: unknown;
      const child = go(function* () {
        try {
          yield* wait(asyncio.sleep(9));
        } finally {
          yield* wait(asyncio.sleep(2));
          log.push(`child cleaned up at ${loop.time()}`);
        }
      });
      const task = loop.createTask(
        go(function* () {
          const group = new TaskGroup();
          const error = yield* thrown(
            wait(
              group.run(
                go(function* () {
                  group.createTask(child);
                  if (where === 'in the body') {
                    original = yield* thrown(wait(asyncio.sleep(9)));
                    throw original;
                  }
                }),
              ),
            ),
          );
          if (original !== undefined) assert.equal(error, original);
          throw error;
        }),
      );
      yield* wait(asyncio.sleep(1));
      task.cancel('stop');
      assert.deepEqual(cancelArgs(yield* thrown(wait(task))), ['stop']);
      assert.deepEqual(log, ['child cleaned up at 3']);
      assert.equal(task.cancelling(), 1);
    },
  );
}

both(
  'R-TG-11 cancelled from outside while a child fails, the group raises the errors, and the task stays cancelled',
  function* (kind) {
    const { wait, go, loop } = kind;
    const { resists } = children(kind);
    const seen: unknown[] = [];
    const task = loop.createTask(
      go(function* () {
        const group = new TaskGroup();
        const error = yield* thrown(
          wait(
            group.run(
              go(function* () {
                group.createTask(resists('a', 9));
                yield* wait(asyncio.sleep(9));
              }),
            ),
          ),
        );
        seen.push(members(error), asyncio.currentTask()?.cancelling());
        yield* wait(asyncio.sleep(9)); // the cancellation comes here
      }),
    );
    yield* wait(asyncio.sleep(1));
    task.cancel();
    assert.ok((yield* thrown(wait(task))) instanceof CancelledError);
    assert.deepEqual(seen, [['a'], 1]);
    assert.equal(loop.time(), 1);
  },
);

both(
  'R-TG-12 further cancellations are absorbed until the children have ended',
  function* ({ wait, go, loop }) {
    const log: string[] = [];
    const child = go(function* () {
      yield* thrown(wait(asyncio.sleep(9)));
      log.push(`asked at ${loop.time()}`);
      // Were it asked a second time, it would end here.
      yield* wait(asyncio.sleep(5));
    });
    const task = loop.createTask(
      go(function* () {
        const group = new TaskGroup();
        yield* wait(
          group.run(
            go(function* () {
              group.createTask(child);
            }),
          ),
        );
      }),
    );
    for (const message of ['first', 'second', 'third']) {
      yield* wait(asyncio.sleep(1));
      task.cancel(message);
    }
    assert.deepEqual(cancelArgs(yield* thrown(wait(task))), ['first']);
    assert.deepEqual(log, ['asked at 1']);
    assert.equal(loop.time(), 6);
    assert.equal(task.cancelling(), 3);
  },
);

for (const where of ['a child', 'the body'] as const) {
  test(`R-TG-13 KeyboardInterrupt of ${where} comes out bare, when all children have ended`, () => {
    const loop = new TestLoop();
    const log: string[] = [];
    const interrupt = new asyncio.KeyboardInterrupt();
    let outcome: unknown;
    function* child(): asyncio.Coro<void> {
      try {
        yield* asyncio.sleep(9);
      } finally {
        log.push('cancelled');
      }
    }
    function* stops(): asyncio.Coro<void> {
      throw interrupt;
    }
    function* main(): asyncio.Coro<void> {
      try {
        yield* new TaskGroup().run(function* (group) {
          group.createTask(child());
          yield* asyncio.sleep(0);
          if (where === 'the body') throw interrupt;
          group.createTask(stops());
          yield* asyncio.sleep(9);
        });
      } catch (error) {
        outcome = error;
      }
    }
    const task = loop.createTask(main());
    // A KeyboardInterrupt of a task stops the loop that runs it, too.
    if (where === 'a child')
      assert.equal(
        thrownBy(() => loop.runSync(task)),
        interrupt,
      );
    loop.runSync(task);
    assert.equal(outcome, interrupt);
    assert.deepEqual(log, ['cancelled']);
    loop.close();
  });
}

both('R-TG-14 a child that fails when it is cancelled adds its error', function* (kind) {
  const { wait, go } = kind;
  const { fails, resists } = children(kind);
  const group = new TaskGroup();
  const error = yield* thrown(
    wait(
      group.run(
        go(function* () {
          group.createTask(resists('a', 9));
          group.createTask(resists('b', 9));
          group.createTask(fails('c', 1));
        }),
      ),
    ),
  );
  assert.deepEqual(members(error), ['c', 'a', 'b']);
});

both('R-TG-15 the group of an inner block is one member of the outer one’s', function* (kind) {
  const { wait, go } = kind;
  const { log, fails, sleeps } = children(kind);
  const [outer, inner] = [new TaskGroup(), new TaskGroup()];
  const error = yield* thrown(
    wait(
      outer.run(
        go(function* () {
          outer.createTask(sleeps('outer', 9));
          yield* wait(
            inner.run(
              go(function* () {
                inner.createTask(fails('inner', 1));
                yield* wait(asyncio.sleep(9));
              }),
            ),
          );
        }),
      ),
    ),
  );
  assert.deepEqual(log, ['inner fails', 'outer cancelled']);
  assert.equal((error as asyncio.ExceptionGroup).exceptions.length, 1);
  assert.deepEqual(members((error as asyncio.ExceptionGroup).exceptions[0]), ['inner']);
  assert.equal(asyncio.currentTask()?.cancelling(), 0);
});

both('R-TG-15 a failure in the outer group cancels the inner block and its children', function* (kind) {
  const { wait, go } = kind;
  const { log, fails, sleeps } = children(kind);
  const [outer, inner] = [new TaskGroup(), new TaskGroup()];
  const error = yield* thrown(
    wait(
      outer.run(
        go(function* () {
          outer.createTask(fails('outer', 1));
          yield* wait(
            inner.run(
              go(function* () {
                inner.createTask(sleeps('inner', 9));
              }),
            ),
          );
        }),
      ),
    ),
  );
  assert.deepEqual(members(error), ['outer']);
  assert.deepEqual(log, ['outer fails', 'inner cancelled']);
  assert.equal(asyncio.currentTask()?.cancelling(), 0);
  yield* wait(asyncio.sleep(1));
});

both('R-TG-15 both groups fail in the same iteration', function* (kind) {
  const { wait, go } = kind;
  const { fails } = children(kind);
  const [outer, inner] = [new TaskGroup(), new TaskGroup()];
  const error = yield* thrown(
    wait(
      outer.run(
        go(function* () {
          outer.createTask(fails('outer', 1));
          yield* wait(
            inner.run(
              go(function* () {
                inner.createTask(fails('inner', 1));
                yield* wait(asyncio.sleep(9));
              }),
            ),
          );
        }),
      ),
    ),
  );
  assert.equal(members(error)[0], 'outer');
  assert.deepEqual(members((error as asyncio.ExceptionGroup).exceptions[1]), ['inner']);
  assert.equal(asyncio.currentTask()?.cancelling(), 0);
  yield* wait(asyncio.sleep(1));
});

both(
  'R-TG-16 a child that fails when the parent task is done is reported',
  function* ({ wait, go, loop, reports }) {
    const group = new TaskGroup();
    const parent = loop.createTask(
      go(function* () {
        // Entered, and never left.
        yield* wait(group[asyncio.aenter]());
      }),
    );
    yield* wait(parent);
    const boom = new ValueError('boom');
    const child = group.createTask(
      go(function* () {
        throw boom;
      }),
    );
    yield* wait(asyncio.wait([child]));
    const [report] = reports.splice(0);
    assert.match(
      String(report?.message),
      /^Task <Task .*> has errored out but its parent task <Task .*> is already completed$/,
    );
    assert.equal(report?.exception, boom);
    assert.equal(report?.task, child);
  },
);

both('R-TG-17 createTask() passes its options on', function* ({ wait, go }) {
  const variable = new asyncio.ContextVar<string>('variable');
  const context = asyncio.copyContext();
  const group = new TaskGroup();
  const child = go(function* () {
    variable.set('the child’s');
    return asyncio.currentTask()?.getName();
  });
  const task = yield* wait(
    group.run(
      go(function* () {
        const made = group.createTask(child, { name: 'yolo', context });
        return [made] as const;
      }),
    ),
  );
  assert.equal(task[0].result(), 'yolo');
  assert.equal(context.get(variable), 'the child’s');
  assert.equal(variable.get('unset'), 'unset');
});

both(
  'R-TG-17 eagerStart runs the child’s first step at once',
  { only: 'generator' },
  function* ({ wait, go }) {
    const log: string[] = [];
    const group = new TaskGroup();
    yield* wait(
      group.run(
        go(function* () {
          const task = group.createTask(
            go(function* () {
              log.push('child');
            }),
            { eagerStart: true },
          );
          log.push(`body, ${task.done()}`);
        }),
      ),
    );
    assert.deepEqual(log, ['child', 'body, true']);
  },
);

both(
  'R-TG-18 an eager child that fails at once does not interrupt the body before it waits',
  { only: 'generator' },
  function* ({ wait, go }) {
    const log: string[] = [];
    const group = new TaskGroup();
    const error = yield* thrown(
      wait(
        group.run(
          go(function* () {
            group.createTask(
              go(function* () {
                throw new ValueError('eager');
              }),
              { eagerStart: true },
            );
            log.push('goes on');
            yield* wait(asyncio.sleep(0));
            log.push('not here');
          }),
        ),
      ),
    );
    assert.deepEqual(members(error), ['eager']);
    assert.deepEqual(log, ['goes on']);
  },
);

both('R-TG-19 after a failure a child cannot start another one, either', function* (kind) {
  const { wait, go } = kind;
  const { fails } = children(kind);
  const group = new TaskGroup();
  let refusal: unknown;
  const error = yield* thrown(
    wait(
      group.run(
        go(function* () {
          group.createTask(
            go(function* () {
              try {
                yield* wait(asyncio.sleep(9));
              } finally {
                refusal = thrownBy(() => group.createTask(go(function* () {})));
              }
            }),
          );
          group.createTask(fails('a', 1));
        }),
      ),
    ),
  );
  assert.deepEqual(members(error), ['a']);
  isError(refusal, RuntimeError, /is shutting down$/);
});

both('R-TG-20 toString() shows the tasks, the errors and the state', function* (kind) {
  const { wait, go } = kind;
  const { fails, sleeps } = children(kind);
  const group = new TaskGroup();
  const shown = [String(group)];
  yield* thrown(
    wait(
      group.run(
        go(function* () {
          shown.push(String(group));
          group.createTask(fails('a', 1));
          group.createTask(sleeps('b', 9));
          shown.push(String(group));
          const error = yield* thrown(wait(asyncio.sleep(9)));
          shown.push(String(group));
          throw error;
        }),
      ),
    ),
  );
  assert.deepEqual(shown.slice(0, 3), ['<TaskGroup>', '<TaskGroup entered>', '<TaskGroup tasks=2 entered>']);
  assert.match(shown[3] ?? '', /^<TaskGroup tasks=1 errors=1 cancelling>$/);
});

both('R-TG-21 the raised group has no cause', function* ({ wait, go }) {
  const error = yield* thrown(
    wait(
      new TaskGroup().run(
        go(function* () {
          throw new ValueError('boom');
        }),
      ),
    ),
  );
  assert.equal((error as Error).cause, undefined);
});

// -------------------------------------------------------------------------------------------------- cancel()

both(
  'R-TG-22 cancel() cancels the body and the children, and the block ends without an error',
  function* (kind) {
    const { wait, go, loop } = kind;
    const { log, sleeps } = children(kind);
    const group = new TaskGroup();
    const value = yield* wait(
      group.run(
        go(function* () {
          group.createTask(sleeps('a', 9));
          loop.callLater(1, () => group.cancel());
          yield* wait(asyncio.sleep(9));
          log.push('not here');
          return 'value';
        }),
      ),
    );
    assert.equal(value, undefined);
    assert.deepEqual(log, ['a cancelled']);
    assert.equal(loop.time(), 1);
    assert.equal(asyncio.currentTask()?.cancelling(), 0);
    yield* wait(asyncio.sleep(1));
  },
);

both('R-TG-22 cancel() while the block waits for its children cancels those', function* (kind) {
  const { wait, go, loop } = kind;
  const { log, sleeps } = children(kind);
  const group = new TaskGroup();
  const value = yield* wait(
    group.run(
      go(function* () {
        group.createTask(sleeps('a', 9));
        loop.callLater(1, () => group.cancel());
        return 'value';
      }),
    ),
  );
  assert.equal(value, 'value');
  assert.deepEqual(log, ['a cancelled']);
  assert.equal(loop.time(), 1);
  assert.equal(asyncio.currentTask()?.cancelling(), 0);
});

both(
  'R-TG-22 cancel() from a child, or from the body itself, takes effect at the next wait',
  function* (kind) {
    const { wait, go, loop } = kind;
    const { log, sleeps } = children(kind);
    for (const who of ['a child', 'the body']) {
      const group = new TaskGroup();
      yield* wait(
        group.run(
          go(function* () {
            group.createTask(sleeps(who, 9));
            yield* wait(asyncio.sleep(0));
            if (who === 'the body') {
              group.cancel();
              log.push('goes on');
            } else {
              group.createTask(
                go(function* () {
                  group.cancel();
                }),
              );
            }
            yield* wait(asyncio.sleep(9));
            log.push('not here');
          }),
        ),
      );
      assert.equal(asyncio.currentTask()?.cancelling(), 0);
    }
    assert.deepEqual(log, ['a child cancelled', 'goes on', 'the body cancelled']);
    assert.equal(loop.time(), 0);
  },
);

both(
  'R-TG-23 cancel() before the group is entered takes effect at the body’s first wait',
  function* ({ wait, go }) {
    const log: string[] = [];
    const group = new TaskGroup();
    group.cancel();
    group.cancel();
    yield* wait(
      group.run(
        go(function* () {
          log.push('begins');
          yield* wait(asyncio.sleep(0));
          log.push('not here');
        }),
      ),
    );
    assert.deepEqual(log, ['begins']);
    assert.equal(asyncio.currentTask()?.cancelling(), 0);
    yield* wait(asyncio.sleep(1));
  },
);

both(
  'R-TG-23 cancel() of a body that does not wait any more leaves nothing behind',
  function* ({ wait, go }) {
    const group = new TaskGroup();
    const value = yield* wait(
      group.run(
        go(function* () {
          group.cancel();
          return 'value';
        }),
      ),
    );
    assert.equal(value, 'value');
    assert.equal(asyncio.currentTask()?.cancelling(), 0);
    yield* wait(asyncio.sleep(1));
    group.cancel(); // it has ended: no effect
    yield* wait(asyncio.sleep(1));
  },
);

both('R-TG-24 cancel() does not hide errors', function* (kind) {
  const { wait, go, loop } = kind;
  const { resists } = children(kind);
  const group = new TaskGroup();
  const error = yield* thrown(
    wait(
      group.run(
        go(function* () {
          group.createTask(resists('a', 9));
          loop.callLater(1, () => group.cancel());
          yield* wait(asyncio.sleep(9));
        }),
      ),
    ),
  );
  assert.deepEqual(members(error), ['a']);
  assert.equal(asyncio.currentTask()?.cancelling(), 0);
});

both('R-TG-24 cancel() does not hide a cancellation from outside', function* (kind) {
  const { wait, go, loop } = kind;
  const { sleeps } = children(kind);
  const group = new TaskGroup();
  const task = loop.createTask(
    go(function* () {
      yield* wait(
        group.run(
          go(function* () {
            group.createTask(sleeps('a', 9));
            yield* wait(asyncio.sleep(9));
          }),
        ),
      );
    }),
  );
  yield* wait(asyncio.sleep(1));
  group.cancel();
  task.cancel();
  assert.ok((yield* thrown(wait(task))) instanceof CancelledError);
  assert.equal(task.cancelling(), 1);
});

// ------------------------------------------------------------------------------------------- forms of entry

both('withAsync() enters and leaves a group as its run() does', function* (kind) {
  const { wait, define } = kind;
  const { log, fails, sleeps } = children(kind);
  const body = define(function* (group: asyncio.TaskGroup) {
    group.createTask(sleeps('a', 1));
    return 'value';
  });
  assert.equal(yield* wait(asyncio.withAsync(new TaskGroup(), body)), 'value');
  const failing = define(function* (group: asyncio.TaskGroup) {
    group.createTask(sleeps('b', 9));
    group.createTask(fails('c', 1));
    yield* wait(asyncio.sleep(9));
  });
  assert.deepEqual(members(yield* thrown(wait(asyncio.withAsync(new TaskGroup(), failing)))), ['c']);
  assert.deepEqual(log, ['a done', 'c fails', 'b cancelled']);
});

both('run() refuses what is no function, at the call', function* () {
  isError(
    thrownBy(() => new TaskGroup().run(5 as never)),
    TypeError,
    'Cannot run the block: expected a function, got 5',
  );
});

both('groups in one Promise.all() fail each by itself', { only: 'async' }, function* ({ wait }) {
  const main = asyncio.coroutine(async () => {
    const settled = await Promise.allSettled([
      new TaskGroup().run(async (group) => {
        group.createTask(async () => {
          await asyncio.sleep(1);
          throw new ValueError('boom');
        });
        await asyncio.sleep(9);
      }),
      new TaskGroup().run(async (group) => {
        group.createTask(() => asyncio.sleep(3));
        await asyncio.sleep(2);
        return 'fine';
      }),
    ]);
    return settled.map((each) => (each.status === 'fulfilled' ? each.value : members(each.reason)));
  });
  assert.deepEqual(yield* wait(main()), [['boom'], 'fine']);
});
