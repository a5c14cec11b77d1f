/**
 * Runs conformance programs on tsyncio and records their traces.
 *
 * The twin of interpreter.py: the same methods, with the same names, in the same order. What a program is, and
 * what each operation does, is written in program.ts. All that does not wait is here; the rest, from
 * `function()` on, is written once for each coroutine kind, in generator-blocks.ts and native-blocks.ts.
 */

import * as asyncio from 'tsyncio';
import { GeneratorBlocks } from './generator-blocks.js';
import { NativeBlocks } from './native-blocks.js';
import type {
  Action,
  Block,
  ErrorName,
  ObjectSpec,
  Operand,
  Program,
  ReturnWhen,
  Slot,
  TaskOptions,
  Value,
  Wait,
} from './program.js';

type Future = asyncio.FutureLike<unknown>;
type Timeout = asyncio.Timeout;

// ---------------------------------------------------------------- words of the trace

const TICK = 0.125;
const HORIZON = 400;
const ROUNDS = 12;
const STEPS = 600;

/** An exception that `except Exception` does not catch. */
export class Boom extends asyncio.BaseException {}
Object.defineProperty(Boom.prototype, 'name', { value: 'Boom' });

type ErrorClass = new (...args: string[]) => Error;
const ERRORS: Readonly<Record<ErrorName, ErrorClass>> = {
  BaseException: asyncio.BaseException,
  Boom,
  CancelledError: asyncio.CancelledError,
  Exception: Error,
  ExceptionGroup: asyncio.ExceptionGroup as unknown as ErrorClass,
  KeyboardInterrupt: asyncio.KeyboardInterrupt,
  LookupError: asyncio.LookupError,
  QueueEmpty: asyncio.QueueEmpty,
  QueueFull: asyncio.QueueFull,
  QueueShutDown: asyncio.QueueShutDown,
  BrokenBarrierError: asyncio.BrokenBarrierError,
  RuntimeError: asyncio.RuntimeError,
  SystemExit: asyncio.SystemExit,
  TimeoutError: asyncio.TimeoutError as unknown as ErrorClass,
  ValueError: asyncio.ValueError,
};

/** CPython's two implementations differ in the message of the first, and it has none for the others. */
const UNTOLD = [asyncio.InvalidStateError, asyncio.QueueEmpty, asyncio.QueueFull, asyncio.QueueShutDown];

/** `isinstance(error, class)`, where Python's Exception is every error but a BaseException. */
export function isInstance(error: unknown, name: ErrorName): boolean {
  if (name === 'BaseException') return true;
  if (name === 'Exception') return !asyncio.isBaseException(error);
  return error instanceof ERRORS[name];
}

/** The slot is empty. */
export class Missing extends Error {}

/** What a block came to: undefined at its end, a box with the value at a `return`. */
export type Signal = readonly [Value] | undefined;

/** One call of a function, or one run of a callback (which has no number). */
export class Frame {
  readonly label: string;
  readonly native: boolean;
  readonly handling: unknown[] = [];
  readonly tokens = new Map<string, asyncio.Token<Value>>();

  constructor(label: string, native = false) {
    this.label = label;
    this.native = native;
  }
}

/** The operation without the blocks inside it. */
export function text(op: readonly unknown[]): string {
  return op
    .filter((x) => typeof x !== 'object' || x === null)
    .map(word)
    .join(' ');
}

function word(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  return String(value);
}

export function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (value instanceof Error) return describeError(value);
  if (Array.isArray(value) || value instanceof Set) return `[${[...value].map(describe).join(', ')}]`;
  if (asyncio.isfuture(value)) return describeFuture(value);
  return word(value);
}

