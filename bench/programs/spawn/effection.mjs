import { run, spawn } from 'effection';

function* child(i) {
  return i;
}

export default ({ tasks }) => ({
  units: tasks,
  repeat: (times) =>
    run(function* () {
      for (let t = 0; t < times; t++) {
        const children = [];
        for (let i = 0; i < tasks; i++) children.push(yield* spawn(() => child(i)));
        for (const task of children) yield* task;
      }
    }),
});
