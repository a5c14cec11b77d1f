// The program of every pool that gives promises: so many users, each of whom awaits one call after the other.
import { setTimeout } from 'node:timers/promises';
import { works } from './work.mjs';

/** CPU time, in microseconds, that two threads and a library need until their code is compiled well. */
const WARM_UP = 1e6;

/** Has a pool start its workers, all of them (one may still be starting while the others do the work), and warms it up. */
export async function warmUp(repeat, inFlight) {
  await repeat(inFlight);
  await setTimeout(300);
  const before = process.cpuUsage();
  for (let spent = 0; spent < WARM_UP; ) {
    await repeat(4 * inFlight);
    const { user, system } = process.cpuUsage(before);
    spent = user + system;
  }
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
