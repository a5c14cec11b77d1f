import { Effect, Queue } from 'effect';

const produce = (queue, times) =>
  Effect.gen(function* () {
    for (let i = 0; i < times; i++) yield* Queue.offer(queue, i);
  });

const consume = (queue, times) =>
  Effect.gen(function* () {
    for (let i = 0; i < times; i++) {
      if ((yield* Queue.take(queue)) !== i) throw new Error('out of order');
    }
  });

export default ({ capacity }) => ({
  units: 1,
  repeat: (times) =>
    Effect.runPromise(
      Effect.gen(function* () {
        const queue = yield* Queue.bounded(capacity);
        yield* Effect.all([produce(queue, times), consume(queue, times)], {
          concurrency: 'unbounded',
          discard: true,
        });
      }),
    ),
});
