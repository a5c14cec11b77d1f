/**
 * Transports: how bytes get out, and who is called when they come in. Contracts only; platforms implement them.
 *
 * A transport belongs to the loop that made it, and calls its protocol through that loop. Nothing here suspends: `write()`
 * puts into a buffer, and `pauseWriting()` tells the protocol when there is too much in it.
 */

import type { ExtraInfo, SocketAddress } from './network.js';
import type { BaseProtocol } from './protocols.js';

/** How full a transport's buffer may get, in bytes. */
export interface WriteBufferLimits {
  /** Over it, `pauseWriting()` is called. 64 KiB unless told, or four times `low`. */
  high?: number | null | undefined;
  /** At or under it, `resumeWriting()` is called. A quarter of `high` unless told. */
  low?: number | null | undefined;
}

/** What all transports have. Source: `asyncio.BaseTransport`. */
export abstract class BaseTransport {
  /**
   * What the transport tells of itself: `'peername'`, `'sockname'`, `'socket'`, `'sslcontext'` and more. What it does not know
   * is `defaultValue`, `null` unless told.
   */
  abstract getExtraInfo<K extends keyof ExtraInfo>(name: K): ExtraInfo[K] | null;
  abstract getExtraInfo<K extends keyof ExtraInfo, D>(name: K, defaultValue: D): ExtraInfo[K] | D;
  abstract getExtraInfo(name: string, defaultValue?: unknown): unknown;

  /** Whether it is closing or closed. */
  abstract isClosing(): boolean;

  /** Writes what is buffered, then closes; `connectionLost(null)` follows. Nothing more is received. Twice is no error. */
  abstract close(): void;

  /** Makes `protocol` the one that is called from now on. */
  abstract setProtocol(protocol: BaseProtocol): void;

  abstract getProtocol(): BaseProtocol;
}

/** The half of a stream that reads. Source: `asyncio.ReadTransport`. */
export abstract class ReadTransport extends BaseTransport {
  /** Whether data is being received: not while paused, and not after it began to close. */
  abstract isReading(): boolean;

  /** Calls no `dataReceived()` until {@link resumeReading}. Twice is no error. */
  abstract pauseReading(): void;

  abstract resumeReading(): void;
}

/** The half of a stream that writes. Source: `asyncio.WriteTransport`. */
export abstract class WriteTransport extends BaseTransport {
  /**
   * Sets the marks between which `pauseWriting()` and `resumeWriting()` alternate.
   *
   * @throws ValueError unless `high >= low >= 0`.
   */
  abstract setWriteBufferLimits(limits?: WriteBufferLimits): void;

  /** The bytes that are written and not handed to the system yet. */
  abstract getWriteBufferSize(): number;

  abstract getWriteBufferLimits(): [low: number, high: number];

  /**
   * Writes without waiting. The bytes must not be changed before they have left the buffer.
   *
   * @throws TypeError for anything but a `Uint8Array`; RuntimeError after {@link writeEof}.
   */
  abstract write(data: Uint8Array): void;

  /** Writes each of them, in order. */
  writelines(listOfData: Iterable<Uint8Array>): void {
    for (const data of listOfData) this.write(data);
  }

  /** Tells the peer, after what is buffered, that no more will come; reading goes on. */
  abstract writeEof(): void;

  /** Whether {@link writeEof} is supported; not over TLS. */
  abstract canWriteEof(): boolean;

  /** Closes at once: what is buffered is lost. */
  abstract abort(): void;
}

/** A stream of bytes in both directions. Source: `asyncio.Transport`. */
export abstract class Transport extends WriteTransport implements ReadTransport {
  abstract isReading(): boolean;
  abstract pauseReading(): void;
  abstract resumeReading(): void;
}

/** A socket for datagrams. Source: `asyncio.DatagramTransport`. */
export abstract class DatagramTransport extends BaseTransport {
  /**
   * Sends one datagram, to `address` or, on a connected endpoint, to its peer. An error of the system comes as
   * `errorReceived()`.
   *
   * @throws TypeError for anything but a `Uint8Array`; ValueError for another address than the peer's.
   */
  abstract sendto(data: Uint8Array, address?: SocketAddress | null): void;

  /** Closes at once: what is buffered is lost. */
  abstract abort(): void;

  abstract getWriteBufferSize(): number;
  abstract getWriteBufferLimits(): [low: number, high: number];
  abstract setWriteBufferLimits(limits?: WriteBufferLimits): void;
}

/** A child process. Source: `asyncio.SubprocessTransport`. */
export abstract class SubprocessTransport extends BaseTransport {
  abstract getPid(): number;

  /** `null` while it runs, then the exit status, or `-n` after signal `n`. */
  abstract getReturncode(): number | null;

  /** The transport of the child's file descriptor `fd`; `null` where there is no pipe. */
  abstract getPipeTransport(fd: number): ReadTransport | WriteTransport | null;

  /** @throws ProcessLookupError when it has exited. */
  abstract sendSignal(signal: string | number): void;

  /** Asks it to stop: SIGTERM. */
  abstract terminate(): void;

  /** Stops it: SIGKILL. */
  abstract kill(): void;
}
