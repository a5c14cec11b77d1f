/** The broker, as the thread that it serves sees it. It starts when it is first needed: at a long block, or by a pool of processes. */

import type { MessagePort, Worker } from 'node:worker_threads';
import type { BrokerRequest } from './broker-protocol.js';
import { threadMailbox } from './mailbox.js';
import { program } from './programs.js';
import type { TransferList } from './transfer-list.js';

export class BrokerClient {
  readonly #worker: Worker;

  constructor() {
    const { Worker } = process.getBuiltinModule('node:worker_threads');
    this.#worker = new Worker(program('broker'), {
      workerData: { bell: threadMailbox().memory },
      name: 'tsyncio broker',
    });
    this.#worker.unref();
  }

  /** Has the broker write a `DIED` record into `notices` when the other end of `lifeline` closes. */
  watch(lifeline: MessagePort, worker: number, serial: number, notices: SharedArrayBuffer): void {
    this.send({ type: 'watch', lifeline, worker, serial, notices }, [lifeline]);
  }

  send(request: BrokerRequest, list: TransferList = []): void {
    this.#worker.postMessage(request, [...list]);
  }
}

let broker: BrokerClient | null = null;

/** The broker of this thread. */
export function threadBroker(): BrokerClient {
  broker ??= new BrokerClient();
  return broker;
}
