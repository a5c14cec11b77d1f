/** The messages of channels, as an async iterator. */

import * as asyncio from 'tsyncio';

export interface Message {
  readonly channel: string;
  /** The pattern that it matched, where patterns were subscribed to. */
  readonly pattern: string | null;
  readonly data: Buffer;
  /** The same as UTF-8. */
  readonly text: string;
}

/**
 * Who reads it slowly falls behind, and when that is too far it ends with an error: the connection is shared, so it cannot be
 * held back, and what is not bounded grows without end.
 */
export class Subscription implements AsyncIterableIterator<Message> {
  readonly #messages: asyncio.Queue<Message>;
  readonly #leave: () => asyncio.Coro<void>;
  #failure: Error | null = null;
  #left = false;

  constructor(backlog: number, leave: () => asyncio.Coro<void>) {
    this.#messages = new asyncio.Queue(backlog);
    this.#leave = leave;
  }

  /** Something was published. */
  deliver(message: Message): void {
    if (this.#failure !== null || this.#left) return;
    if (this.#messages.full()) {
      this.fail(
        new asyncio.RuntimeError(
          `Cannot go on with the subscription: more than ${this.#messages.maxsize} messages are not read`,
        ),
      );
      return;
    }
    this.#messages.putNowait(message);
  }

  /** What has come is still given, then the error. */
  fail(failure: Error): void {
    this.#failure ??= failure;
    this.#messages.shutdown();
  }

  /** The next message. *Cancellation* loses none. */
  next(): Promise<IteratorResult<Message, undefined>> {
    return this.#next();
  }

  async #next(): Promise<IteratorResult<Message, undefined>> {
    try {
      return { value: await this.#messages.get(), done: false };
    } catch (error) {
      if (!(error instanceof asyncio.QueueShutDown)) throw error;
      if (this.#failure !== null && !this.#left) throw this.#failure;
      return { value: undefined, done: true };
    }
  }

  /** Unsubscribes. */
  async return(): Promise<IteratorResult<Message, undefined>> {
    await this.close();
    return { value: undefined, done: true };
  }

  close(): asyncio.Coroutine<void> {
    return new asyncio.Coroutine(this.#close(), 'close');
  }

  *#close(): asyncio.Coro<void> {
    if (this.#left) return;
    this.#left = true;
    this.#messages.shutdown(true);
    yield* this.#leave();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
