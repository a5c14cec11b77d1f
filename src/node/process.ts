/** Child processes with streams. */

import {
  type AsyncContextManager,
  aenter,
  aexit,
  type Bytes,
  type Coro,
  Coroutine,
  type Duration,
  type EventLoop,
  type Future,
  gather,
  getRunningLoop,
  ValueError,
  wait,
} from '../core/index.js';
import {
  BrokenPipeError,
  ConnectionResetError,
  checkBytes,
  FlowControlProtocol,
  type ReadTransport,
  type SignalLike,
  StreamReader,
  StreamWriter,
  type SubprocessProtocol,
  type SubprocessTransport,
  type WriteTransport,
} from '../core/io.js';
import { toSeconds } from '../core/lowlevel.js';
import { checkCommand, type PIPE, type SubprocessOptions } from './spawning.js';
import { spawning } from './subprocess-loop.js';
import type { ChildTransport } from './subprocess-transport.js';

/** Seconds between SIGTERM and SIGKILL. */
const GRACE = 5;
/** Seconds that the pipes of a child that has exited get to end: others may have inherited them. */
const LINGER = 1;

/** How {@link createSubprocessExec} and {@link createSubprocessShell} start a child. */
export interface ProcessOptions extends SubprocessOptions {
  /** The limit of the readers of its output, in bytes; 64 KiB unless told. */
  limit?: number | undefined;
  /** How long the child has, once it was asked to stop, until it is killed; five seconds unless told. */
  killAfter?: Duration | undefined;
}

/**
 * Stands between a reader and the pipe that it may pause. While the child is being stopped the pipe is not paused, so that a full
 * one does not keep the child from ending: what the reader does not want any more is dropped.
 */
class Gate {
  readonly #pipe: ReadTransport;
  #paused = false;
  #stopping = false;

  constructor(pipe: ReadTransport) {
    this.#pipe = pipe;
  }

  /** Whether data is to be dropped. */
  get shut(): boolean {
    return this.#paused && this.#stopping;
  }

  stop(): void {
    this.#stopping = true;
    this.#pipe.resumeReading();
  }

