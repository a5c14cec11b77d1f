// What 100,000 tasks cost at least: they all live at once, so the young generation's collections copy each of them.
import { measure, NEXT } from './measure.mjs';

const TASKS = 100_000;

function* child(i) {
  return i;
}

async function nativeChild(i) {
  return i;
}

class Small {
  constructor(generator) {
    this.generator = generator;
    this.status = 0;
    this.value = undefined;
    this.waiter = null;
  }
}

/** As many fields as a task needs: loop, state, value, waiters, frames, what it waits for, context, name, place. */
class Task {
  constructor(generator) {
    this.generator = generator;
    this.loop = null;
    this.bits = 0;
    this.value = undefined;
    this.waiters = null;
    this.extra = null;
    this.context = null;
    this.stack = null;
    this.waiter = null;
    this.scope = null;
    this.place = -1;
    this.serial = 0;
    this.leftovers = null;
  }
}

function drive(make, step) {
  const ready = [];
  for (let i = 0; i < TASKS; i++) ready.push(make(child(i)));
  for (const task of ready) step(task);
}

await measure('native: Promise.all of async calls', TASKS, () =>
  Promise.all(Array.from({ length: TASKS }, (_, i) => nativeChild(i))),
);
await measure('a generator, kept in an array, then run', TASKS, () =>
  drive(
    (generator) => generator,
    (generator) => NEXT.call(generator),
  ),
);
for (const Kind of [Small, Task]) {
  await measure(`the same with an object of ${Object.keys(new Kind()).length} fields each`, TASKS, () =>
    drive(
      (generator) => new Kind(generator),
      (task) => {
        task.value = NEXT.call(task.generator).value;
      },
    ),
  );
}
