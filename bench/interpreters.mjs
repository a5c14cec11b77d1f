// Finds what can run a contender: this Node (or another one), a CPython of 3.13 or later, a Python that has uvloop.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const PROBE = `import json, sys
try:
    import uvloop
except ImportError:
    uvloop = None
print(json.dumps({"version": sys.version.split()[0], "minor": sys.version_info[1] if sys.version_info[0] == 3 else 0,
                  "uvloop": uvloop and uvloop.__version__}))`;

/** `{ node, asyncio?, uvloop? }`, each `{ path, version }`. */
export function findInterpreters(node = process.execPath) {
  const pythons = pythonPaths().map(probe).filter(Boolean);
  const newest = pythons.filter(({ minor }) => minor >= 13).sort((a, b) => b.minor - a.minor)[0];
  const withUvloop = pythons
    .filter(({ minor, uvloop }) => uvloop && minor >= 11)
    .sort((a, b) => b.minor - a.minor)[0];
  return {
    node: { path: node, version: execFileSync(node, ['--version'], { encoding: 'utf8' }).trim() },
    asyncio: newest && { path: newest.path, version: `CPython ${newest.version}` },
    uvloop: withUvloop && {
      path: withUvloop.path,
      version: `uvloop ${withUvloop.uvloop} on CPython ${withUvloop.version}`,
    },
  };
}

function pythonPaths() {
  const names = ['python3', 'python3.11', 'python3.12', 'python3.13', 'python3.14', 'python3.15'];
  const folders = (process.env.PATH ?? '').split(':');
  const versions = join(homedir(), '.pyenv/versions');
  if (existsSync(versions))
    folders.push(...readdirSync(versions).map((version) => join(versions, version, 'bin')));
  return [...new Set(folders.flatMap((folder) => names.map((name) => join(folder, name))))].filter(
    existsSync,
  );
}

function probe(path) {
  try {
    const output = execFileSync(path, ['-c', PROBE], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return { path, ...JSON.parse(output) };
  } catch {
    return undefined; // a shim without a version behind it
  }
}
