/** Programs about TaskGroup. */

import { attempt, type Collection, program } from './collection.js';

export const taskgroups: Collection = {
  'TaskGroup: the exit waits for all children': program(
    {},
    [
      [
        'group',
        'g0',
        [
          ['groupSpawn', 'g0', 's0', 1],
          ['groupSpawn', 'g0', 's1', 2],
        ],
      ],
      ['say', 'after'],
    ],
    [['sleep', 1]],
    [
      ['sleep', 3],
      ['return', 2],
    ],
  ),
  'TaskGroup: an empty one does not suspend': program(
    {},
    [
      ['spawn', 's0', 1],
      ['group', 'g0', []],
      ['say', 'first'],
    ],
    [['say', 'second']],
  ),
  'TaskGroup: a failing child cancels its siblings and the body': program(
    {},
    [
      attempt([
        'group',
        'g0',
        [
          ['groupSpawn', 'g0', 's0', 1],
          ['groupSpawn', 'g0', 's1', 2],
          ['sleep', 9],
        ],
      ]),
      ['cancelling'],
      ['sleep', 1],
    ],
    [
      ['sleep', 1],
      ['raise', 'ValueError', 'x'],
    ],
    [['try', [['sleep', 9]], [], [['sleep', 2]]]],
  ),
  'TaskGroup: a failing child while the exit waits': program(
    {},
    [
      attempt([
        'group',
        'g0',
        [
          ['groupSpawn', 'g0', 's0', 1],
          ['groupSpawn', 'g0', 's1', 2],
        ],
      ]),
      ['cancelling'],
    ],
    [
      ['sleep', 1],
      ['raise', 'ValueError', 'x'],
    ],
    [['sleep', 9]],
  ),
  'TaskGroup: errors come in the order of their callbacks, the one of the body last': program(
    {},
    [
      attempt([
        'group',
        'g0',
        [
          ['groupSpawn', 'g0', 's0', 1],
          ['groupSpawn', 'g0', 's1', 2],
          ['groupSpawn', 'g0', 's2', 1],
          ['try', [['sleep', 9]], [[['CancelledError'], [['raise', 'RuntimeError', 'body']]]], null],
        ],
      ]),
    ],
    [
      ['sleep', 1],
      ['raise', 'ValueError', 'one'],
    ],
    [['try', [['sleep', 9]], [], [['raise', 'LookupError', 'two']]]],
  ),
  'TaskGroup: the error of the body is wrapped and cancels the children': program(
    {},
    [
      attempt([
        'group',
        'g0',
        [
          ['groupSpawn', 'g0', 's0', 1],
          ['sleep', 1],
          ['raise', 'RuntimeError', 'body'],
        ],
      ]),
    ],
    [['try', [['sleep', 9]], [], [['sleep', 1]]]],
  ),
  'TaskGroup: a cancelled child is no error': program(
    {},
    [
      [
        'group',
        'g0',
        [
          ['groupSpawn', 'g0', 's0', 1],
          ['groupSpawn', 'g0', 's1', 2],
          ['sleep', 1],
          ['cancel', 's0', 'c'],
          ['sleep', 1],
          ['state', 's1'],
        ],
      ],
      ['cancelling'],
    ],
    [['sleep', 9]],
    [['sleep', 4]],
  ),
  'TaskGroup: cancelled from outside in the body': program(
    {},
    [
      ['spawn', 's0', 1],
      ['sleep', 1],
      ['cancel', 's0', 'out'],
      ['sleep', 1],
      ['state', 's0'],
      ['sleep', 3],
      ['state', 's0'],
    ],
    [
      [
        'group',
        'g0',
        [
          ['groupSpawn', 'g0', 's1', 2],
          ['sleep', 9],
        ],
      ],
    ],
    [['try', [['sleep', 9]], [], [['sleep', 2]]]],
  ),
  'TaskGroup: cancelled from outside while the exit waits': program(
    {},
    [
      ['spawn', 's0', 1],
      ['sleep', 1],
      ['cancel', 's0', 'out'],
      ['sleep', 1],
      ['cancel', 's0', 'again'],
      ['sleep', 3],
      ['state', 's0'],
    ],
    [['group', 'g0', [['groupSpawn', 'g0', 's1', 2]]]],
    [['try', [['sleep', 9]], [], [['sleep', 2]]]],
  ),
  'TaskGroup: outside cancel and child errors: the group is raised, the cancel stays': program(
    {},
    [
      ['spawn', 's0', 1],
      ['sleep', 1],
      ['cancel', 's0', 'out'],
      ['sleep', 5],
      ['state', 's0'],
    ],
    [
      attempt([
        'group',
        'g0',
        [
          ['groupSpawn', 'g0', 's1', 2],
          ['sleep', 9],
        ],
      ]),
      ['cancelling'],
      attempt(['sleep', 1]),
      ['cancelling'],
      ['sleep', 1],
      ['return', 'lived'],
    ],
    [['try', [['sleep', 9]], [], [['raise', 'ValueError', 'x']]]],
  ),
  'TaskGroup: child error and outside cancel in one iteration': program(
    {},
    [
      ['spawn', 's0', 1],
      ['sleep', 2],
      ['cancel', 's0', 'out'],
      ['sleep', 5],
      ['state', 's0'],
    ],
    [
      attempt([
        'group',
        'g0',
        [
          ['groupSpawn', 'g0', 's1', 2],
          ['sleep', 9],
        ],
      ]),
      ['cancelling'],
      attempt(['sleep', 0]),
      ['cancelling'],
    ],
    [
      ['sleep', 2],
      ['raise', 'ValueError', 'x'],
    ],
  ),
  'TaskGroup: nested; the inner group is a member of the outer error': program(
    {},
    [
      attempt([
        'group',
        'g0',
        [
          ['groupSpawn', 'g0', 's0', 1],
          ['groupSpawn', 'g0', 's1', 2],
        ],
      ]),
    ],
    [
      [
        'group',
        'g1',
        [
          ['groupSpawn', 'g1', 's2', 3],
          ['sleep', 9],
        ],
      ],
    ],
    [['sleep', 9]],
    [
      ['sleep', 1],
      ['raise', 'ValueError', 'deep'],
    ],
  ),
  'TaskGroup: nested in one task, both cancelled': program(
    {},
    [
      ['spawn', 's0', 1],
      ['sleep', 1],
      ['cancel', 's0', 'out'],
      ['sleep', 3],
      ['state', 's0'],
    ],
    [
      [
        'group',
        'g0',
        [
          ['groupSpawn', 'g0', 's1', 2],
          [
            'group',
            'g1',
            [
              ['groupSpawn', 'g1', 's2', 2],
              ['sleep', 9],
            ],
          ],
          ['say', 'never'],
        ],
      ],
    ],
    [['try', [['sleep', 9]], [], [['sleep', 1]]]],
  ),
  'TaskGroup: children add children while the exit waits': program(
    {},
    [
      ['group', 'g0', [['groupSpawn', 'g0', 's0', 1]]],
      ['state', 's1'],
      ['groupSpawn', 'g0', 's2', 2],
    ],
    [
      ['sleep', 1],
      ['groupSpawn', 'g0', 's1', 2],
    ],
    [['sleep', 2]],
  ),
  'TaskGroup: no child is taken while it aborts': program(
    {},
    [
      attempt([
        'group',
        'g0',
        [
          ['groupSpawn', 'g0', 's0', 1],
          ['groupSpawn', 'g0', 's1', 2],
          ['sleep', 9],
        ],
      ]),
    ],
    [['raise', 'ValueError', 'x']],
    [
      [
        'try',
        [['sleep', 9]],
        [],
        [
          ['groupSpawn', 'g0', 's2', 3],
          ['sleep', 1],
        ],
      ],
    ],
    [['say', 'never']],
  ),
  'TaskGroup: entered twice': program({}, [
    ['group', 'g0', [['say', 'in']]],
    attempt(['reenter', 'g0', [['say', 'again']]]),
  ]),
  'TaskGroup: the errors of BaseException make a BaseExceptionGroup': program(
    {},
    [
      attempt([
        'group',
        'g0',
        [
          ['groupSpawn', 'g0', 's0', 1],
          ['groupSpawn', 'g0', 's1', 2],
        ],
      ]),
    ],
    [
      ['sleep', 1],
      ['raise', 'Boom', 'x'],
    ],
    [['try', [['sleep', 9]], [], [['raise', 'ValueError', 'y']]]],
  ),
  'TaskGroup: under a timeout': program(
    {},
    [
      attempt([
        'timeout',
        'x0',
        2,
        [
          [
            'group',
            'g0',
            [
              ['groupSpawn', 'g0', 's0', 1],
              ['sleep', 9],
            ],
          ],
        ],
      ]),
      ['cancelling'],
      ['timeoutState', 'x0'],
    ],
    [['try', [['sleep', 9]], [], [['sleep', 1]]]],
  ),
  'TaskGroup: a timeout inside, and a child that fails at its deadline': program(
    {},
    [
      attempt([
        'group',
        'g0',
        [
          ['groupSpawn', 'g0', 's0', 1],
          ['timeout', 'x0', 2, [['sleep', 9]]],
        ],
      ]),
      ['cancelling'],
    ],
    [
      ['sleep', 2],
      ['raise', 'ValueError', 'x'],
    ],
  ),
  'TaskGroup: the body swallows the cancellation by a child': program(
    {},
    [
      attempt([
        'group',
        'g0',
        [
          ['groupSpawn', 'g0', 's0', 1],
          ['try', [['sleep', 9]], [[['CancelledError'], [['cancelling']]]], null],
          ['sleep', 1],
          ['say', 'on'],
        ],
      ]),
      ['cancelling'],
    ],
    [
      ['sleep', 1],
      ['raise', 'ValueError', 'x'],
    ],
  ),
};
