/** StreamWriter, and the protocol that joins a reader and a writer to a transport. Platform-free: over any {@link Transport}. */

import type { EventLoop } from './base-events.js';
import type { Bytes } from './bytes.js';
import {
  CLOSED,
  type Coro,
  Coroutine,
  LeafCoroutine,
  makesCoroutines,
  RETURN_NOTHING,
  SKIP_ITERATION,
  type Suspension,
  suspendOn,
} from './coroutines.js';
import { getEventLoop } from './events.js';
import { NotImplementedError, RuntimeError } from './exceptions.js';
import { inspectCustom } from './format-helpers.js';
import { Future, PENDING } from './futures.js';
import { shield } from './gather.js';
import type { ExtraInfo, SSLContext, TlsTimeouts } from './network.js';
import { ConnectionResetError } from './os-errors.js';
import { type BaseProtocol, Protocol } from './protocols.js';
import type { StreamReader } from './stream-reader.js';
import type { Task } from './tasks.js';
import type { BaseTransport, Transport, WriteTransport } from './transports.js';

/** What a server calls for each connection: a plain function, a generator coroutine or an async function. */
export type ClientConnected = (
  reader: StreamReader,
  writer: StreamWriter,
) => void | Coro<void> | Coroutine<void> | PromiseLike<void>;

/** What {@link StreamWriter.startTls} may be told. */
export interface StartTlsOptions extends TlsTimeouts {
  /** The name that the peer's certificate must have; clients only. */
  serverHostname?: string | null | undefined;
}

/** What the platform brings to a loop that can start TLS on an open connection. */
interface TlsLoop {
  startTls?(
    transport: BaseTransport,
    protocol: BaseProtocol,
    sslcontext: SSLContext,
    options: StartTlsOptions & { serverSide: boolean },
  ): Coroutine<Transport>;
}

/**
 * The half of a stream's protocol that writers wait for: paused or not, connected or not. For protocols whose writer is a
 * {@link StreamWriter}. Source: `asyncio.streams.FlowControlMixin`.
 */
export class FlowControlProtocol extends Protocol {
  /** @internal */
  readonly _loop: EventLoop;
  /** Whether the transport's buffer is too full. @internal */
  _writingPaused: boolean;
  /** @internal */
  _connectionLost: boolean;
  /** @internal */
  readonly _drainWaiters: Set<Future<void>>;

  constructor(loop?: EventLoop) {
    super();
    this._loop = loop ?? getEventLoop();
    this._writingPaused = false;
    this._connectionLost = false;
    this._drainWaiters = new Set();
  }

  override pauseWriting(): void {
    this._writingPaused = true;
  }

  override resumeWriting(): void {
    this._writingPaused = false;
    for (const waiter of this._drainWaiters) if (waiter._status === PENDING) waiter.setResult(undefined);
    this._drainWaiters.clear();
  }

  override connectionLost(error: Error | null): void {
    this._connectionLost = true;
    for (const waiter of this._drainWaiters) {
      if (waiter._status !== PENDING) continue;
      if (error === null) waiter.setResult(undefined);
      else waiter.setException(error);
    }
    this._drainWaiters.clear();
  }

  /** What {@link StreamWriter.waitClosed} of `writer` waits for. Subclasses say. */
  _closeWaiter(_writer: StreamWriter): Future<void> {
    throw new NotImplementedError('Cannot wait for the end of the connection: the protocol does not tell');
  }
}

/**
 * The protocol of `openConnection()` and `startServer()`: feeds a reader, and calls back with it and a writer when a server has
 * a connection. Source: `asyncio.StreamReaderProtocol`.
 */
export class StreamReaderProtocol extends FlowControlProtocol {
  #reader: StreamReader | null;
  readonly #clientConnected: ClientConnected | null;
  readonly #closed: Future<void>;
  #overTls = false;

  constructor(
    streamReader: StreamReader | null,
    clientConnectedCb: ClientConnected | null = null,
    loop?: EventLoop,
  ) {
    super(loop ?? streamReader?._loop);
    this.#reader = streamReader;
    this.#clientConnected = clientConnectedCb;
    this.#closed = new Future<void>({ loop: this._loop });
  }

