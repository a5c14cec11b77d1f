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

/** An operation that may have to stand in a line. @internal */
export abstract class LineWait<T> extends Operation<T> {
  _before: LineWait<unknown> | null;
  _after: LineWait<unknown> | null;

  constructor() {
    super();
    this._before = null;
    this._after = null;
  }

  /** The line that it stands in when it waits. */
  abstract get _line(): WaitList;

  /** The result of a step that waits at the end of the line. */
  protected _queueUp(): IteratorResult<Suspension, never> {
    const suspension = this._wait();
    this._line.add(this);
    return suspension;
  }

  protected _finish(): IteratorResult<Suspension, true> {
    this._state = CLOSED;
    return RETURN_TRUE as IteratorResult<Suspension, true>;
  }

  override _drop(message: unknown): boolean {
    const dropped = super._drop(message);
    if (dropped) this._line.noteDropped(this);
    return dropped;
  }
}

/** @internal */
export class WaitList {
  _first: LineWait<unknown> | null = null;
  _last: LineWait<unknown> | null = null;
  /** Nobody before this one waits any more. */
  _cursor: LineWait<unknown> | null = null;
  _length = 0;
  /** How many in the list are not cancelled. */
  _live = 0;

  get length(): number {
    return this._length;
  }

  get first(): LineWait<unknown> | null {
    return this._first;
  }

  /** Puts one that waits at the end of the line. */
  add(wait: LineWait<unknown>): void {
    const last = this._last;
    wait._before = last;
    if (last === null) this._first = wait;
    else last._after = wait;
    this._last = wait;
    this._cursor ??= wait;
    this._length += 1;
    this._live += 1;
  }

  has(wait: LineWait<unknown>): boolean {
    return wait._before !== null || this._first === wait;
  }

  /** Takes one out. `false` when it was out already. */
  remove(wait: LineWait<unknown>): boolean {
    if (!this.has(wait)) return false;
    const { _before: before, _after: after } = wait;
    if (before === null) this._first = after;
    else before._after = after;
    if (after === null) this._last = before;
    else after._before = before;
    if (this._cursor === wait) this._cursor = after;
    wait._before = null;
    wait._after = null;
    this._length -= 1;
    if (wait._state !== DROPPED) this._live -= 1;
    return true;
  }

  /** One in the list was cancelled; it leaves when its task has resumed. */
  noteDropped(wait: LineWait<unknown>): void {
    if (this.has(wait)) this._live -= 1;
  }

  /** The first that still waits. */
  nextPending(): LineWait<unknown> | null {
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
