/** What runs on Node, Deno and Bun. Importing it makes the Node host the default one, and gives loops their methods for input and output. */

import './network-loop.js';

export { type AddressFamily, type AddrInfo, type AddrInfoHints, GaiError } from './addresses.js';
export type {
  AcceptedSocketOptions,
  ConnectionOptions,
  LoopStartTlsOptions,
  UnixConnectionOptions,
} from './connections.js';
export type { DatagramOptions } from './datagrams.js';
export { NodeHost } from './lowlevel.js';
export type * from './network-info.js';
export type { NetworkLoop } from './network-loop.js';
export type { SendfileOptions, SendfileSource } from './sendfile.js';
export { Server, type ServerOptions, type UnixServerOptions } from './server.js';
export {
  createDefaultContext,
  type Pem,
  SSLCertVerificationError,
  type SSLContextOptions,
  SSLError,
} from './ssl.js';
export {
  openConnection,
  openUnixConnection,
  type StreamPair,
  startServer,
  startUnixServer,
} from './streams.js';
