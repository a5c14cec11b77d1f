// Runs one of the programs beside this file as a process of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import process from 'node:process';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';

interface ProgramOptions {
  args?: readonly string[];
  /** Node's own flags. */
  node?: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** What its standard input is; nothing unless told. */
  input?: Uint8Array;
  /** How many pipes it gets beside its standard streams: descriptors 3, 4 and so on. */
  pipes?: number;
  /** Said to a shell that then becomes the program. */
  shell?: string;
}

export class Program {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | string>;
  #changed: (() => void) | null = null;
  stdout = '';
  stderr = '';

  constructor(name: string, options: ProgramOptions = {}) {
    const path = fileURLToPath(new URL(`./programs/${name}.js`, import.meta.url));
    const { NODE_OPTIONS: _, ASYNCIODEBUG: __, ...env } = process.env;
    const command = [process.execPath, ...(options.node ?? []), path, ...(options.args ?? [])];
    const shell = options.shell === undefined ? [] : ['/bin/sh', '-c', `${options.shell} && exec "$@"`, 'sh'];
    const [file = '', ...args] = [...shell, ...command];
    this.#child = spawn(file, args, {
      env: { ...env, ...options.env },
      stdio: [
        options.input === undefined ? 'ignore' : 'pipe',
        'pipe',
        'pipe',
        ...Array<'pipe'>(options.pipes ?? 0).fill('pipe'),
      ],
    });
    this.#child.stdin?.on('error', () => {}).end(options.input);
    this.#child.stdout?.setEncoding('utf8').on('data', (text) => {
      this.stdout += text;
      this.#changed?.();
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text) => {
      this.stderr += text;
    });
    this.#ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) => {
        resolve(code ?? signal ?? 'unknown');
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

  /** This end of one of its pipes. */
  pipe(fd: number): Duplex {
    return this.#child.stdio[fd] as Duplex;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits until it has ended; gives its exit code, or the signal that ended it. */
  exitCode(): Promise<number | string> {
    return this.#ended;
  }
}
