/**
 * Operations: what the library does at the bottom of every stack, and what the task waits for meanwhile, in one object.
 *
 * A task that takes a lock, waits for an event or sleeps could yield a future; but then each wait would make two objects that
 * live equally long. An operation yields itself in its future's place. Its states go on where a coroutine's end: open →
 * waiting → woken or dropped (cancelled) → closed, or waiting again.
 */

import { copyThen, LeafCoroutine, OPEN, type Suspension } from './coroutines.js';
import type { Fiber } from './fibers.js';

/** Its fiber waits for it. @internal */
export const WAITING: number = OPEN + 1;
/** What it waited for has come; its fiber has not resumed yet. @internal */
export const WOKEN: number = OPEN + 2;
/** Cancelled while it waited; its fiber has not resumed yet. @internal */
export const DROPPED: number = OPEN + 3;

/** The result of a step that waits. One object for all: the driver reads it before anything else runs. */
const SUSPENSION: { value: Suspension; done: false } = { value: undefined, done: false };

/** A coroutine that its fiber waits for like for a future. @internal */
export abstract class Operation<T> extends LeafCoroutine<T> {
  /** Who waits, or waited last. The driver fills it in. */
  _fiber: Fiber | null;
  /** The message of the cancellation, where one was given. */
  declare _cancelMessage?: unknown;

  constructor() {
    super();
    this._fiber = null;
  }

  /** The result of a step that waits until {@link _wake}. */
  protected _wait(): IteratorResult<Suspension, never> {
    this._state = WAITING;
    this._fiber = null;
    SUSPENSION.value = this;
    return SUSPENSION;
  }

  /** What it waits for has come: the fiber's next step is due. Only call this while it waits. */
  _wake(): void {
    this._tell(WOKEN);
  }

  /** The fiber was cancelled. `false` when it does not wait any more. */
  _drop(message: unknown): boolean {
    if (this._state !== WAITING) return false;
    if (message !== undefined) this._cancelMessage = message;
    this._tell(DROPPED);
    return true;
  }

  _tell(state: number): void {
    const fiber = this._fiber;
    if (fiber !== null) fiber._loop._checkClosed();
    this._state = state;
    if (fiber !== null) fiber._loop._push(fiber);
  }
}

copyThen(Operation);
