import { copyFile } from 'node:fs/promises';
import { copies } from './file.mjs';

export default ({ size }) => copies(size, copyFile);
