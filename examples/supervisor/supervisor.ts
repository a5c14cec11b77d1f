/** A process supervisor: keeps services running, starts them again when they fail, and takes all of them down with it. */

import { StringDecoder } from 'node:string_decoder';
import * as asyncio from 'tsyncio';

const { DEVNULL, PIPE, STDOUT } = asyncio.subprocess;

export interface Service {
  readonly name: string;
  readonly program: string;
  readonly args?: readonly string[];
  readonly cwd?: string;
  /** Added to the supervisor's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** When it is started again: `'on-failure'` unless told. */
  readonly restart?: 'always' | 'on-failure' | 'never';
  /** How long it has to end, once it was asked to. */
  readonly killAfter?: asyncio.Duration;
}

export interface SupervisorOptions {
  /** Seconds before the first restart; each one after it waits twice as long. */
  readonly firstDelay?: number;
  /** The longest wait before a restart. */
  readonly longestDelay?: number;
  /** Seconds after which a service counts as healthy: its next restart is a first one again. */
  readonly healthyAfter?: number;
  /** Seconds that the output of a service gets to end once the service has: others may have inherited it. */
  readonly outputTimeout?: number;
  readonly log?: (line: string) => void;
}

export class Supervisor {
  readonly #services: readonly Service[];
  readonly #options: Required<SupervisorOptions>;
  readonly #running = new Map<string, asyncio.subprocess.Process>();

  constructor(services: readonly Service[], options: SupervisorOptions = {}) {
    this.#services = services;
    this.#options = {
      firstDelay: 0.5,
      longestDelay: 30,
      healthyAfter: 10,
      outputTimeout: 5,
      log: console.log,
      ...options,
    };
  }

  /** Runs all services until the last one is not to be started again. A cancellation takes them down first. */
  async run(): Promise<void> {
    await new asyncio.TaskGroup().run(async (group) => {
      for (const service of this.#services)
        group.createTask(() => this.#keep(service), { name: service.name });
    });
  }

  /** Passes a signal on to every service that runs. */
  forward(signal: asyncio.SignalLike): void {
    for (const [name, child] of this.#running) {
      if (child.returncode !== null) continue; // it has left its output to others
      try {
        child.sendSignal(signal);
        this.#options.log(`${name}: got ${signal}`);
      } catch (error) {
        // It has ended since, and is about to be started again.
        if (!(error instanceof asyncio.ProcessLookupError)) throw error;
      }
    }
  }

  async #keep(service: Service): Promise<void> {
    const { firstDelay, longestDelay, healthyAfter, log } = this.#options;
    const { name, restart = 'on-failure' } = service;
    const loop = asyncio.getRunningLoop();
    let delay = firstDelay;
    for (;;) {
      const started = loop.time();
      const outcome = await this.#runOnce(service);
      log(`${name}: ended (${outcome})`);
      if (restart === 'never' || (restart === 'on-failure' && outcome === 'exit 0')) return;
      if (loop.time() - started >= healthyAfter) delay = firstDelay;
      log(`${name}: starts again in ${delay} s`);
      await asyncio.sleep(delay);
      delay = Math.min(2 * delay, longestDelay);
    }
  }

  /** One life of a service; says how it ended. */
  async #runOnce({ name, program, args = [], cwd, env, killAfter }: Service): Promise<string> {
    const { log, outputTimeout } = this.#options;
    try {
      // The end of the block takes the process down, if it still runs: that is how a cancellation ends it.
      await using child = await asyncio.createSubprocessExec(program, args, {
        stdin: DEVNULL,
        stdout: PIPE,
        stderr: STDOUT,
        cwd,
        env: { ...process.env, ...env },
        // Ctrl-C in the terminal is for the supervisor; what the service starts goes down with it.
        startNewSession: true,
        killAfter,
      });
      this.#running.set(name, child);
      log(`${name}: runs as ${child.pid}`);
      try {
        const returncode = await new asyncio.TaskGroup().run(async (group) => {
          const output = group.createTask(async () => {
            for await (const line of linesOf(child.stdout)) log(`${name} | ${line}`);
          });
          // What it has started may outlive it, and have its output: the end of that is not worth waiting for.
          await child.wait({ pipes: false });
          await asyncio.wait([output], { timeout: outputTimeout });
          return await child.stop();
        });
        return returncode < 0 ? `signal ${-returncode}` : `exit ${returncode}`;
      } finally {
        this.#running.delete(name);
      }
    } catch (error) {
      // What ends the reading of the output comes in a group.
      const [cause] = error instanceof asyncio.ExceptionGroup ? error.exceptions : [error];
      if (!(cause instanceof asyncio.OSError)) throw error;
      return cause.message;
    }
  }
}

/** The lines of a stream. One that is longer than the reader's limit comes in pieces, of whole characters. */
async function* linesOf(reader: asyncio.StreamReader): AsyncGenerator<string> {
  const decoder = new StringDecoder();
  let inPieces = false;
  for (;;) {
    try {
      const line = decoder.write(await reader.readuntil('\n')).trimEnd();
      if (line !== '' || !inPieces) yield line;
      inPieces = false;
    } catch (error) {
      if (error instanceof asyncio.LimitOverrunError) {
        inPieces = true;
        yield decoder.write(await reader.readexactly(error.consumed));
      } else if (error instanceof asyncio.IncompleteReadError) {
        const rest = decoder.end(error.partial).trimEnd();
        if (rest !== '') yield rest;
        return;
      } else throw error;
    }
  }
}
