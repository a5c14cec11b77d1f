/** Running a program to its end in one call: what `subprocess.run()` is in Python, `run_process()` in anyio and trio. */

import {
  type Bytes,
  type Coro,
  Coroutine,
  type Duration,
  gather,
  TimeoutError,
  timeout as timeLimit,
  ValueError,
} from '../core/index.js';
import { joinBytes, type StreamReader } from '../core/io.js';
import { toSeconds } from '../core/lowlevel.js';
import { createSubprocessExec, type Process, type ProcessOptions } from './process.js';
import { signalNumbers } from './signals.js';
import { checkCommand, DEVNULL, PIPE } from './spawning.js';

/** How {@link runProcess} runs a program. */
export interface RunProcessOptions extends ProcessOptions {
  /** What its standard input is; text is sent as UTF-8. Without it, standard input is empty. */
  input?: Uint8Array | string | null | undefined;
  /** Whether a return code other than 0 is a {@link CalledProcessError}; it is unless told. */
  check?: boolean | undefined;
  /** How long it may take; then it is stopped, and TimeoutExpired thrown. */
  timeout?: Duration | null | undefined;
  /** Gives its output as text: `'utf-8'`, or whatever `TextDecoder` knows. */
  encoding?: string | undefined;
}

/** What became of a program that has run. Source: `subprocess.CompletedProcess`. */
export class CompletedProcess<T extends Bytes | string = Bytes> {
  /** The program and its arguments. */
  readonly args: readonly string[];
  /** Its exit status, or `-n` if signal `n` ended it. */
  readonly returncode: number;
  /** What it wrote; `null` unless it went to a pipe. */
  readonly stdout: T | null;
  readonly stderr: T | null;

  constructor(args: readonly string[], returncode: number, stdout: T | null, stderr: T | null) {
    this.args = args;
    this.returncode = returncode;
    this.stdout = stdout;
    this.stderr = stderr;
  }

  /** @throws CalledProcessError unless the return code is 0. */
  checkReturncode(): void {
    if (this.returncode !== 0)
      throw new CalledProcessError(this.args, this.returncode, this.stdout, this.stderr);
  }
}

/** A program ended with another return code than 0. Source: `subprocess.CalledProcessError`. */
export class CalledProcessError extends Error {
  declare readonly code: string;
  readonly args: readonly string[];
  readonly returncode: number;
  readonly stdout: Bytes | string | null;
  readonly stderr: Bytes | string | null;

  constructor(
    args: readonly string[],
    returncode: number,
    stdout: Bytes | string | null = null,
    stderr: Bytes | string | null = null,
  ) {
    super(`Command '${args.join(' ')}' ${ending(returncode)}`);
    this.args = args;
    this.returncode = returncode;
    this.stdout = stdout;
    this.stderr = stderr;
  }
}
identify(CalledProcessError, 'CalledProcessError', 'ERR_CALLED_PROCESS');

/** A program took longer than it may, and was stopped. What it had written by then is kept. Source: `subprocess.TimeoutExpired`. */
export class TimeoutExpired extends TimeoutError {
  readonly args: readonly string[];
  /** The limit, in seconds. */
  readonly timeout: number;
  readonly stdout: Bytes | string | null;
  readonly stderr: Bytes | string | null;

  constructor(
    args: readonly string[],
    timeout: number,
    stdout: Bytes | string | null = null,
    stderr: Bytes | string | null = null,
  ) {
    super(`Command '${args.join(' ')}' timed out after ${timeout} seconds`);
    this.args = args;
    this.timeout = timeout;
    this.stdout = stdout;
    this.stderr = stderr;
  }
}
identify(TimeoutExpired, 'TimeoutExpired', 'ETIMEDOUT');

function identify(errorClass: { prototype: object }, name: string, code: string): void {
  Object.defineProperty(errorClass.prototype, 'name', { value: name, writable: true, configurable: true });
  Object.defineProperty(errorClass.prototype, 'code', { value: code, writable: true, configurable: true });
}

function ending(returncode: number): string {
  if (returncode > 0) return `returned non-zero exit status ${returncode}.`;
  const name = Object.entries(signalNumbers()).find(([, number]) => number === -returncode)?.[0];
  return `died with ${name ?? `unknown signal ${-returncode}`}.`;
}

