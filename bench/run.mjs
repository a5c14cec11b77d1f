// Runs the benchmarks: every program, every contender in a process of its own, interleaved (A B C A B C …).
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findInterpreters } from './interpreters.mjs';
import { programs } from './programs.mjs';
import { renderReport, renderSummary, summarize } from './report.mjs';

const HERE = import.meta.dirname;
const USAGE = `usage: node bench/run.mjs [options]
  --only NAME,NAME   programs to run, by name or by the beginning of a name
  --against NAME,…   contenders to run beside tsyncio
  --rounds N         how often every contender of every program runs (default 5)
  --quick            3 rounds of short samples
  --cpu              compare CPU time instead of wall-clock time: steadier when the machine is busy
  --node PATH        the Node to measure (default: this one)
  --profile          one round of tsyncio alone, with CPU profiles in bench/.profiles/
  --list             the names of all programs and their contenders`;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    against: { type: 'string' },
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    cpu: { type: 'boolean', default: false },
    node: { type: 'string' },
    profile: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) {
  console.log(USAGE);
  process.exit(0);
}
if (options.list) {
  for (const { name, title, contenders } of programs) {
    console.log(`${name.padEnd(14)} ${title}: ${contenders.map((contender) => contender.name).join(', ')}`);
  }
  process.exit(0);
}

// The programs import tsyncio by its name, as a user does. A link is enough; a `file:` dependency would copy the
// main package's dependency list into the lock file here.
const link = join(HERE, 'node_modules/tsyncio');
if (!existsSync(link)) {
  mkdirSync(join(HERE, 'node_modules'), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync('../..', link, 'junction');
}
/** Contenders that come from npm. */
const PEERS = {
  Effect: 'effect',
  Effection: 'effection',
  'async-mutex': 'async-mutex',
  piscina: 'piscina',
  tinypool: 'tinypool',
  workerpool: 'workerpool',
  poolifier: 'poolifier',
  synckit: 'synckit',
};
const missing = Object.keys(PEERS).filter((name) => !existsSync(join(HERE, 'node_modules', PEERS[name])));
if (missing.length > 0) {
  console.error(`Not installed, left out: ${missing.join(', ')}. To have them: npm ci --prefix bench`);
}

const rounds = Number(options.rounds ?? (options.profile ? 1 : options.quick ? 3 : 5));
const goal = options.quick ? 0.15 : 0.4;
const wanted = (options.only ?? '').split(',').filter(Boolean);
const rivals = options.against?.split(',');
const interpreters = findInterpreters(options.node);
const chosen = programs
  .filter(
    ({ name }) => wanted.length === 0 || wanted.some((word) => name === word || name.startsWith(`${word}-`)),
  )
  .map((program) => ({
    ...program,
    metric: options.cpu ? 'cpu' : program.metric,
    contenders: program.contenders.filter(isWanted),
  }));
if (chosen.length === 0) {
  console.error(
    `No program is called ${options.only}. There are: ${programs.map(({ name }) => name).join(', ')}`,
  );
  process.exit(2);
}

const samples = new Map(); // 'program/contender' → [{ wall, cpu } | { value } | { error }]
for (let round = 1; round <= rounds; round++) {
  for (const program of chosen) {
    for (const contender of program.contenders) {
      const key = `${program.name}/${contender.name}`;
      const taken = samples.get(key) ?? [];
      samples.set(key, taken);
      if (taken.length >= contender.samples || taken.some(({ error }) => error)) continue;
      progress(`round ${round} of ${rounds}: ${program.name}, ${contender.name}`);
      taken.push(await sample(program, contender));
    }
  }
}
progress('');

const complete = wanted.length === 0 && !rivals && !options.quick && !options.profile;
const results = summarize({ programs: chosen, samples, rounds, interpreters, cpu: options.cpu });
const report = renderReport(results);
console.log(report);
const version = interpreters.node.version;
mkdirSync(join(HERE, 'results'), { recursive: true });
const file = join(HERE, 'results', complete ? version : `${version}.partial`);
writeFileSync(`${file}.md`, report);
writeFileSync(`${file}.json`, `${JSON.stringify(results, null, 2)}\n`);
if (complete) writeFileSync(join(HERE, 'table.md'), renderSummary(join(HERE, 'results')));

function isWanted({ name, file }) {
  if (name.startsWith('tsyncio')) return true;
  if (options.profile || missing.includes(name)) return false;
  if (file.endsWith('.py') && !pythonOf(name)) return false;
  if (!rivals) return true;
  return rivals.some((rival) => rival.toLowerCase() === name.toLowerCase());
}

/** What runs a contender that is a Python program: uvloop needs one of its own. */
function pythonOf(name) {
  return interpreters[name === 'uvloop' ? 'uvloop' : 'asyncio'];
}

/** One process, one sample. A failure is a result too: some contenders cannot run 100,000 levels deep. */
function sample(program, { name, file, args, nodeFlags }) {
  const path = join(HERE, 'programs', file);
  const tail = [path, JSON.stringify(args), String(goal)];
  const [command, argv] = file.endsWith('.py')
    ? [pythonOf(name).path, [join(HERE, 'child.py'), name, ...tail]]
    : [
        interpreters.node.path,
        [...nodeFlags, ...profileFlags(program, name), join(HERE, 'child.mjs'), ...tail],
      ];
  return new Promise((resolve) => {
    const child = spawn(command, argv, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 300_000 });
    let output = '';
    let errors = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      errors += chunk;
    });
    child.on('error', (error) => resolve({ error: String(error) }));
    child.on('close', (code, signal) => {
      if (code === 0 && output.trim()) resolve(JSON.parse(output.trim().split('\n').at(-1)));
      else resolve({ error: signal ? 'too slow' : reason(errors) });
    });
  });
}

/** The first line that names an error, without the paths of this machine. */
function reason(errors) {
  const line = errors.match(/^(?:\S*\s)?(\w*Error\b[^\n]*)/m)?.[1] ?? 'failed';
  return line.replaceAll(join(HERE, '/'), '').slice(0, 100);
}

function profileFlags(program, name) {
  if (!options.profile) return [];
  const title = `${program.name}.${name.replaceAll(/[^\w]+/g, '-')}.cpuprofile`;
  return ['--cpu-prof', '--cpu-prof-dir', join(HERE, '.profiles'), '--cpu-prof-name', title];
}

function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}
