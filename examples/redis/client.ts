/**
 * A client: any number of callers over one connection.
 *
 * What is called at the same time leaves in one write, and is answered in order: nobody waits for the answer of another before asking.
 * A caller that is cancelled leaves its place in the line, so that its answer goes to nobody instead of to the next one.
 */

import * as asyncio from 'tsyncio';
import { ProtocolError } from './incoming.js';
import {
  Double,
  MapReply,
  NullArray,
  Push,
  RedisError,
  type Reply,
  SetReply,
  Status,
  Verbatim,
} from './reply.js';
import { ReplyParser } from './reply-parser.js';
import { type Message, Subscription } from './subscription.js';

/** What goes into a command: text stands for its UTF-8. */
export type Argument = string | number | bigint | Uint8Array;

/** What comes back: text, unless the client was told to give bytes. A transaction's failures are values in its array. */
export type Value =
  | string
  | Buffer
  | number
  | bigint
  | boolean
  | null
  | Value[]
  | Map<Value, Value>
  | Set<Value>
  | RedisError;

export interface ClientOptions {
  /** A Unix socket, in place of host and port. */
  readonly unixSocket?: string | undefined;
  /** `'buffer'`: strings come back as bytes. */
  readonly encoding?: 'utf8' | 'buffer';
  /** How many messages a subscription may fall behind before it ends with an error; 10,000 unless told. */
  readonly backlog?: number;
}

/** Somebody who waits for an answer. */
interface Pending {
  readonly answer: asyncio.Future<Reply>;
  /** How many confirmations are missing: (un)subscribing is confirmed once for each channel, by a push. */
  confirmations: number;
}

/** How long a command is joined with others into one piece. */
const JOIN = 1024;
const CONFIRMATION = /^p?(un)?subscribe$/;

/** Bytes as characters, as everything in here is. */
function latin1(argument: Argument): string {
  if (argument instanceof Uint8Array)
    return Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength).toString('latin1');
  const text = String(argument);
  return /^[\0-\x7f]*$/.test(text) ? text : Buffer.from(text).toString('latin1');
}

function encodeCommand(args: readonly Argument[]): string {
  if (args.length === 0) throw new asyncio.ValueError('Cannot call: expected a command, got nothing');
  let text = `*${args.length}\r\n`;
  for (const each of args) {
    const argument = latin1(each);
    text += `$${argument.length}\r\n${argument}\r\n`;
  }
  return text;
}

export class RedisClient {
  readonly #reader: asyncio.StreamReader;
  readonly #writer: asyncio.StreamWriter;
  readonly #options: ClientOptions;
  readonly #parser = new ReplyParser();
  readonly #loop = asyncio.getRunningLoop();
  /** In the order in which they asked. A ring would do the same; what is answered is cut off now and then. */
  #pending: Pending[] = [];
  #answered = 0;
  #unsent = '';
  #failure: Error | null = null;
  readonly #receiving: asyncio.Task<void>;
  readonly #subscriptions = new Map<string, Set<Subscription>>();

  constructor([reader, writer]: asyncio.StreamPair, options: ClientOptions) {
    this.#reader = reader;
    this.#writer = writer;
    this.#options = options;
    this.#receiving = asyncio.createTask(this.#receive(), { name: 'redis client' });
  }

  // --------------------------------------------------------------------------------------------- calling

