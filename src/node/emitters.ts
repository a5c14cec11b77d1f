/** Events of Node's emitters and of the web's targets, as something to wait for: `once()` and `on()`. */

import {
  type AsyncIteration,
  type Coro,
  Coroutine,
  type EventLoop,
  Future,
  getRunningLoop,
  type PlatformAbortSignal,
} from '../core/index.js';

// biome-ignore lint/suspicious/noExplicitAny: emitters and targets of every make have to fit, whatever their listeners take
type AnyListener = (...args: any[]) => void;

/** Something like Node's `EventEmitter`. */
export interface EmitterLike {
  on(event: string | symbol, listener: AnyListener): unknown;
  removeListener(event: string | symbol, listener: AnyListener): unknown;
}

/** Something like the web's `EventTarget`. */
export interface EventTargetLike {
  addEventListener(type: string, listener: AnyListener): void;
  removeEventListener(type: string, listener: AnyListener): void;
}

/** How {@link once} waits. */
export interface OnceOptions {
  /** Ends the wait with the signal's reason. A cancellation of the task needs no signal. */
  signal?: PlatformAbortSignal | undefined;
}

/** How {@link on} listens. */
export interface OnOptions extends OnceOptions {
  /** Events that end the iteration: `['end', 'close']`. */
  close?: readonly string[] | undefined;
  /** With so many events waiting, `pause()` of the emitter is called, if it has one; `resume()` at a quarter of it. Never, unless told. */
  highWaterMark?: number | undefined;
}

type Listener = (...args: unknown[]) => void;

/** Listeners that are removed together. */
class Listening {
  readonly #removals: (() => void)[] = [];

  add(source: EmitterLike | EventTargetLike, event: string | symbol, listener: Listener): void {
    if (isEmitter(source)) {
      source.on(event, listener);
      this.#removals.push(() => source.removeListener(event, listener));
    } else {
      source.addEventListener(event as string, listener);
      this.#removals.push(() => source.removeEventListener(event as string, listener));
    }
  }

  remove(): void {
    for (const remove of this.#removals.splice(0)) remove();
  }
}

function isEmitter(source: unknown): source is EmitterLike {
  return (
    typeof (source as EmitterLike | null)?.on === 'function' &&
    typeof (source as EmitterLike).removeListener === 'function'
  );
}

function check(source: unknown, event: unknown): void {
  if (!isEmitter(source) && typeof (source as EventTargetLike | null)?.addEventListener !== 'function') {
    throw new TypeError(`Cannot listen to ${String(source)}: expected an EventEmitter or an EventTarget`);
  }
  if (typeof event !== 'string' && typeof event !== 'symbol') {
    throw new TypeError(`Cannot listen: expected the name of an event, got ${String(event)}`);
  }
}

/** The future of an event: whoever cancels it stops listening. */
class EventFuture<A> extends Future<A> {
  readonly #listening: Listening;

  constructor(loop: EventLoop, listening: Listening) {
    super({ loop });
    this.#listening = listening;
  }

  override cancel(message?: unknown): boolean {
    this.#listening.remove();
    return super.cancel(message);
  }

  settle(failed: boolean, value: unknown): void {
    this.#listening.remove();
    if (this.done() || this.getLoop().isClosed()) return;
    if (failed) this.setException(value);
    else this.setResult(value as A);
  }
}

/**
 * The next event of an emitter or an event target: a future of the listener's arguments. It listens from the call on, so that
 * nothing is missed before it is awaited. An `'error'` of an emitter, unless that is what is waited for, fails it.
 *
 * *Cancellation* stops listening: of the future, or of the task that waits for it. All listeners are removed, whatever
 * happens.
 *
 * @example
 * ```ts
 * import { EventEmitter } from 'node:events';
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   const door = new EventEmitter();
 *   setTimeout(() => door.emit('open', 'front'), 5);
 *   const [which] = await asyncio.timeout('5s').run(() => asyncio.once<[string]>(door, 'open'));
 *   console.log(which, door.listenerCount('open')); //=> front 0
 * });
 * ```
 */
export function once<A extends readonly unknown[] = unknown[]>(
  source: EmitterLike | EventTargetLike,
  event: string | symbol,
  options: OnceOptions = {},
): Future<A> {
  check(source, event);
  const listening = new Listening();
  const future = new EventFuture<A>(getRunningLoop(), listening);
  const { signal } = options as { signal?: AbortSignal };
  if (signal?.aborted === true) {
    future.settle(true, signal.reason);
    return future;
  }
  listening.add(source, event, (...args) => future.settle(false, args));
  if (isEmitter(source) && event !== 'error')
    listening.add(source, 'error', (error) => future.settle(true, error));
  if (signal !== undefined) listening.add(signal, 'abort', () => future.settle(true, signal.reason));
  return future;
}

const END: IteratorResult<never, undefined> = { value: undefined, done: true };

/** The events of an emitter, one after the other: see {@link on}. */
export class EventStream<A extends readonly unknown[]> implements Disposable {
  readonly #source: EmitterLike | EventTargetLike;
  readonly #listening = new Listening();
  readonly #high: number;
  #events: A[] = [];
  #at = 0;
  #failure: { readonly error: unknown } | null = null;
  #closed = false;
  #paused = false;
  readonly #waiters = new Set<Future<void>>();

