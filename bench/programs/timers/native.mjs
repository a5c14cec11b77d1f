import { setTimeout as sleep } from 'node:timers/promises';

export default ({ timers }) => ({
  units: timers,
  fixed: true,
  repeat: () => Promise.all(Array.from({ length: timers }, (_, i) => sleep((i * 7919) % 1000))),
});
