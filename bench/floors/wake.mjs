// What it costs to wake a thread and be woken by it, by every way that there is: wall-clock time of a round trip of nothing,
// alone and with both processors busy. The worker is woken in one way, and the asker in another.
import { isMainThread, MessageChannel, parentPort, Worker, workerData } from 'node:worker_threads';

const ASKED = 0;
const ANSWERED = 1;
const QUIT = 2;
const ROUNDS = 9;
const TRIPS = 1500;

/** Looks for so many microseconds whether a word has changed. */
function spin(words, word, seen, microseconds) {
  const end = performance.now() + microseconds / 1000;
  do {
    if (Atomics.load(words, word) !== seen) return;
  } while (performance.now() < end);
}

if (!isMainThread) serve(workerData);
else await main();

function serve({ memory, listen, answer, spinning, port, burn }) {
  const words = new Int32Array(memory);
  if (burn) for (;;);
  const reply = () => {
    Atomics.add(words, ANSWERED, 1);
    if (answer === 'notify') Atomics.notify(words, ANSWERED);
    else port.postMessage(0);
  };
  if (listen === 'message') {
    parentPort.on('message', reply);
    return;
  }
  for (let done = 0; Atomics.load(words, QUIT) === 0; done++) {
    if (spinning > 0) spin(words, ASKED, done, spinning);
    while (Atomics.load(words, ASKED) === done) Atomics.wait(words, ASKED, done, 100);
    if (Atomics.load(words, QUIT) === 0) reply();
  }
}

async function main() {
  const ways = [
    ['Atomics.wait, Atomics.wait (blocked)', { listen: 'wait', answer: 'notify', asker: 'wait' }],
    ['the same, the worker spins 10 µs', { listen: 'wait', answer: 'notify', asker: 'wait', spinning: 10 }],
    ['the same, the asker spins 10 µs', { listen: 'wait', answer: 'notify', asker: 'wait', own: 10 }],
    ['the same, both spin 10 µs', { listen: 'wait', answer: 'notify', asker: 'wait', spinning: 10, own: 10 }],
    ['the same, both spin 50 µs', { listen: 'wait', answer: 'notify', asker: 'wait', spinning: 50, own: 50 }],
    ['Atomics.wait, Atomics.waitAsync (awaited)', { listen: 'wait', answer: 'notify', asker: 'waitAsync' }],
    [
      'the same, the worker spins 10 µs',
      { listen: 'wait', answer: 'notify', asker: 'waitAsync', spinning: 10 },
    ],
    [
      'the same, the worker spins 50 µs',
      { listen: 'wait', answer: 'notify', asker: 'waitAsync', spinning: 50 },
    ],
    ['Atomics.wait, a message (awaited)', { listen: 'wait', answer: 'message', asker: 'message' }],
    ['a message, a message (awaited)', { listen: 'message', answer: 'message', asker: 'message' }],
  ];
  const lanes = [];
  for (const [name, way] of ways) lanes.push({ name, trip: await open(way), alone: [], busy: [] });
  const rounds = async (kind) => {
    for (let round = 0; round < ROUNDS; round++) {
      for (const lane of lanes) {
        const begin = performance.now();
        for (let n = 0; n < TRIPS; n++) await lane.trip();
        lane[kind].push(((performance.now() - begin) / TRIPS) * 1000);
      }
    }
  };
  await rounds('alone');
  for (let n = 0; n < 2; n++)
    new Worker(import.meta.filename, { workerData: { memory: new SharedArrayBuffer(16), burn: true } });
  await rounds('busy');
  const show = (times) => {
    times.sort((a, b) => a - b);
    return `least ${times[0].toFixed(1).padStart(6)} median ${times[ROUNDS >> 1].toFixed(1).padStart(7)}`;
  };
  for (const { name, alone, busy } of lanes) {
    console.log(`${name.padEnd(46)} ${show(alone)}   processors busy: ${show(busy)} µs`);
  }
  process.exit();
}

async function open({ listen, answer, asker, spinning = 0, own = 0 }) {
  const memory = new SharedArrayBuffer(16);
  const words = new Int32Array(memory);
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(import.meta.filename, {
    workerData: { memory, listen, answer, spinning, port: port2 },
    transferList: [port2],
  });
  await new Promise((online) => worker.once('online', online));
  let heard = () => {};
  if (asker === 'message') port1.on('message', () => heard());
  const ask = () => {
    Atomics.add(words, ASKED, 1);
    if (listen === 'message') worker.postMessage(0);
    else Atomics.notify(words, ASKED);
  };
  return () => {
    const seen = Atomics.load(words, ANSWERED);
    if (asker === 'message') {
      return new Promise((resolve) => {
        heard = resolve;
        ask();
      });
    }
    ask();
    if (asker === 'waitAsync') return Atomics.waitAsync(words, ANSWERED, seen).value;
    if (own > 0) spin(words, ANSWERED, seen, own);
    while (Atomics.load(words, ANSWERED) === seen) Atomics.wait(words, ANSWERED, seen);
    return undefined;
  };
}
