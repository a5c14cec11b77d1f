/** Sorted sets. */

import type { Arguments, CommandTable } from '../command.js';
import { integer, rangeOf, readDouble } from '../number.js';
import { Double, RedisError, type Reply } from '../reply.js';
import type { Session } from '../session.js';
import { type Scored, SortedSet } from '../sorted-set.js';

function scoreOf(text: string): number {
  const score = readDouble(text);
  if (score === null) throw new RedisError('ERR value is not a valid float');
  return score;
}

function add({ keyspace }: Session, args: Arguments): Reply {
  const key = args[1];
  const options = new Set<string>();
  let first = 2;
  for (; first < args.length && /^(NX|XX|GT|LT|CH|INCR)$/i.test(args[first] as string); first += 1)
    options.add((args[first] as string).toUpperCase());
  const has = (option: string) => options.has(option);
  const pairs = args.slice(first);
  if (pairs.length === 0 || pairs.length % 2 !== 0) throw new RedisError('ERR syntax error');
  if (has('NX') && has('XX'))
    throw new RedisError('ERR XX and NX options at the same time are not compatible');
  if ((has('GT') && has('LT')) || (has('NX') && (has('GT') || has('LT'))))
    throw new RedisError('ERR GT, LT, and/or NX options at the same time are not compatible');
  if (has('INCR') && pairs.length > 2)
    throw new RedisError('ERR INCR option supports a single increment-element pair');
  const scored = pairs.flatMap((each, i) =>
    i % 2 === 0 ? [{ score: scoreOf(each), member: pairs[i + 1] as string }] : [],
  );
  const held = keyspace.sortedSet(key);
  if (held === undefined && has('XX')) return has('INCR') ? null : 0;
  const set = held ?? new SortedSet();
  let [added, changed] = [0, 0];
  let last: number | null = null;
  for (const { score: given, member } of scored) {
    const old = set.score(member);
    const score = has('INCR') && old !== undefined ? old + given : given;
    if (Number.isNaN(score)) throw new RedisError('ERR resulting score is not a number (NaN)');
    last = null;
    if (old === undefined ? has('XX') : has('NX')) continue;
    if (old !== undefined && ((has('GT') && score <= old) || (has('LT') && score >= old))) continue;
    last = score;
    if (set.set(member, score)) added += 1;
    else if (old !== score) changed += 1;
  }
  if (held === undefined) keyspace.put(key, set);
  else if (added + changed > 0) keyspace.touch(key);
  if (has('INCR')) return last === null ? null : new Double(last);
  return has('CH') ? added + changed : added;
}

/** Members with their scores: in RESP3 each pair is an array. */
function withScores({ protocol }: Session, scored: readonly Scored[]): Reply {
  const pairs = scored.map(({ member, score }) => [member, new Double(score)]);
  return protocol === 3 ? pairs : pairs.flat();
}

function popSome(session: Session, args: Arguments, end: 'min' | 'max'): Reply {
  const [, key, count] = args;
  if (args.length > 3) throw new RedisError('ERR syntax error');
  const refusal = 'ERR value is out of range, must be positive';
  const wanted = args.length < 3 ? 1 : integer(count, refusal);
  if (wanted < 0) throw new RedisError(refusal);
  const { keyspace } = session;
  const set = keyspace.sortedSet(key);
  if (set === undefined) return [];
  const popped: Scored[] = [];
  while (popped.length < wanted && set.size > 0) popped.push(end === 'min' ? set.popMin() : set.popMax());
  if (popped.length > 0) keyspace.changed(key, set);
  // Without a count, RESP3 has no pair around the only one.
  if (args.length < 3) return popped.flatMap(({ member, score }) => [member, new Double(score)]);
  return withScores(session, popped);
}

/** A limit of a range by scores; `(` before it leaves the limit itself out. */
function limitOf(text: string): { score: number; open: boolean } {
  const open = text.startsWith('(');
  const score = readDouble(open ? text.slice(1) : text);
  if (score === null) throw new RedisError('ERR min or max is not a float');
  return { score, open };
}

/** What finds the ranks of those whose scores are between the two. */
function betweenScores(minimum: string, maximum: string): (set: SortedSet) => [from: number, to: number] {
  const [low, high] = [limitOf(minimum), limitOf(maximum)];
  return (set) => {
    const below = (score: number) => set.rank({ score, member: '' });
    const through = (score: number) => set.rank({ score, member: null });
    return [
      low.open ? through(low.score) : below(low.score),
      high.open ? below(high.score) : through(high.score),
    ];
  };
}

/** What finds the ranks that are given, which may count from the end. */
function betweenRanks(start: string, stop: string, reversed: boolean): (set: SortedSet) => [number, number] {
  const [first, last] = [integer(start), integer(stop)];
  return ({ size }) => {
    const [from, to] = rangeOf(first, last, size);
    return reversed ? [size - to, size - from] : [from, to];
  };
}

function range(session: Session, args: Arguments): Reply {
  const [, key, start, stop, ...options] = args;
  let [byScore, reversed, scores, offset, limit] = [false, false, false, 0, -1];
  let limited = false;
  for (let i = 0; i < options.length; i += 1) {
    const option = (options[i] as string).toUpperCase();
    if (option === 'BYSCORE' && !byScore) byScore = true;
    else if (option === 'REV' && !reversed) reversed = true;
    else if (option === 'WITHSCORES') scores = true;
    else if (option === 'LIMIT' && i + 2 < options.length) {
      limited = true;
      offset = integer(options[i + 1] as string);
      limit = integer(options[i + 2] as string);
      i += 2;
    } else throw new RedisError('ERR syntax error');
  }
  if (limited && !byScore) {
    throw new RedisError(
      'ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX',
    );
  }
  const ranks = !byScore
    ? betweenRanks(start, stop, reversed)
    : reversed
      ? betweenScores(stop, start)
      : betweenScores(start, stop);
  const set = session.keyspace.sortedSet(key) ?? new SortedSet();
  const [from, to] = ranks(set);
  const found = set.slice(from, to);
  if (reversed) found.reverse();
  const part = limited
    ? offset < 0
      ? []
      : found.slice(offset, limit < 0 ? undefined : offset + limit)
    : found;
  return scores ? withScores(session, part) : part.map(({ member }) => member);
}

export const sortedSetCommands: CommandTable = {
  zadd: { arity: -4, run: add },
  zpopmin: { arity: -2, run: (session, args) => popSome(session, args, 'min') },
  zpopmax: { arity: -2, run: (session, args) => popSome(session, args, 'max') },
  zrange: { arity: -4, run: range },
  zscore: {
    arity: 3,
    run: ({ keyspace }, [, key, member]) => {
      const score = keyspace.sortedSet(key)?.score(member);
      return score === undefined ? null : new Double(score);
    },
  },
  zrank: {
    arity: 3,
    run: ({ keyspace }, [, key, member]) => {
      const set = keyspace.sortedSet(key);
      const score = set?.score(member);
      return set === undefined || score === undefined ? null : set.rank({ member, score });
    },
  },
  zcard: { arity: 2, run: ({ keyspace }, [, key]) => keyspace.sortedSet(key)?.size ?? 0 },
  zrem: {
    arity: -3,
    run: ({ keyspace }, [, key, ...members]) => {
      const set = keyspace.sortedSet(key);
      if (set === undefined) return 0;
      let removed = 0;
      for (const member of members) if (set.delete(member)) removed += 1;
      if (removed > 0) keyspace.changed(key, set);
      return removed;
    },
  },
};
