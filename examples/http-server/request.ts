/**
 * The head of a request: the first line and the headers, as RFC 9110 and 9112 have them.
 *
 * The parser is strict where leniency is dangerous: two servers in a row that read one request in two ways can be made to see two
 * requests in it. So line ends are CR LF, a header is one line, and the length of the body is said once.
 */

import type { RequestBody } from './body.js';
import { HttpError } from './http-error.js';

/** How long the body is: so many bytes, or told piece by piece. */
export type Framing = number | 'chunked';

/** What a handler is given. */
export class Request {
  readonly method: string;
  /** As it stands in the first line. */
  readonly target: string;
  /** The target without host and query, percent-encoded as it came; `*` is possible for OPTIONS. */
  readonly path: string;
  /** What follows the path: a question mark and more, or nothing. */
  readonly query: string;
  /** 0 or 1: of HTTP/1.0 or 1.1. Later minor versions count as 1. */
  readonly minor: 0 | 1;
  /** By their names in lower case; the values of several with one name are joined by commas. */
  readonly headers: ReadonlyMap<string, string>;
  readonly framing: Framing;
  /** Whether the client will have the connection go on after the answer. */
  readonly keepAlive: boolean;
  /** Whether the client waits for `100 Continue` before it sends the body. */
  readonly expectsContinue: boolean;
  /** `null` when there is none. What the handler does not read of it is dropped. */
  body: RequestBody | null = null;
  /** The client's address. */
  remote = '-';

  /** @throws HttpError when the headers make no sense together */
  constructor(method: string, target: string, minor: 0 | 1, headers: ReadonlyMap<string, string>) {
    const path = pathOf(target, method, headers, minor);
    const question = path.indexOf('?');
    const connection = headers.get('connection');
    this.method = method;
    this.target = target;
    this.path = question < 0 ? path : path.slice(0, question);
    this.query = question < 0 ? '' : path.slice(question);
    this.minor = minor;
    this.headers = headers;
    this.framing = framingOf(headers, minor);
    this.keepAlive =
      connection === undefined
        ? minor === 1
        : !hasToken(connection, 'close') && (minor === 1 || hasToken(connection, 'keep-alive'));
    this.expectsContinue = expects(headers, minor);
  }
}

