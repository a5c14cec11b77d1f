/** Keys, whatever they hold: whether they are there, when they expire, which there are. */

import type { CommandTable } from '../command.js';
import { matches } from '../glob.js';
import { type Keyspace, typeOf } from '../keyspace.js';
import { integer } from '../number.js';
import { RedisError, type Reply, Status } from '../reply.js';
import type { Session } from '../session.js';

/** EXPIRE and PEXPIRE; a time that has passed deletes the key. */
function expire({ keyspace }: Session, args: readonly string[], unit: number): Reply {
  const [name, key, amount, ...options] = args as [string, string, string];
  const conditions = new Set((options as string[]).map((each) => each.toUpperCase()));
  for (const each of options as string[])
    if (!/^(NX|XX|GT|LT)$/i.test(each)) throw new RedisError(`ERR Unsupported option ${each}`);
  const has = (condition: string) => conditions.has(condition);
  if (has('NX') && conditions.size > 1)
    throw new RedisError('ERR NX and XX, GT or LT options at the same time are not compatible');
  if (has('GT') && has('LT'))
    throw new RedisError('ERR GT and LT options at the same time are not compatible');
  const deadline = integer(amount) * unit + keyspace.now();
  if (Math.abs(deadline) >= 2 ** 63)
    throw new RedisError(`ERR invalid expire time in '${name.toLowerCase()}' command`);
  const old = keyspace.find(key)?.deadline;
  if (old === undefined) return 0;
  if (has('NX') && old !== Infinity) return 0;
  if (has('XX') && old === Infinity) return 0;
  if (has('GT') && deadline <= old) return 0;
  if (has('LT') && deadline >= old) return 0;
  keyspace.expireAt(key, deadline);
  return 1;
}

/** Milliseconds until it expires; -1 if it does not, -2 if there is no such key. */
function timeLeft(keyspace: Keyspace, key: string): number {
  const deadline = keyspace.find(key)?.deadline;
  if (deadline === undefined) return -2;
  return deadline === Infinity ? -1 : Math.round(deadline - keyspace.now());
}

function scan({ keyspace }: Session, args: readonly string[]): Reply {
  let [pattern, count, type] = ['*', 10, ''];
  const cursor = args[1] as string;
  if (!/^\d{1,20}$/.test(cursor) || BigInt(cursor) >= 2n ** 64n) throw new RedisError('ERR invalid cursor');
  for (let i = 2; i < args.length; i += 2) {
    const option = (args[i] as string).toUpperCase();
    const value = args[i + 1];
    if (value === undefined) throw new RedisError('ERR syntax error');
    if (option === 'MATCH') pattern = value;
    else if (option === 'TYPE') type = value.toLowerCase();
    else if (option === 'COUNT') count = integer(value);
    else throw new RedisError('ERR syntax error');
    if (count < 1) throw new RedisError('ERR syntax error');
  }
  const [next, keys] = keyspace.scan(Number(cursor), count);
  const wanted = keys.filter(
    (key) => (type === '' || typeOf(keyspace.find(key)?.value ?? '') === type) && matches(pattern, key),
  );
  return [String(next), wanted];
}

function countOf(keys: readonly string[], test: (key: string) => boolean): number {
  let count = 0;
  for (const key of keys) if (test(key)) count += 1;
  return count;
}

export const keyCommands: CommandTable = {
  del: {
    arity: -2,
    run: ({ keyspace }, [, ...keys]) =>
      countOf(keys, (key) => keyspace.find(key) !== undefined && keyspace.delete(key)),
  },
  exists: {
    arity: -2,
    run: ({ keyspace }, [, ...keys]) => countOf(keys, (key) => keyspace.find(key) !== undefined),
  },
  type: {
    arity: 2,
    run: ({ keyspace }, [, key]) => {
      const value = keyspace.find(key)?.value;
      return new Status(value === undefined ? 'none' : typeOf(value));
    },
  },
  expire: { arity: -3, run: (session, args) => expire(session, args, 1000) },
  pexpire: { arity: -3, run: (session, args) => expire(session, args, 1) },
  ttl: {
    arity: 2,
    run: ({ keyspace }, [, key]) => {
      const left = timeLeft(keyspace, key);
      return left < 0 ? left : Math.floor((left + 500) / 1000);
    },
  },
  pttl: { arity: 2, run: ({ keyspace }, [, key]) => timeLeft(keyspace, key) },
  persist: {
    arity: 2,
    run: ({ keyspace }, [, key]) => {
      if (timeLeft(keyspace, key) < 0) return 0;
      keyspace.expireAt(key, Infinity);
      return 1;
    },
  },
  keys: {
    arity: 2,
    run: ({ keyspace }, [, pattern]) => [...keyspace.keys()].filter((key) => matches(pattern, key)),
  },
  scan: { arity: -2, run: scan },
  dbsize: { arity: 1, run: ({ keyspace }) => keyspace.size },
};
