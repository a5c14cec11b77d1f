// What 100,000 sleeping tasks cost at least with the platform's own timers: a timer each, and a task to resume.
import { measure, NEXT } from './measure.mjs';

const TIMERS = 100_000;

function* sleeper() {
  yield;
}

class Task {
  constructor(generator) {
    this.generator = generator;
    this.status = 0;
    this.value = undefined;
    this.waiter = null;
  }
}

const all = (start) =>
  new Promise((resolve) => {
    let left = TIMERS;
    const done = () => {
      left -= 1;
      if (left === 0) resolve();
    };
    for (let i = 0; i < TIMERS; i++) start((i * 7919) % 1000, done);
  });

await measure('setTimeout with one callback for all', TIMERS, () =>
  all((delay, done) => setTimeout(done, delay)),
);
await measure('setTimeout that resumes a generator with 4 fields', TIMERS, () =>
  all((delay, done) => {
    const task = new Task(sleeper());
    NEXT.call(task.generator);
    setTimeout(() => {
      NEXT.call(task.generator);
      done();
    }, delay);
  }),
);
