/** Coroutines that mostly have their value at once (a line out of a buffer), and only sometimes must wait for it. */

import { CLOSED, type Coro, LeafCoroutine, type Suspension } from './coroutines.js';

/** What {@link ReadyCoroutine.attempt} gives when the value is not there yet. */
export const NOT_READY: unique symbol = Symbol('not ready') as never;

/**
 * A coroutine in two parts: `attempt()` gives the value without waiting, if it can; only otherwise does `work()` make a
 * generator, which waits. What is in a buffer costs neither a generator nor an iteration of the loop.
 */
export abstract class ReadyCoroutine<T> extends LeafCoroutine<T> {
  /** @internal */
  _work: Coro<T> | null;

  constructor() {
    super();
    this._work = null;
  }

  /** The value, or `NOT_READY`. It must leave everything as it was unless it gives the value. */
  protected abstract attempt(): T | typeof NOT_READY;

  /** The long way, which waits. Called once, in the very step in which `attempt()` failed. */
  protected abstract work(): Coro<T>;

  protected override _start(): IteratorResult<Suspension, T> {
    const value = this.attempt();
    if (value !== NOT_READY) {
      this._state = CLOSED;
      return { value, done: true };
    }
    this._work = this.work();
    return this._follow(this._work.next());
  }

  protected override _resume(value: unknown): IteratorResult<Suspension, T> {
    return this._follow((this._work as Coro<T>).next(value));
  }

  protected override _abort(error: unknown): IteratorResult<Suspension, T> {
    return this._follow((this._work as Coro<T>).throw(error));
  }

  /** @internal */
  _follow(result: IteratorResult<Suspension, T>): IteratorResult<Suspension, T> {
    if (result.done === true) this._state = CLOSED;
    return result;
  }
}
