import { setTimeout as sleep } from 'node:timers/promises';

let cleaned = 0;

async function sleeper(signal) {
  try {
    await sleep(3_600_000, undefined, { signal });
  } finally {
    await null;
    cleaned++;
  }
}

// One controller each: a signal shared by thousands of listeners takes quadratic time to build.
export default ({ tasks }) => ({
  units: tasks,
  async repeat(times) {
    for (let t = 0; t < times; t++) {
      cleaned = 0;
      const controllers = Array.from({ length: tasks }, () => new AbortController());
      const sleepers = controllers.map(({ signal }) => sleeper(signal));
      await null;
      for (const controller of controllers) controller.abort();
      await Promise.allSettled(sleepers);
      if (cleaned !== tasks) throw new Error('a clean-up is lost');
    }
  },
});
