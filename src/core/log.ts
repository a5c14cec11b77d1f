/** Where the library writes what nobody asked for: forgotten exceptions, slow callbacks, misuse. */

/** A sink for log records. The default one is the platform's console. */
export interface Logger {
  debug(message: string, ...details: unknown[]): void;
  info(message: string, ...details: unknown[]): void;
  warn(message: string, ...details: unknown[]): void;
  error(message: string, ...details: unknown[]): void;
}

const console = (globalThis as unknown as { console: Logger }).console;

let sink: Logger = console;

/** Asyncio's logger. It writes to the console unless {@link setLogger} says otherwise. */
export const logger: Logger = {
  debug: (message, ...details) => sink.debug(message, ...details),
  info: (message, ...details) => sink.info(message, ...details),
  warn: (message, ...details) => sink.warn(message, ...details),
  error: (message, ...details) => sink.error(message, ...details),
};

/** Sends the library's log records to `target`, or to the console again with `null`. Returns the sink that was in use. */
export function setLogger(target: Logger | null): Logger {
  const previous = sink;
  sink = target ?? console;
  return previous;
}
