import { openFile, run } from 'tsyncio';
import { reads } from './file.mjs';

function* count(path) {
  const file = yield* openFile(path);
  let lines = 0;
  for (let line = yield* file.readline(); line !== ''; line = yield* file.readline()) lines++;
  yield* file.close();
  return lines;
}

export default ({ lines, text }) => reads(lines, text, (path) => run(count(path)));
