/**
 * What a conformance program is: data, so that the same program runs here and on CPython.
 *
 * A program has primitives (`objects`) and functions; function 0 is the main task. A function is a block of
 * operations, run in order; a function without a `return` returns None. Times are in ticks of 1/8 s, so that
 * every sum of times is exact.
 *
 * Operations that do not wait never raise, except `raise` and `reraise`: their errors are only traced. Errors
 * of operations that wait, and of those around blocks, go up as usual. Operations name futures, timeouts,
 * groups, handles and contexts by *slots* (`s0`, `x0`, `g0`, `h0`, `c0`), a table that all tasks share; an
 * operation on an empty slot is skipped.
 *
 * Everything ends: repetitions are bounded, after 600 operations every block stops, and a watchdog cancels all
 * tasks every 400 ticks (twelve times, then the loop is stopped).
 *
 * Each line of a trace reads `time iteration task frame event`: the virtual time in ticks, the number of the
 * loop's iteration, the current task (T1 is the main task; `-` is none), the function (`cb` in a callback),
 * and what was done or seen. So two equal traces took the same steps in the same iterations.
 */

/** The name of a slot: `s` future or task, `x` timeout, `g` group, `h` handle, `c` context. */
export type Slot = string;
/** The name of one of the program's `objects`. */
export type Name = string;
/** Ticks of 1/8 s. */
export type Ticks = number;
export type Value = null | boolean | number | string | readonly Value[];

export type ObjectSpec =
  | readonly ['lock']
  | readonly ['event']
  | readonly ['condition', Name?]
  | readonly ['semaphore', number]
  | readonly ['boundedSemaphore', number]
  | readonly ['barrier', number]
  | readonly ['queue', number]
  | readonly ['priorityQueue', number]
  | readonly ['lifoQueue', number];

export type ErrorName =
  | 'BaseException'
  | 'Boom'
  | 'BrokenBarrierError'
  | 'CancelledError'
  | 'Exception'
  | 'ExceptionGroup'
  | 'KeyboardInterrupt'
  | 'LookupError'
  | 'QueueEmpty'
  | 'QueueFull'
  | 'QueueShutDown'
  | 'RuntimeError'
  | 'SystemExit'
  | 'TimeoutError'
  | 'ValueError';

/** Something to wait for: a function (by its number), a slot, or an operation that waits. */
export type Operand = number | Slot | Wait;

export interface TaskOptions {
  /** Start eagerly (generator coroutines only). */
  readonly eager?: boolean;
  /** The slot of a context. */
  readonly context?: Slot;
}

export type ReturnWhen = 'FIRST_COMPLETED' | 'FIRST_EXCEPTION' | 'ALL_COMPLETED';

