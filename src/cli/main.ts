#!/usr/bin/env node
// The command `tsyncio`: picks the subcommand and turns misuse into one line and exit code 2.

import { readFileSync } from 'node:fs';
import process from 'node:process';
import { repl } from './repl.js';
import { run } from './run.js';
import { UsageError } from './usage-error.js';

const HELP = `\
tsyncio: asyncio for TypeScript

  tsyncio run FILE [--debug] [ARGS...]   run the function that FILE exports as "main"
  tsyncio repl                           a prompt where "await" works, on a running loop

run options:
  --debug        asyncio's debug mode: slow steps, forgotten coroutines, longer stacks
  --             everything after it is an argument of the program, even if it looks like an option

  -h, --help     print this
  -V, --version  print the version

Exit code of run: 0, or 1 after an error, 2 after misuse, 130 after Ctrl-C, 143 after SIGTERM,
and the code of a SystemExit.
`;

const [command, ...args] = process.argv.slice(2);

try {
  if (command === 'run' && !helpWanted(args)) await run(args);
  else if (command === 'repl' && !helpWanted(args)) await repl(args, version());
  else if (command === '--version' || command === '-V') console.log(version());
  else if (command === '--help' || command === '-h' || command === 'help' || helpWanted(args))
    process.stdout.write(HELP);
  else if (command === undefined) throw new UsageError('a command is missing: run or repl');
  else throw new UsageError(`there is no command ${JSON.stringify(command)}, only run and repl`);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`tsyncio: ${error.message} (see tsyncio --help)`);
  process.exitCode = 2;
}

/** Whether the subcommand itself, not the program it runs, is asked for help. */
function helpWanted([first]: readonly string[]): boolean {
  return first === '--help' || first === '-h';
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return version;
}
