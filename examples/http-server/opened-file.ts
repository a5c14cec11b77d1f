/**
 * A file below a folder, opened for sending: never one outside of it, whatever links and whoever moves files meanwhile.
 *
 * `asyncio.openFile()` would do, with two drawbacks in a server: opening a named pipe waits until somebody writes to it, and the
 * check of where a path leads would be a look at one moment and the opening another. So this opens without waiting, and looks at what it
 * has opened. It is also how a callback of Node's becomes something to wait for.
 */

import fs from 'node:fs';
import path from 'node:path';
import * as asyncio from 'tsyncio';

/** Not there on Windows, which has no such pipes. */
const FLAGS = fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0);

type Callback<T> = (error: NodeJS.ErrnoException | null, value: T) => void;

/** Makes a call of `node:fs`. When the task is cancelled meanwhile, `abandoned` hears of what the call brings all the same. */
function* call<T>(begin: (callback: Callback<T>) => void, abandoned?: (value: T) => void): asyncio.Coro<T> {
  const done = asyncio.getRunningLoop().createFuture<T>();
  let arrived: { value: T } | null = null;
  begin((error, value) => {
    if (!error) arrived = { value };
    if (done.done() || done.getLoop().isClosed()) {
      if (!error) abandoned?.(value);
    } else if (error) done.setException(error);
    else done.setResult(value);
  });
  try {
    return yield* done;
  } catch (error) {
    // It had come, and this task was cancelled before it heard of it.
    const late = arrived as { value: T } | null;
    if (late !== null && done.done() && !done.cancelled()) abandoned?.(late.value);
    throw error;
  }
}

const close = (fd: number): void => fs.close(fd, () => {});

export class OpenedFile {
  readonly fd: number;
  readonly stat: fs.Stats;
  #open = true;

  private constructor(fd: number, stat: fs.Stats) {
    this.fd = fd;
    this.stat = stat;
  }

  /**
   * Opens `file`, a path below `root`, which is absolute and has no links in it. Gives `null` when it leads elsewhere. Folders are
   * opened, too.
   *
   * @throws the system's error, with its `code`
   */
  static *open(root: string, file: string): asyncio.Coro<OpenedFile | null> {
    let name = file;
    if (process.platform !== 'linux') {
      name = yield* call<string>((callback) => fs.realpath.native(file, callback));
      if (!isWithin(root, name)) return null;
    }
    const fd = yield* call<number>((callback) => fs.open(name, FLAGS, callback), close);
    try {
      // These two do not go to a thread: opening has brought all that they tell into memory, and a thread costs more.
      if (process.platform === 'linux' && !isWithin(root, fs.readlinkSync(`/proc/self/fd/${fd}`))) {
        close(fd);
        return null;
      }
      return new OpenedFile(fd, fs.fstatSync(fd));
    } catch (error) {
      close(fd);
      throw error;
    }
  }

  /** Fills `memory` from `start` on with what stands in the file from `offset` on. Gives how many bytes there were; *cancellation* none. */
  *read(memory: Buffer, start: number, offset: number): asyncio.Coro<number> {
    const wanted = memory.length - start;
    let got = 0;
    while (got < wanted) {
      const count = yield* call<number>((callback) =>
        fs.read(this.fd, memory, start + got, wanted - got, offset + got, callback),
      );
      if (count === 0) break;
      got += count;
    }
    return got;
  }

  /** Nobody needs to wait for it, so that it also works where a task is being cancelled. */
  close(): void {
    if (this.#open) close(this.fd);
    this.#open = false;
  }
}

function isWithin(root: string, file: string): boolean {
  return file === root || file.startsWith(root.endsWith(path.sep) ? root : root + path.sep);
}
