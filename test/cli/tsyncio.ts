// Runs the command `tsyncio` as a process.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** The folder of the programs that the tests run, as sources. */
export const programs = fileURLToPath(new URL('../../../test/cli/programs/', import.meta.url));

const executable = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

export class Tsyncio {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<number | null>;
  #changed: (() => void) | null = null;
  stdout = '';
  stderr = '';

  constructor(...args: string[]) {
    const { NODE_OPTIONS: _, ASYNCIODEBUG: __, ...env } = process.env;
    this.#child = spawn(process.execPath, [executable, ...args], { cwd: programs, env, stdio: 'pipe' });
    this.#child.stdout.setEncoding('utf8').on('data', (text) => {
      this.stdout += text;
      this.#changed?.();
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text) => {
      this.stderr += text;
    });
    this.#ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code) => {
        resolve(code);
        this.#changed?.();
      });
    });
  }

  /** Waits until `text` has been printed on standard output. */
  async printed(text: string): Promise<void> {
    while (!this.stdout.includes(text)) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw new Error(`it ended without printing ${text}:\n${this.stdout}${this.stderr}`);
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  type(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Ends its standard input and waits until it has ended; returns its exit code. */
  exitCode(): Promise<number | null> {
    this.#child.stdin.end();
    return this.#ended;
  }
}