  pauseReading(): void {
    this.#paused = true;
    if (!this.#stopping) this.#pipe.pauseReading();
  }

  resumeReading(): void {
    this.#paused = false;
    this.#pipe.resumeReading();
  }

  toString(): string {
    return String(this.#pipe);
  }
}

/** Feeds the readers of a child, and lets the writer of its standard input wait. */
class ProcessProtocol extends FlowControlProtocol implements SubprocessProtocol {
  readonly #loop: EventLoop;
  readonly #limit: number | undefined;
  stdin: StreamWriter | null = null;
  readonly readers: (StreamReader | null)[] = [null, null, null];
  readonly #gates: (Gate | null)[] = [null, null, null];
  readonly #stdinClosed: Future<void>;
  #transport: SubprocessTransport | null = null;
  #openOutputs = 0;
  #exited = false;

  constructor(loop: EventLoop, limit: number | undefined) {
    super(loop);
    this.#loop = loop;
    this.#limit = limit;
    this.#stdinClosed = loop.createFuture<void>();
  }

  override connectionMade(transport: SubprocessTransport): void {
    this.#transport = transport;
    for (const fd of [1, 2]) {
      const pipe = transport.getPipeTransport(fd) as ReadTransport | null;
      if (pipe === null) continue;
      const reader = new StreamReader({ limit: this.#limit, loop: this.#loop });
      const gate = new Gate(pipe);
      reader.setTransport(gate as unknown as ReadTransport);
      this.readers[fd] = reader;
      this.#gates[fd] = gate;
      this.#openOutputs += 1;
    }
    const stdin = transport.getPipeTransport(0) as WriteTransport | null;
    if (stdin !== null) this.stdin = new StreamWriter(stdin, this, null, this.#loop);
  }

  /** The child is to end: nobody's slowness shall keep it from that. */
  stop(): void {
    for (const gate of this.#gates) gate?.stop();
  }

  pipeDataReceived(fd: number, data: Bytes): void {
    if (this.#gates[fd]?.shut !== true) this.readers[fd]?.feedData(data);
  }

  pipeConnectionLost(fd: number, error: Error | null): void {
    if (fd === 0) {
      this.stdin?.close();
      this.connectionLost(error);
      if (error === null) this.#stdinClosed.setResult(undefined);
      else {
        this.#stdinClosed.setException(error);
        // Who does not wait for the end of standard input need not hear of it.
        this.#stdinClosed.exception();
      }
      return;
    }
    const reader = this.readers[fd];
    if (error === null) reader?.feedEof();
    else reader?.setException(error);
    this.#openOutputs -= 1;
    this.#maybeClose();
  }

  processExited(): void {
    this.#exited = true;
    this.#maybeClose();
  }

  #maybeClose(): void {
    if (this.#openOutputs > 0 || !this.#exited) return;
    this.#transport?.close();
    this.#transport = null;
  }

  override _closeWaiter(): Future<void> {
    return this.#stdinClosed;
  }
}

/** What reading everything of a stream of the child gives. */
type Output<Reader> = Reader extends StreamReader ? Bytes : null;

/**
 * A child process: what {@link createSubprocessExec} and {@link createSubprocessShell} give.
 *
 * `await using child = await createSubprocessExec(…)`, or {@link withAsync}, makes sure that it does not outlive the block: if it
 * runs then, it is asked to stop, and killed when it does not (see {@link stop}). Without either, closing the loop kills it.
 * Source: `asyncio.subprocess.Process`.
 */
export class Process<
  In extends StreamWriter | null = StreamWriter | null,
  Out extends StreamReader | null = StreamReader | null,
  Err extends StreamReader | null = StreamReader | null,
> implements AsyncContextManager<Process<In, Out, Err>>
{
  /** The number of the process. */
  readonly pid: number;
  /** Writes to its standard input; `null` unless that is a pipe. */
  readonly stdin: In;
  /** Reads its standard output; `null` unless that is a pipe. */
  readonly stdout: Out;
  /** Reads its standard error; `null` unless that is a pipe. */
  readonly stderr: Err;
  readonly #transport: ChildTransport;
  readonly #protocol: ProcessProtocol;
  readonly #killAfter: number;

  /** @internal */
  constructor(transport: ChildTransport, protocol: ProcessProtocol, killAfter: number) {
    this.#transport = transport;
    this.#protocol = protocol;
    this.#killAfter = killAfter;
    this.pid = transport.getPid();
    this.stdin = protocol.stdin as In;
    this.stdout = protocol.readers[1] as Out;
    this.stderr = protocol.readers[2] as Err;
  }

  /** `null` while it runs; then its exit status, or `-n` if signal `n` ended it. */
  get returncode(): number | null {
    return this.#transport.getReturncode();
  }

  /**
   * Waits for its end, and gives the return code. With `stdout: PIPE` or `stderr: PIPE` somebody must read meanwhile, or the child
   * waits for ever once the pipe is full: {@link communicate} does both.
   *
   * *Suspends* until it has exited and its pipes are closed. *Cancellation* leaves it running; several may wait.
   *
   * @param options.pipes `false` waits for the exit alone: what the child has started may have inherited its pipes, and keep them open
   *   for as long as it likes. Python has no such option.
   */
  wait(options: { pipes?: boolean | undefined } = {}): Coroutine<number> {
    return new Coroutine(this.#transport._wait(options.pipes ?? true), 'wait');
  }

  /**
   * Writes `input` to its standard input and closes that, reads standard output and standard error to their ends, and waits for its
   * exit. Gives what was read, `null` for what is not a pipe. That the child does not read its input is no error.
   *
   * *Suspends* until all of it is done. *Cancellation* leaves the child running, with its standard input open; what was read is
   * still in the readers, so that a second `communicate()` without input goes on.
   *
   * @throws TypeError for what is not bytes, ValueError for input where standard input is not a pipe (Python ignores it).
   * @example
   * ```ts
   * import * as asyncio from 'tsyncio';
   *
   * await asyncio.run(async () => {
   *   const { PIPE } = asyncio.subprocess;
   *   const child = await asyncio.createSubprocessExec('sort', ['-r'], { stdin: PIPE, stdout: PIPE });
   *   const [output] = await child.communicate(Buffer.from('1\n3\n2\n'));
   *   console.log(output.toString().split('\n'), child.returncode); //=> [ '3', '2', '1', '' ] 0
   * });
   * ```
   */
  communicate(input: Uint8Array | null = null): Coroutine<[stdout: Output<Out>, stderr: Output<Err>]> {
    if (input !== null) {
      checkBytes(input, 'communicate');
      if (this.stdin === null)
        throw new ValueError(
          'Cannot communicate: there is input, but stdin is not a pipe: start with stdin: PIPE',
        );
    }
    return new Coroutine(this.#communicating(input), 'communicate');
  }

  *#communicating(input: Uint8Array | null): Coro<[Output<Out>, Output<Err>]> {
    const [, stdout, stderr] = yield* gather([this._feed(input), this.#readAll(1), this.#readAll(2)]);
    yield* this.#transport._wait(true);
    return [stdout as Output<Out>, stderr as Output<Err>];
  }

  /** Writes the input, if there is any, and closes `stdin`. A child that does not read it all is no failure. @internal */
  *_feed(input: Uint8Array | null): Coro<void> {
    const { stdin } = this;
    if (stdin === null) return;
    try {
      if (input !== null) stdin.write(input);
      yield* stdin.drain();
    } catch (error) {
      if (!(error instanceof BrokenPipeError || error instanceof ConnectionResetError)) throw error;
    }
    stdin.close();
  }

  *#readAll(fd: 1 | 2): Coro<Bytes | null> {
    const reader = fd === 1 ? this.stdout : this.stderr;
    if (reader === null) return null;
    const output = yield* reader.read();
    this.#transport.getPipeTransport(fd)?.close();
    return output;
  }

  /** Sends a signal, by name or number. @throws ProcessLookupError when it has ended; ValueError for what is no signal. */
  sendSignal(signal: SignalLike): void {
    this.#transport.sendSignal(signal);
  }

  /** Asks it to stop: SIGTERM. @throws ProcessLookupError when it has ended. */
  terminate(): void {
    this.#transport.terminate();
  }

  /** Stops it: SIGKILL. @throws ProcessLookupError when it has ended. */
  kill(): void {
    this.#transport.kill();
  }

  /**
   * Ends it, whatever it takes, and gives its return code: closes its standard input, sends SIGTERM, and SIGKILL if it still runs
   * after `killAfter`. Of a process started with `startNewSession` the whole group gets the signals, and whoever of the group is
   * left when it has exited is killed. One that has ended already is no error. Python has no such method.
   *
   * Those who read its output go on meanwhile; output that nobody reads does not keep it from ending: what does not fit into the
   * readers is dropped.
   *
   * *Suspends* until it has exited and its pipes are closed. *Cancellation* kills it at once, and comes out when it is dead.
   *
   * @param killAfter as in the options that it was started with, unless told.
   * @example
   * ```ts
   * import * as asyncio from 'tsyncio';
   *
   * await asyncio.run(async () => {
   *   const child = await asyncio.createSubprocessExec('sleep', ['60']);
   *   console.log(await child.stop('2s')); //=> -15
   * });
   * ```
   */
  stop(killAfter?: Duration): Coroutine<number> {
    const grace = killAfter === undefined ? this.#killAfter : toSeconds(killAfter, 'killAfter');
    return new Coroutine(this.#stopping(grace), 'stop');
  }

  *#stopping(grace: number): Coro<number> {
    const transport = this.#transport;
    const exited = transport._exited();
    const wasRunning = this.returncode === null;
    let failure: { error: unknown } | null = null;
    this.#protocol.stop();
    this.stdin?.close();
    try {
      if (wasRunning) {
        transport._signalAll('SIGTERM');
        yield* wait([exited], { timeout: grace });
      }
    } catch (error) {
      failure = { error };
    }
    // Also when it has exited by now: others of its group may be left. Later, its number may be another's.
    if (wasRunning) transport._signalAll('SIGKILL');
    while (this.returncode === null) {
      try {
        yield* wait([exited]);
      } catch (error) {
        failure ??= { error };
      }
    }
    const ended = transport._ended();
    try {
      if (failure === null) yield* wait([ended], { timeout: LINGER });
    } catch (error) {
      failure = { error };
    }
    transport.close();
    while (!ended.done()) {
      try {
        yield* wait([ended]);
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure !== null) throw failure.error;
    return this.returncode;
  }

  [aenter](): Coroutine<this> {
    return new Coroutine(enter(this), 'Process');
  }

  [aexit](): Coroutine<void> {
    return this[Symbol.asyncDispose]();
  }

  /** As {@link stop}. */
  [Symbol.asyncDispose](): Coroutine<void> {
    return new Coroutine(this.#leaving(), 'Process');
  }

  *#leaving(): Coro<void> {
    yield* this.#stopping(this.#killAfter);
  }

  toString(): string {
    const state = this.returncode === null ? 'running' : `returncode=${this.returncode}`;
    return `<Process ${this.pid} ${state}>`;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}

function* enter<P>(process: P): Coro<P> {
  return process;
}

type Piped<R, Stream> = [R] extends [typeof PIPE] ? Stream : typeof PIPE extends R ? Stream | null : null;

/** The process that options give: its streams are `null` unless they are pipes. */
export type ProcessOf<O> = Process<
  'stdin' extends keyof O ? Piped<O['stdin'], StreamWriter> : null,
  'stdout' extends keyof O ? Piped<O['stdout'], StreamReader> : null,
  'stderr' extends keyof O ? Piped<O['stderr'], StreamReader> : null
>;

const FURTHER = ['limit', 'killAfter'];

function create(
  name: string,
  program: string,
  args: readonly string[],
  options: ProcessOptions,
  shell: boolean,
): Coroutine<Process> {
  const { limit, killAfter = GRACE } = options;
  if (limit !== undefined && !(limit > 0)) throw new ValueError('Limit cannot be <= 0');
  const grace = toSeconds(killAfter, 'killAfter');
  const command = checkCommand(program, args, options, { standard: null, shell, further: FURTHER });
  function* creating(): Coro<Process> {
    const loop = getRunningLoop();
    const [transport, protocol] = yield* spawning(loop, () => new ProcessProtocol(loop, limit), command);
    return new Process(transport, protocol, grace);
  }
  return new Coroutine(creating(), name);
}

/**
 * Starts a program, without a shell. Its standard streams are this process's own unless `PIPE` or another target is given.
 * Source: `asyncio.create_subprocess_exec`, whose arguments are an array here, since options follow.
 *
 * *Suspends* until its pipes are connected. *Cancellation* kills it and waits for its end.
 *
 * @throws at once: TypeError and ValueError for what makes no sense. When awaited: FileNotFoundError when there is no such program,
 *   PermissionError and other errors of the system, with their `code`.
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   const { PIPE } = asyncio.subprocess;
 *   await using child = await asyncio.createSubprocessExec('printf', ['one\\ntwo\\n'], { stdout: PIPE });
 *   for await (const line of child.stdout) console.log(line.toString().trim());
 *   //=> one
 *   //=> two
 *   console.log(await child.wait()); //=> 0
 * });
 * ```
 */
export function createSubprocessExec<const O extends ProcessOptions = Record<never, never>>(
  program: string,
  args: readonly string[] = [],
  options?: O,
): Coroutine<ProcessOf<O>> {
  return create('createSubprocessExec', program, args, options ?? {}, false) as Coroutine<ProcessOf<O>>;
}

/**
 * Runs a command line in a shell: `/bin/sh -c`, on Windows `cmd.exe`. Never put text of others into it without quoting. A signal
 * goes to the shell only; with `startNewSession: true`, {@link Process.stop} reaches all that it has started. As
 * {@link createSubprocessExec} otherwise. Source: `asyncio.create_subprocess_shell`.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * await asyncio.run(async () => {
 *   const { PIPE, STDOUT } = asyncio.subprocess;
 *   const child = await asyncio.createSubprocessShell('echo out; echo err >&2; exit 3', { stdout: PIPE, stderr: STDOUT });
 *   const [output] = await child.communicate();
 *   console.log(output.toString().split('\n'), child.returncode); //=> [ 'out', 'err', '' ] 3
 * });
 * ```
 */
export function createSubprocessShell<const O extends ProcessOptions = Record<never, never>>(
  command: string,
  options?: O,
): Coroutine<ProcessOf<O>> {
  return create('createSubprocessShell', command, [], options ?? {}, true) as Coroutine<ProcessOf<O>>;
}
