/**
 * Transports over one direction of a pipe: any readable or any writable stream of Node's.
 *
 * Node calls when something happens to the stream; the transport keeps it, and has the loop call the protocol, in order and
 * outside any task. States: open → closing (nothing more is received or accepted; what was written still leaves) → lost
 * (`connectionLost()` is scheduled or was called, once; the stream is destroyed).
 */

import type { Readable, Writable } from 'node:stream';
import {
  type Bytes,
  type Context,
  copyContext,
  type EventLoop,
  type Future,
  logger,
  OSError,
} from '../core/index.js';
import {
  asBytes,
  type BaseProtocol,
  type BaseTransport,
  BrokenPipeError,
  checkBytes,
  keepTrack,
  LoopCallback,
  type OpenResource,
  type Protocol,
  ReadTransport,
  toOSError,
  type WriteBufferLimits,
  WriteFlow,
  WriteTransport,
} from '../core/io.js';

/** Bytes that are kept for the loop to deliver; then the stream is stopped until they are. */
const MOST_INCOMING = 64 * 1024;
/** Writes to a lost pipe before the first warning. */
const QUIET_LOST_WRITES = 5;

/** What a stream of Node's looks like, for `toString()`. */
function describe(stream: Readable | Writable): string {
  const { fd } = stream as { fd?: unknown };
  return typeof fd === 'number' ? `fd=${fd}` : stream.constructor.name;
}

/** What both directions have: the stream, who is told of it, and how it ends. */
class PipeEnd<S extends Readable | Writable> {
  readonly context: Context = copyContext();
  protocol: BaseProtocol;
  closing = false;
  lost = false;
  readonly #loop: EventLoop;
  readonly #stream: S;
  readonly #transport: BaseTransport & OpenResource;
  readonly #untrack: () => void;
  /** As it stands in reports. */
  readonly #direction: 'read' | 'write';

  constructor(
    loop: EventLoop,
    stream: S,
    protocol: BaseProtocol,
    transport: BaseTransport & OpenResource,
    direction: 'read' | 'write',
  ) {
    this.#loop = loop;
    this.#stream = stream;
    this.protocol = protocol;
    this.#transport = transport;
    this.#direction = direction;
    this.#untrack = keepTrack(loop, transport);
  }

  /** An error of the stream: the protocol hears of it, and the loop of what is no error of the system. */
  fail(error: Error): void {
    if (this.lost) return;
    const message = `Fatal ${this.#direction} error on pipe transport`;
    if (error instanceof OSError) {
      if (this.#loop.getDebug()) logger.debug(`${this.#transport}: ${message}`, error);
    } else if (!this.#loop.isClosed()) {
      this.#loop.callExceptionHandler({
        message,
        exception: error,
        transport: this.#transport,
        protocol: this.protocol,
      });
    }
    this.lose(error);
  }

  /** Closes at once; `connectionLost()` comes through the loop. */
  lose(error: Error | null): void {
    if (this.lost) return;
    this.#untrack();
    this.abandon();
    if (this.#loop.isClosed()) return;
    this.#loop.callSoon(() => this.protocol.connectionLost?.(error), { context: this.context });
  }

  /** Closes at once, and calls nobody. */
  abandon(): void {
    this.closing = true;
    this.lost = true;
    this.#stream.destroy();
  }
}

/** The transport of `connectReadPipe()`. Source: `asyncio.unix_events._UnixReadPipeTransport`. */
export class ReadPipeTransport extends ReadTransport {
  readonly #loop: EventLoop;
  readonly #stream: Readable;
  readonly #delivery: LoopCallback;
  readonly #end: PipeEnd<Readable>;
  /** Received, and not handed to the protocol. */
  readonly #incoming: Bytes[] = [];
  #incomingSize = 0;
  #begun = false;
  #paused = false;
  /** What Node said of the stream, to be told after what came before. */
  #ended = false;
  #failure: Error | null = null;

