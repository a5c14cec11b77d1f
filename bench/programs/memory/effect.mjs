import { Effect, Latch } from 'effect';
import { usedBytes } from '../memory.mjs';

export default ({ tasks, sleeps }) => ({
  value: () =>
    Effect.runPromise(
      Effect.gen(function* () {
        const latch = yield* Latch.make();
        const body = sleeps ? Effect.sleep('1 hour') : latch.await;
        for (let i = 0; i < 1000; i++) yield* Effect.forkDetach(body);
        yield* Effect.yieldNow;
        const before = usedBytes();
        for (let i = 0; i < tasks; i++) yield* Effect.forkDetach(body);
        yield* Effect.yieldNow;
        return (usedBytes() - before) / tasks;
      }),
    ),
});