/** Operations that do not wait. */
export type Action =
  | readonly ['say', Value]
  /** Moves the clock by itself, as a callback that takes long does. */
  | readonly ['busy', Ticks]
  | readonly ['spawn', Slot, Operand, TaskOptions?]
  | readonly ['groupSpawn', Slot, Slot, Operand, TaskOptions?]
  | readonly ['ensure', Slot, Operand]
  | readonly ['future', Slot]
  | readonly ['gather', Slot, readonly Operand[], boolean]
  | readonly ['shield', Slot, Operand]
  | readonly ['setResult', Slot, Value]
  | readonly ['setException', Slot, ErrorName, ...string[]]
  /** Traces what cancel() returned, after `parked` if the task was waiting in an operation. */
  | readonly ['cancel', Slot, (string | null)?]
  | readonly ['cancelSelf', (string | null)?]
  | readonly ['uncancel', (Slot | null)?]
  | readonly ['cancelling', (Slot | null)?]
  | readonly ['state', Slot]
  | readonly ['result', Slot]
  | readonly ['exception', Slot]
  | readonly ['allTasks']
  | readonly ['addDoneCallback', Slot, string, readonly Action[], Slot?]
  | readonly ['removeDoneCallback', Slot, string]
  | readonly ['callSoon', Slot, readonly Action[], Slot?]
  | readonly ['callLater', Slot, Ticks, readonly Action[], Slot?]
  | readonly ['callAt', Slot, Ticks, readonly Action[]]
  | readonly ['cancelHandle', Slot]
  | readonly ['release', Name]
  | readonly ['locked', Name]
  | readonly ['notify', Name, number]
  | readonly ['notifyAll', Name]
  /** Adds 1 to a counter, for `conditionWaitFor`. */
  | readonly ['count', string]
  | readonly ['set', Name]
  | readonly ['clear', Name]
  | readonly ['isSet', Name]
  | readonly ['barrierState', Name]
  | readonly ['putNowait', Name, Value]
  | readonly ['getNowait', Name]
  | readonly ['taskDone', Name]
  | readonly ['shutdown', Name, boolean]
  | readonly ['queueState', Name]
  | readonly ['setVariable', 'v0' | 'v1', Value]
  | readonly ['getVariable', 'v0' | 'v1']
  | readonly ['resetVariable', 'v0' | 'v1']
  | readonly ['copyContext', Slot]
  | readonly ['getInContext', Slot, 'v0' | 'v1']
  /** A timeout to be entered later, by `reenter`. */
  | readonly ['makeTimeout', Slot, Ticks | null]
  | readonly ['reschedule', Slot, Ticks | null]
  | readonly ['timeoutState', Slot]
  | readonly ['raise', ErrorName, ...string[]]
  /** Raises the error that the nearest handler caught, again. */
  | readonly ['reraise'];

/** Operations that wait. */
export type Wait =
  | readonly ['sleep', Ticks, Value?]
  /** Skipped if it would make a circle of tasks that wait for each other: cancelling one overflows the stack. */
  | readonly ['await', Slot]
  | readonly ['awaitSelf']
  | readonly ['call', number]
  | readonly ['acquire', Name]
  | readonly ['conditionWait', Name]
  | readonly ['conditionWaitFor', Name, string, number]
  | readonly ['eventWait', Name]
  | readonly ['barrierWait', Name]
  | readonly ['barrierReset', Name]
  | readonly ['barrierAbort', Name]
  | readonly ['put', Name, Value]
  | readonly ['get', Name]
  | readonly ['join', Name]
  | readonly ['wait', readonly Slot[], Ticks | null, ReturnWhen]
  | readonly ['waitFor', Operand, Ticks | null];

/** `except (classes): block` */
export type Handler = readonly [readonly ErrorName[], Block];

/** Operations around blocks. */
export type Structure =
  | readonly ['try', Block, readonly Handler[], Block | null]
  | readonly ['repeat', number, Block]
  | readonly ['timeout', Slot, Ticks | null, Block]
  /** The deadline is given as ticks from now. */
  | readonly ['timeoutAt', Slot, Ticks | null, Block]
  /** Enters the timeout or the group of a slot, for the first time or once more. */
  | readonly ['reenter', Slot, Block]
  | readonly ['group', Slot, Block]
  /** `async with` a lock, semaphore, condition or barrier. */
  | readonly ['hold', Name, Block]
  /** `async for future in as_completed(…)` or `for coroutine in as_completed(…)`. */
  | readonly ['asCompleted', readonly Operand[], Ticks | null, 'futures' | 'coroutines', Block];

export type Operation = Action | Wait | Structure | readonly ['return', Value];
export type Block = readonly Operation[];

export interface Program {
  readonly objects: Readonly<Record<Name, ObjectSpec>>;
  readonly functions: readonly Block[];
  /** Run with eagerTaskFactory (generator coroutines only). */
  readonly eager?: boolean;
}

/** Whether a program starts tasks eagerly: then it is for generator coroutines only. */
export function isEager(program: Program): boolean {
  return program.eager === true || JSON.stringify(program).includes('"eager":true');
}
