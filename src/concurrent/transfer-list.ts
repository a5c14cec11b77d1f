/** What `postMessage()` takes as its second argument: what moves. */
export type TransferList = readonly import('node:worker_threads').Transferable[];
