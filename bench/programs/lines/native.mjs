import { open } from 'node:fs/promises';
import { reads } from './file.mjs';

async function count(path) {
  const file = await open(path);
  let lines = 0;
  for await (const _ of file.readLines()) lines++;
  return lines;
}

export default ({ lines, text }) => reads(lines, text, count);