  /** Whether it is a server's. @internal */
  get _serverSide(): boolean {
    return this.#clientConnected !== null;
  }

  /** TLS was started on the connection. @internal */
  _replaceTransport(transport: Transport): void {
    this.#overTls = transport.getExtraInfo('sslcontext') !== null;
    this.#reader?._replaceTransport(transport);
  }

  override connectionMade(transport: BaseTransport): void {
    const reader = this.#reader;
    reader?.setTransport(transport);
    this.#overTls = transport.getExtraInfo('sslcontext') !== null;
    const callback = this.#clientConnected;
    if (callback === null) return;
    const writer = new StreamWriter(transport as Transport, this, reader, this._loop);
    const task = this.#start(callback, reader as StreamReader, writer);
    task.addDoneCallback((done: Task<void>) => {
      if (done.cancelled()) {
        transport.close();
        return;
      }
      const exception = done.exception();
      if (exception === null) return;
      this._loop.callExceptionHandler({
        message: 'Unhandled exception in client_connected_cb',
        exception,
        transport,
      });
      transport.close();
    });
  }

  /** A task for each connection, whatever the callback's kind: a cancellation of it must reach an async function. */
  #start(callback: ClientConnected, reader: StreamReader, writer: StreamWriter): Task<void> {
    if (makesCoroutines(callback)) return this._loop.createTask(callback(reader, writer) as Coro<void>);
    return this._loop.createTask((() => callback(reader, writer)) as () => PromiseLike<void>);
  }

  override connectionLost(error: Error | null): void {
    const reader = this.#reader;
    if (reader !== null) {
      if (error === null) reader.feedEof();
      else reader.setException(error);
    }
    if (!this.#closed.done()) {
      if (error === null) this.#closed.setResult(undefined);
      else {
        this.#closed.setException(error);
        // Who does not wait for the end need not hear of it.
        this.#closed.exception();
      }
    }
    super.connectionLost(error);
    this.#reader = null;
  }

  override dataReceived(data: Bytes): void {
    this.#reader?.feedData(data);
  }

  override eofReceived(): boolean {
    this.#reader?.feedEof();
    // TLS cannot be closed in one direction.
    return !this.#overTls;
  }

  override _closeWaiter(): Future<void> {
    return this.#closed;
  }
}

class Draining extends LeafCoroutine<void> {
  readonly _writer: StreamWriter;
  _waiter: Future<void> | null;

  constructor(writer: StreamWriter) {
    super();
    this._writer = writer;
    this._waiter = null;
  }

  override get name(): string {
    return 'drain';
  }

  protected override _start(): IteratorResult<Suspension, void> {
    const exception = this._writer._reader === null ? null : this._writer._reader._exception;
    if (exception !== null) {
      this._state = CLOSED;
      throw exception;
    }
    // connectionLost() comes through the loop: whoever writes and drains without end must let it through.
    if (this._writer._transport.isClosing()) return SKIP_ITERATION;
    return this.#finish();
  }

  #finish(): IteratorResult<Suspension, void> {
    const protocol = this._writer._protocol;
    if (protocol._connectionLost) {
      this._state = CLOSED;
      throw new ConnectionResetError('Connection lost');
    }
    if (!protocol._writingPaused) {
      this._state = CLOSED;
      return RETURN_NOTHING;
    }
    const waiter = new Future<void>({ loop: protocol._loop });
    protocol._drainWaiters.add(waiter);
    this._waiter = waiter;
    return suspendOn(waiter as Future<unknown>);
  }

  protected override _resume(): IteratorResult<Suspension, void> {
    if (this._waiter === null) return this.#finish();
    this._state = CLOSED;
    return RETURN_NOTHING;
  }

  protected override _abort(error: unknown): never {
    this._state = CLOSED;
    if (this._waiter !== null) this._writer._protocol._drainWaiters.delete(this._waiter);
    throw error;
  }
}

/**
 * The writing end of a stream of bytes: what `openConnection()` and `startServer()` give. `write()` never waits; `drain()` after it
 * waits while the other side is slower. Source: `asyncio.StreamWriter`.
 */
