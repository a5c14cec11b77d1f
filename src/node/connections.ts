/** Making connections: to a host, to a Unix socket, over a socket that is there, and TLS over a connection that is there. */

import type { Socket, SocketConstructorOpts, TcpSocketConnectOpts } from 'node:net';
import {
  type Coro,
  Coroutine,
  type Duration,
  type EventLoop,
  ExceptionGroup,
  isCancelledError,
  OSError,
  RuntimeError,
  type SSLContext,
  staggeredRace,
  type TlsTimeouts,
  ValueError,
} from '../core/index.js';
import {
  type BaseProtocol,
  type BaseTransport,
  keepTrack,
  outsideTasks,
  type StreamProtocol,
  type Transport,
  toOSError,
} from '../core/io.js';
import { type AddressFamily, type AddrInfo, getaddrinfo, interleave, portNumber } from './addresses.js';
import { nodeNet } from './builtins.js';
import { SocketTransport } from './socket-transport.js';
import { checkContext, clientContext } from './ssl.js';
import {
  establish,
  handshake,
  type TlsLimits,
  type TlsSide,
  TlsTransport,
  tlsLimits,
} from './tls-transport.js';
import { checkUnixPath } from './unix-path.js';

/** How {@link NetworkLoop.createConnection} connects. */
export interface ConnectionOptions extends TlsTimeouts {
  /** `true` for TLS with {@link createDefaultContext}, or a context. */
  ssl?: boolean | SSLContext | null | undefined;
  family?: AddressFamily | undefined;
  proto?: number | undefined;
  flags?: number | undefined;
  /** A connected socket of Node's, in place of host and port. */
  sock?: Socket | null | undefined;
  /** Where the connection comes from: a host and a port of this machine. */
  localAddr?: readonly [host: string, port: number] | null | undefined;
  /** The name that the server's certificate must have; the host unless told. */
  serverHostname?: string | null | undefined;
  /** How long an address has before the next is tried beside it (RFC 8305 says `'250ms'`); `null`: until it fails. */
  happyEyeballsDelay?: Duration | null | undefined;
  /** How many addresses of the first family come before the families take turns; 1 with happy eyeballs, else 0: no turns. */
  interleave?: number | null | undefined;
  /** Throw an ExceptionGroup of all that failed, in place of one error. */
  allErrors?: boolean | undefined;
}

/** How {@link NetworkLoop.createUnixConnection} connects. */
export interface UnixConnectionOptions extends TlsTimeouts {
  ssl?: boolean | SSLContext | null | undefined;
  /** A connected socket of Node's, in place of a path. */
  sock?: Socket | null | undefined;
  serverHostname?: string | null | undefined;
}

/** How {@link NetworkLoop.connectAcceptedSocket} goes on. */
export interface AcceptedSocketOptions extends TlsTimeouts {
  ssl?: SSLContext | null | undefined;
}

/** What an attempt that fails says: what was attempted, then Node's reason. */
function connectError(error: Error, where: string): Error {
  const mapped = toOSError(error);
  if (mapped instanceof OSError && mapped !== error) {
    mapped.message = `Cannot connect to ${where}: ${error.message}`;
  }
  return mapped;
}

/** How every socket is made: both directions end on their own. */
const SOCKET: SocketConstructorOpts = { allowHalfOpen: true };

/** Connects one socket; it is closed again when that fails or is cancelled. */
function* connectSocket(
  loop: EventLoop,
  target: TcpSocketConnectOpts | { readonly path: string },
  where: string,
): Coro<Socket> {
  const connected = loop.createFuture<void>();
  const socket = outsideTasks(loop, () => new (nodeNet().Socket)(SOCKET));
  const onError = (error: Error) => {
    if (!connected.done() && !loop.isClosed()) connected.setException(connectError(error, where));
  };
  socket.on('error', onError);
  socket.once('connect', () => {
    if (!connected.done() && !loop.isClosed()) connected.setResult(undefined);
  });
  // Whoever waits here is reported.
  const untrack = keepTrack(loop, { quiet: true, abandon: () => void socket.destroy() });
  let succeeded = false;
  try {
    outsideTasks(loop, () => socket.connect(target));
    yield* connected;
    succeeded = true;
  } finally {
    untrack();
    if (succeeded) socket.off('error', onError);
    else socket.destroy();
  }
  return socket;
}

/** Connects to one address, from the first local address of its family that works. */
function* connectAddress(
  loop: EventLoop,
  failures: unknown[],
  { family, sockaddr: [host, port] }: AddrInfo,
  locals: readonly AddrInfo[] | null,
): Coro<Socket> {
  const where = family === 6 ? `[${host}]:${port}` : `${host}:${port}`;
  const from = locals === null ? [null] : locals.filter((each) => each.family === family);
  let last: unknown = new OSError(
    `Cannot connect to ${where}: no matching local address with family=${family}`,
  );
  if (from.length === 0) failures.push(last);
  for (const local of from) {
    try {
      return yield* connectSocket(
        loop,
        {
          host,
          port,
          family,
          noDelay: true,
          ...(local === null ? {} : { localAddress: local.sockaddr[0], localPort: local.sockaddr[1] }),
        },
        where,
      );
    } catch (error) {
      if (!(error instanceof OSError)) throw error;
      failures.push(error);
      last = error;
    }
  }
  throw last;
}

