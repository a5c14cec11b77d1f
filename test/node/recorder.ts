/** Protocols that write down what their transports tell them, and let a test wait for it. */

import * as asyncio from 'tsyncio';

export class Recorder extends asyncio.Protocol {
  readonly events: string[] = [];
  transport: asyncio.BaseTransport | null = null;
  data = Buffer.alloc(0);
  error: Error | null = null;
  readonly #waiting: { condition: () => boolean; future: asyncio.Future<void> }[] = [];

  note(event: string): void {
    this.events.push(event);
    for (const { condition, future } of this.#waiting)
      if (!future.done() && condition()) future.setResult(undefined);
  }

  /** Waits until `condition` holds; it is asked after each event. */
  until(condition: () => boolean): asyncio.Future<void> {
    const future = new asyncio.Future<void>();
    if (condition()) future.setResult(undefined);
    else this.#waiting.push({ condition, future });
    return future;
  }

  /** Waits until an event was told. */
  told(event: string): asyncio.Future<void> {
    return this.until(() => this.events.includes(event));
  }

  override connectionMade(transport: asyncio.BaseTransport): void {
    this.transport = transport;
    this.note('made');
  }

  override dataReceived(data: Buffer): void {
    this.data = Buffer.concat([this.data, data]);
    this.note('data');
  }

  override eofReceived(): void {
    this.note('eof');
  }

  override pauseWriting(): void {
    this.note('pause');
  }

  override resumeWriting(): void {
    this.note('resume');
  }

  override connectionLost(error: Error | null): void {
    this.error = error;
    this.note('lost');
  }

  /** The events without repetitions of the one before. */
  get grammar(): string {
    return this.events.filter((event, i) => event !== this.events[i - 1]).join(' ');
  }
}

export class ProcessRecorder extends Recorder {
  readonly output: Record<number, string> = { 1: '', 2: '' };

  pipeDataReceived(fd: number, data: Buffer): void {
    this.output[fd] += data.toString();
    this.note(`data ${fd}`);
  }

  pipeConnectionLost(fd: number, error: Error | null): void {
    this.note(`pipe lost ${fd}${error === null ? '' : ` ${error.name}`}`);
  }

  processExited(): void {
    this.note('exited');
  }
}
