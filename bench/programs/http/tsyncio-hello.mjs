import { run, wrapPromise } from 'tsyncio';
import { HttpServer } from './example.mjs';
import { load, program } from './site.mjs';

const HELLO = Buffer.from('Hello, World!\n');
const headers = { 'Content-Type': 'text/plain; charset=utf-8' };
const handlers = {
  *generator() {
    return { headers, body: HELLO };
  },
  async function() {
    return { headers, body: HELLO };
  },
};

export default (args) =>
  program((times, restart) =>
    run(function* () {
      const options = { maxRequests: Infinity };
      const server = yield* HttpServer.start(handlers[args.handler], '127.0.0.1', 0, options);
      yield* wrapPromise(load(server.port, '/', args, times, restart));
      yield* server.stop();
    }),
  );
