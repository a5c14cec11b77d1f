/**
 * A loop of another thread: what cannot be shared is reached through a message port.
 *
 * `loopPort()` in the loop's thread gives a port, which is sent to the other thread like any value; there
 * `new RemoteLoop(port)` stands for the loop. Functions go by source or by reference, as to a pool: a reference finds the
 * very module that the loop's thread has loaded, with its state.
 */

import type { MessagePort } from 'node:worker_threads';
import { type EventLoop, getEventLoop, type Handle, RuntimeError, type Task } from '../core/index.js';
import { keepTrack, type OpenResource } from '../core/io.js';
import { ring } from './bell.js';
import { threadBroker } from './broker-client.js';
import { unsendableArguments, unsendableResult } from './clone-path.js';
import { decodeError, encodeError, type WireError } from './error-transport.js';
import type { Returned, WorkerFunction } from './executor.js';
import { type FunctionSpec, resolveFunction, specify } from './function-spec.js';
import { type CancelOptions, Future } from './futures.js';
import { threadMailbox } from './mailbox.js';
import { RecordRing } from './record-ring.js';
import { allTransfers, transfer, transfersOf } from './transfer.js';
import type { TransferList } from './transfer-list.js';

type Request =
  | { readonly type: 'hello'; readonly bell: SharedArrayBuffer }
  | { readonly type: 'call'; readonly spec: FunctionSpec; readonly args: readonly unknown[] }
  | {
      readonly type: 'run';
      readonly id: number;
      readonly spec: FunctionSpec;
      readonly args: readonly unknown[];
    }
  | { readonly type: 'cancel'; readonly id: number };

type Reply =
  | { readonly type: 'lifeline'; readonly port: MessagePort }
  | { readonly type: 'result'; readonly id: number; readonly value: unknown }
  | { readonly type: 'error'; readonly id: number; readonly error: WireError }
  | { readonly type: 'cancelled'; readonly id: number };

/** Bytes of the ring in which the broker says that the other thread has ended. */
const NOTICES = 1024;

/** A message port, to be sent to another thread. */
export interface LoopPort {
  postMessage(message: unknown, transferList?: readonly never[]): void;
  close(): void;
}

type AnyFunction = (...args: readonly unknown[]) => unknown;

/**
 * A port through which one other thread can reach `loop` (the running one unless told): send it there as an argument, a result
 * or in a message, and make a {@link RemoteLoop} of it. It is marked to be transferred. The port does not keep the process
 * alive; closing it ends the relation.
 */
export function loopPort(loop: EventLoop = getEventLoop()): LoopPort {
  const { MessageChannel } = process.getBuiltinModule('node:worker_threads');
  const { port1: ours, port2: theirs } = new MessageChannel();
  const { port1: lifeline, port2: theirLifeline } = new MessageChannel();
  kept.add(lifeline);
  ours.once('close', () => {
    kept.delete(lifeline);
    lifeline.close();
  });
  // It goes first, so that whoever gets the port can be told of this thread's end from the beginning.
  ours.postMessage({ type: 'lifeline', port: theirLifeline } satisfies Reply, [theirLifeline]);
  const served = new ServedLoop(loop, ours);
  ours.on('message', (request: Request) => served.obey(request));
  ours.once('close', keepTrack(loop, served));
  ours.unref();
  return transfer(theirs, [theirs]);
}

/** The loop's end of the port. */
class ServedLoop implements OpenResource {
  readonly #loop: EventLoop;
  readonly #port: MessagePort;
  readonly #tasks = new Map<number, Task<unknown> | null>();
  #bell: Int32Array | null = null;
  /** A port may outlive its loop: it tells the other side that the loop is closed. */
  readonly quiet = true;

  constructor(loop: EventLoop, port: MessagePort) {
    this.#loop = loop;
    this.#port = port;
  }

