/**
 * Tests with real files: a folder of their own, both coroutine kinds, no descriptor left behind; and calls of `node:fs` that
 * are counted, so that a task can be cancelled, and the disk can fail, at each of them.
 */

import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import * as asyncio from 'tsyncio';
import { type Kind, kinds, type Steps } from '../core/both-kinds.js';

/** What a test's body is given. */
export interface Place {
  readonly kind: Kind['name'];
  wait<T>(awaitable: asyncio.Awaitable<T>): Iterable<asyncio.Suspension, T, unknown>;
  go<T>(body: Steps<T>): () => asyncio.Coro<T>;
  /** A path in the test's own folder. */
  at(...names: string[]): string;
}

/** How many descriptors the process has open; `null` where nobody tells. */
export function descriptors(): number | null {
  try {
    return fs.readdirSync('/proc/self/fd').length;
  } catch {
    return null;
  }
}

/** Waits, for some turns of the platform, until what works in the background is over. Others may have closed some meanwhile. */
export async function quiet(before: number | null): Promise<void> {
  if (before === null) return;
  const tooMany = () => (descriptors() ?? 0) > before;
  for (let turn = 0; turn < 2000 && tooMany(); turn++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.ok(!tooMany(), `${descriptors()} open descriptors, ${before} before`);
}

/** Makes a folder, has `body` work in it, and removes it. */
export async function inFolder<T>(body: (at: Place['at']) => Promise<T>): Promise<T> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tsyncio-test-'));
  try {
    return await body((...names) => path.join(folder, ...names));
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** One test in a folder of its own, as a generator coroutine and as an async function. */
export function withFiles(
  title: string,
  body: (place: Place) => Generator<asyncio.Suspension, unknown, unknown>,
): void {
  for (const { name, wait, go } of kinds) {
    test(`${title} (${name})`, async () => {
      const before = descriptors();
      await inFolder(async (at) => {
        await asyncio.run(go(() => body({ kind: name, wait, go, at })));
        await quiet(before);
      });
    });
  }
}

// ------------------------------------------------------------------------------------------------ counted calls

const CALLS = [
  'open',
  'close',
  'read',
  'write',
  'fstat',
  'stat',
  'lstat',
  'ftruncate',
  'fsync',
  'fdatasync',
  'rename',
  'rm',
  'unlink',
  'mkdir',
  'rmdir',
  'readdir',
  'copyFile',
  'fchmod',
  'fchown',
  'utimes',
] as const;

type AnyCall = (...args: unknown[]) => unknown;

/** What is done at one call: nothing, something while it is under way or when it has landed, or it fails. */
export interface Fault {
  /** At which call, counted from zero. */
  readonly at: number;
  readonly when: 'begun' | 'landed' | 'fails';
  act(call: string): void;
}

/**
 * Runs `body` with the calls of `node:fs` counted, and waits until all of them have landed and what they opened is closed: a file
 * that is closed late must not be taken for a call of the next run. Gives the names of the calls.
 */
export async function counted(fault: Fault | null, body: () => Promise<void>): Promise<string[]> {
  const module = fs as unknown as Record<string, AnyCall>;
  const originals = new Map<string, AnyCall>();
  const calls: string[] = [];
  const open = new Set<unknown>();
  let underWay = 0;
  for (const name of CALLS) {
    const original = module[name] as AnyCall;
    originals.set(name, original);
    module[name] = (...args) => {
      const index = calls.push(name) - 1;
      const last = args.at(-1);
      const callback = typeof last === 'function' ? (last as AnyCall) : () => {};
      const inputs = typeof last === 'function' ? args.slice(0, -1) : args;
      const when = fault !== null && index === fault.at ? fault.when : null;
      const landed: AnyCall = (...outcome) => {
        underWay--;
        if (name === 'close') open.delete(inputs[0]);
        else if (name === 'open' && !outcome[0]) open.add(outcome[1]);
        callback(...outcome);
        if (when === 'landed') fault?.act(name);
      };
      underWay++;
      if (when === 'fails') {
        fault?.act(name);
        const fail = () =>
          landed(
            Object.assign(new Error(`EIO: i/o error, ${name}`), { code: 'EIO', errno: -5, syscall: name }),
          );
        // A descriptor is gone after close(), whatever that says.
        return name === 'close' ? original(...inputs, fail) : setImmediate(fail);
      }
      const result = original(...inputs, landed);
      if (when === 'begun') fault?.act(name);
      return result;
    };
  }
  try {
    await body();
    for (let turn = 0; turn < 2000 && (underWay > 0 || open.size > 0); turn++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert.equal(underWay, 0, `calls that never ended, of ${calls.join()}`);
    assert.equal(open.size, 0, `never closed: ${[...open].join()}, calls: ${calls.join()}`);
  } finally {
    for (const [name, original] of originals) module[name] = original;
  }
  return calls;
}

/** A scene that can be interrupted anywhere. */
export interface Interruption {
  /** What is done; it is a task of its own, and waits by `wait`. */
  act(place: Place): Generator<asyncio.Suspension, unknown, unknown>;
  /** Before: what the folder holds. */
  prepare?(place: Place): void;
  /** What must hold afterwards, however it ended. */
  check(place: Place, ending: Ending): void | Promise<void>;
}

export interface Ending {
  readonly outcome: 'returned' | 'cancelled' | 'failed';
  readonly error: unknown;
  /** The call at which it was interrupted. */
  readonly call: string | null;
  readonly calls: readonly string[];
}

/** Cancels a scene at each call of `node:fs` that it makes, while the call is under way and when it has landed; and fails each. */
export function interruptedEverywhere(title: string, scene: Interruption): void {
  for (const { name: kind, wait, go } of kinds) {
    for (const when of ['begun', 'landed', 'fails'] as const) {
      const how = when === 'fails' ? 'when any call of it fails' : `cancelled at each call of it, ${when}`;
      test(`${title}: ${how} (${kind})`, async () => {
        let reached = true;
        for (let at = 0; reached; at++) {
          const before = descriptors();
          await inFolder(async (pathAt) => {
            const place: Place = { kind, wait, go, at: pathAt };
            scene.prepare?.(place);
            let task: asyncio.Task | null = null;
            let hit: string | null = null;
            let cancelled = false;
            const fault: Fault = {
              at,
              when,
              act(call) {
                hit = call;
                if (when !== 'fails') cancelled = task?.cancel() ?? false;
              },
            };
            let ending: Ending | null = null;
            const calls = await counted(fault, async () => {
              ending = await asyncio.run(async () => {
                task = asyncio.createTask(go(() => scene.act(place))) as asyncio.Task;
                await asyncio.wait([task]);
                const outcome = task.cancelled()
                  ? 'cancelled'
                  : task.exception() === null
                    ? 'returned'
                    : 'failed';
                return {
                  outcome,
                  error: outcome === 'failed' ? task.exception() : null,
                  call: hit,
                  calls: [],
                } as Ending;
              });
            });
            await quiet(before);
            reached = hit !== null;
            try {
              const { outcome, error } = ending as unknown as Ending;
              if (cancelled) assert.equal(outcome, 'cancelled', `how it ended: ${error}`);
              else if (when !== 'fails' || !reached) assert.equal(outcome, 'returned', String(error));
              await scene.check(place, { outcome, error, call: hit, calls });
            } catch (error) {
              throw new Error(`At call ${at} (${hit}) of ${calls.join()}`, { cause: error });
            }
          });
        }
      });
    }
  }
}
