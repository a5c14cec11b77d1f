async function child(i) {
  return i;
}

export default ({ tasks }) => ({
  units: tasks,
  async repeat(times) {
    for (let t = 0; t < times; t++) {
      const results = await Promise.all(Array.from({ length: tasks }, (_, i) => child(i)));
      if (results.at(-1) !== tasks - 1) throw new Error('a result is lost');
    }
  },
});
