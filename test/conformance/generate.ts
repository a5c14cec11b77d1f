/**
 * Makes random programs from a seed: the same seed and number give the same program, for ever.
 *
 * A program is about one to three *themes* (locks, queues, groups …). Its main function starts tasks, lets
 * virtual time pass, cancels them where they wait and looks at what came of it; the other functions work with
 * the primitives of the themes. Times are few and small, so that many things happen in one instant.
 */

import type {
  Action,
  Block,
  ErrorName,
  Operand,
  Operation,
  Program,
  ReturnWhen,
  Slot,
  Value,
  Wait,
} from './program.js';

/** mulberry32: small, fast and good enough. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A float in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** An integer in [low, high]. */
  int(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.next() * items.length)] as T;
  }
}

const THEMES = [
  'lock',
  'semaphore',
  'boundedSemaphore',
  'condition',
  'event',
  'barrier',
  'queue',
  'group',
  'timeout',
  'combinators',
  'futures',
  'callbacks',
  'contexts',
] as const;
type Theme = (typeof THEMES)[number];

const RAISABLE: readonly ErrorName[] = [
  ...(['ValueError', 'RuntimeError', 'Boom', 'CancelledError'] as const).flatMap((name) =>
    Array<ErrorName>(8).fill(name),
  ),
  'KeyboardInterrupt',
  'SystemExit',
];

const CATCHABLE: readonly (readonly ErrorName[])[] = [
  ['CancelledError'],
  ['CancelledError'],
  ['Exception'],
  ['BaseException'],
  ['TimeoutError'],
  ['ValueError', 'RuntimeError'],
  ['ExceptionGroup'],
  ['QueueShutDown', 'BrokenBarrierError'],
];

class Writer {
  readonly #random: Random;
  readonly #themes: readonly Theme[];
  readonly #functions: number;
  readonly #objects: Record<string, Program['objects'][string]> = {};
  readonly #eager: boolean;
  /** Slots that hold a future somewhere, from which operations choose. */
  readonly #slots: Slot[] = ['s0', 's1', 's2', 's3', 's4'];
  /** Whether the tasks of a contest get from the queue, or put into it. */
  readonly #getters: boolean;
  /** How many operations may still be written into the function at hand. */
  #left = 0;
  #handlers = 0;

  constructor(random: Random) {
    this.#random = random;
    const themes = new Set<Theme>();
    const count = random.pick([1, 1, 2, 3]);
    while (themes.size < count) themes.add(random.pick(THEMES));
    this.#themes = [...themes];
    this.#functions = random.int(2, 6);
    this.#eager = random.chance(0.08);
    this.#getters = random.chance(0.5);
    this.#makeObjects();
  }

