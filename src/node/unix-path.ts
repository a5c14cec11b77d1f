/** The length of the paths of Unix sockets. */

import { OSError } from '../core/index.js';

/** Refuses a path that the system has no room for: Node would cut it, and use the socket of another name. */
export function checkUnixPath(path: string, attempt: string): void {
  if (process.platform === 'win32') return; // a named pipe
  const room = process.platform === 'linux' ? 108 : 104;
  // A file's name ends with a zero byte, an abstract one begins with it.
  const most = path.startsWith('\0') ? room : room - 1;
  const length = Buffer.byteLength(path);
  if (length <= most) return;
  throw new OSError(
    `Cannot ${attempt}: the path of a Unix socket has ${most} bytes at most, this one has ${length}: ${path}`,
    { code: 'ENAMETOOLONG', path },
  );
}
