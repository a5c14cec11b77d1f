/** An HTTP/1.1 server on streams: limits, and an orderly end. What it answers is a handler's business. */

import * as asyncio from 'tsyncio';
import { Connection, type Exchange } from './connection.js';
import type { Request } from './request.js';
import type { Response } from './response.js';

export type { Exchange } from './connection.js';
export { HttpError } from './http-error.js';
export type { Request } from './request.js';
export type { FilePart, Response } from './response.js';

/** Answers a request: a generator coroutine or an async function. An HttpError that it throws is an answer, too. */
export type Handler = (request: Request) => asyncio.Coro<Response> | PromiseLike<Response>;

export interface HttpServerOptions {
  /** The longest first line of a request, in bytes: 8 KiB unless told. */
  readonly maxRequestLine?: number;
  /** The first line and all headers, in bytes: 16 KiB unless told. */
  readonly maxHead?: number;
  /** How many headers: 100 unless told. */
  readonly maxHeaders?: number;
  /** The largest body of a request, in bytes: 1 MiB unless told. */
  readonly maxBody?: number;
  /** How many connections at a time: 1000 unless told. One more is answered with 503. */
  readonly maxConnections?: number;
  /** How many requests on one connection: 1000 unless told. */
  readonly maxRequests?: number;
  /** How long a connection may do nothing between requests: 15 s unless told. */
  readonly idleTimeout?: asyncio.Duration;
  /** From the first byte of a request to the end of its headers: 10 s unless told. */
  readonly headTimeout?: asyncio.Duration;
  /** For the body of a request: 60 s unless told. */
  readonly bodyTimeout?: asyncio.Duration;
  /** For each quarter of a megabyte of an answer, and for what is unsent when the connection closes: 60 s unless told. */
  readonly sendTimeout?: asyncio.Duration;
  /** How long the client may take to close a connection after the last answer: 2 s unless told. */
  readonly lingerTimeout?: asyncio.Duration;
  /** How long the answers that are under way may take once the server stops: 10 s unless told. */
  readonly grace?: asyncio.Duration;
  /** Is told of every answer. */
  readonly log?: ((exchange: Exchange) => void) | null;
}

/** The options with what was not told. */
export interface HttpServerSettings extends Required<HttpServerOptions> {
  readonly idleTimeout: number;
  readonly headTimeout: number;
  readonly sendTimeout: number;
  /** What answers say when the connection goes on. */
  readonly keepAliveHeaders: string;
}

const DEFAULTS: Required<HttpServerOptions> = {
  maxRequestLine: 8 * 1024,
  maxHead: 16 * 1024,
  maxHeaders: 100,
  maxBody: 1024 * 1024,
  maxConnections: 1000,
  maxRequests: 1000,
  idleTimeout: 15,
  headTimeout: 10,
  bodyTimeout: 60,
  sendTimeout: 60,
  lingerTimeout: 2,
  grace: 10,
  log: null,
};

/** A server that listens. `await using server = await HttpServer.start(…)` stops it at the end of the block. */
export class HttpServer implements AsyncDisposable {
  readonly #handler: (request: Request) => asyncio.Coroutine<Response>;
  readonly #settings: HttpServerSettings;
  /** With the tasks that serve them. */
  readonly #connections = new Map<Connection, asyncio.Task<unknown>>();
  #server: asyncio.Server | null = null;
  #timekeeper: asyncio.Task<void> | null = null;
  #stopping = false;

  private constructor(handler: Handler, options: HttpServerOptions) {
    const told = { ...DEFAULTS, ...options };
    const idleTimeout = inSeconds(told.idleTimeout);
    const headTimeout = inSeconds(told.headTimeout);
    const sendTimeout = inSeconds(told.sendTimeout);
    const keepAliveHeaders = `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(idleTimeout)}\r\n`;
    this.#handler = asyncio.coroutine(handler as (request: Request) => asyncio.Coro<Response>);
    this.#settings = { ...told, idleTimeout, headTimeout, sendTimeout, keepAliveHeaders };
  }

