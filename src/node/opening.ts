/** What opens something: to be awaited for the thing itself, or entered as a context manager that closes it again. */

import { type AsyncContextManager, aenter, aexit, type Coro, Coroutine } from '../core/index.js';

/** What can be closed. */
export interface Closable {
  close(): Coroutine<void>;
}

/**
 * A coroutine that opens something, and `async with` of it in one: `await using x = await open(…)`, or
 * `withAsync(open(…), (x) => …)`.
 */
export class Opening<T extends Closable, V = T> extends Coroutine<T> implements AsyncContextManager<V> {
  #opened: T | null = null;
  readonly #value: (opened: T) => V;

  /** @param value what the block is given; the thing itself by default */
  constructor(source: Coro<T>, name: string, value: (opened: T) => V = (opened) => opened as unknown as V) {
    super(source, name);
    this.#value = value;
  }

  [aenter](): Coroutine<V> {
    return new Coroutine(this.#entering(), 'aenter');
  }

  *#entering(): Coro<V> {
    this.#opened = yield* this;
    return this.#value(this.#opened);
  }

  [aexit](): Coroutine<void> {
    return new Coroutine(this.#exiting(), 'aexit');
  }

  *#exiting(): Coro<void> {
    const opened = this.#opened;
    this.#opened = null;
    if (opened !== null) yield* opened.close();
  }
}
