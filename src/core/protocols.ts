/**
 * Protocols: what a transport calls. Plain base classes with empty methods; whatever has the methods will do.
 *
 * A stream's calls follow one grammar: `connectionMade`, `dataReceived`\*, `eofReceived`?, `connectionLost`, the last exactly
 * once. Each comes from the loop, outside any task, never from inside a call that the protocol makes; only
 * `pauseWriting()` may come from inside `write()`.
 */

import type { Bytes } from './bytes.js';
import type { SocketAddress } from './network.js';
import type { BaseTransport } from './transports.js';

/** What all protocols have. Source: `asyncio.BaseProtocol`. */
export class BaseProtocol {
  /** The connection stands. `transport` is how to write to it and to close it. */
  connectionMade(_transport: BaseTransport): void {}

  /** The connection is closed: `null` when it ended in order or was closed on this side, else the reason. */
  connectionLost(_error: Error | null): void {}

  /** The transport's buffer went over its high-water mark: write no more for now. */
  pauseWriting(): void {}

  /** The buffer has drained to the low-water mark: go on. Always after one `pauseWriting()`. */
  resumeWriting(): void {}
}

/** A protocol that is handed each piece of data as it comes. Source: `asyncio.Protocol`. */
export class Protocol extends BaseProtocol {
  /** Some data has come: at least one byte, and no more than a piece of what the peer wrote. It is the receiver's. */
  dataReceived(_data: Bytes): void {}

  /** The peer will write no more. Falsy closes the transport; `true` leaves it open for writing. */
  // biome-ignore lint/suspicious/noConfusingVoidType: most return nothing
  eofReceived(): boolean | void {}
}

/** A protocol that brings the memory for its data, so that nothing need be copied. Source: `asyncio.BufferedProtocol`. */
export class BufferedProtocol extends BaseProtocol {
  /** Room for the next data: at least one byte; `sizehint` is a recommendation, or -1. */
  getBuffer(_sizehint: number): Uint8Array {
    throw new TypeError('Cannot receive: the protocol has no getBuffer()');
  }

  /** The first `nbytes` of the last buffer are filled. */
  bufferUpdated(_nbytes: number): void {}

  /** As in {@link Protocol}. */
  // biome-ignore lint/suspicious/noConfusingVoidType: most return nothing
  eofReceived(): boolean | void {}
}

/** A protocol for datagrams. Source: `asyncio.DatagramProtocol`. */
export class DatagramProtocol extends BaseProtocol {
  /** One datagram has come, from `address`. */
  datagramReceived(_data: Bytes, _address: SocketAddress): void {}

  /** A send or a receive failed; the endpoint goes on. */
  errorReceived(_error: Error): void {}
}

/** A protocol for a child process and its pipes. Source: `asyncio.SubprocessProtocol`. */
export class SubprocessProtocol extends BaseProtocol {
  /** The child wrote to its file descriptor `fd` (1 or 2). */
  pipeDataReceived(_fd: number, _data: Bytes): void {}

  /** One of the pipes is closed. */
  pipeConnectionLost(_fd: number, _error: Error | null): void {}

  /** The child has exited. Its pipes may still bring data. */
  processExited(): void {}
}

/** A protocol for streams of bytes, of either kind. */
export type StreamProtocol = Protocol | BufferedProtocol;

/** Whether a protocol brings its own memory. */
export function isBufferedProtocol(protocol: BaseProtocol): protocol is BufferedProtocol {
  return typeof (protocol as Partial<BufferedProtocol>).getBuffer === 'function';
}