  /**
   * Sends a command, and waits for its answer. It leaves when the coroutine is started; *cancellation* does not take it back.
   *
   * @throws RedisError when the server refuses; ConnectionError when the connection ends before the answer.
   */
  call(...args: readonly Argument[]): asyncio.Coroutine<Value> {
    return new asyncio.Coroutine(this.#call(encodeCommand(args)), 'call');
  }

  *#call(text: string): asyncio.Coro<Value> {
    const pending = this.#ask(text);
    if (this.#writer.transport.getWriteBufferSize() > 0) yield* this.#writer.drain();
    return this.#valueOrError(yield* pending.answer);
  }

  /** Sends several commands in one piece. What the server refuses is a value in the array. */
  pipeline(commands: readonly (readonly Argument[])[]): asyncio.Coroutine<Value[]> {
    return new asyncio.Coroutine(this.#pipeline(commands.map(encodeCommand)), 'pipeline');
  }

  *#pipeline(texts: readonly string[]): asyncio.Coro<Value[]> {
    const all = texts.map((text) => this.#ask(text));
    const values: Value[] = [];
    for (const { answer } of all) values.push(this.#value(yield* answer));
    return values;
  }

  /** Carries several commands out with nobody in between; `null` if a key that was watched has changed. */
  transaction(commands: readonly (readonly Argument[])[]): asyncio.Coroutine<Value[] | null> {
    const texts = [['MULTI'], ...commands, ['EXEC']].map(encodeCommand);
    return new asyncio.Coroutine(this.#transact(texts), 'transaction');
  }

  *#transact(texts: readonly string[]): asyncio.Coro<Value[] | null> {
    const values = yield* this.#pipeline(texts);
    const outcome = values.at(-1) as Value;
    if (!(outcome instanceof RedisError)) return outcome as Value[] | null;
    // Why it was discarded says the command that was refused.
    throw values.find((each) => each instanceof RedisError) as RedisError;
  }

  /** Puts a command into the line, and sends it together with what else is called in this iteration of the loop. */
  #ask(text: string, confirmations = 0): Pending {
    if (this.#failure !== null) throw this.#failure;
    const pending: Pending = { answer: this.#loop.createFuture<Reply>(), confirmations };
    this.#pending.push(pending);
    if (this.#unsent === '') this.#loop.callSoon(() => this.#flush());
    this.#unsent += text;
    if (this.#unsent.length > JOIN * 64) this.#flush();
    return pending;
  }

  #flush(): void {
    if (this.#unsent === '') return;
    const data = Buffer.from(this.#unsent, 'latin1');
    this.#unsent = '';
    if (this.#failure === null) this.#writer.write(data);
  }

  // ------------------------------------------------------------------------------------------- receiving

  *#receive(): asyncio.Coro<void> {
    let failure: Error = new asyncio.ConnectionResetError('Cannot get an answer: the connection was closed');
    try {
      for (;;) {
        const piece = yield* this.#reader.read(64 * 1024);
        if (piece.length === 0) break;
        this.#parser.feed(piece);
        for (let reply = this.#parser.next(); reply !== undefined; reply = this.#parser.next())
          this.#received(reply);
      }
    } catch (error) {
      if (!(error instanceof asyncio.OSError) && !(error instanceof ProtocolError)) throw error;
      failure = error;
    } finally {
      this.#end(failure);
    }
  }

  #received(reply: Reply): void {
    if (reply instanceof Push) {
      const [kind] = reply.items;
      if (!CONFIRMATION.test(String(kind))) {
        this.#deliver(reply);
        return;
      }
      const first = this.#pending[this.#answered];
      if (first === undefined || first.confirmations === 0) return;
      first.confirmations -= 1;
      if (first.confirmations > 0) return;
    }
    const pending = this.#pending[this.#answered];
    if (pending === undefined) throw new ProtocolError('an answer that nobody asked for');
    this.#answered += 1;
    if (this.#answered > 1000 || this.#answered === this.#pending.length) {
      this.#pending.splice(0, this.#answered);
      this.#answered = 0;
    }
    // Whoever was cancelled gets nothing, and neither does anybody else.
    if (!pending.answer.done()) pending.answer.setResult(reply);
  }

  #end(failure: Error): void {
    if (this.#failure !== null) return;
    this.#failure = failure;
    this.#writer.transport.abort();
    for (const { answer } of this.#pending.splice(0)) {
      if (answer.done()) continue;
      answer.setException(failure);
      answer.exception(); // whoever asked may be gone
    }
    for (const all of this.#subscriptions.values()) for (const each of all) each.fail(failure);
    this.#subscriptions.clear();
  }

  /** Lets go of the connection; who still waits gets an error. */
  close(): asyncio.Coroutine<void> {
    return new asyncio.Coroutine(this.#close(), 'close');
  }

  *#close(): asyncio.Coro<void> {
    this.#flush();
    this.#end(new asyncio.ConnectionAbortedError('Cannot get an answer: the client was closed'));
    this.#receiving.cancel();
    yield* asyncio.wait([this.#receiving]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // ------------------------------------------------------------------------------------------- channels

  /**
   * Subscribes to channels, and gives their messages: `for await (const { channel, text } of await client.subscribe('news'))`. Other
   * commands go on over the same connection. `await using`, or leaving the loop, unsubscribes.
   */
  subscribe(...channels: readonly string[]): asyncio.Coroutine<Subscription> {
    return new asyncio.Coroutine(this.#subscribe('', channels), 'subscribe');
  }

  /** The same for all channels whose names match a pattern. */
  psubscribe(...patterns: readonly string[]): asyncio.Coroutine<Subscription> {
    return new asyncio.Coroutine(this.#subscribe('p', patterns), 'psubscribe');
  }

  *#subscribe(prefix: '' | 'p', names: readonly string[]): asyncio.Coro<Subscription> {
    const keys = [...new Set(names)].map((each) => `${prefix}:${latin1(each)}`);
    const subscription = new Subscription(this.#options.backlog ?? 10_000, () =>
      this.#unsubscribe(prefix, keys, subscription),
    );
    const command = encodeCommand([`${prefix}subscribe`, ...new Set(names)]);
    const { answer } = this.#ask(command, keys.length);
    for (const key of keys) {
      const all = this.#subscriptions.get(key) ?? new Set();
      this.#subscriptions.set(key, all.add(subscription));
    }
    try {
      this.#valueOrError(yield* answer);
    } catch (error) {
      if (this.#failure === null) this.#leave(prefix, keys, subscription);
      throw error;
    }
    return subscription;
  }

  *#unsubscribe(prefix: '' | 'p', keys: readonly string[], subscription: Subscription): asyncio.Coro<void> {
    if (this.#failure !== null) return;
    const pending = this.#leave(prefix, keys, subscription);
    if (pending !== null) yield* pending.answer;
  }

  /** Leaves the channels that nobody else here is subscribed to. */
  #leave(prefix: '' | 'p', keys: readonly string[], subscription: Subscription): Pending | null {
    const last = keys.filter((key) => {
      const all = this.#subscriptions.get(key);
      if (all?.delete(subscription) !== true || all.size > 0) return false;
      return this.#subscriptions.delete(key);
    });
    if (last.length === 0) return null;
    const names = last.map((key) => Buffer.from(key.slice(prefix.length + 1), 'latin1'));
    return this.#ask(encodeCommand([`${prefix}unsubscribe`, ...names]), names.length);
  }

  #deliver({ items }: Push): void {
    const pattern = items[0] === 'pmessage' ? (items[1] as string) : null;
    if (items[0] !== 'message' && pattern === null) return; // of a kind that nobody here asked for
    const [channel, payload] = items.slice(-2) as [string, string];
    const all = this.#subscriptions.get(pattern === null ? `:${channel}` : `p:${pattern}`);
    if (all === undefined) return;
    const data = Buffer.from(payload, 'latin1');
    const message: Message = {
      channel: Buffer.from(channel, 'latin1').toString(),
      pattern: pattern === null ? null : Buffer.from(pattern, 'latin1').toString(),
      data,
      text: data.toString(),
    };
    for (const each of all) each.deliver(message);
  }

  // --------------------------------------------------------------------------------------------- values

  #valueOrError(reply: Reply): Value {
    if (!(reply instanceof RedisError)) return this.#value(reply);
    // Its own stack is that of the parser: this one leads to the caller.
    throw new RedisError(reply.message);
  }

  #value(reply: Reply): Value {
    if (typeof reply === 'string') return this.#text(reply);
    if (typeof reply !== 'object' || reply === null || reply instanceof RedisError) return reply;
    if (reply instanceof NullArray) return null;
    if (reply instanceof Status) return reply.text;
    if (reply instanceof Double) return reply.value;
    if (reply instanceof Verbatim) return this.#text(reply.text);
    const values = (Array.isArray(reply) ? reply : (reply as Push).items).map((each) => this.#value(each));
    if (reply instanceof SetReply) return new Set(values);
    if (!(reply instanceof MapReply)) return values;
    const map = new Map<Value, Value>();
    for (let i = 0; i < values.length; i += 2) map.set(values[i] as Value, values[i + 1] as Value);
    return map;
  }

  #text(bytes: string): string | Buffer {
    if (this.#options.encoding === 'buffer') return Buffer.from(bytes, 'latin1');
    return /[\x80-\xff]/.test(bytes) ? Buffer.from(bytes, 'latin1').toString() : bytes;
  }
}

function* connecting(
  host = '127.0.0.1',
  port = 6379,
  options: ClientOptions = {},
): asyncio.Coro<RedisClient> {
  const streams = yield* options.unixSocket === undefined
    ? asyncio.openConnection(host, port)
    : asyncio.openUnixConnection(options.unixSocket);
  const client = new RedisClient(streams, options);
  try {
    yield* client.call('HELLO', 3);
  } catch (error) {
    yield* client.close();
    throw error;
  }
  return client;
}

/**
 * Connects to a server, and agrees with it on RESP3: `await using client = await connect('127.0.0.1', 6379)`.
 *
 * @throws OSError when it cannot be reached; RedisError when it is too old for RESP3.
 */
export const connect = asyncio.coroutine(connecting);
