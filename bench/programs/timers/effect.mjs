import { Effect } from 'effect';

export default ({ timers }) => ({
  units: timers,
  fixed: true,
  repeat: () =>
    Effect.runPromise(
      Effect.all(
        Array.from({ length: timers }, (_, i) => Effect.sleep((i * 7919) % 1000)),
        { concurrency: 'unbounded', discard: true },
      ),
    ),
});
