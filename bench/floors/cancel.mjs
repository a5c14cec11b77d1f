// What cancelling and joining costs at least: the error, thrown in at the wait of the one task, and again at the join.
import { measure, NEXT, THROW } from './measure.mjs';

const TIMES = 100_000;
const suspended = { value: undefined, done: false };

/** What a task waits for, as cheap as it can be. */
class Wait {
  next() {
    return suspended;
  }

  throw(error) {
    throw error;
  }

  [Symbol.iterator]() {
    return this;
  }
}

class Cancelled extends Error {}

function withoutStack() {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  const error = new Cancelled();
  Error.stackTraceLimit = limit;
  return error;
}

function* parked(wait) {
  yield* wait;
}

function* joining(times) {
  for (let i = 0; i < times; i++) {
    try {
      yield* new Wait();
    } catch (error) {
      if (!(error instanceof Cancelled)) throw error;
    }
  }
}

function cancelParked(error) {
  const task = parked(new Wait());
  NEXT.call(task);
  try {
    THROW.call(task, error);
  } catch (thrown) {
    return thrown;
  }
}

await measure('new CancelledError, without a stack', TIMES, () => {
  for (let i = 0; i < TIMES; i++) withoutStack();
});
await measure('the same with a stack', TIMES, () => {
  for (let i = 0; i < TIMES; i++) new Cancelled();
});
const error = withoutStack();
await measure('one error for all, thrown into a parked generator', TIMES, () => {
  for (let i = 0; i < TIMES; i++) cancelParked(error);
});
await measure('an error each, thrown in, and again into who joins', TIMES, () => {
  const main = joining(TIMES);
  NEXT.call(main);
  for (let i = 0; i < TIMES; i++) THROW.call(main, cancelParked(withoutStack()));
});
await measure('native: an AbortController, a listener, a rejection', TIMES / 10, async () => {
  const task = (signal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  for (let i = 0; i < TIMES / 10; i++) {
    const controller = new AbortController();
    const promise = task(controller.signal);
    controller.abort();
    await promise.catch(() => {});
  }
});
