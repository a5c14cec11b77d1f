/** Datagrams: endpoints and their transport. */

import type { RemoteInfo, Socket, SocketOptions } from 'node:dgram';
import {
  type Bytes,
  type Context,
  type Coro,
  Coroutine,
  copyContext,
  type EventLoop,
  type Future,
  logger,
  OSError,
  type SocketAddress,
  ValueError,
} from '../core/index.js';
import {
  type BaseProtocol,
  checkBytes,
  type DatagramProtocol,
  DatagramTransport,
  keepTrack,
  LoopCallback,
  outsideTasks,
  toOSError,
  type WriteBufferLimits,
  WriteFlow,
} from '../core/io.js';
import { stopsTheLoop } from '../core/lowlevel.js';
import { type AddressFamily, getaddrinfo, portNumber } from './addresses.js';
import { untilBegun } from './beginning.js';
import { nodeDgram } from './builtins.js';
import { DatagramSocketView } from './transport-socket.js';

/** How {@link NetworkLoop.createDatagramEndpoint} makes its socket. */
export interface DatagramOptions {
  /** Where to receive: a host and a port of this machine. */
  localAddr?: readonly [host: string, port: number] | null | undefined;
  /** Where all datagrams go, and where all come from. */
  remoteAddr?: readonly [host: string, port: number] | null | undefined;
  family?: AddressFamily | undefined;
  proto?: number | undefined;
  flags?: number | undefined;
  /** Let several sockets receive on one port; needs Node 22.12 or later. */
  reusePort?: boolean | null | undefined;
  allowBroadcast?: boolean | null | undefined;
  /** A socket of Node's that is bound, in place of all else. */
  sock?: Socket | null | undefined;
}

/** Writes to a lost endpoint before the first warning. */
const QUIET_LOST_WRITES = 5;
/** What a datagram weighs beyond its bytes. */
const HEADER_SIZE = 8;

class NodeDatagramTransport extends DatagramTransport {
  readonly #loop: EventLoop;
  readonly #socket: Socket;
  readonly #peer: readonly [string, number] | null;
  /** Whether the system knows the peer: addresses are not given to it then. */
  readonly #connected: boolean;
  readonly #context: Context;
  readonly #flow: WriteFlow;
  readonly #extra: Record<string, unknown>;
  readonly #delivery: LoopCallback;
  readonly #untrack: () => void;
  #protocol: BaseProtocol;
  /** What has come, in order: a datagram and where it is from, or an error. */
  readonly #incoming: (readonly [Bytes, SocketAddress] | Error)[] = [];
  #begun = false;
  #closing = false;
  #lost = false;
  #unsent = 0;
  #lostWrites = 0;

