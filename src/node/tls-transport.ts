/** TLS over a socket: the handshake, and the transport that comes of it. */

import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import {
  type Coro,
  type Duration,
  type EventLoop,
  logger,
  NotImplementedError,
  seconds as secondsOf,
  TimeoutError,
  type TimerHandle,
  type TlsTimeouts,
  ValueError,
} from '../core/index.js';
import {
  type BaseProtocol,
  ConnectionAbortedError,
  ConnectionResetError,
  keepTrack,
  outsideTasks,
  toOSError,
} from '../core/io.js';
import { untilBegun } from './beginning.js';
import { nodeNet, nodeTls } from './builtins.js';
import { SocketTransport, type SocketTransportOptions } from './socket-transport.js';
import { type NodeSSLContext, SSLCertVerificationError, SSLError, sslError } from './ssl.js';

/** Seconds. */
const HANDSHAKE_TIMEOUT = 60;
const SHUTDOWN_TIMEOUT = 30;
/** Bytes: TLS needs room for its records. */
const TLS_HIGH = 512 * 1024;
const TLS_READ_HIGH = 256 * 1024;

/** The timeouts of one connection, in seconds. */
export interface TlsLimits {
  readonly handshake: number;
  readonly shutdown: number;
}

/** @throws ValueError for timeouts that are not positive. */
export function tlsLimits(options: TlsTimeouts): TlsLimits {
  return {
    handshake: positive(options.sslHandshakeTimeout, HANDSHAKE_TIMEOUT, 'sslHandshakeTimeout'),
    shutdown: positive(options.sslShutdownTimeout, SHUTDOWN_TIMEOUT, 'sslShutdownTimeout'),
  };
}

function positive(duration: Duration | null | undefined, usual: number, name: string): number {
  if (duration === null || duration === undefined) return usual;
  const value = typeof duration === 'string' ? secondsOf(duration) : duration;
  if (!(value > 0)) throw new ValueError(`${name} should be a positive number, got ${String(duration)}`);
  return value;
}

/** Which side of the handshake this is. */
export type TlsSide =
  | { readonly serverSide: true }
  | { readonly serverSide: false; readonly hostname: string };

/** Speaks TLS over `raw`. When it fails or is cancelled, the socket is closed. */
export function* handshake(
  loop: EventLoop,
  raw: Socket,
  context: NodeSSLContext,
  side: TlsSide,
  timeout: number,
): Coro<TLSSocket> {
  const done = loop.createFuture<void>();
  const fail = (error: Error) => {
    if (!done.done() && !loop.isClosed()) done.setException(error);
  };
  const socket = outsideTasks(loop, () =>
    side.serverSide ? accept(raw, context) : connect(raw, context, side.hostname),
  );
  const onError = (error: Error) => fail(toOSError(sslError(error)));
  const onClose = () => fail(new ConnectionResetError('Connection lost during the TLS handshake'));
  socket.on('error', onError);
  socket.on('close', onClose);
  socket.on('end', onClose);
  raw.on('error', onError);
  socket.once(side.serverSide ? 'secure' : 'secureConnect', () => {
    if (done.done() || loop.isClosed()) return;
    const refusal = side.serverSide ? refusalOf(socket, context) : null;
    if (refusal === null) done.setResult(undefined);
    else done.setException(refusal);
  });
  const untrack = keepTrack(loop, {
    quiet: true, // Whoever waits here is reported.
    abandon: () => {
      socket.destroy();
      raw.destroy();
    },
  });
  const timer = loop.callLater(timeout, () =>
    fail(
      new ConnectionAbortedError(
        `SSL handshake is taking longer than ${timeout} seconds: aborting the connection`,
      ),
    ),
  );
  let succeeded = false;
  try {
    yield* done;
    succeeded = true;
  } finally {
    timer.cancel();
    untrack();
    if (succeeded) {
      socket.off('error', onError);
      raw.off('error', onError);
      // Whatever fails now fails the socket on top.
      raw.on('error', ignore);
    } else {
      socket.destroy();
      raw.destroy();
    }
    socket.off('close', onClose);
    socket.off('end', onClose);
  }
  return socket;
}

function ignore(): void {}

function connect(raw: Socket, context: NodeSSLContext, hostname: string): TLSSocket {
  return nodeTls().connect({
    socket: raw,
    host: hostname,
    // Addresses must not be sent as names.
    servername: nodeNet().isIP(hostname) === 0 ? hostname : '',
    secureContext: context.secureContext,
    rejectUnauthorized: context.verifyMode !== 'none',
    ...(context.alpnProtocols.length === 0 ? {} : { ALPNProtocols: [...context.alpnProtocols] }),
    checkServerIdentity: context.checkHostname
      ? (_name, certificate) => nodeTls().checkServerIdentity(hostname, certificate)
      : () => undefined,
  });
}

function accept(raw: Socket, context: NodeSSLContext): TLSSocket {
  const { TLSSocket } = nodeTls();
  return new TLSSocket(raw, {
    isServer: true,
    secureContext: context.secureContext,
    requestCert: context.verifyMode !== 'none',
    rejectUnauthorized: false,
    ...(context.alpnProtocols.length === 0 ? {} : { ALPNProtocols: [...context.alpnProtocols] }),
  });
}

