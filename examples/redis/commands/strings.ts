/** Strings, and the numbers in them. */

import type { CommandTable } from '../command.js';
import type { Keyspace } from '../keyspace.js';
import { exactInteger, fitsInteger, integer } from '../number.js';
import { OK, RedisError, type Reply } from '../reply.js';
import { DEFAULT_LIMITS } from '../request-parser.js';
import type { Session } from '../session.js';

interface SetOptions {
  /** When it expires; `null` to keep what is set. */
  deadline: number | null;
  only: 'if there' | 'if not there' | null;
  get: boolean;
}

/** Reads what follows SET's value. */
function setOptions(keyspace: Keyspace, options: readonly string[]): SetOptions {
  const found: SetOptions = { deadline: Infinity, only: null, get: false };
  let expiry: string | null = null;
  let amount = '';
  for (let i = 0; i < options.length; i += 1) {
    const option = (options[i] as string).toUpperCase();
    if (option === 'NX' && found.only !== 'if there') {
      found.only = 'if not there';
    } else if (option === 'XX' && found.only !== 'if not there') {
      found.only = 'if there';
    } else if (option === 'GET') {
      found.get = true;
    } else if (option === 'KEEPTTL' && (expiry ?? option) === option) {
      expiry = option;
      found.deadline = null;
    } else if (/^(EX|PX|EXAT|PXAT)$/.test(option) && expiry === null && i + 1 < options.length) {
      expiry = option;
      i += 1;
      amount = options[i] as string;
    } else {
      throw new RedisError('ERR syntax error');
    }
  }
  if (amount !== '') found.deadline = deadlineOf(keyspace, expiry as string, amount, 'set');
  return found;
}

function deadlineOf(keyspace: Keyspace, option: string, amount: string, command: string): number {
  const given = integer(amount);
  const unit = option.startsWith('EX') ? 1000 : 1;
  const deadline = given * unit + (option.endsWith('AT') ? 0 : keyspace.now());
  if (given <= 0 || deadline >= 2 ** 63)
    throw new RedisError(`ERR invalid expire time in '${command}' command`);
  return deadline;
}

function set(session: Session, key: string, value: string, options: readonly string[]): Reply {
  const { keyspace } = session;
  const { deadline, only, get } = setOptions(keyspace, options);
  const old = get ? (keyspace.string(key) ?? null) : null;
  const entry = keyspace.find(key);
  if (only !== null && (only === 'if there') !== (entry !== undefined)) return get ? old : null;
  keyspace.put(key, value, deadline ?? entry?.deadline ?? Infinity);
  return get ? old : OK;
}

function incrementBy({ keyspace }: Session, key: string, by: number | bigint): Reply {
  const old = exactInteger(keyspace.string(key) ?? '0');
  if (typeof old === 'number' && typeof by === 'number') {
    const sum = old + by;
    if (Number.isSafeInteger(sum)) {
      keyspace.replace(key, String(sum));
      return sum;
    }
  }
  const sum = BigInt(old) + BigInt(by);
  if (!fitsInteger(sum)) throw new RedisError('ERR increment or decrement would overflow');
  keyspace.replace(key, String(sum));
  return Number.isSafeInteger(Number(sum)) ? Number(sum) : sum;
}

function negative(text: string): number | bigint {
  const by = exactInteger(text);
  if (typeof by === 'number') return by === 0 ? 0 : -by;
  if (!fitsInteger(-by)) throw new RedisError('ERR decrement would overflow');
  return -by;
}

export const stringCommands: CommandTable = {
  get: { arity: 2, run: ({ keyspace }, args) => keyspace.string(args[1]) ?? null },
  set: {
    arity: -3,
    run: (session, args) => {
      if (args.length > 3) return set(session, args[1], args[2], args.slice(3));
      session.keyspace.put(args[1], args[2]);
      return OK;
    },
  },
  getset: {
    arity: 3,
    run: ({ keyspace }, [, key, value]) => {
      const old = keyspace.string(key) ?? null;
      keyspace.put(key, value);
      return old;
    },
  },
  setnx: {
    arity: 3,
    run: ({ keyspace }, [, key, value]) => {
      if (keyspace.find(key) !== undefined) return 0;
      keyspace.put(key, value);
      return 1;
    },
  },
  setex: {
    arity: 4,
    run: ({ keyspace }, [, key, seconds, value]) => {
      keyspace.put(key, value, deadlineOf(keyspace, 'EX', seconds, 'setex'));
      return OK;
    },
  },
  mget: {
    arity: -2,
    run: ({ keyspace }, [, ...keys]) =>
      keys.map((key) => {
        const value = keyspace.find(key)?.value;
        return typeof value === 'string' ? value : null;
      }),
  },
  mset: {
    arity: -3,
    run: ({ keyspace }, args) => {
      if (args.length % 2 === 0) throw new RedisError("ERR wrong number of arguments for 'mset' command");
      for (let i = 1; i < args.length; i += 2) keyspace.put(args[i] as string, args[i + 1] as string);
      return OK;
    },
  },
  incr: { arity: 2, run: (session, args) => incrementBy(session, args[1], 1) },
  decr: { arity: 2, run: (session, args) => incrementBy(session, args[1], -1) },
  incrby: { arity: 3, run: (session, [, key, by]) => incrementBy(session, key, exactInteger(by)) },
  decrby: { arity: 3, run: (session, [, key, by]) => incrementBy(session, key, negative(by)) },
  append: {
    arity: 3,
    run: ({ keyspace }, [, key, more]) => {
      const old = keyspace.string(key) ?? '';
      if (old.length + more.length > DEFAULT_LIMITS.bulkLength)
        throw new RedisError('ERR string exceeds maximum allowed size (proto-max-bulk-len)');
      keyspace.replace(key, old + more);
      return old.length + more.length;
    },
  },
  strlen: { arity: 2, run: ({ keyspace }, [, key]) => keyspace.string(key)?.length ?? 0 },
};
