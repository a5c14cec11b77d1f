/** The contracts of input and output, for the layers of platforms that have them: the core itself does without. */

export {
  allocateBytes,
  asBytes,
  type BytesMaker,
  checkBytes,
  joinBytes,
  NO_BYTES,
  setBytesMaker,
} from './bytes.js';
export { LoopCallback, outsideTasks } from './loop-callback.js';
export { keepTrack, type OpenResource } from './open-resources.js';
export {
  BrokenPipeError,
  ChildProcessError,
  ConnectionAbortedError,
  ConnectionError,
  ConnectionRefusedError,
  ConnectionResetError,
  FileExistsError,
  FileNotFoundError,
  IsADirectoryError,
  NotADirectoryError,
  PermissionError,
  ProcessLookupError,
  toOSError,
} from './os-errors.js';
export {
  BaseProtocol,
  BufferedProtocol,
  DatagramProtocol,
  isBufferedProtocol,
  Protocol,
  type StreamProtocol,
  SubprocessProtocol,
} from './protocols.js';
export { NOT_READY, ReadyCoroutine } from './ready-coroutine.js';
export { AbstractServer } from './servers.js';
export type { SignalLike, SignalLoop } from './signal-handlers.js';
export { IncompleteReadError, LimitOverrunError, SendfileNotAvailableError } from './stream-errors.js';
export { type Separator, StreamReader, type StreamReaderOptions } from './stream-reader.js';
export {
  type ClientConnected,
  FlowControlProtocol,
  type StartTlsOptions,
  StreamReaderProtocol,
  StreamWriter,
} from './streams.js';
export {
  BaseTransport,
  DatagramTransport,
  ReadTransport,
  SubprocessTransport,
  Transport,
  type WriteBufferLimits,
  WriteTransport,
} from './transports.js';
export { WriteFlow } from './write-flow.js';

import './signal-handlers.js';