/** Why a server turns a client away: Node leaves that to its own server class. */
function refusalOf(socket: TLSSocket, context: NodeSSLContext): Error | null {
  if (context.verifyMode === 'none') return null;
  const missing = Object.keys(socket.getPeerCertificate() ?? {}).length === 0;
  if (missing) {
    return context.verifyMode === 'optional' ? null : new SSLError('The peer did not return a certificate');
  }
  const handle = (socket as unknown as { _handle?: { verifyError?(): Error | null } | null })._handle;
  if (typeof handle?.verifyError !== 'function') {
    return new SSLCertVerificationError('Cannot verify the certificate of the peer on this platform');
  }
  const error = handle.verifyError();
  return error === null || error === undefined
    ? null
    : new SSLCertVerificationError(error.message, { code: (error as { code?: string }).code, cause: error });
}

/** What one knows of a TLS connection beyond its socket. */
export class TlsTransport extends SocketTransport {
  readonly #tls: TLSSocket;
  readonly #shutdownTimeout: number;
  #readLimits: [low: number, high: number] = [TLS_READ_HIGH / 4, TLS_READ_HIGH];

  constructor(
    loop: EventLoop,
    socket: TLSSocket,
    protocol: BaseProtocol,
    context: NodeSSLContext,
    shutdownTimeout: number,
    options: SocketTransportOptions,
  ) {
    super(loop, socket, protocol, {
      ...options,
      defaultHigh: TLS_HIGH,
      extra: { ...options.extra, sslcontext: context, sslObject: socket },
    });
    this.#tls = socket;
    this.#shutdownTimeout = shutdownTimeout;
  }

  override getExtraInfo(name: string, defaultValue: unknown = null): never {
    if (name === 'peercert' && !(name in this._extra)) {
      const certificate = this.#tls.getPeerCertificate();
      if (certificate !== null && Object.keys(certificate).length > 0) this._extra.peercert = certificate;
    } else if (name === 'cipher' && !(name in this._extra)) {
      const { name: cipher, version } = this.#tls.getCipher();
      if (cipher !== undefined) this._extra.cipher = [cipher, version];
    } else if (name === 'alpnProtocol' && !(name in this._extra)) {
      const chosen = this.#tls.alpnProtocol;
      if (typeof chosen === 'string') this._extra.alpnProtocol = chosen;
    }
    return super.getExtraInfo(name, defaultValue);
  }

  /** TLS cannot be closed in one direction. */
  override writeEof(): void {
    throw new NotImplementedError('Cannot call writeEof(): TLS cannot be closed in one direction');
  }

  override canWriteEof(): boolean {
    return false;
  }

  /** As in Python, what the marks are for reading is kept; Node decrypts at its own pace. */
  setReadBufferLimits(limits: { high?: number | null; low?: number | null } = {}): void {
    const high =
      limits.high ?? (limits.low === undefined || limits.low === null ? TLS_READ_HIGH : 4 * limits.low);
    const low = limits.low ?? Math.floor(high / 4);
    if (!(high >= low && low >= 0))
      throw new ValueError(`high (${high}) must be >= low (${low}) must be >= 0`);
    this.#readLimits = [low, high];
  }

  getReadBufferLimits(): [low: number, high: number] {
    return this.#readLimits;
  }

  getReadBufferSize(): number {
    return this.#tls.readableLength;
  }

  override _keepsOpen(keepOpen: unknown): boolean {
    if (keepOpen === true) logger.warn('returning true from eofReceived() has no effect when using ssl');
    return false;
  }

  /** Says goodbye, and waits until the peer has, too. */
  override close(): void {
    if (this._closing) return;
    this._closing = true;
    this._stopReading();
    this._sendJoined();
    const socket = this.#tls;
    if (socket.destroyed || socket.readableEnded) {
      this.#leave();
      return;
    }
    const timer: TimerHandle = this._loop.callLater(this.#shutdownTimeout, () => {
      this._fail(new TimeoutError('SSL shutdown timed out'));
    });
    const finished = () => {
      timer.cancel();
      this._forceClose(null);
    };
    socket.once('end', finished);
    socket.once('close', finished);
    socket.end();
    // What still comes is dropped, up to the peer's goodbye.
    socket.resume();
  }

  /** The peer has said goodbye: ours is the last word. */
  #leave(): void {
    const socket = this.#tls;
    if (socket.destroyed || socket.writableFinished) {
      this._forceClose(null);
      return;
    }
    const timer = this._loop.callLater(this.#shutdownTimeout, () => {
      this._fail(new TimeoutError('SSL shutdown timed out'));
    });
    const finished = () => {
      timer.cancel();
      this._forceClose(null);
    };
    socket.once('finish', finished);
    socket.once('close', finished);
    socket.end();
  }
}

/** Gives a connected socket its transport, after the handshake if there is to be TLS, and tells the protocol. */
export function* establish<P extends BaseProtocol>(
  loop: EventLoop,
  raw: Socket,
  protocolFactory: () => P,
  options: SocketTransportOptions,
  tls: { readonly context: NodeSSLContext; readonly side: TlsSide; readonly limits: TlsLimits } | null,
): Coro<[SocketTransport, P]> {
  let transport: SocketTransport;
  let protocol: P;
  try {
    if (tls === null) {
      protocol = protocolFactory();
      transport = new SocketTransport(loop, raw, protocol, options);
    } else {
      protocol = protocolFactory();
      const socket = yield* handshake(loop, raw, tls.context, tls.side, tls.limits.handshake);
      transport = new TlsTransport(loop, socket, protocol, tls.context, tls.limits.shutdown, options);
    }
  } catch (error) {
    raw.destroy();
    throw error;
  }
  const begun = transport;
  yield* untilBegun(loop, begun, (waiter) => begun._begin(waiter));
  return [begun, protocol];
}
