import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { both, isError, thrown, thrownBy } from './both-kinds.js';

import { Program } from './program.js';

const { Context, ContextVar, Token, RuntimeError, ValueError, LookupError } = asyncio;

/** Calls `body` in an empty context, so that nothing leaks from test to test. */
function inContext<T>(body: () => T): T {
  return new Context().run(body);
}

test('R-CTX-01 get(): the value, else the fallback, else the default, else LookupError', () => {
  inContext(() => {
    const bare = new ContextVar<number>('bare');
    const withDefault = new ContextVar<number>('withDefault', { default: 1 });
    isError(
      thrownBy(() => bare.get()),
      LookupError,
    );
    assert.equal(bare.get(2), 2);
    assert.equal(withDefault.get(), 1);
    assert.equal(withDefault.get(2), 2);
    bare.set(3);
    withDefault.set(3);
    assert.equal(bare.get(), 3);
    assert.equal(bare.get(2), 3);
    assert.equal(withDefault.get(), 3);
  });
});

test('R-CTX-01 undefined is a value, a default and a fallback like any other', () => {
  inContext(() => {
    const bare = new ContextVar<number | undefined>('bare');
    assert.equal(bare.get(undefined), undefined);
    assert.equal(new ContextVar('d', { default: undefined }).get(), undefined);
    bare.set(undefined);
    assert.equal(bare.get(5), undefined);
  });
});

test('R-CTX-02 set() returns a token with the variable and the value from before', () => {
  inContext(() => {
    const variable = new ContextVar<string>('variable', { default: 'default' });
    const first = variable.set('a');
    const second = variable.set('b');
    assert.equal(first.var, variable);
    assert.equal(first.oldValue, Token.MISSING);
    assert.equal(second.oldValue, 'a');
  });
});

test('R-CTX-03 reset() restores what was there before, also that there was nothing', () => {
  inContext(() => {
    const variable = new ContextVar<string>('variable');
    const first = variable.set('a');
    const second = variable.set('b');
    variable.reset(second);
    assert.equal(variable.get(), 'a');
    variable.reset(first);
    assert.equal(variable.get('unset'), 'unset');
  });
});

test('R-CTX-03 a token can be used once', () => {
  inContext(() => {
    const variable = new ContextVar<string>('variable');
    const token = variable.set('a');
    variable.reset(token);
    variable.set('b');
    isError(
      thrownBy(() => variable.reset(token)),
      RuntimeError,
    );
    assert.equal(variable.get(), 'b');
  });
});

test('R-CTX-03 a token of another variable, or made in another context, is refused, and stays good', () => {
  inContext(() => {
    const variable = new ContextVar<string>('variable');
    const other = new ContextVar<string>('other');
    const token = variable.set('a');
    isError(
      thrownBy(() => other.reset(token)),
      ValueError,
    );
    isError(
      thrownBy(() => asyncio.copyContext().run(() => variable.reset(token))),
      ValueError,
    );
    variable.reset(token);
    assert.equal(variable.get('unset'), 'unset');
  });
});

test('R-CTX-04 Context.run() passes arguments and the result, and keeps the changes', () => {
  const variable = new ContextVar<number>('variable', { default: 0 });
  const context = new Context();
  const add = (a: number, b: number) => {
    variable.set(a + b);
    return variable.get();
  };
  assert.equal(context.run(add, 2, 3), 5);
  assert.equal(context.get(variable), 5);
  assert.equal(variable.get(), 0);
  assert.equal(
    context.run(() => variable.get()),
    5,
  );
});

test('R-CTX-04 different contexts nest; one that is entered cannot be entered again', () => {
  const variable = new ContextVar<string>('variable');
  const outer = new Context();
  const inner = new Context();
  outer.run(() => {
    variable.set('outer');
    inner.run(() => {
      assert.equal(variable.get('unset'), 'unset');
      variable.set('inner');
      isError(
        thrownBy(() => outer.run(() => {})),
        RuntimeError,
        /^cannot enter context: .* is already entered$/,
      );
    });
    assert.equal(variable.get(), 'outer');
    isError(
      thrownBy(() => outer.run(() => {})),
      RuntimeError,
    );
  });
  assert.equal(inner.get(variable), 'inner');
});

test('R-CTX-05 a context is left when the function throws', () => {
  const variable = new ContextVar<string>('variable', { default: 'unset' });
  const context = new Context();
  const error = new Error('no');
  const failing = () => {
    variable.set('set');
    throw error;
  };
  assert.equal(
    thrownBy(() => context.run(failing)),
    error,
  );
  assert.equal(variable.get(), 'unset');
  assert.equal(
    context.run(() => variable.get()),
    'set',
  );
});

