/** The files of the HTTP server of the examples: which are found, what is said of them, parts and conditions. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { staticFiles } from '../../examples/http-server/static-files.js';
import { type Answer, type Client, onStage, type Stage } from './http-stage.js';

const noLinks = process.platform === 'win32' ? 'links need rights on Windows' : false;

test('a file: its content, and what the headers say of it', async () => {
  const prepare = (at: Stage['at']) => {
    for (const [name, text] of [
      ['page.HTML', '<p>'],
      ['no-suffix', 'x'],
      ['empty.txt', ''],
      ['приве т&?.json', '{}'],
    ] as const) {
      fs.writeFileSync(at(name), text);
      fs.utimesSync(at(name), 1_000_000_000, 1_000_000_000);
    }
  };
  await onStage({ prepare }, async ({ connect }) => {
    const client = await connect();
    const page = await client.ask('/page.HTML?query=is&of=no?interest');
    assert.deepEqual([page.status, page.text], [200, '<p>']);
    const { headers } = page;
    assert.equal(headers.get('content-type'), 'text/html; charset=utf-8');
    assert.equal(headers.get('last-modified'), 'Sun, 09 Sep 2001 01:46:40 GMT');
    assert.match(headers.get('etag') as string, /^"[^"]+"$/);
    assert.equal(headers.get('accept-ranges'), 'bytes');
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.equal((await client.ask('/no-suffix')).headers.get('content-type'), 'application/octet-stream');
    assert.deepEqual((await client.ask('/empty.txt')).headers.get('content-length'), '0');
    // Encoded, encoded as little as possible, and sent as it is.
    const name = 'приве%20т&%3F.json';
    for (const path of [encodeURIComponent('приве т&?.json'), Buffer.from(name).toString('latin1')]) {
      assert.deepEqual([(await client.ask(`/${path}`)).text], ['{}']);
    }
    const head = await client.ask('/page.HTML', '', 'HEAD');
    assert.deepEqual([...head.headers.keys()], [...headers.keys()]);
    assert.equal(head.headers.get('content-length'), '3');
    client.close();
  });
});

test('only GET and HEAD', async () => {
  await onStage({}, async ({ connect }) => {
    const client = await connect();
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH']) {
      const answer = await client.ask('/', 'Content-Length: 0\r\n', method);
      assert.deepEqual([answer.status, answer.headers.get('allow')], [405, 'GET, HEAD']);
    }
    client.close();
  });
});

test('nothing outside of the folder is found, nor what is hidden', async () => {
  const prepare = (at: Stage['at']) => {
    fs.writeFileSync(at('..', 'secret.txt'), 'secret');
    fs.mkdirSync(at('..', 'site-not'));
    fs.writeFileSync(at('..', 'site-not', 'secret.txt'), 'secret');
    fs.mkdirSync(at('sub'));
    fs.writeFileSync(at('sub', 'file.txt'), 'fine');
    fs.writeFileSync(at('.htaccess'), 'secret');
    fs.mkdirSync(at('.git'));
    fs.writeFileSync(at('.git', 'config'), 'secret');
  };
  const paths: [string, number][] = [
    ['/../secret.txt', 404],
    ['/sub/../../secret.txt', 404],
    ['/sub/%2e%2e/%2E%2E/secret.txt', 404],
    ['/..%2fsecret.txt', 404],
    ['/%2e%2e%2fsecret.txt', 404],
    ['/..%5csecret.txt', 404],
    ['/..\\secret.txt', 404],
    ['/../site-not/secret.txt', 404],
    ['/sub/../sub/file.txt', 404],
    ['/./sub/file.txt', 404],
    ['/sub%2ffile.txt', 404],
    ['/%252e%252e/secret.txt', 404],
    ['/sub/file.txt%00', 400],
    ['/%00', 400],
    ['/%', 400],
    ['/%zz', 400],
    ['/%ff', 400],
    ['/%c0%ae%c0%ae/secret.txt', 400], // an overlong `..`
    ['/sub/file.txt/', 404],
    ['/sub/file.txt/x', 404],
    [`/${'x'.repeat(300)}`, 404],
    ['/.htaccess', 404],
    ['/.git/config', 404],
    ['/.git/', 404],
    ['/sub/file.txt', 200],
    ['//sub///file.txt', 200],
    ['/sub/f%69le.txt', 200],
  ];
  await onStage({ prepare }, async ({ connect }) => {
    const client = await connect();
    for (const [path, status] of paths) {
      const answer = await client.ask(path);
      assert.equal(answer.status, status, `${path}: ${answer.text}`);
      assert.equal(answer.text.includes('secret'), false, path);
    }
    client.close();
  });
  await onStage({ prepare, hidden: true }, async ({ connect }) => {
    const client = await connect();
    assert.equal((await client.ask('/.git/config')).text, 'secret');
    assert.equal((await client.ask('/../secret.txt')).status, 404);
    client.close();
  });
});

test('links are followed inside of the folder, and lead nowhere outside', { skip: noLinks }, async () => {
  const prepare = (at: Stage['at']) => {
    fs.writeFileSync(at('..', 'secret.txt'), 'secret');
    fs.mkdirSync(at('..', 'out'));
    fs.writeFileSync(at('..', 'out', 'index.html'), 'secret');
    fs.mkdirSync(at('in'));
    fs.writeFileSync(at('in', 'file.txt'), 'fine');
    for (const [target, name] of [
      ['in/file.txt', 'fine'],
      ['in', 'folder'],
      [at('in', 'file.txt'), 'absolute'],
      ['../secret.txt', 'bad'],
      ['../out', 'bad-folder'],
      ['loop', 'loop'],
      ['nowhere', 'dangling'],
    ] as const) {
      fs.symlinkSync(target, at(name));
    }
    fs.symlinkSync('../../out/index.html', at('in', 'index.html'));
  };
  await onStage({ prepare }, async ({ connect }) => {
    const client = await connect();
    for (const path of ['/fine', '/folder/file.txt', '/absolute']) {
      assert.equal((await client.ask(path)).text, 'fine', path);
    }
    for (const path of [
      '/bad',
      '/bad-folder',
      '/bad-folder/',
      '/bad-folder/index.html',
      '/loop',
      '/dangling',
    ]) {
      assert.equal((await client.ask(path)).status, 404, path);
    }
    // The page of this folder is a link that leads out: there is a list instead.
    assert.match((await client.ask('/in/')).text, /file\.txt/);
    client.close();
  });
});

test('what the system says to opening becomes a status', async () => {
  const original = fs.open;
  let code = '';
  (fs as { open: unknown }).open = (...args: unknown[]) => {
    if (code === '') return (original as (...args: unknown[]) => void)(...args);
    const callback = args.at(-1) as (error: Error) => void;
    setImmediate(() =>
      callback(Object.assign(new Error(`${code}: on purpose`), { code, errno: -1, syscall: 'open' })),
    );
  };
  try {
    await onStage(
      { prepare: (at) => fs.writeFileSync(at('f'), 'x'), reports: 1 },
      async ({ connect, reports }) => {
        const client = await connect();
        for (const [each, status] of [
          ['EACCES', 403],
          ['EPERM', 403],
          ['EMFILE', 503],
          ['ENXIO', 404],
          ['ENOTDIR', 404],
          ['EIO', 500],
          ['', 200],
        ] as const) {
          code = each;
          const answer = await client.ask('/f');
          assert.equal(answer.status, status, each);
          assert.doesNotMatch(answer.text, /on purpose/);
        }
        assert.match(String(reports[0]?.exception), /EIO: on purpose/);
        client.close();
      },
    );
  } finally {
    fs.open = original;
  }
});

test('a named pipe is not waited for', { skip: noLinks }, async () => {
  await onStage({ prepare: (at) => execFileSync('mkfifo', [at('pipe')]) }, async ({ connect }) => {
    const client = await connect();
    assert.equal((await client.ask('/pipe')).status, 404);
    client.close();
  });
});

test('folders: the slash at the end, index.html, a list', async () => {
  const nasty = process.platform === 'win32' ? 'a&b#c' : '"><script>alert(1)&#?%:';
  const prepare = (at: Stage['at']) => {
    fs.mkdirSync(at('page'));
    fs.writeFileSync(at('page', 'index.html'), 'the page');
    fs.mkdirSync(at('list', nasty), { recursive: true });
    fs.writeFileSync(at('list', nasty, 'inner'), 'found');
    fs.writeFileSync(at('list', 'b.txt'), '');
    fs.writeFileSync(at('list', '.hidden'), '');
    fs.mkdirSync(at('evil.example'));
  };
  await onStage({ prepare }, async ({ connect }) => {
    const client = await connect();
    const moved = await client.ask('/page?x=y');
    assert.deepEqual([moved.status, moved.headers.get('location')], [301, '/page/?x=y']);
    // Two slashes would be another host.
    assert.equal((await client.ask('//evil.example')).headers.get('location'), '/evil.example/');
    const page = await client.ask('/page/');
    assert.deepEqual([page.text, page.headers.get('content-type')], ['the page', 'text/html; charset=utf-8']);

    const list = await client.ask('/list/');
    assert.equal(list.headers.get('content-type'), 'text/html; charset=utf-8');
    assert.doesNotMatch(list.text, /<script|hidden/);
    const links = [...list.text.matchAll(/href="([^"]*)"/g)].map((each) => each[1] as string);
    assert.deepEqual(links, ['../', `${encodeURIComponent(nasty)}/`, 'b.txt']);
    assert.equal((await client.ask(`/list/${links[1]}inner`)).text, 'found');
    const inner = await client.ask(`/list/${links[1]}`);
    assert.doesNotMatch(inner.text, /<script/);
    assert.doesNotMatch((await client.ask('/')).text, /\.\.\//);
    const head = await client.ask('/list/', '', 'HEAD');
    assert.equal(head.headers.get('content-length'), String(list.body.length));
    client.close();
  });
  await onStage({ prepare, listings: false }, async ({ connect }) => {
    const client = await connect();
    assert.equal((await client.ask('/list/')).status, 404);
    assert.equal((await client.ask('/page/')).text, 'the page');
    client.close();
  });
});

test('conditions: not modified, and preconditions', async () => {
  const prepare = (at: Stage['at']) => {
    fs.writeFileSync(at('f'), 'content');
    fs.utimesSync(at('f'), 1_000_000_000, 1_000_000_000);
  };
  await onStage({ prepare }, async ({ connect, at }) => {
    const client = await connect();
    const first = await client.ask('/f');
    const etag = first.headers.get('etag') as string;
    const date = 'Sun, 09 Sep 2001 01:46:40 GMT';
    const [earlier, later] = ['Sun, 09 Sep 2001 01:46:39 GMT', 'Sun, 09 Sep 2001 01:46:41 GMT'];
    const cases: [string, number][] = [
      [`If-None-Match: ${etag}`, 304],
      [`If-None-Match: W/${etag}`, 304],
      [`If-None-Match: "other", ${etag}`, 304],
      ['If-None-Match: *', 304],
      ['If-None-Match: "other"', 200],
      [`If-None-Match: "x${etag.slice(1)}`, 200],
      [`If-Modified-Since: ${date}`, 304],
      [`If-Modified-Since: ${later}`, 304],
      ['If-Modified-Since: Sunday, 09-Sep-01 01:46:41 GMT', 304],
      ['If-Modified-Since: Sun Sep  9 01:46:41 2001', 304],
      ['If-Modified-Since: Sun Sep  9 01:46:39 2001', 200],
      [`If-Modified-Since: ${earlier}`, 200],
      ['If-Modified-Since: yesterday', 200],
      // The tag says more than the date.
      [`If-None-Match: "other"\r\nIf-Modified-Since: ${later}`, 200],
      [`If-None-Match: ${etag}\r\nIf-Modified-Since: ${earlier}`, 304],
      [`If-Match: ${etag}`, 200],
      ['If-Match: *', 200],
      ['If-Match: "other"', 412],
      [`If-Match: W/${etag}`, 412],
      [`If-Unmodified-Since: ${date}`, 200],
      [`If-Unmodified-Since: ${earlier}`, 412],
      ['If-Unmodified-Since: never', 200],
    ];
    for (const [condition, status] of cases) {
      for (const method of ['GET', 'HEAD']) {
        const answer = await client.ask('/f', `${condition}\r\n`, method);
        assert.equal(answer.status, status, condition);
        if (status !== 412) assert.equal(answer.headers.get('etag'), etag);
        if (status === 304) assert.equal(answer.headers.has('content-length'), false);
      }
    }
    // No answer is kept: a change is seen at once.
    fs.writeFileSync(at('f'), 'changed');
    const changed = await client.ask('/f', `If-None-Match: ${etag}\r\n`);
    assert.deepEqual([changed.status, changed.text], [200, 'changed']);
    assert.notEqual(changed.headers.get('etag'), etag);
    client.close();
  });
});

test('parts of a file', async () => {
  const prepare = (at: Stage['at']) => {
    fs.writeFileSync(at('f'), '0123456789');
    fs.writeFileSync(at('empty'), '');
  };
  const outcome = ({ status, text, headers }: Answer) =>
    status === 206 ? `${headers.get('content-range')} ${text}` : status;
  await onStage({ prepare }, async ({ connect }) => {
    const client = await connect();
    const ask = async (range: string, more = '') =>
      outcome(await client.ask('/f', `Range: ${range}\r\n${more}`));
    for (const [range, expected] of [
      ['bytes=0-3', 'bytes 0-3/10 0123'],
      ['bytes=4-', 'bytes 4-9/10 456789'],
      ['bytes=9-9', 'bytes 9-9/10 9'],
      ['bytes=0-999', 'bytes 0-9/10 0123456789'],
      ['BYTES= 2-3', 'bytes 2-3/10 23'],
      ['bytes=-3', 'bytes 7-9/10 789'],
      ['bytes=-99', 'bytes 0-9/10 0123456789'],
      ['bytes=10-', 416],
      ['bytes=10-20', 416],
      ['bytes=-0', 416],
      [`bytes=${'9'.repeat(400)}-`, 416],
      // What is no range, or several, is ignored.
      ['bytes=5-4', 200],
      ['bytes=-', 200],
      ['bytes=a-b', 200],
      ['lines=1-2', 200],
      ['bytes=0-1,3-4', 200],
      ['0-3', 200],
    ] as const) {
      assert.equal(await ask(range), expected, range);
    }
    const beyond = await client.ask('/f', 'Range: bytes=10-\r\n');
    assert.equal(beyond.headers.get('content-range'), 'bytes */10');
    assert.equal(outcome(await client.ask('/empty', 'Range: bytes=0-\r\n')), 416);
    assert.equal((await client.ask('/f', 'Range: bytes=0-3\r\n', 'HEAD')).status, 200);

    const whole = (await client.ask('/f')).headers;
    const [etag, date] = [whole.get('etag') as string, whole.get('last-modified') as string];
    assert.equal(await ask('bytes=1-1', `If-Range: ${etag}\r\n`), 'bytes 1-1/10 1');
    assert.equal(await ask('bytes=1-1', `If-Range: ${date}\r\n`), 'bytes 1-1/10 1');
    assert.equal(await ask('bytes=1-1', `If-Range: W/${etag}\r\n`), 200);
    assert.equal(await ask('bytes=1-1', 'If-Range: "other"\r\n'), 200);
    assert.equal(await ask('bytes=1-1', 'If-Range: Sun, 09 Sep 2001 01:46:40 GMT\r\n'), 200);
    assert.equal(await ask('bytes=1-1', `If-None-Match: ${etag}\r\n`), 304);
    client.close();
  });
});

