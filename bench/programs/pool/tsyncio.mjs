import { gather, run } from 'tsyncio';
import { ProcessPoolExecutor, ThreadPoolExecutor, transfer } from 'tsyncio/concurrent';
import { warmUp } from './lanes.mjs';
import { functions, works } from './work.mjs';

export function open(workers, { name, moves }, Executor = ThreadPoolExecutor) {
  const executor = new Executor({ maxWorkers: workers });
  const fn = functions[name];
  return moves ? (value) => executor.submit(fn, transfer(value)) : (value) => executor.submit(fn, value);
}

export const openProcesses = (workers, work) => open(workers, work, ProcessPoolExecutor);

export default ({ work, workers, inFlight, processes }) => {
  const { value, isRight } = works[work];
  const call = open(workers, works[work], processes ? ProcessPoolExecutor : ThreadPoolExecutor);
  const repeat = (times) =>
    run(async () => {
      let begun = 0;
      const user = async () => {
        while (begun < times) {
          const n = begun++;
          if (!isRight(await call(value(n)), n)) throw new Error(`Wrong result of call ${n}`);
        }
      };
      await gather(Array.from({ length: inFlight }, () => () => user()));
    });
  return { units: 1, prepare: () => warmUp(repeat, inFlight), repeat };
};
