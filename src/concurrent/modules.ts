/** Imports modules of the program, TypeScript included, on every version of Node. */

/** Those who import a module for the first time right now; known to every copy of this module. */
const IMPORTING = Symbol.for('tsyncio.importing');
const counts = globalThis as { [IMPORTING]?: number };
counts[IMPORTING] ??= 0;

/**
 * Whether this thread is importing a module that a function was looked for in. What runs then is the top level of the
 * user's modules, where a pool must not start workers: these would import the same module, and so on without end.
 */
export function isImporting(): boolean {
  return (counts[IMPORTING] as number) > 0;
}

/** Node runs TypeScript by itself from 22.18 on, without what needs to be compiled, such as enums. */
function runsTypeScript(): boolean {
  return Boolean((process.features as { typescript?: unknown }).typescript);
}

/** Whether the name of a file, or a URL, is that of a TypeScript module. */
export function isTypeScript(file: string): boolean {
  return /\.[cm]?tsx?$/.test(file.replace(/[?#].*$/, ''));
}

/** What Node finds out before it has evaluated anything, so that tsx may try again. */
const BEYOND_NODE: ReadonlySet<unknown> = new Set([
  'ERR_INVALID_TYPESCRIPT_SYNTAX',
  'ERR_MODULE_NOT_FOUND',
  'ERR_UNKNOWN_FILE_EXTENSION',
  'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX',
]);

/**
 * `import(url)`. Node runs TypeScript by itself where it can, which starts faster; for what it cannot run (any of it on
 * Node 20; an enum, a `.tsx` file, `./x.js` for a file named `x.ts`) tsx is registered.
 *
 * @param load the `import()` to use, for one that resolves names from another place.
 */
export async function importModule(
  url: string,
  load: (url: string) => Promise<Record<string, unknown>> = (specifier) => import(specifier),
): Promise<Record<string, unknown>> {
  const native = runsTypeScript();
  const typescript = isTypeScript(url);
  // On Node 20 a failed import is remembered: it cannot be tried again.
  if (!native && (typescript || runsUnderTsx())) await registerTsx();
  try {
    return await load(url);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException | null)?.code;
    if (!native || !(typescript || runsUnderTsx()) || !BEYOND_NODE.has(code) || isTsxRegistered())
      throw error;
    await registerTsx();
    return await load(url);
  }
}

/** {@link importModule} of a module that a function is looked for in: meanwhile {@link isImporting}. */
export async function importForFunction(
  url: string,
  load?: (url: string) => Promise<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  (counts[IMPORTING] as number)++;
  try {
    return await importModule(url, load);
  } finally {
    (counts[IMPORTING] as number)--;
  }
}

/** Known to every copy of the package: tsx gives CommonJS programs one of their own. */
const REGISTRATION = Symbol.for('tsyncio.tsx');
const shared = globalThis as { [REGISTRATION]?: Promise<void> };

/**
 * From now on this thread runs what tsx can run. Not tsImport(): it gives the program modules of its own, and so a second
 * tsyncio.
 */
export function registerTsx(): Promise<void> {
  shared[REGISTRATION] ??= (async () => {
    const [esm, commonjs] = await Promise.all([import('tsx/esm/api'), import('tsx/cjs/api')]);
    commonjs.register(); // without "type": "module" in its package.json a program is CommonJS
    esm.register();
  })();
  return shared[REGISTRATION];
}

function isTsxRegistered(): boolean {
  return shared[REGISTRATION] !== undefined;
}

/** Whether the program was started with tsx, or through `--import tsx`: then its modules may be written for it. */
function runsUnderTsx(): boolean {
  return (
    process.execArgv.some((option) => /(?:^|[\\/=])tsx(?:$|[\\/@])/.test(option)) ||
    /(?:^|[\s\\/=])tsx(?:$|[\s\\/])/.test(process.env.NODE_OPTIONS ?? '')
  );
}

/** Whether a function that was written in `file` needs tsx for what it imports. */
export function needsTsx(file: string): boolean {
  return isTypeScript(file) && (!runsTypeScript() || isTsxRegistered() || runsUnderTsx());
}
