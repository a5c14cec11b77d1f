import { ThreadPoolExecutor } from 'tsyncio/concurrent';
import { warmUp } from '../pool/lanes.mjs';
import { scalars } from '../pool/work.mjs';

export default () => {
  const executor = new ThreadPoolExecutor({ maxWorkers: 1 });
  const repeat = (times) => {
    for (let n = 0; n < times; n++) {
      if (executor.submit(scalars, n).result() !== n + 1) throw new Error(`Wrong result of call ${n}`);
    }
  };
  return { units: 1, prepare: () => warmUp(repeat, 1), repeat };
};
