/**
 * Starting a child process: what the options mean to Node, and errors that say what was wrong.
 *
 * Node cannot give a child one pipe as two descriptors. So `stderr: STDOUT` beside `stdout: PIPE` starts the child through
 * `/bin/sh`, which joins them and replaces itself by the program: the process, its number and its signals are the program's.
 */

import type { ChildProcess, IOType, SpawnOptions } from 'node:child_process';
import type { Stream } from 'node:stream';
import { type Coro, type EventLoop, type Future, NotImplementedError, ValueError } from '../core/index.js';
import {
  FileNotFoundError,
  NotADirectoryError,
  outsideTasks,
  PermissionError,
  toOSError,
} from '../core/io.js';
import { nodeChildProcess, nodeFs } from './builtins.js';

/** A new pipe to the child. */
export const PIPE = 'pipe' as const;
/** For `stderr`: where standard output goes. */
export const STDOUT = 'stdout' as const;
/** The null device. */
export const DEVNULL = 'devnull' as const;

/**
 * Where a standard stream of the child goes: a new pipe, the null device, an open file descriptor, a stream of Node's that stands
 * on one, or, for `null`, where the parent's goes. A file of `openFile()` keeps its position to itself, other than in Python: hand over one
 * that nothing was read from or written to, or one opened with `'a'`.
 */
export type Redirect = typeof PIPE | typeof DEVNULL | number | { readonly fd: number } | Stream | null;

/** How a child process is started. */
export interface SubprocessOptions {
  stdin?: Redirect | undefined;
  stdout?: Redirect | undefined;
  /** `STDOUT` sends it where standard output goes, in the order in which it is written. */
  stderr?: Redirect | typeof STDOUT | undefined;
  /** The folder to start in; the parent's unless told. */
  cwd?: string | URL | null | undefined;
  /** All of the child's environment; the parent's unless told. `PATH` in it says where the program is looked for. */
  env?: Readonly<Record<string, string | undefined>> | null | undefined;
  /** The user to run as, by number. */
  uid?: number | null | undefined;
  /** The group to run as, by number. */
  gid?: number | null | undefined;
  /** Makes the child the leader of a session and a process group of its own, out of reach of the terminal's Ctrl-C. */
  startNewSession?: boolean | undefined;
  /** On Windows: opens no console window. */
  windowsHide?: boolean | undefined;
}

/** What is started, checked. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly options: SubprocessOptions;
  readonly stdio: readonly [Redirect, Redirect, Redirect | typeof STDOUT];
}

/** Of Popen, and of no use here. */
const REFUSED: Readonly<Record<string, readonly unknown[]>> = {
  universalNewlines: [false],
  text: [false, null],
  encoding: [null],
  errors: [null],
  bufsize: [0],
  shell: [],
};
const KNOWN = new Set([
  'stdin',
  'stdout',
  'stderr',
  'cwd',
  'env',
  'uid',
  'gid',
  'startNewSession',
  'windowsHide',
]);

function checkText(value: unknown, what: string): asserts value is string {
  if (typeof value !== 'string') throw new TypeError(`${what} must be a string, not ${String(value)}`);
  if (value.includes('\0')) throw new ValueError(`embedded null byte in ${what}`);
}

function checkOptions(options: SubprocessOptions, further: readonly string[], shell: boolean): void {
  for (const [name, value] of Object.entries(options)) {
    if (KNOWN.has(name) || further.includes(name) || value === undefined) continue;
    const allowed = REFUSED[name];
    if (allowed === undefined) throw new TypeError(`unknown option of a subprocess: ${name}`);
    if (name === 'shell' ? value === shell : allowed.includes(value)) continue;
    throw new ValueError(
      name === 'shell'
        ? `shell must be ${shell ? 'True' : 'False'}: use ${shell ? 'an exec' : 'a shell'} function`
        : `${name} is not supported: pipes carry bytes`,
    );
  }
  const { cwd = null, env = null, uid = null, gid = null } = options;
  if (cwd !== null && !(cwd instanceof URL)) checkText(cwd, 'cwd');
  if (env !== null) {
    for (const [name, value] of Object.entries(env)) {
      checkText(name, 'the name of an environment variable');
      if (name.includes('=')) throw new ValueError(`illegal environment variable name: ${name}`);
      if (value !== undefined) checkText(value, `the environment variable ${name}`);
    }
  }
  for (const id of [uid, gid]) {
    if (id !== null && !(Number.isInteger(id) && id >= 0))
      throw new TypeError(`uid and gid must be whole numbers, not ${String(id)}`);
  }
}

