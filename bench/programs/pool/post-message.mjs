// The least that message ports allow: no queue, no errors, no cancellation, the workers in turn.
import { Worker } from 'node:worker_threads';
import { lanes } from './lanes.mjs';

export function open(workers, { name, moves }) {
  const waiting = new Map();
  let calls = 0;
  const heard = ({ id, result }) => {
    const resolve = waiting.get(id);
    waiting.delete(id);
    resolve(result);
  };
  const threads = Array.from({ length: workers }, () => {
    const thread = new Worker(new URL('post-message-worker.mjs', import.meta.url));
    thread.on('message', heard);
    return thread;
  });
  return (value) =>
    new Promise((resolve) => {
      const id = calls++;
      waiting.set(id, resolve);
      threads[id % workers].postMessage({ id, name, value }, moves?.(value));
    });
}

export default lanes(open);