  /**
   * Listens.
   *
   * @throws OSError when the address cannot be used
   */
  static start(
    handler: Handler,
    host: string | null,
    port: number,
    options: HttpServerOptions = {},
  ): asyncio.Coroutine<HttpServer> {
    const server = new HttpServer(handler, options);
    return new asyncio.Coroutine(server.#listen(host, port), 'HttpServer.start');
  }

  *#listen(host: string | null, port: number): asyncio.Coro<HttpServer> {
    const self = this;
    // A generator function, like everything here that a request passes: they cost less than async functions.
    function* serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter): asyncio.Coro<void> {
      yield* self.#serve(reader, writer);
    }
    this.#server = yield* asyncio.startServer(serve, host, port, { limit: this.#settings.maxHead });
    this.#timekeeper = asyncio.createTask(this.#keepTime(), { name: 'timekeeper' });
    return this;
  }

  *#serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter): asyncio.Coro<void> {
    const connections = this.#connections;
    const { maxConnections } = this.#settings;
    if (connections.size >= 2 * maxConnections) {
      writer.transport.abort(); // not even the time for a refusal
      return;
    }
    const connection = new Connection(reader, writer, this.#handler, this.#settings);
    connections.set(connection, asyncio.currentTask() as asyncio.Task<unknown>);
    if (this.#stopping) connection.finish();
    try {
      yield* connections.size > maxConnections ? connection.refuse() : connection.serve();
    } finally {
      connections.delete(connection);
    }
  }

  *#keepTime(): asyncio.Coro<void> {
    const { idleTimeout, headTimeout, sendTimeout } = this.#settings;
    const loop = asyncio.getRunningLoop();
    for (;;) {
      yield* asyncio.sleep(Math.min(idleTimeout, headTimeout, sendTimeout, 20) / 4);
      const now = loop.time();
      for (const connection of this.#connections.keys()) connection.checkTime(now);
    }
  }

  get #listening(): asyncio.Server {
    return this.#server as asyncio.Server;
  }

  /** Where it listens: `http://127.0.0.1:8000/`, once for each address. */
  get urls(): string[] {
    return this.#listening.sockets.map((socket) => {
      const [host, port] = socket.getsockname() as [string, number];
      return `http://${host.includes(':') ? `[${host}]` : host}:${port}/`;
    });
  }

  /** The port of the first address. */
  get port(): number {
    return Number(new URL(this.urls[0] as string).port);
  }

  /** How many clients are connected, those included to whom the last bytes are on their way. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Serves until it is cancelled, and stops then as {@link stop} does. */
  serveForever(): asyncio.Coroutine<never> {
    return new asyncio.Coroutine(this.#serveForever(), 'serveForever');
  }

  *#serveForever(): asyncio.Coro<never> {
    try {
      return yield* asyncio.getRunningLoop().createFuture<never>();
    } finally {
      yield* this.#stop();
    }
  }

  /**
   * Takes no more connections, closes those that do nothing, and waits for the answers that are under way. *Cancellation*, like the end
   * of the time for that, breaks them off.
   */
  stop(): asyncio.Coroutine<void> {
    return new asyncio.Coroutine(this.#stop(), 'stop');
  }

  *#stop(): asyncio.Coro<void> {
    const server = this.#listening;
    const connections = this.#connections;
    this.#stopping = true;
    server.close();
    for (const connection of connections.keys()) connection.finish();
    try {
      if (connections.size > 0) yield* asyncio.wait(connections.values(), { timeout: this.#settings.grace });
    } finally {
      this.#timekeeper?.cancel();
      for (const task of connections.values()) task.cancel();
      // Whoever does not read would keep what is unsent, and the server with it, for ever.
      server.abortClients();
    }
    if (connections.size > 0) yield* asyncio.wait(connections.values());
    yield* server.waitClosed();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function inSeconds(duration: asyncio.Duration): number {
  return typeof duration === 'string' ? asyncio.seconds(duration) : duration;
}
