/** Where the functions that come with JavaScript and Node are found: their text cannot be run elsewhere, their name can. */

import { cannot } from './refusals.js';
import { isWorkerGlobal } from './worker-globals.js';

/** The modules of Node's whose functions somebody may want to run in a worker. */
const MODULES =
  'fs fs/promises path crypto zlib os util url child_process dns dns/promises buffer querystring v8 http https net ' +
  'timers timers/promises stream/promises perf_hooks';

/** What to say when a function comes with JavaScript or Node; `null` when it does not. */
export function refusalOfBuiltIn(fn: unknown, label: string): TypeError | null {
  const known = globalName(fn);
  if (known !== null) {
    const why = `it is built in, and its text alone cannot run. Wrap it: (...args) => ${known}(...args)`;
    return cannot(label, why, 'none');
  }
  for (const module of MODULES.split(' ')) {
    const name = nameIn(process.getBuiltinModule(`node:${module}`), fn);
    if (name === null) continue;
    return cannot(
      label,
      `it is ${name}() of node:${module}, and needs what its module has. Refer to it there: workerRef('node:${module}', '${name}')`,
      'none',
    );
  }
  return null;
}

/** `fetch`, `Math.sqrt`. */
function globalName(fn: unknown): string | null {
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(globalThis))) {
    if (!isWorkerGlobal(name) || name === 'globalThis' || name === 'global') continue;
    if (value === fn) return name;
    const inner = nameIn(value, fn);
    if (inner !== null) return `${name}.${inner}`;
  }
  return null;
}

/** The name of the property that holds it. Getters are not asked: some of Node's warn. */
function nameIn(object: unknown, fn: unknown): string | null {
  if ((typeof object !== 'object' && typeof object !== 'function') || object === null) return null;
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(object))) {
    if (value === fn && name !== 'default' && name !== 'constructor') return name;
  }
  return null;
}
