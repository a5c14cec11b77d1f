// What an echo of 64 bytes costs at least over node:net: bare callbacks, and the same API shape as streams have (read, write, drain) with
// nothing behind it: no loop, no tasks, no cancellation, no limits. CPU time of the server's process; its system calls are in it.
import net from 'node:net';
import { load } from '../programs/echo/other-side.mjs';

const ARGS = { connections: 100, size: 64 };
const MESSAGES = 50_000;
const ROUNDS = 7;

/** A reader and a writer for a generator, which the socket's events resume at once. */
class Stream {
  constructor(socket, program) {
    this.socket = socket;
    this.came = null;
    this.waiting = false;
    this.program = program(this);
    socket.on('data', (data) => {
      this.came = data;
      if (this.waiting) this.resume();
    });
    socket.on('drain', () => this.resume());
    this.resume();
  }
  resume() {
    this.waiting = this.program.next().done !== true;
  }
  *read() {
    while (this.came === null) yield;
    const data = this.came;
    this.came = null;
    return data;
  }
  *drain() {
    while (this.socket.writableNeedDrain) yield;
  }
}

function* echo(stream) {
  for (;;) {
    const data = yield* stream.read();
    stream.socket.write(data);
    yield* stream.drain();
  }
}

/** The same for an async function. */
class Promised {
  constructor(socket) {
    this.socket = socket;
    this.came = null;
    this.wake = null;
    socket.on('data', (data) => {
      this.came = data;
      this.wake?.();
    });
  }
  async read() {
    if (this.came === null) {
      await new Promise((resolve) => {
        this.wake = resolve;
      });
    }
    const data = this.came;
    this.came = null;
    return data;
  }
  async drain() {
    if (this.socket.writableNeedDrain) await new Promise((resolve) => this.socket.once('drain', resolve));
  }
}

async function promisedEcho(stream) {
  for (;;) {
    const data = await stream.read();
    stream.socket.write(data);
    await stream.drain();
  }
}

const ways = {
  'callbacks: on data, write': (socket) => socket.on('data', (data) => socket.write(data)),
  'a generator with read(), write(), drain()': (socket) => new Stream(socket, echo),
  'an async function with read(), write(), drain()': (socket) => void promisedEcho(new Promised(socket)),
};

async function sample(serve) {
  const sockets = new Set();
  const server = net.createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  let before;
  await load(server.address().port, ARGS, MESSAGES, () => {
    before = process.cpuUsage();
  });
  const { user, system } = process.cpuUsage(before);
  for (const socket of sockets) socket.destroy();
  server.close();
  return [(user * 1000) / MESSAGES, (system * 1000) / MESSAGES];
}

const samples = new Map(Object.keys(ways).map((name) => [name, []]));
for (let round = 0; round <= ROUNDS; round++) {
  for (const [name, serve] of Object.entries(ways)) {
    const result = await sample(serve);
    if (round > 0) samples.get(name).push(result);
  }
}
const median = (list) =>
  list
    .sort((a, b) => a - b)
    [list.length >> 1].toFixed(0)
    .padStart(7);
for (const [name, list] of samples) {
  const [user, system, all] = [(s) => s[0], (s) => s[1], (s) => s[0] + s[1]].map((f) => median(list.map(f)));
  console.log(`${name.padEnd(50)} median ${all} ns, of which user ${user}, system ${system}`);
}
