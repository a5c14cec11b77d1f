/**
 * Calls of `node:fs` as something that a task can wait for.
 *
 * The kernel's work on a file cannot be interrupted. So a call that is cancelled goes on in its thread, and what becomes
 * of its outcome is decided by whoever made it: see `abandoned`.
 */

import { type Coro, Future, getRunningLoop, isCancelledError } from '../core/index.js';
import { fileError } from './file-errors.js';

/** Node has loaded it by itself, so that this costs nothing. */
export const fs: typeof import('node:fs') = process.getBuiltinModule('node:fs');

/** What a call of `node:fs` gets as its last argument. */
export type Callback<T> = (error: NodeJS.ErrnoException | null, value: T) => void;

/**
 * Makes a call and waits for it. *Cancellation* stops the wait; `abandoned` is then told what the call brings.
 *
 * @param path the file, for the message of an error where Node does not tell
 */
export function* call<T>(
  path: string,
  begin: (callback: Callback<T>) => void,
  abandoned?: (value: T) => void,
): Coro<T> {
  const loop = getRunningLoop();
  const future = new Future<Outcome<T>>({ loop });
  let outcome: Outcome<T> | null = null;
  begin((error, value) => {
    if (future.done() || loop.isClosed()) {
      if (!error) abandoned?.(value);
    } else {
      outcome = { error, value };
      future.setResult(outcome);
    }
  });
  try {
    return unwrap(path, yield* future);
  } catch (error) {
    // The cancellation may have come between the end of the call and this step.
    const late = outcome as Outcome<T> | null;
    if (isCancelledError(error) && late !== null && !late.error) abandoned?.(late.value);
    throw error;
  }
}

interface Outcome<T> {
  readonly error: NodeJS.ErrnoException | null | undefined;
  readonly value: T;
}

function unwrap<T>(path: string, outcome: Outcome<T>): T {
  if (outcome.error) throw fileError(outcome.error, path);
  return outcome.value;
}

/**
 * The same for what must not be left half done (closing, renaming): a cancellation is held back until the call has ended,
 * and comes out then; `abandoned` is told what the call has brought.
 */
export function* callToTheEnd<T>(
  path: string,
  begin: (callback: Callback<T>) => void,
  abandoned?: (value: T) => void,
): Coro<T> {
  const loop = getRunningLoop();
  let outcome: Outcome<T> | null = null;
  let waiting: Future<void> | null = null;
  begin((error, value) => {
    outcome = { error, value };
    if (waiting !== null && !waiting.done() && !loop.isClosed()) waiting.setResult();
  });
  let cancellation: unknown = null;
  while (outcome === null) {
    waiting = new Future<void>({ loop });
    try {
      yield* waiting;
    } catch (error) {
      if (!isCancelledError(error)) throw error;
      cancellation ??= error;
    }
  }
  const { error, value } = outcome as Outcome<T>;
  if (cancellation === null) return unwrap(path, outcome);
  if (!error) abandoned?.(value);
  throw cancellation;
}
