/** Programs about Semaphore and BoundedSemaphore. */

import { attempt, type Collection, program } from './collection.js';

const one = { m0: ['semaphore', 1] } as const;

export const semaphores: Collection = {
  'Semaphore: units are handed out in the order of the waiters': program(
    { m0: ['semaphore', 2] },
    [['spawn', 's0', 1], ['spawn', 's1', 1], ['spawn', 's2', 1], ['spawn', 's3', 1], ['sleep', 9]],
    [['hold', 'm0', [['sleep', 1]]]],
  ),
  'Semaphore: locked() is true while somebody waits, even with a free unit': program(
    one,
    [['acquire', 'm0'], ['spawn', 's0', 1], ['sleep', 0], ['release', 'm0'], ['locked', 'm0'], ['sleep', 0], ['locked', 'm0'], ['sleep', 2], ['locked', 'm0']],
    [['acquire', 'm0'], ['sleep', 1], ['release', 'm0']],
  ),
  'Semaphore: nobody overtakes a woken waiter': program(
    one,
    [['acquire', 'm0'], ['spawn', 's0', 1], ['sleep', 0], ['release', 'm0'], ['acquire', 'm0'], ['say', 'second'], ['await', 's0']],
    [['acquire', 'm0'], ['say', 'first'], ['sleep', 1], ['release', 'm0']],
  ),
  'Semaphore: a woken waiter that is cancelled gives its unit back': program(
    one,
    [['acquire', 'm0'], ['spawn', 's0', 1], ['spawn', 's1', 1], ['sleep', 0], ['release', 'm0'], ['cancel', 's0'], ['sleep', 0], ['sleep', 0], ['sleep', 0], ['locked', 'm0'], ['sleep', 2], ['locked', 'm0']],
    [['acquire', 'm0'], ['say', 'mine'], ['sleep', 1], ['release', 'm0']],
  ),
  'Semaphore: cancelled before it is woken, then released': program(
    one,
    [['acquire', 'm0'], ['spawn', 's0', 1], ['spawn', 's1', 1], ['sleep', 0], ['cancel', 's0'], ['release', 'm0'], ['sleep', 3], ['locked', 'm0'], ['acquire', 'm0']],
    [['acquire', 'm0'], ['sleep', 1], ['release', 'm0']],
  ),
  'Semaphore: two releases wake two waiters at once': program(
    { m0: ['semaphore', 0] },
    [['spawn', 's0', 1], ['spawn', 's1', 1], ['spawn', 's2', 1], ['sleep', 0], ['release', 'm0'], ['release', 'm0'], ['sleep', 1], ['locked', 'm0'], ['release', 'm0'], ['sleep', 1], ['release', 'm0'], ['locked', 'm0']],
    [['acquire', 'm0'], ['say', 'mine']],
  ),
  'Semaphore: it may grow': program(one, [['release', 'm0'], ['acquire', 'm0'], ['acquire', 'm0'], ['locked', 'm0']]),
  'BoundedSemaphore: one release too many is an error': program(
    { b0: ['boundedSemaphore', 1] },
    [['release', 'b0'], ['acquire', 'b0'], ['release', 'b0'], ['release', 'b0'], ['spawn', 's0', 1], ['spawn', 's1', 1], ['sleep', 3], ['release', 'b0']],
    [['hold', 'b0', [['sleep', 1]]]],
  ),
  'Semaphore: all waiters are cancelled in one iteration': program(
    one,
    [['acquire', 'm0'], ['spawn', 's0', 1], ['spawn', 's1', 1], ['sleep', 0], ['cancel', 's1'], ['cancel', 's0'], ['release', 'm0'], ['locked', 'm0'], ['sleep', 0], ['locked', 'm0'], attempt(['timeout', 'x0', 1, [['acquire', 'm0']]]), ['locked', 'm0']],
    [['acquire', 'm0']],
  ),
};
