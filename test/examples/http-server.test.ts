/** The HTTP server of the examples: what it understands, what it refuses, its limits, its end. Over real sockets. */

import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import fs from 'node:fs';
import net from 'node:net';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { formatExchange } from '../../examples/http-server/access-log.js';
import { RequestBody } from '../../examples/http-server/body.js';
import {
  type Exchange,
  type Handler,
  HttpError,
  type HttpServer,
  type HttpServerOptions,
  type Request,
} from '../../examples/http-server/http-server.js';
import { OpenedFile } from '../../examples/http-server/opened-file.js';
import { type Framing, parseHead } from '../../examples/http-server/request.js';
import { type Client, onStage } from './http-stage.js';

/** Says what was asked, body included. */
const echo = async (request: Request) => ({
  headers: { 'Content-Type': 'text/plain' },
  body: `${request.method} ${request.path}${request.query} ${(await request.body?.readAll())?.toString() ?? '-'}`,
});
/** Does not look at the body. */
const ignore: Handler = function* ({ path }) {
  return { body: path };
};
const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: test\r\n${more}\r\n`;

test('requests on one connection, and when it ends', async () => {
  await onStage({ handler: ignore }, async ({ connect }) => {
    const keeps = async (request: string) => {
      const client = await connect();
      client.send(request);
      const answer = await client.receive();
      assert.equal(answer.status, 200);
      const connection = answer.headers.get('connection');
      if (connection === 'close') {
        await client.expectEnd();
        return false;
      }
      assert.equal(connection, 'keep-alive');
      assert.equal((await client.ask('/again')).text, '/again');
      client.close();
      return true;
    };
    assert.equal(await keeps('GET / HTTP/1.1\r\nHost: a\r\n\r\n'), true);
    assert.equal(await keeps('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'), false);
    assert.equal(await keeps('GET / HTTP/1.1\r\nHost: a\r\nConnection: foo ,\tCLOSE\r\n\r\n'), false);
    assert.equal(await keeps('GET / HTTP/1.1\r\nHost: a\r\nConnection: close-not\r\n\r\n'), true);
    assert.equal(await keeps('GET / HTTP/1.0\r\n\r\n'), false);
    assert.equal(await keeps('GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n'), true);
    assert.equal(await keeps('GET / HTTP/1.9\r\nHost: a\r\n\r\n'), true);
    assert.equal(await keeps('\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'), true); // behind a body, as old clients do
  });
});

test('targets, headers and hosts that are fine', async () => {
  await onStage({ handler: echo }, async ({ connect }) => {
    const client = await connect();
    for (const [target, said] of [
      ['/', 'GET / -'],
      ['/a?b=c?d', 'GET /a?b=c?d -'],
      ['http://example.org:80/x?y', 'GET /x?y -'],
      ['http://example.org', 'GET / -'],
      ['HTTP://[::1]:8000?q', 'GET /?q -'],
    ] as const) {
      assert.equal((await client.ask(target)).text, said);
    }
    client.send('OPTIONS * HTTP/1.1\r\nHost:\r\nX-Empty:\r\nX-Tab:\ta\tb\t\r\n\r\n');
    assert.equal((await client.receive()).text, 'OPTIONS * -');
    client.close();
  });
  const { headers } = parseHead(
    'GET / HTTP/1.1\r\nHost: a\r\nX: 1 \t\r\nx:\t2\r\nCookie: a\r\ncookie: b\r\n__proto__: c\r\nY: \xa0z\r\n\r\n',
    { maxRequestLine: 100, maxHeaders: 100 },
  );
  assert.deepEqual(
    [...headers],
    [
      ['host', 'a'],
      ['x', '1, 2'],
      ['cookie', 'a; b'],
      ['__proto__', 'c'],
      ['y', '\xa0z'],
    ],
  );
});

const long = 'x'.repeat(3000);
const refused: readonly [title: string, request: string, status: number][] = [
  ['no first line', '\r\n\r\n\r\n\r\n', 400],
  ['a first line of two words', 'GET /\r\nHost: a\r\n\r\n', 400],
  ['a first line of four words', 'GET / HTTP/1.1 x\r\nHost: a\r\n\r\n', 400],
  ['two blanks', 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['a blank in front', ' GET / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['a control character in the target', 'GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['a target that is no path', 'GET x HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['a target with a fragment', 'GET /#x HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['a target without a host', 'GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['another protocol', 'GET / HTTQ/1.1\r\nHost: a\r\n\r\n', 400],
  ['HTTP/2', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 505],
  ['HTTP/0.9', 'GET / HTTP/0.9\r\n\r\n', 505],
  ['an unknown method', 'BREW / HTTP/1.1\r\nHost: a\r\n\r\n', 501],
  ['a method in lower case', 'get / HTTP/1.1\r\nHost: a\r\n\r\n', 501],
  ['CONNECT', 'CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n', 405],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n', 400],
  ['a Host that is none', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 400],
  ['bare line feeds', 'GET / HTTP/1.1\nHost: a\n\n', 400],
  ['a bare line feed', 'GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n', 400],
  ['a bare line feed at the end', 'GET / HTTP/1.1\r\nHost: a\n\r\n', 400],
  ['a bare carriage return', 'GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n', 400],
  ['a header in two lines', 'GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n', 400],
  ['a first header that is the second line of nothing', 'GET / HTTP/1.1\r\n X: b\r\nHost: a\r\n\r\n', 400],
  ['a blank before the colon', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n', 400],
  ['a header without a colon', 'GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n', 400],
  ['a header without a name', 'GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n', 400],
  ['a null in a header', 'GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n', 400],
  ['a length that is none', 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n', 400],
  ['a length with a sign', 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n', 400],
  ['an empty length', 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n', 400],
  ['two lengths', 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
  ['two lengths in one', 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 2\r\n\r\n', 400],
  [
    'a length and chunks',
    'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  ['chunks in HTTP/1.0', 'GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
  ['chunks that are not last', 'GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n', 400],
  ['chunks twice', 'GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n', 400],
  ['chunks by another name', 'GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n', 400],
  ['a coding not known', 'GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n', 501],
  ['an expectation not known', 'GET / HTTP/1.1\r\nHost: a\r\nExpect: cake\r\n\r\n', 417],
  ['a first line that is too long', `GET /${long.slice(0, 1100)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
  ['a first line beyond all limits', `GET /${long} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
  ['a first line without end', `GET /${long}`, 414],
  ['headers that are too long', `GET / HTTP/1.1\r\nHost: a\r\nX: ${long}\r\n\r\n`, 431],
  ['headers without end', `GET / HTTP/1.1\r\nHost: a\r\nX: ${long}`, 431],
  ['too many headers', `GET / HTTP/1.1\r\nHost: a\r\n${'X: 1\r\n'.repeat(20)}\r\n`, 431],
  ['a body that is too large', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n', 413],
];

for (const [title, request, status] of refused) {
  test(`refused, with the end of the connection: ${title}`, async () => {
    const limits = { maxRequestLine: 1024, maxHead: 2048, maxHeaders: 20, maxBody: 1000 };
    await onStage({ handler: echo, ...limits }, async ({ connect }) => {
      const client = await connect();
      client.send(request);
      // Whatever follows is not taken for a request, and does not keep the client from reading the answer.
      client.send(get('/smuggled').repeat(100));
      const answer = await client.receive();
      assert.equal(answer.status, status, answer.text);
      assert.equal(answer.headers.get('connection'), 'close');
      assert.ok(answer.text.startsWith(`${status} `), answer.text);
      if (status === 405) assert.equal(answer.headers.get('allow'), 'GET, HEAD');
      await client.expectEnd();
    });
  });
}

test('what cannot become a request any more is refused at once, not when its time is over', async () => {
  await onStage({ handler: echo, headTimeout: 3600 }, async ({ connect }) => {
    for (const request of ['GET / HTTP/1.1\nHost: a\n\n', `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}`]) {
      const client = await connect();
      client.send(request);
      assert.ok([400, 431].includes((await client.receive()).status));
      await client.expectEnd();
    }
  });
});

test('a client that still sends when it is refused gets the answer', async () => {
  await onStage({ handler: ignore, maxBody: 1000, lingerTimeout: 60 }, async ({ connect }) => {
    const client = await connect();
    const size = 20_000_000;
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
    client.send(Buffer.alloc(size));
    await client.writer.drain();
    assert.equal((await client.receive()).status, 413);
    await client.expectEnd();
  });
});

test('a request that breaks off is answered with 400 if anybody listens, silence with silence', async () => {
  await onStage({ handler: echo }, async ({ connect }) => {
    for (const part of [
      'G',
      'GET / HTTP/1.1\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc',
    ]) {
      const client = await connect();
      client.send(part);
      client.writer.writeEof();
      assert.equal((await client.receive()).status, 400);
      await client.expectEnd();
    }
    const silent = await connect();
    silent.writer.writeEof();
    await silent.expectEnd();
  });
});

test('pipelining: answers in order, however long each takes', async () => {
  let running = 0;
  const handler: Handler = async ({ path }) => {
    running += 1;
    assert.equal(running, 1);
    if (path.endsWith('0')) await asyncio.sleep(0.002);
    running -= 1;
    return { body: path };
  };
  await onStage({ handler }, async ({ connect }) => {
    const client = await connect();
    const paths = Array.from({ length: 300 }, (_, i) => `/${i}`);
    client.send(paths.map((each) => get(each)).join(''));
    for (const each of paths) assert.equal((await client.receive()).text, each);
    // What comes behind the last request that is wanted is not answered.
    client.send(get('/last', 'Connection: close\r\n') + get('/never'));
    assert.equal((await client.receive()).text, '/last');
    await client.expectEnd();
  });
});

test('a client that sends without reading is held back, and nothing is lost', async () => {
  let asked = 0;
  const body = Buffer.alloc(30_000, 'x');
  const handler: Handler = function* () {
    asked += 1;
    return { body };
  };
  await onStage({ handler, maxRequests: Number.POSITIVE_INFINITY }, async ({ connect }) => {
    const client = await connect();
    const { transport } = client.writer;
    (transport as asyncio.Transport).pauseReading();
    const count = 2000; // 60 MB of answers
    client.send(get('/').repeat(count));
    let before = -1;
    for (let still = 0; still < 20; ) {
      await asyncio.sleep(0.002);
      still = asked === before ? still + 1 : 0;
      before = asked;
    }
    assert.ok(asked > 0 && asked < count, `${asked} were answered to nobody`);
    (transport as asyncio.Transport).resumeReading();
    for (let i = 0; i < count; i += 1) assert.equal((await client.receive()).body.length, body.length);
    client.close();
  });
});

test('one byte at a time', async () => {
  await onStage({ handler: echo }, async ({ connect }) => {
    const client = await connect();
    const chunks = '3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: x\r\n\r\n';
    const requests =
      get('/a?b', 'X: y\r\n') +
      `POST /c HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc` +
      `POST /d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n${chunks}${get('/e')}`;
    for (const byte of requests) {
      client.send(byte);
      await client.writer.drain();
      await asyncio.sleep(0);
    }
    for (const said of ['GET /a?b -', 'POST /c abc', 'POST /d abcde', 'GET /e -']) {
      assert.equal((await client.receive()).text, said);
    }
    client.close();
  });
});

test('bodies that nobody reads are dropped, and the next request is served', async () => {
  await onStage({ handler: ignore }, async ({ connect }) => {
    const client = await connect();
    const body = 'y'.repeat(200_000);
    const chunked = body.replaceAll(/y{1,7000}/g, (piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`);
    client.send(`POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n${body}`);
    client.send(`PUT /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}0\r\n\r\n`);
    client.send('POST /c HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\nContent-Length: 3\r\n\r\nabc');
    client.send(get('/d', 'Content-Length: 0\r\n'));
    for (const path of ['/a', '/b', '/c', '/d']) assert.equal((await client.receive()).text, path);
    client.close();
  });
});

