import { run, sleep, TaskGroup } from 'tsyncio';

async function worker(times) {
  for (let i = 0; i < times; i++) await sleep(0);
}

export default ({ tasks }) => ({
  units: tasks,
  least: Math.max(200, 100_000 / tasks),
  repeat: (times) =>
    run(async () => {
      await new TaskGroup().run(async (group) => {
        for (let i = 0; i < tasks; i++) group.createTask(() => worker(times));
      });
    }),
});
