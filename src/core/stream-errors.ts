/** The exceptions of streams. */

import type { Bytes } from './bytes.js';
import { EOFError, identify, RuntimeError } from './exceptions.js';

/** A stream ended before what was asked for had come: `partial` is what did. */
export class IncompleteReadError extends EOFError {
  /** What was read before the end. */
  readonly partial: Bytes;
  /** How many bytes were asked for; `null` where only a separator was. */
  readonly expected: number | null;

  constructor(partial: Bytes, expected: number | null) {
    super(`${partial.length} bytes read on a total of ${expected ?? 'undefined'} expected bytes`);
    this.partial = partial;
    this.expected = expected;
  }
}
identify(IncompleteReadError, 'IncompleteReadError', 'ERR_INCOMPLETE_READ');

/** The limit of a stream's buffer was reached while it looked for a separator. The data stays in the buffer. */
export class LimitOverrunError extends Error {
  declare readonly code: string;
  /** How many bytes were looked at and are still there. */
  readonly consumed: number;

  constructor(message: string, consumed: number) {
    super(message);
    this.consumed = consumed;
  }
}
identify(LimitOverrunError, 'LimitOverrunError', 'ERR_LIMIT_OVERRUN');

/** The system cannot send this file by itself, and no fallback was allowed. */
export class SendfileNotAvailableError extends RuntimeError {}
identify(SendfileNotAvailableError, 'SendfileNotAvailableError', 'ERR_SENDFILE_NOT_AVAILABLE');
