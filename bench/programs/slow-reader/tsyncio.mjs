import { gather, openConnection, run, sleep, startServer } from 'tsyncio';
import { usedBytes } from '../memory.mjs';

const piece = Buffer.alloc(16 * 1024, 'x');

export default ({ connections, seconds }) => ({
  value: () =>
    run(function* () {
      const readers = [];
      const server = yield* startServer((reader) => void readers.push(reader), '127.0.0.1', 0);
      const [, port] = server.sockets[0].getsockname();
      const open = yield* gather(
        Array.from({ length: connections }, () => openConnection('127.0.0.1', port)),
      );
      while (readers.length < connections) yield* sleep(0.01);
      const before = usedBytes();
      let written = 0;
      function* write(writer) {
        for (;;) {
          writer.write(piece);
          written += piece.length;
          yield* writer.drain();
        }
      }
      const writers = gather(
        open.map(([, writer]) => write(writer)),
        { returnExceptions: true },
      );
      // Each reader takes a piece now and then, far slower than its writer could go.
      let most = 0;
      for (let i = 0; i < seconds * 20; i++) {
        yield* sleep(0.05);
        for (const reader of readers) yield* reader.read(piece.length);
        most = Math.max(most, usedBytes() - before);
      }
      if (written < connections * 2 ** 20) throw new Error('the writers were not fast');
      writers.cancel();
      server.abortClients();
      server.close();
      for (const [, writer] of open) writer.transport.abort();
      return most / connections;
    }),
});
