/** Opens connections until there are no descriptors left, closes them, and is served again. */

import * as asyncio from 'tsyncio';

await asyncio.run(async () => {
  const loop = asyncio.getRunningLoop();
  loop.setExceptionHandler(() => {});
  const server = await asyncio.startServer(
    async (reader, writer) => {
      const line = await reader.readline();
      if (line.length > 0) writer.write(line);
      writer.close();
    },
    '127.0.0.1',
    0,
  );
  const [socket] = server.sockets;
  if (socket === undefined) throw new Error('the server does not listen');
  const [, port] = socket.getsockname() as [string, number];
  const open: asyncio.StreamPair[] = [];
  let refused = 0;
  for (let i = 0; i < 60; i += 1) {
    try {
      open.push(await asyncio.timeout(5).run(async () => await asyncio.openConnection('127.0.0.1', port)));
    } catch (error) {
      asyncio.rethrowBase(error);
      refused += 1;
    }
  }
  console.log(refused > 0 ? 'refused some' : 'refused none');
  for (const [, writer] of open) writer.transport.abort();
  server.abortClients();
  for (;;) {
    try {
      const [reader, writer] = await asyncio.openConnection('127.0.0.1', port);
      writer.write(Buffer.from('hello\n'));
      const answer = await reader.read();
      writer.close();
      if (answer.toString() === 'hello\n') break;
    } catch (error) {
      asyncio.rethrowBase(error);
    }
    await asyncio.sleep(0.01);
  }
  console.log('served again');
  server.close();
  server.abortClients();
  await server.waitClosed();
});
