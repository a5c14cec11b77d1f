/** tsyncio: asyncio for TypeScript. `import * as asyncio from 'tsyncio'` is the `asyncio` module. */

export { type ExecutorLoop, runCoroutineThreadsafe, toThread, wrapFuture } from './concurrent/index.js';
export * from './core/index.js';
export * from './node/index.js';
