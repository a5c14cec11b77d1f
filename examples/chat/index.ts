/**
 * The chat server as a program:
 *
 *     npx tsyncio run examples/chat/index.ts 4000
 *
 * and then, in as many terminals as there are people, `nc localhost 4000`. Ctrl-C and SIGTERM end it; everybody is told.
 */

import { ChatServer } from './chat-server.js';

export async function main(port = '4000', host = '127.0.0.1'): Promise<void> {
  const server = new ChatServer({ host, port: Number(port), log: (line) => console.log(`chat: ${line}`) });
  try {
    await server.run((address) => console.log(`chat: listening at ${[address].flat().join(':')}`));
  } finally {
    console.log('chat: everybody has gone');
  }
}
