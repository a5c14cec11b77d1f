import { copyFile, run } from 'tsyncio';
import { copies } from './file.mjs';

export default ({ size }) => copies(size, copyFile, run);
