import { workerData as memory } from 'node:worker_threads';
import { ANSWERED, ASKED, answers, bell, questions, SLOTS } from './ring-layout.mjs';
import { scalars } from './work.mjs';

const words = bell(memory);
const asked = questions(memory);
const answered = answers(memory);
for (let done = 0; ; ) {
  Atomics.wait(words, ASKED, done);
  for (const end = Atomics.load(words, ASKED); done !== end; done++) {
    answered[done % SLOTS] = scalars(asked[done % SLOTS]);
  }
  Atomics.store(words, ANSWERED, done);
  Atomics.notify(words, ANSWERED);
}
