import { createTask, gather, run, sleep } from 'tsyncio';

let cleaned = 0;

async function sleeper() {
  try {
    await sleep(3600);
  } finally {
    await sleep(0);
    cleaned++;
  }
}

export default ({ tasks }) => ({
  units: tasks,
  repeat: (times) =>
    run(async () => {
      for (let t = 0; t < times; t++) {
        cleaned = 0;
        const sleepers = Array.from({ length: tasks }, () => createTask(sleeper));
        await sleep(0);
        for (const task of sleepers) task.cancel();
        await gather(sleepers, { returnExceptions: true });
        if (cleaned !== tasks) throw new Error('a clean-up is lost');
      }
    }),
});
