// What the http programs have in common: a folder with a file to serve, and the load.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Of a small page or script. */
export const SIZE = 4096;
/** A server runs for long: its machine code is there. */
const WARM = 20_000;

/** A program of which one unit is a request. */
export function program(repeat) {
  return { units: 1, least: 4000, prepare: () => repeat(WARM), repeat };
}

/** A new folder with one file, `page.html`; it goes with the process. */
export function makeSite() {
  const folder = mkdtempSync(join(tmpdir(), 'tsyncio-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'page.html'), 'x'.repeat(SIZE));
  return folder;
}

/** Has a client load the server at `port`, and measures from when all are connected. */
export async function load(port, path, { connections }, requests, restart) {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('load.mjs', import.meta.url)), port, connections, path, requests].map(String),
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const words = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (wanted) => {
    const { value } = await words.next();
    if (value !== wanted) throw new Error(`the client says: ${value}`);
  };
  await next('ready');
  restart?.();
  child.stdin.write('go\n');
  await next('done');
}
