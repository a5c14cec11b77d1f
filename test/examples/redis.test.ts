/** The Redis server and its client: commands, waiting, channels, limits, an orderly end. */

import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { BlockedPops } from '../../examples/redis/blocked-pops.js';
import { connect, type Value } from '../../examples/redis/client.js';
import { Keyspace } from '../../examples/redis/keyspace.js';
import { List } from '../../examples/redis/list.js';
import { RedisError } from '../../examples/redis/reply.js';
import type { RedisServer } from '../../examples/redis/server.js';
import type { Message, Subscription } from '../../examples/redis/subscription.js';
import { program, Raw, said, withClient, withServer } from './redis-stage.js';

/** Requests, and what Redis 7 answers. */
const transcript: readonly (readonly [sent: string, answer: string])[] = [
  ['PING', '+PONG'],
  ['PING a b c', "-ERR wrong number of arguments for 'ping' command"],
  ['GET', "-ERR wrong number of arguments for 'get' command"],
  ['foo a b c', "-ERR unknown command 'foo', with args beginning with: 'a' 'b' 'c' "],
  ['CONFIG foo', "-ERR unknown subcommand 'foo'. Try CONFIG HELP."],
  ['CONFIG GET', "-ERR wrong number of arguments for 'config|get' command"],
  ['SET a b NX XX', '-ERR syntax error'],
  ['SET a b EX 0', "-ERR invalid expire time in 'set' command"],
  ['SET a b EX x', '-ERR value is not an integer or out of range'],
  ['SET a 10 GET', '$-1'],
  ['INCRBY a 5', ':15'],
  ['DECRBY a -9223372036854775808', '-ERR decrement would overflow'],
  ['INCRBY a 9223372036854775807', '-ERR increment or decrement would overflow'],
  ['SET big 9223372036854775806', '+OK'],
  ['INCR big', ':9223372036854775807'],
  ['INCR big', '-ERR increment or decrement would overflow'],
  ['RPUSH l 1 2 3', ':3'],
  ['GET l', '-WRONGTYPE Operation against a key holding the wrong kind of value'],
  ['LPOP l 0', '*0'],
  ['LPOP l -1', '-ERR value is out of range, must be positive'],
  ['LPOP nokey 1', '*-1'],
  ['LPOP nokey', '$-1'],
  ['BLPOP l x', '-ERR timeout is not a float or out of range'],
  ['BLPOP l -1', '-ERR timeout is negative'],
  ['BLPOP no l 0', '*2\r\n$1\r\nl\r\n$1\r\n1'],
  ['BLPOP no 0.001', '*-1'],
  ['EXPIRE a 10 NX XX', '-ERR NX and XX, GT or LT options at the same time are not compatible'],
  ['EXPIRE a 10 foo', '-ERR Unsupported option foo'],
  ['EXPIRE a 9223372036854775807', "-ERR invalid expire time in 'expire' command"],
  ['SCAN x', '-ERR invalid cursor'],
  ['SELECT 99', '-ERR DB index is out of range'],
  ['MULTI', '+OK'],
  ['MULTI', '-ERR MULTI calls can not be nested'],
  ['GET', "-ERR wrong number of arguments for 'get' command"],
  ['EXEC', '-EXECABORT Transaction discarded because of previous errors.'],
  ['EXEC', '-ERR EXEC without MULTI'],
  ['MULTI', '+OK'],
  ['INCR l', '+QUEUED'],
  ['BLPOP no 0', '+QUEUED'],
  ['EXEC', '*2\r\n-WRONGTYPE Operation against a key holding the wrong kind of value\r\n*-1'],
  ['ZADD z 1 a 2 b', ':2'],
  ['ZADD z NX XX 1 a', '-ERR XX and NX options at the same time are not compatible'],
  ['ZADD z INCR 1.5 a', '$3\r\n2.5'],
  ['ZRANGE z 0 -1 WITHSCORES', '*4\r\n$1\r\nb\r\n$1\r\n2\r\n$1\r\na\r\n$3\r\n2.5'],
  ['ZRANGE z (2 +inf BYSCORE LIMIT 0 5', '*1\r\n$1\r\na'],
  [
    'ZRANGE z 0 -1 LIMIT 1 2',
    '-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX',
  ],
  ['ZPOPMIN z -1', '-ERR value is out of range, must be positive'],
  ['HELLO 9', '-NOPROTO unsupported protocol version'],
  ['CLIENT SETNAME "a b"', '-ERR Client names cannot contain spaces, newlines or special characters.'],
  ['CONFIG GET save', '*2\r\n$4\r\nsave\r\n$0\r\n'],
  [
    'COMMAND INFO get nope',
    '*2\r\n*10\r\n$3\r\nget\r\n:2\r\n*0\r\n:0\r\n:0\r\n:0\r\n*0\r\n*0\r\n*0\r\n*0\r\n$-1',
  ],
  ['SUBSCRIBE c', '*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1'],
  ['PING', '*2\r\n$4\r\npong\r\n$0\r\n'],
  [
    'GET x',
    "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
  ],
  ['UNSUBSCRIBE', '*3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:0'],
  ['UNSUBSCRIBE', '*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0'],
  ['RESET', '+RESET'],
  ['QUIT', '+OK'],
];