/** One error for all attempts. */
function failureOf(failures: readonly unknown[], allErrors: boolean): unknown {
  if (allErrors) return new ExceptionGroup('create_connection failed', failures);
  const [first] = failures as readonly Error[];
  const messages = (failures as readonly Error[]).map((each) => each.message);
  if (messages.every((message) => message === first?.message)) return first;
  return new OSError(`Multiple exceptions: ${messages.join(', ')}`);
}

function* connectHost(
  loop: EventLoop,
  host: string | null,
  port: number,
  options: ConnectionOptions,
): Coro<Socket> {
  const hints = { family: options.family, proto: options.proto, flags: options.flags };
  let infos = yield* getaddrinfo(loop, host, port, hints);
  if (infos.length === 0) throw new OSError('getaddrinfo() returned empty list');
  const locals =
    options.localAddr === null || options.localAddr === undefined
      ? null
      : yield* getaddrinfo(loop, options.localAddr[0], options.localAddr[1], hints);
  const delay = options.happyEyeballsDelay ?? null;
  const turns = options.interleave ?? (delay === null ? 0 : 1);
  if (turns > 0) infos = interleave(infos, turns);
  const failures: unknown[] = [];
  if (delay === null) {
    for (const info of infos) {
      try {
        return yield* connectAddress(loop, failures, info, locals);
      } catch (error) {
        if (!(error instanceof OSError)) throw error;
      }
    }
  } else {
    const connected: Socket[] = [];
    let winner: Socket | null = null;
    try {
      [winner] = yield* staggeredRace(
        infos.map(
          (info) =>
            function* attempt(): Coro<Socket> {
              const socket = yield* connectAddress(loop, failures, info, locals);
              connected.push(socket);
              return socket;
            },
        ),
        delay,
        { loop },
      );
    } finally {
      // Two may have connected in the same iteration, or one when the race was cancelled.
      for (const socket of connected) if (socket !== winner) socket.destroy();
    }
    if (winner !== null) return winner;
  }
  throw failureOf(failures, options.allErrors === true);
}

function checkFactory(protocolFactory: unknown): void {
  if (typeof protocolFactory !== 'function') {
    throw new TypeError(
      `Cannot connect: expected a function that makes the protocol, got ${String(protocolFactory)}`,
    );
  }
}

/** @throws ValueError for what means something with TLS only. */
function checkTlsOptions(
  options: TlsTimeouts & { serverHostname?: string | null | undefined },
  tls: boolean,
): void {
  if (tls) return;
  if ((options.serverHostname ?? null) !== null) {
    throw new ValueError('serverHostname is only meaningful with ssl');
  }
  if ((options.sslHandshakeTimeout ?? null) !== null) {
    throw new ValueError('sslHandshakeTimeout is only meaningful with ssl');
  }
  if ((options.sslShutdownTimeout ?? null) !== null) {
    throw new ValueError('sslShutdownTimeout is only meaningful with ssl');
  }
}

/** What TLS a client was asked for. */
function clientTls(
  options: ConnectionOptions | UnixConnectionOptions,
  host: string | null,
): { context: ReturnType<typeof clientContext>; side: TlsSide; limits: TlsLimits } | null {
  const ssl = options.ssl ?? false;
  checkTlsOptions(options, ssl !== false);
  if (ssl === false) return null;
  const hostname = options.serverHostname ?? host ?? '';
  if (hostname === '' && (options.serverHostname ?? null) === null) {
    throw new ValueError('You must set serverHostname when using ssl without a host');
  }
  return { context: clientContext(ssl), side: { serverSide: false, hostname }, limits: tlsLimits(options) };
}

/** A socket that was given must be a connected one of Node's. */
function checkSocket(socket: Socket): void {
  if (!(socket instanceof nodeNet().Socket)) {
    throw new ValueError(`A Stream Socket was expected, got ${String(socket)}`);
  }
  if (socket.destroyed || socket.pending) {
    throw new ValueError(`Cannot use the socket: it is ${socket.destroyed ? 'closed' : 'not connected'}`);
  }
  if ((socket as { encrypted?: boolean }).encrypted === true) {
    throw new TypeError('Cannot use a TLS socket: give the plain one, and ssl');
  }
  socket.allowHalfOpen = true;
  socket.pause();
}