function checkRedirect(value: unknown, name: 'stdin' | 'stdout' | 'stderr'): void {
  if (value === null || value === PIPE || value === DEVNULL) return;
  if (value === STDOUT) {
    if (name === 'stderr') return;
    throw new ValueError('STDOUT can only be used for stderr');
  }
  const fd = typeof value === 'object' ? (value as { fd?: unknown }).fd : value;
  if (Number.isInteger(fd)) {
    if ((fd as number) < 0) throw new ValueError(`${name}: ${fd} is no file descriptor`);
    (value as { _lend?(name: string): void })._lend?.(name);
    return;
  }
  if (typeof value === 'object' && typeof (value as Stream).pipe === 'function') return;
  throw new TypeError(
    `${name} must be PIPE, DEVNULL, a file descriptor, a stream or null, not ${String(value)}`,
  );
}

/** What the caller wants to start. Throws at once where it makes no sense. */
export function checkCommand(
  program: string,
  args: readonly string[],
  options: SubprocessOptions,
  { standard, shell, further = [] }: { standard: Redirect; shell: boolean; further?: readonly string[] },
): Command {
  checkText(program, shell ? 'the command' : 'the program');
  if (!Array.isArray(args)) throw new TypeError(`the arguments must be an array, not ${String(args)}`);
  for (const each of args) checkText(each, 'an argument');
  checkOptions(options, further, shell);
  const { stdin = standard, stdout = standard, stderr = standard } = options;
  checkRedirect(stdin, 'stdin');
  checkRedirect(stdout, 'stdout');
  checkRedirect(stderr, 'stderr');
  const stdio = [stdin, stdout, stderr] as const;
  if (!shell) return { program, args, options, stdio };
  if (process.platform === 'win32')
    return { program: process.env.comspec ?? 'cmd.exe', args: ['/d', '/s', '/c', program], options, stdio };
  return { program: '/bin/sh', args: ['-c', program], options, stdio };
}

function toStdio(redirect: Redirect, fd: 0 | 1 | 2): IOType | Stream | number {
  if (redirect === null) return fd;
  if (redirect === PIPE) return 'pipe';
  if (redirect === DEVNULL) return 'ignore';
  if (typeof redirect === 'number') return redirect;
  const number = (redirect as { fd?: unknown }).fd;
  return typeof number === 'number' ? number : (redirect as Stream);
}

/** What a shell adds to its environment. */
const SHELL_VARIABLES = ['PWD', 'OLDPWD', 'SHLVL', '_'];

/** The command line that starts the program with its standard error joined to its standard output. */
function joiningErrors({ program, args, options }: Command): [string, string[]] {
  if (process.platform === 'win32') {
    throw new NotImplementedError(
      'Cannot start the process: stderr: STDOUT with stdout: PIPE is not supported on Windows',
    );
  }
  refuseMissingProgram(program, options);
  const env = options.env ?? process.env;
  const added = SHELL_VARIABLES.filter((name) => env[name] === undefined);
  const script = `${added.length > 0 ? `unset ${added.join(' ')}; ` : ''}exec "$@" 2>&1`;
  return ['/bin/sh', ['-c', script, 'sh', program, ...args]];
}

