// The file that is copied, and where to, in a folder that goes when the process ends.
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function files(size) {
  const folder = mkdtempSync(join(tmpdir(), 'tsyncio-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const [source, target] = [join(folder, 'source'), join(folder, 'target')];
  writeFileSync(source, Buffer.alloc(size, 'abcdefgh'));
  return { source, target };
}

/** A copy is made from scratch each time, and looked at. `within` is what the copies run in. */
export function copies(size, copy, within = (work) => work()) {
  const { source, target } = files(size);
  const repeat = async (times) => {
    for (let i = 0; i < times; i++) {
      rmSync(target, { force: true });
      await copy(source, target);
      if (statSync(target).size !== size) throw new Error('it is not whole');
    }
  };
  return { units: 1, repeat: (times) => within(() => repeat(times)) };
}
