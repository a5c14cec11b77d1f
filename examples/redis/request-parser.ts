/** Requests: what clients send. An array of bulk strings, or a line typed by hand. */

import { Incoming, ProtocolError } from './incoming.js';

export interface RequestLimits {
  /** The longest argument, in bytes. V8's strings end a little below Redis's 512 MiB. */
  readonly bulkLength: number;
  /** How many arguments a request may have. */
  readonly arguments: number;
  /** How long a request may be, all its arguments together. */
  readonly requestLength: number;
}

export const DEFAULT_LIMITS: RequestLimits = {
  bulkLength: 256 * 1024 * 1024,
  arguments: 1024 * 1024,
  requestLength: 1024 * 1024 * 1024,
};

/** The longest line, typed or not. */
const LINE_LENGTH = 64 * 1024;
const ASTERISK = 42;
const DOLLAR = 36;

/** Finds the requests in what is fed to it, however that is cut into pieces. */
export class RequestParser {
  readonly #incoming = new Incoming();
  readonly #limits: RequestLimits;
  /** The request that is being read: what is there of it, how many arguments are missing, and how long the next one is, if known. */
  #arguments: string[] = [];
  #missing = 0;
  #length = -1;
  #total = 0;

  constructor(limits: Partial<RequestLimits> = {}) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
  }

  /** How many bytes wait to be parsed. */
  get size(): number {
    return this.#incoming.size;
  }

  feed(piece: Buffer): void {
    this.#incoming.feed(piece);
  }

  /** The next request, its name first; `null` while it is not whole. @throws ProtocolError, in Redis's words. */
  next(): string[] | null {
    for (;;) {
      if (this.#missing > 0) return this.#bulks();
      const first = this.#incoming.peek();
      if (Number.isNaN(first)) return null;
      if (first === ASTERISK) {
        if (!this.#begin()) return null;
      } else {
        const line = this.#incoming.typedLine();
        if (line === null) return this.#incomplete('too big inline request');
        const parts = splitArguments(line);
        if (parts === null) throw new ProtocolError('unbalanced quotes in request');
        if (parts.length > 0) return parts;
      }
    }
  }

  /** Reads `*3`. */
  #begin(): boolean {
    const count = this.#header('invalid multibulk length', 'too big mbulk count string');
    if (count === null) return false;
    if (count > this.#limits.arguments) throw new ProtocolError('invalid multibulk length');
    this.#arguments = [];
    this.#missing = Math.max(count, 0);
    this.#total = 0;
    return true;
  }

  /** Reads `$5`, `hello`, and so on until the request is whole. */
  #bulks(): string[] | null {
    const incoming = this.#incoming;
    while (this.#missing > 0) {
      if (this.#length < 0) {
        const first = incoming.peek();
        if (Number.isNaN(first)) return null;
        if (first !== DOLLAR) throw new ProtocolError(`expected '$', got '${String.fromCharCode(first)}'`);
        const length = this.#header('invalid bulk length', 'too big bulk count string');
        if (length === null) return null;
        if (length < 0 || length > this.#limits.bulkLength) throw new ProtocolError('invalid bulk length');
        this.#total += length;
        if (this.#total > this.#limits.requestLength) throw new ProtocolError('too big request');
        this.#length = length;
      }
      const argument = incoming.block(this.#length);
      if (argument === null) return null;
      this.#arguments.push(argument);
      this.#length = -1;
      this.#missing -= 1;
    }
    const whole = this.#arguments;
    this.#arguments = [];
    return whole;
  }

  #header(invalid: string, tooLong: string): number | null {
    const count = this.#incoming.count();
    if (count >= 0) return count;
    const line = this.#incoming.line();
    if (line === null) return this.#incomplete(tooLong);
    if (!/^.(0|-?[1-9]\d{0,18})$/s.test(line)) throw new ProtocolError(invalid);
    return Number(line.slice(1));
  }

  #incomplete(tooLong: string): null {
    if (this.#incoming.size > LINE_LENGTH) throw new ProtocolError(tooLong);
    return null;
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' };

/** Splits a line at its blanks; quotes hold together, as in a shell. `null` when one is open, or something follows it at once. */
export function splitArguments(line: string): string[] | null {
  if (!/["'\0]/.test(line)) return line.split(/\s+/).filter((part) => part !== '');
  const found: string[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && isBlank(line[at] as string)) at += 1;
    if (at === line.length) return found;
    let current = '';
    while (at < line.length && !isBlank(line[at] as string)) {
      const quote = line[at] as string;
      at += 1;
      if (quote !== '"' && quote !== "'") {
        current += quote;
        continue;
      }
      for (; line[at] !== quote; at += 1) {
        if (at >= line.length) return null;
        if (line[at] !== '\\') {
          current += line[at];
        } else if (quote === "'") {
          if (line[at + 1] === "'") at += 1;
          current += line[at];
        } else {
          at += 1;
          if (at >= line.length) return null;
          const hex = /^x([\da-f]{2})/i.exec(line.slice(at, at + 3));
          if (hex === null) {
            current += ESCAPES[line[at] as string] ?? line[at];
          } else {
            current += String.fromCharCode(Number.parseInt(hex[1] as string, 16));
            at += 2;
          }
        }
      }
      at += 1;
      if (at < line.length && !isBlank(line[at] as string)) return null;
    }
    found.push(current);
  }
}

function isBlank(character: string): boolean {
  return /[\s\0]/.test(character);
}
