// What the tests refer to by module and name.

import { isImporting } from 'tsyncio/concurrent/lowlevel';

const factor = 3;

export const wasImporting = (): boolean => importing;
const importing = isImporting();

export function scale(n: number): number {
  return factor * n;
}

export const answer = 42;

export class Scaler {
  readonly size = 1;
  static factor = 5;
  static scale(n: number): number {
    return Scaler.factor * n;
  }
  static bound(n: number): number {
    // biome-ignore lint/complexity/noThisInStatic: that it is called on its class is the point
    return this.factor * n;
  }
}

export default async function byDefault(n: number): Promise<number> {
  return n + 1;
}