  /** @internal */
  constructor(source: EmitterLike | EventTargetLike, event: string | symbol, options: OnOptions) {
    this.#source = source;
    this.#high = options.highWaterMark ?? Number.POSITIVE_INFINITY;
    const { signal } = options as { signal?: AbortSignal };
    if (signal?.aborted === true) {
      this.#fail(signal.reason);
      return;
    }
    this.#listening.add(source, event, (...args) => this.#push(args as unknown as A));
    if (isEmitter(source) && event !== 'error')
      this.#listening.add(source, 'error', (error) => this.#fail(error));
    for (const each of options.close ?? []) this.#listening.add(source, each, () => this.close());
    if (signal !== undefined) this.#listening.add(signal, 'abort', () => this.#fail(signal.reason));
  }

  /** How many events have come that nobody has taken. */
  get length(): number {
    return this.#events.length - this.#at;
  }

  /**
   * The next event's arguments. *Suspends* until there is one. *Cancellation* loses nothing, and leaves it listening.
   *
   * @throws the `'error'` of the emitter, once, after the events that came before it.
   */
  next(): Coroutine<IteratorResult<A, undefined>> {
    return new Coroutine(this.#next(), 'next');
  }

  *#next(): Coro<IteratorResult<A, undefined>> {
    for (;;) {
      if (this.length > 0) return { value: this.#take(), done: false };
      const failure = this.#failure;
      if (failure !== null) {
        this.#failure = null;
        throw failure.error;
      }
      if (this.#closed) return END;
      const waiter = new Future<void>({ loop: getRunningLoop() });
      this.#waiters.add(waiter);
      try {
        yield* waiter;
      } finally {
        this.#waiters.delete(waiter);
      }
    }
  }

  #take(): A {
    const event = this.#events[this.#at] as A;
    this.#at += 1;
    if (this.#at === this.#events.length || this.#at === 1024) {
      this.#events = this.#events.slice(this.#at);
      this.#at = 0;
    }
    if (this.#paused && this.length <= this.#high / 4) {
      this.#paused = false;
      (this.#source as { resume?(): unknown }).resume?.();
    }
    return event;
  }

  #push(event: A): void {
    this.#events.push(event);
    if (!this.#paused && this.length >= this.#high) {
      this.#paused = true;
      (this.#source as { pause?(): unknown }).pause?.();
    }
    this.#wake();
  }

  #fail(error: unknown): void {
    this.#failure = { error };
    this.close();
  }

  #wake(): void {
    for (const waiter of this.#waiters) {
      if (!waiter.done() && !waiter.getLoop().isClosed()) waiter.setResult();
    }
  }

  /** Stops listening. Events that have come are still given. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listening.remove();
    this.#wake();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** For `for await`: when the loop is left, by `break`, an error or a cancellation, it stops listening. */
  [Symbol.asyncIterator](): EventIterator<A> & AsyncIterator<A, undefined> {
    return new EventIterator(this) as never;
  }
}

/** One `for await` over an {@link EventStream}. */
class EventIterator<A extends readonly unknown[]> implements AsyncIteration<A> {
  readonly #stream: EventStream<A>;

  constructor(stream: EventStream<A>) {
    this.#stream = stream;
  }

  next(): Coroutine<IteratorResult<A, undefined>> {
    return new Coroutine(this.#next(), 'next');
  }

  // JavaScript does not call return() when it was next() that threw.
  *#next(): Coro<IteratorResult<A, undefined>> {
    try {
      return yield* this.#stream.next();
    } catch (error) {
      this.#stream.close();
      throw error;
    }
  }

  async return(): Promise<IteratorResult<A, undefined>> {
    this.#stream.close();
    return END;
  }

  [Symbol.asyncIterator](): this & AsyncIterator<A, undefined> {
    return this as never;
  }
}

/**
 * The events of an emitter or an event target, from the call on. What comes while nobody waits is kept in order. An
 * `'error'` of an emitter ends the iteration with it.
 *
 * `for await` stops listening however it is left. In a generator coroutine: `using events = on(…)`, and
 * `yield* events.next()` until it is `done`.
 *
 * @example
 * ```ts
 * import { EventEmitter } from 'node:events';
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   const door = new EventEmitter();
 *   setTimeout(() => {
 *     door.emit('knock', 1);
 *     door.emit('knock', 2);
 *     door.emit('close');
 *   }, 5);
 *   for await (const [times] of asyncio.on<[number]>(door, 'knock', { close: ['close'] })) console.log(times);
 *   //=> 1
 *   //=> 2
 * });
 * ```
 */
export function on<A extends readonly unknown[] = unknown[]>(
  source: EmitterLike | EventTargetLike,
  event: string | symbol,
  options: OnOptions = {},
): EventStream<A> {
  check(source, event);
  return new EventStream<A>(source, event, options);
}