  obey(request: Request): void {
    switch (request.type) {
      case 'hello':
        this.#bell = new Int32Array(request.bell);
        break;
      case 'call':
        this.#resolve(request.spec, (fn) => this.#soon(() => fn(...request.args)));
        break;
      case 'run':
        this.#run(request.id, request.spec, request.args);
        break;
      case 'cancel':
        if (this.#tasks.get(request.id) === null) this.#tasks.delete(request.id);
        else this.#tasks.get(request.id)?.cancel();
        break;
    }
  }

  /** The loop is being closed: whoever still waits for it would wait for ever. */
  abandon(): void {
    const left = [...this.#tasks.keys()];
    this.#tasks.clear();
    const error = encodeError(new RuntimeError('Event loop was closed before the coroutine had ended'));
    for (const id of left) this.#reply({ type: 'error', id, error });
  }

  #soon(callback: () => unknown): Handle | null {
    return this.#loop.isClosed() ? null : this.#loop.callSoonThreadsafe(callback);
  }

  #resolve(spec: FunctionSpec, then: (fn: AnyFunction) => unknown, failed?: (error: unknown) => void): void {
    const report =
      failed ??
      ((exception: unknown) =>
        this.#loop.callExceptionHandler({ message: 'Cannot call a function for another thread', exception }));
    try {
      const found = resolveFunction(spec) as AnyFunction | Promise<AnyFunction>;
      if (typeof found === 'function') then(found);
      else found.then(then).catch(report);
    } catch (error) {
      report(error);
    }
  }

  #run(id: number, spec: FunctionSpec, args: readonly unknown[]): void {
    const fail = (error: unknown) => {
      this.#tasks.delete(id);
      this.#reply({ type: 'error', id, error: encodeError(error) });
    };
    this.#tasks.set(id, null);
    const start = (fn: AnyFunction) => {
      if (this.#loop.isClosed()) throw new RuntimeError('Event loop is closed');
      this.#loop.callSoonThreadsafe(() => {
        if (!this.#tasks.has(id)) {
          this.#reply({ type: 'cancelled', id });
          return;
        }
        const task = this.#loop.createTask(() => fn(...args) as PromiseLike<unknown>);
        this.#tasks.set(id, task);
        task.addDoneCallback(() => this.#ended(id, task));
      });
    };
    this.#resolve(spec, start, fail);
  }

  #ended(id: number, task: Task<unknown>): void {
    this.#tasks.delete(id);
    if (task.cancelled()) {
      this.#reply({ type: 'cancelled', id });
      return;
    }
    const error = task.exception();
    if (error !== null) {
      this.#reply({ type: 'error', id, error: encodeError(error) });
      return;
    }
    const value = task.result();
    try {
      this.#reply({ type: 'result', id, value }, transfersOf(value));
    } catch (refusal) {
      this.#reply({ type: 'error', id, error: encodeError(unsendableResult(value, refusal)) });
    }
  }

  #reply(reply: Reply, list: TransferList = []): void {
    this.#port.postMessage(reply, [...list]);
    if (this.#bell !== null) ring(this.#bell);
  }
}

/** Lifelines: they close with this thread. */
const kept = new Set<MessagePort>();

/** The outcome of a coroutine that runs on a loop of another thread. */
class RemoteFuture<T> extends Future<T> {
  readonly #stop: () => void;

  constructor(stop: () => void) {
    super();
    this.#stop = stop;
  }

  override cancel(options?: CancelOptions): boolean {
    const wasOpen = !this.done();
    const cancelled = super.cancel(options);
    if (cancelled && wasOpen) {
      this.setRunningOrNotifyCancel();
      this.#stop();
    }
    return cancelled;
  }
}

/**
 * A loop of another thread, reached through a port of its {@link loopPort}. `runCoroutineThreadsafe(fn, remote, ...args)` runs a
 * coroutine there and gives a future that may also be waited for by blocking.
 *
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 * import { loopPort, ThreadPoolExecutor } from 'tsyncio/concurrent';
 *
 * await asyncio.run(async () => {
 *   await using executor = new ThreadPoolExecutor();
 *   const ask = async (port: unknown) => {
 *     const { RemoteLoop, runCoroutineThreadsafe } = await import('tsyncio/concurrent');
 *     using main = new RemoteLoop(port);
 *     return runCoroutineThreadsafe(async (x: number) => x + 1, main, 41).result();
 *   };
 *   console.log(await executor.submit(ask, loopPort())); //=> 42
 * });
 * ```
 */
