/**
 * The exception classes of asyncio, and the line between `Exception` and `BaseException`.
 *
 * JavaScript has one `catch`; Python has `except Exception`, which lets cancellation through. Whatever must not
 * be swallowed by accident derives from {@link BaseException}, and `rethrowBase(e)` as the first line of a
 * `catch` is Python's `except Exception`. Classes carry a `Symbol.for` brand, so that two copies of the package
 * in one process recognise each other's errors, and a stable `code`.
 */

/** What tells a BaseException, in every copy of the package. @internal */
export const BASE_EXCEPTION: unique symbol = Symbol.for('tsyncio.BaseException') as never;
const CANCELLED_ERROR = Symbol.for('tsyncio.CancelledError');
const STOPS_THE_LOOP = Symbol.for('tsyncio.StopsTheLoop');

/** Puts `name` and `code` on a class's prototype, so that no instance pays for them. @internal */
export function identify(errorClass: { prototype: object }, name: string, code: string): void {
  hide(errorClass.prototype, 'name', name);
  hide(errorClass.prototype, 'code', code);
}

/** Defines a property that does not show, as a class's methods do not. @internal */
export function hide(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, writable: true, configurable: true });
}

/** Python's `__context__`: the exception that was being handled when this one was raised. */
export interface WithContext {
  context?: unknown;
}

/** A message of anything, also of what cannot become a string. */
function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return `<${typeof value}>`;
  }
}

const stackLimits = Error as unknown as { stackTraceLimit: number };

/** Whether a {@link CancelledError} captures a stack: 6 µs each, so only debug mode asks for it. */
let captureCancellationStacks = false;

/** @internal */
export function setCaptureCancellationStacks(enabled: boolean): void {
  captureCancellationStacks = enabled;
}

/**
 * The base of everything that Python derives from `BaseException` only: never to be swallowed by a general
 * `catch`. `args` are the constructor's arguments; the message is the first of them.
 */
export class BaseException extends Error implements WithContext {
  declare readonly code: string;
  declare readonly args: readonly unknown[];
  declare context?: unknown;

  constructor(...args: readonly unknown[]) {
    if (args.length === 0) {
      super();
      return;
    }
    super(textOf(args[0]));
    hide(this, 'args', args);
  }

  /** @internal */
  get [BASE_EXCEPTION](): true {
    return true;
  }
}
hide(BaseException.prototype, 'args', Object.freeze([]));
identify(BaseException, 'BaseException', 'ERR_BASE_EXCEPTION');

/**
 * Raised at the `await` or `yield*` of a task that was cancelled. Clean up in `finally`, or catch it and throw
 * it again; a task that swallows it goes on running. `args[0]` is the message given to `cancel()`.
 */
export class CancelledError extends BaseException {
  constructor(...args: readonly unknown[]) {
    if (captureCancellationStacks) {
      super(...args);
      return;
    }
    const limit = stackLimits.stackTraceLimit;
    stackLimits.stackTraceLimit = 0;
    super(...args);
    stackLimits.stackTraceLimit = limit;
  }

  /** @internal */
  get [CANCELLED_ERROR](): true {
    return true;
  }
}
identify(CancelledError, 'CancelledError', 'ERR_CANCELLED');

/** Comes out of `run()` when the user pressed Ctrl-C. */
export class KeyboardInterrupt extends BaseException {
  /** @internal */
  get [STOPS_THE_LOOP](): true {
    return true;
  }
}
identify(KeyboardInterrupt, 'KeyboardInterrupt', 'ERR_KEYBOARD_INTERRUPT');

/** A request to end the process; `exitCode` is the status that it asks for. It stops the loop that it is raised in. */
export class SystemExit extends BaseException {
  /** The status that the process should end with. */
  get exitCode(): unknown {
    return this.args[0] ?? 0;
  }

  /** @internal */
  get [STOPS_THE_LOOP](): true {
    return true;
  }
}
identify(SystemExit, 'SystemExit', 'ERR_SYSTEM_EXIT');

/** Thrown into a coroutine that is closed, so that its `finally` blocks run. */
export class GeneratorExit extends BaseException {}
identify(GeneratorExit, 'GeneratorExit', 'ERR_GENERATOR_EXIT');

/** An operation that the present state forbids. */
export class RuntimeError extends Error implements WithContext {
  declare readonly code: string;
  declare context?: unknown;
}
identify(RuntimeError, 'RuntimeError', 'ERR_RUNTIME');

/** An argument of the right type and a wrong value. */
export class ValueError extends RangeError implements WithContext {
  declare readonly code: string;
  declare context?: unknown;
}
identify(ValueError, 'ValueError', 'ERR_VALUE');

/** A key, or a context variable without a value, was looked up in vain. */
export class LookupError extends Error {
  declare readonly code: string;
}
identify(LookupError, 'LookupError', 'ERR_LOOKUP');

