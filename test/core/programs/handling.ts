// A program with a signal handler: `handling KIND HOW SIGNAL`. KIND: async or generator.

import * as asyncio from 'tsyncio';

const [kind, how, name] = process.argv.slice(2);
const signal = name as asyncio.SignalLike;

/** Said two turns of the platform later: without a handler, the process would have ended by then. */
const ready = () => setImmediate(() => setImmediate(() => console.log('ready')).unref()).unref();

function* removing(): asyncio.Coro<void> {
  const loop = asyncio.getRunningLoop();
  loop.addSignalHandler(signal, () => {
    console.log('handled');
    loop.removeSignalHandler(signal);
    console.log('removed');
  });
  loop.callSoon(() => console.log('ready'));
  try {
    yield* asyncio.sleep('1h');
  } finally {
    console.log('cleaned up');
  }
}

function* waiting(): asyncio.Coro<void> {
  const event = new asyncio.Event();
  asyncio.getRunningLoop().addSignalHandler(signal, () => {
    console.log('handled');
    event.set();
  });
  ready();
  yield* event.wait();
}

if (how === 'ambient') {
  const loop = asyncio.getEventLoop();
  loop.addSignalHandler(signal, () => {
    console.log('handled');
    loop.removeSignalHandler(signal);
  });
  ready();
} else {
  const body = how === 'removing' ? removing : waiting;
  await asyncio.run(kind === 'generator' ? body : async () => await asyncio.coroutine(body)());
}
