/**
 * One connection: requests in, answers out, in their order, until either side has had enough.
 *
 * The client may send the next request before the answer to the last one (pipelining): it waits in the stream's buffer, and when that
 * is full, in the client. Everything has a limit, so that a client can neither fill the memory nor hold a connection for nothing.
 */

import * as asyncio from 'tsyncio';
import { RequestBody } from './body.js';
import { HttpError, REASONS } from './http-error.js';
import type { HttpServerSettings } from './http-server.js';
import { parseHead, type Request } from './request.js';
import { type FilePart, formatHead, hasBody, type Response } from './response.js';

/** Sent from a file at a time: each of them has to get through within `sendTimeout`. */
const SLICE = 256 * 1024;
/** Files up to this size are read as a whole. */
const SMALL_FILE = 64 * 1024;
const SHORTER = 'Cannot send the file: it became shorter';
const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');
/** A head ends here. The second one is an error, which is better told at once than waited for. */
const HEAD_ENDS = [Buffer.from('\n\r\n'), Buffer.from('\n\n')];
const NOTHING = Buffer.alloc(0);
const NO_HEADERS = {};

/** What the server's log is told of an answer. */
export interface Exchange {
  readonly remote: string;
  /** `null` when the request could not be understood. */
  readonly request: Request | null;
  readonly status: number;
  /** Bytes of the body that were sent. */
  readonly sent: number;
  /** From the head of the request to the last byte of the answer, in seconds. */
  readonly duration: number;
}

export class Connection {
  readonly #reader: asyncio.StreamReader;
  readonly #writer: asyncio.StreamWriter;
  readonly #handler: (request: Request) => asyncio.Coroutine<Response>;
  readonly #settings: HttpServerSettings;
  readonly #loop = asyncio.getRunningLoop();
  readonly #remote: string;
  #requests = 0;
  /**
   * `'idle'`: nothing of a request has come, and the last answer is written. `'head'`: a part of a request has come. `'closing'`: the
   * socket is still there, for what the client has not taken yet.
   */
  #state: 'idle' | 'head' | 'busy' | 'closing' = 'idle';
  /** When this state began, on the loop's clock. */
  #since = this.#loop.time();
  /** The next answer is the last one. */
  #finishing = false;

  /** @param handler makes the answers; what it throws becomes one, too */
  constructor(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    handler: (request: Request) => asyncio.Coroutine<Response>,
    settings: HttpServerSettings,
  ) {
    this.#reader = reader;
    this.#writer = writer;
    this.#handler = handler;
    this.#settings = settings;
    const peer = writer.getExtraInfo('peername');
    this.#remote = Array.isArray(peer) ? String(peer[0]) : '-';
  }

