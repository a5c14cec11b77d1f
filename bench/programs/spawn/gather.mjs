import { eagerTaskFactory, gather, getRunningLoop, run } from 'tsyncio';

function* child(i) {
  return i;
}

export default ({ tasks, eager }) => ({
  units: tasks,
  repeat: (times) =>
    run(function* () {
      if (eager) getRunningLoop().setTaskFactory(eagerTaskFactory);
      for (let t = 0; t < times; t++) {
        const results = yield* gather(Array.from({ length: tasks }, (_, i) => child(i)));
        if (results.at(-1) !== tasks - 1) throw new Error('a result is lost');
      }
    }),
});
