// Every program with its contenders. `ours` comes first; each contender runs in a process of its own.
//
// A contender is [name, file, overrides?]: `args` on top of the program's, `note` for the reader,
// `samples` as an upper limit for what is too slow to repeat.

const SLOW = { samples: 2 };
const GC = ['--expose-gc', '--max-old-space-size=8192'];

/** The two Pythons run the same program. */
const python = (file, overrides) => [
  ['asyncio', file, overrides],
  ['uvloop', file, overrides],
];

const switches = (name, tasks, ...others) => ({
  name,
  title: `Task switch, generator coroutine, ${tasks.toLocaleString('en')} tasks`,
  args: { tasks },
  contenders: [
    ['tsyncio', 'switch/tsyncio.mjs'],
    ['trampoline', 'switch/trampoline.mjs'],
    ['native', 'switch/native.mjs'],
    ['Effect', 'switch/effect.mjs'],
    ...others,
    ...python('switch/asyncio.py'),
  ],
});

const nested = (depth) => ({
  name: `nested-${depth}`,
  title: depth === 1 ? 'Switch at the leaf, no nested call' : `Switch at the leaf of ${depth} nested calls`,
  args: { depth },
  contenders: [
    ['tsyncio', 'nested/coroutine.mjs'],
    ['tsyncio yield*', 'nested/generator.mjs', { note: 'raw generators, delegated by V8' }],
    ['trampoline', 'nested/trampoline.mjs', { note: 'raw generators, delegated by V8' }],
    ['native', 'nested/native.mjs'],
    ['Effect', 'nested/effect.mjs'],
    ['Effection', 'nested/effection.mjs'],
    ...python('nested/asyncio.py'),
  ],
});

const locks = (name, title, tasks, effect, mutex) => ({
  name,
  title,
  args: { tasks },
  contenders: [
    ['tsyncio', 'lock/tsyncio.mjs'],
    ['hand-written', 'lock/trampoline.mjs'],
    ['async-mutex', 'lock/async-mutex.mjs', mutex],
    ['Effect', 'lock/effect.mjs', effect],
    ...python('lock/asyncio.py', tasks > 1000 ? SLOW : undefined),
  ],
});

const queues = (capacity) => ({
  name: `queue-${capacity}`,
  title: `Queue of capacity ${capacity}, put and get`,
  args: { capacity },
  contenders: [
    ['tsyncio', 'queue/tsyncio.mjs'],
    ['hand-written', 'queue/trampoline.mjs'],
    ['Effect', 'queue/effect.mjs'],
    ...python('queue/asyncio.py'),
  ],
});

/** CPU time of the process that is measured: the other side, a process of its own, would blur what passes on the clock. */
const echoClients = (name, title, connections, size) => ({
  name,
  title,
  args: { connections, size },
  metric: 'cpu',
  contenders: [
    ['tsyncio', 'echo/tsyncio-client.mjs'],
    ['node:net', 'echo/node-net-client.mjs', { note: 'callbacks' }],
  ],
});

const echoes = (name, title, connections, size) => ({
  name,
  title,
  args: { connections, size },
  metric: 'cpu',
  contenders: [
    ['tsyncio', 'echo/tsyncio.mjs'],
    ['tsyncio async function', 'echo/async-function.mjs'],
    ['node:net', 'echo/node-net.mjs', { note: 'callbacks' }],
    ...python('echo/asyncio.py'),
  ],
});

const timeouts = (name, title, yields) => ({
  name,
  title,
  args: { yields },
  contenders: [
    ['tsyncio', 'timeout/tsyncio.mjs'],
    ['native', 'timeout/native.mjs', { note: 'Promise.race with setTimeout' }],
    ['Effect', 'timeout/effect.mjs'],
    ['Effection', 'timeout/effection.mjs'],
    ...python('timeout/asyncio.py'),
  ],
});

const memory = (name, title, sleeps) => ({
  name,
  title,
  args: { tasks: 1_000_000, sleeps },
  unit: 'bytes',
  nodeFlags: GC,
  samples: 2,
  contenders: [
    ['tsyncio', 'memory/tsyncio.mjs'],
    ['native', 'memory/native.mjs'],
    ['Effect', 'memory/effect.mjs', { args: { tasks: 200_000 }, note: '200,000 fibers' }],
    ['asyncio', 'memory/asyncio.py', { args: { tasks: 200_000 }, note: '200,000 tasks, resident memory' }],
  ],
});

