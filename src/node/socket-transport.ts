/**
 * The transport over a socket of Node's.
 *
 * Node calls when a socket has data; the transport keeps it, and has the loop call the protocol. States: open → closing
 * (`close()` was called, what is buffered still leaves) → lost (`connectionLost()` is scheduled or was called; once).
 */

import type { Socket } from 'node:net';
import {
  type Bytes,
  type Context,
  copyContext,
  type EventLoop,
  type Future,
  logger,
  OSError,
  RuntimeError,
  type SocketAddress,
} from '../core/index.js';
import {
  type BaseProtocol,
  type BufferedProtocol,
  checkBytes,
  isBufferedProtocol,
  joinBytes,
  keepTrack,
  LoopCallback,
  NO_BYTES,
  type Protocol,
  Transport,
  toOSError,
  type WriteBufferLimits,
  WriteFlow,
} from '../core/io.js';
import { stopsTheLoop } from '../core/lowlevel.js';
import { JOIN_LIMIT, JoinedWrites } from './joined-writes.js';
import { readShared, stopShared } from './shared-reads.js';
import { StreamSocketView, socketAddress } from './transport-socket.js';

/** Writes to a lost connection before the first warning. */
const QUIET_LOST_WRITES = 5;

/** Whoever wants to know which transports are open: a server. */
export interface TransportOwner {
  _attach(transport: SocketTransport): void;
  _detach(transport: SocketTransport): void;
}

/** How a transport is made. */
export interface SocketTransportOptions {
  readonly server?: TransportOwner | null | undefined;
  /** What `getExtraInfo()` cannot learn from the socket. */
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
  readonly defaultHigh?: number | undefined;
  readonly context?: Context | undefined;
}

export class SocketTransport extends Transport {
  /** @internal */
  readonly _loop: EventLoop;
  /** @internal */
  readonly _socket: Socket;
  /** @internal */
  readonly _flow: WriteFlow;
  /** @internal */
  _closing = false;
  /** @internal */
  _lost = false;
  /** Why nobody may write for now. @internal */
  _writeBan: string | null = null;
  /** @internal */
  readonly _extra: Record<string, unknown>;
  readonly #context: Context;
  readonly #server: TransportOwner | null;
  #protocol: BaseProtocol;
  #buffered: boolean;
  /** Received, and not handed to the protocol. */
  readonly #incoming: Bytes[] = [];
  readonly #delivery: LoopCallback;
  readonly #joined: JoinedWrites;
  readonly #untrack: () => void;
  #readingPaused = false;
  #begun = false;
  /** What Node said of the socket, to be told after what came before: the peer's end, its failure, and that it is closed. */
  #ended = false;
  #endTold = false;
  #failure: Error | null = null;
  #gone = false;
  #eofWritten = false;
  #lostWrites = 0;

