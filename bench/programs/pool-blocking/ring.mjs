// The least that shared memory allows: one number there, one back, both sides asleep in between.
import { Worker } from 'node:worker_threads';
import { warmUp } from '../pool/lanes.mjs';
import { ANSWERED, ASKED, answers, bell, makeRing, questions, SLOTS } from '../pool/ring-layout.mjs';

export default () => {
  const memory = makeRing();
  const words = bell(memory);
  const asked = questions(memory);
  const answered = answers(memory);
  new Worker(new URL('../pool/ring-worker.mjs', import.meta.url), { workerData: memory });
  let calls = 0;
  const repeat = (times) => {
    for (let n = 0; n < times; n++) {
      asked[calls % SLOTS] = n;
      Atomics.store(words, ASKED, calls + 1);
      Atomics.notify(words, ASKED);
      while (Atomics.load(words, ANSWERED) === calls) Atomics.wait(words, ANSWERED, calls);
      if (answered[calls % SLOTS] !== n + 1) throw new Error(`Wrong result of call ${n}`);
      calls++;
    }
  };
  return { units: 1, prepare: () => warmUp(repeat, 1), repeat };
};
