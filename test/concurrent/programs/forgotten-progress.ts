// A program that starts a line of progress and never stops it.

import { startProgress } from 'tsyncio/concurrent/lowlevel';

Object.defineProperty(process.stderr, 'isTTY', { value: true });
delete process.env.TERM;
startProgress({ label: 'forgotten' }).advance(3);
