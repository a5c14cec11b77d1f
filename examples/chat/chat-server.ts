/**
 * A chat server for `nc` and `telnet`.
 *
 * Every connection is a task in one group, and has a group of two itself: one task reads, one sends. Whatever ends one of them ends
 * the other. Stopping the server is a cancellation, which goes down the tree; on the way up everybody is told.
 */

import * as asyncio from 'tsyncio';
import { readLine, TOO_LONG } from './line-reader.js';
import { Member } from './member.js';
import { NameRefused, Room } from './room.js';

export interface ChatOptions {
  readonly host?: string | null;
  readonly port?: number;
  /** How long somebody may say nothing. */
  readonly idle?: asyncio.Duration;
  /** How many bytes a line may have. */
  readonly lineLimit?: number;
  /** How many lines may wait for a client that reads slowly; then it is disconnected. */
  readonly backlog?: number;
  /** How long a client that is disconnected has to read what it was told. */
  readonly patience?: asyncio.Duration;
  readonly log?: (line: string) => void;
}

/** What a command does; `args` is what follows its name. */
type Command = (server: ChatServer, member: Member, args: string) => void;

const commands: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['who', ({ room }, member) => member.tell(`*** here are ${room.names.join(', ')}`)],
  ['nick', ({ room }, member, name) => room.rename(member, name)],
  ['me', ({ room }, member, action) => room.tellAll(`* ${member.name} ${action}`)],
  ['quit', () => {}], // ends the conversation
  [
    'help',
    (_, member) =>
      member.tell('*** /who is here, /nick NAME renames you, /me ACTION does something, /quit leaves'),
  ],
]);

const GOING_DOWN = 'the server is going down';

export class ChatServer {
  readonly room = new Room();
  readonly #options: Required<ChatOptions>;
  /** Also those that have no name yet. */
  readonly #members = new Set<Member>();
  readonly #stopped = new asyncio.Event();

  constructor(options: ChatOptions = {}) {
    this.#options = {
      host: '127.0.0.1',
      port: 0,
      idle: '10m',
      lineLimit: 1024,
      backlog: 256,
      patience: '2s',
      log: () => {},
      ...options,
    };
  }

  /** Serves until it is cancelled, or {@link stop} is called; everybody is told then, and all connections are closed. */
  async run(onListening: (address: asyncio.SocketAddress) => void = () => {}): Promise<void> {
    const { host, port, lineLimit } = this.#options;
    await new asyncio.TaskGroup().run(async (connections) => {
      const server = await asyncio.startServer(
        (reader, writer) => void connections.createTask(() => this.#serve(reader, writer)),
        host,
        port,
        { limit: lineLimit },
      );
      try {
        for (const each of server.sockets) onListening(each.getsockname());
        await this.#stopped.wait();
      } finally {
        server.close();
        // All before any: nobody need hear who else is leaving.
        for (const each of this.#members) each.dismiss(GOING_DOWN);
      }
    });
  }

  stop(): void {
    this.#stopped.set();
  }

  /** One connection from its beginning to its end. Nothing that goes wrong in it concerns the others. */
  async #serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter): Promise<void> {
    const { log } = this.#options;
    const peer = [writer.getExtraInfo('peername') ?? []].flat().join(':');
    const member = new Member(writer, this.#options);
    this.#members.add(member);
    log(`${peer} connected`);
    try {
      await member.converse(() => this.#converse(reader, member));
    } catch (error) {
      if (asyncio.isCancelledError(error)) {
        member.dismiss(GOING_DOWN);
        throw error;
      }
      asyncio.rethrowBase(error);
      member.dismiss('something went wrong');
      log(`${peer}: ${String(error)}`);
    } finally {
      log(`${peer} disconnected${member.reason === null ? '' : `: ${member.reason}`}`);
      this.room.leave(member, member.reason ?? 'bye');
      this.#members.delete(member);
      await member.hangUp();
    }
  }

  async #converse(reader: asyncio.StreamReader, member: Member): Promise<void> {
    if (!(await this.#introduce(reader, member))) return;
    for (;;) {
      const line = await this.#hear(reader, member);
      if (line === null) return;
      const [, name, args] = /^\/(\S*)\s*(.*)$/.exec(line) ?? [];
      if (name === undefined) {
        if (line !== '') this.room.tellAll(`<${member.name}> ${line}`);
      } else {
        this.#obey(member, name, args ?? '');
        if (name.toLowerCase() === 'quit') return;
      }
      // Whoever sends a thousand lines at once: the others' tasks get to run between them.
      await asyncio.sleep(0);
    }
  }

  #obey(member: Member, name: string, args: string): void {
    const command = commands.get(name.toLowerCase());
    try {
      if (command === undefined) member.tell(`*** there is no /${name}: try /help`);
      else command(this, member, args);
    } catch (error) {
      if (!(error instanceof NameRefused)) throw error;
      member.tell(`*** no: ${error.message}`);
    }
  }

  /** Asks for a name until there is a good one; whether there is. */
  async #introduce(reader: asyncio.StreamReader, member: Member): Promise<boolean> {
    member.tell('*** welcome! what is your name?');
    for (;;) {
      const name = await this.#hear(reader, member);
      if (name === null) return false;
      try {
        this.room.join(member, name);
        member.tell(`*** hello ${name}; here are ${this.room.names.join(', ')}; /help tells more`);
        return true;
      } catch (error) {
        if (!(error instanceof NameRefused)) throw error;
        member.tell(`*** no: ${error.message}; what is your name?`);
      }
    }
  }

  /** The next line; `null` when the client is gone, or has said nothing for too long. */
  async #hear(reader: asyncio.StreamReader, member: Member): Promise<string | null> {
    const { idle, lineLimit } = this.#options;
    try {
      for (;;) {
        const line = await asyncio.timeout(idle).run(() => readLine(reader));
        if (line !== TOO_LONG) return line;
        member.tell(`*** no: a line has at most ${lineLimit} bytes`);
      }
    } catch (error) {
      if (error instanceof asyncio.TimeoutError) member.dismiss('idle for too long');
      else if (error instanceof asyncio.ConnectionError) member.dismiss('the connection was lost');
      else throw error;
      return null;
    }
  }
}
