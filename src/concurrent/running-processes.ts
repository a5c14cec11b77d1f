/** The processes of a thread's pools, to be ended with it: one in the middle of a call would not notice that its owner is gone. */

import type { TaskQueue } from './task-queue.js';

/** The processes of one pool. */
export interface RunningProcesses {
  /** The process in each place, or 0. The broker writes it. */
  readonly pids: Int32Array;
  readonly queue: TaskQueue;
}

const all = new Set<RunningProcesses>();

/** Has the processes that are in the middle of a call killed when this thread exits. Returns how to forget them. */
export function killAtExit(processes: RunningProcesses): () => void {
  if (all.size === 0) process.on('exit', killAll);
  all.add(processes);
  return () => {
    all.delete(processes);
    if (all.size === 0) process.off('exit', killAll);
  };
}

function killAll(): void {
  for (const { pids, queue } of all) {
    for (const worker of pids.keys()) {
      const pid = Atomics.load(pids, worker);
      // Those that wait for a call see their owner's end by themselves, and may still do what they do at exit.
      if (pid === 0 || queue.running(worker) === undefined) continue;
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // it has ended meanwhile
      }
    }
  }
}
