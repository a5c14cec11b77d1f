/** Cancellation at every await of every network call: nothing stays open, and nothing hangs. */

import assert from 'node:assert/strict';
import * as asyncio from 'tsyncio';
import { clientContext, closed, freshPath, type Net, overEach, portOf, serverContext } from './each-wire.js';

type Coro<T> = asyncio.Coro<T>;

/** How many iterations are tried one by one; after them the wait grows. */
const ITERATIONS = 12;
const LATEST = 20;

/**
 * Runs `operation` again and again, and cancels it one iteration later each time, until it gets through before that. What it gave is
 * handed to `undo`.
 */
function* cancelEverywhere<T>(
  net: Net,
  operation: () => Coro<T>,
  undo: (value: T) => Coro<void>,
): Coro<{ cancelled: number; finished: number }> {
  let cancelled = 0;
  let finished = 0;
  for (let step = 0; step < LATEST && finished < 2; step += 1) {
    const task = asyncio.createTask(net.go(operation) as () => Coro<T>);
    for (let i = 0; i < Math.min(step, ITERATIONS); i += 1) yield* net.wait(asyncio.sleep(0));
    if (step > ITERATIONS) yield* net.wait(asyncio.sleep(0.0005 * (step - ITERATIONS) ** 2));
    task.cancel();
    yield* net.wait(asyncio.wait([task]));
    if (task.cancelled()) cancelled += 1;
    else {
      finished += 1;
      yield* undo(task.result() as T);
    }
  }
  assert.ok(cancelled > 0, 'it was cancelled at least once');
  return { cancelled, finished };
}

function* closeStreams(net: Net, [, writer]: asyncio.StreamPair): Coro<void> {
  writer.transport.abort();
  yield* net.wait(asyncio.sleep(0));
}

/** A server whose connections are read until they end, and closed then. */
function draining(net: Net): asyncio.ClientConnected {
  return net.define(function* (reader: asyncio.StreamReader, writer: asyncio.StreamWriter) {
    try {
      yield* net.wait(reader.read());
    } catch (error) {
      asyncio.rethrowBase(error);
    }
    writer.transport.abort();
  });
}

overEach('openConnection() can be cancelled anywhere', function* (net) {
  const server = yield* net.wait(net.startServer(draining(net)));
  yield* cancelEverywhere(
    net,
    function* () {
      return yield* net.wait(net.open(server));
    },
    (pair) => closeStreams(net, pair),
  );
  server.abortClients();
  yield* closed(net, server);
});

overEach(
  'openConnection() with happy eyeballs can be cancelled anywhere',
  { wires: ['tcp'] },
  function* (net) {
    const server = yield* net.wait(net.startServer(draining(net)));
    yield* cancelEverywhere(
      net,
      function* () {
        return yield* net.wait(
          asyncio.openConnection('localhost', portOf(server), { happyEyeballsDelay: 0.25, family: 4 }),
        );
      },
      (pair) => closeStreams(net, pair),
    );
    server.abortClients();
    yield* closed(net, server);
  },
);

overEach('startServer() can be cancelled anywhere', function* (net) {
  yield* cancelEverywhere(
    net,
    function* () {
      return yield* net.wait(net.startServer(draining(net)));
    },
    (server) => closed(net, server),
  );
});

overEach(
  'startTls() can be cancelled anywhere, and closes the connection',
  { wires: ['tcp'] },
  function* (net) {
    const server = yield* net.wait(
      net.startServer(
        net.define(function* (_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) {
          try {
            yield* net.wait(writer.startTls(serverContext()));
            yield* net.wait(asyncio.sleep(60));
          } catch (error) {
            asyncio.rethrowBase(error);
          } finally {
            writer.transport.abort();
          }
        }),
      ),
    );
    const opened: asyncio.StreamWriter[] = [];
    yield* cancelEverywhere(
      net,
      function* () {
        const pair = yield* net.wait(net.open(server));
        opened.push(pair[1]);
        yield* net.wait(pair[1].startTls(clientContext(), { serverHostname: 'localhost' }));
        return pair;
      },
      (pair) => closeStreams(net, pair),
    );
    for (const writer of opened) writer.transport.abort();
    server.abortClients();
    for (const task of asyncio.allTasks())
      if (task !== asyncio.currentTask() && /serve|lambda|coroutine/.test(String(task))) task.cancel();
    yield* closed(net, server);
    for (let i = 0; i < 20; i += 1) yield* net.wait(asyncio.sleep(0.001));
  },
);

overEach('createDatagramEndpoint() can be cancelled anywhere', { wires: ['tcp'] }, function* (net) {
  yield* cancelEverywhere(
    net,
    function* () {
      return yield* net.wait(
        net.loop.createDatagramEndpoint(() => new asyncio.DatagramProtocol(), {
          localAddr: ['127.0.0.1', 0],
          remoteAddr: ['127.0.0.1', 9],
        }),
      );
    },
    function* ([transport]) {
      transport.abort();
      yield* net.wait(asyncio.sleep(0));
    },
  );
});

overEach('read(), drain(), waitClosed() and serveForever() can be cancelled anywhere', function* (net) {
  const path = freshPath();
  assert.ok(path.length > 0);
  const server = yield* net.wait(net.startServer(draining(net)));
  const [reader, writer] = yield* net.wait(net.open(server));
  for (const operation of [
    () => reader.read(),
    () => reader.readline(),
    () => reader.readexactly(10),
    () => writer.waitClosed(),
    () => server.waitClosed(),
  ]) {
    yield* cancelEverywhere(
      net,
      function* (): Coro<unknown> {
        return yield* net.wait(operation() as asyncio.Coroutine<unknown>);
      },
      function* () {},
    );
  }
  assert.equal(writer.isClosing(), false);
  writer.transport.abort();
  server.abortClients();
  yield* closed(net, server);
});

overEach('a server task that is cancelled closes its connection', function* (net) {
  const tasks: (asyncio.Task | null)[] = [];
  const server = yield* net.wait(
    net.startServer(
      net.define(function* (_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) {
        tasks.push(asyncio.currentTask());
        yield* net.wait(asyncio.sleep(60));
      }),
    ),
  );
  const [reader, writer] = yield* net.wait(net.open(server));
  while (tasks.length === 0) yield* net.wait(asyncio.sleep(0.001));
  tasks[0]?.cancel();
  assert.equal((yield* net.wait(reader.read())).length, 0);
  writer.close();
  yield* net.wait(writer.waitClosed());
  yield* closed(net, server);
});
