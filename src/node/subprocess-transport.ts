/**
 * The transport of a child process: its pipes, its signals, its end.
 *
 * Everything that it tells its protocol goes through the loop, in this order: `connectionMade`, `pipeDataReceived`\*, one
 * `pipeConnectionLost` for each pipe, `processExited`, `connectionLost`. The last comes when the child has exited *and* all of its
 * pipes are closed; the others may come in any order among themselves. Node reaps the child, so that it never stays a zombie.
 */

import type { ChildProcess } from 'node:child_process';
import {
  type Bytes,
  type Context,
  type Coro,
  copyContext,
  type EventLoop,
  type Future,
  logger,
  ValueError,
} from '../core/index.js';
import {
  type BaseProtocol,
  keepTrack,
  ProcessLookupError,
  Protocol,
  type ReadTransport,
  type SignalLike,
  type SubprocessProtocol,
  SubprocessTransport,
  toOSError,
  type WriteTransport,
} from '../core/io.js';
import { ReadPipeTransport, WritePipeTransport } from './pipe-transports.js';
import { signalNumbers } from './signals.js';

/** What stands between a pipe of the child and the child's protocol. */
class PipeProtocol extends Protocol {
  readonly #owner: ChildTransport;
  readonly #fd: number;

  constructor(owner: ChildTransport, fd: number) {
    super();
    this.#owner = owner;
    this.#fd = fd;
  }

  override dataReceived(data: Bytes): void {
    this.#owner._pipeDataReceived(this.#fd, data);
  }

  override connectionLost(error: Error | null): void {
    this.#owner._pipeConnectionLost(this.#fd, error);
  }

  override pauseWriting(): void {
    this.#owner.getProtocol().pauseWriting?.();
  }

  override resumeWriting(): void {
    this.#owner.getProtocol().resumeWriting?.();
  }
}

export class ChildTransport extends SubprocessTransport {
  readonly #loop: EventLoop;
  readonly #child: ChildProcess;
  readonly #pid: number;
  readonly #leadsGroup: boolean;
  readonly #context: Context = copyContext();
  readonly #untrack: () => void;
  #protocol: BaseProtocol;
  readonly #pipes = new Map<number, ReadPipeTransport | WritePipeTransport>();
  /** The pipes that are not disconnected. */
  #openPipes = 0;
  #returncode: number | null = null;
  #closed = false;
  /** Exited, and no pipe is open. */
  #finished = false;
  /** The protocol knows. */
  #ended = false;
  readonly #exitWaiters = new Set<Future<void>>();
  readonly #finishWaiters = new Set<Future<void>>();
  /** What Node said when a signal could not be sent. */
  #signalError: Error | null = null;

  /** @param leadsGroup whether the child leads a process group of its own. */
  constructor(loop: EventLoop, child: ChildProcess, protocol: BaseProtocol, leadsGroup: boolean) {
    super();
    this.#loop = loop;
    this.#child = child;
    this.#pid = child.pid as number;
    this.#protocol = protocol;
    this.#leadsGroup = leadsGroup;
    this.#untrack = keepTrack(loop, this);
    child.on('error', (error) => {
      this.#signalError = error;
    });
    child.on('exit', (code, signal) => this.#onExit(code ?? -(signalNumbers()[signal ?? ''] ?? 0)));
    const { stdin, stdout, stderr } = child;
    if (stdin !== null) this.#pipes.set(0, new WritePipeTransport(loop, stdin, new PipeProtocol(this, 0)));
    if (stdout !== null) this.#pipes.set(1, new ReadPipeTransport(loop, stdout, new PipeProtocol(this, 1)));
    if (stderr !== null) this.#pipes.set(2, new ReadPipeTransport(loop, stderr, new PipeProtocol(this, 2)));
    this.#openPipes = this.#pipes.size;
    if (loop.getDebug()) logger.debug(`process ${child.spawnfile} created: pid ${this.#pid}`);
  }

  /** Calls `connectionMade()` through the loop, when the pipes are connected, and completes `waiter`. @internal */
  _begin(waiter: Future<void>): void {
    this.#call(() => {
      try {
        this.#protocol.connectionMade?.(this);
      } finally {
        if (!waiter.done()) waiter.setResult(undefined);
      }
    });
    // Their first data comes an iteration later.
    for (const pipe of this.#pipes.values()) pipe._begin(null);
  }

  #call(callback: () => void): void {
    if (!this.#loop.isClosed()) this.#loop.callSoon(callback, { context: this.#context });
  }

