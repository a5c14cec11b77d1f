import { Lock, run, sleep, TaskGroup } from 'tsyncio';

function* worker(lock, times) {
  for (let i = 0; i < times; i++) {
    yield* lock.acquire();
    lock.release();
  }
}

// Every worker queues up while main holds the lock; from then on each acquire() is handed over by a release().
export default ({ tasks }) => ({
  units: tasks,
  least: tasks === 1 ? 1 : Math.max(4, 10_000 / tasks),
  repeat: (times, restart) =>
    run(function* () {
      const lock = new Lock();
      if (tasks === 1) return yield* worker(lock, times);
      yield* lock.acquire();
      yield* new TaskGroup().run(function* (group) {
        for (let i = 0; i < tasks; i++) group.createTask(worker(lock, times));
        yield* sleep(0);
        restart();
        lock.release();
      });
    }),
});
