/** One client's connection: what it has chosen, and how its commands are carried out. */

import type * as asyncio from 'tsyncio';
import { type Arguments, BLOCKS, type Command, type CommandTable } from './command.js';
import { commands } from './commands/index.js';
import type { Engine } from './engine.js';
import type { Keyspace, Watch } from './keyspace.js';
import { encode, NULL_ARRAY, type Protocol, RedisError, type Reply, Status } from './reply.js';

const QUEUED = new Status('QUEUED');

/** Commands that wait for EXEC. */
interface Transaction {
  readonly queue: { readonly command: Command; readonly args: Arguments }[];
  /** One of them was refused. */
  failed: boolean;
}

export class Session {
  readonly id: number;
  readonly engine: Engine;
  /** As seen from outside. */
  readonly peer: string;
  readonly #send: (data: Buffer) => void;
  #output = '';
  name = '';
  protocol: Protocol = 2;
  database = 0;
  transaction: Transaction | null = null;
  readonly channels = new Set<string>();
  readonly patterns = new Set<string>();
  /** It waits in a command. */
  blocked = false;
  /** Nothing more is read from it. */
  closing = false;
  #watch: Watch = { broken: false };
  #watched: [keyspace: Keyspace, key: string][] = [];

  constructor(engine: Engine, send: (data: Buffer) => void, peer = '') {
    engine.connectionsReceived += 1;
    this.id = engine.connectionsReceived;
    this.engine = engine;
    this.#send = send;
    this.peer = peer;
    engine.sessions.add(this);
  }

  get keyspace(): Keyspace {
    return this.engine.databases[this.database] as Keyspace;
  }

  // ------------------------------------------------------------------------------------------- answering

  /** How much waits to be sent. */
  get unsent(): number {
    return this.#output.length;
  }

  reply(reply: Reply): void {
    this.#output += encode(reply, this.protocol);
  }

  deliver(text: string): void {
    this.#output += text;
    this.engine.unsent(this);
  }

  flush(): void {
    if (this.#output === '') return;
    const data = Buffer.from(this.#output, 'latin1');
    this.#output = '';
    this.#send(data);
  }

  // -------------------------------------------------------------------------------------------- commands

  /** Carries a request out, and answers. Gives what there is to wait for, if it blocks: its value is the answer. */
  execute(args: Arguments): asyncio.Coro<Reply> | null {
    this.engine.commandsProcessed += 1;
    try {
      const command = this.#find(args);
      const { transaction } = this;
      if (transaction !== null && command.outsideTransaction !== true) {
        transaction.queue.push({ command, args });
        this.reply(QUEUED);
        return null;
      }
      const reply = (command.run as NonNullable<Command['run']>)(this, args);
      if (reply === BLOCKS) return (command.block as NonNullable<Command['block']>)(this, args);
      this.reply(reply);
    } catch (error) {
      if (!(error instanceof RedisError)) throw error;
      this.reply(error);
    }
    this.engine.serveBlocked();
    return null;
  }

  /** The command of a request that may be carried out. */
  #find(args: Arguments): Command {
    let command = commands.get(args[0]);
    try {
      if (command === undefined) {
        command = commands.get(args[0].toLowerCase());
        if (command === undefined) throw unknownCommand(args);
      }
      const { arity } = command;
      if (arity > 0 ? args.length !== arity : args.length < -arity) throw wrongNumber(args[0].toLowerCase());
      if (command.subcommands !== undefined && args.length > 1)
        command = subcommand(command.subcommands, args);
    } catch (error) {
      if (this.transaction !== null) this.transaction.failed = true;
      throw error;
    }
    if (this.protocol === 2 && this.subscriptions > 0 && command.whileSubscribed !== true) {
      throw new RedisError(
        `ERR Can't execute '${args[0].toLowerCase()}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`,
      );
    }
    return command;
  }

  /** MULTI. */
  begin(): void {
    if (this.transaction !== null) throw new RedisError('ERR MULTI calls can not be nested');
    this.transaction = { queue: [], failed: false };
  }

  /** EXEC. */
  commit(): Reply {
    const { transaction } = this;
    if (transaction === null) throw new RedisError('ERR EXEC without MULTI');
    this.transaction = null;
    const broken = this.unwatch();
    if (transaction.failed)
      throw new RedisError('EXECABORT Transaction discarded because of previous errors.');
    if (broken) return NULL_ARRAY;
    return transaction.queue.map(({ command, args }) => {
      try {
        const reply = (command.run as NonNullable<Command['run']>)(this, args);
        return reply === BLOCKS ? NULL_ARRAY : reply;
      } catch (error) {
        if (!(error instanceof RedisError)) throw error;
        return error;
      }
    });
  }

  /** DISCARD. */
  discard(): void {
    if (this.transaction === null) throw new RedisError('ERR DISCARD without MULTI');
    this.transaction = null;
    this.unwatch();
  }

  watch(key: string): void {
    const { keyspace } = this;
    if (this.#watched.some((each) => each[0] === keyspace && each[1] === key)) return;
    keyspace.watch(key, this.#watch);
    this.#watched.push([keyspace, key]);
  }

  /** Whether a key that was watched has changed. */
  unwatch(): boolean {
    for (const [keyspace, key] of this.#watched) keyspace.unwatch(key, this.#watch);
    const { broken } = this.#watch;
    this.#watch = { broken: false };
    this.#watched = [];
    return broken;
  }

  // -------------------------------------------------------------------------------------------- channels

  get subscriptions(): number {
    return this.channels.size + this.patterns.size;
  }

  unsubscribeAll(): void {
    const { byName, byPattern } = this.engine.channels;
    for (const channel of this.channels) byName.delete(channel, this);
    for (const pattern of this.patterns) byPattern.delete(pattern, this);
    this.channels.clear();
    this.patterns.clear();
  }

  /** As it was when the client connected. */
  reset(): void {
    this.transaction = null;
    this.unwatch();
    this.unsubscribeAll();
    this.name = '';
    this.database = 0;
    this.protocol = 2;
  }

  /** The connection is gone. */
  end(): void {
    this.closing = true;
    this.unwatch();
    this.unsubscribeAll();
    this.engine.sessions.delete(this);
  }
}

function subcommand(table: CommandTable, args: Arguments): Command {
  const [name, second] = [args[0].toLowerCase(), args[1]];
  const found = Object.hasOwn(table, second.toLowerCase()) ? table[second.toLowerCase()] : undefined;
  if (found === undefined)
    throw new RedisError(`ERR unknown subcommand '${second.slice(0, 128)}'. Try ${name.toUpperCase()} HELP.`);
  if (found.arity > 0 ? args.length !== found.arity : args.length < -found.arity)
    throw wrongNumber(`${name}|${second.toLowerCase()}`);
  return found;
}

function wrongNumber(name: string): RedisError {
  return new RedisError(`ERR wrong number of arguments for '${name}' command`);
}

function unknownCommand([name, ...rest]: Arguments): RedisError {
  let shown = '';
  for (const each of rest) {
    if (shown.length >= 128) break;
    shown += `'${each.slice(0, 128 - shown.length)}' `;
  }
  return new RedisError(`ERR unknown command '${name.slice(0, 128)}', with args beginning with: ${shown}`);
}
