/**
 * The Redis example against those that it imitates: redis-cli, redis-benchmark, redis-server. A test without its peer says so and is
 * skipped.
 */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { type Argument, connect, type RedisClient, type Value } from '../../examples/redis/client.js';
import type { RedisServer } from '../../examples/redis/server.js';
import fc from '../property.js';
import { said, withServer } from './redis-stage.js';

function missing(name: string): string | false {
  return spawnSync(name, ['--version']).status !== 0 && `no ${name}`;
}

const noCli = missing('redis-cli');
const noBenchmark = missing('redis-benchmark');
const noServer = missing('redis-server');

/** Runs a program to its end. */
async function outputOf(program: string, args: readonly string[], input = ''): Promise<string> {
  const { stdout, stderr } = await asyncio.runProcess(program, args, {
    input,
    encoding: 'utf-8',
    stdout: asyncio.subprocess.PIPE,
    stderr: asyncio.subprocess.PIPE,
    timeout: 120,
  });
  assert.equal(stderr, '');
  return stdout as string;
}

/** Runs a body with a real server, which listens at a Unix socket only, and ours. */
async function withBoth(body: (real: string, ours: RedisServer) => Promise<void>): Promise<void> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tsyncio-redis-'));
  const socket = path.join(folder, 'socket');
  const child = spawn('redis-server', [
    ...['--port', '0', '--unixsocket', socket, '--dir', folder],
    ...['--save', '', '--appendonly', 'no'],
  ]);
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    await said(child, /ready to accept connections/i);
    await withServer((ours) => body(socket, ours));
  } finally {
    child.kill('SIGKILL');
    await ended;
    fs.rmSync(folder, { recursive: true });
  }
}

/** One command for each line; their answers have one order only, and say nothing that changes from server to server. */
const session = `
PING
SET greeting "hello world"
GET greeting
APPEND greeting "\\x00\\xff"
STRLEN greeting
GET greeting
SET n 5
INCRBY n 37
DECR n
GET nothing
SET n 1 NX
SET n 7 XX GET
EXPIRE n 100
TTL n
PERSIST n
TTL n
MSET a 1 b 2
MGET a b c
DEL a b c
RPUSH list one two three
LRANGE list 0 -1
LPOP list
RPOP list 5
LPOP list
INCR list
HSET hash field value
HGETALL hash
HGET hash nope
INCR hash
SADD set member
SMEMBERS set
SISMEMBER set member
SPOP set
ZADD z 1 one 2.5 two
ZRANGE z 0 -1 WITHSCORES
ZPOPMIN z
ZSCORE z two
TYPE z
BLPOP nothing 0.01
MULTI
SET t 1
INCR t
EXEC
EXEC
SELECT 3
DBSIZE
SELECT 0
NOSUCH command
GET
PUBLISH nobody hears
FLUSHALL
DBSIZE
`;

test('redis-cli shows the same of ours as of redis-server, in RESP2 and RESP3', {
  skip: noCli || noServer,
}, async () => {
  await withBoth(async (real, ours) => {
    for (const options of [['--no-raw'], ['--no-raw', '-3'], ['--raw'], ['--csv']]) {
      const theirs = await outputOf('redis-cli', [...options, '-s', real], session);
      assert.ok(theirs.split('\n').length > 50, theirs);
      assert.equal(await outputOf('redis-cli', [...options, '-p', String(ours.port)], session), theirs);
    }
  });
});

for (const pipeline of [1, 16]) {
  test(`redis-benchmark runs its own tests, ${pipeline} at a time`, { skip: noBenchmark }, async () => {
    await withServer(async (server) => {
      const output = await outputOf('redis-benchmark', [
        ...[
          '-p',
          String(server.port),
          '-n',
          '2000',
          '-c',
          '20',
          '-P',
          String(pipeline),
          '--csv',
          '-r',
          '1000',
        ],
      ]);
      const rows = output.trim().split('\n').slice(1);
      assert.ok(rows.length >= 19, output);
      for (const name of [
        'PING_INLINE',
        'SET',
        'GET',
        'ZPOPMIN',
        'LRANGE_600 (first 600 elements)',
        'MSET (10 keys)',
      ])
        assert.ok(
          rows.some((row) => row.startsWith(`"${name}"`)),
          `${name} is not in ${output}`,
        );
      // An answer that is an error ends it; and all of them have come.
      assert.ok(server.engine.commandsProcessed >= 19 * 2000);
    });
  });
}

const keys = fc.constantFrom('a', 'b', 'c', 'd');
const words = fc.constantFrom(
  '',
  'x',
  'y',
  '1',
  '-5',
  '007',
  '12 ',
  '9223372036854775807',
  'é',
  '0.5',
  'nan',
);
const indices = fc.constantFrom('0', '1', '-1', '2', '-3', '100', '-100', 'x');
const scores = fc.constantFrom('0', '1', '-2', '0.5', '1e2', 'inf', '-inf', 'x', '+3', '.25');
const limits = fc.constantFrom('-inf', '+inf', '0', '(1', '0.5', '(x', '-2');
const spelled = (...names: string[]) => fc.constantFrom(...names, ...names.map((each) => each.toLowerCase()));
const options = (...names: string[]) => fc.array(fc.constantFrom(...names), { maxLength: 2 });

/** A command: parts that are made each time anew. */
function command(name: string, ...parts: fc.Arbitrary<string | string[]>[]): fc.Arbitrary<string[]> {
  return fc.tuple(...parts).map((each) => [name, ...each.flat()]);
}

const some = (part: fc.Arbitrary<string>) => fc.array(part, { minLength: 1, maxLength: 3 });
const pairs = (one: fc.Arbitrary<string>, other: fc.Arbitrary<string>) =>
  fc.array(fc.tuple(one, other), { minLength: 1, maxLength: 3 }).map((each) => each.flat());
