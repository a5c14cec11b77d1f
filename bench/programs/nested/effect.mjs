import { Effect } from 'effect';

const nested = (depth, times) =>
  Effect.gen(function* () {
    if (depth > 1) return yield* nested(depth - 1, times);
    for (let i = 0; i < times; i++) yield* Effect.yieldNow;
  });

export default ({ depth }) => ({
  units: 1,
  repeat: (times) => Effect.runPromise(nested(depth, times)),
});
