/** The network methods of every loop. */

import type { Coroutine, EventLoop, SocketAddress, SSLContext } from '../core/index.js';
import type {
  BaseProtocol,
  BaseTransport,
  DatagramProtocol,
  DatagramTransport,
  StreamProtocol,
  Transport,
} from '../core/io.js';
import { extendEventLoop } from '../core/lowlevel.js';
import { type AddrInfo, type AddrInfoHints, getaddrinfo, getnameinfo } from './addresses.js';
import {
  type AcceptedSocketOptions,
  type ConnectionOptions,
  connectAcceptedSocket,
  createConnection,
  createUnixConnection,
  type LoopStartTlsOptions,
  startTls,
  type UnixConnectionOptions,
} from './connections.js';
import { createDatagramEndpoint, type DatagramOptions } from './datagrams.js';
import { type SendfileOptions, type SendfileSource, sendfile } from './sendfile.js';
import {
  createServer,
  createUnixServer,
  type Server,
  type ServerOptions,
  type UnixServerOptions,
} from './server.js';

/** The network methods of an event loop on Node. */
export interface NetworkLoop {
  /**
   * Finds the addresses of `host`; those that are addresses already need no resolver. Without a host they are this machine's.
   *
   * *Suspends* until the resolver answers. *Cancellation* gives up the wait; Node's resolver goes on by itself.
   *
   * @throws GaiError when the name is not known.
   */
  getaddrinfo(
    host: string | null,
    port: number | string | null,
    hints?: AddrInfoHints,
  ): Coroutine<AddrInfo[]>;

  /** Finds the name of an address, and that of its port's service. As {@link getaddrinfo}. */
  getnameinfo(sockaddr: SocketAddress): Coroutine<[host: string, service: string]>;

  /**
   * Connects to a host, and gives the transport and the protocol that `protocolFactory` made; `connectionMade()` was called by
   * then.
   *
   * *Suspends* until the connection, and TLS, stand. *Cancellation* closes what was opened.
   *
   * @throws OSError (ConnectionRefusedError and its like) when no address can be reached: the one error, or one that names all; with
   *   `allErrors` an ExceptionGroup. ValueError for options that contradict each other.
   * @example
   * ```ts
   * import * as asyncio from 'tsyncio';
   *
   * class Greeting extends asyncio.Protocol {
   *   override connectionMade(transport: asyncio.Transport) {
   *     transport.write(Buffer.from('hello'));
   *     transport.close();
   *   }
   * }
   * class Printing extends asyncio.Protocol {
   *   override dataReceived(data: Buffer) {
   *     console.log(data.toString()); //=> hello
   *   }
   * }
   * await asyncio.run(async () => {
   *   const loop = asyncio.getRunningLoop();
   *   await using server = await loop.createServer(() => new Printing(), '127.0.0.1', 0);
   *   const [, port] = server.sockets[0]?.getsockname() as [string, number];
   *   await loop.createConnection(() => new Greeting(), '127.0.0.1', port);
   * });
   * ```
   */
  createConnection<P extends StreamProtocol>(
    protocolFactory: () => P,
    host?: string | null,
    port?: number | string | null,
    options?: ConnectionOptions,
  ): Coroutine<[Transport, P]>;

  /**
   * Listens at `host` (or several; every interface unless told) and `port`, with one socket for each address; 0 gives each a
   * port of its own. `protocolFactory` makes a protocol for each connection.
   *
   * *Suspends* until every socket listens. *Cancellation* closes what was opened.
   *
   * @throws OSError when an address is in use or cannot be used; ValueError for options that contradict each other.
   */
  createServer(
    protocolFactory: () => StreamProtocol,
    host?: string | readonly string[] | null,
    port?: number | string | null,
    options?: ServerOptions,
  ): Coroutine<Server>;

  /** Connects to the Unix socket at `path`. As {@link createConnection}. */
  createUnixConnection<P extends StreamProtocol>(
    protocolFactory: () => P,
    path?: string | null,
    options?: UnixConnectionOptions,
  ): Coroutine<[Transport, P]>;

  /** Listens at a Unix socket. A file that a dead server left is removed first, the own one at the end. As {@link createServer}. */
  createUnixServer(
    protocolFactory: () => StreamProtocol,
    path?: string | null,
    options?: UnixServerOptions,
  ): Coroutine<Server>;

  /** Goes on with a connection that something else accepted. As {@link createConnection}, as the server's side. */
  connectAcceptedSocket<P extends StreamProtocol>(
    protocolFactory: () => P,
    sock: import('node:net').Socket,
    options?: AcceptedSocketOptions,
  ): Coroutine<[Transport, P]>;

  /**
   * Opens a socket for datagrams.
   *
   * *Suspends* until it is bound. *Cancellation* closes it.
   *
   * @throws OSError when an address cannot be used; ValueError for options that contradict each other.
   */
  createDatagramEndpoint<P extends DatagramProtocol>(
    protocolFactory: () => P,
    options?: DatagramOptions,
  ): Coroutine<[DatagramTransport, P]>;

  /**
   * Goes on with TLS over an open connection, and gives the transport that stands for it from now on; the old one must not be used
   * any more.
   *
   * *Suspends* for the handshake. *Cancellation*, as every failure, closes the connection.
   *
   * @throws SSLError and its like when the handshake fails; TypeError for what is no plain connection of this library.
   */
  startTls(
    transport: BaseTransport,
    protocol: BaseProtocol,
    sslcontext: SSLContext,
    options?: LoopStartTlsOptions,
  ): Coroutine<Transport>;

  /**
   * Sends a file over a connection, and gives the number of bytes. Nothing else can be written meanwhile.
   *
   * *Suspends* while the file is read and the peer is slower. *Cancellation* stops after a piece; what was written is sent.
   *
   * @throws RuntimeError when the transport is closing; SendfileNotAvailableError when `fallback` is `false`, since Node offers no
   *   other way.
   */
  sendfile(transport: BaseTransport, file: SendfileSource, options?: SendfileOptions): Coroutine<number>;
}

declare module '../core/base-events.js' {
  interface EventLoop extends NetworkLoop {}
}

type Arguments<F> = F extends (loop: EventLoop, ...rest: infer A) => unknown ? A : never;

/** A method that hands its loop over to a function. */
function method<F extends (loop: EventLoop, ...rest: never[]) => unknown>(fn: F) {
  return function (this: EventLoop, ...rest: Arguments<F>): ReturnType<F> {
    return fn(this, ...(rest as never[])) as ReturnType<F>;
  };
}

extendEventLoop({
  getaddrinfo: method(getaddrinfo),
  getnameinfo: method(getnameinfo),
  createConnection: method(createConnection),
  createServer: method(createServer),
  createUnixConnection: method(createUnixConnection),
  createUnixServer: method(createUnixServer),
  connectAcceptedSocket: method(connectAcceptedSocket),
  createDatagramEndpoint: method(createDatagramEndpoint),
  startTls: method(startTls),
  sendfile: method(sendfile),
});
