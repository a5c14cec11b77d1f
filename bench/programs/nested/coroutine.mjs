import { coroutine, run, sleep } from 'tsyncio';

const nested = coroutine(function* (depth, times) {
  if (depth > 1) return yield* nested(depth - 1, times);
  for (let i = 0; i < times; i++) yield* sleep(0);
});

export default ({ depth }) => ({
  units: 1,
  repeat: (times) => run(nested(depth, times)),
});
