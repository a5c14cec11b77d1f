import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import * as asyncio from 'tsyncio';

/** A group around a group, so many times, around `leaf`. */
function nested(levels: number): asyncio.ExceptionGroup {
  let group = new asyncio.ExceptionGroup('innermost', [new Error('leaf')]);
  for (let level = 1; level < levels; level++) {
    group = new asyncio.ExceptionGroup(`level ${level}`, [new Error(`beside ${level}`), group]);
  }
  return group;
}

for (const levels of [1, 2, 5]) {
  test(`console.error() shows the innermost errors of ${levels} groups in one another, and their stacks`, () => {
    const text = inspect(nested(levels));
    assert.match(text, /Error: leaf\n\s+at .*group-display/);
    for (let level = 1; level < levels; level++) assert.match(text, new RegExp(`Error: beside ${level}\\n`));
  });
}

test('the failure of a task group within a task group shows what has failed', async () => {
  const group = (body: (tg: asyncio.TaskGroup) => void) => () =>
    new asyncio.TaskGroup().run(async (tg) => body(tg));
  const program = group((outer) =>
    outer.createTask(
      group((inner) =>
        inner.createTask(async () => {
          throw new TypeError('what has failed');
        }),
      ),
    ),
  );
  const error = await asyncio.run(program).catch((error: unknown) => error);
  assert.match(inspect(error), /TypeError: what has failed\n\s+at /);
});

test('a group that holds itself can be shown', () => {
  const group = nested(2);
  group.errors.push(group);
  assert.match(inspect(group), /Circular/);
});