  /** @internal */
  _pipeDataReceived(fd: number, data: Bytes): void {
    (this.#protocol as SubprocessProtocol).pipeDataReceived?.(fd, data);
  }

  /** @internal */
  _pipeConnectionLost(fd: number, error: Error | null): void {
    this.#openPipes -= 1;
    try {
      (this.#protocol as SubprocessProtocol).pipeConnectionLost?.(fd, error);
    } finally {
      this.#tryFinish();
    }
  }

  #onExit(returncode: number): void {
    this.#call(() => {
      if (this.#loop.getDebug()) logger.info(`${this} exited with return code ${returncode}`);
      this.#returncode = returncode;
      wake(this.#exitWaiters);
      try {
        (this.#protocol as SubprocessProtocol).processExited?.();
      } finally {
        this.#tryFinish();
      }
    });
  }

  #tryFinish(): void {
    if (this.#finished || this.#returncode === null || this.#openPipes > 0) return;
    this.#finished = true;
    this.#untrack();
    this.#call(() => {
      try {
        this.#protocol.connectionLost?.(null);
      } finally {
        this.#ended = true;
        wake(this.#finishWaiters);
      }
    });
  }

  /** Waits until the child has exited and, if `pipes`, its pipes are closed; only for the exit if that is known. @internal */
  *_wait(pipes: boolean): Coro<number> {
    if (this.#returncode === null) yield* this.#waiter(pipes ? this.#finishWaiters : this.#exitWaiters);
    return this.#returncode as unknown as number;
  }

  /** A future for the end of everything: `connectionLost()` was called. @internal */
  _ended(): Future<void> {
    const waiter = this.#waiter(this.#finishWaiters);
    if (this.#ended) wake(this.#finishWaiters);
    return waiter;
  }

  /** A future for the child's exit, whatever becomes of its pipes. @internal */
  _exited(): Future<void> {
    const waiter = this.#waiter(this.#exitWaiters);
    if (this.#returncode !== null) wake(this.#exitWaiters);
    return waiter;
  }

  #waiter(waiters: Set<Future<void>>): Future<void> {
    const waiter = this.#loop.createFuture<void>();
    waiters.add(waiter);
    waiter.addDoneCallback(() => waiters.delete(waiter));
    return waiter;
  }

  getPid(): number {
    return this.#pid;
  }

  getReturncode(): number | null {
    return this.#returncode;
  }

  getPipeTransport(fd: number): ReadTransport | WriteTransport | null {
    return this.#pipes.get(fd) ?? null;
  }

  sendSignal(signal: SignalLike): void {
    const number = checkSignal(signal);
    if (this.#finished) {
      throw new ProcessLookupError(`Cannot send ${String(signal)}: process ${this.#pid} has ended`, {
        code: 'ESRCH',
        syscall: 'kill',
      });
    }
    this.#signalError = null;
    // False when it has just exited: nobody can tell in advance, so that it is no error.
    this.#child.kill(number);
    const error = this.#signalError as Error | null;
    if (error !== null) throw toOSError(error);
  }

  /** The signal goes to the child's whole group, if it leads one, also when it has exited itself. @internal */
  _signalAll(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (!this.#leadsGroup || process.platform === 'win32') {
      if (this.#returncode === null) this.#child.kill(signal);
      return;
    }
    try {
      process.kill(-this.#pid, signal);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code !== 'ESRCH' && code !== 'EPERM') throw error;
    }
  }

  terminate(): void {
    this.sendSignal('SIGTERM');
  }

  kill(): void {
    this.sendSignal('SIGKILL');
  }

  isClosing(): boolean {
    return this.#closed;
  }

  /** Closes the pipes, and kills the child if it still runs. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const pipe of this.#pipes.values()) pipe.close();
    if (this.#returncode !== null) return;
    if (this.#loop.getDebug() && this.#child.exitCode === null && this.#child.signalCode === null)
      logger.warn(`Close running child process: kill ${this}`);
    this.#child.kill('SIGKILL');
  }

  /** The loop is closed: the child is killed, and nobody is called. @internal */
  abandon(): void {
    this.#closed = true;
    this.#finished = true;
    this.#child.kill('SIGKILL');
    this.#child.unref();
  }

  setProtocol(protocol: BaseProtocol): void {
    this.#protocol = protocol;
  }

  getProtocol(): BaseProtocol {
    return this.#protocol;
  }

  getExtraInfo(name: string, defaultValue: unknown = null): never {
    return (name === 'subprocess' ? this.#child : defaultValue) as never;
  }

  override toString(): string {
    const state = this.#returncode === null ? 'running' : `returncode=${this.#returncode}`;
    const names = ['stdin', 'stdout', 'stderr'];
    const pipes = [...this.#pipes.keys()].map((fd) => ` ${names[fd]}`).join('');
    return `<SubprocessTransport${this.#closed ? ' closed' : ''} pid=${this.#pid} ${state}${pipes}>`;
  }
}

function wake(waiters: Set<Future<void>>): void {
  for (const waiter of waiters) if (!waiter.done()) waiter.setResult(undefined);
}

/** Signal 0 only asks whether the process is there. */
function checkSignal(signal: SignalLike): number {
  const numbers = signalNumbers();
  if (typeof signal === 'string') {
    const number = Object.hasOwn(numbers, signal) ? numbers[signal] : undefined;
    if (number === undefined) throw new ValueError(`invalid signal '${signal}'`);
    return number;
  }
  if (!Number.isInteger(signal))
    throw new TypeError(`sig must be the name or the number of a signal, not ${String(signal)}`);
  if (signal !== 0 && !Object.values(numbers).includes(signal))
    throw new ValueError(`invalid signal ${signal}`);
  return signal;
}
