import { drain, Queue, spawn } from '../trampoline.mjs';

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
  repeat(times) {
    const queue = new Queue(capacity);
    spawn(produce(queue, times));
    spawn(consume(queue, times));
    drain();
  },
});
