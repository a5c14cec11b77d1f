/** What all connections share: the databases, the channels, and the sessions themselves. It knows nothing of sockets. */

import { BlockedPops } from './blocked-pops.js';
import { Channels } from './channels.js';
import { Keyspace } from './keyspace.js';
import { DEFAULT_LIMITS } from './request-parser.js';
import type { Session } from './session.js';

export const VERSION = '7.0.15';

export interface EngineOptions {
  readonly databases?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

export class Engine {
  readonly databases: readonly Keyspace[];
  readonly channels = new Channels();
  readonly sessions = new Set<Session>();
  readonly now: () => number;
  readonly startedAt: number;
  /** What CONFIG GET tells. */
  readonly configuration: ReadonlyMap<string, string>;
  commandsProcessed = 0;
  connectionsReceived = 0;
  /** Called by SHUTDOWN. */
  onShutdown: () => void = () => {};
  readonly #blocked: ReadonlyMap<Keyspace, BlockedPops>;
  /** Sessions that were sent something by others. */
  readonly #unsent = new Set<Session>();

  constructor({ databases = 16, now = Date.now }: EngineOptions = {}) {
    this.now = now;
    this.startedAt = now();
    this.databases = Array.from({ length: databases }, () => new Keyspace(now));
    this.#blocked = new Map(this.databases.map((each) => [each, new BlockedPops(each)]));
    this.configuration = new Map([
      ['appendonly', 'no'],
      ['databases', String(databases)],
      ['maxmemory', '0'],
      ['proto-max-bulk-len', String(DEFAULT_LIMITS.bulkLength)],
      ['save', ''],
      ['timeout', '0'],
    ]);
  }

  blockedPops(keyspace: Keyspace): BlockedPops {
    return this.#blocked.get(keyspace) as BlockedPops;
  }

  /** After each command, and each transaction as a whole: whoever waits gets what was pushed. */
  serveBlocked(): void {
    for (const blocked of this.#blocked.values()) blocked.serve();
  }

  /** Something was put into the session's output outside its own turn. */
  unsent(session: Session): void {
    this.#unsent.add(session);
  }

  /** Sends that. */
  flush(): void {
    if (this.#unsent.size === 0) return;
    for (const session of this.#unsent) session.flush();
    this.#unsent.clear();
  }

  /** Deletes expired keys: a little at a time, of every database. */
  sweep(): void {
    for (const keyspace of this.databases) keyspace.sweep(1000);
  }
}
