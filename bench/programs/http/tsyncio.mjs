import { run, wrapPromise } from 'tsyncio';
import { HttpServer, staticFiles } from './example.mjs';
import { load, makeSite, program } from './site.mjs';

export default (args) => {
  const folder = makeSite();
  return program((times, restart) =>
    run(function* () {
      const handler = yield* staticFiles(folder);
      const server = yield* HttpServer.start(handler, '127.0.0.1', 0, { maxRequests: Infinity });
      yield* wrapPromise(load(server.port, '/page.html', args, times, restart));
      yield* server.stop();
    }),
  );
};
