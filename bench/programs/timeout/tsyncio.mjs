import { run, sleep, timeout } from 'tsyncio';

function* returns() {
  return 1;
}

function* yieldsOnce() {
  yield* sleep(0);
  return 1;
}

export default ({ yields }) => ({
  units: 1,
  repeat: (times) =>
    run(function* () {
      const body = yields ? yieldsOnce : returns;
      for (let i = 0; i < times; i++) yield* timeout(1).run(body);
    }),
});
