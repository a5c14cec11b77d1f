// A program at the end of pipes: `pipe-end KIND HOW`. It watches descriptor 3, or copies its standard input to its output.

import * as asyncio from 'tsyncio';

const [kind, how] = process.argv.slice(2);

function* watch(): asyncio.Coro<void> {
  const loop = asyncio.getRunningLoop();
  const lost = loop.createFuture<void>();
  class Watcher extends asyncio.BaseProtocol {
    override connectionMade(): void {
      console.log('made');
    }

    override connectionLost(error: Error | null): void {
      console.log(`lost ${error}`);
      lost.setResult(undefined);
    }
  }
  yield* loop.connectWritePipe(() => new Watcher(), { fd: 3 });
  yield* lost;
}

function* copy(): asyncio.Coro<void> {
  const loop = asyncio.getRunningLoop();
  const reader = new asyncio.StreamReader({ limit: 1000 });
  yield* loop.connectReadPipe(() => new asyncio.StreamReaderProtocol(reader), { fd: 0 });
  const [transport, protocol] = yield* loop.connectWritePipe(() => new asyncio.StreamReaderProtocol(null), {
    fd: 1,
  });
  const writer = new asyncio.StreamWriter(transport, protocol, null, loop);
  for (;;) {
    const line = yield* reader.readline();
    if (line.length === 0) break;
    writer.write(line);
    yield* writer.drain();
  }
  writer.close();
  yield* writer.waitClosed();
}

const body = how === 'watch' ? watch : copy;
await asyncio.run(kind === 'generator' ? body : async () => await asyncio.coroutine(body)());
