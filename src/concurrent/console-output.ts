/** A worker thread's standard output and error, written to the descriptor itself: the main thread may be blocked. */

/** The inside of a writable stream. */
interface OutputStream {
  _write(chunk: string | Uint8Array, encoding: BufferEncoding, done: (error?: Error) => void): void;
  _writev: unknown;
  isTTY?: boolean;
  fd?: number;
}

const RETRY_AFTER = 1;

export function writeThrough(): void {
  redirect(process.stdout, 1);
  redirect(process.stderr, 2);
}

function redirect(stream: NodeJS.WriteStream, fd: number): void {
  const { writeSync } = process.getBuiltinModule('node:fs');
  const { isatty } = process.getBuiltinModule('node:tty');
  const target = stream as unknown as OutputStream;
  const writeAll = (chunk: Uint8Array) => {
    let written = 0;
    while (written < chunk.length) {
      try {
        written += writeSync(fd, chunk, written);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_AFTER); // a full pipe that does not block
      }
    }
  };
  target._write = (chunk: string | Uint8Array, encoding: BufferEncoding, done: (error?: Error) => void) => {
    try {
      writeAll(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk);
    } catch (error) {
      done(error as Error);
      return;
    }
    done();
  };
  target._writev = null;
  target.fd = fd;
  if (isatty(fd)) target.isTTY = true;
}