export class RemoteLoop implements Disposable {
  readonly #port: MessagePort;
  readonly #mailbox = threadMailbox();
  readonly #futures = new Map<number, RemoteFuture<unknown>>();
  readonly #notices = new RecordRing(NOTICES);
  #lifeline: MessagePort | null = null;
  #made = 0;
  #closed = false;

  /** @throws TypeError for anything but a message port. */
  constructor(port: unknown) {
    if (typeof (port as MessagePort | null)?.postMessage !== 'function') {
      throw new TypeError(`Cannot reach a loop through ${String(port)}: expected what loopPort() gave`);
    }
    this.#port = port as MessagePort;
    this.#port.on('close', () => this.#end('its thread has ended, or closed the port'));
    this.#port.unref();
    this.#mailbox.add(this);
    this.#send({ type: 'hello', bell: this.#mailbox.memory });
    this.drain();
  }

  /**
   * Has the loop call `fn(...args)` soon. What it throws goes to the loop's exception handler.
   *
   * @throws TypeError for a function or arguments that cannot be sent; RuntimeError when the relation has ended.
   */
  callSoonThreadsafe<A extends readonly unknown[]>(fn: WorkerFunction<A, unknown>, ...args: A): void {
    this.#check();
    this.#sendCall({ type: 'call', spec: specify(fn as never), args });
  }

  /** @internal */
  _run<A extends readonly unknown[], R>(fn: WorkerFunction<A, R>, args: A): Future<Returned<R>> {
    this.#check();
    this.#made += 1;
    const id = this.#made;
    const future = new RemoteFuture<unknown>(() => {
      if (!this.#futures.delete(id)) return;
      this.#mailbox.settle();
      if (!this.#closed) this.#send({ type: 'cancel', id });
    });
    this.#sendCall({ type: 'run', id, spec: specify(fn as never), args });
    this.#futures.set(id, future);
    this.#mailbox.owe();
    return future as Future<Returned<R>>;
  }

  #check(): void {
    if (this.#closed) throw new RuntimeError('Cannot reach the loop: the port is closed');
  }

  #sendCall(request: Request & { readonly args: readonly unknown[] }): void {
    try {
      this.#send(request, allTransfers(request.args));
    } catch (error) {
      throw unsendableArguments(request.args, error, "the arguments to the loop's thread");
    }
  }

  #send(request: Request, list: TransferList = []): void {
    this.#port.postMessage(request, [...list]);
  }

  /** @internal */
  drain(): boolean {
    const { receiveMessageOnPort } = process.getBuiltinModule('node:worker_threads');
    for (;;) {
      const received = receiveMessageOnPort(this.#port);
      if (received === undefined) break;
      this.#take(received.message as Reply);
    }
    if (this.#notices.peek() >= 0) this.#end('its thread has ended');
    return false;
  }

  #take(reply: Reply): void {
    if (reply.type === 'lifeline') {
      this.#lifeline = reply.port;
      return;
    }
    const future = this.#futures.get(reply.id);
    if (future === undefined) return;
    this.#futures.delete(reply.id);
    this.#mailbox.settle();
    if (reply.type === 'result') future.setResult(reply.value);
    else if (reply.type === 'error') future.setException(decodeError(reply.error));
    else future._endCancelled();
  }

  /** @internal */
  blocked(): void {
    if (this.#lifeline === null) return;
    threadBroker().watch(this.#lifeline, 0, 0, this.#notices.memory);
    this.#lifeline = null;
  }

  /** Ends the relation: what is still awaited fails with RuntimeError. */
  close(): void {
    this.#end('the port was closed');
  }

  #end(why: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#mailbox.delete(this);
    this.#port.close();
    this.#lifeline?.close();
    const futures = [...this.#futures.values()];
    this.#futures.clear();
    for (const future of futures) {
      this.#mailbox.settle();
      future.setException(new RuntimeError(`The loop of the other thread does not answer any more: ${why}`));
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
