/** `async with`: what it is made of, and `withAsync()`. */

import { type Body, type Coro, Coroutine, checkBody, runBody } from './coroutines.js';

/** The method that enters a context manager: Python's `__aenter__`. */
export const aenter: unique symbol = Symbol.for('tsyncio.aenter') as never;
/** The method that leaves it: Python's `__aexit__`. It is told the block's error, and may replace or suppress it. */
export const aexit: unique symbol = Symbol.for('tsyncio.aexit') as never;

/** Something that `async with` could enter in Python. `V`: what the block gets; `S`: whether an error may be suppressed. */
// biome-ignore lint/suspicious/noConfusingVoidType: a manager that never suppresses returns nothing
export interface AsyncContextManager<V, S extends boolean | void = boolean | void> {
  [aenter](): Coroutine<V>;
  /** `error` is `undefined` when the block ended normally. A coroutine of `true` suppresses the error. */
  [aexit](error: { readonly value: unknown } | undefined): Coroutine<S>;
}

/**
 * Python's `async with manager as value: body(value)`, with its exact order of events.
 *
 * Gives what the body gives, or `undefined` when the manager suppressed an error, which few do.
 *
 * *Suspends* as the manager and the body do. *Cancellation* reaches the body; the manager's exit always runs.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   const lock = new asyncio.Lock();
 *   await asyncio.withAsync(lock, async () => console.log(lock.locked())); //=> true
 *   console.log(lock.locked()); //=> false
 * });
 * ```
 */
// biome-ignore lint/suspicious/noConfusingVoidType: as above
export function withAsync<V, T, S extends boolean | void = boolean | void>(
  manager: AsyncContextManager<V, S>,
  body: Body<T, [V]>,
): Coroutine<T | (true extends S ? undefined : never)>;
export function withAsync<V, T>(
  manager: AsyncContextManager<V>,
  body: Body<T, [V]>,
): Coroutine<T | undefined> {
  if (typeof manager?.[aenter] !== 'function' || typeof manager[aexit] !== 'function') {
    throw new TypeError(`Cannot enter ${String(manager)}: it is not an asynchronous context manager`);
  }
  checkBody(body);
  return new Coroutine(entering(manager, body), 'withAsync');
}

/** The same as a generator, for the library's own scopes. @internal */
export function* entering<V, T>(manager: AsyncContextManager<V>, body: Body<T, [V]>): Coro<T | undefined> {
  const value = yield* manager[aenter]();
  let result: T;
  try {
    result = yield* runBody(body, value);
  } catch (error) {
    if ((yield* manager[aexit]({ value: error })) === true) return undefined;
    throw error;
  }
  yield* manager[aexit](undefined);
  return result;
}