  /** Serves requests until the connection is closed, and its socket gone. */
  *serve(): asyncio.Coro<void> {
    try {
      // Few levels of generators lie below this line where it waits for the next request: each of them has its price.
      for (;;) {
        this.#enter('idle');
        const request = this.#finishing ? null : yield* this.#readRequest();
        if (request === null || !(yield* this.#exchange(request))) break;
      }
      yield* this.#part();
    } catch (error) {
      this.#breakOff(error);
    }
  }

  /** Answers 503 and no more. */
  *refuse(): asyncio.Coro<void> {
    try {
      this.#respondToError(new HttpError(503, 'there are too many connections', { 'Retry-After': '1' }));
      yield* this.#part();
    } catch (error) {
      this.#breakOff(error);
    }
  }

  /** The answer that is on its way is the last one; without one the connection closes at once. */
  finish(): void {
    this.#finishing = true;
    if (this.#state === 'idle') this.#close();
  }

  /**
   * Closes the connection if the client has been too slow. The server asks this of all connections from time to time: a limit of their
   * own for each request would cost more than all else that is done about it.
   */
  checkTime(now: number): void {
    const passed = now - this.#since;
    const { headTimeout, idleTimeout, sendTimeout } = this.#settings;
    if (this.#state === 'closing') {
      if (passed >= sendTimeout) this.#writer.transport.abort();
    } else if (this.#state === 'head' && passed >= headTimeout) {
      if (!this.#writer.isClosing()) this.#respondToError(new HttpError(408, 'the headers take too long'));
      this.#close();
    } else if (this.#state === 'idle' && passed >= idleTimeout) this.#close();
  }

  #enter(state: 'idle' | 'head' | 'busy' | 'closing'): void {
    this.#state = state;
    this.#since = this.#loop.time();
  }

  /** The last answer was given. The connection counts until the client has taken it, or has had the time for that. */
  *#part(): asyncio.Coro<void> {
    this.#enter('idle');
    if (!this.#writer.isClosing()) yield* this.#linger();
    this.#close();
    yield* this.#writer.waitClosed();
  }

  /** Closes the connection behind what is unsent; `checkTime()` sees to it that this ends. */
  #close(): void {
    this.#enter('closing');
    this.#writer.close();
  }

  #breakOff(error: unknown): void {
    this.#writer.transport.abort();
    // The client is gone, or too slow: its own business, and no news.
    if (!(error instanceof asyncio.OSError)) throw error;
  }

  // ------------------------------------------------------------------------------------------ one request

  /** The next request; `null` when none comes, or none that more than a refusal, given here, can be the answer to. */
  *#readRequest(): asyncio.Coro<Request | null> {
    const reader = this.#reader;
    try {
      for (let emptyLines = 0; ; emptyLines += 1) {
        const first = yield* reader.read(1);
        if (first.length === 0) return null;
        if (this.#state === 'idle') this.#enter('head');
        const rest = yield* reader.readuntil(HEAD_ENDS);
        const text = String.fromCharCode(first[0] as number) + rest.toString('latin1');
        // Old clients send an empty line behind a body.
        const head = text.startsWith('\r\n') ? text.slice(2) : text;
        if (head !== '\r\n') return this.#requestOf(head);
        if (emptyLines > 0) throw new HttpError(400, 'there is no first line');
      }
    } catch (error) {
      const answer = yield* this.#headError(error);
      if (!this.#writer.isClosing()) this.#respondToError(answer);
      return null;
    }
  }

  /** What to say of a head that is not whole, or too large. */
  *#headError(error: unknown): asyncio.Coro<HttpError> {
    if (error instanceof HttpError) return error;
    if (error instanceof asyncio.IncompleteReadError) return new HttpError(400, 'the headers break off');
    if (!(error instanceof asyncio.LimitOverrunError)) throw error;
    const { maxRequestLine, maxHead } = this.#settings;
    // It is all in the buffer: this does not wait.
    const line = yield* this.#firstLine();
    return line === null || line > maxRequestLine
      ? new HttpError(414, `the first line has more than ${maxRequestLine} bytes`)
      : new HttpError(431, `the headers have more than ${maxHead} bytes`);
  }

  *#firstLine(): asyncio.Coro<number | null> {
    try {
      return (yield* this.#reader.readuntil('\n')).length - 1;
    } catch (error) {
      if (error instanceof asyncio.LimitOverrunError) return null;
      throw error;
    }
  }

  #requestOf(head: string): Request {
    const request = parseHead(head, this.#settings);
    request.remote = this.#remote;
    if (request.framing !== 0) {
      const invite = request.expectsContinue ? () => this.#writer.write(CONTINUE) : null;
      request.body = new RequestBody(this.#reader, request.framing, this.#settings, invite);
    }
    return request;
  }

  /** Answers a request; says whether another one may follow. */
  *#exchange(request: Request): asyncio.Coro<boolean> {
    this.#enter('busy');
    this.#requests += 1;
    const response = yield* this.#answer(request);
    const { body } = request;
    const keepAlive =
      request.keepAlive &&
      !this.#finishing &&
      this.#requests < this.#settings.maxRequests &&
      (body === null || body.ended);
    const sent = yield* this.#send(request, response, keepAlive);
    if (this.#settings.log !== null) {
      const duration = this.#loop.time() - this.#since;
      this.#log({ remote: this.#remote, request, status: response.status ?? 200, sent, duration });
    }
    return keepAlive;
  }

  /** What a log throws ends neither this connection nor whoever looks after its time. */
  #log(exchange: Exchange): void {
    try {
      this.#settings.log?.(exchange);
    } catch (error) {
      asyncio.rethrowBase(error);
      this.#loop.callExceptionHandler({ message: 'The log of an HTTP server has thrown', exception: error });
    }
  }

  /** What the handler answers; and the body is out of the way afterwards, if it comes without an invitation. */
  *#answer(request: Request): asyncio.Coro<Response> {
    const response = yield* this.#handle(request);
    const { body } = request;
    if (body === null || body.ended || body.uninvited || body.broken) return response;
    try {
      yield* body.drop();
      return response;
    } catch (error) {
      closeFile(response);
      if (error instanceof HttpError) return responseTo(error);
      throw error;
    }
  }

