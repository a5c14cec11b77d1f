/** What the transports of pipes and child processes tell of themselves. */

import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

declare module '../core/network.js' {
  interface ExtraInfo {
    /** Pipes only: Node's stream. */
    pipe: Readable | Writable;
    /** Child processes only: Node's. */
    subprocess: ChildProcess;
  }
}
