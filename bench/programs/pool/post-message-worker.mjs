import { parentPort } from 'node:worker_threads';
import { functions } from './work.mjs';

parentPort.on('message', ({ id, name, value }) => {
  parentPort.postMessage({ id, result: functions[name](value) });
});
