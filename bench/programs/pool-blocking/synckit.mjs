import { createSyncFn } from 'synckit';
import { warmUp } from '../pool/lanes.mjs';

export default () => {
  const call = createSyncFn(new URL('synckit-worker.mjs', import.meta.url));
  const repeat = (times) => {
    for (let n = 0; n < times; n++) if (call(n) !== n + 1) throw new Error(`Wrong result of call ${n}`);
  };
  return { units: 1, prepare: () => warmUp(repeat, 1), repeat };
};
