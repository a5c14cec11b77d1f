import { Effect } from 'effect';

const nested = (depth) =>
  Effect.gen(function* () {
    if (depth > 0) return 1 + (yield* nested(depth - 1));
    yield* Effect.yieldNow;
    return 0;
  });

export default ({ depth }) => ({
  units: depth,
  async repeat(times) {
    for (let i = 0; i < times; i++) {
      if ((await Effect.runPromise(nested(depth))) !== depth) throw new Error('a call is lost');
    }
  },
});
