/**
 * One test over the real platform, in both coroutine kinds: the body is written once, as a generator that waits with
 * `yield* wait(x)`, and runs as a generator coroutine and as an async function. It must leave nothing behind: no task,
 * no report, no log record that it did not take, and no listener for a signal.
 */

import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { type Kind, kinds } from '../core/both-kinds.js';

export type RealKind = Pick<Kind, 'name' | 'wait' | 'go' | 'define' | 'loop' | 'reports' | 'logs'>;

interface Options {
  debug?: boolean;
  skip?: boolean | string;
}

type TestBody = (kind: RealKind) => Generator<asyncio.Suspension, unknown, unknown>;

export function inBothKinds(title: string, body: TestBody, options: Options = {}): void {
  for (const { name, wait, go, define } of kinds) {
    test(`${title} (${name})`, { skip: options.skip ?? false }, async () => {
      const loop = new asyncio.EventLoop();
      loop.setDebug(options.debug ?? false);
      const reports: asyncio.ExceptionContext[] = [];
      const logs: string[] = [];
      loop.setExceptionHandler((_, context) => void reports.push(context));
      const log = (message: string) => void logs.push(message);
      const ignore = () => {};
      const outer = asyncio.setLogger({ debug: ignore, info: ignore, warn: log, error: log });
      function* main(): asyncio.Coro<void> {
        yield* body({ name, wait, go, define, loop, reports, logs } as RealKind);
        const left = [...asyncio.allTasks()].filter((task) => task !== asyncio.currentTask());
        assert.deepEqual(left.map(String), [], 'tasks that the test left behind');
      }
      try {
        await asyncio.run(go(main), { loopFactory: () => loop });
        assert.deepEqual(reports, [], 'reports that nobody took');
        assert.deepEqual(logs, [], 'log records that nobody took');
        assert.deepEqual([process.listenerCount('SIGINT'), process.listenerCount('SIGTERM')], [0, 0]);
      } finally {
        asyncio.setLogger(outer);
      }
    });
  }
}
