/** What the tests of the Redis example stand on: a server, a client, a connection as bytes, the program. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import * as asyncio from 'tsyncio';
import { connect, type RedisClient } from '../../examples/redis/client.js';
import { RedisServer, type RedisServerOptions } from '../../examples/redis/server.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Runs a body with a server of its own. */
export async function withServer<T>(
  body: (server: RedisServer) => Promise<T>,
  options: RedisServerOptions = {},
): Promise<T> {
  return await asyncio.run(async () => {
    await using server = await RedisServer.start(options);
    return await body(server);
  });
}

/** The same with a client. */
export async function withClient<T>(
  body: (client: RedisClient, server: RedisServer) => Promise<T>,
  options: RedisServerOptions = {},
): Promise<T> {
  return await withServer(async (server) => {
    await using client = await connect('127.0.0.1', server.port);
    return await body(client, server);
  }, options);
}

/** A connection as bytes. */
export class Raw {
  readonly reader: asyncio.StreamReader;
  readonly writer: asyncio.StreamWriter;

  constructor(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) {
    this.reader = reader;
    this.writer = writer;
  }

  static async to(server: RedisServer): Promise<Raw> {
    return new Raw(...(await asyncio.openConnection('127.0.0.1', server.port)));
  }

  send(text: string): void {
    this.writer.write(Buffer.from(text, 'latin1'));
  }

  /** What follows must be exactly this. */
  async expect(text: string): Promise<void> {
    const got = await asyncio.timeout(60).run(() => this.reader.readexactly(text.length));
    assert.equal(got.toString('latin1'), text);
  }

  async expectEnd(): Promise<void> {
    assert.equal((await asyncio.timeout(60).run(() => this.reader.read())).toString('latin1'), '');
  }
}

/** The first match in what a program says. */
export function said(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  let text = '';
  return new Promise((resolve, reject) => {
    child.stdout?.setEncoding('utf8').on('data', (more: string) => {
      text += more;
      const found = pattern.exec(text);
      if (found !== null) resolve(found);
    });
    child.once('close', () => reject(new Error(`it ended without saying ${pattern}: ${text}`)));
  });
}

/** The server as a program of its own. */
export function program(): ChildProcess {
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env;
  const file = path.join(root, 'build/examples/redis/index.js');
  return spawn(process.execPath, [path.join(root, 'dist/cli/main.js'), 'run', file, '--', '-p', '0'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}
