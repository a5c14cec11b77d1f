/** Promises of other makes: how to wait for one so that a cancellation gets through. */

import type { EventLoop } from './base-events.js';
import { currentFiber } from './cancellation.js';
import { type Coro, Coroutine, isThenable } from './coroutines.js';
import { current, liveScope } from './current.js';
import { getEventLoop } from './events.js';
import { RuntimeError } from './exceptions.js';
import { type Fiber, leftoversOf, type Scope } from './fibers.js';
import { Future } from './futures.js';
import {
  type AbortControllerLike,
  type AbortSignalLike,
  AbortSource,
  newAbortController,
  type PlatformAbortSignal,
} from './signals.js';

/**
 * A future that follows a promise. Cancelling it stops the wait, and aborts `abort` if one is given; the promise itself
 * cannot be stopped, and what it brings later is dropped.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * const never = new Promise(() => {});
 * await asyncio.run(async () => {
 *   try {
 *     await asyncio.waitFor(asyncio.wrapPromise(never), 0.01);
 *   } catch (error) {
 *     console.log((error as Error).name); //=> TimeoutError
 *   }
 * });
 * ```
 */
export function wrapPromise<T>(
  promise: PromiseLike<T>,
  options: { abort?: AbortControllerLike | undefined; loop?: EventLoop | undefined } = {},
): Future<T> {
  if (!isThenable(promise)) {
    throw new TypeError(`Cannot wrap ${String(promise)}: expected a promise`);
  }
  const future = new PromiseFuture<T>(options.loop ?? getEventLoop(), options.abort);
  Promise.resolve(promise).then(
    (value) => {
      if (future.done() || future._loop.isClosed()) return;
      future.setResult(value);
    },
    (error) => {
      if (future.done() || future._loop.isClosed()) return;
      future.setException(error);
    },
  );
  return future;
}

class PromiseFuture<T> extends Future<T> {
  readonly #abort: AbortControllerLike | undefined;

  constructor(loop: EventLoop, abort: AbortControllerLike | undefined) {
    super({ loop });
    this.#abort = abort;
  }

  override _typeName(): string {
    return 'Future';
  }

  override cancel(message?: unknown): boolean {
    const cancelled = super.cancel(message);
    if (cancelled) this.#abort?.abort(this._makeCancelledError());
    return cancelled;
  }
}

/**
 * The abort signal of the code that runs: it is aborted when its task is cancelled, or when a timeout or group around
 * it cancels just this part of the task. Pass it to whatever knows abort signals.
 *
 * Who listens is taken to have heard, and the code is not cancelled a second time, if it goes on within two turns of the platform's
 * loop; what takes longer to give up is followed by the CancelledError of the next `await` of ours.
 *
 * @throws RuntimeError outside a task.
 * @example
 * ```ts
 * import { setTimeout as delay } from 'node:timers/promises';
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   const task = asyncio.createTask(async () => {
 *     await delay(60_000, undefined, { signal: asyncio.currentSignal() });
 *   });
 *   await asyncio.sleep(0);
 *   task.cancel();
 *   await asyncio.wait([task]);
 *   console.log(task.cancelled()); //=> true
 * });
 * ```
 */
export function currentSignal(): PlatformAbortSignal {
  const fiber = currentFiber();
  if (fiber === null) throw new RuntimeError('currentSignal() should be used inside a task');
  return signalOf(fiber, current.fiber === null ? liveScope() : fiber._scope) as PlatformAbortSignal;
}

/** The signal of `frame`, or of a fiber's plain code where there is no frame. */
function signalOf(fiber: Fiber, frame: Scope | null): AbortSignalLike {
  const scope = frame ?? leftoversOf(fiber);
  scope._abort ??= new AbortSource();
  if (scope._mustCancel) scope._tellLater();
  return scope._abort.take(scope._loop._host);
}

type FetchArguments = typeof globalThis extends { fetch: (...args: infer A) => unknown }
  ? A
  : readonly unknown[];
type FetchResponse = typeof globalThis extends { fetch: (...args: never[]) => Promise<infer R> }
  ? R
  : unknown;

/**
 * The platform's `fetch`, cancellable: when the task that waits for it is cancelled or times out, the request is aborted.
 * So is the reading of the body (`response.text()`), in the function that waited for the `Response` and in those that it calls. Where
 * another task is to read it, pass that task's `{ signal: currentSignal() }`: a `signal` of your own, in the options or in a `Request`,
 * works as ever.
 *
 * *Suspends* until the response's headers are there. *Cancellation* aborts the request, and later the reading of its body.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   const response = await asyncio.timeout('5s').run(() => asyncio.fetch('data:text/plain,hello'));
 *   console.log(response.status); //=> 200
 * });
 * ```
 */
export function fetch(...args: FetchArguments): Coroutine<FetchResponse> {
  return new Coroutine(fetching(args), 'fetch');
}

interface AbortSignalClass {
  any(signals: readonly AbortSignalLike[]): AbortSignalLike;
}

type SignalTarget = { readonly signal?: AbortSignalLike | null } | null | undefined;

function* fetching(args: readonly unknown[]): Coro<FetchResponse> {
  const platformFetch = (
    globalThis as unknown as { fetch: (...args: readonly unknown[]) => Promise<FetchResponse> }
  ).fetch;
  const [input, init] = args as [SignalTarget, SignalTarget];
  const fiber = current.fiber as Fiber;
  const abort = newAbortController();
  // Whoever waits for the headers reads the body next, under the signal of its own frame. Theirs goes on to work as well.
  const signals = [abort.signal, signalOf(fiber, fiber._within)];
  const theirs = init?.signal ?? input?.signal;
  if (theirs) signals.push(theirs);
  const signal = (abort.signal.constructor as unknown as AbortSignalClass).any(signals);
  return yield* wrapPromise(platformFetch(input, { ...init, signal }), { abort });
}
