// Each sample is a process of its own, so the module cache is cold; the file system's cache is warm.
export default ({ specifier }) => ({
  async value() {
    const start = performance.now();
    await import(specifier);
    return performance.now() - start;
  },
});
