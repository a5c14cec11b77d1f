// What python-map.mjs cannot guess: names that are not Python's in camelCase, and names that are not here.

/** Why a name is not here. */
export const reasons = {
  io: 'comes with the I/O layer',
  executors: 'comes with the executors',
  policies:
    'there are no event loop policies: a loop is chosen with `loopFactory`; Python removes them in 3.16',
  descriptors: 'Node has no raw file descriptors or sockets to poll',
  windows: "Node's own loop (libuv) is what differs between platforms, not this one",
  abstract: 'there is one `EventLoop`; what differs between platforms is its host',
  sync: 'nothing can block the thread until a coroutine has ended: the asynchronous form is there',
  internal: 'an implementation detail that Python left without an underscore',
};

/** What the document says before its tables. */
export const intro = [
  "A name is Python's in camelCase unless the table says otherwise; keyword-only parameters are one options object at",
  "the end. `import * as asyncio from 'tsyncio'` has them all, and `tsyncio/lowlevel` those for other implementations.",
];

/** @type {Record<string, import('./python-map.mjs').Entry>} */
export const entries = {
  'asyncio.AbstractEventLoop': { here: 'EventLoop' },
};
