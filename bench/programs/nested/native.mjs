async function nested(depth, times) {
  if (depth > 1) return await nested(depth - 1, times);
  for (let i = 0; i < times; i++) await null;
}

export default ({ depth }) => ({
  units: 1,
  repeat: (times) => nested(depth, times),
});
