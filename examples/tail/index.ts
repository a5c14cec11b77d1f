// Follows log files: `tsyncio run examples/tail/index.ts FILE…`; `-- -n 20 FILE…` for more of what is there. Ctrl-C ends it.

import { parseArgs } from 'node:util';
import * as asyncio from 'tsyncio';
import { tail } from './tail.js';

export async function main(...args: readonly string[]): Promise<void> {
  await follow(args, console.log);
}

/** Follows the files side by side; each line goes to `print`, with the file's name if there are several. */
export async function follow(args: readonly string[], print: (line: string) => void): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { lines: { type: 'string', short: 'n', default: '10' } },
    allowPositionals: true,
  });
  if (positionals.length === 0) throw new asyncio.SystemExit('usage: tail [-n LINES] FILE…');
  const lines = Number(values.lines);
  await new asyncio.TaskGroup().run(async (group) => {
    for (const path of positionals) {
      const prefix = positionals.length > 1 ? `${path}: ` : '';
      group.createTask(
        async () => {
          for await (const line of tail(path, { lines })) print(prefix + line);
        },
        { name: `tail ${path}` },
      );
    }
  });
}
