import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { reads } from './file.mjs';

async function count(path) {
  let lines = 0;
  for await (const _ of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) lines++;
  return lines;
}

export default ({ lines, text }) => reads(lines, text, count);
