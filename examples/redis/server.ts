/**
 * The server: sockets, and a session for each. Requests of one connection are carried out in order, those of all connections one at a
 * time, so no command sees half of another.
 *
 * A client that does not read its answers is not served meanwhile (`drain()`). One that does not read what others publish is
 * disconnected when more than `outputLimit` bytes wait for it, as Redis does it.
 */

import * as asyncio from 'tsyncio';
import type { Arguments } from './command.js';
import { Engine, type EngineOptions } from './engine.js';
import { ProtocolError } from './incoming.js';
import { RedisError, type Reply } from './reply.js';
import { type RequestLimits, RequestParser } from './request-parser.js';
import { Session } from './session.js';

export interface RedisServerOptions extends EngineOptions {
  readonly host?: string | null;
  readonly port?: number;
  /** A Unix socket, in place of host and port. */
  readonly unixSocket?: string | undefined;
  readonly limits?: Partial<RequestLimits>;
  /** How much may wait for a client that does not read what is published; 32 MiB unless told. */
  readonly outputLimit?: number;
  /** Seconds between two looks for expired keys that nobody asked for. */
  readonly sweepInterval?: number;
}

/** How much is read at a time, and how much is answered before it is sent. */
const PIECE = 64 * 1024;
/** How much a client may send ahead while it is blocked. */
const AHEAD = 1024 * 1024;

export class RedisServer {
  readonly engine: Engine;
  readonly #options: RedisServerOptions;
  readonly #stopped = new asyncio.Event();
  #server: asyncio.Server | null = null;
  #sweeping: asyncio.Task<void> | null = null;

  constructor(options: RedisServerOptions = {}) {
    this.#options = options;
    this.engine = new Engine(options);
    this.engine.onShutdown = () => this.#stopped.set();
  }

  /** Listens. `await using server = await RedisServer.start()` stops it at the end of the block. */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const server = new RedisServer(options);
    await server.#start();
    return server;
  }

  async #start(): Promise<void> {
    const { host = '127.0.0.1', port = 0, unixSocket } = this.#options;
    const connected = this.#connected();
    this.#server =
      unixSocket === undefined
        ? await asyncio.startServer(connected, host, port, { backlog: 511 })
        : await asyncio.startUnixServer(connected, unixSocket, { backlog: 511 });
    this.#sweeping = asyncio.createTask(this.#sweep(), { name: 'sweep' });
  }

  /** Where it listens. */
  get addresses(): readonly asyncio.SocketAddress[] {
    return (this.#server?.sockets ?? []).map((each) => each.getsockname());
  }

  /** The first port that it listens at. */
  get port(): number {
    const [address] = this.addresses;
    return Array.isArray(address) ? (address[1] as number) : 0;
  }

  /** Waits until a client says SHUTDOWN, or the caller is cancelled, as Ctrl-C does it. */
  async serve(): Promise<void> {
    await this.#stopped.wait();
  }

  /** Takes no more connections, sends what is answered, closes all, and waits for that. */
  async stop(): Promise<void> {
    this.#stopped.set();
    this.#sweeping?.cancel();
    const server = this.#server;
    if (server === null) return;
    server.close();
    server.closeClients();
    try {
      await asyncio.timeout(5).run(() => server.waitClosed());
    } catch (error) {
      if (!(error instanceof asyncio.TimeoutError)) throw error;
      server.abortClients(); // They do not read.
      await server.waitClosed();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  *#sweep(): asyncio.Coro<void> {
    for (;;) {
      yield* asyncio.sleep(this.#options.sweepInterval ?? 0.1);
      this.engine.sweep();
    }
  }

  #connected(): asyncio.ClientConnected {
    const { engine } = this;
    const { limits, outputLimit = 32 * 1024 * 1024 } = this.#options;
    return function* (reader, writer) {
      const { transport } = writer;
      const send = (data: Buffer) => {
        writer.write(data);
        if (transport.getWriteBufferSize() > outputLimit) transport.abort();
      };
      const session = new Session(engine, send, [writer.getExtraInfo('peername') ?? []].flat().join(':'));
      try {
        yield* serve(session, reader, writer, new RequestParser(limits));
      } catch (error) {
        if (!(error instanceof ProtocolError)) {
          // The connection is gone, or was aborted: nobody is left to be told.
          if (error instanceof asyncio.OSError) return;
          throw error;
        }
        session.reply(new RedisError(`ERR Protocol error: ${error.message}`));
      } finally {
        session.end();
        session.flush();
        writer.close();
        engine.flush();
      }
    };
  }
}

/** Answers one client until it leaves. */
function* serve(
  session: Session,
  reader: asyncio.StreamReader,
  writer: asyncio.StreamWriter,
  requests: RequestParser,
): asyncio.Coro<void> {
  const { engine } = session;
  for (;;) {
    const piece = yield* reader.read(PIECE);
    if (piece.length === 0) return;
    requests.feed(piece);
    for (let request = requests.next(); request !== null; request = requests.next()) {
      const blocked = session.execute(request as unknown as Arguments);
      if (blocked !== null) {
        session.flush();
        engine.flush();
        if (!(yield* untilAnswered(session, blocked, reader, requests))) return;
      }
      if (session.closing) return;
      if (session.unsent > PIECE) {
        session.flush();
        yield* writer.drain();
      }
    }
    // What a whole piece of requests was answered with leaves in one write.
    session.flush();
    engine.flush();
    yield* writer.drain();
  }
}

/**
 * Waits with a client in a command that blocks, and looks whether it is still there: it may hang up, or send more meanwhile.
 * Whether it is there.
 */
function* untilAnswered(
  session: Session,
  blocked: asyncio.Coro<Reply>,
  reader: asyncio.StreamReader,
  requests: RequestParser,
): asyncio.Coro<boolean> {
  const answer = asyncio.createTask(blocked);
  const hangup = asyncio.createTask(readAhead(reader, requests));
  session.blocked = true;
  try {
    yield* asyncio.wait([answer, hangup], { returnWhen: asyncio.FIRST_COMPLETED });
    if (!answer.done()) return false;
    session.reply(answer.result());
    return true;
  } finally {
    session.blocked = false;
    // A cancelled wait takes nothing, a cancelled read loses nothing.
    answer.cancel();
    hangup.cancel();
    yield* asyncio.wait([answer, hangup]);
  }
}

/** Keeps what comes, until the client hangs up, or has sent so much that it can wait. */
function* readAhead(reader: asyncio.StreamReader, requests: RequestParser): asyncio.Coro<void> {
  while (requests.size < AHEAD) {
    const piece = yield* reader.read(PIECE);
    if (piece.length === 0) return;
    requests.feed(piece);
  }
  yield* asyncio.getRunningLoop().createFuture<void>();
}
