import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { usedBytes } from '../memory.mjs';

const piece = Buffer.alloc(16 * 1024, 'x');

export default ({ connections, seconds }) => ({
  async value() {
    const sockets = [];
    const server = net.createServer({ pauseOnConnect: true }, (socket) => sockets.push(socket));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address();
    const writers = Array.from({ length: connections }, () => net.connect(port, '127.0.0.1'));
    await Promise.all(writers.map((each) => once(each, 'connect')));
    while (sockets.length < connections) await sleep(10);
    const before = usedBytes();
    let open = true;
    for (const socket of writers) {
      const write = () => {
        while (open && socket.write(piece));
      };
      socket.on('drain', write).on('error', () => {});
      write();
    }
    let most = 0;
    for (let i = 0; i < seconds * 20; i++) {
      await sleep(50);
      for (const socket of sockets) socket.read(piece.length);
      most = Math.max(most, usedBytes() - before);
    }
    open = false;
    for (const socket of [...writers, ...sockets]) socket.on('error', () => {}).destroy();
    server.close();
    return most / connections;
  },
});
