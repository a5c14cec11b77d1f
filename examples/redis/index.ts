/**
 * A server that speaks the protocol of Redis, as a program:
 *
 *     npx tsyncio run examples/redis/index.ts -- -p 6380
 *     redis-cli -p 6380
 *     redis-benchmark -p 6380 -q
 *
 * `-h 0.0.0.0` listens elsewhere, `-s /tmp/redis.sock` at a Unix socket. Nothing is written to disk: it is an example.
 *
 * Read `request-parser.ts` and `reply.ts` for the protocol, `keyspace.ts` for what is stored, `commands/` for what can be
 * asked, `session.ts` for one client, `server.ts` for the sockets, `blocked-pops.ts` for waiting and being cancelled;
 * `client.ts` is the other side.
 *
 * How fast: the server's processor time for each request, of `redis-benchmark -s SOCKET -n 200000 -c 50 -P 16 -t set,get
 * -r 100000`, on two busy cores with Node 20: 4 to 6 µs; redis-server 7.0 at the same time: 2.4 to 3.3 µs. With `-P 1`, 20 to
 * 27 µs against 6 to 8 µs: a third of it is the system's write(), most of the rest Node's sockets.
 */

import { parseArgs } from 'node:util';
import { RedisServer } from './server.js';

export async function main(...args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      host: { type: 'string', short: 'h', default: '127.0.0.1' },
      port: { type: 'string', short: 'p', default: '6379' },
      socket: { type: 'string', short: 's' },
    },
  });
  const server = await RedisServer.start({
    host: values.host,
    port: Number(values.port),
    unixSocket: values.socket,
  });
  console.log(`redis: ready at ${server.addresses.map((each) => [each].flat().join(':')).join(', ')}`);
  try {
    await server.serve();
  } finally {
    await server.stop();
    console.log('redis: bye');
  }
}
