/** The connection itself: its protocol, its name, its database. */

import type { Arguments, CommandTable } from '../command.js';
import { VERSION } from '../engine.js';
import { integer } from '../number.js';
import { MapReply, OK, type Protocol, RedisError, type Reply, Status, Verbatim } from '../reply.js';
import type { Session } from '../session.js';

const PONG = new Status('PONG');

function hello(session: Session, args: Arguments): Reply {
  let protocol: Protocol = session.protocol;
  if (args.length > 1) {
    const version = integer(args[1], 'ERR Protocol version is not an integer or out of range');
    if (version !== 2 && version !== 3) throw new RedisError('NOPROTO unsupported protocol version');
    protocol = version;
  }
  let name: string | null = null;
  for (let i = 2; i < args.length; i += 1) {
    const option = args[i] as string;
    if (/^SETNAME$/i.test(option) && i + 1 < args.length) {
      i += 1;
      name = checkName(args[i] as string);
    } else if (/^AUTH$/i.test(option) && i + 2 < args.length) {
      if (args[i + 1] !== 'default')
        throw new RedisError('WRONGPASS invalid username-password pair or user is disabled.');
      i += 2; // there is no password
    } else {
      throw new RedisError(`ERR Syntax error in HELLO option '${option}'`);
    }
  }
  if (name !== null) session.name = name;
  session.protocol = protocol;
  return new MapReply([
    ...['server', 'redis', 'version', VERSION],
    ...['proto', protocol, 'id', session.id],
    ...['mode', 'standalone', 'role', 'master'],
    ...['modules', []],
  ]);
}

function checkName(name: string): string {
  if (/[^!-~]/.test(name))
    throw new RedisError('ERR Client names cannot contain spaces, newlines or special characters.');
  return name;
}

function describe(session: Session): string {
  return [
    `id=${session.id}`,
    `addr=${session.peer}`,
    `name=${session.name}`,
    `db=${session.database}`,
    `sub=${session.channels.size}`,
    `psub=${session.patterns.size}`,
    `multi=${session.transaction === null ? -1 : session.transaction.queue.length}`,
    `resp=${session.protocol}`,
  ].join(' ');
}

export const connectionCommands: CommandTable = {
  ping: {
    arity: -1,
    whileSubscribed: true,
    run: (session, args) => {
      if (args.length > 2) throw new RedisError("ERR wrong number of arguments for 'ping' command");
      if (session.protocol === 2 && session.subscriptions > 0) return ['pong', args[1] ?? ''];
      return args[1] ?? PONG;
    },
  },
  echo: { arity: 2, run: (_, [, message]) => message },
  hello: { arity: -1, outsideTransaction: true, run: hello },
  select: {
    arity: 2,
    run: (session, [, index]) => {
      const database = integer(index);
      if (database < 0 || database >= session.engine.databases.length)
        throw new RedisError('ERR DB index is out of range');
      session.database = database;
      return OK;
    },
  },
  auth: {
    arity: -2,
    run: () => {
      throw new RedisError(
        'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?',
      );
    },
  },
  reset: {
    arity: 1,
    whileSubscribed: true,
    outsideTransaction: true,
    run: (session) => {
      session.reset();
      return new Status('RESET');
    },
  },
  quit: {
    arity: -1,
    whileSubscribed: true,
    outsideTransaction: true,
    run: (session) => {
      session.closing = true;
      return OK;
    },
  },
  client: {
    arity: -2,
    subcommands: {
      id: { arity: 2, run: ({ id }) => id },
      getname: { arity: 2, run: ({ name }) => (name === '' ? null : name) },
      setname: {
        arity: 3,
        run: (session, [, , name]) => {
          session.name = checkName(name);
          return OK;
        },
      },
      setinfo: {
        arity: 4,
        run: (_, [, , attribute]) => {
          if (!/^lib-(name|ver)$/i.test(attribute))
            throw new RedisError(`ERR Unrecognized option '${attribute}'`);
          return OK;
        },
      },
      info: { arity: 2, run: (session) => new Verbatim('txt', `${describe(session)}\n`) },
      list: {
        arity: 2,
        run: ({ engine }) =>
          new Verbatim('txt', [...engine.sessions].map((each) => `${describe(each)}\n`).join('')),
      },
    },
  },
};
