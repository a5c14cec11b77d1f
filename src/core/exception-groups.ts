/** Several exceptions as one: `BaseExceptionGroup` and `ExceptionGroup`, with Python's `split`, `subgroup`, `derive`. */

import { BASE_EXCEPTION, identify, isBaseException, ValueError, type WithContext } from './exceptions.js';

type ErrorClass = abstract new (...args: never[]) => unknown;

/** A class, several classes, or a predicate: which members of a group are meant. */
export type GroupCondition = ErrorClass | readonly ErrorClass[] | ((error: unknown) => boolean);

function matcher(condition: GroupCondition): (error: unknown) => boolean {
  if (Array.isArray(condition)) {
    const classes = condition as readonly ErrorClass[];
    return (error) => classes.some((each) => error instanceof each);
  }
  if (typeof condition !== 'function') {
    throw new TypeError(
      `Cannot select from an exception group: expected a class, classes or a function, got ${condition}`,
    );
  }
  const { prototype } = condition as { prototype?: unknown };
  if (condition === Error || prototype instanceof Error)
    return (error) => error instanceof (condition as ErrorClass);
  return condition as (error: unknown) => boolean;
}

/**
 * A group of exceptions of any kind. `new BaseExceptionGroup(…)` gives an {@link ExceptionGroup} when no member
 * is a BaseException, as in Python. `errors` holds the members too, as in every `AggregateError`.
 */
export class BaseExceptionGroup<E = unknown> extends AggregateError implements WithContext {
  /**
   * No method: it tells the compiler what `error instanceof ExceptionGroup` says of the members, which is nothing; they
   * would be of type `any`.
   */
  declare static [Symbol.hasInstance]: <G>(
    this: abstract new (
      ...args: never[]
    ) => G,
    error: unknown,
  ) => error is G;
  declare readonly code: string;
  declare context?: unknown;

  /**
   * @throws TypeError when `exceptions` is not an array; ValueError when it is empty.
   */
  constructor(message: string, exceptions: readonly E[]) {
    if (!Array.isArray(exceptions)) throw new TypeError('second argument (exceptions) must be a sequence');
    if (exceptions.length === 0) {
      throw new ValueError('second argument (exceptions) must be a non-empty sequence');
    }
    super(exceptions, message);
    const hasBase = exceptions.some(isBaseException);
    if (hasBase && this instanceof ExceptionGroup) {
      throw new TypeError('Cannot nest BaseExceptions in an ExceptionGroup');
    }
    if (!hasBase && isBaseGroupClass(new.target)) Object.setPrototypeOf(this, ExceptionGroup.prototype);
  }

  /** Only a group that may hold BaseExceptions is one itself. @internal */
  get [BASE_EXCEPTION](): boolean {
    return !(this instanceof ExceptionGroup);
  }

  /** The members, in order. */
  get exceptions(): readonly E[] {
    return this.errors as E[];
  }

  /** The part of the group that matches, with its nesting kept; `null` when nothing does. */
  subgroup(condition: GroupCondition): BaseExceptionGroup<E> | null {
    return this.split(condition)[0];
  }

  /**
   * The matching part and the rest, each with its nesting kept, or `null`. This is what `except*` does.
   *
   * @example
   * ```ts
   * import { ExceptionGroup, ValueError } from 'tsyncio';
   *
   * const group = new ExceptionGroup('two', [new ValueError('a'), new Error('b')]);
   * const [mine, rest] = group.split(ValueError);
   * console.log(mine?.exceptions.length, String(rest?.exceptions[0])); //=> 1 Error: b
   * ```
   */
  split(condition: GroupCondition): [BaseExceptionGroup<E> | null, BaseExceptionGroup<E> | null] {
    return splitGroup<E>(this, matcher(condition));
  }

  /** A group like this one with other members. Override it in a subclass so that `split` gives your class. */
  derive(exceptions: readonly E[]): BaseExceptionGroup<E> {
    return baseGroup(this.message, exceptions);
  }
}

// Outside the class: a bundler renames a class that names itself.
function isBaseGroupClass(value: unknown): boolean {
  return value === BaseExceptionGroup;
}

function baseGroup<E>(message: string, exceptions: readonly E[]): BaseExceptionGroup<E> {
  return new BaseExceptionGroup(message, exceptions);
}

type Split<E> = [BaseExceptionGroup<E> | null, BaseExceptionGroup<E> | null];

function splitGroup<E>(group: BaseExceptionGroup<E>, matches: (error: unknown) => boolean): Split<E> {
  if (matches(group)) return [group, null];
  const yes: E[] = [];
  const no: E[] = [];
  for (const error of group.exceptions) {
    if (error instanceof BaseExceptionGroup) {
      const [mine, rest] = splitGroup(error as BaseExceptionGroup<E>, matches);
      if (mine !== null) yes.push(mine as E);
      if (rest !== null) no.push(rest as E);
    } else {
      (matches(error) ? yes : no).push(error);
    }
  }
  return [derivedGroup(group, yes), derivedGroup(group, no)];
}

function derivedGroup<E>(
  from: BaseExceptionGroup<E>,
  exceptions: readonly E[],
): BaseExceptionGroup<E> | null {
  if (exceptions.length === 0) return null;
  const group = from.derive(exceptions);
  if (from.stack !== undefined) group.stack = from.stack;
  if (from.cause !== undefined) group.cause = from.cause;
  if (from.context !== undefined) group.context = from.context;
  return group;
}

/** A group without BaseExceptions: what a task group raises. */
export class ExceptionGroup<E = unknown> extends BaseExceptionGroup<E> {}

identify(BaseExceptionGroup, 'BaseExceptionGroup', 'ERR_BASE_EXCEPTION_GROUP');
identify(ExceptionGroup, 'ExceptionGroup', 'ERR_EXCEPTION_GROUP');
