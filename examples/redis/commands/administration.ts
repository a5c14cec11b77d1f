/** The server itself: what it is and has, emptying it, ending it. */

import type { CommandTable } from '../command.js';
import { type Engine, VERSION } from '../engine.js';
import { matches } from '../glob.js';
import type { Keyspace } from '../keyspace.js';
import { MapReply, OK, RedisError, type Reply, Several, Verbatim } from '../reply.js';

/** FLUSHDB and FLUSHALL: there is no slow way, so both modes are the same. */
function empty(keyspaces: readonly Keyspace[], mode: readonly string[]): Reply {
  if (mode.length > 1 || !/^(|async|sync)$/i.test(mode[0] ?? '')) throw new RedisError('ERR syntax error');
  for (const keyspace of keyspaces) keyspace.clear();
  return OK;
}

function sections(engine: Engine): Record<string, Record<string, string | number>> {
  const { heapUsed, rss } = process.memoryUsage();
  const blocked = [...engine.sessions].filter((each) => each.blocked).length;
  return {
    server: {
      redis_version: VERSION,
      redis_mode: 'standalone',
      process_id: process.pid,
      uptime_in_seconds: Math.floor((engine.now() - engine.startedAt) / 1000),
    },
    clients: { connected_clients: engine.sessions.size, blocked_clients: blocked },
    memory: { used_memory: heapUsed, used_memory_rss: rss },
    stats: {
      total_connections_received: engine.connectionsReceived,
      total_commands_processed: engine.commandsProcessed,
      pubsub_channels: engine.channels.byName.size,
      pubsub_patterns: engine.channels.byPattern.size,
    },
    replication: { role: 'master', connected_slaves: 0 },
    keyspace: Object.fromEntries(
      engine.databases.flatMap(({ size, mortals }, i) =>
        size > 0 ? [[`db${i}`, `keys=${size},expires=${mortals}`]] : [],
      ),
    ),
  };
}

function info(engine: Engine, wanted: readonly string[]): Reply {
  const names = new Set(wanted.map((each) => each.toLowerCase()));
  const all = wanted.length === 0 || ['all', 'default', 'everything'].some((each) => names.has(each));
  const text = Object.entries(sections(engine))
    .filter(([name]) => all || names.has(name))
    .map(([name, rows]) => {
      const title = `# ${name[0]?.toUpperCase()}${name.slice(1)}\r\n`;
      return (
        title +
        Object.entries(rows)
          .map(([key, value]) => `${key}:${value}\r\n`)
          .join('')
      );
    });
  return new Verbatim('txt', text.join('\r\n'));
}

export const administrationCommands: CommandTable = {
  flushdb: { arity: -1, run: ({ keyspace }, [, ...mode]) => empty([keyspace], mode) },
  flushall: { arity: -1, run: ({ engine }, [, ...mode]) => empty(engine.databases, mode) },
  info: { arity: -1, run: ({ engine }, [, ...wanted]) => info(engine, wanted) },
  time: {
    arity: 1,
    run: ({ engine }) => {
      const now = engine.now();
      return [String(Math.floor(now / 1000)), String(Math.floor((now % 1000) * 1000))];
    },
  },
  config: {
    arity: -2,
    subcommands: {
      get: {
        arity: -3,
        run: ({ engine }, [, , ...patterns]) =>
          new MapReply(
            [...engine.configuration]
              .filter(([name]) => patterns.some((pattern) => matches(pattern.toLowerCase(), name)))
              .flat(),
          ),
      },
      set: {
        arity: -4,
        run: (_, [, , name]) => {
          throw new RedisError(`ERR Unknown option or number of arguments for CONFIG SET - '${name}'`);
        },
      },
      resetstat: {
        arity: 2,
        run: ({ engine }) => {
          engine.commandsProcessed = 0;
          engine.connectionsReceived = 0;
          return OK;
        },
      },
    },
  },
  shutdown: {
    arity: -1,
    run: (session, [, ...how]) => {
      for (const each of how)
        if (!/^(nosave|save|now|force|abort)$/i.test(each)) throw new RedisError('ERR syntax error');
      session.engine.onShutdown();
      // The end is the answer.
      session.closing = true;
      return new Several([]);
    },
  },
};
