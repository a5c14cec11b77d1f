import { run, until } from 'effection';

function* nested(depth) {
  if (depth > 0) return 1 + (yield* nested(depth - 1));
  yield* until(Promise.resolve());
  return 0;
}

export default ({ depth }) => ({
  units: depth,
  async repeat(times) {
    for (let i = 0; i < times; i++) {
      if ((await run(() => nested(depth))) !== depth) throw new Error('a call is lost');
    }
  },
});
