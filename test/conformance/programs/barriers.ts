/** Programs about Barrier. */

import { attempt, type Collection, program } from './collection.js';

const two = { r0: ['barrier', 2] } as const;
const three = { r0: ['barrier', 3] } as const;

export const barriers: Collection = {
  'Barrier: indexes are given in the order of arrival, and the last does not wait for the filling': program(
    three,
    [
      ['spawn', 's0', 1],
      ['spawn', 's1', 1],
      ['sleep', 1],
      ['barrierState', 'r0'],
      ['spawn', 's2', 1],
      ['sleep', 1],
      ['barrierState', 'r0'],
    ],
    [
      ['barrierWait', 'r0'],
      ['barrierState', 'r0'],
    ],
  ),
  'Barrier: newcomers wait until it has drained': program(
    two,
    [
      ['spawn', 's0', 1],
      ['spawn', 's1', 1],
      ['spawn', 's2', 1],
      ['spawn', 's3', 1],
      ['spawn', 's4', 1],
      ['sleep', 1],
      ['barrierState', 'r0'],
    ],
    [
      ['barrierWait', 'r0'],
      ['barrierWait', 'r0'],
    ],
  ),
  'Barrier: a cancelled waiter leaves, the others go on waiting': program(
    two,
    [
      ['spawn', 's0', 1],
      ['sleep', 1],
      ['cancel', 's0'],
      ['sleep', 0],
      ['sleep', 0],
      ['barrierState', 'r0'],
      ['spawn', 's1', 1],
      ['sleep', 1],
      ['barrierState', 'r0'],
      ['barrierWait', 'r0'],
      ['sleep', 1],
    ],
    [['barrierWait', 'r0']],
  ),
  'Barrier: a waiter cancelled while it drains': program(
    two,
    [
      ['spawn', 's0', 1],
      ['sleep', 1],
      ['barrierWait', 'r0'],
      ['cancel', 's0', 'late'],
      ['barrierState', 'r0'],
      ['sleep', 0],
      ['barrierState', 'r0'],
      ['spawn', 's1', 1],
      ['barrierWait', 'r0'],
      ['sleep', 1],
    ],
    [['barrierWait', 'r0']],
  ),
  'Barrier: abort() breaks it for all, reset() mends it': program(
    two,
    [
      ['spawn', 's0', 1],
      ['sleep', 1],
      ['barrierAbort', 'r0'],
      ['barrierState', 'r0'],
      attempt(['barrierWait', 'r0']),
      ['sleep', 0],
      ['barrierReset', 'r0'],
      ['barrierState', 'r0'],
      ['spawn', 's1', 1],
      ['barrierWait', 'r0'],
      ['sleep', 1],
    ],
    [['barrierWait', 'r0']],
  ),
  'Barrier: reset() turns away who waits': program(
    three,
    [
      ['spawn', 's0', 1],
      ['spawn', 's1', 1],
      ['sleep', 1],
      ['barrierReset', 'r0'],
      ['barrierState', 'r0'],
      ['spawn', 's2', 1],
      ['sleep', 0],
      ['barrierState', 'r0'],
      ['sleep', 1],
      ['barrierState', 'r0'],
      ['state', 's0'],
    ],
    [['barrierWait', 'r0']],
  ),
  'Barrier: reset() while it drains': program(
    two,
    [
      ['spawn', 's0', 1],
      ['spawn', 's1', 1],
      ['sleep', 0],
      ['barrierReset', 'r0'],
      ['barrierState', 'r0'],
      ['spawn', 's2', 1],
      ['sleep', 1],
      ['barrierState', 'r0'],
      ['sleep', 1],
    ],
    [['barrierWait', 'r0']],
  ),
  'Barrier: async with waits on entry': program(
    two,
    [
      ['spawn', 's0', 1],
      ['spawn', 's1', 1],
      ['sleep', 4],
    ],
    [
      ['hold', 'r0', [['sleep', 1]]],
      ['hold', 'r0', [['raise', 'ValueError', 'x']]],
    ],
  ),
  'Barrier: of one never waits': program(
    { r0: ['barrier', 1] },
    [
      ['spawn', 's0', 1],
      ['barrierWait', 'r0'],
      ['barrierWait', 'r0'],
      ['barrierState', 'r0'],
    ],
    [['say', 'later']],
  ),
};
