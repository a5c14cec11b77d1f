/**
 * Replies: the values of RESP, the protocol of Redis, and how they are written.
 *
 * Bytes are strings of which each character is one byte (latin1): V8 keeps them in as many bytes, and hashes, compares and joins
 * them faster than a `Buffer`.
 */

/** What the server refuses, in its words; the first one is a code: `WRONGTYPE Operation against …`. */
export class RedisError extends Error {
  override readonly name = 'RedisError';

  /** The first word: `ERR`, `WRONGTYPE`, `NOPROTO`. */
  get code(): string {
    return this.message.split(' ', 1)[0] as string;
  }
}

/** A short text that says how it went: `OK`, `QUEUED`. */
export class Status {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A number that is not counted: a score. */
export class Double {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** Text with its format, three letters long: `txt`, `mkd`. */
export class Verbatim {
  readonly format: string;
  readonly text: string;

  constructor(format: string, text: string) {
    this.format = format;
    this.text = text;
  }
}

/** Keys and values in turns. RESP2 knows no maps: there it is an array. */
export class MapReply {
  readonly items: readonly Reply[];

  constructor(items: readonly Reply[]) {
    this.items = items;
  }
}

export class SetReply {
  readonly items: readonly Reply[];

  constructor(items: readonly Reply[]) {
    this.items = items;
  }
}

/** What nobody asked for just now: messages of channels. */
export class Push {
  readonly items: readonly Reply[];

  constructor(items: readonly Reply[]) {
    this.items = items;
  }
}

/** Several replies to one command. Nothing of it is seen in the protocol. */
export class Several {
  readonly replies: readonly Reply[];

  constructor(replies: readonly Reply[]) {
    this.replies = replies;
  }
}

/** RESP2 has two kinds of nothing; this is the one in place of an array. */
export class NullArray {
  private constructor() {}

  static readonly value = new NullArray();
}

/** A `string` is a bulk string, a `number` a whole one, `null` nothing. */
export type Reply =
  | string
  | number
  | bigint
  | boolean
  | null
  | readonly Reply[]
  | Status
  | RedisError
  | Double
  | Verbatim
  | MapReply
  | SetReply
  | Push
  | Several
  | NullArray;

export type Protocol = 2 | 3;

export const OK = new Status('OK');
export const NULL_ARRAY = NullArray.value;

const LONGEST_INTEGER = 2n ** 63n;

/** A number as Redis writes it. */
export function formatDouble(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (value === Infinity) return 'inf';
  if (value === -Infinity) return '-inf';
  return Object.is(value, -0) ? '-0' : String(value);
}

/** Writes a reply in the client's protocol. */
export function encode(reply: Reply, protocol: Protocol): string {
  switch (typeof reply) {
    case 'string':
      return `$${reply.length}\r\n${reply}\r\n`;
    case 'number':
      return `:${reply}\r\n`;
    case 'bigint':
      return encodeBigInt(reply, protocol);
    case 'boolean':
      return protocol === 3 ? `#${reply ? 't' : 'f'}\r\n` : `:${reply ? 1 : 0}\r\n`;
    default:
      return encodeObject(reply, protocol);
  }
}

function encodeBigInt(value: bigint, protocol: Protocol): string {
  if (value < LONGEST_INTEGER && value >= -LONGEST_INTEGER && !isSafe(value)) return `:${value}\r\n`;
  return protocol === 3 ? `(${value}\r\n` : encode(String(value), protocol);
}

function isSafe(value: bigint): boolean {
  return Number.isSafeInteger(Number(value));
}

function encodeObject(reply: Exclude<Reply, string | number | bigint | boolean>, protocol: Protocol): string {
  if (reply === null) return protocol === 3 ? '_\r\n' : '$-1\r\n';
  if (reply instanceof Status) return `+${reply.text}\r\n`;
  if (Array.isArray(reply)) return encodeAll('*', reply.length, reply, protocol);
  if (reply instanceof RedisError) return `-${reply.message.replaceAll(/[\r\n]/g, ' ')}\r\n`;
  if (reply instanceof NullArray) return protocol === 3 ? '_\r\n' : '*-1\r\n';
  if (reply instanceof Double) {
    const text = formatDouble(reply.value);
    return protocol === 3 ? `,${text}\r\n` : encode(text, protocol);
  }
  if (reply instanceof Verbatim) {
    if (protocol === 2) return encode(reply.text, protocol);
    return `=${reply.text.length + 4}\r\n${reply.format}:${reply.text}\r\n`;
  }
  if (reply instanceof Several) return reply.replies.map((each) => encode(each, protocol)).join('');
  const { items } = reply as MapReply | SetReply | Push;
  if (protocol === 2) return encodeAll('*', items.length, items, protocol);
  if (reply instanceof MapReply) return encodeAll('%', items.length / 2, items, protocol);
  return encodeAll(reply instanceof SetReply ? '~' : '>', items.length, items, protocol);
}

function encodeAll(kind: string, count: number, items: readonly Reply[], protocol: Protocol): string {
  let text = `${kind}${count}\r\n`;
  for (const item of items) text += encode(item, protocol);
  return text;
}
