/** Servers: sockets that listen, and the connections that they brought. */

import type { ListenOptions, Server as NetServer, ServerOpts, Socket } from 'node:net';
import {
  type Context,
  type Coro,
  Coroutine,
  copyContext,
  type EventLoop,
  type Future,
  gather,
  isCancelledError,
  logger,
  OSError,
  RuntimeError,
  type SSLContext,
  sleep,
  type Task,
  type TlsTimeouts,
  type TransportSocket,
  ValueError,
} from '../core/index.js';
import {
  AbstractServer,
  keepTrack,
  LoopCallback,
  outsideTasks,
  type StreamProtocol,
  toOSError,
} from '../core/io.js';
import { stopsTheLoop } from '../core/lowlevel.js';
import { type AddressFamily, getaddrinfo, portNumber } from './addresses.js';
import { nodeFs, nodeNet } from './builtins.js';
import { SocketTransport } from './socket-transport.js';
import { checkContext, type NodeSSLContext } from './ssl.js';
import { handshake, type TlsLimits, TlsTransport, tlsLimits } from './tls-transport.js';
import { ListeningSocketView } from './transport-socket.js';
import { checkUnixPath } from './unix-path.js';

const DEFAULT_BACKLOG = 100;

/** What servers of all kinds are told. */
interface CommonServerOptions extends TlsTimeouts {
  ssl?: SSLContext | null | undefined;
  /** How many connections may wait to be accepted; 100 unless told. */
  backlog?: number | undefined;
  /** `false`: do not listen before {@link Server.startServing}. */
  startServing?: boolean | undefined;
  /** A listening server of Node's, in place of an address; its connections are taken over. */
  sock?: NetServer | null | undefined;
}

/** How {@link NetworkLoop.createServer} listens. */
export interface ServerOptions extends CommonServerOptions {
  family?: AddressFamily | undefined;
  flags?: number | undefined;
  /** Node always sets SO_REUSEADDR where it is safe: `false` is refused. */
  reuseAddress?: boolean | null | undefined;
  /** Let several processes listen on one port; needs Node 22.12 or later. */
  reusePort?: boolean | null | undefined;
  /** Have the system probe idle connections. */
  keepAlive?: boolean | null | undefined;
}

/** How {@link NetworkLoop.createUnixServer} listens. */
export interface UnixServerOptions extends CommonServerOptions {
  /** Remove the socket's file when the server is closed, if it is still its own; `true` unless told. */
  cleanupSocket?: boolean | undefined;
}

/** One place to listen at. */
interface Place {
  readonly listen: ListenOptions;
  /** As it stands in error messages. */
  readonly label: string;
  /** The file of a Unix socket. */
  readonly path: string | null;
}

interface Listener {
  readonly server: NetServer;
  readonly view: ListeningSocketView;
  readonly path: string | null;
  /** The number of the file that is this listener's. */
  readonly inode: number | null;
}

/** How connections become transports. */
interface Serving {
  readonly protocolFactory: () => StreamProtocol;
  readonly tls: { readonly context: NodeSSLContext; readonly limits: TlsLimits } | null;
  readonly backlog: number;
  readonly cleanupSocket: boolean;
  readonly accept: ServerOpts;
  readonly extra: Readonly<Record<string, unknown>> | undefined;
}

/** A connection whose handshake is under way. */
interface Pending {
  close(): void;
  abort(): void;
}

/**
 * What `createServer()` and `startServer()` give. `await using server = …` closes it at the end of the block. Source:
 * `asyncio.Server`.
 */
export class Server extends AbstractServer {
  readonly #loop: EventLoop;
  readonly #serving: Serving;
  /** Where to listen, until it does. */
  readonly #places: readonly Place[];
  readonly #context: Context = copyContext();
  readonly #clients = new Set<SocketTransport | Pending>();
  /** Who waits for the end; `null` when it has come. */
  #waiters: Set<Future<void>> | null = new Set();
  /** `null` when it is closed. */
  #listeners: Listener[] | null = [];
  /** Listening has begun; done when every socket does. */
  #start: Future<void> | null = null;
  #servingForever: Future<never> | null = null;
  readonly #accepted: Socket[] = [];
  readonly #acceptance: LoopCallback;
  #untrack: (() => void) | null = null;

  /** @internal */
  constructor(loop: EventLoop, places: readonly Place[], serving: Serving) {
    super();
    this.#loop = loop;
    this.#places = places;
    this.#serving = serving;
    this.#acceptance = new LoopCallback(loop, () => this.#accept(), this.#context);
  }

