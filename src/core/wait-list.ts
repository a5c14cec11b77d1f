/**
 * Who waits in line for a lock, an event or a place in a queue: futures in a linked list, so that a cancelled one
 * leaves in O(1), however many wait.
 *
 * A future stays in the list until its task has resumed, also when it is done already: fairness depends on it.
 */

import type { EventLoop } from './base-events.js';
import { getRunningLoop } from './events.js';
import { RuntimeError } from './exceptions.js';
import { CANCELLED, FINISHED, Future, PENDING } from './futures.js';

/** A future that stands in a list. @internal */
export class ListedFuture extends Future<unknown> {
  _list: WaitList | null = null;
  _before: ListedFuture | null = null;
  _after: ListedFuture | null = null;

  override _typeName(): string {
    return 'Future';
  }

  override cancel(message?: unknown): boolean {
    const cancelled = super.cancel(message);
    if (cancelled && this._list !== null) this._list._live -= 1;
    return cancelled;
  }
}

/** @internal */
export class WaitList {
  _first: ListedFuture | null = null;
  _last: ListedFuture | null = null;
  /** Every future before this one is done. */
  _cursor: ListedFuture | null = null;
  _length = 0;
  /** How many in the list are not cancelled. */
  _live = 0;

  get length(): number {
    return this._length;
  }

  get first(): ListedFuture | null {
    return this._first;
  }

  /** A new pending future at the end of the line. */
  add(loop: EventLoop): ListedFuture {
    const future = new ListedFuture({ loop });
    future._list = this;
    future._before = this._last;
    if (this._last === null) this._first = future;
    else this._last._after = future;
    this._last = future;
    this._cursor ??= future;
    this._length += 1;
    this._live += 1;
    return future;
  }

  /** Takes a future out. `false` when it was out already. */
  remove(future: ListedFuture): boolean {
    if (future._list !== this) return false;
    const { _before: before, _after: after } = future;
    if (before === null) this._first = after;
    else before._after = after;
    if (after === null) this._last = before;
    else after._before = before;
    if (this._cursor === future) this._cursor = after;
    future._list = null;
    future._before = null;
    future._after = null;
    this._length -= 1;
    if (future._status !== CANCELLED) this._live -= 1;
    return true;
  }

  /** The first future that is still pending. */
  nextPending(): ListedFuture | null {
    let future = this._cursor;
    while (future !== null && future._status !== PENDING) future = future._after;
    this._cursor = future;
    return future;
  }

  /** Completes the first pending future. `false` when there is none. */
  wakeNext(): boolean {
    const future = this.nextPending();
    if (future === null) return false;
    this._cursor = future._after;
    future._complete(FINISHED, undefined);
    return true;
  }

  /** Completes the head of the line, unless it is done already. */
  wakeFirst(): void {
    const first = this._first;
    if (first !== null && first._status === PENDING) first._complete(FINISHED, undefined);
  }
}

/** Remembers the loop of the first wait of a primitive: it works on one loop only. @internal */
export class LoopBinding {
  _loop: EventLoop | null = null;

  get(owner: object): EventLoop {
    const loop = getRunningLoop();
    if (this._loop === null || this._loop.isClosed()) this._loop = loop;
    else if (this._loop !== loop) throw new RuntimeError(`${owner} is bound to a different event loop`);
    return loop;
  }
}
