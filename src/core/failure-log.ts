/**
 * Failures that nobody has looked at.
 *
 * A future that fails is noted; when its loop has nothing else to do and still nobody has asked, it is put on record, and
 * the record outlives the future. It is reported when the future is collected, at the latest when the loop closes; on
 * the ambient loop, which never closes, after some seconds. Only failures that were not looked at at once pay for this.
 */

import type { EventLoop, FutureRecord } from './base-events.js';
import type { Context } from './contextvars.js';
import { originOf, type StackFrame } from './format-helpers.js';
import type { Future } from './futures.js';

/** Seconds that a failure on the ambient loop may go unnoticed. */
const AMBIENT_PATIENCE = 5;

interface FailureRecord {
  readonly exception: unknown;
  readonly description: string;
  readonly message: string;
  readonly context: Context | undefined;
  readonly sourceTraceback: readonly StackFrame[] | null;
  readonly future: WeakRef<Future<unknown>>;
}

/** What a report shows in place of a future that is gone. */
class CollectedFuture implements FutureRecord {
  readonly #record: FailureRecord;

  constructor(record: FailureRecord) {
    this.#record = record;
  }

  toString(): string {
    return this.#record.description;
  }

  getContext(): Context | undefined {
    return this.#record.context;
  }
}

const collected = new FinalizationRegistry<{ log: FailureLog; record: FailureRecord }>(({ log, record }) =>
  log._report(record),
);

export class FailureLog {
  readonly #loop: EventLoop;
  readonly #isAmbient: boolean;
  #fresh: Future<unknown>[] = [];
  readonly #records = new Set<FailureRecord>();
  readonly #recordOf = new WeakMap<Future<unknown>, FailureRecord>();

  constructor(loop: EventLoop, isAmbient: boolean) {
    this.#loop = loop;
    this.#isAmbient = isAmbient;
  }

  /** A future has failed. */
  note(future: Future<unknown>): void {
    this.#fresh.push(future);
  }

  /** The loop has nothing else to do: puts on record what nobody has looked at. */
  record(): void {
    if (this.#fresh.length === 0) return;
    const fresh = this.#fresh;
    this.#fresh = [];
    for (const future of fresh) {
      if (!future._unretrieved) continue;
      const record: FailureRecord = {
        exception: future._value,
        description: String(future),
        message: `${future._typeName()} exception was never retrieved`,
        context: (future as Future<unknown> & FutureRecord).getContext?.(),
        sourceTraceback: future.sourceTraceback,
        future: new WeakRef(future),
      };
      this.#records.add(record);
      this.#recordOf.set(future, record);
      collected.register(future, { log: this, record }, future);
      if (this.#isAmbient) this.#loop._host.timer(() => this._report(record), true).set(AMBIENT_PATIENCE);
    }
  }

  /** Somebody has looked. */
  forget(future: Future<unknown>): void {
    const record = this.#recordOf.get(future);
    if (record === undefined) return;
    this.#recordOf.delete(future);
    this.#records.delete(record);
    collected.unregister(future);
  }

  /** Reports everything that nobody has looked at. */
  reportAll(): void {
    this.record();
    for (const record of [...this.#records]) this._report(record);
  }

  /** @internal */
  _report(record: FailureRecord): void {
    if (!this.#records.delete(record)) return;
    const future = record.future.deref();
    if (future !== undefined) {
      future._unretrieved = false;
      collected.unregister(future);
    }
    this.#loop.callExceptionHandler({
      message: record.message,
      exception: record.exception,
      future: future ?? new CollectedFuture(record),
      ...originOf(record),
    });
  }
}
