/** What `getExtraInfo('socket')` and `Server.sockets` show of Node's sockets. */

import type { Socket as DatagramSocket } from 'node:dgram';
import type { Server as NetServer, Socket } from 'node:net';
import { NotImplementedError, OSError, type SocketAddress, type TransportSocket } from '../core/index.js';

/** An address as Node tells it. */
interface NodeAddress {
  readonly address?: string | undefined;
  readonly family?: string | number | undefined;
  readonly port?: number | undefined;
}

/** Host and port of an address of Node's; `null` where there is none. */
export function socketAddress({ address, port }: NodeAddress): SocketAddress | null {
  return address === undefined || port === undefined ? null : [address, port];
}

function familyOf(family: string | number | undefined): 4 | 6 | 'unix' {
  if (family === 'IPv6' || family === 6) return 6;
  return family === 'IPv4' || family === 4 ? 4 : 'unix';
}

/** The descriptor of a socket of Node's, which has no public name. */
function descriptorOf(socket: unknown): number {
  const fd = (socket as { _handle?: { fd?: number } | null })._handle?.fd;
  return typeof fd === 'number' ? fd : -1;
}

function describe(socket: TransportSocket): string {
  return `<TransportSocket fd=${socket.fileno()} family=${socket.family} type=${socket.type}>`;
}

function unknownOption(name: string): NotImplementedError {
  return new NotImplementedError(
    `Cannot use the socket option ${JSON.stringify(name)}: Node does not offer it`,
  );
}

/** Where a socket is bound, and to whom it is connected. What it tells stays true after it is closed. */
abstract class Endpoint {
  readonly #own: SocketAddress;
  readonly #peer: SocketAddress | null;

  constructor(own: SocketAddress, peer: SocketAddress | null) {
    this.#own = own;
    this.#peer = peer;
  }

  getsockname(): SocketAddress {
    return this.#own;
  }

  getpeername(): SocketAddress {
    if (this.#peer === null)
      throw new OSError('Transport endpoint is not connected', { code: 'ENOTCONN', syscall: 'getpeername' });
    return this.#peer;
  }
}

/** A connected socket. */
export class StreamSocketView extends Endpoint implements TransportSocket {
  readonly type = 'stream';
  readonly proto = 0;
  readonly family: 4 | 6 | 'unix';
  readonly #socket: Socket;
  readonly #options = new Map<string, boolean | number>([['noDelay', true]]);

  constructor(socket: Socket, own: SocketAddress, peer: SocketAddress | null) {
    super(own, peer);
    this.#socket = socket;
    this.family = familyOf(socket.localFamily ?? socket.remoteFamily);
  }

  fileno(): number {
    return descriptorOf(this.#socket);
  }

  setsockopt(name: string, value: boolean | number): void {
    if (name === 'noDelay') this.#socket.setNoDelay(Boolean(value));
    else if (name === 'keepAlive') this.#socket.setKeepAlive(Boolean(value));
    else throw unknownOption(name);
    this.#options.set(name, value);
  }

  getsockopt(name: string): boolean | number {
    if (name !== 'noDelay' && name !== 'keepAlive') throw unknownOption(name);
    return this.#options.get(name) ?? false;
  }

  override toString(): string {
    return describe(this);
  }
}

/** A socket that listens. */
export class ListeningSocketView extends Endpoint implements TransportSocket {
  readonly type = 'stream';
  readonly proto = 0;
  readonly family: 4 | 6 | 'unix';
  readonly #server: NetServer;

  constructor(server: NetServer) {
    const address = server.address();
    super(typeof address === 'string' ? address : (socketAddress(address ?? {}) ?? ''), null);
    this.#server = server;
    this.family = typeof address === 'object' && address !== null ? familyOf(address.family) : 'unix';
  }

  fileno(): number {
    return descriptorOf(this.#server);
  }

  setsockopt(name: string): void {
    throw unknownOption(name);
  }

  getsockopt(name: string): boolean | number {
    throw unknownOption(name);
  }

  override toString(): string {
    return describe(this);
  }
}

/** A socket for datagrams. */
export class DatagramSocketView extends Endpoint implements TransportSocket {
  readonly type = 'dgram';
  readonly proto = 0;
  readonly family: 4 | 6;
  readonly #socket: DatagramSocket;

  constructor(socket: DatagramSocket, own: SocketAddress, peer: SocketAddress | null) {
    super(own, peer);
    this.#socket = socket;
    this.family = familyOf(socket.address().family) === 6 ? 6 : 4;
  }

  fileno(): number {
    const state = Object.getOwnPropertySymbols(this.#socket).find(
      (each) => each.description === 'state symbol',
    );
    const handle =
      state === undefined
        ? undefined
        : (this.#socket as unknown as Record<symbol, { handle?: { fd?: number } | null }>)[state]?.handle;
    return typeof handle?.fd === 'number' ? handle.fd : -1;
  }

  setsockopt(name: string, value: boolean | number): void {
    if (name === 'broadcast') this.#socket.setBroadcast(Boolean(value));
    else if (name === 'ttl') this.#socket.setTTL(Number(value));
    else if (name === 'multicastTTL') this.#socket.setMulticastTTL(Number(value));
    else if (name === 'multicastLoopback') this.#socket.setMulticastLoopback(Boolean(value));
    else if (name === 'recvBufferSize') this.#socket.setRecvBufferSize(Number(value));
    else if (name === 'sendBufferSize') this.#socket.setSendBufferSize(Number(value));
    else throw unknownOption(name);
  }

  getsockopt(name: string): number {
    if (name === 'recvBufferSize') return this.#socket.getRecvBufferSize();
    if (name === 'sendBufferSize') return this.#socket.getSendBufferSize();
    throw unknownOption(name);
  }

  override toString(): string {
    return describe(this);
  }
}
