async function nested(depth) {
  if (depth > 0) return 1 + (await nested(depth - 1));
  await null;
  return 0;
}

export default ({ depth }) => ({
  units: depth,
  async repeat(times) {
    for (let i = 0; i < times; i++) {
      if ((await nested(depth)) !== depth) throw new Error('a call is lost');
    }
  },
});