test('answers and refusals are those of Redis, all requests in one piece, and byte by byte', async () => {
  const sent = transcript.map(([each]) => `${each}\r\n`).join('');
  const expected = transcript.map(([, each]) => `${each}\r\n`).join('');
  await withServer(async (server) => {
    const whole = await Raw.to(server);
    whole.send(sent);
    await whole.expect(expected);
    await whole.expectEnd();
    whole.writer.close();
  });
  await withServer(async (server) => {
    const single = await Raw.to(server);
    for (const byte of sent) {
      single.send(byte);
      await asyncio.sleep(0);
    }
    await single.expect(expected);
    await single.expectEnd();
    single.writer.close();
  });
});

test('any bytes are keys and values', async () => {
  await withServer(async (server) => {
    await using client = await connect('127.0.0.1', server.port, { encoding: 'buffer' });
    const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    await client.call('SET', all, all);
    await client.call('HSET', 'h', all, all);
    assert.deepEqual(await client.call('GET', all), all);
    assert.deepEqual(await client.call('KEYS', '*'), [all, Buffer.from('h')]);
    assert.deepEqual(await client.call('HGETALL', 'h'), new Map([[all, all]]));
  });
});

test('keys expire when somebody looks, and when nobody does', async () => {
  let now = 1_000_000;
  const options = { now: () => now, sweepInterval: 0.001 };
  await withClient(async (client, server) => {
    await client.call('SET', 'a', 1, 'PX', 100);
    await client.call('SET', 'b', 1, 'EX', 100);
    await client.call('SET', 'c', 1);
    assert.equal(await client.call('PTTL', 'a'), 100);
    now += 99;
    assert.equal(await client.call('PTTL', 'a'), 1);
    assert.equal(await client.call('EXPIRE', 'b', 200, 'GT'), 1);
    assert.equal(await client.call('EXPIRE', 'b', 100, 'GT'), 0);
    assert.equal(await client.call('TTL', 'b'), 200);
    now += 1;
    assert.equal(await client.call('GET', 'a'), null);
    assert.deepEqual(await client.call('MGET', 'b', 'c'), ['1', '1']);
    assert.equal(await client.call('PERSIST', 'b'), 1);
    assert.equal(await client.call('TTL', 'b'), -1);
    for (let i = 0; i < 500; i += 1) await client.call('SET', `t${i}`, i, 'PX', 10);
    const [keyspace] = server.engine.databases as [Keyspace];
    assert.equal(keyspace.size, 502);
    now += 10;
    while (keyspace.size > 2) await asyncio.sleep(0.001);
    assert.equal(keyspace.mortals, 0);
  }, options);
});

test('a sweep goes on while much has expired, and gives way', () => {
  let now = 0;
  const keyspace = new Keyspace(() => now);
  for (let i = 0; i < 10_000; i += 1) keyspace.put(`k${i}`, 'v', i < 5000 ? 1 : Infinity);
  keyspace.sweep(1000);
  assert.equal(keyspace.size, 10_000);
  now = 1;
  keyspace.sweep(1000);
  assert.equal(keyspace.size, 9000);
  for (let i = 0; i < 4; i += 1) keyspace.sweep(1000);
  assert.equal(keyspace.size, 5000);
  assert.equal(keyspace.mortals, 0);
});

