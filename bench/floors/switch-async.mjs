// What it costs at least to resume an async function from a loop: one step after the other, and knowing whose it is.
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import { measure } from './measure.mjs';

const TASKS = 100;
const TIMES = 1000;

/** Resumes one, and the next one when that waits again. */
class Loop {
  #ring = new Array(256).fill(undefined);
  #head = 0;
  #tail = 0;
  #running = false;

  park(resume) {
    this.#ring[this.#tail++ & 255] = resume;
    this.ended();
  }

  ended() {
    if (!this.#running) return;
    this.#running = false;
    this.next();
  }

  next() {
    if (this.#head === this.#tail) return;
    const slot = this.#head++ & 255;
    const resume = this.#ring[slot];
    this.#ring[slot] = undefined;
    this.#running = true;
    if (typeof resume === 'function') resume();
    else resume.run();
  }
}

let loop;

const ready = {
  then(resolve) {
    resolve();
  },
};
const parking = {
  then(resolve) {
    loop.park(resolve);
  },
};

const storage = new AsyncLocalStorage();

class Operation {
  then(resolve) {
    storage.getStore();
    loop.park(resolve);
  }
}

const current = { task: null };

/** What a cancellation finds its waits by. */
class Task {
  constructor() {
    this.first = null;
    this.last = null;
  }
}

/** A wait that can be cancelled: a record of it stands in its task's list until it is resumed. */
class Wait {
  constructor(task, resolve, reject) {
    this.task = task;
    this.previous = task.last;
    this.next = null;
    if (task.last === null) task.first = this;
    else task.last.next = this;
    task.last = this;
    this.cancelled = false;
    this.resolve = resolve;
    this.reject = reject;
  }

  run() {
    const { task, previous, next } = this;
    current.task = task;
    if (previous === null) task.first = next;
    else previous.next = next;
    if (next === null) task.last = previous;
    else next.previous = previous;
    if (this.cancelled) this.reject(new Error('cancelled'));
    else this.resolve();
    current.task = null;
  }
}

class Checkpoint {
  awaited = false;

  then(resolve, reject) {
    if (this.awaited) throw new Error('awaited twice');
    this.awaited = true;
    const wait = new Wait(storage.getStore(), resolve, reject);
    loop.park(wait);
    return wait;
  }
}

const worker = (next) => async () => {
  for (let i = 0; i < TIMES; i++) await next();
  loop?.ended();
};

const inContext = (work) => storage.run(new Task(), () => new AsyncResource('floor').runInAsyncScope(work));

async function stepped(work, start) {
  loop = new Loop();
  const all = Promise.all(Array.from({ length: TASKS }, () => start(work)));
  await null;
  await null;
  loop.next();
  await all;
}

const plainly = (work) => work();

await measure('a bare thenable that is ready', TASKS * TIMES, () =>
  Promise.all(
    Array.from({ length: TASKS }, () =>
      plainly(async () => {
        for (let i = 0; i < TIMES; i++) await ready;
      }),
    ),
  ),
);
const toPark = worker(() => parking);
await measure('resumed from a ring, one step after the other', TASKS * TIMES, () => stepped(toPark, plainly));
await measure('the same in an async context', TASKS * TIMES, () => stepped(toPark, inContext));
const toOperate = worker(() => new Operation());
await measure('and looking whose it is, an object for each wait', TASKS * TIMES, () =>
  stepped(toOperate, inContext),
);
const toCheckpoint = worker(() => new Checkpoint());
await measure('and a record of each wait, to cancel it by', TASKS * TIMES, () =>
  stepped(toCheckpoint, inContext),
);
