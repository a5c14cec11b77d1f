/** The exception classes of `concurrent.futures`. They are ordinary errors: a plain `catch` may handle each of them. */

import { RuntimeError } from '../core/index.js';

function identify(errorClass: { prototype: object }, name: string, code: string): void {
  Object.defineProperty(errorClass.prototype, 'name', { value: name, writable: true, configurable: true });
  Object.defineProperty(errorClass.prototype, 'code', { value: code, writable: true, configurable: true });
}

/** The base of {@link CancelledError} and {@link InvalidStateError}: Python's `concurrent.futures.Error`. */
export class FuturesError extends Error {
  declare readonly code: string;
}
identify(FuturesError, 'FuturesError', 'ERR_FUTURES');

/** The future was cancelled. Not asyncio's `CancelledError`, which is a request to the task that meets it. */
export class CancelledError extends FuturesError {}
identify(CancelledError, 'CancelledError', 'ERR_FUTURE_CANCELLED');

/** The operation does not fit the state of the future. */
export class InvalidStateError extends FuturesError {}
identify(InvalidStateError, 'InvalidStateError', 'ERR_FUTURE_STATE');

/** The executor cannot run anything any more; `cause` tells what happened to its worker. */
export class BrokenExecutor extends RuntimeError {}
identify(BrokenExecutor, 'BrokenExecutor', 'ERR_BROKEN_EXECUTOR');

/** A worker thread ended when nobody had asked it to, or its initializer failed. */
export class BrokenThreadPool extends BrokenExecutor {}
identify(BrokenThreadPool, 'BrokenThreadPool', 'ERR_BROKEN_THREAD_POOL');

/** The same for an `InterpreterPoolExecutor`. */
export class BrokenInterpreterPool extends BrokenThreadPool {}
identify(BrokenInterpreterPool, 'BrokenInterpreterPool', 'ERR_BROKEN_INTERPRETER_POOL');

/** A worker process ended when nobody had asked it to, or its initializer failed. */
export class BrokenProcessPool extends BrokenExecutor {}
identify(BrokenProcessPool, 'BrokenProcessPool', 'ERR_BROKEN_PROCESS_POOL');
