/** Durations: seconds as floats, or a string with its unit. Points in time are numbers only. */

import { ValueError } from './exceptions.js';

/** Seconds (`0.25`), or a number with its unit: `'250ms'`, `'2s'`, `'1.5m'`, `'1h'`. */
export type Duration = number | `${number}ms` | `${number}s` | `${number}m` | `${number}h`;

const SECONDS_PER_UNIT = { ms: 0.001, s: 1, m: 60, h: 3600 } as const;
const WITH_UNIT = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/;

/**
 * Seconds from a string with its unit, for durations that come from a configuration file: `'250ms'`, `'2s'`,
 * `'1.5m'`, `'1h'`. Strict: no blanks, signs, exponents or hexadecimal.
 *
 * @throws ValueError when the text is anything else; TypeError for what is no text.
 * @example
 * ```ts
 * import { seconds } from 'tsyncio';
 *
 * console.log(seconds('250ms'), seconds('1.5m')); //=> 0.25 90
 * ```
 */
export function seconds(text: string): number {
  if (typeof text !== 'string')
    throw new TypeError(`Invalid duration: expected a string with its unit, got ${String(text)}`);
  const match = WITH_UNIT.exec(text);
  if (match === null) {
    throw new ValueError(
      `Invalid duration: ${JSON.stringify(text)} is not a number with a unit (ms, s, m, h)`,
    );
  }
  return Number(match[1]) * SECONDS_PER_UNIT[match[2] as keyof typeof SECONDS_PER_UNIT];
}

/** A duration in seconds; `what` names it in the error. A negative one is allowed, and due at once. */
export function toSeconds(duration: Duration, what: string): number {
  if (typeof duration === 'number') {
    if (Number.isNaN(duration)) throw new ValueError(`Invalid ${what}: NaN (not a number)`);
    return duration;
  }
  if (typeof duration === 'string') return seconds(duration);
  throw new TypeError(
    `Invalid ${what}: expected seconds or a string with its unit such as '250ms', got ${String(duration)}`,
  );
}

/** A duration, or `null` for "no limit". */
export function toSecondsOrNull(duration: Duration | null | undefined, what: string): number | null {
  return duration === null || duration === undefined ? null : toSeconds(duration, what);
}

/** A point in time on a loop's clock. @internal */
export function toTime(when: number, what: string): number {
  if (typeof when !== 'number') {
    throw new TypeError(
      `Invalid ${what}: expected a time of the loop's clock in seconds, got ${String(when)}`,
    );
  }
  if (Number.isNaN(when)) throw new ValueError(`Invalid ${what}: NaN (not a number)`);
  return when;
}
