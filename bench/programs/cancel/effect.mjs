import { Effect, Fiber, Latch } from 'effect';

export default () => ({
  units: 1,
  repeat: (times) =>
    Effect.runPromise(
      Effect.gen(function* () {
        const latch = yield* Latch.make();
        for (let i = 0; i < times; i++) {
          const fiber = yield* Effect.forkChild(latch.await);
          yield* Effect.yieldNow;
          yield* Fiber.interrupt(fiber);
        }
      }),
    ),
});
