/** Programs about Lock. */

import { attempt, type Collection, program } from './collection.js';

const lock = { l0: ['lock'] } as const;

export const locks: Collection = {
  'Lock: an uncontended acquire() does not suspend': program(
    lock,
    [
      ['spawn', 's0', 1],
      ['acquire', 'l0'],
      ['locked', 'l0'],
      ['release', 'l0'],
      ['await', 's0'],
    ],
    [['say', 'only now']],
  ),
  'Lock: waiters get it in the order of their coming': program(
    lock,
    [
      ['acquire', 'l0'],
      ['spawn', 's0', 1],
      ['spawn', 's1', 1],
      ['spawn', 's2', 1],
      ['sleep', 0],
      ['release', 'l0'],
      ['sleep', 9],
    ],
    [['hold', 'l0', [['sleep', 1]]]],
  ),
  'Lock: a newcomer queues behind a woken waiter': program(
    lock,
    [
      ['acquire', 'l0'],
      ['spawn', 's0', 1],
      ['sleep', 0],
      ['release', 'l0'],
      ['locked', 'l0'],
      ['acquire', 'l0'],
      ['release', 'l0'],
      ['await', 's0'],
    ],
    [
      ['acquire', 'l0'],
      ['sleep', 1],
      ['release', 'l0'],
    ],
  ),
  'Lock: a newcomer takes a free lock when all waiters are cancelled': program(
    lock,
    [
      ['acquire', 'l0'],
      ['spawn', 's0', 1],
      ['spawn', 's1', 1],
      ['sleep', 0],
      ['cancel', 's0'],
      ['cancel', 's1'],
      ['release', 'l0'],
      ['acquire', 'l0'],
      ['sleep', 0],
      ['state', 's0'],
      ['sleep', 0],
      ['state', 's1'],
    ],
    [
      ['acquire', 'l0'],
      ['release', 'l0'],
    ],
  ),
  'Lock: a waiter cancelled after its wake-up passes it on': program(
    lock,
    [
      ['acquire', 'l0'],
      ['spawn', 's0', 1],
      ['spawn', 's1', 1],
      ['sleep', 0],
      ['release', 'l0'],
      ['cancel', 's0', 'late'],
      ['sleep', 0],
      ['locked', 'l0'],
      ['sleep', 0],
      ['locked', 'l0'],
      ['sleep', 3],
    ],
    [
      ['acquire', 'l0'],
      ['sleep', 1],
      ['release', 'l0'],
    ],
  ),
  'Lock: release in the same iteration as the cancellation of the first waiter': program(
    lock,
    [
      ['acquire', 'l0'],
      ['spawn', 's0', 1],
      ['spawn', 's1', 1],
      ['sleep', 0],
      ['cancel', 's0'],
      ['release', 'l0'],
      ['sleep', 2],
      ['locked', 'l0'],
    ],
    [attempt(['acquire', 'l0'], ['sleep', 1], ['release', 'l0'])],
  ),
  'Lock: a cancelled waiter leaves, and the holder keeps it': program(
    lock,
    [
      [
        'hold',
        'l0',
        [
          ['spawn', 's0', 1],
          ['sleep', 1],
          ['cancel', 's0', 'go'],
          ['sleep', 1],
          ['locked', 'l0'],
        ],
      ],
      ['locked', 'l0'],
    ],
    [['hold', 'l0', [['say', 'never']]]],
  ),
  'Lock: releasing an unlocked lock is an error': program(lock, [
    ['release', 'l0'],
    ['acquire', 'l0'],
    ['release', 'l0'],
    ['release', 'l0'],
  ]),
  'Lock: an error in the block releases it': program(
    lock,
    [
      ['spawn', 's0', 1],
      ['spawn', 's1', 1],
      ['sleep', 3],
      ['locked', 'l0'],
      ['state', 's0'],
    ],
    [
      [
        'hold',
        'l0',
        [
          ['sleep', 1],
          ['raise', 'ValueError', 'x'],
        ],
      ],
    ],
  ),
  'Lock: anybody may release it': program(
    lock,
    [
      ['acquire', 'l0'],
      ['spawn', 's0', 1],
      ['acquire', 'l0'],
      ['say', 'again'],
    ],
    [
      ['sleep', 1],
      ['release', 'l0'],
    ],
  ),
  'Lock: a chain of cancelled wake-ups reaches the last waiter': program(
    lock,
    [
      ['acquire', 'l0'],
      ['spawn', 's0', 1],
      ['spawn', 's1', 1],
      ['spawn', 's2', 1],
      ['sleep', 0],
      ['release', 'l0'],
      ['cancel', 's0'],
      ['sleep', 0],
      ['cancel', 's1'],
      ['sleep', 0],
      ['sleep', 0],
      ['locked', 'l0'],
      ['sleep', 2],
    ],
    [
      ['acquire', 'l0'],
      ['say', 'mine'],
      ['sleep', 1],
      ['release', 'l0'],
    ],
  ),
};