function describeError(error: Error): string {
  let body: string;
  if (error instanceof asyncio.BaseExceptionGroup) {
    body = `'${error.message}', ${describe(error.exceptions)}`;
  } else if (UNTOLD.some((each) => error instanceof each)) {
    body = '';
  } else {
    // Some messages end with a task or a future as text.
    const args = asyncio.isBaseException(error) ? error.args : error.message === '' ? [] : [error.message];
    body = args
      .map((x) => describe(typeof x === 'string' ? x.replace(/<(Task|Future) .*/s, '') : x))
      .join(', ');
  }
  const cause = error.cause instanceof Error ? ` from ${describeError(error.cause)}` : '';
  return `${error.name}(${body})${cause}`;
}

function describeFuture(future: Future): string {
  return future.cancelled() ? 'cancelled' : future.done() ? 'done' : 'pending';
}

export function describeState(future: Future): string {
  let state: string;
  if (!future.done()) state = 'pending';
  else if (future.cancelled()) state = 'cancelled';
  else {
    const error = future.exception();
    state = error !== null ? `raised ${describe(error)}` : `returned ${describe(future.result())}`;
  }
  return future instanceof asyncio.Task ? `${state} cancelling=${future.cancelling()}` : state;
}

// ---------------------------------------------------------------- one run of one program

/** The loop of a run, its clock, and how it is driven. */
export interface Stage {
  readonly loop: asyncio.EventLoop;
  /** How many times the loop has polled. */
  readonly iteration: number;
  /** Moves the clock. */
  advance(seconds: number): void;
}

/** Which coroutine kind each function of a program is written in. */
export type KindOf = (index: number) => 'generator' | 'native';

export class Run {
  readonly program: Program;
  readonly stage: Stage;
  readonly loop: asyncio.EventLoop;
  readonly generatorBlocks: GeneratorBlocks;
  readonly nativeBlocks: NativeBlocks;
  readonly #kindOf: KindOf;
  readonly trace: string[] = [];
  #over = false;
  #steps = 0;
  #rounds = 0;
  #first = 0;
  readonly #epoch: number;
  /** The futures that a gather waits for; while one is made, `#family` is the list of its own. */
  readonly children = new Map<Future, readonly Future[]>();
  #family: Future[] | null = null;
  readonly slots = new Map<Slot, unknown>();
  readonly counters = new Map<string, number>();
  readonly parked = new Map<unknown, Future | undefined>();
  readonly callbacks = new Map<string, (future: Future) => void>();
  readonly variables: Readonly<Record<string, asyncio.ContextVar<Value>>> = {
    v0: new asyncio.ContextVar<Value>('v0', { default: 0 }),
    v1: new asyncio.ContextVar<Value>('v1', { default: 0 }),
  };
  readonly objects: Record<string, unknown> = {};

  constructor(program: Program, stage: Stage, kindOf: KindOf) {
    this.program = program;
    this.stage = stage;
    this.loop = stage.loop;
    this.#epoch = this.loop.time();
    this.#kindOf = kindOf;
    this.generatorBlocks = new GeneratorBlocks(this);
    this.nativeBlocks = new NativeBlocks(this);
    for (const [name, spec] of Object.entries(program.objects)) this.objects[name] = this.make(spec);
  }

  make(spec: ObjectSpec): unknown {
    switch (spec[0]) {
      case 'lock':
        return new asyncio.Lock();
      case 'event':
        return new asyncio.Event();
      case 'condition':
        return spec[1] === undefined
          ? new asyncio.Condition()
          : new asyncio.Condition(this.object<asyncio.Lock>(spec[1]));
      case 'semaphore':
        return new asyncio.Semaphore(spec[1]);
      case 'boundedSemaphore':
        return new asyncio.BoundedSemaphore(spec[1]);
      case 'barrier':
        return new asyncio.Barrier(spec[1]);
      case 'queue':
        return new asyncio.Queue(spec[1]);
      case 'priorityQueue':
        return new asyncio.PriorityQueue(spec[1]);
      case 'lifoQueue':
        return new asyncio.LifoQueue(spec[1]);
    }
  }

  object<T>(name: string): T {
    return this.objects[name] as T;
  }

  // -- the whole run; `yield` hands a future to the driver of the loop, which tells what came of it

