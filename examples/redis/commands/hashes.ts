/** Hashes: fields and their values under one key. */

import type { CommandTable } from '../command.js';
import { MapReply, RedisError } from '../reply.js';

export const hashCommands: CommandTable = {
  hset: {
    arity: -4,
    run: ({ keyspace }, args) => {
      if (args.length % 2 !== 0) throw new RedisError("ERR wrong number of arguments for 'hset' command");
      const key = args[1];
      const held = keyspace.hash(key);
      const hash = held ?? new Map<string, string>();
      const before = hash.size;
      for (let i = 2; i < args.length; i += 2) hash.set(args[i] as string, args[i + 1] as string);
      if (held === undefined) keyspace.put(key, hash);
      else keyspace.touch(key);
      return hash.size - before;
    },
  },
  hget: { arity: 3, run: ({ keyspace }, [, key, field]) => keyspace.hash(key)?.get(field) ?? null },
  hdel: {
    arity: -3,
    run: ({ keyspace }, [, key, ...fields]) => {
      const hash = keyspace.hash(key);
      if (hash === undefined) return 0;
      const before = hash.size;
      for (const field of fields) hash.delete(field);
      const removed = before - hash.size;
      if (removed > 0) keyspace.changed(key, hash);
      return removed;
    },
  },
  hgetall: {
    arity: 2,
    run: ({ keyspace }, [, key]) => new MapReply([...(keyspace.hash(key) ?? [])].flat()),
  },
  hlen: { arity: 2, run: ({ keyspace }, [, key]) => keyspace.hash(key)?.size ?? 0 },
};
