/** What a client may ask for instead of a whole file: nothing when it has not changed, or a part of it (RFC 9110, 13 and 14). */

import type { Request } from './request.js';

/** How one state of a file differs from another. */
export interface Validators {
  readonly etag: string;
  /** As in the header Last-Modified: whole seconds. */
  readonly lastModified: string;
}

/** What the conditions of a request for a file come to: 200 means that it is to be sent. */
export function evaluateConditions(
  { headers }: Request,
  { etag, lastModified }: Validators,
): 200 | 304 | 412 {
  const ifMatch = headers.get('if-match');
  if (ifMatch !== undefined) {
    if (!matches(ifMatch, etag, false)) return 412;
  } else if (isLater(lastModified, headers.get('if-unmodified-since'))) return 412;

  const ifNoneMatch = headers.get('if-none-match');
  if (ifNoneMatch !== undefined) return matches(ifNoneMatch, etag, true) ? 304 : 200;
  const since = headers.get('if-modified-since');
  return since !== undefined && !Number.isNaN(parseDate(since)) && !isLater(lastModified, since) ? 304 : 200;
}

/** Whether a list of entity tags, or `*`, has this one. The weak comparison takes `W/"x"` for `"x"`. */
function matches(list: string, etag: string, weak: boolean): boolean {
  if (list === '*' || list === etag) return true;
  for (const [each] of list.matchAll(/(?:W\/)?"[^"]*"/g)) {
    if (each === etag || (weak && each.replace(/^W\//, '') === etag)) return true;
  }
  return false;
}

/** Whether one date is later than the other, which may be missing or none. */
function isLater(date: string, other: string | undefined): boolean {
  return other !== undefined && date !== other && Date.parse(date) > parseDate(other);
}

/** A date in one of the three formats; the oldest does not say that it is UTC. */
function parseDate(text: string): number {
  return Date.parse(/ GMT$/.test(text) ? text : `${text} GMT`);
}

/** The first byte and how many. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/**
 * The part that is asked for: `null` stands for the whole, also when several parts are asked for or what is asked makes no sense, as the
 * RFC allows; `'unsatisfiable'` for one behind the end.
 */
export function requestedRange(
  { method, headers }: Request,
  size: number,
  { etag, lastModified }: Validators,
): ByteRange | 'unsatisfiable' | null {
  const range = headers.get('range');
  if (range === undefined || method !== 'GET') return null;
  // The client has a part of some state: another part of the same, or else the whole.
  const condition = headers.get('if-range');
  if (condition !== undefined && condition !== etag && condition !== lastModified) return null;
  const match = /^bytes=[ \t]*(\d*)-(\d*)$/i.exec(range);
  if (match === null) return null;
  const [, first = '', last = ''] = match;
  if (first === '') {
    if (last === '') return null;
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { offset: size - length, length };
  }
  const offset = Number(first);
  if (last !== '' && Number(last) < offset) return null;
  if (offset >= size) return 'unsatisfiable';
  return { offset, length: (last === '' ? size : Math.min(Number(last) + 1, size)) - offset };
}
