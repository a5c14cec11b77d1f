/**
 * One test, every kind of connection: over TCP, a Unix socket and TLS, each as generator coroutines and as async functions, on
 * a loop of its own and real sockets. Nothing may be left behind: no task, no report, no log record, no descriptor.
 */

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import tls from 'node:tls';
import * as asyncio from 'tsyncio';
import { type Kind, kinds } from '../core/both-kinds.js';

type Coro<T> = asyncio.Coro<T>;

/** Compiled tests run from build/; what is no code stays in test/. */
const certificates = join(import.meta.dirname, '../../..', 'test/node/certificates');

/** The text of one of the test's certificates or keys. */
export function pem(name: string): string {
  return readFileSync(join(certificates, name), 'utf8');
}

/** The path of one of the test's certificates or keys. */
export function pemPath(name: string): string {
  return join(certificates, name);
}

/** For servers: the certificate of localhost. */
export function serverContext(options: asyncio.SSLContextOptions = {}): asyncio.SSLContext {
  return asyncio.createDefaultContext({
    purpose: 'client-auth',
    cert: pem('server.pem'),
    key: pem('server.key'),
    ...options,
  });
}

/** For clients: trusts the test's authority. */
export function clientContext(options: asyncio.SSLContextOptions = {}): asyncio.SSLContext {
  return asyncio.createDefaultContext({ cadata: pem('authority.pem'), ...options });
}

let folder: string | null = null;
let names = 0;

/** A path for a Unix socket or a file, in a folder that goes away with the tests. */
export function freshPath(): string {
  if (folder === null) {
    const made = mkdtempSync(join(tmpdir(), 'tsyncio-'));
    folder = made;
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
  }
  names += 1;
  return join(folder, `s${names}`);
}

/** The peers of the running test, which end with it. */
const peers = new Set<net.Socket>();

export const wires = ['tcp', 'unix', 'tls'] as const;
export type Wire = (typeof wires)[number];

/** What a test body is given. */
export interface Net extends Omit<Kind, 'loop'> {
  readonly loop: asyncio.EventLoop;
  readonly wire: Wire;
  /** `asyncio.startServer()` and its like. */
  startServer(
    callback: asyncio.ClientConnected,
    options?: asyncio.ServerOptions & { limit?: number },
  ): asyncio.Coroutine<asyncio.Server>;
  /** `asyncio.openConnection()` and its like, to that server. */
  open(
    server: asyncio.Server,
    options?: asyncio.ConnectionOptions & { limit?: number },
  ): asyncio.Coroutine<[asyncio.StreamReader, asyncio.StreamWriter]>;
  createServer(
    factory: () => asyncio.StreamProtocol,
    options?: asyncio.ServerOptions,
  ): asyncio.Coroutine<asyncio.Server>;
  connect<P extends asyncio.StreamProtocol>(
    factory: () => P,
    server: asyncio.Server,
    options?: asyncio.ConnectionOptions,
  ): asyncio.Coroutine<[asyncio.Transport, P]>;
  /** A peer of Node's own, connected; for TLS after the handshake. */
  peer(server: asyncio.Server): asyncio.Coroutine<net.Socket>;
}

/** The port of a server's first socket. */
export function portOf(server: asyncio.Server): number {
  const [socket] = server.sockets;
  assert.ok(socket !== undefined, 'the server listens');
  return (socket.getsockname() as [string, number])[1];
}

function netOf(kind: Omit<Kind, 'loop' | 'reports' | 'logs'>, wire: Wire, loop: asyncio.EventLoop): Net {
  const serverSide = wire === 'tls' ? { ssl: serverContext() } : {};
  const clientSide = wire === 'tls' ? { ssl: clientContext() } : {};
  const pathOf = (server: asyncio.Server) => server.sockets[0]?.getsockname() as string;
  return {
    ...kind,
    reports: [],
    logs: [],
    loop,
    wire,
    startServer: (callback, options = {}) =>
      wire === 'unix'
        ? asyncio.startUnixServer(callback, freshPath(), options)
        : asyncio.startServer(callback, '127.0.0.1', 0, { ...serverSide, ...options }),
    open: (server, options = {}) =>
      wire === 'unix'
        ? asyncio.openUnixConnection(pathOf(server), options)
        : asyncio.openConnection('127.0.0.1', portOf(server), { ...clientSide, ...options }),
    createServer: (factory, options = {}) =>
      wire === 'unix'
        ? loop.createUnixServer(factory, freshPath(), options)
        : loop.createServer(factory, '127.0.0.1', 0, { ...serverSide, ...options }),
    connect: (factory, server, options = {}) =>
      wire === 'unix'
        ? loop.createUnixConnection(factory, pathOf(server), options)
        : loop.createConnection(factory, '127.0.0.1', portOf(server), { ...clientSide, ...options }),
    peer: asyncio.coroutine(function* (server: asyncio.Server): Coro<net.Socket> {
      const connected = loop.createFuture<void>();
      const done = () => void (connected.done() || connected.setResult(undefined));
      const where = wire === 'unix' ? { path: pathOf(server) } : { host: '127.0.0.1', port: portOf(server) };
      const socket =
        wire === 'tls'
          ? tls.connect(
              { ...where, ca: pem('authority.pem'), allowHalfOpen: true } as object as tls.ConnectionOptions,
              done,
            )
          : net.connect({ ...where, allowHalfOpen: true } as net.NetConnectOpts, done);
      socket.on('error', () => {});
      peers.add(socket);
      yield* connected;
      return socket;
    }),
  };
}

