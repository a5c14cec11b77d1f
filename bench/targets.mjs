// What tsyncio wants to reach. Ratios of medians within one interleaved run, never absolute times:
//   atMost: r   ours takes at most r times as long as `versus`
//   faster: r   ours is at least r times as fast as `versus`
// Memory and start-up are absolute: `limit`, in the program's own unit.
// `versus` is a contender of the same program, or [program, contender]; `best` names several, of which the fastest
// counts; `node` restricts a target to a major version.

/** The pools of worker threads. */
const POOLS = ['piscina', 'tinypool', 'workerpool', 'poolifier'];

export const targets = [
  { program: 'switch-100', versus: 'native', atMost: 1.3 },
  { program: 'switch-100', versus: 'asyncio', faster: 12 },
  { program: 'switch-100', versus: 'uvloop', faster: 7 },
  { program: 'switch-100', versus: 'Effect', faster: 6 },

  { program: 'switch-10000', versus: 'native', atMost: 1.3 },
  { program: 'switch-10000', versus: ['switch-100', 'tsyncio'], atMost: 2 },

  { program: 'switch-async', versus: 'thenable', atMost: 5, node: [20, 22] },
  { program: 'switch-async', versus: 'thenable', atMost: 2, node: [24] },
  { program: 'switch-async', versus: 'asyncio', faster: 1 },
  { program: 'switch-async', versus: 'Effect', faster: 1 },

  { program: 'spawn', versus: 'native', atMost: 1.5 },
  { program: 'spawn', versus: 'asyncio', faster: 8 },
  { program: 'spawn', versus: 'Effect', faster: 3 },
  { program: 'spawn-eager', versus: 'native', atMost: 0.8 },

  { program: 'nested-50', versus: ['nested-1', 'tsyncio'], atMost: 2.5 },
  { program: 'depth', works: true },

  { program: 'lock', versus: 'hand-written', atMost: 2 },
  { program: 'lock', versus: 'async-mutex', faster: 8 },
  { program: 'lock-100', versus: 'hand-written', atMost: 2 },
  { program: 'lock-100', versus: 'async-mutex', faster: 8 },
  { program: 'lock-100000', versus: ['lock-100', 'tsyncio'], atMost: 1.5 },

  { program: 'queue-1', versus: 'hand-written', atMost: 3 },
  { program: 'queue-1', versus: 'Effect', faster: 5 },
  { program: 'queue-1', versus: 'asyncio', faster: 5 },
  { program: 'queue-100', versus: 'hand-written', atMost: 3 },
  { program: 'queue-100', versus: 'Effect', faster: 5 },
  { program: 'queue-100', versus: 'asyncio', faster: 5 },

  { program: 'echo-100', versus: 'node:net', faster: 0.9 },
  { program: 'echo-100', versus: 'asyncio', faster: 2.5 },
  { program: 'echo-100', versus: 'uvloop', faster: 0.7 },
  { program: 'echo-bulk', versus: 'node:net', faster: 1 },
  { program: 'echo-client', versus: 'node:net', faster: 1 },
  { program: 'echo-client-bulk', versus: 'node:net', faster: 1.1 },

  { program: 'http', versus: 'node:http', faster: 1 },
  { program: 'http-hello', versus: 'node:http', faster: 1 },

  { program: 'timers', versus: 'setTimeout', atMost: 1.1 },

  { program: 'timeout', versus: 'native', faster: 3 },
  { program: 'timeout', versus: 'Effect', faster: 6 },
  { program: 'timeout', versus: 'asyncio', faster: 6 },
  { program: 'timeout-yield', versus: 'native', faster: 3 },
  { program: 'timeout-yield', versus: 'Effect', faster: 6 },
  { program: 'timeout-yield', versus: 'asyncio', faster: 6 },

  { program: 'cancel', versus: 'native', faster: 3 },
  { program: 'cancel', versus: 'Effect', faster: 3 },
  { program: 'cancel', versus: 'asyncio', faster: 3 },
  { program: 'cleanup', versus: 'Effect', faster: 1 },

  { program: 'copy-64k', versus: 'native', atMost: 2 },
  { program: 'copy-64m', versus: 'native', atMost: 1.1 },
  { program: 'copy-64m', versus: 'streams', faster: 1.5 },
  { program: 'lines', versus: 'readline', faster: 2 },
  { program: 'lines', versus: 'native', faster: 2 },
  { program: 'lines-utf8', versus: 'readline', faster: 2 },
  { program: 'lines-utf8', versus: 'native', faster: 2 },
  { program: 'process', versus: 'child_process', atMost: 1.15 },
  { program: 'process', versus: 'execa', faster: 1.1 },

  { program: 'memory-event', limit: 400 },
  { program: 'memory-sleep', limit: 800 },
  { program: 'import-core', limit: 10 },
  { program: 'import', limit: 20 },

  { program: 'pool-scalars', limit: 4000 },
  { program: 'pool-scalars', best: POOLS, faster: 5 },
  { program: 'pool-rich', best: POOLS, faster: 2 },
  { program: 'pool-roundtrip', best: POOLS, atMost: 0.5 },
  { program: 'pool-blocking', versus: 'synckit', atMost: 0.6 },
  { program: 'pool-copied', best: POOLS, atMost: 1 },
  { program: 'pool-moved', versus: 'postMessage', atMost: 2 },
  { program: 'pool-process', versus: 'workerpool', faster: 3 },
];
