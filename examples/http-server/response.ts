/** Answers: what a handler gives, and the bytes that it becomes. */

import { REASONS } from './http-error.js';
import type { OpenedFile } from './opened-file.js';

/** A part of a file that is sent as it is read; the file is closed afterwards. */
export interface FilePart {
  readonly file: OpenedFile;
  readonly offset: number;
  readonly length: number;
}

export interface Response {
  /** 200 unless told. */
  readonly status?: number;
  /** Date, Content-Length and Connection are the server's business. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Text is sent as UTF-8. To HEAD only its length is told. */
  readonly body?: Uint8Array | string | FilePart | null;
}

/** Whether an answer has a body; those that have none have no length either. */
export function hasBody(status: number): boolean {
  return status >= 200 && status !== 204 && status !== 304;
}

let date = '';
let dateSecond = -1;

/** The time of day for the header, formatted once a second. */
function dateNow(): string {
  const now = Date.now();
  const second = Math.floor(now / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    date = new Date(now).toUTCString();
  }
  return date;
}

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t -~\x80-\xff]*$/;

/**
 * The first line and the headers.
 *
 * @param connection what the header of this name says, and others that belong to it
 * @throws TypeError for a header that would be two: a line end in a value lets whoever wrote the value answer for us
 */
export function formatHead(
  status: number,
  headers: Readonly<Record<string, string>>,
  length: number,
  connection: string,
): string {
  let head = `HTTP/1.1 ${status} ${REASONS[status] ?? 'Unknown'}\r\nDate: ${dateNow()}\r\n`;
  for (const name in headers) {
    const value = headers[name] as string;
    if (!NAME.test(name) || !VALUE.test(value)) {
      throw new TypeError(`Cannot answer: ${JSON.stringify(`${name}: ${value}`)} is no header`);
    }
    head += `${name}: ${value}\r\n`;
  }
  if (hasBody(status)) head += `Content-Length: ${length}\r\n`;
  return `${head}${connection}\r\n`;
}
