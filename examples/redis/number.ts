/** Numbers as Redis reads them out of bytes. */

import { RedisError } from './reply.js';

const NOT_INTEGER = 'ERR value is not an integer or out of range';
const LIMIT = 2n ** 63n;

/** A whole number of 64 bits, written in the only way there is: no blanks, no `+`, no zeros in front. `null` if it is not one. */
export function readInteger(text: string): number | bigint | null {
  if (!/^(0|-?[1-9]\d{0,18})$/.test(text)) return null;
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  const exact = BigInt(text);
  return fitsInteger(exact) ? exact : null;
}

export function fitsInteger(value: bigint): boolean {
  return value < LIMIT && value >= -LIMIT;
}

/** For counts, indices and times, which need not be exact beyond what is exact in JavaScript. @throws RedisError */
export function integer(text: string, refusal: string = NOT_INTEGER): number {
  const value = readInteger(text);
  if (value === null) throw new RedisError(refusal);
  return Number(value);
}

/** @throws RedisError */
export function exactInteger(text: string): number | bigint {
  const value = readInteger(text);
  if (value === null) throw new RedisError(NOT_INTEGER);
  return value;
}

/** A number that is not counted; `null` if it is not one. */
export function readDouble(text: string): number | null {
  if (/^[+-]?inf(inity)?$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : null;
}

/** The places that `start` and `stop` stand for, in something of this length; they may count from the end. */
export function rangeOf(start: number, stop: number, length: number): [from: number, to: number] {
  const from = Math.max(0, start < 0 ? start + length : start);
  const to = Math.min(length, (stop < 0 ? stop + length : stop) + 1);
  return from < to ? [from, to] : [0, 0];
}
