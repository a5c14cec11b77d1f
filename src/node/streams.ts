/** Streams over sockets: connections and servers as a reader and a writer. */

import { type Coro, Coroutine, type EventLoop, getRunningLoop } from '../core/index.js';
import {
  type ClientConnected,
  StreamReader,
  type StreamReaderOptions,
  StreamReaderProtocol,
  StreamWriter,
  type Transport,
} from '../core/io.js';
import {
  type ConnectionOptions,
  createConnection,
  createUnixConnection,
  type UnixConnectionOptions,
} from './connections.js';
import {
  createServer,
  createUnixServer,
  type Server,
  type ServerOptions,
  type UnixServerOptions,
} from './server.js';

/** How long a line may be. */
type Limit = Pick<StreamReaderOptions, 'limit'>;

/** A connection as streams. */
export type StreamPair = [reader: StreamReader, writer: StreamWriter];

function makeProtocol(loop: EventLoop, options: Limit, callback: ClientConnected | null) {
  return new StreamReaderProtocol(new StreamReader({ limit: options.limit, loop }), callback, loop);
}

function checkCallback(callback: unknown): void {
  if (typeof callback !== 'function') {
    throw new TypeError(
      `Cannot start a server: expected a function for the connections, got ${String(callback)}`,
    );
  }
}

/** Connects with `connect`, and puts the streams over the transport. */
function opening(
  loop: EventLoop,
  options: Limit,
  connect: (factory: () => StreamReaderProtocol) => Coroutine<[Transport, StreamReaderProtocol]>,
): Coroutine<StreamPair> {
  const reader = new StreamReader({ limit: options.limit, loop });
  const protocol = new StreamReaderProtocol(reader, null, loop);
  const connecting = connect(() => protocol);
  return new Coroutine(
    (function* (): Coro<StreamPair> {
      const [transport] = yield* connecting;
      return [reader, new StreamWriter(transport, protocol, reader, loop)];
    })(),
    'openConnection',
  );
}

/**
 * Connects to a host, and gives a reader and a writer. Options are those of `loop.createConnection()`, and `limit`. Source:
 * `asyncio.open_connection`.
 *
 * *Suspends* until the connection, and TLS, stand. *Cancellation* closes what was opened.
 *
 * @throws OSError (ConnectionRefusedError and its like) when no address can be reached; ValueError for options that contradict each
 *   other.
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   await using server = await asyncio.startServer(
 *     async (reader, writer) => {
 *       for await (const line of reader) writer.write(line);
 *       writer.close();
 *     },
 *     '127.0.0.1',
 *     0,
 *   );
 *   const [, port] = server.sockets[0]?.getsockname() as [string, number];
 *   const [reader, writer] = await asyncio.openConnection('127.0.0.1', port);
 *   writer.write(Buffer.from('hello\n'));
 *   await writer.drain();
 *   console.log((await reader.readline()).toString().trim()); //=> hello
 *   writer.close();
 *   await writer.waitClosed();
 * });
 * ```
 */
export function openConnection(
  host: string | null = null,
  port: number | string | null = null,
  options: ConnectionOptions & Limit = {},
): Coroutine<StreamPair> {
  const loop = getRunningLoop();
  return opening(loop, options, (factory) => createConnection(loop, factory, host, port, options));
}

/**
 * Listens, and calls `clientConnectedCb` with a reader and a writer for each connection, in a task of its own. Options are those of
 * `loop.createServer()`, and `limit`. Source: `asyncio.start_server`.
 *
 * The callback may be a generator coroutine, an async function or a plain function. When it fails, its connection is closed and the
 * loop's exception handler is told.
 *
 * *Suspends* until every socket listens. *Cancellation* closes what was opened.
 *
 * @throws OSError when an address is in use or cannot be used.
 */
export function startServer(
  clientConnectedCb: ClientConnected,
  host: string | readonly string[] | null = null,
  port: number | string | null = null,
  options: ServerOptions & Limit = {},
): Coroutine<Server> {
  checkCallback(clientConnectedCb);
  const loop = getRunningLoop();
  return createServer(loop, () => makeProtocol(loop, options, clientConnectedCb), host, port, options);
}

/** {@link openConnection} to the Unix socket at `path`. Source: `asyncio.open_unix_connection`. */
export function openUnixConnection(
  path: string | null = null,
  options: UnixConnectionOptions & Limit = {},
): Coroutine<StreamPair> {
  const loop = getRunningLoop();
  return opening(loop, options, (factory) => createUnixConnection(loop, factory, path, options));
}

/** {@link startServer} at a Unix socket. Source: `asyncio.start_unix_server`. */
export function startUnixServer(
  clientConnectedCb: ClientConnected,
  path: string | null = null,
  options: UnixServerOptions & Limit = {},
): Coroutine<Server> {
  checkCallback(clientConnectedCb);
  const loop = getRunningLoop();
  return createUnixServer(loop, () => makeProtocol(loop, options, clientConnectedCb), path, options);
}
