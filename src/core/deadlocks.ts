/** The report of a deadlock: who waits for whom. */

import type { EventLoop } from './base-events.js';
import { waitersBelow } from './cancellation.js';
import { DeadlockError } from './exceptions.js';
import type { Fiber } from './fibers.js';
import { describeWaiter, Task } from './tasks.js';

/** The error for whoever waits on a loop that nothing can wake any more. @internal */
export function deadlockError(loop: EventLoop): DeadlockError {
  const lines = ['Deadlock: nothing can wake the event loop any more, and these still wait:'];
  for (const task of loop._unfinishedTasks()) {
    const waiters = waitersBelow(task as Fiber).map(describeWaiter);
    const what = waiters.length === 0 ? 'a promise that is not ours' : waiters.join(' and ');
    lines.push(`  ${task.getName()} (${task._coroName()}) waits for ${what}`);
    const awaitedBy = [...task._awaitedBy()].map((each) =>
      each instanceof Task ? each.getName() : String(each),
    );
    if (awaitedBy.length > 0) lines.push(`    and is awaited by ${awaitedBy.join(', ')}`);
  }
  if (lines.length === 1) lines.push(`  ${loop._plainAwaits.size} await(s) outside any task`);
  return new DeadlockError(lines.join('\n'));
}
