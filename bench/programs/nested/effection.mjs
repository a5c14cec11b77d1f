import { run, until } from 'effection';

function* nested(depth, times) {
  if (depth > 1) return yield* nested(depth - 1, times);
  for (let i = 0; i < times; i++) yield* until(Promise.resolve());
}

export default ({ depth }) => ({
  units: 1,
  repeat: (times) => run(() => nested(depth, times)),
});