  *#handle(request: Request): asyncio.Coro<Response> {
    try {
      return yield* this.#handler(request);
    } catch (error) {
      asyncio.rethrowBase(error);
      if (error instanceof HttpError) return responseTo(error);
      if (this.#reader.exception() !== null) throw error; // the connection is gone
      this.#loop.callExceptionHandler({
        message: `Unhandled exception in the handler of ${request.method} ${request.target}`,
        exception: error,
      });
      return responseTo(new HttpError(500, 'something went wrong here'));
    }
  }

  // ------------------------------------------------------------------------------------------------ answers

  /** Sends an answer; gives the length of the body that went with it. */
  *#send(request: Request, response: Response, keepAlive: boolean): asyncio.Coro<number> {
    const { status = 200, headers = NO_HEADERS, body = null } = response;
    const writer = this.#writer;
    const content = typeof body === 'string' ? Buffer.from(body) : (body ?? NOTHING);
    const { length } = content;
    const connection = keepAlive ? this.#settings.keepAliveHeaders : 'Connection: close\r\n';
    try {
      const head = formatHead(status, headers, length, connection);
      const silent = length === 0 || request.method === 'HEAD' || !hasBody(status);
      if (silent) writer.write(Buffer.from(head, 'latin1'));
      else if (!(content instanceof Uint8Array)) yield* this.#sendFile(head, content);
      else writer.writelines([Buffer.from(head, 'latin1'), content]);
      // What the client does not take is in memory here: nothing else is done before that has become less.
      if (writer.transport.getWriteBufferSize() > 0) {
        yield* asyncio.timeout(this.#settings.sendTimeout).run(function* () {
          yield* writer.drain();
        });
      }
      return silent ? 0 : length;
    } finally {
      closeFile(response);
    }
  }

  *#sendFile(head: string, { file, offset, length }: FilePart): asyncio.Coro<void> {
    const writer = this.#writer;
    if (length <= SMALL_FILE) {
      // One piece of memory and one write for both.
      const memory = Buffer.allocUnsafe(head.length + length);
      memory.write(head, 'latin1');
      const count = yield* file.read(memory, head.length, offset);
      if (count < length) throw new asyncio.ConnectionAbortedError(SHORTER);
      writer.write(memory);
      return;
    }
    writer.write(Buffer.from(head, 'latin1'));
    const loop = this.#loop;
    for (let sent = 0; sent < length; ) {
      const count = Math.min(SLICE, length - sent);
      const slice = { offset: offset + sent, count };
      if (writer.isClosing()) throw new asyncio.ConnectionResetError('Connection lost');
      const got = yield* asyncio.timeout(this.#settings.sendTimeout).run(function* () {
        return yield* loop.sendfile(writer.transport, file, slice);
      });
      // The length was told, and is not true any more: only the end of the connection says so.
      if (got < count) throw new asyncio.ConnectionAbortedError(SHORTER);
      sent += count;
    }
  }

  /** Answers to what is no request; the connection ends with it. */
  #respondToError(error: HttpError): void {
    const { body, headers = NO_HEADERS, status = 500 } = responseTo(error);
    const text = Buffer.from(body as string);
    const head = formatHead(status, headers, text.length, 'Connection: close\r\n');
    this.#writer.writelines([Buffer.from(head, 'latin1'), text]);
    this.#log({ remote: this.#remote, request: null, status, sent: text.length, duration: 0 });
  }

  /**
   * The last answer is written. A socket that is closed while something unread is in it resets the connection, and the client
   * might lose the answer. So this end says that no more comes, and waits a little for the other to say so.
   */
  *#linger(): asyncio.Coro<void> {
    const reader = this.#reader;
    const writer = this.#writer;
    if (writer.canWriteEof()) writer.writeEof();
    try {
      yield* asyncio.timeout(this.#settings.lingerTimeout).run(function* () {
        while ((yield* reader.read(SLICE)).length > 0);
      });
    } catch (error) {
      if (!(error instanceof asyncio.TimeoutError)) throw error;
    }
  }
}

function responseTo({ status, message, headers }: HttpError): Response {
  return {
    status,
    headers: { 'Content-Type': 'text/plain; charset=utf-8', ...headers },
    body: hasBody(status) ? `${status} ${REASONS[status] ?? 'Unknown'}: ${message}\n` : null,
  };
}

function closeFile({ body }: Response): void {
  if (typeof body === 'object' && body !== null && 'file' in body) body.file.close();
}
