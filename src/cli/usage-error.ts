// The error of a command line that makes no sense; main.ts prints its message as one line.

export class UsageError extends Error {
  override readonly name = 'UsageError';
}