const large = 64 * 1024 * 1024;

test('a large file: parts of it, all of it, among other answers', async () => {
  const content = Buffer.alloc(3_000_001);
  for (let i = 0; i < content.length; i += 4) content.writeUInt32LE(i, Math.min(i, content.length - 4));
  const prepare = (at: Stage['at']) => {
    fs.writeFileSync(at('big.bin'), content);
    fs.writeFileSync(at('small.txt'), 'small');
  };
  await onStage({ prepare }, async ({ connect }) => {
    const client = await connect();
    const request = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
    client.send(
      request('/small.txt') +
        request('/big.bin') +
        request('/big.bin', 'Range: bytes=1000000-1999999\r\n') +
        request('/no') +
        request('/big.bin', 'Range: bytes=-70000\r\n') +
        request('/small.txt'),
    );
    assert.equal((await client.receive()).text, 'small');
    assert.ok((await client.receive()).body.equals(content));
    assert.ok((await client.receive()).body.equals(content.subarray(1_000_000, 2_000_000)));
    assert.equal((await client.receive()).status, 404);
    assert.ok((await client.receive()).body.equals(content.subarray(-70_000)));
    assert.equal((await client.receive()).text, 'small');
    client.close();
  });
});

/** Counts the bytes that `body` makes `fs.read` read. */
async function withReadsCounted(body: (count: () => number) => Promise<void>): Promise<void> {
  const original = fs.read;
  let bytes = 0;
  (fs as { read: unknown }).read = (...args: unknown[]) => {
    const callback = args.pop() as (error: Error | null, count: number) => void;
    (original as (...args: unknown[]) => void)(...args, (error: Error | null, count: number) => {
      bytes += count ?? 0;
      callback(error, count);
    });
  };
  try {
    await body(() => bytes);
  } finally {
    fs.read = original;
  }
}

