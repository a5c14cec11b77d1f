/** What goes wrong with files: the platform's errors under the classes of Python's, and wrong use. */

import { OSError } from '../core/index.js';
import { toOSError } from '../core/io.js';

/** The file was opened in a way that does not allow this: reading what is open for writing only. Python's `io.UnsupportedOperation`. */
export class UnsupportedOperation extends OSError {}
for (const [key, value] of [
  ['name', 'UnsupportedOperation'],
  ['code', 'ERR_UNSUPPORTED_OPERATION'],
] as const) {
  Object.defineProperty(UnsupportedOperation.prototype, key, { value, writable: true, configurable: true });
}

/**
 * Node's error as Python's: `FileNotFoundError` for `ENOENT`. The message names the call, and the file, which Node leaves out
 * where it was given a descriptor.
 */
export function fileError(error: unknown, path: string): unknown {
  const { code, path: named } = error as NodeJS.ErrnoException;
  const made = toOSError(error);
  if (typeof code !== 'string' || named !== undefined || !(made instanceof OSError)) return made;
  if (made.path === undefined) Object.assign(made, { path });
  Object.defineProperty(made, 'message', {
    value: `${made.message} '${path}'`,
    writable: true,
    configurable: true,
  });
  return made;
}

/** An error of the system's that Python makes and Node does not. */
export function refusal(code: string, syscall: string, reason: string, path: string): unknown {
  const error = new Error(`${code}: ${reason}, ${syscall} '${path}'`);
  const { errno } = process.getBuiltinModule('node:os').constants;
  return toOSError(
    Object.assign(error, { code, errno: -(errno[code as keyof typeof errno] ?? 0), syscall, path }),
  );
}
