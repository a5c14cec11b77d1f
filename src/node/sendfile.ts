/** Sending a file over a connection, without the program holding more of it than a piece. */

import {
  type Awaitable,
  type Coro,
  Coroutine,
  type EventLoop,
  type Future,
  RuntimeError,
  ValueError,
} from '../core/index.js';
import {
  type BaseTransport,
  ConnectionError,
  Protocol,
  SendfileNotAvailableError,
  toOSError,
} from '../core/io.js';
import { nodeFs } from './builtins.js';
import { SocketTransport } from './socket-transport.js';

/** What {@link NetworkLoop.sendfile} sends: an open file, such as a `FileHandle` of `node:fs/promises` or a file of `openFile()`. */
export interface SendfileSource {
  /** The file's descriptor. */
  readonly fd: number;
  /** Told where the file was read up to, also after an error. */
  seek?(position: number): unknown;
}

/** How much of a file {@link NetworkLoop.sendfile} sends. */
export interface SendfileOptions {
  /** Where to begin, in bytes. */
  offset?: number | undefined;
  /** How many bytes; up to the end unless told. */
  count?: number | null | undefined;
  /** `false` refuses to read and write where the system cannot send by itself, which Node never lets it. */
  fallback?: boolean | undefined;
}

/** Bytes that are read and written at a time. */
const PIECE = 256 * 1024;

/** Stands in for the connection's protocol while a file is sent. */
class SendingProtocol extends Protocol {
  readonly #loop: EventLoop;
  readonly #transport: SocketTransport;
  readonly #protocol: Protocol;
  #room: Future<void> | null = null;

  constructor(loop: EventLoop, transport: SocketTransport) {
    super();
    this.#loop = loop;
    this.#transport = transport;
    this.#protocol = transport.getProtocol() as Protocol;
    if (transport._flow.paused) this.pauseWriting();
  }

  *drain(): Coro<void> {
    if (this.#transport.isClosing()) throw new ConnectionError('Connection closed by peer');
    if (this.#room !== null) yield* this.#room;
  }

  override pauseWriting(): void {
    this.#room ??= this.#loop.createFuture<void>();
  }

  override resumeWriting(): void {
    const room = this.#room;
    this.#room = null;
    if (room !== null && !room.done()) room.setResult(undefined);
  }

  override connectionLost(error: Error | null): void {
    const room = this.#room;
    if (room !== null && !room.done()) {
      room.setException(error ?? new ConnectionError('Connection is closed by peer'));
      // A piece of the file may be on its way in, and nobody waits for room.
      room.exception();
    }
    this.#protocol.connectionLost?.(error);
  }

  override eofReceived(): boolean | undefined {
    // The end came before reading was paused.
    return (this.#protocol.eofReceived?.() ?? undefined) as boolean | undefined;
  }
}

export function sendfile(
  loop: EventLoop,
  transport: BaseTransport,
  file: SendfileSource,
  options: SendfileOptions = {},
): Coroutine<number> {
  const offset = options.offset ?? 0;
  const count = options.count ?? null;
  if (transport.isClosing()) throw new RuntimeError('Transport is closing');
  if (!(transport instanceof SocketTransport)) {
    throw new RuntimeError(`sendfile is not supported for transport ${String(transport)}`);
  }
  if (typeof file?.fd !== 'number') {
    throw new TypeError(`Cannot send ${String(file)}: expected an open file with a descriptor`);
  }
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new ValueError(`offset must be a non-negative integer (got ${String(offset)})`);
  }
  if (count !== null && (!Number.isSafeInteger(count) || count <= 0)) {
    throw new ValueError(`count must be a positive integer (got ${String(count)})`);
  }
  if (options.fallback === false) {
    throw new SendfileNotAvailableError(
      `fallback is disabled and native sendfile is not supported for transport ${transport}`,
    );
  }
  return new Coroutine(sending(loop, transport, file, offset, count), 'sendfile');
}

function* sending(
  loop: EventLoop,
  transport: SocketTransport,
  file: SendfileSource,
  offset: number,
  count: number | null,
): Coro<number> {
  if (transport.isClosing()) throw new RuntimeError('Transport is closing');
  if (transport._writeBan !== null) throw new RuntimeError('Cannot send a file: another one is being sent');
  const original = transport.getProtocol();
  const wasReading = transport.isReading();
  const wasPaused = transport._flow.paused;
  const proxy = new SendingProtocol(loop, transport);
  transport.pauseReading();
  transport.setProtocol(proxy);
  transport._writeBan = 'unable to write; sendfile is in progress';
  let sent = 0;
  try {
    while (count === null || sent < count) {
      const wanted = count === null ? PIECE : Math.min(PIECE, count - sent);
      const piece = yield* read(loop, file.fd, wanted, offset + sent);
      if (piece.length === 0) break;
      yield* proxy.drain();
      transport._write(piece);
      sent += piece.length;
    }
    yield* proxy.drain();
    return sent;
  } finally {
    transport._writeBan = null;
    if (transport.getProtocol() === proxy) {
      transport.setProtocol(original);
      if (wasPaused && !transport._flow.paused) original.resumeWriting?.();
      else if (!wasPaused && transport._flow.paused) original.pauseWriting?.();
    }
    if (wasReading) transport.resumeReading();
    const moved = file.seek?.(offset + sent);
    if (isAwaitable(moved)) yield* moved;
  }
}

function isAwaitable(value: unknown): value is Awaitable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value && 'then' in value;
}

/** One piece of a file. The wait can be cancelled; the read itself ends by itself. */
function* read(loop: EventLoop, fd: number, size: number, position: number): Coro<Buffer> {
  const done = loop.createFuture<number>();
  const memory = Buffer.allocUnsafeSlow(size);
  nodeFs().read(fd, memory, 0, size, position, (error, count) => {
    if (done.done() || loop.isClosed()) return;
    if (error === null) done.setResult(count);
    else done.setException(toOSError(error));
  });
  const count = yield* done;
  return count === size ? memory : memory.subarray(0, count);
}
