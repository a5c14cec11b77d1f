/**
 * One client: what it is told waits in a queue of its own, which a task of its own sends.
 *
 * So nobody waits for anybody: `tell()` never blocks. The queue is bounded; a client that lets it fill up is disconnected, and told why.
 * (Dropping lines instead would leave it with half a conversation.)
 */

import * as asyncio from 'tsyncio';

export interface MemberOptions {
  /** How many lines may wait for a client that reads slowly. */
  readonly backlog: number;
  /** How long what is unsent at the end may take. */
  readonly patience: asyncio.Duration;
}

export class Member {
  name = '';
  readonly #writer: asyncio.StreamWriter;
  readonly #options: MemberOptions;
  readonly #outbox: asyncio.Queue<string>;
  readonly #conversation = new asyncio.TaskGroup();
  #reason: string | null = null;

  constructor(writer: asyncio.StreamWriter, options: MemberOptions) {
    this.#writer = writer;
    this.#options = options;
    this.#outbox = new asyncio.Queue(options.backlog);
  }

  /** Why it was sent away, or `null`. */
  get reason(): string | null {
    return this.#reason;
  }

  tell(line: string): void {
    if (this.#reason !== null) return;
    if (this.#outbox.full()) this.dismiss('too slow a reader');
    else this.#outbox.putNowait(line);
  }

  /** Sends it away: cancels its conversation. */
  dismiss(reason: string): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.#conversation.cancel();
  }

  /** Runs its side of the conversation, and sends what it is told until that has ended, or it is dismissed. */
  async converse(body: () => Promise<void>): Promise<void> {
    await this.#conversation.run(async (group) => {
      const sending = group.createTask(() => this.#send());
      await body();
      this.#outbox.shutdown(); // what is in it is still sent
      await asyncio.wait([sending], { timeout: this.#options.patience });
      group.cancel();
    });
  }

  async #send(): Promise<void> {
    try {
      for (;;) {
        this.#write(await this.#outbox.get());
        while (!this.#outbox.empty()) this.#write(this.#outbox.getNowait());
        await this.#writer.drain(); // here, and only here, a slow reader is waited for
      }
    } catch (error) {
      if (error instanceof asyncio.ConnectionError) this.dismiss('the connection was lost');
      else if (!(error instanceof asyncio.QueueShutDown)) throw error;
    }
  }

  #write(line: string): void {
    this.#writer.write(Buffer.from(`${line}\r\n`));
  }

  /** Sends what is left and the last words, and closes the connection: in order if the client reads, else after a while. */
  async hangUp(): Promise<void> {
    const writer = this.#writer;
    while (!this.#outbox.empty()) this.#write(this.#outbox.getNowait());
    if (this.#reason !== null) this.#write(`*** goodbye: ${this.#reason}`);
    writer.close();
    try {
      await asyncio.timeout(this.#options.patience).run(() => writer.waitClosed());
    } catch (error) {
      writer.transport.abort();
      if (!(error instanceof asyncio.OSError || error instanceof asyncio.TimeoutError)) throw error;
    }
  }
}
