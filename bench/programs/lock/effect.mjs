import { Effect, Fiber, Semaphore } from 'effect';

const worker = (lock, times) =>
  Effect.gen(function* () {
    for (let i = 0; i < times; i++) yield* lock.withPermits(1)(Effect.void);
  });

export default ({ tasks }) => ({
  units: tasks,
  least: tasks === 1 ? 1 : Math.max(1, 10_000 / tasks),
  repeat: (times, restart) =>
    Effect.runPromise(
      Effect.gen(function* () {
        const lock = yield* Semaphore.make(1);
        if (tasks === 1) return yield* worker(lock, times);
        yield* lock.take(1);
        const workers = Array.from({ length: tasks }, () => worker(lock, times));
        const fiber = yield* Effect.forkChild(
          Effect.all(workers, { concurrency: 'unbounded', discard: true }),
        );
        yield* Effect.yieldNow;
        restart();
        yield* lock.release(1);
        yield* Fiber.join(fiber);
      }),
    ),
});