test('a transaction is discarded when a watched key changes, or expires', async () => {
  let now = 1_000_000;
  await withClient(
    async (client, server) => {
      await using other = await connect('127.0.0.1', server.port);
      const attempt = () => client.transaction([['INCR', 'n']]);
      await client.call('WATCH', 'n');
      assert.deepEqual(await attempt(), [1]);
      await client.call('WATCH', 'n', 'm');
      await other.call('SET', 'm', 1);
      assert.equal(await attempt(), null);
      await client.call('WATCH', 'n');
      await other.call('FLUSHALL');
      assert.equal(await attempt(), null);
      await other.call('SET', 'n', 7, 'PX', 10);
      await client.call('WATCH', 'n');
      now += 10;
      assert.equal(await attempt(), null);
      await client.call('WATCH', 'n');
      await client.call('UNWATCH');
      await other.call('SET', 'n', 1);
      assert.deepEqual(await attempt(), [2]);
      await assert.rejects(
        async () => await client.transaction([['INCR', 'n'], ['NOPE']]),
        /unknown command 'NOPE'/,
      );
      assert.deepEqual(
        await client.transaction([
          ['SET', 'n', 'x'],
          ['INCR', 'n'],
        ]),
        ['OK', new RedisError('ERR value is not an integer or out of range')],
      );
    },
    { now: () => now },
  );
});

// ---------------------------------------------------------------------------------------------- blocking

/** Until so many clients are in a command that blocks. */
async function untilBlocked(server: RedisServer, count: number): Promise<void> {
  while ([...server.engine.sessions].filter((each) => each.blocked).length !== count) await asyncio.sleep(0);
}

test('BLPOP: who waits longest is served first; a transaction as a whole', async () => {
  await withClient(async (client, server) => {
    const first = await connect('127.0.0.1', server.port);
    const second = await connect('127.0.0.1', server.port);
    const one = asyncio.createTask(first.call('BLPOP', 'other', 'l', 0));
    await untilBlocked(server, 1);
    const two = asyncio.createTask(second.call('BRPOP', 'l', 0));
    await untilBlocked(server, 2);
    assert.deepEqual(
      await client.transaction([
        ['RPUSH', 'l', 'a', 'b', 'c'],
        ['LLEN', 'l'],
      ]),
      [3, 3],
    );
    assert.deepEqual(await one, ['l', 'a']);
    assert.deepEqual(await two, ['l', 'c']);
    assert.deepEqual(await client.call('LRANGE', 'l', 0, -1), ['b']);
    await first.close();
    await second.close();
  });
});

test('BLPOP: what is sent meanwhile is answered after it; who hangs up takes nothing', async () => {
  await withClient(async (client, server) => {
    const raw = await Raw.to(server);
    raw.send('BLPOP l 0\r\nPING\r\n');
    await untilBlocked(server, 1);
    raw.send('ECHO x\r\n');
    await client.call('RPUSH', 'l', 'a');
    await raw.expect('*2\r\n$1\r\nl\r\n$1\r\na\r\n+PONG\r\n$1\r\nx\r\n');
    raw.send('BLPOP l 0\r\n');
    await untilBlocked(server, 1);
    raw.writer.close();
    await untilBlocked(server, 0);
    await client.call('RPUSH', 'l', 'b');
    assert.deepEqual(await client.call('LRANGE', 'l', 0, -1), ['b']);
  });
});

test('BLPOP: an item goes back when its taker is cancelled before it could go on', async () => {
  await asyncio.run(async () => {
    const keyspace = new Keyspace(() => 0);
    const blocked = new BlockedPops(keyspace);
    const takers = [1, 2].map(() => asyncio.createTask(blocked.wait(['l'], 'left')));
    await asyncio.sleep(0);
    const list = new List();
    list.pushRight('a');
    keyspace.put('l', list);
    keyspace.onPush('l');
    blocked.serve();
    takers[0]?.cancel();
    await asyncio.wait(takers as asyncio.Task<unknown>[]);
    assert.equal(takers[0]?.cancelled(), true);
    assert.deepEqual(takers[1]?.result(), ['l', 'a']);
    assert.equal(keyspace.size, 0);
    const alone = asyncio.createTask(blocked.wait(['l'], 'left'));
    await asyncio.sleep(0);
    const again = new List();
    again.pushRight('b');
    keyspace.put('l', again);
    keyspace.onPush('l');
    blocked.serve();
    alone.cancel();
    await asyncio.wait([alone]);
    assert.deepEqual(keyspace.list('l')?.slice(0, 1), ['b']);
  });
});

// ---------------------------------------------------------------------------------------------- channels

