import { Future, getRunningLoop, run } from 'tsyncio';

export default ({ timers }) => ({
  units: timers,
  fixed: true,
  repeat: () =>
    run(function* () {
      const loop = getRunningLoop();
      const done = new Future();
      let left = timers;
      const expire = () => {
        if (--left === 0) done.setResult();
      };
      for (let i = 0; i < timers; i++) loop.callLater(((i * 7919) % 1000) / 1000, expire);
      yield* done;
    }),
});
