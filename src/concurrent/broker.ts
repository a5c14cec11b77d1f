/**
 * The program of the broker: a thread that is never blocked, and so hears what a blocked owner cannot.
 *
 * It sees worker threads end by their lifelines. Worker processes are its own children: it takes their calls out of the
 * shared queue, sends them through a socket, and writes what comes back into the owner's ring.
 */

import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { ProcessPool } from './broker-pool.js';
import type { BrokerRequest } from './broker-protocol.js';
import { OwnerRing } from './owner-ring.js';
import { DIED } from './protocol.js';
import { RecordRing } from './record-ring.js';

const bell = new Int32Array((workerData as { bell: SharedArrayBuffer }).bell);
const pools = new Map<number, ProcessPool>();

function serveRequest(request: BrokerRequest): void {
  switch (request.type) {
    case 'watch': {
      const { lifeline, worker, serial, notices } = request;
      const owner = new OwnerRing(new RecordRing(notices), bell, null);
      lifeline.on('close', () => owner.note(DIED, worker, serial, 'the thread ended'));
      lifeline.start();
      break;
    }
    case 'pool':
      pools.set(request.pool, new ProcessPool(request.setup, bell));
      break;
    case 'start':
      pools.get(request.pool)?.start(request.setup, request.serial);
      break;
    case 'order':
      pools.get(request.pool)?.order(request.worker, request.order);
      break;
    case 'signal':
      pools.get(request.pool)?.signal(request.worker, request.signal);
      break;
    case 'interrupt':
      pools.get(request.pool)?.interrupt(request.index);
      break;
    case 'kill':
      pools.get(request.pool)?.kill(request.index);
      break;
    case 'end':
      pools.get(request.pool)?.end();
      pools.delete(request.pool);
      break;
  }
}

(parentPort as MessagePort).on('message', serveRequest);
