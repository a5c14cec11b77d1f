/** Streams of Node and of the web as readers and writers, and readers and writers as streams of Node and of the web. */

import {
  type Coroutine,
  type EventLoop,
  Future,
  getRunningLoop,
  NotImplementedError,
  RuntimeError,
  type Task,
} from '../core/index.js';
import {
  type BaseProtocol,
  checkBytes,
  FlowControlProtocol,
  outsideTasks,
  ReadTransport,
  StreamReader,
  StreamWriter,
  Transport,
  toOSError,
  type WriteBufferLimits,
  WriteFlow,
} from '../core/io.js';

type NodeStreams = typeof import('node:stream');
type Readable = import('node:stream').Readable;
type Writable = import('node:stream').Writable;
type WebStreams = typeof import('node:stream/web');
type ReadableStream = import('node:stream/web').ReadableStream<Uint8Array>;
type WebReader = import('node:stream/web').ReadableStreamDefaultReader<Uint8Array>;
type WritableStream = import('node:stream/web').WritableStream<Uint8Array>;

const nodeStreams = (): NodeStreams => process.getBuiltinModule('node:stream');
const webStreams = (): WebStreams => process.getBuiltinModule('node:stream/web');

function asError(error: unknown): Error {
  return error instanceof Error ? toOSError(error) : new RuntimeError(String(error));
}

// ------------------------------------------------------------------------------------------------- to a reader

/** The transport of a reader that a stream feeds: it is there to be paused. */
abstract class SourceTransport extends ReadTransport {
  override getExtraInfo(_name: string, defaultValue: unknown = null): never {
    return defaultValue as never;
  }

  override setProtocol(_protocol: BaseProtocol): void {
    throw new NotImplementedError('Cannot set a protocol: the stream feeds a reader');
  }

  override getProtocol(): BaseProtocol {
    throw new NotImplementedError('Cannot give the protocol: the stream feeds a reader');
  }
}

class ReadableTransport extends SourceTransport {
  readonly #stream: Readable;

  constructor(stream: Readable) {
    super();
    this.#stream = stream;
  }

  override isClosing(): boolean {
    return this.#stream.destroyed;
  }

  override close(): void {
    this.#stream.destroy();
  }

  override isReading(): boolean {
    return !this.#stream.isPaused() && !this.#stream.destroyed;
  }

  override pauseReading(): void {
    this.#stream.pause();
  }

  override resumeReading(): void {
    this.#stream.resume();
  }
}

/** A stream of the web that is read as the reader has room. */
class WebReadableTransport extends SourceTransport {
  readonly #source: WebReader;
  readonly #feed: (data: Uint8Array) => void;
  readonly #end: (failure: { readonly error: unknown } | null) => void;
  #paused = false;
  #pulling = false;
  #closed = false;

  constructor(
    source: WebReader,
    feed: (data: Uint8Array) => void,
    end: (failure: { readonly error: unknown } | null) => void,
  ) {
    super();
    this.#source = source;
    this.#feed = feed;
    this.#end = end;
  }

  override isClosing(): boolean {
    return this.#closed;
  }

  override close(): void {
    this.#closed = true;
    this.#source.cancel().catch(() => {});
  }

  override isReading(): boolean {
    return !this.#paused && !this.#closed;
  }

  override pauseReading(): void {
    this.#paused = true;
  }

  override resumeReading(): void {
    this.#paused = false;
    void this.pull();
  }

  async pull(): Promise<void> {
    if (this.#pulling) return;
    this.#pulling = true;
    try {
      while (!this.#paused && !this.#closed) {
        const { value, done } = await this.#source.read();
        if (done) {
          this.#closed = true;
          this.#end(null);
        } else {
          this.#feed(value);
        }
      }
    } catch (error) {
      this.#closed = true;
      this.#end({ error });
    } finally {
      this.#pulling = false;
    }
  }
}

/** A {@link StreamReader} that a stream feeds: see {@link fromReadable}. */
export class SourceReader extends StreamReader implements Disposable {
  #source: SourceTransport | null = null;

  /** @internal */
  _feedFrom(source: SourceTransport): void {
    this.#source = source;
    this.setTransport(source);
  }

