import { run, sleep, TaskGroup } from 'tsyncio';

function* worker(times) {
  for (let i = 0; i < times; i++) yield* sleep(0);
}

export default ({ tasks }) => ({
  units: tasks,
  least: Math.max(200, 100_000 / tasks),
  repeat: (times) =>
    run(function* () {
      yield* new TaskGroup().run(function* (group) {
        for (let i = 0; i < tasks; i++) group.createTask(worker(times));
      });
    }),
});
