/** The table of all commands. */

import type { Command, CommandTable } from '../command.js';
import { administrationCommands } from './administration.js';
import { catalogueCommands } from './catalogue.js';
import { connectionCommands } from './connection.js';
import { hashCommands } from './hashes.js';
import { keyCommands } from './keys.js';
import { listCommands } from './lists.js';
import { publishingCommands } from './publishing.js';
import { setCommands } from './sets.js';
import { sortedSetCommands } from './sorted-sets.js';
import { stringCommands } from './strings.js';
import { transactionCommands } from './transactions.js';

const tables: readonly CommandTable[] = [
  administrationCommands,
  catalogueCommands(() => commands),
  connectionCommands,
  hashCommands,
  keyCommands,
  listCommands,
  publishingCommands,
  setCommands,
  sortedSetCommands,
  stringCommands,
  transactionCommands,
];

/** By their names, in small letters and in capitals. */
export const commands: ReadonlyMap<string, Command> = new Map(
  tables.flatMap((table) =>
    Object.entries(table).flatMap(([name, command]) => [
      [name, command] as const,
      [name.toUpperCase(), command] as const,
    ]),
  ),
);