test('a client that reads slowly: no more of the file is read than it takes', async () => {
  const prepare = (at: Stage['at']) => {
    fs.writeFileSync(at('sparse'), '');
    fs.truncateSync(at('sparse'), large);
  };
  await withReadsCounted(async (count) => {
    await onStage({ prepare }, async ({ connect }) => {
      const client: Client = await connect();
      const transport = client.writer.transport as asyncio.Transport;
      transport.pauseReading();
      client.send('GET /sparse HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      let before = -1;
      for (let still = 0; still < 20; ) {
        await asyncio.sleep(0.002);
        still = count() === before && before > 0 ? still + 1 : 0;
        before = count();
      }
      // What the system keeps for both ends, and a piece or two.
      assert.ok(count() < large / 2, `${count()} bytes were read for nobody`);
      transport.resumeReading();
      let received = 0;
      for (;;) {
        const { length } = await client.reader.read(1024 * 1024);
        if (length === 0) break;
        received += length;
      }
      assert.ok(received > large);
      assert.equal(count(), large);
      client.close();
    });
  });
});

test('a file that is replaced while it is sent stays the old one', { skip: noLinks }, async () => {
  const prepare = (at: Stage['at']) => fs.writeFileSync(at('f'), Buffer.alloc(large / 2, 'old'));
  await onStage({ prepare }, async ({ connect, at }) => {
    const client = await connect();
    client.send('GET /f HTTP/1.1\r\nHost: a\r\n\r\n');
    const head = (await client.reader.readuntil('\r\n\r\n')).toString();
    assert.match(head, / 200 OK/);
    fs.writeFileSync(at('new'), 'new');
    fs.renameSync(at('new'), at('f'));
    for (let left = large / 2; left > 0; ) {
      const piece = await client.reader.read(left);
      assert.equal(piece.includes('new'), false);
      left -= piece.length;
    }
    assert.equal((await client.ask('/f')).text, 'new');
    client.close();
  });
});

test('staticFiles() of what is no folder', async () => {
  await onStage({ prepare: (at) => fs.writeFileSync(at('f'), '') }, async ({ at }) => {
    await assert.rejects(async () => await staticFiles(at('nothing')), asyncio.FileNotFoundError);
    await assert.rejects(async () => await staticFiles(at('f')), asyncio.NotADirectoryError);
  });
});
