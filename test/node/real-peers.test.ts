/** Peers that nobody here wrote: openssl, Python's asyncio, curl. A test without its peer says so and is skipped. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { clientContext, pemPath, portOf, serverContext } from './each-wire.js';

/** Whether a program is there; what it says of itself must match. */
function has(program: string, args: string[], version: RegExp): boolean {
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return version.test(`${stdout ?? ''}${stderr ?? ''}`);
}

/** A Python of 3.11 or later. */
function findPython(): string | null {
  const versions = join(homedir(), '.pyenv', 'versions');
  const installed = existsSync(versions)
    ? readdirSync(versions).map((each) => join(versions, each, 'bin', 'python3'))
    : [];
  return (
    ['python3', ...installed].find((each) => has(each, ['--version'], /Python 3\.(1[1-9]|[2-9]\d)/)) ?? null
  );
}

const python = findPython();
const noPython = python === null && 'no Python of 3.11 or later';
const noOpenssl = !has('openssl', ['version'], /OpenSSL/) && 'no openssl';
const noCurl = !has('curl', ['--version'], /^curl/) && 'no curl';

/** What a child process says, and how it ends. */
function outcomeOf(child: ChildProcess): Promise<{ code: number | null; text: string }> {
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (more: string) => (text += more));
  child.stderr?.setEncoding('utf8').on('data', (more: string) => (text += more));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, text })));
}

/** The first line that a child says. */
function firstLine(child: ChildProcess): Promise<string> {
  let text = '';
  return new Promise((resolve) => {
    child.stdout?.setEncoding('utf8').on('data', (more: string) => {
      text += more;
      if (text.includes('\n')) resolve(text.split('\n')[0] as string);
    });
  });
}

const echo: asyncio.ClientConnected = async (reader, writer) => {
  for await (const line of reader) {
    writer.write(line);
    await writer.drain();
  }
  writer.close();
};

const pythonClient = `
import asyncio, ssl, sys
async def main(port, ca):
    context = ssl.create_default_context(cafile=ca) if ca else None
    reader, writer = await asyncio.open_connection("localhost" if ca else "127.0.0.1", port, ssl=context)
    for i in range(100):
        writer.write(b"x" * 10000 + b"%d\\n" % i)
        await writer.drain()
        assert await reader.readline() == b"x" * 10000 + b"%d\\n" % i
    writer.close()
    await writer.wait_closed()
    print("python is content")
asyncio.run(main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
`;

const pythonServer = `
import asyncio, ssl, sys
async def echo(reader, writer):
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()
    await writer.wait_closed()
async def main(cert, key):
    context = None
    if cert:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(cert, key)
    server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main(*(sys.argv[1:] or [None, None])))
`;

for (const secure of [false, true]) {
  const kind = secure ? 'with TLS' : 'plain';

  test(`Python's asyncio as a client, ${kind}`, { skip: noPython }, async () => {
    await asyncio.run(async () => {
      const server = await asyncio.startServer(echo, '127.0.0.1', 0, secure ? { ssl: serverContext() } : {});
      const args = [
        '-c',
        pythonClient,
        String(portOf(server)),
        ...(secure ? [pemPath('authority.pem')] : []),
      ];
      const { code, text } = await outcomeOf(spawn(python as string, args));
      assert.equal(code, 0, text);
      assert.match(text, /python is content/);
      server.close();
      await server.waitClosed();
    });
  });

  test(`Python's asyncio as a server, ${kind}`, { skip: noPython }, async () => {
    const args = ['-c', pythonServer, ...(secure ? [pemPath('server.pem'), pemPath('server.key')] : [])];
    const child = spawn(python as string, args);
    try {
      const port = Number(await firstLine(child));
      await asyncio.run(async () => {
        const [reader, writer] = await asyncio.openConnection(
          '127.0.0.1',
          port,
          secure ? { ssl: clientContext() } : {},
        );
        for (let i = 0; i < 100; i += 1) {
          const line = `${'y'.repeat(10_000)}${i}\n`;
          writer.write(Buffer.from(line));
          await writer.drain();
          assert.equal((await reader.readline()).toString(), line);
        }
        writer.close();
        await writer.waitClosed();
      });
    } finally {
      child.kill('SIGKILL');
    }
  });
}

test('openssl s_client talks to our server, and verifies it', { skip: noOpenssl }, async () => {
  await asyncio.run(async () => {
    const server = await asyncio.startServer(echo, '127.0.0.1', 0, { ssl: serverContext() });
    const child = spawn('openssl', [
      ...['s_client', '-connect', `127.0.0.1:${portOf(server)}`, '-CAfile', pemPath('authority.pem')],
      ...['-verify_return_error', '-verify_hostname', 'localhost', '-quiet', '-no_ign_eof'],
    ]);
    const said = firstLine(child);
    const ended = outcomeOf(child);
    child.stdin.write('hello openssl\n');
    assert.equal(await said, 'hello openssl');
    child.stdin.end();
    const { code, text } = await ended;
    assert.equal(code, 0, text);
    server.close();
    await server.waitClosed();
  });
});

test('our client talks to openssl s_server', { skip: noOpenssl }, async () => {
  const child = spawn('openssl', [
    ...[
      's_server',
      '-accept',
      '127.0.0.1:0',
      '-cert',
      pemPath('server.pem'),
      '-key',
      pemPath('server.key'),
      '-rev',
    ],
  ]);
  try {
    // It says where it listens: `ACCEPT 127.0.0.1:PORT`.
    let text = '';
    const port = await new Promise<number>((resolve, reject) => {
      const look = (more: Buffer) => {
        text += more.toString();
        const found = /ACCEPT \S*:(\d+)/.exec(text);
        if (found !== null) resolve(Number(found[1]));
      };
      child.stdout.on('data', look);
      child.stderr.on('data', look);
      child.once('close', () => reject(new Error(text)));
    });
    await asyncio.run(async () => {
      const [reader, writer] = await asyncio.openConnection('127.0.0.1', port, { ssl: clientContext() });
      writer.write(Buffer.from('abc\n'));
      assert.equal((await reader.readline()).toString(), 'cba\n');
      writer.transport.abort();
    });
  } finally {
    child.kill('SIGKILL');
  }
});

test('curl gets an answer from a few lines of HTTP', { skip: noCurl }, async () => {
  await asyncio.run(async () => {
    const server = await asyncio.startServer(
      async (reader, writer) => {
        const head = await reader.readuntil('\r\n\r\n');
        const [, path] = head.toString().split(' ');
        const body = `you asked for ${path}\n`;
        writer.write(
          Buffer.from(
            `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
          ),
        );
        await writer.drain();
        writer.close();
      },
      '127.0.0.1',
      0,
      { ssl: serverContext() },
    );
    const child = spawn('curl', [
      ...[
        '--silent',
        '--show-error',
        '--noproxy',
        '*',
        '--max-time',
        '20',
        '--cacert',
        pemPath('authority.pem'),
      ],
      ...[
        '--resolve',
        `localhost:${portOf(server)}:127.0.0.1`,
        `https://localhost:${portOf(server)}/some/path`,
      ],
    ]);
    const { code, text } = await outcomeOf(child);
    assert.equal(code, 0, text);
    assert.equal(text, 'you asked for /some/path\n');
    server.close();
    await server.waitClosed();
  });
});
