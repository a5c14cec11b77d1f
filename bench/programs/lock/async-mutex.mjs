import { Mutex } from 'async-mutex';

async function worker(mutex, times) {
  for (let i = 0; i < times; i++) {
    const release = await mutex.acquire();
    release();
  }
}

export default ({ tasks }) => ({
  units: tasks,
  least: tasks === 1 ? 1 : Math.max(1, 10_000 / tasks),
  async repeat(times, restart) {
    const mutex = new Mutex();
    if (tasks === 1) return worker(mutex, times);
    const release = await mutex.acquire();
    const workers = Array.from({ length: tasks }, () => worker(mutex, times));
    restart();
    release();
    await Promise.all(workers);
  },
});
