/** Names to addresses and back: `getaddrinfo()`, `getnameinfo()`, and the order in which several addresses are tried. */

import type { LookupAddress } from 'node:dns';
import {
  type Coro,
  Coroutine,
  type EventLoop,
  OSError,
  type SocketAddress,
  ValueError,
  wrapPromise,
} from '../core/index.js';
import { toOSError } from '../core/io.js';
import { nodeDns, nodeNet } from './builtins.js';

/** The kinds of addresses: any, IPv4 or IPv6. */
export type AddressFamily = 0 | 4 | 6;

/** What {@link NetworkLoop.getaddrinfo} may be told. */
export interface AddrInfoHints {
  family?: AddressFamily | undefined;
  type?: 'stream' | 'dgram' | undefined;
  proto?: number | undefined;
  /** Flags of Node's `dns.lookup()`: `dns.ADDRCONFIG`, `dns.V4MAPPED`, `dns.ALL`. */
  flags?: number | undefined;
  /** Addresses for listening: without a host, those that stand for every interface. */
  passive?: boolean | undefined;
}

/** One way to reach a host. */
export interface AddrInfo {
  readonly family: 4 | 6;
  readonly type: 'stream' | 'dgram';
  readonly proto: number;
  readonly sockaddr: readonly [host: string, port: number];
}

/** A resolver's error: the name is not known. Source: `socket.gaierror`. */
export class GaiError extends OSError {}
Object.defineProperty(GaiError.prototype, 'name', { value: 'GaiError', writable: true, configurable: true });

/** A port: a number, or text with one. @throws GaiError, ValueError */
export function portNumber(port: number | string | null | undefined): number {
  if (port === null || port === undefined || port === '') return 0;
  const number = typeof port === 'string' && /^\d+$/.test(port) ? Number(port) : port;
  if (typeof number === 'string') {
    throw new GaiError(`Cannot look up port ${JSON.stringify(port)}: names of services are not supported`, {
      code: 'EAI_SERVICE',
    });
  }
  if (typeof number !== 'number' || !Number.isInteger(number) || number < 0 || number > 65_535) {
    throw new ValueError(`Cannot use port ${String(port)}: it must be 0-65535`);
  }
  return number;
}

/** Finds the addresses of `host`. Those that are addresses already need no resolver. */
export function getaddrinfo(
  loop: EventLoop,
  host: string | null,
  port: number | string | null,
  hints: AddrInfoHints = {},
): Coroutine<AddrInfo[]> {
  if (host !== null && typeof host !== 'string') {
    throw new TypeError(`Cannot look up a host: expected text or null, got ${String(host)}`);
  }
  const family = hints.family ?? 0;
  if (family !== 0 && family !== 4 && family !== 6) {
    throw new ValueError(`Cannot look up a host: family must be 0, 4 or 6, got ${String(family)}`);
  }
  return new Coroutine(lookingUp(loop, host, port, hints), 'getaddrinfo');
}

function* lookingUp(
  loop: EventLoop,
  host: string | null,
  port: number | string | null,
  { family = 0, type = 'stream', proto = 0, flags = 0, passive = false }: AddrInfoHints,
): Coro<AddrInfo[]> {
  const number = portNumber(port);
  const info = (each: { address: string; family: number }): AddrInfo => ({
    family: each.family === 6 ? 6 : 4,
    type,
    proto,
    sockaddr: [each.address, number],
  });
  if (host === null || host === '') {
    const all = passive
      ? [
          { address: '0.0.0.0', family: 4 },
          { address: '::', family: 6 },
        ]
      : [
          { address: '::1', family: 6 },
          { address: '127.0.0.1', family: 4 },
        ];
    return all.filter((each) => family === 0 || each.family === family).map(info);
  }
  const literal = nodeNet().isIP(host);
  if (literal !== 0) {
    if (family !== 0 && family !== literal) {
      throw new GaiError(`Cannot look up ${host}: it is no address of family ${family}`, {
        code: 'EAI_ADDRFAMILY',
      });
    }
    return [info({ address: host, family: literal })];
  }
  const found = yield* wrapPromise(
    new Promise<LookupAddress[]>((resolve, reject) => {
      nodeDns().lookup(host, { all: true, family, hints: flags, verbatim: true }, (error, addresses) => {
        if (error === null) resolve(addresses);
        else reject(new GaiError(error.message, { code: error.code, errno: error.errno, cause: error }));
      });
    }),
    { loop },
  );
  return found.map(info);
}

/** Finds the names of an address and of its port. */
export function getnameinfo(loop: EventLoop, sockaddr: SocketAddress): Coroutine<[string, string]> {
  if (typeof sockaddr === 'string' || nodeNet().isIP(sockaddr[0]) === 0) {
    throw new ValueError(`Cannot look up ${String(sockaddr)}: expected an address and a port`);
  }
  return new Coroutine(namingOf(loop, sockaddr[0], portNumber(sockaddr[1])), 'getnameinfo');
}

function* namingOf(loop: EventLoop, host: string, port: number): Coro<[string, string]> {
  return yield* wrapPromise(
    new Promise<[string, string]>((resolve, reject) => {
      nodeDns().lookupService(host, port, (error, hostname, service) => {
        if (error === null) resolve([hostname, service]);
        else reject(toOSError(error));
      });
    }),
    { loop },
  );
}

/** Families in turns, so that one that does not work costs one attempt only; `firstCount` of the first one lead. RFC 8305. */
export function interleave(infos: readonly AddrInfo[], firstCount: number): AddrInfo[] {
  const byFamily = new Map<number, AddrInfo[]>();
  for (const info of infos) {
    const list = byFamily.get(info.family);
    if (list === undefined) byFamily.set(info.family, [info]);
    else list.push(info);
  }
  const lists = [...byFamily.values()];
  const result = firstCount > 1 ? (lists[0]?.splice(0, firstCount - 1) ?? []) : [];
  for (let index = 0; lists.some((list) => index < list.length); index += 1) {
    for (const list of lists) {
      const info = list[index];
      if (info !== undefined) result.push(info);
    }
  }
  return result;
}
