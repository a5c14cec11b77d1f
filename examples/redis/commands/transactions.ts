/** Transactions: commands that are carried out together, if the keys that were watched have not changed. */

import type { CommandTable } from '../command.js';
import { OK, RedisError } from '../reply.js';

export const transactionCommands: CommandTable = {
  multi: {
    arity: 1,
    outsideTransaction: true,
    run: (session) => {
      session.begin();
      return OK;
    },
  },
  exec: { arity: 1, outsideTransaction: true, run: (session) => session.commit() },
  discard: {
    arity: 1,
    outsideTransaction: true,
    run: (session) => {
      session.discard();
      return OK;
    },
  },
  watch: {
    arity: -2,
    outsideTransaction: true,
    run: (session, [, ...keys]) => {
      if (session.transaction !== null) throw new RedisError('ERR WATCH inside MULTI is not allowed');
      for (const key of keys) session.watch(key);
      return OK;
    },
  },
  unwatch: {
    arity: 1,
    run: (session) => {
      session.unwatch();
      return OK;
    },
  },
};
