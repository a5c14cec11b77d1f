import { Effect, Fiber } from 'effect';

let cleaned = 0;

const sleeper = Effect.ensuring(
  Effect.sleep('1 hour'),
  Effect.gen(function* () {
    yield* Effect.yieldNow;
    cleaned++;
  }),
);

export default ({ tasks }) => ({
  units: tasks,
  repeat: (times) =>
    Effect.runPromise(
      Effect.gen(function* () {
        for (let t = 0; t < times; t++) {
          cleaned = 0;
          const sleepers = [];
          for (let i = 0; i < tasks; i++) sleepers.push(yield* Effect.forkChild(sleeper));
          yield* Effect.yieldNow;
          yield* Fiber.interruptAll(sleepers);
          if (cleaned !== tasks) throw new Error('a clean-up is lost');
        }
      }),
    ),
});
