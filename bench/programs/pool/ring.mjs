// The least that shared memory allows: numbers in a ring, one worker that sleeps on a word of it, and nothing else.
import { Worker } from 'node:worker_threads';
import { lanes } from './lanes.mjs';
import { ANSWERED, ASKED, answers, bell, makeRing, questions, SLOTS } from './ring-layout.mjs';

export function open() {
  const memory = makeRing();
  const words = bell(memory);
  const asked = questions(memory);
  const answered = answers(memory);
  new Worker(new URL('ring-worker.mjs', import.meta.url), { workerData: memory });
  const waiting = new Array(SLOTS);
  let head = 0;
  let tail = 0;
  let listening = false;
  const listen = () => {
    if (listening || tail === head) return;
    const seen = Atomics.load(words, ANSWERED);
    if (seen !== tail) {
      take();
      return;
    }
    listening = true;
    const { async, value } = Atomics.waitAsync(words, ANSWERED, seen);
    const heard = () => {
      listening = false;
      take();
    };
    if (async) value.then(heard);
    else setImmediate(heard);
  };
  const take = () => {
    for (const end = Atomics.load(words, ANSWERED); tail !== end; tail++) {
      waiting[tail % SLOTS](answered[tail % SLOTS]);
    }
    queueMicrotask(listen);
  };
  return (value) =>
    new Promise((resolve) => {
      asked[head % SLOTS] = value;
      waiting[head % SLOTS] = resolve;
      head++;
      Atomics.store(words, ASKED, head);
      Atomics.notify(words, ASKED);
      listen();
    });
}

export default lanes(open);
