/** The word of shared memory that wakes a thread: see `mailbox.ts`. */

/** Tells the thread that owns `bell` that something was written for it. */
export function ring(bell: Int32Array): void {
  Atomics.add(bell, 0, 1);
  Atomics.notify(bell, 0);
}
