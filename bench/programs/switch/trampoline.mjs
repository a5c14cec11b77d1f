import { drain, spawn } from '../trampoline.mjs';

function* worker(times) {
  for (let i = 0; i < times; i++) yield;
}

export default ({ tasks }) => ({
  units: tasks,
  least: Math.max(200, 100_000 / tasks),
  repeat(times) {
    for (let i = 0; i < tasks; i++) spawn(worker(times));
    drain();
  },
});
