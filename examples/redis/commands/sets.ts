/** Sets. */

import type { CommandTable } from '../command.js';
import { IndexedSet } from '../indexed-set.js';
import { integer } from '../number.js';
import { RedisError, SetReply } from '../reply.js';

const NOT_POSITIVE = 'ERR value is out of range, must be positive';

export const setCommands: CommandTable = {
  sadd: {
    arity: -3,
    run: ({ keyspace }, [, key, ...members]) => {
      const held = keyspace.set(key);
      const set = held ?? new IndexedSet<string>();
      const before = set.size;
      for (const member of members) set.add(member);
      if (held === undefined) keyspace.put(key, set);
      else if (set.size > before) keyspace.touch(key);
      return set.size - before;
    },
  },
  srem: {
    arity: -3,
    run: ({ keyspace }, [, key, ...members]) => {
      const set = keyspace.set(key);
      if (set === undefined) return 0;
      const before = set.size;
      for (const member of members) set.delete(member);
      const removed = before - set.size;
      if (removed > 0) keyspace.changed(key, set);
      return removed;
    },
  },
  smembers: { arity: 2, run: ({ keyspace }, [, key]) => new SetReply([...(keyspace.set(key) ?? [])]) },
  sismember: {
    arity: 3,
    run: ({ keyspace }, [, key, member]) => (keyspace.set(key)?.has(member) === true ? 1 : 0),
  },
  scard: { arity: 2, run: ({ keyspace }, [, key]) => keyspace.set(key)?.size ?? 0 },
  spop: {
    arity: -2,
    run: ({ keyspace }, args) => {
      const [, key, count] = args;
      if (args.length > 3) throw new RedisError('ERR syntax error');
      const wanted = args.length < 3 ? 1 : integer(count, NOT_POSITIVE);
      if (wanted < 0) throw new RedisError(NOT_POSITIVE);
      const set = keyspace.set(key);
      if (set === undefined) return args.length < 3 ? null : new SetReply([]);
      const popped: string[] = [];
      while (popped.length < wanted && set.size > 0) {
        const member = set.random() as string;
        set.delete(member);
        popped.push(member);
      }
      if (popped.length > 0) keyspace.changed(key, set);
      return args.length < 3 ? (popped[0] as string) : new SetReply(popped);
    },
  },
};
