import { drain, Lock, spawn } from '../trampoline.mjs';

function* worker(lock, times) {
  for (let i = 0; i < times; i++) {
    yield* lock.acquire();
    lock.release();
  }
}

let start;

function* main(lock, tasks, times) {
  yield* lock.acquire();
  for (let i = 0; i < tasks; i++) spawn(worker(lock, times));
  yield;
  start = performance.now();
  lock.release();
}

export default ({ tasks }) => ({
  units: tasks,
  least: tasks === 1 ? 1 : Math.max(4, 10_000 / tasks),
  repeat(times) {
    const lock = new Lock();
    start = performance.now();
    spawn(tasks === 1 ? worker(lock, times) : main(lock, tasks, times));
    drain();
    return (performance.now() - start) / 1e3;
  },
});
