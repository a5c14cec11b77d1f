/** What the keys of the Redis example hold, and the patterns that look for them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matches } from '../../examples/redis/glob.js';
import { IndexedSet } from '../../examples/redis/indexed-set.js';
import { List } from '../../examples/redis/list.js';
import { SortedSet } from '../../examples/redis/sorted-set.js';
import fc from '../property.js';

test('List is an array with two cheap ends', () => {
  const step = fc.oneof(
    fc.tuple(fc.constantFrom('pushLeft', 'pushRight'), fc.string()),
    fc.tuple(fc.constantFrom('popLeft', 'popRight'), fc.constant('')),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const list = new List();
      const model: string[] = [];
      for (const [what, item] of steps) {
        if (what === 'pushLeft') {
          list.pushLeft(item);
          model.unshift(item);
        } else if (what === 'pushRight') {
          list.pushRight(item);
          model.push(item);
        } else if (model.length > 0) {
          if (what === 'popLeft') assert.equal(list.popLeft(), model.shift());
          else assert.equal(list.popRight(), model.pop());
        }
        assert.equal(list.length, model.length);
        assert.equal(list.at(-1), model.at(-1));
        assert.equal(list.at(1), model[1]);
      }
      assert.deepEqual(list.slice(0, list.length), model);
    }),
  );
});

test('SortedSet keeps its order through blocks that are split and emptied', () => {
  const set = new SortedSet();
  const model = new Map<string, number>();
  let seed = 1;
  const random = (below: number) => {
    seed = (seed * 48271) % 2147483647;
    return seed % below;
  };
  for (let i = 0; i < 6000; i += 1) {
    const [member, score] = [`m${random(2500)}`, random(50) / 2];
    // First it grows, then it shrinks.
    if (random(10) < (i < 3500 ? 8 : 2)) {
      assert.equal(set.set(member, score), !model.has(member));
      model.set(member, score);
    } else {
      assert.equal(set.delete(member), model.delete(member));
    }
  }
  const sorted = () =>
    [...model]
      .map(([member, score]) => ({ member, score }))
      .sort((a, b) => a.score - b.score || (a.member < b.member ? -1 : 1));
  assert.ok(model.size > 100);
  assert.deepEqual(set.slice(0, set.size), sorted());
  assert.deepEqual(set.slice(70, 90), sorted().slice(70, 90));
  for (const [rank, each] of sorted().entries()) assert.equal(set.rank(each), rank);
  assert.equal(set.rank({ score: 10, member: null }), sorted().filter(({ score }) => score <= 10).length);
  const all = sorted();
  assert.deepEqual(set.popMin(), all[0]);
  assert.deepEqual(set.popMax(), all.at(-1));
  assert.deepEqual(set.slice(0, set.size), all.slice(1, -1));
});

test('scan() visits everybody who stays, whoever comes and goes meanwhile', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.boolean(), fc.nat(60)), { maxLength: 80 }),
      fc.integer({ min: 1, max: 7 }),
      (changes, count) => {
        const set = new IndexedSet<number>();
        for (let i = 0; i < 30; i += 1) set.add(i);
        const staying = new Set(set);
        const seen = new Set<number>();
        let cursor = 0;
        do {
          const [next, items] = set.scan(cursor, count);
          for (const item of items) seen.add(item);
          cursor = next;
          for (const [add, item] of changes.splice(0, 5)) {
            if (add) set.add(item);
            else if (set.delete(item)) staying.delete(item);
          }
        } while (cursor !== 0);
        for (const item of staying) assert.ok(seen.has(item), `${item} was not seen`);
      },
    ),
  );
});

test('patterns match as those of Redis, in little time', () => {
  const yes: [string, string][] = [
    ['*', ''],
    ['a*c?', 'abbcd'],
    ['[a-c]x', 'bx'],
    ['[c-a]x', 'bx'],
    ['[^a]x', 'bx'],
    ['\\*', '*'],
    ['[\\]]', ']'],
    ['h[ae]llo', 'hello'],
    ['*a*b', 'xaxb'],
    ['[ab', 'a'],
  ];
  const no: [string, string][] = [
    ['?', ''],
    ['a', 'ab'],
    ['[^a-c]', 'b'],
    ['\\*', 'x'],
    ['*a', 'ab'],
    ['', 'a'],
  ];
  for (const [pattern, text] of yes) assert.ok(matches(pattern, text), `${pattern} ${text}`);
  for (const [pattern, text] of no) assert.ok(!matches(pattern, text), `${pattern} ${text}`);
  // A pattern that would keep a regular expression busy for years.
  assert.equal(matches('*a'.repeat(30).concat('*b'), 'a'.repeat(3000)), false);
});
