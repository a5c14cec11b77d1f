/** Futures of a loop whose outcome comes from outside of it, such as the result of an executor's call. */

import { Future, type FutureOptions } from './futures.js';

/**
 * A future that stands in its loop's ready queue itself when its outcome has come: one object for each wait, where a
 * callback, its handle and its context would be three more.
 */
export abstract class ArrivingFuture<T> extends Future<T> {
  /** Whether its next turn in the ready queue is that of the outcome. */
  _arriving: boolean;

  constructor(options?: FutureOptions) {
    super(options);
    this._arriving = false;
  }

  /** Completes this future, when the loop's turn for it has come. */
  protected abstract takeOutcome(): void;

  /** Told by the loop, soon after this future was cancelled. */
  protected abstract wasCancelled(): void;

  /** The outcome is there. Nothing happens when this future is done already, or its loop closed. */
  protected arrive(): void {
    if (this._arriving || this.done() || this._loop.isClosed()) return;
    this._arriving = true;
    this._loop._push(this);
  }

  override cancel(message?: unknown): boolean {
    if (!this.done()) this._loop._checkClosed();
    if (!super.cancel(message)) return false;
    this._loop.callSoon(() => this.wasCancelled());
    return true;
  }

  /** @internal */
  override _run(): void {
    if (!this._arriving) {
      super._run(); // somebody asked for a notice of the completion
      return;
    }
    this._arriving = false;
    if (!this.done()) this.takeOutcome();
  }

  /** @internal */
  override _typeName(): string {
    return 'Future';
  }
}
