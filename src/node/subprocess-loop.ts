/** The loop's methods for pipes and child processes, at the level of transports and protocols. */

import { type Coro, Coroutine, type EventLoop } from '../core/index.js';
import type {
  BaseProtocol,
  Protocol,
  ReadTransport,
  SubprocessProtocol,
  SubprocessTransport,
  WriteTransport,
} from '../core/io.js';
import { extendEventLoop } from '../core/lowlevel.js';
import { untilBegun } from './beginning.js';
import { ReadPipeTransport, WritePipeTransport } from './pipe-transports.js';
import {
  checkReadablePipe,
  checkWritablePipe,
  openReadable,
  openWritable,
  type ReadablePipe,
  type WritablePipe,
} from './pipes.js';
import { type Command, checkCommand, PIPE, type SubprocessOptions, startChild } from './spawning.js';
import { ChildTransport } from './subprocess-transport.js';

/** What every loop of this platform can do with pipes and child processes. */
export interface SubprocessLoop {
  /**
   * Reads from a pipe: a readable stream of Node's (`process.stdin`), or `{ fd }` of a pipe, a socket or a character device. The
   * transport owns it from now on, and closes it. Its protocol is told of what comes until the end, then `eofReceived()`, then
   * `connectionLost(null)`. Source: `loop.connect_read_pipe`.
   *
   * *Suspends* until `connectionMade()` was called. *Cancellation* closes the pipe.
   *
   * @throws ValueError for a regular file: read that with the functions for files.
   * @example
   * ```ts
   * import { Readable } from 'node:stream';
   * import * as asyncio from 'tsyncio';
   *
   * await asyncio.run(async () => {
   *   const loop = asyncio.getRunningLoop();
   *   const reader = new asyncio.StreamReader();
   *   const pipe = Readable.from([Buffer.from('one\n'), Buffer.from('two\n')], { objectMode: false });
   *   await loop.connectReadPipe(() => new asyncio.StreamReaderProtocol(reader), pipe);
   *   for await (const line of reader) console.log(line.toString().trim());
   *   //=> one
   *   //=> two
   * });
   * ```
   */
  connectReadPipe<P extends Protocol>(
    protocolFactory: () => P,
    pipe: ReadablePipe,
  ): Coroutine<[ReadTransport, P]>;

  /**
   * Writes to a pipe: a writable stream of Node's (`process.stdout`), or `{ fd }` of a pipe, a socket or a character device. The
   * transport owns it from now on, and closes it. `writeEof()` and `close()` are the same: they send what is buffered, and close.
   * When the reader closes its end, `connectionLost()` tells: at once where the descriptor is a socket, at the next write where
   * it is a pipe, because Node does not watch the latter. Source: `loop.connect_write_pipe`.
   *
   * *Suspends* until `connectionMade()` was called. *Cancellation* closes the pipe.
   *
   * @throws ValueError for a regular file.
   */
  connectWritePipe<P extends BaseProtocol>(
    protocolFactory: () => P,
    pipe: WritablePipe,
  ): Coroutine<[WriteTransport, P]>;

  /**
   * Starts a program, without a shell. Its standard streams are pipes unless told otherwise. Programs use
   * {@link createSubprocessExec}, which is more comfortable. Source: `loop.subprocess_exec`.
   *
   * *Suspends* until `connectionMade()` was called. *Cancellation* kills the child and waits for its end.
   *
   * @throws at once: TypeError and ValueError for what makes no sense. When awaited: FileNotFoundError, PermissionError and other
   *   errors of the system, with their `code`.
   */
  subprocessExec<P extends SubprocessProtocol>(
    protocolFactory: () => P,
    program: string,
    args?: readonly string[],
    options?: SubprocessOptions,
  ): Coroutine<[SubprocessTransport, P]>;

  /**
   * Runs a command line in a shell: `/bin/sh -c`, on Windows `cmd.exe`. Never put text of others into it without quoting. As
   * {@link subprocessExec} otherwise. Source: `loop.subprocess_shell`.
   */
  subprocessShell<P extends SubprocessProtocol>(
    protocolFactory: () => P,
    command: string,
    options?: SubprocessOptions,
  ): Coroutine<[SubprocessTransport, P]>;
}

declare module '../core/base-events.js' {
  interface EventLoop extends SubprocessLoop {}
}

function checkFactory(factory: unknown): void {
  if (typeof factory !== 'function')
    throw new TypeError(`the protocol factory must be a function, not ${String(factory)}`);
}

function* connectingRead<P extends Protocol>(
  loop: EventLoop,
  protocolFactory: () => P,
  pipe: ReadablePipe,
): Coro<[ReadTransport, P]> {
  const protocol = protocolFactory();
  const stream = openReadable(pipe);
  const transport = new ReadPipeTransport(loop, stream, protocol);
  yield* untilBegun(loop, transport, (waiter) => transport._begin(waiter));
  return [transport, protocol];
}

function* connectingWrite<P extends BaseProtocol>(
  loop: EventLoop,
  protocolFactory: () => P,
  pipe: WritablePipe,
): Coro<[WriteTransport, P]> {
  const protocol = protocolFactory();
  const { stream, watched } = openWritable(pipe);
  const transport = new WritePipeTransport(loop, stream, protocol);
  yield* untilBegun(loop, transport, (waiter) => transport._begin(waiter, watched));
  return [transport, protocol];
}

/** Starts what was checked. @internal */
export function* spawning<P extends SubprocessProtocol>(
  loop: EventLoop,
  protocolFactory: () => P,
  command: Command,
): Coro<[ChildTransport, P]> {
  const protocol = protocolFactory();
  const child = yield* startChild(loop, command);
  const transport = new ChildTransport(loop, child, protocol, command.options.startNewSession === true);
  try {
    yield* untilBegun(loop, transport, (waiter) => transport._begin(waiter));
  } catch (error) {
    yield* transport._wait(true);
    throw error;
  }
  return [transport, protocol];
}

extendEventLoop({
  connectReadPipe(this: EventLoop, protocolFactory: () => Protocol, pipe: ReadablePipe) {
    checkFactory(protocolFactory);
    checkReadablePipe(pipe);
    return new Coroutine(connectingRead(this, protocolFactory, pipe), 'connectReadPipe');
  },

  connectWritePipe(this: EventLoop, protocolFactory: () => BaseProtocol, pipe: WritablePipe) {
    checkFactory(protocolFactory);
    checkWritablePipe(pipe);
    return new Coroutine(connectingWrite(this, protocolFactory, pipe), 'connectWritePipe');
  },

  subprocessExec(
    this: EventLoop,
    protocolFactory: () => SubprocessProtocol,
    program: string,
    args: readonly string[] = [],
    options: SubprocessOptions = {},
  ) {
    checkFactory(protocolFactory);
    const command = checkCommand(program, args, options, { standard: PIPE, shell: false });
    return new Coroutine(spawning(this, protocolFactory, command), 'subprocessExec');
  },

  subprocessShell(
    this: EventLoop,
    protocolFactory: () => SubprocessProtocol,
    command: string,
    options: SubprocessOptions = {},
  ) {
    checkFactory(protocolFactory);
    const checked = checkCommand(command, [], options, { standard: PIPE, shell: true });
    return new Coroutine(spawning(this, protocolFactory, checked), 'subprocessShell');
  },
} satisfies { [M in keyof SubprocessLoop]: unknown });
