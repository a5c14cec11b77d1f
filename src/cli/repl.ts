// `tsyncio repl`: Node's prompt with every statement run as a task, so that Ctrl-C cancels what it awaits.

import type { EventEmitter } from 'node:events';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { type REPLServer, start } from 'node:repl';
import { PassThrough } from 'node:stream';
import { parseArgs } from 'node:util';
import * as asyncio from '../index.js';
import { UsageError } from './usage-error.js';

/** Resolves when the user has left the prompt and every task has ended. */
export async function repl(argv: readonly string[], version: string): Promise<void> {
  try {
    parseArgs({ args: [...argv], options: {} });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  console.log(`tsyncio ${version} on Node ${process.version}`);
  console.log('Use "await" directly instead of "asyncio.run()". Type ".help" for more information.');

  const terminal = process.stdin.isTTY === true;
  const input = terminal ? process.stdin : new PassThrough();
  // With breakEvalOnSigint a terminal's prompt sees Ctrl-C while a statement runs, even one that never awaits.
  const server = start({
    input,
    output: process.stdout,
    terminal,
    useGlobal: true,
    breakEvalOnSigint: terminal,
  });
  server.context.asyncio = asyncio;
  const statements = new Statements(server);
  if (input instanceof PassThrough) void feed(input, statements);

  await new Promise((resolve) => server.once('exit', resolve));
  await statements.close();
  process.exit(); // whatever else the session has opened
}

/** Runs what is typed, one task a statement. */
class Statements {
  #running: asyncio.Task<void> | null = null;
  #interrupted = false;
  /** One for all statements: a variable that one of them has set is set for the next. */
  readonly #context = asyncio.copyContext();

  constructor(server: REPLServer) {
    const { eval: evaluate } = server;
    type Settings = { eval: typeof evaluate; _domain?: EventEmitter };
    const settings = server as Settings;
    let ended = (): void => {};
    // What a statement throws goes to the prompt's domain, where Node has one, and not to the callback.
    settings._domain?.prependListener('error', () => ended());
    settings.eval = (code, context, file, callback) => {
      const statement = () =>
        new Promise<void>((resolve) => {
          ended = resolve;
          evaluate.call(server, code, context, file, (error, value) => {
            resolve();
            callback(error, value);
          });
        });
      // Eager, since the prompt expects the callback of a statement without await before it reads on.
      const task = asyncio.createTask(statement, { eagerStart: true, context: this.#context });
      this.#running = task;
      this.#interrupted = false;
      task.addDoneCallback(() => {
        if (this.#running === task) this.#running = null;
      });
    };

    // Ctrl-C is a key in a terminal, a signal elsewhere. Not both: a listener for the signal defeats breakEvalOnSigint.
    if (server.terminal) {
      const atPrompt = server.listeners('SIGINT');
      server.removeAllListeners('SIGINT');
      server.on('SIGINT', () => {
        if (!this.#interrupt()) for (const listener of atPrompt) listener.call(server);
      });
    } else {
      process.on('SIGINT', () => {
        if (this.#interrupt()) return;
        server.clearBufferedCommand();
        process.stdout.write('\nKeyboardInterrupt\n');
        server.displayPrompt();
      });
    }
  }

  /**
   * Cancels the running statement, once: one that awaits a foreign promise does not hear of it, and a second Ctrl-C is
   * Node's, which gives up waiting. Returns whether there was anything to cancel.
   */
  #interrupt(): boolean {
    if (this.#interrupted || this.#running === null) return false;
    this.#interrupted = true;
    return this.#running.cancel();
  }

  /** Waits until no statement runs. */
  async idle(): Promise<void> {
    while (this.#running !== null) await asyncio.wait([this.#running]);
  }

  /** Cancels every task that the statements have left behind, and waits for them. */
  async close(): Promise<void> {
    const tasks = asyncio.allTasks();
    for (const task of tasks) task.cancel();
    if (tasks.size > 0) await asyncio.wait(tasks);
  }
}

/** Gives the prompt a script line by line: it does not by itself wait for the statement before. */
async function feed(input: PassThrough, statements: Statements): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    input.write(`${line}\n`);
    await new Promise(setImmediate);
    await statements.idle();
  }
  input.end();
}
