import { eagerTaskFactory, getRunningLoop, run, TaskGroup } from 'tsyncio';

function* child(i) {
  return i;
}

export default ({ tasks, eager }) => ({
  units: tasks,
  repeat: (times) =>
    run(function* () {
      if (eager) getRunningLoop().setTaskFactory(eagerTaskFactory);
      for (let t = 0; t < times; t++) {
        yield* new TaskGroup().run(function* (group) {
          for (let i = 0; i < tasks; i++) group.createTask(child(i));
        });
      }
    }),
});