export class StreamWriter {
  /** @internal */
  _transport: Transport;
  /** @internal */
  readonly _protocol: FlowControlProtocol;
  /** @internal */
  readonly _reader: StreamReader | null;
  readonly #loop: EventLoop;

  constructor(
    transport: WriteTransport,
    protocol: FlowControlProtocol,
    reader: StreamReader | null,
    loop: EventLoop,
  ) {
    this._transport = transport as Transport;
    this._protocol = protocol;
    this._reader = reader;
    this.#loop = loop;
  }

  /** What is underneath. */
  get transport(): Transport {
    return this._transport;
  }

  /** Writes without waiting; {@link drain} should follow. As {@link WriteTransport.write}. */
  write(data: Uint8Array): void {
    this._transport.write(data);
  }

  /** Writes each of them, in order. */
  writelines(data: Iterable<Uint8Array>): void {
    this._transport.writelines(data);
  }

  /** Tells the peer that no more will come; reading goes on. */
  writeEof(): void {
    this._transport.writeEof();
  }

  /** Whether {@link writeEof} is supported; not over TLS. */
  canWriteEof(): boolean {
    return this._transport.canWriteEof();
  }

  /** Closes the connection once what is written is sent. {@link waitClosed} waits for that. */
  close(): void {
    this._transport.close();
  }

  /** Whether the connection is closing or closed. */
  isClosing(): boolean {
    return this._transport.isClosing();
  }

  /**
   * Waits until the connection is closed.
   *
   * *Suspends* until then. *Cancellation* changes nothing for others who wait.
   *
   * @throws the error that ended the connection.
   */
  waitClosed(): Coroutine<void> {
    return new Coroutine(closed(this), 'waitClosed');
  }

  /** As {@link BaseTransport.getExtraInfo}. */
  getExtraInfo<K extends keyof ExtraInfo>(name: K): ExtraInfo[K] | null;
  getExtraInfo<K extends keyof ExtraInfo, D>(name: K, defaultValue: D): ExtraInfo[K] | D;
  getExtraInfo(name: string, defaultValue?: unknown): unknown;
  getExtraInfo(name: string, defaultValue: unknown = null): unknown {
    return this._transport.getExtraInfo(name, defaultValue);
  }

  /**
   * Waits until it is sensible to write more: while the transport's buffer is fuller than its limits.
   *
   * *Suspends* only then, and for one iteration when the connection is closing. *Cancellation* leaves what is written in the buffer.
   *
   * @throws the reader's exception; ConnectionResetError when the connection is lost.
   */
  drain(): Coroutine<void> {
    return new Draining(this);
  }

  /**
   * Goes on with TLS over the open connection, as a server or a client, whichever this side is.
   *
   * *Suspends* until what is written is sent and the handshake is done. *Cancellation* closes the connection.
   *
   * @throws what the handshake threw; NotImplementedError where the platform has no TLS.
   */
  startTls(sslcontext: SSLContext, options: StartTlsOptions = {}): Coroutine<void> {
    return new Coroutine(startingTls(this, sslcontext, options), 'startTls');
  }

  /** @internal */
  get _eventLoop(): EventLoop {
    return this.#loop;
  }

  toString(): string {
    return `<StreamWriter transport=${this._transport}${this._reader === null ? '' : ` reader=${this._reader}`}>`;
  }

  [inspectCustom](): string {
    return this.toString();
  }
}

function* closed(writer: StreamWriter): Coro<void> {
  yield* shield(writer._protocol._closeWaiter(writer));
}

function* startingTls(writer: StreamWriter, sslcontext: SSLContext, options: StartTlsOptions): Coro<void> {
  const loop = writer._eventLoop as EventLoop & TlsLoop;
  const protocol = writer._protocol;
  if (!(protocol instanceof StreamReaderProtocol)) {
    throw new RuntimeError(`Cannot start TLS: ${writer} does not stand on a connection`);
  }
  if (loop.startTls === undefined) throw new NotImplementedError('Cannot start TLS: this platform has none');
  yield* writer.drain();
  const transport = yield* loop.startTls(writer._transport, protocol, sslcontext, {
    ...options,
    serverSide: protocol._serverSide,
  });
  writer._transport = transport;
  protocol._replaceTransport(transport);
}
