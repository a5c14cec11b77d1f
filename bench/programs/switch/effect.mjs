import { Effect } from 'effect';

const worker = (times) =>
  Effect.gen(function* () {
    for (let i = 0; i < times; i++) yield* Effect.yieldNow;
  });

export default ({ tasks }) => ({
  units: tasks,
  least: Math.max(200, 100_000 / tasks),
  repeat: (times) =>
    Effect.runPromise(
      Effect.all(
        Array.from({ length: tasks }, () => worker(times)),
        { concurrency: 'unbounded', discard: true },
      ),
    ),
});