  #makeObjects(): void {
    const random = this.#random;
    for (const theme of this.#themes) {
      switch (theme) {
        case 'lock':
          this.#objects.l0 = ['lock'];
          break;
        case 'semaphore':
          this.#objects.m0 = ['semaphore', random.int(0, 2)];
          break;
        case 'boundedSemaphore':
          this.#objects.b0 = ['boundedSemaphore', random.int(1, 2)];
          break;
        case 'condition':
          if (random.chance(0.3)) {
            this.#objects.l0 = ['lock'];
            this.#objects.n0 = ['condition', 'l0'];
          } else {
            this.#objects.n0 = ['condition'];
          }
          break;
        case 'event':
          this.#objects.e0 = ['event'];
          break;
        case 'barrier':
          this.#objects.r0 = ['barrier', random.int(1, 3)];
          break;
        case 'queue':
          this.#objects.q0 = [
            random.pick(['queue', 'queue', 'priorityQueue', 'lifoQueue'] as const),
            random.int(0, 2),
          ];
          break;
      }
    }
  }

  program(): Program {
    const functions: Block[] = [];
    const contested = Object.keys(this.#objects).length > 0 || this.#themes.includes('group');
    const contest = contested && this.#random.chance(0.6);
    for (let index = 0; index < this.#functions; index += 1) {
      this.#left = index === 0 ? this.#random.int(8, 18) : this.#random.int(2, 9);
      functions.push(
        index === 0
          ? contest
            ? this.#contest()
            : this.#main()
          : contest
            ? this.#contender(index)
            : this.#block(index, 0),
      );
    }
    functions.push(this.#leaf());
    return this.#eager && this.#random.chance(0.5)
      ? { objects: this.#objects, functions, eager: true }
      : { objects: this.#objects, functions };
  }

  /** The main function: as any other, but it starts tasks first, and most often cancels one where it waits. */
  #main(): Block {
    const random = this.#random;
    const block: Operation[] = [];
    const tasks = random.int(1, 4);
    for (let i = 0; i < tasks; i += 1) block.push(['spawn', `s${i}`, this.#function(0), ...this.#options()]);
    if (random.chance(0.75)) {
      block.push(['sleep', random.pick([0, 1, 1, 2, 3])]);
      block.push(this.#cancel(`s${random.int(0, tasks - 1)}`));
    }
    block.push(...this.#block(0, 0));
    if (random.chance(0.5)) block.push(['sleep', random.int(0, 6)]);
    if (random.chance(0.4)) block.push(this.#attempted(['await', `s${random.int(0, tasks - 1)}`]));
    return block;
  }

  /** A main function that makes tasks queue for the primitives, and cancels them just as it wakes them. */
  #contest(): Block {
    const random = this.#random;
    const block: Operation[] = [];
    for (const name of Object.keys(this.#objects)) {
      if ('lmbn'.includes(name[0] as string) && random.chance(0.7)) block.push(['acquire', name]);
      else if (name[0] === 'q' && !this.#getters)
        block.push(['putNowait', name, random.int(0, 5)], ['putNowait', name, random.int(0, 5)]);
    }
    const tasks = random.int(2, 5);
    for (let i = 0; i < tasks; i += 1)
      block.push(['spawn', `s${i}`, random.chance(0.75) ? 1 : 2, ...this.#options()]);
    const rounds = random.int(1, 4);
    for (let i = 0; i < rounds; i += 1) {
      block.push(['sleep', random.pick([0, 0, 0, 1, 1, 2])]);
      const cancel = this.#cancel(random.chance(0.5) ? 's0' : `s${random.int(0, tasks - 1)}`);
      const race = random.pick<() => Operation[]>([
        () => [this.#wake(), cancel],
        () => [this.#wake(), cancel],
        () => [cancel, this.#wake()],
        () => [this.#wake(), ['sleep', 0], cancel],
        () => [this.#wake(), this.#wake(), cancel],
        () => [this.#wake(), cancel, this.#cancel(`s${random.int(0, tasks - 1)}`)],
        () => [cancel, ['sleep', 0], cancel],
      ])();
      block.push(...race);
      if (random.chance(0.4)) block.push(this.#thematic(0));
    }
    if (random.chance(0.3)) block.push(...this.#block(0, 1));
    block.push(['sleep', random.int(0, 8)]);
    return block;
  }

  /** What lets another task go on. */
  #wake(): Operation {
    const random = this.#random;
    const names = Object.keys(this.#objects);
    if (names.length === 0)
      return random.pick<Operation>([
        ['setResult', 's4', 1],
        ['cancel', 's4', 'w'],
        ['sleep', 1],
        ['busy', 1],
      ]);
    const name = random.pick(names);
    switch (name[0]) {
      case 'n':
        return random.chance(0.7)
          ? [
              'hold',
              name,
              [
                ['count', 'k'],
                ['notify', name, 1],
              ],
            ]
          : ['release', name];
      case 'e':
        return ['set', name];
      case 'r':
        return random.pick<Operation>([
          ['barrierWait', name],
          ['barrierReset', name],
          ['barrierAbort', name],
        ]);
      case 'q':
        return random.pick<Operation>([
          this.#getters ? ['putNowait', name, 1] : ['getNowait', name],
          this.#getters ? ['putNowait', name, 2] : ['getNowait', name],
          this.#getters ? ['putNowait', name, 3] : ['getNowait', name],
          this.#getters ? ['getNowait', name] : ['putNowait', name, 4],
          ['taskDone', name],
          ['shutdown', name, random.chance(0.5)],
        ]);
      default:
        return ['release', name];
    }
  }

  /** A function that begins by waiting for one of the primitives, and may look after itself when it is cancelled. */
  #contender(index: number): Block {
    const random = this.#random;
    const wait: Block = [this.#contend(index), ...(random.chance(0.5) ? [this.#thematic(index)] : [])];
    const rest = random.chance(0.6) ? this.#block(index, 1) : [];
    const roll = random.next();
    const body: Block =
      roll < 0.6
        ? wait
        : roll < 0.8
          ? [['try', wait, [[random.pick(CATCHABLE), this.#block(index, 2)]], null]]
          : [['try', wait, [], this.#block(index, 2)]];
    return [...body, ...rest];
  }

  /** What the tasks of a contest queue for. */
  #contend(index: number): Operation {
    const random = this.#random;
    const names = Object.keys(this.#objects);
    if (this.#themes.includes('group') && (names.length === 0 || random.chance(0.5)))
      return this.#family(index);
    if (names.length === 0 || random.chance(0.2)) return this.#thematic(index);
    const name = random.pick(names);
    switch (name[0]) {
      case 'q':
        return this.#getters ? ['get', name] : ['put', name, random.int(0, 5)];
      case 'e':
        return ['eventWait', name];
      case 'r':
        return ['barrierWait', name];
      case 'n':
        return [
          'hold',
          name,
          [random.chance(0.6) ? ['conditionWait', name] : ['conditionWaitFor', name, 'k', random.int(1, 2)]],
        ];
      default:
        return random.chance(0.4) ? ['acquire', name] : ['hold', name, [['sleep', random.int(0, 2)]]];
    }
  }

  /** A group whose child fails, and what its task does then. */
  #family(index: number): Operation {
    const random = this.#random;
    const group: Operation = [
      'group',
      'g0',
      [
        ['groupSpawn', 'g0', 's3', this.#functions],
        ['groupSpawn', 'g0', 's4', this.#startable(index)],
        ['sleep', random.int(0, 3)],
      ],
    ];
    const after: Block = [['cancelling'], ['sleep', random.int(0, 1)], ['cancelling']];
    return [
      'try',
      [group],
      [[random.pick([['ExceptionGroup'], ['BaseException'], ['Exception']] as const), after]],
      null,
    ];
  }

  /** Some operations that are rarely found together by chance. */
  #scenario(index: number): Operation {
    const random = this.#random;
    const [a, b, c] = random.pick([
      ['s0', 's1', 's2'],
      ['s3', 's4', 's0'],
      ['s1', 's2', 's3'],
    ]) as [Slot, Slot, Slot];
    const leaf = this.#functions;
    return random.pick<() => Operation>([
      () =>
        sequence(['cancelSelf', random.chance(0.5) ? 'self' : null], ['uncancel'], this.#wait(index), [
          'cancelling',
        ]),
      () => sequence(['cancelSelf'], ['cancelSelf', 'twice'], ['uncancel'], this.#wait(index)),
      () =>
        sequence(
          ['spawn', a, this.#function(index)],
          ['spawn', b, leaf],
          ['wait', [a, b, c], random.chance(0.7) ? null : this.#ticks(), this.#returnWhen()],
        ),
      () =>
        sequence(
          ['spawn', a, this.#function(index)],
          ['spawn', b, leaf],
          ['gather', c, [a, b], random.chance(0.5)],
          ...(random.chance(0.5) ? [this.#cancel(c)] : []),
          ['await', c],
        ),
      () =>
        sequence(
          ['spawn', a, this.#function(index)],
          ['shield', c, a],
          ['cancel', random.pick([a, c]), 'sh'],
          ['await', c],
        ),
      () => [
        'group',
        'g0',
        [
          ['groupSpawn', 'g0', a, this.#startable(index)],
          ['groupSpawn', 'g0', b, leaf],
          ['sleep', random.int(0, 2)],
          ...(random.chance(0.4) ? ([['cancelSelf']] as const) : []),
        ],
      ],
      () => [
        'timeout',
        'x0',
        random.int(0, 2),
        [
          [
            'group',
            'g0',
            [
              ['groupSpawn', 'g0', a, this.#function(index)],
              ['groupSpawn', 'g0', b, leaf],
            ],
          ],
        ],
      ],
      () =>
        sequence(
          ['setVariable', 'v0', 3],
          ['spawn', a, leaf],
          ['setVariable', 'v0', 4],
          ['callSoon', 'h1', [['getVariable', 'v0']]],
          ['await', a],
          ['getVariable', 'v0'],
        ),
      () =>
        sequence(
          ['callSoon', 'h0', [this.#cancel(a), this.#cancel(b)]],
          ['timeout', 'x1', random.int(0, 2), [['sleep', random.int(0, 2)]]],
        ),
    ])();
  }

  #block(index: number, depth: number): Block {
    const random = this.#random;
    const wanted = depth === 0 ? this.#left : random.int(1, 3);
    const block: Operation[] = [];
    while (block.length < wanted && this.#left > 0) {
      this.#left -= 1;
      block.push(this.#operation(index, depth));
    }
    if (depth === 0 && random.chance(0.5)) block.push(['return', this.#value()]);
    return block;
  }

  #operation(index: number, depth: number): Operation {
    const random = this.#random;
    if (depth < 3 && random.chance(0.25)) return this.#structure(index, depth);
    if (depth < 2 && random.chance(0.08)) return this.#scenario(index);
    const roll = random.next();
    if (roll < 0.2) return ['sleep', this.#ticks()];
    if (roll < 0.32) return this.#wait(index);
    if (roll < 0.4) return this.#taskAction(index);
    if (roll < 0.44) return ['raise', random.pick(RAISABLE), 'e'];
    if (roll < 0.46 && this.#handlers > 0) return ['reraise'];
    return this.#thematic(index);
  }

  #thematic(index: number): Operation {
    const random = this.#random;
    switch (random.pick(this.#themes)) {
      case 'lock':
        return this.#lockOperation('l0');
      case 'semaphore':
        return this.#lockOperation('m0');
      case 'boundedSemaphore':
        return this.#lockOperation('b0');
      case 'condition':
        return random.pick<() => Operation>([
          () => ['conditionWait', 'n0'],
          () => ['conditionWaitFor', 'n0', 'k', random.int(1, 2)],
          () => ['hold', 'n0', [['conditionWait', 'n0']]],
          () => ['hold', 'n0', [['conditionWaitFor', 'n0', 'k', random.int(1, 2)]]],
          () => [
            'hold',
            'n0',
            [
              ['count', 'k'],
              ['notify', 'n0', random.int(1, 2)],
              ['sleep', random.int(0, 1)],
            ],
          ],
          () => [
            'hold',
            'n0',
            [
              ['count', 'k'],
              ['notifyAll', 'n0'],
            ],
          ],
          () => ['notify', 'n0', 1],
          () => this.#lockOperation('n0'),
        ])();
      case 'event':
        return random.pick<() => Operation>([
          () => ['eventWait', 'e0'],
          () => ['eventWait', 'e0'],
          () => ['set', 'e0'],
          () => ['clear', 'e0'],
          () => ['isSet', 'e0'],
        ])();
      case 'barrier':
        return random.pick<() => Operation>([
          () => ['barrierWait', 'r0'],
          () => ['barrierWait', 'r0'],
          () => ['barrierWait', 'r0'],
          () => ['hold', 'r0', [['sleep', random.int(0, 1)]]],
          () => ['barrierState', 'r0'],
          () => ['barrierReset', 'r0'],
          () => ['barrierAbort', 'r0'],
        ])();
      case 'queue':
        return random.pick<() => Operation>([
          () => ['get', 'q0'],
          () => ['get', 'q0'],
          () => ['put', 'q0', random.int(0, 5)],
          () => ['put', 'q0', random.int(0, 5)],
          () => ['getNowait', 'q0'],
          () => ['putNowait', 'q0', random.int(0, 5)],
          () => ['taskDone', 'q0'],
          () => ['join', 'q0'],
          () => ['queueState', 'q0'],
          () => (random.chance(0.4) ? ['shutdown', 'q0', random.chance(0.5)] : ['taskDone', 'q0']),
        ])();
      case 'group':
        return random.chance(0.6)
          ? [
              'groupSpawn',
              this.#group(),
              random.pick(this.#slots),
              this.#startable(index),
              ...this.#options(),
            ]
          : ['group', this.#group(), this.#groupBody(index)];
      case 'timeout':
        return random.pick<() => Operation>([
          () => ['timeout', this.#timeout(), this.#deadline(), [['sleep', this.#ticks()]]],
          () => ['timeoutAt', this.#timeout(), this.#deadline(), [this.#wait(index)]],
          () => ['reschedule', this.#timeout(), this.#deadline()],
          () => ['makeTimeout', this.#timeout(), this.#deadline()],
          () => ['reenter', this.#timeout(), [this.#wait(index)]],
          () => ['timeoutState', this.#timeout()],
          () => ['waitFor', this.#operand(index), this.#deadline()],
          () => ['busy', random.int(1, 3)],
        ])();
      case 'combinators':
        return this.#combinator(index);
      case 'futures': {
        const slot = random.pick(this.#slots);
        return random.pick<() => Operation>([
          () => ['future', slot],
          () => ['setResult', slot, this.#value()],
          () => ['setException', slot, random.pick(['ValueError', 'Boom'] as const), 'f'],
          () => ['await', slot],
          () => ['result', slot],
          () => ['exception', slot],
          () => ['addDoneCallback', slot, random.pick(['d0', 'd1']), this.#actions(index)],
          () => ['removeDoneCallback', slot, random.pick(['d0', 'd1'])],
        ])();
      }
      case 'callbacks': {
        const handle = random.pick(['h0', 'h1']);
        return random.pick<() => Operation>([
          () => ['callSoon', handle, this.#actions(index)],
          () => ['callLater', handle, this.#ticks(), this.#actions(index)],
          () => ['callAt', handle, this.#ticks(), this.#actions(index)],
          () => ['cancelHandle', handle],
          () => ['busy', random.int(1, 2)],
        ])();
      }
      case 'contexts': {
        const name = random.pick(['v0', 'v1'] as const);
        return random.pick<() => Operation>([
          () => ['setVariable', name, random.int(1, 9)],
          () => ['getVariable', name],
          () => ['getVariable', name],
          () => ['resetVariable', name],
          () => ['copyContext', 'c0'],
          () => ['getInContext', 'c0', name],
          // Not eagerly: CPython's C task forgets to restore the current task when that context is entered already.
          (): Operation => {
            const slot = random.pick(this.#slots);
            const body = this.#function(index);
            return this.#eager ? ['spawn', slot, body] : ['spawn', slot, body, { context: 'c0' }];
          },
          () => [
            'callSoon',
            'h0',
            [
              ['getVariable', name],
              ['setVariable', name, 8],
            ],
          ],
          () => [
            'callSoon',
            'h0',
            [
              ['getVariable', name],
              ['setVariable', name, 8],
            ],
            'c0',
          ],
          () => ['call', this.#function(index)],
        ])();
      }
    }
  }

  #lockOperation(name: string): Operation {
    const random = this.#random;
    return random.pick<() => Operation>([
      () => ['acquire', name],
      () => ['hold', name, [['sleep', random.int(0, 2)]]],
      () => ['hold', name, [['sleep', random.int(0, 1)]]],
      () => ['release', name],
      () => ['locked', name],
    ])();
  }

  #combinator(index: number): Operation {
    const random = this.#random;
    return random.pick<() => Operation>([
      () => ['gather', random.pick(this.#slots), this.#operands(index), random.chance(0.4)],
      () => ['shield', random.pick(this.#slots), this.#operand(index)],
      () => ['wait', this.#someSlots(), random.chance(0.5) ? null : this.#ticks(), this.#returnWhen()],
      () => ['wait', this.#someSlots(), null, random.pick(['FIRST_COMPLETED', 'FIRST_EXCEPTION'] as const)],
      () => ['waitFor', this.#operand(index), this.#deadline()],
      () => [
        'asCompleted',
        this.#operands(index),
        random.chance(0.6) ? null : this.#ticks(),
        random.pick(['futures', 'coroutines'] as const),
        random.chance(0.7) ? [] : [['sleep', random.int(0, 1)]],
      ],
      () => ['await', random.pick(this.#slots)],
      () => ['ensure', random.pick(this.#slots), this.#operand(index)],
    ])();
  }

  #structure(index: number, depth: number): Operation {
    const random = this.#random;
    const roll = random.next();
    if (roll < 0.5) return this.#attempt(index, depth);
    if (roll < 0.58) return ['repeat', random.int(2, 3), this.#block(index, depth + 1)];
    if (roll < 0.78) return ['timeout', this.#timeout(), this.#deadline(), this.#block(index, depth + 1)];
    if (roll < 0.95) return ['group', this.#group(), this.#groupBody(index, depth)];
    return ['asCompleted', this.#operands(index), null, 'futures', this.#block(index, depth + 1)];
  }

  #attempt(index: number, depth: number): Operation {
    const random = this.#random;
    const body = this.#block(index, depth + 1);
    const last = random.chance(0.5) ? this.#block(index, depth + 1) : null;
    if (last !== null && random.chance(0.5)) return ['try', body, [], last];
    this.#handlers += 1;
    const handler = random.chance(0.25) ? [] : this.#block(index, depth + 1);
    this.#handlers -= 1;
    const end: Operation[] = random.chance(0.2) ? [['uncancel']] : random.chance(0.25) ? [['reraise']] : [];
    return ['try', body, [[random.pick(CATCHABLE), [...handler, ...end]]], last];
  }

  #attempted(operation: Operation): Operation {
    return ['try', [operation], [[['BaseException'], []]], null];
  }

  #groupBody(index: number, depth = 2): Block {
    const random = this.#random;
    const group = this.#group();
    const block: Operation[] = [];
    const children = random.int(0, 3);
    for (let i = 0; i < children; i += 1) {
      block.push(['groupSpawn', group, random.pick(this.#slots), this.#startable(index), ...this.#options()]);
    }
    if (random.chance(0.6)) block.push(...this.#block(index, depth + 1));
    return block;
  }

  #taskAction(index: number): Action {
    const random = this.#random;
    const slot = random.pick(this.#slots);
    return random.pick<() => Action>([
      () => ['spawn', slot, this.#startable(index), ...this.#options()],
      () => this.#cancel(slot),
      () => this.#cancel(slot),
      () => this.#cancel(slot),
      () => ['cancelSelf', random.chance(0.5) ? 'self' : null],
      () => ['state', slot],
      () => ['uncancel', random.chance(0.5) ? slot : null],
      () => ['cancelling', random.chance(0.5) ? slot : null],
      () => ['addDoneCallback', slot, random.pick(['d0', 'd1']), []],
      () => ['allTasks'],
    ])();
  }

  #cancel(slot: Slot): Action {
    return ['cancel', slot, this.#random.chance(0.4) ? this.#random.pick(['a', 'b']) : null];
  }

  /** What a callback does. */
  #actions(index: number): Action[] {
    const random = this.#random;
    const block: Action[] = [];
    const count = random.int(0, 2);
    for (let i = 0; i < count; i += 1) {
      const slot = random.pick(this.#slots);
      block.push(
        random.pick<() => Action>([
          () => ['setResult', slot, this.#value()],
          () => this.#cancel(slot),
          () => ['spawn', slot, this.#startable(index)],
          () => ['state', slot],
          () => ['say', 'hello'],
          () => ['busy', 1],
          () => ['raise', 'ValueError', 'c'],
          () => this.#release(slot),
        ])(),
      );
    }
    return block;
  }

  /** Something that another task may wait for. */
  #release(slot: Slot): Action {
    const names = Object.keys(this.#objects);
    if (names.length === 0) return ['setException', slot, 'ValueError', 'g'];
    const name = this.#random.pick(names);
    switch (name[0]) {
      case 'e':
        return ['set', name];
      case 'q':
        return ['putNowait', name, 7];
      case 'r':
        return ['barrierState', name];
      default:
        return ['release', name];
    }
  }

  #wait(index: number): Wait {
    const random = this.#random;
    if (random.chance(0.3)) return ['sleep', this.#ticks()];
    if (random.chance(0.3)) return ['await', random.pick(this.#slots)];
    if (random.chance(0.3)) return ['call', this.#function(index)];
    return this.#library(index);
  }

  /** An operation that waits for a coroutine of the library. */
  #library(index: number): Wait {
    const random = this.#random;
    const names = Object.keys(this.#objects);
    if (names.length === 0 || random.chance(0.2)) return ['sleep', this.#ticks(), this.#value()];
    const name = random.pick(names);
    switch (name[0]) {
      case 'n':
        return random.chance(0.5) ? ['acquire', name] : ['conditionWait', name];
      case 'e':
        return ['eventWait', name];
      case 'r':
        return ['barrierWait', name];
      case 'q':
        return random.pick<Wait>([
          ['get', name],
          ['put', name, 6],
          ['join', name],
        ]);
      default:
        return random.chance(0.8) ? ['acquire', name] : ['waitFor', this.#function(index), this.#deadline()];
    }
  }

  /** The last function: it calls nothing. */
  #leaf(): Block {
    const random = this.#random;
    if (random.chance(0.2)) {
      return [
        ['getVariable', 'v0'],
        ['setVariable', 'v0', 5],
        ['sleep', this.#ticks()],
        ['getVariable', 'v0'],
      ];
    }
    return random.chance(this.#themes.includes('group') ? 0.5 : 0.2)
      ? [
          ['sleep', random.int(0, 2)],
          ['raise', random.pick(['ValueError', 'Boom'] as const), 'leaf'],
        ]
      : [
          ['sleep', this.#ticks()],
          ['return', 'leaf'],
        ];
  }

  /** A later function, so that calls come to an end. */
  #function(index: number): number {
    return this.#random.int(Math.min(index + 1, this.#functions), this.#functions);
  }

  /** A coroutine. */
  #startable(index: number): Operand {
    return this.#random.chance(0.85) ? this.#function(index) : this.#library(index);
  }

  #operand(index: number): Operand {
    return this.#random.chance(0.5) ? this.#random.pick(this.#slots) : this.#startable(index);
  }

  #operands(index: number): Operand[] {
    return Array.from({ length: this.#random.int(0, 3) }, () => this.#operand(index));
  }

  #someSlots(): Slot[] {
    return Array.from({ length: this.#random.int(1, 3) }, () => this.#random.pick(this.#slots));
  }

  #options(): [{ eager: true }?] {
    return this.#eager && this.#random.chance(0.5) ? [{ eager: true }] : [];
  }

  #returnWhen(): ReturnWhen {
    return this.#random.pick(['FIRST_COMPLETED', 'FIRST_EXCEPTION', 'ALL_COMPLETED'] as const);
  }

  #group(): Slot {
    return this.#random.chance(0.8) ? 'g0' : 'g1';
  }

  #timeout(): Slot {
    return this.#random.chance(0.7) ? 'x0' : 'x1';
  }

  #ticks(): number {
    return this.#random.pick([0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 20]);
  }

  #deadline(): number | null {
    return this.#random.pick([null, -1, 0, 0, 1, 1, 1, 2, 2, 3]);
  }

  #value(): Value {
    return this.#random.pick<Value>([null, 1, 2, 'r', true]);
  }
}

/** Operations in the place of one. */
function sequence(...block: Block): Operation {
  return ['try', block, [], null];
}

/** Program number `index` of a seed. */
export function generate(seed: number, index: number): Program {
  const random = new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  for (let i = 0; i < 4; i += 1) random.next();
  return new Writer(random).program();
}
