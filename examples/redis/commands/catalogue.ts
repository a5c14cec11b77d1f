/** COMMAND: which commands there are. `redis-cli` asks for its hints. */

import type { Command, CommandTable } from '../command.js';
import { MapReply, type Reply } from '../reply.js';

function described(name: string, { arity }: Command): Reply {
  // Flags and the places of keys are for clusters, which this is none of.
  return [name, arity, [], 0, 0, 0, [], [], [], []];
}

export function catalogueCommands(commands: () => ReadonlyMap<string, Command>): CommandTable {
  /** Each once: the table has them in capitals, too. */
  const all = () => [...commands()].filter(([name]) => name === name.toLowerCase());
  return {
    command: {
      arity: -1,
      run: () => all().map(([name, command]) => described(name, command)),
      subcommands: {
        count: { arity: 2, run: () => all().length },
        list: { arity: 2, run: () => all().map(([name]) => name) },
        docs: { arity: -2, run: () => new MapReply([]) },
        info: {
          arity: -2,
          run: (_, [, , ...names]) =>
            names.map((each) => {
              const name = each.toLowerCase();
              const command = commands().get(name);
              return command === undefined ? null : described(name, command);
            }),
        },
      },
    },
  };
}
