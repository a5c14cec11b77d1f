/** The protocol of Redis: requests and replies however they are cut into pieces, and what is refused. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtocolError } from '../../examples/redis/incoming.js';
import {
  Double,
  encode,
  MapReply,
  NULL_ARRAY,
  Push,
  RedisError,
  type Reply,
  SetReply,
  Status,
  Verbatim,
} from '../../examples/redis/reply.js';
import { ReplyParser } from '../../examples/redis/reply-parser.js';
import { RequestParser, splitArguments } from '../../examples/redis/request-parser.js';
import fc from '../property.js';
import { Raw, withServer } from './redis-stage.js';

/** A request as clients write it. */
function request(...args: string[]): string {
  return `*${args.length}\r\n${args.map((each) => `$${each.length}\r\n${each}\r\n`).join('')}`;
}

/** Pieces of a text, cut at these places. */
function cut(text: string, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((each) => each % (text.length + 1)))].sort((a, b) => a - b);
  return [...sorted, text.length].map((end, i) =>
    Buffer.from(text.slice(i === 0 ? 0 : sorted[i - 1], end), 'latin1'),
  );
}

function requestsIn(pieces: readonly Buffer[]): string[][] {
  const parser = new RequestParser();
  const found: string[][] = [];
  for (const piece of pieces) {
    parser.feed(piece);
    for (let each = parser.next(); each !== null; each = parser.next()) found.push(each);
  }
  assert.equal(parser.size, 0);
  return found;
}

function repliesIn(pieces: readonly Buffer[]): Reply[] {
  const parser = new ReplyParser();
  const found: Reply[] = [];
  for (const piece of pieces) {
    parser.feed(piece);
    for (let each = parser.next(); each !== undefined; each = parser.next()) found.push(each);
  }
  return found;
}

const bytes = fc.uint8Array({ maxLength: 40 }).map((each) => Buffer.from(each).toString('latin1'));
const places = fc.array(fc.nat(), { maxLength: 12 });

test('requests are found however they are cut into pieces, also into single bytes', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(bytes, { minLength: 1, maxLength: 5 }), { maxLength: 6 }),
      places,
      (requests, at) => {
        const text = requests.map((each) => request(...each)).join('');
        assert.deepEqual(requestsIn(cut(text, at)), requests);
        assert.deepEqual(requestsIn([...text].map((each) => Buffer.from(each, 'latin1'))), requests);
      },
    ),
  );
});

test('arrays, typed lines, empty lines and empty arrays follow each other, split at every boundary', () => {
  const text = `${request('SET', 'key', 'a\r\n\0\xff')}PING\r\n\r\n*0\r\n*-1\r\nset "a \\x41\\n" 'it\\'s'\nGET\tx\r\n${request('x'.repeat(70_000))}`;
  const expected = [
    ['SET', 'key', 'a\r\n\0\xff'],
    ['PING'],
    ['set', 'a A\n', "it's"],
    ['GET', 'x'],
    ['x'.repeat(70_000)],
  ];
  for (let at = 0; at < 130; at += 1) assert.deepEqual(requestsIn(cut(text, [at])), expected);
  for (const at of [text.length - 70_000, text.length - 3, text.length - 2, text.length - 1])
    assert.deepEqual(requestsIn(cut(text, [at, Math.max(0, at - 30_000)])), expected);
});

test('splitArguments() refuses open quotes, and quotes with something behind them', () => {
  assert.deepEqual(splitArguments('  a  "b c"d'), null);
  assert.deepEqual(splitArguments('a "b'), null);
  assert.deepEqual(splitArguments("a 'b'c"), null);
  assert.deepEqual(splitArguments('a "" \'\' b"c" '), ['a', '', '', 'bc']);
});

/** What Redis 7 says to it. */
const protocolErrors: Readonly<Record<string, string>> = {
  '*1\r\n$-5\r\n': 'invalid bulk length',
  '*1\r\n$abc\r\n': 'invalid bulk length',
  '*1\r\n$1000001\r\n': 'invalid bulk length',
  '*1\r\n$99999999999999999999\r\n': 'invalid bulk length',
  '*1\r\n+PING\r\n': "expected '$', got '+'",
  '*1\r\n*1\r\n': "expected '$', got '*'",
  '*abc\r\n': 'invalid multibulk length',
  '*101\r\n': 'invalid multibulk length',
  '*2147483648\r\n': 'invalid multibulk length',
  'set a "b\r\n': 'unbalanced quotes in request',
  [`PING ${'x'.repeat(70_000)}`]: 'too big inline request',
  [`*${'1'.repeat(70_000)}`]: 'too big mbulk count string',
  [`*1\r\n$${'1'.repeat(70_000)}`]: 'too big bulk count string',
};

