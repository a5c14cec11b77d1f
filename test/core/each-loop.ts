// One test of a loop, many loops: on the platform's host and on a virtual clock, in debug mode and not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { getDefaultHost } from 'tsyncio/lowlevel';
import { VirtualHost } from 'tsyncio/testing';
import { RecordingClock } from './both-kinds.js';

/** A loop that nobody runs yet, and what it had to complain about. */
export interface LoopSubject {
  readonly loop: asyncio.EventLoop;
  readonly debug: boolean;
  /** What the exception handler was told. A test that expects a report takes it out. */
  readonly reports: asyncio.ExceptionContext[];
  /** What the logger was told, likewise. */
  readonly logs: string[];
  /** One iteration. */
  once(): Promise<void>;
}

/** The same on a virtual clock, which the test may look at. */
export interface VirtualSubject extends LoopSubject {
  readonly clock: RecordingClock;
}

type Check<S> = (subject: S) => Promise<void> | void;

function check<S extends LoopSubject>(title: string, debug: boolean, make: () => S, body: Check<S>): void {
  test(title, async () => {
    const subject = make();
    const { loop, reports, logs } = subject;
    if (debug) loop.setDebug(true);
    loop.setExceptionHandler((_, context) => void reports.push(context));
    const log = (message: string) => void logs.push(message);
    const outer = asyncio.setLogger({ debug: log, info: log, warn: log, error: log });
    try {
      await body(subject);
      loop.close();
      assert.deepEqual(reports, [], 'reports that nobody took');
      assert.deepEqual(logs, [], 'log records that nobody took');
    } finally {
      asyncio.setLogger(outer);
      if (debug) loop.setDebug(false);
    }
  });
}

/** A loop that takes its time from the platform, on which a busy machine makes nothing slow. */
function platformLoop(): asyncio.EventLoop {
  const loop = new asyncio.EventLoop();
  loop.slowCallbackDuration = Number.POSITIVE_INFINITY;
  return loop;
}

function subjectOf(loop: asyncio.EventLoop, debug: boolean): LoopSubject {
  const once = async () => {
    loop.stop();
    await loop.runForever();
  };
  return { loop, debug, reports: [], logs: [], once };
}

function virtualSubject(debug: boolean): VirtualSubject {
  const clock = new RecordingClock();
  const loop = new asyncio.EventLoop({ host: new VirtualHost({ clock, host: getDefaultHost() }) });
  return { ...subjectOf(loop, debug), clock };
}

/** A test of the loop on a virtual clock, in debug mode and not. */
export function onVirtualLoop(title: string, body: Check<VirtualSubject>): void {
  check(title, false, () => virtualSubject(false), body);
  check(`${title} (debug)`, true, () => virtualSubject(true), body);
}

/** A test of the loop that needs no time to pass: on a virtual clock and on the platform's host. */
export function onEachLoop(title: string, body: Check<LoopSubject>): void {
  for (const debug of [false, true]) {
    const mode = debug ? ', debug' : '';
    check(`${title} (virtual host${mode})`, debug, () => virtualSubject(debug), body);
    check(`${title} (platform's host${mode})`, debug, () => subjectOf(platformLoop(), debug), body);
  }
}

/** What a promise is rejected with; the test fails when it is not. */
export async function rejection(promise: PromiseLike<unknown>): Promise<unknown> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  assert.fail(`nothing was thrown; the value was ${String(value)}`);
}
