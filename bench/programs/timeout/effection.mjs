import { race, run, sleep, until } from 'effection';

function* returns() {
  return 1;
}

function* yieldsOnce() {
  yield* until(Promise.resolve());
  return 1;
}

export default ({ yields }) => ({
  units: 1,
  repeat: (times) =>
    run(function* () {
      const body = yields ? yieldsOnce : returns;
      for (let i = 0; i < times; i++) yield* race([body(), sleep(1000)]);
    }),
});
