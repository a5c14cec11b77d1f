// The client of the http programs, in a process of its own and as quick as Node can be: node load.mjs <port> <connections> <path>
// <requests>. Each connection sends a request when the answer to the one before has come. Answers are as long as the first one, which
// is read properly; every one has to begin with `HTTP/1.1 200`. Says `ready`, and `done` or what was wrong.
import net from 'node:net';

const [port, connections, path, requests] = process.argv.slice(2).map((each) => Number(each) || each);
const say = (text) => process.stdout.write(`${text}\n`);
const fail = (text) => process.stdout.write(`${text}\n`, () => process.exit(1));
const request = Buffer.from(
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUser-Agent: load\r\nAccept: */*\r\n\r\n`,
);
const memory = Buffer.allocUnsafe(64 * 1024);
const OK = Buffer.from('HTTP/1.1 200');

const size = await new Promise((resolve) => {
  let answer = '';
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  socket.setEncoding('latin1').on('data', (text) => {
    answer += text;
    const end = answer.indexOf('\r\n\r\n');
    const length = /\r\ncontent-length: (\d+)\r\n/i.exec(answer)?.[1];
    if (end < 0 || length === undefined || answer.length < end + 4 + Number(length)) return;
    socket.destroy();
    resolve(answer.length);
  });
  socket.write(request);
});

let unsent = requests;
let missing = requests;
const sockets = [];
for (let i = 0; i < connections; i++) {
  let got = 0;
  const callback = (count) => {
    if (got === 0 && (count < OK.length || OK.compare(memory, 0, OK.length) !== 0)) {
      fail(`not 200: ${memory.subarray(0, count)}`);
      return false;
    }
    got += count;
    if (got < size) return true;
    if (got > size) fail(`an answer has ${got} bytes, not ${size}`);
    got = 0;
    missing--;
    if (missing === 0) {
      for (const each of sockets) each.destroy();
      process.stdout.write('done\n', () => process.exit());
    } else if (unsent > 0) {
      unsent--;
      socket.write(request);
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
  socket.on('error', (error) => fail(error.message));
  socket.on('end', () => fail('the server has closed a connection'));
  sockets.push(socket);
}
process.stdin.once('data', () => {
  for (const socket of sockets) {
    if (unsent === 0) break;
    unsent--;
    socket.write(request);
  }
});
say('ready');
