/**
 * The oracles: CPython running interpreter.py.
 *
 * One is pyodide, CPython compiled to WebAssembly, from npm, in a worker thread; the other is a `python3` of the
 * machine (3.13 or later), if it has one. Traces are made anew every time.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { isEager, type Program } from './program.js';

export type Trace = readonly string[];

export interface Oracle {
  /** Its name and version. */
  readonly name: string;
  /** Whether it can run a program, that is whether its CPython has what the program uses. */
  knows(program: Program): boolean;
  traces(programs: readonly Program[]): Promise<Trace[]>;
  close(): Promise<void>;
}

const SOURCE = fileURLToPath(new URL('../../../test/conformance/interpreter.py', import.meta.url));

interface Reply {
  readonly id: number;
  readonly traces?: string;
  readonly error?: string;
}

/** CPython 3.14 in a worker thread of its own. Takes seconds to load. */
export async function pyodideOracle(): Promise<Oracle> {
  const source = readFileSync(SOURCE, 'utf8');
  const worker = new Worker(new URL('./pyodide-worker.js', import.meta.url), { workerData: { source } });
  const version = await new Promise<string>((resolve, reject) => {
    worker.once('message', (message: { version: string }) => resolve(message.version));
    worker.once('error', reject);
  });
  let serial = 0;
  const waiting = new Map<number, { resolve: (traces: Trace[]) => void; reject: (error: Error) => void }>();
  worker.on('message', ({ id, traces, error }: Reply) => {
    const entry = waiting.get(id);
    waiting.delete(id);
    if (traces !== undefined) entry?.resolve(JSON.parse(traces) as Trace[]);
    else entry?.reject(new Error(error));
  });
  worker.on('error', (error: Error) => {
    for (const { reject } of waiting.values()) reject(error);
  });
  return {
    name: `CPython ${version} (pyodide)`,
    knows: () => true,
    traces: (programs) =>
      new Promise((resolve, reject) => {
        serial += 1;
        waiting.set(serial, { resolve, reject });
        worker.postMessage({ id: serial, batch: JSON.stringify(programs) });
      }),
    close: async () => {
      await worker.terminate();
    },
  };
}

/** A python3 of this machine that is 3.13 or later, or null. The environment variable PYTHON names another one. */
export function cpythonOracle(): Oracle | null {
  const candidates =
    process.env.PYTHON !== undefined ? [process.env.PYTHON] : ['python3.14', 'python3.13', 'python3'];
  for (const command of candidates) {
    const found = spawnSync(command, ['-c', 'import sys; print(*sys.version_info[:3], sep=".")'], {
      encoding: 'utf8',
    });
    const version = found.status === 0 ? found.stdout.trim() : '';
    const minor = Number(/^3\.(\d+)\./.exec(version)?.[1] ?? 0);
    if (minor >= 13) return childOracle(command, version, minor);
  }
  return null;
}

function childOracle(command: string, version: string, minor: number): Oracle {
  let child: ChildProcess | undefined;
  const waiting: ((line: string) => void)[] = [];
  const failed: ((error: Error) => void)[] = [];
  const start = (): ChildProcess => {
    const started = spawn(command, [SOURCE], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: started.stdout }).on('line', (line) => waiting.shift()?.(line));
    started.on('exit', (status) => {
      for (const fail of failed.splice(0)) fail(new Error(`${command} ended with status ${status}`));
    });
    return started;
  };
  const one = (program: Program): Promise<Trace> =>
    new Promise((resolve, reject) => {
      child ??= start();
      failed.push(reject);
      waiting.push((line) => {
        failed.splice(failed.indexOf(reject), 1);
        resolve(JSON.parse(line) as Trace);
      });
      child.stdin?.write(`${JSON.stringify(program)}\n`);
    });
  return {
    name: `CPython ${version}`,
    // 3.13 has no eager_start in create_task(), names the tasks of a factory 'None', and knows nothing of the report
    // on what fails in a shield that was given up (its callbacks differ).
    knows: (program) => minor >= 14 || !(isEager(program) || JSON.stringify(program).includes('["shield"')),
    traces: (programs) => Promise.all(programs.map(one)),
    close: async () => {
      const running = child;
      if (running === undefined) return;
      await new Promise((resolve) => {
        running.once('exit', resolve);
        running.stdin?.end();
      });
    },
  };
}
