// Measures what a floor does: the least and the median CPU time of many samples, in nanoseconds a unit.

const SAMPLES = 15;

/** Prints the cost of a unit of `work`, which does `units` of them. */
export async function measure(name, units, work, setUp = () => undefined) {
  const samples = [];
  for (let i = 0; i < SAMPLES; i++) {
    const input = setUp();
    const before = process.cpuUsage();
    await work(input);
    const { user, system } = process.cpuUsage(before);
    samples.push(((user + system) * 1000) / units);
  }
  samples.sort((a, b) => a - b);
  const [least, median] = [samples[0], samples[SAMPLES >> 1]].map((each) => each.toFixed(0).padStart(7));
  console.log(`${name.padEnd(58)} least ${least}   median ${median} ns`);
}

const { next, throw: throwInto } = Object.getPrototypeOf(function* () {}).prototype;

/** The methods of every generator, from one place in the code. */
export const NEXT = next;
export const THROW = throwInto;