/** How many sockets are open; 0 where the system does not tell. */
export function countSockets(): number {
  if (!existsSync('/proc/self/fd')) return 0;
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
    } catch {
      return false;
    }
  }).length;
}

/** Sockets and servers that keep the process alive. */
function openResources(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((name) => /TCP|Pipe|TLS|UDP|ConnectWrap/.test(name))
    .sort();
}

/** What is open now, for comparing. */
export function leakWatch(): () => Promise<void> {
  const descriptors = countSockets();
  const resources = openResources();
  return async () => {
    // What is closed is gone after the platform had its turn, a few times.
    for (let turn = 0; turn < 2000; turn += 1) {
      if (countSockets() <= descriptors && openResources().length <= resources.length) return;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    assert.deepEqual(openResources(), resources, 'sockets that the test left open');
    assert.equal(countSockets(), descriptors, 'descriptors that the test left open');
  };
}

export interface WireOptions {
  /** Only these. */
  wires?: readonly Wire[];
  /** Only this kind. */
  only?: Kind['name'];
  skip?: string | false;
}

/** A test over every wire, in both kinds. */
export function overEach(
  title: string,
  given: WireOptions | ((net: Net) => Generator<asyncio.Suspension, unknown, unknown>),
  last?: (net: Net) => Generator<asyncio.Suspension, unknown, unknown>,
): void {
  const options = typeof given === 'function' ? {} : given;
  const body = typeof given === 'function' ? given : last!;
  for (const wire of options.wires ?? wires) {
    for (const kind of kinds) {
      if (options.only !== undefined && kind.name !== options.only) continue;
      test(`${title} (${wire}, ${kind.name})`, { skip: options.skip ?? false }, async () => {
        const noLeak = leakWatch();
        const logs: string[] = [];
        const log = (message: string) => void logs.push(message);
        const outer = asyncio.setLogger({ debug: log, info: log, warn: log, error: log });
        const reports: asyncio.ExceptionContext[] = [];
        const main = kind.go(function* (): Coro<void> {
          const loop = asyncio.getRunningLoop();
          loop.setExceptionHandler((_, context) => void reports.push(context));
          const net = { ...netOf(kind, wire, loop), reports, logs };
          yield* kind.wait(asyncio.timeout(30).run(kind.go(() => body(net) as Coro<unknown>)));
          // Who was told that a connection is gone ends in the next iterations.
          for (let i = 0; i < 5; i += 1) yield* kind.wait(asyncio.sleep(0));
          const left = [...asyncio.allTasks()].filter((task) => task !== asyncio.currentTask());
          assert.deepEqual(left.map(String), [], 'tasks that the test left behind');
        });
        try {
          await asyncio.run(main);
          assert.deepEqual(
            reports.map(({ message, exception }) => `${message}: ${exception}`),
            [],
            'reports that nobody took',
          );
          assert.deepEqual(logs, [], 'log records that nobody took');
        } finally {
          asyncio.setLogger(outer);
          for (const peer of peers) peer.destroy();
          peers.clear();
        }
        await noLeak();
      });
    }
  }
}

/** Waits until `condition` holds, which something outside is about to bring about. */
export function* until(net: Net, condition: () => boolean): Coro<void> {
  while (!condition()) yield* net.wait(asyncio.sleep(0.001));
}

/** Closes a server, and waits for its end. */
export function* closed(net: Net, server: asyncio.Server): Coro<void> {
  server.close();
  yield* net.wait(server.waitClosed());
}

/** A test of an async function on a loop of its own, which must leave nothing open. */
export function networkTest(
  title: string,
  body: (loop: asyncio.EventLoop, t: TestContext) => Promise<void>,
  skip: string | false = false,
): void {
  test(title, { skip }, async (t) => {
    const noLeak = leakWatch();
    await asyncio.run(async () => await body(asyncio.getRunningLoop(), t));
    await noLeak();
  });
}
