/**
 * Cancellation: how a request finds its way through a task, and how requests are counted.
 *
 * A request goes down the tree of fibers to where somebody waits. It is counted at the fiber that it was made to: the
 * task, or a flow of it that a timeout or a group holds. What concerns a flow is the sum of its own requests and those of
 * every fiber around it; with one flow, that is CPython's count.
 */

import { current, liveScope } from './current.js';
import { CancelledError } from './exceptions.js';
import type { Fiber, Flow, Scope } from './fibers.js';
import { Future, type FutureLike } from './futures.js';
import { Operation } from './operations.js';

/** A CancelledError with the message of a request, if it has one. @internal */
export function cancelledError(message: unknown): CancelledError {
  return message === undefined || message === null ? new CancelledError() : new CancelledError(message);
}

/** Whether the code that runs is a part of `scope`'s own frame, not of a flow awaited in it. @internal */
export function runsIn(scope: Scope): boolean {
  const { fiber } = current;
  if (fiber !== null) return fiber._scope === scope;
  return current.loop === null && scope._loop._native === scope._task && liveScope() === scope;
}

/** Carries a cancellation to where `fiber` waits. Counting is the caller's business. @internal */
export function deliver(fiber: Fiber, message: unknown): void {
  // Chains of native frames, and of tasks that wait for each other, may be thousands long: they are followed in a loop.
  let followed: Set<Fiber> | null = null;
  for (let each = fiber; ; ) {
    const leftovers = each._leftovers;
    if (leftovers !== null) {
      leftovers._cancelFlows(message);
      leftovers._abort?.abort(cancelledError(message), each._loop._host);
    }
    const scope = each._scope;
    if (scope === null) {
      const waiter = each._waiter;
      let next: Fiber | null | undefined = null;
      if (waiter instanceof Operation) {
        if (waiter._drop(message)) return;
      } else if (waiter !== null) {
        next = waiter._requestCancel?.(message);
        if (next === undefined) {
          if (waiter.cancel(message)) return;
          if (waiter._isCancelling === true) {
            cutCircle(each, message);
            return;
          }
        }
      }
      if (next === undefined || next === null) {
        each._mustCancel = true;
        each._cancelMessage = message;
        each._task._cancelMessage = message;
        return;
      }
      followed ??= new Set([fiber]);
      if (followed.has(next)) {
        cutCircle(each, message);
        return;
      }
      followed.add(next);
      each = next;
      continue;
    }
    const only = scope._first;
    if (only === null || only._next !== null || scope._abort !== null || runsIn(scope)) {
      scope._cancel(message);
      return;
    }
    scope._delivered = 'to one';
    only._spared = true;
    each = only;
  }
}

/** Tasks wait for each other in a circle: this one stops waiting, so that the cancellation gets somewhere. */
function cutCircle(fiber: Fiber, message: unknown): void {
  const waiter = fiber._waiter;
  if (waiter instanceof Future) {
    waiter._removeWaiter(fiber);
    // Nobody else will look at what becomes of it.
    waiter._addWaiter({ _notify: (done) => done._markRetrieved() });
  }
  fiber._waiter = null;
  fiber._mustCancel = true;
  fiber._cancelMessage = message;
  fiber._loop._push(fiber);
}

/** What a fiber waits for, through the awaits of its async functions. @internal */
export function waitersBelow(fiber: Fiber): (FutureLike<unknown> | Operation<unknown>)[] {
  const waiters: (FutureLike<unknown> | Operation<unknown>)[] = [];
  for (const each of treeOf(fiber)) if (each._waiter !== null) waiters.push(each._waiter);
  return waiters;
}

/** A fiber and the flows below it, each before its own flows. */
function* treeOf(fiber: Fiber): Generator<Fiber, void, undefined> {
  const rest: Fiber[] = [fiber];
  for (let each = rest.pop(); each !== undefined; each = rest.pop()) {
    yield each;
    const flows: Flow[] = [];
    for (const scope of [each._scope, each._leftovers]) {
      for (let flow = scope?._first ?? null; flow !== null; flow = flow._next) flows.push(flow);
    }
    rest.push(...flows.reverse());
  }
}

/** The fiber that the calling code is a part of: the present task's, or the flow's inside it. @internal */
export function currentFiber(): Fiber | null {
  return current.fiber ?? liveScope()?._fiber ?? null;
}

/** `fiber`, or the nearest one around it that has not ended. @internal */
export function livingFiber(fiber: Fiber): Fiber {
  let living = fiber;
  while (living._ended() && living._within !== null) living = living._within._fiber;
  return living;
}

/** Cancels one fiber of a task: a flow, or the whole task. @internal */
export function cancelFiber(fiber: Fiber, message?: unknown): void {
  const living = livingFiber(fiber);
  if (living === (living._task as Fiber)) {
    living._task.cancel(message);
  } else {
    living._requests += 1;
    deliver(living, message);
  }
}

/** How many requests to cancel concern `fiber`: its own and those of every fiber around it. @internal */
export function requestsOf(fiber: Fiber): number {
  let count = fiber._requests;
  for (let scope = fiber._within; scope !== null; scope = scope._fiber._within)
    count += scope._fiber._requests;
  return count;
}

/**
 * Takes back one request, the innermost first, and returns how many are left. The last one taken back also withdraws
 * a cancellation that was not delivered yet. @internal
 */
export function uncancelFiber(fiber: Fiber): number {
  let holder: Fiber = fiber;
  while (holder._requests === 0 && holder._within !== null) holder = holder._within._fiber;
  if (holder._requests > 0) holder._requests -= 1;
  const rest = requestsOf(fiber);
  // The end of a task cancels its losers without a request: that is not to be taken back.
  if (rest === 0 && fiber._task._extra?.closing === undefined) {
    forgetBelow(fiber);
    for (let each: Fiber = fiber; ; each = each._within._fiber) {
      each._mustCancel = false;
      forget(each._scope);
      forget(each._leftovers);
      forget(each._within);
      if (each._within === null) break;
    }
  }
  return rest;
}

function forgetBelow(fiber: Fiber): void {
  for (const each of treeOf(fiber)) {
    each._mustCancel = false;
    forget(each._scope);
    forget(each._leftovers);
  }
}

function forget(scope: Scope | null): void {
  if (scope === null) return;
  scope._mustCancel = false;
  scope._delivered = 'to none';
  scope._abort?.resumed();
}

/** The requests to cancel within a whole task, seen from outside. @internal */
export function requestsBelow(fiber: Fiber): number {
  let count = 0;
  for (const each of treeOf(fiber)) count += each._requests;
  return count;
}

/** The fiber of `fiber`'s tree that holds a request, the outermost first. @internal */
export function holderBelow(fiber: Fiber): Fiber | null {
  for (const each of treeOf(fiber)) if (each._requests > 0) return each;
  return null;
}