export interface HeadLimits {
  /** The longest first line, in bytes. */
  readonly maxRequestLine: number;
  /** How many headers there may be. */
  readonly maxHeaders: number;
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']);

/** Bytes above 127 in a target are let through: some clients send UTF-8 as it is. */
const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([!-~\x80-\xff]+) HTTP\/(\d)\.(\d)\r\n/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it excludes
const HEADER = /([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([^\x00-\x08\x0a-\x1f\x7f]*)\r\n/y;
const ABSOLUTE = /^https?:\/\/([^/?#]*)/i;
const HOST = /^(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::\d*)?$/;

/**
 * Parses a head, which ends with an empty line; each character of `text` is one byte.
 *
 * @throws HttpError for what must not be answered in any other way.
 */
export function parseHead(text: string, limits: HeadLimits): Request {
  const line = REQUEST_LINE.exec(text);
  if (line === null) throw badFirstLine(text, limits);
  const [{ length }, method = '', target = '', major, minorDigit] = line;
  if (length - 2 > limits.maxRequestLine) throw new HttpError(414, 'the first line is too long');
  if (major !== '1') throw new HttpError(505, `HTTP/${major}.${minorDigit} is not spoken here`);
  if (!METHODS.has(method)) throw new HttpError(501, `the method ${method} is not known`);
  const minor = minorDigit === '0' ? 0 : 1;

  return new Request(method, target, minor, parseHeaders(text, length, limits.maxHeaders));
}

function badFirstLine(text: string, { maxRequestLine }: HeadLimits): HttpError {
  const end = text.indexOf('\n');
  if (end > maxRequestLine) return new HttpError(414, 'the first line is too long');
  if (end >= 0 && text[end - 1] !== '\r') return new HttpError(400, 'lines must end with CR LF');
  return new HttpError(400, 'the first line is not METHOD TARGET HTTP/VERSION');
}

function parseHeaders(text: string, start: number, maxHeaders: number): Map<string, string> {
  const headers = new Map<string, string>();
  const end = text.length - 2;
  let count = 0;
  HEADER.lastIndex = start;
  while (HEADER.lastIndex < end) {
    const from = HEADER.lastIndex;
    const match = HEADER.exec(text);
    if (match === null) throw badHeader(text, from);
    count += 1;
    if (count > maxHeaders) throw new HttpError(431, `there are more than ${maxHeaders} headers`);
    const name = (match[1] as string).toLowerCase();
    const value = trimBlanks(match[2] as string);
    const before = headers.get(name);
    if (before === undefined) headers.set(name, value);
    else if (name === 'host') throw new HttpError(400, 'there is more than one Host');
    else headers.set(name, `${before}${name === 'cookie' ? ';' : ','} ${value}`);
  }
  if (HEADER.lastIndex !== end || !text.endsWith('\r\n')) throw new HttpError(400, 'the headers have no end');
  return headers;
}

function badHeader(text: string, from: number): HttpError {
  const end = text.indexOf('\n', from);
  const line = text.slice(from, end < 0 ? undefined : end);
  if (/^[ \t]/.test(line)) return new HttpError(400, 'a header goes on in the next line');
  if (!line.endsWith('\r')) return new HttpError(400, 'lines must end with CR LF');
  return new HttpError(400, 'a header is not NAME: VALUE');
}

/** Without blanks and tabs at both ends. A regular expression could be made to take time that is square in the length. */
function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** Whether a list separated by commas has this element. */
export function hasToken(list: string, token: string): boolean {
  return list
    .toLowerCase()
    .split(',')
    .some((each) => trimBlanks(each) === token);
}

/** Path and query. Whom the request is for is checked, and otherwise nobody's business here. */
function pathOf(target: string, method: string, headers: ReadonlyMap<string, string>, minor: 0 | 1): string {
  const host = headers.get('host');
  if (host === undefined ? minor === 1 : !HOST.test(host)) {
    throw new HttpError(400, host === undefined ? 'there is no Host' : 'the Host is none');
  }
  if (target.includes('#')) throw new HttpError(400, 'the target has a fragment');
  if (target.startsWith('/') || (target === '*' && method === 'OPTIONS')) return target;
  if (method === 'CONNECT') throw new HttpError(405, 'this is no proxy', { Allow: 'GET, HEAD' });
  const authority = ABSOLUTE.exec(target);
  if (authority === null || authority[1] === '' || !HOST.test(authority[1] as string)) {
    throw new HttpError(400, 'the target is no path');
  }
  const rest = target.slice(authority[0].length);
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** How the body is delimited. Whatever is in doubt is refused: what one server takes for a body is a request to another. */
function framingOf(headers: ReadonlyMap<string, string>, minor: 0 | 1): Framing {
  const coding = headers.get('transfer-encoding');
  const length = headers.get('content-length');
  if (coding !== undefined) {
    if (length !== undefined) throw new HttpError(400, 'both Content-Length and Transfer-Encoding are there');
    if (minor === 0) throw new HttpError(400, 'HTTP/1.0 has no Transfer-Encoding');
    if (coding.toLowerCase() === 'chunked') return 'chunked';
    const codings = coding.toLowerCase().split(',').map(trimBlanks);
    const last = codings.indexOf('chunked') === codings.length - 1;
    throw new HttpError(last ? 501 : 400, `the Transfer-Encoding ${coding} is not understood`);
  }
  if (length === undefined) return 0;
  const [first = '', ...others] = length.split(',').map(trimBlanks);
  if (!/^\d+$/.test(first) || others.some((each) => each !== first)) {
    throw new HttpError(400, 'the Content-Length is no number');
  }
  return Number(first);
}

function expects(headers: ReadonlyMap<string, string>, minor: 0 | 1): boolean {
  const expectation = headers.get('expect');
  if (expectation === undefined || minor === 0) return false;
  if (expectation.toLowerCase() !== '100-continue')
    throw new HttpError(417, `${expectation} cannot be expected`);
  return true;
}
