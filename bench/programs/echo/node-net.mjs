import net from 'node:net';
import { load } from './other-side.mjs';

export default (args) => ({
  units: 1,
  least: 50_000, // its machine code must be there
  async repeat(times, restart) {
    const sockets = new Set();
    const server = net.createServer({ noDelay: true }, (socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('data', (data) => socket.write(data));
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    await load(server.address().port, args, times, restart);
    for (const socket of sockets) socket.destroy();
    server.close();
  },
});
