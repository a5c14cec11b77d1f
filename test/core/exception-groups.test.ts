import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { both, isError, thrown, thrownBy } from './both-kinds.js';

const { BaseExceptionGroup, ExceptionGroup, ValueError, RuntimeError, LookupError, CancelledError } = asyncio;

/** The members of a group that stands in another one. */
function membersOf(group: unknown): readonly unknown[] {
  assert.ok(group instanceof BaseExceptionGroup);
  return group.exceptions;
}

const value = new ValueError('value');
const lookup = new LookupError('lookup');
const runtime = new RuntimeError('runtime');
const cancelled = new CancelledError('cancelled');

test('ExceptionGroup has its message and its members, and is an AggregateError', () => {
  const group = new ExceptionGroup('two', [value, lookup]);
  assert.ok(group instanceof AggregateError);
  assert.ok(group instanceof BaseExceptionGroup);
  assert.equal(group.message, 'two');
  assert.deepEqual(group.exceptions, [value, lookup]);
  assert.equal(group.errors, group.exceptions);
  assert.equal(group.name, 'ExceptionGroup');
  assert.equal(group.code, 'ERR_EXCEPTION_GROUP');
  assert.deepEqual(Object.keys(group), []);
});

test('new BaseExceptionGroup() of ordinary exceptions is an ExceptionGroup', () => {
  const group = new BaseExceptionGroup('ordinary', [value]);
  assert.ok(group instanceof ExceptionGroup);
  assert.equal(group.name, 'ExceptionGroup');
  assert.equal(group.constructor, ExceptionGroup);
});

test('new BaseExceptionGroup() with a BaseException is none', () => {
  const group = new BaseExceptionGroup('base', [value, cancelled]);
  assert.equal(group instanceof ExceptionGroup, false);
  assert.equal(group.name, 'BaseExceptionGroup');
  assert.equal(group.code, 'ERR_BASE_EXCEPTION_GROUP');
});

test('a BaseExceptionGroup is a BaseException, an ExceptionGroup is none', () => {
  assert.equal(asyncio.isBaseException(new BaseExceptionGroup('base', [cancelled])), true);
  assert.equal(asyncio.isBaseException(new ExceptionGroup('ordinary', [value])), false);
  assert.equal(asyncio.isCancelledError(new BaseExceptionGroup('base', [cancelled])), false);
  asyncio.rethrowBase(new ExceptionGroup('ordinary', [value]));
});

test('a group that holds a BaseExceptionGroup is a BaseExceptionGroup', () => {
  const inner = new BaseExceptionGroup('inner', [cancelled]);
  const outer = new BaseExceptionGroup('outer', [value, inner]);
  assert.equal(outer instanceof ExceptionGroup, false);
  isError(
    thrownBy(() => new ExceptionGroup('outer', [inner])),
    TypeError,
    'Cannot nest BaseExceptions in an ExceptionGroup',
  );
});

test('ExceptionGroup refuses a BaseException among its members', () => {
  isError(
    thrownBy(() => new ExceptionGroup('bad', [value, cancelled])),
    TypeError,
    'Cannot nest BaseExceptions in an ExceptionGroup',
  );
});

test('a group refuses an empty list, and what is no list', () => {
  isError(
    thrownBy(() => new ExceptionGroup('none', [])),
    ValueError,
    'second argument (exceptions) must be a non-empty sequence',
  );
  for (const bad of [null, undefined, value, 'text', new Set([value])]) {
    isError(
      thrownBy(() => new ExceptionGroup('bad', bad as never)),
      TypeError,
      'second argument (exceptions) must be a sequence',
    );
  }
});

test('a group keeps its own copy of the members', () => {
  const members: Error[] = [value, lookup];
  const group = new ExceptionGroup('two', members);
  members.pop();
  assert.deepEqual(group.exceptions, [value, lookup]);
});

const inner = new ExceptionGroup('inner', [lookup, runtime]);
const nested = new ExceptionGroup('outer', [value, inner]);

test('split() gives the matching part and the rest, and keeps the nesting', () => {
  const [mine, rest] = nested.split(LookupError);
  assert.equal(mine?.message, 'outer');
  assert.equal(mine?.exceptions.length, 1);
  const part = mine?.exceptions[0] as asyncio.ExceptionGroup;
  assert.equal(part.message, 'inner');
  assert.deepEqual(part.exceptions, [lookup]);
  assert.equal(rest?.message, 'outer');
  assert.equal(rest?.exceptions[0], value);
  assert.deepEqual(membersOf(rest?.exceptions[1]), [runtime]);
  assert.deepEqual(nested.exceptions, [value, inner], 'the group itself stays as it was');
});

test('split() gives null for a part that would be empty', () => {
  const [all, none] = nested.split(Error);
  assert.equal(all, nested);
  assert.equal(none, null);
  const [nothing, everything] = nested.split(TypeError);
  assert.equal(nothing, null);
  assert.deepEqual(everything?.exceptions.length, 2);
});