for (const [name, copyOf] of [
  ['copyContext()', (context: asyncio.Context) => context.run(() => asyncio.copyContext())],
  ['Context.copy()', (context: asyncio.Context) => context.copy()],
] as const) {
  test(`R-CTX-06 ${name} is a snapshot: later changes on either side are invisible to the other`, () => {
    const variable = new ContextVar<string>('variable');
    const context = new Context();
    context.run(() => variable.set('before'));
    const copy = copyOf(context);
    assert.notEqual(copy, context);
    assert.equal(copy.get(variable), 'before');
    context.run(() => variable.set('original'));
    assert.equal(copy.get(variable), 'before');
    copy.run(() => variable.set('copy'));
    assert.equal(context.get(variable), 'original');
    const second = copyOf(copy);
    second.run(() => variable.set('second'));
    assert.deepEqual(
      [context, copy, second].map((each) => each.get(variable)),
      ['original', 'copy', 'second'],
    );
  });
}

test('R-CTX-06 a token undoes a change in its own context only, after a copy as well', () => {
  const variable = new ContextVar<string>('variable');
  const context = new Context();
  const copy = context.run(() => {
    const token = variable.set('set');
    const snapshot = asyncio.copyContext();
    variable.reset(token);
    return snapshot;
  });
  assert.equal(context.has(variable), false);
  assert.equal(copy.get(variable), 'set');
});

test('R-CTX-07 a context is a mapping from variables to values', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((name) => new ContextVar<number>(name, { default: 9 }));
  const context = new Context();
  assert.equal(context.size, 0);
  context.run(() => {
    a!.set(1);
    b!.set(2);
  });
  assert.equal(context.size, 2);
  assert.deepEqual([context.has(a!), context.has(c!)], [true, false]);
  assert.equal(context.getItem(a!), 1);
  isError(
    thrownBy(() => context.getItem(c!)),
    LookupError,
  );
  assert.equal(context.get(c!), undefined);
  assert.equal(context.get(c!, 5), 5);
  assert.equal(context.get(b!, 5), 2);
  assert.deepEqual([...context], [a, b]);
  assert.deepEqual([...context.keys()], [a, b]);
  assert.deepEqual([...context.values()], [1, 2]);
  assert.deepEqual(
    [...context.items()],
    [
      [a, 1],
      [b, 2],
    ],
  );
});

test('R-CTX-07 contexts are equal when they hold the same', () => {
  const variable = new ContextVar<number>('variable');
  const other = new ContextVar<number>('variable');
  const make = (name: asyncio.ContextVar<number>, value: number) => {
    const context = new Context();
    context.run(() => name.set(value));
    return context;
  };
  const context = make(variable, Number.NaN);
  assert.equal(context.equals(make(variable, Number.NaN)), true);
  assert.equal(context.equals(context.copy()), true);
  assert.equal(context.equals(make(variable, 2)), false);
  assert.equal(context.equals(make(other, Number.NaN)), false);
  assert.equal(context.equals(new Context()), false);
  const larger = context.copy();
  larger.run(() => other.set(1));
  assert.deepEqual([context.equals(larger), larger.equals(context)], [false, false]);
  assert.equal(context.equals(new Map()), false);
});

test('R-CTX-08 variables with one name are different variables', () => {
  inContext(() => {
    const [first, second] = [new ContextVar<number>('same'), new ContextVar<number>('same')];
    first.set(1);
    assert.equal(second.get(2), 2);
    assert.equal(first.name, second.name);
    isError(
      thrownBy(() => new ContextVar(5 as never)),
      TypeError,
    );
  });
});

// ---------------------------------------------------------------------------------------- with tasks

both(
  'R-CTX-09 a task sees the values at its creation, and neither side sees the other’s changes',
  function* ({ go, wait }) {
    const variable = new ContextVar<string>('variable', { default: 'unset' });
    variable.set('before');
    const task = asyncio.createTask(
      go(function* () {
        const seen = [variable.get()];
        yield* wait(asyncio.sleep(1));
        seen.push(variable.get());
        variable.set('child');
        yield* wait(asyncio.sleep(1));
        seen.push(variable.get());
        return seen;
      }),
    );
    variable.set('after');
    assert.deepEqual(yield* wait(task), ['before', 'before', 'child']);
    assert.equal(variable.get(), 'after');
    assert.equal(task.getContext().get(variable), 'child');
  },
);

