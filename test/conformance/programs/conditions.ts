/** Programs about Condition and Event. */

import { attempt, type Collection, program } from './collection.js';

const condition = { n0: ['condition'] } as const;
const event = { e0: ['event'] } as const;

export const conditions: Collection = {
  'Condition: wait() and notify() need the lock': program(condition, [
    attempt(['conditionWait', 'n0']),
    ['notify', 'n0', 1],
    ['notifyAll', 'n0'],
    attempt(['conditionWaitFor', 'n0', 'k', 1]),
    attempt(['conditionWaitFor', 'n0', 'k', 0]),
  ]),
  'Condition: notify(n) wakes n waiters, in order': program(
    condition,
    [
      ['spawn', 's0', 1],
      ['spawn', 's1', 1],
      ['spawn', 's2', 1],
      ['sleep', 1],
      [
        'hold',
        'n0',
        [
          ['notify', 'n0', 2],
          ['sleep', 1],
        ],
      ],
      ['sleep', 2],
      ['hold', 'n0', [['notifyAll', 'n0']]],
      ['sleep', 1],
    ],
    [
      [
        'hold',
        'n0',
        [
          ['conditionWait', 'n0'],
          ['sleep', 1],
        ],
      ],
    ],
  ),
  'Condition: a cancelled waiter takes the lock again before it goes': program(
    condition,
    [
      ['spawn', 's0', 1],
      ['sleep', 0],
      [
        'hold',
        'n0',
        [
          ['cancel', 's0', 'c'],
          ['sleep', 2],
          ['locked', 'n0'],
        ],
      ],
      ['sleep', 1],
      ['locked', 'n0'],
      ['state', 's0'],
    ],
    [
      [
        'hold',
        'n0',
        [['try', [['conditionWait', 'n0']], [[['CancelledError'], [['locked', 'n0'], ['reraise']]]], null]],
      ],
    ],
  ),
  'Condition: cancelled twice while it takes the lock again': program(
    condition,
    [
      ['spawn', 's0', 1],
      ['sleep', 0],
      [
        'hold',
        'n0',
        [
          ['cancel', 's0', 'one'],
          ['sleep', 1],
          ['cancel', 's0', 'two'],
          ['sleep', 1],
        ],
      ],
      ['sleep', 1],
      ['state', 's0'],
    ],
    [['hold', 'n0', [['conditionWait', 'n0']]]],
  ),
  'Condition: a notification that a cancelled waiter got goes to another': program(
    condition,
    [
      ['spawn', 's0', 1],
      ['spawn', 's1', 1],
      ['sleep', 0],
      [
        'hold',
        'n0',
        [
          ['notify', 'n0', 1],
          ['cancel', 's0'],
        ],
      ],
      ['sleep', 1],
      ['state', 's0'],
      ['state', 's1'],
    ],
    [
      [
        'hold',
        'n0',
        [
          ['conditionWait', 'n0'],
          ['say', 'notified'],
        ],
      ],
    ],
  ),
  'Condition: waitFor() looks before it waits and after each wake-up': program(
    condition,
    [
      ['spawn', 's0', 1],
      ['sleep', 0],
      [
        'repeat',
        3,
        [
          [
            'hold',
            'n0',
            [
              ['count', 'k'],
              ['notifyAll', 'n0'],
            ],
          ],
          ['sleep', 1],
        ],
      ],
    ],
    [['hold', 'n0', [['conditionWaitFor', 'n0', 'k', 2]]]],
  ),
  'Condition: two of them share a lock': program(
    { l0: ['lock'], n0: ['condition', 'l0'], n1: ['condition', 'l0'] },
    [
      ['spawn', 's0', 1],
      ['spawn', 's1', 2],
      ['sleep', 0],
      ['acquire', 'l0'],
      ['notifyAll', 'n0'],
      ['notifyAll', 'n1'],
      ['locked', 'n1'],
      ['release', 'l0'],
      ['sleep', 3],
    ],
    [
      [
        'hold',
        'n0',
        [
          ['conditionWait', 'n0'],
          ['sleep', 1],
        ],
      ],
    ],
    [
      [
        'hold',
        'n1',
        [
          ['conditionWait', 'n1'],
          ['sleep', 1],
        ],
      ],
    ],
  ),
  'Condition: a timeout around wait()': program(
    condition,
    [
      ['spawn', 's0', 1],
      ['sleep', 1],
      [
        'hold',
        'n0',
        [
          ['sleep', 3],
          ['notify', 'n0', 1],
        ],
      ],
      ['sleep', 1],
    ],
    [['hold', 'n0', [attempt(['timeout', 'x0', 2, [['conditionWait', 'n0']]]), ['locked', 'n0']]]],
  ),
  'Event: set() wakes all who wait, even if it is cleared at once': program(
    event,
    [
      ['spawn', 's0', 1],
      ['spawn', 's1', 1],
      ['sleep', 0],
      ['set', 'e0'],
      ['clear', 'e0'],
      ['isSet', 'e0'],
      ['sleep', 1],
      ['spawn', 's2', 1],
      ['sleep', 1],
      ['cancel', 's2'],
      ['sleep', 0],
      ['set', 'e0'],
      ['eventWait', 'e0'],
    ],
    [
      ['eventWait', 'e0'],
      ['isSet', 'e0'],
    ],
  ),
  'Event: a waiter cancelled after set()': program(
    event,
    [
      ['spawn', 's0', 1],
      ['sleep', 0],
      ['set', 'e0'],
      ['cancel', 's0', 'late'],
      ['sleep', 0],
      ['sleep', 0],
      ['state', 's0'],
    ],
    [['eventWait', 'e0']],
  ),
};
