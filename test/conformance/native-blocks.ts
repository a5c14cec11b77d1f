/** What waits, as async functions: `await` where generator-blocks.ts has `yield*`, and the same otherwise. */

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

type Op<K extends Structure[0]> = Extract<Structure, readonly [K, ...unknown[]]>;

export class NativeBlocks {
  readonly #run: Run;

  constructor(run: Run) {
    this.#run = run;
  }

  async function(index: number, family: unknown[] | null = null): Promise<Value> {
    const run = this.#run;
    const frame = new Frame(`f${index}`, true);
    if (family !== null) family.push(asyncio.currentTask(run.loop));
    run.log(frame, 'begins');
    let signal: Signal;
    try {
      signal = await this.block(frame, run.program.functions[index] as Block);
    } catch (error) {
      run.log(frame, `raises ${describe(error)}`);
      throw error;
    }
    const value = signal !== undefined ? signal[0] : null;
    run.log(frame, `returns ${describe(value)}`);
    return value;
  }

  /** Runs operations until one of them returns: the result is undefined or a box with the value. */
  async block(frame: Frame, block: Block): Promise<Signal> {
    for (const op of block) {
      if (this.#run.spent()) return undefined;
      const signal = await this.operation(frame, op);
      if (signal !== undefined) return signal;
    }
    return undefined;
  }

  async operation(frame: Frame, op: Operation): Promise<Signal> {
    switch (op[0]) {
      case 'return':
        return [op[1]];
      case 'try':
        return await this.attempt(frame, op);
      case 'repeat':
        return await this.repeat(frame, op);
      case 'timeout':
      case 'timeoutAt':
      case 'reenter':
      case 'group':
      case 'hold':
        return await this.within(frame, op);
      case 'asCompleted':
        return await this.asCompleted(frame, op);
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
        await this.wait(frame, op);
        return undefined;
      default:
        this.#run.act(frame, op satisfies Action);
        return undefined;
    }
  }

  async wait(frame: Frame, op: Wait): Promise<void> {
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
      value = await (typeof awaitable === 'function' ? (awaitable() as Promise<unknown>) : awaitable);
    } catch (error) {
      run.fail(frame, op, error);
      throw error;
    }
    run.end(frame, op, value);
  }

  async attempt(frame: Frame, op: Op<'try'>): Promise<Signal> {
    const run = this.#run;
    const [, body, handlers, last] = op;
    try {
      try {
        return await this.block(frame, body);
      } catch (error) {
        const found = handlers.find(([names]) => names.some((name) => isInstance(error, name)));
        if (found === undefined) throw error;
        run.log(frame, `except ${describe(error)}`);
        frame.handling.push(error);
        try {
          return await this.block(frame, found[1]);
        } finally {
          frame.handling.pop();
        }
      }
    } finally {
      if (last !== null && last.length > 0) {
        run.log(frame, 'finally');
        await this.block(frame, last);
      }
    }
  }

  async repeat(frame: Frame, op: Op<'repeat'>): Promise<Signal> {
    const [, times, body] = op;
    for (let i = 0; i < times; i += 1) {
      const signal = await this.block(frame, body);
      if (signal !== undefined) return signal;
    }
    return undefined;
  }

  /** async with manager: body */
  async within(frame: Frame, op: EnteringOperation): Promise<Signal> {
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
    async function body(value: unknown): Promise<void> {
      run.end(frame, op, typeof value === 'number' ? value : null);
      try {
        signal = await blocks.block(frame, bodyOf(op));
      } finally {
        run.begin(frame, leave);
      }
    }
    try {
      if (manager instanceof asyncio.Timeout || manager instanceof asyncio.TaskGroup)
        await manager.run(body as never);
      else await asyncio.withAsync(manager, body);
    } catch (error) {
      run.fail(frame, leave, error);
      throw error;
    }
    run.end(frame, leave);
    return signal;
  }

  async asCompleted(frame: Frame, op: Op<'asCompleted'>): Promise<Signal> {
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
        for await (const future of iterator) {
          run.end(frame, ['next'], describeState(future));
          const signal = await this.block(frame, body);
          if (signal !== undefined) return signal;
          run.begin(frame, ['next']);
        }
      } else {
        for (const coroutine of iterator) {
          try {
            run.end(frame, ['next'], await coroutine);
          } catch (error) {
            if (asyncio.isBaseException(error)) throw error;
            run.fail(frame, ['next'], error);
          }
          const signal = await this.block(frame, body);
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
