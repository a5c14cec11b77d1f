import { gather, run, sleep } from 'tsyncio';

export default ({ timers }) => ({
  units: timers,
  fixed: true,
  repeat: () =>
    run(function* () {
      yield* gather(Array.from({ length: timers }, (_, i) => sleep(((i * 7919) % 1000) / 1000)));
    }),
});