both('R-CTX-10 a coroutine that is awaited runs in the context of its caller', function* ({ define, wait }) {
  const variable = new ContextVar<string>('variable', { default: 'unset' });
  const change = define(function* (value: string): asyncio.Coro<string> {
    const before = variable.get();
    yield* wait(asyncio.sleep(1));
    variable.set(value);
    return before;
  });
  variable.set('main');
  assert.equal(yield* wait(change('first')), 'main');
  assert.equal(variable.get(), 'first');
  assert.equal(yield* wait(change('second')), 'first');
  assert.equal(variable.get(), 'second');
});

both('R-CTX-11 tasks may share a context; each step enters it', function* ({ go, wait }) {
  const variable = new ContextVar<string[]>('variable');
  const context = new Context();
  const count = (name: string) =>
    go(function* () {
      for (let i = 0; i < 2; i++) {
        variable.set([...variable.get([]), name]);
        yield* wait(asyncio.sleep(0));
      }
      return asyncio.currentTask()?.getContext() === context;
    });
  const tasks = ['a', 'b'].map((name) => asyncio.createTask(count(name), { context }));
  assert.deepEqual(yield* wait(asyncio.gather(tasks)), [true, true]);
  assert.deepEqual(context.get(variable), ['a', 'b', 'a', 'b']);
  assert.equal(variable.get([]).length, 0);
});

both('R-CTX-12 a callback runs in the context of its registration', function* ({ loop, wait }) {
  const variable = new ContextVar<string>('variable', { default: 'unset' });
  const seen: string[] = [];
  const future = loop.createFuture<void>();
  variable.set('at registration');
  future.addDoneCallback(() => {
    seen.push(variable.get());
    variable.set('in the callback');
  });
  const context = new Context();
  future.addDoneCallback(() => seen.push(variable.get()), { context });
  variable.set('at completion');
  future.setResult();
  yield* wait(asyncio.sleep(1));
  assert.deepEqual(seen, ['at registration', 'unset']);
  assert.equal(variable.get(), 'at completion');
});

both('R-CTX-13 `using` a token resets the variable at the end of the block', function* ({ wait }) {
  const variable = new ContextVar<string>('variable', { default: 'unset' });
  const fail = function* (): asyncio.Coro<void> {
    using _ = variable.set('in the block');
    yield* wait(asyncio.sleep(1));
    assert.equal(variable.get(), 'in the block');
    throw new Error('no');
  };
  assert.equal(((yield* thrown(fail())) as Error).message, 'no');
  assert.equal(variable.get(), 'unset');
});

test('a plain await carries the context of its task, after foreign awaits and in every flow', async () => {
  const variable = new ContextVar<string>('variable', { default: 'unset' });
  const foreign = () => new Promise((resolve) => setImmediate(resolve));
  await asyncio.run(async () => {
    variable.set('main');
    const child = asyncio.createTask(async () => {
      variable.set('child');
      const seen = await Promise.all(
        [foreign, () => asyncio.sleep(0), foreign].map(async (pause) => {
          await pause();
          return variable.get();
        }),
      );
      await foreign();
      return [...seen, variable.get()];
    });
    await foreign();
    assert.equal(variable.get(), 'main');
    assert.deepEqual(await child, ['child', 'child', 'child', 'child']);
  });
});

test('R-CTX-04 the context of a task is entered while it runs', () => {
  const context = new Context();
  const loop = new asyncio.EventLoop();
  let error: unknown;
  loop.callSoon(
    () => {
      error = thrownBy(() => context.run(() => {}));
    },
    { context },
  );
  loop.stop();
  return loop.runForever().then(() => {
    loop.close();
    isError(error, RuntimeError);
    assert.equal(
      context.run(() => 'left'),
      'left',
    );
  });
});

test('setting a variable outside any task warns, once', async () => {
  const program = new Program('plain-context');
  assert.equal(await program.exitCode(), 0);
  assert.equal(program.stdout, 'first second\n');
  assert.equal(
    program.stderr,
    "<ContextVar name='first'> was set outside any task: all code that runs outside tasks shares this value\n",
  );
});

test('toString() of variables and contexts', () => {
  assert.equal(String(new ContextVar('name')), "<ContextVar name='name'>");
  const context = new Context();
  assert.equal(String(context), '<Context with 0 variables>');
  context.run(() => new ContextVar('name').set(1));
  assert.equal(String(context), '<Context with 1 variable>');
});