  getLoop(): EventLoop {
    return this.#loop;
  }

  isServing(): boolean {
    return this.#listeners !== null && this.#listeners.length > 0;
  }

  /** The sockets that listen; none before it serves and after it is closed. */
  get sockets(): readonly TransportSocket[] {
    return (this.#listeners ?? []).map(({ view }) => view);
  }

  /**
   * Begins to accept connections. Node cannot bind a socket without listening, so the addresses are taken only now.
   *
   * *Suspends* until every socket listens. *Cancellation* leaves the server as it is.
   *
   * @throws OSError when an address cannot be used; RuntimeError when the server is closed.
   */
  startServing(): Coroutine<void> {
    return new Coroutine(this.#startServing(), 'startServing');
  }

  *#startServing(): Coro<void> {
    if (this.#listeners === null) throw new RuntimeError(`server ${this} is closed`);
    if (this.#start !== null) {
      if (!this.#start.done()) yield* waitFor(this.#start);
      else this.#start.result();
      return;
    }
    const start = this.#loop.createFuture<void>();
    this.#start = start;
    const opened: Listener[] = [];
    try {
      const outcomes = yield* gather(
        this.#places.map((place) => listen(this.#loop, place, this.#serving, opened)),
        { returnExceptions: true },
      );
      const failure = outcomes.find((each) => each instanceof Error && !isUnavailable(each));
      if (failure !== undefined) throw failure;
      if (this.#listeners === null) throw new RuntimeError(`server ${this} is closed`);
      if (opened.length === 0) {
        throw new OSError(
          `could not bind on any address out of ${this.#places.map(({ label }) => label).join(', ')}`,
        );
      }
      for (const listener of opened) this._adopt(listener);
      start.setResult(undefined);
    } catch (error) {
      for (const listener of opened) stop(listener, this.#serving);
      this.#start = null;
      start.setException(error);
      start.exception();
      throw error;
    }
    // As in Python: what listens now is seen by the platform before the caller goes on.
    yield* sleep(0);
  }

  /** A socket listens: takes its connections. @internal */
  _adopt(listener: Listener): void {
    this.#listeners?.push(listener);
    this.#untrack ??= keepTrack(this.#loop, this);
    listener.server.on('connection', (socket) => {
      this.#accepted.push(socket);
      this.#acceptance.schedule();
    });
    listener.server.on('error', (error) => this.#acceptFailed(error, listener));
  }

  /** @internal */
  _started(): void {
    this.#start = this.#loop.createFuture<void>();
    this.#start.setResult(undefined);
  }

  #acceptFailed(error: Error, listener: Listener): void {
    if (this.#loop.isClosed()) return;
    this.#loop.callExceptionHandler({
      message: 'socket.accept() out of system resource',
      exception: toOSError(error),
      socket: listener.view,
    });
  }

  /** Runs in the loop: gives each new connection its protocol and transport. */
  #accept(): void {
    for (const socket of this.#accepted.splice(0)) {
      if (this.#listeners === null || socket.destroyed) {
        socket.destroy();
        continue;
      }
      try {
        this.#serve(socket);
      } catch (error) {
        socket.destroy();
        if (stopsTheLoop(error)) throw error;
        this.#reportAccept(error);
      }
    }
  }

  #reportAccept(error: unknown): void {
    this.#loop.callExceptionHandler({
      message: 'Error on transport creation for incoming connection',
      exception: error,
    });
  }

