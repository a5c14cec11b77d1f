import { createTask, gather, run, sleep } from 'tsyncio';

let cleaned = 0;

function* sleeper() {
  try {
    yield* sleep(3600);
  } finally {
    yield* sleep(0);
    cleaned++;
  }
}

export default ({ tasks }) => ({
  units: tasks,
  repeat: (times) =>
    run(function* () {
      for (let t = 0; t < times; t++) {
        cleaned = 0;
        const sleepers = Array.from({ length: tasks }, () => createTask(sleeper()));
        yield* sleep(0);
        for (const task of sleepers) task.cancel();
        yield* gather(sleepers, { returnExceptions: true });
        if (cleaned !== tasks) throw new Error('a clean-up is lost');
      }
    }),
});