/** The platform or a subclass does not offer this. */
export class NotImplementedError extends RuntimeError {}
identify(NotImplementedError, 'NotImplementedError', 'ERR_NOT_IMPLEMENTED');

/** Input ended before what was asked for had come. */
export class EOFError extends Error {
  declare readonly code: string;
}
identify(EOFError, 'EOFError', 'ERR_EOF');

/** What a system error tells. */
export interface OSErrorDetails extends ErrorOptions {
  readonly errno?: number | undefined;
  readonly code?: string | undefined;
  readonly syscall?: string | undefined;
  readonly path?: string | undefined;
  readonly dest?: string | undefined;
}

/** An error of the operating system; `code` is the platform's (`'ECONNRESET'`). */
export class OSError extends Error implements WithContext {
  declare readonly errno?: number;
  declare readonly code?: string;
  declare readonly syscall?: string;
  /** The file, of an error with files. */
  declare readonly path?: string;
  /** The second file, of what has two: where a rename was to lead. */
  declare readonly dest?: string;
  declare context?: unknown;

  constructor(message = '', details: OSErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    for (const key of ['errno', 'code', 'syscall', 'path', 'dest'] as const) {
      if (details[key] !== undefined) (this as Record<string, unknown>)[key] = details[key];
    }
  }
}
identify(OSError, 'OSError', 'ERR_OS');

/** A deadline passed. One class for timeouts, locks, streams and executors. */
export class TimeoutError extends OSError {}
identify(TimeoutError, 'TimeoutError', 'ETIMEDOUT');

/** The operation does not fit the state of the future. */
export class InvalidStateError extends Error {
  declare readonly code: string;
}
identify(InvalidStateError, 'InvalidStateError', 'ERR_INVALID_STATE');

/** The barrier was aborted or reset while a task waited at it. */
export class BrokenBarrierError extends RuntimeError {}
identify(BrokenBarrierError, 'BrokenBarrierError', 'ERR_BROKEN_BARRIER');

/** `getNowait()` found nothing. */
export class QueueEmpty extends Error {
  declare readonly code: string;
}
identify(QueueEmpty, 'QueueEmpty', 'ERR_QUEUE_EMPTY');

/** `putNowait()` found no room. */
export class QueueFull extends Error {
  declare readonly code: string;
}
identify(QueueFull, 'QueueFull', 'ERR_QUEUE_FULL');

/** The queue was shut down. */
export class QueueShutDown extends Error {
  declare readonly code: string;
}
identify(QueueShutDown, 'QueueShutDown', 'ERR_QUEUE_SHUT_DOWN');

/**
 * Nothing can wake the loop any more, and somebody still waits. The message shows who waits for whom.
 * Python would block for ever here; Node alone would exit without a word.
 */
export class DeadlockError extends RuntimeError {}
identify(DeadlockError, 'DeadlockError', 'ERR_DEADLOCK');

/** Whether `error` is of the kind that a general `catch` must let through: cancellation, Ctrl-C, exit. */
export function isBaseException(error: unknown): error is BaseException {
  return isMarked(error, BASE_EXCEPTION);
}

/** Whether `error` is a cancellation, also one of another copy of this package. */
export function isCancelledError(error: unknown): error is CancelledError {
  return isMarked(error, CANCELLED_ERROR);
}

/** Whether an error has a class's mark. Anything can be thrown: a Proxy that refuses to be looked at, too. */
function isMarked(error: unknown, mark: symbol): boolean {
  try {
    return (error as Record<symbol, unknown> | null | undefined)?.[mark] === true;
  } catch {
    return false;
  }
}

/** Whether `error` leaves the loop instead of being stored: Ctrl-C or a request to exit. */
export function stopsTheLoop(error: unknown): boolean {
  return isMarked(error, STOPS_THE_LOOP);
}

/**
 * The first line of a `catch` that means Python's `except Exception`: throws `error` again if it is a
 * cancellation, Ctrl-C or a request to exit, and otherwise does nothing.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * async function careful() {
 *   try {
 *     await asyncio.sleep(10);
 *   } catch (error) {
 *     asyncio.rethrowBase(error); // a cancelled task stays cancelled
 *     console.log('only real errors come here');
 *   }
 * }
 * await asyncio.run(async () => {
 *   const task = asyncio.createTask(careful);
 *   await asyncio.sleep(0);
 *   task.cancel();
 *   await asyncio.wait([task]);
 *   console.log(task.cancelled()); //=> true
 * });
 * ```
 */
export function rethrowBase(error: unknown): void {
  if (isBaseException(error)) throw error;
}

/** What is stored when `null` or `undefined` is thrown: "no exception" must stay unambiguous. @internal */
export function normalizeThrown(error: unknown): unknown {
  return error === undefined || error === null ? new Error(`${error} was thrown`, { cause: error }) : error;
}
