/** Lists, and waiting for something to be pushed to one. */

import * as asyncio from 'tsyncio';
import { type End, pop } from '../blocked-pops.js';
import { type Arguments, BLOCKS, type CommandTable } from '../command.js';
import { List } from '../list.js';
import { integer, rangeOf, readDouble } from '../number.js';
import { NULL_ARRAY, RedisError, type Reply } from '../reply.js';
import type { Session } from '../session.js';

function push({ keyspace }: Session, args: Arguments, end: End): Reply {
  const key = args[1];
  const held = keyspace.list(key);
  const list = held ?? new List();
  for (let i = 2; i < args.length; i += 1) {
    if (end === 'left') list.pushLeft(args[i] as string);
    else list.pushRight(args[i] as string);
  }
  if (held === undefined) keyspace.put(key, list);
  else keyspace.touch(key);
  keyspace.onPush(key);
  return list.length;
}

/** LPOP and RPOP: one item, or an array when a number was asked for. */
function popSome({ keyspace }: Session, args: Arguments, end: End): Reply {
  const [name, key, count] = args;
  if (args.length > 3)
    throw new RedisError(`ERR wrong number of arguments for '${name.toLowerCase()}' command`);
  const wanted = args.length < 3 ? 1 : integer(count, 'ERR value is out of range, must be positive');
  if (wanted < 0) throw new RedisError('ERR value is out of range, must be positive');
  const list = keyspace.list(key);
  if (list === undefined) return args.length < 3 ? null : NULL_ARRAY;
  const items: string[] = [];
  while (items.length < wanted && list.length > 0) items.push(pop(list, end));
  if (items.length > 0) keyspace.changed(key, list);
  return args.length < 3 ? (items[0] as string) : items;
}

function timeoutOf(args: Arguments): number {
  const seconds = readDouble(args.at(-1) as string);
  if (seconds === null || !Number.isFinite(seconds) || seconds > 2 ** 53)
    throw new RedisError('ERR timeout is not a float or out of range');
  if (seconds < 0) throw new RedisError('ERR timeout is negative');
  return seconds;
}

/** BLPOP and BRPOP where one of the keys has something. */
function popFirst({ keyspace }: Session, args: Arguments, end: End): Reply | typeof BLOCKS {
  timeoutOf(args);
  for (const key of args.slice(1, -1)) {
    const list = keyspace.list(key);
    if (list === undefined) continue;
    const item = pop(list, end);
    keyspace.changed(key, list);
    return [key, item];
  }
  return BLOCKS;
}

/** BLPOP and BRPOP where none has. A timeout is a cancellation, so nothing is taken and lost. */
function* waitForOne({ engine, keyspace }: Session, args: Arguments, end: End): asyncio.Coro<Reply> {
  const seconds = timeoutOf(args);
  const blocked = engine.blockedPops(keyspace);
  try {
    return yield* asyncio.timeout(seconds === 0 ? null : seconds).run(function* () {
      return yield* blocked.wait(args.slice(1, -1), end);
    });
  } catch (error) {
    if (!(error instanceof asyncio.TimeoutError)) throw error;
    return NULL_ARRAY;
  }
}

export const listCommands: CommandTable = {
  lpush: { arity: -3, run: (session, args) => push(session, args, 'left') },
  rpush: { arity: -3, run: (session, args) => push(session, args, 'right') },
  lpop: { arity: -2, run: (session, args) => popSome(session, args, 'left') },
  rpop: { arity: -2, run: (session, args) => popSome(session, args, 'right') },
  llen: { arity: 2, run: ({ keyspace }, [, key]) => keyspace.list(key)?.length ?? 0 },
  lindex: {
    arity: 3,
    run: ({ keyspace }, [, key, index]) => {
      const list = keyspace.list(key);
      return list === undefined ? null : (list.at(integer(index)) ?? null);
    },
  },
  lrange: {
    arity: 4,
    run: ({ keyspace }, [, key, start, stop]) => {
      const [from, to] = [integer(start), integer(stop)];
      const list = keyspace.list(key);
      return list === undefined ? [] : list.slice(...rangeOf(from, to, list.length));
    },
  },
  blpop: {
    arity: -3,
    run: (session, args) => popFirst(session, args, 'left'),
    block: (session, args) => waitForOne(session, args, 'left'),
  },
  brpop: {
    arity: -3,
    run: (session, args) => popFirst(session, args, 'right'),
    block: (session, args) => waitForOne(session, args, 'right'),
  },
};