/**
 * Runs a program to its end, and gives its return code and what it wrote. Whatever happens, it has ended when this comes back: a
 * timeout or a cancellation stops it as {@link Process.stop} does, with SIGTERM, and SIGKILL after `killAfter`.
 *
 * Standard input is empty unless there is `input`; standard output and standard error are collected unless they go elsewhere. For a
 * command line of the shell: `runProcess('sh', ['-c', command], { startNewSession: true })`.
 *
 * *Suspends* until it has ended. *Cancellation* stops it, waits for its end, and discards what it wrote.
 *
 * @throws CalledProcessError when it fails, unless `check` is false; TimeoutExpired; what {@link createSubprocessExec} throws.
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   const { stdout } = await asyncio.runProcess('tr', ['a-z', 'A-Z'], { input: 'hello', encoding: 'utf-8' });
 *   console.log(stdout); //=> HELLO
 *   try {
 *     await asyncio.runProcess('sleep', ['60'], { timeout: '50ms', killAfter: '2s' });
 *   } catch (error) {
 *     console.log(String(error)); //=> TimeoutExpired: Command 'sleep 60' timed out after 0.05 seconds
 *   }
 * });
 * ```
 */
export function runProcess(
  program: string,
  args: readonly string[] | undefined,
  options: RunProcessOptions & { encoding: string },
): Coroutine<CompletedProcess<string>>;
export function runProcess(
  program: string,
  args?: readonly string[],
  options?: RunProcessOptions & { encoding?: undefined },
): Coroutine<CompletedProcess>;
export function runProcess(
  program: string,
  args: readonly string[] | undefined,
  options: RunProcessOptions,
): Coroutine<CompletedProcess<Bytes | string>>;
export function runProcess(
  program: string,
  args: readonly string[] = [],
  options: RunProcessOptions = {},
): Coroutine<CompletedProcess<Bytes | string>> {
  const { input = null, check = true, timeout = null, encoding, ...others } = options;
  const limit = timeout === null ? null : toSeconds(timeout, 'timeout');
  if (others.killAfter !== undefined) toSeconds(others.killAfter, 'killAfter');
  const bytes = typeof input === 'string' ? Buffer.from(input) : input;
  if (bytes !== null && !(bytes instanceof Uint8Array))
    throw new TypeError(`input must be bytes or text, not ${String(input)}`);
  if (bytes !== null && others.stdin !== undefined)
    throw new ValueError('stdin and input cannot both be given');
  const decoder = encoding === undefined ? null : new TextDecoder(encoding);
  const decode = (parts: Bytes[], collected: boolean): Bytes | string | null => {
    if (!collected) return null;
    const all = joinBytes(
      parts,
      parts.reduce((size, part) => size + part.length, 0),
    );
    return decoder === null ? all : decoder.decode(all);
  };
  const settings: ProcessOptions = {
    stdin: bytes === null ? DEVNULL : PIPE,
    stdout: PIPE,
    stderr: PIPE,
    ...definedOf(others),
  };
  // Throws now, so that the stack names the caller.
  checkCommand(program, args, settings, { standard: null, shell: false, further: ['limit', 'killAfter'] });
  const command = [program, ...args];

  function* running(): Coro<CompletedProcess<Bytes | string>> {
    const child = (yield* createSubprocessExec(program, args, settings)) as Process;
    const stdout: Bytes[] = [];
    const stderr: Bytes[] = [];
    const deadline = timeLimit(limit);
    try {
      yield* deadline.run(function* () {
        yield* gather([child._feed(bytes), collect(child.stdout, stdout), collect(child.stderr, stderr)]);
        yield* child.wait();
      });
    } catch (error) {
      yield* child.stop();
      if (!deadline.expired() || !(error instanceof TimeoutError)) throw error;
      throw new TimeoutExpired(
        command,
        limit as number,
        decode(stdout, child.stdout !== null),
        decode(stderr, child.stderr !== null),
      );
    }
    const completed = new CompletedProcess(
      command,
      child.returncode as number,
      decode(stdout, child.stdout !== null),
      decode(stderr, child.stderr !== null),
    );
    if (check) completed.checkReturncode();
    return completed;
  }
  return new Coroutine(running(), 'runProcess');
}

/** An option that is undefined is one that was not given. */
function definedOf<O extends object>(options: O): O {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as O;
}

function* collect(reader: StreamReader | null, parts: Bytes[]): Coro<void> {
  if (reader === null) return;
  for (;;) {
    const part = yield* reader.read(2 ** 20);
    if (part.length === 0) return;
    parts.push(part);
  }
}
