import { drain, Lock, spawn } from '../trampoline.mjs';

function* worker(lock, times) {
  for (let i = 0; i < times; i++) {
    yield* lock.acquire();
    lock.release();
  }
}

function* main(lock, tasks, times, restart) {
  yield* lock.acquire();
  for (let i = 0; i < tasks; i++) spawn(worker(lock, times));
  yield;
  restart();
  lock.release();
}

export default ({ tasks }) => ({
  units: tasks,
  least: tasks === 1 ? 1 : Math.max(4, 10_000 / tasks),
  repeat(times, restart) {
    const lock = new Lock();
    spawn(tasks === 1 ? worker(lock, times) : main(lock, tasks, times, restart));
    drain();
  },
});