  #serve(socket: Socket): void {
    const { protocolFactory, tls, extra } = this.#serving;
    const protocol = protocolFactory();
    if (tls === null) {
      const options = { server: this, context: this.#context, extra };
      new SocketTransport(this.#loop, socket, protocol, options)._begin(null);
      return;
    }
    const task = this.#loop.createTask(this.#serveTls(socket, protocol, tls), {
      context: this.#context.copy(),
    });
    const give = () => void task.cancel();
    const pending: Pending = { close: give, abort: give };
    this.#clients.add(pending);
    task.addDoneCallback((done: Task<void>) => {
      // Given up before its first step, it had no chance to.
      if (done.cancelled()) socket.destroy();
      this.#clients.delete(pending);
      this.#maybeWake();
    });
  }

  *#serveTls(
    socket: Socket,
    protocol: StreamProtocol,
    tls: { readonly context: NodeSSLContext; readonly limits: TlsLimits },
  ): Coro<void> {
    try {
      const secure = yield* handshake(
        this.#loop,
        socket,
        tls.context,
        { serverSide: true },
        tls.limits.handshake,
      );
      const options = { server: this, context: this.#context, extra: this.#serving.extra };
      const transport = new TlsTransport(
        this.#loop,
        secure,
        protocol,
        tls.context,
        tls.limits.shutdown,
        options,
      );
      transport._begin(null);
    } catch (error) {
      if (isCancelledError(error) || stopsTheLoop(error)) throw error;
      // The peer's doing, not the program's: as in Python, only debug mode speaks of it.
      if (!(error instanceof OSError)) this.#reportAccept(error);
      else if (this.#loop.getDebug()) logger.debug(`${this}: SSL handshake failed`, error);
    }
  }

  /** @internal */
  _attach(transport: SocketTransport): void {
    this.#clients.add(transport);
  }

  /** @internal */
  _detach(transport: SocketTransport): void {
    if (this.#clients.delete(transport)) this.#maybeWake();
  }

  #maybeWake(): void {
    if (this.#clients.size > 0 || this.#listeners !== null || this.#waiters === null) return;
    const waiters = this.#waiters;
    this.#waiters = null;
    if (this.#loop.isClosed()) return;
    for (const waiter of waiters) if (!waiter.done()) waiter.setResult(undefined);
  }

  close(): void {
    const listeners = this.#listeners;
    if (listeners === null) return;
    this.#stopListening(listeners);
    if (this.#servingForever !== null && !this.#servingForever.done()) this.#servingForever.cancel();
    this.#servingForever = null;
    this.#maybeWake();
  }

  #stopListening(listeners: readonly Listener[]): void {
    this.#listeners = null;
    this.#untrack?.();
    for (const listener of listeners) stop(listener, this.#serving);
    for (const socket of this.#accepted.splice(0)) socket.destroy();
  }

  /** The loop is closed: nobody is called. @internal */
  abandon(): void {
    if (this.#listeners !== null) this.#stopListening(this.#listeners);
  }

  closeClients(): void {
    for (const client of [...this.#clients]) client.close();
  }

  abortClients(): void {
    for (const client of [...this.#clients]) client.abort();
  }

  /**
   * Accepts connections until it is cancelled; the server is closed then, and its connections are waited for.
   *
   * *Suspends* for ever. *Cancellation* is the way to end it; {@link close} cancels it, too.
   *
   * @throws RuntimeError when somebody waits here already, or the server is closed.
   */
  serveForever(): Coroutine<never> {
    return new Coroutine(this.#serveForever(), 'serveForever');
  }

  *#serveForever(): Coro<never> {
    if (this.#servingForever !== null) {
      throw new RuntimeError(`server ${this} is already being awaited on serveForever()`);
    }
    if (this.#listeners === null) throw new RuntimeError(`server ${this} is closed`);
    const forever = this.#loop.createFuture<never>();
    this.#servingForever = forever;
    try {
      yield* this.#startServing();
      return yield* forever;
    } catch (error) {
      if (isCancelledError(error)) {
        this.close();
        yield* this.#waitClosed();
      }
      throw error;
    } finally {
      if (this.#servingForever === forever) this.#servingForever = null;
    }
  }

  /**
   * Waits until the server is closed and every connection is gone.
   *
   * *Suspends* until both are so. *Cancellation* changes nothing.
   */
  waitClosed(): Coroutine<void> {
    return new Coroutine(this.#waitClosed(), 'waitClosed');
  }

  *#waitClosed(): Coro<void> {
    if (this.#waiters === null) return;
    const waiter = this.#loop.createFuture<void>();
    this.#waiters.add(waiter);
    try {
      yield* waiter;
    } finally {
      this.#waiters?.delete(waiter);
    }
  }

  override toString(): string {
    return `<Server sockets=(${this.sockets.join(', ')})>`;
  }
}

/** Waits for a future that others wait for, too. */
function* waitFor(future: Future<void>): Coro<void> {
  const mine = future.getLoop().createFuture<void>();
  future.addDoneCallback(() => {
    if (!mine.done()) mine.setResult(undefined);
  });
  yield* mine;
  future.result();
}

/** The address family is switched off: as in Python, that alone is no reason to fail. */
function isUnavailable(error: Error): boolean {
  const { code } = error as { code?: string };
  return code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT';
}

/** Opens one listening socket, and puts it into `opened`: whoever waits may be cancelled in the same iteration. */
function listen(loop: EventLoop, place: Place, serving: Serving, opened: Listener[]): Coroutine<void> {
  return new Coroutine(listening(loop, place, serving, opened), 'listen');
}

function* listening(loop: EventLoop, place: Place, serving: Serving, opened: Listener[]): Coro<void> {
  const done = loop.createFuture<void>();
  if (place.path !== null && !place.path.startsWith('\0')) removeStale(place.path);
  const server = outsideTasks(loop, () => nodeNet().createServer(serving.accept));
  const onError = (error: Error) => {
    if (!done.done() && !loop.isClosed()) done.setException(listenError(error, place));
  };
  server.once('error', onError);
  let succeeded = false;
  try {
    outsideTasks(loop, () => {
      server.listen({ ...place.listen, backlog: serving.backlog }, () => {
        if (!done.done() && !loop.isClosed()) done.setResult(undefined);
      });
    });
    yield* done;
    succeeded = true;
  } finally {
    server.off('error', onError);
    if (!succeeded) {
      server.on('error', () => {});
      // Node may be about to open the socket all the same.
      server.once('listening', () => server.close());
      if (server.listening) server.close();
    }
  }
  opened.push(listenerOf(server, place.path));
}

function listenerOf(server: NetServer, path: string | null): Listener {
  return { server, view: new ListeningSocketView(server), path, inode: path === null ? null : inodeOf(path) };
}

function listenError(error: Error, place: Place): Error {
  const mapped = toOSError(error);
  if (mapped instanceof OSError && mapped !== error) {
    mapped.message =
      place.path !== null && mapped.code === 'EADDRINUSE'
        ? `Address '${place.path}' is already in use`
        : `error while attempting to bind on address ${place.label}: ${error.message}`;
  }
  return mapped;
}

/** Closes a listening socket. Node removes the file of a Unix socket whosever it is: one that must stay is kept aside meanwhile. */
function stop({ server, path, inode }: Listener, { cleanupSocket }: Serving): void {
  const present = path === null ? null : inodeOf(path);
  if (path === null || present === null || (cleanupSocket && present === inode)) {
    server.close();
    return;
  }
  const fs = nodeFs();
  const aside = `${path}.${globalThis.crypto.randomUUID()}.kept`;
  try {
    fs.linkSync(path, aside);
  } catch (error) {
    logger.error(`Unable to keep UNIX socket '${path}'`, error);
    server.close();
    return;
  }
  server.close();
  try {
    fs.renameSync(aside, path);
  } catch (error) {
    logger.error(`Unable to put UNIX socket '${path}' back from '${aside}'`, error);
  }
}

/** The number of the file; sockets in the abstract namespace have none. */
function inodeOf(path: string): number | null {
  if (path.startsWith('\0')) return null;
  return nodeFs().statSync(path, { throwIfNoEntry: false })?.ino ?? null;
}

/** A socket's file that nobody listens at any more would be in the way. */
function removeStale(path: string): void {
  const fs = nodeFs();
  try {
    if (fs.statSync(path, { throwIfNoEntry: false })?.isSocket() === true) fs.unlinkSync(path);
  } catch (error) {
    logger.error(`Unable to check or remove stale UNIX socket '${path}'`, error);
  }
}

// --------------------------------------------------------------------------------------------- making one

function servingOf(
  protocolFactory: () => StreamProtocol,
  options: CommonServerOptions & {
    keepAlive?: boolean | null | undefined;
    cleanupSocket?: boolean | undefined;
  },
  extra?: Readonly<Record<string, unknown>>,
): Serving {
  if (typeof protocolFactory !== 'function') {
    throw new TypeError(
      `Cannot create a server: expected a function that makes the protocols, got ${String(protocolFactory)}`,
    );
  }
  const ssl: unknown = options.ssl ?? null;
  if (typeof ssl === 'boolean') throw new TypeError('ssl argument must be an SSLContext or None');
  if (ssl === null) {
    if ((options.sslHandshakeTimeout ?? null) !== null)
      throw new ValueError('sslHandshakeTimeout is only meaningful with ssl');
    if ((options.sslShutdownTimeout ?? null) !== null)
      throw new ValueError('sslShutdownTimeout is only meaningful with ssl');
  }
  const context = ssl === null ? null : checkContext(ssl);
  if (context?.hasCertificate === false)
    throw new ValueError('Cannot serve TLS: the context has no certificate');
  return {
    protocolFactory,
    tls: context === null ? null : { context, limits: tlsLimits(options) },
    backlog: options.backlog ?? DEFAULT_BACKLOG,
    cleanupSocket: options.cleanupSocket ?? true,
    accept: {
      allowHalfOpen: true,
      pauseOnConnect: true,
      noDelay: true,
      keepAlive: options.keepAlive ?? false,
    },
    extra,
  };
}

/** Checks a server of Node's that was given. */
function checkServer(server: NetServer): void {
  if (!(server instanceof nodeNet().Server)) {
    throw new ValueError(`A Stream Socket was expected, got ${String(server)}`);
  }
  if (!server.listening) throw new ValueError('Cannot serve: the given server of Node does not listen');
  const state = server as { allowHalfOpen?: boolean; pauseOnConnect?: boolean };
  state.allowHalfOpen = true;
  state.pauseOnConnect = true;
}

function* starting(
  loop: EventLoop,
  places: readonly Place[],
  serving: Serving,
  options: CommonServerOptions,
): Coro<Server> {
  const given = options.sock ?? null;
  const server = new Server(loop, places, serving);
  if (given !== null) {
    const address = given.address();
    server._adopt(listenerOf(given, typeof address === 'string' ? address : null));
    server._started();
  } else if (options.startServing !== false) {
    try {
      yield* server.startServing();
    } catch (error) {
      server.close();
      throw error;
    }
  }
  return server;
}

export function createServer(
  loop: EventLoop,
  protocolFactory: () => StreamProtocol,
  host: string | readonly string[] | null = null,
  port: number | string | null = null,
  options: ServerOptions = {},
): Coroutine<Server> {
  const serving = servingOf(protocolFactory, options);
  const sock = options.sock ?? null;
  if (host !== null || port !== null) {
    if (sock !== null) throw new ValueError('host/port and sock can not be specified at the same time');
  } else if (sock === null) {
    throw new ValueError('Neither host/port nor sock were specified');
  } else {
    checkServer(sock);
  }
  if (options.reuseAddress === false) {
    throw new ValueError('Cannot create a server with reuseAddress off: Node always sets it');
  }
  if (options.reusePort === true && !supportsReusePort()) {
    throw new ValueError('reusePort not supported by this version of Node');
  }
  const number = portNumber(port);
  return new Coroutine(
    (function* (): Coro<Server> {
      const places = sock === null ? yield* placesOf(loop, host, number, options) : [];
      return yield* starting(loop, places, serving, options);
    })(),
    'createServer',
  );
}

function* placesOf(
  loop: EventLoop,
  host: string | readonly string[] | null,
  port: number,
  options: ServerOptions,
): Coro<Place[]> {
  const hosts = host === null || host === '' ? [null] : typeof host === 'string' ? [host] : host;
  const found = yield* gather(
    hosts.map((each) =>
      getaddrinfo(loop, each, port, { family: options.family, flags: options.flags, passive: true }),
    ),
  );
  const places = new Map<string, Place>();
  for (const { family, sockaddr } of found.flat()) {
    const label = family === 6 ? `[${sockaddr[0]}]:${port}` : `${sockaddr[0]}:${port}`;
    places.set(label, {
      listen: {
        host: sockaddr[0],
        port,
        ...(family === 6 ? { ipv6Only: true } : {}),
        ...(options.reusePort === true ? { reusePort: true } : {}),
      },
      label,
      path: null,
    });
  }
  return [...places.values()];
}

/** Since Node 22.12 and 23.1. */
function supportsReusePort(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
}

export function createUnixServer(
  loop: EventLoop,
  protocolFactory: () => StreamProtocol,
  path: string | null = null,
  options: UnixServerOptions = {},
): Coroutine<Server> {
  const sock = options.sock ?? null;
  if (path !== null) {
    if (typeof path !== 'string' || path === '')
      throw new TypeError(`Cannot create a server: expected a path, got ${String(path)}`);
    if (sock !== null) throw new ValueError('path and sock can not be specified at the same time');
    checkUnixPath(path, 'create a server');
  } else if (sock === null) {
    throw new ValueError('path was not specified, and no sock specified');
  } else {
    checkServer(sock);
  }
  const name = path ?? (sock?.address() as string);
  const serving = servingOf(protocolFactory, options, { peername: '', sockname: name });
  const places = path === null ? [] : [{ listen: { path }, label: path, path }];
  return new Coroutine(starting(loop, places, serving, options), 'createUnixServer');
}
