// Measures one program in a process of its own: node child.mjs <program> <arguments> <goal>
//
// A program's default export takes its arguments and returns either
//   { units, repeat(times) }   `repeat` does `times` rounds of `units` units of work, never fewer than `least` rounds,
//                              where starting up must not show; `fixed` marks a round that takes as long as it
//                              takes, such as a second of sleeping. `repeat` also gets a function to call when
//                              preparations are over and the measurement begins; `prepare()` comes before
//                              everything, warming up included, to start workers. Or
//   { value() }                which measures by itself (bytes, milliseconds).
// The result goes to the standard output as one line of JSON, in nanoseconds a unit.
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const TOO_SLOW = 5; // seconds, for the least that is run: it is not repeated
const WARM_UP = 0.4; // seconds; a cold Effect or Effection is twenty times slower

const [path, args, goal] = process.argv.slice(2);
const { default: program } = await import(pathToFileURL(resolve(path)));
const { units, repeat, least = 1, fixed, prepare, value } = program(JSON.parse(args));

await prepare?.();

if (value !== undefined) report({ value: await value() });
else report(await sample(Number(goal)));

async function sample(goal) {
  let times = least;
  if (fixed) {
    await repeat(1);
    const { wall, cpu } = await measure(times);
    return result(times, wall, cpu);
  }
  // Warm up for a while with ever longer runs; the last one tells how many rounds fill the goal. All of this in
  // CPU time: on a busy machine nothing would be warm after half a second on the clock. The second run of a loop has V8 throw
  // away what it had compiled for the only one it knew, so one is not enough.
  let spent = 0;
  for (let round = 1; ; round++) {
    const { wall, cpu } = await measure(times);
    if (times === least && cpu > TOO_SLOW) return result(least, wall, cpu);
    spent += cpu;
    if (cpu >= goal / 4 && spent >= WARM_UP && round > 1) {
      times = Math.max(least, Math.round((times * goal) / cpu));
      break;
    }
    times = cpu < goal / 40 ? times * 8 : cpu < goal / 4 ? times * 2 : times;
  }
  // What was dear in the warm-up, such as a thread that started, may have misled: then it is measured for longer.
  for (;;) {
    const { wall, cpu } = await measure(times);
    if (cpu >= goal / 4) return result(times, wall, cpu);
    times *= 2;
  }
}

function result(times, wall, cpu) {
  const nanoseconds = 1e9 / (units * times);
  return { wall: wall * nanoseconds, cpu: cpu * nanoseconds, waits: fixed === true };
}

async function measure(times) {
  let before;
  let start;
  const restart = () => {
    before = process.cpuUsage();
    start = performance.now();
  };
  restart();
  await repeat(times, restart);
  const wall = (performance.now() - start) / 1e3;
  const { user, system } = process.cpuUsage(before);
  return { wall, cpu: (user + system) / 1e6 };
}

function report(result) {
  // What still sleeps need not be waited for.
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit());
}
