export default ({ timers }) => ({
  units: timers,
  fixed: true,
  repeat: () =>
    new Promise((resolve) => {
      let left = timers;
      const expire = () => {
        if (--left === 0) resolve();
      };
      for (let i = 0; i < timers; i++) setTimeout(expire, (i * 7919) % 1000);
    }),
});
