import { Effect } from 'effect';

const returns = Effect.succeed(1);
const yieldsOnce = Effect.as(Effect.yieldNow, 1);

export default ({ yields }) => ({
  units: 1,
  repeat: (times) =>
    Effect.runPromise(
      Effect.gen(function* () {
        const body = yields ? yieldsOnce : returns;
        for (let i = 0; i < times; i++) yield* Effect.timeout(body, 1000);
      }),
    ),
});