test('what is not the protocol is refused in the words of Redis, and ends the connection', async () => {
  await withServer(
    async (server) => {
      for (const [sent, expected] of Object.entries(protocolErrors)) {
        const raw = await Raw.to(server);
        raw.send(`PING\r\n${sent}`);
        await raw.expect(`+PONG\r\n-ERR Protocol error: ${expected}\r\n`);
        await raw.expectEnd();
        raw.writer.close();
      }
    },
    { limits: { bulkLength: 1_000_000, arguments: 100 } },
  );
});

test('a request as a whole is limited, too', () => {
  const parser = new RequestParser({ requestLength: 10 });
  parser.feed(Buffer.from('*3\r\n$6\r\nabcdef\r\n$5\r\n'));
  assert.throws(() => parser.next(), /too big request/);
});

/** Any tree of replies that RESP3 can carry. */
const { tree } = fc.letrec<{ tree: Reply }>((tie) => {
  const items = fc.array(tie('tree'), { maxLength: 4 });
  const words = fc.string().map((each) => each.replaceAll(/[^ -~]/g, '.'));
  return {
    tree: fc.oneof(
      { maxDepth: 5 },
      bytes,
      fc.maxSafeInteger(),
      fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }),
      fc.boolean(),
      fc.constant(null),
      words.map((each) => new Status(each)),
      words.map((each) => new RedisError(each)),
      fc.double().map((each) => new Double(each)),
      fc.tuple(fc.constantFrom('txt', 'mkd'), bytes).map((each) => new Verbatim(...each)),
      items,
      items.map((each) => new SetReply(each)),
      items.map((each) => new Push(each)),
      items.map((each) => new MapReply(each.flatMap((item) => [item, item]))),
    ) as fc.Arbitrary<Reply>,
  };
});

test('the parser gives back every tree of replies that was written, however it is cut', () => {
  fc.assert(
    fc.property(fc.array(tree, { maxLength: 4 }), places, (replies, at) => {
      const text = replies.map((each) => encode(each, 3)).join('');
      assert.deepEqual(repliesIn(cut(text, at)), replies);
      assert.deepEqual(repliesIn([...text].map((each) => Buffer.from(each, 'latin1'))), replies);
    }),
    { numRuns: 300 },
  );
});

test('RESP2 has no maps, sets, doubles or booleans, and two kinds of nothing', () => {
  const reply: Reply = [new MapReply(['a', 1]), new SetReply(['b']), new Double(0.5), true, null, NULL_ARRAY];
  const text = encode(reply, 2);
  assert.equal(text, '*6\r\n*2\r\n$1\r\na\r\n:1\r\n*1\r\n$1\r\nb\r\n$3\r\n0.5\r\n:1\r\n$-1\r\n*-1\r\n');
  assert.deepEqual(repliesIn([Buffer.from(text)]), [[['a', 1], ['b'], '0.5', 1, null, NULL_ARRAY]]);
  assert.equal(encode(2n ** 100n, 2), `$31\r\n${2n ** 100n}\r\n`);
});

test('attributes are passed over; what is no reply is refused', () => {
  const text = '|1\r\n+ttl\r\n:3\r\n*2\r\n|1\r\n+a\r\n*0\r\n:1\r\n!7\r\nERR bad\r\n';
  assert.deepEqual(repliesIn([Buffer.from(text)]), [[1, new RedisError('ERR bad')]]);
  for (const wrong of [
    '?1\r\n',
    ':x\r\n',
    ',1.2.3\r\n',
    '#x\r\n',
    '$x\r\n',
    '*-2\r\n',
    '(1.5\r\n',
    '*1\r\n'.repeat(65),
  ])
    assert.throws(() => repliesIn([Buffer.from(wrong)]), ProtocolError, wrong);
});
