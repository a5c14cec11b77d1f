/**
 * The supervisor as a program:
 *
 *     npx tsyncio run examples/supervisor/index.ts services.json
 *
 * The file holds an array of services; without one, two small ones are shown. Ctrl-C and SIGTERM take everything down in order,
 * SIGHUP, SIGUSR1 and SIGUSR2 are passed on.
 */

import { readFile } from 'node:fs/promises';
import * as asyncio from 'tsyncio';
import { type Service, Supervisor, type SupervisorOptions } from './supervisor.js';

const shown: readonly Service[] = [
  { name: 'clock', program: 'sh', args: ['-c', 'while :; do date; sleep 1; done'] },
  { name: 'flaky', program: 'sh', args: ['-c', 'echo "I give up"; exit 1'] },
];

interface Configuration extends SupervisorOptions {
  readonly services: readonly Service[];
}

export async function main(path?: string): Promise<void> {
  const configuration: Configuration =
    path === undefined ? { services: shown } : JSON.parse(await readFile(path, 'utf8'));
  const supervisor = new Supervisor(configuration.services, configuration);
  const loop = asyncio.getRunningLoop();
  for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const)
    loop.addSignalHandler(signal, () => supervisor.forward(signal));
  try {
    await supervisor.run();
  } finally {
    console.log('supervisor: all services are down');
  }
}
