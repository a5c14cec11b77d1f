import { createTask, Event, run, sleep } from 'tsyncio';
import { usedBytes } from '../memory.mjs';

function* parked(event) {
  yield* event.wait();
}

function* sleeping() {
  yield* sleep(3600);
}

export default ({ tasks, sleeps }) => ({
  value: () =>
    run(function* () {
      const event = new Event();
      const start = (count) => {
        for (let i = 0; i < count; i++) createTask(sleeps ? sleeping() : parked(event));
      };
      start(1000); // so that what is made once is made before the first look
      yield* sleep(0);
      const before = usedBytes();
      start(tasks);
      yield* sleep(0);
      const bytes = (usedBytes() - before) / tasks;
      event.set();
      yield* sleep(0);
      return bytes;
    }),
});
