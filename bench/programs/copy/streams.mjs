import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { copies } from './file.mjs';

export default ({ size }) =>
  copies(size, (source, target) => pipeline(createReadStream(source), createWriteStream(target)));
