/** What the system says of this process: its open descriptors and its children. Linux only: `/proc`. */

import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import process from 'node:process';

/** Why a test that looks there is skipped; `false` where it is not. */
export const noProc = existsSync('/proc/self/fd') ? false : 'there is no /proc';

/** The open descriptors, and what they stand for. */
export function openDescriptors(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [`${fd} ${readlinkSync(`/proc/self/fd/${fd}`)}`];
    } catch {
      return []; // that of the folder itself
    }
  });
}

export interface Child {
  readonly pid: number;
  /** `R`, `S` …; `Z` for a zombie. */
  readonly state: string;
  readonly group: number;
}

/** The processes whose parent is `pid`, this one unless told. */
export function childrenOf(pid: number = process.pid): Child[] {
  return processes().filter((each) => each.parent === pid);
}

/** Whether a process runs: a zombie does not. */
export function isAlive(pid: number): boolean {
  return processes().some((each) => each.pid === pid && each.state !== 'Z');
}

function processes(): (Child & { parent: number })[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const [state = '', parent, group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return [{ pid: Number(name), state, parent: Number(parent), group: Number(group) }];
    } catch {
      return []; // it has ended since
    }
  });
}