const times = fc.constantFrom('1000', '-1', '0', 'x', '99999999999999999999');

const anyCommand: fc.Arbitrary<string[]> = fc.oneof(
  command('SET', keys, words, options('NX', 'XX', 'GET', 'KEEPTTL')),
  command('SET', keys, words, fc.constantFrom('EX', 'PX', 'ex'), times),
  ...['GET', 'INCR', 'DECR', 'STRLEN', 'TYPE', 'TTL', 'PERSIST', 'LPOP', 'RPOP', 'LLEN'].map((each) =>
    command(each, keys),
  ),
  ...['SCARD', 'SMEMBERS', 'HGETALL', 'HLEN', 'ZCARD', 'ZPOPMIN', 'ZPOPMAX'].map((each) =>
    command(each, keys),
  ),
  ...['GETSET', 'APPEND', 'SETNX', 'INCRBY', 'DECRBY', 'SISMEMBER', 'HGET', 'ZSCORE', 'ZRANK'].map((each) =>
    command(each, keys, words),
  ),
  ...['MGET', 'DEL', 'EXISTS'].map((each) => command(each, some(keys))),
  ...['SADD', 'SREM', 'LPUSH', 'RPUSH', 'HDEL', 'ZREM'].map((each) => command(each, keys, some(words))),
  command('MSET', pairs(keys, words)),
  command('HSET', keys, pairs(words, words)),
  command('ZADD', keys, options('NX', 'XX', 'GT', 'LT', 'CH', 'INCR'), pairs(scores, words)),
  command('ZRANGE', keys, indices, indices, options('WITHSCORES', 'REV')),
  command('ZRANGE', keys, limits, limits, fc.constant('BYSCORE'), options('WITHSCORES', 'REV')),
  command(
    'ZRANGE',
    keys,
    limits,
    limits,
    fc.constantFrom(['BYSCORE', 'LIMIT', '1', '2'], ['LIMIT', '0', '1']),
  ),
  ...['LPOP', 'RPOP', 'ZPOPMIN', 'LINDEX'].map((each) => command(each, keys, indices)),
  command('LRANGE', keys, indices, indices),
  command('EXPIRE', keys, times, options('NX', 'XX', 'GT', 'LT', 'nope')),
  command('KEYS', fc.constantFrom('*', '?', '[a-b]', '[^a]', '\\a', 'x')),
  command('BLPOP', some(keys), fc.constantFrom('0.001', 'x', '-1')),
  command('DBSIZE'),
  command('SELECT', fc.constantFrom('0', '1', '16')),
  command('ECHO', words),
  command('PUBLISH', keys, words),
  spelled('MULTI', 'EXEC', 'DISCARD', 'UNWATCH').map((each) => [each]),
  command('WATCH', some(keys)),
  command(
    'CLIENT',
    fc.constantFrom(['GETNAME'], ['SETNAME', 'me'], ['SETNAME', 'a b'], ['NOPE'], ['ID', 'x']),
  ),
  some(words).map((each) => ['NOSUCH', ...each]),
);

/** Runs a program on a server that has nothing; the order of what has none is made one. */
async function valuesOf(client: RedisClient, commands: readonly string[][]): Promise<Value[]> {
  const values = await client.pipeline([['RESET'], ['HELLO', 3], ['FLUSHALL'], ...commands] as Argument[][]);
  return values
    .slice(3)
    .map((value, i) =>
      commands[i]?.[0] === 'KEYS' && Array.isArray(value) ? (value as string[]).sort() : value,
    );
}

test('our client gets the same from ours as from redis-server, whatever it asks', {
  skip: noServer,
}, async () => {
  await withBoth(async (real, ours) => {
    await using theirs = await connect(undefined, undefined, { unixSocket: real });
    await using mine = await connect('127.0.0.1', ours.port);
    await fc.assert(
      fc.asyncProperty(fc.array(anyCommand, { minLength: 1, maxLength: 60 }), async (commands) => {
        const expected = await valuesOf(theirs, commands);
        const got = await valuesOf(mine, commands);
        for (const [i, each] of commands.entries())
          assert.deepEqual(
            got[i],
            expected[i],
            `${each.join(' ')}, number ${i} of ${JSON.stringify(commands)}`,
          );
      }),
      { numRuns: Number(process.env.REDIS_PROGRAMS ?? 150) },
    );
  });
});

test('our client on redis-server: transactions, blocking, subscriptions', { skip: noServer }, async () => {
  await withBoth(async (real) => {
    await using client = await connect(undefined, undefined, { unixSocket: real });
    await using other = await connect(undefined, undefined, { unixSocket: real });
    await using news = await client.subscribe('news', 'more');
    await other.pipeline([
      ['PUBLISH', 'news', 1],
      ['PUBLISH', 'more', 2],
    ]);
    assert.deepEqual([(await news.next()).value?.text, (await news.next()).value?.text], ['1', '2']);
    const waiting = asyncio.createTask(client.call('BLPOP', 'l', 0));
    const behind = asyncio.createTask(client.call('ECHO', 'behind'));
    await asyncio.sleep(0);
    waiting.cancel();
    await other.call('RPUSH', 'l', 'a');
    assert.equal(await behind, 'behind');
    await news.close();
    assert.equal(await other.call('PUBLISH', 'news', 1), 0);
    await client.call('WATCH', 'w');
    await other.call('SET', 'w', 1);
    assert.equal(await client.transaction([['GET', 'w']]), null);
    assert.deepEqual(
      await client
        .transaction([
          ['GET', 'w'],
          ['LPUSH', 'w', 1],
        ])
        .then((each) => (each as Value[])[0]),
      '1',
    );
  });
});
