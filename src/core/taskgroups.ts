/**
 * Task groups: a block that ends when every task started in it has ended.
 *
 * States: created → entered → exiting (the body has ended, children are waited for) → finished. A failure aborts the
 * group: every other child, and the body, get one cancellation. What remains is one ExceptionGroup of all failures.
 */

import { cancelFiber, currentFiber, livingFiber, requestsOf, uncancelFiber } from './cancellation.js';
import { type AsyncContextManager, aenter, aexit } from './context-managers.js';
import { type Body, type Coro, Coroutine, type CoroutineLike, checkBody, runBody } from './coroutines.js';
import { closeCoroutine } from './ensure-future.js';
import { BaseExceptionGroup } from './exception-groups.js';
import { isCancelledError, RuntimeError, stopsTheLoop } from './exceptions.js';
import type { Fiber } from './fibers.js';
import { inspectCustom } from './format-helpers.js';
import { Future, type FutureLike, type Group, noticeLater } from './futures.js';
import type { Task, TaskOptions } from './tasks.js';

/**
 * Runs tasks together: when one fails the others are cancelled, and the block ends when all have ended.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   const [a, b] = await new asyncio.TaskGroup().run(async (group) => [
 *     group.createTask(() => asyncio.sleep(0.01, 'a')),
 *     group.createTask(() => asyncio.sleep(0.02, 'b')),
 *   ]);
 *   console.log(a?.result(), b?.result()); //=> a b
 * });
 * ```
 */
export class TaskGroup implements AsyncContextManager<TaskGroup>, Group {
  #entered = false;
  #exiting = false;
  #aborting = false;
  #cancelled = false;
  #parent: Fiber | null = null;
  #parentCancelRequested = false;
  /** In the order of creation; those that are done go now and then. */
  #children: Task[] = [];
  #pending = 0;
  #errors: unknown[] = [];
  #baseError: { readonly value: unknown } | null = null;
  #allDone: Future<void> | null = null;

