/**
 * Who waits in line for a lock, an event or a place in a queue: operations in a linked list, so that a cancelled one
 * leaves in O(1), however many wait.
 *
 * One that was woken stays in the list until its task has resumed: fairness depends on it.
 */

import type { EventLoop } from './base-events.js';
import { CLOSED, RETURN_TRUE, type Suspension } from './coroutines.js';
import { getRunningLoop } from './events.js';
import { RuntimeError } from './exceptions.js';
import { DROPPED, Operation, WAITING } from './operations.js';

/** What has a line of those who wait for it. */
interface Owner {
  readonly _waiters: WaitList;
  readonly _binding: LoopBinding;
}

/** An operation that may have to stand in a line. @internal */
export abstract class LineWait<T, O extends object = Owner> extends Operation<T> {
  readonly _owner: O;
  _before: LineWait<unknown, object> | null;
  _after: LineWait<unknown, object> | null;

  constructor(owner: O) {
    super();
    this._owner = owner;
    this._before = null;
    this._after = null;
  }

  /** The line that it stands in when it waits. */
  get _line(): WaitList {
    return (this._owner as unknown as Owner)._waiters;
  }

  /** The result of a step that waits at the end of the line. */
  protected _queueUp(): IteratorResult<Suspension, never> {
    (this._owner as unknown as Owner)._binding.check(this._owner);
    const suspension = this._wait();
    this._line.add(this);
    return suspension;
  }

  /** It waits no more. */
  protected _leave(): void {
    this._line.remove(this);
    this._state = CLOSED;
  }

  protected override _resume(): IteratorResult<Suspension, T> {
    this._leave();
    return RETURN_TRUE as IteratorResult<Suspension, never>;
  }

  protected override _abort(error: unknown): never {
    this._leave();
    throw error;
  }

  override _drop(message: unknown): boolean {
    const dropped = super._drop(message);
    if (dropped) this._line._live -= 1;
    return dropped;
  }
}

/** @internal */
export class WaitList {
  _first: LineWait<unknown, object> | null = null;
  _last: LineWait<unknown, object> | null = null;
  /** Nobody before this one waits any more. */
  _cursor: LineWait<unknown, object> | null = null;
  _length = 0;
  /** How many in the list are not cancelled. */
  _live = 0;

  /** Puts one that waits at the end of the line. */
  add(wait: LineWait<unknown, object>): void {
    const last = this._last;
    wait._before = last;
    if (last === null) this._first = wait;
    else last._after = wait;
    this._last = wait;
    this._cursor ??= wait;
    this._length += 1;
    this._live += 1;
  }

  /** Takes one out, unless it was out already. */
  remove(wait: LineWait<unknown, object>): void {
    const { _before: before, _after: after } = wait;
    if (before === null && this._first !== wait) return;
    if (before === null) this._first = after;
    else before._after = after;
    if (after === null) this._last = before;
    else after._before = before;
    if (this._cursor === wait) this._cursor = after;
    wait._before = null;
    wait._after = null;
    this._length -= 1;
    if (wait._state !== DROPPED) this._live -= 1;
  }

  /** The first that still waits. */
  nextPending(): LineWait<unknown, object> | null {
    let wait = this._cursor;
    while (wait !== null && wait._state !== WAITING) wait = wait._after;
    this._cursor = wait;
    return wait;
  }

  /** Wakes the first that still waits. `false` when there is none. */
  wakeNext(): boolean {
    const wait = this.nextPending();
    if (wait === null) return false;
    this._cursor = wait._after;
    wait._wake();
    return true;
  }

  /** Wakes the head of the line, unless that was told something already. */
  wakeFirst(): void {
    const first = this._first;
    if (first !== null && first._state === WAITING) first._wake();
  }
}

/** Remembers the loop of the first wait of a primitive: it works on one loop only. @internal */
export class LoopBinding {
  _loop: EventLoop | null = null;

  check(owner: object): void {
    const loop = getRunningLoop();
    if (this._loop === loop) return;
    if (this._loop === null || this._loop.isClosed()) this._loop = loop;
    else throw new RuntimeError(`${owner} is bound to a different event loop`);
  }
}