test('messages reach names and patterns, in both protocols', async () => {
  await withClient(async (client, server) => {
    const raw = await Raw.to(server);
    raw.send('SUBSCRIBE news\r\nPSUBSCRIBE n*\r\n');
    await raw.expect(
      '*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n*3\r\n$10\r\npsubscribe\r\n$2\r\nn*\r\n:2\r\n',
    );
    await using names = await client.subscribe('news', 'other');
    await using patterns = await client.psubscribe('n*');
    assert.equal(await client.call('PUBLISH', 'news', 'héllo'), 4);
    const expected = { channel: 'news', data: Buffer.from('héllo'), text: 'héllo' };
    assert.deepEqual(await names.next(), { value: { ...expected, pattern: null }, done: false });
    assert.deepEqual(await patterns.next(), { value: { ...expected, pattern: 'n*' }, done: false });
    const text = Buffer.from('héllo').toString('latin1');
    await raw.expect(`*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$6\r\n${text}\r\n`);
    await raw.expect(`*4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$6\r\n${text}\r\n`);
    raw.writer.close();
    await names.close();
    while ((await client.call('PUBLISH', 'news', '')) !== 1) await asyncio.sleep(0);
  });
});

test('who does not read what is published is disconnected; the others go on', async () => {
  await withClient(
    async (client, server) => {
      const slow = await Raw.to(server);
      slow.writer.transport.pauseReading();
      slow.send('SUBSCRIBE c\r\n');
      while ((await client.call('PUBLISH', 'c', '')) !== 1) await asyncio.sleep(0);
      const message = 'x'.repeat(1024 * 1024);
      let sent = 0;
      while ((await client.call('PUBLISH', 'c', message)) !== 0) {
        sent += 1;
        assert.ok(sent < 200, 'it takes everything');
      }
      while (server.engine.sessions.size > 1) await asyncio.sleep(0);
      slow.writer.transport.abort();
    },
    { outputLimit: 1024 * 1024 },
  );
});

test('who sends without reading the answers is not served meanwhile', async () => {
  await withClient(async (client, server) => {
    await client.call('SET', 'k', 'x'.repeat(100_000));
    const greedy = await Raw.to(server);
    greedy.writer.transport.pauseReading();
    const before = server.engine.commandsProcessed;
    greedy.send('GET k\r\n'.repeat(600));
    while (server.engine.commandsProcessed === before) await asyncio.sleep(0);
    for (let i = 0; i < 100; i += 1) await client.call('PING');
    assert.ok(server.engine.commandsProcessed - before < 500);
    greedy.writer.transport.resumeReading();
    const expected = 600 * ('$100000\r\n'.length + 100_000 + 2);
    assert.equal((await asyncio.timeout(60).run(() => greedy.reader.readexactly(expected))).length, expected);
    greedy.writer.close();
  });
});

// ------------------------------------------------------------------------------------------------ client

test('calls of many tasks go over one connection, and each gets its own answer; in both kinds', async () => {
  await withClient(async (client, server) => {
    const answers = await asyncio.gather(Array.from({ length: 500 }, (_, i) => client.call('ECHO', i)));
    assert.deepEqual(
      answers,
      Array.from({ length: 500 }, (_, i) => String(i)),
    );
    assert.equal(server.engine.connectionsReceived, 1);
    const inGenerator = await asyncio.createTask(
      (function* (): asyncio.Coro<Value[]> {
        yield* client.call('RPUSH', 'l', 'a', 1, 2n, Buffer.from('b'));
        return [
          yield* client.call('LRANGE', 'l', 0, -1),
          ...(yield* client.pipeline([
            ['LLEN', 'l'],
            ['GET', 'l'],
          ])),
        ];
      })(),
    );
    assert.deepEqual(inGenerator, [
      ['a', '1', '2', 'b'],
      4,
      new RedisError('WRONGTYPE Operation against a key holding the wrong kind of value'),
    ]);
    await assert.rejects(async () => await client.call('GET', 'l'), {
      name: 'RedisError',
      code: 'WRONGTYPE',
    });
    assert.throws(() => client.call(), asyncio.ValueError);
  });
});

test('a caller that is cancelled does not disturb the order', async () => {
  await withClient(async (client, server) => {
    const waiting = asyncio.createTask(client.call('BLPOP', 'l', 0));
    await untilBlocked(server, 1);
    const behind = asyncio.createTask(client.call('ECHO', 'behind'));
    await asyncio.sleep(0);
    waiting.cancel();
    await asyncio.wait([waiting]);
    assert.equal(waiting.cancelled(), true);
    await using other = await connect('127.0.0.1', server.port);
    await other.call('RPUSH', 'l', 'a');
    assert.equal(await behind, 'behind');
    assert.equal(await client.call('ECHO', 'next'), 'next');
    // A time limit is a cancellation, too.
    await assert.rejects(
      async () => await asyncio.timeout(0.01).run(() => client.call('BLPOP', 'l', 0)),
      asyncio.TimeoutError,
    );
    await other.call('RPUSH', 'l', 'b');
    assert.equal(await client.call('ECHO', 'last'), 'last');
  });
});