  constructor(loop: EventLoop, stream: Readable, protocol: BaseProtocol) {
    super();
    this.#loop = loop;
    this.#stream = stream;
    this.#end = new PipeEnd(loop, stream, protocol, this, 'read');
    this.#delivery = new LoopCallback(loop, () => this.#deliver(), this.#end.context);
    stream.pause();
    stream.on('data', this.#onData);
    stream.on('end', this.#onEnd);
    stream.on('error', this.#onError);
    stream.on('close', this.#onEnd);
    if (stream.readableEnded || stream.destroyed) this.#onEnd();
  }

  /** Calls `connectionMade()` through the loop, begins to read then, and completes `waiter`. @internal */
  _begin(waiter: Future<void> | null): void {
    this.#loop.callSoon(
      () => {
        try {
          this.#end.protocol.connectionMade?.(this);
        } finally {
          this.#begun = true;
          this.#flow();
          if (waiter !== null && !waiter.done()) waiter.setResult(undefined);
        }
      },
      { context: this.#end.context },
    );
  }

  #flow(): void {
    if (!this.#begun || !this.isReading()) return;
    this.#stream.resume();
    if (this.#incoming.length > 0 || this.#ended) this.#delivery.schedule();
  }

  readonly #onData = (data: Uint8Array | string): void => {
    if (this.#end.closing) return;
    const bytes = asBytes(typeof data === 'string' ? Buffer.from(data) : data);
    this.#incoming.push(bytes);
    this.#incomingSize += bytes.length;
    // Paused: Node resumes the pipes of a child that has exited, whoever paused them.
    if (this.#paused || this.#incomingSize >= MOST_INCOMING) this.#stream.pause();
    if (!this.#paused) this.#delivery.schedule();
  };

  /** The end, or the stream was destroyed by somebody else, which is no better. */
  readonly #onEnd = (): void => {
    this.#ended = true;
    this.#delivery.schedule();
  };

  readonly #onError = (error: Error): void => {
    this.#failure ??= toOSError(error);
    this.#onEnd();
  };

  /** Runs in the loop: one piece, then the next one in its turn, then the end. */
  #deliver(): void {
    if (!this.#begun || !this.isReading()) return;
    const data = this.#incoming.shift();
    if (data !== undefined) {
      this.#incomingSize -= data.length;
      if (this.#incoming.length > 0 || this.#ended) this.#delivery.schedule();
      else if (this.#stream.isPaused()) this.#stream.resume();
      (this.#end.protocol as Protocol).dataReceived?.(data);
    } else if (this.#failure !== null) {
      this.#end.fail(this.#failure);
    } else if (this.#ended) {
      if (this.#loop.getDebug()) logger.info(`${this} was closed by peer`);
      this.#end.closing = true;
      this.#loop.callSoon(() => void (this.#end.protocol as Protocol).eofReceived?.(), {
        context: this.#end.context,
      });
      this.#end.lose(null);
    }
  }

  /** The loop is closed: nobody is called. @internal */
  abandon(): void {
    this.#end.abandon();
  }

  isReading(): boolean {
    return !this.#paused && !this.#end.closing;
  }

  pauseReading(): void {
    if (!this.isReading()) return;
    this.#paused = true;
    this.#stream.pause();
  }

  resumeReading(): void {
    if (this.#end.closing || !this.#paused) return;
    this.#paused = false;
    this.#flow();
  }

  isClosing(): boolean {
    return this.#end.closing;
  }

  close(): void {
    this.#end.lose(null);
  }

  setProtocol(protocol: BaseProtocol): void {
    this.#end.protocol = protocol;
  }

  getProtocol(): BaseProtocol {
    return this.#end.protocol;
  }

  getExtraInfo(name: string, defaultValue: unknown = null): never {
    return (name === 'pipe' ? this.#stream : defaultValue) as never;
  }

  override toString(): string {
    const state = this.#end.lost
      ? 'closed'
      : this.#end.closing
        ? 'closing'
        : this.#paused
          ? 'idle'
          : 'polling';
    return `<ReadPipeTransport ${state} ${describe(this.#stream)}>`;
  }
}

/** The transport of `connectWritePipe()`. Source: `asyncio.unix_events._UnixWritePipeTransport`. */
export class WritePipeTransport extends WriteTransport {
  readonly #loop: EventLoop;
  readonly #stream: Writable;
  readonly #flow: WriteFlow;
  readonly #end: PipeEnd<Writable>;
  /** Writes that Node has not reported as done. */
  #underWay = 0;
  #lostWrites = 0;

  constructor(loop: EventLoop, stream: Writable, protocol: BaseProtocol) {
    super();
    this.#loop = loop;
    this.#stream = stream;
    this.#flow = new WriteFlow(loop, this);
    this.#end = new PipeEnd(loop, stream, protocol, this, 'write');
    stream.on('error', (error) => this.#end.fail(toOSError(error)));
    stream.on('close', () => this.#end.lose(this.#underWay > 0 ? brokenPipe() : null));
  }

  /**
   * Calls `connectionMade()` through the loop, and completes `waiter`.
   *
   * @param watched the other direction of a socket: its end says that the peer has closed. @internal
   */
  _begin(waiter: Future<void> | null, watched: Readable | null = null): void {
    this.#loop.callSoon(
      () => {
        try {
          this.#end.protocol.connectionMade?.(this);
        } finally {
          if (watched !== null && !this.#end.closing) {
            watched.on('end', this.#onPeerClosed);
            watched.resume();
          }
          if (this.#stream.destroyed) this.#end.lose(null);
          if (waiter !== null && !waiter.done()) waiter.setResult(undefined);
        }
      },
      { context: this.#end.context },
    );
  }

  readonly #onPeerClosed = (): void => {
    if (this.#loop.getDebug()) logger.info(`${this} was closed by peer`);
    this.#end.lose(this.#underWay > 0 ? brokenPipe() : null);
  };

  write(data: Uint8Array): void {
    checkBytes(data, 'write');
    if (data.length === 0) return;
    if (this.#end.closing) {
      if (this.#lostWrites >= QUIET_LOST_WRITES) {
        logger.warn('pipe closed by peer or os.write(pipe, data) raised exception.');
      }
      this.#lostWrites += 1;
      return;
    }
    this.#underWay += 1;
    const stream = this.#stream;
    stream.write(data, this.#onWritten);
    // It failed at once: Node would tell a moment later, and drain() must know by then.
    if (stream.errored !== null) this.#end.fail(toOSError(stream.errored));
    else this.#flow.grew(stream.writableLength);
  }

  readonly #onWritten = (error?: Error | null): void => {
    if (error !== undefined && error !== null) return;
    this.#underWay -= 1;
    if (this.#flow.paused && !this.#end.lost && this.#stream.writableLength <= this.#flow.low)
      this.#loop.callSoon(this.#resume, { context: this.#end.context });
  };

  readonly #resume = (): void => {
    if (!this.#end.lost) this.#flow.shrank(this.#stream.writableLength);
  };

  /** The same as {@link close}: a pipe has no other direction. */
  writeEof(): void {
    if (this.#end.closing) return;
    this.#end.closing = true;
    const stream = this.#stream;
    stream.once('finish', () => this.#end.lose(null));
    stream.end();
  }

  canWriteEof(): boolean {
    return true;
  }

  close(): void {
    this.writeEof();
  }

  abort(): void {
    this.#end.lose(null);
  }

  isClosing(): boolean {
    return this.#end.closing;
  }

  getWriteBufferSize(): number {
    return this.#end.lost ? 0 : this.#stream.writableLength;
  }

  getWriteBufferLimits(): [low: number, high: number] {
    return [this.#flow.low, this.#flow.high];
  }

  setWriteBufferLimits(limits?: WriteBufferLimits): void {
    this.#flow.setLimits(limits, this.getWriteBufferSize());
  }

  /** The loop is closed: nobody is called. @internal */
  abandon(): void {
    this.#end.abandon();
  }

  setProtocol(protocol: BaseProtocol): void {
    this.#end.protocol = protocol;
  }

  getProtocol(): BaseProtocol {
    return this.#end.protocol;
  }

  getExtraInfo(name: string, defaultValue: unknown = null): never {
    return (name === 'pipe' ? this.#stream : defaultValue) as never;
  }

  override toString(): string {
    const state = this.#end.lost ? 'closed' : this.#end.closing ? 'closing' : 'open';
    return `<WritePipeTransport ${state} ${describe(this.#stream)} bufsize=${this.getWriteBufferSize()}>`;
  }
}

function brokenPipe(): BrokenPipeError {
  return new BrokenPipeError('Broken pipe', { code: 'EPIPE' });
}