/** The shell would start, and find no program then. */
function refuseMissingProgram(program: string, options: SubprocessOptions): void {
  const { accessSync, constants, statSync } = nodeFs();
  const { resolve } = process.getBuiltinModule('node:path');
  const cwd = folderOf(options) ?? process.cwd();
  const folders = program.includes('/')
    ? ['']
    : ((options.env ?? process.env).PATH ?? '/usr/bin:/bin').split(':');
  let failure = { code: 'ENOENT', errno: -2 };
  for (const folder of folders) {
    const path = program.includes('/') ? resolve(cwd, program) : resolve(cwd, folder, program);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return;
      failure = { code: 'EACCES', errno: -13 };
    } catch (error) {
      if ((error as { code?: string }).code === 'EACCES') failure = { code: 'EACCES', errno: -13 };
    }
  }
  const details = { ...failure, syscall: `spawn ${program}` };
  const message = `spawn ${program} ${failure.code}`;
  throw failure.code === 'ENOENT'
    ? new FileNotFoundError(message, details)
    : new PermissionError(message, details);
}

function folderOf(options: SubprocessOptions): string | undefined {
  const { cwd = null } = options;
  if (cwd === null) return undefined;
  return cwd instanceof URL ? process.getBuiltinModule('node:url').fileURLToPath(cwd) : cwd;
}

/** Node says "spawn x ENOENT" when the folder is missing, too. */
function spawnError(error: unknown, { options }: Command): Error {
  const failure = toOSError(error);
  const cwd = folderOf(options);
  const { code } = failure as { code?: string };
  if (cwd === undefined || (code !== 'ENOENT' && code !== 'ENOTDIR')) return failure;
  const stat = nodeFs().statSync(cwd, { throwIfNoEntry: false });
  if (stat?.isDirectory() === true) return failure;
  const details = { code: stat === undefined ? 'ENOENT' : 'ENOTDIR', syscall: 'chdir', cause: error };
  const message = `Cannot start the process in ${cwd}: ${stat === undefined ? 'no such folder' : 'it is no folder'}`;
  return stat === undefined
    ? new FileNotFoundError(message, details)
    : new NotADirectoryError(message, details);
}

/**
 * Starts the child. It runs when this returns.
 *
 * @throws the OSError of the system: FileNotFoundError (ENOENT), PermissionError (EACCES), OSError (EMFILE, E2BIG) …
 */
export function* startChild(loop: EventLoop, command: Command): Coro<ChildProcess> {
  const { stdio, options } = command;
  const [stdin, stdout, stderr] = stdio;
  const joined = stderr === STDOUT;
  const [program, args] =
    joined && stdout === PIPE ? joiningErrors(command) : [command.program, command.args as string[]];
  const settings: SpawnOptions = {
    stdio: [
      toStdio(stdin, 0),
      toStdio(stdout, 1),
      joined ? (stdout === PIPE ? 'ignore' : toStdio(stdout, 1)) : toStdio(stderr, 2),
    ],
    env: (options.env ?? process.env) as NodeJS.ProcessEnv,
    detached: options.startNewSession ?? false,
    windowsHide: options.windowsHide ?? false,
    windowsVerbatimArguments: program !== '/bin/sh' && process.platform === 'win32' && args[0] === '/d',
  };
  const cwd = folderOf(options);
  if (cwd !== undefined) settings.cwd = cwd;
  if (typeof options.uid === 'number') settings.uid = options.uid;
  if (typeof options.gid === 'number') settings.gid = options.gid;
  const { spawn } = nodeChildProcess();
  let child: ChildProcess;
  try {
    child = outsideTasks(loop, () => spawn(program, args, settings));
  } catch (error) {
    throw spawnError(error, command);
  }
  if (child.pid !== undefined) return child;
  // Node tells why a moment later.
  const failed = loop.createFuture<never>();
  child.once('error', (error) => {
    child.on('error', () => {});
    for (const stream of child.stdio ?? []) stream?.destroy();
    if (!failed.done() && !loop.isClosed()) failed.setException(spawnError(error, command));
  });
  return yield* failed as Future<ChildProcess>;
}
