import { run, spawn, until, withResolvers } from 'effection';

export default () => ({
  units: 1,
  repeat: (times) =>
    run(function* () {
      const { operation } = withResolvers();
      for (let i = 0; i < times; i++) {
        const task = yield* spawn(function* parked() {
          yield* operation;
        });
        yield* until(Promise.resolve());
        yield* task.halt();
      }
    }),
});