for (const [title, chunks, status] of [
  ['a length that is none', 'x\r\n', 400],
  ['a length that is empty', '\r\n', 400],
  ['a negative length', '-1\r\n', 400],
  ['a length with 0x', '0x1\r\na\r\n', 400],
  ['a bare line feed', '1\na\r\n', 400],
  ['more than it says', '1\r\nab\r\n0\r\n\r\n', 400],
  ['a line without end', '1;'.padEnd(400, 'x'), 400],
  ['a line beyond all limits', '1;'.padEnd(40_000, 'x'), 400],
  ['a trailer that is none', '0\r\nX\r\n\r\n', 400],
  ['a trailer in two lines', '0\r\nX: a\r\n b\r\n\r\n', 400],
  ['too much at once', '3e9\r\n', 413],
  ['too much in all', `${'1f4\r\n'.padEnd(505, 'x')}\r\n`.repeat(3), 413],
  ['too much in trailers', `0\r\n${'X: aaaaaaaaaaaaaaaaaaaa\r\n'.repeat(100)}`, 413],
  ['a length of a thousand digits', `${'0'.repeat(200)}1\r\n`, 400],
] as const) {
  for (const handler of [echo, ignore]) {
    test(`chunks with ${title} are refused (${handler === echo ? 'read' : 'dropped'})`, async () => {
      await onStage({ handler, maxBody: 1000 }, async ({ connect }) => {
        const client = await connect();
        client.send(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}\r\n`);
        client.send(get('/smuggled'));
        const answer = await client.receive();
        assert.equal(answer.status, status, answer.text);
        await client.expectEnd();
      });
    });
  }
}

/** Gives a body to `reading` byte by byte; every wait for one of them is cancelled once. Gives what was read, and how often. */
async function cancelledEverywhere(
  wire: string,
  framing: Framing,
  reading: (body: RequestBody) => asyncio.Coroutine<Buffer>,
): Promise<{ text: string; cancelled: number }> {
  return await asyncio.run(async () => {
    const reader = new asyncio.StreamReader();
    const body = new RequestBody(reader, framing, { maxBody: 1000, bodyTimeout: '1h' }, null);
    let text = '';
    let cancelled = 0;
    let sent = 0;
    while (!body.ended) {
      const task = asyncio.createTask(() => reading(body));
      await asyncio.sleep(0); // it reads what is there, and waits
      if (!task.done()) {
        cancelled += 1;
        task.cancel();
      }
      await asyncio.wait([task]);
      if (!task.cancelled()) text += task.result().toString('latin1');
      else reader.feedData(Buffer.from(wire.charAt(sent++), 'latin1'));
    }
    assert.equal(sent, wire.length);
    return { text, cancelled };
  });
}

for (const [title, wire, framing] of [
  ['of chunks', '5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nX-Trailer: 5\r\nX: 1\r\n\r\n', 'chunked'],
  ['with a length', 'hello world', 11],
] as const) {
  test(`a body ${title}: a read that is cancelled, wherever it waits, loses neither bytes nor its place`, async () => {
    for (const reading of ['read', 'readAll'] as const) {
      const { text, cancelled } = await cancelledEverywhere(wire, framing, (body) => body[reading]());
      assert.equal(text, 'hello world', reading);
      assert.equal(cancelled, wire.length, reading);
    }
  });
}

test('a handler that stops waiting for the body and reads again gets all of it', async () => {
  const gaveUp = { once: () => {} };
  const handler: Handler = async ({ body }) => {
    assert.ok(body !== null);
    const first = await body.read();
    // It takes the end of the chunk's line, and waits for the next one.
    await assert.rejects(async () => await asyncio.timeout(0).run(() => body.read()), asyncio.TimeoutError);
    gaveUp.once();
    return { body: `${first} ${await body.readAll()}` };
  };
  await onStage({ handler }, async ({ connect }) => {
    const client = await connect();
    gaveUp.once = () => client.send('5\r\nworld\r\n0\r\n\r\n');
    client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
    assert.equal((await client.receive()).text, 'hello world');
    client.close();
  });
});

test('100-continue: sent when the handler wants the body; a final answer ends the connection otherwise', async () => {
  const handler: Handler = async (request) => {
    if (request.path === '/no') throw new HttpError(403, 'no');
    if (request.path === '/ignore') return { body: 'ignored' };
    return await echo(request);
  };
  await onStage({ handler }, async ({ connect }) => {
    const head = (path: string, version = 1) =>
      `POST ${path} HTTP/1.${version}\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n`;
    const client = await connect();
    for (let i = 0; i < 2; i += 1) {
      client.send(`${head('/yes')}\r\n`);
      assert.equal((await client.receive()).status, 100);
      client.send('abc');
      assert.equal((await client.receive()).text, 'POST /yes abc');
    }
    client.send(`${head('/no')}\r\n`);
    const no = await client.receive();
    assert.deepEqual([no.status, no.headers.get('connection')], [403, 'close']);
    await client.expectEnd();

    const ignored = await connect();
    ignored.send(`${head('/ignore')}\r\n`);
    const answer = await ignored.receive();
    assert.deepEqual([answer.text, answer.headers.get('connection')], ['ignored', 'close']);
    await ignored.expectEnd();

    const tooLarge = await connect();
    tooLarge.send(`${head('/yes').replace('3', '9'.repeat(9))}\r\n`);
    assert.equal((await tooLarge.receive()).status, 413);
    await tooLarge.expectEnd();

    const old = await connect();
    old.send(`${head('/yes', 0)}Connection: keep-alive\r\n\r\nabc`);
    assert.equal((await old.receive()).text, 'POST /yes abc');
    old.close();
  });
});

test('HEAD has the headers of GET and no body; 204 has neither body nor length', async () => {
  const handler: Handler = function* ({ path }) {
    return path === '/none' ? { status: 204 } : { headers: { 'X-Y': 'z' }, body: 'naïve' };
  };
  await onStage({ handler }, async ({ connect }) => {
    const client = await connect();
    const whole = await client.ask('/');
    const head = await client.ask('/', '', 'HEAD');
    assert.equal(whole.text, 'naïve');
    for (const { headers } of [whole, head]) {
      assert.equal(headers.get('content-length'), '6');
      assert.equal(headers.get('x-y'), 'z');
      assert.ok(!Number.isNaN(Date.parse(headers.get('date') as string)));
    }
    client.send(get('/none'));
    const none = (await client.reader.readuntil('\r\n\r\n')).toString();
    assert.match(none, /^HTTP\/1\.1 204 No Content\r\n/);
    assert.doesNotMatch(none, /content-length/i);
    assert.equal((await client.ask('/')).status, 200);
    client.close();
  });
});

test('a handler that fails: 500, a report, and the connection goes on', async () => {
  const handler: Handler = async ({ path }) => {
    if (path === '/header') return { headers: { X: 'a\r\nSet-Cookie: b' } };
    if (path === '/fail') throw new Error('on purpose');
    throw new HttpError(429, 'later', { 'Retry-After': '5' });
  };
  await onStage({ handler, reports: 2 }, async ({ connect, reports }) => {
    const client = await connect();
    const failed = await client.ask('/fail');
    assert.equal(failed.status, 500);
    assert.doesNotMatch(failed.text, /on purpose/);
    assert.match(String(reports[0]?.exception), /on purpose/);
    const later = await client.ask('/later');
    assert.deepEqual([later.status, later.headers.get('retry-after')], [429, '5']);
    client.send(get('/header'));
    await client.expectEnd();
    assert.match(String(reports[1]?.exception), /is no header/);
  });
});

test('so many requests on a connection, and so many connections', async () => {
  await onStage({ handler: ignore, maxRequests: 3, maxConnections: 2 }, async ({ connect, server }) => {
    const client = await connect();
    for (const connection of ['keep-alive', 'keep-alive', 'close']) {
      assert.equal((await client.ask('/')).headers.get('connection'), connection);
    }
    await client.expectEnd();
    while (server.connections > 0) await asyncio.sleep(0);

    const clients = [await connect(), await connect()];
    for (const each of clients) assert.equal((await each.ask('/')).status, 200);
    const third = await connect();
    third.send(get('/'));
    assert.equal((await third.receive()).status, 503);
    await third.expectEnd();
    clients[0]?.close();
    while (server.connections > 1) await asyncio.sleep(0);
    const fourth = await connect();
    assert.equal((await fourth.ask('/')).status, 200);
    for (const each of [...clients, fourth]) each.close();
  });
});

// ----------------------------------------------------------------------------------------------------- time

test('idle connections are closed, before the first request and between two', async () => {
  await onStage({ handler: ignore, idleTimeout: 0.3 }, async ({ connect }) => {
    const [silent, asking] = [await connect(), await connect()];
    assert.equal((await asking.ask('/')).headers.get('keep-alive'), 'timeout=0');
    await silent.expectEnd();
    await asking.expectEnd();
  });
});

test('a log that throws is reported, and ends neither a connection nor the watch over all of them', async () => {
  const log = () => {
    throw new Error('the disk is full');
  };
  await onStage({ handler: echo, headTimeout: 0.1, log, reports: 4 }, async ({ connect }) => {
    for (let i = 0; i < 2; i += 1) {
      const client = await connect();
      assert.equal((await client.ask('/')).status, 200);
      client.send('GET / HTTP/1.1\r\n');
      assert.equal((await client.receive()).status, 408);
      client.close();
    }
  });
});

test('headers that take too long: 408, however steadily they come', async () => {
  await onStage({ handler: ignore, headTimeout: 0.1 }, async ({ connect }) => {
    const client = await connect();
    client.send('GET / HTTP/1.1\r\n');
    const drip = asyncio.createTask(async () => {
      for (;;) {
        client.send('X: y\r\n');
        await asyncio.sleep(0.01);
      }
    });
    assert.equal((await client.receive()).status, 408);
    drip.cancel();
    await asyncio.wait([drip]);
    client.close();
  });
});

test('a body that takes too long: 408, whether it is read or dropped', async () => {
  for (const handler of [echo, ignore]) {
    await onStage({ handler, bodyTimeout: 0.1 }, async ({ connect }) => {
      const client = await connect();
      client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc');
      assert.equal((await client.receive()).status, 408);
      await client.expectEnd();
    });
  }
});

test('an answer that nobody takes is given up', async () => {
  const body = Buffer.alloc(32 * 1024 * 1024);
  const handler: Handler = function* () {
    return { body };
  };
  await onStage({ handler, sendTimeout: 0.1 }, async ({ connect, server }) => {
    const client = await connect();
    (client.writer.transport as asyncio.Transport).pauseReading();
    client.send(get('/'));
    while (server.connections === 0) await asyncio.sleep(0.001);
    while (server.connections > 0) await asyncio.sleep(0.001);
    client.writer.transport.abort();
  });
});

test('a client that does not close after the last answer is not waited for', async () => {
  await onStage({ handler: ignore, lingerTimeout: 0.05 }, async ({ connect, server }) => {
    const client = await connect();
    assert.equal((await client.ask('/', 'Connection: close\r\n')).status, 200);
    while (server.connections > 0) await asyncio.sleep(0.001);
    client.close();
  });
});

// ---------------------------------------------------------------------------------- clients that do not read

/** The server's end of every connection that comes while `body` runs. */
async function withSockets(body: (sockets: readonly net.Socket[]) => Promise<void>): Promise<void> {
  const sockets: net.Socket[] = [];
  const note = (message: unknown) => void sockets.push((message as { socket: net.Socket }).socket);
  subscribe('net.server.socket', note);
  try {
    await body(sockets);
  } finally {
    unsubscribe('net.server.socket', note);
  }
}

/**
 * Asks until the answers do not leave the server any more, since the client reads none of them. So few bytes are unsent then
 * that the server waits for requests still: only what it does at the end of the connection can be wrong.
 */
async function fillUp(client: Client, socket: net.Socket, answered: asyncio.Queue<unknown>): Promise<void> {
  (client.writer.transport as asyncio.Transport).pauseReading();
  for (let still = 0; still < 20 && !socket.destroyed; ) {
    if (socket.writableLength > 0) {
      still += 1;
      await asyncio.sleep(0.001);
    } else {
      still = 0;
      client.send(get('/'));
      await answered.get();
    }
  }
}

/** A server with a client that does not take the last bytes. */
async function withStuckClient(
  options: HttpServerOptions,
  body: (
    server: HttpServer,
    client: Client,
    socket: net.Socket,
    answered: asyncio.Queue<unknown>,
  ) => Promise<void>,
): Promise<void> {
  const content = Buffer.alloc(30_000, 'x');
  const handler: Handler = function* () {
    return { body: content };
  };
  const maxRequests = Number.POSITIVE_INFINITY;
  let answered: asyncio.Queue<unknown> | null = null;
  const log = (exchange: Exchange) => answered?.putNowait(exchange);
  await withSockets(async (sockets) => {
    await onStage({ handler, maxRequests, log, ...options }, async ({ connect, server }) => {
      answered = new asyncio.Queue();
      const client = await connect();
      while (server.connections === 0) await asyncio.sleep(0);
      const socket = sockets[0] as net.Socket;
      try {
        await fillUp(client, socket, answered);
        await body(server, client, socket, answered);
      } finally {
        client.writer.transport.abort();
      }
    });
  });
}

test('a connection whose last answer is not taken counts until its socket is gone, which the limit sees to', async () => {
  const options = { lingerTimeout: 0.01, sendTimeout: 0.2 };
  await withStuckClient(options, async (server, client, socket, answered) => {
    client.send(get('/', 'Connection: close\r\n'));
    await answered.get();
    while (server.connections > 0) await asyncio.sleep(0.001);
    assert.ok(socket.destroyed);
  });
});

test('an idle connection whose last answer is not taken ends, too', async () => {
  await withStuckClient({ idleTimeout: 0.3, sendTimeout: 0.2 }, async (server, _, socket) => {
    while (server.connections > 0) await asyncio.sleep(0.001);
    assert.ok(socket.destroyed);
  });
});

test('stop() ends within the grace although a client does not take its last answer', async () => {
  for (const closing of [true, false]) {
    await withStuckClient({ lingerTimeout: 0.01, grace: 0.1 }, async (server, client, socket, answered) => {
      if (closing) {
        client.send(get('/', 'Connection: close\r\n'));
        await answered.get();
      }
      await asyncio.timeout(30).run(() => server.stop());
      assert.ok(socket.destroyed);
      assert.equal(server.connections, 0);
    });
  }
});

test('stop(): a handler that answers although it was cancelled does not hold it up', async () => {
  const asked = { once: () => {} };
  const handler: Handler = async () => {
    asked.once();
    try {
      await asyncio.getRunningLoop().createFuture<never>();
    } catch (error) {
      if (!asyncio.isCancelledError(error)) throw error;
    }
    return { body: 'x'.repeat(1_000_000) };
  };
  await onStage({ handler, grace: 0.05, lingerTimeout: 3600 }, async ({ connect, server }) => {
    const client = await connect();
    const heard = new asyncio.Event();
    asked.once = () => heard.set();
    client.send(get('/'));
    await heard.wait();
    await asyncio.timeout(30).run(() => server.stop());
    assert.equal(server.connections, 0);
    client.close();
  });
});

// --------------------------------------------------------------------------------------------- what goes wrong

test('clients that reset the connection, at any moment, are no news', async () => {
  const log: Exchange[] = [];
  const options = {
    prepare: (at: (name: string) => string) => fs.writeFileSync(at('big'), Buffer.alloc(8 * 1024 * 1024)),
    log: (exchange: Exchange) => void log.push(exchange),
  };
  await onStage(options, async ({ connect, server }) => {
    const moments = [
      '',
      'GET',
      get('/big'),
      get('/big').repeat(50),
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n',
    ];
    for (const moment of moments) {
      for (let i = 0; i < 5; i += 1) {
        const socket = net.connect({ port: server.port, host: '127.0.0.1' });
        socket.on('error', () => {});
        socket.once('connect', () => {
          socket.write(moment, () => {
            if (i > 0 && moment.includes('/big')) socket.once('data', () => socket.resetAndDestroy());
            else socket.resetAndDestroy();
          });
        });
        await new Promise((resolve) => socket.once('close', resolve));
      }
    }
    while (server.connections > 0) await asyncio.sleep(0.001);
    const client = await connect();
    assert.equal((await client.ask('/big', '', 'HEAD')).status, 200);
    client.close();
  });
});

for (const size of [1000, 1024 * 1024]) {
  test(`a file of ${size} bytes that becomes shorter breaks the answer off`, async () => {
    const handlerOf =
      (root: () => string): Handler =>
      async () => {
        const name = `${root()}/file`;
        const opening = new asyncio.Coroutine(OpenedFile.open(fs.realpathSync(root()), name));
        const file = (await opening) as OpenedFile;
        fs.truncateSync(name, size / 2);
        return { body: { file, offset: 0, length: size } };
      };
    let root = '';
    const options = {
      handler: handlerOf(() => root),
      prepare: (at: (...names: string[]) => string) => {
        root = at();
        fs.writeFileSync(at('file'), Buffer.alloc(size));
      },
    };
    await onStage(options, async ({ connect }) => {
      const client = await connect();
      client.send(get('/'));
      await assert.rejects(
        async () => await client.receive(),
        (error) => error instanceof asyncio.IncompleteReadError || error instanceof asyncio.ConnectionError,
      );
      client.close();
    });
  });
}

// ------------------------------------------------------------------------------------------------------ the end

test('stop(): what is under way ends, what is idle closes, nobody new comes', async () => {
  const gate = { open: null as asyncio.Event | null };
  const handler: Handler = async ({ path }) => {
    if (path === '/slow') await gate.open?.wait();
    return { body: path };
  };
  await onStage({ handler }, async ({ connect, server }) => {
    gate.open = new asyncio.Event();
    const { port } = server;
    const [idle, used, busy, half] = [await connect(), await connect(), await connect(), await connect()];
    busy.send(get('/slow') + get('/next'));
    half.send('GET /half HTTP/1.1\r\n');
    while (server.connections < 4) await asyncio.sleep(0);
    // What was sent before this has come to the server when it is answered.
    assert.equal((await used.ask('/')).status, 200);
    assert.equal((await used.ask('/')).status, 200);
    const stopping = asyncio.createTask(() => server.stop());
    await idle.expectEnd();
    await used.expectEnd();
    await assert.rejects(
      async () => await asyncio.openConnection('127.0.0.1', port),
      asyncio.ConnectionError,
    );
    assert.equal(stopping.done(), false);
    gate.open.set();
    const last = await busy.receive();
    assert.deepEqual([last.text, last.headers.get('connection')], ['/slow', 'close']);
    await busy.expectEnd();
    half.send('Host: a\r\n\r\n');
    assert.equal((await half.receive()).text, '/half');
    await half.expectEnd();
    await stopping;
  });
});

test('stop(): what takes longer than the grace is broken off, as by a cancellation', async () => {
  for (const grace of [0.05, 60]) {
    const asked = { once: () => {} };
    const forever: Handler = async () => {
      asked.once();
      return await asyncio.getRunningLoop().createFuture<never>();
    };
    await onStage({ handler: forever, grace }, async ({ connect, server }) => {
      const client = await connect();
      const heard = new asyncio.Event();
      asked.once = () => heard.set();
      client.send(get('/'));
      await heard.wait();
      const stopping = asyncio.createTask(() => server.stop());
      if (grace === 60) {
        await asyncio.sleep(0); // it has begun
        stopping.cancel();
      }
      await assert.rejects(async () => await client.receive(), asyncio.IncompleteReadError);
      await asyncio.wait([stopping]);
      assert.equal(stopping.cancelled(), grace === 60);
      // The handler does not go on either.
      while (server.connections > 0) await asyncio.sleep(0);
      client.close();
    });
  }
});

test('the log: one line for each answer, whatever the client writes into it', async () => {
  const lines: string[] = [];
  const log = (exchange: Exchange) =>
    void lines.push(
      formatExchange(exchange, new Date(Date.UTC(2026, 0, 2, 3, 4, 5))).replace(/ [\d.]+ms$/, ''),
    );
  await onStage({ handler: ignore, log }, async ({ connect }) => {
    const client = await connect();
    await client.ask('/a"b\\c\xe9', 'User-Agent: "evil"\t\x9b\r\nReferer: x\r\n');
    await client.ask('/', '', 'HEAD');
    client.send('nonsense\r\n\r\n');
    assert.equal((await client.receive()).status, 400);
    await client.expectEnd();
  });
  const start = '127.0.0.1 - - [02/Jan/2026:03:04:05 +0000]';
  assert.deepEqual(lines.slice(0, 2), [
    `${start} "GET /a\\"b\\\\c\\xe9 HTTP/1.1" 200 8 "x" "\\"evil\\"\\x09\\x9b"`,
    `${start} "HEAD / HTTP/1.1" 200 0 "-" "-"`,
  ]);
  assert.match(lines[2] as string, /"-" 400 \d+ "-" "-"$/);
});
