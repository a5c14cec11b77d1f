/** Programs about Queue, PriorityQueue and LifoQueue. */

import { attempt, type Collection, program } from './collection.js';

const q = (size: number) => ({ q0: ['queue', size] }) as const;

export const queues: Collection = {
  'Queue: get() and put() that need not wait do not suspend': program(
    q(1),
    [['spawn', 's0', 1], ['put', 'q0', 1], ['queueState', 'q0'], ['get', 'q0'], ['queueState', 'q0'], ['sleep', 0]],
    [['say', 'later']],
  ),
  'Queue: getters are served in order': program(
    q(0),
    [['spawn', 's0', 1], ['spawn', 's1', 1], ['sleep', 0], ['put', 'q0', 'a'], ['put', 'q0', 'b'], ['sleep', 1]],
    [['get', 'q0']],
  ),
  'Queue: a woken getter may find the item gone, and waits again at the end': program(
    q(0),
    [['spawn', 's0', 1], ['spawn', 's1', 1], ['sleep', 0], ['putNowait', 'q0', 'a'], ['getNowait', 'q0'], ['sleep', 1], ['putNowait', 'q0', 'b'], ['sleep', 1], ['putNowait', 'q0', 'c'], ['sleep', 1]],
    [['get', 'q0']],
  ),
  'Queue: a woken getter that is cancelled wakes the next': program(
    q(0),
    [['spawn', 's0', 1], ['spawn', 's1', 1], ['sleep', 0], ['putNowait', 'q0', 'a'], ['cancel', 's0'], ['sleep', 1], ['queueState', 'q0'], ['state', 's1']],
    [['get', 'q0']],
  ),
  'Queue: a woken putter that is cancelled wakes the next, and puts nothing': program(
    q(1),
    [['put', 'q0', 0], ['spawn', 's0', 1], ['spawn', 's1', 2], ['sleep', 0], ['getNowait', 'q0'], ['cancel', 's0'], ['sleep', 1], ['getNowait', 'q0'], ['getNowait', 'q0']],
    [['put', 'q0', 'one']],
    [['put', 'q0', 'two']],
  ),
  'Queue: putters wait while it is full': program(
    q(1),
    [['spawn', 's0', 1], ['spawn', 's1', 1], ['sleep', 1], ['queueState', 'q0'], ['get', 'q0'], ['get', 'q0'], ['sleep', 1], ['get', 'q0'], ['get', 'q0'], ['getNowait', 'q0']],
    [['put', 'q0', 1], ['put', 'q0', 2]],
  ),
  'Queue: getNowait() on empty, putNowait() on full, taskDone() too often': program(q(1), [['getNowait', 'q0'], ['putNowait', 'q0', 1], ['putNowait', 'q0', 2], ['taskDone', 'q0'], ['taskDone', 'q0']]),
  'Queue: join() waits for every item to be done': program(
    q(0),
    [['join', 'q0'], ['putNowait', 'q0', 1], ['putNowait', 'q0', 2], ['spawn', 's0', 1], ['spawn', 's1', 2], ['join', 'q0'], ['sleep', 1]],
    [['repeat', 2, [['get', 'q0'], ['sleep', 1], ['taskDone', 'q0']]]],
    [['join', 'q0']],
  ),
  'Queue: shutdown() lets the rest be got, then raises': program(
    q(1),
    [['put', 'q0', 1], ['spawn', 's0', 1], ['sleep', 0], ['shutdown', 'q0', false], ['putNowait', 'q0', 3], ['sleep', 0], ['state', 's0'], ['get', 'q0'], attempt(['get', 'q0']), ['getNowait', 'q0'], attempt(['put', 'q0', 4]), ['taskDone', 'q0'], ['join', 'q0']],
    [['put', 'q0', 2]],
  ),
  'Queue: shutdown() wakes all getters of an empty queue': program(
    q(0),
    [['spawn', 's0', 1], ['spawn', 's1', 1], ['sleep', 0], ['shutdown', 'q0', false], ['sleep', 1], ['state', 's0'], ['state', 's1']],
    [['get', 'q0']],
  ),
  'Queue: shutdown(immediate) drains it and releases joiners': program(
    q(0),
    [['putNowait', 'q0', 1], ['putNowait', 'q0', 2], ['spawn', 's0', 1], ['get', 'q0'], ['sleep', 0], ['shutdown', 'q0', true], ['queueState', 'q0'], ['sleep', 1], ['state', 's0'], ['taskDone', 'q0'], ['sleep', 1], attempt(['get', 'q0'])],
    [['join', 'q0']],
  ),
  'Queue: a getter woken by shutdown() is cancelled': program(
    q(0),
    [['spawn', 's0', 1], ['spawn', 's1', 1], ['sleep', 0], ['shutdown', 'q0', false], ['cancel', 's0', 'c'], ['sleep', 1], ['state', 's0'], ['state', 's1']],
    [['get', 'q0']],
  ),
  'Queue: waitFor(get()) that times out loses no item': program(
    q(0),
    [['spawn', 's0', 1], ['sleep', 1], ['putNowait', 'q0', 'x'], ['sleep', 2], ['queueState', 'q0']],
    [attempt(['waitFor', ['get', 'q0'], 1])],
  ),
  'PriorityQueue: the smallest comes first': program(
    { q0: ['priorityQueue', 0] },
    [...[5, 1, 4, 1, 3].map((n) => ['putNowait', 'q0', n] as const), ['repeat', 5, [['get', 'q0']]], ['queueState', 'q0']],
  ),
  'LifoQueue: the last comes first': program(
    { q0: ['lifoQueue', 3] },
    [...[1, 2, 3].map((n) => ['putNowait', 'q0', n] as const), ['spawn', 's0', 1], ['sleep', 0], ['get', 'q0'], ['sleep', 0], ['repeat', 3, [['get', 'q0']]]],
    [['put', 'q0', 4]],
  ),
};
