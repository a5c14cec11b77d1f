/** Programs about timeout(), timeoutAt() and waitFor(). */

import { attempt, type Collection, program } from './collection.js';

export const timeouts: Collection = {
  'timeout: it fires, and the count of cancellations is back': program({}, [
    attempt(['timeout', 'x0', 1, [['sleep', 9]]]),
    ['cancelling'],
    ['timeoutState', 'x0'],
    ['sleep', 1],
  ]),
  'timeout: null never fires': program({}, [
    [
      'timeout',
      'x0',
      null,
      [
        ['sleep', 9],
        ['timeoutState', 'x0'],
      ],
    ],
    ['timeoutState', 'x0'],
  ]),
  'timeout: zero and negative fire at the first suspension': program({}, [
    ['timeout', 'x0', 0, [['say', 'no suspension']]],
    attempt(['timeout', 'x0', 0, [['sleep', 0]]]),
    attempt([
      'timeout',
      'x0',
      -1,
      [
        ['sleep', 0],
        ['say', 'never'],
      ],
    ]),
    attempt(['timeoutAt', 'x0', -1, [['sleep', 1]]]),
  ]),
  'timeout: the value and the deadline in one iteration': program(
    {},
    [
      ['spawn', 's0', 1],
      attempt(['timeout', 'x0', 2, [['sleep', 2]]]),
      attempt(['timeout', 'x1', 2, [['await', 's0']]]),
      ['state', 's0'],
    ],
    [['sleep', 4]],
  ),
  'timeout: nested, the inner one expires': program({}, [
    attempt([
      'timeout',
      'x0',
      3,
      [attempt(['timeout', 'x1', 1, [['sleep', 9]]]), ['timeoutState', 'x0'], ['sleep', 9]],
    ]),
  ]),
  'timeout: nested, the outer one expires': program({}, [
    attempt(['timeout', 'x0', 1, [['timeout', 'x1', 3, [['sleep', 9]]]]]),
    ['timeoutState', 'x1'],
    ['cancelling'],
  ]),
  'timeout: nested, both expire in one iteration': program({}, [
    attempt(['timeout', 'x0', 1, [['timeout', 'x1', 1, [['sleep', 9]]]]]),
    ['timeoutState', 'x0'],
    ['timeoutState', 'x1'],
    ['cancelling'],
  ]),
  'timeout: nested, both expire while the loop is busy': program({}, [
    ['callSoon', 'h0', [['busy', 5]]],
    attempt(['timeout', 'x0', 1, [['timeout', 'x1', 2, [['sleep', 9]]]]]),
    ['cancelling'],
  ]),
  'timeout: a foreign cancellation passes': program(
    {},
    [
      ['spawn', 's0', 1],
      ['sleep', 1],
      ['cancel', 's0', 'foreign'],
      ['sleep', 2],
      ['state', 's0'],
    ],
    [['timeout', 'x0', 3, [['sleep', 9]]]],
  ),
  'timeout: a foreign cancellation at the deadline, after it': program(
    {},
    [
      ['spawn', 's0', 1],
      ['sleep', 2],
      ['cancel', 's0', 'foreign'],
      ['sleep', 2],
      ['state', 's0'],
    ],
    [['timeout', 'x0', 2, [['sleep', 9]]]],
  ),
  'timeout: a foreign cancellation at the deadline, before it': program(
    {},
    [
      ['callLater', 'h0', 2, [['cancel', 's0', 'foreign']]],
      ['spawn', 's0', 1],
      ['sleep', 4],
      ['state', 's0'],
    ],
    [['timeout', 'x0', 2, [['sleep', 9]]]],
  ),
  'timeout: in a task that was cancelled before': program(
    {},
    [
      ['spawn', 's0', 1],
      ['sleep', 1],
      ['cancel', 's0', 'before'],
      ['sleep', 5],
      ['state', 's0'],
    ],
    [
      attempt(['sleep', 9]),
      ['cancelling'],
      attempt(['timeout', 'x0', 1, [['sleep', 9]]]),
      ['cancelling'],
      ['uncancel'],
      ['return', 'lived'],
    ],
  ),
  'timeout: cancelled again in it after a cancellation before': program(
    {},
    [
      ['spawn', 's0', 1],
      ['sleep', 1],
      ['cancel', 's0', 'before'],
      ['sleep', 1],
      ['cancel', 's0', 'during'],
      ['sleep', 5],
      ['state', 's0'],
    ],
    [attempt(['sleep', 9]), ['timeout', 'x0', 2, [['try', [['sleep', 9]], [], [['sleep', 2]]]]]],
  ),
  'timeout: the block swallows the cancellation': program({}, [
    ['timeout', 'x0', 1, [attempt(['sleep', 9]), ['timeoutState', 'x0'], ['sleep', 2]]],
    ['timeoutState', 'x0'],
    ['cancelling'],
  ]),
  'timeout: the block raises something else in reaction': program({}, [
    attempt([
      'timeout',
      'x0',
      1,
      [['try', [['sleep', 9]], [[['CancelledError'], [['raise', 'ValueError', 'x']]]], null]],
    ]),
    ['cancelling'],
  ]),
  'timeout: reschedule() moves, removes and restores the deadline': program({}, [
    attempt([
      'timeout',
      'x0',
      1,
      [
        ['reschedule', 'x0', 3],
        ['timeoutState', 'x0'],
        ['sleep', 2],
        ['reschedule', 'x0', null],
        ['sleep', 5],
        ['reschedule', 'x0', 1],
        ['sleep', 9],
      ],
    ]),
    ['reschedule', 'x0', 1],
    ['timeoutState', 'x0'],
  ]),
  'timeout: reschedule() into the past': program({}, [
    attempt([
      'timeout',
      'x0',
      5,
      [
        ['sleep', 1],
        ['reschedule', 'x0', -1],
        ['say', 'still'],
        ['sleep', 0],
        ['say', 'never'],
      ],
    ]),
  ]),
  'timeout: reschedule() by another task, also when expiring': program(
    {},
    [
      ['spawn', 's0', 1],
      ['sleep', 1],
      ['reschedule', 'x0', 2],
      ['sleep', 2],
      ['reschedule', 'x0', 5],
      ['sleep', 3],
      ['reschedule', 'x0', 1],
      ['state', 's0'],
    ],
    [['timeout', 'x0', 2, [['try', [['sleep', 9]], [], [['sleep', 2]]]]]],
  ),
  'timeout: the deadline passes before it is entered': program({}, [
    ['makeTimeout', 'x0', 1],
    ['busy', 3],
    attempt([
      'reenter',
      'x0',
      [
        ['callSoon', 'h0', [['timeoutState', 'x0']]],
        ['sleep', 0],
        ['say', 'never'],
      ],
    ]),
    ['cancelling'],
  ]),
  'timeout: entered by another task than the one that made it': program(
    {},
    [
      ['makeTimeout', 'x0', 2],
      ['spawn', 's0', 1],
      ['sleep', 5],
      ['state', 's0'],
    ],
    [['sleep', 1], attempt(['reenter', 'x0', [['sleep', 9]]]), ['cancelling']],
  ),
  'timeout: entered twice': program({}, [
    ['timeout', 'x0', 5, [attempt(['reenter', 'x0', []])]],
    attempt(['reenter', 'x0', []]),
  ]),
  'timeout: finally may wait after the deadline': program({}, [
    attempt([
      'timeout',
      'x0',
      1,
      [['try', [['sleep', 9]], [], [['sleep', 3], ['timeoutState', 'x0'], ['cancelling']]]],
    ]),
  ]),
  'waitFor: the value in time': program(
    {},
    [
      ['waitFor', 1, 2],
      ['waitFor', 1, null],
    ],
    [
      ['sleep', 1],
      ['return', 'v'],
    ],
  ),
  'waitFor: it ends only after the cancelled awaitable has ended': program(
    {},
    [['spawn', 's0', 1], attempt(['waitFor', 's0', 1]), ['state', 's0']],
    [['try', [['sleep', 9]], [], [['sleep', 3]]]],
  ),
  'waitFor: the awaitable swallows the cancellation and returns': program(
    {},
    [['spawn', 's0', 1], attempt(['waitFor', 's0', 1]), ['cancelling']],
    [attempt(['sleep', 9]), ['return', 'anyway']],
  ),
  'waitFor: the awaitable raises while it is cancelled': program(
    {},
    [['spawn', 's0', 1], attempt(['waitFor', 's0', 1]), ['cancelling']],
    [['try', [['sleep', 9]], [], [['raise', 'ValueError', 'x']]]],
  ),
  'waitFor: a timeout of zero': program(
    {},
    [
      ['spawn', 's0', 1],
      attempt(['waitFor', 's0', 0]),
      attempt(['waitFor', 1, 0]),
      ['future', 's1'],
      ['setResult', 's1', 1],
      ['waitFor', 's1', 0],
      ['spawn', 's2', 2],
      ['sleep', 1],
      attempt(['waitFor', 's2', -1]),
    ],
    [['say', 'started']],
    [attempt(['sleep', 9]), ['return', 'r']],
  ),
  'waitFor: the caller is cancelled': program(
    {},
    [
      ['spawn', 's0', 1],
      ['spawn', 's1', 2],
      ['sleep', 1],
      ['cancel', 's1', 'c'],
      ['sleep', 1],
      ['state', 's0'],
      ['state', 's1'],
    ],
    [['sleep', 9]],
    [['waitFor', 's0', 5]],
  ),
  'waitFor: the caller is cancelled as the awaitable ends': program(
    {},
    [
      ['spawn', 's0', 1],
      ['spawn', 's1', 2],
      ['sleep', 1],
      ['cancel', 's1', 'c'],
      ['sleep', 1],
      ['state', 's0'],
      ['state', 's1'],
    ],
    [
      ['sleep', 1],
      ['return', 'r'],
    ],
    [['waitFor', 's0', 5]],
  ),
  'waitFor: a shield keeps the task alive': program(
    {},
    [
      ['spawn', 's0', 1],
      ['shield', 's1', 's0'],
      attempt(['waitFor', 's1', 1]),
      ['state', 's0'],
      ['await', 's0'],
    ],
    [
      ['sleep', 3],
      ['return', 'r'],
    ],
  ),
};
