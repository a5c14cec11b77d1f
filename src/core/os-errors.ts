/** Python's subclasses of OSError, and which one stands for which error of the platform. */

import { identify, OSError, TimeoutError } from './exceptions.js';

/** The base of everything that goes wrong with a connection. */
export class ConnectionError extends OSError {}
identify(ConnectionError, 'ConnectionError', 'ERR_CONNECTION');

/** Writing to a pipe or a socket whose other end is closed. */
export class BrokenPipeError extends ConnectionError {}
identify(BrokenPipeError, 'BrokenPipeError', 'EPIPE');

/** The connection, or the attempt to make it, was given up on this side. */
export class ConnectionAbortedError extends ConnectionError {}
identify(ConnectionAbortedError, 'ConnectionAbortedError', 'ECONNABORTED');

/** Nobody listens there. */
export class ConnectionRefusedError extends ConnectionError {}
identify(ConnectionRefusedError, 'ConnectionRefusedError', 'ECONNREFUSED');

/** The peer, or something between, tore the connection down. */
export class ConnectionResetError extends ConnectionError {}
identify(ConnectionResetError, 'ConnectionResetError', 'ECONNRESET');

/** A file, a folder or a socket's path that is not there. */
export class FileNotFoundError extends OSError {}
identify(FileNotFoundError, 'FileNotFoundError', 'ENOENT');

/** A file that is there, and must not be. */
export class FileExistsError extends OSError {}
identify(FileExistsError, 'FileExistsError', 'EEXIST');

/** A folder where a file was expected. */
export class IsADirectoryError extends OSError {}
identify(IsADirectoryError, 'IsADirectoryError', 'EISDIR');

/** A file where a folder was expected. */
export class NotADirectoryError extends OSError {}
identify(NotADirectoryError, 'NotADirectoryError', 'ENOTDIR');

/** The system does not allow it. */
export class PermissionError extends OSError {}
identify(PermissionError, 'PermissionError', 'EACCES');

/** There is no such process. */
export class ProcessLookupError extends OSError {}
identify(ProcessLookupError, 'ProcessLookupError', 'ESRCH');

/** Something about a child process went wrong. */
export class ChildProcessError extends OSError {}
identify(ChildProcessError, 'ChildProcessError', 'ECHILD');

const classes: Record<string, typeof OSError> = {
  EPIPE: BrokenPipeError,
  ESHUTDOWN: BrokenPipeError,
  ERR_STREAM_DESTROYED: BrokenPipeError,
  ERR_STREAM_WRITE_AFTER_END: BrokenPipeError,
  ECONNABORTED: ConnectionAbortedError,
  ECONNREFUSED: ConnectionRefusedError,
  ECONNRESET: ConnectionResetError,
  ENOENT: FileNotFoundError,
  EEXIST: FileExistsError,
  EISDIR: IsADirectoryError,
  ENOTDIR: NotADirectoryError,
  EACCES: PermissionError,
  EPERM: PermissionError,
  ESRCH: ProcessLookupError,
  ECHILD: ChildProcessError,
  ETIMEDOUT: TimeoutError,
};

/** An error of the platform's: it has a `code` such as `'ECONNRESET'`. */
interface SystemError extends Error {
  readonly code?: string;
  readonly errno?: number;
  readonly syscall?: string;
  readonly path?: string;
  readonly dest?: string;
}

/**
 * The OSError, of the subclass that Python would raise, for an error of the platform; it keeps `code`, `errno`, `syscall`,
 * `path`, `dest` and the message, and names the platform's error as its `cause`. What is an OSError already, or is no error of the system, comes
 * back as it is.
 */
export function toOSError(error: unknown): Error {
  if (error instanceof OSError) return error;
  if (!(error instanceof Error)) return new OSError(String(error), { cause: error });
  const { code, errno, syscall, path, dest } = error as SystemError;
  if (typeof code !== 'string' || (errno === undefined && !(code in classes))) return error;
  const Class = classes[code] ?? OSError;
  return new Class(error.message, { code, errno, syscall, path, dest, cause: error });
}
