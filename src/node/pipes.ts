/** What `connectReadPipe()` and `connectWritePipe()` take, and how a file descriptor becomes a stream of Node's. */

import type { Readable, Writable } from 'node:stream';
import { ValueError } from '../core/index.js';
import { toOSError } from '../core/io.js';
import { nodeFs, nodeNet, nodeTty } from './builtins.js';

/** An open file descriptor. Who hands it over gives it away: the transport closes it. */
export interface FileDescriptor {
  readonly fd: number;
}

/** The end of a pipe to read from: a stream of Node's, or the descriptor of a pipe, a socket or a character device. */
export type ReadablePipe = FileDescriptor | Readable;

/** The end of a pipe to write to. */
export type WritablePipe = FileDescriptor | Writable;

function isStream(pipe: unknown, method: 'read' | 'write'): boolean {
  const { on, [method]: call } = pipe as { on?: unknown; read?: unknown; write?: unknown };
  return typeof on === 'function' && typeof call === 'function';
}

function checkPipe(pipe: unknown, method: 'read' | 'write'): void {
  const expected = `expected a ${method === 'read' ? 'readable' : 'writable'} stream or { fd }`;
  if (typeof pipe !== 'object' || pipe === null) {
    throw new TypeError(`Cannot connect the pipe: ${expected}, got ${String(pipe)}`);
  }
  if (isStream(pipe, method)) {
    const { readableObjectMode, writableObjectMode } = pipe as Readable & Writable;
    if (method === 'read' ? readableObjectMode : writableObjectMode)
      throw new ValueError('Cannot connect the pipe: the stream carries objects, not bytes');
    return;
  }
  const { fd, createReadStream } = pipe as FileDescriptor & { createReadStream?: unknown };
  if (typeof createReadStream === 'function')
    throw new TypeError(`Cannot connect the pipe: a FileHandle closes its descriptor by itself: ${expected}`);
  if (!Number.isInteger(fd)) throw new TypeError(`Cannot connect the pipe: ${expected}`);
  if (fd < 0) throw new ValueError(`Cannot connect the pipe: ${fd} is no file descriptor`);
}

export function checkReadablePipe(pipe: ReadablePipe): void {
  checkPipe(pipe, 'read');
}

export function checkWritablePipe(pipe: WritablePipe): void {
  checkPipe(pipe, 'write');
}

type Kind = 'pipe' | 'socket' | 'terminal' | 'device' | 'other';

function kindOf(fd: number): Kind {
  const stat = nodeFs().fstatSync(fd);
  if (stat.isFIFO()) return 'pipe';
  if (stat.isSocket()) return 'socket';
  if (!stat.isCharacterDevice()) return 'other';
  return nodeTty().isatty(fd) ? 'terminal' : 'device';
}

/** A stream over the descriptor. @throws ValueError for a regular file; OSError where it cannot be used. */
export function openReadable(pipe: ReadablePipe): Readable {
  if (isStream(pipe, 'read')) return pipe as Readable;
  try {
    return readableOf((pipe as FileDescriptor).fd);
  } catch (error) {
    throw toOSError(error);
  }
}

function readableOf(fd: number): Readable {
  switch (kindOf(fd)) {
    case 'pipe':
    case 'socket': {
      const { Socket } = nodeNet();
      return new Socket({ fd, readable: true, writable: false });
    }
    case 'terminal':
      return new (nodeTty().ReadStream)(fd);
    case 'device':
      return nodeFs().createReadStream('', { fd });
    case 'other':
      throw new ValueError('Pipe transport is for pipes/sockets only.');
  }
}

/** A stream, and its other direction where that tells of the peer's end: a socket's does, a pipe has none. */
interface WritableEnd {
  readonly stream: Writable;
  readonly watched: Readable | null;
}

/** A stream over the descriptor. @throws ValueError for a regular file; OSError where it cannot be used. */
export function openWritable(pipe: WritablePipe): WritableEnd {
  if (isStream(pipe, 'write')) return { stream: pipe as Writable, watched: null };
  try {
    return writableOf((pipe as FileDescriptor).fd);
  } catch (error) {
    throw toOSError(error);
  }
}

function writableOf(fd: number): WritableEnd {
  switch (kindOf(fd)) {
    case 'pipe': {
      const { Socket } = nodeNet();
      return { stream: new Socket({ fd, readable: false, writable: true }), watched: null };
    }
    case 'socket': {
      const { Socket } = nodeNet();
      const socket = new Socket({ fd, readable: true, writable: true, allowHalfOpen: true });
      return { stream: socket, watched: socket };
    }
    case 'terminal':
      return { stream: new (nodeTty().WriteStream)(fd), watched: null };
    case 'device':
      return { stream: nodeFs().createWriteStream('', { fd }), watched: null };
    case 'other':
      throw new ValueError('Pipe transport is only for pipes, sockets and character devices');
  }
}
