/** What a command is: a row of a table. */

import type * as asyncio from 'tsyncio';
import type { Reply } from './reply.js';
import type { Session } from './session.js';

/** The name and what follows it: as many as the arity promises, which the type cannot know. */
export type Arguments = readonly [string, string, string, string, ...string[]];

/** What `run` gives when there is nothing to answer with yet. */
export const BLOCKS: unique symbol = Symbol('blocks');

export interface Command {
  /** How many arguments it has, the name among them; at least that many when negative. */
  readonly arity: number;
  /** Does it, and gives the answer. It never waits, so nobody sees half of it. @throws RedisError is answered with. */
  readonly run?: (session: Session, args: Arguments) => Reply | typeof BLOCKS;
  /** Where `run` gave `BLOCKS`: waits for the answer. Inside of a transaction nothing blocks: the answer is no array then. */
  readonly block?: (session: Session, args: Arguments) => asyncio.Coro<Reply>;
  /** Its second word is a name, too. */
  readonly subcommands?: CommandTable;
  /** Also for clients of RESP2 that are subscribed to channels. */
  readonly whileSubscribed?: boolean;
  /** Done at once, where other commands would wait for EXEC. */
  readonly outsideTransaction?: boolean;
}

export type CommandTable = Readonly<Record<string, Command>>;