  constructor(
    loop: EventLoop,
    socket: Socket,
    protocol: BaseProtocol,
    peer: readonly [string, number] | null,
    connected: boolean,
  ) {
    super();
    this.#loop = loop;
    this.#socket = socket;
    this.#protocol = protocol;
    this.#peer = peer;
    this.#connected = connected;
    this.#context = copyContext();
    this.#flow = new WriteFlow(loop, this);
    const own = socket.address();
    this.#extra = {
      sockname: [own.address, own.port],
      peername: peer,
      socket: new DatagramSocketView(socket, [own.address, own.port], peer),
    };
    this.#delivery = new LoopCallback(loop, () => this.#deliver(), this.#context);
    this.#untrack = keepTrack(loop, this);
    socket.on('message', this.#onMessage);
    socket.on('error', this.#onError);
  }

  _begin(waiter: Future<void>): void {
    this.#loop.callSoon(
      () => {
        try {
          this.#protocol.connectionMade?.(this);
        } finally {
          this.#begun = true;
          if (this.#incoming.length > 0) this.#delivery.schedule();
          if (!waiter.done()) waiter.setResult(undefined);
        }
      },
      { context: this.#context },
    );
  }

  readonly #onMessage = (data: Bytes, from: RemoteInfo): void => {
    if (this.#closing) return;
    this.#incoming.push([data, [from.address, from.port]]);
    this.#delivery.schedule();
  };

  readonly #onError = (error: Error): void => {
    if (this.#lost) return;
    this.#incoming.push(toOSError(error));
    this.#delivery.schedule();
  };

  #deliver(): void {
    if (!this.#begun) return;
    const protocol = this.#protocol as DatagramProtocol;
    for (const each of this.#incoming.splice(0)) {
      if (this.#lost || (this.#closing && !(each instanceof Error))) continue;
      try {
        if (each instanceof Error) protocol.errorReceived?.(each);
        else protocol.datagramReceived?.(each[0], each[1]);
      } catch (error) {
        this.#fatalError(error, 'Fatal error: protocol.datagramReceived() call failed.');
      }
    }
  }

  sendto(data: Uint8Array, address: SocketAddress | null = null): void {
    checkBytes(data, 'send');
    let target = address;
    if (this.#peer !== null) {
      if (target !== null && !isSame(target, this.#peer)) {
        throw new ValueError(`Invalid address: must be None or ${this.#peer.join(':')}`);
      }
      target = this.#peer;
    } else if (target !== null && (typeof target === 'string' || !Number.isInteger(target[1]))) {
      throw new TypeError(`Cannot send to ${String(target)}: expected a host and a port`);
    }
    if (this.#closing) {
      if (this.#lostWrites >= QUIET_LOST_WRITES) logger.warn('socket.send() raised exception.');
      this.#lostWrites += 1;
      return;
    }
    if (target === null) {
      this.#onError(
        new OSError('Cannot send: no destination address', { code: 'EDESTADDRREQ', syscall: 'send' }),
      );
      return;
    }
    const [host, port] = target;
    if (portNumber(port) === 0) {
      this.#onError(new OSError('Cannot send to port 0', { code: 'EINVAL', syscall: 'send' }));
      return;
    }
    // Node reads it later: after it has looked up the address, or when the socket can take it.
    const own = Buffer.from(data);
    const size = data.length + HEADER_SIZE;
    const sent = (error: Error | null) => {
      this.#unsent -= size;
      if (this.#lost || this.#loop.isClosed()) return;
      if (error !== null) this.#onError(error);
      if (this.#flow.paused && this.#unsent <= this.#flow.low)
        this.#loop.callSoon(() => this.#flow.shrank(this.#unsent), { context: this.#context });
      if (this.#closing && this.#unsent === 0) this.#forceClose(null);
    };
    if (this.#connected) this.#socket.send(own, sent);
    else this.#socket.send(own, port, host, sent);
    this.#unsent += size;
    this.#flow.grew(this.#unsent);
  }

  getWriteBufferSize(): number {
    return this.#lost ? 0 : this.#unsent;
  }

  getWriteBufferLimits(): [low: number, high: number] {
    return [this.#flow.low, this.#flow.high];
  }

  setWriteBufferLimits(limits?: WriteBufferLimits): void {
    this.#flow.setLimits(limits, this.#unsent);
  }

  isClosing(): boolean {
    return this.#closing;
  }

  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#unsent === 0) this.#forceClose(null);
  }

  abort(): void {
    this.#forceClose(null);
  }

  #fatalError(error: unknown, message: string): void {
    if (stopsTheLoop(error)) throw error;
    if (!(error instanceof OSError)) {
      this.#loop.callExceptionHandler({
        message,
        exception: error,
        transport: this,
        protocol: this.#protocol,
      });
    }
    this.#forceClose(error as Error);
  }

  #forceClose(error: Error | null): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#closing = true;
    this.#untrack();
    this.#socket.close();
    if (this.#loop.isClosed()) return;
    this.#loop.callSoon(() => this.#protocol.connectionLost?.(error), { context: this.#context });
  }

  /** The loop is closed: nobody is called. @internal */
  abandon(): void {
    this.#lost = true;
    this.#closing = true;
    this.#socket.close();
  }

  setProtocol(protocol: BaseProtocol): void {
    this.#protocol = protocol;
  }

  getProtocol(): BaseProtocol {
    return this.#protocol;
  }

  getExtraInfo(name: string, defaultValue: unknown = null): never {
    return (this.#extra[name] ?? defaultValue) as never;
  }

  override toString(): string {
    const state = this.#lost ? 'closed' : this.#closing ? 'closing' : 'open';
    return `<DatagramTransport ${state}${this.#peer === null ? '' : ` peer=${this.#peer.join(':')}`}>`;
  }
}

function isSame(address: SocketAddress, peer: readonly [string, number]): boolean {
  return typeof address !== 'string' && address[0] === peer[0] && address[1] === peer[1];
}

/** The local and the remote address of one attempt, both of one family. */
interface Pair {
  readonly family: 4 | 6;
  local: readonly [string, number] | null;
  remote: readonly [string, number] | null;
}

export function createDatagramEndpoint<P extends DatagramProtocol>(
  loop: EventLoop,
  protocolFactory: () => P,
  options: DatagramOptions = {},
): Coroutine<[DatagramTransport, P]> {
  if (typeof protocolFactory !== 'function') {
    throw new TypeError(
      `Cannot create an endpoint: expected a function that makes the protocol, got ${String(protocolFactory)}`,
    );
  }
  const { sock, ...rest } = options;
  if (sock !== null && sock !== undefined) {
    if (!(sock instanceof nodeDgram().Socket)) {
      throw new ValueError(`A datagram socket was expected, got ${String(sock)}`);
    }
    const given = Object.entries(rest).filter(([, value]) => Boolean(value));
    if (given.length > 0) {
      throw new ValueError(
        `socket modifier keyword arguments can not be used when sock is specified. (${given.map(([name, value]) => `${name}=${value}`).join(', ')})`,
      );
    }
  } else if (!options.localAddr && !options.remoteAddr && !options.family) {
    throw new ValueError('unexpected address family');
  }
  for (const address of [options.localAddr, options.remoteAddr]) {
    if (address && !(Array.isArray(address) && address.length === 2)) {
      throw new TypeError(`Cannot use ${String(address)}: expected [host, port]`);
    }
  }
  return new Coroutine(opening(loop, protocolFactory, options), 'createDatagramEndpoint');
}

function* opening<P extends DatagramProtocol>(
  loop: EventLoop,
  protocolFactory: () => P,
  options: DatagramOptions,
): Coro<[DatagramTransport, P]> {
  let transport: NodeDatagramTransport | null = null;
  let protocol: P | null = null;
  const make = (socket: Socket, peer: readonly [string, number] | null, connected: boolean) => {
    try {
      protocol = protocolFactory();
      transport = new NodeDatagramTransport(loop, socket, protocol, peer, connected);
    } catch (error) {
      socket.close();
      throw error;
    }
  };
  if (options.sock !== null && options.sock !== undefined) {
    make(options.sock, null, false);
  } else {
    const pairs = yield* pairsOf(loop, options);
    let failure: unknown = null;
    for (const pair of pairs) {
      try {
        const socket = yield* open(loop, pair, options);
        make(socket, pair.remote, pair.remote !== null && options.allowBroadcast !== true);
        break;
      } catch (error) {
        if (!(error instanceof OSError)) throw error;
        failure ??= error;
      }
    }
    if (transport === null) throw failure;
  }
  const opened = transport as unknown as NodeDatagramTransport;
  yield* untilBegun(loop, opened, (waiter) => opened._begin(waiter));
  return [opened, protocol as unknown as P];
}

function* pairsOf(loop: EventLoop, options: DatagramOptions): Coro<Pair[]> {
  const { localAddr, remoteAddr, family, proto, flags } = options;
  if (!localAddr && !remoteAddr) return [{ family: family === 6 ? 6 : 4, local: null, remote: null }];
  const pairs = new Map<number, Pair>();
  for (const [key, address] of [
    ['local', localAddr],
    ['remote', remoteAddr],
  ] as const) {
    if (!address) continue;
    const hints = { family, type: 'dgram', proto, flags, passive: key === 'local' } as const;
    for (const info of yield* getaddrinfo(loop, address[0], address[1], hints)) {
      let pair = pairs.get(info.family);
      if (pair === undefined) {
        pair = { family: info.family, local: null, remote: null };
        pairs.set(info.family, pair);
      }
      pair[key] ??= info.sockaddr;
    }
  }
  const complete = [...pairs.values()].filter(
    ({ local, remote }) => !(localAddr && local === null) && !(remoteAddr && remote === null),
  );
  if (complete.length === 0) throw new ValueError('can not get address information');
  return complete;
}

/** Opens, binds and connects one socket. */
function* open(loop: EventLoop, { family, local, remote }: Pair, options: DatagramOptions): Coro<Socket> {
  const made: SocketOptions & { reusePort?: boolean } = {
    type: family === 6 ? 'udp6' : 'udp4',
    ...(options.reusePort === true ? { reusePort: true } : {}),
  };
  const socket = outsideTasks(loop, () => nodeDgram().createSocket(made));
  let step = loop.createFuture<void>();
  const onError = (error: Error) => {
    if (!step.done() && !loop.isClosed()) step.setException(toOSError(error));
  };
  const ready = () => {
    if (!step.done() && !loop.isClosed()) step.setResult(undefined);
  };
  socket.on('error', onError);
  // Whoever waits here is reported.
  const untrack = keepTrack(loop, { quiet: true, abandon: () => void socket.close() });
  let succeeded = false;
  try {
    outsideTasks(loop, () => socket.bind(local?.[1] ?? 0, local?.[0], ready));
    yield* step;
    if (options.allowBroadcast === true) socket.setBroadcast(true);
    if (remote !== null && options.allowBroadcast !== true) {
      step = loop.createFuture<void>();
      outsideTasks(loop, () =>
        socket.connect(remote[1], remote[0], ((error?: Error) => {
          if (error === undefined || error === null) ready();
          else onError(error);
        }) as () => void),
      );
      yield* step;
    }
    succeeded = true;
  } finally {
    socket.off('error', onError);
    untrack();
    if (!succeeded) {
      socket.on('error', () => {});
      if (!loop.isClosed()) socket.close();
    }
  }
  return socket;
}
