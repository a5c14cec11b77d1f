import { gather, openConnection, run, wrapPromise } from 'tsyncio';
import { otherSide } from './other-side.mjs';

export default ({ connections, size }) => ({
  units: 1,
  least: 50_000, // its machine code must be there
  repeat: (times, restart) =>
    run(function* () {
      const server = otherSide('server');
      const port = Number(yield* wrapPromise(server.next()));
      const message = Buffer.alloc(size, 'x');
      const open = yield* gather(
        Array.from({ length: connections }, () => openConnection('127.0.0.1', port)),
      );
      let unsent = times;
      function* client(reader, writer) {
        while (unsent > 0) {
          unsent--;
          writer.write(message);
          yield* reader.readexactly(size);
        }
        writer.close();
      }
      restart();
      yield* gather(open.map(([reader, writer]) => client(reader, writer)));
      server.end();
    }),
});
