/** A server of the example with a client for it: requests as bytes, answers taken apart. */

import assert from 'node:assert/strict';
import * as asyncio from 'tsyncio';
import { type Handler, HttpServer, type HttpServerOptions } from '../../examples/http-server/http-server.js';
import { type StaticFilesOptions, staticFiles } from '../../examples/http-server/static-files.js';
import { leakWatch } from '../node/each-wire.js';
import { descriptors, inFolder, quiet } from '../node/file-stage.js';

export interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  /** The body as text. */
  readonly text: string;
}

/** One connection. */
export class Client {
  readonly reader: asyncio.StreamReader;
  readonly writer: asyncio.StreamWriter;

  constructor([reader, writer]: asyncio.StreamPair) {
    this.reader = reader;
    this.writer = writer;
  }

  send(text: string | Uint8Array): void {
    this.writer.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  }

  /** The next answer; that to HEAD has no body. */
  async receive(method = 'GET'): Promise<Answer> {
    const head = (await this.reader.readuntil('\r\n\r\n')).toString('latin1');
    const [first = '', ...lines] = head.trimEnd().split('\r\n');
    const match = /^HTTP\/1\.1 (\d{3}) [A-Z][A-Za-z ]+$/.exec(first);
    assert.ok(match !== null, `this is no answer: ${head}`);
    const status = Number(match[1]);
    const headers = new Map<string, string>();
    for (const line of lines) {
      const [, name = '', value = ''] = /^([\w-]+): (.*)$/.exec(line) ?? [];
      assert.ok(
        name !== '' && !headers.has(name.toLowerCase()),
        `this is no header, or there twice: ${line}`,
      );
      headers.set(name.toLowerCase(), value);
    }
    const length = headers.get('content-length');
    const empty = method === 'HEAD' || status === 304 || status < 200;
    const body = empty ? Buffer.alloc(0) : await this.reader.readexactly(Number(length));
    return { status, headers, body, text: body.toString() };
  }

  /** Asks for something. `more` are further lines. */
  async ask(target: string, more = '', method = 'GET'): Promise<Answer> {
    this.send(`${method} ${target} HTTP/1.1\r\nHost: test\r\n${more}\r\n`);
    return await this.receive(method);
  }

  /** The server closes the connection, and sends nothing before that. */
  async expectEnd(): Promise<void> {
    assert.equal((await this.reader.read()).toString('latin1'), '');
    this.writer.close();
  }

  close(): void {
    this.writer.close();
  }
}

export interface Stage {
  readonly server: HttpServer;
  /** A path in the folder that is served. */
  at(...names: string[]): string;
  connect(): Promise<Client>;
  /** What the loop was told of by others than the test. */
  readonly reports: asyncio.ExceptionContext[];
}

export interface StageOptions extends HttpServerOptions, StaticFilesOptions {
  readonly handler?: Handler;
  /** What the folder has before the server starts. */
  readonly prepare?: (at: Stage['at']) => void;
  /** How many reports are fine. */
  readonly reports?: number;
}

/** Runs a server, of a folder of its own unless there is a handler. It leaves nothing open, and says nothing. */
export async function onStage(options: StageOptions, body: (stage: Stage) => Promise<void>): Promise<void> {
  const before = descriptors();
  const noLeak = leakWatch();
  await inFolder(async (root) => {
    const at = (...names: string[]) => root('site', ...names);
    const { mkdirSync } = await import('node:fs');
    mkdirSync(at());
    options.prepare?.(at);
    const reports: asyncio.ExceptionContext[] = [];
    await asyncio.run(async () => {
      asyncio.getRunningLoop().setExceptionHandler((_, context) => void reports.push(context));
      const handler = options.handler ?? (await staticFiles(at(), options));
      await using server = await HttpServer.start(handler, '127.0.0.1', 0, options);
      const connect = async () =>
        new Client(await asyncio.openConnection('127.0.0.1', server.port, { limit: 1024 * 1024 }));
      await asyncio.timeout(60).run(() => body({ server, at, connect, reports }));
    });
    const texts = reports.map(({ message, exception }) => `${message}: ${exception}`);
    assert.equal(reports.length, options.reports ?? 0, texts.join('\n'));
  });
  await noLeak();
  await quiet(before);
}
