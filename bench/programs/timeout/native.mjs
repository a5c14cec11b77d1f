// What most programs have: a race that leaves the loser running.
function withTimeout(promise, delay) {
  let timer;
  const expiry = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('timeout')), delay);
  });
  return Promise.race([promise, expiry]).finally(() => clearTimeout(timer));
}

async function returns() {
  return 1;
}

async function yieldsOnce() {
  await null;
  return 1;
}

export default ({ yields }) => ({
  units: 1,
  async repeat(times) {
    const body = yields ? yieldsOnce : returns;
    for (let i = 0; i < times; i++) await withTimeout(body(), 1000);
  },
});
