// Serves a folder over HTTP: `tsyncio run examples/http-server/index.ts -- [FOLDER] [--port 8000] [--host 127.0.0.1]`. Ctrl-C and
// SIGTERM let the answers end that are under way; `--log` writes a line for each to standard error, `--hidden` serves dot files, too.

import { parseArgs } from 'node:util';
import * as asyncio from 'tsyncio';
import { formatExchange } from './access-log.js';
import { HttpServer } from './http-server.js';
import { staticFiles } from './static-files.js';

export async function main(...args: readonly string[]): Promise<void> {
  await serve(args, console.log, console.error);
}

/** Serves what the arguments name, until it is cancelled. */
export async function serve(
  args: readonly string[],
  print: (line: string) => void,
  tell: (line: string) => void,
): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string', short: 'p', default: '8000' },
      host: { type: 'string', default: '127.0.0.1' },
      log: { type: 'boolean', default: false },
      hidden: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  const port = Number(values.port);
  if (positionals.length > 1 || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new asyncio.SystemExit(
      'usage: http-server [FOLDER] [--port 8000] [--host 127.0.0.1] [--log] [--hidden]',
    );
  }
  const [folder = '.'] = positionals;
  const handler = await staticFiles(folder, { hidden: values.hidden });
  const log = values.log
    ? (exchange: Parameters<typeof formatExchange>[0]) => tell(formatExchange(exchange))
    : null;
  const server = await HttpServer.start(handler, values.host, port, { log });
  for (const url of server.urls) print(`serving ${folder} at ${url}`);
  try {
    await server.serveForever();
  } finally {
    print('stopped');
  }
}
