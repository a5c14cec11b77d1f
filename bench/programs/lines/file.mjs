// A file of so many lines, in a folder that goes when the process ends.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function reads(lines, text, read) {
  const folder = mkdtempSync(join(tmpdir(), 'tsyncio-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'lines');
  writeFileSync(path, Array.from({ length: lines }, (_, i) => `${i} ${text}\n`).join(''));
  return {
    units: lines,
    async repeat(times) {
      for (let i = 0; i < times; i++) {
        if ((await read(path)) !== lines) throw new Error('a line is lost');
      }
    },
  };
}