const imports = (name, title, specifier, ...others) => ({
  name,
  title,
  args: { specifier },
  unit: 'ms',
  contenders: [
    ['tsyncio', 'import/module.mjs'],
    ['empty file', 'import/module.mjs', { args: { specifier: './empty.mjs' } }],
    ...others,
  ],
});

/** Thread pools, all with two workers unless told. The floors have no queue, no errors and no cancellation. */
const pools = (work, title, { workers = 2, inFlight = 64, others = [] } = {}) => ({
  name: `pool-${work}`,
  title,
  args: { work, workers, inFlight },
  contenders: [
    ['tsyncio', 'pool/tsyncio.mjs'],
    ...others,
    ['postMessage', 'pool/post-message.mjs', { note: 'bare' }],
    ['piscina', 'pool/piscina.mjs'],
    ['tinypool', 'pool/tinypool.mjs'],
    ['workerpool', 'pool/workerpool.mjs'],
    ['poolifier', 'pool/poolifier.mjs'],
  ],
});
const RING = ['ring', 'pool/ring.mjs', { note: 'bare shared memory, one worker' }];
const CPYTHON = ['CPython', 'pool/executors.py', { note: 'ThreadPoolExecutor' }];

const starts = (name, title, processes) => {
  const contender = (pool, open) => [
    'pool/start.mjs',
    { args: { pool: `./${pool}.mjs`, ...(open && { open }) } },
  ];
  return {
    name,
    title,
    args: { workers: 1 },
    unit: 'ms',
    contenders: [
      ['tsyncio', ...contender('tsyncio', processes && 'openProcesses')],
      ...(processes
        ? []
        : [
            ['postMessage', ...contender('post-message')],
            ['piscina', ...contender('piscina')],
            ['tinypool', ...contender('tinypool')],
          ]),
      ['workerpool', ...contender('workerpool', processes ? 'openProcesses' : 'openThreads')],
      ...(processes ? [] : [['poolifier', ...contender('poolifier')]]),
      ['CPython', 'pool/start.py', { args: { processes } }],
    ],
  };
};
const copies = (name, title, size) => ({
  name,
  title,
  args: { size },
  contenders: [
    ['tsyncio', 'copy/tsyncio.mjs'],
    ['native', 'copy/native.mjs', { note: 'fs.promises.copyFile' }],
    ['streams', 'copy/streams.mjs', { note: 'pipeline() of two streams' }],
  ],
});

const lines = (name, title, text) => ({
  name,
  title,
  args: { lines: 100_000, text },
  contenders: [
    ['tsyncio', 'lines/generator.mjs'],
    ['tsyncio async function', 'lines/async-function.mjs'],
    ['readline', 'lines/readline.mjs', { note: 'for await over node:readline' }],
    ['native', 'lines/native.mjs', { note: 'fs.promises, readLines()' }],
  ],
});

