import { run, spawn, until } from 'effection';

// Effection has no bare yield, and its sleep(0) waits a millisecond: the cheapest switch is a resolved promise.
function* worker(times) {
  for (let i = 0; i < times; i++) yield* until(Promise.resolve());
}

export default ({ tasks }) => ({
  units: tasks,
  least: Math.max(200, 100_000 / tasks),
  repeat: (times) =>
    run(function* () {
      const workers = [];
      for (let i = 0; i < tasks; i++) workers.push(yield* spawn(() => worker(times)));
      for (const task of workers) yield* task;
    }),
});
