import { drain, spawn } from '../trampoline.mjs';

function* nested(depth, times) {
  if (depth > 1) return yield* nested(depth - 1, times);
  for (let i = 0; i < times; i++) yield;
}

export default ({ depth }) => ({
  units: 1,
  repeat(times) {
    spawn(nested(depth, times));
    drain();
  },
});
