import { Queue, run, TaskGroup } from 'tsyncio';

function* produce(queue, times) {
  for (let i = 0; i < times; i++) yield* queue.put(i);
}

function* consume(queue, times) {
  for (let i = 0; i < times; i++) {
    if ((yield* queue.get()) !== i) throw new Error('out of order');
  }
}

export default ({ capacity }) => ({
  units: 1,
  repeat: (times) =>
    run(function* () {
      const queue = new Queue(capacity);
      yield* new TaskGroup().run(function* (group) {
        group.createTask(produce(queue, times));
        group.createTask(consume(queue, times));
      });
    }),
});
