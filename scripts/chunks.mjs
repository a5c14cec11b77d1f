// Few chunks: esbuild makes one of the modules that the same entry points load. Each file costs a cold start about a
// millisecond, as much as 25 kB of code, so that here entry points load what they could do without, to share a chunk.

import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import * as esbuild from 'esbuild';
import { root } from './files.mjs';

/** The modules outside the core that some of these programs load at their start, themselves left out. */
export async function modulesOf(
  /** @type {string[]} */ programs,
  /** @type {esbuild.BuildOptions & { metafile: true }} */ settings,
) {
  const { metafile } = await esbuild.build({
    ...settings,
    entryPoints: programs,
    outdir: 'dist',
    write: false,
    splitting: true,
  });
  const modules = Object.values(metafile.outputs).flatMap((output) => Object.keys(output.inputs));
  return [...new Set(modules)].filter((path) => /^src\/(?!core\/)/.test(path) && !programs.includes(path));
}

/**
 * Has modules load others as well: each key the modules beside it.
 *
 * @param {Map<string, string[]>} company
 * @returns {esbuild.Plugin}
 */
export const inCompany = (company) => ({
  name: 'in-company',
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const others = company.get(relative(root, path));
      if (others === undefined) return undefined;
      const imports = others.map((other) => `import './${relative(dirname(path), join(root, other))}';`);
      return { contents: `${readFileSync(path, 'utf8')}\n${imports.join('\n')}`, loader: 'ts' };
    });
  },
});

/**
 * The command line loads the package's main file as it is: an entry point that another one imports would become a file that
 * only imports a chunk.
 *
 * @type {esbuild.Plugin}
 */
export const packageForCommandLine = {
  name: 'package-for-command-line',
  setup(build) {
    build.onResolve({ filter: /^\.\.\/index\.js$/ }, ({ path, importer }) =>
      relative(root, dirname(importer)) === join('src', 'cli') ? { path, external: true } : undefined,
    );
  },
};
