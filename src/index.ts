/** tsyncio: asyncio for TypeScript. `import * as asyncio from 'tsyncio'` is the `asyncio` module. */

import { registerOwnErrorClasses } from './concurrent/lowlevel.js';
import * as node from './node/index.js';

registerOwnErrorClasses('tsyncio.', node);

export { type ExecutorLoop, runCoroutineThreadsafe, toThread, wrapFuture } from './concurrent/index.js';
export * from './core/index.js';
export * from './node/index.js';
