/**
 * What runs in this thread right now: the loop, the task and the context.
 *
 * Three sources, in this order. While a handle or a generator step runs synchronously, {@link current} knows. In
 * the microtasks of an async function, the async context names the scope that the code descends from. On
 * platforms without async context, `current.nativeScope` is set for the length of a native step.
 *
 * A scope says "descends from", not "is a step of": an HTTP handler that a task registered still sees the task
 * after it has ended. So only a scope whose task is unfinished counts.
 */

import type { EventLoop } from './base-events.js';
import type { Context } from './contextvars.js';
import type { Fiber, Scope } from './fibers.js';
import type { AsyncContext } from './host.js';

/** @internal */
export const current: {
  /** The loop whose handle runs. */
  loop: EventLoop | null;
  /** The fiber whose generators run. */
  fiber: Fiber | null;
  /** The context that was entered. */
  context: Context | null;
  /** The scope whose native step is under way, on platforms without async context. */
  nativeScope: Scope | null;
  /** Awaits that have read `then` since the native step began, and whose `then` is not called yet. */
  announced: number;
} = { loop: null, fiber: null, context: null, nativeScope: null, announced: 0 };

let asyncContext: AsyncContext | null = null;

/** Switches async context on: from now on native frames and loops carry their scope in it. @internal */
export function enableAsyncContext(provider: AsyncContext): void {
  asyncContext = provider;
}

/** The async context, once it is in use. @internal */
export function activeAsyncContext(): AsyncContext | null {
  return asyncContext;
}

function anyScope(): Scope | null {
  return asyncContext === null ? current.nativeScope : (asyncContext.getScope() ?? current.nativeScope);
}

/** The scope in which the running native code awaits, if its task is still alive. @internal */
export function liveScope(): Scope | null {
  let scope = anyScope();
  if (scope === null || scope._task === null || scope._task.done()) return null;
  while (scope._closed && scope._outer !== null) scope = scope._outer;
  return scope._closed ? scope._task._leftoverScope() : scope;
}

/** The loop of the async context, also of a scope whose task has ended. @internal */
export function contextLoop(): EventLoop | null {
  return anyScope()?._loop ?? null;
}