export function createConnection<P extends StreamProtocol>(
  loop: EventLoop,
  protocolFactory: () => P,
  host: string | null = null,
  port: number | string | null = null,
  options: ConnectionOptions = {},
): Coroutine<[Transport, P]> {
  checkFactory(protocolFactory);
  const tls = clientTls(options, host);
  const sock = options.sock ?? null;
  const number = portNumber(port);
  if (host !== null || port !== null) {
    if (sock !== null) throw new ValueError('host/port and sock can not be specified at the same time');
  } else if (sock === null) {
    throw new ValueError('host and port was not specified and no sock specified');
  } else {
    checkSocket(sock);
  }
  return new Coroutine(
    (function* (): Coro<[Transport, P]> {
      const socket = sock ?? (yield* connectHost(loop, host, number, options));
      return yield* establish(loop, socket, protocolFactory, {}, tls);
    })(),
    'createConnection',
  );
}

export function createUnixConnection<P extends StreamProtocol>(
  loop: EventLoop,
  protocolFactory: () => P,
  path: string | null = null,
  options: UnixConnectionOptions = {},
): Coroutine<[Transport, P]> {
  checkFactory(protocolFactory);
  const tls = clientTls(options, null);
  const sock = options.sock ?? null;
  if (path !== null) {
    if (typeof path !== 'string') throw new TypeError(`Cannot connect: expected a path, got ${String(path)}`);
    if (sock !== null) throw new ValueError('path and sock can not be specified at the same time');
    checkUnixPath(path, 'connect');
  } else if (sock === null) {
    throw new ValueError('no path and sock were specified');
  } else {
    checkSocket(sock);
  }
  return new Coroutine(
    (function* (): Coro<[Transport, P]> {
      const socket = sock ?? (yield* connectSocket(loop, { path: path as string }, path as string));
      return yield* establish(
        loop,
        socket,
        protocolFactory,
        { extra: { peername: path ?? '', sockname: '' } },
        tls,
      );
    })(),
    'createUnixConnection',
  );
}

export function connectAcceptedSocket<P extends StreamProtocol>(
  loop: EventLoop,
  protocolFactory: () => P,
  sock: Socket,
  options: AcceptedSocketOptions = {},
): Coroutine<[Transport, P]> {
  checkFactory(protocolFactory);
  checkSocket(sock);
  const ssl = options.ssl ?? null;
  checkTlsOptions(options, ssl !== null);
  const tls =
    ssl === null
      ? null
      : { context: checkContext(ssl), side: { serverSide: true } as const, limits: tlsLimits(options) };
  return new Coroutine(establish(loop, sock, protocolFactory, {}, tls), 'connectAcceptedSocket');
}

/** How {@link NetworkLoop.startTls} goes on. */
export interface LoopStartTlsOptions extends TlsTimeouts {
  serverSide?: boolean | undefined;
  serverHostname?: string | null | undefined;
}

export function startTls(
  loop: EventLoop,
  transport: BaseTransport,
  protocol: BaseProtocol,
  sslcontext: SSLContext,
  options: LoopStartTlsOptions = {},
): Coroutine<Transport> {
  const context = checkContext(sslcontext);
  if (!(transport instanceof SocketTransport) || transport instanceof TlsTransport) {
    throw new TypeError(`Cannot start TLS: ${String(transport)} is not a plain connection of this library`);
  }
  const limits = tlsLimits(options);
  return new Coroutine(startingTls(loop, transport, protocol, context, options, limits), 'startTls');
}

function* startingTls(
  loop: EventLoop,
  transport: SocketTransport,
  protocol: BaseProtocol,
  context: ReturnType<typeof checkContext>,
  options: LoopStartTlsOptions,
  limits: TlsLimits,
): Coro<Transport> {
  if (transport.isClosing()) throw new RuntimeError('Cannot start TLS: the transport is closing');
  const raw = transport._socket;
  const owner = transport._owner;
  const early = transport._surrender();
  // What was received too early belongs to TLS.
  for (const data of early.reverse()) raw.unshift(data);
  let socket: Awaited<ReturnType<typeof handshake> extends Generator<unknown, infer S> ? S : never>;
  try {
    socket = yield* handshake(
      loop,
      raw,
      context,
      options.serverSide === true
        ? { serverSide: true }
        : { serverSide: false, hostname: options.serverHostname ?? '' },
      limits.handshake,
    );
  } catch (error) {
    // The protocol knew the connection, and hears that it is gone.
    loop.callSoon(
      () => {
        try {
          protocol.connectionLost?.(isCancelledError(error) ? null : (error as Error));
        } finally {
          transport._leaveServer();
        }
      },
      { context: transport._ownContext },
    );
    throw error;
  }
  const secure = new TlsTransport(loop, socket, protocol, context, limits.shutdown, {
    server: owner,
    context: transport._ownContext,
    extra: { peername: transport._extra.peername, sockname: transport._extra.sockname },
  });
  transport._leaveServer();
  secure._takeOver();
  return secure;
}