  /** Gives up the stream: one of Node is destroyed, one of the web cancelled. What has come can still be read. */
  close(): void {
    this.#source?.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * A {@link StreamReader} of what a stream of Node or of the web brings. The stream is paused while more than twice the limit
 * waits in the reader. An error of the stream is thrown by the reads; a stream that is destroyed before its end, too.
 *
 * @example
 * ```ts
 * import { Readable } from 'node:stream';
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   const reader = asyncio.fromReadable(Readable.from([Buffer.from('one\ntw'), Buffer.from('o\n')]));
 *   for await (const line of reader) console.log(line.toString().trim());
 *   //=> one
 *   //=> two
 * });
 * ```
 */
export function fromReadable(
  stream: Readable | ReadableStream,
  options: { limit?: number | undefined } = {},
): SourceReader {
  const loop = getRunningLoop();
  const reader = new SourceReader({ ...options, loop });
  /** On a closed loop nobody reads any more. */
  const feed = (chunk: unknown): void => {
    if (loop.isClosed()) {
      transport.pauseReading();
      return;
    }
    const data = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    checkBytes(data, 'read a stream');
    reader.feedData(data);
  };
  const end = (failure: { readonly error: unknown } | null): void => {
    if (loop.isClosed()) return;
    if (failure === null) reader.feedEof();
    else reader.setException(asError(failure.error));
  };
  let transport: SourceTransport;
  if (typeof (stream as ReadableStream)?.getReader === 'function') {
    const web = new WebReadableTransport((stream as ReadableStream).getReader() as never, feed, end);
    transport = web;
    reader._feedFrom(web);
    outsideTasks(loop, () => void web.pull());
    return reader;
  }
  const source = stream as Readable;
  if (typeof source?.pipe !== 'function' || typeof source.resume !== 'function') {
    throw new TypeError(`Cannot read ${String(stream)}: expected a Readable or a ReadableStream`);
  }
  transport = new ReadableTransport(source);
  reader._feedFrom(transport);
  outsideTasks(loop, () => {
    nodeStreams().finished(source, { writable: false }, (error) => end(error ? { error } : null));
    source.on('data', (chunk) => {
      try {
        feed(chunk);
      } catch (error) {
        source.destroy(error as Error);
      }
    });
    // Who paused it explicitly would have to say so; whoever wants to read it now does.
    source.resume();
  });
  return reader;
}

// ----------------------------------------------------------------------------------------------- from a reader

/** Starts a coroutine of ours for a caller that knows no tasks. */
function start<T>(
  loop: EventLoop,
  coroutine: Coroutine<T>,
  done: (failure: { readonly error: unknown } | null, value?: T) => void,
): Task<T> {
  const task = loop.createTask(coroutine);
  task.addDoneCallback((ended: Task<T>) => {
    if (ended.cancelled()) return;
    const error = ended.exception();
    if (error === null) done(null, ended.result());
    else done({ error });
  });
  return task;
}

/**
 * A `Readable` of Node of what a reader brings, for whatever wants one: `pipeline()`, `createGunzip()`. Destroying it stops
 * reading, and takes nothing from the reader.
 *
 * @example
 * ```ts
 * import { text } from 'node:stream/consumers';
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   const reader = new asyncio.StreamReader();
 *   reader.feedData(Buffer.from('hello'));
 *   reader.feedEof();
 *   console.log(await asyncio.wrapPromise(text(asyncio.toReadable(reader)))); //=> hello
 * });
 * ```
 */
export function toReadable(reader: StreamReader): Readable {
  const loop = getRunningLoop();
  let task: Task<unknown> | null = null;
  return new (nodeStreams().Readable)({
    read(size) {
      task = start(loop, reader.read(size), (failure, data) => {
        task = null;
        if (failure !== null) this.destroy(asError(failure.error));
        else this.push(data !== undefined && data.length > 0 ? data : null);
      });
    },
    destroy(error, callback) {
      task?.cancel();
      callback(error);
    },
  });
}

/** A `ReadableStream` of the web of what a reader brings: a body for `fetch()`, for one. Cancelling it stops reading. */
export function toReadableStream(reader: StreamReader): ReadableStream {
  const loop = getRunningLoop();
  let task: Task<unknown> | null = null;
  return new (webStreams().ReadableStream)<Uint8Array>({
    pull: (controller) =>
      new Promise<void>((resolve, reject) => {
        task = start(loop, reader.read(64 * 1024), (failure, data) => {
          task = null;
          if (failure !== null) return reject(failure.error);
          if (data !== undefined && data.length > 0) controller.enqueue(new Uint8Array(data));
          else controller.close();
          resolve();
        });
      }),
    cancel: () => {
      task?.cancel();
    },
  });
}

// ------------------------------------------------------------------------------------------------- to a writer

/** Its writer's `waitClosed()` waits until the stream is closed. */
class WritingProtocol extends FlowControlProtocol {
  readonly #closed: Future<void>;

  constructor(loop: EventLoop) {
    super(loop);
    this.#closed = new Future<void>({ loop });
  }

  override connectionLost(error: Error | null): void {
    if (!this.#closed.done()) {
      if (error === null) this.#closed.setResult();
      else {
        this.#closed.setException(error);
        // Who does not wait for the end need not hear of it.
        this.#closed.exception();
      }
    }
    super.connectionLost(error);
  }

  override _closeWaiter(): Future<void> {
    return this.#closed;
  }
}

/** Writes to a stream of Node. */
class WritableTransport extends Transport {
  readonly #loop: EventLoop;
  readonly #stream: Writable;
  readonly #flow: WriteFlow;
  #protocol: BaseProtocol;
  #closing = false;
  #ended = false;

  constructor(loop: EventLoop, stream: Writable, protocol: BaseProtocol) {
    super();
    this.#loop = loop;
    this.#stream = stream;
    this.#protocol = protocol;
    this.#flow = new WriteFlow(loop, this);
    outsideTasks(loop, () => {
      stream.on('drain', () => this.#drained());
      nodeStreams().finished(stream, { readable: false }, (error) => this.#lost(error ?? null));
    });
  }

  #drained(): void {
    if (!this.#loop.isClosed()) this.#flow.shrank(this.#stream.writableLength);
  }

  #lost(error: Error | null): void {
    this.#closing = true;
    if (this.#loop.isClosed()) return;
    this.#protocol.connectionLost?.(error === null ? null : asError(error));
  }

  override getExtraInfo(_name: string, defaultValue: unknown = null): never {
    return defaultValue as never;
  }

  override isClosing(): boolean {
    return this.#closing || this.#stream.destroyed;
  }

  override close(): void {
    this.#closing = true;
    this.writeEof();
  }

  override abort(): void {
    this.#closing = true;
    this.#stream.destroy();
  }

  override setProtocol(protocol: BaseProtocol): void {
    this.#protocol = protocol;
  }

  override getProtocol(): BaseProtocol {
    return this.#protocol;
  }

  override setWriteBufferLimits(limits?: WriteBufferLimits): void {
    this.#flow.setLimits(limits, this.#stream.writableLength);
  }

  override getWriteBufferSize(): number {
    return this.#stream.writableLength;
  }

  override getWriteBufferLimits(): [low: number, high: number] {
    return [this.#flow.low, this.#flow.high];
  }

  override write(data: Uint8Array): void {
    checkBytes(data, 'write');
    if (this.#ended) throw new RuntimeError('Cannot write: writeEof() was called');
    if (this.#stream.destroyed || data.length === 0) return;
    this.#stream.write(data, () => this.#drained());
    this.#flow.grew(this.#stream.writableLength);
  }

  override writeEof(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stream.end();
  }

  override canWriteEof(): boolean {
    return true;
  }

  override isReading(): boolean {
    return false;
  }

  override pauseReading(): void {
    throw new NotImplementedError('Cannot pause reading: the stream is for writing');
  }

  override resumeReading(): void {
    throw new NotImplementedError('Cannot resume reading: the stream is for writing');
  }
}

/**
 * A {@link StreamWriter} that writes to a stream of Node or of the web. `drain()` waits while the stream has more than 64 KiB to
 * write; `close()` ends the stream, and `waitClosed()` waits until it has taken everything.
 *
 * @example
 * ```ts
 * import { PassThrough } from 'node:stream';
 * import { text } from 'node:stream/consumers';
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   const stream = new PassThrough();
 *   const writer = asyncio.fromWritable(stream);
 *   writer.write(Buffer.from('hello'));
 *   await writer.drain();
 *   writer.close();
 *   console.log(await asyncio.wrapPromise(text(stream))); //=> hello
 * });
 * ```
 */
export function fromWritable(stream: Writable | WritableStream): StreamWriter {
  const loop = getRunningLoop();
  let target = stream as Writable;
  if (typeof (stream as WritableStream)?.getWriter === 'function') {
    target = nodeStreams().Writable.fromWeb(stream as WritableStream);
  } else if (typeof target?.write !== 'function' || typeof target.end !== 'function') {
    throw new TypeError(`Cannot write to ${String(stream)}: expected a Writable or a WritableStream`);
  }
  const protocol = new WritingProtocol(loop);
  const transport = new WritableTransport(loop, target, protocol);
  return new StreamWriter(transport, protocol, null, loop);
}

// ----------------------------------------------------------------------------------------------- from a writer

/**
 * A `Writable` of Node that writes through a writer: its back-pressure is `drain()`. Ending it tells the peer that no more
 * comes, and closes where that cannot be told; destroying it closes the connection at once.
 */
export function toWritable(writer: StreamWriter): Writable {
  const loop = getRunningLoop();
  let task: Task<unknown> | null = null;
  let ended = false;
  const whenDrained = (callback: (error?: Error | null) => void): void => {
    task = start(loop, writer.drain(), (failure) => {
      task = null;
      callback(failure === null ? null : asError(failure.error));
    });
  };
  return new (nodeStreams().Writable)({
    write(chunk: Buffer, _encoding, callback) {
      try {
        writer.write(chunk);
      } catch (error) {
        callback(error as Error);
        return;
      }
      whenDrained(callback);
    },
    final(callback) {
      ended = true;
      finish(writer);
      callback();
    },
    destroy(error, callback) {
      task?.cancel();
      if (error !== null || !ended) writer.transport.abort();
      callback(error);
    },
  });
}

/** A `WritableStream` of the web that writes through a writer. As {@link toWritable}. */
export function toWritableStream(writer: StreamWriter): WritableStream {
  const loop = getRunningLoop();
  return new (webStreams().WritableStream)<Uint8Array>({
    write: (chunk) =>
      new Promise<void>((resolve, reject) => {
        writer.write(chunk);
        start(loop, writer.drain(), (failure) => (failure === null ? resolve() : reject(failure.error)));
      }),
    close: () => finish(writer),
    abort: () => writer.transport.abort(),
  });
}

function finish(writer: StreamWriter): void {
  if (writer.isClosing()) return;
  if (writer.canWriteEof()) writer.writeEof();
  else writer.close();
}
