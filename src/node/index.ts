/** What runs on Node, Deno and Bun. Importing it makes the Node host the default one, and gives loops their methods for input and output. */

import './buffers.js';
import './network-loop.js';
import './subprocess-loop.js';

export {
  AbstractServer,
  BaseProtocol,
  BaseTransport,
  BrokenPipeError,
  BufferedProtocol,
  ChildProcessError,
  type ClientConnected,
  ConnectionAbortedError,
  ConnectionError,
  ConnectionRefusedError,
  ConnectionResetError,
  DatagramProtocol,
  DatagramTransport,
  FileExistsError,
  FileNotFoundError,
  IncompleteReadError,
  IsADirectoryError,
  LimitOverrunError,
  NotADirectoryError,
  PermissionError,
  ProcessLookupError,
  Protocol,
  ReadTransport,
  SendfileNotAvailableError,
  type Separator,
  type SignalLike,
  type SignalLoop,
  type StartTlsOptions,
  type StreamProtocol,
  StreamReader,
  type StreamReaderOptions,
  StreamReaderProtocol,
  StreamWriter,
  SubprocessProtocol,
  SubprocessTransport,
  Transport,
  type WriteBufferLimits,
  WriteTransport,
} from '../core/io.js';
export { type AddressFamily, type AddrInfo, type AddrInfoHints, GaiError } from './addresses.js';
export { AtomicFile, type AtomicOptions, atomicFile, atomicWrite } from './atomic-write.js';
export type {
  AcceptedSocketOptions,
  ConnectionOptions,
  LoopStartTlsOptions,
  UnixConnectionOptions,
} from './connections.js';
export { type CopyOptions, copyFile } from './copy-file.js';
export type { DatagramOptions } from './datagrams.js';
export {
  type EmitterLike,
  EventStream,
  type EventTargetLike,
  type OnceOptions,
  type OnOptions,
  on,
  once,
} from './emitters.js';
export { UnsupportedOperation } from './file-errors.js';
export {
  AsyncFile,
  BinaryFile,
  type BinaryMode,
  type FileMode,
  type FileOf,
  type Iteration,
  type OpenOptions,
  openFile,
  type PathLike,
  TextFile,
  type TextMode,
  type Whence,
} from './files.js';
export { NodeHost } from './lowlevel.js';
export type * from './network-info.js';
export type { NetworkLoop } from './network-loop.js';
export { type Closable, Opening } from './opening.js';
export { type GlobOptions, Path, type TextOptions, type WalkStep } from './paths.js';
export type { FileDescriptor, ReadablePipe, WritablePipe } from './pipes.js';
export type * from './process-info.js';
export type { SendfileOptions, SendfileSource } from './sendfile.js';
export { Server, type ServerOptions, type UnixServerOptions } from './server.js';
export {
  createDefaultContext,
  type Pem,
  SSLCertVerificationError,
  type SSLContextOptions,
  SSLError,
} from './ssl.js';
export {
  fromReadable,
  fromWritable,
  SourceReader,
  toReadable,
  toReadableStream,
  toWritable,
  toWritableStream,
} from './stream-adapters.js';
export {
  openConnection,
  openUnixConnection,
  type StreamPair,
  startServer,
  startUnixServer,
} from './streams.js';
export * as subprocess from './subprocess.js';
export { createSubprocessExec, createSubprocessShell, runProcess } from './subprocess.js';
export type { SubprocessLoop } from './subprocess-loop.js';
export {
  namedTemporaryFile,
  TemporaryDirectory,
  type TemporaryOptions,
  temporaryDirectory,
} from './temporary-files.js';
export type { EncodingErrors, Newline, TextEncoding } from './text-codecs.js';
