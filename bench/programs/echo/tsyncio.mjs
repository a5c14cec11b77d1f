import { run, startServer, wrapPromise } from 'tsyncio';
import { load } from './other-side.mjs';

function* echo(reader, writer) {
  for (;;) {
    const data = yield* reader.read(65_536);
    if (data.length === 0) break;
    writer.write(data);
    yield* writer.drain();
  }
  writer.close();
}

export default (args) => ({
  units: 1,
  least: 50_000, // its machine code must be there
  repeat: (times, restart) =>
    run(function* () {
      const server = yield* startServer(echo, '127.0.0.1', 0);
      const [, port] = server.sockets[0].getsockname();
      yield* wrapPromise(load(port, args, times, restart));
      server.abortClients();
      server.close();
    }),
});
