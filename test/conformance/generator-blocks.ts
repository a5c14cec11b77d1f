/** What waits, as generator coroutines: `yield*` where native-blocks.ts has `await`, and the same otherwise. */

import * as asyncio from 'tsyncio';
import {
  bodyOf,
  describe,
  describeState,
  type EnteringOperation,
  Frame,
  isInstance,
  Missing,
  type Run,
  type Signal,
  text,
} from './interpreter.js';
import type { Action, Block, Operation, Structure, Value, Wait } from './program.js';

type Coro<T> = asyncio.Coro<T>;
type Op<K extends Structure[0]> = Extract<Structure, readonly [K, ...unknown[]]>;

export class GeneratorBlocks {
  readonly #run: Run;

  constructor(run: Run) {
    this.#run = run;
  }

  *function(index: number, family: unknown[] | null = null): Coro<Value> {
    const run = this.#run;
    const frame = new Frame(`f${index}`, false);
    if (family !== null) family.push(asyncio.currentTask(run.loop));
    run.log(frame, 'begins');
    let signal: Signal;
    try {
      signal = yield* this.block(frame, run.program.functions[index] as Block);
    } catch (error) {
      run.log(frame, `raises ${describe(error)}`);
      throw error;
    }
    const value = signal !== undefined ? signal[0] : null;
    run.log(frame, `returns ${describe(value)}`);
    return value;
  }

  /** Runs operations until one of them returns: the result is undefined or a box with the value. */
  *block(frame: Frame, block: Block): Coro<Signal> {
    for (const op of block) {
      if (this.#run.spent()) return undefined;
      const signal = yield* this.operation(frame, op);
      if (signal !== undefined) return signal;
    }
    return undefined;
  }

  *operation(frame: Frame, op: Operation): Coro<Signal> {
    switch (op[0]) {
      case 'return':
        return [op[1]];
      case 'try':
        return yield* this.attempt(frame, op);
      case 'repeat':
        return yield* this.repeat(frame, op);
      case 'timeout':
      case 'timeoutAt':
      case 'reenter':
      case 'group':
      case 'hold':
        return yield* this.within(frame, op);
      case 'asCompleted':
        return yield* this.asCompleted(frame, op);
      case 'sleep':
      case 'await':
      case 'awaitSelf':
      case 'call':
      case 'acquire':
      case 'conditionWait':
      case 'conditionWaitFor':
      case 'eventWait':
      case 'barrierWait':
      case 'barrierReset':
      case 'barrierAbort':
      case 'put':
      case 'get':
      case 'join':
      case 'wait':
      case 'waitFor':
        yield* this.wait(frame, op);
        return undefined;
      default:
        this.#run.act(frame, op satisfies Action);
        return undefined;
    }
  }

  *wait(frame: Frame, op: Wait): Coro<void> {
    const run = this.#run;
    let awaitable: ReturnType<Run['awaitable']>;
    try {
      awaitable = run.awaitable(frame, op);
    } catch (error) {
      if (!(error instanceof Missing)) throw error;
      run.log(frame, `${text(op)} skipped`);
      return;
    }
    run.begin(frame, op, run.awaited(op));
    let value: unknown;
    try {
      value = yield* typeof awaitable === 'function' ? (awaitable() as Coro<unknown>) : awaitable;
    } catch (error) {
      run.fail(frame, op, error);
      throw error;
    }
    run.end(frame, op, value);
  }

  *attempt(frame: Frame, op: Op<'try'>): Coro<Signal> {
    const run = this.#run;
    const [, body, handlers, last] = op;
    try {
      try {
        return yield* this.block(frame, body);
      } catch (error) {
        const found = handlers.find(([names]) => names.some((name) => isInstance(error, name)));
        if (found === undefined) throw error;
        run.log(frame, `except ${describe(error)}`);
        frame.handling.push(error);
        try {
          return yield* this.block(frame, found[1]);
        } finally {
          frame.handling.pop();
        }
      }
    } finally {
      if (last !== null && last.length > 0) {
        run.log(frame, 'finally');
        yield* this.block(frame, last);
      }
    }
  }

  *repeat(frame: Frame, op: Op<'repeat'>): Coro<Signal> {
    const [, times, body] = op;
    for (let i = 0; i < times; i += 1) {
      const signal = yield* this.block(frame, body);
      if (signal !== undefined) return signal;
    }
    return undefined;
  }

  /** async with manager: body */
  *within(frame: Frame, op: EnteringOperation): Coro<Signal> {
    const run = this.#run;
    const manager = run.manager(op);
    if (manager === undefined) {
      run.log(frame, `${text(op)} skipped`);
      return undefined;
    }
    const leave = ['leave', ...op];
    run.begin(frame, op);
    const blocks = this;
    let signal: Signal;
    function* body(value: unknown): Coro<void> {
      run.end(frame, op, typeof value === 'number' ? value : null);
      try {
        signal = yield* blocks.block(frame, bodyOf(op));
      } finally {
        run.begin(frame, leave);
      }
    }
    try {
      if (manager instanceof asyncio.Timeout || manager instanceof asyncio.TaskGroup)
        yield* manager.run(body as never);
      else yield* asyncio.withAsync(manager, body);
    } catch (error) {
      run.fail(frame, leave, error);
      throw error;
    }
    run.end(frame, leave);
    return signal;
  }

  *asCompleted(frame: Frame, op: Op<'asCompleted'>): Coro<Signal> {
    const run = this.#run;
    const [, operands, timeout, style, body] = op;
    run.log(frame, text(op));
    let iterator: asyncio.AsCompleted<unknown>;
    try {
      iterator = run.completions(frame, operands, timeout);
    } catch (error) {
      if (!(error instanceof Missing)) throw error;
      run.log(frame, `${text(op)} skipped`);
      return undefined;
    }
    run.begin(frame, ['next']);
    try {
      if (style === 'futures') {
        const futures = iterator[Symbol.asyncIterator]();
        for (let next = yield* futures.next(); next.done !== true; next = yield* futures.next()) {
          run.end(frame, ['next'], describeState(next.value));
          const signal = yield* this.block(frame, body);
          if (signal !== undefined) return signal;
          run.begin(frame, ['next']);
        }
      } else {
        for (const coroutine of iterator) {
          try {
            run.end(frame, ['next'], yield* coroutine);
          } catch (error) {
            if (asyncio.isBaseException(error)) throw error;
            run.fail(frame, ['next'], error);
          }
          const signal = yield* this.block(frame, body);
          if (signal !== undefined) return signal;
          run.begin(frame, ['next']);
        }
      }
    } catch (error) {
      run.fail(frame, ['next'], error);
      throw error;
    }
    run.end(frame, ['next']);
    return undefined;
  }
}
