import { createTask, Event, isCancelledError, run, sleep } from 'tsyncio';

function* parked(event) {
  yield* event.wait();
}

export default () => ({
  units: 1,
  repeat: (times) =>
    run(function* () {
      const event = new Event();
      for (let i = 0; i < times; i++) {
        const task = createTask(parked(event));
        yield* sleep(0);
        task.cancel();
        try {
          yield* task;
        } catch (error) {
          if (!isCancelledError(error)) throw error;
        }
      }
    }),
});
