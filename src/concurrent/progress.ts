/** The progress of many calls, as a line on a terminal. The bar is drawn by the package cli-progress. */

import type * as CliProgress from 'cli-progress';
import { requireOwn } from './own-packages.js';

export interface ProgressSettings {
  /** How many there are; without it the line shows how many there were. */
  readonly total?: number;
  /** Stands in front of the bar. */
  readonly label?: string;
  /** Standard error unless told. Nothing is written to what is no terminal. */
  readonly stream?: { readonly isTTY?: boolean; write(text: string): unknown };
}

/** What {@link startProgress} gives. */
export interface Progress {
  /** `n` more are done. */
  advance(n?: number): void;
  /** Draws the line for the last time and ends it. */
  stop(): void;
}

/** At most so often is the line drawn, in milliseconds. */
const INTERVAL = 100;
/** How much the newest interval weighs in the rate. */
const WEIGHT = 0.3;
const SILENT: Progress = Object.freeze({ advance() {}, stop() {} });

/**
 * Shows a line with the number of what is done, the rate and the time that is left, until `stop()`. It is drawn inside
 * `advance()`, so also when the thread never comes back to its event loop. The cursor stays visible and lines go on being
 * wrapped, so that there is nothing to put right when Ctrl-C ends the process.
 */
export function startProgress(settings: ProgressSettings = {}): Progress {
  const { total, label = '', stream = process.stderr } = settings;
  if (stream.isTTY !== true || process.env.TERM === 'dumb') return SILENT;
  return new TerminalProgress(
    stream as NodeJS.WriteStream,
    Number.isFinite(total) ? total : undefined,
    label,
  );
}

/** What is to be ended when the process exits: by one listener, since Node warns of the eleventh. */
const shown = new Set<Progress>();

function stopAll(): void {
  for (const each of [...shown]) each.stop();
}

class TerminalProgress implements Progress {
  readonly #bar: CliProgress.SingleBar;
  readonly #started = Date.now();
  #done = 0;
  #drawnAt = this.#started;
  #drawnDone = 0;
  /** How many a second, of late. */
  #rate = 0;
  #stopped = false;

  constructor(stream: NodeJS.WriteStream, total: number | undefined, label: string) {
    const cliProgress = requireOwn('cli-progress') as typeof CliProgress;
    const { BarFormat } = cliProgress.Format;
    this.#bar = new (barClass(cliProgress))({
      stream: withoutJumps(stream),
      fps: 2500 / INTERVAL, // so that it agrees with our interval: it waits for two of its own
      barsize: 24,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      linewrap: true,
      hideCursor: false,
      gracefulExit: false, // it would keep Ctrl-C from ending the process
      format: (options, params) => {
        const head = label === '' ? '' : `${label} `;
        const seconds = (Date.now() - this.#started) / 1000;
        // After the end, and before anything can be told, the rate is that of the whole.
        const rate = this.#stopped || this.#rate === 0 ? this.#done / seconds : this.#rate;
        const speed = this.#done === 0 || seconds <= 0 ? '' : ` · ${rateOf(rate)}`;
        if (total === undefined) return `${head}${this.#done}${speed} · ${timeOf(seconds)}`;
        const percent = `${Math.floor(params.progress * 100)}%`.padStart(4);
        const left = this.#stopped ? Number.NaN : (total - this.#done) / rate;
        const time = left >= 0 && Number.isFinite(left) ? `${timeOf(left)} left` : timeOf(seconds);
        return `${head}${BarFormat(params.progress, options)}${percent} · ${this.#done}/${total}${speed} · ${time}`;
      },
    });
    if (shown.size === 0) process.once('exit', stopAll);
    shown.add(this);
    this.#bar.start(total ?? 0, 0);
  }

  advance(n = 1): void {
    this.#done += n;
    const now = Date.now();
    const passed = now - this.#drawnAt;
    if (passed < INTERVAL || this.#stopped) return;
    const rate = ((this.#done - this.#drawnDone) * 1000) / passed;
    this.#rate = this.#rate === 0 ? rate : WEIGHT * rate + (1 - WEIGHT) * this.#rate;
    this.#drawnAt = now;
    this.#drawnDone = this.#done;
    this.#bar.update(this.#done);
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    shown.delete(this);
    if (shown.size === 0) process.removeListener('exit', stopAll);
    this.#bar.update(this.#done);
    this.#bar.stop();
  }
}

/**
 * The package notes where the cursor is at the start and goes back there at the end. What was printed in between would be
 * written over.
 */
function withoutJumps(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  const write = (text: string, ...rest: never[]): boolean =>
    text === SAVE_CURSOR || text === RESTORE_CURSOR ? true : stream.write(text, ...rest);
  return Object.create(stream, { write: { value: write } }) as NodeJS.WriteStream;
}

const SAVE_CURSOR = '\x1B7';
const RESTORE_CURSOR = '\x1B8';

/** The package's bar draws by a timer, too, which must not keep the process alive. */
function barClass(cliProgress: typeof CliProgress): typeof CliProgress.SingleBar {
  if (made !== undefined) return made;
  type Timed = { render(): void; timer: NodeJS.Timeout | null };
  const Base = cliProgress.SingleBar as unknown as new (...args: unknown[]) => Timed;
  class Bar extends Base {
    override render(): void {
      super.render();
      this.timer?.unref();
    }
  }
  made = Bar as unknown as typeof CliProgress.SingleBar;
  return made;
}

let made: typeof CliProgress.SingleBar | undefined;

/** `12.3/s`, or for what is slow `4.5 s each`. */
function rateOf(perSecond: number): string {
  if (perSecond > 0 && perSecond < 1) return `${(1 / perSecond).toFixed(1)} s each`;
  return `${perSecond < 100 ? perSecond.toFixed(1) : Math.round(perSecond)}/s`;
}

/** `0:07`, `1:02:03`. */
function timeOf(seconds: number): string {
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
