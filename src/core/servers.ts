/** The contract of servers. */

import type { EventLoop } from './base-events.js';
import { type AsyncContextManager, aenter, aexit } from './context-managers.js';
import { type Coro, Coroutine } from './coroutines.js';

/** What listens for connections. Source: `asyncio.AbstractServer`. */
export abstract class AbstractServer implements AsyncContextManager<AbstractServer> {
  /** Stops listening. Connections stay open. Twice is no error. */
  abstract close(): void;

  /** Closes the transport of every open connection. */
  abstract closeClients(): void;

  /** Closes them at once: what is buffered is lost. */
  abstract abortClients(): void;

  abstract getLoop(): EventLoop;

  /** Whether it accepts connections. */
  abstract isServing(): boolean;

  /** Begins to accept connections. Twice is no error. */
  abstract startServing(): Coroutine<void>;

  /** Accepts connections until it is cancelled, and closes the server then. */
  abstract serveForever(): Coroutine<never>;

  /** Waits until the server is closed and every connection is gone. */
  abstract waitClosed(): Coroutine<void>;

  [aenter](): Coroutine<this> {
    return new Coroutine(entered(this), 'aenter');
  }

  [aexit](): Coroutine<void> {
    this.close();
    return this.waitClosed();
  }

  /** `await using`: {@link close}, then {@link waitClosed}. */
  [Symbol.asyncDispose](): PromiseLike<void> {
    this.close();
    return this.waitClosed();
  }
}

function* entered<S>(server: S): Coro<S> {
  return server;
}