  constructor(loop: EventLoop, socket: Socket, protocol: BaseProtocol, options: SocketTransportOptions = {}) {
    super();
    this._loop = loop;
    this._socket = socket;
    this._flow = new WriteFlow(loop, this, options.defaultHigh);
    this.#protocol = protocol;
    this.#buffered = isBufferedProtocol(protocol);
    this.#server = options.server ?? null;
    this.#context = options.context ?? copyContext();
    this.#delivery = new LoopCallback(loop, () => this.#deliver(), this.#context);
    this.#joined = new JoinedWrites((data) => this.#send(data));
    this.#untrack = keepTrack(loop, this);
    // Asked for now: a socket that is closed does not know any more.
    this._extra = {
      peername: socketAddress({ address: socket.remoteAddress, port: socket.remotePort }),
      sockname: socketAddress({ address: socket.localAddress, port: socket.localPort }),
      ...options.extra,
    };
    if (!readShared(socket, this.#onRead)) socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
    this.#server?._attach(this);
  }

  /** Calls `connectionMade()` through the loop, begins to read then, and completes `waiter`. @internal */
  _begin(waiter: Future<void> | null): void {
    this._loop.callSoon(
      () => {
        try {
          this.#protocol.connectionMade?.(this);
        } finally {
          this.#begun = true;
          if (!this._closing && !this.#readingPaused) this._socket.resume();
          if (waiter !== null && !waiter.done()) waiter.setResult(undefined);
        }
      },
      { context: this.#context },
    );
  }

  /** Begins to read; the protocol knows the connection already. @internal */
  _takeOver(): void {
    this.#begun = true;
    if (!this._closing && !this.#readingPaused) this._socket.resume();
  }

  /** Lets go of the socket for another transport, with what was received and not delivered. @internal */
  _surrender(): Bytes[] {
    const socket = this._socket;
    this.#joined.flush();
    this.#untrack();
    socket.off('data', this.#onData);
    stopShared(socket);
    socket.off('end', this.#onEnd);
    socket.off('error', this.#onError);
    socket.off('close', this.#onClose);
    socket.pause();
    this._closing = true;
    this._lost = true;
    return this.#incoming.splice(0);
  }

  /** The other transport is closed: this one's protocol was told by it. @internal */
  _leaveServer(): void {
    this.#server?._detach(this);
  }

  /** @internal */
  get _ownContext(): Context {
    return this.#context;
  }

  /** @internal */
  get _owner(): TransportOwner | null {
    return this.#server;
  }

  // ------------------------------------------------------------------------------------------ reading

  readonly #onData = (data: Bytes): void => {
    if (this._closing) return;
    this.#incoming.push(data);
    if (!this.#readingPaused) this.#delivery.schedule();
  };

  /** The same for a socket that reads into shared memory. */
  readonly #onRead = (data: Bytes): boolean => {
    if (this._closing) return false;
    this.#incoming.push(data);
    if (this.#readingPaused) return false;
    this.#delivery.schedule();
    return true;
  };

  readonly #onEnd = (): void => {
    this.#ended = true;
    this.#delivery.schedule();
  };

  readonly #onError = (error: Error): void => {
    const failure = toOSError(error);
    // Nothing more can be delivered in order when the protocol wants nothing.
    if (this.#readingPaused || this._closing || !this.#begun) this._fail(failure);
    else {
      this.#failure = failure;
      this.#delivery.schedule();
    }
  };

  readonly #onClose = (): void => {
    this.#gone = true;
    if (this._lost) return;
    if (this._closing || this.#readingPaused) this._forceClose(this.#failure);
    else this.#delivery.schedule();
  };

  /** Runs in the loop: hands over what has come, in order. */
  #deliver(): void {
    if (this._closing) return;
    const incoming = this.#incoming;
    if (this.#readingPaused || !this.#begun) return;
    if (incoming.length === 1) this._receive(incoming.pop() as Bytes);
    else {
      let count = 0;
      while (count < incoming.length && !this.#readingPaused && !this._closing) {
        this._receive(incoming[count] as Bytes);
        count += 1;
      }
      incoming.splice(0, count);
    }
    if (this._closing || this.#readingPaused || incoming.length > 0) return;
    if (this.#ended && !this.#endTold) {
      this.#endTold = true;
      this.#receiveEnd();
    }
    if (this.#failure !== null) this._fail(this.#failure);
    else if (this.#gone) this._forceClose(null);
  }

  /** @internal */
  _receive(data: Bytes): void {
    const protocol = this.#protocol;
    if (this.#buffered) {
      this.#receiveInto(protocol as BufferedProtocol, data);
      return;
    }
    try {
      (protocol as Protocol).dataReceived?.(data);
    } catch (error) {
      this._fatalError(error, 'Fatal error: protocol.dataReceived() call failed.');
    }
  }

  #receiveInto(protocol: BufferedProtocol, data: Bytes): void {
    let rest: Uint8Array = data;
    while (rest.length > 0 && !this._closing) {
      let room: Uint8Array;
      try {
        room = protocol.getBuffer(rest.length);
        if (room.length === 0) throw new RuntimeError('getBuffer() returned an empty buffer');
      } catch (error) {
        this._fatalError(error, 'Fatal error: protocol.getBuffer() call failed.');
        return;
      }
      const count = Math.min(room.length, rest.length);
      room.set(count === rest.length ? rest : rest.subarray(0, count));
      rest = rest.subarray(count);
      try {
        protocol.bufferUpdated(count);
      } catch (error) {
        this._fatalError(error, 'Fatal error: protocol.bufferUpdated() call failed.');
        return;
      }
    }
  }

  #receiveEnd(): void {
    let keepOpen: unknown;
    try {
      keepOpen = (this.#protocol as Protocol).eofReceived?.();
    } catch (error) {
      this._fatalError(error, 'Fatal error: protocol.eofReceived() call failed.');
      return;
    }
    if (!this._keepsOpen(keepOpen)) this.close();
  }

  /** @internal */
  _keepsOpen(keepOpen: unknown): boolean {
    return Boolean(keepOpen);
  }

  isReading(): boolean {
    return !this._closing && !this.#readingPaused;
  }

  pauseReading(): void {
    if (!this.isReading()) return;
    this.#readingPaused = true;
    this._socket.pause();
  }

  resumeReading(): void {
    if (this._closing || !this.#readingPaused) return;
    this.#readingPaused = false;
    if (!this.#begun) return;
    this._socket.resume();
    if (this.#incoming.length > 0 || this.#ended || this.#gone) this.#delivery.schedule();
  }

  // ------------------------------------------------------------------------------------------ writing

  write(data: Uint8Array): void {
    if (!(data instanceof Uint8Array)) checkBytes(data, 'write');
    if (this.#eofWritten) throw new RuntimeError('Cannot call write() after writeEof()');
    if (this._writeBan !== null) throw new RuntimeError(this._writeBan);
    this._write(data);
  }

  /** @internal */
  _write(data: Uint8Array): void {
    if (data.length === 0) return;
    if (this._closing) {
      this.#countLostWrite();
      return;
    }
    const joined = this.#joined;
    const { high } = this._flow;
    if (joined.size > 0) {
      if (!joined.take(data, high)) this.#writeBehind(data);
      return;
    }
    const socket = this._socket;
    if (data.length <= high && socket.writableLength === 0) {
      // It fits: nobody needs to hear when it has left.
      if (!joined.take(data, high)) socket.write(data);
      return;
    }
    socket.write(data, this.#onWritten);
    this._flow.grew(socket.writableLength);
  }

  /** What waits for the end of the turn goes out now, in one call with what cannot wait. */
  #writeBehind(data: Uint8Array): void {
    const socket = this._socket;
    socket.cork();
    this.#joined.flush();
    socket.write(data, this.#onWritten);
    socket.uncork();
    this._flow.grew(socket.writableLength);
  }

  #send(data: Bytes): void {
    if (!this._socket.destroyed) this._socket.write(data);
  }

  /** Sends what waits for the end of the turn. @internal */
  _sendJoined(): void {
    this.#joined.flush();
  }

  readonly #onWritten = (error?: Error | null): void => {
    // After a failure there is room, too; who waits for it is to hear of the failure.
    if (error || !this._flow.paused || this._lost) return;
    const size = this._socket.writableLength;
    if (size <= this._flow.low) this._loop.callSoon(this.#resumeWriting, { context: this.#context });
  };

  readonly #resumeWriting = (): void => {
    if (!this._lost) this._flow.shrank(this._socket.writableLength);
  };

  #countLostWrite(): void {
    if (this.#lostWrites >= QUIET_LOST_WRITES) logger.warn('socket.send() raised exception.');
    this.#lostWrites += 1;
  }

  override writelines(listOfData: Iterable<Uint8Array>): void {
    const parts = [...listOfData];
    let size = 0;
    for (const part of parts) {
      checkBytes(part, 'write');
      size += part.length;
    }
    if (parts.length < 2) {
      this.write(parts[0] ?? NO_BYTES);
    } else if (size <= JOIN_LIMIT) {
      this.write(joinBytes(parts, size));
    } else {
      this._socket.cork();
      try {
        for (const part of parts) this.write(part);
      } finally {
        this._socket.uncork();
      }
    }
  }

  writeEof(): void {
    if (this._closing || this.#eofWritten) return;
    if (this._writeBan !== null) throw new RuntimeError(this._writeBan);
    this.#eofWritten = true;
    this.#joined.flush();
    this._socket.end();
  }

  canWriteEof(): boolean {
    return true;
  }

  getWriteBufferSize(): number {
    if (this._lost) return 0;
    this.#joined.flush();
    return this._socket.writableLength;
  }

  getWriteBufferLimits(): [low: number, high: number] {
    return [this._flow.low, this._flow.high];
  }

  setWriteBufferLimits(limits?: WriteBufferLimits): void {
    const size = this.getWriteBufferSize();
    this._flow.setLimits(limits, size);
    // What is on its way was written without a callback if it was below the marks then: ask behind it.
    if (size > 0 && !this._closing && !this.#eofWritten) this._socket.write(NO_BYTES, this.#onWritten);
  }

  // ------------------------------------------------------------------------------------------- ending

  isClosing(): boolean {
    return this._closing;
  }

  close(): void {
    if (this._closing) return;
    this._closing = true;
    this.#stopReading();
    this.#joined.flush();
    const socket = this._socket;
    if (socket.writableLength === 0) {
      this._forceClose(null);
      return;
    }
    if (socket.writableFinished) this._forceClose(null);
    else socket.once('finish', () => this._forceClose(null));
    if (!this.#eofWritten) socket.end();
  }

  abort(): void {
    this._forceClose(null);
  }

  #stopReading(): void {
    this.#incoming.length = 0;
    this._socket.pause();
  }

  /** @internal */
  _stopReading(): void {
    this.#stopReading();
  }

  /** A failure of the connection, which the protocol is told of and nobody else. @internal */
  _fail(error: Error): void {
    if (this._loop.getDebug()) logger.debug(`${this}: Fatal error on transport`, error);
    this._forceClose(error);
  }

  /** An error that ends the connection, and that somebody should hear of. @internal */
  _fatalError(error: unknown, message: string): void {
    if (stopsTheLoop(error)) throw error;
    if (error instanceof OSError) {
      this._fail(error);
      return;
    }
    this._loop.callExceptionHandler({ message, exception: error, transport: this, protocol: this.#protocol });
    this._forceClose(error as Error);
  }

  /** Closes at once; `connectionLost()` comes through the loop. @internal */
  _forceClose(error: Error | null): void {
    if (this._lost) return;
    this.#discard();
    if (this._loop.isClosed()) {
      this.#server?._detach(this);
      return;
    }
    this._loop.callSoon(
      () => {
        try {
          this.#protocol.connectionLost?.(error);
        } finally {
          this.#server?._detach(this);
        }
      },
      { context: this.#context },
    );
  }

  #discard(): void {
    this._lost = true;
    this._closing = true;
    this.#incoming.length = 0;
    this.#untrack();
    // What was written before is on its way, as if each write had been sent by itself.
    this.#joined.flush();
    this._socket.destroy();
  }

  /** The loop is closed: nobody is called. @internal */
  abandon(): void {
    this.#discard();
    this.#server?._detach(this);
  }

  // --------------------------------------------------------------------------------------------- what it is

  setProtocol(protocol: BaseProtocol): void {
    this.#protocol = protocol;
    this.#buffered = isBufferedProtocol(protocol);
  }

  getProtocol(): BaseProtocol {
    return this.#protocol;
  }

  getExtraInfo(name: string, defaultValue: unknown = null): never {
    if (name === 'socket') this._extra.socket ??= this._view();
    return (this._extra[name] ?? defaultValue) as never;
  }

  /** @internal */
  _view(): StreamSocketView {
    return new StreamSocketView(
      this._socket,
      (this._extra.sockname as SocketAddress | null) ?? '',
      this._extra.peername as SocketAddress | null,
    );
  }

  override toString(): string {
    const state = this._lost ? 'closed' : this._closing ? 'closing' : 'open';
    const peer = this._extra.peername as SocketAddress | null;
    return `<${this.constructor.name} ${state}${peer === null ? '' : ` peer=${Array.isArray(peer) ? peer.join(':') : peer}`}>`;
  }
}
