/** Channels: subscribing and publishing. */

import type { CommandTable } from '../command.js';
import { Push, type Reply, Several } from '../reply.js';
import type { Session } from '../session.js';

/** The words of the two kinds of subscriptions. */
const KINDS = {
  name: { chosen: 'channels', registry: 'byName', prefix: '' },
  pattern: { chosen: 'patterns', registry: 'byPattern', prefix: 'p' },
} as const;

function subscribe(session: Session, names: readonly string[], kind: keyof typeof KINDS): Reply {
  const { chosen, registry, prefix } = KINDS[kind];
  return new Several(
    names.map((name) => {
      session[chosen].add(name);
      session.engine.channels[registry].add(name, session);
      return new Push([`${prefix}subscribe`, name, session.subscriptions]);
    }),
  );
}

/** From all when none is named. */
function unsubscribe(session: Session, names: readonly string[], kind: keyof typeof KINDS): Reply {
  const { chosen, registry, prefix } = KINDS[kind];
  const left = names.length > 0 ? names : [...session[chosen]];
  if (left.length === 0) return new Push([`${prefix}unsubscribe`, null, session.subscriptions]);
  return new Several(
    left.map((name) => {
      session[chosen].delete(name);
      session.engine.channels[registry].delete(name, session);
      return new Push([`${prefix}unsubscribe`, name, session.subscriptions]);
    }),
  );
}

export const publishingCommands: CommandTable = {
  subscribe: {
    arity: -2,
    whileSubscribed: true,
    run: (session, [, ...names]) => subscribe(session, names, 'name'),
  },
  psubscribe: {
    arity: -2,
    whileSubscribed: true,
    run: (session, [, ...names]) => subscribe(session, names, 'pattern'),
  },
  unsubscribe: {
    arity: -1,
    whileSubscribed: true,
    run: (session, [, ...names]) => unsubscribe(session, names, 'name'),
  },
  punsubscribe: {
    arity: -1,
    whileSubscribed: true,
    run: (session, [, ...names]) => unsubscribe(session, names, 'pattern'),
  },
  publish: {
    arity: 3,
    run: ({ engine }, [, channel, message]) => engine.channels.publish(channel, message),
  },
};
