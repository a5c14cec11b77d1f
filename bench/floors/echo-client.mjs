// What a client of an echo server costs at least over node:net: callbacks that only count, callbacks that hand out each message in memory of
// its own, and a generator with write() and readexactly(); over Node's ordinary reads, and over `onread` with memory that is used again. No loop,
// no tasks, no cancellation, no limits. CPU time of the client's process; its system calls are in it.
import net from 'node:net';
import { otherSide } from '../programs/echo/other-side.mjs';

const ROUNDS = 7;
const READ = 64 * 1024;
const SHORT = 8 * 1024;

const shared = Buffer.allocUnsafeSlow(READ);
let slab = Buffer.allocUnsafeSlow(READ);
let used = 0;

/** A copy that nobody writes to again. */
function takeOut(count) {
  if (used + count > slab.length) {
    slab = Buffer.allocUnsafeSlow(READ);
    used = 0;
  }
  used += count;
  shared.copy(slab, used - count, 0, count);
  return slab.subarray(used - count, used);
}

/** Calls `came` with each piece. Large ones are read into memory of their own, small ones copied out of shared memory. */
function connectShared(port, size, came) {
  const large = size > SHORT;
  const buffer = large ? () => Buffer.allocUnsafeSlow(READ) : shared;
  const callback = (count, memory) => {
    came(large ? memory.subarray(0, count) : takeOut(count));
    return true;
  };
  return net.connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer, callback } });
}

const connectOrdinary = (port, _size, came) =>
  net.connect({ port, host: '127.0.0.1', noDelay: true }).on('data', came);

const connectCounting = (port, _size, came) =>
  net.connect({
    port,
    host: '127.0.0.1',
    noDelay: true,
    onread: {
      buffer: shared,
      callback(count) {
        came({ length: count });
        return true;
      },
    },
  });

/** Puts messages of `size` bytes together. */
class Messages {
  #size;
  #pieces = [];
  #length = 0;

  constructor(size) {
    this.#size = size;
  }

  /** The message that ends with `data`, or `null`. There is never a second one behind it. */
  add(data) {
    this.#length += data.length;
    if (this.#length < this.#size) {
      this.#pieces.push(data);
      return null;
    }
    this.#length = 0;
    if (this.#pieces.length === 0) return data;
    const message = Buffer.concat([...this.#pieces, data]);
    this.#pieces.length = 0;
    return message;
  }
}

/** Callbacks: `connect` gives pieces, `add` says when a message is whole. */
const callbacks = (connect, whole) => (port, size, next) => {
  const add = whole(size);
  const socket = connect(port, size, (data) => {
    if (add(data)) next(socket);
  });
  return [socket, () => next(socket)];
};

const counted = (size) => {
  let got = 0;
  return ({ length }) => {
    got += length;
    if (got < size) return false;
    got -= size;
    return true;
  };
};

const assembled = (size) => {
  const messages = new Messages(size);
  return (data) => messages.add(data) !== null;
};

/** A generator that is resumed at once by the socket's events. */
const generator = (connect) => (port, size, next) => {
  const messages = new Messages(size);
  let message = null;
  const socket = connect(port, size, (data) => {
    message = messages.add(data);
    if (message !== null) program.next();
  });
  function* readexactly() {
    while (message === null) yield;
    const result = message;
    message = null;
    return result;
  }
  function* client() {
    while (next(socket)) yield* readexactly();
  }
  const program = client();
  return [socket, () => program.next()];
};

const ways = {
  'callbacks that count': callbacks(connectOrdinary, counted),
  'callbacks that hand out messages': callbacks(connectOrdinary, assembled),
  'a generator with write(), readexactly()': generator(connectOrdinary),
  'callbacks that count, onread': callbacks(connectCounting, counted),
  'callbacks that hand out messages, onread': callbacks(connectShared, assembled),
  'a generator with write(), readexactly(), onread': generator(connectShared),
};

async function sample(way, { connections, size, messages }) {
  const server = otherSide('server');
  const port = Number(await server.next());
  const message = Buffer.alloc(size, 'x');
  let unsent = messages;
  let open = connections;
  let finish;
  const finished = new Promise((resolve) => {
    finish = resolve;
  });
  const next = (socket) => {
    if (unsent === 0) {
      open -= 1;
      if (open === 0) finish();
      return false;
    }
    unsent -= 1;
    socket.write(message);
    return true;
  };
  const clients = [];
  for (let i = 0; i < connections; i++) {
    const client = way(port, size, next);
    await new Promise((resolve) => client[0].once('connect', resolve));
    clients.push(client);
  }
  const before = process.cpuUsage();
  for (const [, start] of clients) start();
  await finished;
  const { user, system } = process.cpuUsage(before);
  for (const [socket] of clients) socket.destroy();
  server.end();
  return [(user * 1000) / messages, (system * 1000) / messages];
}

const median = (list) =>
  list
    .sort((a, b) => a - b)
    [list.length >> 1].toFixed(0)
    .padStart(7);

for (const args of [
  { connections: 100, size: 64, messages: 40_000 },
  { connections: 4, size: READ, messages: 6000 },
]) {
  console.log(`${args.size} bytes, ${args.connections} connections`);
  const samples = new Map(Object.keys(ways).map((name) => [name, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, way] of Object.entries(ways)) {
      const result = await sample(way, args);
      if (round > 0) samples.get(name).push(result);
    }
  }
  for (const [name, list] of samples) {
    const [user, system, all] = [(s) => s[0], (s) => s[1], (s) => s[0] + s[1]].map((f) =>
      median(list.map(f)),
    );
    console.log(`  ${name.padEnd(50)} median ${all} ns, of which user ${user}, system ${system}`);
  }
}
