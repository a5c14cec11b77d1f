// The program of every pool that gives promises: so many users, each of whom awaits one call after the other.
import { works } from './work.mjs';

/** `open(workers, work)` starts a pool and returns a function that calls the work with a value and returns a promise. */
export const lanes =
  (open) =>
  ({ work, workers, inFlight }) => {
    const { value, isRight } = works[work];
    const call = open(workers, works[work]);
    const repeat = async (times) => {
      let begun = 0;
      const user = async () => {
        while (begun < times) {
          const n = begun++;
          if (!isRight(await call(value(n)), n)) throw new Error(`Wrong result of call ${n}`);
        }
      };
      await Promise.all(Array.from({ length: inFlight }, user));
    };
    return { units: 1, prepare: () => repeat(inFlight), repeat };
  };