  *run(): Generator<Future, readonly string[], () => unknown> {
    const loop = this.loop;
    const outside = new Frame('-');
    loop.setExceptionHandler((_loop, context) => this.handler(context));
    if (this.program.eager) loop.setTaskFactory(asyncio.eagerTaskFactory);
    loop.callLater(HORIZON * TICK, () => this.watchdog());
    const main = loop.createTask(this.start(0));
    this.#first = this.number(main) - 1;
    this.drive(outside, 'main', yield main);
    const leftover = this.allTasks();
    if (leftover.length > 0) {
      this.log(outside, `leftover ${this.names(leftover)}`);
      for (const task of leftover) task.cancel('leftover');
      this.drive(outside, 'rest', yield asyncio.gather(leftover, { returnExceptions: true }));
    }
    for (const [slot, value] of this.slots) {
      if (asyncio.isfuture(value)) this.log(outside, `at last ${slot} ${describeState(value)}`);
    }
    this.#over = true;
    loop.close();
    return this.trace;
  }

  drive(frame: Frame, name: string, result: () => unknown): void {
    let value: unknown;
    try {
      value = result();
    } catch (error) {
      this.log(frame, `${name} raised ${describe(error)}`);
      return;
    }
    this.log(frame, `${name} returned ${describe(value)}`);
  }

  /** Cancels everything when the program has run for too long, so that it ends. */
  watchdog(): void {
    const frame = new Frame('-');
    this.#rounds += 1;
    this.log(frame, 'watchdog');
    this.loop.callLater(HORIZON * TICK, () => this.watchdog());
    if (this.#rounds > ROUNDS) {
      this.loop.stop();
      return;
    }
    for (const task of this.allTasks()) task.cancel('watchdog');
  }

  /** The loop's exception handler: only what does not depend on garbage collection is traced. */
  handler(context: asyncio.ExceptionContext): void {
    const frame = new Frame('-');
    const message = context.message ?? '';
    if (message.startsWith('Exception in callback')) {
      this.log(frame, `reported: callback raised ${describe(context.exception)}`);
    } else if (message.endsWith('exception in shielded future')) {
      this.log(frame, `reported: shielded raised ${describe(context.exception)}`);
    } else if (message.includes('has errored out but its parent task')) {
      this.log(frame, `reported: orphan raised ${describe(context.exception)}`);
    }
  }

  // -- names and the trace

