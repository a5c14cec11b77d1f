// The project's folders, and the files in them.

import { existsSync, readdirSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';

/** The folder of the project. */
export const root = resolve(import.meta.dirname, '..');

/**
 * The files below a folder whose path ends with one of the endings, sorted, as paths relative to `base`
 * with forward slashes. A folder that is not there has none.
 *
 * @param {string} folder relative to `base`
 * @param {string[]} endings
 */
export function filesBelow(folder, endings, base = root) {
  const top = join(base, folder);
  if (!existsSync(top)) return [];
  return readdirSync(top, { recursive: true, encoding: 'utf8' })
    .filter((path) => endings.some((ending) => path.endsWith(ending)))
    .map((path) => join(folder, path).replaceAll(sep, '/'))
    .filter((path) => !path.includes('node_modules/'))
    .sort();
}
