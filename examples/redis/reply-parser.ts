/** Reads replies, of RESP2 and RESP3, out of what a server sends. */

import { Incoming, ProtocolError } from './incoming.js';
import {
  Double,
  MapReply,
  NULL_ARRAY,
  Push,
  RedisError,
  type Reply,
  SetReply,
  Status,
  Verbatim,
} from './reply.js';

/** How deep replies may be nested, and how long one string in them may be. */
const DEEPEST = 64;
const LONGEST = 512 * 1024 * 1024 - 32;
const LINE_LENGTH = 64 * 1024;

/** An array or its like that is not whole yet. */
interface Unfinished {
  readonly kind: string;
  readonly items: Reply[];
  missing: number;
}

/** Finds the replies in what is fed to it, however that is cut into pieces. */
export class ReplyParser {
  readonly #incoming = new Incoming();
  /** The innermost last. */
  readonly #open: Unfinished[] = [];
  /** The string that is being read: its kind and length. */
  #kind = '';
  #length = -1;

  feed(piece: Buffer): void {
    this.#incoming.feed(piece);
  }

  /** The next reply; `undefined` while it is not whole. @throws ProtocolError */
  next(): Reply | undefined {
    for (;;) {
      let reply = this.#one();
      if (reply === undefined) return undefined;
      if (reply === OPENED) continue;
      // It may be the last part of what is around it, and that of what is around that.
      for (;;) {
        const around = this.#open.at(-1);
        if (around === undefined) return reply as Reply;
        around.items.push(reply as Reply);
        around.missing -= 1;
        if (around.missing > 0) break;
        this.#open.pop();
        if (around.kind === '|') break; // Attributes say something about what follows, which nobody here asks for.
        reply = finished(around);
      }
    }
  }

  /** Reads what stands for itself, or opens an array. */
  #one(): Reply | typeof OPENED | undefined {
    if (this.#length >= 0) return this.#string();
    const line = this.#incoming.line();
    if (line === null) {
      if (this.#incoming.size > LINE_LENGTH && this.#length < 0) throw new ProtocolError('too long a line');
      return undefined;
    }
    const kind = line.charAt(0);
    const text = line.slice(1);
    switch (kind) {
      case '+':
        return new Status(text);
      case '-':
        return new RedisError(text);
      case ':':
        return integer(text);
      case '(':
        if (!/^[+-]?\d+$/.test(text)) throw new ProtocolError(`invalid number '${text}'`);
        return BigInt(text.replace('+', ''));
      case ',':
        return new Double(double(text));
      case '#':
        if (text !== 't' && text !== 'f') throw new ProtocolError(`invalid boolean '${text}'`);
        return text === 't';
      case '_':
        return null;
      case '$':
      case '=':
      case '!':
        if (kind === '$' && text === '-1') return null;
        this.#kind = kind;
        this.#length = length(text, LONGEST);
        return this.#string();
      case '*':
        if (text === '-1') return NULL_ARRAY;
        return this.#enter(kind, length(text, 2 ** 31));
      case '%':
      case '|':
        return this.#enter(kind, 2 * length(text, 2 ** 30));
      case '~':
      case '>':
        return this.#enter(kind, length(text, 2 ** 31));
      default:
        throw new ProtocolError(`unknown type '${kind}'`);
    }
  }

  #enter(kind: string, missing: number): Reply | typeof OPENED {
    if (this.#open.length >= DEEPEST) throw new ProtocolError('too deeply nested');
    if (missing === 0) return kind === '|' ? OPENED : finished({ kind, items: [], missing });
    this.#open.push({ kind, items: [], missing });
    return OPENED;
  }

  #string(): Reply | undefined {
    const text = this.#incoming.block(this.#length);
    if (text === null) return undefined;
    this.#length = -1;
    if (this.#kind === '$') return text;
    if (this.#kind === '!') return new RedisError(text);
    if (text.charAt(3) !== ':') throw new ProtocolError('invalid verbatim string');
    return new Verbatim(text.slice(0, 3), text.slice(4));
  }
}

const OPENED: unique symbol = Symbol('opened');

function finished({ kind, items }: Unfinished): Reply {
  if (kind === '*') return items;
  if (kind === '%') return new MapReply(items);
  return kind === '~' ? new SetReply(items) : new Push(items);
}

function length(text: string, limit: number): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) > limit) throw new ProtocolError(`invalid length '${text}'`);
  return Number(text);
}

function integer(text: string): number | bigint {
  if (!/^[+-]?\d{1,19}$/.test(text)) throw new ProtocolError(`invalid integer '${text}'`);
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  return BigInt(text.replace('+', ''));
}

function double(text: string): number {
  if (/^[+-]?inf$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  if (/^-?nan$/i.test(text)) return Number.NaN;
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text))
    throw new ProtocolError(`invalid double '${text}'`);
  return Number(text);
}
