async function parked(signal) {
  await new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

export default () => ({
  units: 1,
  async repeat(times) {
    for (let i = 0; i < times; i++) {
      const controller = new AbortController();
      const task = parked(controller.signal);
      await null;
      controller.abort();
      try {
        await task;
      } catch (error) {
        if (error.name !== 'AbortError') throw error;
      }
    }
  },
});