test('the end of the connection is told to everybody who waits, and to who calls later', async () => {
  await withServer(async (server) => {
    const client = await connect('127.0.0.1', server.port);
    const subscription = await client.subscribe('c');
    const waiting = asyncio.createTask(client.call('BLPOP', 'l', 0));
    await untilBlocked(server, 1);
    await server.stop();
    await assert.rejects(async () => await waiting, asyncio.ConnectionResetError);
    await assert.rejects(async () => await subscription.next(), asyncio.ConnectionResetError);
    await assert.rejects(async () => await client.call('PING'), asyncio.ConnectionResetError);
    await client.close();
  });
});

test('subscribing ends when every channel is confirmed, in the order of the answers', async () => {
  await asyncio.run(async () => {
    const confirm = (channel: string, count: number) =>
      `>3\r\n$9\r\nsubscribe\r\n$1\r\n${channel}\r\n:${count}\r\n`;
    const go = new asyncio.Event();
    await using server = await asyncio.startServer(
      async (reader, writer) => {
        await reader.readuntil('HELLO\r\n$1\r\n3\r\n');
        writer.write(Buffer.from('%0\r\n'));
        await reader.readuntil('x\r\n');
        writer.write(Buffer.from(confirm('a', 1)));
        await go.wait();
        writer.write(Buffer.from(`${confirm('b', 2)}+x\r\n`));
        await reader.read();
        writer.close();
      },
      '127.0.0.1',
      0,
    );
    const [, port] = server.sockets[0]!.getsockname() as [string, number];
    const client = await connect('127.0.0.1', port);
    const subscribing = asyncio.createTask(client.subscribe('a', 'b'));
    const behind = asyncio.createTask(client.call('ECHO', 'x'));
    const probe = await asyncio.wait([subscribing, behind], { timeout: 0.02 });
    assert.equal(probe[0].size, 0);
    go.set();
    await subscribing;
    assert.equal(await behind, 'x');
    await client.close();
  });
});

test('a subscription that falls behind ends with an error, after what it has; commands go on', async () => {
  await withServer(async (server) => {
    await using client = await connect('127.0.0.1', server.port, { backlog: 3 });
    await using slow: Subscription = await client.subscribe('c');
    for (let i = 0; i < 5; i += 1) await client.call('PUBLISH', 'c', i);
    const seen: string[] = [];
    await assert.rejects(async () => {
      for await (const { text } of slow as AsyncIterable<Message>) seen.push(text);
    }, /more than 3 messages/);
    assert.deepEqual(seen, ['0', '1', '2']);
    assert.equal(await client.call('PING'), 'PONG');
  });
});

// ------------------------------------------------------------------------------------------------- server

test('a thousand connections at once', async () => {
  await withServer(async (server) => {
    const clients = await asyncio.gather(
      Array.from({ length: 1000 }, () => connect('127.0.0.1', server.port)),
    );
    const counts = await asyncio.gather(clients.map((each) => each.call('INCR', 'n')));
    assert.deepEqual(
      (counts as number[]).sort((a, b) => a - b),
      Array.from({ length: 1000 }, (_, i) => i + 1),
    );
    await asyncio.gather(clients.map((each) => each.close()));
    while (server.engine.sessions.size > 0) await asyncio.sleep(0);
  });
});

test('SHUTDOWN and the end of the block close the sockets, and what is answered is still sent', async () => {
  await withServer(async (server) => {
    const idle = await Raw.to(server);
    const raw = await Raw.to(server);
    raw.send('PING\r\nSHUTDOWN NOSAVE\r\n');
    await raw.expect('+PONG\r\n');
    await raw.expectEnd();
    await asyncio.timeout(60).run(() => server.serve());
    await server.stop();
    await idle.expectEnd();
    assert.equal(server.addresses.length, 0);
    for (const each of [idle, raw]) each.writer.close();
  });
});

test('Ctrl-C ends the program in order', {
  skip: process.platform === 'win32' && 'the signals are those of Unix',
}, async () => {
  const child = program();
  const ended = new Promise((resolve) => child.once('close', resolve));
  const port = Number((await said(child, /ready at 127\.0\.0\.1:(\d+)/))[1]);
  const bye = said(child, /redis: bye/);
  await asyncio.run(async () => {
    const client = await connect('127.0.0.1', port);
    assert.equal(await client.call('PING'), 'PONG');
    child.kill('SIGINT');
    await bye;
    await client.close();
  });
  assert.equal(await ended, 130);
});
