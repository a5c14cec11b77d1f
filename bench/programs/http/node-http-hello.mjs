import http from 'node:http';
import { load, program } from './site.mjs';

const HELLO = Buffer.from('Hello, World!\n');

export default (args) =>
  program(async (times, restart) => {
    const server = http.createServer((_request, response) => {
      response.writeHead(200, {
        'Content-Type': 'text/plain; charset=utf-8',
        'Content-Length': HELLO.length,
      });
      response.end(HELLO);
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    await load(server.address().port, '/', args, times, restart);
    server.closeAllConnections();
    server.close();
  });