export const programs = [
  switches('switch-100', 100, ['Effection', 'switch/effection.mjs']),
  switches('switch-10000', 10_000),
  {
    name: 'switch-async',
    title: 'Task switch, async function, 100 tasks',
    args: { tasks: 100 },
    contenders: [
      ['tsyncio', 'switch-async/tsyncio.mjs'],
      ['thenable', 'switch-async/thenable.mjs', { note: 'await of a bare thenable' }],
      ['native', 'switch/native.mjs'],
      ['Effect', 'switch/effect.mjs'],
      ...python('switch/asyncio.py'),
    ],
  },
  {
    name: 'spawn',
    title: 'Spawn and join 100,000 tasks',
    args: { tasks: 100_000 },
    contenders: [
      ['tsyncio', 'spawn/taskgroup.mjs'],
      ['tsyncio gather', 'spawn/gather.mjs'],
      ['tsyncio async function', 'spawn/async-function.mjs'],
      ['native', 'spawn/native.mjs', { note: 'Promise.all' }],
      ['Effect', 'spawn/effect.mjs'],
      ['Effection', 'spawn/effection.mjs', { args: { tasks: 10_000 }, note: '10,000 tasks', ...SLOW }],
      ...python('spawn/asyncio.py'),
    ],
  },
  {
    name: 'spawn-eager',
    title: 'Spawn and join 100,000 tasks, started eagerly',
    args: { tasks: 100_000, eager: true },
    contenders: [
      ['tsyncio', 'spawn/taskgroup.mjs'],
      ['tsyncio gather', 'spawn/gather.mjs'],
      ['native', 'spawn/native.mjs', { note: 'Promise.all' }],
      ['asyncio', 'spawn/asyncio.py'],
    ],
  },
  ...[1, 20, 50, 100].map(nested),
  {
    name: 'depth',
    title: 'Call and return through 100,000 levels',
    args: { depth: 100_000 },
    contenders: [
      ['tsyncio', 'depth/coroutine.mjs'],
      ['native', 'depth/native.mjs'],
      ['Effect', 'depth/effect.mjs'],
      ['Effection', 'depth/effection.mjs'],
      ['asyncio', 'depth/asyncio.py'],
    ],
  },
  locks('lock', 'Lock, uncontended', 1),
  locks('lock-100', 'Lock handed on among 100 tasks', 100),
  locks(
    'lock-100000',
    'Lock handed on among 100,000 tasks',
    100_000,
    { args: { tasks: 10_000 }, note: '10,000 fibers', ...SLOW },
    { args: { tasks: 20_000 }, note: '20,000 waiters', ...SLOW },
  ),
  queues(1),
  queues(100),
  {
    name: 'timers',
    title: '100,000 sleeps within a second, CPU time each',
    args: { timers: 100_000 },
    metric: 'cpu',
    contenders: [
      ['tsyncio', 'timers/tsyncio.mjs'],
      ['tsyncio callLater', 'timers/call-later.mjs'],
      ['setTimeout', 'timers/set-timeout.mjs', { note: 'a bare callback' }],
      ['native', 'timers/native.mjs', { note: 'timers/promises' }],
      ['Effect', 'timers/effect.mjs'],
      ...python('timers/asyncio.py', SLOW),
    ],
  },
  timeouts('timeout', 'Timeout around a body that returns at once', false),
  timeouts('timeout-yield', 'Timeout around a body that yields once', true),
  {
    name: 'cancel',
    title: 'Cancel and join a parked task',
    args: {},
    contenders: [
      ['tsyncio', 'cancel/tsyncio.mjs'],
      ['native', 'cancel/native.mjs', { note: 'AbortController' }],
      ['Effect', 'cancel/effect.mjs'],
      ['Effection', 'cancel/effection.mjs'],
      ...python('cancel/asyncio.py'),
    ],
  },
  {
    name: 'cleanup',
    title: 'Cancel 20,000 sleepers whose clean-up waits',
    args: { tasks: 20_000 },
    contenders: [
      ['tsyncio', 'cleanup/tsyncio.mjs'],
      ['tsyncio async function', 'cleanup/async-function.mjs'],
      ['native', 'cleanup/native.mjs', { note: 'AbortController', ...SLOW }],
      ['Effect', 'cleanup/effect.mjs'],
      ...python('cleanup/asyncio.py'),
    ],
  },
  copies('copy-64k', 'Copy a file of 64 KiB', 64 * 1024),
  copies('copy-64m', 'Copy a file of 64 MiB', 64 * 1024 * 1024),
  lines('lines', 'Read a file by lines, ASCII', 'line of a file, with a few words in it'),
  lines('lines-utf8', 'Read a file by lines, Cyrillic', 'строка файла, в ней несколько слов'),
  echoes('echo-100', 'Echo server, 64 B, 100 connections, streams, CPU time', 100, 64),
  echoes('echo-1', 'Echo server, 64 B, one connection, streams, CPU time', 1, 64),
  echoes('echo-bulk', 'Echo server, 64 KiB, 4 connections, streams, CPU time', 4, 65_536),
  {
    name: 'echo-two-writes',
    title: 'Echo server, 64 B in two writes, 100 connections, streams, CPU time',
    args: { connections: 100, size: 64 },
    metric: 'cpu',
    contenders: [
      ['tsyncio', 'echo/two-writes.mjs'],
      ['node:net', 'echo/two-writes-net.mjs', { note: 'callbacks, two writes' }],
      ...python('echo/two-writes-asyncio.py'),
    ],
  },
  echoClients('echo-client', 'Echo client, 64 B, 100 connections, streams, CPU time', 100, 64),
  echoClients('echo-client-bulk', 'Echo client, 64 KiB, 4 connections, streams, CPU time', 4, 65_536),
  {
    name: 'http',
    title: 'HTTP, a file of 4 KiB, 64 connections, CPU time of the server',
    args: { connections: 64 },
    metric: 'cpu',
    contenders: [
      ['tsyncio', 'http/tsyncio.mjs', { note: 'examples/http-server' }],
      ['node:http', 'http/node-http.mjs', { note: 'stat() and readFile()' }],
    ],
  },
  {
    name: 'http-hello',
    title: 'HTTP, an answer from memory, 64 connections, CPU time of the server',
    args: { connections: 64, handler: 'generator' },
    metric: 'cpu',
    contenders: [
      ['tsyncio', 'http/tsyncio-hello.mjs', { note: 'examples/http-server' }],
      ['tsyncio async function', 'http/tsyncio-hello.mjs', { args: { handler: 'function' } }],
      ['node:http', 'http/node-http-hello.mjs'],
    ],
  },
  {
    name: 'process',
    title: 'Start a process and read its output, four at a time',
    args: { processes: 20, atOnce: 4 },
    contenders: [
      ['tsyncio', 'process/tsyncio.mjs'],
      ['tsyncio runProcess', 'process/run-process.mjs'],
      ['child_process', 'process/child-process.mjs', { note: 'bare callbacks' }],
      ['execa', 'process/execa.mjs'],
      ...python('process/asyncio.py'),
    ],
  },
  memory('memory-event', 'Memory of a task parked on an Event', false),
  memory('memory-sleep', 'Memory of a task in sleep', true),
  {
    name: 'memory-slow-reader',
    title: 'Memory of a connection, both ends, whose reader is far slower than its writer',
    args: { connections: 50, seconds: 1 },
    unit: 'bytes',
    nodeFlags: GC,
    samples: 2,
    contenders: [
      ['tsyncio', 'slow-reader/tsyncio.mjs'],
      ['native', 'slow-reader/native.mjs', { note: 'node:net, writes until `drain` is due' }],
    ],
  },
  imports('import-core', 'Cold import of tsyncio/core', 'tsyncio/core'),
  imports(
    'import',
    'Cold import of tsyncio',
    'tsyncio',
    ['Effect', 'import/module.mjs', { args: { specifier: 'effect' } }],
    ['Effection', 'import/module.mjs', { args: { specifier: 'effection' } }],
    ['asyncio', 'import/asyncio.py'],
  ),
  pools('scalars', 'Thread pool, a number there and back, 64 in flight', {
    others: [
      ['tsyncio yield*', 'pool/tsyncio-generator.mjs'],
      ['tsyncio map', 'pool/tsyncio-map.mjs', { note: 'executor.map, blocking' }],
      RING,
      CPYTHON,
    ],
  }),
  pools('rich', 'Thread pool, a small object there and back, 64 in flight', { others: [CPYTHON] }),
  {
    ...pools('scalars', 'Thread pool, round trip awaited', {
      workers: 1,
      inFlight: 1,
      others: [['tsyncio yield*', 'pool/tsyncio-generator.mjs'], RING, CPYTHON],
    }),
    name: 'pool-roundtrip',
  },
  {
    name: 'pool-blocking',
    title: 'Thread pool, round trip with the caller blocked',
    args: {},
    contenders: [
      ['tsyncio', 'pool-blocking/tsyncio.mjs'],
      ['ring', 'pool-blocking/ring.mjs', { note: 'bare shared memory' }],
      ['synckit', 'pool-blocking/synckit.mjs'],
      ['CPython', 'pool-blocking/executors.py', { note: 'ThreadPoolExecutor' }],
    ],
  },
  pools('copied', '1 MiB to a thread, copied', { workers: 1, inFlight: 1 }),
  pools('moved', '1 MiB to a thread, transferred', { workers: 1, inFlight: 1 }),
  pools('shared', '64 MiB to a thread, shared', { workers: 1, inFlight: 1 }),
  starts('pool-start', 'Thread pool, from the constructor to the first result', false),
  {
    name: 'pool-process',
    title: 'Process pool, a number there and back, 64 in flight',
    args: { work: 'scalars', workers: 2, inFlight: 64, processes: true },
    contenders: [
      ['tsyncio', 'pool/tsyncio.mjs'],
      ['workerpool', 'pool/workerpool.mjs'],
      ['CPython', 'pool/executors.py', { note: 'ProcessPoolExecutor' }],
    ],
  },
  starts('pool-process-start', 'Process pool, from the constructor to the first result', true),
].map(complete);

function complete(program) {
  const {
    contenders,
    args,
    samples = Number.POSITIVE_INFINITY,
    unit = 'ns',
    metric = 'wall',
    nodeFlags = [],
  } = program;
  return {
    ...program,
    unit,
    metric,
    contenders: contenders.map(([name, file, overrides = {}]) => ({
      name,
      file,
      nodeFlags,
      args: { ...args, ...overrides.args },
      note: overrides.note,
      samples: Math.min(samples, overrides.samples ?? Number.POSITIVE_INFINITY),
    })),
  };
}
