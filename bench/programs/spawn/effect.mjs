import { Effect, Fiber } from 'effect';

// Effect.all() would be faster here only because it makes no fiber for an effect that is there already.
export default ({ tasks }) => ({
  units: tasks,
  repeat: (times) =>
    Effect.runPromise(
      Effect.gen(function* () {
        for (let t = 0; t < times; t++) {
          const fibers = [];
          for (let i = 0; i < tasks; i++) fibers.push(yield* Effect.forkChild(Effect.succeed(i)));
          const results = yield* Fiber.joinAll(fibers);
          if (results.at(-1) !== tasks - 1) throw new Error('a result is lost');
        }
      }),
    ),
});
