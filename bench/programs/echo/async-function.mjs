import { run, startServer } from 'tsyncio';
import { load } from './other-side.mjs';

async function echo(reader, writer) {
  for (;;) {
    const data = await reader.read(65_536);
    if (data.length === 0) break;
    writer.write(data);
    await writer.drain();
  }
  writer.close();
}

export default (args) => ({
  units: 1,
  least: 50_000, // its machine code must be there
  repeat: (times, restart) =>
    run(async () => {
      const server = await startServer(echo, '127.0.0.1', 0);
      const [, port] = server.sockets[0].getsockname();
      await load(port, args, times, restart);
      server.abortClients();
      server.close();
    }),
});
