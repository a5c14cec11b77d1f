// A server that speaks the protocol of Redis: `tsyncio run examples/redis/index.ts`; `-p 6380`, `-h 0.0.0.0`, `-s /tmp/redis.sock`.

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
