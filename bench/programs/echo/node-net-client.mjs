import net from 'node:net';
import { otherSide } from './other-side.mjs';

export default ({ connections, size }) => ({
  units: 1,
  least: 50_000, // its machine code must be there
  async repeat(times, restart) {
    const server = otherSide('server');
    const port = Number(await server.next());
    const message = Buffer.alloc(size, 'x');
    let unsent = times;
    const sockets = [];
    for (let i = 0; i < connections; i++) {
      const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
      await new Promise((resolve) => socket.once('connect', resolve));
      sockets.push(socket);
    }
    restart();
    await Promise.all(
      sockets.map(
        (socket) =>
          new Promise((resolve) => {
            let got = 0;
            const send = () => {
              if (unsent === 0) {
                socket.destroy();
                resolve();
                return;
              }
              unsent--;
              socket.write(message);
            };
            socket.on('data', (data) => {
              got += data.length;
              if (got < size) return;
              got -= size;
              send();
            });
            send();
          }),
      ),
    );
    server.end();
  },
});