test('split() takes several classes, or a predicate that also sees the groups', () => {
  const [mine] = nested.split([ValueError, RuntimeError]);
  assert.equal(mine?.exceptions[0], value);
  assert.deepEqual(membersOf(mine?.exceptions[1]), [runtime]);
  const seen: unknown[] = [];
  const [byMessage] = nested.split((error) => {
    seen.push(error);
    return (error as Error).message === 'runtime';
  });
  assert.deepEqual(membersOf(byMessage?.exceptions[0]), [runtime]);
  assert.deepEqual(seen, [nested, value, inner, lookup, runtime]);
  const [wholeInner, restOfIt] = nested.split((error) => error === inner);
  assert.deepEqual(wholeInner?.exceptions, [inner]);
  assert.deepEqual(restOfIt?.exceptions, [value]);
});

test('subgroup() is the first half of split()', () => {
  assert.equal(nested.subgroup(Error), nested);
  assert.equal(nested.subgroup(TypeError), null);
  assert.deepEqual(membersOf(nested.subgroup(RuntimeError)?.exceptions[0]), [runtime]);
});

test('split() and subgroup() refuse what is neither class nor predicate', () => {
  for (const bad of [null, undefined, 5, 'ValueError', {}]) {
    for (const method of ['split', 'subgroup'] as const) {
      isError(
        thrownBy(() => nested[method](bad as never)),
        TypeError,
        /^Cannot select from an exception group: expected a class, classes or a function, got /,
      );
    }
  }
});

test('the parts of a group have its cause, its context and its stack', () => {
  const group = new ExceptionGroup('outer', [value, lookup]);
  group.cause = runtime;
  group.context = cancelled;
  for (const part of group.split(ValueError)) {
    assert.equal(part?.cause, runtime);
    assert.equal(part?.context, cancelled);
    assert.equal(part?.stack, group.stack);
  }
  const bare = new ExceptionGroup('bare', [value, lookup]).split(ValueError)[0];
  assert.equal(bare?.cause, undefined);
  assert.equal(bare?.context, undefined);
});

test('split() of a BaseExceptionGroup gives an ExceptionGroup for the part without BaseExceptions', () => {
  const group = new BaseExceptionGroup('mixed', [value, cancelled]);
  const [mine, rest] = group.split(ValueError);
  assert.ok(mine instanceof ExceptionGroup);
  assert.equal(rest instanceof ExceptionGroup, false);
  assert.deepEqual(rest?.exceptions, [cancelled]);
});

test('derive() gives a group with other members and the same message', () => {
  const group = new ExceptionGroup('message', [value]);
  const derived = group.derive([lookup]);
  assert.ok(derived instanceof ExceptionGroup);
  assert.equal(derived.message, 'message');
  assert.deepEqual(derived.exceptions, [lookup]);
  assert.equal(group.derive([cancelled] as never) instanceof ExceptionGroup, false);
});

test('a subclass that overrides derive() is what split() gives', () => {
  class Coded<E> extends ExceptionGroup<E> {
    readonly number: number;
    constructor(message: string, exceptions: readonly E[], number: number) {
      super(message, exceptions);
      this.number = number;
    }
    override derive(exceptions: readonly E[]): Coded<E> {
      return new Coded(this.message, exceptions, this.number);
    }
  }
  const group = new Coded<Error>('coded', [value, lookup], 7);
  for (const part of group.split(ValueError)) {
    assert.ok(part instanceof Coded);
    assert.equal(part.number, 7);
  }
});

test('a subclass that does not override derive() splits into plain groups', () => {
  class Plain<E> extends ExceptionGroup<E> {}
  const [mine] = new Plain<Error>('plain', [value, lookup]).split(ValueError);
  assert.equal(mine?.constructor, ExceptionGroup);
});

test('a BaseException is no Error to `split(Error)` of Python’s Exception: select it by its class', () => {
  const group = new BaseExceptionGroup('mixed', [value, cancelled]);
  assert.deepEqual(group.subgroup(asyncio.BaseException)?.exceptions, [cancelled]);
  assert.deepEqual(group.subgroup(CancelledError)?.exceptions, [cancelled]);
  assert.deepEqual(group.subgroup((error) => !asyncio.isBaseException(error))?.exceptions, [value]);
});

test('a deep nest of groups is split', () => {
  let group: asyncio.BaseExceptionGroup = new ExceptionGroup('leaf', [value, lookup]);
  for (let depth = 0; depth < 500; depth++) group = new ExceptionGroup(`level ${depth}`, [group]);
  let part: unknown = group.subgroup(ValueError);
  for (let depth = 0; depth < 500; depth++) part = membersOf(part)[0];
  assert.deepEqual(membersOf(part), [value]);
});

both('a TaskGroup raises an ExceptionGroup that can be split', function* ({ wait, go }) {
  const group = new asyncio.TaskGroup();
  const fails = (error: Error) =>
    go(function* () {
      throw error;
    });
  const error = yield* thrown(
    wait(
      group.run(
        go(function* () {
          group.createTask(fails(value));
          group.createTask(fails(lookup));
        }),
      ),
    ),
  );
  isError(error, ExceptionGroup);
  const [mine, rest] = (error as asyncio.ExceptionGroup).split(ValueError);
  assert.deepEqual([mine?.exceptions, rest?.exceptions], [[value], [lookup]]);
});
