// From a pool's constructor to its first result. What the pool's own module costs to import does not count.
import { works } from './work.mjs';

export default ({ pool, open = 'open', workers }) => ({
  async value() {
    const { [open]: start } = await import(pool);
    const begin = performance.now();
    const result = await start(workers, works.scalars)(1);
    if (result !== 2) throw new Error(`Wrong result: ${result}`);
    return performance.now() - begin;
  },
});
