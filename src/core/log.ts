/** Where the library writes what nobody asked for: forgotten exceptions, slow callbacks, misuse. */

/** A sink for log records. The default one is the platform's console. */
export interface Logger {
  debug(message: string, ...details: unknown[]): void;
  info(message: string, ...details: unknown[]): void;
  warn(message: string, ...details: unknown[]): void;
  error(message: string, ...details: unknown[]): void;
}

const { console } = globalThis as unknown as { console: Logger };

let standard = console;
let sink = standard;

/** Sets the sink that is used while {@link setLogger} has set none: for those who bring a host. */
export function setStandardLogger(target: Logger): void {
  standard = target;
  sink = target;
}

/** Asyncio's logger. It writes to the console unless {@link setLogger} says otherwise; on Node only warnings and errors. */
export const logger: Logger = {
  debug: (message, ...details) => sink.debug(message, ...details),
  info: (message, ...details) => sink.info(message, ...details),
  warn: (message, ...details) => sink.warn(message, ...details),
  error: (message, ...details) => sink.error(message, ...details),
};

/**
 * Sends the library's log records to `target`; on Node, `console` shows those of debug mode, too. With `null`, they go where they went
 * at first. Returns the sink that was in use.
 */
export function setLogger(target: Logger | null): Logger {
  const previous = sink;
  sink = target ?? standard;
  return previous;
}
