// The other side of the echo programs, in a process of its own and as quick as Node can be: node load.mjs client <port> <connections> <size>
// <messages> sends each message when the one before has come back; node load.mjs server echoes. Says a word when it is ready, and,
// as a client that was told to go, one when it is done.
import net from 'node:net';

const [role, ...rest] = process.argv.slice(2);
const say = (text) => process.stdout.write(`${text}\n`);

if (role === 'server') {
  const server = net.createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => socket.write(data));
  });
  server.listen(0, '127.0.0.1', () => say(server.address().port));
  process.stdin.resume().on('end', () => process.exit());
} else {
  const [port, connections, size, messages] = rest.map(Number);
  const memory = Buffer.allocUnsafe(64 * 1024);
  const message = Buffer.alloc(size, 'x');
  let unsent = messages;
  let missing = messages;
  const sockets = [];
  for (let i = 0; i < connections; i++) {
    let got = 0;
    const callback = (count) => {
      got += count;
      if (got < size) return true;
      got -= size;
      missing--;
      if (missing === 0) {
        say('done');
        for (const each of sockets) each.destroy();
        process.exit();
      }
      if (unsent > 0) {
        unsent--;
        socket.write(message);
      }
      return true;
    };
    const socket = net.connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: { buffer: memory, callback },
    });
    await new Promise((resolve) => socket.once('connect', resolve));
    sockets.push(socket);
  }
  process.stdin.once('data', () => {
    for (const socket of sockets) {
      if (unsent === 0) break;
      unsent--;
      socket.write(message);
    }
  });
  say('ready');
}
