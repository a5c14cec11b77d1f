// One test, both kinds of pools; and what tests need to hold a worker's call and let it go, whether or not this thread is
// blocked meanwhile: files as flags, which threads and processes see alike.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { after, test } from 'node:test';
import 'tsyncio';
import {
  BrokenProcessPool,
  BrokenThreadPool,
  type PoolOptions,
  ProcessPoolExecutor,
  ThreadPoolExecutor,
} from 'tsyncio/concurrent';

export type Pool = ThreadPoolExecutor | ProcessPoolExecutor;

/** One kind of pool. */
export interface Kind {
  readonly name: 'threads' | 'processes';
  readonly Broken: typeof BrokenThreadPool | typeof BrokenProcessPool;
  make(options?: PoolOptions<never>): Pool;
}

export const kinds: readonly Kind[] = [
  { name: 'threads', Broken: BrokenThreadPool, make: (options) => new ThreadPoolExecutor(options) },
  { name: 'processes', Broken: BrokenProcessPool, make: (options) => new ProcessPoolExecutor(options) },
];

/** A test for each kind of pool. */
export function onEachPool(title: string, body: (kind: Kind) => Promise<void> | void): void {
  for (const kind of kinds) test(`${title} (${kind.name})`, async () => await body(kind));
}

/** A test for each kind, with a pool of one worker that all such tests of the file share: they must leave it as it was. */
export function onSharedPool(title: string, body: (pool: Pool, kind: Kind) => Promise<void> | void): void {
  for (const kind of kinds) test(`${title} (${kind.name})`, async () => await body(sharedPool(kind), kind));
}

const shared = new Map<Kind, Pool>();
after(async () => {
  for (const pool of shared.values()) await pool.shutdownAsync();
});

function sharedPool(kind: Kind): Pool {
  let pool = shared.get(kind);
  if (pool === undefined) {
    const made = kind.make({ maxWorkers: 1 });
    shared.set(kind, made);
    pool = made;
  }
  return pool;
}

/** How long a test waits for what must come, in milliseconds: for ever, were it not for whoever reads the report. */
const PATIENCE = 60_000;

class Patience {
  readonly #what: string;
  readonly #end = performance.now() + PATIENCE;

  constructor(what: string) {
    this.#what = what;
  }

  check(): void {
    if (performance.now() > this.#end) throw new Error(`waited in vain for ${this.#what}`);
  }
}

/** Waits until `condition()` holds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const patience = new Patience(what);
  while (!condition()) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    patience.check();
  }
}

let folder: string | null = null;
let flagsMade = 0;

/** A flag that every thread and process can raise and see: a file. */
export class Flag {
  readonly path: string;

  constructor() {
    if (folder === null) {
      const made = mkdtempSync(join(tmpdir(), 'tsyncio-flags-'));
      folder = made;
      process.once('exit', () => rmSync(made, { recursive: true, force: true }));
    }
    this.path = join(folder, String(flagsMade));
    flagsMade += 1;
  }

  raise(): void {
    writeFileSync(this.path, '');
  }

  get up(): boolean {
    return existsSync(this.path);
  }

  get text(): string {
    return readFileSync(this.path, 'utf8');
  }

  /** Blocks this thread until the flag is up. */
  block(): void {
    const word = new Int32Array(new SharedArrayBuffer(4));
    const patience = new Patience('the flag');
    while (!this.up) {
      Atomics.wait(word, 0, 0, 1);
      patience.check();
    }
  }

  /** Waits until the flag is up. */
  async seen(): Promise<void> {
    await until(() => this.up, 'the flag');
  }
}

/** For workers: raises the first flag and blocks until the second is up; returns `value`. */
export function hold<T>(started: string, go: string, value: T): T {
  const { existsSync, writeFileSync } = process.getBuiltinModule('node:fs');
  writeFileSync(started, '');
  const word = new Int32Array(new SharedArrayBuffer(4));
  while (!existsSync(go)) Atomics.wait(word, 0, 0, 1);
  return value;
}

/** The same, awaiting instead of blocking. */
export async function holdAwaiting<T>(started: string, go: string, value: T): Promise<T> {
  const { existsSync, writeFileSync } = process.getBuiltinModule('node:fs');
  const asyncio = await import('tsyncio');
  writeFileSync(started, '');
  while (!existsSync(go)) await asyncio.sleep(0.001);
  return value;
}

/** For workers: raises a flag that holds the process's id, and never returns. */
export function spin(started: string): never {
  process.getBuiltinModule('node:fs').writeFileSync(started, String(process.pid));
  for (;;);
}

/** A call that has taken the pool's (only) worker until `release()`. */
export function occupy(pool: Pool): { future: ReturnType<typeof submitHold>; release(): void } {
  const [started, go] = [new Flag(), new Flag()];
  const future = submitHold(pool, started, go);
  started.block();
  return { future, release: () => go.raise() };
}

function submitHold(pool: Pool, started: Flag, go: Flag) {
  return pool.submit(hold<string>, started.path, go.path, 'held');
}

/** The ids of the live children of this process (zombies included) on Linux; `null` where nobody tells. */
export function childrenOf(pid: number = process.pid): number[] | null {
  if (!existsSync('/proc/self/stat')) return null;
  const children: number[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (Number(parent) === pid) children.push(Number(entry));
    } catch {
      // It has ended meanwhile.
    }
  }
  return children;
}

/** Waits until this process has no children, zombies included. */
export async function noChildren(): Promise<void> {
  await until(() => (childrenOf() ?? []).length === 0, 'the end of all children');
}

/** Waits until the process with this id is gone. */
export async function gone(pid: number): Promise<void> {
  await until(() => !isAlive(pid), `the end of process ${pid}`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** What `body` throws; the test fails if it throws nothing. */
export function thrown(body: () => unknown): Error & { code?: string } {
  try {
    body();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
