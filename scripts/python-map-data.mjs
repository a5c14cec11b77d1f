// What python-map.mjs cannot guess: names that are not Python's in camelCase, and names that are not here.

/** Why a name is not here. */
export const reasons = {
  policies:
    'there are no event loop policies (Python removes its own in 3.16): pass `loopFactory` to `run()`',
  descriptors: 'Node has no raw file descriptors or sockets to poll',
  windows: 'on Windows, too, the loop is `EventLoop`: what differs between systems is inside Node',
  loops: 'several loops may run in one thread, and `getRunningLoop()` finds the right one',
  internal: 'an implementation detail that Python has left without an underscore',
};

/** What the document says before its tables. */
export const intro = [
  "A name is Python's in camelCase unless a table says otherwise. `import * as asyncio from 'tsyncio'` gives those of",
  '`asyncio`, of `asyncio.staggered` and of `contextvars` alike. Keyword-only parameters are one trailing object of options.',
  '`[aenter]` stands for the method under the symbol `asyncio.aenter`: `withAsync(x, body)` is `async with x`.',
];

/** What `python -m asyncio` does, and what does it here. */
export const commands = {
  'python -m asyncio': '`tsyncio repl`',
  'python -m asyncio ps PID': '– comes with the inspector',
  'python -m asyncio pstree PID': '– comes with the inspector',
};

/**
 * By the full name in Python, a module's included. `none` of a module or class goes for what is in it, too.
 *
 * @type {Record<string, import('./python-map.mjs').Entry>}
 */
export const entries = {
  'asyncio.create_subprocess_exec': { note: 'the arguments in an array, since options follow' },
  'asyncio.subprocess.create_subprocess_exec': { note: 'the arguments in an array' },
  'asyncio.subprocess.Process': {
    note: '`stop()`, `wait({ pipes: false })` and `await using` are more than Python has',
  },
  'asyncio.AbstractEventLoop.subprocess_exec': { note: 'the arguments in an array' },
  ...each('asyncio.AbstractEventLoop', { none: 'descriptors' }, [
    'add_reader',
    'remove_reader',
    'add_writer',
    'remove_writer',
    'sock_recv',
    'sock_recv_into',
    'sock_recvfrom',
    'sock_recvfrom_into',
    'sock_sendall',
    'sock_sendto',
    'sock_connect',
    'sock_accept',
    'sock_sendfile',
  ]),
  'asyncio.AbstractEventLoop.run_in_executor': { here: 'ExecutorLoop.runInExecutor' },
  'asyncio.AbstractEventLoop.set_default_executor': { here: 'ExecutorLoop.setDefaultExecutor' },
  'asyncio.run_coroutine_threadsafe': { note: 'for a loop of another thread, give a `RemoteLoop`' },
  'asyncio.to_thread': { note: 'a self-contained function, or a `workerRef()`' },
  'concurrent.futures.Executor.__enter__': {
    here: 'Executor.[Symbol.dispose]',
    note: '`using executor = …`',
  },
  'concurrent.futures.Executor.__exit__': { here: 'Executor.[Symbol.dispose]' },
  'concurrent.futures.Executor.map': { note: 'the iterables as one array: options follow' },
  'concurrent.futures.ThreadPoolExecutor.BROKEN': { none: 'internal' },
  'concurrent.futures.ThreadPoolExecutor.prepare_context': { none: 'internal' },
  ...each('asyncio', { none: 'policies' }, [
    'get_event_loop_policy',
    'set_event_loop_policy',
    'AbstractEventLoopPolicy',
    'DefaultEventLoopPolicy',
    'WindowsSelectorEventLoopPolicy',
    'WindowsProactorEventLoopPolicy',
  ]),
  ...each('asyncio', { none: 'windows' }, ['ProactorEventLoop', 'IocpProactor']),

  ...each('asyncio', { none: 'loops' }, ['_set_running_loop', '_get_running_loop']),
  'asyncio._register_task': { here: 'registerTask', note: 'in `tsyncio/lowlevel`' },
  'asyncio._unregister_task': { here: 'unregisterTask', note: 'in `tsyncio/lowlevel`' },
  'asyncio._enter_task': { here: 'enterTask', note: 'in `tsyncio/lowlevel`' },
  'asyncio._leave_task': { here: 'leaveTask', note: 'in `tsyncio/lowlevel`' },
  'asyncio.BaseEventLoop': { here: 'EventLoop' },
  'asyncio.AbstractEventLoop': { here: 'EventLoop' },
  'asyncio.SelectorEventLoop': { here: 'EventLoop' },
  'asyncio.AbstractEventLoop.create_connection': { note: 'on Node' },
  'asyncio.AbstractEventLoop.create_server': {
    note: 'on Node, which cannot bind without listening: before `startServing()` there are no `sockets`',
  },
  'asyncio.AbstractEventLoop.sendfile': { note: 'by reading and writing: Node offers no other way' },
  'asyncio.StreamReader.__anext__': { here: 'StreamReader.next' },
  'asyncio.AbstractEventLoop.add_signal_handler': {
    note: "a signal's name or number; arguments in a closure",
  },
  'asyncio.AbstractEventLoop.run_forever': { note: 'returns a promise' },
  'asyncio.AbstractEventLoop.run_until_complete': { note: 'returns a promise' },
  'asyncio.run': { note: 'returns a promise; pass `main`, not `main()`' },
  'asyncio.Runner.run': { note: 'returns a promise' },
  'asyncio.Runner.close': { note: 'returns a promise' },
  'asyncio.Runner.__enter__': {
    here: 'Runner.[Symbol.asyncDispose]',
    note: '`await using runner = new Runner()`',
  },
  'asyncio.Runner.__exit__': { here: 'Runner.[Symbol.asyncDispose]' },
  'asyncio.Future.__await__': { note: 'for `yield*`; `then` for `await`' },
  'asyncio.gather': { note: 'an iterable first, as `Promise.all`' },
  'asyncio.iscoroutine': { note: 'a promise is none: it has started already' },
  'asyncio.PriorityQueue': { note: 'a comparison function is the second parameter' },
  'asyncio.get_event_loop': { note: 'never fails: there is always the ambient loop' },
  'asyncio.get_running_loop': { note: 'never fails: there is always the ambient loop' },
  'contextvars.Token.__enter__': {
    here: 'Token.[Symbol.dispose]',
    note: '`using token = variable.set(value)`',
  },
  'contextvars.Token.__exit__': { here: 'Token.[Symbol.dispose]' },
};

/**
 * The same entry for several names.
 *
 * @param {string} parent the module or class that they are in
 * @param {import('./python-map.mjs').Entry} entry
 * @param {string[]} names
 */
function each(parent, entry, names) {
  return Object.fromEntries(names.map((name) => [`${parent}.${name}`, entry]));
}
