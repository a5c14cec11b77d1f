// Few chunks: esbuild makes one of the modules that the same entry points load. Each file costs a cold start about a
// millisecond, as much as 25 kB of code, so that here entry points load what they could do without, to share a chunk.

import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { root } from './files.mjs';

/** What entry points load beside what they need. */
const company = new Map([
  ['src/core/index.ts', 'src/core/lowlevel.ts'],
  ['src/concurrent/index.ts', 'src/concurrent/lowlevel.ts'],
  ['src/concurrent/lowlevel.ts', 'src/concurrent/index.ts'],
]);

/** @type {import('esbuild').Plugin} */
export const inCompany = {
  name: 'in-company',
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const other = company.get(relative(root, path));
      if (other === undefined) return undefined;
      const specifier = `./${relative(dirname(path), join(root, other))}`;
      return { contents: `${readFileSync(path, 'utf8')}\nimport '${specifier}';`, loader: 'ts' };
    });
  },
};

/**
 * The command line loads the package's main file as it is: an entry point that another one imports would become a file that
 * only imports a chunk.
 *
 * @type {import('esbuild').Plugin}
 */
export const packageForCommandLine = {
  name: 'package-for-command-line',
  setup(build) {
    build.onResolve({ filter: /^\.\.\/index\.js$/ }, ({ path, importer }) =>
      relative(root, dirname(importer)) === join('src', 'cli') ? { path, external: true } : undefined,
    );
  },
};