  /**
   * Runs `body` with the group, then waits for the group's tasks, and gives the body's value.
   *
   * *Suspends* while tasks run; not at all without them. *Cancellation* of the caller cancels the body and every child,
   * and comes out when they have ended.
   *
   * @throws ExceptionGroup of what the tasks and the body threw; RuntimeError when the group was entered before.
   */
  run<T>(body: Body<T, [TaskGroup]>): Coroutine<T> {
    checkBody(body);
    return new Coroutine(this.#running(body) as Coro<T>, 'TaskGroup');
  }

  *#running<T>(body: Body<T, [TaskGroup]>): Coro<T | undefined> {
    this.#enter();
    let result: T;
    try {
      result = yield* runBody(body, this);
    } catch (error) {
      if (yield* this.#leave({ value: error })) return undefined;
      throw error;
    }
    yield* this.#leave(undefined);
    return result;
  }

  /**
   * Starts a task in the group. Children may start others, also while the block waits for the last ones.
   *
   * @throws RuntimeError before the group was entered, after it has finished, and while it is shutting down.
   */
  createTask<T>(coro: CoroutineLike<T>, options?: TaskOptions): Task<T> {
    const refusal = this.#refusal();
    if (refusal !== null) {
      closeCoroutine(coro);
      throw new RuntimeError(`TaskGroup ${this} ${refusal}`);
    }
    const parent = this.#parent as Fiber;
    const task = parent._loop.createTask(coro, options);
    this.#children.push(task as Task);
    this.#pending += 1;
    task._addWaiter(this);
    return task;
  }

  #refusal(): string | null {
    if (!this.#entered) return 'has not been entered';
    if (this.#exiting && this.#pending === 0) return 'is finished';
    return this.#aborting ? 'is shutting down' : null;
  }

  /**
   * Cancels the body and every child; the block then ends without an error of its own. Before the block it takes effect
   * on entry. Cancelling twice is no error. (Python 3.15.)
   */
  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    if (!this.#entered || (this.#exiting && this.#pending === 0)) return;
    if (!this.#aborting) this.#abort();
    if (this.#parent !== null && !this.#exiting && !this.#parentCancelRequested) {
      this.#parentCancelRequested = true;
      cancelFiber(this.#parent);
    }
  }

  #enter(): void {
    if (this.#entered) throw new RuntimeError(`TaskGroup ${this} has already been entered`);
    const parent = currentFiber();
    if (parent === null) throw new RuntimeError(`TaskGroup ${this} cannot determine the parent task`);
    this.#parent = parent;
    this.#entered = true;
    if (this.#cancelled) {
      this.#aborting = true;
      this.#parentCancelRequested = true;
      cancelFiber(parent);
    }
  }

  /** Waits for the children; returns whether the block's error is suppressed. */
  *#leave(error: { readonly value: unknown } | undefined): Coro<boolean> {
    this.#exiting = true;
    const parent = livingFiber(this.#parent as Fiber);
    if (error !== undefined && stopsTheLoop(error.value)) this.#baseError ??= error;
    let cancellation = error !== undefined && isCancelledError(error.value) ? error : null;
    if (error !== undefined && !this.#aborting) this.#abort();
    while (this.#pending > 0) {
      this.#allDone ??= new Future<void>({ loop: parent._loop });
      try {
        yield* this.#allDone;
      } catch (reason) {
        if (!isCancelledError(reason)) throw reason;
        if (!this.#aborting) {
          cancellation = { value: reason };
          this.#abort();
        }
      }
      this.#allDone = null;
    }
    if (this.#baseError !== null) throw this.#baseError.value;
    if (this.#parentCancelRequested && uncancelFiber(parent) === 0) cancellation = null;
    if (cancellation !== null && this.#errors.length === 0) throw cancellation.value;
    if (error !== undefined && !isCancelledError(error.value)) this.#errors.push(error.value);
    if (this.#errors.length > 0) {
      if (requestsOf(parent) > 0) {
        uncancelFiber(parent);
        cancelFiber(parent);
      }
      const errors = this.#errors;
      this.#errors = [];
      this.#parent = null;
      throw new BaseExceptionGroup('unhandled errors in a TaskGroup', errors);
    }
    this.#parent = null;
    return true;
  }

  #abort(): void {
    this.#aborting = true;
    for (const child of this.#children) if (!child.done()) child.cancel();
  }

  /** @internal */
  _notify(child: Future<unknown>): void {
    noticeLater(child, this);
  }

  /** @internal */
  _label(): string {
    return 'TaskGroup()';
  }

  /** @internal */
  _awaiters(tasks: Set<FutureLike<unknown>>): void {
    if (this.#parent !== null) tasks.add(this.#parent._task);
  }

  /** @internal */
  _futureDone(future: Future<unknown>): void {
    const child = future as Task;
    this.#pending -= 1;
    this.#forgetDoneChildren();
    if (this.#allDone !== null && this.#pending === 0 && !this.#allDone.done())
      this.#allDone.setResult(undefined);
    if (child.cancelled()) return;
    const error = child.exception();
    if (error === null) return;
    this.#errors.push(error);
    if (stopsTheLoop(error)) this.#baseError ??= { value: error };
    const parent = this.#parent;
    if (parent === null || parent._task.done()) {
      child._loop.callExceptionHandler({
        message: `Task ${child} has errored out but its parent task ${parent?._task} is already completed`,
        exception: error,
        task: child,
      });
      return;
    }
    if (!this.#aborting && !this.#parentCancelRequested) {
      this.#abort();
      this.#parentCancelRequested = true;
      cancelFiber(parent);
    }
  }

  #forgetDoneChildren(): void {
    if (this.#children.length < 2 * this.#pending + 32) return;
    this.#children = this.#children.filter((child) => !child.done());
  }

  [aenter](): Coroutine<TaskGroup> {
    return new Coroutine(this.#entering(), 'TaskGroup.aenter');
  }

  *#entering(): Coro<TaskGroup> {
    this.#enter();
    return this;
  }

  [aexit](error: { readonly value: unknown } | undefined): Coroutine<boolean> {
    return new Coroutine(this.#leave(error), 'TaskGroup.aexit');
  }

  toString(): string {
    const info: string[] = [];
    if (this.#pending > 0) info.push(`tasks=${this.#pending}`);
    if (this.#errors.length > 0) info.push(`errors=${this.#errors.length}`);
    if (this.#aborting) info.push('cancelling');
    else if (this.#entered) info.push('entered');
    return `<TaskGroup${info.length === 0 ? '' : ` ${info.join(' ')}`}>`;
  }

  [inspectCustom](): string {
    return this.toString();
  }
}
