/** All programs written by hand, by title. */

import { barriers } from './barriers.js';
import type { Collection } from './collection.js';
import { conditions } from './conditions.js';
import { locks } from './locks.js';
import { queues } from './queues.js';
import { semaphores } from './semaphores.js';
import { taskgroups } from './taskgroups.js';
import { tasks } from './tasks.js';
import { timeouts } from './timeouts.js';
import { waiting } from './waiting.js';

export const programs: Collection = {
  ...locks,
  ...semaphores,
  ...conditions,
  ...barriers,
  ...queues,
  ...taskgroups,
  ...timeouts,
  ...waiting,
  ...tasks,
};
