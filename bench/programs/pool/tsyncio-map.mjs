import { ThreadPoolExecutor } from 'tsyncio/concurrent';
import { warmUp } from './lanes.mjs';
import { functions, works } from './work.mjs';

function* numbered(times, value) {
  for (let n = 0; n < times; n++) yield value(n);
}

export default ({ work, workers, inFlight }) => {
  const { name, value, isRight } = works[work];
  const executor = new ThreadPoolExecutor({ maxWorkers: workers });
  const repeat = (times) => {
    let n = 0;
    for (const result of executor.map(functions[name], [numbered(times, value)], { buffersize: inFlight })) {
      if (!isRight(result, n++)) throw new Error(`Wrong result of call ${n - 1}`);
    }
    if (n !== times) throw new Error(`${n} results of ${times} calls`);
  };
  return { units: 1, prepare: () => warmUp(repeat, inFlight), repeat };
};
