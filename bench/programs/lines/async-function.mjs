import { openFile, run } from 'tsyncio';
import { reads } from './file.mjs';

async function count(path) {
  const file = await openFile(path);
  let lines = 0;
  for await (const _ of file) lines++;
  await file.close();
  return lines;
}

export default ({ lines, text }) => reads(lines, text, (path) => run(() => count(path)));
