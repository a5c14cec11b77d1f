// The program of every pool that gives promises: so many users, each of whom awaits one call after the other.
import { setTimeout } from 'node:timers/promises';
import { works } from './work.mjs';

/** Has a pool start its workers, all of them: one may still be starting while the others do the work. */
export async function warmUp(repeat, inFlight) {
  await repeat(inFlight);
  await setTimeout(300);
  await repeat(10 * inFlight);
}

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
    return { units: 1, prepare: () => warmUp(repeat, inFlight), repeat };
  };
