// The floor for awaiting any object that is not a native promise.
const ready = {
  then(resolve) {
    resolve();
  },
};

async function worker(times) {
  for (let i = 0; i < times; i++) await ready;
}

export default ({ tasks }) => ({
  units: tasks,
  least: Math.max(200, 100_000 / tasks),
  repeat: (times) => Promise.all(Array.from({ length: tasks }, () => worker(times))),
});
