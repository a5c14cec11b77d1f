import { gather, run } from 'tsyncio';
import { warmUp } from './lanes.mjs';
import { open } from './tsyncio.mjs';
import { works } from './work.mjs';

export default ({ work, workers, inFlight }) => {
  const { value, isRight } = works[work];
  const call = open(workers, works[work]);
  const repeat = (times) =>
    run(function* () {
      let begun = 0;
      function* user() {
        while (begun < times) {
          const n = begun++;
          if (!isRight(yield* call(value(n)), n)) throw new Error(`Wrong result of call ${n}`);
        }
      }
      yield* gather(Array.from({ length: inFlight }, () => user()));
    });
  return { units: 1, prepare: () => warmUp(repeat, inFlight), repeat };
};
