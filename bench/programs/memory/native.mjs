import { setTimeout as sleep } from 'node:timers/promises';
import { usedBytes } from '../memory.mjs';

async function parked(event) {
  await event;
}

async function sleeping() {
  await sleep(3_600_000, undefined, { ref: false });
}

export default ({ tasks, sleeps }) => ({
  async value() {
    const { promise: event, resolve } = Promise.withResolvers?.() ?? withResolvers();
    const start = (count) => {
      for (let i = 0; i < count; i++) sleeps ? sleeping() : parked(event);
    };
    start(1000);
    await null;
    const before = usedBytes();
    start(tasks);
    await null;
    const bytes = (usedBytes() - before) / tasks;
    resolve();
    return bytes;
  },
});

function withResolvers() {
  let resolve;
  const promise = new Promise((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve };
}
