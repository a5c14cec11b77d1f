/** The packages that this library depends on, loaded at first use and at once: `import()` would be later. */

let load: NodeJS.Require | undefined;

/** @internal */
export function requireOwn(name: string): unknown {
  load ??= process.getBuiltinModule('node:module').createRequire(import.meta.url);
  return load(name);
}
