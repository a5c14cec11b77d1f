/** Where the programs of workers and of the broker are, seen from wherever the build has put this module. */

import { RuntimeError } from '../core/index.js';

/** There is none where a bundler has made CommonJS of this module. */
const url: string | undefined = import.meta.url;

let folder: URL | undefined;

/**
 * Looks for the programs, once.
 *
 * @throws RuntimeError when they are not there: this module has become a part of a user's bundle without them.
 */
export function findPrograms(): URL {
  if (folder === undefined) {
    const dist = url?.lastIndexOf('/dist/') ?? -1;
    const beside = dist < 0 ? null : new URL('dist/concurrent/', url?.slice(0, dist + 1));
    if (beside === null || !process.getBuiltinModule('node:fs').existsSync(new URL('broker.cjs', beside))) {
      throw new RuntimeError(
        'Cannot start workers: tsyncio was bundled, and the files that its workers run were not: ' +
          "keep it out of the bundle, as with esbuild's option external: ['tsyncio']",
      );
    }
    folder = beside;
  }
  return folder;
}

export function program(name: 'thread-worker' | 'process-worker' | 'broker'): URL {
  return new URL(`${name}.cjs`, findPrograms());
}