  log(frame: Frame, what: string): void {
    if (this.#over) return;
    const task = asyncio.currentTask(this.loop);
    const who = task !== null ? this.name(task) : '-';
    this.trace.push(
      `${this.ticks(this.loop.time() - this.#epoch)} ${this.stage.iteration} ${who} ${frame.label} ${what}`,
    );
  }

  begin(frame: Frame, op: readonly unknown[], future?: Future): void {
    const task = asyncio.currentTask(this.loop);
    this.parked.set(task, future);
    this.log(frame, `${text(op)} ...`);
  }

  end(frame: Frame, op: readonly unknown[], value?: unknown): void {
    this.parked.delete(asyncio.currentTask(this.loop));
    this.log(frame, `${text(op)} -> ${describe(value)}`);
  }

  fail(frame: Frame, op: readonly unknown[], error: unknown): void {
    this.parked.delete(asyncio.currentTask(this.loop));
    this.log(frame, `${text(op)} raised ${describe(error)}`);
  }

  ticks(time: number | null): number | null {
    return time === null ? null : Math.round(time / TICK);
  }

  number(task: asyncio.Task): number {
    return Number(task.getName().slice(task.getName().indexOf('-') + 1));
  }

  name(task: asyncio.Task): string {
    return `T${this.number(task) - this.#first}`;
  }

  names(some: readonly asyncio.Task[]): string {
    return `[${some.map((task) => this.name(task)).join(', ')}]`;
  }

  allTasks(): asyncio.Task[] {
    return [...asyncio.allTasks(this.loop)].sort((a, b) => this.number(a) - this.number(b));
  }

  /** Whether operations are over: too many, or of a coroutine that is thrown away after the run. */
  spent(): boolean {
    this.#steps += 1;
    return this.#over || this.#steps > STEPS;
  }

  slot<T>(name: Slot): T {
    if (!this.slots.has(name)) throw new Missing(name);
    return this.slots.get(name) as T;
  }

  /** The future in whose slot an operation waits, if it does. */
  awaited(op: Wait): Future | undefined {
    if ((op[0] === 'await' || op[0] === 'waitFor') && typeof op[1] === 'string')
      return this.slots.get(op[1]) as Future;
    return undefined;
  }

  /** Whether a future waits for the task: cancelling such a circle overflows the stack. */
  circular(future: Future, task: unknown): boolean {
    const ahead = [future];
    for (const future of ahead) {
      if ((future as unknown) === task) return true;
      for (const other of this.children.get(future) ?? [this.parked.get(future)]) {
        if (other !== undefined && !ahead.includes(other)) ahead.push(other);
      }
    }
    return false;
  }

  /** Fills a slot. */
  keep<T>(name: Slot, value: T): T {
    this.slots.set(name, value);
    return value;
  }

  // -- functions and blocks

  isNative(index: number): boolean {
    return this.#kindOf(index) === 'native';
  }

  /**
   * A function, as it is handed over to be started later: functions with an odd number as a user's own
   * generator object or thunk, the others as a Coroutine.
   */
  start(index: number): asyncio.CoroutineLike<Value> {
    const raw = index % 2 === 1;
    const family = this.#family;
    if (this.isNative(index)) {
      const call = (): Promise<Value> => this.nativeBlocks.function(index, family);
      return raw ? call : asyncio.coroutine(call)();
    }
    const call = (): asyncio.Coro<Value> => this.generatorBlocks.function(index, family);
    return raw ? call() : asyncio.coroutine(call)();
  }

  /** A callback that runs a block of operations which do not wait. */
  callback(block: readonly Action[]): () => void {
    return () => {
      const frame = new Frame('cb');
      this.log(frame, 'runs');
      for (const op of block) {
        if (this.spent()) return;
        this.act(frame, op);
      }
    };
  }

  // -- operations that do not wait

  /** Does one operation. Only `raise` and `reraise` raise: any other error is just traced. */
  act(frame: Frame, op: Action): void {
    if (op[0] === 'raise') {
      const [, error, ...args] = op;
      throw new ERRORS[error](...args);
    }
    if (op[0] === 'reraise') {
      if (frame.handling.length === 0) return;
      throw frame.handling.at(-1);
    }
    let value: unknown;
    try {
      value = this.action(frame, op);
    } catch (error) {
      if (error instanceof Missing) this.log(frame, `${text(op)} skipped`);
      else this.log(frame, `${text(op)} raised ${describe(error)}`);
      return;
    }
    this.log(frame, `${text(op)} -> ${describe(value)}`);
  }

  action(frame: Frame, op: Action): unknown {
    switch (op[0]) {
      case 'say':
        return op[1];
      case 'busy':
        this.stage.advance(op[1] * TICK);
        return;
      case 'spawn': {
        const options = this.taskOptions(op[3]);
        return this.name(
          this.keep(
            op[1],
            asyncio.createTask(this.operand(frame, op[2]) as asyncio.CoroutineLike<unknown>, options),
          ),
        );
      }
      case 'groupSpawn': {
        const group = this.slot<asyncio.TaskGroup>(op[1]);
        const options = this.taskOptions(op[4]);
        return this.name(
          this.keep(
            op[2],
            group.createTask(this.operand(frame, op[3]) as asyncio.CoroutineLike<unknown>, options),
          ),
        );
      }
      case 'ensure':
        this.keep(op[1], asyncio.ensureFuture(this.operand(frame, op[2])));
        return;
      case 'future':
        this.keep(op[1], this.loop.createFuture());
        return;
      case 'gather': {
        const family: Future[] = [];
        this.#family = family;
        let awaitables: asyncio.AwaitableLike<unknown>[];
        try {
          awaitables = op[2].map((x) => this.operand(frame, x));
        } finally {
          this.#family = null;
        }
        family.push(...awaitables.filter((x) => asyncio.isfuture(x)));
        const outer = this.keep(op[1], asyncio.gather(awaitables, { returnExceptions: op[3] }));
        this.children.set(outer, family);
        return;
      }
      case 'shield':
        this.keep(op[1], asyncio.shield(this.operand(frame, op[2])));
        return;
      case 'setResult':
        this.slot<asyncio.Future>(op[1]).setResult(op[2]);
        return;
      case 'setException': {
        const [, slot, error, ...args] = op;
        this.slot<asyncio.Future>(slot).setException(new ERRORS[error](...args));
        return;
      }
      case 'cancel': {
        const future = this.slot<Future>(op[1]);
        const parked = this.parked.has(future) && (future as unknown) !== asyncio.currentTask(this.loop);
        const accepted = typeof op[2] === 'string' ? future.cancel(op[2]) : future.cancel();
        return (parked ? 'parked ' : '') + word(accepted);
      }
      case 'cancelSelf': {
        const task = this.task(null);
        return typeof op[1] === 'string' ? task.cancel(op[1]) : task.cancel();
      }
      case 'uncancel':
        return this.task(op[1] ?? null).uncancel();
      case 'cancelling':
        return this.task(op[1] ?? null).cancelling();
      case 'state':
        return describeState(this.slot<Future>(op[1]));
      case 'result':
        return this.slot<Future>(op[1]).result();
      case 'exception':
        return this.slot<Future>(op[1]).exception();
      case 'allTasks':
        return this.names(this.allTasks());
      case 'addDoneCallback': {
        const [, slot, tag, block, context] = op;
        const run = this.callback(block);
        const done = (future: Future): void => {
          this.log(new Frame('cb'), `${tag} sees ${describeFuture(future)}`);
          run();
        };
        const future = this.slot<Future>(slot);
        this.callbacks.set(tag, done);
        if (context !== undefined)
          future.addDoneCallback(done, { context: this.slot<asyncio.Context>(context) });
        else future.addDoneCallback(done);
        return;
      }
      case 'removeDoneCallback': {
        const done = this.callbacks.get(op[2]);
        if (done === undefined) throw new Missing(op[2]);
        return this.slot<Future>(op[1]).removeDoneCallback(done);
      }
      case 'callSoon': {
        const context = this.contextOption(op[3]);
        this.keep(op[1], this.loop.callSoon(this.callback(op[2]), context));
        return;
      }
      case 'callLater': {
        const context = this.contextOption(op[4]);
        this.keep(op[1], this.loop.callLater(op[2] * TICK, this.callback(op[3]), context));
        return;
      }
      case 'callAt': {
        const when = this.loop.time() + op[2] * TICK;
        this.keep(op[1], this.loop.callAt(when, this.callback(op[3])));
        return;
      }
      case 'cancelHandle':
        this.slot<asyncio.Handle>(op[1]).cancel();
        return this.slot<asyncio.Handle>(op[1]).cancelled();
      case 'release':
        this.object<asyncio.Lock>(op[1]).release();
        return this.object<asyncio.Lock>(op[1]).locked();
      case 'locked':
        return this.object<asyncio.Lock>(op[1]).locked();
      case 'notify':
        this.object<asyncio.Condition>(op[1]).notify(op[2]);
        return;
      case 'notifyAll':
        this.object<asyncio.Condition>(op[1]).notifyAll();
        return;
      case 'count':
        this.counters.set(op[1], (this.counters.get(op[1]) ?? 0) + 1);
        return this.counters.get(op[1]);
      case 'set':
        this.object<asyncio.Event>(op[1]).set();
        return;
      case 'clear':
        this.object<asyncio.Event>(op[1]).clear();
        return;
      case 'isSet':
        return this.object<asyncio.Event>(op[1]).isSet();
      case 'barrierState': {
        const barrier = this.object<asyncio.Barrier>(op[1]);
        return [barrier.parties, barrier.nWaiting, barrier.broken];
      }
      case 'putNowait':
        this.object<asyncio.Queue<Value>>(op[1]).putNowait(op[2]);
        return;
      case 'getNowait':
        return this.object<asyncio.Queue<Value>>(op[1]).getNowait();
      case 'taskDone':
        this.object<asyncio.Queue<Value>>(op[1]).taskDone();
        return;
      case 'shutdown':
        this.object<asyncio.Queue<Value>>(op[1]).shutdown(op[2]);
        return;
      case 'queueState': {
        const queue = this.object<asyncio.Queue<Value>>(op[1]);
        return [queue.qsize(), queue.empty(), queue.full()];
      }
      case 'setVariable':
        frame.tokens.set(op[1], this.variable(op[1]).set(op[2]));
        return;
      case 'getVariable':
        return this.variable(op[1]).get();
      case 'resetVariable': {
        const token = frame.tokens.get(op[1]);
        if (token === undefined) throw new Missing(op[1]);
        frame.tokens.delete(op[1]);
        this.variable(op[1]).reset(token);
        return;
      }
      case 'copyContext':
        this.keep(op[1], asyncio.copyContext());
        return;
      case 'getInContext':
        return this.slot<asyncio.Context>(op[1]).get(this.variable(op[2]), 0);
      case 'makeTimeout':
        this.keep(op[1], asyncio.timeout(op[2] === null ? null : op[2] * TICK));
        return;
      case 'reschedule':
        this.slot<Timeout>(op[1]).reschedule(op[2] === null ? null : this.loop.time() + op[2] * TICK);
        return;
      case 'timeoutState': {
        const scope = this.slot<Timeout>(op[1]);
        const when = scope.when();
        return [this.ticks(when === null ? null : when - this.#epoch), scope.expired()];
      }
      case 'raise':
      case 'reraise':
        throw new TypeError(`act() does it: ${op[0]}`);
    }
  }

  taskOptions(options: TaskOptions | undefined): asyncio.TaskOptions {
    return {
      ...(options?.context !== undefined ? this.contextOption(options.context) : {}),
      ...(options?.eager !== undefined ? { eagerStart: options.eager } : {}),
    };
  }

  contextOption(slot: Slot | undefined): { context?: asyncio.Context } {
    return slot === undefined ? {} : { context: this.slot<asyncio.Context>(slot) };
  }

  task(slot: Slot | null): asyncio.Task {
    const task = slot === null ? asyncio.currentTask(this.loop) : this.slot(slot);
    if (!(task instanceof asyncio.Task)) throw new Missing(String(slot));
    return task;
  }

  variable(name: string): asyncio.ContextVar<Value> {
    return this.variables[name] as asyncio.ContextVar<Value>;
  }

  // -- operations that wait

  /** What an operation takes to wait for: a function's number, a slot, or an operation that waits. */
  operand(frame: Frame, what: Operand): asyncio.AwaitableLike<unknown> {
    if (typeof what === 'number') return this.start(what);
    if (typeof what === 'string') return this.slot<Future>(what);
    return this.awaitable(frame, what) as asyncio.AwaitableLike<unknown>;
  }

  /** What to `yield*` or `await`, or, for a call within one coroutine kind, a function that makes it. */
  awaitable(
    frame: Frame,
    op: Wait,
  ): asyncio.Awaitable<unknown> | (() => asyncio.Coro<unknown> | Promise<unknown>) {
    switch (op[0]) {
      case 'sleep':
        return op[2] === undefined ? asyncio.sleep(op[1] * TICK) : asyncio.sleep(op[1] * TICK, op[2]);
      case 'await': {
        const future = this.slot<Future>(op[1]);
        if (this.circular(future, asyncio.currentTask(this.loop))) throw new Missing(op[1]);
        return future;
      }
      case 'awaitSelf':
        return this.task(null);
      case 'call': {
        const index = op[1];
        if (index % 2 === 1 && frame.native === this.isNative(index)) {
          return frame.native
            ? () => this.nativeBlocks.function(index)
            : () => this.generatorBlocks.function(index);
        }
        const call = this.isNative(index)
          ? asyncio.coroutine(() => this.nativeBlocks.function(index))
          : asyncio.coroutine(() => this.generatorBlocks.function(index));
        return call();
      }
      case 'acquire':
        return this.object<asyncio.Lock>(op[1]).acquire();
      case 'conditionWait':
        return this.object<asyncio.Condition>(op[1]).wait();
      case 'conditionWaitFor': {
        const [, name, counter, n] = op;
        const predicate = (): boolean => {
          this.log(frame, `predicate ${counter} ${this.counters.get(counter) ?? 0}`);
          return (this.counters.get(counter) ?? 0) >= n;
        };
        return this.object<asyncio.Condition>(name).waitFor(predicate);
      }
      case 'eventWait':
        return this.object<asyncio.Event>(op[1]).wait();
      case 'barrierWait':
        return this.object<asyncio.Barrier>(op[1]).wait();
      case 'barrierReset':
        return this.object<asyncio.Barrier>(op[1]).reset();
      case 'barrierAbort':
        return this.object<asyncio.Barrier>(op[1]).abort();
      case 'put':
        return this.object<asyncio.Queue<Value>>(op[1]).put(op[2]);
      case 'get':
        return this.object<asyncio.Queue<Value>>(op[1]).get();
      case 'join':
        return this.object<asyncio.Queue<Value>>(op[1]).join();
      case 'wait': {
        const [, operands, timeout, returnWhen] = op;
        const futures = operands.map((x) => this.slot<Future>(x));
        return asyncio.wait(futures, {
          timeout: timeout === null ? null : timeout * TICK,
          returnWhen: returnWhen as ReturnWhen,
        });
      }
      case 'waitFor': {
        const [, what, timeout] = op;
        const awaitable =
          typeof what === 'string'
            ? (this.awaitable(frame, ['await', what]) as Future)
            : this.operand(frame, what);
        return asyncio.waitFor(awaitable, timeout === null ? null : timeout * TICK);
      }
    }
  }

  /** The iterator of `as_completed`. */
  completions(
    frame: Frame,
    operands: readonly Operand[],
    timeout: number | null,
  ): asyncio.AsCompleted<unknown> {
    const awaitables = operands.map((x) => this.operand(frame, x));
    return asyncio.asCompleted(awaitables, { timeout: timeout === null ? null : timeout * TICK });
  }

  /** The timeout, group, primitive … that an operation enters, in its slot; undefined if the slot is empty. */
  manager(op: EnteringOperation): asyncio.AsyncContextManager<unknown> | undefined {
    switch (op[0]) {
      case 'timeout':
        return this.keep(op[1], asyncio.timeout(op[2] === null ? null : op[2] * TICK));
      case 'timeoutAt':
        return this.keep(op[1], asyncio.timeoutAt(op[2] === null ? null : this.loop.time() + op[2] * TICK));
      case 'reenter':
        return this.slots.get(op[1]) as Timeout | asyncio.TaskGroup | undefined;
      case 'group':
        return this.keep(op[1], new asyncio.TaskGroup());
      case 'hold':
        return this.object<asyncio.AsyncContextManager<unknown>>(op[1]);
    }
  }
}

/** The operations that are `async with`. */
export type EnteringOperation = Extract<
  Block[number],
  readonly ['timeout' | 'timeoutAt' | 'reenter' | 'group' | 'hold', ...unknown[]]
>;

/** The block of an operation that is `async with`. */
export function bodyOf(op: EnteringOperation): Block {
  return op[op.length - 1] as Block;
}
