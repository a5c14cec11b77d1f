// A program that starts a process when it has no descriptor left, and again when it has.

import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import * as asyncio from 'tsyncio';

const { PIPE } = asyncio.subprocess;
const start = () => asyncio.createSubprocessExec('cat', [], { stdin: PIPE, stdout: PIPE, stderr: PIPE });
const count = () => readdirSync('/proc/self/fd').length;

await asyncio.run(async () => {
  await (await start()).communicate();
  const before = count();
  const taken: number[] = [];
  for (;;) {
    try {
      taken.push(openSync('/dev/null', 'r'));
    } catch {
      break;
    }
  }
  // One too few for what a start needs, whatever that is.
  let failure: unknown = null;
  for (let free = 0; failure === null && free < 3; free++) {
    try {
      await (await start()).stop();
    } catch (error) {
      failure = error;
    }
  }
  const { code, name } = failure as asyncio.OSError;
  console.log(code, name);
  for (const fd of taken) closeSync(fd);
  console.log(`descriptors lost: ${count() - before}`);
  const child = await start();
  const [output] = await child.communicate(Buffer.from('works again'));
  console.log(output.toString());
});
const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean);
console.log(`children: ${children.length}`);
