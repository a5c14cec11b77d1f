/** Addresses, sockets and TLS contexts, as far as the contracts of transports and streams name them. The platform brings them. */

import type { Duration } from './durations.js';

/** Host and port (and, for IPv6, flow information and scope), or the path of a Unix socket. */
export type SocketAddress =
  | readonly [host: string, port: number]
  | readonly [host: string, port: number, flowinfo: number, scopeid: number]
  | string;

/** What `getExtraInfo('socket')` and `Server.sockets` show of a socket: to look at it, not to use it behind the transport. */
export interface TransportSocket {
  readonly family: 4 | 6 | 'unix';
  readonly type: 'stream' | 'dgram';
  readonly proto: number;
  /** The file descriptor, where the platform tells; -1 otherwise, and when it is closed. */
  fileno(): number;
  getsockname(): SocketAddress;
  /** @throws OSError when it is not connected. */
  getpeername(): SocketAddress;
  setsockopt(name: string, value: boolean | number): void;
  getsockopt(name: string): boolean | number;
  toString(): string;
}

/** How TLS is spoken: certificates, and whether the peer's is verified. `createDefaultContext()` makes one on Node. */
export interface SSLContext {
  /** Whether a client compares the name in the certificate with the host that it connects to. */
  readonly checkHostname: boolean;
  /** Whether the peer has to show a valid certificate. */
  readonly verifyMode: 'none' | 'optional' | 'required';
  /** The application protocols on offer, the best first. */
  readonly alpnProtocols: readonly string[];
}

/** How long TLS may take to begin and to end. */
export interface TlsTimeouts {
  /** The longest that a handshake may take; 60 seconds unless told. */
  sslHandshakeTimeout?: Duration | null | undefined;
  /** The longest that the peer may take to say goodbye; 30 seconds unless told. */
  sslShutdownTimeout?: Duration | null | undefined;
}

/** What a transport tells of itself by name: `getExtraInfo('peername')`. Platforms add to it. */
export interface ExtraInfo {
  /** The address of the other end. */
  peername: SocketAddress;
  /** The address of this end. */
  sockname: SocketAddress;
  socket: TransportSocket;
  /** TLS only. */
  sslcontext: SSLContext;
}
